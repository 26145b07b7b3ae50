//! The rules at work: looked at one after the other, changed by people, told to receivers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flow::state::{State, StateError};
use serde::Serialize;
use store_api::{Range, TraceStore};
use tokio::sync::{Mutex, Notify, oneshot};
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;

use crate::book::{Book, Note, Outcome, Past, Watched};
use crate::keep::{Changes, Forgetful};
use crate::measure::{self, Unmeasured};
use crate::message::Message;
use crate::preview::{self, Preview, RuleExample};
use crate::rule::{Rule, Spec, Wrong};
use crate::send::Senders;
use crate::settings::{Kind, Settings};
use crate::standing::{PAUSE_NS, Phase, Standing, Turn};
use crate::text;

pub(crate) const MOST_RULES: usize = 200;
/// Of the past that a preview looks at.
const LONGEST_PREVIEW: u64 = 31 * 86_400_000_000_000;

/// All rules, and what it takes to watch them.
pub struct Alerts {
    pub(crate) store: Arc<dyn TraceStore>,
    pub(crate) state: Arc<dyn State>,
    kept: bool,
    settings: Settings,
    pub(crate) senders: Senders,
    pub(crate) book: Mutex<Book>,
    /// What receivers last said.
    pub(crate) told: Mutex<BTreeMap<String, Told>>,
    /// There is something to tell.
    pub(crate) news: Notify,
}

