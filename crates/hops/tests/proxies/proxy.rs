//! A proxy of the distribution in front of an echo, on free ports of loopback; killed when dropped.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use hops::check::{Address, Options, check};
use hops::echo::{Echo, Limits};
use hops::probe::Protocol;
use hops::report::Report;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    second: SocketAddr,
    _child: Child,
    dir: TempDir,
}

impl Proxy {
    /// With a file of `conf/`, in front of an echo of its own.
    pub(crate) async fn start(name: &str) -> Self {
        let echo = Echo::bind("127.0.0.1:0".parse().unwrap(), Limits::default()).await.unwrap();
        let address = echo.address().unwrap();
        tokio::spawn(echo.serve());
        Self::in_front_of(name, address).await
    }

    pub(crate) async fn in_front_of(name: &str, echo: SocketAddr) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let [address, second] = free_addresses();
        let text = config(name)
            .replace("{dir}", dir.path().to_str().unwrap())
            .replace("{listen}", &address.to_string())
            .replace("{second}", &second.to_string())
            .replace("{echo}", &echo.to_string())
            .replace("{echo_host}", &echo.ip().to_string())
            .replace("{echo_port}", &echo.port().to_string());
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(dir.path().join("ca.pem"), made.cert.pem()).unwrap();
        let pair = made.cert.pem() + &made.signing_key.serialize_pem();
        std::fs::write(dir.path().join("hop.pem"), pair).unwrap();
        let mut command = command(name, &file, dir.path(), address);
        command.env("HOME", dir.path()).env("XDG_DATA_HOME", dir.path()).env("XDG_CONFIG_HOME", dir.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{:?}: {error}; scripts/setup-test.sh installs it", command.as_std().get_program())
        });
        let ready = tokio::time::timeout(PATIENCE, async {
            while TcpStream::connect(address).await.is_err() {
                assert_eq!(child.try_wait().unwrap(), None, "{name}: the proxy ended");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        ready.await.unwrap_or_else(|_| panic!("{name}: the proxy does not listen"));
        Self { address, second, _child: child, dir }
    }

    pub(crate) async fn report(&self) -> Report {
        report(&[self.address], &Protocol::ALL).await
    }

    /// The second port over TLS, with the certificate that the proxy was given.
    pub(crate) async fn report_tls(&self) -> Report {
        let mut options = Options::new(7);
        options.trust(Some(&self.dir.path().join("ca.pem"))).unwrap();
        let address: Address = format!("https://localhost:{}/", self.second.port()).parse().unwrap();
        Report::of(&[check(&address, &options, |_, _| {}).await], false)
    }

    pub(crate) async fn report_second(&self, protocols: &[Protocol]) -> Report {
        report(&[self.second], protocols).await
    }
}

/// The outermost first.
pub(crate) async fn report(addresses: &[SocketAddr], protocols: &[Protocol]) -> Report {
    let options = Options { protocols: protocols.to_vec(), ..Options::new(7) };
    let mut paths = Vec::new();
    for address in addresses {
        let address: Address = format!("http://{address}/").parse().unwrap();
        paths.push(check(&address, &options, |_, _| {}).await);
    }
    Report::of(&paths, false)
}

pub(crate) fn config(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proxies/conf").join(name);
    std::fs::read_to_string(file).unwrap()
}

/// In the foreground, and as one process where the product can: so that nothing outlives the test.
fn command(name: &str, file: &Path, dir: &Path, address: SocketAddr) -> Command {
    let (program, arguments): (&str, Vec<String>) = match name.split('-').next().unwrap() {
        "nginx" => ("nginx", vec!["-c".into(), text(file), "-p".into(), text(dir)]),
        "haproxy" => ("haproxy", vec!["-db".into(), "-q".into(), "-f".into(), text(file)]),
        "apache" => ("apache2", vec!["-X".into(), "-f".into(), text(file)]),
        "caddy" => (
            "caddy",
            vec!["run".into(), "--adapter".into(), "caddyfile".into(), "--config".into(), text(file)],
        ),
        "varnish" => ("varnishd", varnish(file, dir, address)),
        other => panic!("no product `{other}`"),
    };
    let mut command = Command::new(find(program));
    command.args(arguments);
    command
}

fn varnish(file: &Path, dir: &Path, address: SocketAddr) -> Vec<String> {
    let mut arguments: Vec<String> = vec!["-F".into(), "-j".into(), "none".into()];
    arguments.extend(["-a".into(), address.to_string(), "-n".into(), text(&dir.join("work"))]);
    arguments.extend(["-f".into(), text(file), "-s".into(), "malloc,8m".into()]);
    if text(file).contains("mended") {
        let mend = "http_req_hdr_len=96k http_req_size=128k workspace_client=512k workspace_backend=512k";
        arguments.extend(mend.split(' ').flat_map(|parameter| ["-p".to_owned(), parameter.to_owned()]));
    }
    arguments
}

/// Some of them live where only an administrator's PATH looks.
fn find(program: &str) -> PathBuf {
    let sbin = Path::new("/usr/sbin").join(program);
    if sbin.exists() { sbin } else { program.into() }
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Held together, so that they differ.
fn free_addresses<const N: usize>() -> [SocketAddr; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap())
}
