//! A call as spans.

mod write;

use flow::Stage;

use super::record::Call;
use super::settings::Settings;
use super::timeline::{Bye, Refer, Refused, Side};
use crate::hop::Transport;
use write::{Span, Value};

pub(crate) use write::group;

/// Which spans are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// Those that end when the call is answered.
    Setup,
    /// The call's own as it stands, which goes on.
    Running,
    /// The others.
    Rest,
    All,
}

/// What became of the attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    Answered,
    Busy,
    Cancelled,
    NoAnswer,
    Redirected,
    Rejected,
    Failed(u16),
    /// Nobody said.
    Lost,
}

impl Ending {
    pub(crate) fn of(call: &Call) -> Self {
        let timeline = &call.timeline;
        let status = timeline.refused.map(|Refused { status, .. }| status);
        match status {
            _ if timeline.answered().is_some() => Self::Answered,
            Some(486 | 600) => Self::Busy,
            Some(487) => Self::Cancelled,
            _ if timeline.cancelled.is_some() => Self::Cancelled,
            Some(408 | 480) => Self::NoAnswer,
            Some(603) => Self::Rejected,
            Some(300..400) => Self::Redirected,
            Some(status) => Self::Failed(status),
            None => Self::Lost,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Busy => "busy",
            Self::Cancelled => "cancelled",
            Self::NoAnswer => "no_answer",
            Self::Redirected => "redirected",
            Self::Rejected => "rejected",
            Self::Failed(_) => "failed",
            Self::Lost => "lost",
        }
    }
}

/// The spans of a call; `end` is its last moment.
pub(crate) fn of<'c>(call: &'c Call, end: u64, part: Part, settings: &'c Settings) -> Vec<Span<'c>> {
    let mut out = Tree { call, settings, spans: Vec::new() };
    let ending = Ending::of(call);
    if part != Part::Setup {
        out.root(ending, end);
        out.revise(part);
    }
    if matches!(part, Part::Setup | Part::All) {
        out.setup(end);
    }
    if matches!(part, Part::Rest | Part::All) {
        out.talk(end);
        for refer in &call.timeline.refers {
            out.transfer(refer, end);
        }
        out.release();
    }
    out.spans
}

struct Tree<'c> {
    call: &'c Call,
    settings: &'c Settings,
    spans: Vec<Span<'c>>,
}

impl<'c> Tree<'c> {
    /// A call that was shown while it went on is shown anew at its end.
    fn revise(&mut self, part: Part) {
        let Some(span) = self.spans.last_mut() else { return };
        match part {
            Part::Running => {
                span.push("throughline.revision", Some(Value::Int(1)));
                span.push("throughline.unfinished", Some(Value::Truth(true)));
            }
            Part::Rest => span.push("throughline.revision", Some(Value::Int(2))),
            Part::Setup | Part::All => {}
        }
    }

