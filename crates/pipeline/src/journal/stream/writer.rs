//! The thread that writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use flow::Refusal;
use tokio::time::Instant;

use super::Stream;
use super::inbox::{Append, Work};
use super::outbox::{New, Ready};
use crate::journal::disk::Disk;
use crate::journal::log::{Committed, Group, Log, Placed};

/// What a client waits that was refused because the disk failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Commits one group after the other until the stream is closed.
pub(super) fn run<D: Disk>(stream: &Arc<Stream>, mut log: Log<D>) {
    while let Some(work) = stream.inbox.gather(stream.means.patience, &stream.refusing) {
        let Work { appends, settled, decisions, decided, .. } = work;
        let bytes: u64 = appends.iter().map(|append| u64::from(append.body.len)).sum();
        let started = Instant::now();
        let group =
            Group { entries: appends.iter().map(|append| &append.body).collect(), settled, decisions };
        let Committed { placed, failed } = log.commit(&group);
        stream.metrics.committed(bytes, started.elapsed(), failed.is_some());
        let refusal = failed.map(|error| {
            tracing::error!(log = &*stream.name, %error, "the journal cannot write; what it refuses, clients repeat");
            Refusal::busy(format!("the journal cannot write: {error}"), AFTER_FAILURE)
        });
        // Who is refused may ask at once whether the journal is ready.
        if refusal.is_some() {
            stream.report(refusal.as_ref());
        }
        stream.accepted(appends, placed, refusal.clone());
        let answer = refusal.clone().map_or(Ok(()), Err);
        decided.into_iter().for_each(|done| drop(done.send(answer.clone())));
        // Nobody waits for this.
        if log.tidy() && log.commit(&Group::default()).failed.is_none() {
            log.tidy();
        }
        // Only who was refused wants to know when there is room again.
        let still = || stream.refusing.load(Ordering::Relaxed).then(|| stream.room_for(0).err()).flatten();
        stream.report(refusal.or_else(still).as_ref());
        stream.metrics.live(log.shelf().index().live());
    }
}

impl Stream {
    /// Hands out what is safe, and tells those who wait.
    fn accepted(self: &Arc<Self>, appends: Vec<Append>, placed: Vec<Placed>, refusal: Option<Refusal>) {
        let mut answers = Vec::with_capacity(appends.len());
        let mut new = Vec::with_capacity(placed.len());
        let mut placed = placed.into_iter();
        for Append { body, batch, accepted, done } in appends {
            let Some(Placed { id, end }) = placed.next() else {
                let refused =
                    refusal.clone().unwrap_or_else(|| Refusal::bug("a group was not written whole"));
                answers.push((done, Err(refused)));
                continue;
            };
            new.push(New { ready: Ready { id, batch, accepted }, size: body.len as usize, end });
            answers.push((done, Ok(())));
        }
        self.outbox.offer(self, new);
        for (done, answer) in answers {
            // The client may have gone; what is safe stays so.
            drop(done.send(answer));
        }
    }
}
