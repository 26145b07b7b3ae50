//! What the edge writes into its own Via and Record-Route, and believes when it comes back.
//!
//! The parameter `tl` is `listener.connection.mark`: where the request came in, and the proof that this was written here.

use std::fmt::{self, Write};

use throughline_sip::{BRANCH_COOKIE, Heads, Message, Uri, Via};

use super::flow::Flow;
use super::own::Listener;
use super::secret::{Mark, Purpose, Secret};
use crate::hop::Transport;

pub(super) const PARAM: &str = "tl";

/// Where a request came in once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Learnt {
    pub(super) listener: u16,
    pub(super) connection: u64,
}

impl Learnt {
    pub(super) fn of(flow: &Flow) -> Self {
        Self { listener: flow.listener, connection: flow.connection }
    }
}

/// Both parts of the branch with which a request goes on (RFC 3261, section 16.6, step 8, and 16.11).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Branch {
    transaction: Mark,
    destination: Mark,
}

/// A branch, and which target of a call with state it is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Outgoing {
    branch: Branch,
    client: Option<usize>,
}

impl Branch {
    /// The same for a request that comes again, for its CANCEL, and for the ACK of a refusal.
    pub(super) fn of(secret: &Secret, message: &Message, heads: &Heads<'_>) -> Self {
        let uri = heads.request_uri.map_or(&[][..], |uri| uri.raw);
        let number = heads.cseq.number.to_be_bytes();
        let routes = message.all(throughline_sip::Name::Route);
        let fixed = [uri, &number[..], heads.from_tag.unwrap_or_default(), heads.call_id];
        let destination = secret.mark(Purpose::Loop, fixed.into_iter().chain(routes));
        let sender = heads.via.transaction().unwrap_or(heads.via.raw);
        let parts = [&destination.0.to_be_bytes()[..], sender, heads.via.sent_by];
        Self { transaction: secret.mark(Purpose::Branch, parts), destination }
    }

    /// Whether this Via of ours has seen the request on its way to the same destination.
    pub(super) fn is_loop(self, via: &Via<'_>) -> bool {
        let read = via.branch().and_then(Self::read);
        read.is_some_and(|(branch, _)| branch.destination == self.destination)
    }

    pub(super) fn stateless(self) -> Outgoing {
        Outgoing { branch: self, client: None }
    }

    pub(super) fn of_client(self, client: usize) -> Outgoing {
        Outgoing { branch: self, client: Some(client) }
    }

    /// What we wrote, with the number of the target.
    pub(super) fn read(text: &[u8]) -> Option<(Self, Option<usize>)> {
        let (marks, client) = text.strip_prefix(BRANCH_COOKIE)?.split_at_checked(32)?;
        let (transaction, destination) = marks.split_at(16);
        let branch = Self { transaction: Mark::read(transaction)?, destination: Mark::read(destination)? };
        let client = client.strip_prefix(b".").and_then(|client| str::from_utf8(client).ok()?.parse().ok());
        Some((branch, client))
    }
}

impl fmt::Display for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "z9hG4bK{}{}", self.branch.transaction, self.branch.destination)?;
        self.client.map_or(Ok(()), |client| write!(f, ".{client}"))
    }
}

/// The value of our Via.
pub(super) fn via(
    secret: &Secret,
    heads: &Heads<'_>,
    branch: Outgoing,
    came: &Flow,
    listener: &Listener,
    transport: Transport,
) -> String {
    let text = branch.to_string();
    let learnt = Learnt::of(came);
    let mark = via_mark(secret, heads, text.as_bytes(), heads.branch.unwrap_or_default(), learnt);
    let (by, name) = (listener.sent_by(), transport.name());
    format!(
        "SIP/2.0/{name} {by};rport;branch={text};{PARAM}={:x}.{:x}.{mark}",
        learnt.listener, learnt.connection
    )
}

/// What our Via of a response says, where we wrote it for the request that this response answers. `next` is the Via
/// below ours.
pub(super) fn read_via(secret: &Secret, heads: &Heads<'_>, next: &Via<'_>) -> Option<Learnt> {
    let (learnt, mark) = read(heads.via.params.value(PARAM)?)?;
    let expected = via_mark(secret, heads, heads.branch?, next.branch().unwrap_or_default(), learnt);
    (mark == expected).then_some(learnt)
}

