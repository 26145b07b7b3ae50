//! Who answers: an agent that plays the same part in every call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::call::{Call, Failed, Incoming};
use super::text::user;
use super::{Agent, Dial};
use crate::sip::transfer::{in_place_of, refer};

/// What is done with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Talks until the caller hangs up.
    Talk,
    /// Hangs up first.
    HangUp,
    /// Puts the caller on hold and takes the call back, twice.
    Hold,
    Refuse(u16),
    Redirect(String),
    /// Sends the caller there without asking.
    Transfer(String),
    /// Calls there first, and gives the caller then.
    Attended(String),
}

/// Times of a call.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub rings: Duration,
    pub talks: Duration,
}

/// Takes all calls of an agent until it is dropped.
pub struct Callee {
    agent: Arc<Agent>,
    ended: Arc<Ended>,
    taker: JoinHandle<()>,
}

#[derive(Default)]
struct Ended {
    well: AtomicU64,
    badly: AtomicU64,
}

impl Callee {
    pub fn start(agent: Agent, part: Part, times: Times) -> Self {
        let (agent, ended) = (Arc::new(agent), Arc::new(Ended::default()));
        let taker = tokio::spawn(take(agent.clone(), ended.clone(), Arc::new(part), times));
        Self { agent, ended, taker }
    }

    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Calls that went as they should, and those that did not.
    pub fn ended(&self) -> (u64, u64) {
        (self.ended.well.load(Ordering::Relaxed), self.ended.badly.load(Ordering::Relaxed))
    }
}

impl Drop for Callee {
    fn drop(&mut self) {
        self.taker.abort();
    }
}

async fn take(agent: Arc<Agent>, ended: Arc<Ended>, part: Arc<Part>, times: Times) {
    while let Some(incoming) = agent.next_call().await {
        let (agent, ended, part) = (agent.clone(), ended.clone(), part.clone());
        tokio::spawn(async move {
            let count = match play(&agent, &part, times, incoming).await {
                Ok(()) => &ended.well,
                Err(_) => &ended.badly,
            };
            count.fetch_add(1, Ordering::Relaxed);
        });
    }
}

async fn play(agent: &Agent, part: &Part, times: Times, mut incoming: Incoming) -> Result<(), Failed> {
    incoming.tell(100, "Trying").await;
    match part {
        Part::Redirect(to) => {
            incoming.redirect(to).await;
            return Ok(());
        }
        Part::Refuse(status) => {
            incoming.refuse(*status, "Refused").await;
            return Ok(());
        }
        _ => {}
    }
    incoming.tell(180, "Ringing").await;
    if !incoming.ring(times.rings).await {
        return Ok(());
    }
    let own = agent.uri(user(incoming.invite().uri()));
    let replaced = incoming.takes_the_place();
    let mut call = incoming.answer(&[]).await?;
    // Whoever takes the place of a call plays no part of his own in it.
    let part = if replaced { &Part::Talk } else { part };
    let ended = on_the_phone(agent, part, times, &mut call, &own).await;
    // Whatever went wrong, nobody is left on the phone.
    let ended = ended.and(call.hang_up().await);
    call.leave();
    ended
}

async fn on_the_phone(
    agent: &Agent,
    part: &Part,
    times: Times,
    call: &mut Call,
    own: &str,
) -> Result<(), Failed> {
    match part {
        Part::HangUp => {
            call.talk(times.talks).await;
            call.hang_up().await
        }
        Part::Hold => {
            for held in [true, false, true, false] {
                call.talk(times.talks / 4).await;
                if !call.is_over() {
                    call.hold(held).await?;
                }
            }
            until_over(call).await
        }
        Part::Transfer(to) => {
            call.talk(times.talks).await;
            refer(call, to, own).await
        }
        Part::Attended(to) => {
            let dial = Dial { from: user(own).to_owned(), to: to.clone(), ..Dial::default() };
            let mut consulted = agent.dial(&dial).await?;
            consulted.talk(times.talks).await;
            refer(call, &in_place_of(&consulted), own).await?;
            let ended = until_over(&mut consulted).await;
            consulted.leave();
            ended
        }
        Part::Talk | Part::Refuse(_) | Part::Redirect(_) => until_over(call).await,
    }
}

/// The longest that a call of this simulator lasts.
const LONGEST: Duration = Duration::from_secs(3600);

async fn until_over(call: &mut Call) -> Result<(), Failed> {
    let until = Instant::now() + LONGEST;
    while call.next(until).await.is_some() {}
    if call.is_over() { Ok(()) } else { Err(Failed::TimedOut("BYE")) }
}
