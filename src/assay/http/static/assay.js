// Assay in JavaScript: who gets what, decided where the code runs, and a small client for pages and servers.
//
//   import { Assay } from 'https://assay.example/assay.js';
//   const assay = new Assay({ url: 'https://assay.example', unit: 'user-1', attributes: { country: 'US' } });
//   await assay.ready();
//   if (assay.variant('checkout') === 'green') { … }        // says that the unit met its variant, once
//   assay.track('buy', { metrics: { revenue: 12.5 } });
//
// One file, no dependency; browsers as a module, Node 18 and later. The rules are in spec/assignment/README.md.

const PARTS = 1_000_000;
const FORMAT = 1;
const ALGORITHM = 1;
const HOUR_MS = 3_600_000;
const MAX_SUBJECT = 1_000; // characters of a text that a pattern is looked for in
const MAX_ACTIONS = 10_000; // entries of a unit's history that are read

// ---------------------------------------------------------------------------------------------------------- digests

const SINES = Int32Array.of(
  0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
  0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
  0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
  0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
  0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
  0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
  0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
  0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
);
const TURNS = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
const [STEPS, STARTS] = [[1, 5, 3, 7], [0, 1, 5, 0]]; // which word of a block comes when
let bytes = new Uint8Array(1_024);
let view = new DataView(bytes.buffer);

/** UTF-8 into `bytes`, half of a surrogate pair as three bytes; how many there are. */
function encode(text) {
  if (text.length * 3 + 72 > bytes.length) {
    bytes = new Uint8Array(text.length * 6 + 72);
    view = new DataView(bytes.buffer);
  }
  let n = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i);
    if (point < 0x80) bytes[n++] = point;
    else if (point < 0x800) {
      bytes[n++] = 0xc0 | (point >> 6);
      bytes[n++] = 0x80 | (point & 63);
    } else {
      if (point < 0x10000) bytes[n++] = 0xe0 | (point >> 12);
      else {
        bytes[n++] = 0xf0 | (point >> 18);
        bytes[n++] = 0x80 | ((point >> 12) & 63);
        i++;
      }
      bytes[n++] = 0x80 | ((point >> 6) & 63);
      bytes[n++] = 0x80 | (point & 63);
    }
  }
  return n;
}

/** MD5 (RFC 1321) of a text as four unsigned numbers, big end first: they compare as the digest's bytes do. */
export function md5(text) {
  const n = encode(text);
  const end = (((n + 8) >> 6) + 1) << 6;
  bytes.fill(0, n, end);
  bytes[n] = 0x80;
  view.setUint32(end - 8, n << 3, true);
  view.setUint32(end - 4, Math.floor(n / 0x20000000), true);
  const state = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (let at = 0; at < end; at += 64) addBlock(state, at);
  return state.map((word) => ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0);
}

function addBlock(state, at) {
  let [a, b, c, d] = state;
  for (let i = 0; i < 64; i++) {
    const round = i >> 4;
    const mixed =
      round === 0 ? (b & c) | (~b & d) : round === 1 ? (d & b) | (~d & c) : round === 2 ? b ^ c ^ d : c ^ (b | ~d);
    const word = (STEPS[round] * i + STARTS[round]) & 15;
    const sum = (a + mixed + SINES[i] + view.getInt32(at + 4 * word, true)) | 0;
    const turn = TURNS[round][i & 3];
    a = d;
    d = c;
    c = b;
    b = (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0;
  }
  state[0] = (state[0] + a) | 0;
  state[1] = (state[1] + b) | 0;
  state[2] = (state[2] + c) | 0;
  state[3] = (state[3] + d) | 0;
}

/** floor(h × 1,000,000 ÷ 2^32): the product is below 2^53 and the division by a power of two, so nothing is lost. */
const bucketOf = (hash) => Math.floor((hash * PARTS) / 4_294_967_296);
const digest = (text, key, salt) => md5(`${text}:${key}:${salt}`);

// ------------------------------------------------------------------------------------- texts, numbers, odd objects

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
/** What an object has itself: `constructor` is in none. */
const own = (object, name) => (Object.hasOwn(object, name) ? object[name] : undefined);
const finite = (value) => (typeof value === 'number' && Number.isFinite(value) ? value : null);

/** What an action gives, or null when it throws. */
const attempt = (action) => {
  try {
    return action();
  } catch {
    return null;
  }
};

/** Halves go to the even number. */
function round(value) {
  const nearest = Math.round(value);
  return Math.abs(value % 1) === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

/** The order of code points, which is not that of the units texts are made of. */
function compareTexts(a, b) {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [x, y] = [a.codePointAt(i), b.codePointAt(i)];
    if (x !== y) return x - y;
    if (x > 0xffff) i++;
  }
  return a.length - b.length;
}

const splitsPair = (text, at) =>
  (text.charCodeAt(at) & 0xfc00) === 0xdc00 && (text.charCodeAt(at - 1) & 0xfc00) === 0xd800;
const startsWith = (text, part) => text.startsWith(part) && !splitsPair(text, part.length);
const endsWith = (text, part) => text.endsWith(part) && !splitsPair(text, text.length - part.length);

function holdsText(text, part) {
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    if (!splitsPair(text, at) && !splitsPair(text, at + part.length)) return true;
    if (at >= text.length) return false;
  }
  return false;
}

/** The first characters of a text: code points, not units. */
function firstCharacters(text, most) {
  if (text.length <= most) return text;
  let end = 0;
  for (let count = 0; count < most && end < text.length; count++) end += text.codePointAt(end) > 0xffff ? 2 : 1;
  return text.slice(0, end);
}

/** What is hashed of an attribute: text as it is, whole numbers in digits; null for anything else. */
function textOf(value) {
  if (typeof value === 'string') return value || null;
  return Number.isSafeInteger(value) ? String(value) : null;
}

