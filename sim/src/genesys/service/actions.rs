//! The Data Actions of flows: told to whoever calls the services behind them.

use serde_json::{Map, Value};
use tokio::sync::mpsc;

use super::Service;
use crate::genesys::record::Record;

/// A flow calls a Data Action now.
#[derive(Clone, Debug, PartialEq)]
pub struct ActionCall {
    pub conversation_id: String,
    pub name: String,
    pub at_ms: u64,
    /// How long the scenario lets the flow wait, whatever the call takes.
    pub takes_ms: u64,
    /// The customer's number or address.
    pub customer: String,
    /// The customer's participant data, `traceparent` among it where a flow has written one.
    pub data: Map<String, Value>,
}

impl Service {
    /// From now on Data Actions are told here; what finds no room is lost.
    pub fn data_actions_to(&mut self, actions: mpsc::Sender<ActionCall>) {
        self.actions = Some(actions);
    }

    /// A flow writes into the customer's participant data what a Data Action has told it, while there is a flow.
    pub fn learn(&mut self, conversation: &str, key: &str, value: &str) {
        let goes_on = self.centre.get(conversation).is_some_and(|live| live.record.end_ms() > self.now);
        let learned = [(key.to_owned(), value.to_owned())];
        if goes_on {
            let write = |record: &mut Record, now| {
                record.set_customer_data(now, &learned);
                Ok(())
            };
            self.change(conversation, write).ok();
        }
    }

    pub(super) fn act(&mut self, conversation: &str, number: usize) {
        let (Some(actions), Some(live)) = (&self.actions, self.centre.get(conversation)) else { return };
        let now = self.now;
        let all = live.record.data_actions();
        // Somebody may have ended the flow before.
        let Some(action) = all.get(number).filter(|action| action.at_ms <= now) else { return };
        let call = ActionCall {
            conversation_id: conversation.to_owned(),
            name: action.name.to_owned(),
            at_ms: action.at_ms,
            takes_ms: action.takes_ms,
            customer: live.record.customer_address().to_owned(),
            data: live.record.customer_data(now),
        };
        // Whoever does not read does not call.
        actions.try_send(call).ok();
    }
}
