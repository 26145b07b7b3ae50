//! A path without a hop: the negative control of the doctor.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::net::SocketAddr;

use hops::check::{Address, Options, check};
use hops::echo::{Echo, Limits};
use hops::probe::Protocol;
use hops::report::{Health, Report};
use hops::verdict::Demands;

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
    assert_eq!(report.hops[0].not_spoken.len(), Protocol::ALL.len());
}
