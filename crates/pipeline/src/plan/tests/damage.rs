//! Damaged configurations: a plan or an error, and never a panic.

use flow::config::Severity;
use proptest::prelude::*;

use super::registry::registry;
use crate::plan::{Plan, Sources, World, findings_as_json, findings_as_text, read_file};

const PIECES: [&str; 24] = [
    "", ":", " ", "\n", "\n  ", "- ", "[", "]", "{", "}", "&a ", "*a", "<<: ", "${", "${env:A}", "${B:-x}",
    "'", "\"", "|", "# ", "~", "0", "traces", "\u{feff}",
];

fn guide() -> String {
    read_file(concat!(env!("CARGO_MANIFEST_DIR"), "/../../configs/guide.yaml"))
        .expect("the guide's configuration")
}

proptest! {
    #[test]
    fn a_damaged_configuration(
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..20usize, 0..PIECES.len()), 1..6),
        a in "[\\PC\n]{0,20}",
    ) {
        let mut text: Vec<char> = guide().chars().collect();
        for (at, taken, piece) in damage {
            let start = at.index(text.len() + 1);
            let end = (start + taken).min(text.len());
            text.splice(start..end, PIECES[piece].chars());
        }
        let text: String = text.into_iter().collect();
        let env = |name: &str| (name == "A").then(|| a.clone());
        let file = |path: &str| if path == "c.yaml" { Ok(text.clone()) } else { Err("no".to_owned()) };
        let sources = Sources { configs: vec!["c.yaml".to_owned()], sets: vec![format!("exporters.debug={a}")] };
        let (plan, findings) = Plan::read(&sources, World { env: &env, file: &file }, &registry());
        let errors = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        prop_assert_eq!(plan.is_some(), errors == 0, "{}", findings_as_text(&findings));
        prop_assert_eq!(findings_as_json(&findings).as_array().map(Vec::len), Some(findings.len()));
        prop_assert!(findings.iter().all(|finding| finding.mark.line > 0 && finding.mark.column > 0));
        if let Some(plan) = plan {
            prop_assert_eq!(plan.to_string().is_empty(), false);
        }
    }
}
