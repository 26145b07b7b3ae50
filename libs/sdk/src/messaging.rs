//! OpenTelemetry's conventions for messages.

use opentelemetry::trace::{Link, SpanBuilder, SpanKind};
use opentelemetry::{Context, KeyValue};

use crate::span::Open;

/// A kind of messages; its name is one out of few.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind<'a> {
    pub(crate) system: &'static str,
    pub(crate) name: &'a str,
}

impl Kind<'_> {
    #[cfg(feature = "websocket")]
    pub(crate) fn send(self, text: &str, parent: &Context) -> Open {
        let builder = self.builder("send", SpanKind::Producer, text);
        Open::start(builder, parent)
    }

    pub(crate) fn process(
        self,
        text: &str,
        parent: &Context,
        more: Vec<KeyValue>,
        link: Option<Link>,
    ) -> Open {
        let mut builder = self.builder("process", SpanKind::Consumer, text);
        builder.attributes.get_or_insert_default().extend(more);
        builder.links = link.map(|link| vec![link]);
        Open::start(builder, parent)
    }

    fn builder(self, operation: &'static str, kind: SpanKind, text: &str) -> SpanBuilder {
        let size = i64::try_from(text.len()).unwrap_or(i64::MAX);
        SpanBuilder::from_name(format!("{operation} {}", self.name)).with_kind(kind).with_attributes([
            KeyValue::new("messaging.system", self.system),
            KeyValue::new("messaging.operation.name", operation),
            KeyValue::new("messaging.operation.type", operation),
            KeyValue::new("messaging.message.body.size", size),
        ])
    }
}
