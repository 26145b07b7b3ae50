//! A configuration of `conf/`, and what becomes of it when the doctor's lines are pasted in.

use std::path::Path;

use hops::mend::{Mend, Problem};

#[derive(Clone)]
pub(crate) struct Config {
    pub(crate) name: String,
    pub(crate) text: String,
    /// For the command line.
    pub(crate) arguments: Vec<String>,
}

impl Config {
    pub(crate) fn of(name: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/proxies/conf").join(name);
        let text = std::fs::read_to_string(file).unwrap();
        Self { name: name.to_owned(), text, arguments: Vec::new() }
    }

    pub(crate) fn product(&self) -> &str {
        self.name.split(['.', '-']).next().unwrap()
    }

    /// Takes out and puts in what the doctor prints, and nothing else: each problem's lines go where the
    /// configuration says `put in: <problem>`.
    pub(crate) fn mended(&self, mends: &[Mend]) -> Self {
        let mut mended = self.clone();
        for mend in mends {
            let is_parameter = self.product() == "varnish" && mend.problem == Problem::TooLong;
            if is_parameter {
                let words = mend.put_in.iter().flat_map(|line| line.split(' '));
                mended.arguments.extend(words.map(str::to_owned));
                continue;
            }
            mended.text = pasted(&mended.text, mend);
        }
        mended
    }
}

fn pasted(text: &str, mend: &Mend) -> String {
    let place = format!("# put in: {}", mend.problem.key());
    let lines: Vec<&str> = text.lines().collect();
    let is_place = |line: &str| line.trim() == place;
    assert!(mend.put_in.is_empty() || lines.iter().any(|line| is_place(line)), "no `{place}` for {mend}");
    let mut taken = Vec::new();
    let mut kept = Vec::new();
    for block in lines.chunk_by(|one, next| indent(one) == indent(next)) {
        // What is put in takes the place of something in the same block, not of all that is like it elsewhere.
        let is_meant = mend.put_in.is_empty() || block.iter().any(|line| is_place(line));
        for line in block {
            let written = mend.take_out.iter().find_map(|pattern| fits(pattern, line.trim()));
            match written.filter(|_| is_meant) {
                Some(written) => taken.push(written),
                None => kept.push((*line).to_owned()),
            }
            if is_place(line) {
                let written = taken.first().map_or("", String::as_str);
                kept.extend(mend.put_in.iter().map(|line| line.replace("...", written)));
            }
        }
    }
    assert!(!taken.is_empty() || !mend.put_in.is_empty(), "nothing to take out by {mend}");
    kept.join("\n") + "\n"
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// What stands for `...`; nothing where the line is another.
fn fits(pattern: &str, line: &str) -> Option<String> {
    match pattern.split_once("...") {
        Some((start, end)) => Some(line.strip_prefix(start)?.strip_suffix(end)?.to_owned()),
        None => (pattern == line).then(String::new),
    }
}
