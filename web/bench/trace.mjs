// How long a large call takes to open, to scroll, and to be looked through, in real Chromium; beside it a page of the same
// rows as plain HTML from the server. `npm run bench`; exit status 1 where a target is missed.
// @ts-check
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { summarise } from '../tests/fixtures/call.mjs';
import { detailOf } from '../tests/fixtures/outline.mjs';
import { launch } from './chromium.mjs';
import { bigCall } from './spans.mjs';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));
const RUNS = Number(process.env['RUNS'] ?? 5);
const FRAME_MS = 40;
const STEPS = 120;
const FIND_MS = 150;
const FOLD_MS = 100;
/** Compressed. */
const SPAN_BYTES = 60;
/** @type {[number, number][]} Spans, and milliseconds until rows are painted; `SPANS=10000` measures one alone. */
const ALL_SIZES = [
  [10_000, 1000],
  [50_000, 2000],
];
const SIZES = ALL_SIZES.filter(([count]) => !process.env['SPANS'] || count === Number(process.env['SPANS']));
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

const start = BigInt(Date.now() - 86_400_000) * 1_000_000n;
/** @type {Map<string, Buffer>} */
const answers = new Map();
let missed = false;
for (const [count] of SIZES) {
  const spans = bigCall(count, start);
  const summary = summarise(`call-${count}`, spans);
  const whole = JSON.stringify(detailOf(summary, spans));
  const body = JSON.stringify(detailOf(summary, spans, '0'));
  answers.set(`/api/v1/interactions/call-${count}`, gzipSync(body));
  // What the tabs ask for that tell every attribute.
  answers.set(`/api/v1/interactions/call-${count}?whole`, gzipSync(whole));
  answers.set(`/plain/${count}`, gzipSync(plainPage(spans)));
  const light = gzipSync(body).length / count <= SPAN_BYTES;
  missed ||= !light;
  const verdict = `limit ${SPAN_BYTES} B a span: ${light ? 'met' : 'missed'}`;
  console.log(`${count} spans: outline ${weight(body, count)} (${verdict}); whole ${weight(whole, count)}`);
}

const server = createServer((request, response) => void answer(request.url ?? '/', response));
await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
const address = /** @type {import('node:net').AddressInfo} */ (server.address());
const origin = `http://127.0.0.1:${address.port}`;
const browser = await launch();

const lines = [];
for (const [count, limit] of SIZES) {
  const page = await repeat(() => openCall(count));
  const plain = await repeat(() => openPlain(count));
  const late =
    page.painted > limit ||
    (count === 10_000 && (page.frame > FRAME_MS || page.find > FIND_MS || page.again > FIND_MS || page.fold > FOLD_MS));
  missed ||= late;
  lines.push(line(`the page, ${count}`, page, late ? 'missed' : 'met'), line(`plain HTML, ${count}`, plain, ''));
}
console.log(`\nMedians of ${RUNS}, milliseconds\n`);
console.log(
  '| what | rows painted | of that CPU | scroll frame p95 | CPU a frame | find | CPU | find among attributes | CPU | fold all | CPU | ladder | CPU | nodes | verdict |',
);
console.log('|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|');
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
  const frameCpu = (await thread()) / STEPS;
  await page.locator('input[aria-label^="Find in"]').focus();
  const whole = page.waitForResponse((response) => response.url().endsWith(`/api/v1/interactions/call-${count}`));
  await thread();
  const find = await timed(page, 'find');
  const findCpu = await thread();
  await (await whole).finished();
  await settled(page);
  await page.keyboard.press('Escape');
  await thread();
  await page.locator('input[aria-label^="Find in"]').focus();
  const again = await timed(page, 'find', 'where id = 7');
  const againCpu = await thread();
  await page.keyboard.press('Escape');
  await settled(page);
  await thread();
  const fold = await timed(page, 'fold');
  const foldCpu = await thread();
  const ladder = await timed(page, 'ladder');
  const ladderCpu = await thread();
  const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
  await page.close();
  return { painted, cpu, frame, frameCpu, find, findCpu, again, againCpu, fold, foldCpu, ladder, ladderCpu, nodes };
}

