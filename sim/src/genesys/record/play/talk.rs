//! What agents do: talk, hold, park, consult, transfer, dial.

use super::{Played, Player};
use crate::genesys::record::story::{Disconnect, Participant, PhaseKind, Purpose, Resolution};
use crate::genesys::scenario::{ConsultEnd, Direction, Media, Target, Transfer};

impl Player<'_> {
    fn talking(&self) -> Result<usize, (String, &'static str)> {
        let mend = "let somebody answer first: `alert ann for 5s, answered`";
        self.current.ok_or(("nobody talks to the customer".to_owned(), mend))
    }

    pub(super) fn talk(&mut self, lasts: u64) -> Played {
        self.talking()?;
        self.now += lasts;
        Ok(())
    }

    /// On hold, or parked.
    pub(super) fn pause(&mut self, kind: PhaseKind, lasts: u64) -> Played {
        let agent = self.talking()?;
        let parks = matches!(self.story.media, Media::Email | Media::Message);
        if kind == PhaseKind::Park && !parks {
            return Err(("only emails and messages are parked".to_owned(), "write `hold 30s`"));
        }
        if kind == PhaseKind::Hold && self.story.media == Media::Email {
            return Err(("an email is not put on hold".to_owned(), "write `park 1h`"));
        }
        self.enter(agent, kind, self.now);
        self.now += lasts;
        self.enter(agent, PhaseKind::Interact, self.now);
        Ok(())
    }

    pub(super) fn consult(&mut self, to: &Target, rings: u64, talks: u64, end: ConsultEnd) -> Played {
        let agent = self.talking()?;
        if self.story.media != Media::Voice {
            return Err(("only calls have consultations".to_owned(), "write `transfer agent ...`"));
        }
        let asks = self.story.participants.get(agent).map(|one| (one.id.clone(), one.user.clone()));
        let (asks_id, initiator) = asks.unwrap_or_default();
        self.enter(agent, PhaseKind::Hold, self.now);
        let third = self.third_party(to, &asks_id, initiator);
        self.now += rings;
        self.enter(third, PhaseKind::Interact, self.now);
        if let Target::Queue { agent: answers, .. } = to {
            self.leave_queue(Some(answers.clone()));
        }
        self.now += if end == ConsultEnd::Joined { 0 } else { talks };
        self.decide(agent, third, end);
        if end == ConsultEnd::Joined {
            self.now += talks;
            self.leaves(third, Disconnect::Client);
        }
        Ok(())
    }

    /// The consultation that runs is completed, cancelled, or becomes a conference.
    pub(super) fn consult_ends(&mut self, end: ConsultEnd) -> Played {
        let agent = self.talking()?;
        let asks = self.story.participants.get(agent).map(|one| one.id.clone());
        let asked =
            |one: &Participant| one.consulted_by == asks && one.purpose != Purpose::Acd && one.is_open();
        let Some(third) = self.story.participants.iter().rposition(asked) else {
            return Err(("nobody is being consulted".to_owned(), "begin a consultation before"));
        };
        let rings =
            !self.story.participants.get(third).is_some_and(|one| one.in_phase(&[PhaseKind::Interact]));
        if rings && end != ConsultEnd::Cancelled {
            self.enter(third, PhaseKind::Interact, self.now);
        }
        self.decide(agent, third, end);
        Ok(())
    }

    fn decide(&mut self, agent: usize, third: usize, end: ConsultEnd) {
        match end {
            ConsultEnd::Completed => {
                self.resolve(Resolution::Complete);
                self.leaves(agent, Disconnect::ConsultTransfer);
                self.current = Some(third);
            }
            ConsultEnd::Cancelled => {
                self.resolve(Resolution::Cancelled);
                self.leaves(third, Disconnect::Peer);
                self.enter(agent, PhaseKind::Interact, self.now);
            }
            ConsultEnd::Joined => {
                let from = self.now;
                self.enter(agent, PhaseKind::Interact, from);
                for index in [self.story.anchor, agent, third] {
                    self.with(index, |one| one.conference = Some(from));
                }
                self.resolve(Resolution::Complete);
            }
        }
    }

    fn third_party(&mut self, to: &Target, asks: &str, initiator: Option<String>) -> usize {
        let index = match to {
            Target::Agent(name) => {
                let index = self.rings_at(name, None);
                self.transferred(initiator, Some(name), true);
                index
            }
            Target::Queue { queue, waits, agent } => {
                self.now = self.moment(self.now + 8, self.now + 30);
                let acd = self.waits_in(queue);
                self.transferred(initiator, None, true);
                self.with(acd, |one| one.consulted_by = Some(asks.to_owned()));
                self.now += waits;
                self.rings_at(agent, Some(acd))
            }
            Target::Number(number) => {
                let index = self.dials_out(number);
                self.transferred(initiator, None, true);
                index
            }
        };
        self.with(index, |one| one.consulted_by = Some(asks.to_owned()));
        index
    }

    fn dials_out(&mut self, number: &str) -> usize {
        self.now = self.moment(self.now + 20, self.now + 60);
        let index = self.joins(Purpose::External, Media::Voice, Direction::Outbound, PhaseKind::Dialing);
        let number = if number.contains(':') { number.to_owned() } else { format!("tel:{number}") };
        self.with(index, |one| one.number = Some(number));
        index
    }

    fn leaves(&mut self, index: usize, how: Disconnect) {
        let at = self.now;
        self.with(index, |one| one.close(at, how));
    }

    pub(super) fn transfer(&mut self, transfer: &Transfer) -> Played {
        let agent = self.talking()?;
        let initiator = self.story.participants.get(agent).and_then(|one| one.user.clone());
        self.leaves(agent, Disconnect::Transfer);
        self.current = None;
        match transfer {
            Transfer::Agent(name) => {
                self.transferred(initiator, Some(name), false);
                self.offered = Some(name.clone());
            }
            Transfer::Queue { queue, waits } => {
                self.transferred(initiator, None, false);
                self.now = self.moment(self.now + 8, self.now + 30);
                self.waits_in(queue);
                self.resolve(Resolution::Complete);
                self.now += waits;
            }
            Transfer::Number { number, rings, talks } => {
                if self.story.media != Media::Voice {
                    return Err(("only a call goes to a number".to_owned(), "write `transfer agent ...`"));
                }
                self.transferred(initiator, None, false);
                let external = self.dials_out(number);
                self.now += rings;
                self.enter(external, PhaseKind::Interact, self.now);
                self.resolve(Resolution::Complete);
                self.current = Some(external);
                self.now += talks;
            }
        }
        Ok(())
    }

    pub(super) fn dials(&mut self, agent: &str, contacting: u64, rings: u64, answered: bool) -> Played {
        self.nobody_yet()?;
        if self.story.direction != Direction::Outbound || self.story.media != Media::Voice {
            return Err((
                "only outbound voice begins with dialling".to_owned(),
                "write `direction: outbound`",
            ));
        }
        let dials = self.joins(Purpose::Agent, Media::Voice, Direction::Outbound, PhaseKind::Contacting);
        self.with(dials, |one| one.user = Some(agent.to_owned()));
        self.now += contacting;
        self.enter(dials, PhaseKind::Dialing, self.now);
        let customer = self.joins(Purpose::Customer, Media::Voice, Direction::Outbound, PhaseKind::Dialing);
        self.story.anchor = customer;
        let number = self.story.customer.clone();
        self.with(customer, |one| one.number = Some(number));
        self.now += rings;
        if answered {
            self.enter(customer, PhaseKind::Interact, self.now);
            self.enter(dials, PhaseKind::Interact, self.now);
            self.current = Some(dials);
        } else {
            self.leaves(customer, Disconnect::Timeout);
            self.leaves(dials, Disconnect::Peer);
        }
        Ok(())
    }

    /// The agent of a callback dials the customer.
    pub(super) fn calls_back(&mut self, rings: u64) -> Played {
        let agent = self.talking()?;
        if self.story.media != Media::Callback {
            return Err(("nobody asked to be called back".to_owned(), "write `media: callback`"));
        }
        for index in [self.story.anchor, agent] {
            let mut leg = self.leg(Media::Voice, Direction::Outbound, PhaseKind::Dialing);
            leg.enter(PhaseKind::Interact, self.now + rings);
            self.with(index, |one| one.legs.push(leg));
        }
        self.now += rings;
        Ok(())
    }

    /// One agent calls another; no customer takes part.
    pub(super) fn calls(&mut self, from: &str, to: &str, rings: u64, answered: bool) -> Played {
        self.nobody_yet()?;
        if self.story.media != Media::Voice {
            return Err(("agents call each other by voice".to_owned(), "leave `media` out"));
        }
        let caller = self.joins(Purpose::User, Media::Voice, Direction::Outbound, PhaseKind::Contacting);
        self.story.anchor = caller;
        self.with(caller, |one| one.user = Some(from.to_owned()));
        self.now = self.moment(self.now + 300, self.now + 900);
        self.enter(caller, PhaseKind::Dialing, self.now);
        let called = self.joins(Purpose::User, Media::Voice, Direction::Inbound, PhaseKind::Alert);
        self.with(called, |one| one.user = Some(to.to_owned()));
        self.now += rings;
        if answered {
            self.enter(called, PhaseKind::Interact, self.now);
            self.enter(caller, PhaseKind::Interact, self.now);
            self.current = Some(called);
        } else {
            self.leaves(called, Disconnect::NoAnswer);
            self.leaves(caller, Disconnect::Peer);
        }
        Ok(())
    }
}
