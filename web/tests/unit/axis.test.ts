import { describe, expect, test } from 'vitest';
import { boundariesOf, buildAxis, type Axis, type AxisOptions } from '../../src/trace/axis';
import { buildModel } from '../../src/trace/model';
import { ticksOf } from '../../src/trace/ticks';
import type { Span } from '../../src/api/types';
import { SECOND } from '../../src/time';
import { callSpans } from '../fixtures/call.mjs';
import { child, span } from './spans';

function axisOf(spans: Span[], more: Partial<AxisOptions> = {}): Axis {
  const model = buildModel(spans);
  return buildAxis(boundariesOf(model.nodes), {
    width: 1000,
    from: 0,
    to: model.length,
    compress: true,
    opened: new Set(),
    ...more,
  });
}

const shape = ({ pieces }: Axis) => pieces.map(({ kind, from, to }) => `${kind} ${from / SECOND}-${to / SECOND}`);
const gapWidths = ({ pieces }: Axis) =>
  pieces.filter(({ kind }) => kind === 'gap').map(({ width }) => Math.round(width));

describe('gaps', () => {
  const short = [span('a', 0, 0.5), span('b', 30.5, 31)];

  test('a stretch over 10 s without a boundary is one; 10 s is not', () => {
    expect(shape(axisOf(short))).toEqual(['work 0-0.5', 'gap 0.5-30.5', 'work 30.5-31']);
    expect(shape(axisOf([span('a', 0, 0.5), span('b', 10.5, 11)]))).toEqual([
      'work 0-0.5',
      'work 0.5-10.5',
      'work 10.5-11',
    ]);
  });

  test('width is 24 + 9 log2(s/10), at least 42', () => {
    expect(gapWidths(axisOf(short, { width: 300 }))).toEqual([42]);
    const long = Math.round(24 + 9 * Math.log2(25.2));
    expect(gapWidths(axisOf([span('a', 0, 0.5), span('b', 252.5, 253)], { width: 300 }))).toEqual([long]);
  });

  test('takes what work has no use for: half a second of set-up does not dwarf a minute of queue', () => {
    const axis = axisOf([span('setup', 0, 0.6), span('ivr', 0.6, 20), span('queue', 20, 80)]);
    expect(axis.x(0.6 * SECOND)).toBeLessThan(200);
    expect(axis.x(80 * SECOND) - axis.x(20 * SECOND)).toBeGreaterThan(axis.x(20 * SECOND) - axis.x(0.6 * SECOND));
    expect(Math.round(axis.x(80 * SECOND))).toBe(1000);
  });

  test('one that is opened becomes work, and says so', () => {
    const axis = axisOf(short, { opened: new Set([0.5 * SECOND]) });
    expect(shape(axis)).toEqual(['work 0-0.5', 'work 0.5-30.5', 'work 30.5-31']);
    expect(axis.pieces.map(({ opened }) => opened)).toEqual([false, true, false]);
  });

  test('without compression the scale is one line', () => {
    const axis = axisOf(short, { compress: false });
    expect(shape(axis)).toEqual(['work 0-31']);
    expect(axis.x(15.5 * SECOND)).toBeCloseTo(500);
  });

  test('many gaps leave room for the work', () => {
    const axis = axisOf(Array.from({ length: 30 }, (_, i) => span(`${i}`, i * 60, i * 60 + 0.04)));
    const gaps = axis.pieces.filter(({ kind }) => kind === 'gap').reduce((sum, { width }) => sum + width, 0);
    expect(gaps).toBeLessThanOrEqual(601);
    expect(gaps).toBeGreaterThan(500);
  });

  test('more than have room are one scale, beside those that stand out', () => {
    const beats = Array.from({ length: 200 }, (_, i) => span(`${i}`, i * 20, i * 20 + 0.04));
    expect(shape(axisOf(beats))).toEqual(['work 0-3980.04']);
    const late = [...beats, span('late', 4100, 4101)];
    expect(shape(axisOf(late))).toEqual(['work 0-3980.04', 'gap 3980.04-4100', 'work 4100-4101']);
    expect(axisOf(late, { opened: new Set([140.04 * SECOND]) }).pieces.filter(({ opened }) => opened)).toHaveLength(1);
  });
});

