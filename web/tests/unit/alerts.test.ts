import { describe, expect, test } from 'vitest';
import type { Measure, Spec, Status } from '../../src/api/alerts';
import {
  bellHref,
  parseThreshold,
  readDraft,
  sayCondition,
  sayValue,
  spaced,
  writeThreshold,
} from '../../src/alerts/rules';
import { parseAnalysis } from '../../src/scope/filters';
import { formatBytes, formatRate, rate, sayReasons, since } from '../../src/status/figures';

describe('rules', () => {
  test.each<[Measure, string, number | null]>([
    ['p95', '2m', 120],
    ['p95', '900ms', 0.9],
    ['p95', '90', 90],
    ['p95', 'soon', null],
    ['p95', '', null],
    ['p95', '-1', null],
    ['service_level', '80 %', 0.8],
    ['service_level', '0.8', 0.8],
    ['failures', '%', null],
    ['count', '250', 250],
    ['count', '2m', null],
  ])('a threshold of %s is read from %s', (measure, text, value) => expect(parseThreshold(measure, text)).toBe(value));

  test.each<[Measure, number, string, string]>([
    ['p95', 120, '2m', '2 m 00.0 s'],
    ['p95', 95, '95s', '1 m 35.0 s'],
    ['p50', 0.9, '900ms', '900 ms'],
    ['service_level', 0.8, '80 %', '80 %'],
    ['count', 1200, '1200', '1\u00a0200'],
  ])('%s of %d is written %s and said %s', (measure, value, written, said) => {
    expect(writeThreshold(measure, value)).toBe(written);
    expect(parseThreshold(measure, written)).toBe(value);
    expect(sayValue(measure, value)).toBe(said);
  });

  test('a bell takes the filters of its chart along, and the form begins with them', () => {
    const filters = parseAnalysis('?region=eu-west&queue=billing&q=hold%3E30s&min=90s&range=1h');
    const href = bellHref(filters, { stage: 'queue', measure: 'p95', threshold: 120 });
    const draft = readDraft(new URL(href, 'http://x').search, null);
    expect(draft).toMatchObject({
      name: 'Queue p95 in eu-west, billing',
      stage: 'queue',
      threshold: 120,
      op: 'above',
      where: { region: 'eu-west', queue: 'billing', q: 'hold>30s', min_duration: '90s' },
    });
    expect(sayCondition(draft)).toBe('Queue p95 above 2 m, eu-west, billing, hold>30s, 90s');
  });

  test('a form on a rule changes what its address says and nothing else', () => {
    const kept: Spec = {
      ...readDraft('?region=eu&threshold=90s&outcome=handled', null),
      links: ['https://x'],
      note: 'n',
    };
    expect(readDraft('', kept)).toEqual(kept);
    expect(readDraft('?region=&threshold=never&window=5m', kept)).toEqual({
      ...kept,
      where: { outcome: 'handled' },
      window: '5m',
    });
    const level = readDraft('?measure=service_level', kept);
    expect([level.threshold, level.within]).toEqual([0.8, '20s']);
    expect(sayCondition({ ...level, where: {} })).toBe('Queue answered in 20 s above 80 %');
    expect(spaced('1m30s')).toBe('1 m 30 s');
    expect(readDraft('?receivers=', { ...kept, receivers: ['a'] }).receivers).toEqual([]);
  });
});

describe('status', () => {
  const look = (seconds: number, received: number, uptime = seconds) =>
    ({
      as_of: String(seconds * 1e9),
      process: { uptime_seconds: uptime, pipelines: [{ name: 'traces', received }] },
    }) as unknown as Status;

  test('a rate is what came between two looks, and unknown where another process counts', () => {
    const between = since(look(10, 100), look(12, 500));
    expect(rate(between, 500, (before) => before.received, 'traces')).toBe(200);
    expect(rate(between, 500, (before) => before.received, 'logs')).toBeNull();
    expect(since(look(10, 100), look(12, 5, 1))).toBeNull();
    expect(since(null, look(12, 5))).toBeNull();
    expect([null, 0, 0.44, 1204.4].map(formatRate)).toEqual(['–', '0/s', '0.4/s', '1\u00a0204/s']);
  });

  test('sizes and reasons', () => {
    expect([null, 0, 512, 4_194_304, 1_288_490_188].map(formatBytes)).toEqual([
      '–',
      '0 B',
      '512 B',
      '4.0 MiB',
      '1.2 GiB',
    ]);
    expect(sayReasons({ filtered: 3, sampled: 12 })).toBe('12 sampled, 3 filtered');
  });
});
