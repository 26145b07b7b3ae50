//! A call in a line.

use super::record::Call;
use super::spans::{Ending, uuid};

/// What a table of calls shows.
#[derive(Clone, PartialEq, Debug, serde::Serialize)]
pub struct Summary {
    /// Nanoseconds since 1970.
    pub start_ns: u64,
    pub call_id: String,
    pub from: Option<String>,
    pub to: Option<String>,
    pub outcome: &'static str,
    pub status: Option<u16>,
    /// From INVITE to the first response that says something (RFC 6076).
    pub request_delay_ms: Option<f64>,
    /// From INVITE to the answer.
    pub answer_ms: Option<f64>,
    pub talk_ms: Option<f64>,
    pub transfers: usize,
    /// How the trace was found: `continue`, `join`, `restart`, `new`.
    pub context: &'static str,
    pub trace_id: String,
    pub conversation_id: Option<String>,
}

impl Summary {
    pub(crate) fn of(call: &Call, end: u64) -> Self {
        let timeline = &call.timeline;
        let start = timeline.invited.unwrap_or(end);
        let since = |from: u64, at: u64| at.saturating_sub(from) as f64 / 1e6;
        let answered = timeline.answered();
        let until = timeline.bye().map_or(end, |bye| bye.at);
        Self {
            start_ns: start,
            call_id: String::from_utf8_lossy(&call.call_id).into_owned(),
            from: call.people.from.as_deref().map(str::to_owned),
            to: call.people.to.as_deref().map(str::to_owned),
            outcome: if timeline.invited.is_none() { "transfer" } else { Ending::of(call).name() },
            status: answered.map_or(timeline.refused.map(|refused| refused.status), |_| Some(200)),
            request_delay_ms: timeline.responded.map(|at| since(start, at)),
            answer_ms: answered.map(|at| since(start, at)),
            talk_ms: answered.map(|at| since(at, until)),
            transfers: timeline.refers.len(),
            context: call.trace.decision,
            trace_id: call.trace.context.traceparent.trace_id.to_string(),
            conversation_id: call.trace.conversation.map(uuid),
        }
    }
}
