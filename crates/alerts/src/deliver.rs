//! Who is told: each receiver in the order of what happened, again until it takes it, or for a day.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::book::{MOST_NOTES, Note, Outcome, Past};
use crate::keep::Changes;
use crate::message::{Message, Status};
use crate::rule::{Only, Op, Rule, Severity, Spec};
use crate::send::Refused;
use crate::settings::Kind;
use crate::standing::{Phase, Standing};
use crate::watch::{Alerts, Failed, Told};

/// Before the second attempt; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// Nobody wants to hear of it later.
const GIVE_UP_NS: u64 = 86_400_000_000_000;

impl Alerts {
    /// Tells what is due, and says when the next is.
    pub async fn deliver(&self, now_ns: u64) -> Option<u64> {
        let mut by_receiver: BTreeMap<String, Vec<(u64, Note)>> = BTreeMap::new();
        for (number, note) in &self.book.lock().await.notes {
            by_receiver.entry(note.receiver.clone()).or_default().push((*number, note.clone()));
        }
        let next = by_receiver.into_iter().map(|(receiver, notes)| self.deliver_to(receiver, notes, now_ns));
        join_all(next).await.into_iter().flatten().min()
    }

    async fn deliver_to(&self, receiver: String, notes: Vec<(u64, Note)>, now_ns: u64) -> Option<u64> {
        let spare = notes.len().saturating_sub(MOST_NOTES);
        for (place, (number, note)) in notes.into_iter().enumerate() {
            if note.next_ns > now_ns {
                return Some(note.next_ns);
            }
            let sent = if place < spare {
                Err(Refused { why: "newer messages displaced it".to_owned(), for_good: true, after: None })
            } else {
                self.senders.send(&receiver, std::slice::from_ref(&note.message), now_ns).await
            };
            self.heard(&receiver, &sent, now_ns).await;
            let settled = match &sent {
                Ok(()) => true,
                Err(refused) => refused.for_good || now_ns.saturating_sub(note.made_ns) > GIVE_UP_NS,
            };
            if let Err(error) = self.settle(number, &note, &sent, settled, now_ns).await {
                tracing::error!(%receiver, %error, "it could not be kept that a message was sent: it may be sent again");
                return Some(now_ns.saturating_add(wait(note.attempts)));
            }
            if !settled {
                return Some(now_ns.saturating_add(next_wait(&sent, note.attempts)));
            }
        }
        None
    }

    async fn settle(
        &self,
        number: u64,
        note: &Note,
        sent: &Result<(), Refused>,
        settled: bool,
        now_ns: u64,
    ) -> Result<(), flow::state::StateError> {
        let mut book = self.book.lock().await;
        let mut changes = Changes::default();
        if !settled {
            let next_ns = now_ns.saturating_add(next_wait(sent, note.attempts));
            let again = Note { attempts: note.attempts.saturating_add(1), next_ns, ..note.clone() };
            changes.note(number, &again)?;
            changes.commit(&self.state).await?;
            book.notes.insert(number, again);
            return Ok(());
        }
        changes.without_note(number);
        let watched = book.rules.get(&note.message.rule_id).cloned().map(|mut watched| {
            let (outcome, why) = match sent {
                Ok(()) => (Outcome::Delivered, note.receiver.clone()),
                Err(refused) => (Outcome::Undelivered, format!("{}: {refused}", note.receiver)),
            };
            let Message { value, n, .. } = note.message;
            watched.happened(Past { at_ns: now_ns, outcome, value, n, why: Some(why) });
            watched
        });
        if let Some(watched) = &watched {
            changes.past(&watched.rule.id, &watched.past)?;
        }
        changes.commit(&self.state).await?;
        book.notes.remove(&number);
        book.rules.extend(watched.map(|watched| (watched.rule.id.clone(), watched)));
        Ok(())
    }

    async fn heard(&self, receiver: &str, sent: &Result<(), Refused>, now_ns: u64) {
        let mut told = self.told.lock().await;
        let Some(kind) = self.senders.kind(receiver) else { return };
        let known = told.entry(receiver.to_owned()).or_insert_with(|| Told {
            name: receiver.to_owned(),
            kind,
            waiting: 0,
            taken_ns: None,
            error: None,
        });
        match sent {
            Ok(()) => (known.taken_ns, known.error) = (Some(now_ns), None),
            Err(refused) => {
                tracing::warn!(%receiver, why = %refused, "a receiver of alerts did not take a message");
                known.error = Some(refused.to_string());
            }
        }
    }

    /// Tells Alertmanager again what still fires: there an alert ends when nobody says that it goes on.
    pub async fn refresh(&self, now_ns: u64) {
        let firing: Vec<_> =
            self.list().await.into_iter().filter(|watched| watched.standing.phase == Phase::Firing).collect();
        let names: Vec<String> = self
            .senders
            .names()
            .filter(|(_, kind)| *kind == Kind::Alertmanager)
            .map(|(name, _)| name.clone())
            .collect();
        for name in names {
            let of = firing.iter().filter(|watched| watched.rule.spec.receivers.contains(&name));
            let messages: Vec<Message> = of
                .map(|watched| Message::firing(&watched.rule, &watched.standing, &watched.examples))
                .collect();
            if !messages.is_empty() {
                let sent = self.senders.send(&name, &messages, now_ns).await;
                self.heard(&name, &sent, now_ns).await;
            }
        }
    }

    /// Tells one receiver that this is a test.
    pub async fn test(&self, receiver: &str, now_ns: u64) -> Result<(), Failed> {
        let kind = self.senders.kind(receiver).ok_or_else(|| Failed::NoReceiver(receiver.to_owned()))?;
        let rule = Rule { id: "test".to_owned(), spec: trial(), created_ns: now_ns, changed_ns: now_ns };
        let standing = Standing { since_ns: now_ns, ..Standing::default() };
        let mut message = Message { status: Status::Test, ..Message::firing(&rule, &standing, &[]) };
        if kind == Kind::Alertmanager {
            // It is over in a minute.
            message.ended_ns = Some(now_ns.saturating_add(60_000_000_000));
        }
        let sent = self.senders.send(receiver, &[message], now_ns).await;
        self.heard(receiver, &sent, now_ns).await;
        sent.map_err(|refused| Failed::Undelivered { receiver: receiver.to_owned(), why: refused.why })
    }
}

fn trial() -> Spec {
    Spec {
        name: "Throughline test".to_owned(),
        stage: store_api::Stage::Queue,
        measure: crate::rule::Measure::Count,
        within: None,
        op: Op::Above,
        threshold: 0.0,
        only: Only::default(),
        window: flow::config::GoDuration::from_secs(900),
        hold: flow::config::GoDuration::ZERO,
        keep_firing_for: flow::config::GoDuration::ZERO,
        min_count: 1,
        severity: Severity::Info,
        receivers: Vec::new(),
        note: String::new(),
        links: Vec::new(),
        enabled: true,
    }
}

fn next_wait(sent: &Result<(), Refused>, attempts: u32) -> u64 {
    let asked = sent.as_ref().err().and_then(|refused| refused.after);
    asked.map_or(0, |after| u64::try_from(after.as_nanos()).unwrap_or(u64::MAX)).max(wait(attempts))
}

fn wait(attempts: u32) -> u64 {
    let wait = FIRST_WAIT.saturating_mul(2u32.saturating_pow(attempts)).min(LONGEST_WAIT);
    u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)
}
