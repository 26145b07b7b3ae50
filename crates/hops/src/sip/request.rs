//! The requests of the doctor.

use std::net::SocketAddr;

use bytes::Bytes;
use throughline_sip::{Builder, EditError, Message, Method, Name};

use super::address::Transport;
use super::check::Options;
use super::seen::{FRAGMENT, name};
use crate::field::bytes;
use crate::probe::{AGENT, MARK, Mark, Probe};

/// Where a request comes from.
#[derive(Clone, Copy)]
pub(super) struct Origin {
    pub own: SocketAddr,
    pub transport: Transport,
}

/// A probe as it goes out.
pub(super) fn probe(
    probe: &Probe,
    mark: Mark,
    to: &str,
    options: &Options,
    origin: Origin,
) -> Result<Bytes, EditError> {
    let mut request = begin(probe.method, mark, to, options.from.as_deref(), origin, 70)
        .header(Name::Other(MARK.as_bytes()), mark.to_string());
    for field in probe.fields(mark) {
        // A known name would be written in its usual case.
        request = request.header(Name::Other(field.name.as_bytes()), bytes(field.value()));
    }
    if probe.method == "INVITE" {
        request = request.body("application/sdp", offer(origin.own));
    }
    request.build()
}

/// Asks the first hop itself: with no forwards left it has to answer (RFC 3261, section 16.3).
pub(super) fn itself(mark: Mark, to: &str, options: &Options, origin: Origin) -> Result<Bytes, EditError> {
    begin("OPTIONS", mark, to, options.from.as_deref(), origin, 0).build()
}

/// The ACK to a 2xx, then the BYE: whoever took the call is no echo, and is not left hanging.
pub(super) fn hang_up<B: AsRef<[u8]>, C: AsRef<[u8]>>(
    invite: &Message<B>,
    answer: &Message<C>,
    origin: Origin,
) -> Option<[Bytes; 2]> {
    let contact = answer.addresses(Name::Contact).find_map(Result::ok)?;
    let routes: Vec<_> = answer.all(Name::RecordRoute).collect();
    let call_id = invite.call_id().ok()?;
    let one = |method: Method<'static>, number: u32, branch: &str| {
        let mut request = Builder::request(method, contact.uri)
            .header(Name::Via, via(origin, branch))
            .header(Name::MaxForwards, "70")
            .copy(invite, Name::From)
            .copy(answer, Name::To)
            .header(Name::CallId, call_id)
            .header(Name::CSeq, format!("{number} {method}"));
        for route in routes.iter().rev() {
            request = request.header(Name::Route, route);
        }
        request.build().ok()
    };
    Some([one(Method::Ack, 1, "ack")?, one(Method::Bye, 2, "bye")?])
}

fn begin(method: &str, mark: Mark, to: &str, from: Option<&str>, origin: Origin, forwards: u8) -> Builder {
    let (own, name) = (origin.own, name(mark));
    let own_uri = format!("sip:{name}@{own}{}", origin.transport.param());
    let from = from.map_or_else(|| format!("sip:{name}@{own}"), str::to_owned);
    Builder::request(method.as_bytes(), to)
        .header(Name::Via, via(origin, &format!("{name}.{}.{method}.{forwards}", own.port())))
        .header(Name::MaxForwards, forwards.to_string())
        .header(Name::From, format!("<{from}>;tag={}", mark.round + 1))
        .header(Name::To, format!("<{to}>"))
        .header(Name::CallId, format!("{name}.{forwards}@throughline"))
        .header(Name::CSeq, format!("1 {method}"))
        .header(Name::Contact, format!("<{own_uri}>"))
        .header(Name::UserAgent, AGENT)
        .header(Name::Accept, format!("application/sdp, {FRAGMENT}"))
}

fn via(origin: Origin, branch: &str) -> String {
    let transport = origin.transport.name();
    format!("SIP/2.0/{transport} {};branch=z9hG4bK{branch};rport", origin.own)
}

/// Silence on a port that nobody listens on: no media is sent either way.
fn offer(own: SocketAddr) -> String {
    let (family, ip) = (if own.is_ipv4() { "IP4" } else { "IP6" }, own.ip());
    format!(
        "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio 9 RTP/AVP 8 0\r\na=inactive\r\n"
    )
}
