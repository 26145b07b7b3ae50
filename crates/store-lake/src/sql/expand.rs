//! Where the attributes lie that a question names.
//!
//! `attr('key')` and `attr(s, 'key')` name no column: they look into all that hold attributes. Where an attribute has a column
//! of its own, that is looked into before the map that would have it. What is shown keeps the name that it was asked by.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, Ident,
    ObjectName, Select, SelectItem, Subscript, Value, VisitMut, VisitorMut, visit_expressions,
};

use super::attr::MAPS;
use crate::table::{OWN, Promoted, RESOURCE};

pub(super) fn expand(statement: &mut Statement, promoted: &Promoted) {
    match statement {
        Statement::Statement(ast) => {
            let _whole = ast.visit(&mut Expanding(promoted));
        }
        Statement::Explain(explain) => expand(&mut explain.statement, promoted),
        _ => {}
    }
}

struct Expanding<'a>(&'a Promoted);

impl VisitorMut for Expanding<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expression) = item
                && visit_expressions(expression, |part| match names_attribute(part) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                })
                .is_break()
            {
                let alias = Ident::with_quote('"', expression.to_string());
                *item = SelectItem::ExprWithAlias { expr: expression.clone(), alias };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Some(expanded) = expanded(expression, self.0) {
            *expression = expanded;
        }
        ControlFlow::Continue(())
    }
}

/// What may be expanded today or tomorrow, as attributes get columns.
fn names_attribute(written: &Expr) -> bool {
    match written {
        Expr::Function(function) => is_attr(function),
        Expr::CompoundFieldAccess { .. } => true,
        _ => false,
    }
}

fn is_attr(function: &Function) -> bool {
    function.name.to_string().eq_ignore_ascii_case("attr")
}

/// What is meant, where that is more than what was written.
fn expanded(written: &Expr, promoted: &Promoted) -> Option<Expr> {
    match written {
        Expr::Function(function) if is_attr(function) => {
            let mut function = function.clone();
            let FunctionArguments::List(list) = &mut function.args else { return None };
            list.args = arguments(&list.args, promoted)?;
            Some(Expr::Function(function))
        }
        Expr::CompoundFieldAccess { root, access_chain } => {
            let (of, index) = match (root.as_ref(), access_chain.as_slice()) {
                (of, [AccessExpr::Subscript(Subscript::Index { index })]) => (of.clone(), index),
                (
                    Expr::Identifier(table),
                    [
                        AccessExpr::Dot(Expr::Identifier(map)),
                        AccessExpr::Subscript(Subscript::Index { index }),
                    ],
                ) => (Expr::CompoundIdentifier(vec![table.clone(), map.clone()]), index),
                _ => return None,
            };
            Some(first_of(own_column(&of, index, promoted)?, written.clone()))
        }
        _ => None,
    }
}

/// What `attr` is given in place of what was written, where that leaves something out.
fn arguments(written: &[FunctionArg], promoted: &Promoted) -> Option<Vec<FunctionArg>> {
    let (key, of) = written.split_last()?;
    let text = text(expression(key)?)?;
    let columns = match of {
        [] => all(None, text, promoted),
        [of] => match (expression(of)?, own_column(expression(of)?, expression(key)?, promoted)) {
            (map, Some(own)) => vec![own, map.clone()],
            (Expr::Identifier(name), None) if map(name).is_none() => all(Some(name), text, promoted),
            _ => return None,
        },
        _ => return None,
    };
    Some(columns.into_iter().map(unnamed).chain([key.clone()]).collect())
}

/// All columns that may hold an attribute: of the span, then of its resource.
fn all(table: Option<&Ident>, key: &str, promoted: &Promoted) -> Vec<Expr> {
    let mut columns = Vec::new();
    for prefix in [OWN, RESOURCE] {
        columns.extend(promoted.column(prefix, key));
        columns.extend(MAPS.iter().filter(|map| map.starts_with(prefix)));
    }
    columns.into_iter().map(|name| column(table, name)).collect()
}

