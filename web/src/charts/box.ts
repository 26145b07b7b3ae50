import type { Query } from '../api/client';
import { endOf, rowsOf, type Cells, type Heat } from './heat';
import { clockIn, shortDuration } from './scale';

/** A part of a heat map: times in ms since 1970, durations in ns; no longest one means no bound. */
export interface Box {
  from: number;
  to: number;
  min: number;
  max: number | null;
}

/** `1763733600000-1763742000000,80000-420000`: all in ms, the last may be missing. */
export function formatBox({ from, to, min, max }: Box): string {
  const ms = (ns: number) => Number((ns / 1e6).toFixed(3));
  return `${Math.round(from)}-${Math.round(to)},${ms(min)}-${max === null ? '' : ms(max)}`;
}

/** Null for anything that is not a box. */
export function parseBox(text: string | null): Box | null {
  const match = /^(\d{1,14})-(\d{1,14}),(\d{1,12}(?:\.\d{1,3})?)-(\d{1,12}(?:\.\d{1,3})?)?$/.exec(text ?? '');
  if (!match) return null;
  const [from, to, min] = [Number(match[1]), Number(match[2]), Number(match[3]) * 1e6];
  const max = match[4] === undefined ? null : Number(match[4]) * 1e6;
  return from < to && (max === null || min < max) ? { from, to, min, max } : null;
}

export function boxOf(heat: Heat, { left, right, low, high }: Cells): Box {
  return {
    from: heat.from + left * heat.step,
    to: heat.from + (right + 1) * heat.step,
    min: heat.bounds[low] ?? 0,
    max: heat.bounds[high + 1] ?? null,
  };
}

/** The cells that a box touches; null where it lies beside the map. */
export function cellsOf(heat: Heat, box: Box): Cells | null {
  if (box.to <= heat.from || box.from >= endOf(heat) || rowsOf(heat) === 0) return null;
  const column = (at: number) => (at - heat.from) / heat.step;
  const low = heat.bounds.findLastIndex((bound) => bound <= box.min * 1.0001);
  const { max } = box;
  const high = max === null ? -1 : heat.bounds.findIndex((bound) => bound >= max * 0.9999);
  return {
    left: Math.max(0, Math.floor(column(box.from) + 1e-6)),
    right: Math.min(heat.columns - 1, Math.ceil(column(box.to) - 1e-6) - 1),
    low: Math.min(rowsOf(heat) - 1, Math.max(0, low)),
    high: Math.max(0, (high < 0 ? rowsOf(heat) : high) - 1),
  };
}

/** `20 Nov 13:20 to 15:40, 1 m 20 s to 7 m`. */
export function describeBox(box: Box, zone: string): string {
  const round = (ns: number) => (ns < 60e9 ? ns : Math.round(ns / 1e9) * 1e9);
  const length =
    box.max === null
      ? `${shortDuration(round(box.min))} and more`
      : `${shortDuration(round(box.min))} to ${shortDuration(round(box.max))}`;
  return `${clockIn(box.from, zone, 0)} to ${clockIn(box.to, zone, box.from)}, ${length}`;
}

/** The box as the API asks for it. */
export const boxQuery = ({ from, to, min, max }: Box): Query => ({
  box_from: new Date(from).toISOString(),
  box_to: new Date(to).toISOString(),
  box_min: Math.round(min),
  box_max: max === null ? undefined : Math.round(max),
});
