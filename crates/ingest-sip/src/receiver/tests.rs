//! Calls over real sockets.

mod agent;
mod phones;
mod secured;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flow::{Batch, Consumer, Memory, Refusal, Telemetry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use agent::{Agent, Certificate, Door, call};

/// An edge that gives calls from this machine to one target.
async fn start(listen: &str, target: &str, more: &str, outlets: Outlets) -> Sip {
    let more = format!("{more}\nnext_hops: {{there: {{targets: [{{uri: \"{target}\"}}]}}}}");
    start_with(listen, &more, outlets).await
}

/// The same with a next hop `there` of one's own.
async fn start_with(listen: &str, more: &str, outlets: Outlets) -> Sip {
    let yaml = format!(
        "listen: {listen}\ntrunks: {{here: {{peers: [127.0.0.1]}}}}\n{more}\nroutes: [{{to: there}}]\n"
    );
    let section = Node::load("c.yaml", &yaml).unwrap();
    let errors = (IN.check)(&section);
    assert!(errors.is_empty(), "{errors:?}");
    let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).named("sip");
    let sip = Sip::new(&section, &ctx).unwrap();
    sip.start(outlets).await.unwrap();
    sip
}

const UDP: &str = "[{transport: udp, endpoint: \"127.0.0.1:0\"}]";

#[tokio::test]
async fn a_call_over_udp() {
    let mut called = Agent::udp().await;
    let edge = start(UDP, &called.uri(), "", Outlets::default()).await;
    let mut caller = Agent::udp().await;
    caller.towards(edge.addresses()[0]);
    call(&mut caller, &mut called).await;
    edge.stop().await;
    let text = gathered(&edge);
    assert!(text.contains("INVITE in udp 1\n") && text.contains("BYE out udp 1\n"), "{text}");
}

#[tokio::test]
async fn a_call_over_tcp() {
    let door = Door::tcp().await;
    let listen = "[{transport: tcp, endpoint: \"127.0.0.1:0\"}]";
    let edge = start(listen, &door.uri(), "", Outlets::default()).await;
    let mut caller = Agent::tcp(edge.addresses()[0]).await;
    caller.send(b"\r\n\r\n").await;
    call(&mut caller, &mut Agent::behind(door)).await;
    edge.stop().await;
}

#[tokio::test]
async fn a_call_over_tls() {
    let certificate = Certificate::new();
    let door = Door::tls(&certificate).await;
    let (cert, key) = (certificate.cert_file(), certificate.key_file());
    let listen = format!(
        "[{{transport: tls, endpoint: \"127.0.0.1:0\", tls: {{cert_file: {cert}, key_file: {key}}}}}]"
    );
    let edge = start(&listen, &door.uri(), &format!("tls: {{ca_file: {cert}}}"), Outlets::default()).await;
    let mut caller = Agent::tls(edge.addresses()[0], &certificate).await;
    call(&mut caller, &mut Agent::behind(door)).await;
    edge.stop().await;
}

#[tokio::test]
async fn a_target_whose_certificate_is_not_believed_gets_nothing() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let door = Door::tls(&certificate).await;
    let more = format!("tls: {{ca_file: {}}}", other.cert_file());
    let edge = start(UDP, &door.uri(), &more, Outlets::default()).await;
    let mut caller = Agent::udp().await;
    caller.towards(edge.addresses()[0]);
    caller.send(&caller.invite("c1")).await;
    assert!(door.accept().await.is_none());
    edge.stop().await;
}

#[tokio::test]
async fn a_call_from_a_websocket() {
    let mut called = Agent::udp().await;
    let listen = "[{transport: udp, endpoint: \"127.0.0.1:0\"}, {transport: ws, endpoint: \"127.0.0.1:0\"}]";
    let edge = start(listen, &called.uri(), "", Outlets::default()).await;
    let mut caller = Agent::ws(edge.addresses()[1]).await;
    call(&mut caller, &mut called).await;
    edge.stop().await;
}

/// From UDP to TCP and back: each side has its own Record-Route.
#[tokio::test]
async fn a_call_between_transports() {
    let door = Door::tcp().await;
    let listen = "[{transport: udp, endpoint: \"127.0.0.1:0\"}, {transport: tcp, endpoint: \"127.0.0.1:0\"}]";
    let edge = start(listen, &door.uri(), "", Outlets::default()).await;
    let mut caller = Agent::udp().await;
    caller.towards(edge.addresses()[0]);
    call(&mut caller, &mut Agent::behind(door)).await;
    edge.stop().await;
}

/// A pipeline that takes everything, or nothing, or never answers.
#[derive(Default)]
struct Pipeline {
    full: bool,
    hangs: bool,
    spans: AtomicUsize,
    refused: AtomicUsize,
}

impl Consumer for Pipeline {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        let count = if self.full || self.hangs { &self.refused } else { &self.spans };
        count.fetch_add(batch.items, Ordering::SeqCst);
        if self.hangs {
            return Box::pin(std::future::pending());
        }
        let answer = if self.full { Err(Refusal::busy("full", Duration::ZERO)) } else { Ok(()) };
        Box::pin(std::future::ready(answer))
    }
}

