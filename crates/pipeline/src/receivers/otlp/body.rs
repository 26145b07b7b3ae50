//! Reading a request's body: limits on bytes and time, and an account while it grows.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flow::{Hold, Refusal, Signal};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout_at};

use super::intake::Intake;

/// For a whole body, where the configuration sets no `read_timeout`.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(60);

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

/// Reads up to `limit` bytes of a body of a known or unknown length.
pub(super) async fn read(
    mut body: Incoming,
    signal: Signal,
    limit: usize,
    within: Duration,
    intake: &Intake,
) -> Result<(Bytes, Hold), Unread> {
    let announced = body.size_hint().exact().map(|len| usize::try_from(len).unwrap_or(usize::MAX));
    if announced.is_some_and(|len| len > limit) {
        return Err(too_large(limit).into());
    }
    let mut hold = intake.admit(signal, announced.unwrap_or(0))?;
    let deadline = Instant::now() + within;
    let mut read = BytesMut::new();
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Err(_) => return Err(Unread::Slow(within)),
            Ok(None) => return Ok((read.freeze(), hold)),
            Ok(Some(Err(_))) => return Err(Unread::Broken),
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else { continue };
        if read.is_empty() && announced == Some(data.len()) {
            return Ok((data, hold));
        }
        if read.len() + data.len() > limit {
            return Err(too_large(limit).into());
        }
        if announced.is_none() {
            intake.room(signal, data.len())?;
            hold.resize(read.len() + data.len());
        } else if read.is_empty() {
            read.reserve(announced.unwrap_or(0));
        }
        read.extend_from_slice(&data);
    }
}

fn too_large(limit: usize) -> Refusal {
    Refusal::too_large(format!(
        "the body is larger than {limit} bytes; send smaller batches or raise the limit"
    ))
}
