//! The service on a socket: HTTP, WebSocket, the clock, and EventBridge.

mod listener;
mod socket;
mod event_bridge;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::service::{Options, Service};

pub use event_bridge::EventBridge;

/// How much of what is due is done before requests have their turn.
const A_TURN: usize = 100;
/// The least between two looks at what is due.
const BREATH: Duration = Duration::from_millis(1);

/// How the simulator is reached, and how time goes by.
#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: SocketAddr,
    /// What clients call it, where something stands before it: `https://api.example`.
    pub public_url: Option<String>,
    pub pace: Pace,
    /// What went on for so long before the start has happened already, and can be asked for.
    pub past: Duration,
    /// Between two heartbeats on a socket.
    pub heartbeat: Duration,
    pub event_bridge: Option<EventBridge>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The clock of the machine.
    Live,
    /// A clock that starts here and stands still until [`Simulator::advance`] moves it.
    Manual { start_ms: u64 },
}

impl Default for Settings {
    /// On a free port of this machine, live, with the heartbeat of the real service.
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            pace: Pace::Live,
            past: Duration::ZERO,
            heartbeat: Duration::from_secs(30),
            event_bridge: None,
        }
    }
}

/// A simulator that runs until it is dropped.
pub struct Simulator {
    address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    service: Mutex<Service>,
    /// Something new may be due.
    changed: Notify,
    /// The time of the machine at which the clock was started; none for a manual one.
    began: Option<(u64, Instant)>,
    heartbeat: Duration,
}

impl Simulator {
    pub async fn start(options: Options, settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let address = listener.local_addr()?;
        let (now, began) = match settings.pace {
            Pace::Manual { start_ms } => (start_ms, None),
            Pace::Live => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let now = u64::try_from(since.as_millis()).unwrap_or(0);
                (now, Some((now, Instant::now())))
            }
        };
        let base = settings.public_url.unwrap_or_else(|| format!("http://{address}"));
        let past = u64::try_from(settings.past.as_millis()).unwrap_or(0);
        let mut service = Service::new(options, &base, now.saturating_sub(past));
        service.advance(now);
        if began.is_none() {
            service = service.with_manual_clock();
        }
        let mut tasks = JoinSet::new();
        if let Some(bridge) = settings.event_bridge {
            let (events, receiver) = mpsc::channel(event_bridge::WAITING);
            service.bridge_to(events);
            tasks.spawn(event_bridge::run(bridge, receiver));
        }
        let shared = Arc::new(Shared {
            service: Mutex::new(service),
            changed: Notify::new(),
            began,
            heartbeat: settings.heartbeat,
        });
        tasks.spawn(listener::serve(listener, shared.clone()));
        if began.is_some() {
            tasks.spawn(keep_time(shared.clone()));
        }
        Ok(Self { address, shared, _tasks: tasks })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What clients take for `https://api.mypurecloud.com`, and for its login host.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Moves a manual clock on, and does what is due until then.
    pub fn advance(&self, to_ms: u64) {
        if self.shared.began.is_none() {
            self.shared.lock().advance(to_ms);
        }
    }

    /// Looks at the service, or does something to it.
    pub fn with<T>(&self, use_it: impl FnOnce(&mut Service) -> T) -> T {
        let used = use_it(&mut self.shared.service());
        self.shared.changed.notify_one();
        used
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Service> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The service as it stands now.
    fn service(&self) -> MutexGuard<'_, Service> {
        let mut service = self.lock();
        if let Some((epoch, began)) = self.began {
            service.look(epoch + u64::try_from(began.elapsed().as_millis()).unwrap_or(0));
        }
        service
    }
}

/// Does what is due, when it is due.
async fn keep_time(shared: Arc<Shared>) {
    let Some((epoch, began)) = shared.began else { return };
    loop {
        let due = {
            let mut service = shared.service();
            let now = service.now();
            service.advance_some(now, A_TURN);
            service.next_due()
        };
        let at = due.map(|due| began + Duration::from_millis(due.saturating_sub(epoch)));
        let wait = async {
            match at {
                // Never without a pause: requests want their turn, also where the clock is behind.
                Some(at) => sleep_until(at.max(Instant::now() + BREATH)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = wait => {}
            () = shared.changed.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests;
