/** The hops between services: which cell to show, what it says, and what another team needs to know. */

import type { Hop, HopCell, HopExample, HopMatrix } from '../api/calls';
import { traceHref } from '../routes';
import { formatCount, formatIso, parseNanos } from '../time';

export const UNKNOWN = 'unknown caller';

export const RANGES = { '1h': 'Last hour', '24h': '24 hours', '7d': '7 days', all: 'All' } as const;
export type RangeName = keyof typeof RANGES;
const HOURS: Record<RangeName, number> = { '1h': 1, '24h': 24, '7d': 168, all: 0 };

export interface HopQuery {
  range: RangeName;
  from: string | null;
  to: string | null;
  service: string | null;
  /** The chosen cell; null for the first broken one. An empty sender is the unknown caller. */
  cell: { sender: string | null; receiver: string } | null;
}

export function parseHopQuery(search: string): HopQuery {
  const params = new URLSearchParams(search);
  const range = (Object.keys(RANGES) as RangeName[]).find((one) => one === params.get('range')) ?? '24h';
  const receiver = params.get('to_service');
  return {
    range,
    from: params.get('from'),
    to: params.get('to'),
    service: params.get('service'),
    cell: receiver === null ? null : { sender: params.get('from_service') || null, receiver },
  };
}

/** A fixed time has the word over a relative one. */
export function timesOf({ range, from, to }: HopQuery, nowMs: number): { from: string | null; to: string | null } {
  if (from || to) return { from, to };
  const hours = HOURS[range];
  return { from: hours ? new Date(nowMs - hours * 3_600_000).toISOString() : null, to: null };
}

export const isSame = (
  a: { sender: string | null; receiver: string },
  b: { sender: string | null; receiver: string },
) => a.sender === b.sender && a.receiver === b.receiver;

/** The first on the way of a request that loses more than half; else the one that loses the most. */
export function firstBroken({ cells, senders }: HopMatrix): HopCell | null {
  const place = ({ sender }: HopCell) => (sender === null ? senders.length : senders.indexOf(sender));
  const broken = cells.filter(({ state }) => state === 'lost').sort((a, b) => place(a) - place(b));
  return broken[0] ?? cells.find(({ state }) => state === 'some') ?? null;
}

export const hopOf = (hops: readonly Hop[], cell: HopCell): Hop | null =>
  hops.find(({ caller, callee }) => caller === cell.sender && callee === cell.receiver) ?? null;

/** Never `100 %` where one is missing, never `0 %` where there is one. */
export function percent(share: number): string {
  const rounded = Math.round(share * 100);
  if (rounded === 100 && share < 1) return '> 99 %';
  if (rounded === 0 && share > 0) return '< 1 %';
  return `${rounded} %`;
}

/** `crm-gateway starts a new trace in 100 % of requests`. */
export function verdictOf(cell: HopCell): string {
  const { receiver, new_root, rewritten, refused } = cell;
  const parts = [
    ...(refused > 0 ? [`refuses the context of ${percent(refused)}`] : []),
    ...(new_root - refused > 0.0005 ? [`starts a new trace in ${percent(new_root - refused)}`] : []),
    ...(rewritten > 0 ? [`goes on below a span that nobody sent in ${percent(rewritten)}`] : []),
  ];
  return parts.length > 0
    ? `${receiver} ${parts.join(', ')} of requests`
    : `Every request reaches ${receiver} with its parent`;
}

export const stateWords: Record<HopCell['state'], string> = { ok: 'kept', some: 'some lost', lost: 'lost' };

/** The ladder of an example, with the caller’s trace beside the callee’s. */
export function exampleHref({ callee, caller }: HopExample): string {
  const params = new URLSearchParams({ span: `${callee.trace_id}.${callee.span_id}`, tab: 'ladder' });
  params.set('with', caller?.trace_id ?? callee.trace_id);
  return `${traceHref(callee.trace_id)}?${params}`;
}

/** The version with which it began, where one did. */
export function guiltyVersion({ versions, lost }: Hop): string | null {
  if (lost === 0 || versions.length < 2) return null;
  const bad = versions.filter((one) => one.lost > one.requests / 2);
  return bad.length > 0 && bad.length < versions.length
    ? bad.map(({ version }) => version || 'without a version').join(', ')
    : null;
}

export function hopCopyBlock(cell: HopCell, hop: Hop | null): string {
  const since = cell.since_ns ?? hop?.since?.ns ?? null;
  const version = hop && guiltyVersion(hop);
  const example = hop?.example;
  return [
    `Trace context from ${cell.sender ?? UNKNOWN} to ${cell.receiver}`,
    '',
    `${verdictOf(cell)}.`,
    `Requests: ${formatCount(cell.n)}; with parent ${percent(cell.with_parent)}, new trace ${percent(cell.new_root)}, rewritten ${percent(cell.rewritten)}.`,
    ...(since ? [`Since: ${formatIso(parseNanos(since))}`] : []),
    ...(version ? [`Version: ${version}`] : []),
    ...(hop && hop.reasons.length > 0
      ? [`Reasons: ${hop.reasons.map(({ value, count }) => `${value} (${count})`).join(', ')}`]
      : []),
    ...(cell.guessed > 0
      ? [`${formatCount(cell.guessed)} of these were brought together by time and address alone.`]
      : []),
    ...(example
      ? [
          '',
          'Example:',
          ...(example.caller ? [`  sent:     trace ${example.caller.trace_id} span ${example.caller.span_id}`] : []),
          `  received: trace ${example.callee.trace_id} span ${example.callee.span_id} at ${formatIso(parseNanos(example.arrived_ns))}`,
          `  header as received: ${example.raw ?? 'absent'}${example.reason ? ` (${example.reason})` : ''}`,
        ]
      : []),
    ...(hop?.mend ? ['', `What to do: ${hop.mend}`] : []),
  ].join('\n');
}
