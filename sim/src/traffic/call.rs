//! One call on a live clock: its script's pauses are shortened, its Data Actions take the time they take.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use throughline_context::{SpanId, Traceparent};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::Tally;
use super::action::{Action, Actions};
use super::script::{Cue, Happening, Queue, Script, Step};
use super::span::{self, Finished, Frame};
use crate::attribute::text;
use crate::chance::Chance;

/// Where a caller waits when the look-up named no queue.
const FALLBACK_QUEUE: &str = "service";
/// How a call ends that was cut because the simulation stopped.
const CUT_OFF: &str = "disconnected";

/// What all calls share.
pub(super) struct Centre {
    pub(super) actions: Actions,
    pub(super) finished: mpsc::Sender<Finished>,
    pub(super) tally: Arc<watch::Sender<Tally>>,
    pub(super) hang_up: watch::Receiver<bool>,
    pub(super) time_scale: f64,
}

/// A call that is under way.
pub(super) struct Call {
    centre: Arc<Centre>,
    script: Script,
    ids: Chance,
    hang_up: watch::Receiver<bool>,
    /// The end of the last stage, which is the start of the next.
    now_ns: u64,
    /// Stages that others did not wait for, with their spans written ahead.
    meanwhile: Vec<Span>,
    customer: Option<u64>,
    queue: Option<String>,
}

impl Call {
    pub(super) fn new(centre: Arc<Centre>, script: Script) -> Self {
        let [a, b, c, d, e, f, g, h] = script.root_id.0;
        let ids = Chance::stream(u64::from_be_bytes([a, b, c, d, e, f, g, h]), 0);
        let hang_up = centre.hang_up.clone();
        Self {
            centre,
            script,
            ids,
            hang_up,
            now_ns: clock_ns(),
            meanwhile: Vec::new(),
            customer: None,
            queue: None,
        }
    }

    /// Lives through the call; each span is handed over when it has ended.
    pub(super) async fn run(mut self) {
        let start_ns = self.now_ns;
        let mut whole = true;
        for step in std::mem::take(&mut self.script.steps) {
            whole = self.step(&step).await;
            if !whole {
                break;
            }
        }
        let last_ns = self.meanwhile.iter().map(|span| span.end_time_unix_nano).max().unwrap_or(0);
        whole = whole && self.pause_until(last_ns).await;
        let outcome = if whole { self.script.outcome.word() } else { CUT_OFF };
        for span in &mut self.meanwhile {
            span.end_time_unix_nano = span.end_time_unix_nano.min(self.now_ns).max(span.start_time_unix_nano);
        }
        let mut spans = std::mem::take(&mut self.meanwhile);
        spans.push(span::root(&self.script, start_ns, self.now_ns, outcome));
        self.hand_over(spans);
        self.centre.tally.send_modify(|tally| tally.calls_ended += 1);
    }

    /// One stage. False if the simulation stopped: then it ended early.
    async fn step(&mut self, step: &Step) -> bool {
        let (start_ns, id) = (self.now_ns, self.id());
        if step.meanwhile {
            let times = (start_ns, start_ns + nanos(self.shortened(step.lasts())));
            let span = span::stage(&self.script, step, self.queue_of(step), id, times);
            self.meanwhile.push(span);
            return true;
        }
        let (mut spans, mut events) = (Vec::new(), Vec::new());
        let mut whole = true;
        for cue in &step.cues {
            whole = self.pause(cue.after).await;
            if !whole {
                break;
            }
            self.cue(cue, id, &mut spans, &mut events).await;
        }
        whole = whole && self.pause(step.rest).await;
        self.now_ns = clock_ns().max(self.now_ns);
        let times = (start_ns, self.now_ns);
        let mut span = span::stage(&self.script, step, self.queue_of(step), id, times);
        span.events = events;
        spans.push(span);
        spans.extend(self.meanwhile.extract_if(.., |span| span.end_time_unix_nano <= times.1));
        self.hand_over(spans);
        whole
    }

