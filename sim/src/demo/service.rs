//! One example service as a child process.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use super::Error;

/// A first start compiles Python and fills the database.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Long enough to deliver the last spans to a receiver that is there.
const END_WITHIN: Duration = Duration::from_secs(5);
const FINISH_WITHIN: Duration = Duration::from_secs(1);
const HEALTH_EVERY: Duration = Duration::from_millis(100);
const LAST_WORDS: usize = 20;

pub(super) struct Service {
    pub(super) address: SocketAddr,
    name: &'static str,
    child: Child,
    /// The service ends when this is closed, also by the end of this process.
    stdin: Option<ChildStdin>,
    output: Output,
}

impl Service {
    /// Starts it, and waits until it says where it listens and that it is healthy.
    pub(super) async fn start(name: &'static str, mut command: Command) -> Result<Self, Error> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        // Ctrl-C in a terminal goes to a whole process group: the services must outlive the last calls.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Error::NoProgram { program: command.as_std().get_program().to_string_lossy().into_owned() }
            }
            _ => Error::NotStarted { service: name, error },
        })?;
        let (stdin, mut output) = (child.stdin.take(), Output::default());
        output.follow(child.stdout.take());
        output.follow(child.stderr.take());

        let ready = tokio::select! {
            ready = timeout(READY_WITHIN, healthy(output.address.subscribe())) => ready,
            ended = child.wait() => return Err(ended_early(name, ended, &mut output).await),
        };
        match ready {
            Ok(address) => Ok(Self { address, name, child, stdin, output }),
            Err(_) => {
                Err(Error::NotReady { service: name, within: READY_WITHIN, last_words: output.last_words() })
            }
        }
    }

    /// Waits for the end that nobody asked for.
    pub(super) async fn ended(&mut self) -> Error {
        let ended = self.child.wait().await;
        ended_early(self.name, ended, &mut self.output).await
    }

    /// Asks it to end, and makes it end if it does not.
    pub(super) async fn stop(mut self) {
        drop(self.stdin.take());
        if timeout(END_WITHIN, self.child.wait()).await.is_err() {
            // It is gone already if this fails.
            self.child.kill().await.ok();
        }
    }
}

async fn ended_early(service: &'static str, ended: io::Result<ExitStatus>, output: &mut Output) -> Error {
    match ended {
        Ok(status) => {
            output.finish().await;
            Error::Ended { service, status, last_words: output.last_words() }
        }
        Err(error) => Error::NotStarted { service, error },
    }
}

/// The address that the service named, once it answers there.
async fn healthy(mut address: watch::Receiver<Option<SocketAddr>>) -> SocketAddr {
    let named = match address.wait_for(Option::is_some).await {
        Ok(named) => *named,
        Err(_) => None,
    };
    let Some(address) = named else { return std::future::pending().await };
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut ticks = interval(HEALTH_EVERY);
    loop {
        ticks.tick().await;
        if let Ok(url) = format!("http://{address}/health").parse()
            && let Ok(answer) = client.get(url).await
            && answer.status().is_success()
        {
            return address;
        }
    }
}

/// What a service says: its address, and the last lines for when it fails.
#[derive(Default)]
struct Output {
    address: watch::Sender<Option<SocketAddr>>,
    lines: Arc<Mutex<VecDeque<String>>>,
    readers: JoinSet<()>,
}

impl Output {
    fn follow(&mut self, stream: Option<impl AsyncRead + Unpin + Send + 'static>) {
        let Some(stream) = stream else { return };
        let (address, lines) = (self.address.clone(), self.lines.clone());
        self.readers.spawn(async move {
            let (mut read, mut bytes) = (BufReader::new(stream), Vec::new());
            while read.read_until(b'\n', &mut bytes).await.is_ok_and(|count| count > 0) {
                let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
                bytes.clear();
                if let Some(named) = line.strip_prefix("listening on http://") {
                    address.send_replace(named.parse().ok());
                }
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                if lines.len() == LAST_WORDS {
                    lines.pop_front();
                }
                lines.push_back(line);
            }
        });
    }

    /// Reads what is left in the pipes of a process that has ended, unless a child of it holds them open.
    async fn finish(&mut self) {
        let read = async { while self.readers.join_next().await.is_some() {} };
        timeout(FINISH_WITHIN, read).await.ok();
    }

    fn last_words(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests;
