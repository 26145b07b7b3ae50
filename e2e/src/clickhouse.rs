//! The engine of ClickHouse for one test: the stand-in for its server that the tests of `store-clickhouse` have.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::product::root;

/// A running server; stopped when dropped.
pub struct ClickHouse {
    directory: TempDir,
    child: Child,
    port: u16,
    pub url: String,
    pub password: &'static str,
}

const PASSWORD: &str = "secret of a test";

impl ClickHouse {
    /// With nothing in it.
    pub fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let (child, port) = run(&directory, 0)?;
        Ok(Self { directory, child, port, url: format!("http://127.0.0.1:{port}"), password: PASSWORD })
    }

    pub fn kill(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// At the same address, with what was there.
    pub fn start_again(&mut self) -> Result<()> {
        (self.child, self.port) = run(&self.directory, self.port)?;
        Ok(())
    }
}

impl Drop for ClickHouse {
    fn drop(&mut self) {
        if let Err(error) = self.kill() {
            eprintln!("{error:#}");
        }
    }
}

fn run(directory: &TempDir, port: u16) -> Result<(Child, u16)> {
    let crates = root().join("crates");
    let python = crates.join("store-lake/tests/engines/.venv/bin/python");
    ensure!(python.exists(), "the engine of ClickHouse is not installed: run scripts/setup-test.sh");
    let mut command = Command::new(python);
    command.arg(crates.join("store-clickhouse/tests/clickhouse/server.py")).arg(directory.path());
    command.arg(port.to_string()).env("SHIM_PASSWORD", PASSWORD).stdout(Stdio::piped());
    let mut child = command.spawn().context("starting the server")?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("it has no output")?).read_line(&mut line)?;
    Ok((child, line.trim().parse().with_context(|| format!("the server said {line:?}"))?))
}
