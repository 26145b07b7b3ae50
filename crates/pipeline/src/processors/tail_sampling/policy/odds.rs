//! How likely it was that a trace is kept, for `ot=th`: said exactly, or not at all.

use super::{Condition, Policies, Policy, Subject};
use crate::fnv::Fnv;

/// The ids for which something holds, of all ids that a trace with these facts could have.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Odds {
    None,
    All,
    /// Those whose hash with the salt lies between two shares of all hashes.
    Between {
        salt: Fnv,
        from: f64,
        to: f64,
    },
    /// It depends on what else is going on, or on hashes with several salts, of which nobody knows how independent they are.
    Unknown,
}

impl Odds {
    fn between(salt: Fnv, from: f64, to: f64) -> Self {
        match (from <= 0.0, to >= 1.0) {
            _ if from >= to => Self::None,
            (true, true) => Self::All,
            _ => Self::Between { salt, from, to },
        }
    }

    pub(crate) fn not(self) -> Self {
        match self {
            Self::None => Self::All,
            Self::All => Self::None,
            Self::Between { salt, from, to } if from <= 0.0 => Self::between(salt, to, 1.0),
            Self::Between { salt, from, to } if to >= 1.0 => Self::between(salt, 0.0, from),
            Self::Between { .. } | Self::Unknown => Self::Unknown,
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => Self::None,
            (Self::All, rest) | (rest, Self::All) => rest,
            (Self::Between { salt, from, to }, Self::Between { salt: same, from: later, to: sooner })
                if salt == same =>
            {
                Self::between(salt, from.max(later), to.min(sooner))
            }
            _ => Self::Unknown,
        }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, _) | (_, Self::All) => Self::All,
            (Self::None, rest) | (rest, Self::None) => rest,
            (Self::Between { salt, from, to }, Self::Between { salt: same, from: later, to: sooner })
                if salt == same && from.max(later) <= to.min(sooner) =>
            {
                Self::between(salt, from.min(later), to.max(sooner))
            }
            _ => Self::Unknown,
        }
    }

    fn probability(self) -> Option<f64> {
        match self {
            Self::All => Some(1.0),
            Self::Between { from, to, .. } => Some(to - from),
            Self::None | Self::Unknown => None,
        }
    }
}

impl Policies {
    /// The share of traces with these facts that is kept, of which this is one; nothing where nobody can tell.
    pub(super) fn probability(&self, subject: &Subject<'_>) -> Option<f64> {
        let any = |drops: bool, complete: bool| {
            let policies = self.list.iter().filter(|policy| policy.drops == drops);
            policies.fold(Odds::None, |odds, policy| odds.or(policy.named.condition.odds(subject, complete)))
        };
        let mut kept = any(false, !subject.early);
        if subject.joined && kept != Odds::All {
            // Had this trace not kept its call, another one could have.
            kept = any(false, false);
        }
        let by_chance = |policy: &Policy| policy.drops && policy.named.condition.goes_by_chance();
        let dropped = match subject.joined && self.list.iter().any(by_chance) {
            // Each trace of the call is left out or not on its own account.
            true => Odds::Unknown,
            false => any(true, !subject.early),
        };
        kept.and(dropped.not()).probability()
    }
}

impl Condition {
    /// For which ids it holds. Spends nothing of a rate.
    pub(super) fn odds(&self, subject: &Subject<'_>, complete: bool) -> Odds {
        match self {
            Self::Share(share) => Odds::between(share.salted, 0.0, share.ratio),
            Self::SpanRate(_) | Self::ByteRate(_) | Self::Composite(_) => Odds::Unknown,
            Self::All(parts) => {
                let odds = parts.iter().map(|part| part.condition.odds(subject, complete));
                odds.fold(Odds::All, Odds::and)
            }
            Self::Not(inner) => inner.condition.odds(subject, complete).not(),
            Self::Always
            | Self::Latency { .. }
            | Self::Status(_)
            | Self::Found { .. }
            | Self::SpanCount { .. } => match self.holds(subject, complete) {
                Ok(Some(true)) => Odds::All,
                Ok(Some(false)) => Odds::None,
                Ok(None) | Err(_) => Odds::Unknown,
            },
        }
    }

    fn goes_by_chance(&self) -> bool {
        match self {
            Self::Share(_) | Self::SpanRate(_) | Self::ByteRate(_) | Self::Composite(_) => true,
            Self::All(parts) => parts.iter().any(|part| part.condition.goes_by_chance()),
            Self::Not(inner) => inner.condition.goes_by_chance(),
            Self::Always
            | Self::Latency { .. }
            | Self::Status(_)
            | Self::Found { .. }
            | Self::SpanCount { .. } => false,
        }
    }
}
