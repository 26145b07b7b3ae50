use std::fmt;

use crate::fault::Malformed;
use crate::params::Params;
use crate::scan::{cut, find_unquoted, host_port, is_lws, is_token, port, split_once, trim, trim_end};

/// One value of a Via (RFC 3261, section 20.42).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Via<'a> {
    /// The whole value.
    pub raw: &'a [u8],
    /// `UDP`, `TCP`, `TLS`, `WS`, `WSS` …; case does not count.
    pub transport: &'a [u8],
    /// Host and port as they are written.
    pub sent_by: &'a [u8],
    /// The host of `sent_by`; an IPv6 address with its brackets.
    pub host: &'a [u8],
    /// The port of `sent_by`.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` …
    pub params: Params<'a>,
}

/// What a branch of RFC 3261 begins with; others do not name a transaction (section 8.1.1.7).
pub const BRANCH_COOKIE: &[u8] = b"z9hG4bK";

impl<'a> Via<'a> {
    /// Takes one value apart; a header line may hold several.
    pub fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        let raw = trim(value);
        let protocol = Malformed("the protocol is not SIP/2.0/ and a transport");
        let (name, rest) = split_once(raw, b'/').ok_or(protocol)?;
        let (version, rest) = split_once(rest, b'/').ok_or(protocol)?;
        if !trim(name).eq_ignore_ascii_case(b"SIP") || trim(version) != b"2.0" {
            return Err(protocol);
        }
        let rest = trim(rest);
        let (transport, rest) = cut(rest, rest.iter().position(|byte| is_lws(*byte)).unwrap_or(rest.len()));
        if !is_token(transport) {
            return Err(protocol);
        }
        let at = find_unquoted(rest, |byte| byte == b';')
            .map_err(|_| Malformed("a quotation mark is not closed"))?
            .unwrap_or(rest.len());
        let (sent_by, params) = cut(rest, at);
        let sent_by = trim(sent_by);
        let (host, port) = host_port(sent_by).ok_or(Malformed("the host or port cannot be read"))?;
        Ok(Self { raw, transport, sent_by, host, port, params: Params::of_value(trim_end(params))? })
    }

    /// The parameter `branch`.
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.params.value("branch").filter(|branch| !branch.is_empty())
    }

    /// The branch if it names a transaction by RFC 3261: the cookie, and something after it.
    pub fn transaction(&self) -> Option<&'a [u8]> {
        self.branch().filter(|branch| {
            let (cookie, rest) = cut(branch, BRANCH_COOKIE.len());
            cookie.eq_ignore_ascii_case(BRANCH_COOKIE) && !rest.is_empty()
        })
    }

    /// The parameter `received` (section 18.2.1).
    pub fn received(&self) -> Option<&'a [u8]> {
        self.params.value("received")
    }

    /// Whether the sender asked for the port that its request comes from (RFC 3581).
    pub fn wants_rport(&self) -> bool {
        self.params.get("rport").is_some_and(|param| param.value.is_none_or(<[u8]>::is_empty))
    }

    /// The parameter `rport`, filled in by who received the request.
    pub fn rport(&self) -> Option<u16> {
        port(self.params.value("rport")?)
    }
}

impl fmt::Debug for Via<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.raw.escape_ascii())
    }
}
