//! What became of the interactions that came to a queue.

use super::latency::{Within, share};
use super::objective::Objectives;
use super::overview::Question;
use crate::facts::{Facts, Stretch};
use crate::read::Call;
use crate::span::Span;
use crate::stage::Stage;
use crate::summary::Summary;

/// Threshold of the service level, where the settings have none for the queue.
const THRESHOLD_NS: u64 = 20_000_000_000;

/// Interactions that started in a range.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Calls {
    pub n: u64,
    pub answered: u64,
    pub abandoned: u64,
    /// Of these, those that left soon.
    pub short_abandoned: u64,
    /// Left the queue for something else.
    pub elsewhere: u64,
    pub waiting: u64,
    pub short_abandon_ns: u64,
    /// Answered in time, of all answered and all that did not leave soon.
    pub service_level: Within,
    /// From the queue until somebody talked.
    pub answer_time_ns: Option<u64>,
}

pub(crate) struct CallsTally {
    calls: Calls,
    waited: u128,
}

/// How the wait of an interaction in a queue ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Answered,
    Abandoned,
    Elsewhere,
    Waits,
}

/// One interaction beside the service level of queues, by the same rules as [`Calls`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Served {
    pub end: End,
    pub waited_ns: u64,
    pub threshold_ns: u64,
    /// Nothing where it does not count: it left soon, went elsewhere, or waits and may still be answered in time.
    pub met: Option<bool>,
}

impl Served {
    /// Nothing where it never came to a queue.
    pub fn of<'s>(
        call: &Summary,
        spans: impl IntoIterator<Item = &'s Span>,
        objectives: &Objectives,
        short_abandon_ns: u64,
    ) -> Option<Self> {
        let facts = Facts::of(spans.into_iter().filter(|span| span.stage().is_some()));
        let stretch = |stage| facts.stages.get(&stage).copied();
        let (end, waited_ns) = end(stretch, call.running(), call.outcome.as_deref())?;
        let threshold_ns = objectives.threshold(Stage::Queue).unwrap_or(THRESHOLD_NS);
        let met = match end {
            End::Answered => Some(waited_ns <= threshold_ns),
            End::Abandoned => (waited_ns >= short_abandon_ns).then_some(false),
            End::Elsewhere => None,
            End::Waits => (waited_ns > threshold_ns).then_some(false),
        };
        Some(Self { end, waited_ns, threshold_ns, met })
    }
}

impl End {
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Abandoned => "abandoned",
            Self::Elsewhere => "elsewhere",
            Self::Waits => "waiting",
        }
    }
}

impl CallsTally {
    pub(crate) fn new(question: &Question) -> Self {
        let threshold_ns = question.objectives.threshold(Stage::Queue).unwrap_or(THRESHOLD_NS);
        let calls = Calls {
            n: 0,
            answered: 0,
            abandoned: 0,
            short_abandoned: 0,
            elsewhere: 0,
            waiting: 0,
            short_abandon_ns: question.short_abandon_ns,
            service_level: Within { threshold_ns, part: 0, n: 0 },
            answer_time_ns: None,
        };
        Self { calls, waited: 0 }
    }

    pub(crate) fn count(&mut self, call: Call<'_>) {
        let calls = &mut self.calls;
        calls.n += 1;
        let end = end(|stage| call.stretch(stage), call.running(), call.outcome());
        let Some((end, waited)) = end else { return };
        match end {
            End::Answered => {
                calls.answered += 1;
                calls.service_level.part += u64::from(waited <= calls.service_level.threshold_ns);
                self.waited += u128::from(waited);
            }
            End::Abandoned => {
                calls.abandoned += 1;
                calls.short_abandoned += u64::from(waited < calls.short_abandon_ns);
            }
            End::Elsewhere => calls.elsewhere += 1,
            End::Waits => calls.waiting += 1,
        }
    }

    pub(crate) fn finish(mut self) -> Calls {
        let calls = &mut self.calls;
        calls.service_level.n = calls.answered + calls.abandoned - calls.short_abandoned;
        let mean = self.waited.checked_div(u128::from(calls.answered));
        calls.answer_time_ns = mean.and_then(|mean| u64::try_from(mean).ok());
        self.calls
    }
}

impl Calls {
    pub fn offered(&self) -> u64 {
        self.answered + self.abandoned + self.elsewhere + self.waiting
    }

    /// Without those that left soon, who are not counted at all.
    pub fn abandon_rate(&self) -> Option<f64> {
        share(self.abandoned - self.short_abandoned, self.service_level.n)
    }
}

/// Of a call that came to a queue: how that ended, and after which time.
fn end(
    stretch: impl Fn(Stage) -> Option<Stretch>,
    running: bool,
    outcome: Option<&str>,
) -> Option<(End, u64)> {
    let queue = stretch(Stage::Queue)?;
    let alerted = stretch(Stage::Alert).map_or(0, |alert| alert.duration_ns);
    let waited = queue.duration_ns.saturating_add(alerted);
    if let Some(talk) = stretch(Stage::Talk) {
        // Who talked before, and was then queued again, waited as long as the queue and the alerts took.
        let until_talk = talk.start_ns.checked_sub(queue.start_ns);
        return Some((End::Answered, until_talk.unwrap_or(waited)));
    }
    if running {
        return Some((End::Waits, waited));
    }
    let left = matches!(outcome, None | Some("abandoned"));
    let voicemail = stretch(Stage::Voicemail).is_some();
    Some((if left && !voicemail { End::Abandoned } else { End::Elsewhere }, waited))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::key;
    use crate::testing::Sample;
    use crate::testing::sample::SECOND;

    #[test]
    fn one_interaction_beside_the_service_level() {
        let queue = |waits| Sample::new(1, 1).interaction("call").stage(Stage::Queue).at(0, waits);
        let talk = |start| Sample::new(1, 2).stage(Stage::Talk).at(start, 60);
        let left = |waits| queue(waits).with(key::OUTCOME, "abandoned");
        for (samples, told) in [
            (vec![talk(0)], None),
            (vec![queue(10), talk(20)], Some((End::Answered, 20, Some(true)))),
            (vec![queue(10), talk(21)], Some((End::Answered, 21, Some(false)))),
            (vec![left(4)], Some((End::Abandoned, 4, None))),
            (vec![left(5)], Some((End::Abandoned, 5, Some(false)))),
            (vec![queue(50).with(key::OUTCOME, "voicemail")], Some((End::Elsewhere, 50, None))),
            (vec![queue(19).with(key::UNFINISHED, true)], Some((End::Waits, 19, None))),
            (vec![queue(21).with(key::UNFINISHED, true)], Some((End::Waits, 21, Some(false)))),
        ] {
            let spans: Vec<Span> = samples.into_iter().map(Sample::span).collect();
            let facts = Facts::of(&spans);
            let call = Summary::of("call", spans.first().map(|span| (span.trace_id, &facts)));
            let served = Served::of(&call, &spans, &Objectives::default(), 5 * SECOND);
            assert_eq!(served.map(|of| (of.end, of.waited_ns / SECOND, of.met)), told, "{spans:?}");
        }
    }
}