/** @param {number} count */
async function openPlain(count) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const thread = await counting(page);
  await page.goto(`${origin}/plain/${count}`, { waitUntil: 'commit' });
  const painted = await painting(page, '#end');
  const cpu = await thread();
  const frame = await scrolling(page, 'main');
  const frameCpu = (await thread()) / STEPS;
  const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
  await page.close();
  const none = {
    find: NaN,
    findCpu: NaN,
    again: NaN,
    againCpu: NaN,
    fold: NaN,
    foldCpu: NaN,
    ladder: NaN,
    ladderCpu: NaN,
  };
  return { painted, cpu, frame, frameCpu, ...none, nodes };
}

/** Until frames are short again: the answer with all attributes, which the search asked for, is drawn. @param {import('playwright-core').Page} page */
async function settled(page) {
  await page.evaluate(async () => {
    const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    for (let short = 0; short < 5;) {
      const began = performance.now();
      await frame();
      short = performance.now() - began < 50 ? short + 1 : 0;
    }
  });
}

/** The CPU time of the page's own thread since it was last asked: what the figure would be on a machine that nobody else uses. @param {import('playwright-core').Page} page */
async function counting(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable', { timeDomain: 'threadTicks' });
  let before = 0;
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics');
    const now = (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? NaN) * 1000;
    const since = now - before;
    before = now;
    return since;
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

/** The frame that all but one in twenty are shorter than, while the whole is scrolled through in many steps. @param {import('playwright-core').Page} page @param {string} what */
function scrolling(page, what) {
  return page.evaluate(async ([selector, steps]) => {
    const element = document.querySelector(selector);
    if (!element) return NaN;
    const frames = [];
    const step = element.scrollHeight / steps;
    let before = await new Promise((/** @type {(time: number) => void} */ done) => requestAnimationFrame(done));
    for (let index = 0; index < steps; index++) {
      element.scrollTop += step;
      const now = await new Promise((/** @type {(time: number) => void} */ done) => requestAnimationFrame(done));
      frames.push(now - before);
      before = now;
    }
    element.scrollTop = 0;
    return frames.sort((a, b) => a - b)[Math.floor(frames.length * 0.95)] ?? NaN;
  }, /** @type {[string, number]} */ ([what, STEPS]));
}

/** From the input until what it asks for is painted. @param {import('playwright-core').Page} page @param {'find' | 'fold' | 'ladder'} what @param {string} words */
function timed(page, what, words = 'invoice') {
  return page.evaluate(async ([wanted, words]) => {
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
      input.value = words;
      input.dispatchEvent(new Event('input', { bubbles: true }));
    } else press(wanted === 'fold' ? 'f' : '3');
    while (!done() && performance.now() - began < 30_000) await frame();
    await frame();
    return performance.now() - began;
  }, /** @type {const} */ ([what, words]));
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
function line(name, one, verdict) {
  const cell = (/** @type {number} */ value) => (Number.isNaN(value) ? '' : value.toFixed(value < 100 ? 1 : 0));
  const { painted, cpu, frame, frameCpu, find, findCpu, again, againCpu, fold, foldCpu, ladder, ladderCpu, nodes } =
    one;
  const all = [painted, cpu, frame, frameCpu, find, findCpu, again, againCpu, fold, foldCpu, ladder, ladderCpu, nodes];
  const cells = all.map(cell);
  return `| ${name} | ${cells.join(' | ')} | ${verdict} |`;
}

/** @param {string} body @param {number} count */
function weight(body, count) {
  const packed = gzipSync(body).length;
  return `${(body.length / 1e6).toFixed(1)} MB of JSON, ${(packed / 1e6).toFixed(2)} MB gzip, ${(packed / count).toFixed(0)} B a span`;
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
  const { pathname: path, searchParams } = new URL(url, 'http://bench');
  const whole = path.startsWith('/api/v1/interactions/') && !searchParams.has('outline_above');
  const known = answers.get(whole ? `${path}?whole` : path);
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