/// A receiver, and how it took what it was told.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Told {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Messages that wait for it.
    pub waiting: usize,
    /// The last message that it took; null before the first one of this run.
    #[serde(with = "text::some_digits")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]+$", required)]
    pub taken_ns: Option<u64>,
    /// Why it did not take the last one; null where it did.
    #[schema(required)]
    pub error: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error("there is no rule `{0}`")]
    Unknown(String),
    #[error(transparent)]
    Wrong(#[from] Wrong),
    #[error("there are {MOST_RULES} rules already")]
    TooMany,
    #[error("there is no receiver `{0}`")]
    NoReceiver(String),
    #[error("`{receiver}` did not take the message: {why}")]
    Undelivered { receiver: String, why: String },
    #[error("the range is empty, or longer than 31 days")]
    Range,
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Store(#[from] store_api::StoreError),
    #[error("the answer took longer than 30 seconds")]
    TooLong,
}

impl From<Unmeasured> for Failed {
    fn from(error: Unmeasured) -> Self {
        match error {
            Unmeasured::Wrong(wrong) => Self::Wrong(wrong),
            Unmeasured::Store(error) => Self::Store(error),
            Unmeasured::TooLong => Self::TooLong,
        }
    }
}

impl Alerts {
    /// With what an earlier process left in `state`; without one all is forgotten at the end.
    pub async fn open(
        store: Arc<dyn TraceStore>,
        state: Option<Arc<dyn State>>,
        settings: Settings,
        page_url: String,
    ) -> Result<Arc<Self>, String> {
        let senders = Senders::new(&settings, page_url)?;
        let kept = state.is_some();
        let state = state.unwrap_or_else(|| Arc::new(Forgetful::default()));
        let reading = Arc::clone(&state);
        let book = tokio::task::spawn_blocking(move || Book::open(reading.as_ref())).await;
        let book = book.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        Ok(Arc::new(Self {
            store,
            state,
            kept,
            settings,
            senders,
            book: Mutex::new(book),
            told: Mutex::default(),
            news: Notify::new(),
        }))
    }

    /// Looks and tells until `stop` is told or dropped.
    pub async fn run(self: Arc<Self>, mut stop: oneshot::Receiver<()>) {
        let watching = async {
            loop {
                let began = Instant::now();
                self.look(now_ns()).await;
                // A tenth of the time at most, however many rules there are.
                sleep(self.settings.interval.get().max(9 * began.elapsed())).await;
            }
        };
        let refreshing = async {
            loop {
                sleep(self.settings.resend_interval.get()).await;
                self.refresh(now_ns()).await;
            }
        };
        let telling = async {
            loop {
                let next = self.deliver(now_ns()).await;
                let wait = next.map_or(Duration::from_secs(3600), |next| {
                    Duration::from_nanos(next.saturating_sub(now_ns())).max(Duration::from_millis(100))
                });
                tokio::select! {
                    () = self.news.notified() => {}
                    () = sleep(wait) => {}
                }
            }
        };
        tokio::select! {
            () = watching => {}
            () = refreshing => {}
            () = telling => {}
            _ = &mut stop => {}
        }
    }

    /// Whether rules outlive the process.
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// In the order in which they were made.
    pub async fn list(&self) -> Vec<Watched> {
        let mut rules: Vec<Watched> = self.book.lock().await.rules.values().cloned().collect();
        rules.sort_by(|a, b| (a.rule.created_ns, &a.rule.id).cmp(&(b.rule.created_ns, &b.rule.id)));
        rules
    }

    pub async fn get(&self, id: &str) -> Result<Watched, Failed> {
        self.book.lock().await.rules.get(id).cloned().ok_or_else(|| Failed::Unknown(id.to_owned()))
    }

    pub async fn receivers(&self) -> Vec<Told> {
        let told = self.told.lock().await;
        let book = self.book.lock().await;
        let receiver = |(name, kind): (&String, Kind)| {
            let waiting = book.notes.values().filter(|note| note.receiver == *name).count();
            let known = told.get(name);
            Told {
                name: name.clone(),
                kind,
                waiting,
                taken_ns: known.and_then(|told| told.taken_ns),
                error: known.and_then(|told| told.error.clone()),
            }
        };
        self.senders.names().map(receiver).collect()
    }

    pub async fn create(&self, spec: Spec, now_ns: u64) -> Result<Watched, Failed> {
        spec.check(|name| self.senders.kind(name).is_some())?;
        let mut book = self.book.lock().await;
        if book.rules.len() >= MOST_RULES {
            return Err(Failed::TooMany);
        }
        let id = (now_ns / 1_000_000..)
            .map(|number| format!("{number:x}"))
            .find(|id| !book.rules.contains_key(id))
            .unwrap_or_default();
        let watched = Watched::new(Rule { id: id.clone(), spec, created_ns: now_ns, changed_ns: now_ns });
        let mut changes = Changes::default();
        changes.rule(&watched.rule)?;
        changes.commit(&self.state).await?;
        book.rules.insert(id, watched.clone());
        Ok(watched)
    }

    /// Where something else is watched than before, the rule begins anew.
    pub async fn change(&self, id: &str, spec: Spec, now_ns: u64) -> Result<Watched, Failed> {
        spec.check(|name| self.senders.kind(name).is_some())?;
        let mut book = self.book.lock().await;
        let known = book.rules.get(id).ok_or_else(|| Failed::Unknown(id.to_owned()))?;
        let mut watched = known.clone();
        watched.rule = Rule { spec, changed_ns: now_ns, ..known.rule.clone() };
        let (off, other) = (!watched.rule.spec.enabled, known.rule.spec.watches_other(&watched.rule.spec));
        let (mut changes, mut notes) = (Changes::default(), Vec::new());
        if off || other {
            let why = if off { "was switched off" } else { "was changed" };
            notes = self.ended(&book, known, now_ns, why, &mut changes)?;
            watched.standing = Standing::default();
            watched.examples.clear();
            watched.error = None;
            if !notes.is_empty() || known.standing.phase == Phase::Firing {
                watched.happened(past(
                    now_ns,
                    Outcome::Resolved,
                    &known.standing,
                    Some(format!("the rule {why}")),
                ));
                changes.past(id, &watched.past)?;
            }
            changes.standing(id, &watched.standing)?;
        }
        changes.rule(&watched.rule)?;
        changes.commit(&self.state).await?;
        book.rules.insert(id.to_owned(), watched.clone());
        self.put(&mut book, notes);
        Ok(watched)
    }

    pub async fn delete(&self, id: &str, now_ns: u64) -> Result<(), Failed> {
        let mut book = self.book.lock().await;
        let known = book.rules.get(id).ok_or_else(|| Failed::Unknown(id.to_owned()))?;
        let mut changes = Changes::default();
        let notes = self.ended(&book, known, now_ns, "was deleted", &mut changes)?;
        changes.without_rule(id);
        changes.commit(&self.state).await?;
        book.rules.remove(id);
        self.put(&mut book, notes);
        Ok(())
    }

    /// What a rule would have done.
    pub async fn preview(&self, spec: &Spec, range: Range) -> Result<Preview, Failed> {
        // Who only looks needs no receiver.
        spec.check(|_| true)?;
        if range.from >= range.to || range.to - range.from > LONGEST_PREVIEW {
            return Err(Failed::Range);
        }
        let ends = preview::ends(range, spec.window.nanos());
        let ended = measure::windows(self.store.as_ref(), spec, ends).await?;
        Ok(preview::preview(spec, range, &ended))
    }

    /// Looks at all rules once.
    pub async fn look(&self, now_ns: u64) {
        let rules = self.list().await;
        for Watched { rule, .. } in rules.into_iter().filter(|watched| watched.rule.spec.enabled) {
            let found = measure::now(self.store.as_ref(), &rule.spec, now_ns).await;
            if let Err(error) = self.step(&rule, found, now_ns).await {
                tracing::error!(rule = %rule.spec.name, %error, "the state of a rule could not be kept");
            }
        }
    }

    async fn step(
        &self,
        rule: &Rule,
        found: Result<(crate::standing::Sample, Vec<store_api::analysis::Example>), Unmeasured>,
        now_ns: u64,
    ) -> Result<(), StateError> {
        let mut book = self.book.lock().await;
        // Somebody may have changed or deleted it while the store was asked.
        let Some(known) = book.rules.get(&rule.id).filter(|known| known.rule == *rule) else { return Ok(()) };
        let mut watched = known.clone();
        let (sample, examples) = match found {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(rule = %rule.spec.name, %error, "a rule could not be evaluated");
                watched.error = Some(error.to_string());
                book.rules.insert(rule.id.clone(), watched);
                return Ok(());
            }
        };
        let pause = PAUSE_NS.max(self.settings.interval.nanos().saturating_mul(3));
        let (standing, turn) = known.standing.step(&rule.spec, sample, now_ns, pause);
        watched.error = None;
        watched.examples = examples.iter().map(RuleExample::of).collect();
        let (mut changes, mut notes) = (Changes::default(), Vec::new());
        if let Some(turn) = turn {
            let (outcome, message) = match turn {
                Turn::Fired => (Outcome::Fired, Message::firing(rule, &standing, &watched.examples)),
                Turn::Resolved { began_ns } => {
                    (Outcome::Resolved, Message::resolved(rule, began_ns, &standing, now_ns, None))
                }
            };
            tracing::info!(rule = %rule.spec.name, "{}", message.summary());
            watched.happened(past(now_ns, outcome, &standing, None));
            changes.past(&rule.id, &watched.past)?;
            notes = self.notes(&book, rule, &message, now_ns, &mut changes)?;
        }
        watched.standing = standing;
        changes.standing(&rule.id, &watched.standing)?;
        changes.commit(&self.state).await?;
        book.rules.insert(rule.id.clone(), watched);
        self.put(&mut book, notes);
        Ok(())
    }

    /// Tells that a firing rule ends, where nothing was measured.
    fn ended(
        &self,
        book: &Book,
        known: &Watched,
        now_ns: u64,
        why: &str,
        changes: &mut Changes,
    ) -> Result<Vec<(u64, Note)>, StateError> {
        if known.standing.phase != Phase::Firing {
            return Ok(Vec::new());
        }
        let began = known.standing.since_ns;
        let message = Message::resolved(&known.rule, began, &known.standing, now_ns, Some(why));
        self.notes(book, &known.rule, &message, now_ns, changes)
    }

    /// A message for each receiver of the rule, in the order of what was made before.
    fn notes(
        &self,
        book: &Book,
        rule: &Rule,
        message: &Message,
        now_ns: u64,
        changes: &mut Changes,
    ) -> Result<Vec<(u64, Note)>, StateError> {
        let mut notes = Vec::new();
        for (number, receiver) in (book.next_note()..).zip(&rule.spec.receivers) {
            let note = Note {
                receiver: receiver.clone(),
                message: message.clone(),
                made_ns: now_ns,
                attempts: 0,
                next_ns: now_ns,
            };
            changes.note(number, &note)?;
            notes.push((number, note));
        }
        Ok(notes)
    }

    fn put(&self, book: &mut Book, notes: Vec<(u64, Note)>) {
        if !notes.is_empty() {
            book.notes.extend(notes);
            self.news.notify_one();
        }
    }
}

pub(crate) fn past(at_ns: u64, outcome: Outcome, standing: &Standing, why: Option<String>) -> Past {
    Past { at_ns, outcome, value: standing.value, n: standing.n, why }
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
