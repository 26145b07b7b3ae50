//! Texts that are fields of their own: names, the status message, the trace state.

use std::ops::Range;

use flow::otlp::splice::Splice;
use flow::otlp::view::Span;
use flow::wire::{Field, put_len};

use super::super::audit::Event;
use super::super::mask::STARS;
use super::super::rules::Rule;
use super::super::sanitize;
use super::super::shape::Text;
use super::{Outcome, Under, Walk, database};
use personal::Kind;

/// `SpanKind` as OTLP numbers it.
const INTERNAL: i32 = 1;
const SERVER: i32 = 2;
const CLIENT: i32 = 3;
/// Attributes of HTTP, of all times.
const HTTP: [&str; 9] = [
    "http.route",
    "http.request.method",
    "http.request.method_original",
    "http.response.status_code",
    "url.full",
    "http.scheme",
    "http.target",
    "http.method",
    "http.url",
];
const ATTRIBUTES: u32 = 9;

impl Walk<'_> {
    pub(super) fn named(
        &mut self,
        splice: &mut Splice<'_>,
        field: &Field<'_>,
        text: Text,
        within: &Range<usize>,
    ) {
        let sanitized = if text == Text::SpanName { self.sanitized(splice.source(), within) } else { None };
        let under = self.under_text(text);
        let quiet = !self.rules.everywhere || self.texts.is_quiet(field.bytes(), &under);
        if quiet && sanitized.is_none() {
            return;
        }
        let before = field.text();
        let now = sanitized.as_deref().unwrap_or(before);
        let written = match text {
            _ if !self.rules.everywhere => now.to_owned(),
            Text::TraceState => self.members(now, &under),
            _ => match self.texts.rewrite(now, &under) {
                Outcome::Clean | Outcome::Allowed => now.to_owned(),
                Outcome::Changed => self.texts.written().to_owned(),
                Outcome::Dropped if text == Text::StatusMessage => String::new(),
                Outcome::Dropped => STARS.to_owned(),
            },
        };
        if written != before {
            self.list.note(self.rules, Event::Masked, text.called());
            self.edits += 1;
            splice.replace(field.start..field.end, |out| {
                if !written.is_empty() {
                    put_len(out, field.number, written.as_bytes());
                }
            });
        }
    }

    fn under_text(&self, text: Text) -> Under {
        let kinds = match text {
            // Ids of other tracers are there, and some are all digits.
            Text::TraceState => self.all.kinds.without(Kind::Card).without(Kind::Iban),
            _ => self.all.kinds,
        };
        // Keys are rewritten as they are where the attribute stands, so that the entity still finds it.
        let patterns = text != Text::EntityKey && self.all.patterns;
        Under { kinds, patterns, ..self.all }
    }

    /// The members of a trace state, each on its own.
    fn members(&mut self, state: &str, under: &Under) -> String {
        let mut members = Vec::new();
        for member in state.split(',') {
            match self.texts.rewrite(member, under) {
                Outcome::Clean | Outcome::Allowed => members.push(member.to_owned()),
                Outcome::Changed => members.push(self.texts.written().to_owned()),
                Outcome::Dropped => {}
            }
        }
        members.join(",")
    }

    /// The name of the span at `within`, where it is a path or a statement and changes.
    fn sanitized(&mut self, source: &[u8], within: &Range<usize>) -> Option<String> {
        let rules = self.rules;
        if !(rules.urls.names() || rules.databases.names()) {
            return None;
        }
        let span = Span::new(source.get(within.clone())?);
        if rules.allowed_values.is_match(span.name) {
            return None;
        }
        let http = || span.attributes().any(|attribute| HTTP.contains(&attribute.key));
        if rules.urls.names()
            && matches!(span.kind, SERVER | CLIENT)
            && (span.name.contains('/') || http())
            && let Some(name) = sanitize::url_name(span.name)
        {
            self.texts.count(Rule::Url);
            return Some(name);
        }
        if rules.databases.names() && matches!(span.kind, INTERNAL | SERVER | CLIENT) {
            let system = database(source, within, ATTRIBUTES)?;
            let mut name = String::new();
            rules.databases.span_language(system)?.sanitize(span.name, &mut name);
            if name != span.name && !name.is_empty() {
                self.texts.count(Rule::Database);
                return Some(name);
            }
        }
        None
    }
}
