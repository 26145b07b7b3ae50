//! A store as far as identity and revisions go, filled through the same door as the real one.

use std::collections::BTreeMap;

use flow::Signal;
use flow::otlp::view::{self, Value};
use flow::otlp::{Limits, accept};
use ingest_genesys::{Output, Span};
use throughline_context::{SpanId, TraceId};

#[derive(Default)]
pub(crate) struct Lake {
    rows: BTreeMap<Identity, Row>,
    /// Spans may come as finished more than once: another process gave them out.
    many_processes: bool,
    /// Spans may come to the store alone just as they came before: a process that goes on where another one was killed
    /// does not know what had reached the disk.
    goes_on: bool,
    exported: Vec<Identity>,
}

/// What makes two spans the same, to the real store as well.
type Identity = (TraceId, SpanId, i32);

#[derive(Clone, PartialEq, Debug)]
struct Row {
    /// The resource says so.
    interaction: Option<String>,
    revision: i64,
    finished: bool,
    superseded: bool,
    start_ns: u64,
    end_ns: u64,
    name: String,
    parent: Option<SpanId>,
    links: usize,
}

impl Lake {
    pub(crate) fn new_processes() -> Self {
        Self { many_processes: true, ..Self::default() }
    }

    pub(crate) fn going_on() -> Self {
        Self { goes_on: true, ..Self::default() }
    }

    pub(crate) fn take(&mut self, output: &Output) {
        let finished = self.read(&output.finished, output.finished_spans);
        for (id, row) in finished {
            assert!(row.finished, "{row:?}");
            assert!(self.many_processes || !self.exported.contains(&id), "twice: {row:?}");
            self.exported.push(id);
            // What has settled since it was given to the store alone is the same span again.
            if self.rows.get(&id) != Some(&row) {
                self.put(id, row);
            }
        }
        for (id, row) in self.read(&output.open, output.open_spans) {
            self.put(id, row);
        }
    }

    /// What goes out, by name.
    pub(crate) fn line(&self, output: &Output) -> String {
        let names = |rows: Vec<(Identity, Row)>, going_on: bool| {
            let rows = rows.into_iter().filter(|(_, row)| row.finished != going_on);
            rows.map(|(_, row)| row.name).collect::<Vec<_>>().join(", ")
        };
        let open = || self.read(&output.open, output.open_spans);
        let parts = [
            ("finished", names(self.read(&output.finished, output.finished_spans), false)),
            ("open", names(open(), true)),
            ("ended", names(open(), false)),
        ];
        let parts = parts.into_iter().filter(|(_, names)| !names.is_empty());
        parts.map(|(what, names)| format!("  {what}: {names}")).collect()
    }

    fn read(&self, bytes: &[u8], count: usize) -> Vec<(Identity, Row)> {
        let batch = accept(Signal::Traces, bytes.to_vec().into(), &Limits::default()).unwrap();
        assert_eq!(batch.items, count);
        let mut rows = Vec::new();
        for chunk in batch.payload.chunks() {
            for group in view::resource_spans(chunk) {
                let mut resource = group.resource().attributes();
                let interaction =
                    resource.find(|entry| entry.key == "interaction.id").map(|id| match id.value {
                        Value::String(id) => id.to_owned(),
                        other => panic!("{other:?}"),
                    });
                for span in group.scope_spans().flat_map(|scoped| scoped.spans().collect::<Vec<_>>()) {
                    rows.push(row(&span, interaction.clone()));
                }
            }
        }
        rows
    }

    fn put(&mut self, id: Identity, row: Row) {
        if let Some(known) = self.rows.get(&id) {
            if self.goes_on && *known == row {
                return;
            }
            assert!(self.many_processes || row.revision > known.revision, "{known:?} {row:?}");
            if row.revision <= known.revision {
                return;
            }
        }
        self.rows.insert(id, row);
    }

    /// The same spans with the same times.
    pub(crate) fn holds(&self, spans: &[Span], about: &str) {
        self.holds_structure(spans, about);
        for span in spans {
            let row = self.row(span.id);
            let times = (span.start_ms * 1_000_000, span.end_ms.unwrap() * 1_000_000);
            assert_eq!((row.start_ns, row.end_ns), times, "{about}: {row:?}");
        }
    }

    /// The same spans, all of them finished.
    pub(crate) fn holds_structure(&self, spans: &[Span], about: &str) {
        let held: Vec<_> = self.rows.iter().filter(|(_, row)| !row.superseded).collect();
        for (_, row) in &held {
            assert!(row.finished, "{about}: {row:?}");
        }
        let names = |mut names: Vec<String>| {
            names.sort();
            names
        };
        let held =
            held.iter().map(|((_, id, _), row)| format!("{id} {} {:?}", row.name, row.parent)).collect();
        let known = spans.iter().map(|span| format!("{} {} {:?}", span.id, span.name, span.parent)).collect();
        assert_eq!(names(held), names(known), "{about}");
    }

    pub(crate) fn links(&self, id: SpanId) -> usize {
        self.row(id).links
    }

    /// What is held of other traces: whether it was taken back.
    pub(crate) fn left_behind(&self, trace: TraceId) -> impl Iterator<Item = bool> {
        self.rows.iter().filter(move |((other, ..), _)| *other != trace).map(|(_, row)| row.superseded)
    }

    /// The one that counts, in whatever trace.
    fn row(&self, id: SpanId) -> &Row {
        let mut found = self.rows.iter().filter(|((_, known, _), row)| *known == id && !row.superseded);
        let (_, row) = found.next().unwrap();
        assert!(found.next().is_none(), "{id} is there twice");
        row
    }

    /// The traces of an interaction.
    pub(crate) fn traces(&self, interaction: &str) -> Vec<TraceId> {
        let own = self.rows.iter().filter(|(_, row)| row.interaction.as_deref() == Some(interaction));
        let mut traces: Vec<TraceId> = own.map(|((trace, ..), _)| *trace).collect();
        traces.dedup();
        traces
    }
}

fn row(span: &view::Span<'_>, interaction: Option<String>) -> (Identity, Row) {
    let attribute = |key: &str| span.attributes().find(|entry| entry.key == key).map(|entry| entry.value);
    let revision = match attribute("throughline.revision") {
        Some(Value::Int(revision)) => revision,
        other => panic!("{other:?}"),
    };
    let is = |key: &str| matches!(attribute(key), Some(Value::Bool(true)));
    let row = Row {
        interaction,
        revision,
        finished: !is("throughline.unfinished"),
        superseded: is("throughline.superseded"),
        start_ns: span.start_ns,
        end_ns: span.end_ns,
        name: span.name.to_owned(),
        parent: SpanId::from_otlp(span.parent_span_id).filter(SpanId::is_valid),
        links: span.links().count(),
    };
    let ids = (TraceId::from_otlp(span.trace_id).unwrap(), SpanId::from_otlp(span.span_id).unwrap());
    ((ids.0, ids.1, span.kind), row)
}
