//! `throughline call`: its exit codes, its JSON, and what it must not print, over the built binary.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Output};

use serde_json::{Value, json};
use sim::genesys::record::org::user_id;
use sim::genesys::scenario::library;
use sim::genesys::serve::{Settings, Simulator};
use sim::genesys::service::Options;

const SECRET: &str = "simulated-secret";
const TO: &str = "tel:+493023125111";
const CONTEXT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A simulator that answers while the binary runs.
struct Site {
    simulator: Simulator,
    _runtime: tokio::runtime::Runtime,
}

impl Site {
    fn open() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Options)) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut options = Options::quiet(library().unwrap());
        change(&mut options);
        let simulator = runtime.block_on(Simulator::start(options, Settings::default())).unwrap();
        Self { simulator, _runtime: runtime }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throughline"));
        command.arg("call").args(arguments).env_clear();
        command.env("GENESYS_REGION", self.simulator.base_url()).env("GENESYS_CLIENT_ID", "simulated-client");
        // No collector, and none asked for.
        command.env("GENESYS_CLIENT_SECRET", SECRET).env("OTEL_TRACES_EXPORTER", "none");
        command
    }

    fn call(&self, arguments: &[&str]) -> Output {
        ended(&mut self.command(arguments))
    }
}

fn ended(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = format!("{}{}", said(&output.stdout), said(&output.stderr));
    assert!(!said.contains(SECRET) && !said.contains("an-0ther-secret"), "{said}");
    output
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

#[test]
fn a_call_is_placed_in_the_trace_of_the_environment() {
    let site = Site::open();
    let ann = user_id("ann");
    let arguments = ["place", "--dialect", "public_api", "--to", TO, "--user", &ann, "--json"];
    let output = ended(site.command(&arguments).env("TRACEPARENT", CONTEXT));
    assert_eq!(code(&output), 0, "{output:?}");
    let told = json_of(&output);
    let parent = told["traceparent"].as_str().unwrap();
    assert!(parent.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && parent != CONTEXT, "{told}");
    assert_eq!(
        (&told["ok"], &told["dialect"], &told["spans_sent"]),
        (&json!(true), &json!("public_api"), &json!(true))
    );
    assert_eq!(
        told["carriers"],
        json!([
            {"carrier": "attributes", "state": "written", "why": null},
            {"carrier": "uuiData", "state": "written", "why": null},
            {"carrier": "customHeaders", "state": "not_in_dialect", "why": null},
        ])
    );

    let output = site.call(&[
        "place",
        "--dialect",
        "pages",
        "--to",
        TO,
        "--from",
        "+6512345678",
        "--attribute",
        "tier=gold",
    ]);
    let text = said(&output.stdout);
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("placed: conversation "), "{text}");
    assert!(lines.next().unwrap().starts_with("context: 00-"), "{text}");
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            "  attributes: the context is written",
            "  uuiData: the dialect has no place for it",
            "  customHeaders: the context is written",
        ]
    );
}

/// Guarantees: what is wrong with the command line ends it with 2, and the service is not asked.
#[test]
fn what_is_wrong_with_the_command_line_is_not_sent() {
    let site = Site::open();
    let ann = user_id("ann");
    let place = ["place", "--dialect", "public_api", "--to"];
    let with =
        |more: &[&str]| -> Vec<String> { place.iter().chain(more).map(|text| (*text).to_owned()).collect() };
    let context = format!("{TO};traceparent={CONTEXT}");
    let cases = [
        (with(&[&context, "--user", &ann]), "an address cannot hold a trace context"),
        (with(&["6598765432", "--user", &ann]), "an address is tel:+6512345678"),
        (with(&[TO]), "name the user on whose behalf the call is made"),
        (with(&[TO, "--user", "../x"]), "`../x` is no id of a user"),
        (with(&[TO, "--user", &ann, "--attribute", "x"]), "write NAME=VALUE"),
        (["place", "--dialect", "soap", "--to", TO].map(str::to_owned).into(), "write public_api or pages"),
        (
            ["place", "--dialect", "pages", "--to", TO].map(str::to_owned).into(),
            "needs from.participantAddress",
        ),
        (["transfer", "c", "--dialect", "pages", "--blind"].map(str::to_owned).into(), "required arguments"),
        (
            ["transfer", "c", "--dialect", "pages", "--complete", "--to-user", "u"].map(str::to_owned).into(),
            "cannot be used with",
        ),
        (
            ["transfer", "c", "--dialect", "pages", "--blind", "--consult", "--to-user", "u"]
                .map(str::to_owned)
                .into(),
            "cannot be used with",
        ),
    ];
    for (arguments, expected) in cases {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = site.call(&arguments);
        assert_eq!(code(&output), 2, "{output:?}");
        assert!(said(&output.stderr).contains(expected), "{expected}: {output:?}");
    }
    assert_eq!(site.simulator.with(|service| service.tally().conversations_begun), 0);
}

