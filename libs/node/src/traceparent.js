// `traceparent` of W3C Trace Context, as in the Rust library: version 00 exactly, later versions as far as 00 goes.
const SHAPE = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;
const SAMPLED = 1;
const RANDOM = 2;

/** The span that a `traceparent` names; nothing if it cannot be used. */
export function parseTraceparent(text) {
  if (typeof text !== 'string') return undefined;
  const [, version, traceId, spanId, flags, rest] = SHAPE.exec(trim(text)) ?? [];
  if (!version || version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (ZEROS.test(traceId) || ZEROS.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & (SAMPLED | RANDOM), isRemote: true };
}

export function formatTraceparent({ traceId, spanId, traceFlags }) {
  const flags = (traceFlags & (SAMPLED | RANDOM)).toString(16).padStart(2, '0');
  return `00-${traceId}-${spanId}-${flags}`;
}

/**
 * The root span that a conversation has by rule where no context could be carried: the trace id is the UUID without
 * dashes, the span id its first 16 digits. Nothing for text that is not a UUID.
 */
export function conversationParent(uuid) {
  if (typeof uuid !== 'string' || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(uuid)) return undefined;
  const traceId = uuid.replaceAll('-', '').toLowerCase();
  if (ZEROS.test(traceId)) return undefined;
  const half = traceId.slice(0, 16);
  return { traceId, spanId: ZEROS.test(half) ? '0000000000000001' : half, traceFlags: SAMPLED, isRemote: true };
}

/**
 * A link to the trace that a call was in before its context was lost. The value is a trace id or a `traceparent`; with
 * a bare trace id the span is unknown, which is written as zeros.
 */
export function previousTraceLink(value, source = 'previous-trace-id') {
  if (typeof value !== 'string') return undefined;
  const parent = parseTraceparent(value);
  const traceId = parent?.traceId ?? trim(value);
  if (!parent && (!/^[0-9a-f]{32}$/.test(traceId) || ZEROS.test(traceId))) return undefined;
  return {
    context: parent ?? { traceId, spanId: '0'.repeat(16), traceFlags: 0, isRemote: true },
    attributes: { 'throughline.context.source': source },
  };
}

/** Optional white space of HTTP is spaces and tabs alone. */
function trim(text) {
  return text.replace(/^[ \t]+/, '').replace(/[ \t]+$/, '');
}
