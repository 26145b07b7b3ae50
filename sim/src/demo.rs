//! The whole demonstration: the example services as child processes, and a contact centre that calls them.
//!
//! The services end with this process, however it ends: they stop when their standard input closes.

mod service;
mod error;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::pin;

use tokio::process::Command;

use crate::traffic::{self, Day, Tally, Traffic};

pub use error::Error;

use service::Service;

/// Where things are.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The folder `examples/node-service`, with its packages installed.
    pub node_service: PathBuf,
    /// The folder `examples/python-crm`, with its environment installed.
    pub python_crm: PathBuf,
    /// Where everybody sends OTLP over HTTP.
    pub otlp: SocketAddr,
    /// A PostgreSQL for the CRM; it brings its own SQLite if there is none.
    pub database_url: Option<String>,
    pub day: Day,
}

/// What the demonstration is doing.
#[derive(Clone, Copy, Debug)]
pub enum Progress<'a> {
    Starting {
        service: &'static str,
    },
    Ready {
        service: &'static str,
        address: SocketAddr,
    },
    /// Once a second.
    Calls(&'a Tally),
    Stopping,
}

/// Starts the services, drives calls until all have ended or until `stop`, and ends the services.
pub async fn run(
    demo: &Demo,
    stop: impl Future<Output = ()>,
    mut progress: impl FnMut(Progress<'_>),
) -> Result<Tally, Error> {
    // The CRM's database goes with it even if the CRM has to be killed.
    let scratch = tempfile::tempdir().map_err(Error::NoScratch)?;
    let mut stop = pin!(stop);
    let (mut crm, mut middleware) = tokio::select! {
        started = start(demo, scratch.path(), &mut progress) => started?,
        () = &mut stop => return Ok(Tally::default()),
    };
    let traffic = Traffic { otlp: demo.otlp, data_actions: middleware.address, day: demo.day.clone() };
    let mut died = None;
    let until = async {
        tokio::select! {
            () = stop => {}
            error = crm.ended() => died = Some(error),
            error = middleware.ended() => died = Some(error),
        }
    };
    let tally = traffic::run(&traffic, until, |tally| progress(Progress::Calls(tally))).await;
    progress(Progress::Stopping);
    // The caller before the called, so that the last requests are answered.
    middleware.stop().await;
    crm.stop().await;
    died.map_or(Ok(tally), Err)
}

async fn start(
    demo: &Demo,
    scratch: &Path,
    progress: &mut impl FnMut(Progress<'_>),
) -> Result<(Service, Service), Error> {
    let python = demo.python_crm.join(".venv/bin/python");
    for (folder, part) in
        [(&demo.python_crm, ".venv/.installed"), (&demo.node_service, "node_modules/.installed")]
    {
        if !folder.join(part).exists() {
            return Err(Error::NotInstalled { folder: folder.clone() });
        }
    }
    let mut crm = Command::new(std::path::absolute(&python).unwrap_or(python));
    crm.arg("app.py").current_dir(&demo.python_crm);
    prepare(&mut crm, demo.otlp);
    crm.env("TMPDIR", scratch);
    if let Some(url) = &demo.database_url {
        crm.env("DATABASE_URL", url);
    }
    let crm = ready("crm", crm, progress).await?;

    let mut middleware = Command::new("node");
    middleware.args(["--import", "./tracing.mjs", "server.mjs"]).current_dir(&demo.node_service);
    prepare(&mut middleware, demo.otlp);
    middleware.env("CRM_URL", format!("http://{}", crm.address));
    let middleware = ready("contact-center-backend", middleware, progress).await?;
    Ok((crm, middleware))
}

async fn ready(
    name: &'static str,
    command: Command,
    progress: &mut impl FnMut(Progress<'_>),
) -> Result<Service, Error> {
    progress(Progress::Starting { service: name });
    let service = Service::start(name, command).await?;
    progress(Progress::Ready { service: name, address: service.address });
    Ok(service)
}

/// An environment in which only the demonstration decides where spans and rows go.
fn prepare(command: &mut Command, otlp: SocketAddr) {
    let inherited = std::env::vars_os().map(|(name, _)| name);
    for name in inherited.filter(|name| name.to_string_lossy().starts_with("OTEL_")) {
        command.env_remove(name);
    }
    let loopback = Ipv4Addr::LOCALHOST.to_string();
    command
        .env_remove("DATABASE_URL")
        .env("NO_PROXY", &loopback)
        .env("no_proxy", &loopback)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{otlp}"))
        .env("OTEL_BSP_SCHEDULE_DELAY", "500")
        .env("HOST", &loopback)
        .env("PORT", "0")
        .env("STOP_WITH_STDIN", "1");
}
