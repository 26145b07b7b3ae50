// Fails the build when a first page, or all pages together, grow past their budget.
import { readFileSync, readdirSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const FIRST_PAGE = 60 * 1024;
const ALL_PAGES = 120 * 1024;
const assets = new URL('../dist/assets/', import.meta.url);

const files = new Map(
  readdirSync(assets)
    .filter((name) => name.endsWith('.js'))
    .map((name) => {
      const code = readFileSync(new URL(name, assets));
      return [name, { text: code.toString(), size: gzipSync(code).length }];
    }),
);

/** A file and all that it imports before it runs. @param {string} name @param {Set<string>} seen */
function closure(name, seen = new Set()) {
  const file = files.get(name);
  if (!file || seen.has(name)) return seen;
  seen.add(name);
  for (const [, other] of file.text.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) closure(other ?? '', seen);
  return seen;
}

const html = readFileSync(new URL('../dist/index.html', import.meta.url), 'utf8');
const entry = /src="\/assets\/([^"]+\.js)"/.exec(html)?.[1] ?? '';
// Every page has it, beside what is built.
const theme = gzipSync(readFileSync(new URL('../dist/theme.js', import.meta.url))).length;
const sizeOf = (/** @type {Iterable<string>} */ names) =>
  [...names].reduce((sum, name) => sum + (files.get(name)?.size ?? 0), theme);
const kib = (/** @type {number} */ bytes) => `${(bytes / 1024).toFixed(1)} KiB`;

const lazy = [...closure(entry)].flatMap((name) => [
  ...(files.get(name)?.text ?? '').matchAll(/import\(\s*["'`]\.\/([^"'`]+\.js)["'`]\s*\)/g),
]);
if (lazy.length === 0) throw new Error(`${entry} imports no page: the way to find pages does not fit the build`);
const first = lazy.map(([, name = '']) => ({ name, size: sizeOf(closure(name, closure(entry))) }));
for (const { name, size } of first) console.log(`first page ${name}: ${kib(size)} gzip`);
const [largest, all] = [Math.max(...first.map(({ size }) => size)), sizeOf(files.keys())];
console.log(`all pages: ${kib(all)} gzip`);
if (largest > FIRST_PAGE || all > ALL_PAGES) {
  console.error(`The budget is ${kib(FIRST_PAGE)} for a first page and ${kib(ALL_PAGES)} for all.`);
  process.exit(1);
}
