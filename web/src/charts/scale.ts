import { offset } from '../scope/local-time';
import { MINUTE, MS, SECOND } from '../time';

/** Where things stand in a drawing. Times are ms since 1970, durations ns. */

export interface Tick {
  at: number;
  text: string;
}

export type Scale = (value: number) => number;

export const linear =
  ([from, to]: readonly [number, number], [start, end]: readonly [number, number]): Scale =>
  (value) =>
    to === from ? start : start + ((value - from) / (to - from)) * (end - start);

const HOUR = 60;
const DAY = 24 * HOUR;
/** Minutes. */
const TIME_STEPS = [
  1,
  2,
  5,
  10,
  15,
  30,
  HOUR,
  2 * HOUR,
  4 * HOUR,
  6 * HOUR,
  12 * HOUR,
  DAY,
  2 * DAY,
  7 * DAY,
  28 * DAY,
];

/** Round moments of a zone's wall clock, at most `most` of them; a new day says its date. */
export function timeTicks(from: number, to: number, zone: string, most: number): Tick[] {
  if (!(to > from) || most < 1) return [];
  const least = (to - from) / 60_000 / most;
  const step = 60_000 * (TIME_STEPS.find((one) => one >= least) ?? Math.ceil(least / DAY) * DAY);
  const ticks: Tick[] = [];
  const first = Math.ceil((from + offset(from, zone)) / step) * step;
  for (let wall = first; ticks.length < 2 * most + 2; wall += step) {
    // The offset at the wall time is a first guess; the offset at that instant settles it near a clock change.
    const at = wall - offset(wall - offset(wall, zone), zone);
    if (at > to) break;
    if (at >= from) ticks.push({ at, text: clock(wall, to - from > 1.5 * DAY * 60_000) });
  }
  return ticks;
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

function clock(wall: number, long: boolean): string {
  const date = new Date(wall);
  const time = date.toISOString().slice(11, 16);
  return long && time === '00:00' ? `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ''}` : time;
}

/** `13:20` in a zone, with the date when it is not on the day of `near`. */
export function clockIn(ms: number, zone: string, near: number): string {
  const wall = ms + offset(ms, zone);
  const date = new Date(wall);
  const same = Math.floor(wall / 864e5) === Math.floor((near + offset(near, zone)) / 864e5);
  const time = date.toISOString().slice(11, 16);
  return same ? time : `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()] ?? ''} ${time}`;
}

/** From zero, in round steps, at least up to `most`. */
export function durationTicks(most: number, count: number): Tick[] {
  if (!(most > 0)) return [{ at: 0, text: '0' }];
  const step = roundDuration(most / Math.max(1, count));
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, index) => ({
    at: index * step,
    text: shortDuration(index * step),
  }));
}

const MARKS = [
  ...[1, 10, 100].map((us) => us * 1e3),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((ms) => ms * MS),
  ...[1, 2, 5, 10, 20, 40].map((s) => s * SECOND),
  ...[1, 2, 5, 10, 30, 60, 120, 360, 1440].map((m) => m * MINUTE),
];

/** Round durations between two, so far apart on a logarithmic axis of this length. */
export function logTicks(least: number, most: number, length: number, apart: number): Tick[] {
  if (!(most > least) || !(least > 0)) return [];
  const scale = linear([Math.log(least), Math.log(most)], [0, length]);
  const ticks: Tick[] = [];
  let free = -Infinity;
  for (const at of MARKS) {
    const place = scale(Math.log(at));
    if (at < least || at > most || place < free) continue;
    ticks.push({ at, text: shortDuration(at) });
    free = place + apart;
  }
  return ticks;
}

/** As short as it can be said: `0`, `400 ms`, `1.2 s`, `2 m`, `1 m 30 s`, `2 h`. */
export function shortDuration(ns: number): string {
  if (ns <= 0) return '0';
  const trim = (value: number, unit: string) => `${Number(value.toPrecision(3))} ${unit}`;
  if (ns < MS) return trim(ns / 1e3, 'µs');
  if (ns < SECOND) return trim(ns / MS, 'ms');
  if (ns < MINUTE) return trim(ns / SECOND, 's');
  const seconds = Math.round(ns / SECOND);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return [h && `${h} h`, m && `${m} m`, !h && s && `${s} s`].filter(Boolean).join(' ');
}

function roundDuration(ns: number): number {
  if (ns > 30 * SECOND) {
    const minutes = [1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440].map((one) => one * MINUTE);
    return minutes.find((one) => one >= ns) ?? Math.ceil(ns / (1440 * MINUTE)) * 1440 * MINUTE;
  }
  const power = 10 ** Math.floor(Math.log10(ns));
  const step = ([1, 2, 4, 5, 10].find((one) => one * power >= ns * 0.999) ?? 10) * power;
  return step > 30 * SECOND ? MINUTE : step;
}

/** `+38 %`, `−12 %`, `±0 %`. */
export function formatChange(change: number): string {
  const percent = Math.round(Math.abs(change) * 100);
  return percent === 0 ? '±0 %' : `${change > 0 ? '+' : '−'}${percent} %`;
}

/** `61 %`, and one digit more near the ends, where it matters; a dash for a share of nothing. */
export function formatShare(share: number | null): string {
  if (share === null) return '–';
  const percent = share * 100;
  const fine = (percent > 0 && percent < 1) || (percent > 99 && percent < 100);
  return `${fine ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** A line through points, with breaks where a value is missing; a lone point is a short dash. */
export function linePath(points: readonly (readonly [number, number | null])[], x: Scale, y: Scale): string {
  let path = '';
  let open = false;
  points.forEach(([at, value], index) => {
    if (value === null) {
      open = false;
      return;
    }
    const [px, py] = [x(at).toFixed(1), y(value).toFixed(1)];
    const lone = !open && (points[index + 1]?.[1] ?? null) === null;
    path += open ? `L${px} ${py}` : `M${px} ${py}${lone ? 'h2' : ''}`;
    open = true;
  });
  return path;
}
