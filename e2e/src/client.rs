//! The SDK programs of `clients/`: what the field's own libraries send, and what they say about it.
//!
//! They need what `scripts/setup-clients.sh` installs.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;
use tokio::process::Command;
use tokio::time::timeout;

use crate::Span;

const WITHIN: Duration = Duration::from_secs(120);

/// A real SDK and the way it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    NodeJson,
    NodeProtobuf,
    NodeGrpc,
    /// The guide's snippet, which sends JSON and has the interaction's id in the resource; spans only.
    NodeGuide,
    PythonProtobuf,
    PythonGrpc,
}

/// What a client says it sent, and that its SDK says was taken.
#[derive(Clone, Debug, Deserialize)]
pub struct Sent {
    pub spans: Vec<Span>,
    /// The names of the metrics.
    pub metrics: Vec<String>,
    /// The bodies of the log records.
    pub logs: Vec<String>,
}

impl Client {
    pub const ALL: [Self; 6] = [
        Self::NodeJson,
        Self::NodeProtobuf,
        Self::NodeGrpc,
        Self::NodeGuide,
        Self::PythonProtobuf,
        Self::PythonGrpc,
    ];

    /// Sends its known telemetry to one of these, with `run` as the interaction's id; fails unless all was taken.
    pub async fn send(self, http: SocketAddr, grpc: SocketAddr, run: &str) -> anyhow::Result<Sent> {
        let (http, grpc) = (format!("http://{http}"), format!("http://{grpc}"));
        let traces = format!("{http}/v1/traces");
        let (folder, arguments): (_, &[&str]) = match self {
            Self::NodeJson => ("node", &["send.mjs", "http/json", &http, run]),
            Self::NodeProtobuf => ("node", &["send.mjs", "http/protobuf", &http, run]),
            Self::NodeGrpc => ("node", &["send.mjs", "grpc", &grpc, run]),
            Self::NodeGuide => ("node", &["guide.cjs", &traces, run]),
            Self::PythonProtobuf => ("python", &["send.py", "http/protobuf", &http, run]),
            Self::PythonGrpc => ("python", &["send.py", "grpc", &grpc, run]),
        };
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(folder);
        let (program, installed) = match self {
            Self::PythonProtobuf | Self::PythonGrpc => (folder.join(".venv/bin/python"), ".venv/.installed"),
            _ => ("node".into(), "node_modules/.installed"),
        };
        ensure!(folder.join(installed).exists(), "{}: run scripts/setup-clients.sh", folder.display());
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
        // A proxy between a test and its own loopback would be a surprise.
        command.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1");
        let output = timeout(WITHIN, command.output())
            .await
            .with_context(|| format!("{self:?} did not end within {WITHIN:?}"))?
            .with_context(|| format!("{} cannot be started", program.display()))?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{self:?} ended with {}: {said}", output.status);
        serde_json::from_slice(&output.stdout).with_context(|| format!("{self:?} printed no account: {said}"))
    }
}