/// The column in whose place a map would hold text under a key.
fn own_column(of: &Expr, key: &Expr, promoted: &Promoted) -> Option<Expr> {
    let (table, name) = match of {
        Expr::Identifier(name) => (None, name),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, name] => (Some(table), name),
            _ => return None,
        },
        _ => return None,
    };
    let prefix = match map(name)? {
        "attr_str" => OWN,
        "resource_str" => RESOURCE,
        _ => return None,
    };
    Some(column(table, promoted.column(prefix, text(key)?)?))
}

/// Which of the maps a name means.
fn map(name: &Ident) -> Option<&'static str> {
    MAPS.into_iter().find(|map| name.value.eq_ignore_ascii_case(map))
}

fn column(table: Option<&Ident>, name: &str) -> Expr {
    match table {
        Some(table) => Expr::CompoundIdentifier(vec![table.clone(), Ident::new(name)]),
        None => Expr::Identifier(Ident::new(name)),
    }
}

fn first_of(one: Expr, other: Expr) -> Expr {
    let arguments = FunctionArgumentList {
        duplicate_treatment: None,
        args: vec![unnamed(one), unnamed(other)],
        clauses: Vec::new(),
    };
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new("coalesce")]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(arguments),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn unnamed(expression: Expr) -> FunctionArg {
    FunctionArg::Unnamed(FunctionArgExpr::Expr(expression))
}

fn expression(argument: &FunctionArg) -> Option<&Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression),
        _ => None,
    }
}

fn text(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::statement::read;
    use super::*;

    #[test]
    fn a_key_alone_is_looked_for_everywhere() {
        let expanded = |text: &str| read(text, &Promoted::default()).unwrap().to_string();
        let all = MAPS.join(", ");
        let of = MAPS.map(|map| format!("s.{map}")).join(", ");
        assert_eq!(expanded("SELECT attr('a.b')"), format!("SELECT attr({all}, 'a.b') AS \"attr('a.b')\""));
        assert_eq!(expanded("SELECT ATTR(s, 'k')"), format!("SELECT ATTR({of}, 'k') AS \"ATTR(s, 'k')\""));
        assert_eq!(expanded("SELECT attr('k') AS k, 1"), format!("SELECT attr({all}, 'k') AS k, 1"));
        let named = "SELECT attr(attr_str, 'k') AS \"attr(attr_str, 'k')\", m['k'] AS \"m['k']\"";
        assert_eq!(expanded("SELECT attr(attr_str, 'k'), m['k']"), named);
        let nested = "SELECT 1 WHERE EXISTS (SELECT 1 WHERE attr('k') = 'v')";
        assert_eq!(expanded(nested), nested.replace("'k'", &format!("{all}, 'k'")));
    }

    #[test]
    fn an_attribute_is_looked_for_in_its_own_column() {
        let promoted: Promoted =
            serde_json::from_str(r#"{"attr_a_b": "a.b", "resource_host": "host"}"#).unwrap();
        let expanded = |text: &str| read(text, &promoted).unwrap().to_string();
        let (own, resource) = MAPS.split_at(5);
        for (text, found) in [
            ("attr('a.b')", format!("attr(attr_a_b, {}, 'a.b')", MAPS.join(", "))),
            (
                "attr('host')",
                format!("attr({}, resource_host, {}, 'host')", own.join(", "), resource.join(", ")),
            ),
            ("attr(attr_str, 'a.b')", "attr(attr_a_b, attr_str, 'a.b')".to_owned()),
            ("attr(s.attr_str, 'a.b')", "attr(s.attr_a_b, s.attr_str, 'a.b')".to_owned()),
            ("attr(attr_int, 'a.b')", "attr(attr_int, 'a.b')".to_owned()),
            ("attr_str['a.b']", "coalesce(attr_a_b, attr_str['a.b'])".to_owned()),
            ("s.resource_str['host']", "coalesce(s.resource_host, s.resource_str['host'])".to_owned()),
            ("attr_str['a_b']", "attr_str['a_b']".to_owned()),
            ("attr_str['host']", "attr_str['host']".to_owned()),
        ] {
            assert_eq!(
                expanded(&format!("SELECT 1 FROM spans AS s WHERE {text}")),
                format!("SELECT 1 FROM spans AS s WHERE {found}")
            );
        }
    }
}
