//! Which OAuth client is meant: those of a configuration, or one by itself.

use std::path::PathBuf;

use clap::Args;
use flow::config::Opaque;
use ingest_genesys::genesys_cloud::Target;
use pipeline::plan::{Plan, findings_as_text};

use crate::commands::run::Configs;
use crate::exit;

/// Where the secret of `--client-id` is.
const SECRET: &str = "GENESYS_CLIENT_SECRET";

#[derive(Args)]
pub(super) struct Client {
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
}

/// The receivers of a configuration with their ids, or a client alone.
pub(super) struct Asked {
    pub(super) targets: Vec<(Option<String>, Target)>,
    pub(super) plan: Option<Plan>,
}

/// Why a command ends before it has done anything.
pub(super) struct Failed {
    pub(super) code: u8,
    pub(super) message: String,
}

impl Client {
    pub(super) fn asked(&self) -> Result<Asked, Failed> {
        let failed = |code, why: String| Failed { code, message: format!("error: {why}") };
        if let (Some(region), Some(client)) = (&self.region, &self.client_id) {
            let secret = std::env::var(SECRET).ok().filter(|secret| !secret.is_empty());
            let secret = secret
                .ok_or_else(|| failed(exit::USAGE, format!("set {SECRET} to the secret of {client}")))?;
            let target = Target::client(region, client, Opaque(secret), self.ca.clone())
                .map_err(|why| failed(exit::USAGE, why))?;
            return Ok(Asked { targets: vec![(None, target)], plan: None });
        }
        if !self.sources.given() {
            let why = "name a configuration with --config, or a client with --region and --client-id";
            return Err(failed(exit::USAGE, why.to_owned()));
        }
        let (plan, findings) = self.sources.plan();
        let wrong = || Failed { code: exit::INPUT, message: findings_as_text(&findings) };
        let plan = plan.ok_or_else(wrong)?;
        let mut targets = Vec::new();
        for receiver in plan.receivers.iter().filter(|receiver| receiver.factory.name == "genesys_cloud") {
            let target = Target::of(&receiver.section)
                .map_err(|why| failed(exit::INPUT, format!("{}: {why}", receiver.id)))?;
            targets.push((Some(receiver.id.clone()), target));
        }
        if targets.is_empty() {
            let why = "no pipeline of this configuration has a receiver `genesys_cloud`";
            return Err(failed(exit::INPUT, why.to_owned()));
        }
        Ok(Asked { targets, plan: Some(plan) })
    }
}

#[expect(clippy::print_stderr, reason = "the answer to a command")]
pub(super) fn complain(message: &str) {
    eprintln!("{message}");
}
