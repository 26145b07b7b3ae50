//! `throughline hash-password`.

use std::io::{BufRead, Read};
use std::process::ExitCode;

use clap::Args;

use crate::exit;

/// Bytes of a password that the page takes.
const LONGEST: u64 = 1024;

#[derive(Args)]
#[command(
    after_help = "Example:\n  throughline hash-password < password.txt\n\nThe password is the first line of the input, so that no list of processes and no history of a shell shows it. The hash goes \
                  to `auth: {users: [{name: ..., password_hash: ..., role: viewer}]}` of the extension `view`."
)]
pub(crate) struct Arguments {}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "the answer to a command")]
pub(crate) fn run(_: &Arguments) -> ExitCode {
    let mut line = String::new();
    let read = std::io::stdin().lock().take(LONGEST + 2).read_line(&mut line);
    let password = line.trim_end_matches(['\r', '\n']);
    let wrong = match read {
        Err(error) => format!("the password cannot be read: {error}"),
        Ok(_) if password.is_empty() => "there is no password on the first line of the input".to_owned(),
        Ok(_) if password.len() as u64 > LONGEST => format!("a password has at most {LONGEST} bytes"),
        Ok(_) => match view_api::hash_password(password) {
            Ok(hash) => {
                println!("{hash}");
                return exit::OK;
            }
            Err(why) => why,
        },
    };
    eprintln!("error: {wrong}");
    ExitCode::from(exit::INPUT)
}
