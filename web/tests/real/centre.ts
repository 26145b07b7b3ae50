/**
 * The built binary with the last hours of a simulated contact centre: two regions of Genesys Cloud, taken in by
 * `throughline genesys backfill`, and the spans of the services that their calls used.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import type { InteractionList } from '../../src/api/types';
import type { Served } from '../e2e/browser';
import { spansOf } from './services';

const HOURS = 3;
/** Half of the calls came before it. */
const RELEASED_HOURS_AGO = 1.5;
const REGIONS = {
  east: { seed: '3', perMinute: '1.2', scenarios: ['calm', 'service', 'twice'] },
  west: { seed: '4', perMinute: '2', scenarios: ['calm', 'service', 'twice', 'slow'] },
};
/** More calls than a region has. */
const PAGE = 500;
/** For one step of the beginning; what takes longer fails by its name. */
const PATIENCE = 90_000;
/** Below those that the system gives to connections, of which one may be taken between being found and being used. */
const PORTS = { first: 20_000, count: 12_000 };

type Region = keyof typeof REGIONS;

export interface Centre extends Served {
  /** Takes in the hours behind. */
  fill(): Promise<void>;
  interactions(query: string): Promise<InteractionList>;
}

export async function open(): Promise<Centre> {
  const binary = built();
  const data = await mkdtemp(join(tmpdir(), 'throughline-journeys-'));
  const [page, east, west] = await Promise.all([free(), free(), free()]);
  const origin = `http://${page}`;
  const started: ChildProcess[] = [];
  const run = (args: string[], env: NodeJS.ProcessEnv = {}) => {
    const child = spawn(binary, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    started.push(child);
    return child;
  };
  const product = run(['run', '--config', here('throughline.yaml')], {
    DATA: data,
    EAST: east,
    WEST: west,
    PAGE: page,
  });
  await said(product, 'everything is ready');

  const interactions = async (query: string) => {
    const signal = AbortSignal.timeout(PATIENCE);
    const answer = await fetch(`${origin}/api/v1/interactions?${query}`, { signal });
    if (!answer.ok) throw new Error(`${query}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as InteractionList;
  };
  const backfill = async (name: Region, otlp: string) => {
    const { seed, perMinute, scenarios } = REGIONS[name];
    const files = scenarios.flatMap((one) => ['--scenario', here(`scenarios/${one}.yaml`)]);
    const to = new Date();
    const past = ['--past', `${HOURS}h`, '--spread', '0.25', '--calls-per-minute', perMinute, '--seed', seed];
    const cloud = run([
      'sim',
      'genesys',
      '--listen',
      '127.0.0.1:0',
      '--requests-per-minute',
      '100000',
      ...past,
      ...files,
    ]);
    const [region = ''] = /http:\S+/.exec(await said(cloud, 'simulated: http')) ?? [];
    const client = ['--region', region, '--client-id', 'simulated-client', '--state', join(data, `${name}.json`)];
    const from = new Date(to.getTime() - HOURS * 3_600_000);
    const times = ['--from', second(from), '--to', second(to)];
    const told = await ended(
      run(['genesys', 'backfill', ...client, ...times, '--otlp', `http://${otlp}`], {
        GENESYS_CLIENT_SECRET: 'simulated-secret',
      }),
    );
    cloud.kill();
    const [, count] = /done: (\d+) conversations/.exec(told) ?? [];
    if (count === undefined) throw new Error(`the backfill of ${name} does not say how much it did:\n${told}`);
    return Number(count);
  };
  /** What the services of a region's calls sent, before and after the release. */
  const served = async (region: string, otlp: string, count: number) => {
    const released = Date.now() - RELEASED_HOURS_AGO * 3_600_000;
    // What was taken in is to be seen a moment later.
    const calls = await vi.waitFor(
      async () => {
        const { interactions: seen } = await interactions(`limit=${PAGE}&region=${region}`);
        if (seen.length < count) throw new Error(`${seen.length} of ${count} calls of ${region} are listed`);
        return seen;
      },
      { timeout: PATIENCE, interval: 200 },
    );
    for (let from = 0; from < calls.length; from += 100) {
      const answer = await fetch(`http://${otlp}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(spansOf(calls.slice(from, from + 100), released)),
        signal: AbortSignal.timeout(PATIENCE),
      });
      if (!answer.ok) throw new Error(await answer.text());
    }
  };

  return {
    origin,
    interactions,
    async fill() {
      const [fewer, more] = await Promise.all([backfill('east', east), backfill('west', west)]);
      await Promise.all([served('us-east', east, fewer), served('eu-west', west, more)]);
    },
    async close() {
      const all = started.filter((child) => child.exitCode === null && child.signalCode === null);
      const gone = all.map((child) =>
        within(
          () => `${child.spawnargs.join(' ')} goes on after it was asked to end`,
          new Promise((resolve) => child.once('exit', resolve)),
        ),
      );
      all.forEach((child) => child.kill());
      await Promise.all(gone);
      await rm(data, { recursive: true });
    },
  };
}

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const second = (time: Date) => `${time.toISOString().slice(0, 19)}Z`;

/** `THROUGHLINE_BIN`, or what cargo built. */
function built(): string {
  const named = process.env['THROUGHLINE_BIN'];
  if (named) return named;
  const metadata = execFileSync('cargo', ['metadata', '--no-deps', '--format-version', '1', '--offline'], {
    cwd: here('.'),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const { target_directory } = JSON.parse(metadata) as { target_directory: string };
  const found = join(target_directory, 'debug', 'throughline');
  if (!existsSync(found))
    throw new Error(
      `${found} is missing: run \`cargo build -p throughline --features lake\` first, or name another one with THROUGHLINE_BIN`,
    );
  return found;
}

const given = new Set<number>();
/** An address of this machine that nobody listens on. */
async function free(): Promise<string> {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    if (given.has(port)) continue;
    given.add(port);
    const server = createServer();
    const listens = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    await new Promise((resolve) => server.close(resolve));
    if (listens) return `127.0.0.1:${port}`;
  }
}

/** Fails with these words when it takes too long. */
function within<T>(what: () => string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`after ${PATIENCE / 1000} s: ${what()}`)), PATIENCE);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** What a program has said when these words are in it. */
function said(child: ChildProcess, words: string): Promise<string> {
  const heard = listen(child);
  const failed = (how: string) => `${child.spawnargs.join(' ')} ${how} “${words}”:\n${heard.all}`;
  return within(
    () => failed('has not said'),
    new Promise((resolve, reject) => {
      heard.more = () => heard.all.includes(words) && resolve(heard.all);
      child.once('close', () => reject(new Error(failed('ended without'))));
    }),
  );
}

/** All that a program said, once it has ended well. */
function ended(child: ChildProcess): Promise<string> {
  const heard = listen(child);
  const failed = (how: string) => `${child.spawnargs.join(' ')} ${how}:\n${heard.all}`;
  return within(
    () => failed('goes on'),
    new Promise((resolve, reject) => {
      // Not `exit`: what it said last may still come.
      child.once('close', (code) => {
        if (code === 0) resolve(heard.all);
        else reject(new Error(failed(`ended with ${code}`)));
      });
    }),
  );
}

function listen(child: ChildProcess) {
  const heard = { all: '', more: (): unknown => null };
  const hear = (bytes: Buffer) => {
    heard.all += bytes.toString();
    heard.more();
  };
  child.stdout?.on('data', hear);
  child.stderr?.on('data', hear);
  return heard;
}