// ------------------------------------------------------------------------------------------- times, zones, versions

const TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(?:Z|([+-])(\d\d):(\d\d))?)?$/;
const isLeap = (year) => year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
const DAYS_IN = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const daysIn = (year, month) => (month === 2 && !isLeap(year) ? 28 : DAYS_IN[month - 1]);

/** Milliseconds since 1970 UTC, or null when it is no such text. */
export function timeOf(text) {
  const found = typeof text === 'string' && text.length < 40 ? TIME.exec(text) : null;
  if (found === null) return null;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0));
  const [hours, minutes] = [Number(found[9] ?? 0), Number(found[10] ?? 0)];
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return null;
  if (hour > 23 || minute > 59 || second > 59 || hours > 23 || minutes > 59) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day); // Date.UTC takes years below 100 for those of the last century
  const shift = (hours * 60 + minutes) * (found[8] === '+' ? -60_000 : 60_000);
  const clock = ((hour * 60 + minute) * 60 + second) * 1_000 + Number((found[7] ?? '').padEnd(3, '0').slice(0, 3));
  return date.getTime() + clock + shift;
}

function timeIn(text, what) {
  const time = timeOf(text);
  if (time === null) throw new Error(`${what}: not a time: ${JSON.stringify(text)}`);
  return time;
}

const MAX_ZONES = 1_000;
const zones = new Map();
// What some engines know beside the IANA names: abbreviations of old, offsets, names long gone.
const SHORT_ZONES = 'cet eet est gmt hst met mst prc roc rok uct utc wet'.split(' ');
const NO_ZONE = /^[^a-z]|^systemv\/|^us\/pacific-new$|^canada\/east-saskatchewan$/;
const isZoneName = (lower) => !NO_ZONE.test(lower) && (lower.length !== 3 || SHORT_ZONES.includes(lower));

/** A formatter for a zone by its IANA name, in any case of letters; null when there is none. */
function zoneOf(name) {
  if (typeof name !== 'string' || name.length > 100) return null;
  const lower = name.toLowerCase();
  let zone = zones.get(lower);
  if (zone === undefined) {
    if (zones.size >= MAX_ZONES) zones.clear();
    zones.set(lower, (zone = isZoneName(lower) ? formatter(lower) : null));
  }
  return zone;
}

function formatter(timeZone) {
  const shown = { era: 'short', year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: 'numeric' };
  try {
    return new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', { ...shown, hourCycle: 'h23', timeZone });
  } catch {
    return null;
  }
}

/** What clocks and calendars show in a zone; null outside the years 1 to 9999. */
function wallTime(now, zone) {
  const part = {};
  for (const { type, value } of zone.formatToParts(now)) part[type] = value;
  const [year, month, day] = [Number(part.year), Number(part.month), Number(part.day)];
  if (part.era.startsWith('B') || year > 9_999) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const minute = (Number(part.hour) % 24) * 60 + Number(part.minute);
  return { minute, month, weekday: (date.getUTCDay() + 6) % 7, date: date.toISOString().slice(0, 10) };
}

const VERSION =
  /^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(?:-([0-9A-Za-z.-]+))?(?:\+[^\n]*)?$/;

/** What a version compares by: its four numbers, and the parts of its pre-release or null. Null: it is no version. */
function versionOf(text) {
  if (typeof text !== 'string' || firstCharacters(text, 100) !== text) return null;
  const found = VERSION.exec(text);
  if (found === null) return null;
  return { numbers: found.slice(1, 5).map((part) => Number(part ?? 0)), before: found[5]?.split('.') ?? null };
}

function compareVersions(a, b) {
  for (let i = 0; i < 4; i++) if (a.numbers[i] !== b.numbers[i]) return a.numbers[i] - b.numbers[i];
  if (a.before === null || b.before === null) return (a.before === null) - (b.before === null);
  for (let i = 0; i < a.before.length && i < b.before.length; i++) {
    const order = compareParts(a.before[i], b.before[i]);
    if (order !== 0) return order;
  }
  return a.before.length - b.before.length;
}

function compareParts(a, b) {
  const [isNumber, other] = [a, b].map((part) => /^\d{1,9}$/.test(part));
  if (isNumber !== other) return isNumber ? -1 : 1;
  return isNumber ? Number(a) - Number(b) : compareTexts(a, b);
}

/** A pattern of the document as an expression: by characters, and without escapes that `u` does not know. */
function expressionOf(pattern) {
  let [source, inClass] = ['', false];
  const characters = [...pattern];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i];
    if (character === '\\') source += escaped(characters[++i] ?? '', inClass);
    else if (character === '.' && !inClass) source += '[^\\n]';
    else source += character;
    if (character === '[') inClass = true;
    else if (character === ']') inClass = false;
  }
  return new RegExp(source, 'u');
}

function escaped(character, inClass) {
  if (character === 's') return inClass ? ' \\t\\n\\r\\f\\v' : '[ \\t\\n\\r\\f\\v]';
  return /[A-Za-z0-9^$\\.*+?()[\]{}|/]/.test(character) || (inClass && character === '-')
    ? `\\${character}`
    : character;
}

// ------------------------------------------------------------------------------------------------------ comparisons

const listed = (wanted, what) => {
  if (!Array.isArray(wanted)) throw new Error(`${what}: not a list: ${JSON.stringify(wanted)}`);
  return wanted;
};

/** Below 0, 0 or above it; NaN, which is in no order, for different families and what has no order. */
function compare(a, b) {
  if (typeof a !== typeof b) return NaN;
  if (typeof a === 'string') return compareTexts(a, b);
  return typeof a === 'number' ? a - b : NaN;
}

const contains = (wanted) => (value) => {
  if (typeof value === 'string') return typeof wanted === 'string' && holdsText(value, wanted);
  return Array.isArray(value) && value.includes(wanted);
};
const isHolder = (value) => typeof value === 'string' || Array.isArray(value);

