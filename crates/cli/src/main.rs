//! The door: one file for each command; `components.rs` is the one list of components.

mod components;
mod exit;
mod process;
mod logs;
mod commands;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{
    call, components as list, demo, export, genesys, hash_password, hops, query, run, show, simulate,
    simulate_sampling, sip, top, validate,
};

/// Shows where the time of a customer interaction goes, from the SIP INVITE to the SQL statement.
///
/// Throughline runs OpenTelemetry Collector configurations unchanged, keeps what passes, and shows it.
#[derive(Parser)]
#[command(name = "throughline", version, max_term_width = 100)]
#[command(after_help = exit::HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a configuration; without one, the built-in all-in-one.
    Run(run::Arguments),
    /// Say everything that is wrong with a configuration, and show its pipelines.
    Validate(validate::Arguments),
    /// List the components of this binary.
    Components(list::Arguments),
    /// Say which sampling policy would decide on a trace, and why.
    Simulate(simulate_sampling::Arguments),
    /// Run a small contact centre with two real services, and show it.
    Demo(demo::Arguments),
    /// Find the hop of a path that loses trace context, and what mends it.
    Hops(hops::Arguments),
    /// Draw one interaction: who had the call when, and every span below.
    Show(show::Arguments),
    /// Watch the stages of calls, and the calls that run.
    Top(top::Arguments),
    /// Ask the store in SQL.
    Query(query::Arguments),
    /// Take spans out of the store: as OTLP, Parquet or CSV.
    Export(export::Arguments),
    /// Be what the product connects to: a Genesys Cloud to try it with.
    Sim(simulate::Arguments),
    /// Connect to Genesys Cloud: what would not work, and spans of the past.
    Genesys(genesys::Arguments),
    /// Read captures of SIP: the calls in them, as a table or as spans.
    Sip(sip::Arguments),
    /// Place calls and hand them over, with the trace going on at the other end.
    Call(call::Arguments),
    /// Make the hash of a password for a user of the page.
    HashPassword(hash_password::Arguments),
    /// Look after the directory of a store: its size, whether it is sound, and to make it so.
    #[cfg(feature = "lake")]
    Store(commands::store::Arguments),
    /// Make a cluster for long questions in SQL: its scheduler, its executors.
    #[cfg(feature = "ballista")]
    Cluster(commands::cluster::Arguments),
}

#[cfg(feature = "heap-profile")]
#[global_allocator]
static ALLOCATOR: pipeline::extensions::pprof::Allocator = pipeline::extensions::pprof::Allocator;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    process::prepare();
    match arguments.command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Validate(arguments) => validate::run(&arguments),
        Command::Components(arguments) => list::run(&arguments),
        Command::Simulate(arguments) => simulate_sampling::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Hops(arguments) => hops::run(&arguments),
        Command::Show(arguments) => show::run(&arguments),
        Command::Top(arguments) => top::run(&arguments),
        Command::Query(arguments) => query::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Sim(arguments) => simulate::run(&arguments),
        Command::Genesys(arguments) => genesys::run(&arguments),
        Command::Sip(arguments) => sip::run(&arguments),
        Command::Call(arguments) => call::run(&arguments),
        Command::HashPassword(arguments) => hash_password::run(&arguments),
        #[cfg(feature = "lake")]
        Command::Store(arguments) => commands::store::run(&arguments),
        #[cfg(feature = "ballista")]
        Command::Cluster(arguments) => commands::cluster::run(arguments),
    }
}
