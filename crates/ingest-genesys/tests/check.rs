//! `genesys_cloud::check` at the simulator: what is said of a service that works, and of one that does not.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use expect_test::{Expect, expect};
use flow::config::{Node, Opaque};
use ingest_genesys::genesys_cloud::{Target, check::check};
use sim::genesys::scenario::library;
use sim::genesys::serve::{self, Simulator};
use sim::genesys::service::{Faults, Options};
use tokio::net::TcpListener;

fn options() -> Options {
    Options::quiet(library().unwrap())
}

async fn start(options: Options) -> Simulator {
    Simulator::start(options, serve::Settings::default()).await.unwrap()
}

fn client(address: &str, secret: &str) -> Target {
    Target::client(address, "simulated-client", Opaque(secret.to_owned()), None).unwrap()
}

/// What is said at `target`, without what differs from run to run.
async fn says(target: &Target, port: u16, expected: Expect) {
    let report = check(target).await;
    let text = report.to_string().replace(&format!(":{port}"), ":PORT");
    let words =
        text.split_inclusive([' ', '\n']).map(|word| match word.trim_end_matches([']', ';', ' ', '\n']) {
            id if id.len() == 36 && id.matches('-').count() == 4 => word.replace(id, "ID"),
            topic if topic.starts_with("v2.") => {
                let id = topic.split('.').find(|part| part.len() == 36).unwrap();
                word.replace(id, "ID")
            }
            _ => word.to_owned(),
        });
    let text: String = words.collect();
    let text = match text.split_once("requests left: ") {
        // How far the minute is, only the service knows.
        Some((before, left)) => {
            format!("{before}requests left: {}", left.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None => text,
    };
    expected.assert_eq(&text);
    let said = format!("{report:?} {report} {} {target:?}", report.to_json());
    assert!(!said.contains("simulated-secret") && !said.contains("wr0ng"), "{said}");
    let fails = text.lines().any(|line| line.starts_with("FAIL"));
    assert_eq!(
        (report.sound(), report.to_json().get("sound").and_then(serde_json::Value::as_bool)),
        (!fails, Some(!fails))
    );
}

async fn simulated(options: Options, secret: &str, expected: Expect) {
    let simulator = start(options).await;
    let target = client(&simulator.base_url(), secret);
    says(&target, simulator.address().port(), expected).await;
}

#[tokio::test]
async fn a_service_that_works() {
    simulated(
        options(),
        "simulated-secret",
        expect![[r#"
            ok    region: 127.0.0.1: API http://127.0.0.1:PORT/, login http://127.0.0.1:PORT/
            note  TLS: requests to 127.0.0.1 go without TLS, the secret too: for a simulator alone
            ok    DNS: 127.0.0.1 is 127.0.0.1
            ok    TCP: 127.0.0.1:PORT answers
            ok    token: 127.0.0.1 gave one to client simulated-client, organisation Simulated
            ok    clock: within 2 s of the service's
            ok    queues: 4 can be seen
            ok    users: 5 can be seen
            ok    analytics, by time: 0 conversations in the last hour
            ok    analytics, by conversation: answers
            ok    channel: made one; there is no request to delete it, it ends by itself within 24 h
            ok    topics of queues: v2.routing.queues.ID.conversations is taken
            ok    topics of users: v2.users.ID.conversations is taken
            ok    notification socket: 127.0.0.1:PORT opened it
            ok    requests left:  of 300 in this minute
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_secret_that_is_wrong() {
    simulated(options(), "wr0ng", expect![[r#"
        ok    region: 127.0.0.1: API http://127.0.0.1:PORT/, login http://127.0.0.1:PORT/
        note  TLS: requests to 127.0.0.1 go without TLS, the secret too: for a simulator alone
        ok    DNS: 127.0.0.1 is 127.0.0.1
        ok    TCP: 127.0.0.1:PORT answers
        FAIL  token: 127.0.0.1 does not let client simulated-client in (401 invalid_client); check client id and secret, that the OAuth client (Admin, Integrations, OAuth) is active and of the grant `Client Credentials`, and that its organisation is in this region
        note  not checked: permissions, notifications and limits: there is no token
    "#]]).await;
}

#[tokio::test]
async fn permissions_that_are_missing() {
    for (denied, expected) in [
        (
            "routing:queue:view",
            expect![[r#"
                ok    region: 127.0.0.1: API http://127.0.0.1:PORT/, login http://127.0.0.1:PORT/
                note  TLS: requests to 127.0.0.1 go without TLS, the secret too: for a simulator alone
                ok    DNS: 127.0.0.1 is 127.0.0.1
                ok    TCP: 127.0.0.1:PORT answers
                ok    token: 127.0.0.1 gave one to client simulated-client, organisation Simulated
                ok    clock: within 2 s of the service's
                FAIL  queues: needs `routing:queue:view`: GET /api/v2/routing/queues was refused with 403 missing.permissions: Unable to perform the requested action. You are missing the following permission(s): routing:queue:view [correlation ID]; give a role with this permission to the OAuth client (Admin, Integrations, OAuth, Roles), in every division it is to see
                ok    users: 5 can be seen
                ok    analytics, by time: 0 conversations in the last hour
                ok    analytics, by conversation: answers
                ok    channel: made one; there is no request to delete it, it ends by itself within 24 h
                note  topics of queues: not checked: there is none to follow
                ok    topics of users: v2.users.ID.conversations is taken
                ok    notification socket: 127.0.0.1:PORT opened it
                ok    requests left:  of 300 in this minute
            "#]],
        ),
        (
            "conversation:communication:view",
            expect![[r#"
                ok    region: 127.0.0.1: API http://127.0.0.1:PORT/, login http://127.0.0.1:PORT/
                note  TLS: requests to 127.0.0.1 go without TLS, the secret too: for a simulator alone
                ok    DNS: 127.0.0.1 is 127.0.0.1
                ok    TCP: 127.0.0.1:PORT answers
                ok    token: 127.0.0.1 gave one to client simulated-client, organisation Simulated
                ok    clock: within 2 s of the service's
                ok    queues: 4 can be seen
                ok    users: 5 can be seen
                ok    analytics, by time: 0 conversations in the last hour
                ok    analytics, by conversation: answers
                ok    channel: made one; there is no request to delete it, it ends by itself within 24 h
                FAIL  topics of queues: v2.routing.queues.ID.conversations is refused: Missing permissions (missing conversation:communication:view); give a role with this permission to the OAuth client (Admin, Integrations, OAuth, Roles), in every division it is to see
                FAIL  topics of users: v2.users.ID.conversations is refused: Missing permissions (missing conversation:communication:view); give a role with this permission to the OAuth client (Admin, Integrations, OAuth, Roles), in every division it is to see
                ok    notification socket: 127.0.0.1:PORT opened it
                ok    requests left:  of 300 in this minute
            "#]],
        ),
        (
            "analytics:conversationDetail:view",
            expect![[r#"
                ok    region: 127.0.0.1: API http://127.0.0.1:PORT/, login http://127.0.0.1:PORT/
                note  TLS: requests to 127.0.0.1 go without TLS, the secret too: for a simulator alone
                ok    DNS: 127.0.0.1 is 127.0.0.1
                ok    TCP: 127.0.0.1:PORT answers
                ok    token: 127.0.0.1 gave one to client simulated-client, organisation Simulated
                ok    clock: within 2 s of the service's
                ok    queues: 4 can be seen
                ok    users: 5 can be seen
                FAIL  analytics, by time: needs `analytics:conversationDetail:view`: POST /api/v2/analytics/conversations/details/query was refused with 403 missing.permissions: Unable to perform the requested action. You are missing the following permission(s): analytics:conversationDetail:view [correlation ID]; give a role with this permission to the OAuth client (Admin, Integrations, OAuth, Roles), in every division it is to see
                ok    channel: made one; there is no request to delete it, it ends by itself within 24 h
                ok    topics of queues: v2.routing.queues.ID.conversations is taken
                ok    topics of users: v2.users.ID.conversations is taken
                ok    notification socket: 127.0.0.1:PORT opened it
                ok    requests left:  of 300 in this minute
            "#]],
        ),
    ] {
        simulated(Options { denied: vec![denied.to_owned()], ..options() }, "simulated-secret", expected)
            .await;
    }
}

#[tokio::test]
async fn a_service_with_trouble() {
    let faults = Faults { status_503: 1.0, ..Faults::default() };
    simulated(Options { faults, ..options() }, "simulated-secret", expect![[r#"
        ok    region: 127.0.0.1: API http://127.0.0.1:PORT/, login http://127.0.0.1:PORT/
        note  TLS: requests to 127.0.0.1 go without TLS, the secret too: for a simulator alone
        ok    DNS: 127.0.0.1 is 127.0.0.1
        ok    TCP: 127.0.0.1:PORT answers
        ok    token: 127.0.0.1 gave one to client simulated-client
        FAIL  queues: GET /api/v2/routing/queues was refused with 503 service.unavailable: Service is temporarily unavailable [correlation ID]; it is asked again
        FAIL  users: GET /api/v2/users was refused with 503 service.unavailable: Service is temporarily unavailable [correlation ID]; it is asked again
        FAIL  analytics, by time: POST /api/v2/analytics/conversations/details/query was refused with 503 service.unavailable: Service is temporarily unavailable [correlation ID]; it is asked again
        FAIL  channel: GET /api/v2/notifications/channels was refused with 503 service.unavailable: Service is temporarily unavailable [correlation ID]; it is asked again
        ok    requests left:  of 300 in this minute
    "#]]).await;
}

#[tokio::test]
async fn a_queue_that_is_not_there() {
    let simulator = start(options()).await;
    let yaml = format!(
        "region: {}\nclient_id: simulated-client\nclient_secret: simulated-secret\nusers: false\nqueues: [billing, nowhere]\n",
        simulator.base_url()
    );
    let target = Target::of(&Node::load("c.yaml", &yaml).unwrap()).unwrap();
    says(&target, simulator.address().port(), expect![[r#"
        ok    region: 127.0.0.1: API http://127.0.0.1:PORT/, login http://127.0.0.1:PORT/
        note  TLS: requests to 127.0.0.1 go without TLS, the secret too: for a simulator alone
        ok    DNS: 127.0.0.1 is 127.0.0.1
        ok    TCP: 127.0.0.1:PORT answers
        ok    token: 127.0.0.1 gave one to client simulated-client, organisation Simulated
        ok    clock: within 2 s of the service's
        FAIL  queues: there is no queue `nowhere` that the client can see; check its name or id in `queues`, and the divisions of the client's roles
        ok    queues: 1 of 2 that are wanted
        ok    analytics, by time: 0 conversations in the last hour
        ok    analytics, by conversation: answers
        ok    channel: made one; there is no request to delete it, it ends by itself within 24 h
        ok    topics of queues: v2.routing.queues.ID.conversations is taken
        ok    notification socket: 127.0.0.1:PORT opened it
        ok    requests left:  of 300 in this minute
    "#]]).await;
}

#[tokio::test]
async fn a_port_that_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    says(&client(&format!("http://127.0.0.1:{port}"), "simulated-secret"), port, expect![[r#"
        ok    region: 127.0.0.1: API http://127.0.0.1:PORT/, login http://127.0.0.1:PORT/
        note  TLS: requests to 127.0.0.1 go without TLS, the secret too: for a simulator alone
        ok    DNS: 127.0.0.1 is 127.0.0.1
        FAIL  TCP: 127.0.0.1:PORT cannot be connected to: Connection refused (os error 111); open the way out to it in the firewall, or name your proxy with `proxy_url` or HTTPS_PROXY
        note  not checked: token, permissions, notifications and limits: a host is not reached
    "#]]).await;
}

#[tokio::test]
async fn a_service_without_tls() {
    let simulator = start(options()).await;
    let port = simulator.address().port();
    says(&client(&format!("https://127.0.0.1:{port}"), "simulated-secret"), port, expect![[r#"
        ok    region: 127.0.0.1: API https://127.0.0.1:PORT/, login https://127.0.0.1:PORT/
        ok    DNS: 127.0.0.1 is 127.0.0.1
        ok    TCP: 127.0.0.1:PORT answers
        FAIL  TLS: 127.0.0.1: received corrupt message of type InvalidContentType; if a proxy on the way opens TLS, name its certificate with `ca_file`; if a certificate is not valid yet or no more, look at the clock of this machine
        note  not checked: token, permissions, notifications and limits: a host is not reached
    "#]]).await;
}

#[tokio::test]
async fn no_more_channels_are_made_than_there_are_places() {
    let simulator = start(options()).await;
    let target = client(&simulator.base_url(), "simulated-secret");
    for _ in 0..20 {
        assert!(check(&target).await.sound());
    }
    let report = check(&target).await.to_string();
    assert!(report.contains("note  channel: the client has 20 already"), "{report}");
    assert!(!report.contains("notification socket"), "{report}");
}

#[test]
fn what_is_no_region_is_refused() {
    let error = Target::client("eu_west_9", "c", Opaque("wr0ng".to_owned()), None).unwrap_err();
    assert!(error.starts_with("`eu_west_9` is no region; known are us_east_1, "), "{error}");
}

/// The WebSocket of the pages' dialect, opened, and refused with what to do.
#[tokio::test]
async fn the_pages_web_socket() {
    for (refuse, expected) in [
        (0.0, "ok    the pages' WebSocket: 127.0.0.1 opened it\n"),
        (
            1.0,
            "refused the handshake with 401 bad.credentials: Invalid login credentials. Sent was the token that 127.0.0.1 gave to the OAuth client simulated-client, to 127.0.0.1. It is not valid there",
        ),
    ] {
        let faults = Faults { refuse_handshakes: refuse, ..Faults::default() };
        let simulator = start(Options { faults, ..options() }).await;
        let yaml = format!(
            "region: {}\nclient_id: simulated-client\nclient_secret: simulated-secret\ndialect: pages\n",
            simulator.base_url()
        );
        let target = Target::of(&Node::load("c.yaml", &yaml).unwrap()).unwrap();
        let report = check(&target).await;
        assert!(report.to_string().contains(expected), "{report}");
        assert_eq!(report.sound(), refuse == 0.0);
    }
}
