//! What of the receiver outlives the process: written every few seconds, and read at the start.
//!
//! A checkpoint is taken between two batches, so that it says of each span whether it was given out; and it is written
//! when those batches have arrived, so that what it says is given is not only in memory. What was given out after the
//! last one is given out again: that is the whole window of "at least once".

mod read;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use flow::state::Change;
use flow::{Ctx, State, StateError, States};
use serde::{Deserialize, Serialize};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::Instant;

use super::meters::Meters;
use super::settings::Settings;
use crate::Id;
use crate::desk::{Desk, Kept, Underway};
use crate::platform::Base;
use crate::time::now_ms;
pub(super) use read::Restored;

const VERSION: u32 = 1;
/// How long a checkpoint waits for batches to arrive. What an exporter has not taken by then is up to its queue, or to
/// the journal.
const PATIENCE: Duration = Duration::from_secs(10);

const PLACE: &str = "place";
const HELD: &str = "held/";
const GONE: &str = "gone/";

/// Whose checkpoint it is, and up to when everything was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Place {
    version: u32,
    /// The address of the API, and the OAuth client: it belongs to one organisation.
    region: String,
    client_id: String,
    until_ms: u64,
    written_ms: u64,
    /// When a process went on with it.
    restarts_ms: Vec<u64>,
}

pub(super) struct Checkpoint {
    state: Arc<dyn State>,
    /// The namespace.
    receiver: Arc<str>,
    place: Place,
    interval: Duration,
    next: Instant,
    phase: Phase,
    trouble: Option<String>,
}

enum Phase {
    Idle,
    /// The batches that it says are given are on their way since then.
    Taken {
        draft: Draft,
        underway: Underway,
        since: Instant,
    },
    Writing {
        work: JoinHandle<Result<(), String>>,
        ids: HashSet<Id>,
    },
}

struct Draft {
    place: Place,
    conversations: Vec<(Id, Kept)>,
}

impl Checkpoint {
    /// With what an earlier process left; nothing where no directory is configured, or its file cannot be used.
    pub(super) async fn open(settings: &Settings, ctx: &Ctx, base: &Base) -> Option<(Self, Restored)> {
        let states = ctx.get::<States>()?;
        let place = Place {
            version: VERSION,
            region: base.api.to_string(),
            client_id: settings.client_id.clone(),
            until_ms: 0,
            written_ms: 0,
            restarts_ms: Vec::new(),
        };
        let directory = settings.checkpoint.directory.clone();
        let receiver = Arc::clone(&ctx.id);
        let interval = settings.checkpoint.interval.get();
        let lookback_ms = millis(settings.lookback.get());
        let opened = spawn_blocking(move || {
            let Some(state) = states.open(directory.as_deref())? else { return Ok(None) };
            let (restored, stale) = read::read(state.as_ref(), &receiver, &place, now_ms())?;
            let place = Place {
                until_ms: restored.until_ms.unwrap_or(now_ms().saturating_sub(lookback_ms)),
                written_ms: now_ms(),
                restarts_ms: restored.restarts_ms.clone(),
                ..place
            };
            // Before anything is given out, the next process must be able to see that there was this one.
            let taken_over = Draft { place: place.clone(), conversations: Vec::new() };
            commit(state.as_ref(), &receiver, stale, taken_over).map_err(StateError)?;
            let (next, phase) = (Instant::now() + interval, Phase::Idle);
            let checkpoint = Self { state, receiver, place, interval, next, phase, trouble: None };
            Ok(Some((checkpoint, restored)))
        });
        let wrong = |error: String| {
            tracing::error!(receiver = %ctx.id, error, "there are no checkpoints: after each start the conversations of `lookback` are read again");
        };
        match opened.await {
            Ok(Ok(opened)) => opened,
            Ok(Err(StateError(error))) => {
                wrong(error);
                None
            }
            Err(error) => {
                wrong(error.to_string());
                None
            }
        }
    }

