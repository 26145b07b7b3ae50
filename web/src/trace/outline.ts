/** Spans of a large call as the server tells them in columns: what a picture is drawn from. */

import type { Attribute, InteractionDetail, Outline, Span, SpanLink } from '../api/types';
import { parseNanos } from '../time';

/** More spans than this come in outline: each span's other attributes and its events when somebody asks for them. */
export const OUTLINE_ABOVE = 5000;

const NONE: never[] = [];
const SCOPE = { name: '', version: '' };
const UNSET: Span['status'] = { code: 'unset', message: '' };

/** A span of which only the outline is known. */
export class Outlined implements Span {
  readonly scope = SCOPE;
  readonly revision = 0;
  readonly resource: Attribute[] = NONE;
  readonly events: Span['events'] = NONE;
  attributes: Attribute[] = NONE;
  links: SpanLink[] = NONE;
  status = UNSET;
  finished = true;

  constructor(
    private readonly base: bigint,
    /** Nanoseconds since the outline begins. */
    readonly offset: number,
    readonly duration: number,
    readonly trace_id: string,
    readonly span_id: string,
    readonly parent_span_id: string | null,
    readonly name: string,
    readonly service: string,
    readonly kind: Span['kind'],
    readonly stage: Span['stage'],
  ) {}

  get start_ns(): string {
    return String(this.base + BigInt(this.offset));
  }

  get duration_ns(): string {
    return String(this.duration);
  }
}

export function spansOf(outline: Outline): Span[] {
  const { strings, span_id, parent, start, duration } = outline;
  const text = (place: number | undefined): string => strings[place ?? -1] ?? '';
  const base = parseNanos(outline.start_ns);
  let missing = 0;
  const spans = span_id.map((id, at) => {
    const above = parent[at] ?? -1;
    const stage = outline.stage[at] ?? -1;
    return new Outlined(
      base,
      start[at] ?? 0,
      duration[at] ?? 0,
      outline.traces[outline.trace[at] ?? -1] ?? '',
      id,
      above >= 0 ? (span_id[above] ?? null) : above === -2 ? (outline.missing_parents[missing++] ?? null) : null,
      text(outline.name[at]),
      text(outline.service[at]),
      text(outline.kind[at]) as Span['kind'],
      stage < 0 ? null : (text(stage) as Span['stage']),
    );
  });
  for (const at of outline.unfinished) if (spans[at]) spans[at].finished = false;
  for (let at = 0; at < outline.errors.length; at += 2) {
    const span = spans[outline.errors[at] ?? -1];
    if (span) span.status = { code: 'error', message: text(outline.errors[at + 1]) };
  }
  for (let at = 0; at < outline.attributes.length; at += 3) {
    const span = spans[outline.attributes[at] ?? -1];
    if (!span) continue;
    const one: Attribute = {
      key: text(outline.attributes[at + 1]),
      type: 'string',
      value: text(outline.attributes[at + 2]),
    };
    if (span.attributes === NONE) span.attributes = [one];
    else span.attributes.push(one);
  }
  for (const { span, link } of outline.links) if (spans[span]) spans[span].links = [...spans[span].links, link];
  return spans;
}

export const opened = (detail: InteractionDetail): InteractionDetail =>
  detail.outline ? { ...detail, spans: spansOf(detail.outline) } : detail;

export const isOutlined = (spans: readonly Span[]): boolean => spans[0] instanceof Outlined;

/** The same spans in the same order, as much of each as is known. */
export function completed(outlined: readonly Span[], whole: readonly Span[]): Span[] {
  const key = ({ trace_id, span_id, service, kind }: Span) => `${trace_id}.${span_id}.${service}.${kind}`;
  const known = new Map(whole.map((span) => [key(span), span]));
  return outlined.map((span) => known.get(key(span)) ?? span);
}
