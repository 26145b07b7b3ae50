//! A path without a hop: the negative control of the doctor.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use hops::check::{Address, Extra, Options, check};
use hops::echo::{Echo, Limits};
use hops::probe::Protocol;
use hops::report::{Health, Report};
use hops::verdict::Demands;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn echo() -> SocketAddr {
    let echo = Echo::bind("127.0.0.1:0".parse().unwrap(), Limits::default()).await.unwrap();
    let address = echo.address().unwrap();
    tokio::spawn(echo.serve());
    address
}

async fn report(address: &str) -> Report {
    let address: Address = address.parse().unwrap();
    Report::of(
        &[check(&address, &Options::new(7), |_, _| {}).await],
        &Demands { transparent: true, ..Demands::default() },
    )
}

#[tokio::test]
async fn everything_comes_through_without_a_hop() {
    let report = report(&format!("http://{}/a?b=c", echo().await)).await;
    assert_eq!(report.health(), Health::Sound, "{report}");
    assert!(report.hops[0].findings.is_empty(), "{report}");
    assert!(report.hops[0].not_spoken.is_empty(), "{report}");
    assert_eq!(report.hops[0].longest, Some(64_000));
    assert_eq!(report.hops[0].requests, 77 * 3);
    assert!(report.hops[0].suspects.is_empty(), "{report}");
}

#[tokio::test]
async fn nobody_there_and_somebody_else() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let report = report(&format!("http://{address}/")).await;
    assert_eq!(report.health(), Health::Unchecked, "{report}");
    assert_eq!(report.hops[0].not_spoken.len(), Protocol::HTTP.len());
}

/// The hop gets it, the report does not.
#[tokio::test]
async fn headers_that_a_path_asks_for_are_sent_and_not_kept() {
    let mut extra = Extra::default();
    extra.add("Authorization: Bearer hush").unwrap();
    let options = Options { rounds: 1, extra, ..Options::new(7) };
    let (asks, asked) = guard(echo().await).await;
    let path = check(&asks.parse().unwrap(), &options, |_, _| {}).await;
    assert!(*asked.lock().unwrap() > 10);
    let report = Report::of(&[path], &Demands::default());
    assert_eq!(report.health(), Health::Sound, "{report}");
    assert!(!format!("{report:?}").contains("hush"));
}

/// Counts the connections whose first bytes hold the secret, and passes everything on.
async fn guard(echo: SocketAddr) -> (String, Arc<Mutex<usize>>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let mut start = vec![0; 4096];
                let read = client.read(&mut start).await?;
                start.truncate(read);
                if String::from_utf8_lossy(&start).contains("Bearer hush") {
                    *counted.lock().unwrap() += 1;
                }
                let mut next = tokio::net::TcpStream::connect(echo).await?;
                next.write_all(&start).await?;
                tokio::io::copy_bidirectional(&mut client, &mut next).await
            });
        }
    });
    (url, count)
}
