/** How long until somebody talked, and how much of the record is where trace context put it. */

import type { Span } from '../api/types';
import { parseNanos } from '../time';
import type { Model } from './model';

/** From the first queue to the first talk; null where the call met no queue, or nobody talked. */
export function answeredAfter(spans: readonly Span[]): number | null {
  const first = (stage: string) =>
    spans
      .filter((span) => span.stage === stage)
      .map((span) => parseNanos(span.start_ns))
      .reduce<bigint | null>((least, one) => (least === null || one < least ? one : least), null);
  const [queued, talked] = [first('queue'), first('talk')];
  return queued === null || talked === null || talked < queued ? null : Number(talked - queued);
}

export interface Completeness {
  /** 0 to 100, whole only where nothing is amiss. */
  percent: number;
  words: string;
}

export function completeness({ nodes, rejoined, running }: Model, truncated: boolean): Completeness {
  const missing = nodes.filter(({ placement }) => placement === 'orphan' || placement === 'cycle').length;
  const off = rejoined + missing;
  const share = nodes.length > 0 ? Math.floor(((nodes.length - off) / nodes.length) * 100) : 100;
  const words = [
    ...(rejoined > 0 ? [`${rejoined} rejoined`] : []),
    ...(missing > 0 ? [`${missing} without parent`] : []),
    ...(running ? ['still running'] : []),
    ...(truncated ? ['cut off'] : []),
  ];
  return { percent: truncated ? Math.min(share, 99) : share, words: words.join(', ') || 'every parent is here' };
}
