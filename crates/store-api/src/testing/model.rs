//! What a store must answer, the slow and obvious way. Shares no code with the stores but the words.

use std::collections::{BTreeMap, BTreeSet};

use throughline_context::TraceId;

use crate::question::{Filter, Recent};
use crate::search::Search;
use crate::span::{Span, StatusCode, key};
use crate::stage::Stage;
use crate::summary::Summary;

/// Every span ever appended, in the order of arrival.
#[derive(Clone, Default, Debug)]
pub struct Model {
    pub appended: Vec<Span>,
}

impl Model {
    /// The spans that count.
    pub fn spans(&self) -> Vec<&Span> {
        let mut kept: Vec<&Span> = Vec::new();
        for span in &self.appended {
            match kept.iter_mut().find(|known| known.identity() == span.identity()) {
                Some(known) if span.revision() > known.revision() => *known = span,
                Some(_) => {}
                None => kept.push(span),
            }
        }
        kept.sort_by(|a, b| (a.start_ns, a.identity()).cmp(&(b.start_ns, b.identity())));
        kept
    }

    pub fn traces(&self) -> BTreeSet<TraceId> {
        self.appended.iter().map(|span| span.trace_id).collect()
    }

    pub fn trace(&self, id: TraceId) -> Vec<&Span> {
        self.spans().into_iter().filter(|span| span.trace_id == id).collect()
    }

    pub fn interactions(&self) -> BTreeSet<String> {
        self.spans().into_iter().filter_map(|span| Some(span.interaction()?.into_owned())).collect()
    }

    pub fn interaction(&self, id: &str) -> Vec<&Span> {
        let spans = self.spans();
        let carriers = spans.iter().filter(|span| span.interaction().is_some_and(|carried| carried == id));
        let traces: BTreeSet<TraceId> = carriers.map(|span| span.trace_id).collect();
        spans.into_iter().filter(|span| traces.contains(&span.trace_id)).collect()
    }

    pub fn summary(&self, id: &str) -> Summary {
        let spans = self.interaction(id);
        let distinct = |texts: Vec<&str>| {
            let mut seen: Vec<String> = Vec::new();
            for text in texts {
                if !seen.iter().any(|known| known == text) {
                    seen.push(text.to_owned());
                }
            }
            seen
        };
        // Sorted by start and then by value, which is how ties are settled.
        let values = |key: &str| {
            let mut values: Vec<_> =
                spans.iter().filter_map(|span| Some((span.start_ns, span.text(key)?))).collect();
            values.sort_unstable();
            distinct(values.into_iter().map(|(_, value)| value).collect())
        };
        let mut services: Vec<_> = spans.iter().map(|span| span.resource.service()).collect();
        services.sort_unstable();
        let mut stages: Vec<(u64, Stage)> =
            spans.iter().filter_map(|span| Some((span.start_ns, span.stage()?))).collect();
        stages.sort_unstable();
        let mut stage_order = Vec::new();
        for (_, stage) in stages {
            if !stage_order.contains(&stage) {
                stage_order.push(stage);
            }
        }
        let total = |stage: Stage| {
            spans.iter().filter(|span| span.stage() == Some(stage)).map(|span| span.duration_ns).sum()
        };
        let regions = spans.iter().filter_map(|span| {
            let (source, region) = span.region()?;
            Some((source, span.start_ns, region))
        });
        let outcomes = spans.iter().filter_map(|span| Some((span.end_ns(), span.text(key::OUTCOME)?)));
        let mut trace_ids: Vec<(u64, TraceId)> = Vec::new();
        for span in &spans {
            if !trace_ids.iter().any(|(_, known)| *known == span.trace_id) {
                trace_ids.push((span.start_ns, span.trace_id));
            }
        }
        trace_ids.sort_unstable();
        let mut names = BTreeMap::new();
        for (agent, name) in
            spans.iter().filter_map(|span| span.text(key::AGENT).zip(span.text(key::AGENT_NAME)))
        {
            let known = names.entry(agent.to_owned()).or_insert_with(|| name.to_owned());
            *known = name.to_owned().min(known.clone());
        }
        let mut open: Vec<_> =
            spans.iter().filter(|span| !span.finished()).map(|span| (span.stage(), span.end_ns())).collect();
        open.sort_unstable();
        Summary {
            id: id.to_owned(),
            start_ns: spans.iter().map(|span| span.start_ns).min().unwrap_or(u64::MAX),
            end_ns: spans.iter().map(|span| span.end_ns()).max().unwrap_or(0),
            channel: values(key::CHANNEL).into_iter().next(),
            direction: values(key::DIRECTION).into_iter().next(),
            region: regions.min().map(|(_, _, region)| region.to_owned()),
            queues: values(key::QUEUE),
            agents: values(key::AGENT),
            names,
            outcome: outcomes.max().map(|(_, outcome)| outcome.to_owned()),
            span_count: spans.len() as u64,
            error_count: spans.iter().filter(|span| span.status.code == StatusCode::Error).count() as u64,
            services: distinct(services),
            stages: stage_order.into_iter().map(|stage| (stage, total(stage))).collect(),
            trace_ids: trace_ids.into_iter().map(|(_, trace)| trace).collect(),
            open,
        }
    }

    /// All pages of a list as one.
    pub fn recent(&self, question: &Recent) -> Vec<Summary> {
        let mut found: Vec<Summary> = self.interactions().iter().map(|id| self.summary(id)).collect();
        found.retain(|summary| {
            question.range.from <= summary.start_ns && summary.start_ns < question.range.to
        });
        let exact = question.filter.q.as_ref().and_then(Search::word);
        let exact = exact.filter(|q| found.iter().any(|summary| names(summary, q)));
        if let Some(exact) = exact {
            found.retain(|summary| names(summary, exact));
        }
        let search = question.filter.q.as_ref().filter(|_| exact.is_none());
        found.retain(|summary| {
            search.is_none_or(|search| search.holds(summary, &self.interaction(&summary.id)))
        });
        found.retain(|summary| holds(&question.filter, summary));
        found.sort_by_key(|summary| (std::cmp::Reverse(summary.start_ns), summary.id.clone()));
        found
    }
}

fn names(summary: &Summary, q: &str) -> bool {
    summary.id == q || summary.trace_ids.iter().any(|trace| trace.to_string() == q)
}

fn holds(filter: &Filter, summary: &Summary) -> bool {
    let text = |wanted: &Option<String>, value: &Option<String>| match wanted {
        Some(wanted) => value.as_ref() == Some(wanted),
        None => true,
    };
    let list = |wanted: &Option<String>, values: &Vec<String>| match wanted {
        Some(wanted) => values.contains(wanted),
        None => true,
    };
    text(&filter.region, &summary.region)
        && text(&filter.channel, &summary.channel)
        && text(&filter.outcome, &summary.outcome)
        && list(&filter.queue, &summary.queues)
        && list(&filter.agent, &summary.agents)
        && list(&filter.service, &summary.services)
        && filter.stage.is_none_or(|stage| summary.stages.iter().any(|(known, _)| *known == stage))
        && filter.min_duration_ns.is_none_or(|least| summary.end_ns - summary.start_ns >= least)
        && (!filter.errors || summary.error_count > 0)
}
