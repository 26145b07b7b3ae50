//! A child process with its children and its folder.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use std::os::unix::process::CommandExt;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A process group of its own: it goes as a whole, whatever happens to whoever started it.
pub(super) struct Program {
    name: &'static str,
    child: Child,
    folder: TempDir,
}

impl Program {
    /// Starts it in `folder`, with what it says in the file `said` there.
    pub(super) fn start(name: &'static str, mut command: Command, folder: TempDir) -> Result<Self> {
        let said = File::create(folder.path().join("said"))?;
        command
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(said.try_clone()?)
            .stderr(said)
            .process_group(0);
        let child = command.spawn().with_context(|| {
            format!("{name} cannot be started; scripts/setup-test.sh installs SIPp and Kamailio")
        })?;
        Ok(Self { name, child, folder })
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What a file in its folder holds; nothing if there is none.
    pub(super) fn file(&self, name: &str) -> String {
        let bytes = std::fs::read(self.folder().join(name)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until `ready` says so.
    pub(super) async fn until(
        &mut self,
        within: Duration,
        mut ready: impl AsyncFnMut() -> bool,
    ) -> Result<()> {
        let end = Instant::now() + within;
        while !ready().await {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended before it was ready ({status}): {}", self.name, self.last_words());
            }
            if Instant::now() >= end {
                bail!("{} was not ready within {within:?}: {}", self.name, self.last_words());
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    pub(super) async fn ended(&mut self, within: Duration) -> Result<ExitStatus> {
        let end = Instant::now() + within;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if Instant::now() >= end {
                bail!("{} did not end within {within:?}: {}", self.name, self.last_words());
            }
            sleep(LOOK_EVERY).await;
        }
    }

    pub(super) fn last_words(&self) -> String {
        let said = self.file("said");
        let lines: Vec<_> = said.lines().collect();
        let skipped = lines.len().saturating_sub(20);
        lines.into_iter().skip(skipped).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status().ok();
        self.child.wait().ok();
    }
}

/// Whether some process has this port of loopback, as the kernel lists it.
pub(super) fn is_bound(address: SocketAddr, datagrams: bool) -> bool {
    let list = if datagrams { "/proc/net/udp" } else { "/proc/net/tcp" };
    let port = format!(":{:04X}", address.port());
    let listed = std::fs::read_to_string(list).unwrap_or_default();
    // A stream has to listen, which is state 0A.
    listed.lines().filter_map(|line| line.split_once(": ")).any(|(_, rest)| {
        let mut fields = rest.split_whitespace();
        let bound = fields.next().is_some_and(|local| local.ends_with(&port));
        bound && (datagrams || fields.nth(1) == Some("0A"))
    })
}
