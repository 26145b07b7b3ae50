//! The product in the path of calls.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::UdpSocket;

use super::kamailio::answers;
use super::program::Program;

const UNTIL_READY: Duration = Duration::from_secs(30);

/// A running `throughline run` with a receiver `sip`; killed when dropped.
pub struct Edge {
    program: Program,
    pub address: SocketAddr,
}

impl Edge {
    /// Starts the binary with this configuration and environment, and waits until it answers OPTIONS over UDP at `address`,
    /// where the configuration has to listen.
    pub async fn start(
        binary: &Path,
        configuration: &str,
        environment: &[(&str, String)],
        address: SocketAddr,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("config.yaml"), configuration)?;
        let binary = std::path::absolute(binary)?;
        let mut command = Command::new(&binary);
        command.args(["run", "--config", "config.yaml"]).envs(environment.iter().cloned());
        let mut program = Program::start("throughline", command, folder)
            .with_context(|| format!("{} is not there or cannot be run", binary.display()))?;
        let asker = UdpSocket::bind((address.ip(), 0)).await?;
        asker.connect(address).await?;
        program.until(UNTIL_READY, async || answers(&asker, address).await).await?;
        Ok(Self { program, address })
    }

    pub fn pid(&self) -> u32 {
        self.program.pid()
    }

    /// What it has said.
    pub fn said(&self) -> String {
        self.program.file("said")
    }
}
