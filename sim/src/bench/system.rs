//! The system under test: a program that is started, waited for, looked at and stopped.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::usage::Usage;
use crate::ports;

const UNTIL_READY: Duration = Duration::from_secs(30);
const UNTIL_STOPPED: Duration = Duration::from_secs(30);

/// How to start it.
#[derive(Clone, Debug)]
pub struct System {
    pub name: String,
    pub binary: PathBuf,
    /// Before `--config FILE`.
    pub arguments: Vec<String>,
}

impl System {
    /// Our own binary.
    pub fn throughline(binary: PathBuf) -> Self {
        Self { name: "throughline".into(), binary, arguments: vec!["run".into()] }
    }

    /// Any collector that takes `--config`.
    pub fn peer(binary: PathBuf) -> Self {
        let name =
            binary.file_name().map_or_else(|| "peer".into(), |name| name.to_string_lossy().into_owned());
        Self { name, binary, arguments: Vec::new() }
    }

    /// Starts it on free ports, with what it says in `log`.
    pub fn start(&self, config: &Path, settings: &Settings, log: &Path) -> Result<Running> {
        let out = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let ports = Ports::free()?;
        let child = Command::new(&self.binary)
            .args(&self.arguments)
            .arg("--config")
            .arg(config)
            .env("BENCH_GRPC", ports.grpc.to_string())
            .env("BENCH_HTTP", ports.http.to_string())
            .env("BENCH_TELEMETRY_PORT", ports.telemetry.port().to_string())
            .env("BENCH_SINK", settings.sink.to_string())
            .env("BENCH_COMPRESSION", settings.compression)
            .env("BENCH_LIMIT_MIB", settings.limit_mib.to_string())
            .env("BENCH_SPIKE_MIB", (settings.limit_mib / 5).to_string())
            .env("BENCH_SLOW_MS", settings.slow_ms.to_string())
            .env("BENCH_JOURNAL", &settings.journal)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", self.binary.display()))?;
        let pid = child.id().context("the process ended at once")?;
        Ok(Running { child, pid, ports, log: log.to_owned() })
    }
}

/// What the configuration file takes from the environment, apart from the ports.
#[derive(Clone, Debug)]
pub struct Settings {
    pub sink: SocketAddr,
    pub compression: &'static str,
    pub limit_mib: u32,
    /// What tail sampling takes for slow.
    pub slow_ms: u32,
    /// A directory that is not there yet.
    pub journal: PathBuf,
}

/// Where the system listens.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub grpc: SocketAddr,
    pub http: SocketAddr,
    pub telemetry: SocketAddr,
}

impl Ports {
    fn free() -> Result<Self> {
        let [grpc, http, telemetry] = ports::several()?;
        Ok(Self { grpc, http, telemetry })
    }
}

/// It runs. It is killed when dropped.
pub struct Running {
    child: Child,
    pid: u32,
    pub ports: Ports,
    log: PathBuf,
}

impl Running {
    /// Waits until both receivers accept connections.
    pub async fn ready(&mut self) -> Result<()> {
        let ports = self.ports;
        let listening = async {
            while TcpStream::connect(ports.grpc).await.is_err()
                || TcpStream::connect(ports.http).await.is_err()
            {
                sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = listening => Ok(()),
            ended = self.child.wait() => bail!("it ended before it was ready ({}):\n{}", ended?, self.last_words()),
            () = sleep(UNTIL_READY) => bail!("not ready after {UNTIL_READY:?}:\n{}", self.last_words()),
        }
    }

    pub fn usage(&self) -> Result<Usage> {
        Usage::of(self.pid).with_context(|| format!("the system under test is gone:\n{}", self.last_words()))
    }

    /// Asks it to end, as an operator would, and waits until it has.
    pub async fn stop(mut self) -> Result<()> {
        let asked = Command::new("kill").arg("-TERM").arg(self.pid.to_string()).status().await?;
        if !asked.success() {
            bail!("it ended on its own:\n{}", self.last_words());
        }
        match timeout(UNTIL_STOPPED, self.child.wait()).await {
            Ok(ended) => ended.map(drop).context("cannot wait for its end"),
            Err(_) => bail!("it did not stop within {UNTIL_STOPPED:?} of SIGTERM:\n{}", self.last_words()),
        }
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines.len().saturating_sub(20);
        lines.into_iter().skip(last).collect::<Vec<_>>().join("\n")
    }
}