    /// Does what is next. Called again and again between batches, and waits for nothing.
    pub(super) async fn step(
        &mut self,
        desk: &mut Desk,
        until_ms: u64,
        underway: &Underway,
        meters: &Meters,
    ) {
        let now = Instant::now();
        self.phase = match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Idle if now >= self.next => {
                self.next = now + self.interval;
                let draft = self.draft(desk, until_ms);
                if draft.conversations.is_empty() && draft.place.until_ms == self.place.until_ms {
                    return;
                }
                Phase::Taken { draft, underway: underway.clone(), since: now }
            }
            Phase::Taken { draft, underway, since } if underway.arrived() || now >= since + PATIENCE => {
                self.write(draft)
            }
            Phase::Writing { work, ids } if work.is_finished() => {
                self.written(work, ids, desk, meters).await;
                Phase::Idle
            }
            waiting => waiting,
        };
    }

    /// The last one, when nothing more is given out; the pipelines deliver what is underway.
    pub(super) async fn last(mut self, desk: &mut Desk, until_ms: u64, meters: &Meters) {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Idle => {}
            Phase::Taken { draft, .. } => desk.not_kept(ids(&draft)),
            Phase::Writing { work, ids } => self.written(work, ids, desk, meters).await,
        }
        let draft = self.draft(desk, until_ms);
        if let Phase::Writing { work, ids } = self.write(draft) {
            self.written(work, ids, desk, meters).await;
        }
    }

    fn draft(&self, desk: &mut Desk, until_ms: u64) -> Draft {
        let place = Place { until_ms, written_ms: now_ms(), ..self.place.clone() };
        Draft { place, conversations: desk.unkept() }
    }

    fn write(&mut self, draft: Draft) -> Phase {
        self.place = draft.place.clone();
        let ids = ids(&draft);
        let (state, receiver) = (Arc::clone(&self.state), Arc::clone(&self.receiver));
        let work = spawn_blocking(move || commit(state.as_ref(), &receiver, Vec::new(), draft));
        Phase::Writing { work, ids }
    }

    async fn written(
        &mut self,
        work: JoinHandle<Result<(), String>>,
        ids: HashSet<Id>,
        desk: &mut Desk,
        meters: &Meters,
    ) {
        match work.await.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(()) => {
                meters.checkpoints.inc();
                self.trouble = None;
            }
            Err(error) => {
                meters.failed_checkpoints.inc();
                desk.not_kept(ids);
                // It is tried again with the next one, and told once.
                if self.trouble.as_ref() != Some(&error) {
                    tracing::error!(receiver = %self.receiver, error, "a checkpoint could not be written");
                    self.trouble = Some(error);
                }
            }
        }
    }
}

fn ids(draft: &Draft) -> HashSet<Id> {
    draft.conversations.iter().map(|(id, _)| id.clone()).collect()
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Writes all of it or nothing. Waits for the disk.
fn commit(state: &dyn State, receiver: &str, stale: Vec<String>, draft: Draft) -> Result<(), String> {
    let mut changes: Vec<(String, Option<Vec<u8>>)> = stale.into_iter().map(|key| (key, None)).collect();
    for (id, kept) in draft.conversations {
        let (held, gone) = match kept {
            Kept::Held(conversation) => (Some(conversation.write()?), None),
            Kept::Gone(at) => (None, Some(at.to_string().into_bytes())),
            Kept::Nothing => (None, None),
        };
        changes.push((format!("{HELD}{id}"), held));
        changes.push((format!("{GONE}{id}"), gone));
    }
    let place = serde_json::to_vec(&draft.place).map_err(|error| error.to_string())?;
    changes.push((PLACE.to_owned(), Some(place)));
    let changes: Vec<Change<'_>> = changes
        .iter()
        .map(|(key, value)| Change { namespace: receiver, key, value: value.as_deref() })
        .collect();
    state.commit(&changes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
