// node edges.mjs MODULE DECISIONS: what JSON cannot say, and documents that are refused.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [module, decisions] = process.argv.slice(2);
const { compile, md5, conditionOf, timeOf } = await import(module);
const { snapshot: document } = JSON.parse(readFileSync(decisions, 'utf8'));
const snapshot = compile(document);
const refusal = (changed) => {
  try {
    compile(changed);
    return null;
  } catch (error) {
    return error.message;
  }
};
const [even] = document.experiments.filter((item) => item.key === 'even');
const withEven = (change) => ({ ...document, experiments: [{ ...even, ...change }] });
const hex = (text) => md5(text).map((word) => word.toString(16).padStart(8, '0')).join('');
const texts = ['', 'a', 'é😀\u{10ffff}', ...[55, 56, 63, 64, 65, 119, 120, 5_000].map((length) => 'ü'.repeat(length))];
class Inherited {
  get country() {
    return 'US';
  }
}
const trap = { get country() { throw new Error('read'); } };
const country = { attribute: 'country', value: 'US' };
const trapped = compile(withEven({ audience: country })).decide('even', 'u', trap, 0);

console.log(JSON.stringify({
  digests: texts.filter((text) => hex(text) !== createHash('md5').update(text).digest('hex')),
  halves: ['\ud800', '\udfff'].map((unit) => snapshot.decide('even', unit, {}, 0).variant),
  refusals: {
    format: refusal({ ...document, format: 2 }),
    algorithm: refusal(withEven({ algorithm: 2 })),
    nothing: refusal(null),
    keyless: refusal({ ...document, experiments: [null] }),
    method: refusal(withEven({ randomization: { method: 'dice' } })),
    operator: refusal(withEven({ audience: { attribute: 'a', op: 'constructor', value: 1 } })),
    condition: refusal(withEven({ audience: { toString: [] } })),
    time: refusal(withEven({ audience: { attribute: 'a', op: 'before', value: '2026-02-30' } })),
    blocks: refusal(withEven({ randomization: { method: 'blocked', attribute: 'n', block_size: 3 } })),
    weights: refusal(withEven({ variants: [{ key: 'a', weight: 999_999 }] })),
  },
  emptyParts: refusal(withEven({ ramp: null, audience: null, layer: null, forced: null, allow: [], holdouts: null })),
  odd: [undefined, null, 5, 'x', [], new Map(), () => 1].map((given) => snapshot.decide('even', 'u', given, 0).reason),
  oddUnits: [undefined, null, 5, '', {}, ['u']].map((unit) => snapshot.decide('even', unit, {}, 0).reason),
  oddKeys: [undefined, null, 5, {}, '__proto__', Object.create(null)].map((key) => snapshot.decide(key, 'u', {}, 0).reason),
  inherited: conditionOf(country)(new Inherited(), 0),
  trapped: [trapped.variant, trapped.reason],
  numbers: [NaN, Infinity, 5n].map((value) => conditionOf({ attribute: 'a', op: 'gte', value: 5 })({ a: value }, 0)),
  dates: [snapshot.decide('even', 'u', {}, new Date(0)), snapshot.decide('even', 'u', {}, 0)].map((d) => d.variant),
  times: ['0001-01-01', '0099-12-31T23:59:59.9999Z', '9999-12-31', '1900-02-29', '2000-02-29T00:00+01:00'].map(timeOf),
}));
