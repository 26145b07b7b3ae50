//! Questions to analytics, and when to ask them.

use std::collections::HashSet;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;

use crate::Id;
use crate::platform::{Platform, PlatformError};
use crate::time::written;

const DETAILS: &str = "/api/v2/analytics/conversations/details";
/// Conversations on one page, and ids in one question.
const PAGE: usize = 100;
const IDS: usize = 50;
/// Analytics gives no more than this for one question.
const PAGES: usize = 1000;
/// The longest time that one question may be about.
const WEEK_MS: u64 = 7 * 24 * 3_600_000 - 1000;
/// By how much questions overlap, since a record can come late and is not finished when it comes.
const OVERLAP_MS: u64 = 150_000;

/// Up to when everything was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Asked {
    until_ms: u64,
}

/// One question: everything between.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Interval {
    pub(super) from_ms: u64,
    pub(super) to_ms: u64,
}

impl Asked {
    pub(super) fn since(ms: u64) -> Self {
        Self { until_ms: ms }
    }

    pub(super) fn until_ms(self) -> u64 {
        self.until_ms
    }

    /// Something was missed from then on.
    pub(super) fn missed(&mut self, from_ms: u64) {
        self.until_ms = self.until_ms.min(from_ms);
    }

    /// What to ask now.
    pub(super) fn next(self, now_ms: u64) -> Interval {
        let from = self.until_ms.saturating_sub(OVERLAP_MS).max(now_ms.saturating_sub(WEEK_MS));
        // Clocks differ; what lies in the future costs nothing.
        Interval { from_ms: from, to_ms: now_ms + 1000 }
    }

    /// True where more was missed than a question was about.
    pub(super) fn behind(self, asked: Interval) -> bool {
        self.until_ms < asked.from_ms
    }

    /// A question was answered whole. What was missed in the meantime stays so.
    pub(super) fn answered(&mut self, asked: Interval) {
        let from = asked.from_ms.saturating_add(OVERLAP_MS);
        if self.until_ms >= from.min(asked.to_ms) {
            self.until_ms = self.until_ms.max(asked.to_ms.saturating_sub(1000));
        }
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    conversations: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "conversationId", default)]
    id: String,
}

/// Asks for all conversations that were going on in a time, page by page; which ones they are.
pub(super) async fn interval(
    platform: &Platform,
    asked: Interval,
    pages: &mpsc::Sender<Bytes>,
) -> Result<HashSet<Id>, PlatformError> {
    let mut seen = HashSet::new();
    let path = "/api/v2/analytics/conversations/details/query";
    for number in 1..=PAGES {
        let body = json!({
            "interval": format!("{}/{}", written(asked.from_ms), written(asked.to_ms)),
            "order": "asc",
            "orderBy": "conversationStart",
            "paging": { "pageSize": PAGE, "pageNumber": number },
        });
        let answer = platform.repeat(Method::POST, path, Some(&body)).await?;
        let page: Page = serde_json::from_slice(&answer.body)
            .map_err(|error| PlatformError::garbled(format!("POST {path}"), &answer.body, &error))?;
        let last = page.conversations.len() < PAGE;
        seen.extend(page.conversations.iter().filter_map(|named| Id::new(&named.id)));
        let stopped = !page.conversations.is_empty() && pages.send(answer.body).await.is_err();
        if last || stopped {
            break;
        }
    }
    Ok(seen)
}

/// Asks for conversations by their ids.
pub(super) async fn ids(
    platform: &Platform,
    ids: &[Id],
    pages: &mpsc::Sender<Bytes>,
) -> Result<(), PlatformError> {
    for some in ids.chunks(IDS) {
        let list: Vec<String> = some.iter().map(ToString::to_string).collect();
        let path = format!("{DETAILS}?id={}", list.join(","));
        let answer = platform.send(Method::GET, &path, None).await?;
        // What is no answer must not count as one.
        serde_json::from_slice::<Page>(&answer.body)
            .map_err(|error| PlatformError::garbled(format!("GET {DETAILS}"), &answer.body, &error))?;
        if pages.send(answer.body).await.is_err() {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn questions_overlap_and_leave_nothing_out() {
        let mut asked = Asked::since(HOUR);
        let mut now = HOUR + 60_000;
        for _ in 0..100 {
            let next = asked.next(now);
            assert!(next.from_ms <= now - 60_000 && next.to_ms > now);
            asked.answered(next);
            assert_eq!(asked.until_ms, now);
            now += 60_000;
        }
    }

    #[test]
    fn what_was_missed_is_asked_for_until_it_was_answered() {
        let mut asked = Asked::since(10 * HOUR);
        asked.missed(9 * HOUR);
        let first = asked.next(10 * HOUR);
        assert_eq!(first.from_ms, 9 * HOUR - OVERLAP_MS);
        // Nothing came; and more is missed while the next question is on its way.
        let second = asked.next(11 * HOUR);
        assert_eq!(second.from_ms, first.from_ms);
        asked.missed(8 * HOUR);
        asked.answered(second);
        assert_eq!(asked.next(11 * HOUR).from_ms, 8 * HOUR - OVERLAP_MS);
        asked.answered(asked.next(11 * HOUR));
        assert_eq!(asked.until_ms, 11 * HOUR);
    }

    #[test]
    fn no_question_is_about_more_than_a_week() {
        let next = Asked::since(0).next(1000 * HOUR);
        assert!(next.to_ms - next.from_ms <= 7 * 24 * HOUR);
    }
}
