use std::collections::VecDeque;
use std::sync::Mutex as StdMutex;

use flow::config::Node;
use flow::{Ack, Fault, Ledger, Payload};

use super::*;

/// Answers from a script; then takes everything.
#[derive(Default)]
struct Scripted {
    script: StdMutex<VecDeque<Result<(), ExportError>>>,
    taken: StdMutex<Vec<usize>>,
    hang: Option<Arc<Notify>>,
}

impl Exporter for Scripted {
    fn export<'a>(&'a self, batch: &'a Batch) -> BoxFuture<'a, Result<(), ExportError>> {
        Box::pin(async move {
            if let Some(gate) = &self.hang {
                gate.notified().await;
            }
            let answer = self.script.lock().unwrap().pop_front().unwrap_or(Ok(()));
            if answer.is_ok() {
                self.taken.lock().unwrap().push(batch.items);
            }
            answer
        })
    }
}

#[derive(Default)]
struct Settled(StdMutex<Vec<(String, Outcome)>>);

impl Ledger for Settled {
    fn settle(&self, exporter: &str, outcome: Outcome) {
        self.0.lock().unwrap().push((exporter.to_owned(), outcome));
    }
}

struct Setup {
    exporter: Arc<Scripted>,
    sending: Arc<Sending>,
    accounts: Arc<Accounts>,
    ledger: Arc<Settled>,
}

fn retry(after: Option<u64>) -> Result<(), ExportError> {
    Err(ExportError::Retry { why: "503".into(), after: after.map(Duration::from_secs) })
}

impl Setup {
    fn new(yaml: &str, exporter: Scripted) -> Self {
        let section = Node::load("test.yaml", yaml).unwrap();
        assert_eq!(check(&section), []);
        let accounts = Arc::new(Accounts::default());
        accounts.open("traces", &[Arc::from("out")]);
        let exporter = Arc::new(exporter);
        let sending = Sending::start(
            "out",
            Arc::clone(&exporter) as Arc<dyn Exporter>,
            SendingSettings::of(&section),
            None,
            (Arc::clone(&accounts), Arc::default(), &Telemetry::default()),
        );
        Self { exporter, sending, accounts, ledger: Arc::default() }
    }

    async fn send(&self, items: usize) -> Result<(), Refusal> {
        let mut batch = Batch::new(Signal::Traces, Payload::default(), items);
        batch.pipeline = Arc::from("traces");
        batch.ack = Ack::new(Arc::clone(&self.ledger) as Arc<dyn Ledger>);
        let account = self.accounts.get("traces").unwrap();
        account.received(items);
        let taken = self.sending.consume(batch).await;
        if taken.is_err() {
            account.refused(items);
        }
        taken
    }

