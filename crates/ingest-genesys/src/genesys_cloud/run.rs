//! The task that holds all conversations: notices and answers come in, batches go out.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flow::{Audience, Consumer, Ctx};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::channels::Channels;
use super::checkpoint::{Checkpoint, Restored};
use super::discover::{Found, discover};
use super::lookup::{self, Looked};
use super::meters::Meters;
use super::settings::Settings;
use super::sweep::{self, Asked, Interval};
use crate::Id;
use crate::desk::{self, Desk, Outgoing, Told, Underway};
use crate::notify::{Notice, notices};
use crate::platform::{Platform, PlatformError};
use crate::subscription::{self, Asking, Hub, Lines};
use crate::time::now_ms;

/// Answers that wait for the task.
const ANSWERS: usize = 8;
/// How long news of conversations are gathered into one batch.
const GATHER: Duration = Duration::from_millis(100);
const FORGET: Duration = Duration::from_secs(30);
/// Before something is tried again that failed, and the least between two questions to analytics.
const AGAIN: Duration = Duration::from_secs(10);

pub(super) struct Run {
    id: Arc<str>,
    settings: Settings,
    platform: Arc<Platform>,
    outgoing: Outgoing,
    desk: Desk,
    channels: Channels,
    notices: mpsc::Receiver<Notice>,
    told: mpsc::Receiver<Told>,
    hub: Hub,
    asks: mpsc::Receiver<Asking>,
    answers: mpsc::Receiver<Bytes>,
    answer_to: mpsc::Sender<Bytes>,
    asked: Asked,
    /// What was lost counts as asked for when a question of then or later is answered, since records come late.
    owed: Option<Instant>,
    /// Channels whose events do not come in.
    lost: usize,
    sweep_at: Instant,
    swept_at: Option<Instant>,
    sweeping: Option<Work<(Interval, Result<(), PlatformError>)>>,
    look_at: Instant,
    looking: Option<Work<Looked>>,
    discover_at: Instant,
    discovering: Option<Work<Result<Found, PlatformError>>>,
    found: Found,
    checkpoint: Option<Checkpoint>,
    /// Queues were listed, or that was tried: what is read from then on has their names.
    named: bool,
    meters: Meters,
}

