//! What samplers decided, so that spans that come again are not decided on again.

use std::sync::Arc;

use flow::Refusal;

use super::record::Decision;
use super::stream::Stream;

/// The decisions of one sampler; made with [`Journals::decisions`](super::Journals::decisions).
///
/// A decision is kept for as long as an entry that came before it is not settled. A sampler that waits for
/// [`Decisions::note`] before it passes on or drops what it decided on will, after whatever end, find for each span
/// that comes again the decision that was followed, if any was.
#[derive(Clone)]
pub struct Decisions {
    stream: Arc<Stream>,
    sampler: Arc<str>,
}

impl Decisions {
    pub(super) fn new(stream: Arc<Stream>, sampler: &str) -> Self {
        Self { stream, sampler: Arc::from(sampler) }
    }

    /// What was decided in earlier runs on spans that come again now, as keys with verdicts, oldest first. To be asked
    /// for once, when the first batch comes: before that the journal may not be open, and then it is too late.
    pub fn take(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let decisions = self.stream.take_decisions(&self.sampler).into_iter();
        decisions.map(|Decision { key, verdict, .. }| (key, verdict)).collect()
    }

    /// Makes decisions safe; takes a few milliseconds, whatever their number. After an error they may be noted again.
    pub async fn note(&self, decisions: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Result<(), Refusal> {
        let decision = |(key, verdict)| Decision { sampler: self.sampler.to_string(), key, verdict };
        self.stream.decide(decisions.into_iter().map(decision).collect()).await
    }
}
