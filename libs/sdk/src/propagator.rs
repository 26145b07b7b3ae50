//! The propagator: strict W3C Trace Context and Baggage, and the older formats where they are asked for.

use std::str::FromStr;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::{Context, KeyValue};
use throughline_context::w3c;
use throughline_context::{
    Baggage, Format, Found, Getter, Remote, Setter, SpanId, TraceId, Traceparent, Trust, UnknownFormat,
};

use crate::carrier::{FromExtractor, ToInjector};
use crate::context::{join, outgoing};
use crate::interaction::Interaction;

/// Reads and writes contexts by the rules of W3C Trace Context level 2.
///
/// It plugs into `opentelemetry` as a [`TextMapPropagator`], and believes what it reads there, since that trait does
/// not tell who is calling. At a server, take [`ServerLayer`](crate::ServerLayer), which does know.
///
/// ```
/// use std::collections::HashMap;
/// use opentelemetry::propagation::TextMapPropagator;
/// use opentelemetry::trace::TraceContextExt;
///
/// let propagator: throughline_sdk::Propagator = "tracecontext,baggage,b3".parse()?;
/// let parent = "00-4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-01".to_owned();
/// let request = HashMap::from([("traceparent".to_owned(), parent)]);
/// let cx = propagator.extract(&request);
/// assert_eq!(cx.span().span_context().trace_id().to_string(), "4bf92f3577f34da6c19e9222d19e89b8");
/// # Ok::<(), throughline_sdk::wire::UnknownFormat>(())
/// ```
#[derive(Clone, Debug)]
pub struct Propagator {
    trace_context: bool,
    baggage: bool,
    formats: Vec<Format>,
    fields: Vec<String>,
}

impl Propagator {
    fn new(trace_context: bool, baggage: bool, formats: Vec<Format>) -> Self {
        let mut fields = Vec::new();
        if trace_context {
            fields.extend([w3c::TRACEPARENT.to_owned(), w3c::TRACESTATE.to_owned()]);
        }
        if baggage {
            fields.push(Baggage::HEADER.to_owned());
        }
        let sample = Traceparent { trace_id: TraceId([1; 16]), parent_id: SpanId([1; 8]), flags: 0 };
        let mut written: Vec<(String, String)> = Vec::new();
        formats.iter().for_each(|format| format.inject(&Remote::from(sample), &mut written));
        fields.extend(written.into_iter().map(|(name, _)| name));
        Self { trace_context, baggage, formats, fields }
    }

    /// What a carrier says about its trace.
    pub fn find<'a>(&self, from: &'a (impl Getter + ?Sized)) -> Found<'a> {
        if self.trace_context {
            Found::read(from, &self.formats)
        } else {
            Found::with_traceparent(w3c::Extraction::Absent, from, &self.formats)
        }
    }

    /// Writes a context into a carrier; nothing outside of any span.
    pub fn write(&self, cx: &Context, to: &mut (impl Setter + ?Sized)) {
        if let Some(context) = outgoing(cx) {
            if self.trace_context {
                w3c::inject(&context, to);
            }
            for format in &self.formats {
                format.inject(&Remote::from(context.traceparent), to);
            }
        }
        if self.baggage {
            write_baggage(cx, to);
        }
    }

    /// The context with the baggage of a carrier, and with the interaction that the baggage names.
    pub fn with_baggage(&self, cx: Context, from: &(impl Getter + ?Sized)) -> Context {
        let baggage = if self.baggage { Baggage::extract(from) } else { Baggage::default() };
        if baggage.is_empty() {
            return cx;
        }
        let interaction = baggage.interaction_id().map(Interaction::new);
        let members =
            baggage.members().map(|member| KeyValue::new(member.key.to_owned(), member.value().into_owned()));
        let cx = cx.with_baggage(members);
        interaction.map_or(cx.clone(), |interaction| interaction.on(&cx))
    }
}

impl Default for Propagator {
    /// `tracecontext,baggage`
    fn default() -> Self {
        Self::new(true, true, Vec::new())
    }
}

impl FromStr for Propagator {
    type Err = UnknownFormat;

    /// The names of `OTEL_PROPAGATORS`: `tracecontext`, `baggage`, `b3`, `b3multi`, `jaeger`, `xray`, `datadog`,
    /// separated by commas; `none`.
    fn from_str(names: &str) -> Result<Self, UnknownFormat> {
        let (mut trace_context, mut baggage, mut formats) = (false, false, Vec::new());
        for name in names.split(',').map(str::trim) {
            match name {
                "" | "none" => {}
                "tracecontext" => trace_context = true,
                "baggage" => baggage = true,
                name => formats.push(name.parse()?),
            }
        }
        Ok(Self::new(trace_context, baggage, formats))
    }
}

impl TextMapPropagator for Propagator {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        self.write(cx, &mut ToInjector(injector));
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        let from = FromExtractor(extractor);
        let decision = self.find(&from).decide(Trust::Trusted);
        self.with_baggage(join(cx, &decision), &from)
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.fields)
    }
}

/// The interaction in force travels as a member of the baggage. What does not fit stays behind.
fn write_baggage(cx: &Context, to: &mut (impl Setter + ?Sized)) {
    let interaction = Interaction::of(cx);
    if cx.baggage().is_empty() && interaction.is_none() {
        return;
    }
    let mut baggage = Baggage::default();
    let interaction = interaction.map(|own| (Baggage::INTERACTION_ID, own.id().to_owned()));
    let members = cx.baggage().iter().map(|(key, (value, _))| (key.as_str(), value.as_str().to_owned()));
    for (key, value) in interaction.into_iter().chain(members) {
        if baggage.get(key).is_none() && baggage.set(key, &value).is_err() {
            tracing::debug!(key, "a member of the baggage is left out");
        }
    }
    baggage.inject(to);
}
