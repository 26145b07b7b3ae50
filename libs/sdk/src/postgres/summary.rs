//! A statement in a few words: what it does, to which tables.

use super::token::{Kind, Token};

/// Most bytes of a summary.
const MOST: usize = 255;

/// Operations wherever they stand.
const ANYWHERE: [&str; 5] = ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE"];
/// Operations at the beginning of a statement.
const AT_START: [&str; 23] = [
    "ALTER",
    "ANALYZE",
    "BEGIN",
    "CALL",
    "CLOSE",
    "COMMIT",
    "COPY",
    "CREATE",
    "DECLARE",
    "DROP",
    "EXPLAIN",
    "FETCH",
    "GRANT",
    "LISTEN",
    "LOCK",
    "NOTIFY",
    "RELEASE",
    "ROLLBACK",
    "SAVEPOINT",
    "SET",
    "SHOW",
    "TRUNCATE",
    "VACUUM",
];
/// Words before an `UPDATE`, `INSERT` or `DELETE` that is a clause of another operation.
const NO_OPERATION_AFTER: [&str; 6] = ["FOR", "DO", "ON", "KEY", "OR", "THEN"];
/// Words before the name of a table.
const BEFORE_NAME: [&str; 4] = ["JOIN", "INTO", "TABLE", "FROM"];
/// Words between those and the name.
const SKIPPED: [&str; 5] = ["ONLY", "LATERAL", "IF", "NOT", "EXISTS"];
/// Operations that a name follows.
const BEFORE_NAME_THEMSELVES: [&str; 5] = ["UPDATE", "CALL", "COPY", "TRUNCATE", "LOCK"];

/// What a statement does.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Summary {
    /// The first operation.
    pub(super) operation: Option<&'static str>,
    /// The operations, each with its tables, as in `INSERT calls SELECT agents`.
    pub(super) text: String,
    is_full: bool,
}

/// Whether the next word is the name of a table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// No.
    Other,
    /// Yes; and in a list, where there may be more behind commas.
    Name { list: bool },
    /// The name goes on behind a dot.
    Part { list: bool },
    /// An alias, of at most so many words, or a comma before the next name.
    Alias(u8),
}

/// What was read so far.
struct Reader<'a> {
    summary: Summary,
    next: Next,
    before: &'a str,
    at_start: bool,
    /// Whether an operation stands here that takes a `FROM`: within this parenthesis, and within those around it.
    reads: bool,
    outer: Vec<bool>,
}

