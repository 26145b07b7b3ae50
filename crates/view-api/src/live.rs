//! What goes on, as Server-Sent Events. The store is asked once for all readers, and only while there are any; who reads
//! slowly gets what is so when it comes back, since nothing is kept for it.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde::Serialize;
use store_api::analysis::running;
use store_api::{Analysis, Limits, Summary, TraceStore};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, sleep};

use crate::api::now_ns;
use crate::error::ApiError;
use crate::json::analysis::{Changed, Running};

const READERS: usize = 64;
/// Between two looks, which take a tenth of the time at most.
const INTERVAL: Duration = Duration::from_secs(2);
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Interactions that are watched for a change.
const WATCHED: usize = 200;
/// Interactions in one event.
const TOLD: usize = 50;
const LIMITS: Limits = Limits { spans: 20_000, bytes: 32 << 20, traces: 20_000 };

type Latest = Option<Arc<running::Live>>;

pub(crate) struct Live {
    store: Arc<dyn TraceStore>,
    readers: Arc<Semaphore>,
    latest: watch::Sender<Latest>,
    closed: watch::Sender<bool>,
    asking: Mutex<bool>,
}

/// One event.
#[derive(Debug, PartialEq)]
enum Told {
    Running(running::Running),
    Changed { calls: Vec<Summary>, as_of_ns: u64, truncated: bool },
}

/// What one reader has been told.
struct Reader {
    latest: watch::Receiver<Latest>,
    closed: watch::Receiver<bool>,
    running: Option<running::Running>,
    known: Option<HashMap<String, Summary>>,
    todo: VecDeque<Told>,
    _place: OwnedSemaphorePermit,
}

impl Live {
    pub(crate) fn new(store: Arc<dyn TraceStore>) -> Arc<Self> {
        Arc::new(Self {
            store,
            readers: Arc::new(Semaphore::new(READERS)),
            latest: watch::Sender::new(None),
            closed: watch::Sender::new(false),
            asking: Mutex::new(false),
        })
    }

    /// Ends all streams, so that nobody has to wait for them at shutdown.
    pub(crate) fn close(&self) {
        self.closed.send_replace(true);
    }

    pub(crate) fn serve(self: &Arc<Self>) -> Result<Response, ApiError> {
        let events = self.told()?.map(|told| Ok::<_, Infallible>(told.event()));
        Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response())
    }

    fn told(self: &Arc<Self>) -> Result<impl Stream<Item = Told> + use<>, ApiError> {
        let place = Arc::clone(&self.readers).try_acquire_owned();
        let place = place.map_err(|_| ApiError::busy(format!("{READERS} readers are there already")))?;
        let reader = Reader {
            latest: self.subscribe(),
            closed: self.closed.subscribe(),
            running: None,
            known: None,
            todo: VecDeque::new(),
            _place: place,
        };
        Ok(stream::unfold(reader, Reader::next))
    }

    fn subscribe(self: &Arc<Self>) -> watch::Receiver<Latest> {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        let mut latest = self.latest.subscribe();
        // What was found for those who read before may be old.
        latest.mark_unchanged();
        if !std::mem::replace(&mut *asking, true) {
            tokio::spawn(Arc::clone(self).ask());
        } else {
            latest.mark_changed();
        }
        latest
    }

    async fn ask(self: Arc<Self>) {
        let mut closed = self.closed.subscribe();
        loop {
            let began = Instant::now();
            let question = running::Question { now_ns: now_ns(), most: WATCHED, limits: LIMITS };
            match self.store.live(question).await {
                Ok(found) => drop(self.latest.send_replace(Some(Arc::new(found)))),
                Err(error) => tracing::warn!(%error, "what goes on could not be found out"),
            }
            let rest = INTERVAL.max(9 * began.elapsed());
            tokio::select! {
                () = sleep(rest) => {}
                _ = closed.wait_for(|closed| *closed) => {}
            }
            let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
            if self.latest.receiver_count() == 0 || *self.closed.borrow() {
                *asking = false;
                return;
            }
        }
    }
}

impl Reader {
    async fn next(mut self) -> Option<(Told, Self)> {
        loop {
            if let Some(told) = self.todo.pop_front() {
                return Some((told, self));
            }
            tokio::select! {
                _ = self.closed.wait_for(|closed| *closed) => return None,
                changed = self.latest.changed() => changed.ok()?,
            }
            let latest = self.latest.borrow_and_update().clone();
            if let Some(latest) = latest {
                self.tell(&latest);
            }
        }
    }

