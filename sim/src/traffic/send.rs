//! Hands finished spans to the receiver, and keeps account of what became of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use super::Tally;
use super::span::{self, Finished};
use crate::load::{Connection, Reply, Target};

/// How many stages' spans one request can hold.
const STAGES_OF_A_REQUEST: usize = 256;
/// How long one request is tried before its spans are given up.
const PATIENCE: Duration = Duration::from_secs(30);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

pub(super) struct Sender {
    pub(super) target: Target,
    pub(super) tally: Arc<watch::Sender<Tally>>,
    pub(super) time_scale: f64,
}

impl Sender {
    /// Sends until there is nothing left to come.
    pub(super) async fn run(self, mut finished: mpsc::Receiver<Finished>) {
        let mut connection = None;
        let mut waiting = Vec::with_capacity(STAGES_OF_A_REQUEST);
        while finished.recv_many(&mut waiting, STAGES_OF_A_REQUEST).await > 0 {
            let spans = waiting.iter().map(|stage: &Finished| stage.spans.len() as u64).sum();
            let request = span::request(waiting.drain(..), self.time_scale);
            self.deliver(&mut connection, request.encode_to_vec().into(), spans).await;
        }
    }

    async fn deliver(&self, connection: &mut Option<Connection>, body: Bytes, spans: u64) {
        let give_up = Instant::now() + PATIENCE;
        let mut wait = FIRST_WAIT;
        loop {
            let (trouble, asked) = match self.post(connection, body.clone()).await {
                Ok(Reply::Accepted { rejected }) => {
                    let rejected = rejected.min(spans);
                    return self.tally.send_modify(|tally| {
                        tally.spans_accepted += spans - rejected;
                        tally.spans_refused += rejected;
                        tally.trouble = None;
                    });
                }
                Ok(Reply::Refused(reason)) => {
                    return self.tally.send_modify(|tally| {
                        tally.spans_refused += spans;
                        tally.first_refusal.get_or_insert(reason);
                    });
                }
                Ok(Reply::Busy { retry_after }) => ("the receiver is busy".to_owned(), retry_after),
                Ok(Reply::Unknown | Reply::Unsent) => {
                    *connection = None;
                    ("the connection broke".to_owned(), None)
                }
                Err(trouble) => (trouble, None),
            };
            let pause = asked.unwrap_or_default().max(wait);
            let lost = Instant::now() + pause > give_up;
            self.tally.send_modify(|tally| {
                tally.spans_lost += if lost { spans } else { 0 };
                tally.retries += u64::from(!lost);
                tally.trouble = Some(trouble);
            });
            if lost {
                return;
            }
            sleep(pause).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn post(&self, connection: &mut Option<Connection>, body: Bytes) -> Result<Reply, String> {
        let open = match connection.take() {
            Some(open) => Ok(open),
            None => Connection::open(&self.target).await,
        };
        let mut open = open.map_err(|error| format!("{}: {error}", self.target.address))?;
        match timeout(ANSWER_WITHIN, open.send(body)).await {
            Ok(reply) => {
                *connection = Some(open);
                Ok(reply)
            }
            Err(_) => Err(format!("{}: no answer within {ANSWER_WITHIN:?}", self.target.address)),
        }
    }
}
