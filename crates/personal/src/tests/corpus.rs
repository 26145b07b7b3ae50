//! Lines from the life of a contact centre: what stands in `[[kind:...]]` is to be found, and nothing else.

use std::collections::BTreeMap;
use std::fmt::Write;

use expect_test::expect_file;

use super::super::*;

const CORPUS: [(&str, &str); 4] = [
    ("calls", include_str!("corpus/calls.txt")),
    ("applications", include_str!("corpus/applications.txt")),
    ("databases", include_str!("corpus/databases.txt")),
    ("innocent", include_str!("corpus/innocent.txt")),
];
/// Written when the detectors were done, and never changed to please them.
const HELD_OUT: [(&str, &str); 1] = [("held_out", include_str!("corpus/held_out.txt"))];

/// Least precision and recall of each detector, in percent.
const FLOORS: [(Kind, f64, f64); 5] = [
    (Kind::SipUri, 99.0, 99.0),
    (Kind::Email, 97.0, 97.0),
    (Kind::Iban, 99.0, 99.0),
    (Kind::Card, 97.0, 97.0),
    (Kind::Phone, 95.0, 93.0),
];

/// Least precision and recall of each detector on lines that it has not seen.
const UNSEEN: (f64, f64) = (75.0, 85.0);

/// A line without the marks, and where they stood.
struct Line {
    key: String,
    text: String,
    marked: Vec<(Kind, Range<usize>)>,
}

/// `key | text with [[kind:finding]]`
fn line(line: &str) -> Line {
    let (key, mut rest) = line.split_once(" | ").unwrap_or_else(|| panic!("no key: {line}"));
    let (mut text, mut marked) = (String::new(), Vec::new());
    while let Some((before, behind)) = rest.split_once("[[") {
        let (mark, after) = behind.split_once("]]").expect("an end of the mark");
        let (kind, finding) = mark.split_once(':').expect("a kind");
        let kind = Kind::ALL.into_iter().find(|known| known.name() == kind).expect("a known kind");
        text.push_str(before);
        marked.push((kind, text.len()..text.len() + finding.len()));
        text.push_str(finding);
        rest = after;
    }
    text.push_str(rest);
    Line { key: key.trim().to_owned(), text, marked }
}

fn lines(files: &'static [(&str, &str)]) -> impl Iterator<Item = (&'static str, Line)> {
    files.iter().flat_map(|(name, text)| {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(move |text| (*name, line(text)))
    })
}

#[derive(Default, Clone, Copy)]
struct Score {
    right: usize,
    wrong: usize,
    missed: usize,
}

impl Score {
    fn precision(self) -> f64 {
        percent(self.right, self.right + self.wrong)
    }

    fn recall(self) -> f64 {
        percent(self.right, self.right + self.missed)
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

#[test]
fn precision_and_recall() {
    let (scores, tuned) = report(&CORPUS);
    let (held_out, unseen) = report(&HELD_OUT);
    let report = format!("{tuned}\nHeld out\n\n{unseen}");
    println!("{report}");
    for (kind, precision, recall) in FLOORS {
        let score = scores.get(&kind).copied().unwrap_or_default();
        assert!(score.right >= 25, "{}: too few lines to tell", kind.name());
        assert!(score.precision() >= precision && score.recall() >= recall, "{}\n{report}", kind.name());
        let score = held_out.get(&kind).copied().unwrap_or_default();
        assert!(score.precision() >= UNSEEN.0 && score.recall() >= UNSEEN.1, "{}\n{report}", kind.name());
    }
    expect_file!["corpus/report.txt"].assert_eq(&report);
}

/// What each detector found in these files, as a table with every mistake below it.
fn report(files: &'static [(&str, &str)]) -> (BTreeMap<Kind, Score>, String) {
    let mut scores: BTreeMap<Kind, Score> = BTreeMap::new();
    let (mut mistakes, mut count, mut clean) = (String::new(), 0, 0);
    let mut scanner = Scanner::default();
    for (file, Line { key, text, marked }) in lines(files) {
        count += 1;
        clean += usize::from(marked.is_empty());
        let found = scanner.scan(Kinds::ALL, &text, hint(&key)).iter();
        let found: Vec<_> = found.map(|found| (found.kind, found.range.clone())).collect();
        let mut mistake = |what: &str, (kind, range): &(Kind, Range<usize>)| {
            let part = text.get(range.clone()).unwrap_or_default();
            writeln!(mistakes, "{file}: {what}: {} `{part}` in {key} | {text}", kind.name()).unwrap();
        };
        for one in &found {
            let score = scores.entry(one.0).or_default();
            if marked.contains(one) {
                score.right += 1;
            } else {
                score.wrong += 1;
                mistake("not to be found", one);
            }
        }
        for one in marked.iter().filter(|one| !found.contains(one)) {
            scores.entry(one.0).or_default().missed += 1;
            mistake("missed", one);
        }
    }
    let mut table = format!("{count} lines, {clean} of them without anything personal\n\n");
    for (kind, score) in &scores {
        let Score { right, wrong, missed } = score;
        let (precision, recall) = (score.precision(), score.recall());
        writeln!(
            table,
            "{:8} right {right:3}  wrong {wrong:2}  missed {missed:2}  precision {precision:5.1} %  recall {recall:5.1} %",
            kind.name(),
        )
        .unwrap();
    }
    (scores, format!("{table}\n{mistakes}"))
}
