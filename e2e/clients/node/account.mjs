// Keeps account of what an exporter delivered, in the form that the tests read.
import { diag, DiagLogLevel, SpanKind, SpanStatusCode } from '@opentelemetry/api';

const troubles = [];
// The SDK logs a partial success as a warning and calls it a success: here it is a failure.
diag.setLogger(
  { error: (...what) => troubles.push(what.join(' ')), warn: (...what) => troubles.push(what.join(' ')) },
  { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
);

export function trouble(error) {
  troubles.push(error.message);
}

/** Makes the exporter remember what was delivered. */
export function witness(exporter) {
  exporter.delivered = [];
  const send = exporter.export.bind(exporter);
  exporter.export = (items, done) =>
    send(items, (result) => {
      if (result.code === 0) exporter.delivered.push(...[items].flat());
      else troubles.push(`not delivered: ${result.error?.message}`);
      done(result);
    });
  return exporter;
}

/** Prints the account as one line, and ends the process: with 0 only if all went well. */
export function settle(account) {
  if (account.spans.length === 0) troubles.push('no span was delivered');
  console.log(JSON.stringify(account));
  for (const trouble of troubles) console.error(trouble);
  process.exit(troubles.length ? 1 : 0);
}

export function describeSpan(span) {
  return {
    trace_id: span.spanContext().traceId,
    span_id: span.spanContext().spanId,
    parent_span_id: span.parentSpanContext?.spanId ?? null,
    name: span.name,
    kind: SpanKind[span.kind].toLowerCase(),
    start_ns: nanoseconds(span.startTime),
    end_ns: nanoseconds(span.endTime),
    status: { code: SpanStatusCode[span.status.code].toLowerCase(), message: span.status.message ?? '' },
    attributes: describe(span.attributes),
    resource: describe(span.resource.attributes),
    scope: span.instrumentationScope.name,
    events: span.events.map(({ name, time, attributes = {} }) => ({
      name,
      time_ns: nanoseconds(time),
      attributes: describe(attributes),
    })),
    links: span.links.map(({ context, attributes = {} }) => ({
      trace_id: context.traceId,
      span_id: context.spanId,
      attributes: describe(attributes),
    })),
  };
}

function nanoseconds([seconds, nanos]) {
  return String(BigInt(seconds) * 1_000_000_000n + BigInt(nanos));
}

function describe(attributes) {
  return Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, describeValue(value)]));
}

function describeValue(value) {
  if (Array.isArray(value)) return { type: 'array', value: value.map(describeValue) };
  switch (typeof value) {
    case 'string':
      return { type: 'string', value };
    case 'boolean':
      return { type: 'bool', value };
    case 'number':
      return Number.isInteger(value) ? { type: 'int', value: String(BigInt(value)) } : { type: 'double', value };
    default:
      throw new TypeError(`no test sends a ${typeof value}`);
  }
}
