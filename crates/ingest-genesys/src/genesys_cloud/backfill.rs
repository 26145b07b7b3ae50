//! Spans of past conversations: `throughline genesys backfill`.
//!
//! A day at a time, by an analytics job where its data are there yet (it alone has participant attributes), else by the
//! query. After each page that the receiver of the spans has taken, the place is noted in a file; and the times of which it
//! rejected spans, which are read again by the next run.

mod state;
mod source;
mod post;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::Url;
use tokio::time::Instant;

use super::Target;
use super::discover::discover;
use super::tls;
use crate::platform::{Platform, PlatformError};
use crate::read::{self, Limits, Problems};
use crate::{Conversation, Settings};
use post::{Post, Rejected};
use source::Page;
use state::State;

/// Of one page, as the client of the platform takes it.
const LARGEST: usize = 32 << 20;

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub from_ms: u64,
    pub to_ms: u64,
    /// Where OTLP over HTTP is taken: `http://127.0.0.1:4318`.
    pub otlp: Url,
    /// The file of the place.
    pub state: PathBuf,
    /// Conversations of one page.
    pub page: usize,
}

/// How far it is.
#[derive(Clone, Default, PartialEq, Debug)]
pub struct Progress {
    /// Where this run began.
    pub began_ms: u64,
    /// Everything before is done.
    pub day_ms: u64,
    pub conversations: u64,
    pub spans: u64,
    /// Conversations that go on: the receiver's affair.
    pub open: u64,
    /// Values that could not be read and were left out.
    pub left_out: u64,
    /// Spans that were sent and not taken; the next run sends them again.
    pub rejected: u64,
    /// The first reason for that.
    pub why: String,
    pub seconds: f64,
}

/// Why it stopped. Started again, it goes on where it was.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    #[error("{0}")]
    Platform(#[from] PlatformError),
    #[error("{0}")]
    Setting(String),
    #[error("the spans were not taken: {0}")]
    Refused(String),
    #[error("{path}: {why}")]
    State { path: String, why: String },
}

/// A moment, `2026-01-31T08:00:00Z`, or the beginning of a day in UTC, `2026-01-31`; milliseconds since 1970.
pub fn moment(text: &str) -> Option<u64> {
    let text = text.trim();
    crate::time::iso(text).or_else(|| crate::time::iso(&format!("{text}T00:00:00Z")))
}

/// How a moment is written.
pub fn shown(ms: u64) -> String {
    crate::time::written(ms)
}

/// Runs to the end; `tell` hears of each page.
pub async fn backfill(
    target: &Target,
    wanted: &Wanted,
    mut tell: impl FnMut(&Progress),
) -> Result<Progress, Stopped> {
    let tls = tls::config(target.settings.ca_file.as_deref()).map_err(Stopped::Setting)?;
    let post = Post::new(&wanted.otlp, tls.clone())?;
    let platform = Platform::new(target.asked.clone(), tls)?;
    let mut settings = target.settings.conversion(&platform.base().region);
    let found = discover(&platform, &[], false).await?;
    settings.directory.queues = found.queues.into_iter().collect();
    let mut state = State::open(wanted, &platform.base().region)?;
    let began = Instant::now();
    let reached = state.reached_ms();
    let mut progress = Progress { began_ms: reached, day_ms: reached, ..Progress::default() };
    while !state.done() {
        let Page { body, next } = source::page(&platform, &mut state, wanted.page).await?;
        let (day, until) = (state.day_ms, state.until());
        // What began before the first day belongs to it.
        let earliest = if day == wanted.from_ms { 0 } else { day };
        let spans = convert(&body, &settings, earliest..until, &mut progress);
        let rejected = post.send(spans).await?;
        progress.note(&rejected);
        state.advance(next, rejected.spans == 0);
        state.save(&wanted.state)?;
        progress.day_ms = state.reached_ms();
        progress.seconds = began.elapsed().as_secs_f64();
        tell(&progress);
    }
    Ok(progress)
}

/// The finished spans of the conversations that began in this time; one that lasted over several days comes with each.
fn convert(
    body: &[u8],
    settings: &Settings,
    began: std::ops::Range<u64>,
    progress: &mut Progress,
) -> Vec<u8> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    let mut problems = Problems::default();
    let mut spans = Vec::new();
    for reading in read::records(body, settings, &Limits { bytes: LARGEST }, &mut problems) {
        let mut conversation = Conversation::new(reading.conversation);
        conversation.apply(reading.facts);
        let mut output = conversation.spans(now, settings);
        if !conversation.began_ms().is_some_and(|at| began.contains(&at)) {
            continue;
        }
        if conversation.ended_ms().is_none() {
            progress.open += 1;
            continue;
        }
        // It has ended by the service's clock, so that nothing is waited for.
        while let Some(due) = conversation.due_ms() {
            let mut rest = conversation.spans(due, settings);
            if rest.finished_spans == 0 {
                break;
            }
            output.finished_spans += rest.finished_spans;
            output.finished.append(&mut rest.finished);
        }
        progress.conversations += 1;
        progress.spans += output.finished_spans as u64;
        spans.append(&mut output.finished);
    }
    progress.left_out += problems.unreadable + problems.fields + problems.beyond;
    spans
}

impl Wanted {
    /// Reads `otlp`.
    pub fn endpoint(text: &str) -> Result<Url, String> {
        let url =
            Url::parse(text).ok().filter(|url| url.has_host() && ["http", "https"].contains(&url.scheme()));
        url.ok_or_else(|| "write scheme, host and port, as in `http://127.0.0.1:4318`".to_owned())
    }
}

impl Progress {
    fn note(&mut self, rejected: &Rejected) {
        self.rejected += rejected.spans;
        match rejected {
            Rejected { spans: 0, why } if why.is_empty() => {}
            Rejected { spans: 0, why } => tracing::warn!(why, "the spans were taken, with a warning"),
            Rejected { why, .. } if self.why.is_empty() => {
                self.why = if why.is_empty() { "no reason was given".to_owned() } else { why.clone() };
            }
            _ => {}
        }
    }

    /// Conversations in a second, and the seconds that are left by the share of time that is done.
    pub fn pace(&self, wanted: &Wanted) -> (f64, Option<f64>) {
        let rate = self.conversations as f64 / self.seconds.max(0.001);
        let done = self.day_ms.saturating_sub(self.began_ms) as f64;
        let left = wanted.to_ms.saturating_sub(self.day_ms) as f64;
        (rate, (done > 0.0).then(|| self.seconds * left / done))
    }
}
