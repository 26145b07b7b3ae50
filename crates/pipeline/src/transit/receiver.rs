//! The receiving side: stamps the answer, and knows the delay where the sender knew the clocks.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use flow::Client;
use http::{HeaderMap, HeaderValue};

use super::stamps::{Answer, Request};
use super::{DELAY, ERROR, FROM, HEADER, WallClock};

/// Names this process' clock, so that a sender does not take one receiver behind a name for another.
static CLOCK: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one("clock") | 1);

/// One request that was stamped by its sender.
pub(crate) struct Arrival {
    wall: Arc<WallClock>,
    request: Request,
    received: u64,
    whole: u64,
}

impl Arrival {
    /// When the head is there.
    pub(crate) fn of(headers: &HeaderMap, wall: &Arc<WallClock>) -> Option<Self> {
        let text = headers.get(HEADER)?.to_str().ok()?;
        let request = Request::read(text)?;
        Some(Self { request, received: wall.now(), whole: 0, wall: Arc::clone(wall) })
    }

    /// When all of the batch is there: tells the pipelines what is known by now.
    pub(crate) fn is_whole(&mut self, client: &mut Client) {
        self.whole = self.wall.now();
        client.metadata.push((FROM.into(), self.request.region.clone()));
        let Some(known) = self.request.known.iter().find(|known| known.clock == *CLOCK) else { return };
        let delay = i128::from(self.whole) - i128::from(self.request.sent) - i128::from(known.offset);
        // What the error explains is no delay; beyond that the clocks have been set meanwhile.
        if delay < -i128::from(known.error) {
            return;
        }
        let seconds = |nanos: i128| format!("{:.9}", nanos as f64 / 1e9);
        client.metadata.push((DELAY.into(), seconds(delay.max(0))));
        client.metadata.push((ERROR.into(), seconds(i128::from(known.error))));
    }

    /// With the answer, whatever it says.
    pub(crate) fn stamp(&self, headers: &mut HeaderMap) {
        let Self { received, whole, .. } = *self;
        let answer = Answer { clock: *CLOCK, received, whole, answered: self.wall.now() };
        if let Ok(value) = HeaderValue::from_str(&answer.to_string()) {
            headers.insert(HEADER, value);
        }
    }
}