    fn root(&mut self, ending: Ending, end: u64) {
        let Call { timeline, trace, people, way, .. } = self.call;
        let refers_alone = timeline.invited.is_none();
        let start = timeline.invited.or_else(|| timeline.refers.iter().filter_map(|refer| refer.at).min());
        let name = if refers_alone { "SIP transfer" } else { "SIP call" };
        let mut span =
            Span::new(name, trace.context.traceparent.parent_id, trace.parent, start.unwrap_or(end), end);
        span.server = true;
        span.text("network.protocol.name", Some("sip"));
        span.text("network.transport", way.as_ref().map(|way| carrier(way.transport)));
        span.text("sip.call_id", str::from_utf8(&self.call.call_id).ok());
        span.text("sip.request.method", Some(if refers_alone { "REFER" } else { "INVITE" }));
        let status =
            timeline.answered().map_or(timeline.refused.map(|refused| refused.status), |_| Some(200));
        span.push("sip.response.status_code", status.map(|status| Value::Int(status.into())));
        if !refers_alone {
            span.text("sip.outcome", Some(ending.name()));
        }
        span.text("sip.from.user", people.from.as_deref());
        span.text("sip.to.user", people.to.as_deref());
        span.text("sip.session_id", people.session_id.map(|id| super::secret::hex(&id)));
        span.text("user_agent.original", people.agent.as_deref());
        span.text("sip.server.user_agent", people.server_agent.as_deref());
        if let Some(way) = way {
            span.text("client.address", Some(way.from.ip().to_string()));
            span.text("server.address", way.to.map(|to| to.ip().to_string()));
            span.push("server.port", way.to.map(|to| Value::Int(to.port().into())));
            span.text("sip.trunk.from", way.from_trunk.as_ref().map(|trunk| &*trunk.name));
            span.text("sip.trunk.to", way.to_trunk.as_ref().map(|trunk| &*trunk.name));
        }
        span.text("genesys_cloud.conversation.id", trace.conversation.map(uuid));
        span.push("sip.q850.cause", timeline.cause().map(|cause| Value::Int(cause.into())));
        let forks = timeline.branches.iter().filter(|branch| branch.answered.is_some()).count();
        span.push("sip.answers", (forks > 1).then_some(Value::Int(forks as i64)));
        let released_by = timeline.bye().map(|bye| side_name(bye.side));
        let unknown = (timeline.ended().is_none() || timeline.answered().is_some()) && !refers_alone;
        span.text("sip.released_by", released_by.or(unknown.then_some("unknown")));
        if let (Some(answered), Some(bye)) = (timeline.answered(), timeline.bye()) {
            let talked = Value::Double(ms(bye.at.saturating_sub(answered)));
            span.push("sip.session_duration_ms", Some(talked));
        }
        span.text("throughline.context.decision", Some(trace.decision));
        span.text("throughline.context.source", trace.source);
        span.text("throughline.context.reason", trace.reason.as_deref());
        if let Ending::Failed(status) = ending {
            span.error = Some(status.to_string());
        }
        if ending == Ending::Lost && !refers_alone {
            span.error = Some("timeout".to_owned());
        }
        span.links = &trace.links;
        let mut marks: Vec<_> = self.call.marks.iter().collect();
        marks.sort_by_key(|mark| (mark.at, mark.what, mark.status));
        span.marks = marks;
        self.spans.push(span);
    }

    fn setup(&mut self, end: u64) {
        let timeline = &self.call.timeline;
        let Some(invited) = timeline.invited else { return };
        let over = timeline.answered().or(timeline.refused.map(|refused| refused.at)).or(timeline.cancelled);
        let over = over.unwrap_or(end).max(invited);
        let ringing = timeline.ringing.filter(|ringing| *ringing < over);
        let mut span = self.child("Call setup", Stage::Setup, "setup", 0, (invited, ringing.unwrap_or(over)));
        let delay = timeline.responded.map(|at| Value::Double(ms(at.saturating_sub(invited))));
        span.push("sip.session_request_delay_ms", delay);
        self.spans.push(span);
        if let Some(ringing) = ringing {
            let span = self.child("Ringing", Stage::Alert, "ringing", 0, (ringing, over));
            self.spans.push(span);
        }
    }

    fn talk(&mut self, end: u64) {
        let timeline = &self.call.timeline;
        let Some(answered) = timeline.answered() else { return };
        // Stages add up to what the caller went through: while the call is handed over, nobody talks.
        let until = timeline.bye().map_or(end, |bye| bye.at).min(timeline.handed_over().unwrap_or(u64::MAX));
        let until = until.max(answered);
        let mut from = answered;
        let holds = timeline.holds(until);
        for (at, (held, resumed)) in (0..).zip(holds) {
            let held = held.max(from);
            if held > from {
                let span = self.child("Talk", Stage::Talk, "talk", at, (from, held));
                self.spans.push(span);
            }
            let span = self.child("Hold", Stage::Hold, "hold", at, (held, resumed.max(held)));
            self.spans.push(span);
            from = resumed.max(held);
        }
        if until > from || from == answered {
            let ordinal = timeline.offers.len() as u64;
            let span = self.child("Talk", Stage::Talk, "talk", 1000 + ordinal, (from, until));
            self.spans.push(span);
        }
    }

