//! Behind a memory limiter: more than the process may hold.

use std::sync::Arc;

use flow::config::Node;
use flow::{
    Batch, BoxFuture, Ctx, ExportError, Exporter, Factory, Make, Memory, Registry, Signal, Telemetry,
};
use pipeline::engine::running::Running;
use pipeline::net::addresses::Addresses;
use pipeline::plan::Plan;
use pipeline::{processors, receivers};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::victim::{Role, Victim, until_the_end};
use super::works;
use crate::client::{Http1, PROTOBUF, post};
use crate::setup::spans;

const LIMIT_MIB: u64 = 96;

pub(super) const PLANS: [(&str, &str); 2] = [("stuck", "stuck"), ("working", "sink")];

const PLAN: &str = "
receivers:
  otlp: {protocols: {grpc: {endpoint: '127.0.0.1:0'}, http: {endpoint: '127.0.0.1:0'}}}
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 96}
  batch: {timeout: 10ms}
exporters:
  EXPORTER: {sending_queue: {queue_size: 1000000}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], processors: [memory_limiter, batch], exporters: [EXPORTER]}}
";

pub(super) async fn serve(exporter: &str) {
    let registry = Registry::new([
        receivers::otlp::FACTORY,
        processors::memory_limiter::FACTORY,
        processors::batch::FACTORY,
        factory("sink", Make::Exporter(|_, _| Ok(Arc::new(Sink)))),
        factory("stuck", Make::Exporter(|_, _| Ok(Arc::new(Stuck)))),
    ]);
    let plan = Node::load("limited.yaml", &PLAN.replace("EXPORTER", exporter)).unwrap();
    let (plan, findings) = Plan::of(&plan, &registry);
    let addresses = Arc::new(Addresses::default());
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).with(Arc::clone(&addresses));
    let mut running = Running::start(&plan.unwrap_or_else(|| panic!("{findings:?}")), &ctx).await.unwrap();
    let of = |what| addresses.of("otlp", what).unwrap();
    until_the_end(of("http"), of("grpc")).await;
    if exporter == "sink" {
        running.stop().await;
        assert_eq!(ctx.memory.held(), 0, "nothing is held");
    }
}

fn factory(name: &'static str, make: Make) -> Factory {
    Factory { name, aliases: &[], signals: &Signal::ALL, check: pipeline::engine::sending::check, make }
}

struct Sink;

impl Exporter for Sink {
    fn export<'a>(&'a self, _: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

struct Stuck;

impl Exporter for Stuck {
    fn export<'a>(&'a self, _: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(std::future::pending())
    }
}

/// Scenario: 32 clients send as fast as they can to a destination that takes nothing, four times the limit in all.
/// Guarantees: the process stays below the limit and a tenth; who is refused is told when to come back.
#[tokio::test]
async fn a_flood() {
    let victim = Victim::of(&Role::Plan("stuck"));
    let body = bytes::Bytes::from(spans(1000));
    let each = 4 * LIMIT_MIB * (1 << 20) / body.len() as u64 / 32;
    let clients = (0..32).map(|_| {
        let (address, body) = (victim.http, body.clone());
        tokio::spawn(async move {
            let mut connection = Http1::open(address).await;
            let mut refused = 0;
            for _ in 0..each {
                let answer = connection.send(post(&[PROTOBUF], body.clone())).await;
                if answer.status == 503 {
                    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
                    refused += 1;
                } else {
                    assert_eq!(answer.status, 200);
                }
            }
            refused
        })
    });
    let mut refused = 0;
    for client in clients.collect::<Vec<_>>() {
        refused += client.await.unwrap();
    }
    let (peak, sent) = (victim.peak(), each * 32);
    println!("a flood: {refused} of {sent} requests refused, {peak} MiB at the peak");
    assert!(refused > sent / 2, "{refused} of {sent}");
    assert!(peak <= LIMIT_MIB + LIMIT_MIB / 10, "{peak} MiB");
}

/// Scenario: 150 clients send 3 MiB of a body of 4 MiB, and then wait.
/// Guarantees: bodies that are on their way count too; the process stays below the limit and a tenth, and takes good
/// requests again when those clients are gone.
#[tokio::test]
async fn unfinished_bodies() {
    let victim = Victim::of(&Role::Plan("working"));
    works(&victim, "the start").await;
    let part = vec![0; 3 << 20];
    let mut clients = Vec::new();
    for _ in 0..150 {
        let mut client = TcpStream::connect(victim.http).await.unwrap();
        let head = "POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-protobuf\r\n\
                    content-length: 4194304\r\n\r\n";
        client.write_all(head.as_bytes()).await.unwrap();
        // A refused one is closed before all is written.
        drop(client.write_all(&part).await);
        clients.push(client);
    }
    let peak = victim.peak();
    println!("unfinished bodies: {peak} MiB at the peak");
    assert!(peak <= LIMIT_MIB + LIMIT_MIB / 10, "{peak} MiB");
    drop(clients);
    while Http1::open(victim.http).await.send(post(&[PROTOBUF], spans(5))).await.status != 200 {
        tokio::task::yield_now().await;
    }
}
