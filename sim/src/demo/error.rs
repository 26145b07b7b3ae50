//! Why the demonstration cannot go on, and what to do.

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use crate::genesys::scenario::Wrong;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the packages of {} are not installed: run scripts/setup-examples.sh", folder.display())]
    NotInstalled { folder: PathBuf },
    #[error(
        "{program} was not found: install Node 20.6 or later (https://nodejs.org) and run scripts/setup-examples.sh"
    )]
    NoProgram { program: String },
    #[error("the simulated Genesys Cloud cannot be started: {0}")]
    NoSimulator(io::Error),
    #[error("there are no telephones: {0}")]
    NoTelephones(anyhow::Error),
    #[error(transparent)]
    Scenario(#[from] Wrong),
    #[error("no folder for temporary files: {0}")]
    NoScratch(io::Error),
    #[error("{service} cannot be started: {error}")]
    NotStarted { service: &'static str, error: io::Error },
    #[error("{service} ended ({status}); the last it said:\n{last_words}")]
    Ended { service: &'static str, status: ExitStatus, last_words: String },
    #[error("{service} was not ready within {within:?}; the last it said:\n{last_words}")]
    NotReady { service: &'static str, within: Duration, last_words: String },
}
