//! Which organisation, and whose token.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use flow::config::Opaque;
use ingest_genesys::genesys_cloud::tls;
use ingest_genesys::platform::{Base, Credentials, Grant, Platform, Settings};
use throughline_sdk::genesys::calls::{Dialect, Identity};

const REGION: &str = "GENESYS_REGION";
const CLIENT_ID: &str = "GENESYS_CLIENT_ID";
const SECRET: &str = "GENESYS_CLIENT_SECRET";
const TOKEN: &str = "GENESYS_ACCESS_TOKEN";

#[derive(Args)]
pub(super) struct Site {
    /// A region (`eu_west_1`), its domain, or the address of the API; else GENESYS_REGION.
    #[arg(long)]
    region: Option<String>,
    /// The id of an OAuth client of the grant "Client Credentials"; else GENESYS_CLIENT_ID.
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// A file with the secret of the client; else the secret is GENESYS_CLIENT_SECRET.
    #[arg(long, value_name = "FILE")]
    client_secret_file: Option<PathBuf>,
    /// A file with the token of a user who has logged in, in place of a client; else GENESYS_ACCESS_TOKEN.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["client_id", "client_secret_file"])]
    token_file: Option<PathBuf>,
    /// The form of requests for calls, `public_api` or `pages`; it is never found out by calling.
    #[arg(long)]
    pub(super) dialect: Dialect,
    /// Certificates to accept besides the system's, in PEM form.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Seconds that one request may take.
    #[arg(long, default_value_t = 30, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// Where spans go by OTLP over HTTP; else where the variables OTEL_EXPORTER_OTLP_* say, or http://localhost:4318.
    #[arg(long, value_name = "URL")]
    pub(super) otlp: Option<String>,
    /// For programs: one JSON object.
    #[arg(long)]
    pub(super) json: bool,
}

impl Site {
    /// The platform, and whose token it is asked with. Nothing is sent yet.
    pub(super) fn open(&self, set: &impl Fn(&str) -> Option<String>) -> Result<(Platform, Identity), String> {
        let region = self.region.clone().or_else(|| set(REGION));
        let region = region.ok_or_else(|| format!("name the region with --region or {REGION}"))?;
        let base = Base::of(&region).map_err(|error| error.to_string())?;
        let (grant, identity) = self.grant(set)?;
        let settings = Settings { timeout: Duration::from_secs(self.timeout), ..Settings::new(base, grant) };
        let tls = tls::config(self.ca.as_deref())?;
        let platform = Platform::new(settings, tls).map_err(|error| error.to_string())?;
        Ok((platform, identity))
    }

    /// Where spans go, for people.
    pub(super) fn collector(&self, set: &impl Fn(&str) -> Option<String>) -> String {
        let variables = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
        let named = self.otlp.clone().or_else(|| variables.into_iter().find_map(set));
        named.unwrap_or_else(|| "http://localhost:4318".to_owned())
    }

    /// The command line before the environment; two in the same place are one too many.
    fn grant(&self, set: &impl Fn(&str) -> Option<String>) -> Result<(Grant, Identity), String> {
        if let Some(file) = &self.token_file {
            return Ok((Grant::Token(read(file)?), Identity::User));
        }
        let client = match (&self.client_id, set(CLIENT_ID), set(TOKEN)) {
            (Some(client), ..) => client.clone(),
            (None, Some(_), Some(_)) => {
                return Err(format!("{CLIENT_ID} and {TOKEN} are both set: unset one, or say --client-id"));
            }
            (None, None, Some(token)) => return Ok((Grant::Token(Opaque(token)), Identity::User)),
            (None, Some(client), None) => client,
            (None, None, None) => {
                return Err(format!(
                    "name an OAuth client with --client-id or {CLIENT_ID}, or the token of a user with --token-file or {TOKEN}"
                ));
            }
        };
        let client_secret = match &self.client_secret_file {
            Some(file) => read(file)?,
            None => Opaque(set(SECRET).ok_or_else(|| {
                format!(
                    "set {SECRET} to the secret of the client, or name its file with --client-secret-file"
                )
            })?),
        };
        Ok((Grant::Client(Credentials { client_id: client, client_secret }), Identity::Client))
    }
}

fn read(file: &Path) -> Result<Opaque, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let secret = text.trim();
    if secret.is_empty() {
        return Err(format!("{} is empty", file.display()));
    }
    Ok(Opaque(secret.to_owned()))
}

/// A variable of the environment that is not empty.
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
