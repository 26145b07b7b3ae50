//! `throughline validate`.

use std::process::ExitCode;

use clap::Args;
use pipeline::plan::{findings_as_json, findings_as_text};

use super::run::Configs;
use crate::exit;

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline validate --config guide.yaml\n\nExit code 0 where `run` would start (advice does not count), 1 where it would not."
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    sources: Configs,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "the answer to a command")]
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let (plan, findings) = arguments.sources.plan();
    if arguments.json {
        let graph = plan.as_ref().map(pipeline::plan::Plan::as_json);
        println!(
            "{}",
            serde_json::json!({ "valid": plan.is_some(), "findings": findings_as_json(&findings), "plan": graph })
        );
    } else {
        if !findings.is_empty() {
            println!("{}", findings_as_text(&findings));
        }
        if let Some(plan) = &plan {
            println!("{plan}");
        }
    }
    if plan.is_some() { exit::OK } else { ExitCode::from(exit::INPUT) }
}
