//! The end: voicemail, disconnections, wrap-up.

use super::{Played, Player};
use crate::genesys::record::story::{
    AfterCall, AfterCallEnd, Disconnect, FlowExit, PhaseKind, Purpose, Resolution,
};
use crate::genesys::scenario::{Direction, Media, Party, WrapUp};

impl Player<'_> {
    pub(super) fn voicemail(&mut self, lasts: u64) -> Played {
        if self.waiting.is_none() || self.story.media != Media::Voice {
            let what = "no caller waits who could leave a voicemail".to_owned();
            return Err((what, "write `queue billing for 40s` before it"));
        }
        let queue = self.waiting.and_then(|acd| self.story.participants.get(acd)?.queue.clone());
        self.leave_queue(None);
        self.now = self.moment(self.last_left + 10, self.last_left + 40);
        let voicemail = self.joins(Purpose::Voicemail, Media::Voice, Direction::Inbound, PhaseKind::System);
        self.with(voicemail, |one| one.queue = queue);
        self.now = self.moment(self.now + 20, self.now + 60);
        self.enter(voicemail, PhaseKind::Voicemail, self.now);
        self.now += lasts;
        Ok(())
    }

    pub(super) fn flow_disconnects(&mut self) -> Played {
        if self.flow.is_none() {
            return Err(("no flow runs".to_owned(), "write `flow \"Main menu\" for 20s` before it"));
        }
        self.leave_flow(FlowExit::FlowDisconnect);
        self.hang_up(None, Disconnect::Peer);
        Ok(())
    }

    pub(super) fn disconnects(&mut self, party: &Party) -> Played {
        let everybody = &self.story.participants;
        let (who, first, others) = match party {
            Party::System => ("the system", Some(usize::MAX), Disconnect::System),
            Party::Customer => {
                let open = everybody.get(self.story.anchor).is_some_and(|one| one.is_open());
                ("the customer", open.then_some(self.story.anchor), Disconnect::Peer)
            }
            Party::Current => ("the agent", self.current, Disconnect::Peer),
            Party::Named(name) => {
                let index =
                    everybody.iter().rposition(|one| one.user.as_ref() == Some(name) && one.is_open());
                (name.as_str(), index, Disconnect::Peer)
            }
        };
        let Some(first) = first else {
            return Err((format!("{who} is not there"), "name somebody who has answered and not left"));
        };
        let how = if *party == Party::Customer { Disconnect::Endpoint } else { Disconnect::Client };
        self.leave_flow(FlowExit::Disconnect);
        self.hang_up(Some((first, how)), others);
        Ok(())
    }

    /// Ends every leg: first the one that hung up, then the others, a few milliseconds later.
    fn hang_up(&mut self, first: Option<(usize, Disconnect)>, others: Disconnect) {
        self.resolve(Resolution::Cancelled);
        let at = self.now;
        for index in 0..self.story.participants.len() {
            let (how, when) = match first {
                Some((hung_up, how)) if hung_up == index => (how, at),
                _ => (others, self.moment(at + 1, at + 5)),
            };
            self.with(index, |one| one.close(when, how));
        }
        self.now += 5;
        (self.current, self.waiting) = (None, None);
    }

    /// Of the named agent's last leg; nobody waits for it.
    pub(super) fn wrap_up(&mut self, agent: &str, wrap_up: &WrapUp) -> Played {
        let wraps = self.story.participants.iter_mut().rfind(|one| one.user.as_deref() == Some(agent));
        let Some(one) = wraps else {
            return Err((format!("{agent} took no part"), "name an agent of this conversation"));
        };
        let Some(from) = one.ended(u64::MAX) else {
            return Err((
                format!("{agent} still talks"),
                "write the wrap-up below the disconnection or transfer",
            ));
        };
        let (lasts, how) = match wrap_up {
            WrapUp::Done { lasts, code } => (*lasts, AfterCallEnd::Done(code.clone())),
            WrapUp::Skipped => (0, AfterCallEnd::Skipped),
            WrapUp::TimedOut(lasts) => (*lasts, AfterCallEnd::TimedOut),
        };
        one.wrap_up_prompt = Some(match how {
            AfterCallEnd::Done(_) => "mandatory",
            AfterCallEnd::Skipped => "optional",
            AfterCallEnd::TimedOut => "forcedTimeout",
        });
        one.wrap_up = Some(AfterCall { from, to: from + lasts, how });
        Ok(())
    }
}
