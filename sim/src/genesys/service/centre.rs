//! The conversations that live, those that have ended, and what is told of them.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};

use super::answer::put;
use super::{Due, Service, topics};
use crate::genesys::ids;
use crate::genesys::record::{Record, org};
use crate::genesys::time::iso;

#[derive(Default)]
pub(super) struct Centre {
    pub(super) conversations: HashMap<String, Live>,
    /// In the order of their ends.
    ended: VecDeque<String>,
    live: usize,
}

pub(super) struct Live {
    pub(super) record: Record,
    /// When its next message goes out.
    due: u64,
    /// How many messages have gone out.
    told: usize,
    ended: bool,
    /// It began by itself.
    pub(super) traffic: bool,
}

impl Centre {
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// The conversations that have not come to their end.
    pub(super) fn going_on(&self, now: u64) -> Vec<String> {
        let on = self.conversations.iter().filter(|(_, live)| !live.ended && live.record.end_ms() > now);
        let mut ids: Vec<String> = on.map(|(id, _)| id.clone()).collect();
        ids.sort();
        ids
    }

    pub(super) fn get(&self, id: &str) -> Option<&Live> {
        self.conversations.get(id)
    }
}

impl Service {
    /// A conversation begins. False if too many live.
    pub(super) fn begin(&mut self, record: Record, traffic: bool) -> bool {
        if self.centre.live >= self.options.max_live {
            return false;
        }
        let id = record.conversation_id().to_owned();
        self.centre.live += 1;
        self.tally.conversations_begun += 1;
        for (number, action) in record.data_actions().iter().enumerate() {
            self.agenda.put(action.at_ms, Due::Action { conversation: id.clone(), number });
        }
        self.centre.conversations.insert(id.clone(), Live { record, due: 0, told: 0, ended: false, traffic });
        self.schedule(&id);
        true
    }

    /// Puts the next message on the agenda, or lets the conversation end.
    fn schedule(&mut self, id: &str) {
        let Some(live) = self.centre.conversations.get_mut(id) else { return };
        match live.record.notices().get(live.told) {
            Some(next) => {
                live.due = next.at_ms;
                self.agenda.put(next.at_ms, Due::Notice { conversation: id.to_owned() });
            }
            None if !live.ended => {
                live.ended = true;
                live.record.settle();
                let traffic = live.traffic;
                self.ended(id.to_owned(), traffic);
            }
            None => {}
        }
    }

    fn ended(&mut self, id: String, traffic: bool) {
        self.tally.conversations_ended += 1;
        self.centre.live -= 1;
        self.centre.ended.push_back(id);
        while self.centre.ended.len() > self.options.keep {
            let oldest = self.centre.ended.pop_front();
            if let Some(oldest) = oldest {
                self.centre.conversations.remove(&oldest);
            }
        }
        if traffic {
            self.replace_ended();
        }
    }

    /// Changes a conversation from now on; what has been told stays told.
    pub(super) fn change<T>(
        &mut self,
        id: &str,
        change: impl FnOnce(&mut Record, u64) -> Result<T, String>,
    ) -> Result<T, String> {
        let now = self.now;
        let Some(live) = self.centre.conversations.get_mut(id) else {
            return Err("no such conversation".to_owned());
        };
        let changed = change(&mut live.record, now)?;
        live.told = live.record.notices().partition_point(|notice| notice.at_ms <= now);
        if std::mem::take(&mut live.ended) {
            self.centre.live += 1;
            self.centre.ended.retain(|ended| ended != id);
        }
        self.schedule(id);
        Ok(changed)
    }

    /// Sends all messages of a conversation that are due.
    pub(super) fn tell(&mut self, id: &str) {
        let now = self.now;
        let Some(live) = self.centre.conversations.get_mut(id) else { return };
        // It was put off, and stands on the agenda a second time.
        if live.due > now {
            return;
        }
        let (everything, mut told) = (self.bridge.is_some() || !self.streams.is_empty(), Vec::new());
        while let Some(notice) = live.record.notices().get(live.told).filter(|notice| notice.at_ms <= now) {
            let wanted =
                self.channels.has(&notice.topic) || (everything && topics::bridged(&notice.topic).is_some());
            if wanted {
                told.push((notice.at_ms, notice.topic.clone(), live.record.body(notice)));
            }
            live.told += 1;
        }
        for (at, topic, body) in told {
            self.publish(at, &topic, id, body);
        }
        self.schedule(id);
    }

    fn publish(&mut self, at: u64, topic: &str, conversation: &str, body: Value) {
        let to = self.channels.subscribed(topic);
        let frame = self.envelope(topic, body);
        if !to.is_empty() {
            self.tally.published += 1;
            let text = frame.to_string();
            to.iter().for_each(|channel| self.deliver(channel, &text));
        }
        if let Some(pattern) = topics::bridged(topic) {
            self.stream(conversation, &frame);
            self.bridge(at, pattern, frame);
        }
    }

    fn envelope(&mut self, topic: &str, body: Value) -> Value {
        let correlation = ids::uuid(&mut self.chance);
        json!({"topicName": topic, "version": "2", "eventBody": body, "metadata": {"CorrelationId": correlation}})
    }

    /// A message as it stands in a frame.
    pub(super) fn frame(&mut self, topic: &str, body: Value) -> String {
        self.envelope(topic, body).to_string()
    }

    /// The same as EventBridge has it.
    fn bridge(&mut self, at: u64, pattern: &str, mut frame: Value) {
        let Some(bridge) = &self.bridge else { return };
        put(&mut frame, "timestamp", iso(at));
        let seconds = iso(at / 1000 * 1000).replace(".000Z", "Z");
        let event = json!({
            "version": "0",
            "id": ids::uuid(&mut self.chance),
            "detail-type": pattern,
            "source": format!("aws.partner/genesys.com/cloud/{}/simulated", org::organization_id()),
            "account": "123456789012",
            "time": seconds,
            "region": "eu-central-1",
            "resources": [],
            "detail": frame,
        });
        match bridge.try_send(event) {
            Ok(()) => self.tally.bridged += 1,
            Err(_) => self.tally.bridge_full += 1,
        }
    }
}
