//! Stands between a proxy and the echo, keeps the bytes that pass, and judges them with a few lines of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hops::finding::Path;
use hops::outcome::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What each connection carried towards the echo.
#[derive(Clone, Default)]
pub(crate) struct Tap(Arc<Mutex<Vec<Vec<u8>>>>);

impl Tap {
    pub(crate) async fn in_front_of(echo: SocketAddr) -> (Self, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tap = Self::default();
        let own = tap.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(own.clone().forward(stream, echo));
            }
        });
        (tap, address)
    }

    async fn forward(self, proxy: TcpStream, echo: SocketAddr) -> std::io::Result<()> {
        let (mut from_proxy, mut to_proxy) = proxy.into_split();
        let (mut from_echo, mut to_echo) = TcpStream::connect(echo).await?.into_split();
        let at = {
            let mut all = self.0.lock().unwrap();
            all.push(Vec::new());
            all.len() - 1
        };
        let back = async {
            tokio::io::copy(&mut from_echo, &mut to_proxy).await?;
            to_proxy.shutdown().await
        };
        let there = async {
            let mut buffer = vec![0; 65_536];
            loop {
                let read = from_proxy.read(&mut buffer).await?;
                if read == 0 {
                    return to_echo.shutdown().await;
                }
                self.0.lock().unwrap()[at].extend(&buffer[..read]);
                to_echo.write_all(&buffer[..read]).await?;
            }
        };
        tokio::try_join!(back, there).map(drop)
    }

    /// Every HTTP/1 request that the doctor judged is judged again from its bytes; says how many lines were.
    pub(crate) fn agrees_with(&self, path: &Path) -> usize {
        let requests = self.requests();
        let mut judged = 0;
        for trial in &path.trials {
            for (mark, outcome) in &trial.outcomes {
                let Outcome::Echoed(_, seen) = outcome else { continue };
                if seen.protocol == "HTTP/2" {
                    continue;
                }
                let lines = &requests[&mark.to_string()];
                let verdicts = hops::classify::classify(&trial.probe, *mark, outcome);
                let sent: Vec<_> = trial
                    .probe
                    .fields(*mark)
                    .iter()
                    .map(|f| (f.name.clone(), f.value().to_owned()))
                    .collect();
                for (header, verdict) in verdicts.iter().filter(|(header, _)| header != "request") {
                    let said = verdict.to_string();
                    let expected = judge(&of(&sent, header), &of(lines, header));
                    match expected {
                        Some(expected) => assert_eq!(said, expected, "{} {header}", trial.probe.name),
                        None => assert!(!KNOWN.contains(&&*said), "{} {header}: {said}", trial.probe.name),
                    }
                    judged += 1;
                }
            }
        }
        judged
    }

    /// Header lines by the mark in the query.
    fn requests(&self) -> BTreeMap<String, Vec<(String, String)>> {
        let mut found = BTreeMap::new();
        for bytes in self.0.lock().unwrap().iter().filter(|bytes| !bytes.starts_with(b"PRI")) {
            let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
            let head = text.split("\r\n\r\n").next().unwrap();
            let mut lines = head.split("\r\n");
            let Some((_, rest)) = lines.next().unwrap().split_once("throughline-probe=") else { continue };
            let mark = rest.split([' ', '&']).next().unwrap().to_owned();
            let pair = |line: &str| {
                let (name, value) = line.split_once(':').unwrap();
                (name.to_owned(), value.trim().to_owned())
            };
            found.insert(mark, lines.map(pair).collect());
        }
        found
    }
}

const KNOWN: [&str; 4] = ["stripped", "passed", "altered (case)", "altered (merged)"];

type Lines = Vec<(String, String)>;

fn of(lines: &[(String, String)], header: &str) -> Lines {
    lines.iter().filter(|(name, _)| name.eq_ignore_ascii_case(header)).cloned().collect()
}

fn judge(sent: &Lines, came: &Lines) -> Option<&'static str> {
    let values = |lines: &Lines| lines.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>();
    if came.is_empty() {
        return Some("stripped");
    }
    if sent == came {
        return Some("passed");
    }
    if values(sent) == values(came) {
        return Some("altered (case)");
    }
    let is_joined = sent.len() > 1 && values(came) == [values(sent).join(", ")];
    is_joined.then_some("altered (merged)")
}
