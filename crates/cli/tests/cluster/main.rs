//! A Ballista cluster of this binary: a scheduler and executors, each a process, over a store with all that makes
//! answers hard.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[cfg(feature = "cloud")]
mod bucket;
mod doors;
mod failures;
mod filled;
mod up;

use store_api::TraceStore;
use store_api::sql::{Limits, On, Worked};
use store_lake::Lake;

use doors::throughline;
use filled::{ask, columns, fill, patient, settings};
use up::Up;

/// Reaches into no file.
const NEVER: &str =
    "SELECT stage, count(*) AS n FROM spans WHERE start > TIMESTAMP '2030-01-01T00:00:00Z' GROUP BY stage";

/// Of spans that no file has, and of what is known of all files, the node that is asked tells.
const KEYS: &str = "SELECT day, level, key, type, spans, first_seen, last_seen, examples FROM attr_keys ORDER BY day, level, key, type";

const QUESTIONS: [&str; 24] = [
    "SELECT count(*) AS spans, sum(duration_ns) AS ns, max(revision) AS revision FROM spans",
    "SELECT count(*) AS rows, count(DISTINCT span_id) AS ids, sum(seq) AS seq FROM spans_raw",
    "SELECT stage, queue, count(*) AS n, hist_quantile(latency_hist(duration_ns), 0.95) AS p95 FROM spans GROUP BY stage, queue ORDER BY stage, queue",
    "SELECT hist_quantile(hist_merge(h), 0.5) AS p50 FROM (SELECT service, latency_hist(duration_ns) AS h FROM spans GROUP BY service)",
    "SELECT attr('tenant.id') AS t, count(*) AS n FROM spans GROUP BY t ORDER BY t",
    "SELECT attr_str['tenant.id'] AS t, attr('host.name') AS h, count(*) AS n FROM spans WHERE attr('tenant.id') > 't3' GROUP BY t, h ORDER BY t, h",
    "SELECT trace_id, span_id FROM spans WHERE attr('rare') = 'now and then' AND start < TIMESTAMP '2026-11-20T10:00:00Z' ORDER BY trace_id, span_id LIMIT 20",
    "SELECT count(*) AS n FROM spans WHERE http_status_code BETWEEN 205 AND 210 AND service = 'crm'",
    "SELECT interaction_id, count(*) AS n, min(start) AS first, max(duration_ms) AS slowest FROM spans GROUP BY interaction_id ORDER BY interaction_id",
    "SELECT i.interaction_id, i.spans, count(*) AS n FROM interactions i JOIN spans s ON s.interaction_id = i.interaction_id WHERE s.stage = 'talk' GROUP BY i.interaction_id, i.spans ORDER BY 1",
    "SELECT i.interaction_id, count(s.span_id) AS held FROM interactions i LEFT JOIN spans s ON s.interaction_id = i.interaction_id AND s.stage = 'hold' GROUP BY 1 ORDER BY 1",
    "SELECT count(*) AS n FROM spans WHERE trace_id IN (SELECT unnest(trace_ids) FROM search('queue=billing'))",
    "SELECT count(*) AS n FROM spans WHERE interaction_id NOT IN (SELECT interaction_id FROM interactions WHERE spans > 20)",
    "SELECT name FROM spans WHERE name = 'nothing'",
    "SELECT count(*) AS n, max(name) AS name FROM spans WHERE name = 'nothing'",
    "SELECT service, name, duration_ns, place FROM (SELECT *, row_number() OVER (PARTITION BY service ORDER BY duration_ns DESC, trace_id, span_id) AS place FROM spans) WHERE place <= 3 ORDER BY service, place",
    "SELECT date_trunc('hour', start) AS hour, count(DISTINCT trace_id) AS traces FROM spans GROUP BY hour HAVING count(*) > 100 ORDER BY hour",
    "SELECT service, median(duration_ns) AS middle, stddev(duration_ns) > 0 AS varies FROM spans GROUP BY service ORDER BY service",
    "SELECT count(*) AS longer FROM spans WHERE duration_ns > (SELECT avg(duration_ns) FROM spans)",
    "SELECT 'a' AS part, count(*) AS n FROM spans WHERE stage = 'hold' UNION ALL SELECT 'b', count(*) FROM spans_raw WHERE stage = 'hold' ORDER BY part",
    "SELECT a.trace_id, count(*) AS pairs FROM spans a JOIN spans b ON a.trace_id = b.trace_id AND a.span_id = b.parent_span_id GROUP BY a.trace_id ORDER BY a.trace_id",
    "SELECT trace_id, span_id, attr_str, resource_str, events, interaction_id FROM spans ORDER BY trace_id, span_id, service LIMIT 50",
    "WITH q AS (SELECT queue, date_trunc('hour', start) AS hour, count(*) AS n FROM spans GROUP BY 1, 2) SELECT queue, hour, n - lag(n) OVER (PARTITION BY queue ORDER BY hour) AS more FROM q ORDER BY queue, hour",
    "SELECT k.day, k.level, k.key, k.type, k.spans, k.first_seen, k.examples, s.n FROM attr_keys k JOIN (SELECT CAST(start AS DATE) AS day, count(*) AS n FROM spans GROUP BY 1) s ON s.day = k.day ORDER BY k.day, k.level, k.key, k.type",
];