async fn a_call_before(pipeline: &Arc<Pipeline>) -> Sip {
    let mut called = Agent::udp().await;
    let traces = Arc::clone(pipeline) as Arc<dyn Consumer>;
    let edge = start(UDP, &called.uri(), "", Outlets { traces: Some(traces), ..Outlets::default() }).await;
    let mut caller = Agent::udp().await;
    caller.towards(edge.addresses()[0]);
    call(&mut caller, &mut called).await;
    edge.stop().await;
    edge
}

#[tokio::test]
async fn a_call_goes_through_although_the_pipeline_takes_nothing() {
    let pipeline = Arc::new(Pipeline { full: true, ..Pipeline::default() });
    a_call_before(&pipeline).await;
    assert!(pipeline.refused.load(Ordering::SeqCst) > 0);
}

/// Nor does it keep the receiver from ending; what it did not take is counted.
#[tokio::test]
async fn a_call_goes_through_although_the_pipeline_never_answers() {
    let pipeline = Arc::new(Pipeline { hangs: true, ..Pipeline::default() });
    let edge = a_call_before(&pipeline).await;
    assert!(pipeline.refused.load(Ordering::SeqCst) > 0);
    let lost = edge.ctx.telemetry.counter("throughline_sip_lost_spans", "", &["receiver"]);
    assert!(lost.with_label_values(&["sip"]).get() >= 3);
}

#[tokio::test]
async fn spans_of_a_call_are_in_the_pipeline_when_the_receiver_has_stopped() {
    let pipeline = Arc::new(Pipeline::default());
    a_call_before(&pipeline).await;
    assert!(pipeline.spans.load(Ordering::SeqCst) >= 3);
}

#[tokio::test]
async fn who_speaks_no_sip_is_hung_up_on_and_others_are_not() {
    let mut called = Agent::udp().await;
    let listen = "[{transport: udp, endpoint: \"127.0.0.1:0\"}, {transport: tcp, endpoint: \"127.0.0.1:0\"}]";
    let more = "limits: {connections_per_address: 3}";
    let edge = start(listen, &called.uri(), more, Outlets::default()).await;
    let tcp = edge.addresses()[1];
    let mut silent = Vec::new();
    for bytes in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"INVITE sip:a SIP/2.0\r\nVia: x\r\n\r\n", &[b'x'; 70_000][..]]
    {
        let mut wrong = TcpStream::connect(tcp).await.unwrap();
        // The edge may hang up before all is written.
        let _sent = wrong.write_all(bytes).await;
        let mut answer = [0; 1];
        let read = tokio::time::timeout(Duration::from_secs(10), wrong.read(&mut answer)).await.unwrap();
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
    for _ in 0..3 {
        silent.push(TcpStream::connect(tcp).await.unwrap());
    }
    let mut fourth = TcpStream::connect(tcp).await.unwrap();
    let read = tokio::time::timeout(Duration::from_secs(10), fourth.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "the fourth has no place: {read:?}");
    let mut caller = Agent::udp().await;
    caller.towards(edge.addresses()[0]);
    caller.send(b"no sip").await;
    caller.send(&[0xff; 2000]).await;
    call(&mut caller, &mut called).await;
    edge.stop().await;
    let text = gathered(&edge);
    assert!(text.contains("not_sip 5\n"), "{text}");
    drop(silent);
}

/// A stream whose next message cannot be found is answered, so that who made it learns what is wrong, and closed.
#[tokio::test]
async fn who_breaks_the_stream_is_told_why() {
    let edge =
        start("[{transport: tcp, endpoint: \"127.0.0.1:0\"}]", "sip:127.0.0.1:9", "", Outlets::default())
            .await;
    let head = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1:5060;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
                To: <sip:c@d>\r\nCall-ID: one\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\n";
    let long = format!("X-Long: {}\r\n", "x".repeat(70_000));
    for (more, status) in [
        ("\r\n", "400 Bad Request"),
        ("Content-Length: many\r\n\r\n", "400 Bad Request"),
        ("Content-Length: 100000\r\n\r\n", "513 Message Too Large"),
        (long.as_str(), "513 Message Too Large"),
        (&"X: y\r\n".repeat(600), "513 Message Too Large"),
    ] {
        let mut wrong = TcpStream::connect(edge.addresses()[0]).await.unwrap();
        wrong.write_all(format!("{head}{more}\r\n").as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = wrong.read_to_string(&mut answer);
        tokio::time::timeout(Duration::from_secs(10), read).await.unwrap().unwrap();
        assert!(answer.starts_with(&format!("SIP/2.0 {status}\r\n")), "{answer}");
        assert!(answer.contains("branch=z9hG4bK1;received=127.0.0.1\r\n"), "{answer}");
    }
    edge.stop().await;
}

/// Labels, without the receiver's, and values of what was counted.
fn gathered(edge: &Sip) -> String {
    let mut lines = String::new();
    for family in edge.ctx.telemetry.registry().gather() {
        for metric in family.get_metric() {
            let labels: Vec<_> = ["method", "direction", "transport", "reason"]
                .iter()
                .filter_map(|name| metric.get_label().iter().find(|label| label.name() == *name))
                .map(|label| label.value().to_owned())
                .collect();
            lines += &format!("{} {}\n", labels.join(" "), metric.get_counter().get_value());
        }
    }
    lines
}
