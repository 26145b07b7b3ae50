//! Spans that a processor leaves out on purpose, in the account of their pipeline.

use std::sync::Arc;

use flow::{Batch, Consumer, Ctx, Refusal};

use crate::engine::account::Accounts;

/// Passes on what is left of batches, and counts what is not.
pub(super) struct LeftOut {
    accounts: Arc<Accounts>,
    reason: &'static str,
    next: Arc<dyn Consumer>,
}

impl LeftOut {
    pub(super) fn new(ctx: &Ctx, reason: &'static str, next: Arc<dyn Consumer>) -> Self {
        Self { accounts: ctx.get().unwrap_or_default(), reason, next }
    }

    pub(super) fn next(&self) -> &dyn Consumer {
        &*self.next
    }

    /// What the next consumer refuses goes back whole, and nothing of it counts as left out.
    pub(super) async fn pass_on(&self, batch: Batch, gone: usize) -> Result<(), Refusal> {
        let account = self.accounts.get(&batch.pipeline);
        if batch.items > 0 || gone == 0 {
            self.next.consume(batch).await?;
        } else if let Some(account) = &account {
            account.all_dropped(&batch);
        }
        if let Some(account) = account.filter(|_| gone > 0) {
            account.dropped(gone, self.reason);
        }
        Ok(())
    }
}
