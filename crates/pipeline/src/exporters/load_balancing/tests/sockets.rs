//! Real backends, killed under load.

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;

use super::*;
use crate::exporters::otlp::server::{Reply, Seen, Server, grpc_reply};
use crate::exporters::otlp_grpc;

fn real(section: &Node, ctx: &Ctx) -> Made<dyn Exporter> {
    let Make::Exporter(make) = otlp_grpc::FACTORY.make else { unreachable!() };
    make(section, ctx)
}

/// Spans that servers have answered for; they outlive their servers.
#[derive(Clone, Default)]
struct Arrived(Arc<StdMutex<BTreeSet<u64>>>);

impl Arrived {
    fn taking(&self) -> impl Fn(&Seen) -> Reply + Send + Sync + 'static {
        let all = self.clone();
        move |seen| {
            let message = seen.body.slice(5..);
            all.0.lock().unwrap().extend(span_ids(&Payload::from(message)));
            grpc_reply(b"", &[("grpc-status", "0")])
        }
    }
}

/// Scenario: four senders, three backends; one is killed in the middle, comes back at its address, and another one is
/// killed and leaves the list.
/// Guarantees: every span arrives, and the account knows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn backends_are_killed_under_load() {
    let arrived = Arrived::default();
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(Server::start(arrived.taking()).await);
    }
    let endpoints: Vec<String> = servers.iter().map(|server| server.address.to_string()).collect();
    let yaml = format!(
        "{{resolver: {{static: {{hostnames: ['{}']}}}}, failover_after: 300ms, protocol: {{otlp: {{
            tls: {{insecure: true}}, compression: none, timeout: 1s, sending_queue: {{num_consumers: 2}},
            retry_on_failure: {{initial_interval: 20ms, max_interval: 100ms, max_elapsed_time: 2s}}}}}}}}",
        endpoints.join("','")
    );
    let setup = Arc::new(Setup::start(&yaml, real).await);
    let over = Arc::new(AtomicBool::new(false));
    let senders = (0..4).map(|_| {
        let (setup, over) = (Arc::clone(&setup), Arc::clone(&over));
        tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                // A refused batch is the client's to repeat.
                if setup.balance_now().in_flight > 5000 || setup.send(20).await.is_err() {
                    tokio::task::yield_now().await;
                }
            }
        })
    });
    let senders: Vec<_> = senders.collect();
    let down = async |count: f64| {
        while setup.metric("throughline_loadbalancer_backends_down", &[]) != count {
            tokio::task::yield_now().await;
        }
    };

    servers[1].requests(5).await;
    let address: SocketAddr = servers.remove(1).stop().await;
    down(1.0).await;
    let back = Server::start_at(address, arrived.taking()).await;
    back.requests(5).await;
    down(0.0).await;
    servers[0].requests(servers[0].count() + 5).await;
    let gone = servers.remove(0).stop().await.to_string();
    let left: Vec<&str> = endpoints.iter().map(String::as_str).filter(|endpoint| *endpoint != gone).collect();
    setup.install(&left);
    back.requests(back.count() + 5).await;
    over.store(true, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }

    while setup.balance_now().in_flight > 0 {
        tokio::task::yield_now().await;
    }
    let sent = setup.sent.load(Ordering::Relaxed);
    let balance = setup.balance();
    assert_eq!((balance.exported, balance.lost), (sent as i64, 0));
    assert_eq!(arrived.0.lock().unwrap().len() as u64, sent);
    assert!(setup.metric("throughline_loadbalancer_rerouted_items", &[]) > 0.0);
    setup.stop().await;
    assert_eq!(setup.ctx.memory.held(), 0);
}
