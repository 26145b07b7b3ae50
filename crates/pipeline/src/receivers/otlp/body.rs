//! Reading a request's body: limits on bytes and time, and an account of what has come.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flow::{Hold, Refusal, Signal};
use http::header::EXPECT;
use http::request::Parts;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout, timeout_at};

use super::intake::Intake;

/// For a whole body, where the configuration sets no `read_timeout`.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// What a body has to send before room is made for all that it announces.
const ON_TRUST: usize = 256 << 10;
/// Below this a body is copied out of the connection's buffer, which it would keep alive.
const SMALL: usize = 4 << 10;

/// What is read of a refused body, and for how long.
const REST: usize = 256 << 10;
const PATIENCE: Duration = Duration::from_secs(1);

/// What a body may be.
pub(super) struct Limits {
    pub(super) signal: Signal,
    pub(super) bytes: usize,
    pub(super) within: Duration,
}

/// Why a body was not read.
pub(super) enum Unread {
    Refused(Refusal),
    /// Not in time.
    Slow(Duration),
    /// The client went away, or broke HTTP.
    Broken,
}

impl From<Refusal> for Unread {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Reads a body. `announced` may find in the first bytes how many there will be, or that they are not worth reading.
///
/// The pipelines are asked for room for what is announced, and again as it comes; only what has come is accounted.
pub(super) async fn read(
    body: &mut Incoming,
    limits: &Limits,
    intake: &Intake,
    announced: impl FnOnce(&[u8]) -> Result<Option<usize>, Refusal>,
) -> Result<(Bytes, Hold), Unread> {
    let mut expected = body.size_hint().exact().map(|len| usize::try_from(len).unwrap_or(usize::MAX));
    within(expected, limits)?;
    let mut hold = intake.admit(limits.signal, expected.unwrap_or(0))?;
    let deadline = Instant::now() + limits.within;
    let Some(first) = frame(body, deadline, limits).await? else { return Ok((Bytes::new(), hold)) };
    expected = expected.or(announced(&first)?);
    within(expected.max(Some(first.len())), limits)?;
    hold.resize(first.len());
    let second = if body.is_end_stream() { None } else { frame(body, deadline, limits).await? };
    let Some(mut next) = second else { return Ok((own(first), hold)) };
    let mut read = BytesMut::with_capacity(expected.unwrap_or(0).min(ON_TRUST).max(first.len() + next.len()));
    read.extend_from_slice(&first);
    drop(first);
    loop {
        within(Some(read.len() + next.len()), limits)?;
        intake.room(limits.signal, next.len())?;
        if let Some(expected) = expected.filter(|_| read.len() >= ON_TRUST) {
            read.reserve(expected.saturating_sub(read.len()));
        }
        read.extend_from_slice(&next);
        hold.resize(read.len());
        match frame(body, deadline, limits).await? {
            Some(frame) => next = frame,
            None => return Ok((fitting(read), hold)),
        }
    }
}

/// Reads and forgets the rest of a body that was refused, where that is little: its connection can then be used
/// again. False where there is more.
pub(super) async fn discard(mut body: Incoming, head: &Parts) -> bool {
    // Reading would ask a client for the body that waits to be asked.
    let asks = head.headers.contains_key(EXPECT);
    if asks || body.size_hint().lower() > REST as u64 {
        return body.is_end_stream();
    }
    let rest = async {
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            read += frame.ok()?.data_ref().map_or(0, Bytes::len);
            if read > REST {
                return None;
            }
        }
        Some(())
    };
    matches!(timeout(PATIENCE, rest).await, Ok(Some(())))
}

/// The next bytes that are not empty.
async fn frame(body: &mut Incoming, deadline: Instant, limits: &Limits) -> Result<Option<Bytes>, Unread> {
    loop {
        match timeout_at(deadline, body.frame()).await {
            Err(_) => return Err(Unread::Slow(limits.within)),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(Unread::Broken),
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if !data.is_empty() => return Ok(Some(data)),
                _ => {}
            },
        }
    }
}

fn within(len: Option<usize>, limits: &Limits) -> Result<(), Refusal> {
    if len.is_some_and(|len| len > limits.bytes) {
        let limit = limits.bytes;
        let why = format!("the body is larger than {limit} bytes; send smaller batches or raise the limit");
        return Err(Refusal::too_large(why));
    }
    Ok(())
}

fn own(bytes: Bytes) -> Bytes {
    if bytes.len() < SMALL { Bytes::copy_from_slice(&bytes) } else { bytes }
}

/// Gives back what was reserved in vain.
fn fitting(read: BytesMut) -> Bytes {
    if read.capacity() - read.len() > read.len() / 4 { Bytes::copy_from_slice(&read) } else { read.freeze() }
}
