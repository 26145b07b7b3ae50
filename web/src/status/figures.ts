/** Counts that grow -> what happens in a second. Pure. */

import type { Pipeline, Status } from '../api/alerts';
import { formatCount, parseNanos } from '../time';

/** Two looks: what was counted at the first one, and how much later the second one is, in seconds. */
export interface Since {
  before: Status;
  seconds: number;
}

export function since(before: Status | null, now: Status): Since | null {
  if (!before?.process || !now.process) return null;
  const seconds = Number(parseNanos(now.as_of) - parseNanos(before.as_of)) / 1e9;
  // Another process counts from zero.
  return seconds > 0 && now.process.uptime_seconds >= before.process.uptime_seconds ? { before, seconds } : null;
}

/** A second's worth of a number that every look has; null where nothing is known yet. */
export function rate(since: Since | null, now: number, of: (before: Pipeline) => number | undefined, name: string) {
  const pipeline = since?.before.process?.pipelines.find((one) => one.name === name);
  const before = pipeline && of(pipeline);
  return since && before !== undefined && now >= before ? (now - before) / since.seconds : null;
}

/** `1 204/s`, `0.4/s`; a dash where it is not known yet. */
export function formatRate(rate: number | null): string {
  if (rate === null) return '–';
  return `${rate >= 10 || rate === 0 ? formatCount(Math.round(rate)) : rate.toFixed(1)}/s`;
}

/** `38 KiB`, `1.2 GiB`. */
export function formatBytes(bytes: number | null): string {
  if (bytes === null) return '–';
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  const value = bytes / 1024 ** power;
  return `${power && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/** `12 filtered, 3 sampled`: the most first. */
export const sayReasons = (by: Record<string, number>): string =>
  Object.entries(by)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${formatCount(count)} ${reason}`)
    .join(', ');
