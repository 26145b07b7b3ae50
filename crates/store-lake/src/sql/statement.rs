//! From text to one statement that only reads.

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::Statement as Ast;
use store_api::sql::Failed;

use super::expand::expand;
use super::wrong;
use crate::table::Promoted;

/// Bytes of a question.
pub(super) const LONGEST: usize = 64 << 10;

pub(super) fn read(text: &str, promoted: &Promoted) -> Result<Statement, Failed> {
    if text.len() > LONGEST {
        let what = format!("the question is longer than {} KiB", LONGEST >> 10);
        return Err(Failed::Limit {
            what,
            help: "ask for ids by a join or a range instead of a list".to_owned(),
        });
    }
    let mut statements = DFParser::parse_sql(text).map_err(|error| wrong::unparsed(&error))?;
    let (Some(mut statement), true) = (statements.pop_front(), statements.is_empty()) else {
        let message = match text.trim().is_empty() {
            true => "there is no question".to_owned(),
            false => "one statement at a time".to_owned(),
        };
        return Err(Failed::Wrong { message, place: None });
    };
    if !reads(&statement) {
        let text = text.trim_start();
        let verb = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        return Err(refused(&verb.to_uppercase()));
    }
    expand(&mut statement, promoted);
    Ok(statement)
}

pub(super) fn refused(what: &str) -> Failed {
    Failed::Refused(format!("{what} is not answered"))
}

/// What a plan may still do is looked at again when there is one.
fn reads(statement: &Statement) -> bool {
    match statement {
        Statement::Statement(ast) => match ast.as_ref() {
            Ast::Query(_) | Ast::ExplainTable { .. } | Ast::ShowTables { .. } | Ast::ShowColumns { .. } => {
                true
            }
            Ast::Explain { statement, .. } => matches!(statement.as_ref(), Ast::Query(_)),
            _ => false,
        },
        Statement::Explain(explain) => reads(&explain.statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_questions_pass() {
        for text in [
            "SELECT 1",
            "  select * from spans;",
            "WITH a AS (SELECT 1) SELECT * FROM a",
            "VALUES (1)",
            "(SELECT 1) UNION (SELECT 2)",
            "EXPLAIN SELECT 1",
            "EXPLAIN ANALYZE SELECT 1",
            "EXPLAIN VERBOSE SELECT 1",
            "SHOW TABLES",
            "SHOW COLUMNS FROM spans",
            "DESCRIBE spans",
        ] {
            assert!(read(text, &Promoted::default()).is_ok(), "{text}");
        }
        for (text, said) in [
            ("CREATE TABLE t AS SELECT 1", "CREATE"),
            ("CREATE VIEW v AS SELECT 1", "CREATE"),
            ("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'", "CREATE"),
            ("CREATE FUNCTION f() RETURNS INT RETURN 1", "CREATE"),
            ("CREATE SCHEMA s", "CREATE"),
            ("CREATE DATABASE d", "CREATE"),
            ("DROP TABLE spans", "DROP"),
            ("DROP VIEW spans", "DROP"),
            ("ALTER TABLE spans ADD COLUMN a INT", "ALTER"),
            ("TRUNCATE TABLE spans", "TRUNCATE"),
            ("INSERT INTO spans VALUES (1)", "INSERT"),
            ("UPDATE spans SET name = ''", "UPDATE"),
            ("DELETE FROM spans", "DELETE"),
            ("MERGE INTO spans USING spans AS s ON true WHEN MATCHED THEN DELETE", "MERGE"),
            ("COPY spans TO 'x.csv'", "COPY"),
            ("COPY (SELECT 1) TO 'x.parquet'", "COPY"),
            ("SET datafusion.execution.batch_size = 1", "SET"),
            ("RESET datafusion.execution.batch_size", "RESET"),
            ("SHOW ALL", "SHOW"),
            ("BEGIN", "BEGIN"),
            ("START TRANSACTION", "START"),
            ("COMMIT", "COMMIT"),
            ("PREPARE p AS SELECT 1", "PREPARE"),
            ("EXECUTE p", "EXECUTE"),
            ("DEALLOCATE p", "DEALLOCATE"),
            ("EXPLAIN INSERT INTO spans VALUES (1)", "EXPLAIN"),
            ("EXPLAIN ANALYZE COPY spans TO 'x'", "EXPLAIN"),
            ("USE other", "USE"),
            ("GRANT SELECT ON spans TO x", "GRANT"),
        ] {
            let failed = read(text, &Promoted::default()).unwrap_err();
            assert_eq!(failed.to_string(), format!("{said} is not answered"), "{text}");
            assert!(failed.help().starts_with("the store is only read here: write SELECT"), "{text}");
        }
    }

    #[test]
    fn what_is_no_sql_has_a_place() {
        for (text, said, at) in [
            ("", "there is no question", None),
            ("SELECT 1; SELECT 2", "one statement at a time", None),
            ("SELECT\n  1 +", "Expected: an expression, found: EOF", None),
            ("SELECT * FORM spans", "Expected: end of statement, found: FORM", Some((1, 10))),
        ] {
            match read(text, &Promoted::default()).unwrap_err() {
                Failed::Wrong { message, place } => {
                    assert_eq!((message.as_str(), place), (said, at), "{text}")
                }
                other => panic!("{text}: {other}"),
            }
        }
        assert!(matches!(
            read(&format!("SELECT {}", "(".repeat(5000)), &Promoted::default()),
            Err(Failed::Wrong { .. })
        ));
        assert!(matches!(read(&" ".repeat(LONGEST + 1), &Promoted::default()), Err(Failed::Limit { .. })));
    }
}
