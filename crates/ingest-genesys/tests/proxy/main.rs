//! A site whose only way out is a proxy: requests and sockets go through it, and where it says no, that is told.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod net;
#[path = "../hostile/kept.rs"]
mod kept;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use expect_test::{Expect, expect};
use flow::Telemetry;
use flow::config::{Node, Opaque};
use ingest_genesys::genesys_cloud::{self, Target, check::check};
use ingest_genesys::platform::{Base, Credentials, Platform, Proxies, Settings};
use kept::receiver;
use net::{HOST, Manner, Net};
use sim::genesys::service::Mischief;

/// `user:p@ss`, as it is written into an address and as it is sent.
const LOGIN: &str = "user:p%40ss";
const SENT: &str = "Proxy-Authorization: Basic dXNlcjpwQHNz";

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let so = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), so)
        .await
        .unwrap_or_else(|_| panic!("waited until {what}"));
}

/// What is counted by a reason.
fn counted(telemetry: &Telemetry, name: &str, reason: &str) -> bool {
    let families = telemetry.registry().gather();
    let family = families.iter().find(|family| family.name() == name);
    family.is_some_and(|family| {
        let mut labels = family.get_metric().iter().flat_map(|metric| metric.get_label());
        labels.any(|label| label.name() == "reason" && label.value() == reason)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_goes_through_the_proxy() {
    let net = Net::new(Manner::OpensTo(SENT), 5).await;
    let (receiver, kept, _) = receiver(&net.yaml(&format!("http://{LOGIN}@{}", net.proxy))).await;
    until("all calls are seen", || kept.0.lock().unwrap().len() == 5).await;
    let sockets = || net.simulator.with(|service| service.carries("v2.routing.queues."));
    until("a channel is open", sockets).await;
    receiver.stop().await;
    let asked = net.asked();
    // One way for requests at least, and one for the socket.
    assert!(asked.len() >= 2, "{asked:?}");
    for head in asked {
        assert!(head.starts_with(&format!("CONNECT {HOST}:443 HTTP/1.1\r\n")), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_says_no_is_counted() {
    for (manner, name) in [
        (Manner::Says("407 Proxy Authentication Required"), "throughline_genesys_failed_requests"),
        (Manner::Says("502 Bad Gateway"), "throughline_genesys_failed_requests"),
        // Requests keep their ways; the socket that is cut finds none.
        (Manner::OpensUntil("v2."), "throughline_genesys_failed_sockets"),
    ] {
        let net = Net::new(manner, 0).await;
        let (receiver, _, telemetry) = receiver(&net.yaml(&format!("http://{}", net.proxy))).await;
        let counted = || {
            net.simulator.with(|service| service.make(Mischief::DropSockets));
            counted(&telemetry, name, "proxy")
        };
        until(name, counted).await;
        receiver.stop().await;
    }
}

/// What a request says of it; without TLS it is told to the proxy, with it a way is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_says_which_proxy_and_what_to_do() {
    let mut said = String::new();
    for (scheme, manner, login) in [
        ("https", Manner::Says("407 Proxy Authentication Required"), ""),
        ("https", Manner::Says("407 Proxy Authentication Required"), "user:other@"),
        ("https", Manner::Says("502 Bad Gateway"), ""),
        ("http", Manner::Says("407 Proxy Authentication Required\r\nContent-Length: 0"), ""),
    ] {
        let net = Net::new(manner, 0).await;
        let proxies = Arc::new(Proxies::new(&format!("http://{login}{}", net.proxy)).unwrap());
        let client_secret = Opaque("s3cret".to_owned());
        let credentials = Credentials { client_id: "c".to_owned(), client_secret };
        let base = Base::of(&format!("{scheme}://{HOST}")).unwrap();
        let settings = Settings { proxies, attempts: 1, ..Settings::new(base, credentials) };
        let platform = Platform::new(settings, genesys_cloud::tls::config(None).unwrap()).unwrap();
        let error = platform.get::<serde_json::Value>("/api/v2/users").await.unwrap_err();
        assert_eq!(error.reason(), "proxy");
        writeln!(said, "{}", error.to_string().replace(&net.proxy.to_string(), "PROXY")).unwrap();
    }
    expect![[r#"
        genesys.example is not reached: the proxy PROXY did not open a way; it wants a login: write it into `proxy_url` (or HTTPS_PROXY), as in `http://user:password@host:port`
        genesys.example is not reached: the proxy PROXY did not open a way; it does not take the login of `proxy_url` (or HTTPS_PROXY); in it, `@`, `:` and `%` are written as %40, %3A and %25
        genesys.example is not reached: the proxy PROXY did not open a way; let whoever runs it allow CONNECT to this host and port
        genesys.example is not reached: the proxy PROXY did not open a way; it wants a login: write it into `proxy_url` (or HTTPS_PROXY), as in `http://user:password@host:port`
    "#]].assert_eq(&said);
}

/// What the check says, without what differs from run to run.
async fn says(manner: Manner, login: &str, expected: Expect) {
    let net = Net::new(manner, 0).await;
    let yaml = net.yaml(&format!("http://{login}{}", net.proxy));
    let target = Target::of(&Node::load("c.yaml", &yaml).unwrap()).unwrap();
    let report = check(&target).await;
    let text = report.to_string().replace(&net.proxy.to_string(), "PROXY");
    assert!(
        !text.contains("p%40ss")
            && !text.contains("dXNlcjpwQHNz")
            && !format!("{target:?}").contains("p%40ss")
    );
    let text: String =
        text.lines().filter(|line| !line.contains("  requests left")).fold(String::new(), |text, line| {
            let words = line.split(' ').map(|word| {
                let id = word.split('.').find(|part| part.len() == 36).unwrap_or("\n");
                word.replace(id, "ID")
            });
            text + &words.collect::<Vec<_>>().join(" ") + "\n"
        });
    expected.assert_eq(&text);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_goes_through_it_too() {
    says(
        Manner::Opens,
        "",
        expect![[r#"
        ok    region: genesys.example: API https://genesys.example/, login https://genesys.example/
        note  proxy: requests to genesys.example go through PROXY
        ok    DNS: 127.0.0.1 is 127.0.0.1
        ok    TCP: PROXY answers
        ok    proxy: PROXY opened a way to genesys.example:443
        ok    TLS: genesys.example has a certificate that is believed (TLS 1.3)
        ok    token: genesys.example gave one to client simulated-client, organisation Simulated
        ok    clock: within 2 s of the service's
        ok    queues: 1 can be seen
        ok    users: 1 can be seen
        ok    analytics, by time: 0 conversations in the last hour
        ok    analytics, by conversation: answers
        ok    channel: made one; there is no request to delete it, it ends by itself within 24 h
        ok    topics of queues: v2.routing.queues.ID.conversations is taken
        ok    topics of users: v2.users.ID.conversations is taken
        ok    notification socket: genesys.example:443 opened it
    "#]],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_missing_or_wrong() {
    says(Manner::OpensTo(SENT), "", expect![[r#"
        ok    region: genesys.example: API https://genesys.example/, login https://genesys.example/
        note  proxy: requests to genesys.example go through PROXY
        ok    DNS: 127.0.0.1 is 127.0.0.1
        ok    TCP: PROXY answers
        FAIL  proxy: the proxy PROXY answered 407 to CONNECT genesys.example:443; it wants a login: write it into `proxy_url` (or HTTPS_PROXY), as in `http://user:password@host:port`
        note  not checked: token, permissions, notifications and limits: a host is not reached
    "#]]).await;
    says(Manner::OpensTo(SENT), "user:other@", expect![[r#"
        ok    region: genesys.example: API https://genesys.example/, login https://genesys.example/
        note  proxy: requests to genesys.example go through PROXY
        ok    DNS: 127.0.0.1 is 127.0.0.1
        ok    TCP: PROXY answers
        FAIL  proxy: the proxy PROXY answered 407 to CONNECT genesys.example:443; it does not take the login of `proxy_url` (or HTTPS_PROXY); in it, `@`, `:` and `%` are written as %40, %3A and %25
        note  not checked: token, permissions, notifications and limits: a host is not reached
    "#]]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_opens_no_way() {
    says(Manner::Says("502 Bad Gateway"), "", expect![[r#"
        ok    region: genesys.example: API https://genesys.example/, login https://genesys.example/
        note  proxy: requests to genesys.example go through PROXY
        ok    DNS: 127.0.0.1 is 127.0.0.1
        ok    TCP: PROXY answers
        FAIL  proxy: the proxy PROXY answered 502 to CONNECT genesys.example:443; let whoever runs it allow CONNECT to this host and port
        note  not checked: token, permissions, notifications and limits: a host is not reached
    "#]]).await;
    says(Manner::Says("403 Forbidden"), &format!("{LOGIN}@"), expect![[r#"
        ok    region: genesys.example: API https://genesys.example/, login https://genesys.example/
        note  proxy: requests to genesys.example go through PROXY
        ok    DNS: 127.0.0.1 is 127.0.0.1
        ok    TCP: PROXY answers
        FAIL  proxy: the proxy PROXY answered 403 to CONNECT genesys.example:443; let whoever runs it allow CONNECT to this host and port
        note  not checked: token, permissions, notifications and limits: a host is not reached
    "#]]).await;
}

/// The way of the check and that of requests are open, that of the socket is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_opens_no_way_for_the_socket() {
    says(Manner::OpensUntil("v2.users."), "", expect![[r#"
        ok    region: genesys.example: API https://genesys.example/, login https://genesys.example/
        note  proxy: requests to genesys.example go through PROXY
        ok    DNS: 127.0.0.1 is 127.0.0.1
        ok    TCP: PROXY answers
        ok    proxy: PROXY opened a way to genesys.example:443
        ok    TLS: genesys.example has a certificate that is believed (TLS 1.3)
        ok    token: genesys.example gave one to client simulated-client, organisation Simulated
        ok    clock: within 2 s of the service's
        ok    queues: 1 can be seen
        ok    users: 1 can be seen
        ok    analytics, by time: 0 conversations in the last hour
        ok    analytics, by conversation: answers
        ok    channel: made one; there is no request to delete it, it ends by itself within 24 h
        ok    topics of queues: v2.routing.queues.ID.conversations is taken
        ok    topics of users: v2.users.ID.conversations is taken
        FAIL  notification socket: the proxy PROXY answered 403 to CONNECT genesys.example:443; let whoever runs it allow CONNECT to this host and port
    "#]]).await;
}
