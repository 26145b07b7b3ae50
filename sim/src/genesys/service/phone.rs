//! Calls that come in by a trunk: a conversation begins, and either side may end it.

use super::Service;
use crate::chance::Chance;
use crate::genesys::ids;
use crate::genesys::record::Record;
use crate::genesys::scenario::{Direction, Media, Party, Scenario, Transfer, What, WrapUp};

const RINGS_MS: u64 = 6000;
const TALKS_MS: u64 = 40_000;

impl Service {
    /// Somebody calls: one of the scenarios for incoming calls is played. Gives the conversation's id; nothing if there is
    /// no such scenario, or if too many conversations live.
    pub fn phone_rings(&mut self, from: &str, to: &str, uui: Option<&str>) -> Option<String> {
        let incoming = |one: &&Scenario| one.media == Media::Voice && one.direction == Direction::Inbound;
        let total: u64 = self.options.scenarios.iter().filter(incoming).map(|one| one.weight).sum();
        let mut place = self.chance.below(total.max(1));
        let chosen = self.options.scenarios.iter().filter(incoming).find(|one| {
            let found = place < one.weight;
            place = place.saturating_sub(one.weight);
            found
        })?;
        let (speed, spread, seed) =
            (self.options.traffic.speed, self.options.traffic.spread, self.chance.next());
        let mut scenario = chosen.faster(speed);
        if spread > 0.0 {
            scenario = scenario.varied(spread, &mut Chance::stream(seed, ids::hash("lengths")));
        }
        scenario.customer = Some(format!("tel:{from}")).filter(|_| is_number(from)).or(scenario.customer);
        scenario.dialled = Some(format!("tel:{to}")).filter(|_| is_number(to)).or(scenario.dialled);
        let mut record = Record::new(&scenario, seed, self.now);
        if let Some(uui) = uui {
            record.set_uui_data(uui);
        }
        let id = record.conversation_id().to_owned();
        self.begin(record, false).then_some(id)
    }

    /// The customer hangs up.
    pub fn caller_hangs_up(&mut self, id: &str) {
        let off = |record: &mut Record, now| {
            let over = record.end_ms() <= now;
            if over { Ok(()) } else { record.intervene(now, &[What::Disconnects(Party::Customer)]) }
        };
        // One that cannot be cut off here ends by itself.
        self.change(id, off).ok();
    }

    /// Nobody of the conversation is on the phone any more.
    pub fn is_over(&self, id: &str) -> bool {
        self.centre.get(id).is_none_or(|live| live.record.end_ms() <= self.now)
    }

    /// The agent sends the customer to a number outside. False if no agent is talking to the customer now.
    pub fn agent_transfers(&mut self, id: &str, number: &str) -> bool {
        let now = self.now;
        let Some(agent) = self.centre.get(id).and_then(|live| live.record.talks(now)).map(str::to_owned)
        else {
            return false;
        };
        let wrap_up = WrapUp::Done { lasts: 10_000, code: "Transferred".to_owned() };
        let transfer = Transfer::Number { number: format!("tel:{number}"), rings: RINGS_MS, talks: TALKS_MS };
        let steps =
            [What::Transfer(transfer), What::Disconnects(Party::Customer), What::WrapUp { agent, wrap_up }];
        let speed = self.options.traffic.speed;
        let steps: Vec<_> = steps.iter().map(|step| step.faster(speed)).collect();
        self.change(id, |record, now| record.intervene(now, &steps)).is_ok()
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or(text);
    (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use crate::genesys::scenario::demonstration;
    use crate::genesys::service::{Options, Service};

    const NOW: u64 = 1_700_000_000_000;

    #[test]
    fn a_call_plays_a_scenario_until_somebody_hangs_up() {
        let mut service = Service::new(Options::quiet(demonstration().unwrap()), "http://127.0.0.1", NOW);
        let first = service.phone_rings("+442079460001", "+498912345", None).unwrap();
        let second = service.phone_rings("anonymous", "support", Some("00aa")).unwrap();
        assert_ne!(first, second);
        service.advance(NOW + 1000);
        assert!(!service.is_over(&first) && !service.is_over(&second));
        service.caller_hangs_up(&first);
        assert!(service.is_over(&first));
        service.advance(NOW + 10 * 3_600_000);
        assert!(service.is_over(&second));
        assert_eq!(service.tally().conversations_ended, 2);
    }

    #[test]
    fn an_agent_who_talks_can_transfer() {
        let mut service = Service::new(Options::quiet(demonstration().unwrap()), "http://127.0.0.1", NOW);
        let calls: Vec<_> =
            (0..40).map(|_| service.phone_rings("+442079460001", "+498912345", None).unwrap()).collect();
        assert!(calls.iter().all(|id| !service.agent_transfers(id, "+4930901820")));
        let mut transferred = 0;
        for second in 0..400 {
            service.advance(NOW + second * 1000);
            transferred += calls.iter().filter(|id| service.agent_transfers(id, "+4930901820")).count();
        }
        assert!(transferred >= 20, "{transferred}");
    }
}
