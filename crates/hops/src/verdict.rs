//! What became of one header of one request, and how bad that is.

use std::fmt;

use crate::classify::REQUEST;
use crate::probe::{About, Probe, Protocol, TRACEPARENT, X_TRACEPARENT};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    Passed,
    Stripped,
    Altered(How),
    /// The same trace with another parent: the hop takes part with a span of its own.
    Reparented,
    /// Another trace.
    Restarted,
    Duplicated,
    /// Was not sent, and is there.
    Added,
    /// With this status; without one where the connection was cut.
    Refused(Option<u16>),
    /// Came through, but as plain HTTP: no WebSocket, no gRPC.
    Downgraded,
    /// Did not arrive, but the other name of the same value did.
    Alias,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// The name, not the value.
    Case,
    /// Several lines became one.
    Merged,
    /// Members or lines are missing.
    Cut,
    Reordered,
    /// Members that were not sent.
    MembersAdded,
    /// The sampled flag.
    Sampled,
    /// Another flag.
    Flags,
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Breaks tracing.
    Error,
    /// Worth knowing.
    Note,
}

/// What has to hold besides the specifications.
#[derive(Clone, Debug)]
pub struct Demands {
    /// The hops are to take no part: a span of their own is an error.
    pub transparent: bool,
    /// Bytes of `tracestate` and `baggage` that have to come through.
    pub size: usize,
    /// What was asked for by name has to be spoken, in its own form.
    pub protocols: Vec<Protocol>,
}

impl Demands {
    /// Of SIP: what our binding of Trace Context allows of a tracestate there.
    pub fn sip() -> Self {
        Self { size: 256, ..Self::default() }
    }
}

impl Default for Demands {
    /// A hop has to pass 512 characters of tracestate (W3C Trace Context, section 3.3.1.5).
    fn default() -> Self {
        Self { transparent: false, size: 512, protocols: Vec::new() }
    }
}

impl Verdict {
    /// For programs.
    pub fn key(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Stripped => "stripped",
            Self::Altered(_) => "altered",
            Self::Reparented => "re-parented",
            Self::Restarted => "restarted",
            Self::Duplicated => "duplicated",
            Self::Added => "added",
            Self::Refused(_) => "refused",
            Self::Downgraded => "downgraded",
            Self::Alias => "carried by alias",
        }
    }

    /// How it was altered or refused, for programs.
    pub fn detail(self) -> Option<String> {
        match self {
            Self::Altered(how) => Some(how.key().to_owned()),
            Self::Refused(Some(status)) => Some(status.to_string()),
            Self::Refused(None) => Some("connection closed".to_owned()),
            _ => None,
        }
    }

    /// The trace goes on, and nothing of the list is missing.
    pub(crate) fn keeps(self) -> bool {
        match self {
            Self::Altered(how) => matches!(how, How::Case | How::Merged | How::Flags | How::MembersAdded),
            Self::Passed | Self::Reparented | Self::Added | Self::Downgraded | Self::Alias => true,
            Self::Stripped | Self::Restarted | Self::Duplicated | Self::Refused(_) => false,
        }
    }

    /// `None` where everything is as it was sent.
    pub fn severity(self, probe: &Probe, header: &str, demands: &Demands) -> Option<Severity> {
        let is_parent = [TRACEPARENT, X_TRACEPARENT, REQUEST].contains(&header);
        let must = match probe.about {
            // `tracestate` is a courtesy there, and datagrams are short.
            _ if probe.protocol.is_sip() && !is_parent => false,
            About::Context | About::Lines => true,
            About::Size(bytes) => bytes <= demands.size,
            About::Beside => header == TRACEPARENT,
            About::Bare | About::Alias | About::Odd => false,
        };
        match self {
            Self::Passed => None,
            Self::Downgraded if demands.protocols.contains(&probe.protocol) => Some(Severity::Error),
            Self::Reparented if demands.transparent && must => Some(Severity::Error),
            kept if kept.keeps() => Some(Severity::Note),
            _ if must => Some(Severity::Error),
            _ => Some(Severity::Note),
        }
    }
}

impl How {
    pub fn key(self) -> &'static str {
        match self {
            Self::Case => "case",
            Self::Merged => "merged",
            Self::Cut => "cut",
            Self::Reordered => "reordered",
            Self::MembersAdded => "members added",
            Self::Sampled => "sampled flag",
            Self::Flags => "flags",
            Self::Value => "value",
        }
    }
}

impl Severity {
    pub fn key(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Note => "note",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())?;
        match self.detail() {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}