function version(holds) {
  return (wanted, what) => {
    const bound = versionOf(wanted);
    if (bound === null) throw new Error(`${what}: not a version: ${JSON.stringify(wanted)}`);
    return (value) => {
      const found = versionOf(value);
      return found !== null && holds(compareVersions(found, bound));
    };
  };
}

function moment(holds) {
  return (wanted, what) => {
    const bound = timeIn(wanted, what);
    return (value) => {
      const time = timeOf(value);
      return time !== null && holds(time, bound);
    };
  };
}

function age(holds) {
  return (hours, what) => {
    if (finite(hours) === null) throw new Error(`${what}: not a number of hours: ${JSON.stringify(hours)}`);
    const bound = round(hours * HOUR_MS);
    return (value, now) => {
      const time = timeOf(value);
      return time !== null && holds(now - time, bound);
    };
  };
}

/** From the value that is wanted to a test of the one that is there. */
const OPERATORS = {
  eq: (wanted) => (value) => value === wanted,
  ne: (wanted) => (value) => value !== wanted,
  in: (wanted, what) => {
    const known = new Set(listed(wanted, what));
    return (value) => known.has(value);
  },
  not_in: (wanted, what) => {
    const known = new Set(listed(wanted, what));
    return (value) => !known.has(value);
  },
  gt: (wanted) => (value) => compare(value, wanted) > 0,
  gte: (wanted) => (value) => compare(value, wanted) >= 0,
  lt: (wanted) => (value) => compare(value, wanted) < 0,
  lte: (wanted) => (value) => compare(value, wanted) <= 0,
  between: (wanted, what) => {
    const [low, high] = listed(wanted, what);
    return (value) => compare(value, low) >= 0 && compare(value, high) <= 0;
  },
  contains,
  not_contains: (wanted) => {
    const test = contains(wanted);
    return (value) => isHolder(value) && !test(value);
  },
  contains_any: (wanted, what) => {
    const tests = listed(wanted, what).map(contains);
    return (value) => tests.some((test) => test(value));
  },
  contains_all: (wanted, what) => {
    const tests = listed(wanted, what).map(contains);
    return (value) => tests.every((test) => test(value));
  },
  starts_with: (wanted) => (value) => typeof value === 'string' && startsWith(value, wanted),
  ends_with: (wanted) => (value) => typeof value === 'string' && endsWith(value, wanted),
  matches: (wanted) => {
    const expression = expressionOf(wanted);
    return (value) => typeof value === 'string' && expression.test(firstCharacters(value, MAX_SUBJECT));
  },
  version_eq: version((order) => order === 0),
  version_gt: version((order) => order > 0),
  version_gte: version((order) => order >= 0),
  version_lt: version((order) => order < 0),
  version_lte: version((order) => order <= 0),
  before: moment((time, bound) => time < bound),
  after: moment((time, bound) => time >= bound),
  within_last: age((ago, bound) => ago >= 0 && ago <= bound),
  longer_ago: age((ago, bound) => ago > bound),
};

function comparison({ attribute, op, value: wanted }) {
  const operator = op ?? 'eq';
  if (operator === 'exists') return (attributes) => (own(attributes, attribute) ?? null) !== null;
  if (operator === 'not_exists') return (attributes) => (own(attributes, attribute) ?? null) === null;
  if (!Object.hasOwn(OPERATORS, operator)) throw new Error(`unknown operator ${JSON.stringify(operator)}`);
  const test = OPERATORS[operator](wanted, `${attribute} ${operator}`);
  return (attributes, now) => {
    const value = own(attributes, attribute) ?? null;
    return value !== null && test(value, now);
  };
}

// ------------------------------------------------------------------------------------------------------- conditions

/** Every kind of condition as a test of attributes and the time, in milliseconds. */
const KINDS = {
  and: (parts) => {
    const tests = parts.map(conditionOf);
    return (attributes, now) => tests.every((test) => test(attributes, now));
  },
  or: (parts) => {
    const tests = parts.map(conditionOf);
    return (attributes, now) => tests.some((test) => test(attributes, now));
  },
  not: (part) => {
    const test = conditionOf(part);
    return (attributes, now) => !test(attributes, now);
  },
  // Whole millionths, so that the sum does not depend on the order.
  score: ({ at_least: least, of }) => {
    const needed = round(least * PARTS);
    const lines = of.map((line) => [round(line.weight * PARTS), conditionOf(line.if)]);
    return (attributes, now) =>
      lines.reduce((sum, [weight, test]) => sum + (test(attributes, now) ? weight : 0), 0) >= needed;
  },
  temporal,
  coordinates: (box) => (attributes) => inBox(box, attributes),
  screen: (bounds) => (attributes) => onScreen(bounds, attributes),
  action: (wanted) => (attributes, now) => acted(wanted, attributes, now),
};

/** A condition of the document as a test; throws on what this evaluator does not know. */
export function conditionOf(document) {
  if (Array.isArray(document)) return KINDS.and(document);
  if (!isObject(document)) throw new Error(`not a condition: ${JSON.stringify(document)}`);
  const names = Object.keys(document);
  if (names.length === 0) return () => true;
  if (Object.hasOwn(document, 'attribute')) return comparison(document);
  if (Object.hasOwn(document, 'segment')) {
    return isObject(document.condition) ? conditionOf(document.condition) : () => false;
  }
  if (names.length !== 1 || !Object.hasOwn(KINDS, names[0])) {
    throw new Error(`unknown condition ${JSON.stringify(names)}`);
  }
  return KINDS[names[0]](document[names[0]]);
}

const DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];
const MONTHS = [
  'january', 'february', 'march', 'april', 'may', 'june',
  'july', 'august', 'september', 'october', 'november', 'december',
];
const SEASONS = ['spring', 'summer', 'autumn', 'winter'];
const minuteOf = (clock) => Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3, 5));

