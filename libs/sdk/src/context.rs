//! Between the contexts of `throughline-context` and those of `opentelemetry`.

use http::HeaderMap;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use throughline_context::w3c;
use throughline_context::{Decision, Traceparent, Tracestate};

use crate::carrier::HeadersMut;
use crate::propagator::Propagator;

/// What `opentelemetry` would lose of a context that goes on: members of a `tracestate` that its own type refuses,
/// and the random flag of a trace that is not sampled.
#[derive(Clone, Debug)]
struct Carried {
    trace_id: TraceId,
    random: bool,
    tracestate: Tracestate,
    /// What `opentelemetry` was shown of it.
    shown: TraceState,
}

/// Writes the current context into the headers of a request: `traceparent`, `tracestate` and `baggage`. Start a
/// client span for each request first, so that no two requests name the same parent.
pub fn inject(headers: &mut HeaderMap) {
    let propagator = Propagator::default();
    Context::map_current(|cx| propagator.write(cx, &mut HeadersMut(headers)));
}

/// The context in which spans go on with what a decision found; the same context where it found nothing to go on
/// with.
///
/// A trace of which only the id is known is joined below the span that its first 16 digits name, since
/// `opentelemetry` has no span in a given trace without a parent.
pub fn join(cx: &Context, decision: &Decision) -> Context {
    match decision {
        Decision::Continue { context, .. } => go_on(cx, context.clone()),
        Decision::Join { trace_id, parent_id, .. } => {
            let parent_id = parent_id.unwrap_or_else(|| trace_id.root_span());
            let flags = Traceparent::SAMPLED;
            go_on(cx, w3c::Context::new(Traceparent { trace_id: *trace_id, parent_id, flags }))
        }
        Decision::Restart { .. } | Decision::New => cx.clone(),
    }
}

fn go_on(cx: &Context, context: w3c::Context) -> Context {
    let Traceparent { trace_id, parent_id, flags } = context.traceparent;
    let trace_id = TraceId::from_bytes(trace_id.0);
    let random = context.traceparent.is_random();
    let tracestate = context.tracestate;
    let shown = TraceState::from_key_value(tracestate.members()).unwrap_or_default();
    let cx = if random || !tracestate.is_empty() || cx.get::<Carried>().is_some() {
        cx.with_value(Carried { trace_id, random, tracestate, shown: shown.clone() })
    } else {
        cx.clone()
    };
    let parent_id = SpanId::from_bytes(parent_id.0);
    cx.with_remote_span_context(SpanContext::new(trace_id, parent_id, TraceFlags::new(flags), true, shown))
}

/// What to send with a request that is made now; nothing outside of any span.
pub(crate) fn outgoing(cx: &Context) -> Option<w3c::Context> {
    let span = cx.span();
    let sent = span.span_context();
    if !sent.is_valid() {
        return None;
    }
    let carried = cx.get::<Carried>().filter(|carried| carried.trace_id == sent.trace_id());
    let random = if carried.is_some_and(|carried| carried.random) { Traceparent::RANDOM } else { 0 };
    let traceparent = Traceparent {
        trace_id: throughline_context::TraceId(sent.trace_id().to_bytes()),
        parent_id: throughline_context::SpanId(sent.span_id().to_bytes()),
        flags: sent.trace_flags().to_u8() | random,
    };
    let tracestate = match carried {
        Some(carried) if carried.shown == *sent.trace_state() => carried.tracestate.clone(),
        _ if *sent.trace_state() == TraceState::NONE => Tracestate::default(),
        _ => sent.trace_state().header().parse().unwrap_or_default(),
    };
    Some(w3c::Context { traceparent, tracestate })
}
