//! Plays the steps of a scenario into a story.

mod arrive;
mod talk;
mod finish;

use super::story::{Leg, Participant, Phase, PhaseKind, Purpose, Story};
use crate::genesys::ids;
use crate::genesys::scenario::{Direction, Media, What};

/// What cannot happen, and what to write instead.
pub(super) type Played = Result<(), (String, &'static str)>;

/// Where a conversation stands while it is played. Participants are named by their index.
pub(super) struct Player<'a> {
    story: &'a mut Story,
    now: u64,
    flow: Option<usize>,
    /// In a queue.
    waiting: Option<usize>,
    /// Talks to the customer.
    current: Option<usize>,
    /// Whom a blind transfer goes to, until that agent is alerted.
    offered: Option<String>,
    /// When the last leg in a queue ended.
    last_left: u64,
}

impl<'a> Player<'a> {
    /// Takes the conversation up where it stands at `now`; nothing of the story may lie after it.
    pub(super) fn new(story: &'a mut Story, now: u64) -> Self {
        let find = |purposes: &[Purpose], kinds: &[PhaseKind]| {
            let fits = |one: &Participant| purposes.contains(&one.purpose) && one.in_phase(kinds);
            story.participants.iter().rposition(fits)
        };
        let people = [Purpose::Agent, Purpose::User, Purpose::External];
        let flow = find(&[Purpose::Ivr, Purpose::Workflow], &[PhaseKind::System, PhaseKind::Ivr]);
        let waiting = find(&[Purpose::Acd], &[PhaseKind::Delay, PhaseKind::Wait]);
        let talking = [PhaseKind::Interact, PhaseKind::Hold, PhaseKind::Park, PhaseKind::Callback];
        let held = find(&people, &[PhaseKind::Hold]);
        let current = held.or_else(|| find(&people, &talking));
        Self { story, now, flow, waiting, current, offered: None, last_left: now }
    }

    pub(super) fn step(&mut self, what: &What) -> Played {
        match what {
            What::Arrives => self.arrives(),
            What::Flow { name, lasts } => self.enter_flow(name, *lasts),
            What::Milestone { name, at } => self.milestone(name, *at),
            What::DataAction { name, at, takes } => self.data_action(name, *at, *takes),
            What::Outcome { name, success } => self.outcome(name, *success),
            What::Set { key, value } => self.set(key, value),
            What::FlowDisconnects => self.flow_disconnects(),
            What::Queue { queue, waits } => self.enter_queue(queue, *waits),
            What::Wait(lasts) => self.wait(*lasts),
            What::Alert { agent, lasts, answer } => self.alert(agent, *lasts, *answer),
            What::Talk(lasts) => self.talk(*lasts),
            What::Hold(lasts) => self.pause(PhaseKind::Hold, *lasts),
            What::Park(lasts) => self.pause(PhaseKind::Park, *lasts),
            What::Consult { to, rings, talks, end } => self.consult(to, *rings, *talks, *end),
            What::Transfer(transfer) => self.transfer(transfer),
            What::Voicemail(lasts) => self.voicemail(*lasts),
            What::Disconnects(party) => self.disconnects(party),
            What::ConsultEnds(end) => self.consult_ends(*end),
            What::WrapUp { agent, wrap_up } => self.wrap_up(agent, wrap_up),
            What::Dials { agent, contacting, rings, answered } => {
                self.dials(agent, *contacting, *rings, *answered)
            }
            What::CallsBack { rings } => self.calls_back(*rings),
            What::Calls { from, to, rings, answered } => self.calls(from, to, *rings, *answered),
        }
    }

    /// A conversation that nobody ended goes on for ever: no scenario may do that.
    pub(super) fn finish(&self) -> Played {
        match self.story.end() {
            Some(_) => Ok(()),
            None => Err(("the conversation never ends".to_owned(), "end it: `customer disconnects`")),
        }
    }

    /// A new participant with one leg, from now on.
    fn joins(&mut self, purpose: Purpose, media: Media, direction: Direction, kind: PhaseKind) -> usize {
        let id = ids::uuid(&mut self.story.chance);
        let leg = self.leg(media, direction, kind);
        self.story.participants.push(Participant::new(id, purpose, self.now, leg));
        self.story.participants.len() - 1
    }

    fn leg(&mut self, media: Media, direction: Direction, kind: PhaseKind) -> Leg {
        let id = ids::uuid(&mut self.story.chance);
        let sip = (media == Media::Voice).then(|| format!("{}@10.0.0.1", ids::uuid(&mut self.story.chance)));
        Leg {
            id,
            media,
            direction,
            phases: vec![Phase { kind, from: self.now }],
            end: None,
            sip_call_id: sip,
        }
    }

    fn with(&mut self, index: usize, write: impl FnOnce(&mut Participant)) {
        if let Some(one) = self.story.participants.get_mut(index) {
            write(one);
        }
    }

    fn enter(&mut self, index: usize, kind: PhaseKind, from: u64) {
        self.with(index, |one| one.legs.last_mut().into_iter().for_each(|leg| leg.enter(kind, from)));
    }

    /// Some time between the two, as machines need it.
    fn moment(&mut self, from: u64, to: u64) -> u64 {
        from + self.story.chance.below(to - from)
    }
}
