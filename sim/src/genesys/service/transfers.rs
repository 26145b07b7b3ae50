//! Blind and consult transfers, and one party hanging up.

use http::Method;
use serde_json::{Value, json};

use super::{Answer, Request, Service};
use crate::genesys::scenario::{Answer as Answered, ConsultEnd, Party, Target, Transfer, What, WrapUp};

/// What people do when nobody else says what happens next.
const WAITS_MS: u64 = 4000;
const RINGS_MS: u64 = 3000;
const TALKS_MS: u64 = 30_000;

impl Service {
    /// `.../participants/{one}/...`; the participant is the agent who transfers.
    pub(super) fn transfers(
        &mut self,
        request: &Request,
        id: &str,
        one: &str,
        rest: &[&str],
    ) -> Result<Answer, Box<Answer>> {
        self.need_for_transfer(&request.method, rest)?;
        let body = request.json()?;
        let (post, patch) = (Method::POST, Method::PATCH);
        match (&request.method, rest) {
            (method, ["replace", ..] | ["transfer"]) if *method == post => self.blind(id, one, &body),
            (method, ["consult", ..] | ["voice", "consult"]) if *method == post => {
                self.consult(id, one, &body)
            }
            (method, ["consult"]) if *method == patch => self.speak_to(id, one, &body),
            (&Method::DELETE, ["consult"]) => {
                self.end_consult(id, one, ConsultEnd::Cancelled).map(|()| Answer::empty(200))
            }
            _ => Err(Answer::not_found("no such resource of a participant")),
        }
    }

    /// The agent's name, if this participant talks to the customer.
    fn agent(&self, id: &str, one: &str) -> Result<String, Box<Answer>> {
        self.exists(id)?;
        let agent = self.centre.get(id).and_then(|live| live.record.talking_agent(self.now, one));
        let message = "You can only transfer conversations that are in the connected state.";
        agent
            .map(str::to_owned)
            .ok_or_else(|| Answer::error(400, "conversations.error.transfer.not.connected", message))
    }

    fn blind(&mut self, id: &str, one: &str, body: &Value) -> Result<Answer, Box<Answer>> {
        let agent = self.agent(id, one)?;
        let mut steps = match self.target(body, &agent)? {
            Target::Agent(to) => {
                let answers = to.clone();
                vec![
                    What::Transfer(Transfer::Agent(to)),
                    alert(&answers),
                    What::Talk(TALKS_MS),
                    What::Disconnects(Party::Customer),
                    wrap_up(&answers),
                ]
            }
            Target::Queue { queue, agent: answers, .. } => vec![
                What::Transfer(Transfer::Queue { queue, waits: WAITS_MS }),
                alert(&answers),
                What::Talk(TALKS_MS),
                What::Disconnects(Party::Customer),
                wrap_up(&answers),
            ],
            Target::Number(number) => {
                let transfer = Transfer::Number { number, rings: RINGS_MS, talks: TALKS_MS };
                vec![What::Transfer(transfer), What::Disconnects(Party::Customer)]
            }
        };
        steps.push(wrap_up(&agent));
        self.go_on(id, &steps)?;
        Ok(Answer::empty(202))
    }

    fn consult(&mut self, id: &str, one: &str, body: &Value) -> Result<Answer, Box<Answer>> {
        if self.options.user.is_none() && body.get("consultingUserId").and_then(Value::as_str).is_none() {
            return Err(Answer::not_a_user());
        }
        let agent = self.agent(id, one)?;
        let destination = body.get("destination").unwrap_or(body);
        let to = self.target(destination, &agent)?;
        let third = match &to {
            Target::Agent(name) | Target::Queue { agent: name, .. } => Some(name.clone()),
            Target::Number(_) => None,
        };
        let consult = What::Consult { to, rings: RINGS_MS, talks: TALKS_MS * 4, end: ConsultEnd::Cancelled };
        let mut steps =
            vec![consult, What::Talk(TALKS_MS), What::Disconnects(Party::Customer), wrap_up(&agent)];
        steps.extend(third.as_deref().map(wrap_up));
        self.go_on(id, &steps)?;
        let joined = self.centre.get(id).and_then(|live| live.record.consulted_by(one));
        Ok(Answer::ok(json!({"destinationParticipantId": joined})))
    }

