//! Certificates on both sides, and their exchange while calls go on.

use tls::certificates::Certificates;

use super::agent::call;
use super::*;

const CLIENT: &str = "{ca_file: $/ca.pem, cert_file: $/client.pem, key_file: $/client.key}";
const SERVER: &str = "{cert_file: $/server.pem, key_file: $/server.key, client_ca_file: $/ca.pem}";

fn listen(tls: &str) -> String {
    format!("[{{transport: tls, endpoint: \"127.0.0.1:0\", tls: {tls}}}]")
}

/// Scenario: callers have to show a certificate of one authority, and so has the edge to the next hop.
/// Guarantees: who has one calls through; who has none, or one of somebody else, does not get in.
#[tokio::test]
async fn both_sides_show_certificates() {
    let (ours, theirs) = (Certificates::new(), Certificates::new());
    let door = Door::secured(&theirs.fill(SERVER)).await;
    // For all next hops a certificate that this one does not believe; its own section counts.
    let more = format!(
        "tls: {}\nnext_hops: {{there: {{targets: [{{uri: \"{}\"}}], tls: {}}}}}",
        ours.fill(CLIENT),
        door.uri(),
        theirs.fill(CLIENT)
    );
    let edge = start_with(&listen(&ours.fill(SERVER)), &more, Outlets::default()).await;
    let address = edge.addresses()[0];
    let trusts = ours.fill("{ca_file: $/ca.pem}");
    assert!(Agent::secured(address, &trusts).await.is_none(), "without a certificate");
    let stranger = format!(
        "{{ca_file: {}, cert_file: {1}/client.pem, key_file: {1}/client.key}}",
        ours.fill("$/ca.pem"),
        theirs.fill("$")
    );
    assert!(Agent::secured(address, &stranger).await.is_none(), "of another authority");
    let mut caller = Agent::secured(address, &ours.fill(CLIENT)).await.unwrap();
    call(&mut caller, &mut Agent::behind(door)).await;
    edge.stop().await;
}

/// Guarantees: a certificate that is replaced is shown to the next who connects, and connections that are open stay.
#[tokio::test]
async fn a_certificate_is_replaced_while_calls_go_on() {
    let (old, new) = (Certificates::new(), Certificates::new());
    let door = Door::tcp().await;
    let shown = old.fill("{cert_file: $/server.pem, key_file: $/server.key, reload_interval: 1ms}");
    let edge = start(&listen(&shown), &door.uri(), "", Outlets::default()).await;
    let address = edge.addresses()[0];
    let mut early = Agent::secured(address, &old.fill("{ca_file: $/ca.pem}")).await.unwrap();
    let trusts_new = new.fill("{ca_file: $/ca.pem}");
    assert!(Agent::secured(address, &trusts_new).await.is_none());
    for name in ["server.pem", "server.key"] {
        std::fs::copy(new.path(name), old.path(name)).unwrap();
    }
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while Agent::secured(address, &trusts_new).await.is_none() {
        assert!(tokio::time::Instant::now() < deadline, "the old certificate is still shown");
    }
    call(&mut early, &mut Agent::behind(door)).await;
    edge.stop().await;
}
