import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import axeCore from 'axe-core';
import { chromium, type Browser, type BrowserContextOptions, type Page, type Request } from 'playwright-core';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { serve } from '../fixtures/server.mjs';
import { SLOW } from './slow';

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const QUIET = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const FONTS = fileURLToPath(new URL('../fixtures/fonts.conf', import.meta.url));

export interface Served {
  origin: string;
  close(): Promise<unknown>;
}

export interface Visit {
  page: Page;
  /** Requests to other origins, script errors, and what the content security policy refused. */
  complaints: string[];
  /** Until every answer that was asked for has come and is drawn, the live stream aside. */
  settled(): Promise<void>;
}

/** One browser and one server of canned answers for a file of tests; each visit has a context of its own. */
export const stage = (options: Parameters<typeof serve>[0] = {}) => stageOf(() => serve(options));

/** The same before any server. */
export function stageOf<Server extends Served>(start: () => Promise<Server>) {
  let browser: Browser;
  let server: Server;
  const open: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    if (!existsSync(fileURLToPath(new URL('../../dist/index.html', import.meta.url))))
      throw new Error('web/dist is missing: run `npm run build` first');
    server = await start();
    const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
    const env = { ...process.env, FONTCONFIG_FILE: FONTS } as Record<string, string>;
    browser = await chromium.launch({ executablePath: CHROMIUM, args: [...QUIET, ...sandbox], env });
  });
  // A page that stays open goes on asking and drawing, on the account of the tests that follow.
  afterEach(async () => {
    await Promise.all(open.splice(0).map((one) => one.close()));
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  return {
    server: () => server,
    /** `now` stops the page's clock. */
    async visit(path: string, { now, ...how }: BrowserContextOptions & { now?: number } = {}): Promise<Visit> {
      const context = await browser.newContext({
        viewport: { width: 1440, height: 900 },
        timezoneId: 'Europe/London',
        locale: 'en-GB',
        reducedMotion: 'reduce',
        ...how,
      });
      open.push(context);
      const page = await context.newPage();
      if (SLOW > 1) {
        const devtools = await context.newCDPSession(page);
        await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOW });
      }
      if (now !== undefined) await page.clock.setFixedTime(now);
      const complaints: string[] = [];
      const asked = new Set<Request>();
      page.on('request', (request) => {
        if (!request.url().endsWith('/api/v1/live')) asked.add(request);
        if (new URL(request.url()).origin !== server.origin) complaints.push(`left the origin: ${request.url()}`);
      });
      page.on('requestfinished', (request) => asked.delete(request));
      page.on('requestfailed', (request) => asked.delete(request));
      const drawn = () => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
      const settled = async () => {
        for (let quiet = 0; quiet < 3; quiet = asked.size === 0 ? quiet + 1 : 0) await drawn();
      };
      page.on('pageerror', (error) => complaints.push(`script error: ${error.message}`));
      page.on('console', (message) => {
        if (message.type() === 'error' && !/Failed to load resource/.test(message.text()))
          complaints.push(`console: ${message.text()}`);
      });
      page.on('dialog', (dialog) => {
        complaints.push(`dialog: ${dialog.message()}`);
        void dialog.dismiss();
      });
      await page.goto(server.origin + path);
      return { page, complaints, settled };
    },
  };
}

/** Counts what a person presses; the journeys have a number of clicks each. */
export async function counted(page: Page) {
  await page.addInitScript(() => {
    const counter = globalThis as { presses?: number };
    counter.presses = Number(sessionStorage.getItem('presses') ?? 0);
    addEventListener(
      'pointerdown',
      () => sessionStorage.setItem('presses', String((counter.presses = (counter.presses ?? 0) + 1))),
      true,
    );
  });
  await page.reload();
  return () => page.evaluate(() => Number(sessionStorage.getItem('presses') ?? 0));
}

/** Serious and critical findings of axe in a part of the page, as readable lines. */
export async function accessibilityFindings(page: Page, part = 'html'): Promise<string[]> {
  // `evaluate` runs outside the page's content security policy; a script element would not.
  await page.evaluate(axeCore.source);
  return page.evaluate(async (part) => {
    const axe = (globalThis as unknown as { axe: typeof import('axe-core') }).axe;
    const { violations } = await axe.run(part, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target.join(' ')} ${node.failureSummary ?? ''}`));
  }, part);
}
