import type { Standing } from '../api/calls';
import { durationOf, formatCount, formatDuration } from '../time';

/** `p92 of 41 208 of its kind`, their percentiles, and how they lie, in blocks from the fastest to the slowest. */
export function rankTitle({ percentile, n, p50_ns, p95_ns, p99_ns, bounds_ns, counts }: Standing): string {
  const say = (time: string | undefined) => formatDuration(durationOf(time ?? '0'));
  return `p${percentile.toFixed(percentile > 99 ? 1 : 0)} of ${formatCount(n)} of its kind
p50 ${say(p50_ns)}, p95 ${say(p95_ns)}, p99 ${say(p99_ns)}
${say(bounds_ns[0])} ${barsOf(counts)} ${say(bounds_ns.at(-1))}`;
}

const BLOCKS = '▁▂▃▄▅▆▇█';

/** One block for each count; a blank for none, and never a blank for some. */
export function barsOf(counts: readonly number[]): string {
  const most = Math.max(1, ...counts);
  return counts.map((count) => (count === 0 ? ' ' : BLOCKS[Math.ceil((count / most) * 8) - 1])).join('');
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
