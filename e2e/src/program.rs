//! A program of `examples/` as a child process: it says on standard output what it does, and ends with its standard input.

use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

/// A first start compiles Python, fills a database, or opens a browser.
const PATIENCE: Duration = Duration::from_secs(90);

/// What to run, in which folder of `examples/`.
pub struct Example {
    folder: PathBuf,
    command: Command,
}

/// A running one; killed when dropped.
pub struct Program {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    complaints: NamedTempFile,
}

impl Example {
    pub fn node(folder: &str, arguments: &[&str]) -> Result<Self> {
        Self::new(folder, "node_modules/.installed", Path::new("node"), arguments)
    }

    pub fn python(folder: &str, arguments: &[&str]) -> Result<Self> {
        let python = examples().join(folder).join(".venv/bin/python");
        Self::new(folder, ".venv/.installed", &python, arguments)
    }

    fn new(folder: &str, installed: &str, program: &Path, arguments: &[&str]) -> Result<Self> {
        let folder = examples().join(folder);
        ensure!(folder.join(installed).exists(), "{}: run scripts/setup-test.sh", folder.display());
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&folder);
        let inherited = std::env::vars_os().map(|(name, _)| name);
        for name in inherited.filter(|name| name.to_string_lossy().starts_with("OTEL_")) {
            command.env_remove(name);
        }
        // A proxy between a test and its own loopback would be a surprise.
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        command.env("HOST", "127.0.0.1").env("PORT", "0").env("STOP_WITH_STDIN", "1");
        Ok(Self { folder, command })
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.command.env(name, value.as_ref());
        self
    }

    pub fn start(mut self) -> Result<Program> {
        let complaints = NamedTempFile::new()?;
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(complaints.reopen()?);
        let name = self.folder.display().to_string();
        let mut child =
            self.command.kill_on_drop(true).spawn().with_context(|| format!("{name} cannot be started"))?;
        let stdin = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().context("no standard output")?).lines();
        Ok(Program { name, child, stdin, lines, complaints })
    }
}

impl Program {
    /// The next line that it prints.
    pub async fn line(&mut self) -> Result<String> {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.with_context(|| format!("{} says nothing: {}", self.name, self.said()))??;
        line.with_context(|| format!("{} says no more: {}", self.name, self.said()))
    }

    /// The address in the line `listening on http://...`.
    pub async fn address(&mut self) -> Result<SocketAddr> {
        let line = self.line().await?;
        let address =
            line.strip_prefix("listening on http://").with_context(|| format!("no address: {line}"))?;
        Ok(address.parse()?)
    }

    /// Gives it a line to read.
    pub async fn tell(&mut self, line: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().context("its standard input is closed")?;
        Ok(stdin.write_all(format!("{line}\n").as_bytes()).await?)
    }

    /// Nothing more to read: a service stops, a filter begins.
    pub fn close_input(&mut self) {
        drop(self.stdin.take());
    }

    /// Closes its input and waits until it has ended well.
    pub async fn end(mut self) -> Result<()> {
        self.close_input();
        let status = timeout(PATIENCE, self.child.wait())
            .await
            .with_context(|| format!("{} does not end", self.name))??;
        ensure!(status.success(), "{} ended with {status}: {}", self.name, self.said());
        Ok(())
    }

    fn said(&self) -> String {
        let mut said = String::new();
        let read = self.complaints.reopen().and_then(|mut file| file.read_to_string(&mut said));
        read.map_or_else(|error| error.to_string(), |_| said)
    }
}

fn examples() -> PathBuf {
    crate::product::root().join("examples")
}
