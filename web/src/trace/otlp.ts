/** Spans of the API as OTLP/JSON, which every other tool reads. */

import type { Attribute, Json, Span } from '../api/types';

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'];
const STATUS = ['unset', 'ok', 'error'];

/** One `ResourceSpans` for each resource, one `ScopeSpans` for each scope. */
export function toOtlp(spans: readonly Span[]): Json {
  const resources = new Map<string, { span: Span; scopes: Map<string, Span[]> }>();
  for (const span of spans) {
    const key = JSON.stringify(span.resource);
    const resource = resources.get(key) ?? { span, scopes: new Map<string, Span[]>() };
    resources.set(key, resource);
    const scope = JSON.stringify([span.scope.name, span.scope.version]);
    const same = resource.scopes.get(scope);
    if (same) same.push(span);
    else resource.scopes.set(scope, [span]);
  }
  return {
    resourceSpans: [...resources.values()].map(({ span, scopes }) => ({
      resource: { attributes: span.resource.map(keyValue) },
      scopeSpans: [...scopes.values()].map((group) => ({
        scope: { name: group[0]?.scope.name ?? '', version: group[0]?.scope.version ?? '' },
        spans: group.map(one),
      })),
    })),
  };
}

function one(span: Span): Json {
  return {
    traceId: span.trace_id,
    spanId: span.span_id,
    ...(span.parent_span_id ? { parentSpanId: span.parent_span_id } : {}),
    name: span.name,
    kind: Math.max(0, KINDS.indexOf(span.kind)),
    startTimeUnixNano: span.start_ns,
    endTimeUnixNano: sum(span.start_ns, span.duration_ns),
    attributes: span.attributes.map(keyValue),
    events: span.events.map(({ time_ns, name, attributes }) => ({
      timeUnixNano: time_ns,
      name,
      attributes: attributes.map(keyValue),
    })),
    links: span.links.map(({ trace_id, span_id, attributes }) => ({
      traceId: trace_id,
      spanId: span_id,
      attributes: attributes.map(keyValue),
    })),
    status: { code: Math.max(0, STATUS.indexOf(span.status.code)), message: span.status.message },
  };
}

const keyValue = ({ key, type, value }: Attribute): Json => ({ key, value: typed(type, value) });

function typed(type: Attribute['type'], value: Json): Json {
  switch (type) {
    case 'string':
      return { stringValue: String(value) };
    case 'int':
      return { intValue: String(value) };
    case 'double':
      return { doubleValue: value };
    case 'bool':
      return { boolValue: value === true };
    case 'bytes':
      return { bytesValue: String(value) };
    case 'array':
    case 'map':
      return within(value);
    case 'empty':
      return {};
  }
}

/** Inside lists and maps the API's JSON does not tell a number's type: digits stay text. */
function within(value: Json): Json {
  if (value === null) return {};
  if (Array.isArray(value)) return { arrayValue: { values: value.map(within) } };
  if (typeof value === 'object')
    return { kvlistValue: { values: Object.entries(value).map(([key, inner]) => ({ key, value: within(inner) })) } };
  if (typeof value === 'boolean') return { boolValue: value };
  return typeof value === 'number' ? { doubleValue: value } : { stringValue: value };
}

function sum(start: string, duration: string): string {
  try {
    return String(BigInt(start) + BigInt(duration));
  } catch {
    return start;
  }
}
