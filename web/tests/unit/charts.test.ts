import { describe, expect, test } from 'vitest';
import { boxOf, boxQuery, cellsOf, describeBox, formatBox, parseBox, type Box } from '../../src/charts/box';
import {
  cellAt,
  cellPaths,
  cellsBetween,
  countIn,
  heatOf,
  levelOf,
  moved,
  scales,
  slowestOf,
} from '../../src/charts/heat';
import {
  clockIn,
  durationTicks,
  formatChange,
  formatShare,
  linear,
  linePath,
  logTicks,
  shortDuration,
  timeTicks,
} from '../../src/charts/scale';

const at = (iso: string) => Date.parse(iso);

describe('time ticks', () => {
  const texts = (from: string, to: string, zone: string, most: number) =>
    timeTicks(at(from), at(to), zone, most).map(({ text }) => text);

  test('stand at round hours of the zone', () => {
    expect(texts('2026-11-19T15:40:00Z', '2026-11-20T15:40:00Z', 'UTC', 6)).toEqual([
      '16:00',
      '20:00',
      '00:00',
      '04:00',
      '08:00',
      '12:00',
    ]);
    expect(texts('2026-11-20T00:00:00Z', '2026-11-20T01:00:00Z', 'Asia/Kolkata', 4)).toEqual([
      '05:30',
      '05:45',
      '06:00',
      '06:15',
      '06:30',
    ]);
  });

  test('say the date on long ranges', () =>
    expect(texts('2026-11-13T15:00:00Z', '2026-11-20T15:00:00Z', 'UTC', 8)).toContain('15 Nov'));

  test('keep to the wall clock over a change of it', () => {
    const day = timeTicks(at('2026-03-28T22:00:00Z'), at('2026-03-29T12:00:00Z'), 'Europe/London', 8);
    expect(day.map(({ text }) => text)).toEqual([
      '22:00',
      '00:00',
      '02:00',
      '04:00',
      '06:00',
      '08:00',
      '10:00',
      '12:00',
    ]);
    expect(new Date(day[2]?.at ?? 0).toISOString()).toBe('2026-03-29T01:00:00.000Z');
  });

  test('an empty range has none', () => {
    expect(timeTicks(5, 5, 'UTC', 4)).toEqual([]);
    expect(timeTicks(NaN, 5, 'UTC', 4)).toEqual([]);
  });
});

test('durations: ticks from zero in round steps, marks on a logarithmic axis, short words', () => {
  expect(durationTicks(1.31e9, 4).map(({ text }) => text)).toEqual(['0', '400 ms', '800 ms', '1.2 s', '1.6 s']);
  expect(durationTicks(242e9, 4).map(({ text }) => text)).toEqual(['0', '2 m', '4 m', '6 m']);
  expect(durationTicks(0, 4)).toEqual([{ at: 0, text: '0' }]);
  expect(logTicks(0.9e9, 700e9, 320, 40).map(({ text }) => text)).toEqual(['1 s', '5 s', '20 s', '1 m', '5 m']);
  expect(logTicks(0, 5, 100, 10)).toEqual([]);
  expect([0, 1500, 38e6, 1.25e9, 80e9, 420e9, 7.2e12, 5.4e12].map(shortDuration)).toEqual([
    '0',
    '1.5 µs',
    '38 ms',
    '1.25 s',
    '1 m 20 s',
    '7 m',
    '2 h',
    '1 h 30 m',
  ]);
});

test('changes and shares in words', () => {
  expect([0.38, -0.12, 0.001].map(formatChange)).toEqual(['+38 %', '−12 %', '±0 %']);
  expect([0, 0.004, 0.61, 0.996, 1, null].map(formatShare)).toEqual(['0 %', '0.4 %', '61 %', '99.6 %', '100 %', '–']);
});

test('a line breaks where nothing was measured, and a lone point is seen', () => {
  const same = linear([0, 1], [0, 1]);
  expect(
    linePath(
      [
        [0, 1],
        [1, 2],
        [2, null],
        [3, 4],
        [4, null],
      ],
      same,
      same,
    ),
  ).toBe('M0.0 1.0L1.0 2.0M3.0 4.0h2');
  expect(linePath([], same, same)).toBe('');
});

const heat = heatOf({
  from_ns: '1000000000',
  step_ns: '1000000000',
  bounds_ns: ['1000000000', '2000000000', '4000000000', '8000000000'],
  counts: [
    [0, 3, 1],
    [50, 0, 0],
    [1, 2, 4],
    [0, 0, 0],
  ],
});
const frame = { left: 40, top: 10, width: 400, height: 300 };

