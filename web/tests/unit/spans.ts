import type { Span } from '../../src/api/types';
import { SECOND } from '../../src/time';

/** A span in seconds; ids are short and readable. */
export function span(id: string, from: number, to: number, more: Partial<Span> = {}): Span {
  return {
    trace_id: 't',
    span_id: id,
    parent_span_id: null,
    name: id,
    kind: 'internal',
    service: 'one',
    scope: { name: '', version: '' },
    start_ns: String(BigInt(Math.round(from * SECOND)) + 1_800_000_000_000_000_000n),
    duration_ns: String(Math.round((to - from) * SECOND)),
    status: { code: 'unset', message: '' },
    stage: null,
    revision: 1,
    finished: true,
    attributes: [],
    resource: [],
    events: [],
    links: [],
    ...more,
  };
}

export const child = (id: string, parent: string, from: number, to: number, more: Partial<Span> = {}): Span =>
  span(id, from, to, { parent_span_id: parent, ...more });
