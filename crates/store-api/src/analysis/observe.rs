//! What a span tells of where time goes; what it does not say itself, its trace says.

use std::sync::Arc;

use crate::facts::earliest;
use crate::region::Source;
use crate::span::{Span, StatusCode, key};
use crate::stage::Stage;

/// One finished span.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    pub span: &'a Arc<Span>,
    pub stage: Option<Stage>,
    pub service: &'a str,
    pub operation: &'a str,
    pub queue: Option<&'a str>,
    pub region: Option<&'a str>,
    pub channel: Option<&'a str>,
    pub agent: Option<&'a str>,
    pub version: Option<&'a str>,
    pub failed: bool,
}

/// All spans of one trace.
pub struct Traced<'a> {
    pub spans: &'a [&'a Arc<Span>],
    context: Context<&'a str>,
}

/// What one span says of its trace.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Says<T> {
    pub region: Option<(Source, T)>,
    pub channel: Option<T>,
    pub queue: Option<T>,
}

/// What the spans of a trace say of those that do not say it themselves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Context<T> {
    /// The most telling one, the first of those.
    region: Option<(Source, u64, T)>,
    channel: Option<(u64, T)>,
    /// With the time of each, in order.
    queues: Vec<(u64, T)>,
}

impl<'a> Says<&'a str> {
    pub fn of(span: &'a Span) -> Self {
        Self { region: span.region(), channel: span.text(key::CHANNEL), queue: span.text(key::QUEUE) }
    }
}

impl<T: Ord> Context<T> {
    /// Of spans, each with its start.
    pub fn of(says: impl IntoIterator<Item = (u64, Says<T>)>) -> Self {
        let mut context = Self { region: None, channel: None, queues: Vec::new() };
        for (start_ns, Says { region, channel, queue }) in says {
            earliest(&mut context.region, region.map(|(source, region)| (source, start_ns, region)));
            earliest(&mut context.channel, channel.map(|channel| (start_ns, channel)));
            context.queues.extend(queue.map(|queue| (start_ns, queue)));
        }
        context.queues.sort_unstable();
        context
    }

    pub fn region(&self) -> Option<&T> {
        self.region.as_ref().map(|(.., region)| region)
    }

    pub fn channel(&self) -> Option<&T> {
        self.channel.as_ref().map(|(_, channel)| channel)
    }

    /// The queue that the call came to last, else the first that it is going to come to.
    pub fn queue_at(&self, ns: u64) -> Option<&T> {
        let before = self.queues.partition_point(|(start, _)| *start <= ns);
        self.queues.get(before.saturating_sub(1)).map(|(_, queue)| queue)
    }
}

impl<'a> Observation<'a> {
    /// As far as the span says it itself.
    pub fn alone(span: &'a Arc<Span>) -> Self {
        let Says { region, channel, queue } = Says::of(span);
        Self {
            span,
            stage: span.stage(),
            service: span.resource.service(),
            operation: &span.name,
            queue,
            region: region.map(|(_, region)| region),
            channel,
            agent: span.text(key::AGENT),
            version: span.text(key::VERSION),
            failed: span.status.code == StatusCode::Error,
        }
    }
}

impl<'a> Traced<'a> {
    pub fn of(spans: &'a [&'a Arc<Span>]) -> Self {
        let context = Context::of(spans.iter().map(|span| (span.start_ns, Says::of(span))));
        Self { spans, context }
    }

    pub fn observations(&self) -> impl Iterator<Item = Observation<'a>> {
        self.spans.iter().filter(|span| span.finished()).map(|span| self.observe(span))
    }

    /// The interaction of the trace that comes first in order.
    pub fn interaction(&self) -> Option<String> {
        self.spans.iter().filter_map(|span| span.interaction()).min().map(std::borrow::Cow::into_owned)
    }

    pub fn runs(&self, version: &str) -> bool {
        self.spans.iter().any(|span| span.text(key::VERSION) == Some(version))
    }

    fn observe(&self, span: &'a Arc<Span>) -> Observation<'a> {
        let alone = Observation::alone(span);
        Observation {
            queue: alone.queue.or_else(|| self.context.queue_at(span.start_ns).copied()),
            region: alone.region.or_else(|| self.context.region().copied()),
            channel: alone.channel.or_else(|| self.context.channel().copied()),
            ..alone
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Sample;

    #[test]
    fn what_a_span_does_not_say_its_trace_says() {
        let spans: Vec<Arc<Span>> = [
            Sample::new(1, 1).stage(Stage::Ivr),
            Sample::new(1, 2).stage(Stage::Queue).at(10, 5).with(key::QUEUE, "first"),
            Sample::new(1, 3).at(12, 1).service("crm").resource(key::VERSION, "7.3"),
            Sample::new(1, 4).stage(Stage::Queue).at(20, 5).with(key::QUEUE, "second"),
            Sample::new(1, 5).at(22, 5).with(key::REGION, "own").with(key::CHANNEL, "chat"),
            Sample::new(1, 6).at(30, 5).with(key::UNFINISHED, true),
        ]
        .map(|sample| Arc::new(sample.span()))
        .into();
        let spans: Vec<&Arc<Span>> = spans.iter().collect();
        let trace = Traced::of(&spans);
        let seen: Vec<_> =
            trace.observations().map(|one| (one.queue, one.region, one.channel, one.version)).collect();
        let told = |queue, version| (Some(queue), Some("own"), Some("chat"), version);
        assert_eq!(
            seen,
            [
                told("first", None),
                told("first", None),
                told("first", Some("7.3")),
                told("second", None),
                told("second", None)
            ]
        );
        assert!(trace.runs("7.3") && !trace.runs("7"));
    }
}