describe('heat map', () => {
  test('empty cells stay empty, and the fullest is the strongest', () => {
    expect([0, 1, 3, 7, 13, 21, 30, 50].map((count) => levelOf(count, 50))).toEqual([-1, 0, 1, 2, 3, 4, 5, 6]);
    expect(levelOf(1, 1)).toBe(6);
    const drawn = cellPaths(heat, frame).join('').match(/M/g)?.length;
    expect(drawn).toBe(6);
  });

  test('points and cells', () => {
    expect(cellAt(heat, frame, 41, 309)).toEqual({ column: 0, row: 0 });
    expect(cellAt(heat, frame, 439, 11)).toEqual({ column: 3, row: 2 });
    expect(cellAt(heat, frame, -100, 9999)).toEqual({ column: 0, row: 0 });
    const { x, y, timeAt, durationAt } = scales(heat, frame);
    expect(x(3000)).toBe(240);
    expect(y(2e9)).toBeCloseTo(210);
    expect(timeAt(x(2500))).toBeCloseTo(2500);
    expect(durationAt(y(3e9))).toBeCloseTo(3e9);
  });

  test('a box grows and moves by cells and never leaves the map', () => {
    const one = cellsBetween({ column: 1, row: 1 }, { column: 1, row: 1 });
    expect(moved(one, heat, 1, 1, true)).toEqual({ left: 1, right: 2, low: 1, high: 2 });
    expect(moved(one, heat, -5, -5, true)).toEqual(one);
    expect(moved(one, heat, -5, 9, false)).toEqual({ left: 0, right: 0, low: 2, high: 2 });
    expect(countIn(heat, cellsBetween({ column: 2, row: 2 }, { column: 0, row: 1 }))).toBe(10);
  });
});

describe('the slowest', () => {
  const latency = (n: number, p95_ns: string | null) => ({
    n,
    errors: 0,
    mean_ns: p95_ns,
    p50_ns: p95_ns,
    p95_ns,
    p99_ns: p95_ns,
    max_ns: p95_ns,
  });
  const map = (...rows: number[]) =>
    heatOf({ from_ns: '0', step_ns: '1', bounds_ns: rows.concat(0).map((_, row) => `${2 ** row}`), counts: [rows] });

  test.each([
    ['5 % where that is enough', map(390, 10), 400, { min: 77, percent: 5 }],
    ['else as many rows as are enough', map(60, 20, 15, 5), 100, { min: 4, percent: 20 }],
    ['which may be most', map(20, 25), 45, { min: 2, percent: 56 }],
    ['but not all', map(19, 25), 44, null],
    ['nor too few', map(15, 5), 20, null],
    ['nor none', map(), 0, null],
  ])('%s', (_, map, n, wanted) => {
    expect(slowestOf(map, latency(n, n === 0 ? null : '77'))).toEqual(wanted);
  });
});

describe('box', () => {
  const box: Box = { from: 1763733600000, to: 1763742000000, min: 80e9, max: 420e9 };

  test('survives its address; anything else is no box', () => {
    expect(formatBox(box)).toBe('1763733600000-1763742000000,80000-420000');
    expect(parseBox(formatBox(box))).toEqual(box);
    expect(parseBox(formatBox({ ...box, max: null }))).toEqual({ ...box, max: null });
    for (const bad of [null, '', '5-4,1-2', '4-5,2-1', '4-5,2-2', 'a-b,c-d', '-1-5,1-2', '4-5', '4-5,1-2,3'])
      expect(parseBox(bad)).toBeNull();
  });

  test('of cells and back again', () => {
    for (const cells of [
      { left: 0, right: 0, low: 0, high: 0 },
      { left: 1, right: 3, low: 1, high: 2 },
    ])
      expect(cellsOf(heat, parseBox(formatBox(boxOf(heat, cells))) as Box)).toEqual(cells);
    expect(cellsOf(heat, { from: 0, to: 9e9, min: 3e9, max: null })).toEqual({ left: 0, right: 3, low: 1, high: 2 });
    expect(cellsOf(heat, { from: 9e9, to: 9.1e9, min: 0, max: null })).toBeNull();
  });

  test('in words and as a question', () => {
    expect(describeBox(box, 'UTC')).toBe('21 Nov 14:00 to 16:20, 1 m 20 s to 7 m');
    expect(describeBox({ ...box, from: box.from - 864e5, max: null }, 'UTC')).toBe(
      '20 Nov 14:00 to 21 Nov 16:20, 1 m 20 s and more',
    );
    expect(clockIn(box.from, 'Asia/Tokyo', box.from)).toBe('23:00');
    expect(boxQuery({ ...box, max: null })).toEqual({
      box_from: '2025-11-21T14:00:00.000Z',
      box_to: '2025-11-21T16:20:00.000Z',
      box_min: 80e9,
      box_max: undefined,
    });
  });
});
