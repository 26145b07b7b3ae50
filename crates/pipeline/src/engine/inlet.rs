//! Where a pipeline begins: names the pipeline in the batch and keeps its account.

use std::sync::Arc;

use flow::{Batch, BoxFuture, Consumer, Refusal};

use super::account::Account;

pub struct Inlet {
    account: Arc<Account>,
    next: Arc<dyn Consumer>,
}

impl Inlet {
    pub fn new(account: Arc<Account>, next: Arc<dyn Consumer>) -> Self {
        Self { account, next }
    }
}

impl Consumer for Inlet {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }

    fn consume(&self, mut batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let items = batch.items;
            batch.pipeline = Arc::clone(&self.account.pipeline);
            self.account.received(items);
            let taken = self.next.consume(batch).await;
            if taken.is_err() {
                self.account.refused(items);
            }
            taken
        })
    }
}
