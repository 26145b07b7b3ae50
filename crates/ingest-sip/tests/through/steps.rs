//! Bytes as steps of calls through an edge with the watcher of calls. The property test and the fuzz target share it, so
//! that both try the same thing.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ingest_sip::edge::{Edge, Flow, Group, Listener, Output, Policy, Route, Secret as Marks, Setup, Target};
use ingest_sip::{CallSettings, Calls, Counts, End, Hop, ReferTo, Secret, Tracing, Transport, Trunk};
use throughline_sip::{Builder, Edit, Heads, Limits, Message, Name, NameAddr};

const SECOND: u64 = 1_000_000_000;
const CALLER: &str = "192.0.2.5:5060";
const BELIEVED: &str = "198.51.100.10:5060";
const ELSEWHERE: &str = "203.0.113.10:5060";
/// What the edge adds may bring a message over the limits of what comes in.
const WIDE: Limits = Limits { message: 1 << 20, head: 1 << 20, start_line: 1 << 20, headers: 1 << 20 };
/// Messages that later steps refer to.
const REMEMBERED: usize = 8;

/// What came of the steps.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    pub(crate) spans: usize,
}

/// The calls, which the edge owns and the end of the run asks.
struct Shared(Arc<Mutex<Calls>>);

impl Shared {
    fn with<T>(&self, what: impl FnOnce(&mut Calls) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Tracing for Shared {
    fn request(&mut self, hop: &Hop<'_>, message: &Message, heads: &Heads<'_>, edit: &mut Edit<'_>) {
        self.with(|calls| calls.request(hop, message, heads, edit));
    }

    fn response(&mut self, hop: &Hop<'_>, message: &Message, heads: &Heads<'_>, edit: &mut Edit<'_>) {
        self.with(|calls| calls.response(hop, message, heads, edit));
    }

    fn answered(&mut self, at: u64, from: &End<'_>, request: &Message, status: u16) {
        self.with(|calls| calls.answered(at, from, request, status));
    }

    fn tick(&mut self, now: u64) {
        self.with(|calls| calls.tick(now));
    }
}

struct Run {
    edge: Edge,
    now: u64,
    /// What was sent, and to whom: a step may answer it or go on from it.
    requests: VecDeque<(SocketAddr, Message)>,
    responses: VecDeque<(SocketAddr, Message)>,
}

/// Plays steps that are parted by NUL: what to do, to which of the last messages, and bytes that go among its headers.
///
/// Whatever comes in, what leaves is a message, requests are valid and have one context at most, and the spans are sound.
pub(crate) fn play(bytes: &[u8]) -> Outcome {
    let [how, steps @ ..] = bytes else { return Outcome::default() };
    let calls = Arc::new(Mutex::new(Calls::new(CallSettings::new(Secret::new(b"steps")))));
    let edge = edge(*how, Box::new(Shared(Arc::clone(&calls))));
    let (requests, responses) = (VecDeque::new(), VecDeque::new());
    let mut run = Run { edge, now: SECOND, requests, responses };
    for step in steps.split(|byte| *byte == 0).take(64) {
        if let [what, which, text @ ..] = step {
            run.step(*what, usize::from(*which), text);
        }
    }
    let calls = Shared(calls);
    let mut spans = 0;
    let counts = calls.with(|calls| {
        let counts = calls.counts();
        calls.close(run.now);
        while let Some(finished) = calls.finished() {
            let payload = finished.batch().payload.to_bytes();
            let sound = flow::otlp::accept(flow::Signal::Traces, payload, &flow::otlp::Limits::default());
            spans += sound.expect("our own spans are sound").items;
        }
        counts
    });
    Outcome { counts, spans }
}

/// Calls of strangers go to the believed trunk, whose own go to a target that is a stranger too.
fn edge(how: u8, tracing: Box<dyn Tracing>) -> Edge {
    let trunk = Trunk {
        name: "believed".into(),
        preserve_trace_context: true,
        user_to_user: how & 1 != 0,
        p_asserted_identity: how & 2 != 0,
        refer_to: if how & 4 != 0 { ReferTo::Headers } else { ReferTo::Token },
    };
    let address = |text: &str| text.parse().expect("an address");
    let group = |to: &str| Group {
        name: to.into(),
        targets: vec![Target::new(Transport::Udp, address(to))],
        probing: None,
        tcp_when_large: false,
        policy: Policy { redirects: how & 8 != 0, ..Policy::default() },
    };
    let setup = Setup {
        secret: Marks::new("steps"),
        listeners: vec![Listener::new(Transport::Udp, address("192.0.2.1:5060"), None)],
        trunks: vec![(Arc::new(trunk), vec!["198.51.100.0/24".parse().expect("a network")])],
        groups: vec![group(BELIEVED), group(ELSEWHERE)],
        routes: vec![
            Route { from: vec!["believed".into()], to: 1, ..Route::default() },
            Route { strangers: true, ..Route::default() },
        ],
        stranger_rate: 0,
        trunk_rate: 0,
        transactions: 16,
        hosts: 0,
        server: String::new(),
    };
    Edge::new(setup, tracing)
}

impl Run {
    fn step(&mut self, what: u8, which: usize, text: &[u8]) {
        let caller = if which & 1 == 0 { CALLER } else { BELIEVED };
        let sent = match what % 8 {
            0 => Some((caller.to_owned(), text.to_vec())),
            1 => Some((caller.to_owned(), invite("sip:+4930@192.0.2.1", caller, which, text))),
            2 => self.answer(which, text),
            3 => self.by_callee(which, text),
            4 => self.by_caller(which, text),
            5 => self.follow(which, caller, text),
            6 => self.cancel(which),
            _ => {
                self.now += SECOND;
                let mut out = Vec::new();
                self.edge.tick(self.now, &mut out);
                return self.out(out);
            }
        };
        let Some((from, bytes)) = sent else { return };
        self.now += SECOND / 100;
        let parsed: Result<Message, _> = Message::parse(bytes.into(), &Limits::DEFAULT);
        let Ok(message) = parsed else { return self.edge.unreadable() };
        let flow = Flow {
            listener: 0,
            transport: Transport::Udp,
            peer: from.parse().expect("an address"),
            connection: 0,
        };
        let mut out = Vec::new();
        self.edge.receive(self.now, flow, &message, &mut out);
        self.out(out);
    }

    fn out(&mut self, out: Vec<Output>) {
        for output in out {
            let Output::Send { to, bytes } = output else { continue };
            let message = Message::parse(bytes, &WIDE).expect("what leaves is a message");
            let is_request = message.method().is_some();
            // An answer of the edge itself repeats what was wrong with the request.
            assert!(!is_request || message.check().is_ok(), "{}", message.as_bytes().escape_ascii());
            for name in ["traceparent", "X-Traceparent"] {
                let count = message.headers_named(name).count();
                assert!(!is_request || count <= 1, "{name}: {}", message.as_bytes().escape_ascii());
            }
            let known = if is_request { &mut self.requests } else { &mut self.responses };
            known.truncate(REMEMBERED - 1);
            known.push_front((to.peer, message));
        }
    }

    /// Whoever got a request answers it.
    fn answer(&self, which: usize, text: &[u8]) -> Option<(String, Vec<u8>)> {
        const STATUSES: [u16; 8] = [100, 200, 180, 302, 486, 202, 481, 407];
        let (peer, request) = self.requests.get(which / 8 % REMEMBERED)?;
        let status = *STATUSES.get(which % 8)?;
        let reply =
            Builder::reply(request, status, "Reason", Some(b"callee")).copy(request, Name::RecordRoute);
        let reply = reply.header(Name::Contact, format!("<sip:there@{peer}>")).build().ok()?;
        Some((peer.to_string(), among_headers(&reply, text)))
    }

    /// Whoever was called sends a request in the dialog.
    fn by_callee(&self, which: usize, text: &[u8]) -> Option<(String, Vec<u8>)> {
        let (peer, request) = self.requests.get(which / 8 % REMEMBERED)?;
        let ways = request.all(Name::RecordRoute);
        let to = [value(request, Name::To), ";tag=callee".into()].concat();
        let from = value(request, Name::From);
        let target = contact(request)?;
        let message = in_dialog(which, &target, ways, (&to, &from), request, *peer, text);
        Some((peer.to_string(), message))
    }

    /// Whoever called does.
    fn by_caller(&self, which: usize, text: &[u8]) -> Option<(String, Vec<u8>)> {
        let (peer, response) = self.responses.get(which / 8 % REMEMBERED)?;
        let ways: Vec<_> = response.all(Name::RecordRoute).collect();
        let (from, to) = (value(response, Name::From), value(response, Name::To));
        let target = contact(response)?;
        let ways = ways.into_iter().rev();
        let message = in_dialog(which, &target, ways, (&from, &to), response, *peer, text);
        Some((peer.to_string(), message))
    }

    /// Somebody goes where a REFER or a 3xx said.
    fn follow(&self, which: usize, caller: &str, text: &[u8]) -> Option<(String, Vec<u8>)> {
        let referred = self.requests.iter().find_map(|(_, request)| request.refer_to().ok()?);
        let moved = self.responses.iter().filter(|(_, response)| response.status() == Some(302));
        let moved = moved.flat_map(|(_, response)| response.addresses(Name::Contact).flatten());
        let address: NameAddr<'_> = referred.or(moved.last())?;
        let plain = address.uri.split(|byte| *byte == b'?').next().unwrap_or_default();
        let uri = String::from_utf8_lossy(plain).into_owned();
        Some((caller.to_owned(), invite(&uri, caller, 100 + which, text)))
    }

    fn cancel(&self, which: usize) -> Option<(String, Vec<u8>)> {
        let via = format!("SIP/2.0/UDP {CALLER};branch=z9hG4bKi{which}");
        let known = self
            .requests
            .iter()
            .find(|(_, request)| request.all(Name::Via).any(|value| value.starts_with(via.as_bytes())));
        let (_, request) = known?;
        let head = |name| value(request, name);
        let (from, to, call) = (head(Name::From), head(Name::To), head(Name::CallId));
        let text = format!(
            "CANCEL sip:+4930@192.0.2.1 SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\n\
             Call-ID: {call}\r\nCSeq: 1 CANCEL\r\nContent-Length: 0\r\n\r\n"
        );
        Some((CALLER.to_owned(), text.into_bytes()))
    }
}

fn value(message: &Message, name: Name<'_>) -> String {
    String::from_utf8_lossy(message.first(name).unwrap_or_default()).into_owned()
}

fn contact(message: &Message) -> Option<String> {
    let address = message.addresses(Name::Contact).next()?.ok()?;
    Some(String::from_utf8_lossy(address.uri).into_owned())
}

fn invite(uri: &str, caller: &str, which: usize, text: &[u8]) -> Vec<u8> {
    let head = format!(
        "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {caller};branch=z9hG4bKi{which}\r\nMax-Forwards: 70\r\n\
         From: <sip:+44@{caller}>;tag=caller\r\nTo: <{uri}>\r\nCall-ID: call-{which}\r\nCSeq: 1 INVITE\r\n\
         Contact: <sip:here@{caller}>\r\n\r\n"
    );
    among_headers(head.as_bytes(), text)
}

fn in_dialog<'m>(
    which: usize,
    target: &str,
    ways: impl Iterator<Item = &'m [u8]>,
    (from, to): (&str, &str),
    of: &Message,
    peer: SocketAddr,
    text: &[u8],
) -> Vec<u8> {
    const METHODS: [&str; 8] = ["PRACK", "REFER", "BYE", "NOTIFY", "INVITE", "UPDATE", "ACK", "INFO"];
    let method = METHODS.get(which % 8).unwrap_or(&"INFO");
    let mut head = format!(
        "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {peer};branch=z9hG4bKd{which}\r\nMax-Forwards: 70\r\n"
    );
    for way in ways {
        head += &format!("Route: {}\r\n", String::from_utf8_lossy(way));
    }
    let call = value(of, Name::CallId);
    head += &format!("From: {from}\r\nTo: {to}\r\nCall-ID: {call}\r\nCSeq: 5 {method}\r\n\r\n");
    among_headers(head.as_bytes(), text)
}

/// The message with these bytes behind its first line: headers, a body, or what breaks it.
fn among_headers(message: &[u8], text: &[u8]) -> Vec<u8> {
    let line = message.iter().position(|byte| *byte == b'\n').map_or(message.len(), |at| at + 1);
    let (first, rest) = message.split_at(line);
    let end: &[u8] = if text.is_empty() || text.ends_with(b"\n") { b"" } else { b"\r\n" };
    [first, text, end, rest].concat()
}
