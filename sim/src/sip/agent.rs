//! An agent: one address, many calls.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::account::{Account, Arrival};
use super::call::{Call, Dial, Failed, Incoming, Told};
use super::hep::Watch;
use super::message::Message;
use super::tls::Identity;
use super::wire::{Arrived, Transport, Wire};
use crate::chance::Chance;

/// Calls that wait to be taken, and messages of one call that wait to be looked at.
const CALLS: usize = 8192;
const MESSAGES: usize = 64;

/// Where an agent is, and how it behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    pub transport: Transport,
    pub listen: SocketAddr,
    /// Where calls go out, whatever their URI says.
    pub outbound: Option<SocketAddr>,
    /// For TLS.
    pub identity: Option<Identity>,
    /// The share of outgoing datagrams that get lost.
    pub loss: f64,
    /// T1 of RFC 3261; the time after which a request is sent again.
    pub resend_after: Duration,
    /// Copies of all messages go here, as HEP.
    pub hep: Option<SocketAddr>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            transport: Transport::Udp,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            outbound: None,
            identity: None,
            loss: 0.0,
            resend_after: Duration::from_millis(500),
            hep: None,
        }
    }
}

/// Takes and makes calls until it is dropped.
pub struct Agent {
    pub(super) desk: Arc<Desk>,
    calls: tokio::sync::Mutex<mpsc::Receiver<Incoming>>,
    reader: JoinHandle<()>,
}

/// What an agent's calls share.
pub(super) struct Desk {
    pub(super) wire: Arc<Wire>,
    pub(super) settings: Settings,
    calls: Mutex<HashMap<String, mpsc::Sender<Told>>>,
    account: Mutex<Account>,
    chance: Mutex<Chance>,
    pub(super) resent: AtomicU64,
}

impl Agent {
    pub async fn open(settings: Settings) -> anyhow::Result<Self> {
        let watch = match settings.hep {
            Some(to) => Some(Watch::to(to).await?),
            None => None,
        };
        let (wire, arrived) =
            Wire::open(settings.transport, settings.listen, settings.identity.clone(), settings.loss, watch)
                .await?;
        let desk = Arc::new(Desk {
            wire,
            settings,
            calls: Mutex::default(),
            account: Mutex::default(),
            chance: Mutex::new(Chance::new(RandomState::new().hash_one(0))),
            resent: AtomicU64::new(0),
        });
        let (take, calls) = mpsc::channel(CALLS);
        let reader = tokio::spawn(read(desk.clone(), arrived, take));
        Ok(Self { desk, calls: tokio::sync::Mutex::new(calls), reader })
    }

    pub fn address(&self) -> SocketAddr {
        self.desk.wire.local
    }

    /// A URI of this agent with this user.
    pub fn uri(&self, user: &str) -> String {
        self.desk.contact(user)
    }

    /// All calls that came in.
    pub fn account(&self) -> Account {
        lock(&self.desk.account).clone()
    }

    /// The same, and forgets them: for runs so long that there would be too many.
    pub fn take_account(&self) -> Account {
        std::mem::take(&mut lock(&self.desk.account))
    }

    /// How many messages were sent again because no answer came.
    pub fn resent(&self) -> u64 {
        self.desk.resent.load(Ordering::Relaxed)
    }

    /// Sixteen random digits of base 16.
    pub fn random(&self) -> String {
        self.desk.random()
    }

    /// Calls, and follows redirections.
    pub async fn dial(&self, dial: &Dial) -> Result<Call, Failed> {
        Call::dial(&self.desk, dial).await
    }

    /// The next call that comes in.
    pub async fn next_call(&self) -> Option<Incoming> {
        self.calls.lock().await.recv().await
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.reader.abort();
        self.desk.wire.close();
    }
}

impl Desk {
    pub(super) fn contact(&self, user: &str) -> String {
        let transport = match self.wire.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
            Transport::Ws => ";transport=ws",
        };
        let at = if user.is_empty() { "" } else { "@" };
        format!("sip:{user}{at}{}{transport}", self.wire.local)
    }

    pub(super) fn via(&self, branch: &str) -> String {
        format!("SIP/2.0/{} {};rport;branch={branch}", self.wire.transport.via(), self.wire.local)
    }

    pub(super) fn random(&self) -> String {
        format!("{:016x}", lock(&self.chance).next())
    }

    /// A new call's messages go to whoever holds the receiver.
    pub(super) fn enter(&self, call_id: &str) -> mpsc::Receiver<Told> {
        let (tell, told) = mpsc::channel(MESSAGES);
        lock(&self.calls).insert(call_id.to_owned(), tell);
        told
    }

    pub(super) fn leave(&self, call_id: &str) {
        lock(&self.calls).remove(call_id);
        if let Some(watch) = &self.wire.watch {
            watch.forget(call_id);
        }
    }

    /// Another call takes the place of this one.
    pub(super) fn replace(&self, call_id: &str) -> bool {
        lock(&self.calls).get(call_id).is_some_and(|call| call.try_send(Told::HangUp).is_ok())
    }
}

async fn read(desk: Arc<Desk>, mut arrived: mpsc::Receiver<Arrived>, take: mpsc::Sender<Incoming>) {
    while let Some((message, from)) = arrived.recv().await {
        let call = lock(&desk.calls).get(message.call_id()).cloned();
        if let Some(call) = call {
            // A call that does not keep up loses messages, as it would on a network.
            call.try_send(Told::Message(Box::new(message), from)).ok();
            continue;
        }
        match message.method() {
            Some("INVITE") if message.tag("To").is_none() => {
                lock(&desk.account).add(Arrival::of(&message));
                let incoming = Call::incoming(&desk, message, from);
                take.send(incoming).await.ok();
            }
            Some("OPTIONS") => desk.wire.send(&answer(&desk, &message, 200, "OK"), from).await,
            None | Some("ACK") => {}
            Some(_) => desk.wire.send(&answer(&desk, &message, 481, "Call Does Not Exist"), from).await,
        }
    }
}

fn answer(desk: &Desk, message: &Message, status: u16, reason: &str) -> Message {
    let mut answer = Message::answer(message, status, reason);
    if answer.tag("To").is_none() {
        let to = answer.get("To").unwrap_or_default().to_owned();
        answer.set("To", format!("{to};tag={}", desk.random()));
    }
    answer
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
