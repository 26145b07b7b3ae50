//! One request and its final answer (RFC 3261, section 17.1).

use std::time::Duration;

use bytes::Bytes;
use throughline_sip::{Builder, Limits, Message, Method};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::link::Link;
use super::request::{Origin, hang_up};

/// T1 and T2 of RFC 3261.
const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(4);

/// The final answer; an error in words where none came in time.
pub(super) async fn exchange(
    link: &mut Link,
    request: Bytes,
    origin: Origin,
    within: Duration,
) -> Result<Message<Bytes>, String> {
    let request = Message::parse(request, &Limits::default()).map_err(|error| error.to_string())?;
    let end = Instant::now() + within;
    let mut begun = false;
    let Ok(answer) = timeout_at(end, answer(link, &request, &mut begun)).await else {
        let cancel = Builder::cancel(&request).ok().filter(|_| begun && is_invite(&request));
        if let Some(Ok(cancel)) = cancel.map(Builder::build) {
            drop(link.send(&cancel).await);
        }
        return Err(format!("no final answer within {within:?}"));
    };
    let answer = answer.map_err(|error| error.to_string())?;
    for message in settle(&request, &answer, origin) {
        drop(link.send(&message).await);
    }
    Ok(answer)
}

/// Sends the request, and again until something comes; `begun` says whether a provisional answer did.
async fn answer(
    link: &mut Link,
    request: &Message<Bytes>,
    begun: &mut bool,
) -> std::io::Result<Message<Bytes>> {
    link.send(request.as_bytes()).await?;
    let mut pause = FIRST;
    let mut again = Instant::now() + pause;
    loop {
        let is_settled = link.is_stream() || (*begun && is_invite(request));
        tokio::select! {
            message = link.receive() => {
                let message = message?;
                match message.status().filter(|_| answers(&message, request)) {
                    Some(..200) => *begun = true,
                    Some(_) => return Ok(message),
                    None => {}
                }
            }
            () = sleep_until(again), if !is_settled => {
                link.send(request.as_bytes()).await?;
                pause = (pause * 2).min(LONGEST);
                again = Instant::now() + pause;
            }
        }
    }
}

/// Same transaction: the branch, and the method of CSeq.
fn answers(answer: &Message<Bytes>, request: &Message<Bytes>) -> bool {
    let branch = |message: &Message<Bytes>| Some(message.top_via().ok()?.branch()?.to_vec());
    let method = |message: &Message<Bytes>| Some(message.cseq().ok()?.method.as_bytes().to_vec());
    branch(answer) == branch(request) && method(answer) == method(request)
}

/// What an INVITE's final answer asks for.
fn settle(request: &Message<Bytes>, answer: &Message<Bytes>, origin: Origin) -> Vec<Bytes> {
    if !is_invite(request) {
        return Vec::new();
    }
    if answer.status().is_some_and(|status| status < 300) {
        return hang_up(request, answer, origin).map(Vec::from).unwrap_or_default();
    }
    let ack = Builder::ack(request, answer).ok().and_then(|ack| ack.build().ok());
    ack.into_iter().collect()
}

fn is_invite(request: &Message<Bytes>) -> bool {
    matches!(request.method(), Some(Method::Invite))
}
