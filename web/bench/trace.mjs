// How long a large call takes to open, to scroll, and to be looked through, in real Chromium; beside it a page of the same
// rows as plain HTML from the server. `npm run bench`; exit status 1 where a target is missed.
// @ts-check
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import { summarise } from '../tests/fixtures/call.mjs';
import { bigCall } from './spans.mjs';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const RUNS = Number(process.env['RUNS'] ?? 5);
const FRAME_MS = 40;
const FIND_MS = 150;
/** @type {[number, number][]} Spans, and milliseconds until rows are painted. */
const SIZES = [
  [10_000, 1000],
  [50_000, 2000],
];
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

const start = BigInt(Date.now() - 86_400_000) * 1_000_000n;
/** @type {Map<string, Buffer>} */
const answers = new Map();
for (const [count] of SIZES) {
  const spans = bigCall(count, start);
  const body = JSON.stringify({ interaction: summarise(`call-${count}`, spans), spans, truncated: false });
  answers.set(`/api/v1/interactions/call-${count}`, gzipSync(body));
  answers.set(`/plain/${count}`, gzipSync(plainPage(spans)));
  console.log(
    `${count} spans: ${(body.length / 1e6).toFixed(1)} MB of JSON, ${(gzipSync(body).length / 1e6).toFixed(2)} MB gzip`,
  );
}

const server = createServer((request, response) => void answer(request.url ?? '/', response));
await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
const address = /** @type {import('node:net').AddressInfo} */ (server.address());
const origin = `http://127.0.0.1:${address.port}`;
const browser = await chromium.launch({
  executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--disable-gpu', '--no-first-run', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
});

const lines = [];
let missed = false;
for (const [count, limit] of SIZES) {
  const page = await repeat(() => openCall(count));
  const plain = await repeat(() => openPlain(count));
  const late = page.painted > limit || (count === 10_000 && (page.frame > FRAME_MS || page.find > FIND_MS));
  missed ||= late;
  lines.push(line(`the page, ${count}`, page, late ? 'missed' : 'met'), line(`plain HTML, ${count}`, plain, ''));
}
console.log(`\nMedians of ${RUNS}, milliseconds\n`);
console.log('| what | rows painted | of that CPU | scroll frame p95 | find | fold all | ladder | nodes | verdict |');
console.log('|---|---:|---:|---:|---:|---:|---:|---:|---|');
console.log(lines.join('\n'));
await browser.close();
server.close();
process.exitCode = missed ? 1 : 0;

/** @param {number} count */
async function openCall(count) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const thread = await counting(page);
  await page.goto(`${origin}/interactions/call-${count}`, { waitUntil: 'commit' });
  const painted = await painting(page, '[role=row] .nm');
  const cpu = await thread();
  const frame = await scrolling(page, '.sc');
  await page.locator('input[aria-label^="Find in"]').focus();
  const find = await timed(page, 'find');
  await page.keyboard.press('Escape');
  const fold = await timed(page, 'fold');
  const ladder = await timed(page, 'ladder');
  const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
  await page.close();
  return { painted, cpu, frame, find, fold, ladder, nodes };
}

/** @param {number} count */
async function openPlain(count) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const thread = await counting(page);
  await page.goto(`${origin}/plain/${count}`, { waitUntil: 'commit' });
  const painted = await painting(page, '#end');
  const cpu = await thread();
  const frame = await scrolling(page, 'main');
  const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
  await page.close();
  return { painted, cpu, frame, find: NaN, fold: NaN, ladder: NaN, nodes };
}

/** The CPU time of the page's own thread so far: what the figure would be on a machine that nobody else uses. @param {import('playwright-core').Page} page */
async function counting(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN) * 1000;
  };
}

/** Until rows are there and a frame has shown them, from the start of the navigation. @param {import('playwright-core').Page} page @param {string} sign */
async function painting(page, sign) {
  await page.waitForFunction((wanted) => document.querySelector(wanted) !== null, sign, {
    polling: 'raf',
    timeout: 60_000,
  });
  return page.evaluate(
    () =>
      new Promise((/** @type {(time: number) => void} */ done) =>
        requestAnimationFrame(() => setTimeout(() => done(performance.now()))),
      ),
  );
}

