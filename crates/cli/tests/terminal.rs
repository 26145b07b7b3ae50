//! `throughline show` and `throughline top`: the built binary against a server of the same, and on a terminal.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use expect_test::expect;
use serde_json::{Value, json};

const PLAN: &str = "
receivers: {otlp: {protocols: {http: {endpoint: 'OTLP'}}}}
exporters: {lake: {directory: 'DIRECTORY', retention: 876000h}}
extensions: {view: {endpoint: 'PAGE', store: lake}}
service:
  extensions: [view]
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], exporters: [lake]}}
";

/// 2026-11-20T09:00:00Z
const NINE: u64 = 1_795_165_200_000_000_000;
const SECOND: u64 = 1_000_000_000;
/// Looks at what was sent, until it is there.
const TRIES: usize = 100_000;
const CALL: &str = "c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54";
const TRACE: &str = "c41e7d905b2a4f0e9a6d37c2e10b8f54";

struct Site {
    child: Child,
    otlp: SocketAddr,
    page: SocketAddr,
    _directory: tempfile::TempDir,
}

impl Site {
    fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let [otlp, page] = sim::ports::several().unwrap();
        let plan = PLAN.replace("OTLP", &otlp.to_string()).replace("PAGE", &page.to_string());
        let config = directory.path().join("c.yaml");
        std::fs::write(&config, plan.replace("DIRECTORY", directory.path().join("data").to_str().unwrap()))
            .unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        let mut child =
            command.args(["run", "--config"]).arg(&config).stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        while !said.contains("everything is ready") {
            assert!(log.read_line(&mut said).unwrap() > 0, "{said}");
        }
        // What it says later has to go somewhere.
        std::thread::spawn(move || drop(std::io::copy(&mut log, &mut std::io::sink())));
        Self { child, otlp, page, _directory: directory }
    }

    /// Sends spans, and waits until so many of the interaction are there.
    fn put(&self, id: &str, spans: &[Value]) {
        let of = |service: &str| -> Vec<&Value> {
            spans.iter().filter(|span| span["service"] == service).collect()
        };
        let mut services: Vec<&str> = spans.iter().map(|span| span["service"].as_str().unwrap()).collect();
        services.dedup();
        let resources: Vec<Value> = services
            .into_iter()
            .map(|service| {
                let resource =
                    json!({"attributes": attributes(&[("service.name", service), ("interaction.id", id)])});
                json!({"resource": resource, "scopeSpans": [{"spans": of(service)}]})
            })
            .collect();
        let body = json!({"resourceSpans": resources}).to_string();
        let head = "content-type: application/json\r\n";
        let answer = http(self.otlp, &format!("POST /v1/traces HTTP/1.1\r\n{head}"), &body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let path = format!("GET /api/v1/interactions/{id} HTTP/1.1\r\n");
        let whole = format!("\"span_count\":{}", spans.len());
        let mut looks = (0..TRIES).map(|_| http(self.page, &path, ""));
        assert!(looks.any(|answer| answer.contains(&whole)), "the spans do not come");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let server = format!("http://{}", self.page);
        let (command, rest) = arguments.split_first().unwrap();
        let zone: &[&str] = if rest.contains(&"--zone") { &[] } else { &["--zone", "UTC"] };
        throughline(&[&[command, "--server", &server], zone, rest].concat())
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn throughline(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_throughline")).args(arguments).env_remove("COLUMNS").output().unwrap()
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn http(to: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    let length = body.len();
    write!(stream, "{head}host: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn attributes(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).collect()
}

/// `id` and `parent` are hexadecimal digits; times are seconds since `start`.
fn span(
    start: u64,
    (id, parent): (&str, &str),
    name: &str,
    (from, to): (f64, f64),
    more: &[(&str, &str)],
) -> Value {
    let at = |seconds: f64| (start + (seconds * 1e9) as u64).to_string();
    json!({
        "traceId": TRACE, "spanId": format!("{id:0>16}"), "name": name, "kind": 1, "service": "contact-centre",
        "parentSpanId": if parent.is_empty() { String::new() } else { format!("{parent:0>16}") },
        "startTimeUnixNano": at(from), "endTimeUnixNano": at(to), "attributes": attributes(more),
    })
}

fn call() -> Vec<Value> {
    let stage = |stage| ("interaction.stage", stage);
    let agent = ("interaction.agent.id", "ann");
    let mut query = span(
        NINE,
        ("d", "c"),
        "SELECT customers \u{1b}[2J\u{202e}",
        (6.0, 11.5),
        &[("db.system", "postgresql")],
    );
    query["status"] = json!({"code": 2, "message": "statement\u{7} timeout"});
    let mut answer = span(NINE, ("c", ""), "GET /customers/:id", (5.9, 11.6), &[]);
    for (span, kind) in [(&mut query, 3), (&mut answer, 2)] {
        span["service"] = json!("crm-api");
        span["kind"] = json!(kind);
        span["traceId"] = json!("7d0b5f1f2a9c4be0a8c1d2e3f4a5b6c7");
    }
    let mut request = span(NINE, ("b", "a"), "GET /customers", (5.5, 12.0), &[]);
    request["kind"] = json!(3);
    vec![
        span(
            NINE,
            ("1", ""),
            "voice inbound",
            (0.0, 200.0),
            &[
                ("interaction.channel", "voice"),
                ("interaction.outcome", "handled"),
                ("sip.call_id", "a84b4c76e66710@pc33.example.com"),
            ],
        ),
        span(
            NINE,
            ("2", "1"),
            "ivr",
            (0.5, 20.0),
            &[stage("ivr"), ("genesys_cloud.flow.name", "請求 Billing")],
        ),
        span(NINE, ("a", "2"), "GetCustomer", (5.0, 12.5), &[stage("action")]),
        request,
        span(
            NINE,
            ("3", "1"),
            "queue",
            (20.0, 80.0),
            &[stage("queue"), ("interaction.queue.name", "billing-uk"), ("interaction.region", "eu-west-1")],
        ),
        span(NINE, ("4", "1"), "talk", (80.0, 190.0), &[stage("talk"), agent]),
        span(NINE, ("5", "1"), "wrap-up", (190.0, 200.0), &[stage("wrapup"), agent]),
        answer,
        query,
    ]
}

#[test]
fn any_id_shows_the_call() {
    let site = Site::open();
    site.put(CALL, &call());
    let output = site.run(&["show", CALL, "--width", "100"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let drawn = said(&output.stdout);
    expect![[r#"
        ✓ handled · c41e7d90-5b2a-4f0e-9a6d-37c2e10b8f54 · ✗ 1 error
        voice · billing-uk · eu-west-1 · 20 Nov 2026 09:00:00.000 UTC

        Total 3 m 20.0 s (on line 3 m 10.0 s)    Caller waited 1 m 00.0 s (32 %: queue 1 m 00 s)
        Agents worked 2 m 00.0 s (ann 2 m 00 s)    Answered after 1 m 00.0 s
        Complete 88 % (1 rejoined; 9 spans, 2 traces)

        Critical path: what the caller waited for
          58 %    1 m 50 s  ███████████████████████                  talk
          32 %    1 m 00 s  █████████████                            queue
           6 %      12.0 s  ███                                      ivr ×2
           3 %      6.50 s  █                                        GET /customers · contact-centre
           1 %      1.00 s  █                                        GetCustomer ×2

        ! Context lost at contact-centre → crm-api
          Pass traceparent and tracestate on from contact-centre to crm-api, also through proxies in
          between; then let crm-api continue them.

                                                       0 s +500.0 ms            +12.500 s           +3:10
                                                                 0 s       5          ╌1:00╌1 m 50 s
          Caller                         3 m 10 s          █IVR███████████████████████░░░░░░█Talk███
          IVR 請求 Billing                 19.5 s          █請求 Billing 19.5 s███████
          └ Data Action contact-cent…      7.50 s                █GetCustomer███
          └ HTTP contact-centre            6.50 s                 █████████████
          └ CRM crm-api                    5.70 s                 ████████████
          └ SQL crm-api                    5.50 s                  ███████████
          Queue billing-uk               1 m 00 s                                     ░░░░░░
          Agent ann                      2 m 00 s                                           █Talk███████████

          voice inbound · contact-cen…   3 m 20 s      ├──────────────────────────────────╱╱──────╱╱───────┤
          ├ ivr                            19.5 s          ███████████████████████████
          │ └ GetCustomer                  7.50 s                ███████████████
          │   └ GET /customers             6.50 s                 █████████████
        ! │     └ GET /customers/:id       5.70 s                 ████████████
          │         ! new trace, rejoined after contact-centre
        ✗ │       └ SELECT customers …     5.50 s                  ███████████
          │           ✗ statement\u{7} timeout
          ├ queue                        1 m 00 s                                     ░░░░░░
          ├ talk                         1 m 50 s                                           ████████
          └ wrap-up                        10.0 s                                                   ████████
    "#]]
    .assert_eq(&drawn);
    for id in [
        CALL.to_uppercase().as_str(),
        TRACE,
        "7d0b5f1f2a9c4be0a8c1d2e3f4a5b6c7",
        "a84b4c76e66710@pc33.example.com",
        "000000000000000d",
        &format!("http://tl.example/interactions/{CALL}?span=x"),
    ] {
        let output = site.run(&["show", id, "--width", "100"]);
        assert_eq!(said(&output.stdout), drawn, "{id}: {output:?}");
    }
    let coloured = said(&site.run(&["show", CALL, "--color", "always"]).stdout);
    assert!(coloured.contains("\u{1b}[48;5;") && !coloured.contains("\u{1b}[2J"), "{coloured}");

    let json: Value = serde_json::from_slice(&site.run(&["show", CALL, "--json"]).stdout).unwrap();
    assert_eq!(json["spans"].as_array().unwrap().len(), 9);
    assert_eq!(json["path"]["interaction_id"], CALL);
    assert_eq!(json["chain"]["calls"].as_array().unwrap().len(), 1);
    assert_eq!(json["percentiles"]["interaction_id"], CALL);
    expect![[r#"{"complete":{"percent":88,"rejoined":1,"without_parent":0},"lost":[{"from":"contact-centre","kind":"lost","mend":"Pass traceparent and tracestate on from contact-centre to crm-api, also through proxies in between; then let crm-api continue them.","service":"crm-api","times":1}]}"#]]
    .assert_eq(&json!({"complete": json["complete"], "lost": json["lost"]}).to_string());
}

#[test]
fn what_cannot_be_shown_is_said_with_an_exit_code() {
    let site = Site::open();
    let with_number = |span: u8| vec![span_of(span, "customer-0451")];
    site.put("call-one", &with_number(1));
    site.put("call-two", &with_number(2));
    for (arguments, code, why) in [
        (
            &["show", "nobody\u{1b}[2J"] as &[&str],
            1,
            "error: there is no interaction with the id `nobody\\u{1b}[2J`\nhelp: ",
        ),
        (&["show", "00000000-0000-4000-8000-000000000000"], 1, "there is no interaction with the id"),
        (&["show", "customer-0451"], 1, "error: 2 interactions have `customer-0451`:\n  call-"),
        (&["show", ""], 2, "the id is empty"),
        (&["show", "x", "--zone", "Mars/Olympus"], 2, "there is no time zone `Mars/Olympus`"),
        (&["show", "x", "--width", "20"], 2, "20 is not in 60..=240"),
        (&["top", "--once", "--search", "hold>>"], 1, "error: `q`: "),
        (&["top", "--range", "0s"], 2, "from `1s` to `744h`"),
    ] {
        let output = site.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(said(&output.stderr).contains(why), "{output:?}");
    }
    for command in [&["show", "x"] as &[&str], &["top"]] {
        let gone = throughline(&[command, &["--server", "http://127.0.0.1:1"]].concat());
        assert_eq!(gone.status.code(), Some(3));
        let why = "error: cannot ask http://127.0.0.1:1/: ";
        let help = "help: start `throughline run`, or name one that runs with --server\n";
        assert!(said(&gone.stderr).starts_with(why) && said(&gone.stderr).ends_with(help), "{gone:?}");
        let page = throughline(&[command, &["--server", "https://x"]].concat());
        assert_eq!(page.status.code(), Some(2));
    }
}

/// Of a trace of its own.
fn span_of(number: u8, customer: &str) -> Value {
    let id = number.to_string();
    let mut span = span(NINE, (&id, ""), "call", (0.0, 1.0), &[("customer", customer)]);
    span["traceId"] = json!(format!("{number:032}"));
    span
}

fn seconds_ago(seconds: u64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    u64::try_from(now).unwrap() - seconds * SECOND
}

const QUEUE: [(&str, &str); 3] = [
    ("interaction.stage", "queue"),
    ("interaction.queue.name", "billing-uk"),
    ("interaction.region", "eu-west-1"),
];

/// In a queue, and still there.
fn waits(start: u64, trace: &str) -> Value {
    let mut span = span(start, ("1", ""), "queue", (0.0, 0.0), &QUEUE);
    span["traceId"] = json!(trace);
    let unfinished = json!({"key": "throughline.unfinished", "value": {"boolValue": true}});
    span["attributes"].as_array_mut().unwrap().push(unfinished);
    span
}

/// One that has ended a minute ago, and one that waits.
fn now(site: &Site) {
    let mut ended = span(seconds_ago(120), ("1", ""), "queue", (0.0, 40.0), &QUEUE);
    ended["traceId"] = json!("0af7651916cd43dd8448eb211c80319c");
    site.put("call-that-ended", &[ended]);
    site.put("call-that-waits", &[waits(seconds_ago(110), TRACE)]);
}

#[test]
fn stages_and_calls_now() {
    let site = Site::open();
    now(&site);
    let output = site.run(&["top", "--width", "120"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let drawn = said(&output.stdout);
    let lines: Vec<&str> = drawn.lines().collect();
    assert!(lines[0].starts_with("throughline top  15 m 00 s to ") && lines[0].ends_with(" UTC"), "{drawn}");
    assert_eq!(lines[1], "1 call runs: Queue 1");
    assert!(lines[4].starts_with("Queue               1       0     40.0 s"), "{drawn}");
    assert!(lines[7].starts_with("eu-west-1              1"), "{drawn}");
    assert!(lines[10].starts_with("call-that-waits  ") && lines[10].ends_with("  billing-uk"), "{drawn}");
    assert_eq!(lines.len(), 11, "{drawn}");
    let other = said(&site.run(&["top", "--region", "us-east-1"]).stdout);
    assert!(
        other.contains("No call came to a stage in this time.") && other.contains("No call runs."),
        "{other}"
    );

    let json: Value = serde_json::from_slice(&site.run(&["top", "--json"]).stdout).unwrap();
    assert_eq!(json["overview"]["running"]["n"], 1);
    assert_eq!(json["calls"].as_array().unwrap().len(), 1);
    assert_eq!(json["calls"][0]["id"], "call-that-waits");
}

/// On a terminal that `script` makes.
struct Terminal {
    child: Child,
    screen: BufReader<std::process::ChildStdout>,
    shown: String,
}

const TAKEN: &str = "\u{1b}[?1049h";
const GIVEN_BACK: &str = "\u{1b}[?25h\u{1b}[?7h\u{1b}[?1049l";

impl Terminal {
    fn open(site: &Site) -> Self {
        let binary = env!("CARGO_BIN_EXE_throughline");
        let command =
            format!("stty -a; {binary} top --server http://{} --zone UTC; echo ended $?; stty -a", site.page);
        let mut script = Command::new("script");
        script.args(["-qefc", &command, "/dev/null"]).env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let screen = BufReader::new(child.stdout.take().unwrap());
        Self { child, screen, shown: String::new() }
    }

    /// Reads what is shown up to this.
    fn shows(&mut self, text: &str) -> String {
        let mut bytes = Vec::new();
        while !String::from_utf8_lossy(&bytes).contains(text) {
            let mut byte = [0];
            assert!(
                self.screen.read(&mut byte).unwrap() > 0,
                "no {text:?} in {:?}",
                String::from_utf8_lossy(&bytes)
            );
            bytes.extend(byte);
        }
        let shown = String::from_utf8_lossy(&bytes).into_owned();
        self.shown += &shown;
        shown
    }

    fn press(&mut self, keys: &str) {
        self.child.stdin.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// What was shown; the terminal is as it was before.
    fn ended(mut self) -> String {
        let mut rest = Vec::new();
        std::io::copy(&mut self.screen, &mut rest).unwrap();
        self.shown += &String::from_utf8_lossy(&rest);
        self.child.wait().unwrap();
        let before = self.shown.split(TAKEN).next().unwrap();
        let after = self.shown.split("ended ").last().unwrap().split_once('\n').unwrap().1;
        assert_eq!(after.trim_end(), before.trim_end(), "the terminal is not as it was");
        self.shown
    }
}

#[test]
fn it_lives_on_a_terminal_and_gives_it_back() {
    let site = Site::open();
    now(&site);
    let mut terminal = Terminal::open(&site);
    terminal.shows(TAKEN);
    assert!(terminal.shows("q quit").contains("call-that-waits"));
    terminal.press("/no-such-queue\r");
    terminal.shows("No call runs.");
    terminal.press("\u{1b}");
    terminal.shows("call-that-waits");
    terminal.press("\u{1b}[B");
    terminal.shows("\u{1b}[7mcall-that-waits");
    // A call that comes while it is open.
    site.put("call-that-came", &[waits(seconds_ago(0), "4bf92f3577b34da6a3ce929d0e0e4736")]);
    terminal.shows("call-that-came");
    terminal.press("q");
    let shown = terminal.ended();
    assert!(shown.contains(GIVEN_BACK) && shown.contains("ended 0"), "{shown}");

    let mut terminal = Terminal::open(&site);
    terminal.shows("q quit");
    terminal.press("\u{1b}[B");
    terminal.shows("\u{1b}[7mcall-that-waits");
    terminal.press("\r");
    let shown = terminal.ended();
    let behind = shown.split(GIVEN_BACK).nth(1).unwrap();
    assert!(behind.contains("▸ running") && behind.contains("ended 0"), "{shown}");
}

#[test]
fn a_signal_gives_the_terminal_back_too() {
    let site = Site::open();
    let mut terminal = Terminal::open(&site);
    terminal.shows("q quit");
    let script = terminal.child.id().to_string();
    // Its shell, and then the command.
    let below = |parent: &str| said(&Command::new("pgrep").args(["-P", parent]).output().unwrap().stdout);
    let shell = below(&script);
    let top = below(shell.trim());
    assert!(Command::new("kill").args(["-TERM", top.trim()]).status().unwrap().success());
    let shown = terminal.ended();
    assert!(shown.contains(GIVEN_BACK) && shown.contains("ended 0"), "{shown}");
}