#[test]
fn secrets_come_from_the_environment_or_a_file() {
    let site = Site::with(|options| options.user = Some("ann".into()));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let name = file.to_str().unwrap();
    let place = ["place", "--dialect", "public_api", "--to", TO, "--user", &user_id("ann")];
    let more = |more: &[&str]| site.command(&[&place[..], more].concat());

    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let from_file = ended(more(&["--client-secret-file", name]).env_remove("GENESYS_CLIENT_SECRET"));
    assert_eq!(code(&from_file), 0, "{from_file:?}");
    let missing = ended(more(&[]).env_remove("GENESYS_CLIENT_SECRET"));
    assert_eq!(code(&missing), 2);
    assert!(said(&missing.stderr).contains("set GENESYS_CLIENT_SECRET"), "{missing:?}");
    std::fs::write(&file, " \n").unwrap();
    assert_eq!(code(&ended(&mut more(&["--client-secret-file", name]))), 2);

    let wrong = ended(more(&["--json"]).env("GENESYS_CLIENT_SECRET", "an-0ther-secret"));
    assert_eq!((code(&wrong), &json_of(&wrong)["error"]["kind"]), (1, &json!("login")), "{wrong:?}");

    let both = ended(more(&[]).env("GENESYS_ACCESS_TOKEN", "t"));
    assert!(said(&both.stderr).contains("are both set"), "{both:?}");
    // A user's token, which is none.
    std::fs::write(&file, "an-0ther-secret").unwrap();
    let over = ended(&mut more(&["--token-file", name]));
    assert_eq!(code(&over), 1, "{over:?}");
    assert!(said(&over.stderr).contains("let the user log in again"), "{over:?}");
}

#[test]
fn a_missing_permission_is_named_for_people_and_for_programs() {
    let denied = ["conversation:agentlessCall:add", "conversation:call:add"];
    let site = Site::with(|options| options.denied = denied.map(str::to_owned).into());
    let output =
        site.call(&["place", "--dialect", "public_api", "--to", TO, "--user", &user_id("ann"), "--json"]);
    assert_eq!(code(&output), 1, "{output:?}");
    let error = &json_of(&output)["error"];
    assert_eq!((&error["status"], &error["kind"]), (&json!(403), &json!("missing.any.permissions")));
    assert_eq!(error["missing_permissions"], json!(denied));
    assert_eq!(
        error["token"],
        json!({"client": "simulated-client", "scopes": [], "roles": [{"name": "Simulated", "division": "Home"}]})
    );
    assert!(said(&output.stderr).contains("\nroles of the token of simulated-client: Simulated (Home); its scopes: none\nhelp: give a role with "), "{output:?}");
}

/// Guarantees: 3, and whether the call may ring.
#[test]
fn trouble_of_the_service_is_told_from_a_refusal() {
    let ann = user_id("ann");
    let place = ["place", "--dialect", "public_api", "--to", TO, "--user", &ann, "--json", "--timeout", "5"];
    let site = Site::with(|options| options.faults.set("status_503", "1").unwrap());
    let output = site.call(&place);
    assert_eq!((code(&output), &json_of(&output)["error"]["status"]), (3, &json!(503)));
    assert!(said(&output.stderr).contains("it may have been done"), "{output:?}");

    // It hangs up when the call comes in, after it has granted a token.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = std::thread::spawn(move || {
        let granted = r#"{"access_token":"t"}"#;
        let length = granted.len();
        let mut some = [0; 4096];
        let (mut login, _) = listener.accept().unwrap();
        assert!(login.read(&mut some).unwrap() > 0);
        write!(login, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{granted}")
            .unwrap();
        drop(login);
        let (mut call, _) = listener.accept().unwrap();
        assert!(call.read(&mut some).unwrap() > 0);
    });
    let output = ended(site.command(&place).env("GENESYS_REGION", &url));
    service.join().unwrap();
    assert_eq!((code(&output), &json_of(&output)["error"]["perhaps_done"]), (3, &json!(true)), "{output:?}");
}

/// Guarantees: a collector that is not there is said, and changes nothing about the call.
#[test]
fn a_call_is_placed_without_a_collector() {
    let site = Site::open();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let otlp = format!("http://{gone}");
    let arguments = [
        "place",
        "--dialect",
        "public_api",
        "--to",
        TO,
        "--user",
        &user_id("ann"),
        "--otlp",
        &otlp,
        "--json",
    ];
    let output = ended(site.command(&arguments).env_remove("OTEL_TRACES_EXPORTER"));
    assert_eq!((code(&output), &json_of(&output)["spans_sent"]), (0, &json!(false)), "{output:?}");
    let warning = format!("warning: no collector took the spans at {otlp}; name another with --otlp\n");
    assert_eq!(said(&output.stderr), warning);
}

#[test]
fn help_has_examples_and_exit_codes() {
    let site = Site::open();
    for command in ["place", "transfer"] {
        let help = said(&site.call(&[command, "--help"]).stdout);
        assert!(
            help.contains(&format!("throughline call {command} ")) && help.contains("Exit codes: 0 done"),
            "{help}"
        );
        let lines = help.lines().filter(|line| !line.starts_with("Usage: "));
        assert_eq!(lines.filter(|line| line.chars().count() > 100).count(), 0, "{help}");
    }
}