    fn speak_to(&mut self, id: &str, one: &str, body: &Value) -> Result<Answer, Box<Answer>> {
        match body.get("speakTo").and_then(Value::as_str) {
            Some("DESTINATION" | "OBJECT") => self.agent(id, one).map(|_| Answer::empty(200)),
            Some("BOTH" | "CONFERENCE") => {
                self.end_consult(id, one, ConsultEnd::Joined).map(|()| Answer::empty(200))
            }
            _ => Err(Answer::error(
                400,
                "invalid.value",
                "speakTo is DESTINATION, OBJECT, BOTH or CONFERENCE.",
            )),
        }
    }

    /// A consultation that runs is completed, cancelled, or becomes a conference.
    fn end_consult(&mut self, id: &str, one: &str, end: ConsultEnd) -> Result<(), Box<Answer>> {
        let agent = self.agent(id, one)?;
        if !self.consults(id, one) {
            let message = "The pending consult transfer was not found.";
            return Err(Answer::error(404, "conversation.error.consult.transfer.pending.not.found", message));
        }
        let mut steps =
            vec![What::ConsultEnds(end), What::Talk(TALKS_MS), What::Disconnects(Party::Customer)];
        steps.push(wrap_up(&agent));
        self.go_on(id, &steps)
    }

    fn consults(&self, id: &str, one: &str) -> bool {
        self.centre.get(id).is_some_and(|live| live.record.consults(self.now, one))
    }

    /// `PATCH .../calls/{id}/participants/{one}`: of what it can change, the simulator knows the end of the call.
    pub(super) fn patch_participant(
        &mut self,
        request: &Request,
        id: &str,
        one: &str,
    ) -> Result<Answer, Box<Answer>> {
        let body = request.json()?;
        if body.get("state").and_then(Value::as_str) != Some("disconnected") {
            return Err(Answer::error(
                400,
                "bad.request",
                "The simulator knows {\"state\": \"disconnected\"}.",
            ));
        }
        self.exists(id)?;
        if self.consults(id, one) {
            // Whoever leaves a consultation hands the customer over.
            self.end_consult(id, one, ConsultEnd::Completed)?;
            return Ok(Answer::empty(202));
        }
        let party = self.centre.get(id).and_then(|live| live.record.party(self.now, one));
        let party = party.ok_or_else(|| Answer::not_found("The participant was not found."))?;
        let mut steps = vec![What::Disconnects(party.clone())];
        if let Party::Named(agent) = &party {
            steps.push(wrap_up(agent));
        }
        self.go_on(id, &steps)?;
        Ok(Answer::empty(202))
    }

    fn target(&self, body: &Value, agent: &str) -> Result<Target, Box<Answer>> {
        let text = |name: &str| body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(id) = text("userId") {
            let name = self.directory.user(id).ok_or_else(|| Answer::not_found("The user was not found."))?;
            if name == agent {
                let message = "The call cannot be transferred to the party that has it.";
                return Err(Answer::error(400, "conversations.error.transfer.same.party", message));
            }
            return Ok(Target::Agent(name.to_owned()));
        }
        if let Some(id) = text("queueId") {
            let queue = self.directory.queue(id).map(str::to_owned);
            let queue =
                queue.ok_or_else(|| Answer::error(400, "queue.not.found", "The queue was not found."))?;
            return Ok(Target::Queue {
                queue,
                waits: WAITS_MS,
                agent: self.directory.anybody_but(agent).to_owned(),
            });
        }
        if let Some(address) = text("address") {
            return Ok(Target::Number(address.to_owned()));
        }
        let message = "No destination: give userId, queueId or address.";
        Err(Answer::error(400, "conversation.error.consult.transfer.no.destination", message))
    }

    fn go_on(&mut self, id: &str, steps: &[What]) -> Result<(), Box<Answer>> {
        let speed = self.options.traffic.speed;
        let steps: Vec<_> = steps.iter().map(|step| step.faster(speed)).collect();
        self.end(id, &steps)
    }
}

fn alert(agent: &str) -> What {
    What::Alert { agent: agent.to_owned(), lasts: RINGS_MS, answer: Answered::Answered }
}

fn wrap_up(agent: &str) -> What {
    What::WrapUp {
        agent: agent.to_owned(),
        wrap_up: WrapUp::Done { lasts: 10_000, code: "Transferred".to_owned() },
    }
}
