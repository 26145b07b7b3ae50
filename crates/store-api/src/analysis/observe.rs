//! What a span tells of where time goes; what it does not say itself, its trace says.

use std::sync::Arc;

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
    region: Option<&'a str>,
    channel: Option<&'a str>,
    /// With the time of each, in order.
    queues: Vec<(u64, &'a str)>,
}

impl<'a> Traced<'a> {
    pub fn of(spans: &'a [&'a Arc<Span>]) -> Self {
        let region = |span: &'a &'a Arc<Span>| {
            let (source, region) = span.region()?;
            Some((source, span.start_ns, region))
        };
        let regions: Option<(Source, u64, &str)> = spans.iter().filter_map(region).min();
        let named = |key| move |span: &'a &'a Arc<Span>| span.text(key).map(|value| (span.start_ns, value));
        let mut queues: Vec<(u64, &str)> = spans.iter().filter_map(named(key::QUEUE)).collect();
        queues.sort_unstable();
        Self {
            spans,
            region: regions.map(|(_, _, region)| region),
            channel: spans.iter().filter_map(named(key::CHANNEL)).min().map(|(_, channel)| channel),
            queues,
        }
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
        Observation {
            span,
            stage: span.stage(),
            service: span.resource.service(),
            operation: &span.name,
            queue: span.text(key::QUEUE).or_else(|| self.queue_at(span.start_ns)),
            region: span.region().map(|(_, region)| region).or(self.region),
            channel: span.text(key::CHANNEL).or(self.channel),
            agent: span.text(key::AGENT),
            version: span.text(key::VERSION),
            failed: span.status.code == StatusCode::Error,
        }
    }

    /// The queue that the call came to last, else the first that it is going to come to.
    fn queue_at(&self, ns: u64) -> Option<&'a str> {
        let before = self.queues.partition_point(|(start, _)| *start <= ns);
        self.queues.get(before.saturating_sub(1)).map(|(_, queue)| *queue)
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
