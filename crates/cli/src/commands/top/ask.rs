//! The figures by polling, the calls by Server-Sent Events.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use view_term::answer::{Interactions, Overview, Running, Summary};
use view_term::top::{Asked, State};

use crate::commands::ask::Failed;
use crate::commands::page::{Page, encoded, read};
use crate::commands::show::HELP;

/// Calls of one answer, and answers: more run than anybody reads.
const CALLS: usize = 500;
const PAGES: usize = 4;
/// What began longer ago is not looked for, as in the overview.
const LOOK_BACK: Duration = Duration::from_secs(24 * 3600);
/// Until events are asked for again.
const AGAIN: Duration = Duration::from_secs(2);
/// Bytes of one event.
const LONGEST: usize = 4 << 20;

#[derive(Clone)]
pub(super) struct Question {
    pub(super) page: Arc<Page>,
    pub(super) range: Duration,
}

/// What came from the server.
pub(super) enum News {
    Answer(Asked, Box<Overview>, Vec<Summary>),
    Trouble(Asked, String),
    Running(Running),
    Changed(Vec<Summary>),
}

impl News {
    pub(super) fn tell(self, state: &mut State) {
        match self {
            Self::Answer(asked, overview, calls) => {
                state.answered(&asked, *overview, calls);
            }
            Self::Trouble(asked, why) if asked == state.asked => state.trouble = Some(why),
            Self::Trouble(..) => {}
            Self::Running(running) => state.runs(running),
            Self::Changed(calls) => state.changed(calls),
        }
    }
}

impl Question {
    pub(super) async fn ask(&self, asked: &Asked) -> Result<(Overview, Vec<Summary>), Failed> {
        let overview = self.get(&self.overview(asked)).await?;
        let mut calls: Vec<Summary> = Vec::new();
        for body in self.calls(asked).await? {
            calls.extend(
                read::<Interactions>(&serde_json::to_vec(&body).map_err(Failed::other)?)?.interactions,
            );
        }
        Ok((read(&overview)?, calls))
    }

    pub(super) async fn json(&self, asked: &Asked) -> Result<String, Failed> {
        let overview: Value = read(&self.get(&self.overview(asked)).await?)?;
        let calls = self.calls(asked).await?;
        let calls: Vec<Value> =
            calls.iter().filter_map(|page| page.get("interactions")?.as_array()).flatten().cloned().collect();
        Ok(serde_json::json!({"overview": overview, "calls": calls}).to_string() + "\n")
    }

    fn overview(&self, asked: &Asked) -> String {
        format!("/api/v1/overview?from={}{}", since(self.range), filters(asked))
    }

    /// Pages of those that run.
    async fn calls(&self, asked: &Asked) -> Result<Vec<Value>, Failed> {
        let search = match asked.search.trim() {
            "" => "running=true".to_owned(),
            search => format!("running=true ({search})"),
        };
        let asked = Asked { search, ..asked.clone() };
        let first =
            format!("/api/v1/interactions?limit={CALLS}&from={}{}", since(LOOK_BACK), filters(&asked));
        let mut pages: Vec<Value> = vec![read(&self.get(&first).await?)?];
        while pages.len() < PAGES {
            let cursor = pages.last().and_then(|page| page.get("next_cursor")?.as_str());
            let Some(cursor) = cursor else { break };
            let next = format!("{first}&cursor={}", encoded(cursor));
            pages.push(read(&self.get(&next).await?)?);
        }
        Ok(pages)
    }

    async fn get(&self, path: &str) -> Result<hyper::body::Bytes, Failed> {
        self.page.get(path).await.map_err(|why| self.page.failed(why, HELP))
    }
}

fn filters(asked: &Asked) -> String {
    let region = asked.region.as_ref().map(|region| format!("&region={}", encoded(region)));
    format!("{}&q={}", region.unwrap_or_default(), encoded(&asked.search))
}

fn since(back: Duration) -> u128 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(back).as_nanos()
}

/// Asks at once when the question changes, else at each interval.
pub(super) async fn poll(
    question: Question,
    interval: Duration,
    mut wants: watch::Receiver<Asked>,
    tell: mpsc::Sender<News>,
) {
    loop {
        tokio::select! {
            changed = wants.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(interval) => {}
        }
        let asked = wants.borrow_and_update().clone();
        let news = match question.ask(&asked).await {
            Ok((overview, calls)) => News::Answer(asked, Box::new(overview), calls),
            Err(failed) => News::Trouble(asked, failed.message.lines().next().unwrap_or_default().to_owned()),
        };
        if tell.send(news).await.is_err() {
            return;
        }
    }
}

/// Reads events as long as somebody listens.
pub(super) async fn follow(page: Arc<Page>, tell: mpsc::Sender<News>) {
    while !tell.is_closed() {
        if let Ok(response) = page.send(Method::GET, "/api/v1/live", None).await
            && events(response.into_body(), &tell).await.is_none()
        {
            return;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Until the stream ends; nothing when nobody listens any more.
async fn events(mut body: Incoming, tell: &mpsc::Sender<News>) -> Option<()> {
    let mut read = Events::default();
    while let Some(Ok(frame)) = body.frame().await {
        for news in read.take(frame.data_ref().map_or(&[], |data| data)) {
            tell.send(news).await.ok()?;
        }
        if read.rest.len() > LONGEST {
            break;
        }
    }
    Some(())
}

/// From bytes as they come to events.
#[derive(Default)]
struct Events {
    rest: Vec<u8>,
    name: String,
}

#[derive(Deserialize)]
struct Changed {
    interactions: Vec<Summary>,
}

impl Events {
    fn take(&mut self, bytes: &[u8]) -> Vec<News> {
        self.rest.extend_from_slice(bytes);
        let mut news = Vec::new();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            let value =
                |name: &str| line.strip_prefix(name).map(|value| value.strip_prefix(' ').unwrap_or(value));
            if let Some(name) = value("event:") {
                self.name = name.to_owned();
            }
            if let Some(data) = value("data:") {
                news.extend(self.event(data));
            }
        }
        news
    }

    fn event(&self, data: &str) -> Option<News> {
        match self.name.as_str() {
            "running" => serde_json::from_str(data).ok().map(News::Running),
            "interactions" => {
                serde_json::from_str(data).ok().map(|changed: Changed| News::Changed(changed.interactions))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_wherever_they_are_cut() {
        let stream = b"event: running\ndata: {\"n\":2,\"stages\":[],\"truncated\":false}\n\n: still here\n\nevent: interactions\r\ndata: {\"interactions\":[]}\r\n\r\nevent: other\ndata: {}\n\nevent: running\ndata: nonsense\n\n";
        for cut in 0..stream.len() {
            let (one, two) = stream.split_at(cut);
            let mut events = Events::default();
            let news: Vec<News> = events.take(one).into_iter().chain(events.take(two)).collect();
            assert!(matches!(news.as_slice(), [News::Running(running), News::Changed(_)] if running.n == 2));
        }
    }
}
