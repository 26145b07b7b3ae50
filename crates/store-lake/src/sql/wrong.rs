//! From an error of the engine to one of ours.

use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::parser::ParserError;
use store_api::StoreError;
use store_api::sql::Failed;

use super::meter::Meter;
use super::session::{CATALOG, SCHEMA};

/// What the parser says; its place may stand in the text alone.
pub(super) fn unparsed(error: &DataFusionError) -> Failed {
    let text = match error.find_root() {
        DataFusionError::SQL(error, _) => match error.as_ref() {
            ParserError::ParserError(text) | ParserError::TokenizerError(text) => text.clone(),
            ParserError::RecursionLimitExceeded => "it is nested too deeply".to_owned(),
        },
        other => other.strip_backtrace(),
    };
    let (message, at) = text.split_once(" at Line: ").unwrap_or((&text, ""));
    let told = at.split_once(", Column: ").and_then(|(line, column)| {
        let digits: String = column.chars().take_while(char::is_ascii_digit).collect();
        Some((line.parse().ok()?, digits.parse().ok()?))
    });
    Failed::Wrong { message: message.to_owned(), place: told.or_else(|| place(error)) }
}

fn place(error: &DataFusionError) -> Option<(u64, u64)> {
    let start = error.diagnostic()?.span?.start;
    (start.line > 0).then_some((start.line, start.column))
}

/// What planning or execution says. `memory` is all that SQL may use.
pub(super) fn failed(error: &DataFusionError, meter: &Meter, memory: usize) -> Failed {
    if let Some(breach) = meter.breach() {
        return breach;
    }
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => meter.memory(memory).into(),
        DataFusionError::Internal(_)
        | DataFusionError::IoError(_)
        | DataFusionError::ObjectStore(_)
        | DataFusionError::ParquetError(_)
        | DataFusionError::ExecutionJoin(_) => {
            Failed::Store(StoreError::Bug(format!("SQL failed: {}", error.strip_backtrace())))
        }
        root => match of_store(root) {
            Some(error) => Failed::Store(error),
            None => Failed::Wrong { message: said(&root.strip_backtrace()), place: place(error) },
        },
    }
}

/// What the store said to the engine.
fn of_store(error: &DataFusionError) -> Option<StoreError> {
    let DataFusionError::External(error) = error else { return None };
    Some(match error.downcast_ref()? {
        StoreError::Server { place, why, mend } => {
            StoreError::Server { place: place.clone(), why: why.clone(), mend }
        }
        other => StoreError::Bug(format!("SQL failed: {other}")),
    })
}

/// Without what the engine calls its own stages, and where it keeps our tables.
fn said(text: &str) -> String {
    const STAGES: [&str; 6] = [
        "Error during planning: ",
        "Schema error: ",
        "Execution error: ",
        "Arrow error: ",
        "This feature is not implemented: ",
        "SQL error: ",
    ];
    // What a function says of its arguments, in the middle of what the engine says of the function.
    let own = text.split_once("coercion failed with: ").map_or(text, |(_, own)| own);
    let own = own.split_once(". No function matches").map_or(own, |(own, _)| own);
    let mut own = own.lines().next().unwrap_or(own);
    while let Some(rest) = STAGES.iter().find_map(|stage| own.strip_prefix(stage)) {
        own = rest;
    }
    own.replace(&format!("{CATALOG}.{SCHEMA}."), "")
}
