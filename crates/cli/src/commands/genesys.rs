//! `throughline genesys`.

mod client;
mod check;
mod backfill;

use std::process::ExitCode;

use clap::{Args, Subcommand};

#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Say what will not work with Genesys Cloud before anything runs, and what mends it.
    Check(check::Arguments),
    /// Make spans of past conversations, and send them on; started again, it goes on where it stopped.
    Backfill(backfill::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match &arguments.what {
        What::Check(arguments) => check::run(arguments),
        What::Backfill(arguments) => backfill::run(arguments),
    }
}
