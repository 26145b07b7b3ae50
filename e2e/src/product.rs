//! The built binary, started as a user starts it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use sim::genesys::serve::Simulator;
use sim::ports;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long it may take to start, to stop, or to answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What it says at the end where something that came in is neither exported, dropped, refused, lost nor kept.
const UNACCOUNTED: &str = "items are unaccounted for";

/// A running `throughline run` or `throughline demo`, killed when dropped.
pub struct Product {
    child: Child,
    pub http: SocketAddr,
    pub grpc: SocketAddr,
    pub page: SocketAddr,
    pub metrics: SocketAddr,
    log: watch::Receiver<String>,
}

/// What to run.
#[derive(Clone, Default)]
pub struct Run {
    configs: Vec<String>,
    sets: Vec<String>,
    env: Vec<(String, String)>,
    page: bool,
    demo: Option<Vec<String>>,
}

/// The answer to a plain HTTP request.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

impl Run {
    /// With a file of `configs/`.
    pub fn config(name: &str) -> Self {
        let path = root().join("configs").join(name);
        Self { configs: vec![path.to_string_lossy().into_owned()], ..Self::default() }
    }

    /// `configs/genesys.yaml`, with its page, at a simulator; what it keeps goes into `data`.
    pub fn genesys(simulator: &Simulator, data: &Path) -> Self {
        Self::config("genesys.yaml")
            .set("receivers.genesys_cloud.reconcile_interval", "1s")
            .set("extensions.health_check.endpoint", "127.0.0.1:0")
            .env("GENESYS_REGION", simulator.base_url())
            .env("GENESYS_CLIENT_ID", "simulated-client")
            .env("GENESYS_CLIENT_SECRET", "simulated-secret")
            .env("THROUGHLINE_DATA", data.to_string_lossy())
            .with_page()
    }

    /// With a file of the test's own.
    pub fn file(path: &Path) -> Self {
        Self { configs: vec![path.to_string_lossy().into_owned()], ..Self::default() }
    }

    /// The demonstration with its page, in place of a configuration.
    pub fn demo(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { demo: Some(arguments), page: true, ..Self::default() }
    }

    /// Lays more YAML over it; keys are parted by `::` as in `--config yaml:`.
    #[must_use]
    pub fn over(mut self, path: &Path) -> Self {
        self.configs.push(path.to_string_lossy().into_owned());
        self
    }

    #[must_use]
    pub fn set(mut self, key: &str, value: impl std::fmt::Display) -> Self {
        self.sets.push(format!("{key}={value}"));
        self
    }

    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// The configuration has a `view` extension, whose address is to be a free one too.
    #[must_use]
    pub fn with_page(mut self) -> Self {
        self.page = true;
        self
    }

    /// Starts it on free ports and waits until it is ready.
    pub async fn start(self) -> Result<Product> {
        let mut product = self.spawn()?;
        product.wait_for_log("everything is ready").await?;
        Ok(product)
    }

    /// Starts it on free ports; a later [`Run::set`] of an address holds.
    pub fn spawn(mut self) -> Result<Product> {
        let [http, grpc, page, metrics, sip] = ports::several()?;
        let own = std::mem::take(&mut self.sets);
        let mut run = self
            .set("receivers.otlp.protocols.http.endpoint", http)
            .set("receivers.otlp.protocols.grpc.endpoint", grpc)
            .set("service.telemetry.metrics.address", metrics);
        if run.page {
            run = run.set("extensions.view.endpoint", page);
        }
        run.sets.extend(own);
        let mut command = Command::new(binary()?);
        match &run.demo {
            Some(arguments) => {
                command.arg("demo").arg("--examples").arg(root().join("examples"));
                command.args(["--sip", &sip.to_string()]).args(arguments)
            }
            None => command.arg("run"),
        };
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.args(run.configs.iter().flat_map(|config| ["--config", config]));
        command.args(run.sets.iter().flat_map(|set| ["--set", set]));
        command.envs(run.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("starting throughline")?;
        let log = follow(&mut child)?;
        Ok(Product { child, http, grpc, page, metrics, log })
    }
}

impl Product {
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.borrow().clone()
    }

    pub async fn wait_for_log(&mut self, text: &str) -> Result<()> {
        let said = timeout(PATIENCE, self.log.wait_for(|log| log.contains(text))).await;
        if !said.is_ok_and(|said| said.is_ok()) {
            bail!("throughline did not say {text:?}; it said:\n{}", self.log());
        }
        Ok(())
    }

    /// SIGTERM, and waits for the end.
    pub async fn stop(self) -> Result<String> {
        self.end("-TERM").await
    }

    /// Ctrl-C, and waits for the end.
    pub async fn interrupt(self) -> Result<String> {
        self.end("-INT").await
    }

    /// SIGHUP: it reads its configuration again.
    pub async fn reload(&self) -> Result<()> {
        self.signal("-HUP").await
    }

    async fn signal(&self, signal: &str) -> Result<()> {
        let pid = self.child.id().context("it has ended")?;
        let killed = Command::new("kill").args([signal, &pid.to_string()]).status().await?;
        anyhow::ensure!(killed.success(), "kill failed");
        Ok(())
    }

