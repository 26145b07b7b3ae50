//! `throughline query` and `throughline export`: what they print and how they end, over the built binary.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};
use std::thread::JoinHandle;

use expect_test::expect;

fn throughline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_throughline")).args(arguments).output().unwrap()
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Answers each of the requests that come with the next of these texts; gives back their bodies.
fn server(answers: Vec<(&'static str, String)>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let serve = |(status, text): (&str, String)| {
            let mut stream = listener.accept().unwrap().0;
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                if let Some(number) = line.strip_prefix("content-length: ") {
                    length = number.trim().parse().unwrap();
                }
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
                text.len()
            )
            .unwrap();
            String::from_utf8(body).unwrap()
        };
        answers.into_iter().map(serve).collect()
    });
    (address, served)
}

#[test]
fn an_answer_is_a_table_unless_told_otherwise() {
    let json = r#"{"columns":[{"name":"queue","type":"Utf8"},{"name":"calls","type":"Int64"}],"rows":[["billing",12],[null,3]]}"#;
    let (address, served) =
        server(vec![("200 OK", json.to_owned()), ("200 OK", "a,b\r\n1,2\r\n".to_owned())]);
    let output = throughline(&["query", "SELECT 1", "--server", &address]);
    expect![[r#"
        queue    calls
        -------  -----
        billing     12
        -            3
        2 rows
    "#]]
    .assert_eq(&said(&output.stdout));
    let output =
        throughline(&["query", "SELECT 2", "--format", "csv", "--server", &address, "--max-rows", "5"]);
    assert_eq!(said(&output.stdout), "a,b\r\n1,2\r\n");
    expect![[r#"
        {"format":"json","max_rows":10000,"max_seconds":30,"query":"SELECT 1"}
        {"format":"csv","max_rows":5,"max_seconds":30,"query":"SELECT 2"}"#]]
    .assert_eq(&served.join().unwrap().join("\n"));
}

#[test]
fn what_is_wrong_is_said_with_an_exit_code() {
    let wrong = r#"{"error":{"code":"bad_request","message":"Expected: end","help":"look it up","line":1,"column":10}}"#;
    let (address, served) =
        server(vec![("400 Bad Request", wrong.to_owned()), ("502 Bad Gateway", String::new())]);
    let output = throughline(&["query", "SELECT * FORM spans", "--server", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said(&output.stderr), "error: line 1, column 10: Expected: end\nhelp: look it up\n");
    let output = throughline(&["query", "SELECT 1", "--server", &address]);
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output.stderr).contains("it answers 502 Bad Gateway"), "{output:?}");
    served.join().unwrap();
    let gone = throughline(&["query", "SELECT 1", "--server", &address]);
    assert_eq!(gone.status.code(), Some(3));
    assert!(said(&gone.stderr).contains("is it running? --server names another one"), "{gone:?}");
    for (arguments, code, why) in [
        (
            &["query", "SELECT 1", "--server", "https://x"] as &[&str],
            2,
            "`https://x` is not an address of a throughline",
        ),
        (&["query", "SELECT 1", "--store", "/no/such/place"], 1, "/no/such/place is not a directory"),
        (&["export", "--q", "hold>>", "--server", "http://127.0.0.1:1"], 1, "error: --q: "),
        (&["export", "--from", "tomorrow"], 2, "write a day (`2026-01-31`)"),
    ] {
        let output = throughline(arguments);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(said(&output.stderr).contains(why), "{output:?}");
    }
}

#[test]
fn an_export_asks_for_whole_spans() {
    let none = r#"{"columns":[],"rows":[]}"#.to_owned();
    let traces = r#"{"columns":[],"rows":[["0a"],["0b"]]}"#.to_owned();
    let answers = vec![
        ("200 OK", "{}\n".to_owned()),
        ("200 OK", "{}\n".to_owned()),
        ("200 OK", traces),
        ("200 OK", "a\r\n".to_owned()),
        ("200 OK", none),
    ];
    let (address, served) = server(answers);
    let export = |arguments: &[&str]| throughline(&[&["export", "--server", &address], arguments].concat());
    let output = export(&["--from", "2026-11-20", "--to", "2026-11-20T12:00:00Z"]);
    assert_eq!(said(&output.stdout), "{}\n");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("held.jsonl");
    let output = export(&["--q", "queue='x' hold>30s", "--from", "2026-11-20", "-o", file.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{}\n");
    assert!(export(&["--interaction", "it's", "--format", "csv"]).status.success());
    let nobody = export(&["--interaction", "nobody"]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(said(&nobody.stderr).contains("no span has the `interaction.id` `nobody`"), "{nobody:?}");
    let asked: Vec<String> = served
        .join()
        .unwrap()
        .iter()
        .map(|body| {
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            format!("{}: {}\n", body["format"].as_str().unwrap(), body["query"].as_str().unwrap())
        })
        .collect();
    expect![[r#"
        otlp-json: SELECT * FROM spans WHERE start_ns >= 1795132800000000000 AND start_ns < 1795176000000000000
        otlp-json: SELECT * FROM spans WHERE trace_id IN (SELECT unnest(trace_ids) FROM search('queue=''x'' hold>30s') WHERE start_ns >= 1795132800000000000)
        json: SELECT unnest(trace_ids) FROM interactions WHERE interaction_id = 'it''s'
        csv: SELECT * FROM spans WHERE trace_id IN ('0a', '0b')
        json: SELECT unnest(trace_ids) FROM interactions WHERE interaction_id = 'nobody'
    "#]]
    .assert_eq(&asked.concat());
}

#[test]
fn help_has_examples() {
    let help = |command: &str| said(&throughline(&[command, "--help"]).stdout);
    expect![[r#"
        Ask the store in SQL

        Usage: throughline query [OPTIONS] <SQL>

        Arguments:
          <SQL>  One statement that reads; `-` takes it from standard input

        Options:
              --format <FORMAT>             [default: table] [possible values: table, json, csv, arrow,
                                            parquet, otlp-json]
              --server <URL>                The throughline to ask; without it, the one at
                                            http://127.0.0.1:7717, else the usual directory
              --store <DIR>                 A directory of the `lake` exporter that no throughline has open
              --scheduler <df://HOST:PORT>  A Ballista cluster of `throughline cluster`, which sees the same
                                            files: works the answer out, if it can
              --max-rows <ROWS>             An answer with more rows is refused [default: 10000]
              --max-seconds <SECONDS>       A question that takes longer is refused [default: 30]
              --max-files <FILES>           A question that reads more files is refused; `sql_max_files` of
                                            a server's store may allow fewer [usually: 20000]
              --max-scanned-mib <MIB>       A question that reads more MiB of them is refused;
                                            `sql_max_scanned_mib` may allow fewer [usually: 16384]
              --on <WHERE>                  Where it is worked out, if the store has a cluster: here,
                                            cluster, or either, by how many spans it may be about [default:
                                            either]
          -h, --help                        Print help

        Examples:
          throughline query "SELECT queue, count(*) AS calls, hist_quantile(latency_hist(duration_ns), 0.95)
          / 1e9 AS p95 FROM spans WHERE stage = 'queue' GROUP BY queue"
          throughline query "SELECT * FROM interactions WHERE outcome = 'abandoned'" --format csv

        Tables: spans, spans_raw, interactions; docs/sql.md has their columns and ten more questions.

        Exit codes: 0 answered, 1 the question is wrong or hits a limit, 2 the command line is wrong, 3
        nobody could answer.
    "#]]
    .assert_eq(&help("query"));
    expect![[r#"
        Take spans out of the store: as OTLP, Parquet or CSV

        Usage: throughline export [OPTIONS]

        Options:
              --from <TIME>                 Spans, or with --q interactions, that started at this time or
                                            later: `2026-01-31` or `2026-01-31T08:00:00Z`
              --to <TIME>                   That started before this time
              --q <SEARCH>                  All spans of the interactions that this search finds, as the
                                            search box of the page would
              --interaction <ID>            All spans of this interaction
              --format <FORMAT>             [default: otlp-json] [possible values: otlp-json, parquet, csv]
          -o, --output <FILE>               Where to; without it, standard output
              --server <URL>                The throughline to ask; without it, the one at
                                            http://127.0.0.1:7717, else the usual directory
              --store <DIR>                 A directory of the `lake` exporter that no throughline has open
              --scheduler <df://HOST:PORT>  A Ballista cluster of `throughline cluster`, which sees the same
                                            files: works the answer out, if it can
              --max-files <FILES>           A question that reads more files is refused; `sql_max_files` of
                                            a server's store may allow fewer [usually: 20000]
              --max-scanned-mib <MIB>       A question that reads more MiB of them is refused;
                                            `sql_max_scanned_mib` may allow fewer [usually: 16384]
          -h, --help                        Print help

        Examples:
          throughline export --from 2026-11-20 --to 2026-11-21 -o day.jsonl
          throughline export --interaction 6c1c2c0a-7d52-4d59-9d0e-1d6f3f0f8f11 --format csv
          throughline export --q 'queue=billing* hold>30s' --format parquet -o held.parquet

        otlp-json is a request in each line, as an OTLP endpoint takes it. Spans that are still running are
        left out.

        Exit codes: 0 done, 1 what is asked for is wrong, 2 the command line is wrong, 3 nobody could
        answer, or the answer broke off.
    "#]]
    .assert_eq(&help("export"));
}

#[cfg(not(feature = "lake"))]
#[test]
fn without_the_parquet_store_there_is_no_sql() {
    let directory = tempfile::tempdir().unwrap();
    let output = throughline(&["query", "SELECT 1", "--store", directory.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    let why = "error: this store has no SQL\nhelp: SQL comes with the Parquet store: build with `--features lake`\n";
    assert_eq!(said(&output.stderr), why);
}

#[cfg(feature = "lake")]
#[test]
fn a_directory_that_nobody_has_open_is_asked() {
    use store_api::TraceStore;
    use store_api::door::Settings;
    use store_api::testing::Sample;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let settings = Settings { directory: directory.path().to_owned(), ..Settings::default() };
        let lake = store_lake::Lake::open(settings).await.unwrap();
        lake.append((1..=3).map(|n| Sample::new(n, 1).interaction("call").span()).collect()).await.unwrap();
        lake.flush().await.unwrap();
    });
    let output = throughline(&["query", "SELECT count(*) AS spans FROM spans", "--store", path]);
    assert_eq!(said(&output.stdout), "spans\n-----\n    3\n1 row\n", "{output:?}");
    let output = throughline(&["query", "SELECT", "--store", path]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let output = throughline(&["export", "--interaction", "call", "--store", path]);
    assert_eq!(said(&output.stdout).matches("\"traceId\"").count(), 3, "{output:?}");
}
