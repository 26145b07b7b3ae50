//! `tail_sampling` that may hold as much as `memory_limiter` lets in.

use flow::config::{Finding, Node};

use super::Graph;
use crate::plan::components::PROCESSORS;

/// What it holds where nobody says otherwise, in MiB.
const PENDING: u64 = 512;

pub(super) fn add(graph: &Graph<'_>, findings: &mut Vec<Finding>) {
    for path in &graph.service.pipelines {
        let mut processors = graph.part(path, PROCESSORS);
        let Some(limiter) = processors.find(|one| one.factory.name == "memory_limiter") else { continue };
        let limit = number(&limiter.section, "limit_mib").unwrap_or(0);
        let spike =
            number(&limiter.section, "spike_limit_mib").filter(|spike| *spike > 0).unwrap_or(limit / 5);
        let soft = limit.saturating_sub(spike);
        for sampling in processors.filter(|one| one.factory.name == "tail_sampling") {
            let pending = number(&sampling.section, "max_pending_mib").unwrap_or(PENDING);
            if limit == 0 || pending < soft {
                continue;
            }
            let at = sampling.section.get("max_pending_mib").unwrap_or(&sampling.section);
            let message = format!(
                "pending traces may take {pending} MiB, and `{}` refuses data at {soft} MiB: clients are turned away where traces could be decided early",
                limiter.id
            );
            findings.push(
                Finding::advice(at, message).help(format!("set `max_pending_mib` to {} or less", soft / 2)),
            );
        }
    }
}

fn number(section: &Node, key: &str) -> Option<u64> {
    section.get(key)?.parse().ok()
}