    fn tell(&mut self, latest: &running::Live) {
        let running = &latest.running;
        let same = |known: &running::Running| {
            (known.n, &known.stages, known.truncated) == (running.n, &running.stages, running.truncated)
        };
        if !self.running.as_ref().is_some_and(same) {
            self.running = Some(running.clone());
            self.todo.push_back(Told::Running(running.clone()));
        }
        let calls = || latest.calls.iter().map(|call| (call.id.clone(), call.clone()));
        // The list tells a new reader what was there before it came.
        if let Some(known) = self.known.replace(calls().collect()) {
            let mut changed: Vec<Summary> =
                latest.calls.iter().filter(|call| known.get(&call.id) != Some(call)).cloned().collect();
            changed.sort_by_key(|call| std::cmp::Reverse(call.start_ns));
            let truncated = changed.len() > TOLD;
            changed.truncate(TOLD);
            if !changed.is_empty() {
                let as_of_ns = running.as_of_ns;
                self.todo.push_back(Told::Changed { calls: changed, as_of_ns, truncated });
            }
        }
    }
}

impl Told {
    fn event(self) -> Event {
        match self {
            Self::Running(running) => event("running", &Running::from(running)),
            Self::Changed { calls, as_of_ns, truncated } => {
                event("interactions", &Changed::of(calls, as_of_ns, truncated))
            }
        }
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    // JSON text has no line breaks of its own.
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use store_api::span::key;
    use store_api::testing::Sample;
    use store_api::{MemoryStore, Stage};

    use super::*;

    async fn put(live: &Live, sample: Sample) {
        let now = now_ns();
        let sample = sample.change(|span| span.start_ns = now - 10_000_000_000);
        live.store.append(vec![sample.span()]).await.unwrap();
    }

    fn live() -> Arc<Live> {
        Live::new(Arc::new(MemoryStore::new(1 << 20, Duration::from_secs(3600))))
    }

    fn talk(n: u8) -> Sample {
        let sample = Sample::new(n, 1).interaction(&format!("call-{n}")).stage(Stage::Talk);
        sample.with(key::UNFINISHED, true).revision(1)
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_is_new_is_told() {
        let live = live();
        put(&live, talk(1)).await;
        let mut told = pin!(live.told().unwrap());
        let Some(Told::Running(running)) = told.next().await else { panic!("running comes first") };
        assert_eq!((running.n, running.stages), (1, vec![(Some(Stage::Talk), 1)]));
        put(&live, talk(2)).await;
        let Some(Told::Running(running)) = told.next().await else { panic!("one more is running") };
        assert_eq!(running.n, 2);
        let Some(Told::Changed { calls, truncated, .. }) = told.next().await else { panic!("one is new") };
        assert_eq!(calls.iter().map(|call| &*call.id).collect::<Vec<_>>(), ["call-2"]);
        assert!(!truncated);
        // A reader that comes later is told what runs, and of nothing that it can find in the list.
        let mut later = pin!(live.told().unwrap());
        assert!(matches!(later.next().await, Some(Told::Running(running)) if running.n == 2));
        live.close();
        assert_eq!((told.next().await, later.next().await), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_reader_gets_the_last_and_nobody_asks_for_nobody() {
        let live = live();
        {
            let mut told = pin!(live.told().unwrap());
            assert!(matches!(told.next().await, Some(Told::Running(running)) if running.n == 0));
            for n in 1..=5 {
                put(&live, talk(n)).await;
                sleep(3 * INTERVAL).await;
            }
            assert!(matches!(told.next().await, Some(Told::Running(running)) if running.n == 5));
            assert!(matches!(told.next().await, Some(Told::Changed { calls, .. }) if calls.len() == 5));
        }
        sleep(3 * INTERVAL).await;
        assert!(!*live.asking.lock().unwrap());
        let mut again = pin!(live.told().unwrap());
        assert!(matches!(again.next().await, Some(Told::Running(running)) if running.n == 5));
    }

    #[tokio::test]
    async fn there_are_only_so_many_readers() {
        let live = live();
        let readers: Vec<_> = (0..READERS).map(|_| live.told().unwrap()).collect();
        assert!(live.told().is_err());
        drop(readers);
        assert!(live.told().is_ok());
    }
}
