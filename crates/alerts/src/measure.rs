//! What a rule measures, asked of the store.

use std::time::Duration;

use store_api::analysis::Example;
use store_api::analysis::ended::Ended;
use store_api::{Analysis, StoreError, TraceStore};

use crate::rule::{Spec, Wrong};
use crate::standing::Sample;

/// For one rule.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum Unmeasured {
    #[error(transparent)]
    Wrong(#[from] Wrong),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the answer took longer than 30 seconds")]
    TooLong,
}

/// Of the window that ends now.
pub(crate) async fn now(
    store: &dyn TraceStore,
    spec: &Spec,
    now_ns: u64,
) -> Result<(Sample, Vec<Example>), Unmeasured> {
    let ended = windows(store, spec, vec![now_ns]).await?;
    let window = ended.windows.last();
    let value = window.and_then(|window| spec.value(window));
    Ok((Sample { value, n: window.map_or(0, |window| window.latency.n) }, ended.examples))
}

pub(crate) async fn windows(
    store: &dyn TraceStore,
    spec: &Spec,
    ends: Vec<u64>,
) -> Result<Ended, Unmeasured> {
    let asked = tokio::time::timeout(PATIENCE, store.ended(spec.question(ends)?));
    Ok(asked.await.map_err(|_| Unmeasured::TooLong)??)
}
