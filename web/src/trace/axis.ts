/** Time -> pixels, with long stretches in which nothing begins or ends pressed together. */

import { SECOND } from '../time';
import type { Node } from './model';
import type { Tone } from './stages';

/** A stretch without a span boundary becomes a gap when it is longer than this. */
const GAP = 10 * SECOND;
/**
 * A stretch longer than this in which only a voice stage runs gets a scale of its own, so that it does not squash the
 * work beside it. Work keeps one scale, however long: the slow query has to look slow.
 */
const QUIET = 0.2 * SECOND;
/** What is done for a stage. */
export const WORK: readonly Tone[] = ['action', 'http', 'crm', 'db'];
const GAPS_AT_MOST = 0.6;
/** The pixels for each stretch with a scale or a gap of its own. Where there are more, only what stands out has one. */
const APART = 24;
const STANDS_OUT = 1.5;

export interface Piece {
  kind: 'work' | 'gap';
  from: number;
  to: number;
  x: number;
  width: number;
  /** A gap that was opened by hand: it can be closed again. */
  opened: boolean;
}

export interface AxisOptions {
  width: number;
  from: number;
  to: number;
  compress: boolean;
  /** Starts of the gaps that are shown in full. */
  opened: ReadonlySet<number>;
}

/** Sorted, distinct moments at which a span begins or ends, and what lies between them. */
export interface Boundaries {
  times: number[];
  /** Whether application work runs between a moment and the next one. */
  working: boolean[];
  spans: readonly { start: number; end: number; duration: number }[];
}

export class Axis {
  constructor(
    readonly pieces: readonly Piece[],
    readonly width: number,
    readonly from: number,
    readonly to: number,
  ) {}

