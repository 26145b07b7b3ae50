//! Exit codes.

use std::process::ExitCode;

pub(crate) const OK: ExitCode = ExitCode::SUCCESS;
/// The configuration or other input is wrong.
pub(crate) const INPUT: u8 = 1;
/// The command line is wrong; `clap` ends with the same.
pub(crate) const USAGE: u8 = 2;
/// It could not start, or it failed while running.
pub(crate) const FAILED: u8 = 3;

pub(crate) const HELP: &str = "Exit codes: 0 done, 1 the configuration is wrong, 2 the command line is wrong, 3 it could not start or failed.";
