//! A small contact centre: calls that come, wait, are talked to and end, each one a trace.
//!
//! The clock is live. The pauses of a call (queue, talk ...) are shortened by `time_scale`; its Data Actions really call
//! the middleware, and take the time they take. So the spans of the services lie inside those of the call, at any scale.
//! The spans of a stage are sent when it ends, that of the whole call last.

mod script;
mod words;
mod action;
mod span;
mod call;
mod send;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, interval, sleep_until, timeout};

use crate::chance::Chance;
use crate::format::Format;
use crate::load::Target;

pub use script::{Cue, Direction, Happening, Outcome, Queue, Script, Stage, Step, script};

use action::Actions;
use call::{Call, Centre};
use send::Sender;

#[cfg(test)]
mod tests;

/// How many stages may wait for the receiver before spans are dropped.
const QUEUE: usize = 8192;
/// How long the last spans may take to be delivered.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Who talks to whom, and what kind of day it is.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// Where spans go: OTLP over HTTP, protobuf.
    pub otlp: SocketAddr,
    /// The service that Data Actions call.
    pub data_actions: SocketAddr,
    pub day: Day,
}

/// What kind of day it is in the contact centre.
#[derive(Clone, Debug)]
pub struct Day {
    /// The same seed gives the same calls with the same ids: use a fresh one where a store keeps those of the last run.
    pub seed: u64,
    /// How many calls come on average in a real minute.
    pub calls_per_minute: f64,
    /// How many calls there are in all; without end if `None`.
    pub calls: Option<u64>,
    /// How many calls there can be at one time; further callers do not get through.
    pub at_once: usize,
    /// How many times faster than a real contact centre people talk and wait; 1 is real time.
    pub time_scale: f64,
}

impl Day {
    /// A quiet day, ten times as fast as a real one: there is a whole call to look at after half a minute.
    pub fn quiet(seed: u64) -> Self {
        Self { seed, calls_per_minute: 30.0, calls: None, at_once: 60, time_scale: 10.0 }
    }
}

/// The account so far. Spans made are accepted, refused, lost, or still under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub calls_started: u64,
    pub calls_ended: u64,
    pub actions: u64,
    pub actions_failed: u64,
    pub spans_made: u64,
    pub spans_accepted: u64,
    /// The receiver said that it will never take them.
    pub spans_refused: u64,
    /// Nobody took them in time.
    pub spans_lost: u64,
    pub retries: u64,
    pub first_refusal: Option<String>,
    /// Why nothing is accepted at the moment.
    pub trouble: Option<String>,
}

/// Runs until all calls have ended, or until `stop`: then callers are cut off, and what is known of them is sent.
pub async fn run(
    traffic: &Traffic,
    stop: impl Future<Output = ()>,
    mut progress: impl FnMut(&Tally),
) -> Tally {
    let tally = Arc::new(watch::Sender::new(Tally::default()));
    let (finished, waiting) = mpsc::channel(QUEUE);
    let hang_up = watch::Sender::new(false);
    let target = Target { address: traffic.otlp, format: Format::Protobuf, gzip: false };
    let Day { seed, time_scale, .. } = traffic.day;
    let mut sender = tokio::spawn(Sender { target, tally: tally.clone(), time_scale }.run(waiting));
    let centre = Arc::new(Centre {
        actions: Actions::new(traffic.data_actions),
        finished,
        tally: tally.clone(),
        hang_up: hang_up.subscribe(),
        time_scale,
    });

    let mut calls = JoinSet::new();
    let mut arrivals = Chance::stream(seed, u64::MAX);
    let (mut number, mut next) = (0, Instant::now());
    let mut ticks = interval(Duration::from_secs(1));
    let mut stop = pin!(stop);
    loop {
        let more = traffic.day.calls.is_none_or(|most| number < most);
        if !more && calls.is_empty() {
            break;
        }
        tokio::select! {
            () = &mut stop => break,
            () = sleep_until(next), if more && calls.len() < traffic.day.at_once => {
                calls.spawn(Call::new(centre.clone(), script(seed, number)).run());
                tally.send_modify(|tally| tally.calls_started += 1);
                number += 1;
                next = Instant::now() + arrivals.next_arrival(traffic.day.calls_per_minute);
            }
            Some(ended) = calls.join_next() => pass_panic_on(ended),
            _ = ticks.tick() => progress(&tally.borrow()),
        }
    }

    hang_up.send_replace(true);
    while let Some(ended) = calls.join_next().await {
        pass_panic_on(ended);
    }
    drop(centre);
    match timeout(LAST_WORDS, &mut sender).await {
        Ok(ended) => pass_panic_on(ended),
        Err(_) => sender.abort(),
    }
    let mut tally = tally.borrow().clone();
    tally.spans_lost = tally.spans_made - tally.spans_accepted - tally.spans_refused;
    progress(&tally);
    tally
}

fn pass_panic_on(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
}
