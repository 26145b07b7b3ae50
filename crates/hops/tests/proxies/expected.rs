//! What has to be found, written as a table: the first line that fits counts, and where none fits the header has passed.

use std::collections::{BTreeMap, BTreeSet};

use hops::finding::Path;

type Verdicts = BTreeMap<(String, String, String), String>;

/// `protocols | probes | headers | verdict`, lists with commas, `*` for all (but `request`); or `protocol | not spoken`.
pub(crate) fn assert_verdicts(path: &Path, table: &str) {
    let rows: Vec<Vec<&str>> = table
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(|line| line.split(" | ").collect())
        .collect();
    assert_eq!(path.unreached(), None);
    let mut used = BTreeSet::new();
    let mut expected = Verdicts::new();
    for trial in &path.trials {
        let probe = &trial.probe;
        let protocol = probe.protocol.key();
        let mut find = |header: &str| {
            let fits = |row: &Vec<&str>| match row[..] {
                [protocols, probes, headers, _] => {
                    lists(protocols, protocol)
                        && lists(probes, probe.name)
                        && (lists(headers, header) && (headers, header) != ("*", "request"))
                }
                _ => false,
            };
            let at = rows.iter().position(fits)?;
            used.insert(at);
            Some(rows[at][3])
        };
        if let Some(at) = rows.iter().position(|row| row[..] == [protocol, "not spoken"]) {
            used.insert(at);
            continue;
        }
        let request = find("request");
        let key = |header: &str| (protocol.to_owned(), probe.name.to_owned(), header.to_owned());
        if let Some(request) = request {
            expected.insert(key("request"), request.to_owned());
            if request.starts_with("refused") {
                continue;
            }
        }
        let Some((mark, _)) = trial.outcomes.first() else { continue };
        let names = probe.fields(*mark).into_iter().map(|field| field.name.to_ascii_lowercase());
        for name in names.filter(|name| name != "connection") {
            let verdict = find(&name).unwrap_or("passed");
            expected.insert(key(&name), verdict.to_owned());
        }
    }
    let found = found(path);
    let keys: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let line = |key| format!("{key:?}: found {:?}, expected {:?}", found.get(key), expected.get(key));
    let wrong: Vec<_> =
        keys.into_iter().filter(|key| found.get(key) != expected.get(key)).map(line).collect();
    assert!(wrong.is_empty(), "{}\n{}", path.address, wrong.join("\n"));
    let unused: Vec<_> = (0..rows.len()).filter(|at| !used.contains(at)).map(|at| &rows[at]).collect();
    assert!(unused.is_empty(), "these lines fit nothing: {unused:?}");
}

/// What the doctor says; every repetition has to agree.
fn found(path: &Path) -> Verdicts {
    let mut found = Verdicts::new();
    for trial in &path.trials {
        let protocol = trial.probe.protocol;
        if path.not_spoken(protocol).is_some() {
            continue;
        }
        for ((header, verdict), times) in trial.verdicts() {
            assert_eq!(times, trial.outcomes.len(), "{} {header} {verdict}", trial.probe.name);
            let key = (protocol.key().to_owned(), trial.probe.name.to_owned(), header);
            assert_eq!(found.insert(key, verdict.to_string()), None);
        }
    }
    found
}

fn lists(list: &str, word: &str) -> bool {
    list == "*" || list.split(", ").any(|one| one == word)
}