/// Our Record-Route on one of our sockets; `learnt` is what it remembers.
pub(super) fn route(secret: &Secret, call: &[u8], learnt: Learnt, facing: &Listener, secure: bool) -> String {
    let mark = route_mark(secret, call, learnt);
    format!("<{}>", own_uri(facing, secure, learnt, mark))
}

/// Our Path (RFC 3327): requests for a phone that registered over a connection come here, and go back over it.
pub(super) fn path(secret: &Secret, came: &Flow, facing: &Listener, outbound: bool) -> String {
    let learnt = Learnt::of(came);
    let uri = own_uri(facing, false, learnt, path_mark(secret, learnt));
    format!("<{uri}{}>", if outbound { ";ob" } else { "" })
}

fn own_uri(facing: &Listener, secure: bool, learnt: Learnt, mark: Mark) -> String {
    let scheme = if secure { "sips" } else { "sip" };
    let mut uri = format!("{scheme}:{}", facing.sent_by());
    let known: &str = match facing.transport {
        Transport::Udp => "",
        Transport::Tls if secure => "",
        transport => transport.token(),
    };
    let separator = if known.is_empty() { "" } else { ";transport=" };
    let written =
        write!(uri, "{separator}{known};lr;{PARAM}={:x}.{:x}.{mark}", learnt.listener, learnt.connection);
    debug_assert!(written.is_ok());
    uri
}

/// What a Path of ours says.
pub(super) fn read_path(secret: &Secret, uri: &Uri<'_>) -> Option<Learnt> {
    let (learnt, mark) = read(uri.params.value(PARAM)?)?;
    (mark == path_mark(secret, learnt)).then_some(learnt)
}

/// What a Route of ours says, where we wrote it for this call.
pub(super) fn read_route(secret: &Secret, call: &[u8], uri: &Uri<'_>) -> Option<Learnt> {
    let (learnt, mark) = read(uri.params.value(PARAM)?)?;
    (mark == route_mark(secret, call, learnt)).then_some(learnt)
}

/// The tag of To in answers of the edge itself: the ACK brings it back.
pub(super) fn tag(secret: &Secret, message: &Message) -> String {
    let via = message.top_via().ok();
    let branch = via.and_then(|via| via.branch()).unwrap_or_default();
    format!("tl{}", secret.mark(Purpose::Tag, [branch, message.call_id().unwrap_or_default()]))
}

/// A number for the choice of a target; the same for all requests of a call.
pub(super) fn choice(secret: &Secret, call: &[u8]) -> u64 {
    secret.mark(Purpose::Choice, [call]).0
}

fn via_mark(secret: &Secret, heads: &Heads<'_>, branch: &[u8], sender: &[u8], learnt: Learnt) -> Mark {
    let (number, call) = (heads.cseq.number.to_be_bytes(), heads.call_id);
    let (listener, connection) = (learnt.listener.to_be_bytes(), learnt.connection.to_be_bytes());
    secret.mark(Purpose::Via, [branch, sender, call, &number[..], &listener[..], &connection[..]])
}

fn route_mark(secret: &Secret, call: &[u8], learnt: Learnt) -> Mark {
    let (listener, connection) = (learnt.listener.to_be_bytes(), learnt.connection.to_be_bytes());
    secret.mark(Purpose::Route, [call, &listener[..], &connection[..]])
}

fn path_mark(secret: &Secret, learnt: Learnt) -> Mark {
    let (listener, connection) = (learnt.listener.to_be_bytes(), learnt.connection.to_be_bytes());
    secret.mark(Purpose::Path, [&listener[..], &connection[..]])
}

fn read(value: &[u8]) -> Option<(Learnt, Mark)> {
    let mut parts = str::from_utf8(value).ok()?.split('.');
    let (listener, connection, mark) = (parts.next()?, parts.next()?, parts.next()?);
    let listener = u16::from_str_radix(listener, 16).ok()?;
    let connection = u64::from_str_radix(connection, 16).ok()?;
    let learnt = Learnt { listener, connection };
    parts.next().is_none().then_some((learnt, Mark::read(mark.as_bytes())?))
}
