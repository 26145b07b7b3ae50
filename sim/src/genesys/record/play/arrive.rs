//! The way to an agent: arrival, flows, queues, ringing.

use super::{Played, Player};
use crate::genesys::ids;
use crate::genesys::record::story::{
    Action, Attribute, Disconnect, Flow, FlowExit, Outcome, PhaseKind, Purpose, Resolution, Transferred,
};
use crate::genesys::scenario::{Answer, Direction, Media};

/// How long an agent's client rings before the call goes back.
const ALERTING_TIMEOUT_MS: u64 = 8000;

impl Player<'_> {
    pub(super) fn arrives(&mut self) -> Played {
        self.nobody_yet()?;
        let (media, voice) = (self.story.media, self.story.media == Media::Voice);
        let first = if voice { PhaseKind::System } else { PhaseKind::Interact };
        let customer = self.joins(Purpose::Customer, media, Direction::Inbound, first);
        self.story.anchor = customer;
        let address = self.story.customer.clone();
        self.with(customer, |one| one.number = Some(address));
        if voice {
            self.now = self.moment(self.now + 100, self.now + 250);
            self.enter(customer, PhaseKind::Interact, self.now);
        }
        Ok(())
    }

    pub(super) fn nobody_yet(&self) -> Played {
        if self.story.participants.is_empty() {
            return Ok(());
        }
        Err(("somebody is there already".to_owned(), "a conversation begins once, with its first step"))
    }

    fn somebody(&self) -> Played {
        if self.story.participants.iter().any(|one| one.is_open()) {
            return Ok(());
        }
        Err(("nobody is there".to_owned(), "begin with `arrives`, and end with the disconnection"))
    }

    pub(super) fn enter_flow(&mut self, name: &str, lasts: u64) -> Played {
        self.somebody()?;
        if self.current.is_some() || self.waiting.is_some() {
            return Err(("the caller has left the flows".to_owned(), "put flows before the queue"));
        }
        self.leave_flow(FlowExit::ToFlow);
        let (media, direction) = (self.story.media, self.story.direction);
        let purpose = match media {
            Media::Voice | Media::Callback => Purpose::Ivr,
            Media::Chat | Media::Message | Media::Email => Purpose::Workflow,
        };
        self.now = self.moment(self.now + 8, self.now + 40);
        let index = self.joins(purpose, media, direction, PhaseKind::System);
        let connected = self.moment(self.now + 20, self.now + 60);
        self.enter(index, PhaseKind::Ivr, connected);
        let flow = Flow {
            name: name.to_owned(),
            milestones: Vec::new(),
            actions: Vec::new(),
            outcome: None,
            exit: None,
        };
        self.with(index, |one| one.flow = Some(flow));
        self.flow = Some(index);
        self.now = connected + lasts;
        Ok(())
    }

    /// Ends the flow that runs, if one does.
    pub(super) fn leave_flow(&mut self, exit: FlowExit) {
        let Some(index) = self.flow.take() else { return };
        let at = self.now;
        let how = match exit {
            FlowExit::Disconnect => Disconnect::Peer,
            FlowExit::FlowDisconnect => Disconnect::System,
            FlowExit::ToQueue | FlowExit::ToFlow => Disconnect::Transfer,
        };
        self.with(index, |one| {
            one.close(at, how);
            one.flow.iter_mut().for_each(|flow| flow.exit = Some(exit));
        });
    }

    /// Writes into the flow that runs what happened until `at` after its beginning.
    fn in_flow(&mut self, at: u64, write: impl FnOnce(&mut Flow, u64)) -> Played {
        let now = self.now;
        let index = self.flow.unwrap_or(usize::MAX);
        let found = self.story.participants.get_mut(index);
        let Some((begins, flow)) = found.and_then(|one| Some((one.begins, one.flow.as_mut()?))) else {
            return Err(("no flow runs".to_owned(), "write it below its `flow ...`"));
        };
        if begins + at > now {
            return Err((
                "the flow has ended by then".to_owned(),
                "times in a flow count from its beginning",
            ));
        }
        write(flow, begins);
        Ok(())
    }

    pub(super) fn milestone(&mut self, name: &str, at: u64) -> Played {
        self.in_flow(at, |flow, begins| flow.milestones.push((name.to_owned(), begins + at)))
    }

    pub(super) fn data_action(&mut self, name: &str, at: u64, takes: u64) -> Played {
        let name = name.to_owned();
        self.in_flow(at + takes, |flow, begins| flow.actions.push(Action { name, at: begins + at, takes }))
    }

    pub(super) fn outcome(&mut self, name: &str, success: bool) -> Played {
        let outcome = Outcome { name: name.to_owned(), success, at: self.now };
        self.in_flow(0, |flow, _| flow.outcome = Some(outcome))
    }

    /// Participant data belongs to the customer, as flows write it.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Played {
        self.somebody()?;
        let value = value.replace("{conversation}", &self.story.id.replace('-', ""));
        let participant = self.story.participants.get(self.story.anchor).map(|one| one.id.clone());
        self.story.attributes.push(Attribute {
            at: self.now,
            participant: participant.unwrap_or_default(),
            key: key.to_owned(),
            value,
        });
        Ok(())
    }

    pub(super) fn enter_queue(&mut self, queue: &str, waits: u64) -> Played {
        self.somebody()?;
        if self.current.is_some() {
            return Err(("an agent has the conversation".to_owned(), "write `transfer queue ... for 20s`"));
        }
        self.leave_flow(FlowExit::ToQueue);
        self.leave_queue(None);
        self.now = self.moment(self.now + 8, self.now + 30);
        self.waits_in(queue);
        self.now += waits;
        Ok(())
    }

    pub(super) fn waits_in(&mut self, queue: &str) -> usize {
        let (media, direction) = (self.story.media, self.story.direction);
        let acd = self.joins(Purpose::Acd, media, direction, PhaseKind::Delay);
        self.now = self.moment(self.now + 12, self.now + 30);
        self.enter(acd, PhaseKind::Wait, self.now);
        self.with(acd, |one| one.queue = Some(queue.to_owned()));
        self.waiting = Some(acd);
        acd
    }

    /// The leg in the queue ends shortly after an agent has taken the call.
    pub(super) fn leave_queue(&mut self, taken_by: Option<String>) {
        let Some(acd) = self.waiting.take() else { return };
        let at = self.moment(self.now + 18, self.now + 35);
        self.with(acd, |one| {
            one.close(at, Disconnect::Transfer);
            one.answered_by = taken_by;
        });
        self.last_left = at;
    }

    pub(super) fn wait(&mut self, lasts: u64) -> Played {
        if self.waiting.is_none() && self.flow.is_none() {
            return Err((
                "nobody waits".to_owned(),
                "write `queue billing for 40s` before it, or `talk 20s`",
            ));
        }
        self.now += lasts;
        Ok(())
    }

    pub(super) fn alert(&mut self, agent: &str, lasts: u64, answer: Answer) -> Played {
        let offered = self.offered.take();
        if self.waiting.is_none() && offered.as_deref() != Some(agent) {
            return Err((
                format!("nothing can ring at {agent}'s"),
                "write `queue billing for 40s` or `transfer agent ...` before it",
            ));
        }
        let index = self.rings_at(agent, self.waiting);
        if self.waiting.is_some() {
            self.transferred(None, Some(agent), true);
        }
        self.now += lasts;
        match answer {
            Answer::Open => {}
            Answer::Answered => {
                let callback = self.story.media == Media::Callback;
                let kind = if callback { PhaseKind::Callback } else { PhaseKind::Interact };
                self.enter(index, kind, self.now);
                self.resolve(Resolution::Complete);
                self.current = Some(index);
                self.leave_queue(Some(agent.to_owned()));
            }
            Answer::NoAnswer => {
                let at = self.now;
                self.with(index, |one| one.close(at, Disconnect::NoAnswer));
                self.resolve(Resolution::Timeout);
                self.now = self.moment(at + 40, at + 90);
            }
        }
        Ok(())
    }

    pub(super) fn rings_at(&mut self, agent: &str, queued: Option<usize>) -> usize {
        let (media, direction) = (self.story.media, self.story.direction);
        self.now = self.moment(self.now + 20, self.now + 60);
        let index = self.joins(Purpose::Agent, media, direction, PhaseKind::Alert);
        let queue = queued.and_then(|acd| self.story.participants.get(acd)?.queue.clone());
        self.with(index, |one| {
            one.user = Some(agent.to_owned());
            one.queue = queue;
            one.alerting_timeout_ms = Some(ALERTING_TIMEOUT_MS);
        });
        index
    }

    pub(super) fn transferred(&mut self, initiator: Option<String>, to_user: Option<&str>, attended: bool) {
        let id = ids::uuid(&mut self.story.chance);
        let to_address = match to_user {
            Some(user) => format!("sip:{user}%40example.org@localhost"),
            None => self.story.dialled.clone(),
        };
        self.story.transfers.push(Transferred {
            id,
            issued: self.now,
            resolved: None,
            initiator,
            to_user: to_user.map(str::to_owned),
            to_address,
            attended,
        });
    }

    pub(super) fn resolve(&mut self, how: Resolution) {
        let at = self.now;
        if let Some(last) = self.story.transfers.last_mut() {
            last.resolved.get_or_insert((at, how));
        }
    }
}