type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Run {
    pub(super) fn new(
        settings: &Settings,
        ctx: &Ctx,
        platform: Arc<Platform>,
        tls: Arc<rustls::ClientConfig>,
        (out, told, asks): (Arc<dyn Consumer>, mpsc::Receiver<Told>, mpsc::Receiver<Asking>),
    ) -> Self {
        let (notice_to, notices) = notices();
        let (answer_to, answers) = mpsc::channel(ANSWERS);
        let lookback = u64::try_from(settings.lookback.get().as_millis()).unwrap_or(u64::MAX);
        let now = Instant::now();
        let lines = Lines::new(Arc::clone(&platform), Arc::clone(&tls), notice_to.clone());
        let meters = subscription::Meters::new(&ctx.id, &ctx.telemetry);
        Self {
            id: Arc::clone(&ctx.id),
            hub: Hub::new(&settings.wanted(), lines, meters, now_ms()),
            asks,
            settings: settings.clone(),
            desk: Desk::new(settings.conversion(&platform.base().region), now_ms()),
            channels: Channels::new(Arc::clone(&platform), tls, notice_to),
            platform,
            outgoing: Outgoing {
                receiver: Arc::clone(&ctx.id),
                out,
                meters: desk::Meters::new(&ctx.id, "websocket", &ctx.telemetry),
                underway: Underway::default(),
            },
            notices,
            told,
            answers,
            answer_to,
            asked: Asked::since(now_ms().saturating_sub(lookback)),
            owed: Some(now + settings.analytics_delay.get()),
            lost: 0,
            sweep_at: now,
            swept_at: None,
            sweeping: None,
            look_at: now,
            looking: None,
            discover_at: now,
            discovering: None,
            found: Found::default(),
            checkpoint: None,
            named: false,
            meters: Meters::new(&ctx.id, &ctx.telemetry),
        }
    }

    /// Goes on where an earlier process was, and keeps its own place.
    pub(super) fn resume(&mut self, checkpoint: Checkpoint, restored: Restored) {
        self.desk.settings.restarts_ms = restored.restarts_ms;
        for (id, kept) in restored.conversations {
            self.desk.restore(id, kept, now_ms());
        }
        if let Some(until_ms) = restored.until_ms {
            self.asked = Asked::since(until_ms);
        }
        self.desk.keep();
        self.checkpoint = Some(checkpoint);
    }

    pub(super) async fn until(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut gather = interval(GATHER);
        gather.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut forget = interval(FORGET);
        let all_given = loop {
            let want_at = self.hub.due();
            tokio::select! {
                // An error is the sender gone, which is how a stop is told.
                _ = &mut stopped => break true,
                Some(notice) = self.notices.recv() => self.notice(notice),
                Some(page) = self.answers.recv() => self.desk.records(&page, now_ms()),
                Some(told) = self.told.recv() => {
                    self.outgoing.meters.events.inc();
                    self.desk.told(told, now_ms());
                }
                Some(asking) = self.asks.recv() => self.hub.asked(asking, now_ms()),
                () = at(want_at) => drop(self.want()),
                done = finished(&mut self.sweeping) => {
                    self.sweeping = None;
                    self.swept(done);
                }
                done = finished(&mut self.looking) => {
                    self.looking = None;
                    self.looked_up(done);
                }
                done = finished(&mut self.discovering) => {
                    self.discovering = None;
                    self.discovered(done);
                }
                () = sleep_until(self.sweep_at), if self.sweeping.is_none() && self.named => self.sweep(),
                () = sleep_until(self.discover_at), if self.discovering.is_none() => self.discover(),
                _ = gather.tick() => {
                    if !self.give(&mut stopped).await {
                        break false;
                    }
                    self.keep().await;
                    self.look_up();
                }
                _ = forget.tick() => {
                    self.desk.forget(now_ms());
                    self.hub.forget(now_ms(), &self.desk);
                }
            }
        };
        // What counts as given here may not be, where a batch was refused to the end.
        if let Some(checkpoint) = self.checkpoint.filter(|_| all_given) {
            checkpoint.last(&mut self.desk, self.asked.until_ms(), &self.meters).await;
        }
        drop(self.hub);
        self.channels.close().await;
    }

    fn notice(&mut self, notice: Notice) {
        let receiver = &self.id;
        match notice {
            Notice::Event(heard, _room) => {
                self.outgoing.meters.events.inc();
                if let Some(mut frame) = self.desk.read(&heard.bytes, heard.at_ms) {
                    self.hub.heard(&heard, &mut frame, now_ms());
                    frame.reading.into_iter().for_each(|reading| self.desk.learn(reading, now_ms()));
                }
            }
            Notice::Unreadable { bytes, why } => {
                self.outgoing.meters.unreadable.inc();
                tracing::warn!(%receiver, bytes, why, "a frame was left out; analytics is asked for what it said");
                self.owe();
            }
            Notice::Fill(gap) => {
                self.meters.gaps.inc();
                let since = Instant::now().saturating_duration_since(gap.from);
                let since = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
                tracing::info!(%receiver, since_ms = since, "events come in; what came before is asked for");
                self.asked.missed(now_ms().saturating_sub(since));
                self.lost = self.lost.saturating_sub(1);
                self.owe();
                // Sockets that break again and again must not use up the requests of the minute.
                let least = self.settings.reconcile_interval.get().min(AGAIN);
                let free = self.swept_at.map_or(Instant::now(), |at| at + least);
                self.sweep_at = self.sweep_at.min(free.max(Instant::now()));
            }
            Notice::Lost => {
                tracing::warn!(%receiver, "a channel is cut off; it is opened again");
                self.lost += 1;
                self.owe();
            }
            Notice::Subscribed { channel, topics, refused, news } => {
                if let Some((topic, why)) = refused.first().filter(|_| news) {
                    let count = refused.len();
                    tracing::error!(%receiver, count, topic, why, "topics were refused: give the OAuth client a role with these permissions");
                }
                self.hub.subscribed(channel, (topics, refused));
            }
            Notice::Line { subscription, open } => {
                if let Err(why) = &open {
                    tracing::error!(%receiver, subscription, why, "no events of the conversations that were asked for");
                }
                self.hub.line(subscription, open);
            }
            Notice::Trouble(trouble) => self.meters.trouble(receiver, &trouble),
        }
    }

    /// What seems finished waits until analytics was asked when it could know.
    fn owe(&mut self) {
        let known = Instant::now() + self.settings.analytics_delay.get();
        self.owed = Some(known);
        self.desk.unsure = true;
        self.sweep_at = self.sweep_at.min(known);
    }

    fn sweep(&mut self) {
        let asked = self.asked.next(now_ms());
        self.swept_at = Some(Instant::now());
        let (platform, pages) = (Arc::clone(&self.platform), self.answer_to.clone());
        let open: Vec<Id> = self.desk.open();
        self.sweeping = Some(Box::pin(async move {
            let done = async {
                let seen = sweep::interval(&platform, asked, &pages).await?;
                let rest: Vec<Id> = open.into_iter().filter(|id| !seen.contains(id)).collect();
                sweep::ids(&platform, &rest, &pages).await
            };
            let done = done.await;
            (asked, done)
        }));
    }

    fn swept(&mut self, (asked, done): (Interval, Result<(), PlatformError>)) {
        let now = Instant::now();
        match done {
            Ok(()) => {
                // A checkpoint that says so must hold what was answered.
                while let Ok(page) = self.answers.try_recv() {
                    self.desk.records(&page, now_ms());
                }
                self.asked.answered(asked);
                if self.lost == 0 && self.owed.is_some_and(|known| self.swept_at >= Some(known)) {
                    self.owed = None;
                }
                self.desk.unsure = self.owed.is_some();
                let usual = now + self.settings.reconcile_interval.get();
                // A gap that was told in the meantime is asked for at once.
                if !self.asked.behind(asked) {
                    let owed = self.owed.map(|known| if known > now { known } else { now + AGAIN });
                    self.sweep_at = owed.map_or(usual, |owed| owed.min(usual));
                }
            }
            Err(error) => {
                self.meters.failed(error.reason());
                self.sweep_at = now + AGAIN;
                tracing::error!(receiver = %self.id, %error, "analytics did not answer; it is asked again");
            }
        }
    }

    /// Asks for the participant data of conversations that were missed, where somebody believes what is in them.
    fn look_up(&mut self) {
        let now = Instant::now();
        let free = self.looking.is_none() && self.look_at <= now && self.desk.settings.trust.believes_any();
        if !free || !lookup::is_free(&self.platform) {
            return;
        }
        let ids = self.desk.unheard(lookup::SOME);
        if !ids.is_empty() {
            self.looking = Some(Box::pin(lookup::look_up(Arc::clone(&self.platform), ids)));
        }
    }

    fn looked_up(&mut self, Looked { answers, failed }: Looked) {
        for (id, answer) in &answers {
            self.desk.looked_up(id, answer.as_deref(), now_ms());
        }
        if let Some(error) = failed {
            self.meters.failed(error.reason());
            self.look_at = Instant::now() + AGAIN;
            tracing::warn!(receiver = %self.id, %error, "participant data of conversations that were missed are not known; a trace that they continue is not seen");
        }
    }

    fn discover(&mut self) {
        let (platform, wanted) = (Arc::clone(&self.platform), self.settings.queues.clone());
        let users = self.settings.users;
        self.discovering = Some(Box::pin(async move { discover(&platform, &wanted, users).await }));
    }

    fn discovered(&mut self, done: Result<Found, PlatformError>) {
        self.named = true;
        let receiver = &self.id;
        let found = match done {
            Ok(found) => found,
            Err(error) => {
                self.meters.failed(error.reason());
                self.discover_at = Instant::now() + AGAIN;
                tracing::error!(%receiver, %error, "queues and users cannot be listed; they are asked for again");
                return;
            }
        };
        self.discover_at = Instant::now() + self.settings.discover_interval.get();
        if found == self.found {
            return;
        }
        self.desk.settings.directory.queues = found.queues.iter().cloned().collect();
        let (queues, users) = (found.queues.len(), found.users.len());
        self.found = found;
        let left_out = self.want();
        let receiver = &self.id;
        if !left_out.is_empty() {
            let count = left_out.len();
            tracing::error!(%receiver, count, "topics have no place on the channels: name the queues that matter, or take a second OAuth client");
        }
        let channels = self.channels.len();
        tracing::info!(%receiver, queues, users, channels, "following");
    }

    /// Subscribes to what was found, and to what callers asked for where there is room left; those of what was found that
    /// have no place.
    fn want(&mut self) -> Vec<String> {
        let mut topics = self.found.topics();
        let found = topics.len();
        topics.extend(self.hub.topics());
        let before = self.channels.len();
        let left_out = self.channels.want(&topics);
        self.lost += self.channels.len() - before;
        self.hub.wanted(&left_out);
        topics.truncate(found);
        left_out.into_iter().filter(|topic| topics.contains(topic)).collect()
    }

    async fn keep(&mut self) {
        if let Some(checkpoint) = &mut self.checkpoint {
            let (until_ms, underway) = (self.asked.until_ms(), &self.outgoing.underway);
            checkpoint.step(&mut self.desk, until_ms, underway, &self.meters).await;
        }
    }

    /// Gives out what is new; false where the receiver is stopped in the meantime.
    async fn give(&mut self, stopped: &mut oneshot::Receiver<()>) -> bool {
        let (left, _) = self.platform.left();
        self.meters.requests_left.set(i64::from(left));
        self.hub.answer_waiting(Instant::now());
        if !self.outgoing.give(&mut self.desk, now_ms(), stopped).await {
            return false;
        }
        let (events, count) = self.hub.take(&self.desk);
        count == 0 || self.outgoing.offer(events, count, Audience::All, stopped).await
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

async fn finished<T>(work: &mut Option<Work<T>>) -> T {
    match work {
        Some(work) => work.await,
        None => pending().await,
    }
}
