// node vectors.mjs MODULE CONDITIONS DECISIONS
import { readFileSync } from 'node:fs';
import { check } from './check.mjs';

const [module, conditions, decisions] = process.argv.slice(2);
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
console.log(JSON.stringify(check(await import(module), read(conditions), read(decisions))));
