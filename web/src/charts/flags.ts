import type { Scale } from './scale';

/** Where the flag of one moment stands. */
export interface Flag {
  x: number;
  row: number;
  /** The name stands at this side of the pole; `bare` is a flag without its name, null a pole without a flag. */
  side: 'left' | 'right' | 'bare' | null;
}

const CHARACTER = 5.9;
const ROWS = 2;

/** Flags in the order of time. A name that fits nowhere is dropped, never cut; what can be pressed never overlaps. */
export function placeFlags(moments: readonly { at: number; text: string }[], x: Scale, width: number): Flag[] {
  const taken: [number, number][][] = Array.from({ length: ROWS }, () => []);
  const inside = ([from, to]: [number, number]) => from >= 0 && to <= width;
  const free = (row: number, [from, to]: [number, number]) =>
    (taken[row] ?? []).every(([start, end]) => to < start || from > end);
  const flags = moments.map(() => ({ x: 0, row: 0, side: null }) as Flag);
  // The newest matters most, so it chooses first.
  for (const index of [...moments.keys()].reverse()) {
    const moment = moments[index];
    if (!moment) continue;
    const at = Math.round(x(moment.at));
    const length = moment.text.length * CHARACTER + 8;
    const flag: Flag = { x: at, row: 0, side: null };
    for (const [row, side] of [
      [0, 'left'],
      [1, 'left'],
      [0, 'right'],
      [1, 'right'],
      [0, 'bare'],
      [1, 'bare'],
    ] as const) {
      const place: [number, number] =
        side === 'bare' ? [at - 4, at + 20] : side === 'left' ? [at - length, at + 14] : [at - 4, at + 14 + length];
      if (!free(row, place) || (side !== 'bare' && !inside(place))) continue;
      taken[row]?.push(place);
      Object.assign(flag, { row, side });
      break;
    }
    flags[index] = flag;
  }
  return flags;
}
