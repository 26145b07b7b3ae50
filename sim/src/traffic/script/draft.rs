//! The dice of a script: what can follow what, how likely it is and how long it takes.

use std::time::Duration;

use super::{Cue, Happening, Outcome, Queue, Stage, Step};
use crate::chance::Chance;

/// A script that is being written.
pub(super) struct Draft {
    chance: Chance,
    pub(super) steps: Vec<Step>,
}

impl Draft {
    pub(super) fn new(chance: Chance) -> Self {
        Self { chance, steps: Vec::new() }
    }

    pub(super) fn inbound(&mut self) -> Outcome {
        self.stage(Stage::Setup, 0.6, 0.5);
        if self.chance.happens(0.03) {
            self.stage(Stage::Ivr, 7.0, 0.4).cues = vec![prompt(1.0, "welcome")];
            return Outcome::Abandoned;
        }
        let alone = self.chance.happens(0.09);
        self.ivr(alone);
        if alone {
            return Outcome::SelfService;
        }
        match self.chance.below(100) {
            0..12 => {
                self.stage(Stage::Queue, 75.0, 0.6).queue = Some(Queue::Routed);
                Outcome::Abandoned
            }
            12..16 => {
                self.stage(Stage::Queue, 150.0, 0.3).queue = Some(Queue::Routed);
                self.stage(Stage::Voicemail, 32.0, 0.4).queue = Some(Queue::Routed);
                Outcome::Voicemail
            }
            _ => {
                let agent = self.answer(Queue::Routed);
                self.conversation(agent, Queue::Routed)
            }
        }
    }

    pub(super) fn outbound(&mut self) -> Outcome {
        let answered = self.chance.happens(0.62);
        self.stage(Stage::Setup, if answered { 11.0 } else { 28.0 }, 0.4);
        if !answered {
            return Outcome::NoAnswer;
        }
        let agent = self.agent();
        let queue = Queue::Named("campaigns");
        self.alert(1.2, queue, agent.clone());
        let look = Cue { after: Duration::from_millis(900), what: Happening::Lookup };
        self.agent_stage(Stage::Talk, 95.0, queue, agent.clone()).cues = vec![look];
        self.schedule_sometimes(0.25);
        self.agent_stage(Stage::Wrapup, 15.0, queue, agent);
        Outcome::Resolved
    }

    fn ivr(&mut self, alone: bool) {
        let mut cues = vec![
            prompt(0.3, "welcome"),
            Cue { after: self.chance.around(4.0, 0.2), what: Happening::Lookup },
            prompt(0.4, "main menu"),
            Cue {
                after: self.chance.around(8.0, 0.5),
                what: Happening::Digits(if alone { "2" } else { "1" }),
            },
        ];
        if alone {
            cues.push(prompt(0.3, "choose an appointment"));
            cues.push(self.schedule(9.0));
            cues.push(prompt(0.3, "confirmation"));
        }
        self.stage(Stage::Ivr, 3.5, 0.4).cues = cues;
    }

    /// Waits and rings until somebody takes the call.
    fn answer(&mut self, queue: Queue) -> String {
        let mut wait = 38.0;
        loop {
            self.stage(Stage::Queue, wait, 0.9).queue = Some(queue);
            let agent = self.agent();
            let missed = self.steps.len() < 8 && self.chance.happens(0.11);
            self.alert(if missed { 15.0 } else { 4.5 }, queue, agent.clone()).missed = missed;
            if !missed {
                return agent;
            }
            wait = 6.0;
        }
    }

    fn conversation(&mut self, agent: String, queue: Queue) -> Outcome {
        self.agent_stage(Stage::Talk, 170.0, queue, agent.clone());
        self.schedule_sometimes(0.22);
        match self.chance.below(100) {
            0..16 => {
                self.agent_stage(Stage::Hold, 40.0, queue, agent.clone());
                self.agent_stage(Stage::Talk, 60.0, queue, agent.clone());
                self.agent_stage(Stage::Wrapup, 28.0, queue, agent);
            }
            16..26 => self.transfer(agent, queue, false),
            26..33 => self.transfer(agent, queue, true),
            _ => {
                self.agent_stage(Stage::Wrapup, 28.0, queue, agent);
            }
        }
        Outcome::Resolved
    }

    /// To another queue, after a word with the second agent if `announced`; the first wraps up meanwhile.
    fn transfer(&mut self, first: String, from: Queue, announced: bool) {
        let to = Queue::Named(if self.chance.happens(0.5) { "billing" } else { "technical" });
        let second;
        if announced {
            second = self.agent();
            let held = self.agent_stage(Stage::Hold, 30.0, from, first.clone());
            held.meanwhile = true;
            let while_held = held.rest;
            self.agent_stage(Stage::Consult, 30.0, to, first.clone()).rest = while_held;
            self.agent_stage(Stage::Transfer, 0.5, to, first.clone());
            self.agent_stage(Stage::Wrapup, 25.0, from, first).meanwhile = true;
        } else {
            self.agent_stage(Stage::Transfer, 0.8, to, first.clone());
            self.agent_stage(Stage::Wrapup, 25.0, from, first).meanwhile = true;
            second = self.answer(to);
        }
        self.agent_stage(Stage::Talk, 140.0, to, second.clone());
        self.agent_stage(Stage::Wrapup, 30.0, to, second);
    }

    fn schedule_sometimes(&mut self, share: f64) {
        if self.chance.happens(share) {
            let cue = self.schedule(25.0);
            if let Some(talk) = self.steps.last_mut() {
                talk.cues.push(cue);
            }
        }
    }

    fn schedule(&mut self, after: f64) -> Cue {
        let (days, half_hours) = (self.chance.below(60), self.chance.below(20));
        let slot = format!("{days}d{:02}:{:02}", 8 + half_hours / 2, half_hours % 2 * 30);
        Cue { after: self.chance.around(after, 0.3), what: Happening::Schedule { slot } }
    }

    fn agent(&mut self) -> String {
        format!("agent-{:02}", 1 + self.chance.below(40))
    }

    fn alert(&mut self, median_s: f64, queue: Queue, agent: String) -> &mut Step {
        self.agent_stage(Stage::Alert, median_s, queue, agent)
    }

    fn agent_stage(&mut self, stage: Stage, median_s: f64, queue: Queue, agent: String) -> &mut Step {
        let step = self.stage(stage, median_s, 0.5);
        step.queue = Some(queue);
        step.agent = Some(agent);
        step
    }

    fn stage(&mut self, stage: Stage, median_s: f64, spread: f64) -> &mut Step {
        let rest = self.chance.around(median_s, spread);
        self.steps.push_mut(Step {
            stage,
            cues: Vec::new(),
            rest,
            queue: None,
            agent: None,
            meanwhile: false,
            missed: false,
        })
    }
}

fn prompt(after_s: f64, name: &'static str) -> Cue {
    Cue { after: Duration::from_secs_f64(after_s), what: Happening::Prompt(name) }
}