    /// Lets the paused clock run until nothing is in flight.
    async fn quiet(&self) {
        while self.balance().3 > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn balance(&self) -> (i64, i64, i64, i64) {
        let balance = self.accounts.balances().remove(0);
        assert_eq!(balance.difference(), 0, "{balance:?}");
        (balance.exported, balance.lost, balance.refused, balance.in_flight)
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_retried_and_the_peer_is_heard() {
    let exporter =
        Scripted { script: StdMutex::new([retry(None), retry(Some(60))].into()), ..Scripted::default() };
    let setup = Setup::new("retry_on_failure: {randomization_factor: 0}", exporter);
    let start = Instant::now();
    setup.send(7).await.unwrap();
    setup.quiet().await;
    assert_eq!(start.elapsed().as_secs(), 65, "5 s of backoff, then what the peer asked for");
    assert_eq!(*setup.ledger.0.lock().unwrap(), [("out".to_owned(), Outcome::Exported)]);
    setup.sending.drain(Drain::default()).await;
    assert_eq!(setup.balance(), (7, 0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn every_end_is_counted() {
    for (yaml, script, expected, reason) in [
        ("{}", vec![Err(ExportError::Permanent("400".into()))], (0, 5, 0, 0), "rejected"),
        ("retry_on_failure: {enabled: false}", vec![retry(None)], (0, 5, 0, 0), "retry_disabled"),
        ("retry_on_failure: {max_elapsed_time: 1s}", vec![retry(None)], (0, 5, 0, 0), "retry_exhausted"),
    ] {
        let setup =
            Setup::new(yaml, Scripted { script: StdMutex::new(script.into()), ..Scripted::default() });
        setup.send(5).await.unwrap();
        setup.quiet().await;
        assert_eq!(setup.balance(), expected, "{yaml}");
        assert_eq!(*setup.ledger.0.lock().unwrap(), [("out".to_owned(), Outcome::Lost(reason))]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_says_when() {
    let exporter = Scripted { hang: Some(Arc::default()), ..Scripted::default() };
    let gate = exporter.hang.clone().unwrap();
    let setup = Setup::new("sending_queue: {num_consumers: 1, queue_size: 2}", exporter);
    setup.send(1).await.unwrap();
    tokio::task::yield_now().await;
    setup.send(1).await.unwrap();
    setup.send(1).await.unwrap();
    let refusal = setup.send(1).await.unwrap_err();
    assert_eq!(refusal.fault, Fault::Busy);
    assert!(refusal.retry_after.is_some_and(|delay| delay >= Duration::from_secs(1)));
    assert_eq!(setup.balance(), (0, 0, 1, 3));
    for _ in 0..3 {
        gate.notify_one();
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }
    setup.sending.drain(Drain::default()).await;
    assert_eq!(setup.balance(), (3, 0, 1, 0));
}

#[tokio::test(start_paused = true)]
async fn overflow_may_block_instead() {
    let exporter = Scripted { hang: Some(Arc::default()), ..Scripted::default() };
    let gate = exporter.hang.clone().unwrap();
    let yaml = "sending_queue: {num_consumers: 1, queue_size: 1, block_on_overflow: true}";
    let setup = Arc::new(Setup::new(yaml, exporter));
    setup.send(1).await.unwrap();
    tokio::task::yield_now().await;
    setup.send(1).await.unwrap();
    let waiting = tokio::spawn({
        let setup = Arc::clone(&setup);
        async move { setup.send(1).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    gate.notify_one();
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_the_client_hears_the_result() {
    for yaml in ["sending_queue: {enabled: false}", "sending_queue: {wait_for_result: true}"] {
        let script = [Err(ExportError::Permanent("no".into()))].into();
        let setup = Setup::new(yaml, Scripted { script: StdMutex::new(script), ..Scripted::default() });
        assert!(setup.send(5).await.is_err());
        setup.send(6).await.unwrap();
        setup.sending.drain(Drain::default()).await;
        assert_eq!(setup.balance(), (6, 0, 5, 0), "{yaml}");
    }
}

#[tokio::test(start_paused = true)]
async fn shutdown_tries_once_more() {
    let script = [retry(Some(3000)), retry(None), Ok(())].into();
    let setup = Setup::new(
        "{sending_queue: {num_consumers: 1}, retry_on_failure: {max_elapsed_time: 0}}",
        Scripted { script: StdMutex::new(script), ..Scripted::default() },
    );
    setup.send(5).await.unwrap();
    setup.send(6).await.unwrap();
    tokio::task::yield_now().await;
    setup.sending.drain(Drain::default()).await;
    assert_eq!(*setup.exporter.taken.lock().unwrap(), [6]);
    assert_eq!(setup.balance(), (6, 5, 0, 0));
}

#[test]
fn wrong_settings_are_named() {
    let yaml = "sending_queue: {queue_size: 0, num_consumers: 0, storage: file_storage, batch: {min_size: 9, max_size: 1, sizer: bytes}}\nretry_on_failure: {randomization_factor: 2}";
    let section = Node::load("test.yaml", yaml).unwrap();
    let found: Vec<_> = check(&section).iter().map(ToString::to_string).collect();
    expect_test::expect![[r#"
        test.yaml:2:42: error: retry_on_failure::randomization_factor: must be within [0, 1]
          help: 0.5 is the default
        test.yaml:1:47: error: sending_queue::num_consumers: must be positive
          help: 10 is the default
        test.yaml:1:29: error: sending_queue::queue_size: must be positive
          help: 1000 is the default
        test.yaml:1:104: error: sending_queue::batch::max_size: must not be smaller than min_size
          help: raise max_size, or set it to 0 for no limit
        test.yaml:1:114: error: sending_queue::batch::sizer: batches are sized by items
          help: write `sizer: items`
    "#]]
    .assert_eq(&(found.join("\n") + "\n"));
}
