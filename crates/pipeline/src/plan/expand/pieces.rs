//! Finds `${...}` in a text.

/// A part of a text.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Piece<'a> {
    Text(&'a str),
    /// What stands between `${` and `}`; it may hold references itself.
    Reference(&'a str),
}

/// Takes a text apart. `$$` is one dollar and begins no reference; `${` without its `}` is text.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    for Span { start, end } in outermost(text) {
        // `start` and `end` count from the beginning of `text`, `rest` is its end.
        let Some((before, reference)) = rest.split_at_checked(start - (text.len() - rest.len())) else {
            break;
        };
        let Some((reference, after)) = reference.split_at_checked(end - start) else { break };
        literal(before, &mut pieces);
        if let Some(content) = reference.strip_prefix("${").and_then(|r| r.strip_suffix('}')) {
            pieces.push(Piece::Reference(content));
        }
        rest = after;
    }
    literal(rest, &mut pieces);
    pieces
}

/// Text with `$$` made `$`.
fn literal<'a>(text: &'a str, pieces: &mut Vec<Piece<'a>>) {
    let mut rest = text;
    while let Some(at) = rest.find("$$") {
        let Some((before, after)) = rest.split_at_checked(at + 1) else { break };
        pieces.push(Piece::Text(before));
        rest = after.strip_prefix('$').unwrap_or(after);
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
}

struct Span {
    start: usize,
    /// Behind the `}`.
    end: usize,
}

/// The references that stand inside no other, in one pass over the text.
fn outermost(text: &str) -> Vec<Span> {
    let (mut open, mut found) = (Vec::new(), Vec::<Span>::new());
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match (byte, bytes.peek().map(|(_, next)| *next)) {
            (b'$', Some(b'$')) => drop(bytes.next()),
            (b'$', Some(b'{')) => open.push(at),
            (b'}', _) => {
                if let Some(start) = open.pop() {
                    while found.pop_if(|inner| inner.start > start).is_some() {}
                    found.push(Span { start, end: at + 1 });
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::Piece::{Reference, Text};
    use super::*;

    #[test]
    fn texts_and_references() {
        let table: [(&str, &[Piece<'_>]); 14] = [
            ("", &[]),
            ("plain", &[Text("plain")]),
            ("${A}", &[Reference("A")]),
            ("a${B}c${D}", &[Text("a"), Reference("B"), Text("c"), Reference("D")]),
            ("${env:${X}}", &[Reference("env:${X}")]),
            ("${A:-${B}${C}}", &[Reference("A:-${B}${C}")]),
            ("$$", &[Text("$")]),
            ("a$$b", &[Text("a$"), Text("b")]),
            ("$${X} ${Y}", &[Text("$"), Text("{X} "), Reference("Y")]),
            ("$$${X}", &[Text("$"), Reference("X")]),
            ("$$$${X}", &[Text("$"), Text("$"), Text("{X}")]),
            ("^a$", &[Text("^a$")]),
            ("${A ${B}", &[Text("${A "), Reference("B")]),
            ("}é${", &[Text("}é${")]),
        ];
        for (text, expected) in table {
            assert_eq!(pieces(text), expected, "{text}");
        }
    }
}
