//! `throughline call`.

mod site;
mod platform;
mod traced;
mod place;
mod transfer;
mod report;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// What every one of these commands ends with.
const EXITS: &str = "Exit codes: 0 done, 1 refused by the service or by the state of the conversation, 2 the command\nline is wrong and nothing was sent, 3 no answer, or one of trouble: it may have been done.";

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline call place --dialect public_api --to tel:+6598765432 --user 5b7e0a52-...\n  throughline call transfer c41e7d90-... --dialect public_api --blind --to-queue 7c1c1f7e-..."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Place an outbound call of Genesys Cloud that carries the trace on.
    Place(Box<place::Arguments>),
    /// Hand a call of Genesys Cloud over, blind or after a consultation, and keep its trace.
    Transfer(Box<transfer::Arguments>),
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match &arguments.what {
        What::Place(arguments) => place::run(arguments),
        What::Transfer(arguments) => transfer::run(arguments),
    }
}
