import type { SpanPercentile } from '../api/calls';
import { durationOf, formatCount, formatDuration } from '../time';

/** `p92 of 41 208 of its kind; p50 71 ms, p95 168 ms`. */
export function rankTitle({ percentile, n, p50_ns, p95_ns }: SpanPercentile): string {
  return `p${percentile.toFixed(percentile > 99 ? 1 : 0)} of ${formatCount(n)} of its kind; p50 ${formatDuration(durationOf(p50_ns))}, p95 ${formatDuration(durationOf(p95_ns))}`;
}

/** Places on a logarithmic scale `width` wide on which p50, p95 and the span itself all stand, with room at the ends. */
export function rankScale(p50: number, p95: number, here: number, width: number) {
  const log = (time: number) => Math.log(Math.max(1, time));
  const values = [log(p50), log(p95), log(here)];
  const [low, high] = [Math.min(...values) - 0.6, Math.max(...values) + 0.6];
  const x = (value: number) => Math.round(((value - low) / (high - low)) * width * 10) / 10;
  const [a = 0, b = 0, c = 0] = values.map(x);
  return { p50: a, p95: b, here: c };
}
