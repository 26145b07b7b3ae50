//! A PostgreSQL server for one test: its own folder, its own port, nothing left behind.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// The user that PostgreSQL runs as where the tests run as root, which it refuses: `nobody`.
const NOBODY: u32 = 65534;

/// A running server; stopped when dropped.
pub struct Postgres {
    folder: TempDir,
    tools: PathBuf,
    owner: Option<u32>,
    pub url: String,
}

impl Postgres {
    /// Makes an empty cluster and starts it.
    pub fn start() -> Result<Self> {
        let tools = tools().context("PostgreSQL is not installed: run scripts/setup-test.sh")?;
        let folder = tempfile::tempdir()?;
        let owner = (fs::metadata(folder.path())?.uid() == 0).then_some(NOBODY);
        if owner.is_some() {
            chown(folder.path(), owner, owner)?;
        }
        let port = sim::ports::free()?.port();
        let url = format!("postgresql://crm@127.0.0.1:{port}/postgres");
        let server = Self { folder, tools, owner, url };
        server.run("initdb", &["-D", "data", "-U", "crm", "-A", "trust", "-E", "UTF8", "--no-sync"])?;
        let options = format!("-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=''");
        server.run("pg_ctl", &["start", "-D", "data", "-w", "-l", "log", "-o", &options])?;
        Ok(server)
    }

    fn run(&self, tool: &str, arguments: &[&str]) -> Result<()> {
        let said = self.folder.path().join(format!("{tool}.said"));
        let mut command = Command::new(self.tools.join(tool));
        command.args(arguments).current_dir(&self.folder).stdin(Stdio::null());
        // A file, not a pipe: the server inherits it and would hold a pipe open.
        let output = File::create(&said)?;
        command.stdout(output.try_clone()?).stderr(output);
        if let Some(owner) = self.owner {
            command.uid(owner).gid(owner);
        }
        let status = command.status().with_context(|| format!("{tool} cannot be started"))?;
        ensure!(status.success(), "{tool} ended with {status}: {}", fs::read_to_string(&said)?);
        Ok(())
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Err(error) = self.run("pg_ctl", &["stop", "-D", "data", "-m", "immediate", "-w"]) {
            eprintln!("{error:#}");
        }
    }
}

/// Where the server's programs are: on PATH, or where Debian hides them.
fn tools() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(io::Result::ok);
    let hidden = versions.map(|version| version.path().join("bin"));
    let all = |folder: &PathBuf| ["initdb", "pg_ctl"].iter().all(|tool| Path::join(folder, tool).exists());
    on_path.into_iter().flatten().chain(hidden).find(all)
}
