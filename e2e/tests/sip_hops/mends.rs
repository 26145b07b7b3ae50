//! What `docs/sip.md` and the doctor say of Kamailio, pasted into its configuration: red before, green after.

use e2e::product::root;
use serde_json::Value;
use sim::sip::Identity;
use sim::sip::peers::Kamailio;
use sim::sip::peers::kamailio::Role;
use tokio::net::UdpSocket;

use crate::{PATIENCE, check, check_at, found};

const ROUTES: &str = "request_route {\n";

/// The blocks of lines of the section, in their order.
fn recipes() -> Vec<String> {
    let text = std::fs::read_to_string(root().join("docs/sip.md")).unwrap();
    let section = text.split("\n## ").find(|section| section.starts_with("Kamailio\n")).unwrap();
    let blocks = section.split("```text\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.collect()
}

/// The usual configuration with these lines in front of everything else that its routes do.
fn with(rules: &str) -> String {
    assert!(Kamailio::CONFIGURATION.contains(ROUTES));
    Kamailio::CONFIGURATION.replace(ROUTES, &format!("{ROUTES}{rules}"))
}

/// What the doctor prints taken out of the configuration and put into it, and nothing else.
fn mended(configuration: &str, report: &Value) -> String {
    let texts = |lines: &Value| -> Vec<String> {
        lines.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
    };
    let (mut text, mut done) = (configuration.to_owned(), Vec::new());
    for mend in report.pointer("/hops/0/mends").unwrap().as_array().unwrap() {
        assert_eq!(mend["product"], "Kamailio", "{report:#}");
        let lines = (texts(&mend["take_out"]), texts(&mend["put_in"]));
        // One rule may be two problems.
        if done.contains(&lines) {
            continue;
        }
        let (mut kept, mut written) = (Vec::new(), None);
        for line in text.lines() {
            match lines.0.iter().find_map(|pattern| fits(pattern, line.trim())) {
                Some(value) => written = written.filter(|value: &String| !value.is_empty()).or(Some(value)),
                None => kept.push(line.to_owned()),
            }
        }
        let written = written.unwrap_or_else(|| panic!("nothing to take out by {mend:#} of\n{text}"));
        let at = kept.iter().position(|line| line == ROUTES.trim()).unwrap() + 1;
        kept.splice(at..at, lines.1.iter().map(|line| line.replace("...", &written)));
        text = kept.join("\n") + "\n";
        done.push(lines);
    }
    assert_ne!(text, configuration, "{report:#}");
    text
}

/// What stands for `...`; nothing where the line is another.
fn fits(pattern: &str, line: &str) -> Option<String> {
    match pattern.split_once("...") {
        Some((start, end)) => Some(line.strip_prefix(start)?.strip_suffix(end)?.to_owned()),
        None => pattern.eq_ignore_ascii_case(line).then(String::new),
    }
}

async fn look(configuration: &str) -> (i32, Value) {
    let kamailio = Kamailio::start_with(&Role::Plain, configuration).await.unwrap();
    check(kamailio.address, "127.0.0.1:0", &[]).await
}

/// Guarantees: each rule of the recipes that loses the context is found, and gone with the lines that the doctor prints; so are rules
/// that others may have written.
#[tokio::test]
async fn rules_that_lose_the_context_are_mended_by_what_is_printed() {
    let recipes = recipes();
    let own = recipes[1].lines().nth(1).unwrap();
    for (rules, errors) in [
        (recipes[0].as_str(), ["traceparent stripped", "x-traceparent stripped"].as_slice()),
        (
            "remove_hf(\"traceparent\");\nremove_hf(\"X-Traceparent\");\n",
            &["traceparent stripped", "x-traceparent stripped"],
        ),
        (&recipes[1], &["traceparent restarted"]),
        (own, &["traceparent duplicated"]),
    ] {
        let configuration = with(&format!("{}\n", rules.trim_end()));
        let (status, report) = look(&configuration).await;
        let found = found(&report);
        assert_eq!(status, 1, "{rules}: {report:#}");
        for error in errors {
            assert!(found.contains(&format!("error {error}")), "{rules}: {found:?}");
        }
        let (status, report) = look(&mended(&configuration, &report)).await;
        assert_eq!(status, 0, "{rules}: {report:#}");
        assert_eq!(report.pointer("/hops/0/suspects/0/product"), Some(&Value::from("Kamailio")));
    }
}

/// Guarantees: the recipe that writes a context writes one where none came, and leaves those that came as they are.
#[tokio::test]
async fn a_context_is_written_only_where_none_came() {
    let (status, report) = look(&with(&recipes()[2])).await;
    assert_eq!((status, found(&report)), (0, vec!["note traceparent added".to_owned()]), "{report:#}");
}

/// Guarantees: with the lines of the recipe there are copies, and without them none.
#[tokio::test]
async fn copies_are_sent_by_the_recipe() {
    let ear = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let lines = recipes()[3].replace("127.0.0.1:9060", &ear.local_addr().unwrap().to_string());
    let mut packet = [0; 4096];
    let (status, report) = look(Kamailio::CONFIGURATION).await;
    assert_eq!(status, 0, "{report:#}");
    assert!(ear.try_recv(&mut packet).is_err(), "nobody sends");
    let (status, report) =
        look(&Kamailio::CONFIGURATION.replace(ROUTES, &format!("{lines}\n{ROUTES}"))).await;
    assert_eq!(status, 0, "{report:#}");
    let length = tokio::time::timeout(PATIENCE, ear.recv(&mut packet)).await.unwrap().unwrap();
    assert!(length > 300 && packet.starts_with(b"HEP3"));
}

/// Guarantees: the doctor speaks TLS to a hop whose certificate it is told to accept, and the recipe's line is what a TLS listener of
/// Kamailio 5.6 wants.
#[tokio::test]
async fn a_listener_for_tls_by_the_recipe() {
    let identity = Identity::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &identity.certificate_pem).unwrap();
    let ca = ca.to_str().unwrap();
    let line = recipes()[4].clone();
    assert!(Kamailio::CONFIGURATION.contains(&line));
    for (configuration, expected) in
        [(Kamailio::CONFIGURATION.replace(&line, ""), 3), (Kamailio::CONFIGURATION.to_owned(), 0)]
    {
        let kamailio = Kamailio::start_with(&Role::Secures(identity.clone()), &configuration).await.unwrap();
        let hop = format!("sips:{}", kamailio.secure.unwrap());
        let (status, report) = check_at(&hop, "127.0.0.1:0", &["--ca", ca]).await;
        assert_eq!(status, expected, "{report:#}\n{}", kamailio.said());
        if expected == 0 {
            assert_eq!(found(&report), Vec::<String>::new(), "{report:#}");
            let (status, report) = check_at(&hop, "127.0.0.1:0", &[]).await;
            assert_eq!(status, 3, "an authority that nobody named: {report:#}");
        }
    }
}