describe('scales', () => {
  const stage = (id: string, from: number, to: number) => span(id, from, to, { stage: 'ivr' });

  test('a quiet stretch of a stage does not squash the work beside it', () => {
    const axis = axisOf([
      stage('ivr', 0, 5),
      child('work', 'ivr', 4, 4.05, { service: 'two' }),
      child('sql', 'work', 4.01, 4.04),
    ]);
    expect(shape(axis)).toEqual(['work 0-4', 'work 4-4.05', 'work 4.05-5']);
    expect(axis.x(4.05 * SECOND) - axis.x(4 * SECOND)).toBeGreaterThan(300);
  });

  test('a slow query looks slow: work keeps one scale', () => {
    const axis = axisOf([
      stage('ivr', 0, 8),
      child('work', 'ivr', 4, 7.2, { service: 'two' }),
      child('sql', 'work', 4.1, 7.1),
    ]);
    const width = (from: number, to: number) => axis.x(to * SECOND) - axis.x(from * SECOND);
    expect(width(4.1, 7.1) / width(4, 7.2)).toBeCloseTo(3 / 3.2, 5);
  });
});

describe('the scale', () => {
  const call = axisOf(callSpans(0n));

  test('pieces follow each other from 0 to the full width', () => {
    let [x, time] = [0, 0];
    for (const piece of call.pieces) {
      expect(piece.x).toBeCloseTo(x);
      expect(piece.from).toBe(time);
      expect(piece.width).toBeGreaterThan(0);
      [x, time] = [piece.x + piece.width, piece.to];
    }
    expect(x).toBeCloseTo(1000);
    expect(time).toBe(768.2 * SECOND);
  });

  test('grows with time and runs back', () => {
    let before = -1;
    for (let time = 0; time <= 768.2 * SECOND; time += 0.37 * SECOND) {
      const x = call.x(time);
      expect(x).toBeGreaterThanOrEqual(before);
      expect(call.time(x) / SECOND).toBeCloseTo(time / SECOND, 3);
      before = x;
    }
    expect([call.x(-1), Math.round(call.x(1e15)), call.time(-5), call.time(5000)]).toEqual([
      0,
      1000,
      0,
      768.2 * SECOND,
    ]);
  });

  test('a 41 ms query inside a call of twelve minutes is wide enough to see', () => {
    expect(call.x(22.697 * SECOND) - call.x(22.656 * SECOND)).toBeGreaterThan(15);
  });

  test('a window shows its part alone', () => {
    const part = axisOf(callSpans(0n), { from: 22 * SECOND, to: 23 * SECOND });
    expect([part.x(22 * SECOND), part.x(23 * SECOND)].map(Math.round)).toEqual([0, 1000]);
    expect(part.pieces.every(({ kind }) => kind === 'work')).toBe(true);
  });

  test('stands no spans, no width and no length', () => {
    for (const axis of [axisOf([]), axisOf([span('a', 0, 0)]), axisOf(callSpans(0n), { width: 0 })]) {
      expect([axis.x(0), axis.x(5e9), axis.time(10)].every(Number.isFinite)).toBe(true);
      expect(ticksOf(axis).every(({ x }) => Number.isFinite(x))).toBe(true);
    }
  });
});

test('a bar is cut at every gap it runs across, and only there', () => {
  const axis = axisOf([span('long', 0, 100), span('b', 40, 40.5), span('c', 60, 70)]);
  expect(axis.cuts(0, 100 * SECOND)).toHaveLength(3);
  expect(axis.cuts(60 * SECOND, 70 * SECOND)).toEqual([]);
  expect(axis.cuts(41 * SECOND, 59 * SECOND)).toEqual([]);
});

test('ticks keep apart and inside their stretch', () => {
  const axis = axisOf(callSpans(0n));
  for (const row of ['moment', 'step'] as const) {
    const ticks = ticksOf(axis).filter((tick) => tick.row === row);
    expect(ticks.length).toBeGreaterThan(0);
    ticks
      .slice(1)
      .forEach((tick, index) => expect(tick.x - ticks[index]!.x).toBeGreaterThan(ticks[index]!.text.length * 5));
    for (const tick of ticks) expect(axis.pieces.find(({ x, width }) => tick.x < x + width)?.kind).toBe('work');
  }
});
