/** Why a span stands where trace context did not put it, and what can be done about it. */

import { formatDuration, parseNanos, SECOND } from '../time';
import { lookUp } from './attributes';
import type { Node } from './model';

export interface Cause {
  kind: 'lost' | 'refused' | 'rewritten' | 'late' | 'missing' | 'cycle' | 'own';
  short: string;
  long: string;
  /** Between whom, where the caller is known or guessed. */
  hop: { from: string; to: string } | null;
  mend: string | null;
}

/** Spans of one call come within this time, as a rule. */
const LATE = 120 * SECOND;

/** `nowNs` decides whether a missing parent may still come. */
export function causeOf(node: Node, nowNs: bigint): Cause | null {
  switch (node.placement) {
    case null:
      return null;
    case 'cycle':
      return {
        kind: 'cycle',
        short: 'parents in a circle',
        long: 'Following the parents of this span leads back to itself, which no correct sender produces. The circle was cut here.',
        hop: null,
        mend: `Look at how ${node.span.service} sets the parent of its spans.`,
      };
    case 'rejoined':
      return restarted(node);
    case 'orphan':
      return orphaned(node, nowNs);
  }
}

/** The call that waited for this answer, as far as a span tells. */
export function callerOf({ parent, span }: Node): Node | null {
  if (!parent || parent.span.service === span.service) return null;
  return parent.span.kind === 'client' || parent.span.kind === 'producer' ? parent : null;
}

function restarted(node: Node): Cause {
  const { span, parent } = node;
  const caller = callerOf(node);
  const hop = caller ? { from: caller.span.service, to: span.service } : null;
  const reason = lookUp(span, 'throughline.context.reason');
  const guess = `The place of the span is a guess by time${hop ? ': ' + distance(node) : ''}.`;
  if (lookUp(span, 'throughline.context.decision') === 'restart') {
    return {
      kind: 'refused',
      short: 'context refused, rejoined',
      long: `${span.service} received a context and did not follow it${reason ? ` (${reason})` : ''}: it began a trace of its own. ${guess}`,
      hop,
      mend: `Let ${span.service} trust ${hop?.from ?? 'its caller'}, or mend what ${hop?.from ?? 'the caller'} sends.`,
    };
  }
  if (!hop)
    return {
      kind: 'own',
      short: 'new trace, rejoined',
      long: `No trace context led here: ${span.service} began a trace of its own. It shares the interaction id${parent ? `, and stands below “${parent.span.name}”, which was running when it began` : ''}. That place is a guess by time.`,
      hop: null,
      mend: null,
    };
  return {
    kind: 'lost',
    short: 'new trace, rejoined',
    long: `${span.service} began a new trace: no context came from ${hop.from}. Rejoined by interaction id. ${guess}`,
    hop,
    mend: `Pass traceparent and tracestate on from ${hop.from} to ${hop.to}, also through proxies in between; then let ${hop.to} continue them.`,
  };
}

function orphaned(node: Node, nowNs: bigint): Cause {
  const { span } = node;
  const caller = callerOf(node);
  const hop = caller ? { from: caller.span.service, to: span.service } : null;
  if (hop)
    return {
      kind: 'rewritten',
      short: 'parent rewritten',
      long: `The trace goes on, but below span ${span.parent_span_id}, which nobody sent, while ${hop.from} waited for an answer: something in between wrote a span id of its own.`,
      hop,
      mend: `Find the proxy or mesh between ${hop.from} and ${hop.to}: let it export its spans here too, or pass traceparent on unchanged.`,
    };
  const age = nowNs - parseNanos(span.start_ns) - parseNanos(span.duration_ns);
  if (age < BigInt(LATE))
    return {
      kind: 'late',
      short: 'parent not here yet',
      long: `The span names parent ${span.parent_span_id}, which has not arrived. The span is young: its parent often ends later. The page asks again by itself.`,
      hop: null,
      mend: null,
    };
  return {
    kind: 'missing',
    short: 'parent missing',
    long: `The span names parent ${span.parent_span_id}, which never arrived: it was sampled out, or belongs to a service that sends no spans here. It is not too old, since other spans of the time are kept.`,
    hop: null,
    mend: `Ask who calls ${span.service}: let that service send its spans here, and sample by the parent’s decision.`,
  };
}

function distance(node: Node): string {
  const after = node.parent ? node.start - node.parent.start : 0;
  return after >= 0
    ? `it began ${formatDuration(after)} after the request left`
    : `it began ${formatDuration(-after)} before the request left, so that clocks differ`;
}
