//! The connections to one target: opened when needed, shared by calls, replaced when they end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex as Turn;
use tokio::time::{Instant, sleep, timeout};

use super::connection::{Connection, Connector};
use super::target::{Address, Target};
use crate::net::failure::chain;

/// Calls on one connection before another is opened: one connection's flow-control window limits what a distant
/// server can be sent.
const CALLS: usize = 4;
/// Connections that load alone may open.
const MOST: usize = 4;
/// Connections that the addresses of a name may open.
const MOST_ADDRESSES: usize = 16;
/// For all addresses of a name, where it has several: one that does not answer leaves time for the next.
const PATIENCE: Duration = Duration::from_secs(4);
/// But so much for each.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
/// From one try to open a spare connection to the next, and for each of them.
const SPARE_PAUSE: Duration = Duration::from_secs(5);

pub(super) struct Channel {
    target: Target,
    connector: Connector,
    /// `round_robin`: a connection to each address; else one address serves all.
    every_address: bool,
    wait_for_ready: bool,
    pool: Mutex<Pool>,
    /// Held by the call that opens the first connection.
    opening: Turn<()>,
}

#[derive(Default)]
struct Pool {
    connections: Vec<Connection>,
    /// As many as the name had when it was last asked for.
    addresses: usize,
    /// Counts up, so that equals take turns.
    turn: usize,
    /// Attempts to connect since the last that succeeded.
    failures: usize,
    /// No spare connection is tried before.
    spare_after: Option<Instant>,
}

impl Channel {
    pub(super) fn new(
        target: Target,
        connector: Connector,
        every_address: bool,
        wait_for_ready: bool,
    ) -> Self {
        Self {
            target,
            connector,
            every_address,
            wait_for_ready,
            pool: Mutex::default(),
            opening: Turn::default(),
        }
    }

    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// A connection to call on. With `wait_for_ready` this takes until there is one.
    pub(super) async fn connection(self: &Arc<Self>) -> Result<Lease, String> {
        let mut pause = Duration::from_millis(100);
        loop {
            match self.connection_now().await {
                Err(why) if self.wait_for_ready => {
                    tracing::debug!(target = %self.target, why, "not ready yet");
                    sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
                result => return result,
            }
        }
    }

    async fn connection_now(self: &Arc<Self>) -> Result<Lease, String> {
        if let Some(connection) = self.pick() {
            return Ok(self.lease(connection));
        }
        let _turn = self.opening.lock().await;
        // Another call may have opened one meanwhile.
        let connection = match self.pick() {
            Some(connection) => connection,
            None => self.open().await?,
        };
        Ok(self.lease(connection))
    }

    /// The connection with the fewest calls; where even that is busy, a spare one is opened behind it.
    fn pick(self: &Arc<Self>) -> Option<Connection> {
        let mut pool = self.pool();
        pool.connections.retain(|connection| !connection.sender.is_closed());
        pool.turn = pool.turn.wrapping_add(1);
        let count = pool.connections.len();
        let start = pool.turn.checked_rem(count)?;
        let in_turn = pool.connections.iter().cycle().skip(start).take(count);
        let picked = in_turn.min_by_key(|connection| connection.calls())?.clone();
        // The pick itself is one of the holders.
        let calls = picked.calls() - 1;
        let busy = calls >= CALLS;
        let addresses = if self.every_address { pool.addresses.min(MOST_ADDRESSES) } else { 1 };
        let wanted = count < addresses || busy && count < MOST;
        if wanted && pool.spare_after.is_none_or(|time| time <= Instant::now()) {
            // Until the spare one is there, the others need not ask for it again.
            pool.spare_after = Some(Instant::now() + SPARE_PAUSE);
            tokio::spawn(Arc::clone(self).open_spare());
        }
        Some(picked)
    }

    async fn open_spare(self: Arc<Self>) {
        match timeout(SPARE_PAUSE, self.open()).await {
            Ok(Ok(_)) => self.pool().spare_after = None,
            Ok(Err(why)) => tracing::debug!(target = %self.target, why, "no spare connection"),
            Err(_) => tracing::debug!(target = %self.target, "no spare connection in time"),
        }
    }

    /// Asks the name's addresses in turn, those with the fewest connections first.
    async fn open(&self) -> Result<Connection, String> {
        let addresses = self.target.resolve().await.map_err(|error| chain(&error))?;
        let order = {
            let mut pool = self.pool();
            pool.addresses = addresses.len();
            let failures = pool.failures;
            // Counted beforehand: where an attempt is cut short by its timeout, the next begins one address on.
            pool.failures += 1;
            order(addresses, failures, |address| {
                pool.connections.iter().filter(|connection| *connection.address == *address).count()
            })
        };
        let share = match order.len() {
            0 | 1 => Duration::MAX,
            count => (PATIENCE / u32::try_from(count).unwrap_or(u32::MAX)).max(LEAST_PATIENCE),
        };
        let mut why = "the name has no address".to_owned();
        for address in order {
            let connected = timeout(share, self.connector.connect(&address)).await;
            match connected.unwrap_or_else(|_| Err(format!("{address} does not answer"))) {
                Ok(connection) => {
                    let mut pool = self.pool();
                    pool.connections.push(connection.clone());
                    pool.failures = 0;
                    return Ok(connection);
                }
                Err(error) => why = error,
            }
        }
        Err(why)
    }

    fn lease(self: &Arc<Self>, connection: Connection) -> Lease {
        Lease { connection, channel: Arc::clone(self), answered: false }
    }

    fn pool(&self) -> std::sync::MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Addresses from the one at `start` on, those with the fewest connections first.
fn order(mut addresses: Vec<Address>, start: usize, connections: impl Fn(&Address) -> usize) -> Vec<Address> {
    let count = addresses.len();
    addresses.rotate_left(start.checked_rem(count).unwrap_or(0));
    addresses.sort_by_cached_key(connections);
    addresses
}

/// A connection in use. One whose call was given up without any answer, or error, is not used again: it may be
/// dead without knowing.
pub(super) struct Lease {
    pub(super) connection: Connection,
    channel: Arc<Channel>,
    pub(super) answered: bool,
}

impl Drop for Lease {
    fn drop(&mut self) {
        if !self.answered {
            self.channel.pool().connections.retain(|connection| !connection.is_same(&self.connection));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_take_turns() {
        let address = |last: u8| Address::Tcp(([10, 0, 0, last], 4317).into());
        let all = || vec![address(1), address(2), address(3)];
        assert_eq!(order(all(), 0, |_| 0), all());
        assert_eq!(order(all(), 4, |_| 0), [address(2), address(3), address(1)]);
        let busy = |it: &Address| usize::from(*it == address(2));
        assert_eq!(order(all(), 1, busy), [address(3), address(1), address(2)]);
        assert_eq!(order(Vec::new(), 7, |_| 0), []);
    }
}
