// Fails the build when the first page grows past its budget.
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const BUDGET = 60 * 1024;
const assets = new URL('../dist/assets/', import.meta.url);

let total = 0;
for (const name of readdirSync(assets).filter((name) => name.endsWith('.js'))) {
  const size = gzipSync(readFileSync(new URL(name, assets))).length;
  total += size;
  console.log(`${name}: ${(size / 1024).toFixed(1)} KiB gzip`);
}
if (total > BUDGET) {
  console.error(`JavaScript is ${(total / 1024).toFixed(1)} KiB gzip, the budget is ${BUDGET / 1024} KiB.`);
  process.exit(1);
}
