// node differential.mjs MODULE CASES: what the module answers to each case of a file, in their order.
// {"$odd": …} stands for what JSON has no word for.
import { readFileSync } from 'node:fs';

const [module, path] = process.argv.slice(2);
const { compile, conditionOf } = await import(module);
const ODD = { nan: NaN, inf: Infinity, '-inf': -Infinity, bytes: new Uint8Array(2) };
const revive = (_, value) => (value !== null && typeof value === 'object' && '$odd' in value ? ODD[value.$odd] : value);
const shown = ({ experiment, variant, reason, version }) => [experiment, variant, reason, variant && version];

function answer({ condition, snapshot: document, unit, attributes, now }) {
  if (condition !== undefined) return conditionOf(condition)(attributes, now);
  const snapshot = compile(document);
  const keys = [...document.experiments.map((item) => item.key), ...document.ended];
  const named = keys.map((key) => shown(snapshot.decide(key, unit, attributes, now)));
  return [named, snapshot.decideAll(unit, attributes, now).map(shown)];
}

console.log(JSON.stringify(JSON.parse(readFileSync(path, 'utf8'), revive).map(answer)));
