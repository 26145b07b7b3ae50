import { offsetOf } from '../time';

/** `<input type="datetime-local">` knows no zone: these two add and remove one. */

/** An RFC 3339 instant as the wall clock of a zone, `2026-11-20T14:02:11`. */
export function toLocal(iso: string | undefined, zone: string): string {
  const ms = iso ? Date.parse(iso) : NaN;
  return Number.isNaN(ms) ? '' : new Date(ms + offset(ms, zone)).toISOString().slice(0, 19);
}

/** The wall clock of a zone as an instant; undefined for anything that is not a time. */
export function fromLocal(text: string, zone: string): string | undefined {
  const wall = Date.parse(`${text}Z`);
  if (!text || Number.isNaN(wall)) return undefined;
  // The offset at the wall time is a first guess; the offset at that instant settles it near a clock change.
  const guess = wall - offset(wall, zone);
  return new Date(wall - offset(guess, zone)).toISOString();
}

/** How far the zone's clock is ahead of UTC, in milliseconds. */
export function offset(ms: number, zone: string): number {
  const [, sign, ...parts] = /([+-])(\d+):?(\d*):?(\d*)/.exec(offsetOf(zone, ms)) ?? [];
  const [h = 0, m = 0, s = 0] = parts.map(Number);
  return Number(`${sign ?? ''}1`) * (h * 3600 + m * 60 + s) * 1000;
}
