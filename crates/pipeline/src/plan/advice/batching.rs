//! `batch` that waits too short or too long, and `memory_limiter` that comes too late.

use std::time::Duration;

use flow::config::{Finding, GoDuration, Value};

use super::Graph;
use crate::plan::components::PROCESSORS;
use crate::plan::id;

const TOO_SHORT: Duration = Duration::from_millis(100);
const TOO_LONG: Duration = Duration::from_secs(5);
const LIMITER: &str = "memory_limiter";

pub(super) fn add(graph: &Graph<'_>, findings: &mut Vec<Finding>) {
    for batch in graph.used(PROCESSORS).filter(|component| component.factory.name == "batch") {
        // A bare number draws advice of its own.
        let timeout = batch.section.get("timeout").filter(|node| !matches!(node.value, Value::Int(_)));
        let Some((node, timeout)) = timeout.and_then(|node| Some((node, node.parse::<GoDuration>().ok()?)))
        else {
            continue;
        };
        if timeout.get() <= TOO_SHORT {
            findings.push(
                Finding::advice(
                    node,
                    format!("sending after {timeout} makes many small requests, which backends throttle"),
                )
                .help("1s balances the number of requests and the delay for most contact centres"),
            );
        } else if timeout.get() >= TOO_LONG {
            findings.push(
                Finding::advice(
                    node,
                    format!("spans wait up to {timeout} here, too long for alerts on live calls"),
                )
                .help("1s balances the number of requests and the delay for most contact centres"),
            );
        }
    }
    for path in graph.service.pipelines.iter().filter(|path| !graph.only_connected(path)) {
        // By what is written: a limiter that this program does not know is an error of its own.
        let is_limiter = |id: &str| id::parse(id).is_ok_and(|id| id.kind == LIMITER);
        let mut processors = path.part(PROCESSORS).iter().enumerate();
        match processors.find(|(_, reference)| is_limiter(reference.id)) {
            Some((0, _)) => {}
            Some((_, reference)) => findings.push(
                Finding::advice(reference.node, format!("`{}` is not the first processor", reference.id))
                    .help("put it first: only there it refuses data before memory is spent on it"),
            ),
            None => findings.push(
                Finding::advice(
                    path.node,
                    "no `memory_limiter` guards this pipeline against a surge of calls",
                )
                .help("make it the first of the processors"),
            ),
        }
    }
}