function temporal(condition) {
  const ranges = (condition.date_ranges ?? []).map(({ start, end }) => [
    start == null ? -Infinity : timeIn(start, 'date_ranges.start'),
    end == null ? Infinity : timeIn(end, 'date_ranges.end'),
  ]);
  const tests = wallTests(condition);
  const ofUnit = condition.timezone === 'unit';
  const fixed = ofUnit ? null : zoneOf(condition.timezone ?? 'UTC');
  return (attributes, now) => {
    if (ranges.length > 0 && !ranges.some(([start, end]) => start <= now && now < end)) return false;
    if (tests.length === 0 && !ofUnit) return true;
    const zone = ofUnit ? zoneOf(own(attributes, 'timezone')) : fixed;
    const wall = zone === null ? null : wallTime(now, zone);
    return wall !== null && tests.every((test) => test(wall));
  };
}

function wallTests({ time_ranges, days_of_week, months, seasons, hemisphere, holidays }) {
  const tests = [];
  const within = (values, read) => {
    const known = new Set(values);
    tests.push((wall) => known.has(read(wall)));
  };
  if (time_ranges?.length) {
    const hours = time_ranges.map(({ start, end }) => [minuteOf(start), minuteOf(end)]);
    tests.push(({ minute }) =>
      hours.some(([start, end]) => (start < end ? start <= minute && minute < end : minute >= start || minute < end)),
    );
  }
  if (days_of_week?.length) within(days_of_week, (wall) => DAYS[wall.weekday]);
  if (months?.length) within(months, (wall) => MONTHS[wall.month - 1]);
  const half = hemisphere === 'south' ? 6 : 0;
  if (seasons?.length) within(seasons, (wall) => SEASONS[Math.floor(((wall.month + 9 + half) % 12) / 3)]);
  if (holidays?.length) within(holidays.flatMap((part) => part.dates ?? []), (wall) => wall.date);
  return tests;
}

function inBox({ north, south, east, west }, attributes) {
  const [latitude, longitude] = ['latitude', 'longitude'].map((name) => finite(own(attributes, name)));
  if (latitude === null || longitude === null || Math.abs(longitude) > 180) return false;
  const between = (degrees) =>
    west <= east ? west <= degrees && degrees <= east : degrees >= west || degrees <= east;
  const meets = between(longitude) || (Math.abs(longitude) === 180 && between(-longitude));
  return south <= latitude && latitude <= north && meets;
}

const inBounds = (value, least, most) => value >= (least ?? -Infinity) && value <= (most ?? Infinity);

function onScreen(bounds, attributes) {
  const [width, height] = ['screen_width', 'screen_height'].map((name) => finite(own(attributes, name)));
  if (width === null || height === null) return false;
  if (bounds.orientation != null && height > width !== (bounds.orientation === 'portrait')) return false;
  return (
    inBounds(width, bounds.min_width, bounds.max_width) && inBounds(height, bounds.min_height, bounds.max_height)
  );
}

function acted(wanted, attributes, now) {
  const history = own(attributes, 'actions');
  if (!Array.isArray(history)) return false;
  let done = [];
  for (const entry of history.slice(0, MAX_ACTIONS)) {
    if (!isObject(entry) || own(entry, 'type') !== wanted.type) continue;
    const at = timeOf(own(entry, 'at'));
    if (at !== null && at <= now) done.push({ ago: now - at, value: finite(own(entry, 'value')) ?? 0 });
  }
  const ms = (hours) => (hours == null ? null : round(hours * HOUR_MS));
  const [soonest, latest, reach] = [wanted.min_hours_ago, wanted.max_hours_ago, wanted.within_hours].map(ms);
  if (soonest !== null || latest !== null) {
    const last = done.reduce((least, { ago }) => Math.min(least, ago), Infinity);
    if (done.length === 0 || !inBounds(last, soonest, latest)) return false;
  }
  if (reach !== null) done = done.filter(({ ago }) => ago <= reach);
  const asksMore = [wanted.max_count, wanted.min_value, wanted.max_value].some((part) => part != null);
  if (!inBounds(done.length, wanted.min_count ?? (asksMore ? 0 : 1), wanted.max_count)) return false;
  return inBounds(done.reduce((sum, { value }) => sum + value, 0), wanted.min_value, wanted.max_value);
}

// ------------------------------------------------------------------------------------------------------ experiments

/** The index of the variant whose part of the weights a bucket is in. */
function pick(weights, bucket) {
  let sum = 0;
  return weights.findIndex((weight) => (sum += weight) > bucket);
}

function checkedWeights(weights) {
  const sum = weights.reduce((total, weight) => total + weight, 0);
  if (sum !== PARTS) throw new Error(`weights sum to ${sum}, not ${PARTS}`);
  return weights;
}

/** What is drawn for a unit, before the key and the salt; null when an attribute is missing. */
function drawnText(randomization) {
  const { method, attribute } = randomization;
  if (method === 'cluster') return ({ attributes }) => textOf(own(attributes, attribute));
  if (method !== 'switchback') return ({ unit }) => unit;
  const period = round((randomization.period_minutes ?? 1) * 60_000);
  const anchor = randomization.anchor == null ? 0 : timeIn(randomization.anchor, 'anchor');
  return ({ attributes, now }) => {
    const window = String(Math.floor((now - anchor) / period));
    if (attribute == null) return window;
    const text = textOf(own(attributes, attribute));
    return text === null ? null : `${window}|${text}`;
  };
}

/** The name of a unit's block and its place there; null when an attribute is missing. */
function placeOf({ attribute, strata_by, block_size: size }, attributes) {
  const position = own(attributes, attribute);
  const strata = (strata_by ?? []).map((name) => textOf(own(attributes, name)));
  if (!Number.isSafeInteger(position) || position < 0 || strata.includes(null)) return null;
  return { block: [...strata, Math.floor(position / size)].join('|'), number: position % size };
}

