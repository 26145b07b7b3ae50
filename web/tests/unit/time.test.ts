import { describe, expect, test } from 'vitest';
import {
  formatCoarse,
  formatDuration,
  formatIso,
  formatMoment,
  formatOffset,
  formatPrecise,
  formatTick,
  MS,
  parseNanos,
  SECOND,
  zoneLabel,
} from '../../src/time';

const table = (format: (ns: number) => string, rows: [number, string][]) =>
  test.each(rows)(`${format.name} of %d ns is %s`, (ns, wanted) => expect(format(ns)).toBe(wanted));

describe('durations', () => {
  table(formatDuration, [
    [0, '0 s'],
    [999, '999 ns'],
    [1500, '2 µs'],
    [412_000, '412 µs'],
    [999_499, '999 µs'],
    [999_500, '1.0 ms'],
    [4.2 * MS, '4.2 ms'],
    [9.96 * MS, '10 ms'],
    [38 * MS, '38 ms'],
    [999.6 * MS, '1.00 s'],
    [6.43 * SECOND, '6.43 s'],
    [9.996 * SECOND, '10.0 s'],
    [21.68 * SECOND, '21.7 s'],
    [59.949 * SECOND, '59.9 s'],
    [59.96 * SECOND, '1 m 00.0 s'],
    [252.17 * SECOND, '4 m 12.2 s'],
    [119.97 * SECOND, '2 m 00.0 s'],
    [3599.6 * SECOND, '1 h 00 m 00 s'],
    [3731 * SECOND, '1 h 02 m 11 s'],
    [90_000 * SECOND, '1 d 01 h 00 m'],
    [-38 * MS, '−38 ms'],
  ]);
  table(formatPrecise, [
    [150.2 * MS, '150.2 ms'],
    [6.43 * SECOND, '6.43 s'],
    [412_000, '412 µs'],
  ]);
  table(formatCoarse, [
    [21.7 * SECOND, '21.7 s'],
    [252.17 * SECOND, '4 m 12 s'],
    [59.97 * SECOND, '1 m 00 s'],
  ]);
  table(formatOffset, [
    [0, '+0 s'],
    [842.13 * MS, '+842.1 ms'],
    [22.646 * SECOND, '+22.646 s'],
    [59.9996 * SECOND, '+1 m 00.000 s'],
    [293.48 * SECOND, '+4 m 53.480 s'],
    [-2 * MS, '−2.0 ms'],
  ]);
  table(formatTick, [
    [0, '0 s'],
    [22.6 * SECOND, '+22.600 s'],
    [293.48 * SECOND, '+4:53.48'],
    [481.2 * SECOND, '+8:01.2'],
    [762 * SECOND, '+12:42'],
    [720 * SECOND, '+12:00'],
    [3731 * SECOND, '+1:02:11'],
  ]);
});

describe('moments', () => {
  const ns = parseNanos('1795183331208123456');

  test('show their zone, to the millisecond', () => {
    expect(formatMoment(ns, 'UTC')).toEqual({ date: '20 Nov 2026', time: '14:02:11.208', zone: 'UTC' });
    expect(formatMoment(ns, 'Europe/London').zone).toBe('London UTC+0');
    expect(formatMoment(ns, 'America/New_York')).toEqual({
      date: '20 Nov 2026',
      time: '09:02:11.208',
      zone: 'New York UTC−5',
    });
    expect(formatMoment(parseNanos('1782828000000000000'), 'Europe/London').zone).toBe('London UTC+1');
  });

  test('are copied with all nine digits', () => expect(formatIso(ns)).toBe('2026-11-20T14:02:11.208123456Z'));
  test('outside the calendar do not break a page', () => {
    expect(formatMoment(10n ** 25n, 'UTC').date).toBe('unknown');
    expect(formatIso(10n ** 25n)).toBe(String(10n ** 25n));
  });
  test('are read from decimal text alone', () => {
    for (const bad of ['', 'x', '1e3', '1.5', '0x10', ' 1', '9'.repeat(21), null, undefined])
      expect(parseNanos(bad)).toBe(0n);
    expect(parseNanos('18446744073709551615')).toBe(18_446_744_073_709_551_615n);
  });
  test('a zone is named with the offset that its moments share', () => {
    const [july, november] = [Date.parse('2026-07-01T12:00:00Z'), Date.parse('2026-11-20T12:00:00Z')];
    expect(zoneLabel('Europe/London', july)).toBe('London UTC+1');
    expect(zoneLabel('Europe/London', november, november)).toBe('London UTC+0');
    expect(zoneLabel('Europe/London', july, november)).toBe('London');
    expect(zoneLabel('America/Argentina/Buenos_Aires')).toBe('Buenos Aires');
    expect(zoneLabel('UTC', july)).toBe('UTC');
  });
});
