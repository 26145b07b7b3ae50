/** Where other spans of the same kind are to be seen, with the filters of this one. */

import type { Standing } from '../api/calls';
import { compareHref, interactionsHref, stageHref } from '../routes';
import { durationOf, instant } from '../time';
import { lookUp } from './attributes';
import type { Node } from './model';

const HOUR = 3_600_000;

export interface Other {
  label: string;
  href: string;
}

/** `startMs` is when the span began, since 1970. */
export function othersOf({ span, stage }: Node, startMs: number, rank: Standing | undefined): Other[] {
  const [from, to] = [startMs - 12 * HOUR, startMs + 12 * HOUR];
  const around = { from: instant(from), to: instant(to) };
  const found = (all: Record<string, string | null>) =>
    `?${new URLSearchParams(Object.entries(all).flatMap(([key, value]) => (value ? [[key, value]] : [])))}`;
  if (!stage)
    return [
      {
        label: 'Against last week',
        href: compareHref(found({ service: span.service })),
      },
      {
        label: 'Calls through it',
        href: interactionsHref(found({ service: span.service, ...around })),
      },
    ];
  const like = { ...around, queue: lookUp(span, 'interaction.queue.name'), region: lookUp(span, 'interaction.region') };
  const slow = rank ? Math.round(durationOf(rank.p95_ns) / 1e6) : 0;
  const median = rank ? Math.round(durationOf(rank.p50_ns) / 1e6) : 0;
  const box = (min: number, max: number | '') => `${Math.round(from)}-${Math.round(to)},${min}-${max}`;
  const other = (label: string, box = ''): Other => ({ label, href: stageHref(stage, found({ ...like, box })) });
  return [
    other('Similar'),
    ...(slow > 0 ? [other('Slowest', box(slow, ''))] : []),
    ...(median > 0 ? [other('About the median', box(Math.floor(median * 0.9), Math.ceil(median * 1.1)))] : []),
  ];
}
