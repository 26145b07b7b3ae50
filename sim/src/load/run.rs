//! One run: some connections, each sending its next request when the last one is answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::bodies::Bodies;
use super::connection::{Connection, Reply, Target};
use super::pace::Pace;
use super::tally::{Report, Tally};

/// Between two attempts to connect.
const RECONNECT: Duration = Duration::from_millis(50);

/// What to send, how, and for how long.
#[derive(Clone, Debug)]
pub struct Load {
    pub target: Target,
    pub bodies: Bodies,
    pub connections: usize,
    /// Flat out if absent.
    pub spans_per_second: Option<u64>,
    /// The run ends with the first of the two.
    pub requests: Option<u64>,
    pub lasting: Duration,
    /// An answer that takes longer is not waited for: whether the request was taken is then unknown.
    pub answer_within: Duration,
    /// What a client does that is told to come back later; give up at once if absent.
    pub retry: Option<Retry>,
}

/// How a client comes back.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// The wait before the next attempt.
    pub pause: Duration,
    /// Wait as long as the answer asks for, if it does.
    pub honour: bool,
}

impl Load {
    /// Runs to the end and gives the accounts.
    pub async fn run(self) -> Report {
        let per_second = self.spans_per_second.map(|spans| spans as f64 / self.bodies.spans() as f64);
        let pace = Arc::new(Pace::new(per_second, self.requests, self.lasting));
        let load = Arc::new(self);
        let start = Instant::now();
        let mut clients = JoinSet::new();
        for _ in 0..load.connections {
            let client =
                Client { load: load.clone(), pace: pace.clone(), connection: None, tally: Tally::default() };
            clients.spawn(client.run());
        }
        let mut tally = Tally::default();
        for part in clients.join_all().await {
            tally.join(part);
        }
        Report { tally, took: start.elapsed() }
    }
}

struct Client {
    load: Arc<Load>,
    pace: Arc<Pace>,
    connection: Option<Connection>,
    tally: Tally,
}

impl Client {
    async fn run(mut self) -> Tally {
        while let Some(number) = self.pace.next().await {
            let spans = self.load.bodies.spans();
            self.tally.offered += spans;
            let body = self.load.bodies.nth(number);
            match self.deliver(body).await {
                Reply::Accepted { rejected } => {
                    let rejected = rejected.min(spans);
                    self.tally.accepted += spans - rejected;
                    self.tally.rejected += rejected;
                }
                Reply::Refused(reason) => {
                    self.tally.refused += spans;
                    self.tally.first_refusal.get_or_insert(reason);
                }
                Reply::Busy { .. } | Reply::Unsent => self.tally.given_up += spans,
                Reply::Unknown => self.tally.unknown += spans,
            }
        }
        self.tally
    }

    /// The last answer to this body, after the retries that the run allows.
    async fn deliver(&mut self, body: Bytes) -> Reply {
        loop {
            let reply = self.attempt(body.clone()).await;
            let pause = match (&reply, self.load.retry) {
                (Reply::Busy { retry_after }, Some(retry)) => {
                    retry_after.filter(|_| retry.honour).unwrap_or(retry.pause)
                }
                (Reply::Unsent, _) => RECONNECT,
                _ => return reply,
            };
            let again = Instant::now() + pause;
            if again >= self.pace.end {
                return reply;
            }
            sleep_until(again).await;
        }
    }

    async fn attempt(&mut self, body: Bytes) -> Reply {
        let mut connection = match self.connection.take() {
            Some(open) => open,
            None => match Connection::open(&self.load.target).await {
                Ok(open) => open,
                Err(_) => return Reply::Unsent,
            },
        };
        let start = Instant::now();
        let answer = timeout(self.load.answer_within, connection.send(body)).await;
        let reply = answer.unwrap_or(Reply::Unknown);
        self.tally.attempts += u64::from(reply != Reply::Unsent);
        match &reply {
            Reply::Accepted { .. } => self.tally.waited(start.elapsed()),
            Reply::Busy { retry_after } => {
                self.tally.busy += 1;
                self.tally.timeless += u64::from(retry_after.is_none());
            }
            Reply::Refused(_) => {}
            Reply::Unknown | Reply::Unsent => return reply,
        }
        self.connection = Some(connection);
        reply
    }
}
