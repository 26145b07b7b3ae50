//! The OTLP messages as tables: one description for the check, for JSON in and for JSON out.

mod step;

pub(super) use step::{Step, What};

use crate::batch::Signal;

/// A message type.
#[derive(Debug)]
pub struct Message {
    pub name: &'static str,
    /// True for what counts as one item: span, data point, log record.
    pub item: bool,
    fields: [Option<Field>; 17],
    steps: [Step; 16],
}

/// A field of a message.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub number: u32,
    /// As in OTLP/JSON.
    pub name: &'static str,
    pub kind: Kind,
    pub repeated: bool,
    /// A bit that may be seen once in a message; shared by the members of a `oneof`; 0 for repeated fields.
    pub once: u32,
    /// A list of `KeyValue`.
    attributes: bool,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    String,
    Bytes,
    /// Bytes of this length or none; hexadecimal in JSON.
    Id(usize),
    Bool,
    /// Varint of 32 bits; a JSON number.
    Int32,
    /// Zigzag varint; a JSON number.
    Sint32,
    /// Varint of 64 bits, signed; decimal text in JSON.
    Int64,
    /// Varint of 64 bits, unsigned; decimal text in JSON.
    Uint64,
    Fixed32,
    Fixed64,
    Sfixed64,
    Double,
    Enum(&'static [(&'static str, i32)]),
    Message(&'static Message),
}

impl Message {
    const fn new(name: &'static str, list: &[Field]) -> Self {
        let mut fields = [None; 17];
        let mut steps = [Step { tag: Step::NONE, what: What::Bytes, once: 0 }; 16];
        let mut at = 0;
        while at < list.len() {
            #[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
            {
                let number = list[at].number as usize;
                fields[number] = Some(list[at]);
                if number < steps.len() {
                    steps[number] = list[at].step();
                }
            }
            at += 1;
        }
        Self { name, item: false, fields, steps }
    }

    const fn item(name: &'static str, list: &[Field]) -> Self {
        Self { item: true, ..Self::new(name, list) }
    }

    /// The field of this number.
    #[inline]
    pub fn field(&'static self, number: u32) -> Option<&'static Field> {
        self.fields.get(number as usize)?.as_ref()
    }

    /// How to take a field with this tag.
    #[inline]
    pub(super) fn step(&'static self, tag: u8) -> Option<&'static Step> {
        self.steps.get(usize::from(tag >> 3)).filter(|step| step.tag == tag)
    }

    /// The field that JSON calls so, in `lowerCamelCase` or as the `.proto` has it.
    pub fn named(&'static self, name: &str) -> Option<&'static Field> {
        let exact = self.fields.iter().flatten().find(|field| field.name == name);
        exact.or_else(|| {
            let snake = name.contains('_');
            self.fields.iter().flatten().find(|field| snake && same_name(field.name, name))
        })
    }
}

/// True where the second name is the first one in `snake_case`.
fn same_name(camel: &str, snake: &str) -> bool {
    let mut rest = snake.chars();
    camel.chars().all(|letter| {
        (!letter.is_ascii_uppercase() || rest.next() == Some('_'))
            && rest.next() == Some(letter.to_ascii_lowercase())
    }) && rest.next().is_none()
}

/// The request message of a signal.
pub fn request(signal: Signal) -> &'static Message {
    match signal {
        Signal::Traces => &TRACES,
        Signal::Metrics => &METRICS,
        Signal::Logs => &LOGS,
    }
}

const fn one(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, repeated: false, once: 1 << number, attributes: false }
}

const fn many(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, repeated: true, once: 0, attributes: false }
}

const fn attributes(number: u32, name: &'static str) -> Field {
    Field { attributes: true, ..many(number, name, Kind::Message(&KEY_VALUE)) }
}

/// A member of the message's `oneof` (no OTLP message has two).
const fn either(number: u32, name: &'static str, kind: Kind) -> Field {
    Field { number, name, kind, repeated: false, once: 1 << 31, attributes: false }
}

use Kind::{Bool, Bytes, Double, Enum, Fixed32, Fixed64, Id, Int32, Int64, Sfixed64, Sint32, String, Uint64};

static TRACES: Message =
    Message::new("ExportTraceServiceRequest", &[many(1, "resourceSpans", Kind::Message(&RESOURCE_SPANS))]);

