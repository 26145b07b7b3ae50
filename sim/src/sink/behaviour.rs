//! How the sink treats its clients; it can be changed while it runs.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// What a client meets. The default takes everything at once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// What happens to a request.
    pub answer: Answer,
    /// The answer befalls each n-th request, the others are accepted: 1 is every one, 2 every second one.
    pub every: u64,
    /// Wait before each answer.
    pub delay_ms: u64,
    /// How many items the sink takes a second, all connections together; 0 is no limit.
    pub items_per_second: u64,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { answer: Answer::Accept, every: 1, delay_ms: 0, items_per_second: 0 }
    }
}

impl Behaviour {
    /// Every request is answered with this HTTP status (gRPC: the code that goes with it).
    pub fn status(code: u16, retry_after_s: Option<u64>) -> Self {
        Self { answer: Answer::Status { code, retry_after_s }, ..Self::default() }
    }

    /// No answer until the behaviour changes.
    pub fn hang() -> Self {
        Self { answer: Answer::Hang, ..Self::default() }
    }

    /// No listener: connections are refused, open ones are closed.
    pub fn refuse() -> Self {
        Self { answer: Answer::Refuse, ..Self::default() }
    }

    /// Takes this many items a second: a backend that sets the capacity of everything before it.
    pub fn slow(items_per_second: u64) -> Self {
        Self { items_per_second, ..Self::default() }
    }

    /// The same, but only each n-th request meets the answer.
    pub fn every(self, every: u64) -> Self {
        Self { every, ..self }
    }
}

/// What happens to a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Answer {
    #[default]
    Accept,
    Status {
        code: u16,
        #[serde(default)]
        retry_after_s: Option<u64>,
    },
    Hang,
    Refuse,
}

/// Lets items through at a rate by telling each request until when to wait.
#[derive(Default)]
pub(super) struct Turnstile(Mutex<Option<Instant>>);

impl Turnstile {
    /// When the last of these items is through.
    pub(super) fn pass(&self, items: u64, items_per_second: u64, now: Instant) -> Instant {
        if items_per_second == 0 {
            return now;
        }
        let mut free_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let took = Duration::from_secs_f64(items as f64 / items_per_second as f64);
        let through = free_at.map_or(now, |at| at.max(now)) + took;
        *free_at = Some(through);
        through
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_turnstile_keeps_the_rate_over_all_who_pass() {
        let turnstile = Turnstile::default();
        let start = Instant::now();
        assert_eq!(turnstile.pass(500, 1000, start), start + Duration::from_millis(500));
        assert_eq!(turnstile.pass(500, 1000, start), start + Duration::from_secs(1));
        let later = start + Duration::from_secs(60);
        assert_eq!(
            turnstile.pass(100, 1000, later),
            later + Duration::from_millis(100),
            "idle time is not saved up"
        );
        assert_eq!(turnstile.pass(1_000_000, 0, later), later);
    }

    #[test]
    fn the_control_text_is_short() {
        let slow: Behaviour = serde_json::from_str(r#"{"items_per_second":1000}"#).unwrap();
        assert_eq!(slow, Behaviour::slow(1000));
        let refusing: Behaviour =
            serde_json::from_str(r#"{"answer":{"kind":"status","code":503,"retry_after_s":2},"every":2}"#)
                .unwrap();
        assert_eq!(refusing, Behaviour::status(503, Some(2)).every(2));
        assert!(serde_json::from_str::<Behaviour>(r#"{"anwser":{"kind":"hang"}}"#).is_err());
    }
}
