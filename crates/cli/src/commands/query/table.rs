//! An answer as a table for people.

use serde::Deserialize;
use serde_json::Value;
use view_term::text::{shown, width};

#[derive(Deserialize)]
struct Answer {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    kind: String,
}

pub(super) fn of(json: &[u8]) -> Result<String, serde_json::Error> {
    let Answer { columns, rows } = serde_json::from_slice(json)?;
    let names: Vec<String> = columns.iter().map(|column| shown(&column.name)).collect();
    let cells: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    let longest = |at: usize| {
        let column = cells.iter().filter_map(|row| row.get(at)).chain(names.get(at));
        column.map(|text| width(text)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(longest).collect();
    let right: Vec<bool> = columns.iter().map(|column| is_number(&column.kind)).collect();
    let mut text = String::new();
    line(&mut text, &names, &widths, &right);
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    line(&mut text, &rule, &widths, &right);
    cells.iter().for_each(|row| line(&mut text, row, &widths, &right));
    text += &match cells.len() {
        1 => "1 row\n".to_owned(),
        count => format!("{count} rows\n"),
    };
    Ok(text)
}

fn line(text: &mut String, cells: &[String], widths: &[usize], right: &[bool]) {
    let mut line = String::new();
    for ((cell, cells_wide), right) in cells.iter().zip(widths).zip(right) {
        let gap = if line.is_empty() { "" } else { "  " };
        let blank = " ".repeat(cells_wide.saturating_sub(width(cell)));
        line += &if *right { format!("{gap}{blank}{cell}") } else { format!("{gap}{cell}{blank}") };
    }
    text.push_str(line.trim_end());
    text.push('\n');
}

fn is_number(kind: &str) -> bool {
    ["Int", "UInt", "Float", "Decimal"].iter().any(|number| kind.starts_with(number))
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => shown(text),
        other => shown(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    #[test]
    fn numbers_stand_to_the_right_and_nothing_steers_the_terminal() {
        let json = br#"{"columns":[{"name":"queue","type":"Utf8"},{"name":"calls","type":"Int64"},{"name":"p95","type":"Float64"}],
            "rows":[["billing",12,1.5],["\u001b[31mred\n",3,null],[null,"9007199254740993",{"a":1}]]}"#;
        expect![[r"
            queue                       calls      p95
            ---------------  ----------------  -------
            billing                        12      1.5
            \u{1b}[31mred\n                 3        -
            -                9007199254740993  {`a`:1}
            3 rows
        "]]
        .assert_eq(&super::of(json).unwrap().replace('"', "`"));
        let none = br#"{"columns":[{"name":"n","type":"Int64"}],"rows":[]}"#;
        assert_eq!(super::of(none).unwrap(), "n\n-\n0 rows\n");
    }
}
