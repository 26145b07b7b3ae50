//! What ends a question early, and who ends in the middle of one.

use std::time::Duration;

use futures_util::StreamExt;
use store_api::sql::{Failed, Format, Limits, On, Question, Worked};
use store_api::{StoreError, TraceStore};
use store_lake::Lake;

use crate::filled::{ask, fill, patient, settings};
use crate::up::{Process, Up};

/// Scenario: who asked for something endless goes, or has waited long enough.
/// Guarantees: the cluster is told to stop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_waits_for_is_called_off() {
    let directory = tempfile::tempdir().unwrap();
    let mut up = Up::start(directory.path(), 1);
    let lake = Lake::open(settings(directory.path(), &up.address, 1)).await.unwrap();
    fill(&lake).await;
    lake.flush().await.unwrap();
    let endless =
        "SELECT count(*) FROM spans a, spans b, spans c WHERE a.duration_ns + b.duration_ns > c.duration_ns";
    let hasty = Limits { time: Duration::from_secs(2), ..Limits::default() };
    let late = ask(&lake, endless, On::Cluster, hasty).await.unwrap_err();
    assert_eq!(late.to_string(), "the question took longer than 2 seconds");
    up.scheduler.until("Received cancellation request for job");
    {
        let asked = ask(&lake, endless, On::Cluster, patient());
        tokio::pin!(asked);
        tokio::select! {
            answer = &mut asked => panic!("{answer:?}"),
            scheduler = tokio::task::spawn_blocking(|| {
                up.scheduler.until("Job submitted");
                up
            }) => up = scheduler.unwrap(),
        }
    }
    up.scheduler.until("Received cancellation request for job");
    let (here, _) = ask(&lake, "SELECT count(*) FROM spans", On::Here, patient()).await.unwrap();
    let (there, worked) = ask(&lake, "SELECT count(*) FROM spans", On::Cluster, patient()).await.unwrap();
    assert_eq!((there, worked), (here, Some(Worked::Cluster)));
}

/// Scenario: answers with more rows, and with more bytes, than are allowed; of the first there would be thousands of millions.
/// Guarantees: both are refused as here, and rows beyond the limit are not made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_of_a_cluster_have_limits() {
    let directory = tempfile::tempdir().unwrap();
    let up = Up::start(directory.path(), 1);
    let lake = Lake::open(settings(directory.path(), &up.address, 1)).await.unwrap();
    fill(&lake).await;
    let few = Limits { rows: 3, ..patient() };
    let failed =
        ask(&lake, "SELECT a.name FROM spans a, spans b, spans c", On::Cluster, few).await.unwrap_err();
    assert_eq!(failed.to_string(), "the answer has more than 3 rows");
    let (three, worked) = ask(&lake, "SELECT name FROM spans LIMIT 3", On::Cluster, few).await.unwrap();
    assert_eq!((three.lines().count(), worked), (4, Some(Worked::Cluster)));
    let small = Limits { bytes: 100_000, ..patient() };
    let wide = "SELECT repeat(name, 1000) AS wide FROM spans";
    let failed = ask(&lake, wide, On::Cluster, small).await.unwrap_err();
    assert_eq!(failed.to_string(), "the answer is larger than 97 KiB");
}

/// Asks, and kills the first of these whose log has this in it. The others live on.
async fn ask_and_kill(
    lake: &Lake,
    text: &str,
    mut candidates: Vec<Process>,
    at: &'static str,
) -> (String, Option<Worked>) {
    let asked = ask(lake, text, On::Cluster, patient());
    tokio::pin!(asked);
    let killing = tokio::task::spawn_blocking(move || {
        Process::first(&mut candidates, at).kill();
        candidates
    });
    let _living = tokio::select! {
        answer = &mut asked => panic!("it was over before anybody was killed: {answer:?}"),
        living = killing => living.unwrap(),
    };
    asked.await.unwrap()
}

/// Scenario: while a question is worked out one of two executors is killed in its first stage, or in a later one, or the scheduler is.
/// Guarantees: the answer is right, and says where it comes from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_killed_at_work_changes_no_answer() {
    const LONG: &str = "SELECT count(*) AS n, sum(a.duration_ns % 1000 + c.duration_ns % 1000) AS ns FROM spans a, spans b, (SELECT * FROM spans ORDER BY trace_id, span_id LIMIT 10) c WHERE a.duration_ns + b.duration_ns > c.duration_ns";
    let directory = tempfile::tempdir().unwrap();
    let mut here = None;
    for (dies, at) in [("executor", "/1.0/"), ("executor", "/3.0/"), ("scheduler", "Job submitted")] {
        let Up { scheduler, address, executors } = Up::start(directory.path(), 2);
        let lake = Lake::open(settings(directory.path(), &address, 1)).await.unwrap();
        if here.is_none() {
            fill(&lake).await;
            lake.flush().await.unwrap();
            here = Some(ask(&lake, LONG, On::Here, patient()).await.unwrap().0);
        }
        // Which of the two executors gets a task of a stage is up to the scheduler.
        let (dying, _living) = match dies {
            "executor" => (executors, vec![scheduler]),
            _ => (vec![scheduler], executors),
        };
        let (answer, worked) = ask_and_kill(&lake, LONG, dying, at).await;
        assert_eq!(Some(&answer), here.as_ref(), "{dies} {at}");
        let gave_up = format!("the cluster at {address} could not: ");
        match worked {
            Some(Worked::Cluster) => assert_eq!(dies, "executor", "{at}"),
            Some(Worked::Instead(why)) if dies == "scheduler" => assert!(why.starts_with(&gave_up), "{why}"),
            other => panic!("{dies} {at}: {other:?}"),
        }
    }
}

/// Scenario: the only executor is killed while its answer is read.
/// Guarantees: what came is not taken for the whole: it ends with an error that says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_breaks_off_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let mut up = Up::start(directory.path(), 1);
    let lake = Lake::open(settings(directory.path(), &up.address, 1)).await.unwrap();
    fill(&lake).await;
    // Far more than may be on its way.
    let limits = Limits { rows: 100_000, bytes: u64::MAX, ..patient() };
    let text = "SELECT repeat(a.name, 500) AS wide FROM spans a, spans b LIMIT 100000".to_owned();
    let question = Question { text, format: Format::Csv, limits, on: On::Cluster };
    let mut answer = lake.sql(question).await.unwrap();
    assert_eq!(answer.worked, Some(Worked::Cluster));
    assert!(!answer.body.next().await.unwrap().unwrap().is_empty());
    up.executors.clear();
    let failed = loop {
        match answer.body.next().await {
            Some(Ok(_)) => {}
            Some(Err(failed)) => break failed,
            None => panic!("it came to an end"),
        }
    };
    let Failed::Store(StoreError::Server { place, why, .. }) = failed else { panic!("{failed:?}") };
    assert_eq!(place, format!("the cluster at {}", up.address));
    assert!(why.starts_with("it broke the answer off: "), "{why}");
}
