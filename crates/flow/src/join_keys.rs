//! Attributes that interactions and traces are joined by.

const JOIN_KEYS: [&str; 10] = [
    "interaction.id",
    "trace_id",
    "span_id",
    "parent_span_id",
    "traceparent",
    "previous-trace-id",
    "otel-trace-id",
    "sip.call_id",
    "service.instance.id",
    "messaging.message.id",
];

/// Without these, what belongs together falls apart: they are neither searched for personal data nor limited.
pub fn is_join_key(key: &str) -> bool {
    JOIN_KEYS.iter().any(|known| known.eq_ignore_ascii_case(key))
}