pub(super) fn summary(tokens: &[Token<'_>]) -> Summary {
    let mut reader = Reader {
        summary: Summary::default(),
        next: Next::Other,
        before: "",
        at_start: true,
        reads: false,
        outer: Vec::new(),
    };
    let mut left = tokens.iter().filter(|token| token.kind != Kind::Space).peekable();
    while let Some(token) = left.next() {
        let dot = left.peek().is_some_and(|after| after.is("."));
        reader.token(token, dot);
    }
    reader.summary
}

impl<'a> Reader<'a> {
    /// Takes a token; `dot` where a dot follows.
    fn token(&mut self, token: &Token<'a>, dot: bool) {
        let is_one_of = |words: &[&str]| words.iter().any(|word| token.is(word));
        let before_name = is_one_of(&BEFORE_NAME) && (self.reads || !token.is("FROM"));
        self.next = if let Some(operation) = operation(token, self.before, self.at_start) {
            self.summary.operation.get_or_insert(operation);
            self.summary.add(" ", operation);
            self.reads |= ANYWHERE.contains(&operation);
            if is_one_of(&BEFORE_NAME_THEMSELVES) { Next::Name { list: false } } else { Next::Other }
        } else if before_name && !self.before.eq_ignore_ascii_case("DISTINCT") {
            Next::Name { list: token.is("FROM") }
        } else if matches!(self.next, Next::Name { .. }) && is_one_of(&SKIPPED) {
            self.next
        } else {
            self.in_names(token, dot)
        };
        match token.text {
            "(" => self.outer.push(std::mem::take(&mut self.reads)),
            ")" => self.reads = self.outer.pop().unwrap_or_default(),
            _ => {}
        }
        self.at_start = token.is(";");
        self.before = token.text;
    }

    fn in_names(&mut self, token: &Token<'_>, dot: bool) -> Next {
        match self.next {
            Next::Name { list } if token.is_name() => {
                self.summary.add(" ", token.text);
                after_name(dot, list)
            }
            Next::Part { .. } if token.is(".") => self.next,
            Next::Part { list } if token.is_name() => {
                self.summary.add(".", token.text);
                after_name(dot, list)
            }
            Next::Alias(_) if token.is(",") => Next::Name { list: true },
            Next::Alias(words @ 1..) if token.is_name() => Next::Alias(words - 1),
            Next::Other | Next::Name { .. } | Next::Part { .. } | Next::Alias(_) => Next::Other,
        }
    }
}

fn operation(token: &Token<'_>, before: &str, at_start: bool) -> Option<&'static str> {
    let known = |names: &'static [&str]| names.iter().copied().find(|name| token.is(name));
    let clause = NO_OPERATION_AFTER.iter().any(|word| before.eq_ignore_ascii_case(word));
    let anywhere = known(&ANYWHERE).filter(|name| !clause || *name == "SELECT");
    anywhere.or_else(|| known(&AT_START).filter(|_| at_start))
}

fn after_name(dot: bool, list: bool) -> Next {
    match (dot, list) {
        (true, list) => Next::Part { list },
        (false, true) => Next::Alias(2),
        (false, false) => Next::Other,
    }
}

impl Summary {
    /// Another word, or another part of a name. Behind what did not fit, nothing is added.
    fn add(&mut self, between: &str, word: &str) {
        let between = if self.text.is_empty() { "" } else { between };
        self.is_full |= self.text.len() + between.len() + word.len() > MOST;
        if !self.is_full {
            self.text.push_str(between);
            self.text.push_str(word);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, summary};
    use crate::postgres::sanitize::read;

    #[test]
    fn a_statement_in_a_few_words() {
        for (statement, operation, text) in [
            ("", None, ""),
            ("select 1", Some("SELECT"), "SELECT"),
            ("SELECT * FROM calls WHERE id = $1 FOR UPDATE", Some("SELECT"), "SELECT calls"),
            (
                "SELECT * FROM calls c, public.agents AS a, q WHERE 1",
                Some("SELECT"),
                "SELECT calls public.agents q",
            ),
            ("SELECT a FROM b ORDER BY c, d", Some("SELECT"), "SELECT b"),
            ("SELECT a FROM b WHERE c IN (1, 2), d", Some("SELECT"), "SELECT b"),
            ("SELECT a FROM b LEFT JOIN \"My C\" ON b.x = c.x", Some("SELECT"), "SELECT b \"My C\""),
            ("SELECT EXTRACT(year FROM at) FROM calls", Some("SELECT"), "SELECT calls"),
            ("SELECT a IS DISTINCT FROM b FROM c", Some("SELECT"), "SELECT c"),
            ("SELECT (SELECT 1 FROM a), b FROM c", Some("SELECT"), "SELECT SELECT a c"),
            (
                "INSERT INTO calls (id) SELECT id FROM old.calls",
                Some("INSERT"),
                "INSERT calls SELECT old.calls",
            ),
            ("INSERT INTO a VALUES ($1) ON CONFLICT (id) DO UPDATE SET b = 1", Some("INSERT"), "INSERT a"),
            ("UPDATE ONLY calls SET a = 1, b = 2", Some("UPDATE"), "UPDATE calls"),
            ("DELETE FROM calls USING agents", Some("DELETE"), "DELETE calls"),
            ("MERGE INTO a USING b ON x WHEN MATCHED THEN UPDATE SET c = 1", Some("MERGE"), "MERGE a"),
            ("WITH r AS (SELECT 1 FROM calls) SELECT * FROM r", Some("SELECT"), "SELECT calls SELECT r"),
            ("CREATE TABLE IF NOT EXISTS calls (id int)", Some("CREATE"), "CREATE calls"),
            ("COPY calls FROM STDIN", Some("COPY"), "COPY calls"),
            ("TRUNCATE TABLE calls", Some("TRUNCATE"), "TRUNCATE calls"),
            ("CALL close_call($1)", Some("CALL"), "CALL close_call"),
            ("BEGIN; UPDATE a SET b = 1; COMMIT", Some("BEGIN"), "BEGIN UPDATE a COMMIT"),
            ("/* FROM x */ SHOW all", Some("SHOW"), "SHOW"),
            ("FROM a", None, ""),
            (")) SELECT ( FROM", Some("SELECT"), "SELECT"),
            ("SELECT 'UPDATE secret'", Some("SELECT"), "SELECT"),
            ("5550100", None, ""),
        ] {
            let found = summary(&read(statement));
            assert_eq!((found.operation, found.text.as_str()), (operation, text), "{statement}");
        }
    }

    #[test]
    fn a_summary_ends_behind_a_whole_name() {
        let many = format!("SELECT 1 FROM {}", "calls, ".repeat(100));
        let found = summary(&read(&many)).text;
        assert!(found.len() <= MOST && found.len() > MOST - 6 && found.ends_with(" calls"), "{found}");
    }
}
