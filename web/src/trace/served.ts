/** How the caller was served, and how much of the record is where trace context put it. */

import type { ServiceLevel } from '../api/types';
import { durationOf, formatDuration } from '../time';
import type { Model } from './model';

/** Whether the service level of queues was met, and after which time. */
export function servedWords(served: ServiceLevel | null): { verdict: string; words: string } {
  if (!served) return { verdict: 'no queue', words: 'never came to one' };
  const verdict = { answered: '', abandoned: 'Left soon', elsewhere: 'Not counted', waiting: 'Waiting' }[served.end];
  const words = { answered: 'answered', abandoned: 'left after', elsewhere: 'went on after', waiting: 'so far' };
  return {
    verdict: served.met === null ? verdict : served.met ? 'Met' : 'Missed',
    words: `${words[served.end]} ${formatDuration(durationOf(served.waited_ns))}`,
  };
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