/** The variant at a place of a block: its variants are in the order of the digests of their numbers. */
function variantAt({ block, number }, composition, { key, salt }) {
  const hashes = composition.map((_, i) => digest(`${block}|${i}`, key, salt));
  const order = [...composition.keys()].sort((a, b) => {
    const differs = hashes[a].findIndex((word, i) => word !== hashes[b][i]);
    return differs < 0 ? 0 : hashes[a][differs] - hashes[b][differs];
  });
  return composition[order[number]];
}

const METHODS = new Set(['uniform', 'weighted', 'stratified', 'blocked', 'cluster', 'switchback', 'custom']);

/** The last question: is the unit in the traffic, and which variant is its own? */
function drawing(item, variants, answers) {
  const randomization = item.randomization ?? { method: 'uniform' };
  const { method } = randomization;
  if (!METHODS.has(method)) throw new Error(`unknown randomization ${JSON.stringify(method)}`);
  const weights = checkedWeights(variants.map((variant) => variant.weight));
  const strata = new Map();
  for (const { values, weights: named } of (method === 'stratified' && randomization.strata) || []) {
    const inStratum = checkedWeights(variants.map((variant) => own(named, variant.key) ?? 0));
    for (const value of values) strata.set(value, inStratum);
  }
  const size = randomization.block_size ?? 2;
  const composition = variants.flatMap(({ weight }, i) => Array(round((weight * size) / PARTS)).fill(i));
  if (method === 'blocked' && composition.length !== size) throw new Error(`weights do not divide a block of ${size}`);
  const steps = (item.ramp ?? []).filter(({ at }) => at != null);
  const ramp = steps.map(({ at, traffic }) => ({ at: timeIn(at, 'ramp'), traffic }));
  const text = drawnText(randomization);
  return (asked) => {
    const drawn = text(asked);
    const place = method === 'blocked' ? placeOf({ ...randomization, block_size: size }, asked.attributes) : null;
    if (drawn === null || (method === 'blocked' && place === null)) return answers.nobody('no_randomization_unit');
    const [first, second] = digest(drawn, item.key, item.salt);
    const traffic = ramp.reduce((share, step) => (step.at <= asked.now ? step.traffic : share), item.traffic);
    if (bucketOf(second) >= traffic) return answers.nobody('not_in_traffic');
    if (method === 'custom') return answers.nobody('not_supported');
    if (place !== null) return answers.variant(variantAt(place, composition, item), 'assigned');
    const stratum = strata.get(textOf(own(asked.attributes, randomization.attribute ?? '')));
    return answers.variant(pick(stratum ?? weights, bucketOf(first)), 'assigned');
  };
}

/** Everything before the draw, in the order of the questions: each answers with a decision, or null to go on. */
function gates(item, variants, answers, parentOf) {
  const steps = [];
  const indexOf = (key) => variants.findIndex((variant) => variant.key === key);
  const forced = new Map(Object.entries(item.forced ?? {}).map(([unit, key]) => [unit, indexOf(key)]));
  const [allow, deny] = [new Set(item.allow ?? []), new Set(item.deny ?? [])];
  if ([...forced.values()].includes(-1)) throw new Error('a unit is forced into a variant that is not there');
  if (forced.size + allow.size + deny.size > 0) {
    steps.push(({ unit }) => {
      if (forced.has(unit)) return answers.variant(forced.get(unit), 'forced');
      if (deny.has(unit)) return answers.nobody('denied');
      return allow.size > 0 && !allow.has(unit) ? answers.nobody('not_allowed') : null;
    });
  }
  for (const { holdout, salt, share } of item.holdouts ?? []) {
    steps.push(({ unit }) => (bucketOf(digest(unit, holdout, salt)[0]) < share ? answers.nobody('in_holdout') : null));
  }
  if (item.layer != null) {
    const { layer, salt, slots } = item.layer;
    steps.push(({ unit }) => {
      const bucket = bucketOf(digest(unit, layer, salt)[0]);
      return slots.some(({ start, end }) => start <= bucket && bucket < end) ? null : answers.nobody('not_in_layer');
    });
  }
  for (const { experiment, variants: asked } of item.prerequisites ?? []) {
    steps.push((question) => {
      const variant = parentOf(experiment)?.decide(question).variant ?? null;
      const isMet = variant !== null && (!asked?.length || asked.includes(variant));
      return isMet ? null : answers.nobody('prerequisite_not_met');
    });
  }
  if (item.audience != null) {
    const matches = conditionOf(item.audience);
    steps.push(({ attributes, now }) => (matches(attributes, now) ? null : answers.nobody('not_in_audience')));
  }
  return steps;
}

/** The decisions an experiment can come to. */
function answersOf(item, variants) {
  const shared = { version: item.version, startedAt: item.started_at ?? null, plannedEnd: item.planned_end ?? null };
  const { key: experiment } = item;
  return {
    nobody: (reason) => ({ experiment, variant: null, variantName: null, config: null, reason, ...shared }),
    variant: (index, reason) => {
      const { key, name, config } = variants[index];
      return { experiment, variant: key, variantName: name || key, config: config ?? null, reason, ...shared };
    },
  };
}

const nothing = (experiment, reason) => ({
  ...{ experiment: attempt(() => String(experiment)), variant: null, variantName: null, config: null, reason },
  ...{ version: 0, startedAt: null, plannedEnd: null },
});

