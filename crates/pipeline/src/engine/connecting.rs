//! A connector as the exporter of the pipelines that end in it: keeps their accounts and settles their batches.

use std::sync::Arc;

use flow::{Batch, BoxFuture, Consumer, Drain, Outcome, Refusal};

use super::account::Accounts;

/// What a connector has taken counts as exported by the pipeline that gave it; what comes of it is received by others.
pub struct Connecting {
    id: Arc<str>,
    accounts: Arc<Accounts>,
    connector: Arc<dyn Consumer>,
}

impl Connecting {
    pub fn new(id: &str, accounts: &Arc<Accounts>, connector: Arc<dyn Consumer>) -> Arc<Self> {
        Arc::new(Self { id: Arc::from(id), accounts: Arc::clone(accounts), connector })
    }
}

impl Consumer for Connecting {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.connector.admit(bytes)
    }

    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(async move {
            let (account, ack, items) = (self.accounts.get(&batch.pipeline), batch.ack.clone(), batch.items);
            if let Some(account) = &account {
                account.enqueued(&self.id, items);
            }
            let taken = self.connector.consume(batch).await;
            match (&taken, &account) {
                (Ok(()), Some(account)) => account.exported(&self.id, items),
                (Err(_), Some(account)) => account.withdrawn(&self.id, items),
                (_, None) => {}
            }
            if taken.is_ok() {
                ack.settle(&self.id, Outcome::Exported);
            }
            taken
        })
    }

    fn drain(&self, end: Drain) -> BoxFuture<'_, ()> {
        self.connector.drain(end)
    }
}