static RESOURCE_SPANS: Message = Message::new(
    "ResourceSpans",
    &[
        one(1, "resource", Kind::Message(&RESOURCE)),
        many(2, "scopeSpans", Kind::Message(&SCOPE_SPANS)),
        one(3, "schemaUrl", String),
    ],
);

static SCOPE_SPANS: Message = Message::new(
    "ScopeSpans",
    &[
        one(1, "scope", Kind::Message(&SCOPE)),
        many(2, "spans", Kind::Message(&SPAN)),
        one(3, "schemaUrl", String),
    ],
);

static RESOURCE: Message = Message::new(
    "Resource",
    &[
        attributes(1, "attributes"),
        one(2, "droppedAttributesCount", Int32),
        many(3, "entityRefs", Kind::Message(&ENTITY_REF)),
    ],
);

static ENTITY_REF: Message = Message::new(
    "EntityRef",
    &[
        one(1, "schemaUrl", String),
        one(2, "type", String),
        many(3, "idKeys", String),
        many(4, "descriptionKeys", String),
    ],
);

static SCOPE: Message = Message::new(
    "InstrumentationScope",
    &[
        one(1, "name", String),
        one(2, "version", String),
        attributes(3, "attributes"),
        one(4, "droppedAttributesCount", Int32),
    ],
);

static SPAN: Message = Message::item(
    "Span",
    &[
        one(1, "traceId", Id(16)),
        one(2, "spanId", Id(8)),
        one(3, "traceState", String),
        one(4, "parentSpanId", Id(8)),
        one(5, "name", String),
        one(6, "kind", Enum(SPAN_KINDS)),
        one(7, "startTimeUnixNano", Fixed64),
        one(8, "endTimeUnixNano", Fixed64),
        attributes(9, "attributes"),
        one(10, "droppedAttributesCount", Int32),
        many(11, "events", Kind::Message(&EVENT)),
        one(12, "droppedEventsCount", Int32),
        many(13, "links", Kind::Message(&LINK)),
        one(14, "droppedLinksCount", Int32),
        one(15, "status", Kind::Message(&STATUS)),
        one(16, "flags", Fixed32),
    ],
);

static EVENT: Message = Message::new(
    "Event",
    &[
        one(1, "timeUnixNano", Fixed64),
        one(2, "name", String),
        attributes(3, "attributes"),
        one(4, "droppedAttributesCount", Int32),
    ],
);

static LINK: Message = Message::new(
    "Link",
    &[
        one(1, "traceId", Id(16)),
        one(2, "spanId", Id(8)),
        one(3, "traceState", String),
        attributes(4, "attributes"),
        one(5, "droppedAttributesCount", Int32),
        one(6, "flags", Fixed32),
    ],
);

static STATUS: Message =
    Message::new("Status", &[one(2, "message", String), one(3, "code", Enum(STATUS_CODES))]);

static KEY_VALUE: Message = Message::new(
    "KeyValue",
    &[one(1, "key", String), one(2, "value", Kind::Message(&ANY_VALUE)), one(3, "keyStrindex", Int32)],
);

static ANY_VALUE: Message = Message::new(
    "AnyValue",
    &[
        either(1, "stringValue", String),
        either(2, "boolValue", Bool),
        either(3, "intValue", Int64),
        either(4, "doubleValue", Double),
        either(5, "arrayValue", Kind::Message(&ARRAY_VALUE)),
        either(6, "kvlistValue", Kind::Message(&KEY_VALUE_LIST)),
        either(7, "bytesValue", Bytes),
        either(8, "stringValueStrindex", Int32),
    ],
);

static ARRAY_VALUE: Message = Message::new("ArrayValue", &[many(1, "values", Kind::Message(&ANY_VALUE))]);
static KEY_VALUE_LIST: Message = Message::new("KeyValueList", &[attributes(1, "values")]);

static METRICS: Message = Message::new(
    "ExportMetricsServiceRequest",
    &[many(1, "resourceMetrics", Kind::Message(&RESOURCE_METRICS))],
);

static RESOURCE_METRICS: Message = Message::new(
    "ResourceMetrics",
    &[
        one(1, "resource", Kind::Message(&RESOURCE)),
        many(2, "scopeMetrics", Kind::Message(&SCOPE_METRICS)),
        one(3, "schemaUrl", String),
    ],
);

static SCOPE_METRICS: Message = Message::new(
    "ScopeMetrics",
    &[
        one(1, "scope", Kind::Message(&SCOPE)),
        many(2, "metrics", Kind::Message(&METRIC)),
        one(3, "schemaUrl", String),
    ],
);

