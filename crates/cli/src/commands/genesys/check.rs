//! `throughline genesys check`.

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use ingest_genesys::genesys_cloud::check::{Report, check};
use pipeline::net::endpoint::bind;
use pipeline::plan::Plan;

use super::client::{Asked, Client, Failed, complain};
use crate::{components, exit};

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline genesys check --config configs/genesys.yaml\n  GENESYS_CLIENT_SECRET=... throughline genesys check --region eu_west_1 --client-id 0a1b... --json\n\nIt makes one notification channel, which cannot be deleted and ends by itself within 24 hours; nothing else is changed.\n\nExit codes: 0 everything works, 1 something will not (or the configuration is wrong), 2 the command line is wrong, 3 it could not be checked."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    client: Client,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let done = arguments.client.asked().and_then(|asked| {
        let failed =
            |error: anyhow::Error| Failed { code: exit::FAILED, message: format!("error: {error:#}") };
        tell(&asked, arguments.json).map_err(failed)
    });
    match done {
        Ok(true) => exit::OK,
        Ok(false) => ExitCode::from(exit::INPUT),
        Err(Failed { code, message }) => {
            complain(&message);
            ExitCode::from(code)
        }
    }
}

/// Checks and says it; true where nothing fails.
fn tell(asked: &Asked, json: bool) -> anyhow::Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let report = runtime.block_on(async {
        let mut all = Report::default();
        for (id, target) in &asked.targets {
            if let Some(id) = id {
                all.note("receiver", id.clone());
            }
            all.lines.extend(check(target).await.lines);
        }
        if let Some(plan) = &asked.plan {
            ports(plan, &mut all).await;
        }
        all
    });
    let text = if json { format!("{}\n", report.to_json()) } else { report.to_string() };
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(report.sound()),
    }
}

/// Listens for a moment wherever the configuration would.
async fn ports(plan: &Plan, report: &mut Report) {
    for (id, endpoint) in listeners(plan) {
        let what = format!("port of {id}");
        match bind(&components::context().named(&id), "a moment", &endpoint).await {
            Ok(_) => report.ok(&what, format!("{endpoint} is free")),
            Err(error) => report.fail(&what, error.to_string(), ""),
        }
    }
}

/// Each component that listens, and where.
fn listeners(plan: &Plan) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for receiver in plan.receivers.iter().filter(|receiver| receiver.factory.name == "otlp") {
        let Some(protocols) = receiver.section.get("protocols") else { continue };
        for (protocol, usual) in [("grpc", "localhost:4317"), ("http", "localhost:4318")] {
            let Some(protocol) = protocols.get(protocol) else { continue };
            let endpoint = protocol.get("endpoint").and_then(|endpoint| endpoint.text());
            found.push((receiver.id.clone(), endpoint.unwrap_or(usual).to_owned()));
        }
    }
    let bridges = plan.receivers.iter().filter(|receiver| receiver.factory.name == "eventbridge");
    for receiver in bridges {
        let endpoint = receiver.section.get("endpoint").and_then(|endpoint| endpoint.text());
        found.push((receiver.id.clone(), endpoint.unwrap_or("127.0.0.1:7720").to_owned()));
    }
    let clouds = plan.receivers.iter().filter(|receiver| receiver.factory.name == "genesys_cloud");
    for receiver in clouds {
        let Some(subscribe) = receiver.section.get("subscribe") else { continue };
        let endpoint = subscribe.get("endpoint").and_then(|endpoint| endpoint.text());
        found.push((receiver.id.clone(), endpoint.unwrap_or("127.0.0.1:7721").to_owned()));
    }
    for extension in &plan.extensions {
        let usual = match extension.factory.name {
            "health_check" => "localhost:13133",
            "view" => "127.0.0.1:7717",
            "pprof" => "localhost:1777",
            "zpages" => "localhost:55679",
            _ => continue,
        };
        let endpoint = extension.section.get("endpoint").and_then(|endpoint| endpoint.text());
        found.push((extension.id.clone(), endpoint.unwrap_or(usual).to_owned()));
    }
    let own = plan.telemetry.metrics.addresses.iter();
    found.extend(own.map(|address| ("own metrics".to_owned(), address.clone())));
    found
}