/** The frame that all but one in twenty are shorter than, while the whole is scrolled through in 120 steps. @param {import('playwright-core').Page} page @param {string} what */
function scrolling(page, what) {
  return page.evaluate(async (selector) => {
    const element = document.querySelector(selector);
    if (!element) return NaN;
    const frames = [];
    const step = element.scrollHeight / 120;
    let before = await new Promise((/** @type {(time: number) => void} */ done) => requestAnimationFrame(done));
    for (let index = 0; index < 120; index++) {
      element.scrollTop += step;
      const now = await new Promise((/** @type {(time: number) => void} */ done) => requestAnimationFrame(done));
      frames.push(now - before);
      before = now;
    }
    element.scrollTop = 0;
    return frames.sort((a, b) => a - b)[Math.floor(frames.length * 0.95)] ?? NaN;
  }, what);
}

/** From the input until what it asks for is painted. @param {import('playwright-core').Page} page @param {'find' | 'fold' | 'ladder'} what */
function timed(page, what) {
  return page.evaluate(async (wanted) => {
    const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const press = (/** @type {string} */ key) =>
      document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    const done = {
      find: () => /\d/.test(document.querySelector('.find [role=status]')?.textContent ?? ''),
      fold: () => Number(document.querySelector('[role=treegrid]')?.getAttribute('aria-rowcount')) < 100,
      ladder: () => document.querySelector('ol li') !== null,
    }[wanted];
    await frame();
    const began = performance.now();
    if (wanted === 'find') {
      const input = /** @type {HTMLInputElement} */ (document.activeElement);
      input.value = 'invoice';
      input.dispatchEvent(new Event('input', { bubbles: true }));
    } else press(wanted === 'fold' ? 'f' : '3');
    while (!done() && performance.now() - began < 30_000) await frame();
    await frame();
    return performance.now() - began;
  }, what);
}

/** @template {Record<string, number>} T @param {() => Promise<T>} run @returns {Promise<T>} */
async function repeat(run) {
  /** @type {Record<string, number>[]} */
  const all = [];
  for (let index = 0; index < RUNS; index++) all.push(await run());
  const median = (/** @type {string} */ key) =>
    all.map((one) => one[key] ?? NaN).sort((a, b) => a - b)[Math.floor(all.length / 2)];
  return /** @type {T} */ (Object.fromEntries(Object.keys(all[0] ?? {}).map((key) => [key, median(key)])));
}

/** @param {string} name @param {Awaited<ReturnType<typeof openCall>>} one @param {string} verdict */
function line(name, { painted, cpu, frame, find, fold, ladder, nodes }, verdict) {
  const cell = (/** @type {number} */ value) => (Number.isNaN(value) ? '' : value.toFixed(value < 100 ? 1 : 0));
  return `| ${name} | ${[painted, cpu, frame, find, fold, ladder, nodes].map(cell).join(' | ')} | ${verdict} |`;
}

/** The same rows without a script: a line for each span, laid out when it comes near the screen. @param {import('../src/api/types').Span[]} spans */
function plainPage(spans) {
  const first = spans.reduce(
    (least, one) => (BigInt(one.start_ns) < least ? BigInt(one.start_ns) : least),
    BigInt(spans[0]?.start_ns ?? 0),
  );
  const rows = spans.map((one) => {
    const [from, length] = [Number(BigInt(one.start_ns) - first) / 11e9, Number(one.duration_ns) / 11e9];
    return `<div class="r"><span>${one.name}</span><span>${one.service}</span><i style="left:${from}%;width:${length}%"></i></div>`;
  });
  return `<!doctype html><meta charset="utf-8"><title>plain</title><style>main{height:100vh;overflow:auto;position:relative;font:12px sans-serif}
.r{display:grid;grid-template-columns:220px 100px 1fr;height:24px;position:relative;content-visibility:auto;contain-intrinsic-size:auto 24px}
.r i{position:absolute;top:4px;height:15px;background:#456;min-width:3px}</style><main>${rows.join('\n')}<p id="end"></p></main>`;
}

/** @param {string} url @param {import('node:http').ServerResponse} response */
async function answer(url, response) {
  const path = new URL(url, 'http://bench').pathname;
  const known = answers.get(path);
  if (known) {
    const type = path.startsWith('/api/') ? 'application/json' : 'text/html; charset=utf-8';
    return response.writeHead(200, { 'content-type': type, 'content-encoding': 'gzip' }).end(known);
  }
  if (path.startsWith('/api/'))
    return response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{}}');
  const name = path.startsWith('/assets/') || extname(path) ? path : '/index.html';
  const body = await readFile(join(DIST, name)).catch(() => null);
  const type = TYPES[/** @type {keyof typeof TYPES} */ (extname(name))] ?? 'application/octet-stream';
  response.writeHead(body ? 200 : 404, { 'content-type': type, ...(body ? { 'content-encoding': 'gzip' } : {}) });
  response.end(body ? gzipSync(body) : '');
}