static METRIC: Message = Message::new(
    "Metric",
    &[
        one(1, "name", String),
        one(2, "description", String),
        one(3, "unit", String),
        either(5, "gauge", Kind::Message(&GAUGE)),
        either(7, "sum", Kind::Message(&SUM)),
        either(9, "histogram", Kind::Message(&HISTOGRAM)),
        either(10, "exponentialHistogram", Kind::Message(&EXPONENTIAL_HISTOGRAM)),
        either(11, "summary", Kind::Message(&SUMMARY)),
        attributes(12, "metadata"),
    ],
);

static GAUGE: Message = Message::new("Gauge", &[many(1, "dataPoints", Kind::Message(&NUMBER_POINT))]);

static SUM: Message = Message::new(
    "Sum",
    &[
        many(1, "dataPoints", Kind::Message(&NUMBER_POINT)),
        one(2, "aggregationTemporality", Enum(TEMPORALITIES)),
        one(3, "isMonotonic", Bool),
    ],
);

static HISTOGRAM: Message = Message::new(
    "Histogram",
    &[
        many(1, "dataPoints", Kind::Message(&HISTOGRAM_POINT)),
        one(2, "aggregationTemporality", Enum(TEMPORALITIES)),
    ],
);

static EXPONENTIAL_HISTOGRAM: Message = Message::new(
    "ExponentialHistogram",
    &[
        many(1, "dataPoints", Kind::Message(&EXPONENTIAL_POINT)),
        one(2, "aggregationTemporality", Enum(TEMPORALITIES)),
    ],
);

static SUMMARY: Message = Message::new("Summary", &[many(1, "dataPoints", Kind::Message(&SUMMARY_POINT))]);

static NUMBER_POINT: Message = Message::item(
    "NumberDataPoint",
    &[
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        either(4, "asDouble", Double),
        many(5, "exemplars", Kind::Message(&EXEMPLAR)),
        either(6, "asInt", Sfixed64),
        attributes(7, "attributes"),
        one(8, "flags", Int32),
    ],
);

static HISTOGRAM_POINT: Message = Message::item(
    "HistogramDataPoint",
    &[
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        one(4, "count", Fixed64),
        one(5, "sum", Double),
        many(6, "bucketCounts", Fixed64),
        many(7, "explicitBounds", Double),
        many(8, "exemplars", Kind::Message(&EXEMPLAR)),
        attributes(9, "attributes"),
        one(10, "flags", Int32),
        one(11, "min", Double),
        one(12, "max", Double),
    ],
);

static EXPONENTIAL_POINT: Message = Message::item(
    "ExponentialHistogramDataPoint",
    &[
        attributes(1, "attributes"),
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        one(4, "count", Fixed64),
        one(5, "sum", Double),
        one(6, "scale", Sint32),
        one(7, "zeroCount", Fixed64),
        one(8, "positive", Kind::Message(&BUCKETS)),
        one(9, "negative", Kind::Message(&BUCKETS)),
        one(10, "flags", Int32),
        many(11, "exemplars", Kind::Message(&EXEMPLAR)),
        one(12, "min", Double),
        one(13, "max", Double),
        one(14, "zeroThreshold", Double),
    ],
);

static BUCKETS: Message =
    Message::new("Buckets", &[one(1, "offset", Sint32), many(2, "bucketCounts", Uint64)]);

static SUMMARY_POINT: Message = Message::item(
    "SummaryDataPoint",
    &[
        one(2, "startTimeUnixNano", Fixed64),
        one(3, "timeUnixNano", Fixed64),
        one(4, "count", Fixed64),
        one(5, "sum", Double),
        many(6, "quantileValues", Kind::Message(&VALUE_AT_QUANTILE)),
        attributes(7, "attributes"),
        one(8, "flags", Int32),
    ],
);

static VALUE_AT_QUANTILE: Message =
    Message::new("ValueAtQuantile", &[one(1, "quantile", Double), one(2, "value", Double)]);

static EXEMPLAR: Message = Message::new(
    "Exemplar",
    &[
        one(2, "timeUnixNano", Fixed64),
        either(3, "asDouble", Double),
        one(4, "spanId", Id(8)),
        one(5, "traceId", Id(16)),
        either(6, "asInt", Sfixed64),
        attributes(7, "filteredAttributes"),
    ],
);