/** An experiment ready to decide. parentOf: the experiment a prerequisite names; in a circle it finds none. */
function compileExperiment(item, parentOf) {
  if (item.algorithm !== ALGORITHM) {
    throw new Error(`${item.key}: algorithm ${JSON.stringify(item.algorithm)}; this evaluator knows ${ALGORITHM} only`);
  }
  try {
    const variants = item.variants ?? [];
    const answers = answersOf(item, variants);
    const running = item.running === true && variants.some((variant) => variant.weight > 0);
    if (!running) return { running, decide: () => answers.nobody('not_running') };
    const steps = [...gates(item, variants, answers, parentOf), drawing(item, variants, answers)];
    const decide = (question) => {
      for (const step of steps) {
        const decision = step(question);
        if (decision !== null) return decision;
      }
    };
    return { running, decide };
  } catch (error) {
    throw new Error(`${item.key}: ${error.message}`);
  }
}

/** The keys of experiments whose prerequisites lead to no circle: found from those that have no parents left. */
function outsideCircles(items) {
  const known = new Set(items.map((item) => item.key));
  const free = new Set();
  for (let before = -1; before < free.size; ) {
    before = free.size;
    for (const { key, prerequisites } of items) {
      const parents = (prerequisites ?? []).map((need) => need.experiment);
      if (parents.every((parent) => !known.has(parent) || free.has(parent))) free.add(key);
    }
  }
  return free;
}

/** All definitions at one version, ready to decide. Nothing in it raises but making it. */
export class Snapshot {
  #experiments = new Map();
  #running;

  constructor(document) {
    if (!isObject(document) || !Array.isArray(document.experiments)) throw new Error('not the document of a snapshot');
    if (document.format !== FORMAT) {
      throw new Error(`format ${JSON.stringify(document.format)}; this evaluator knows ${FORMAT} only`);
    }
    if (!document.experiments.every((item) => isObject(item) && typeof item.key === 'string')) {
      throw new Error('an experiment without a key');
    }
    const free = outsideCircles(document.experiments);
    for (const item of document.experiments) {
      const parentOf = (key) => (free.has(item.key) ? this.#experiments.get(key) : undefined);
      this.#experiments.set(item.key, compileExperiment(item, parentOf));
    }
    for (const key of document.ended ?? []) {
      this.#experiments.set(key, { running: false, decide: () => nothing(key, 'not_running') });
    }
    this.version = document.version;
    this.#running = [...this.#experiments.keys()].filter((key) => this.#experiments.get(key).running).sort();
    Object.freeze(this);
  }

  /** What a unit gets in one experiment, and why. now: milliseconds since 1970, or a Date. */
  decide(experiment, unit, attributes = {}, now = Date.now()) {
    const known = this.#experiments.get(experiment);
    if (known === undefined) return nothing(experiment, 'unknown_experiment');
    if (typeof unit !== 'string' || unit === '') return nothing(experiment, 'invalid_unit');
    try {
      return known.decide({ unit, attributes: isObject(attributes) ? attributes : {}, now: Math.floor(now) });
    } catch {
      return nothing(experiment, 'error'); // attributes that throw when they are read
    }
  }

  /** The decisions of the running experiments in which the unit has a variant, by key. */
  decideAll(unit, attributes = {}, now = Date.now()) {
    const decisions = this.#running.map((key) => this.decide(key, unit, attributes, now));
    return decisions.filter((decision) => decision.variant !== null);
  }
}

/** A snapshot from its document; throws an Error that says what this evaluator does not know. */
export const compile = (document) => new Snapshot(document);

// ------------------------------------------------------------------------------------------------------- the client

const MAX_BATCH = 100; // events the server takes in one request
const MAX_BEACON_BYTES = 60_000; // browsers send 64 KiB for a page that is gone
const MAX_BUFFERED = 5_000;
const MAX_MET = 10_000; // exposures that are remembered so as not to be sent again
const MAX_PROPERTIES = 30_000; // characters of attributes that are sent with an exposure
const TIMEOUT_MS = 10_000;
const RETRY_MS = [1_000, 300_000]; // the first wait after a failure, and the longest
const MAX_SKEW_MS = 30_000; // by which the clock may be wrong before the server's is taken
const REFUSED = new Set([400, 413, 422]); // the same batch would be refused again

function randomId() {
  const values = new Uint8Array(16);
  if (globalThis.crypto?.getRandomValues) globalThis.crypto.getRandomValues(values);
  else values.forEach((_, i) => (values[i] = Math.random() * 256));
  return [...values].map((value) => value.toString(16).padStart(2, '0')).join('');
}

/** Milliseconds to wait: what Retry-After says, in seconds or as a date, else ever longer, and not all at once. */
function waitAfter(response, failures) {
  const said = response?.headers.get('Retry-After') ?? '';
  const asked = /^\d+$/.test(said) ? Number(said) * 1_000 : Date.parse(said) - Date.now();
  if (asked >= 0) return asked;
  return Math.min(RETRY_MS[0] * 2 ** (failures - 1), RETRY_MS[1]) * (0.5 + Math.random() / 2);
}

/**
 * Decides for one unit by a snapshot that it keeps fresh, and sends what the unit met and did. Its methods do not
 * throw and its promises do not fail: problems go to `onError(message, detail)`.
 *
 * url: of the server, '' for the page's own. unit: a random one, kept in the storage, when left out. storage: what has
 * getItem and setItem, null for none, localStorage when left out. refreshSeconds: how old the snapshot may become, 0:
 * as old as the page. flushSeconds: how long an event waits for others. With a storage the last snapshot and the events
 * that could not be sent survive the page and a dead server.
 */
export class Assay {
  #url;
  #fetch;
  #storage;
  #onError;
  #refreshMs;
  #flushMs;
  #snapshot = null;
  #tag = null;
  #freshAt = -Infinity;
  #skew = 0;
  #isDown = false;
  #buffer = []; // events as {text, isFinal}: their JSON, and whether a refusal is the end of it
  #met = new Set();
  #failures = 0;
  #rest = { snapshot: 0, events: 0 }; // until when the server wants to be left alone
  #loading = null;
  #sending = null;
  #refreshTimer = null;
  #flushTimer = null;
  #first;

