//! `throughline genesys check`.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use flow::config::Opaque;
use ingest_genesys::genesys_cloud::check::{Report, Target, check};
use pipeline::net::endpoint::bind;
use pipeline::plan::{Plan, findings_as_text};

use crate::commands::run::Configs;
use crate::{components, exit};

/// Where the secret of `--client-id` is.
const SECRET: &str = "GENESYS_CLIENT_SECRET";

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline genesys check --config configs/genesys.yaml\n  GENESYS_CLIENT_SECRET=... throughline genesys check --region eu_west_1 --client-id 0a1b... --json\n\nIt makes one notification channel, which cannot be deleted and ends by itself within 24 hours; nothing else is changed.\n\nExit codes: 0 everything works, 1 something will not (or the configuration is wrong), 2 the command line is wrong, 3 it could not be checked."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    sources: Configs,
    /// A region (`eu_west_1`), its domain, or the address of the API, in place of a configuration.
    #[arg(long, requires = "client_id", conflicts_with_all = ["configs", "sets"])]
    region: Option<String>,
    /// The id of an OAuth client; its secret is taken from the environment, GENESYS_CLIENT_SECRET.
    #[arg(long, requires = "region", value_name = "ID")]
    client_id: Option<String>,
    /// Certificates to accept besides the system's, in PEM form.
    #[arg(long, value_name = "FILE", requires = "region")]
    ca: Option<PathBuf>,
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

/// What to check: the receivers of a configuration with its listeners, or a client alone.
struct Asked {
    targets: Vec<(Option<String>, Target)>,
    plan: Option<Plan>,
}

struct Failed {
    code: u8,
    message: String,
}

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let done = asked(arguments).and_then(|asked| {
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

#[expect(clippy::print_stderr, reason = "the answer to a command")]
fn complain(message: &str) {
    eprintln!("{message}");
}

fn asked(arguments: &Arguments) -> Result<Asked, Failed> {
    let usage = |why: String| Failed { code: exit::USAGE, message: format!("error: {why}") };
    if let (Some(region), Some(client)) = (&arguments.region, &arguments.client_id) {
        let secret = std::env::var(SECRET).ok().filter(|secret| !secret.is_empty());
        let secret = secret.ok_or_else(|| usage(format!("set {SECRET} to the secret of {client}")))?;
        let target = Target::client(region, client, Opaque(secret), arguments.ca.clone()).map_err(usage)?;
        return Ok(Asked { targets: vec![(None, target)], plan: None });
    }
    if !arguments.sources.given() {
        return Err(usage(
            "name a configuration with --config, or a client with --region and --client-id".into(),
        ));
    }
    let (plan, findings) = arguments.sources.plan();
    let wrong = || Failed { code: exit::INPUT, message: findings_as_text(&findings) };
    let plan = plan.ok_or_else(wrong)?;
    let receivers = plan.receivers.iter().filter(|receiver| receiver.factory.name == "genesys_cloud");
    let mut targets = Vec::new();
    for receiver in receivers {
        let target = Target::of(&receiver.section)
            .map_err(|why| Failed { code: exit::INPUT, message: format!("error: {}: {why}", receiver.id) })?;
        targets.push((Some(receiver.id.clone()), target));
    }
    if targets.is_empty() {
        let why = "no pipeline of this configuration has a receiver `genesys_cloud`".to_owned();
        return Err(Failed { code: exit::INPUT, message: format!("error: {why}") });
    }
    Ok(Asked { targets, plan: Some(plan) })
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
