/** What became of the context headers of one request: as sent, as received. */

import type { Attribute, Json } from '../api/types';
import type { Node } from './model';

export type Verdict = 'same' | 'rewritten' | 'absent' | 'unsampled' | 'added' | 'unknown';

export interface HeaderSeen {
  name: string;
  sent: string | null;
  received: string | null;
  verdict: Verdict;
  /** Nobody recorded the header: its value follows from the ids of the spans. */
  derived: boolean;
}

const CONTEXT = ['traceparent', 'tracestate', 'baggage', 'x-traceparent'];
const RECORDED = 'http.request.header.';
const RAW = 'throughline.context.raw';

/** `caller` is the span that sent the request, `callee` the one that served it; either may be unknown. */
export function headersSeen(caller: Node | null, callee: Node | null): HeaderSeen[] {
  const sent = caller ? recorded(caller.span.attributes) : new Map<string, string>();
  const received = callee ? recorded(callee.span.attributes) : new Map<string, string>();
  const raw = callee ? text(callee.span.attributes.find(({ key }) => key === RAW)?.value) : null;
  if (raw !== null && !received.has('traceparent')) received.set('traceparent', raw);
  const derivedSent = caller && !sent.has('traceparent') ? impliedSent(caller) : null;
  const derivedReceived = callee && !received.has('traceparent') ? impliedReceived(caller, callee) : undefined;
  const names = new Set([...CONTEXT, ...sent.keys(), ...received.keys()]);
  return [...names].flatMap((name) => {
    const isParent = name === 'traceparent';
    const from = sent.get(name) ?? (isParent ? derivedSent : null) ?? null;
    const to = received.get(name) ?? (isParent ? (derivedReceived ?? null) : null);
    if (from === null && to === null) return [];
    /** Silence of the callee means something only for the header that its own parent would show. */
    const heard = received.has(name) || (isParent && derivedReceived !== undefined) || received.size > 0;
    const derived = isParent && !(sent.has(name) || received.has(name));
    return [{ name, sent: from, received: to, verdict: verdictOf(name, from, to, heard, sent.size > 0), derived }];
  });
}

export const isLost = (seen: readonly HeaderSeen[]): boolean =>
  seen.some(
    ({ name, verdict }) =>
      (name === 'traceparent' || name === 'x-traceparent') && (verdict === 'absent' || verdict === 'rewritten'),
  );

export function verdictWords(verdict: Verdict): string {
  switch (verdict) {
    case 'same':
      return 'same';
    case 'rewritten':
      return 'rewritten';
    case 'absent':
      return 'absent';
    case 'unsampled':
      return 'sampled=0';
    case 'added':
      return 'added on the way';
    case 'unknown':
      return 'not recorded';
  }
}

function verdictOf(name: string, sent: string | null, received: string | null, heard: boolean, said: boolean): Verdict {
  if (received === null) return heard ? 'absent' : 'unknown';
  if (sent === null) return said ? 'added' : 'unknown';
  if (sent === received) return isUnsampled(name, received) ? 'unsampled' : 'same';
  const parts = [sent.split('-'), received.split('-')];
  const sameButFlags = name === 'traceparent' && parts[0]?.slice(0, 3).join('-') === parts[1]?.slice(0, 3).join('-');
  return sameButFlags && isUnsampled(name, received) ? 'unsampled' : sameButFlags ? 'same' : 'rewritten';
}

const isUnsampled = (name: string, value: string) => name === 'traceparent' && /-[0-9a-f][02468ace]$/.test(value);

/** What the header of a client span holds, if its library writes one. */
const impliedSent = ({ span }: Node) =>
  span.kind === 'client' || span.kind === 'producer' ? `00-${span.trace_id}-${span.span_id}-01` : null;

/** The parent of a server tells what it received; null where it received nothing, undefined where nobody knows. */
function impliedReceived(caller: Node | null, { span }: Node): string | null | undefined {
  if (span.kind !== 'server' && span.kind !== 'consumer') return undefined;
  if (span.parent_span_id) return `00-${span.trace_id}-${span.parent_span_id}-01`;
  return caller && caller.span.trace_id !== span.trace_id ? null : undefined;
}

function recorded(attributes: readonly Attribute[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const { key, value } of attributes) {
    const shown = key.startsWith(RECORDED) ? text(value) : null;
    if (shown !== null) found.set(key.slice(RECORDED.length).toLowerCase(), shown);
  }
  return found;
}

/** Recorded headers are lists, since a header may stand several times. */
function text(value: Json | undefined): string | null {
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.map(String).join(', ') : null;
}
