//! What docs/performance.md promises, beside what was measured.

/// One line of the list.
struct Limit {
    what: String,
    measured: f64,
    limit: f64,
    met: bool,
}

#[derive(Default)]
pub(crate) struct Limits(Vec<Limit>);

impl Limits {
    pub(crate) fn at_most(&mut self, what: impl Into<String>, measured: f64, limit: f64) {
        self.0.push(Limit { what: what.into(), measured, limit, met: measured <= limit });
    }

    pub(crate) fn at_least(&mut self, what: impl Into<String>, measured: f64, limit: f64) {
        self.0.push(Limit { what: what.into(), measured, limit, met: measured >= limit });
    }

    /// Prints them; true where all are met.
    pub(crate) fn show(&self) -> bool {
        println!("\n| | measured | limit | |\n|---|---:|---:|---|");
        for Limit { what, measured, limit, met } in &self.0 {
            println!("| {what} | {measured:.2} | {limit:.2} | {} |", if *met { "met" } else { "missed" });
        }
        self.0.iter().all(|limit| limit.met)
    }
}
