//! The processes of a cluster.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// Ends with the test.
pub(crate) struct Process {
    child: Child,
    said: Receiver<String>,
}

impl Process {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.env("RUST_LOG", "warn,ballista_scheduler=info,ballista_executor=info");
        Self::of(command.arg("cluster").args(arguments))
    }

    pub(crate) fn of(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (tell, said) = channel();
        // To the end, also when nobody listens.
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(|line| drop(tell.send(line))));
        Self { child, said }
    }

    /// Waits for a line of its log that has this in it.
    pub(crate) fn until(&mut self, text: &str) -> String {
        let mut all = String::new();
        for line in &self.said {
            if line.contains(text) {
                return line;
            }
            all += &line;
            all.push('\n');
        }
        panic!("it ended without `{text}`:\n{all}");
    }

    /// Waits until one of these has this in its log, and takes it from among them.
    pub(crate) fn first(all: &mut Vec<Self>, text: &str) -> Self {
        let mut ended = 0;
        while ended < all.len() {
            ended = 0;
            for at in 0..all.len() {
                // No longer than that, as another may be the one that says it.
                match all[at].said.recv_timeout(Duration::from_millis(1)) {
                    Ok(line) if line.contains(text) => return all.remove(at),
                    Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => ended += 1,
                }
            }
        }
        panic!("all ended without `{text}`");
    }

    pub(crate) fn kill(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Two ports in a row that are free, outside of those that outgoing connections take.
fn ports() -> u16 {
    static NEXT: LazyLock<AtomicU16> =
        LazyLock::new(|| AtomicU16::new(20_000 + u16::try_from(std::process::id() % 5_000).unwrap() * 2));
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    loop {
        // Tests beside this one look for some, too.
        let port = NEXT.fetch_add(2, Ordering::Relaxed);
        assert!(port < 32_000, "no ports are free");
        if free(port) && free(port + 1) {
            return port;
        }
    }
}

pub(crate) struct Up {
    pub(crate) scheduler: Process,
    pub(crate) address: String,
    pub(crate) executors: Vec<Process>,
}

impl Up {
    pub(crate) fn start(store: &Path, executors: usize) -> Self {
        Self::with(&["--store", store.to_str().unwrap()], executors)
    }

    /// Executors with these arguments.
    pub(crate) fn with(arguments: &[&str], executors: usize) -> Self {
        let mut scheduler = Process::start(&["scheduler", "--listen", "127.0.0.1:0"]);
        let line = scheduler.until("the scheduler is at ");
        let address = line.rsplit(' ').next().unwrap().to_owned();
        let start = |_| {
            let listen = format!("127.0.0.1:{}", ports());
            let own = ["executor", "--scheduler", &address, "--listen", &listen, "--cores", "1"];
            let mut executor = Process::start(&[&own, arguments].concat());
            executor.until("Executor registration succeed");
            executor
        };
        let executors = (0..executors).map(start).collect();
        Self { scheduler, address, executors }
    }
}
