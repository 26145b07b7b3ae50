//! From text to one statement that only reads.

use std::ops::ControlFlow;

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, Statement as Ast, Value,
    visit_expressions_mut,
};
use store_api::sql::Failed;

use super::attr::MAPS;
use super::wrong;

/// Bytes of a question.
const LONGEST: usize = 64 << 10;

pub(super) fn read(text: &str) -> Result<Statement, Failed> {
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
    expand(&mut statement);
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

/// `attr('key')` and `attr(s, 'key')` name no column: they look into all that hold attributes.
fn expand(statement: &mut Statement) {
    let ast = match statement {
        Statement::Statement(ast) => ast,
        Statement::Explain(explain) => return expand(&mut explain.statement),
        _ => return,
    };
    let _whole: ControlFlow<()> = visit_expressions_mut(ast.as_mut(), |expression| {
        if let Expr::Function(function) = expression
            && function.name.to_string().eq_ignore_ascii_case("attr")
            && let FunctionArguments::List(list) = &mut function.args
        {
            let expanded = match list.args.as_slice() {
                [key] if is_text(key) => Some(maps(None, key)),
                [of, key] if is_text(key) => table(of).map(|table| maps(Some(table), key)),
                _ => None,
            };
            list.args = expanded.unwrap_or_else(|| std::mem::take(&mut list.args));
        }
        ControlFlow::Continue(())
    });
}

fn is_text(argument: &FunctionArg) -> bool {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = argument else { return false };
    matches!(value.value, Value::SingleQuotedString(_))
}

fn table(argument: &FunctionArg) -> Option<Ident> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(name))) = argument else { return None };
    (!MAPS.iter().any(|map| name.value.eq_ignore_ascii_case(map))).then(|| name.clone())
}

fn maps(table: Option<Ident>, key: &FunctionArg) -> Vec<FunctionArg> {
    let column = |map: &&str| {
        let map = Ident::new(*map);
        let column = match &table {
            Some(table) => Expr::CompoundIdentifier(vec![table.clone(), map]),
            None => Expr::Identifier(map),
        };
        FunctionArg::Unnamed(FunctionArgExpr::Expr(column))
    };
    MAPS.iter().map(column).chain([key.clone()]).collect()
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
            assert!(read(text).is_ok(), "{text}");
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
            ("COPY spans TO '/tmp/x.csv'", "COPY"),
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
            let failed = read(text).unwrap_err();
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
            match read(text).unwrap_err() {
                Failed::Wrong { message, place } => {
                    assert_eq!((message.as_str(), place), (said, at), "{text}")
                }
                other => panic!("{text}: {other}"),
            }
        }
        assert!(matches!(read(&format!("SELECT {}", "(".repeat(5000))), Err(Failed::Wrong { .. })));
        assert!(matches!(read(&" ".repeat(LONGEST + 1)), Err(Failed::Limit { .. })));
    }

    #[test]
    fn a_key_alone_is_looked_for_everywhere() {
        let expanded = |text: &str| read(text).unwrap().to_string();
        let all = MAPS.join(", ");
        let of = MAPS.map(|map| format!("s.{map}")).join(", ");
        assert_eq!(expanded("SELECT attr('a.b')"), format!("SELECT attr({all}, 'a.b')"));
        assert_eq!(expanded("SELECT ATTR(s, 'k')"), format!("SELECT ATTR({of}, 'k')"));
        assert_eq!(expanded("SELECT attr(attr_str, 'k')"), "SELECT attr(attr_str, 'k')");
        let nested = "SELECT 1 WHERE EXISTS (SELECT 1 WHERE attr('k') = 'v')";
        assert_eq!(expanded(nested), nested.replace("'k'", &format!("{all}, 'k'")));
    }
}
