//! A trunk of the simulated Genesys Cloud (BYOC): a call that comes in by SIP begins a conversation there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::call::{Call, Failed, Incoming};
use super::message::Message;
use super::text::user;
use super::transfer::refer;
use super::{Agent, Dial};
use crate::chance::Chance;
use crate::genesys::serve::Simulator;

const CONVERSATION: &str = "x-inin-cnv";
/// Names that the trunk does not let anybody give its static headers.
const RESERVED: [&str; 4] = ["x-inin", "x-genesys", "x-pcv", "x-gcv"];
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is set at the trunk.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Before a call is answered; the flow begins then.
    pub rings: Duration,
    /// `x-inin-cnv` is sent: "Conversation Headers" of the trunk's settings.
    pub conversation_headers: bool,
    /// Static headers of outgoing calls.
    pub headers: Vec<(String, String)>,
    /// The share of calls that an agent transfers, and the URI to which.
    pub transfers: f64,
    pub transfer_to: Option<String>,
    pub seed: u64,
}

impl Default for Trunk {
    fn default() -> Self {
        Self {
            rings: Duration::from_millis(200),
            conversation_headers: true,
            headers: Vec::new(),
            transfers: 0.0,
            transfer_to: None,
            seed: 1,
        }
    }
}

/// What came by the trunk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub calls: u64,
    pub ended: u64,
    pub gave_up: u64,
    pub transferred: u64,
    pub failed: u64,
    /// Calls with several `User-to-User`, all of which were discarded.
    pub discarded_uui: u64,
}

/// A trunk that takes calls until it is dropped.
pub struct Running {
    shared: Arc<Shared>,
    taker: JoinHandle<()>,
}

struct Shared {
    agent: Agent,
    simulator: Arc<Simulator>,
    trunk: Trunk,
    calls: AtomicU64,
    ended: AtomicU64,
    gave_up: AtomicU64,
    transferred: AtomicU64,
    failed: AtomicU64,
    discarded_uui: AtomicU64,
}

impl Trunk {
    /// Fails if a static header has a name that the service keeps for itself.
    pub fn start(self, agent: Agent, simulator: Arc<Simulator>) -> Result<Running, String> {
        let lower = |name: &str| name.to_ascii_lowercase();
        let taken =
            self.headers.iter().find(|(name, _)| RESERVED.iter().any(|own| lower(name).starts_with(own)));
        if let Some((name, _)) = taken {
            return Err(format!("{name} is a name that the service keeps for itself; choose another"));
        }
        let shared = Arc::new(Shared {
            agent,
            simulator,
            trunk: self,
            calls: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            gave_up: AtomicU64::new(0),
            transferred: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            discarded_uui: AtomicU64::new(0),
        });
        let taker = tokio::spawn(take(shared.clone()));
        Ok(Running { shared, taker })
    }
}

impl Running {
    pub fn agent(&self) -> &Agent {
        &self.shared.agent
    }

    pub fn tally(&self) -> Tally {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Tally {
            calls: of(&self.shared.calls),
            ended: of(&self.shared.ended),
            gave_up: of(&self.shared.gave_up),
            transferred: of(&self.shared.transferred),
            failed: of(&self.shared.failed),
            discarded_uui: of(&self.shared.discarded_uui),
        }
    }

    /// A call of an agent of the contact centre to somebody outside, in this conversation.
    pub async fn dial(&self, from: &str, to: &str, conversation: &str) -> Result<Call, Failed> {
        let own = (CONVERSATION.to_owned(), conversation.to_owned());
        let own = Some(own).filter(|_| self.shared.trunk.conversation_headers);
        let headers = self.shared.trunk.headers.iter().cloned().chain(own).collect();
        self.shared
            .agent
            .dial(&Dial { from: from.to_owned(), to: to.to_owned(), headers, ..Dial::default() })
            .await
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.taker.abort();
    }
}

async fn take(shared: Arc<Shared>) {
    let mut chance = Chance::stream(shared.trunk.seed, 0);
    while let Some(incoming) = shared.agent.next_call().await {
        let number = shared.calls.fetch_add(1, Ordering::Relaxed);
        let share = shared.trunk.transfers;
        // One in so many, and the first of them at once: there is something to see after a minute.
        let transfers = share > 0.0 && (number == 0 || chance.happens(share));
        let shared = shared.clone();
        tokio::spawn(async move {
            let count = match play(&shared, incoming, transfers).await {
                Ok(true) => &shared.ended,
                Ok(false) => &shared.gave_up,
                Err(_) => &shared.failed,
            };
            count.fetch_add(1, Ordering::Relaxed);
        });
    }
}

/// False if the caller gave up.
async fn play(shared: &Shared, mut incoming: Incoming, transfers: bool) -> Result<bool, Failed> {
    incoming.tell(100, "Trying").await;
    incoming.tell(180, "Ringing").await;
    if !incoming.ring(shared.trunk.rings).await {
        return Ok(false);
    }
    let invite = incoming.invite();
    let uui = user_to_user(shared, invite);
    let caller = user(super::text::uri(invite.get("From").unwrap_or_default())).to_owned();
    let called = user(invite.uri()).to_owned();
    let conversation = shared.simulator.with(|service| service.phone_rings(&caller, &called, uui.as_deref()));
    let Some(conversation) = conversation else {
        incoming.refuse(503, "Service Unavailable").await;
        return Err(Failed::Refused(503, "too many conversations live".to_owned()));
    };
    incoming.is_of(&conversation);
    let own = (CONVERSATION.to_owned(), conversation.clone());
    let headers: Vec<_> = Some(own).filter(|_| shared.trunk.conversation_headers).into_iter().collect();
    let answered = incoming.answer(&headers).await;
    let ended = match answered {
        Ok(mut call) => {
            let target = shared.trunk.transfer_to.as_deref().filter(|_| transfers);
            let ended = follow(shared, &mut call, &conversation, target, &called).await;
            // Whatever went wrong, nobody is left on the phone.
            let ended = ended.and(call.hang_up().await);
            call.leave();
            ended
        }
        Err(failed) => Err(failed),
    };
    shared.simulator.with(|service| service.caller_hangs_up(&conversation));
    ended.map(|()| true)
}

/// Keeps the call and the conversation together until one of them ends.
async fn follow(
    shared: &Shared,
    call: &mut Call,
    conversation: &str,
    target: Option<&str>,
    called: &str,
) -> Result<(), Failed> {
    loop {
        while call.next(Instant::now() + LOOK_EVERY).await.is_some() {}
        if call.is_over() {
            return Ok(());
        }
        if shared.simulator.with(|service| service.is_over(conversation)) {
            return call.hang_up().await;
        }
        let Some(to) = target else { continue };
        if shared.simulator.with(|service| service.agent_transfers(conversation, user(to))) {
            refer(call, to, &shared.agent.uri(called)).await?;
            shared.transferred.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
    }
}

/// One header is taken, its protocol discriminator with it; of several, none.
fn user_to_user(shared: &Shared, invite: &Message) -> Option<String> {
    let given = invite.values("User-to-User");
    match given.as_slice() {
        [] => None,
        [one] => {
            let (value, parameters) = one.split_once(';').unwrap_or((one, ""));
            // Without a parameter for it, the first octet is the discriminator.
            let bare = parameters.contains("pd=") || parameters.contains("encoding=ascii");
            let skipped = if bare { 0 } else { 2 };
            Some(value.trim().chars().skip(skipped).collect())
        }
        _ => {
            shared.discarded_uui.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}