    fn transfer(&mut self, refer: &'c Refer, end: u64) {
        let Some(at) = refer.at else { return };
        let over = refer.followed.or(refer.ended()).unwrap_or(end).max(at);
        let id = transfer_id(self.call, refer.side, refer.cseq, self.settings);
        let mut span = self.child("Transfer", Stage::Transfer, "transfer", 0, (at, over));
        span.id = id;
        span.text("sip.request.method", Some("REFER"));
        span.text("sip.transfer.type", Some(if refer.attended { "attended" } else { "blind" }));
        span.text("sip.transfer.by", Some(side_name(refer.side)));
        span.text(
            "sip.transfer.target",
            Some(&refer.target).filter(|target| !target.is_empty()).map(|t| &**t),
        );
        let answer = refer.status.map(|(_, status)| status);
        span.push("sip.response.status_code", answer.map(|status| Value::Int(status.into())));
        let told = refer.told.map(|(_, status)| status).filter(|status| *status >= 200);
        span.push("sip.transfer.status_code", told.map(|status| Value::Int(status.into())));
        let failed = refer.failed();
        if failed.is_some() {
            span.stage = None;
        }
        let took = refer.ended().map(|ended| Value::Double(ms(ended.saturating_sub(at))));
        span.push("sip.transfer.duration_ms", took);
        span.text(
            "sip.transfer.outcome",
            Some(match (failed, told) {
                (Some(_), _) => "failed",
                (None, Some(_)) => "accepted",
                (None, None) => "unknown",
            }),
        );
        span.error = failed.map(|status| status.to_string());
        self.spans.push(span);
    }

    fn release(&mut self) {
        let Some(Bye { at: bye, side, .. }) = self.call.timeline.bye() else { return };
        let released = self.call.timeline.branches.iter().filter_map(|branch| branch.released).max();
        let Some(released) = released.filter(|released| *released >= bye) else { return };
        let mut span = self.child("Release", Stage::Talk, "release", 0, (bye, released));
        span.stage = None;
        span.text("sip.released_by", Some(side_name(side)));
        span.push("sip.session_disconnect_delay_ms", Some(Value::Double(ms(released - bye))));
        self.spans.push(span);
    }

    /// The stage stands only where no platform tells of the same time: a conversation's own spans do.
    fn child(
        &self,
        name: &'static str,
        stage: Stage,
        phase: &'static str,
        nth: u64,
        (start, end): (u64, u64),
    ) -> Span<'c> {
        let call = self.call;
        let id = self.settings.secret.span_id(&call.identity, phase, nth);
        let mut span = Span::new(name, id, Some(call.trace.context.traceparent.parent_id), start, end);
        span.stage = call.trace.conversation.is_none().then_some(stage);
        span.text("sip.phase", Some(phase));
        span
    }
}

/// The span of a transfer, which the call that follows hangs below.
pub(crate) fn transfer_id(
    call: &Call,
    side: Side,
    cseq: u32,
    settings: &Settings,
) -> throughline_context::SpanId {
    settings.secret.span_id(&call.identity, side_name(side), u64::from(cseq))
}

pub(crate) const fn side_name(side: Side) -> &'static str {
    match side {
        Side::Caller => "caller",
        Side::Callee => "callee",
    }
}

pub(crate) fn uuid(bytes: [u8; 16]) -> String {
    let digits = super::secret::hex(&bytes);
    let mut text = String::with_capacity(36);
    for (at, digit) in digits.chars().enumerate() {
        if matches!(at, 8 | 12 | 16 | 20) {
            text.push('-');
        }
        text.push(digit);
    }
    text
}

const fn carrier(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => "tcp",
    }
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}