    async fn end(mut self, signal: &str) -> Result<String> {
        self.signal(signal).await?;
        let status = timeout(PATIENCE, self.child.wait()).await.context("it does not stop")??;
        let log = self.whole_log().await?;
        anyhow::ensure!(status.success(), "it ended with {status}:\n{log}");
        // The law of its accounts, at the end: metrics are not there any more to say so.
        anyhow::ensure!(!log.contains(UNACCOUNTED), "it did not close its accounts:\n{log}");
        Ok(log)
    }

    /// What it has logged when it has ended.
    async fn whole_log(&mut self) -> Result<String> {
        // The log is complete once its sender is gone.
        let read = timeout(PATIENCE, async { while self.log.changed().await.is_ok() {} }).await;
        read.context("its log does not end")?;
        Ok(self.log())
    }

    /// Waits for an end that nobody asked for; its exit code.
    pub async fn ended(mut self) -> Result<(Option<i32>, String)> {
        let status = timeout(PATIENCE, self.child.wait()).await.context("it does not end")??;
        let log = self.whole_log().await?;
        Ok((status.code(), log))
    }

    /// SIGKILL.
    pub async fn kill(mut self) -> Result<()> {
        Ok(self.child.kill().await?)
    }

    pub async fn query(&self, path: &str) -> Result<serde_json::Value> {
        let answer = get(self.page, path).await?;
        anyhow::ensure!(answer.status == 200, "{path}: {answer:?}");
        Ok(serde_json::from_str(&answer.body)?)
    }

    /// Asks until the answer is as it should be.
    pub async fn wait_for(
        &self,
        path: &str,
        fits: impl Fn(&serde_json::Value) -> bool,
    ) -> Result<serde_json::Value> {
        let mut last = None;
        let asked = timeout(PATIENCE, async {
            loop {
                match self.query(path).await {
                    Ok(answer) if fits(&answer) => return answer,
                    other => last = Some(other),
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let answer = asked.await;
        answer.with_context(|| {
            format!(
                "{path} never answered as it should; the last was {last:?}; throughline said:\n{}",
                self.log()
            )
        })
    }

    /// Asks until the metric has this value.
    pub async fn wait_for_metric(&self, line: &str, value: f64) -> Result<()> {
        let mut last = None;
        let asked = timeout(PATIENCE, async {
            loop {
                match self.metric(line).await {
                    Ok(found) if found == value => return,
                    other => last = Some(other),
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        let asked = asked.await;
        asked.with_context(|| format!("{line} is never {value}; the last was {last:?}"))
    }

    /// The value of a metric whose line begins so.
    pub async fn metric(&self, line: &str) -> Result<f64> {
        let text = get(self.metrics, "/metrics").await?.body;
        let found = text.lines().find_map(|found| found.strip_prefix(line)?.rsplit(' ').next()?.parse().ok());
        found.with_context(|| format!("no metric {line} in\n{text}"))
    }
}

/// A GET over a connection of its own.
pub async fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    send(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"), &[]).await
}

/// A POST over a connection of its own.
pub async fn post(address: SocketAddr, path: &str, content_type: &str, body: &[u8]) -> Result<Answer> {
    post_with(address, path, &[("Content-Type", content_type)], body).await
}

/// The same with headers.
pub async fn post_with(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer> {
    let len = body.len();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Length: {len}\r\nConnection: close\r\n\r\n"
    );
    send(address, &head, body).await
}

async fn send(address: SocketAddr, head: &str, body: &[u8]) -> Result<Answer> {
    let exchange = async {
        let mut stream =
            TcpStream::connect(address).await.with_context(|| format!("connecting to {address}"))?;
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        let mut bytes = Vec::new();
        stream.take(64 << 20).read_to_end(&mut bytes).await?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").context("not an HTTP answer")?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no status")?;
        let body = if head.to_lowercase().contains("transfer-encoding: chunked") {
            unchunked(body)
        } else {
            body.to_owned()
        };
        Ok(Answer { status, body })
    };
    timeout(PATIENCE, exchange).await.context("no answer")?
}

fn unchunked(mut body: &str) -> String {
    let mut out = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        out.push_str(rest.get(..size).unwrap_or(rest));
        body = rest.get(size + 2..).unwrap_or("");
    }
    out
}

/// Collects the log while it is written.
fn follow(child: &mut Child) -> Result<watch::Receiver<String>> {
    let stderr = child.stderr.take().context("no stderr")?;
    let (sender, log) = watch::channel(String::new());
    tokio::spawn(async move {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            sender.send_modify(|log| {
                log.push_str(&line);
                log.push('\n');
            });
        }
    });
    Ok(log)
}

/// `THROUGHLINE_BIN`, else the binary beside the test's own.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("THROUGHLINE_BIN") {
        return Ok(path.into());
    }
    let test = std::env::current_exe()?;
    let path = test.parent().and_then(Path::parent).context("no target folder")?.join("throughline");
    anyhow::ensure!(path.exists(), "{} is not built; `make test` does it", path.display());
    Ok(path)
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
