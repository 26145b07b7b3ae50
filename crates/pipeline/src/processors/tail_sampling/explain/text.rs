//! Explanations for people.

use std::fmt;

use super::{Explanation, Said};

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spans = if self.spans == 1 { "span" } else { "spans" };
        write!(f, "trace {}  {} {spans}", self.trace_id, self.spans)?;
        if let Some(ms) = self.duration_ms {
            write!(f, ", {ms} ms")?;
        }
        if let Some(interaction) = &self.interaction {
            write!(f, ", interaction {interaction}")?;
        }
        match (self.decision, &self.policy) {
            ("sampled", Some(policy)) => write!(f, ": SAMPLED by `{policy}`")?,
            ("dropped", Some(policy)) => write!(f, ": DROPPED by `{policy}`")?,
            _ => write!(f, ": NOT SAMPLED, no policy wants it")?,
        }
        if let Some(trace) = &self.kept_for {
            write!(f, ", with trace {trace} of the same interaction")?;
        }
        writeln!(f)?;
        let rows = rows(&self.policies, 1);
        let width = |cell: fn(&Row) -> usize| rows.iter().map(cell).max().unwrap_or(0);
        let (names, kinds) = (width(|row| row.name.chars().count()), width(|row| row.kind.len()));
        for Row { name, kind, verdict, why } in &rows {
            writeln!(f, "{name:names$}  {kind:kinds$}  {verdict:11}  {why}")?;
        }
        Ok(())
    }
}

struct Row<'s> {
    /// Indented.
    name: String,
    kind: &'static str,
    verdict: String,
    why: &'s str,
}

fn rows(said: &[Said], depth: usize) -> Vec<Row<'_>> {
    let of = |one: &'_ Said| (format!("{}{}", "  ".repeat(depth), one.name), one.verdict.replace('_', " "));
    said.iter()
        .flat_map(|one| {
            let (name, verdict) = of(one);
            // Of a part it is enough to say whether it holds.
            let verdict = match (depth, &*verdict) {
                (1, _) => verdict,
                (_, "sampled") => "holds".to_owned(),
                _ => "does not".to_owned(),
            };
            let row = Row { name, kind: one.kind, verdict, why: &one.why };
            std::iter::once(row).chain(rows(&one.parts, depth + 1)).collect::<Vec<_>>()
        })
        .collect()
}
