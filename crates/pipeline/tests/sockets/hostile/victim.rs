//! A process that serves OTLP and takes whatever is sound.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::limited;
use crate::setup::Server;

const ROLE: &str = "THROUGHLINE_TEST_VICTIM";

/// What is attacked.
pub(super) enum Role {
    /// A receiver, and behind it somebody who takes everything.
    Bare,
    /// A plan with this name.
    Plan(&'static str),
}

pub(super) struct Victim {
    child: Child,
    /// Held open, since the child still writes to it at its end.
    _said: Lines<BufReader<ChildStdout>>,
    pub(super) http: SocketAddr,
    pub(super) grpc: SocketAddr,
}

impl Victim {
    pub(super) fn start() -> Self {
        Self::of(&Role::Bare)
    }

    pub(super) fn of(role: &Role) -> Self {
        let role = match role {
            Role::Bare => "bare",
            Role::Plan(name) => name,
        };
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "hostile::victim::serve", "--nocapture"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let addresses =
            lines.find_map(|line| Some(line.unwrap().split_once("listening ")?.1.to_owned())).unwrap();
        let (http, grpc) = addresses.split_once(' ').unwrap();
        Self { child, http: http.parse().unwrap(), grpc: grpc.parse().unwrap(), _said: lines }
    }

    /// Resident memory now.
    pub(super) fn resident(&self) -> u64 {
        self.mib("VmRSS:")
    }

    /// The most resident memory since [`forget_peak`](Self::forget_peak).
    pub(super) fn peak(&self) -> u64 {
        self.mib("VmHWM:")
    }

    pub(super) fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    fn mib(&self, key: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() >> 10
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // Its standard input ends, and so does it.
        drop(self.child.stdin.take());
        let ended = self.child.wait().unwrap();
        assert!(ended.success() || std::thread::panicking(), "the victim died: {ended}");
    }
}

/// The victim's own part; in the tests' process there is nothing to do.
#[test]
fn serve() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match limited::PLANS.iter().find(|(name, _)| *name == role) {
        Some((_, plan)) => runtime.block_on(limited::serve(plan)),
        None => runtime.block_on(bare()),
    }
}

async fn bare() {
    let server = Server::start(
        "protocols: {grpc: {endpoint: '127.0.0.1:0'}, \
         http: {endpoint: '127.0.0.1:0', read_timeout: 2s, read_header_timeout: 2s}}",
    )
    .await;
    server.recorder.forget_all();
    until_the_end(server.http(), server.grpc()).await;
    server.stop().await;
    assert_eq!(server.ctx.memory.held(), 0, "nothing is held");
}

/// Says where it listens, and waits until the standard input ends.
#[expect(clippy::print_stdout, reason = "how the test that started this process hears of it")]
pub(super) async fn until_the_end(http: SocketAddr, grpc: SocketAddr) {
    println!("listening {http} {grpc}");
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    ended.await.unwrap().unwrap();
}
