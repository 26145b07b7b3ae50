//! The receiver is killed again and again, at any moment, and goes on with its checkpoint.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flow::state::Change;
use flow::{
    Audience, Batch, BoxFuture, Consumer, Ctx, Memory, Outlets, Refusal, State, StateError, States, Telemetry,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use sim::genesys::serve::{self, Simulator};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::options;
use crate::site::{Kept, Key, receiver, until};

/// Where a process dies: at its so manieth batch for everybody, or at its so manieth checkpoint.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Death {
    /// The pipeline has the batch; the receiver does not know yet.
    Taken(usize),
    /// The pipeline never had it.
    Offered(usize),
    BeforeCheckpoint(usize),
    AfterCheckpoint(usize),
}

const DEATHS: [Death; 9] = [
    Death::AfterCheckpoint(3),
    Death::Taken(2),
    Death::BeforeCheckpoint(1),
    Death::Offered(3),
    Death::AfterCheckpoint(1),
    Death::BeforeCheckpoint(8),
    Death::Taken(1),
    Death::Offered(4),
    Death::AfterCheckpoint(14),
];

/// How long a slow pipeline takes.
const SLOW: Duration = Duration::from_millis(300);

/// The disk: what was committed.
type Disk = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// One process with its pipeline and its file. What it does after its death has no effect.
struct Life {
    number: usize,
    death: Option<Death>,
    dead: Mutex<bool>,
    died: Notify,
    kept: Arc<Kept>,
    disk: Disk,
    /// For everybody.
    batches: AtomicUsize,
    begun: AtomicUsize,
    committed: AtomicUsize,
    given: Arc<Mutex<BTreeMap<Key, Vec<Gift>>>>,
}

/// A span was given out: in which life, and how many checkpoints had been begun by then.
#[derive(Clone, Copy, Debug)]
struct Gift {
    life: usize,
    begun: usize,
    everybody: bool,
}

impl Life {
    /// Runs what is done while it lives; `last` is the death after it.
    fn lives<T>(&self, last: Option<Death>, act: impl FnOnce() -> T) -> Option<T> {
        let mut dead = self.dead.lock().unwrap();
        if *dead {
            return None;
        }
        let done = act();
        *dead = last.is_some() && last == self.death;
        if *dead {
            self.died.notify_one();
        }
        Some(done)
    }

    /// Delivers what the pipeline has taken.
    fn deliver(&self, batch: &Batch) {
        self.note(batch);
        self.kept.take(batch);
    }

    fn note(&self, batch: &Batch) {
        let request = ExportTraceServiceRequest::decode(batch.payload.to_bytes()).unwrap();
        let scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        let (begun, everybody) = (self.begun.load(Ordering::SeqCst), batch.audience == Audience::All);
        let gift = Gift { life: self.number, begun, everybody };
        for span in scopes.flat_map(|scope| scope.spans) {
            self.given.lock().unwrap().entry((span.trace_id, span.span_id)).or_default().push(gift);
        }
    }
}

/// The pipeline of a life; of every other one it is slow, and what it has not delivered dies with it.
struct Pipeline(Arc<Life>);

impl Consumer for Pipeline {
    fn consume(&self, batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        let life = Arc::clone(&self.0);
        let everybody = usize::from(batch.audience == Audience::All);
        let nth = life.batches.fetch_add(everybody, Ordering::SeqCst) + everybody;
        let here = |death: Death| Some(death).filter(|_| everybody == 1);
        life.lives(here(Death::Offered(nth)), || ());
        let slow = life.number % 2 == 1;
        let taken = life.lives(here(Death::Taken(nth)), || {
            if !slow {
                life.deliver(&batch);
                return;
            }
            let life = Arc::clone(&life);
            tokio::spawn(async move {
                tokio::time::sleep(SLOW).await;
                life.lives(None, || life.deliver(&batch));
            });
        });
        match taken {
            Some(()) => Box::pin(std::future::ready(Ok(()))),
            None => Box::pin(std::future::pending()),
        }
    }
}

struct File(Arc<Life>);

impl State for File {
    fn get(&self, _: &str, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.0.disk.lock().unwrap().get(key).cloned())
    }

    fn scan(&self, namespace: &str, _: &str) -> Result<Vec<(String, Vec<u8>)>, StateError> {
        assert_eq!(namespace, "genesys_cloud");
        Ok(self.0.disk.lock().unwrap().clone().into_iter().collect())
    }

    fn commit(&self, changes: &[Change<'_>]) -> Result<(), StateError> {
        let nth = self.0.begun.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.lives(Some(Death::BeforeCheckpoint(nth)), || ());
        let committed = self.0.lives(Some(Death::AfterCheckpoint(nth)), || {
            let mut disk = self.0.disk.lock().unwrap();
            for change in changes {
                match change.value {
                    Some(value) => disk.insert(change.key.to_owned(), value.to_vec()),
                    None => disk.remove(change.key),
                };
            }
            self.0.committed.fetch_add(1, Ordering::SeqCst);
        });
        committed.ok_or_else(|| StateError("dead".to_owned()))
    }
}