  constructor({ url, unit, attributes, storage, fetch, refreshSeconds = 60, flushSeconds = 2, onError } = {}) {
    this.#url = String(url ?? '').replace(/\/+$/, '');
    this.#fetch = fetch ?? ((...request) => globalThis.fetch(...request));
    this.#storage = storage === undefined ? attempt(() => globalThis.window.localStorage) : storage;
    this.#onError = onError;
    this.#refreshMs = refreshSeconds * 1_000;
    this.#flushMs = flushSeconds * 1_000;
    this.attributes = attributes ?? {};
    this.unit = unit ?? this.#load('unit') ?? randomId();
    if (unit == null) this.#save('unit', this.unit);
    const kept = this.#load('snapshot');
    if (kept !== null) this.#take(kept.document, kept.tag);
    this.#buffer = this.#unsent().map((text) => ({ text, isFinal: true }));
    this.#first = this.refresh();
    this.#start();
  }

  /** Waits for the first answer of the server, but not for long; true when there is a snapshot to decide by. */
  async ready(seconds = 3) {
    let timer;
    await Promise.race([this.#first, new Promise((resolve) => (timer = setTimeout(resolve, seconds * 1_000)))]);
    clearTimeout(timer);
    return this.#snapshot !== null;
  }

  /** The unit's variant, or null. The unit meets it now: its exposure is counted. */
  variant(experiment) {
    return this.decide(experiment, { exposure: true }).variant;
  }

  /** The config of the unit's variant, or `fallback`. The unit meets it now: its exposure is counted. */
  config(experiment, fallback = null) {
    return this.decide(experiment, { exposure: true }).config ?? fallback;
  }

  /** The whole decision with its reason; an exposure is counted on request only. Without a snapshot: `not_ready`. */
  decide(experiment, { exposure = false } = {}) {
    if (this.#snapshot === null) return nothing(experiment, 'not_ready');
    const decision = this.#snapshot.decide(experiment, this.unit, this.attributes, this.#now());
    if (exposure && decision.reason === 'assigned') this.#expose(decision);
    return decision;
  }

  /** The decisions of all experiments in which the unit has a variant now; no exposure is counted. */
  decideAll() {
    return this.#snapshot?.decideAll(this.unit, this.attributes, this.#now()) ?? [];
  }

  /**
   * Something that the unit did. metrics: numbers by name. eventId: what tells a repeat, such as the number of an
   * order. experiments: keys of those that the event belongs to alone.
   */
  track(eventType, { metrics, value, properties, experiments, eventId, timestamp } = {}) {
    const named = experiments?.map((key) => ({ experiment_id: key }));
    this.#add({ event_type: eventType, event_id: eventId, timestamp, metrics, value, properties, experiments: named });
  }

  /** Another unit from now on, such as the account after a login. */
  setUnit(unit, attributes = this.attributes) {
    this.unit = unit;
    this.attributes = attributes;
  }

  /** Asks for the definitions now; true when they are as the server has them. */
  refresh() {
    this.#loading ??= this.#safely(this.#refresh()).finally(() => (this.#loading = null));
    return this.#loading;
  }

  /** Sends what is buffered; true when nothing is left. */
  flush() {
    this.#sending ??= this.#safely(this.#flush()).finally(() => (this.#sending = null));
    return this.#sending;
  }

  /** Ends timers and listeners and sends what is buffered; what cannot be sent is left in the storage. */
  async close() {
    clearInterval(this.#refreshTimer);
    globalThis.removeEventListener?.('pagehide', this.#leave);
    globalThis.document?.removeEventListener('visibilitychange', this.#look);
    await this.#sending;
    const isEmpty = await this.flush();
    clearTimeout(this.#flushTimer);
    return isEmpty;
  }

  #start() {
    globalThis.addEventListener?.('pagehide', this.#leave);
    globalThis.document?.addEventListener('visibilitychange', this.#look);
    if (this.#refreshMs > 0) {
      this.#refreshTimer = setInterval(this.#tick, this.#refreshMs);
      this.#refreshTimer.unref?.(); // in Node: it is no reason to stay
    }
    if (this.#buffer.length > 0) this.#flushLater(this.#flushMs);
  }

  #tick = () => {
    if (globalThis.document?.visibilityState !== 'hidden') this.refresh();
  };

  /** A page that comes to the front catches up; one that goes to the back may never come again. */
  #look = () => {
    if (globalThis.document.visibilityState === 'hidden') this.#leave();
    else if (this.#refreshMs > 0 && Date.now() - this.#freshAt >= this.#refreshMs) this.refresh();
  };

  /** The time, by the server's clock when it tells a very different one: ramps and switchbacks go by it. */
  #now() {
    return Date.now() + this.#skew;
  }

  /** One request; null when there is no answer. */
  async #ask(path, options) {
    let response = null;
    try {
      const signal = AbortSignal.timeout?.(TIMEOUT_MS);
      response = await this.#fetch(this.#url + path, { signal, ...options });
      const skew = Date.parse(response.headers.get('Date')) - Date.now();
      if (Number.isFinite(skew)) this.#skew = Math.abs(skew) > MAX_SKEW_MS ? skew : 0;
    } catch (error) {
      this.#report('the server does not answer', error);
    }
    this.#isDown = response === null || response.status >= 500;
    return response;
  }

  async #refresh() {
    if (Date.now() < this.#rest.snapshot) return false;
    const headers = this.#tag === null ? {} : { 'If-None-Match': this.#tag };
    const response = await this.#ask('/api/v1/snapshot', { headers, cache: 'no-store' });
    const isFresh = response?.status === 304 || (response?.status === 200 && (await this.#receive(response)));
    if (isFresh) this.#freshAt = Date.now();
    else if (response !== null && response.status !== 200) {
      this.#report('the server gives no snapshot', response.status);
      if (response.headers.has('Retry-After')) this.#rest.snapshot = Date.now() + waitAfter(response, 1);
    }
    return isFresh;
  }

  async #receive(response) {
    const document = await response.json().catch(() => null);
    const tag = response.headers.get('ETag');
    if (!this.#take(document, tag)) return false;
    this.#save('snapshot', { document, tag });
    return true;
  }

  /** Decides by another snapshot from now on; one that cannot be read changes nothing. */
  #take(document, tag) {
    try {
      this.#snapshot = compile(document);
      this.#tag = tag ?? null;
      return true;
    } catch (error) {
      this.#report('a snapshot cannot be read', error);
      return false;
    }
  }

  #expose({ experiment, variant, version, startedAt }) {
    const met = JSON.stringify([this.unit, experiment, version, variant]);
    if (this.#met.has(met)) return;
    if (this.#met.size >= MAX_MET) this.#met.clear(); // the server counts a repeat once, too
    this.#met.add(met);
    const known = attempt(() => JSON.stringify(this.attributes)) ?? '';
    this.#add({
      event_type: 'exposure',
      // The same on every page and in every tab: the server counts it once.
      event_id: ['exposure', experiment, version, variant, startedAt].join(':'),
      experiments: [{ experiment_id: experiment, variant_id: variant, version }],
      properties: known.startsWith('{') && known.length <= MAX_PROPERTIES ? JSON.parse(known) : undefined,
    });
  }

  #add({ event_id, timestamp, ...event }) {
    const at = attempt(() => new Date(timestamp ?? this.#now()).toISOString()) ?? timestamp;
    const full = { user_id: this.unit, event_id: event_id ?? randomId(), timestamp: at, ...event };
    const text = attempt(() => JSON.stringify(full));
    if (text === null) return this.#report('an event cannot be written as JSON', event.event_type);
    this.#push({ text, isFinal: false });
  }

  #push(event) {
    this.#buffer.push(event);
    if (this.#buffer.length > MAX_BUFFERED) this.#report('too many events: the oldest is lost', this.#buffer.shift());
    this.#flushLater(this.#buffer.length < MAX_BATCH ? this.#flushMs : 0);
  }

  #flushLater(ms) {
    if (this.#flushTimer !== null && ms > 0) return;
    clearTimeout(this.#flushTimer);
    this.#flushTimer = setTimeout(this.#due, Math.max(ms, this.#rest.events - Date.now()));
    if (this.#failures > 0) this.#flushTimer.unref?.();
  }

  #due = () => {
    this.#flushTimer = null;
    this.flush();
  };

  async #flush() {
    while (this.#buffer.length > 0) {
      const batch = this.#buffer.slice(0, MAX_BATCH);
      const isResting = Date.now() < this.#rest.events;
      const response = isResting ? null : await this.#post(batch);
      if (response === null || !(response.ok || REFUSED.has(response.status))) {
        if (!isResting) this.#rest.events = Date.now() + waitAfter(response, ++this.#failures);
        this.#keep();
        this.#flushLater(1);
        return false;
      }
      this.#failures = 0;
      await this.#settle(batch, response);
    }
    return true;
  }

  #post(events) {
    const headers = { 'Content-Type': 'application/json' };
    return this.#ask('/api/v1/events', { method: 'POST', headers, body: bodyOf(events) });
  }

  /** What was taken or refused leaves the buffer; what only a wrong clock spoils is sent once more without its time. */
  async #settle(batch, response) {
    const { refused = [], ...answer } = (await response.json().catch(() => null)) ?? {};
    this.#drop(batch);
    if (!response.ok && refused.length === 0) this.#report('a batch of events was refused', answer);
    for (const refusal of refused) {
      const { text, isFinal } = batch[refusal.index] ?? { isFinal: true };
      if (refusal.code !== 'clock' || isFinal) this.#report('an event was refused', refusal);
      else this.#push({ text: JSON.stringify({ ...JSON.parse(text), timestamp: undefined }), isFinal: true });
    }
  }

  /** For a page that may be gone in a moment: browsers send a beacon without it. */
  #leave = () => {
    const batch = [];
    let size = 0;
    for (const event of this.#buffer.slice(0, MAX_BATCH)) {
      size += encode(event.text) + 1;
      if (size <= MAX_BEACON_BYTES) batch.push(event);
    }
    const isOffline = this.#isDown || globalThis.navigator?.onLine === false;
    const send = () => globalThis.navigator.sendBeacon(`${this.#url}/api/v1/events`, bodyOf(batch));
    if (batch.length > 0 && !isOffline && attempt(send)) this.#drop(batch);
    this.#keep();
  };

  #drop(events) {
    const gone = new Set(events);
    this.#buffer = this.#buffer.filter((event) => !gone.has(event));
    const texts = new Set(events.map((event) => event.text));
    const unsent = this.#unsent();
    if (unsent.some((text) => texts.has(text))) this.#save('events', unsent.filter((text) => !texts.has(text)));
  }

  /** Other pages of the site keep theirs there, too. */
  #keep() {
    if (this.#buffer.length === 0) return;
    const all = new Set([...this.#unsent(), ...this.#buffer.map((event) => event.text)]);
    this.#save('events', [...all].slice(-MAX_BUFFERED));
  }

  #unsent() {
    const texts = this.#load('events');
    return Array.isArray(texts) ? texts.filter((text) => typeof text === 'string') : [];
  }

  #load(name) {
    return attempt(() => JSON.parse(this.#storage.getItem(`assay:${this.#url}:${name}`)));
  }

  #save(name, value) {
    attempt(() => this.#storage.setItem(`assay:${this.#url}:${name}`, JSON.stringify(value)));
  }

  #safely(promise) {
    return promise.catch((error) => {
      this.#report('something unforeseen', error);
      return false;
    });
  }

  #report(message, detail) {
    attempt(() => this.#onError?.(message, detail));
  }
}

const bodyOf = (events) => `{"events":[${events.map((event) => event.text).join(',')}]}`;
