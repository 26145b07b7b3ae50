//! Findings and plans as text and as JSON.

use std::fmt;

use flow::config::{Finding, Severity};
use serde_json::{Value, json};

use super::{Component, Pipeline, Plan};

/// By place; of one place, errors first, and each finding once.
pub(super) fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by(|a, b| {
        (&a.mark, a.severity, &a.path, &a.message).cmp(&(&b.mark, b.severity, &b.path, &b.message))
    });
    findings.dedup();
}

/// One finding after another, as compilers print them, and their number.
pub fn findings_as_text(findings: &[Finding]) -> String {
    let mut text: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, advice) = (count(Severity::Error), count(Severity::Advice));
    if !findings.is_empty() {
        let number = |n: usize, one: &str, many: &str| format!("{n} {}", if n == 1 { one } else { many });
        let errors = number(errors, "error", "errors");
        text.push_str(&format!("{errors}, {}\n", number(advice, "piece of advice", "pieces of advice")));
    }
    text
}

pub fn findings_as_json(findings: &[Finding]) -> Value {
    let one = |finding: &Finding| {
        json!({
            "severity": match finding.severity { Severity::Error => "error", Severity::Advice => "advice" },
            "source": &*finding.mark.source,
            "line": finding.mark.line,
            "column": finding.mark.column,
            "path": finding.path,
            "message": finding.message,
            "help": finding.help,
        })
    };
    findings.iter().map(one).collect()
}

impl Plan {
    /// What `validate` prints with `--json`; holds no settings, and so no secrets.
    pub fn as_json(&self) -> Value {
        let components = |list: &[Component]| -> Value {
            list.iter().map(|component| json!({"id": component.id, "type": component.factory.name})).collect()
        };
        let pipeline = |pipeline: &Pipeline| {
            json!({
                "name": pipeline.name,
                "signal": pipeline.signal.name(),
                "receivers": pipeline.receivers,
                "processors": pipeline.processors,
                "exporters": pipeline.exporters,
            })
        };
        json!({
            "receivers": components(&self.receivers),
            "processors": components(&self.processors),
            "exporters": components(&self.exporters),
            "connectors": components(&self.connectors),
            "extensions": components(&self.extensions),
            "pipelines": self.pipelines.iter().map(pipeline).collect::<Value>(),
            "own_metrics": self.telemetry.metrics.addresses,
        })
    }
}

/// The graph: one line for each pipeline, in the order in which data passes.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.pipelines.iter().map(|pipeline| pipeline.name.chars().count()).max().unwrap_or(0);
        for Pipeline { name, receivers, processors, exporters, .. } in &self.pipelines {
            let steps = std::iter::once(receivers.join(", "))
                .chain(processors.iter().cloned())
                .chain([exporters.join(", ")]);
            writeln!(f, "{name:width$}  {}", steps.collect::<Vec<_>>().join(" -> "))?;
        }
        if !self.extensions.is_empty() {
            let ids: Vec<_> = self.extensions.iter().map(|extension| extension.id.as_str()).collect();
            writeln!(f, "extensions: {}", ids.join(", "))?;
        }
        for address in &self.telemetry.metrics.addresses {
            writeln!(f, "own metrics: http://{address}/metrics")?;
        }
        Ok(())
    }
}
