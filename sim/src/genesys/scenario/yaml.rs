//! YAML with line numbers, as much of it as a scenario needs.

use saphyr_parser::{Event, Parser, Span};

use super::MAX_BYTES;

/// Lists and maps inside each other.
const MAX_DEPTH: usize = 8;

pub(super) struct Yaml {
    pub(super) line: usize,
    pub(super) value: Value,
}

pub(super) enum Value {
    Text(String),
    List(Vec<Yaml>),
    Map(Vec<(Yaml, Yaml)>),
}

/// The one document of a text, or the line and what is wrong there.
pub(super) fn load(text: &str) -> Result<Yaml, (usize, String)> {
    if text.len() > MAX_BYTES {
        return Err((1, format!("{} bytes are more than the {MAX_BYTES} of a scenario", text.len())));
    }
    let mut reader = Reader { events: Parser::new_from_str(text) };
    loop {
        match reader.next()? {
            (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
            (Event::StreamEnd | Event::DocumentEnd, line) => {
                return Err((line, "the file is empty".to_owned()));
            }
            (event, line) => return reader.value(event, line, 0),
        }
    }
}

struct Reader<'a> {
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<(Event<'a>, usize), (usize, String)> {
        match self.events.next_event() {
            Some(Ok((event, Span { start, .. }))) => Ok((event, start.line())),
            Some(Err(error)) => Err((error.marker().line(), format!("this is not YAML: {}", error.info()))),
            None => Ok((Event::StreamEnd, 1)),
        }
    }

    fn value(&mut self, event: Event<'a>, line: usize, depth: usize) -> Result<Yaml, (usize, String)> {
        if depth > MAX_DEPTH {
            return Err((line, format!("more than {MAX_DEPTH} levels inside each other")));
        }
        let value = match event {
            Event::Scalar(text, ..) => Value::Text(text.into_owned()),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (Event::SequenceEnd, _) => break Value::List(items),
                        (event, line) => items.push(self.value(event, line, depth + 1)?),
                    }
                }
            }
            Event::MappingStart(..) => {
                let mut entries = Vec::new();
                loop {
                    match self.next()? {
                        (Event::MappingEnd, _) => break Value::Map(entries),
                        (event, line) => {
                            let key = self.value(event, line, depth + 1)?;
                            let (event, line) = self.next()?;
                            entries.push((key, self.value(event, line, depth + 1)?));
                        }
                    }
                }
            }
            _ => return Err((line, "anchors and aliases have no place in a scenario".to_owned())),
        };
        Ok(Yaml { line, value })
    }
}
