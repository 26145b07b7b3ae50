//! Who calls: many people with the same habits.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::account::TRUTH;
use super::call::{Call, Failed};
use super::transfer::Referred;
use super::{Agent, Dial, Transferee};
use crate::chance::Chance;

const TELL_EVERY: Duration = Duration::from_secs(1);
/// Between the answer of whom one was sent to and the end of the first call.
const LET_GO_WITHIN: Duration = Duration::from_secs(5);
/// The longest that somebody waits for the other side to hang up.
const PATIENCE: Duration = Duration::from_secs(3600);

/// Which calls, and how many.
#[derive(Clone, Debug)]
pub struct Plan {
    pub to: String,
    /// Calls a second.
    pub rate: f64,
    /// After so many no more begin.
    pub calls: Option<u64>,
    pub most_live: usize,
    /// Hangs up after so long; without it, the other side does.
    pub talks: Option<Duration>,
    /// The share of callers that hold once, and of those that give up while it rings, after at most so long.
    pub holds: f64,
    pub gives_up: f64,
    pub gives_up_within: Duration,
    pub transferee: Transferee,
    /// How long a caller who is sent elsewhere takes to go there.
    pub hesitates: Duration,
    /// Calls carry a `traceparent` of their own.
    pub traced: bool,
    /// All calls come from this number; without it, from many.
    pub from: Option<String>,
    pub headers: Vec<(String, String)>,
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            to: String::new(),
            rate: 1.0,
            calls: None,
            most_live: 20_000,
            talks: Some(Duration::from_secs(1)),
            holds: 0.0,
            gives_up: 0.0,
            gives_up_within: Duration::from_secs(1),
            transferee: Transferee::Naive,
            hesitates: Duration::ZERO,
            traced: false,
            from: None,
            headers: Vec::new(),
            seed: 1,
        }
    }
}

/// What became of the calls so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub begun: u64,
    pub ended: u64,
    pub gave_up: u64,
    pub transferred: u64,
    pub failed: u64,
    /// Because so many were live already.
    pub not_begun: u64,
    /// The reason of the last that failed.
    pub last_failure: Option<String>,
}

/// How one call ended.
enum End {
    Talked { transferred: bool },
    GaveUp,
}

/// Calls until the plan is done, or until `stop`; then waits for those that are on the phone.
pub async fn call(
    agent: Arc<Agent>,
    plan: Plan,
    stop: impl Future<Output = ()>,
    mut progress: impl FnMut(&Tally),
) -> Tally {
    let (mut tally, mut live) = (Tally::default(), JoinSet::new());
    let plan = Arc::new(plan);
    let mut chance = Chance::stream(plan.seed, u64::from(agent.address().port()));
    let mut beat = interval(Duration::from_secs_f64(1.0 / plan.rate.clamp(0.001, 100_000.0)));
    beat.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut tell = interval(TELL_EVERY);
    let (mut stop, mut stopped) = (pin!(stop), false);
    loop {
        let done = stopped || plan.calls.is_some_and(|calls| tally.begun + tally.not_begun >= calls);
        if done && live.is_empty() {
            return tally;
        }
        tokio::select! {
            _ = beat.tick(), if !done => {
                if live.len() < plan.most_live {
                    tally.begun += 1;
                    live.spawn(one(agent.clone(), plan.clone(), chance.next()));
                } else {
                    tally.not_begun += 1;
                }
            }
            Some(ended) = live.join_next() => count(&mut tally, ended),
            _ = tell.tick() => progress(&tally),
            () = &mut stop, if !stopped => stopped = true,
        }
    }
}

fn count(tally: &mut Tally, ended: Result<Result<End, Failed>, tokio::task::JoinError>) {
    match ended {
        Ok(Ok(End::Talked { transferred })) => {
            tally.ended += 1;
            tally.transferred += u64::from(transferred);
        }
        Ok(Ok(End::GaveUp)) => tally.gave_up += 1,
        Ok(Err(failed)) => {
            tally.failed += 1;
            tally.last_failure = Some(failed.to_string());
        }
        Err(panicked) => {
            tally.failed += 1;
            tally.last_failure = Some(panicked.to_string());
        }
    }
}

async fn one(agent: Arc<Agent>, plan: Arc<Plan>, seed: u64) -> Result<End, Failed> {
    let mut chance = Chance::new(seed);
    let truth = agent.random();
    let from = plan.from.clone().unwrap_or_else(|| format!("+442079460{:03}", chance.below(1000)));
    let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // Whoever sees both can tell whose trace it is.
    let traceparent = format!("00-{truth}{}-{}-01", hex(chance.id(8)), hex(chance.id(8)));
    let mut headers = vec![(TRUTH.to_owned(), truth.clone())];
    headers.extend_from_slice(&plan.headers);
    if plan.traced {
        headers.push(("traceparent".to_owned(), traceparent.clone()));
    }
    let gives_up = chance.happens(plan.gives_up).then(|| plan.gives_up_within.mul_f64(chance.unit()));
    let dial =
        Dial { from: from.clone(), to: plan.to.clone(), headers, cancel_after: gives_up, ..Dial::default() };
    let mut call = match agent.dial(&dial).await {
        Ok(call) => call,
        Err(Failed::Refused(487, _)) if gives_up.is_some() => return Ok(End::GaveUp),
        Err(failed) => return Err(failed),
    };
    if gives_up.is_some() {
        // Answered at the moment at which the caller gave up.
        let ended = call.hang_up().await;
        call.leave();
        return ended.map(|()| End::GaveUp);
    }
    // Only an agent that began a trace knows it.
    let known = plan.traced.then_some(traceparent.as_str());
    let referred = Referred {
        agent: &agent,
        transferee: plan.transferee,
        from: &from,
        truth: &truth,
        traceparent: known,
    };
    let ended = on_the_phone(&mut call, &referred, &plan, chance.happens(plan.holds)).await;
    // Whatever went wrong, nobody is left on the phone.
    let hung_up = call.hang_up().await;
    call.leave();
    ended.and_then(|end| hung_up.map(|()| end))
}

async fn on_the_phone(
    call: &mut Call,
    referred: &Referred<'_>,
    plan: &Plan,
    holds: bool,
) -> Result<End, Failed> {
    let talks = plan.talks.unwrap_or(PATIENCE);
    let until = Instant::now() + talks;
    if holds {
        call.talk(talks / 3).await;
        if !call.is_over() {
            call.hold(true).await?;
            call.talk(talks / 3).await;
        }
        if !call.is_over() {
            call.hold(false).await?;
        }
    }
    while let Some(request) = call.next(until).await {
        if request.method() != Some("REFER") {
            continue;
        }
        call.talk(plan.hesitates).await;
        let mut second = referred.follow(call, &request).await?;
        call.talk(LET_GO_WITHIN).await;
        call.hang_up().await?;
        second.talk(plan.talks.unwrap_or(LET_GO_WITHIN)).await;
        let ended = second.hang_up().await;
        second.leave();
        return ended.map(|()| End::Talked { transferred: true });
    }
    call.hang_up().await?;
    Ok(End::Talked { transferred: false })
}
