//! A proxy of the distribution in front of an echo, on free ports of loopback; killed when dropped.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use hops::check::{Address, Options, check};
use hops::echo::{Echo, Limits};
use hops::finding;
use hops::probe::Protocol;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::config::Config;
use crate::tap::Tap;

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    pub(crate) second: SocketAddr,
    /// What it passed on to the echo.
    pub(crate) tap: Tap,
    _child: Child,
    dir: TempDir,
}

impl Proxy {
    /// In front of an echo of its own.
    pub(crate) async fn start(config: &Config) -> Self {
        let echo = Echo::bind("127.0.0.1:0".parse().unwrap(), Limits::default()).await.unwrap();
        let address = echo.address().unwrap();
        tokio::spawn(echo.serve());
        Self::in_front_of(config, address).await
    }

    pub(crate) async fn in_front_of(config: &Config, next: SocketAddr) -> Self {
        let (tap, next) = Tap::in_front_of(next).await;
        // Between the choice of a port and its use somebody else may take it.
        for _ in 0..5 {
            if let Some(proxy) = Self::once(config, next, &tap).await {
                return proxy;
            }
        }
        panic!("{}: the proxy ends; its own words stand above", config.name);
    }

    async fn once(config: &Config, next: SocketAddr, tap: &Tap) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let [address, second] = free_addresses();
        let text = config
            .text
            .replace("{dir}", text(dir.path()))
            .replace("{listen}", &address.to_string())
            .replace("{second}", &second.to_string())
            .replace("{echo}", &next.to_string())
            .replace("BACKEND", &next.to_string())
            .replace("{echo_host}", &next.ip().to_string())
            .replace("{echo_port}", &next.port().to_string());
        let file = dir.path().join(&config.name);
        std::fs::write(&file, text).unwrap();
        certificate(dir.path());
        let mut command = command(config, &file, dir.path(), address);
        command.env("HOME", dir.path()).env("XDG_DATA_HOME", dir.path()).env("XDG_CONFIG_HOME", dir.path());
        let log = dir.path().join("error.log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        command.stderr(std::fs::File::create(&log).unwrap());
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{:?}: {error}; scripts/setup-test.sh installs it", command.as_std().get_program())
        });
        let ready = tokio::time::timeout(PATIENCE, async {
            while TcpStream::connect(address).await.is_err() {
                if child.try_wait().unwrap().is_some() {
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            true
        });
        let listens = ready.await.unwrap_or_else(|_| panic!("{}: the proxy does not listen", config.name));
        if !listens {
            eprintln!("{}", std::fs::read_to_string(log).unwrap());
        }
        listens.then(|| Self { address, second, tap: tap.clone(), _child: child, dir })
    }

    pub(crate) async fn check(&self) -> finding::Path {
        check_at(self.address, &Protocol::HTTP).await
    }

    /// The second port, over TLS with the certificate that the proxy was given.
    pub(crate) async fn check_tls(&self) -> finding::Path {
        let mut options = Options::new(7);
        options.trust(Some(&self.dir.path().join("ca.pem"))).unwrap();
        let address: Address = format!("https://localhost:{}/", self.second.port()).parse().unwrap();
        check(&address, &options, |_, _| {}).await
    }
}

pub(crate) async fn check_at(address: SocketAddr, protocols: &[Protocol]) -> finding::Path {
    let options = Options { protocols: protocols.to_vec(), ..Options::new(7) };
    let address: Address = format!("http://{address}/").parse().unwrap();
    check(&address, &options, |_, _| {}).await
}

fn certificate(dir: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("ca.pem"), made.cert.pem()).unwrap();
    let pair = made.cert.pem() + &made.signing_key.serialize_pem();
    std::fs::write(dir.join("hop.pem"), pair).unwrap();
}

/// In the foreground, and as one process where the product can: so that nothing outlives the test.
fn command(config: &Config, file: &Path, dir: &Path, address: SocketAddr) -> Command {
    let listen = address.to_string();
    let work = dir.join("work");
    let (program, arguments) = match config.product() {
        "nginx" => ("nginx", vec!["-c", text(file), "-p", text(dir)]),
        "haproxy" => ("haproxy", vec!["-db", "-q", "-f", text(file)]),
        "apache" => ("apache2", vec!["-X", "-f", text(file)]),
        "caddy" => ("caddy", vec!["run", "--adapter", "caddyfile", "--config", text(file)]),
        "varnish" => (
            "varnishd",
            vec!["-F", "-j", "none", "-a", &listen, "-n", text(&work), "-f", text(file), "-s", "malloc,8m"],
        ),
        other => panic!("no product `{other}`"),
    };
    let mut command = Command::new(find(program));
    command.args(arguments).args(&config.arguments);
    command
}

/// Some of them live where only an administrator's PATH looks.
fn find(program: &str) -> PathBuf {
    let sbin = Path::new("/usr/sbin").join(program);
    if sbin.exists() { sbin } else { program.into() }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Held together, so that they differ.
fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap())
}
