import { formatMoment, formatOffset } from '../time';

/** How moments are told: since the start, in a zone, or since the line before. */
export const CLOCKS = ['start', 'absolute', 'before'] as const;
export type Clock = (typeof CLOCKS)[number];

export const clockNames: Record<Clock, string> = {
  start: 'Since start',
  absolute: 'Absolute',
  before: 'Since previous',
};
export const parseClock = (text: string | null): Clock => CLOCKS.find((one) => one === text) ?? 'start';

export function tellTime(clock: Clock, time: number, before: number | null, startNs: bigint, zone: string): string {
  if (clock === 'start') return formatOffset(time);
  if (clock === 'before') return before === null ? '' : formatOffset(time - before);
  return formatMoment(startNs + BigInt(Math.round(time)), zone).time;
}
