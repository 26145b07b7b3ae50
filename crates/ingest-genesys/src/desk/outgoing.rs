//! The way of the spans from a desk into the pipelines.

use std::sync::Arc;
use std::time::Duration;

use flow::{Audience, Batch, Consumer, Payload, Signal};
use tokio::sync::oneshot;

use super::Desk;
use super::meters::Meters;
use super::underway::Underway;

/// Before a batch is offered again where the pipeline does not say when.
const REFUSED: Duration = Duration::from_secs(1);

pub(crate) struct Outgoing {
    pub(crate) receiver: Arc<str>,
    pub(crate) out: Arc<dyn Consumer>,
    pub(crate) meters: Meters,
    pub(crate) underway: Underway,
}

impl Outgoing {
    /// Gives out what is new; false where the receiver is stopped in the meantime.
    pub(crate) async fn give(
        &mut self,
        desk: &mut Desk,
        now_ms: u64,
        stopped: &mut oneshot::Receiver<()>,
    ) -> bool {
        loop {
            let spans = desk.take(now_ms);
            for (bytes, items, audience) in [
                (spans.finished, spans.finished_spans, Audience::All),
                (spans.open, spans.open_spans, Audience::Stores),
            ] {
                if items > 0 && !self.offer(bytes, items, audience, stopped).await {
                    return false;
                }
            }
            if !desk.waits() {
                break;
            }
        }
        self.meters.conversations.set(i64::try_from(desk.len()).unwrap_or(i64::MAX));
        let problems = desk.problems();
        self.meters.left_out.inc_by(problems.fields + problems.beyond);
        self.meters.unreadable.inc_by(problems.unreadable);
        if let Some(first) = problems.first.first() {
            tracing::warn!(receiver = %self.receiver, first, "something in a message could not be read and was left out");
        }
        true
    }

    /// Offers a batch until it is taken. Nothing new is taken in meanwhile.
    pub(crate) async fn offer(
        &mut self,
        bytes: Vec<u8>,
        items: usize,
        audience: Audience,
        stopped: &mut oneshot::Receiver<()>,
    ) -> bool {
        let payload = Payload::from(bytes);
        loop {
            let ack = self.underway.ack();
            let batch = Batch { audience, ack, ..Batch::new(Signal::Traces, payload.clone(), items) };
            let refused = match self.out.consume(batch).await {
                Ok(()) => {
                    self.meters.accepted.inc_by(items as u64);
                    return true;
                }
                Err(refusal) => refusal,
            };
            self.meters.refused.inc_by(items as u64);
            tracing::debug!(receiver = %self.receiver, why = %refused, "the pipeline takes nothing");
            let wait = refused.retry_after.unwrap_or(REFUSED);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                _ = &mut *stopped => return false,
            }
        }
    }
}
