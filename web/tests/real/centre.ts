/**
 * The built binary with the last hours of a simulated contact centre: two regions of Genesys Cloud, taken in by
 * `throughline genesys backfill`, and the spans of the services that their calls used.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import type { InteractionList } from '../../src/api/types';
import type { Served } from '../e2e/browser';
import { PATIENCE, ended, free, here, programs, said } from './programs';
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

type Region = keyof typeof REGIONS;

export interface Centre extends Served {
  /** Takes in the hours behind. */
  fill(): Promise<void>;
  interactions(query: string): Promise<InteractionList>;
}

export async function open(): Promise<Centre> {
  const { run, end } = programs();
  const data = await mkdtemp(join(tmpdir(), 'throughline-journeys-'));
  const [page, east, west] = await Promise.all([free(), free(), free()]);
  const origin = `http://${page}`;
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
      await end();
      await rm(data, { recursive: true });
    },
  };
}

const second = (time: Date) => `${time.toISOString().slice(0, 19)}Z`;
