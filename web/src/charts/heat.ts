import type { HeatMap, Latency } from '../api/types';
import { durationOf, msOf } from '../time';
import { linear, type Scale } from './scale';

/** The heat map in numbers that can be drawn: times in ms since 1970, durations in ns. */
export interface Heat {
  from: number;
  step: number;
  columns: number;
  /** One more than there are rows. */
  bounds: number[];
  counts: readonly (readonly number[])[];
  most: number;
}

export interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** Cells of a heat map, both ends included; rows count from the shortest. */
export interface Cells {
  left: number;
  right: number;
  low: number;
  high: number;
}

/** Seven steps of the colour scale, 0 the faintest. */
export const LEVELS = 7;

export function heatOf(answer: HeatMap): Heat {
  const bounds = answer.bounds_ns.map(durationOf);
  // A logarithm has no place for zero.
  if (bounds[0] !== undefined && bounds[0] <= 0) bounds[0] = (bounds[1] ?? 2) / Math.SQRT2;
  return {
    from: msOf(answer.from_ns),
    step: msOf(answer.step_ns),
    columns: answer.counts.length,
    bounds,
    counts: answer.counts,
    most: answer.counts.reduce((most, row) => row.reduce((top, one) => Math.max(top, one), most), 0),
  };
}

export const rowsOf = (heat: Heat): number => Math.max(0, heat.bounds.length - 1);
export const endOf = (heat: Heat): number => heat.from + heat.step * heat.columns;

/** −1 for an empty cell, which stays empty. */
export function levelOf(count: number, most: number): number {
  if (!(count > 0)) return -1;
  return Math.min(LEVELS - 1, Math.floor(LEVELS * (count / most) ** 0.6));
}

/** One path for each step of the colour scale: thousands of cells, seven elements. */
export function cellPaths(heat: Heat, frame: Frame): string[] {
  const paths: string[] = Array<string>(LEVELS).fill('');
  const [width, height] = [frame.width / heat.columns, frame.height / Math.max(1, rowsOf(heat))];
  const [w, h] = [Math.max(0.5, width - 1).toFixed(1), Math.max(0.5, height - 1).toFixed(1)];
  heat.counts.forEach((column, index) => {
    const x = (frame.left + index * width + 0.5).toFixed(1);
    column.forEach((count, row) => {
      const level = levelOf(count, heat.most);
      if (level < 0) return;
      const y = (frame.top + frame.height - (row + 1) * height + 0.5).toFixed(1);
      paths[level] += `M${x} ${y}h${w}v${h}h-${w}z`;
    });
  });
  return paths;
}

export function scales(heat: Heat, frame: Frame): { x: Scale; y: Scale; timeAt: Scale; durationAt: Scale } {
  const times = [heat.from, endOf(heat)] as const;
  const logs = [Math.log(heat.bounds[0] ?? 1), Math.log(heat.bounds.at(-1) ?? 2)] as const;
  const [across, up] = [
    [frame.left, frame.left + frame.width],
    [frame.top + frame.height, frame.top],
  ] as const;
  const y = linear(logs, up as [number, number]);
  const back = linear(up as [number, number], logs);
  return {
    x: linear(times, across as [number, number]),
    y: (ns) => y(Math.log(Math.max(ns, 1))),
    timeAt: linear(across as [number, number], times),
    durationAt: (py) => Math.exp(back(py)),
  };
}

/** The cell under a point, or the nearest one. */
export function cellAt(heat: Heat, frame: Frame, px: number, py: number): { column: number; row: number } {
  const column = Math.floor(((px - frame.left) / frame.width) * heat.columns);
  const row = Math.floor(((frame.top + frame.height - py) / frame.height) * rowsOf(heat));
  return { column: clamp(column, heat.columns), row: clamp(row, rowsOf(heat)) };
}

const clamp = (index: number, count: number) => Math.min(Math.max(index, 0), Math.max(0, count - 1));

export const cellsBetween = (a: { column: number; row: number }, b: { column: number; row: number }): Cells => ({
  left: Math.min(a.column, b.column),
  right: Math.max(a.column, b.column),
  low: Math.min(a.row, b.row),
  high: Math.max(a.row, b.row),
});

/** Moved as a whole, or with its upper right corner alone; stays on the map, at least one cell large. */
export function moved(cells: Cells, heat: Heat, across: number, up: number, corner: boolean): Cells {
  const last = { column: heat.columns - 1, row: rowsOf(heat) - 1 };
  if (corner) {
    return {
      ...cells,
      right: Math.min(last.column, Math.max(cells.left, cells.right + across)),
      high: Math.min(last.row, Math.max(cells.low, cells.high + up)),
    };
  }
  const dx = Math.min(Math.max(across, -cells.left), last.column - cells.right);
  const dy = Math.min(Math.max(up, -cells.low), last.row - cells.high);
  return { left: cells.left + dx, right: cells.right + dx, low: cells.low + dy, high: cells.high + dy };
}

/** How many stand in the cells. */
export const countIn = (heat: Heat, { left, right, low, high }: Cells): number =>
  heat.counts
    .slice(left, right + 1)
    .reduce((sum, column) => sum + column.slice(low, high + 1).reduce((part, one) => part + one, 0), 0);

/** So many spans inside a box and outside of it are needed to say what differs. */
export const ENOUGH = 20;

/** The least length of the slowest 5 %, or of as many rows of the map as are enough; null where too few stay outside. */
export function slowestOf(heat: Heat, { n, p95_ns }: Latency): { min: number; percent: number } | null {
  if (p95_ns !== null && n * 0.05 >= ENOUGH) return { min: durationOf(p95_ns), percent: 5 };
  const [right, high] = [heat.columns - 1, rowsOf(heat) - 1];
  const inside = (low: number) => countIn(heat, { left: 0, right, low, high });
  let low = high;
  while (low > 0 && inside(low) < ENOUGH) low--;
  if (inside(low) < ENOUGH || n - inside(low) < ENOUGH) return null;
  return { min: heat.bounds[low] ?? 0, percent: Math.round((100 * inside(low)) / n) };
}