  x(time: number): number {
    const piece = this.pieces[this.#find((one) => one.to < time)];
    if (!piece) return this.width;
    const share = (time - piece.from) / (piece.to - piece.from || 1);
    return piece.x + piece.width * Math.min(1, Math.max(0, share));
  }

  time(x: number): number {
    const piece = this.pieces[this.#find((one) => one.x + one.width < x)];
    if (!piece) return this.to;
    return piece.from + (piece.to - piece.from) * Math.min(1, Math.max(0, (x - piece.x) / (piece.width || 1)));
  }

  /** Where a bar over [start, end] runs across a whole gap. */
  cuts(start: number, end: number): number[] {
    if (end - start < GAP) return [];
    const inside: number[] = [];
    for (let index = this.#find((one) => one.to < start); index < this.pieces.length; index++) {
      const piece = this.pieces[index] as Piece;
      if (piece.from > end) break;
      if (piece.kind === 'gap' && start <= piece.from && end >= piece.to) inside.push(piece.x + piece.width - 9);
    }
    return inside;
  }

  #find(before: (piece: Piece) => boolean): number {
    return lowest(this.pieces.length, (index) => before(this.pieces[index] as Piece));
  }
}

export function boundariesOf(nodes: readonly Node[]): Boundaries {
  const all = new Float64Array(nodes.length * 2);
  nodes.forEach(({ start, end }, index) => all.set([start, end], index * 2));
  const times = [...all.sort()].filter((time, index, sorted) => index === 0 || time !== sorted[index - 1]);
  const work = nodes.filter(({ tone }) => WORK.includes(tone));
  const begun = Float64Array.from(work, ({ start }) => start).sort();
  const ended = Float64Array.from(work, ({ end }) => end).sort();
  let [before, after] = [0, 0];
  const working = times.map((time) => {
    while ((begun[before] ?? Infinity) <= time) before++;
    while ((ended[after] ?? Infinity) <= time) after++;
    return before > after;
  });
  return { times, working, spans: nodes };
}

export function buildAxis(boundaries: Boundaries, options: AxisOptions): Axis {
  const { width, from, to, compress } = options;
  const stretches = compress ? stretchesOf(boundaries, options) : [];
  const whole: Stretch = { from, to, gap: 0, least: 0, most: Infinity, weight: 1, opened: false };
  return new Axis(laidOut(stretches.length > 0 ? stretches : [whole], width), width, from, to);
}

interface Stretch {
  from: number;
  to: number;
  /** Fixed width of a gap; 0 for work. */
  gap: number;
  least: number;
  /** More than this shows nothing more. */
  most: number;
  weight: number;
  opened: boolean;
}

function stretchesOf({ times, working, spans }: Boundaries, { from, to, opened, width }: AxisOptions): Stretch[] {
  const apart: { start: number; end: number; isGap: boolean }[] = [];
  times.forEach((time, index) => {
    const [start, end] = [Math.max(time, from), Math.min(times[index + 1] ?? time, to)];
    const isGap = end - start > GAP && !opened.has(start);
    if (isGap || (end - start > QUIET && (!working[index] || opened.has(start)))) apart.push({ start, end, isGap });
  });
  const longest = Float64Array.from(apart, ({ start, end }) => start - end).sort();
  const least = -(longest[Math.floor(width / APART)] ?? 0) * STANDS_OUT;
  const stretches: Stretch[] = [];
  let runFrom = from;
  const closeRun = (until: number) => until > runFrom && stretches.push(busy(runFrom, until));
  for (const { start, end, isGap } of apart) {
    if (end - start <= least && !opened.has(start)) continue;
    closeRun(start);
    stretches.push(isGap ? gap(start, end) : quiet(start, end, opened.has(start)));
    runFrom = end;
  }
  closeRun(to);
  weigh(stretches, spans);
  return stretches;
}

function gap(from: number, to: number): Stretch {
  const seconds = (to - from) / SECOND;
  return {
    from,
    to,
    gap: Math.max(42, 24 + 9 * Math.log2(seconds / 10)),
    least: 0,
    most: 0,
    weight: 0,
    opened: false,
  };
}

function quiet(from: number, to: number, opened: boolean): Stretch {
  return {
    from,
    to,
    gap: 0,
    least: 14,
    most: opened ? Infinity : 120,
    weight: 1 + Math.log2(1 + (to - from) / SECOND) / 2.5,
    opened,
  };
}

const busy = (from: number, to: number): Stretch => ({
  from,
  to,
  gap: 0,
  least: 6,
  most: 120,
  weight: 1,
  opened: false,
});

/** Many spans inside a stretch, and short ones among them, ask for room. */
function weigh(stretches: readonly Stretch[], spans: Boundaries['spans']) {
  const inside = new Map<Stretch, { count: number; shortest: number }>();
  for (const { start, end, duration } of spans) {
    const home = stretches[lowest(stretches.length, (index) => (stretches[index] as Stretch).to <= start)];
    if (!home || home.gap > 0 || start < home.from || end > home.to) continue;
    const seen = inside.get(home) ?? { count: 0, shortest: Infinity };
    inside.set(home, {
      count: seen.count + 1,
      shortest: duration > 0 ? Math.min(seen.shortest, duration) : seen.shortest,
    });
  }
  for (const [home, { count, shortest }] of inside) {
    const detail = Number.isFinite(shortest) ? Math.min(12, Math.log2(1 + (home.to - home.from) / shortest)) : 0;
    home.least = Math.max(home.least, 20);
    home.most = Math.max(home.most, 120 + 40 * count);
    home.weight = Math.max(home.weight, Math.min(60, count + 1) ** 0.9 * (1 + detail / 2));
  }
}

/**
 * Gaps keep their width and work shares the rest. Where there is not room for all, everything shrinks alike; where work
 * has more room than it can use, the gaps take it, so that half a second of set-up does not dwarf a minute of queue.
 */
function laidOut(stretches: readonly Stretch[], width: number): Piece[] {
  const sum = (pick: (one: Stretch) => number) => stretches.reduce((total, one) => total + pick(one), 0);
  const [gaps, weights, least] = [sum((one) => one.gap), sum((one) => one.weight), sum((one) => one.least)];
  const shrink = Math.min(1, (width * GAPS_AT_MOST) / (gaps || 1));
  const rest = width - gaps * shrink;
  const leastScale = Math.min(1, (rest * 0.8) / (least || 1));
  const shared = rest - least * leastScale;
  const share = (one: Stretch) => one.least * leastScale + (shared * one.weight) / (weights || 1);
  const room = (one: Stretch) => (gaps > 0 ? Math.min(one.most, share(one)) : share(one));
  const gapScale = (width - sum((one) => (one.gap > 0 ? 0 : room(one)))) / (gaps || 1);
  let x = 0;
  return stretches.map((one) => {
    const wide = one.gap > 0 ? one.gap * gapScale : room(one);
    const { from, to, opened } = one;
    const piece: Piece = { kind: one.gap > 0 ? 'gap' : 'work', from, to, x, width: wide, opened };
    x += wide;
    return piece;
  });
}

/** First index that is not `before`; the last one at most. */
function lowest(length: number, before: (index: number) => boolean): number {
  let [low, high] = [0, length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