/// What one process after another did.
struct Lives {
    simulator: Simulator,
    kept: Arc<Kept>,
    disk: Disk,
    given: Arc<Mutex<BTreeMap<Key, Vec<Gift>>>>,
    /// Checkpoints that each life has brought to the disk.
    committed: Vec<usize>,
}

impl Lives {
    /// Begins a life in a runtime of its own, which ends without a word.
    async fn begin(&self, number: usize, death: Option<Death>) -> (Arc<Life>, Runtime) {
        let life = Arc::new(Life {
            number,
            death,
            dead: Mutex::default(),
            died: Notify::new(),
            kept: Arc::clone(&self.kept),
            disk: Arc::clone(&self.disk),
            batches: AtomicUsize::default(),
            begun: AtomicUsize::default(),
            committed: AtomicUsize::default(),
            given: Arc::clone(&self.given),
        });
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let file = Arc::new(File(Arc::clone(&life)));
        let states = States::new(move |_| Ok(Some(Arc::clone(&file) as Arc<dyn State>)));
        let ctx = Ctx::new(Arc::new(Memory::default()), Telemetry::default()).with(Arc::new(states));
        let receiver = receiver(&self.simulator, &ctx, "checkpoint: {interval: 200ms}\n");
        let outlets = Outlets {
            traces: Some(Arc::new(Pipeline(Arc::clone(&life))) as Arc<dyn Consumer>),
            ..Outlets::default()
        };
        let started = runtime.spawn(async move {
            receiver.start(outlets).await.unwrap();
            // It is not stopped: it is there until the runtime is gone.
            std::future::pending::<()>().await;
            drop(receiver);
        });
        drop(started);
        (life, runtime)
    }

    /// When nothing happens any more.
    async fn over(&self, calls: u64) {
        let ended = || self.simulator.with(|service| service.tally().conversations_ended) >= calls;
        until("calls end", ended).await;
        tokio::time::sleep(Duration::from_secs(30)).await;
    }

    /// No checkpoint that was taken after this has reached the disk. The next one may have been taken already; the one
    /// after that was taken later.
    fn forgotten(&self, gift: &Gift) -> bool {
        self.committed.get(gift.life).is_some_and(|done| *done < gift.begun + 2)
    }

    /// How many spans everybody was given again: each time in another life, which could not know.
    fn doubled_in_the_window_alone(&self) -> usize {
        let given = self.given.lock().unwrap();
        let mut doubled = 0;
        for gifts in given.values() {
            let gifts: Vec<&Gift> = gifts.iter().filter(|gift| gift.everybody).collect();
            for pair in gifts.windows(2) {
                let [first, second] = pair else { continue };
                assert!(first.life < second.life, "twice in one life: {gifts:?}");
                assert!(
                    self.forgotten(first),
                    "again, although it was known: {gifts:?} {:?}",
                    self.committed
                );
                doubled += 1;
            }
        }
        doubled
    }

    /// Whether the store alone was told of this just before a death: nobody knows any more that it was too much.
    fn is_stray(&self, key: &Key) -> bool {
        let given = self.given.lock().unwrap();
        let gifts = given.get(key).map(Vec::as_slice).unwrap_or_default();
        gifts.iter().all(|gift| !gift.everybody && self.forgotten(gift))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_missing_and_little_doubled_however_often_it_is_killed() {
    const CALLS: u64 = 150;
    let mut options = options(CALLS, 25, 40.0);
    options.requests_per_minute = 60_000;
    // Its hours would have to be waited for.
    options.scenarios.retain(|scenario| scenario.name != "email");
    let mut lives = Lives {
        simulator: Simulator::start(options, serve::Settings::default()).await.unwrap(),
        kept: Arc::default(),
        disk: Disk::default(),
        given: Arc::default(),
        committed: Vec::new(),
    };
    for (number, death) in DEATHS.into_iter().enumerate() {
        let (life, runtime) = lives.begin(number, Some(death)).await;
        tokio::select! {
            () = life.died.notified() => {}
            () = lives.over(CALLS) => panic!("all calls have ended before {death:?}"),
        }
        runtime.shutdown_background();
        lives.committed.push(life.committed.load(Ordering::SeqCst));
    }
    let (last, runtime) = lives.begin(DEATHS.len(), None).await;
    lives.kept.complete(&lives.simulator, usize::try_from(CALLS).unwrap(), |key| lives.is_stray(key)).await;
    lives.committed.push(last.committed.load(Ordering::SeqCst));
    runtime.shutdown_background();
    let doubled = lives.doubled_in_the_window_alone();
    let all = lives.kept.finished_keys().len();
    eprintln!("{doubled} of {all} spans were given again in {} deaths", DEATHS.len());
}
