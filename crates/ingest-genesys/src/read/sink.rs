//! Where a reader puts facts, and how it looks at fields.

use std::borrow::Cow;
use std::sync::Arc;

use super::json::{Leaf, List, Object, Pairs};
use super::problems::{Path, Problems};
use crate::fact::{Fact, FlowEvent, Lasted, Measure, Moment, Of, Says, Source, State, What};
use crate::id::Id;
use crate::settings::Settings;
use crate::time;
use crate::words::{self, Segment, Word};

pub(super) struct Sink<'s> {
    pub(super) source: Source,
    pub(super) settings: &'s Settings,
    pub(super) problems: &'s mut Problems,
    /// Whom the next facts are about.
    pub(super) of: Of,
    pub(super) facts: Vec<Fact>,
}

impl<'s> Sink<'s> {
    pub(super) fn new(source: Source, settings: &'s Settings, problems: &'s mut Problems) -> Self {
        Self { source, settings, problems, of: Of::default(), facts: Vec::new() }
    }

    pub(super) fn put(&mut self, what: What) {
        self.facts.push(Fact { of: self.of.clone(), source: self.source, what });
    }

    pub(super) fn at(&mut self, moment: Moment, at: Option<u64>) {
        if let Some(at) = at {
            self.put(What::At(moment, at));
        }
    }

    pub(super) fn seen(&mut self, state: State, at: Option<u64>) {
        if let Some(at) = at {
            self.put(What::Seen(state, at));
        }
    }

    pub(super) fn lasted(&mut self, what: Lasted, ms: Option<i64>) {
        if let Some(ms) = ms.and_then(|ms| u64::try_from(ms).ok()).filter(|ms| *ms <= time::LATEST) {
            self.put(What::Lasted(what, ms));
        }
    }

    pub(super) fn segment(&mut self, kind: Segment, start: Option<u64>, end: Option<u64>) {
        if let Some(start) = start {
            self.put(What::Segment { kind, start, end: end.filter(|end| *end >= start) });
        }
    }

    pub(super) fn measured(&mut self, measure: Measure, number: Option<i64>) {
        if let Some(number) = number {
            self.put(What::Measured(measure, number));
        }
    }

    pub(super) fn flow(&mut self, event: FlowEvent) {
        self.put(What::Flow(Arc::new(event)));
    }

    /// A word of a vocabulary; `UNKNOWN` says nothing.
    pub(super) fn word(&mut self, says: Says, word: Option<&str>) {
        let read = match says {
            Says::Purpose => words::purpose,
            Says::Media => words::media,
            Says::Direction => words::direction,
            Says::Disconnect => words::disconnect,
            _ => words::plain,
        };
        if let Some(word) = word.filter(|word| !word.is_empty() && !word.eq_ignore_ascii_case("unknown")) {
            self.put(What::Says(says, read(word)));
        }
    }

    /// Text as it is; personal data only where it is wanted.
    pub(super) fn text(&mut self, says: Says, text: Option<&str>) {
        let personal = matches!(says, Says::Ani | Says::Dnis | Says::Name | Says::Subject | Says::Notes);
        if let Some(text) = text.filter(|text| !text.is_empty() && (!personal || self.settings.personal_data))
        {
            self.put(What::Says(says, Word::text(text)));
        }
    }

    /// Participant attributes: the trace context, and what the settings name.
    pub(super) fn attributes<const N: usize>(&mut self, path: &Path<'_>, pairs: &Pairs<'_, N>) {
        if pairs.other {
            self.problems.field(path, "attributes", "an object");
        }
        self.problems.list(path, "attributes", pairs.beyond);
        for (name, value) in &pairs.items {
            let Leaf::Text(value) = value else { continue };
            if name.eq_ignore_ascii_case("traceparent") && value.len() <= 128 {
                self.put(What::Says(Says::Traceparent, Word::text(value)));
            } else if let Some(kept) = self.settings.kept(name) {
                let pair = (Word::Other(Arc::clone(kept)), Word::text(value));
                self.put(What::Attribute(Arc::new(pair)));
            }
        }
    }

