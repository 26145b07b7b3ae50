//! `throughline components`.

use std::process::ExitCode;

use clap::Args;
use flow::Make;

use crate::{components, exit};

const SECTIONS: [&str; 5] = ["receivers", "processors", "exporters", "connectors", "extensions"];

#[derive(Args)]
#[command(after_help = "Example:\n  throughline components --json")]
pub(crate) struct Arguments {
    /// For programs: one JSON object.
    #[arg(long)]
    json: bool,
}

#[expect(clippy::print_stdout, reason = "the answer to a command")]
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let registry = components::all();
    if arguments.json {
        let section = |section: &str| {
            let list = registry.in_section(section).map(|factory| {
                let signals: Vec<_> = factory.signals.iter().map(|signal| signal.name()).collect();
                let mut entry =
                    serde_json::json!({ "name": factory.name, "aliases": factory.aliases, "signals": signals });
                if let (Make::Connector { gives, .. }, Some(entry)) = (factory.make, entry.as_object_mut()) {
                    let gives = gives.iter().map(|signal| signal.name()).collect();
                    entry.insert("gives".to_owned(), gives);
                }
                entry
            });
            (section.to_owned(), serde_json::Value::Array(list.collect()))
        };
        println!("{}", serde_json::Value::Object(SECTIONS.map(section).into_iter().collect()));
        return exit::OK;
    }
    for section in SECTIONS {
        println!("{section}:");
        for factory in registry.in_section(section) {
            let signals: Vec<_> = factory.signals.iter().map(|signal| signal.name()).collect();
            let gives = match factory.make {
                Make::Connector { gives, .. } => {
                    let gives: Vec<_> = gives.iter().map(|signal| signal.name()).collect();
                    format!(" -> {}", gives.join(", "))
                }
                _ => String::new(),
            };
            println!("  - {:<16} {}{gives}", factory.name, signals.join(", "));
            for alias in factory.aliases {
                println!("    {:<16} (also a name of {})", alias, factory.name);
            }
        }
    }
    exit::OK
}