    async fn cue(&mut self, cue: &Cue, stage: SpanId, spans: &mut Vec<Span>, events: &mut Vec<Event>) {
        let now_ns = clock_ns().max(self.now_ns);
        let action = match (&cue.what, self.customer) {
            (Happening::Prompt(name), _) => {
                events.push(span::event(now_ns, "ivr.prompt", vec![text("ivr.prompt.name", name)]));
                return;
            }
            (Happening::Digits(digits), _) => {
                events.push(span::event(now_ns, "ivr.input", vec![text("ivr.input.digits", digits)]));
                return;
            }
            (Happening::Lookup, _) => Action::lookup(&self.script),
            (Happening::Schedule { slot }, Some(customer)) => Action::schedule(customer, slot),
            (Happening::Schedule { .. }, None) => {
                events.push(span::event(now_ns, "ivr.skipped", vec![text("reason", "customer unknown")]));
                return;
            }
        };
        spans.push(self.act(&action, stage).await);
    }

    async fn act(&mut self, action: &Action, parent: SpanId) -> Span {
        let (start_ns, id) = (clock_ns().max(self.now_ns), self.id());
        let context = Traceparent { trace_id: self.script.trace_id, parent_id: id, flags: 0x03 };
        let answer = self.centre.actions.call(action, context, &self.script.conversation).await;
        // The services count in finer units: round up, so that their spans lie inside this one.
        self.now_ns = clock_ns().max(start_ns) + MILLISECOND_NS;
        let mut attributes = span::action_attributes(&self.script);
        attributes.extend(action.attributes(self.centre.actions.service()));
        attributes.extend(answer.attributes());
        if let Some(queue) = answer.body.get("queue").and_then(|queue| queue.as_str()) {
            attributes.push(text("data_action.result.queue", queue));
            self.queue = Some(queue.to_owned());
        }
        self.customer =
            answer.body.get("customer_id").and_then(|customer| customer.as_u64()).or(self.customer);
        let trace_id = self.script.trace_id;
        let frame = Frame { trace_id, id, parent, start_ns, end_ns: self.now_ns };
        let mut span = frame.span(action.name, SpanKind::Client, attributes);
        if answer.failed() {
            span.status = Some(Status { code: StatusCode::Error.into(), message: answer.message() });
        }
        self.centre.tally.send_modify(|tally| {
            tally.actions += 1;
            tally.actions_failed += u64::from(answer.failed());
        });
        span
    }

    fn queue_of(&self, step: &Step) -> Option<&str> {
        match step.queue? {
            Queue::Routed => Some(self.queue.as_deref().unwrap_or(FALLBACK_QUEUE)),
            Queue::Named(name) => Some(name),
        }
    }

    fn hand_over(&self, spans: Vec<Span>) {
        let count = spans.len() as u64;
        let taken = self.centre.finished.try_send(Finished { region: self.script.region, spans });
        self.centre.tally.send_modify(|tally| {
            tally.spans_made += count;
            // A full queue must not stop the clock of a call.
            tally.spans_lost += if taken.is_err() { count } else { 0 };
        });
    }

    fn id(&mut self) -> SpanId {
        SpanId(self.ids.next().max(1).to_be_bytes())
    }

    fn shortened(&self, call_time: Duration) -> Duration {
        call_time.div_f64(self.centre.time_scale)
    }

    async fn pause(&mut self, call_time: Duration) -> bool {
        let shortened = self.shortened(call_time);
        tokio::select! {
            () = sleep(shortened) => true,
            _ = self.hang_up.wait_for(|stopped| *stopped) => false,
        }
    }

    async fn pause_until(&mut self, time_ns: u64) -> bool {
        let wait = Duration::from_nanos(time_ns.saturating_sub(clock_ns()));
        let whole = tokio::select! {
            () = sleep(wait) => true,
            _ = self.hang_up.wait_for(|stopped| *stopped) => false,
        };
        self.now_ns = clock_ns().max(self.now_ns);
        if whole {
            self.now_ns = self.now_ns.max(time_ns)
        }
        whole
    }
}

const MILLISECOND_NS: u64 = 1_000_000;

/// Now, in whole milliseconds: that is how a contact centre stamps.
fn clock_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    nanos(since) / MILLISECOND_NS * MILLISECOND_NS
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