async fn same(lake: &Lake, questions: &[&str]) {
    for question in questions {
        let (here, _) = ask(lake, question, On::Here, patient()).await.unwrap();
        let (there, worked) = ask(lake, question, On::Cluster, patient()).await.unwrap();
        assert_eq!(worked, Some(Worked::Cluster), "{question}");
        assert_eq!(there, here, "{question}");
        let (here, there) =
            (columns(lake, question, On::Here).await, columns(lake, question, On::Cluster).await);
        assert_eq!(there, here, "{question}");
    }
}

/// Scenario: a store with revisions, repetitions, attributes in and out of columns, traces in several files, and spans in memory;
/// then one executor is killed, then the scheduler.
/// Guarantees: the cluster gives the answers of the embedded engine, also with one executor fewer; without a scheduler
/// the answer is the same and says that it is not the cluster's; so do the question's own faults.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_gives_the_same_answers() {
    let directory = tempfile::tempdir().unwrap();
    let mut up = Up::start(directory.path(), 2);
    let lake = Lake::open(settings(directory.path(), &up.address, 1)).await.unwrap();
    fill(&lake).await;
    same(&lake, &QUESTIONS).await;

    let (_, worked) = ask(&lake, QUESTIONS[0], On::Either, patient()).await.unwrap();
    assert_eq!(worked, Some(Worked::Cluster), "it is about more than one span");
    let one = Limits { files: 1, scanned: 1, ..patient() };
    let refused = ask(&lake, QUESTIONS[0], On::Here, one).await.unwrap_err();
    assert!(refused.help().ends_with("allow more with `max_files`"), "{refused}: {}", refused.help());
    for on in [On::Cluster, On::Either] {
        let (there, worked) = ask(&lake, QUESTIONS[0], on, one).await.unwrap();
        assert_eq!(worked, Some(Worked::Cluster), "what the cluster reads is not limited");
        assert_eq!(there, ask(&lake, QUESTIONS[0], On::Here, patient()).await.unwrap().0);
    }
    let (_, worked) = ask(&lake, NEVER, On::Either, patient()).await.unwrap();
    assert_eq!(worked, Some(Worked::Here), "it is about no span");
    let unequal =
        "SELECT count(*) AS n FROM interactions i LEFT JOIN spans s ON s.duration_ns > i.duration_ns";
    let (there, worked) = ask(&lake, unequal, On::Cluster, patient()).await.unwrap();
    assert_eq!(there, ask(&lake, unequal, On::Here, patient()).await.unwrap().0);
    let why = "the question cannot be cut into parts: ";
    assert!(matches!(&worked, Some(Worked::Instead(told)) if told.starts_with(why)), "{worked:?}");
    let (told, worked) = ask(&lake, NEVER, On::Cluster, patient()).await.unwrap();
    let nothing = Worked::Instead("it reads no span from a file".to_owned());
    assert_eq!((told.as_str(), worked.as_ref()), ("stage,n\r\n", Some(&nothing)));
    let (told, worked) = ask(&lake, KEYS, On::Cluster, patient()).await.unwrap();
    assert_eq!((&told, worked), (&ask(&lake, KEYS, On::Here, patient()).await.unwrap().0, Some(nothing)));
    assert!(told.contains(",span,tenant.id,string,"), "{told}");
    let (_, worked) =
        ask(&lake, "EXPLAIN ANALYZE SELECT count(*) FROM spans", On::Cluster, patient()).await.unwrap();
    let explained = Worked::Instead("EXPLAIN ANALYZE is about how it is worked out here".to_owned());
    assert_eq!(worked, Some(explained));
    let wrong = ask(&lake, "SELECT 1 / (count(*) - count(*)) FROM spans", On::Cluster, patient()).await;
    assert_eq!(wrong.unwrap_err().to_string(), "Divide by zero error");

    up.executors[0].kill();
    same(&lake, &QUESTIONS[..4]).await;

    lake.flush().await.unwrap();
    let (here, _) = ask(&lake, QUESTIONS[0], On::Here, patient()).await.unwrap();
    drop(lake);
    let store = directory.path().to_str().unwrap();
    let query = ["query", "--store", store, "--scheduler", &up.address, "--format", "csv", QUESTIONS[0]];
    let output = throughline(&query);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    assert_eq!(output.stdout, here.as_bytes());

    up.scheduler.kill();
    let lake = Lake::open(settings(directory.path(), &up.address, 1)).await.unwrap();
    for question in QUESTIONS {
        let (here, _) = ask(&lake, question, On::Here, patient()).await.unwrap();
        let (instead, worked) = ask(&lake, question, On::Cluster, patient()).await.unwrap();
        assert_eq!(instead, here, "{question}");
        let Some(Worked::Instead(why)) = worked else { panic!("{question}: {worked:?}") };
        let gone = format!("the scheduler at {} does not answer: ", up.address);
        assert!(why.starts_with(&gone), "{why}");
    }
    drop(lake);
    let query =
        ["query", "--store", store, "--scheduler", &up.address, "SELECT count(*) > 0 AS some FROM spans"];
    let output = throughline(&query);
    let said = String::from_utf8(output.stderr).unwrap();
    let gone = format!(
        "note: worked out here, not on the cluster: the scheduler at {} does not answer: ",
        up.address
    );
    assert!(output.status.success() && said.starts_with(&gone), "{said}");
}
