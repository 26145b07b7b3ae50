//! One interaction in a line: what the list shows and the filters look at.

use std::collections::BTreeMap;

use throughline_context::TraceId;

use crate::facts::Facts;
use crate::stage::Stage;

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Summary {
    pub id: String,
    pub start_ns: u64,
    pub end_ns: u64,
    pub channel: Option<String>,
    pub direction: Option<String>,
    pub region: Option<String>,
    /// In the order of first start, as the agents.
    pub queues: Vec<String>,
    pub agents: Vec<String>,
    /// Of agents, by their ids.
    pub names: BTreeMap<String, String>,
    pub outcome: Option<String>,
    pub span_count: u64,
    pub error_count: u64,
    /// In the order of their names.
    pub services: Vec<String>,
    /// In the order of first start; the durations of one stage are summed.
    pub stages: Vec<(Stage, u64)>,
    /// In the order of their start.
    pub trace_ids: Vec<TraceId>,
    /// Spans that go on: their stages, and up to when they have been told.
    pub open: Vec<(Option<Stage>, u64)>,
}

impl Summary {
    /// From the facts of all traces of an interaction; pure.
    pub fn of<'a>(id: &str, traces: impl IntoIterator<Item = (TraceId, &'a Facts)>) -> Self {
        let mut trace_ids = Vec::new();
        let mut all = Facts::default();
        for (trace, facts) in traces {
            trace_ids.push((facts.start_ns, trace));
            all.join(facts);
        }
        trace_ids.sort_unstable();
        let mut stages: Vec<_> = all.stages.iter().collect();
        stages.sort_by_key(|(stage, stretch)| (stretch.start_ns, **stage));
        Self {
            id: id.to_owned(),
            start_ns: all.start_ns,
            end_ns: all.end_ns,
            channel: all.channel.map(|(_, value)| value.as_ref().to_owned()),
            direction: all.direction.map(|(_, value)| value.as_ref().to_owned()),
            region: all.region.map(|(_, _, value)| value.as_ref().to_owned()),
            queues: all.queues.in_order(),
            agents: all.agents.in_order(),
            names: all.names.iter().map(|(agent, name)| (agent.to_string(), name.to_string())).collect(),
            outcome: all.outcome.map(|(_, value)| value.as_ref().to_owned()),
            span_count: all.spans,
            error_count: all.errors,
            services: all.services.in_order(),
            stages: stages.into_iter().map(|(stage, stretch)| (*stage, stretch.duration_ns)).collect(),
            trace_ids: trace_ids.into_iter().map(|(_, trace)| trace).collect(),
            open: all.open,
        }
    }

    /// Something goes on.
    pub fn running(&self) -> bool {
        !self.open.is_empty()
    }

    /// The same at a later time, up to which goes on what went on.
    #[must_use]
    pub fn as_of(mut self, now_ns: u64) -> Self {
        for (open, end) in &mut self.open {
            let more = now_ns.saturating_sub(*end);
            *end += more;
            self.end_ns = self.end_ns.max(*end);
            let stages = self.stages.iter_mut().filter(|(stage, _)| Some(*stage) == *open);
            stages.for_each(|(_, duration)| *duration = duration.saturating_add(more));
        }
        self
    }

    pub fn duration_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    /// How long the caller waited: queue, alert, hold, park.
    pub fn waited_ns(&self) -> u64 {
        self.sum(Stage::waits)
    }

    /// How long agents worked: talk, consult, wrap-up.
    pub fn worked_ns(&self) -> u64 {
        self.sum(Stage::works)
    }

    fn sum(&self, counts: fn(Stage) -> bool) -> u64 {
        let durations = self.stages.iter().filter(|(stage, _)| counts(*stage)).map(|(_, duration)| *duration);
        durations.fold(0, u64::saturating_add)
    }
}
