//! Reads what an earlier process left, or says why it cannot be used.

use flow::{State, StateError};

use super::{GONE, HELD, PLACE, Place};
use crate::desk::Kept;
use crate::{Conversation, Id};

const DAY_MS: u64 = 24 * 3_600_000;
/// Analytics tells no more of what happened in between.
const OLDEST_MS: u64 = 7 * DAY_MS;

/// How long restarts count: no conversation that anybody follows is older.
const REMEMBERED_MS: u64 = 2 * DAY_MS;

/// Where an earlier process was; the beginning where there was none.
#[derive(Debug, Default)]
pub(in super::super) struct Restored {
    /// Up to when everything was asked for.
    pub(in super::super) until_ms: Option<u64>,
    pub(in super::super) conversations: Vec<(Id, Kept)>,
    /// When a process went on from where another one was, this one included.
    pub(in super::super) restarts_ms: Vec<u64>,
}

/// With the keys that nobody can use.
pub(super) fn read(
    state: &dyn State,
    receiver: &str,
    own: &Place,
    now_ms: u64,
) -> Result<(Restored, Vec<String>), StateError> {
    let entries = state.scan(receiver, "")?;
    if entries.is_empty() {
        return Ok(Default::default());
    }
    let place = entries.iter().find(|(key, _)| key == PLACE).map(|(_, value)| value.as_slice());
    let place = match usable(place, own, now_ms) {
        Ok(place) => place,
        Err(why) => {
            tracing::warn!(
                receiver,
                why,
                "the checkpoint is left out; the conversations of `lookback` are read again"
            );
            return Ok((Restored::default(), entries.into_iter().map(|(key, _)| key).collect()));
        }
    };
    // A clock may have been set back.
    let until_ms = place.until_ms.min(now_ms);
    let mut restarts_ms = place.restarts_ms;
    restarts_ms.retain(|restart| now_ms.saturating_sub(*restart) < REMEMBERED_MS);
    restarts_ms.push(now_ms);
    let mut restored = Restored { until_ms: Some(until_ms), conversations: Vec::new(), restarts_ms };
    let mut stale = Vec::new();
    for (key, value) in entries.into_iter().filter(|(key, _)| key != PLACE) {
        match conversation(&key, &value) {
            Ok(found) => restored.conversations.push(found),
            Err(why) => {
                tracing::warn!(receiver, key, why, "an entry of the checkpoint is damaged and left out");
                stale.push(key);
            }
        }
    }
    let (conversations, behind_s) = (restored.conversations.len(), now_ms.saturating_sub(until_ms) / 1000);
    tracing::info!(receiver, conversations, behind_s, "goes on from its checkpoint");
    Ok((restored, stale))
}

/// The place, or why nobody can go on from there.
fn usable(place: Option<&[u8]>, own: &Place, now_ms: u64) -> Result<Place, String> {
    let damaged = || "it is damaged: its place does not read back".to_owned();
    let place: serde_json::Value =
        serde_json::from_slice(place.ok_or_else(damaged)?).map_err(|_| damaged())?;
    let version = place.get("version").and_then(serde_json::Value::as_u64).ok_or_else(damaged)?;
    if version != u64::from(own.version) {
        return Err(format!(
            "it has format {version}, and this version of throughline reads {}",
            own.version
        ));
    }
    let place: Place = serde_json::from_value(place).map_err(|_| damaged())?;
    if (&place.region, &place.client_id) != (&own.region, &own.client_id) {
        return Err(format!(
            "it is of the OAuth client {} at {}, which may be another organisation",
            place.client_id, place.region
        ));
    }
    let age_ms = now_ms.saturating_sub(place.written_ms);
    if age_ms > OLDEST_MS {
        return Err(format!("it is {} days old, and analytics answers for seven", age_ms / DAY_MS));
    }
    Ok(place)
}

fn conversation(key: &str, value: &[u8]) -> Result<(Id, Kept), String> {
    let id = |text: &str| Id::new(text).ok_or("not the id of a conversation");
    if let Some(text) = key.strip_prefix(HELD) {
        let id = id(text)?;
        let conversation = Conversation::read(id.clone(), value)?;
        return Ok((id, Kept::Held(Box::new(conversation))));
    }
    let text = key.strip_prefix(GONE).ok_or("nothing of this name is kept")?;
    let at = std::str::from_utf8(value).ok().and_then(|at| at.parse().ok()).ok_or("not a time")?;
    Ok((id(text)?, Kept::Gone(at)))
}
