//! One request: who asks, what it is, and whether a desk has it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flow::{Consumer, Ctx};
use http::header::CONTENT_ENCODING;
use http::{Method, Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Incoming};
use prometheus::IntCounterVec;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::refused::Refused;
use crate::desk::Told;
use crate::door::{self, Answer, Answers, Lock};

/// Bytes of an event; those of EventBridge are 256 KiB at most.
const LIMIT: usize = 1 << 20;
/// EventBridge itself waits five seconds for an answer.
const BODY: Duration = Duration::from_secs(5);
const HEARD: Duration = Duration::from_secs(4);

pub(super) struct Intake {
    receiver: Arc<str>,
    lock: Option<Lock>,
    told: mpsc::Sender<Told>,
    out: Arc<dyn Consumer>,
    requests: IntCounterVec,
    turned_away: AtomicU64,
}

impl Intake {
    pub(super) fn new(
        ctx: &Ctx,
        lock: Option<Lock>,
        told: mpsc::Sender<Told>,
        out: Arc<dyn Consumer>,
    ) -> Self {
        let help = "Requests of EventBridge by what they were answered.";
        let labels = ["receiver", "status"];
        let requests = ctx.telemetry.counter("throughline_eventbridge_requests", help, &labels);
        Self { receiver: Arc::clone(&ctx.id), lock, told, out, requests, turned_away: AtomicU64::new(0) }
    }

    /// Says so in the log, more and more seldom, and nothing of what was sent.
    fn note(&self, answer: &Answer) {
        let count = self.turned_away.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_power_of_two() {
            let status = answer.status().as_u16();
            tracing::warn!(receiver = %self.receiver, status, count, "a request was turned away");
        }
    }

    async fn take(&self, request: Request<Incoming>) -> Result<(), Refused> {
        let (head, body) = request.into_parts();
        if let Some(lock) = self.lock.as_ref().filter(|lock| !lock.opens(&head.headers)) {
            return Err(Refused::Stranger(lock.challenge.clone()));
        }
        if head.method != Method::POST {
            return Err(Refused::Method);
        }
        // A page in a browser cannot send this to another site without asking first.
        if !door::is_json(&head.headers) || head.headers.contains_key(CONTENT_ENCODING) {
            return Err(Refused::NotJson);
        }
        let least = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        if least > LIMIT {
            return Err(Refused::TooLarge);
        }
        self.out.admit(least)?;
        let body = timeout(BODY, Limited::new(body, LIMIT).collect()).await.map_err(|_| Refused::Slow)?;
        let bytes = body.map_err(|error| match error.is::<http_body_util::LengthLimitError>() {
            true => Refused::TooLarge,
            false => Refused::NoEvent,
        })?;
        self.tell(bytes.to_bytes()).await
    }

    async fn tell(&self, bytes: Bytes) -> Result<(), Refused> {
        let (heard, answer) = oneshot::channel();
        self.told.try_send(Told { bytes, heard }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refused::busy(),
            mpsc::error::TrySendError::Closed(_) => Refused::down(),
        })?;
        match timeout(HEARD, answer).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err(Refused::NoEvent),
            // What comes again does no harm: a desk learns everything once.
            Ok(Err(_)) | Err(_) => Err(Refused::down()),
        }
    }
}

impl Answers for Intake {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let answer = match self.take(request).await {
            Ok(()) => Response::new(Full::new(Bytes::new())),
            Err(refused) => {
                let answer = refused.answer();
                self.note(&answer);
                answer
            }
        };
        self.requests.with_label_values(&[&*self.receiver, answer.status().as_str()]).inc();
        answer
    }
}
