//! A small script of a call: who sends what to whom, and what leaves the edge.

use std::net::SocketAddr;
use std::sync::Arc;

use ingest_sip::{CallSettings, Calls, End, Hop, ReferTo, Secret, Tracing, Transport, Trunk};
use throughline_sip::{Limits, Message};

pub(crate) const MS: u64 = 1_000_000;
/// The first moment of each script.
pub(crate) const START: u64 = 1_700_000_000_000 * MS;

pub(crate) struct Stage {
    pub(crate) calls: Calls,
    pub(crate) now: u64,
}

/// A party with an address; its trunk says how it is treated.
#[derive(Clone)]
pub(crate) struct Party {
    pub(crate) address: SocketAddr,
    pub(crate) trunk: Option<Arc<Trunk>>,
}

pub(crate) fn settings() -> CallSettings {
    CallSettings::new(Secret::new(b"a key for tests"))
}

pub(crate) fn party(address: &str, trunk: Option<&str>) -> Party {
    let trunk = trunk.map(|name| {
        Arc::new(Trunk {
            name: name.into(),
            preserve_trace_context: true,
            user_to_user: false,
            p_asserted_identity: false,
            refer_to: ReferTo::Token,
        })
    });
    Party { address: address.parse().unwrap(), trunk }
}

pub(crate) fn stranger(address: &str) -> Party {
    party(address, None)
}

impl Party {
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Trunk)) -> Self {
        change(Arc::make_mut(self.trunk.as_mut().unwrap()));
        self
    }

    pub(crate) fn end(&self) -> End<'_> {
        End { address: self.address, transport: Transport::Udp, trunk: self.trunk.as_ref() }
    }
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(settings())
    }

    pub(crate) fn with(settings: CallSettings) -> Self {
        Self { calls: Calls::new(settings), now: START }
    }

    pub(crate) fn after(&mut self, ms: u64) -> &mut Self {
        self.now += ms * MS;
        self
    }

    /// A message passes; says how it left.
    pub(crate) fn pass(&mut self, from: &Party, to: &Party, text: &str) -> String {
        let hop = Hop { at: self.now, from: from.end(), to: to.end() };
        let text = wire(text);
        let message = Message::parse(bytes::Bytes::from(text.clone()), &Limits::DEFAULT).unwrap();
        let Ok(heads) = message.check() else {
            // No edge passes it on; beside its path it is seen.
            self.calls.seen(&hop, &message);
            return text;
        };
        let mut edit = message.edit();
        match message.method() {
            Some(_) => self.calls.request(&hop, &message, &heads, &mut edit),
            None => self.calls.response(&hop, &message, &heads, &mut edit),
        }
        String::from_utf8(edit.write().to_vec()).unwrap()
    }

    /// All spans, once everything has settled.
    pub(crate) fn spans(&mut self) -> crate::tree::Spans {
        self.now += 10_000 * MS;
        self.calls.tick(self.now);
        self.drain()
    }

    pub(crate) fn tick(&mut self) {
        self.calls.tick(self.now);
    }

    pub(crate) fn drain(&mut self) -> crate::tree::Spans {
        let mut spans = crate::tree::Spans::default();
        while let Some(finished) = self.calls.finished() {
            spans.add(&finished.batch().payload.to_bytes());
        }
        spans
    }
}

/// Lines without carriage returns and without a body's length, as they are written in a test.
pub(crate) fn wire(text: &str) -> String {
    let lines: Vec<_> = text.trim_start().lines().map(str::trim_start).collect();
    let split = lines.iter().position(|line| line.is_empty()).unwrap_or(lines.len());
    let (head, body) = lines.split_at(split);
    let body: String = body.iter().skip(1).map(|line| format!("{line}\r\n")).collect();
    format!("{}\r\nContent-Length: {}\r\n\r\n{body}", head.join("\r\n"), body.len())
}

/// The value of the only header of this name.
pub(crate) fn header(message: &str, name: &str) -> Option<String> {
    let start = format!("{}:", name.to_ascii_lowercase());
    let mut values = message.lines().filter(|line| line.to_ascii_lowercase().starts_with(&start));
    let value = values.next()?.split_once(':')?.1.trim().to_owned();
    assert_eq!(values.next(), None, "{name} twice in {message}");
    Some(value)
}

/// A request of a dialog.
pub(crate) struct Dialog {
    pub(crate) call_id: String,
    pub(crate) caller: String,
    pub(crate) callee: String,
    pub(crate) target: String,
}

impl Dialog {
    pub(crate) fn new(call_id: &str) -> Self {
        Self {
            call_id: call_id.into(),
            caller: "sip:+493012345678@carrier.example".into(),
            callee: "sip:+498912345678@edge.example".into(),
            target: "sip:+498912345678@edge.example".into(),
        }
    }

    fn head(&self, start: &str, from: &str, to: &str, cseq: &str) -> String {
        format!(
            "{start}\nVia: SIP/2.0/UDP host;branch=z9hG4bK{}{}\nMax-Forwards: 70\nFrom: {from}\nTo: {to}\nCall-ID: {}\nCSeq: {cseq}\n",
            self.call_id,
            cseq.replace(' ', ""),
            self.call_id
        )
    }

    fn from(&self) -> String {
        format!("<{}>;tag=caller", self.caller)
    }

    fn to(&self) -> String {
        format!("<{}>;tag=callee", self.callee)
    }

    pub(crate) fn invite(&self, more: &str) -> String {
        let to = format!("<{}>", self.callee);
        format!(
            "{}{more}\n",
            self.head(&format!("INVITE {} SIP/2.0", self.target), &self.from(), &to, "1 INVITE")
        )
    }

    /// A request of the caller in the dialog.
    pub(crate) fn by_caller(&self, method: &str, cseq: u32, more: &str) -> String {
        let start = format!("{method} {} SIP/2.0", self.target);
        format!("{}{more}\n", self.head(&start, &self.from(), &self.to(), &format!("{cseq} {method}")))
    }

    pub(crate) fn by_callee(&self, method: &str, cseq: u32, more: &str) -> String {
        let start = format!("{method} {} SIP/2.0", self.caller);
        format!("{}{more}\n", self.head(&start, &self.to(), &self.from(), &format!("{cseq} {method}")))
    }

    pub(crate) fn cancel(&self) -> String {
        let to = format!("<{}>", self.callee);
        self.head(&format!("CANCEL {} SIP/2.0", self.target), &self.from(), &to, "1 CANCEL")
    }

    /// A response to a request of the caller.
    pub(crate) fn answer(&self, status: u16, cseq: &str, more: &str) -> String {
        format!("{}{more}\n", self.head(&format!("SIP/2.0 {status} X"), &self.from(), &self.to(), cseq))
    }

    /// A response to a request of the callee.
    pub(crate) fn answer_callee(&self, status: u16, cseq: &str, more: &str) -> String {
        format!("{}{more}\n", self.head(&format!("SIP/2.0 {status} X"), &self.to(), &self.from(), cseq))
    }
}