static LOGS: Message =
    Message::new("ExportLogsServiceRequest", &[many(1, "resourceLogs", Kind::Message(&RESOURCE_LOGS))]);

static RESOURCE_LOGS: Message = Message::new(
    "ResourceLogs",
    &[
        one(1, "resource", Kind::Message(&RESOURCE)),
        many(2, "scopeLogs", Kind::Message(&SCOPE_LOGS)),
        one(3, "schemaUrl", String),
    ],
);

static SCOPE_LOGS: Message = Message::new(
    "ScopeLogs",
    &[
        one(1, "scope", Kind::Message(&SCOPE)),
        many(2, "logRecords", Kind::Message(&LOG_RECORD)),
        one(3, "schemaUrl", String),
    ],
);

static LOG_RECORD: Message = Message::item(
    "LogRecord",
    &[
        one(1, "timeUnixNano", Fixed64),
        one(2, "severityNumber", Enum(SEVERITIES)),
        one(3, "severityText", String),
        one(5, "body", Kind::Message(&ANY_VALUE)),
        attributes(6, "attributes"),
        one(7, "droppedAttributesCount", Int32),
        one(8, "flags", Fixed32),
        one(9, "traceId", Id(16)),
        one(10, "spanId", Id(8)),
        one(11, "observedTimeUnixNano", Fixed64),
        one(12, "eventName", String),
    ],
);

static SPAN_KINDS: &[(&str, i32)] = &[
    ("SPAN_KIND_UNSPECIFIED", 0),
    ("SPAN_KIND_INTERNAL", 1),
    ("SPAN_KIND_SERVER", 2),
    ("SPAN_KIND_CLIENT", 3),
    ("SPAN_KIND_PRODUCER", 4),
    ("SPAN_KIND_CONSUMER", 5),
];

static STATUS_CODES: &[(&str, i32)] =
    &[("STATUS_CODE_UNSET", 0), ("STATUS_CODE_OK", 1), ("STATUS_CODE_ERROR", 2)];

static TEMPORALITIES: &[(&str, i32)] = &[
    ("AGGREGATION_TEMPORALITY_UNSPECIFIED", 0),
    ("AGGREGATION_TEMPORALITY_DELTA", 1),
    ("AGGREGATION_TEMPORALITY_CUMULATIVE", 2),
];

static SEVERITIES: &[(&str, i32)] = &[
    ("SEVERITY_NUMBER_UNSPECIFIED", 0),
    ("SEVERITY_NUMBER_TRACE", 1),
    ("SEVERITY_NUMBER_TRACE2", 2),
    ("SEVERITY_NUMBER_TRACE3", 3),
    ("SEVERITY_NUMBER_TRACE4", 4),
    ("SEVERITY_NUMBER_DEBUG", 5),
    ("SEVERITY_NUMBER_DEBUG2", 6),
    ("SEVERITY_NUMBER_DEBUG3", 7),
    ("SEVERITY_NUMBER_DEBUG4", 8),
    ("SEVERITY_NUMBER_INFO", 9),
    ("SEVERITY_NUMBER_INFO2", 10),
    ("SEVERITY_NUMBER_INFO3", 11),
    ("SEVERITY_NUMBER_INFO4", 12),
    ("SEVERITY_NUMBER_WARN", 13),
    ("SEVERITY_NUMBER_WARN2", 14),
    ("SEVERITY_NUMBER_WARN3", 15),
    ("SEVERITY_NUMBER_WARN4", 16),
    ("SEVERITY_NUMBER_ERROR", 17),
    ("SEVERITY_NUMBER_ERROR2", 18),
    ("SEVERITY_NUMBER_ERROR3", 19),
    ("SEVERITY_NUMBER_ERROR4", 20),
    ("SEVERITY_NUMBER_FATAL", 21),
    ("SEVERITY_NUMBER_FATAL2", 22),
    ("SEVERITY_NUMBER_FATAL3", 23),
    ("SEVERITY_NUMBER_FATAL4", 24),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_name_a_field() {
        assert_eq!(SPAN.named("startTimeUnixNano").unwrap().number, 7);
        assert_eq!(SPAN.named("start_time_unix_nano").unwrap().number, 7);
        assert!(SPAN.named("starttimeunixnano").is_none());
        assert!(SPAN.named("start_time_unix_nano_").is_none());
    }
}