    pub(super) fn get_text<'l>(
        &mut self,
        path: &Path<'_>,
        name: &str,
        leaf: &'l Leaf<'_>,
    ) -> Option<&'l str> {
        match leaf {
            Leaf::Text(text) => Some(text),
            Leaf::Missing => None,
            _ => self.wrong(path, name, "text"),
        }
    }

    pub(super) fn get_id(&mut self, path: &Path<'_>, name: &str, leaf: &Leaf<'_>) -> Option<Id> {
        let text = self.get_text(path, name, leaf)?;
        Id::new(text).or_else(|| self.wrong(path, name, "an id"))
    }

    pub(super) fn get_iso(&mut self, path: &Path<'_>, name: &str, leaf: &Leaf<'_>) -> Option<u64> {
        let text = self.get_text(path, name, leaf)?;
        time::iso(text).or_else(|| self.wrong(path, name, "an ISO 8601 time"))
    }

    pub(super) fn get_epoch(&mut self, path: &Path<'_>, name: &str, leaf: &Leaf<'_>) -> Option<u64> {
        let ms = self.get_int(path, name, leaf)?;
        time::epoch(ms).or_else(|| self.wrong(path, name, "a time in milliseconds since 1970"))
    }

    pub(super) fn get_int(&mut self, path: &Path<'_>, name: &str, leaf: &Leaf<'_>) -> Option<i64> {
        match leaf {
            Leaf::Int(number) => Some(*number),
            // Some writers put a point behind every number.
            Leaf::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(*number as i64),
            Leaf::Missing => None,
            _ => self.wrong(path, name, "a whole number"),
        }
    }

    /// Thousandths.
    pub(super) fn get_milli(&mut self, path: &Path<'_>, name: &str, leaf: &Leaf<'_>) -> Option<i64> {
        match leaf {
            Leaf::Int(number) => number.checked_mul(1000),
            Leaf::Float(number) if number.abs() < 9e12 => Some((number * 1000.0).round() as i64),
            Leaf::Missing => None,
            _ => self.wrong(path, name, "a number"),
        }
    }

    pub(super) fn get_bool(&mut self, path: &Path<'_>, name: &str, leaf: &Leaf<'_>) -> Option<bool> {
        match leaf {
            Leaf::Bool(truth) => Some(*truth),
            Leaf::Missing => None,
            _ => self.wrong(path, name, "true or false"),
        }
    }

    pub(super) fn get_object<'l, T>(
        &mut self,
        path: &Path<'_>,
        name: &str,
        object: &'l Object<T>,
    ) -> Option<&'l T> {
        match object {
            Object::Is(it) => Some(it),
            Object::Missing => None,
            Object::Other => self.wrong(path, name, "an object"),
        }
    }

    pub(super) fn get_list<'l, T, const N: usize>(
        &mut self,
        path: &Path<'_>,
        name: &str,
        list: &'l List<T, N>,
    ) -> &'l [T] {
        if list.other {
            self.problems.field(path, name, "a list");
        }
        self.problems.list(path, name, list.beyond);
        &list.items
    }

    pub(super) fn wrong<T>(&mut self, path: &Path<'_>, name: &str, expected: &str) -> Option<T> {
        self.problems.field(path, name, expected);
        None
    }
}

/// Numbers of a list as one text: `486,603`.
pub(super) fn joined(numbers: &[Leaf<'_>]) -> Option<String> {
    let texts: Vec<Cow<'_, str>> = numbers
        .iter()
        .filter_map(|leaf| match leaf {
            Leaf::Int(number) => Some(Cow::Owned(number.to_string())),
            Leaf::Text(text) => Some(Cow::Borrowed(text.as_ref())),
            _ => None,
        })
        .collect();
    (!texts.is_empty()).then(|| texts.join(","))
}
