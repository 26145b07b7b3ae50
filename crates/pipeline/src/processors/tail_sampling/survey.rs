//! Reads a request once: its spans in runs of one trace, with the facts about each run.

use std::ops::Range;

use flow::otlp::view::{ResourceSpans, ScopeSpans, Value};
use flow::wire::{Field, fields, fields_of};

use super::facts::{Facts, Hits};
use super::policy::TraceId;
use super::watch::{Seen, Watch};

/// The attribute that makes traces one interaction.
pub(super) const INTERACTION: &[u8] = b"interaction.id";

/// Spans of one trace that stand one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    pub(crate) trace_id: TraceId,
    pub(crate) facts: Facts,
    /// Length-delimited fields of a `ScopeSpans`.
    pub(crate) bytes: &'a [u8],
    pub(crate) resource: ResourceSpans<'a>,
    pub(crate) scope: ScopeSpans<'a>,
    /// Counts scopes: equal for runs that share resource and scope.
    pub(crate) header: u32,
    pub(crate) interaction: Option<&'a str>,
}

/// All runs of a chunk, in order. `now` is in nanoseconds since 1970, for policies that ask for the time.
pub(crate) fn survey<'a>(chunk: &'a [u8], watch: &Watch, now: u64, mut each: impl FnMut(Run<'a>)) {
    let mut header = 0;
    for around in fields_of(chunk, 0..chunk.len(), 1) {
        let resource = ResourceSpans(around.bytes());
        let mut on_resource = Hits::default();
        watch.resource(resource, &mut on_resource);
        let of_resource = fields(resource.resource().0).filter(|field| field.number == 1);
        let interaction = of_resource.filter_map(|field| interaction(field.bytes())).next();
        for scope in fields_of(chunk, around.inner(), 2) {
            let shared = Shared {
                resource,
                scope: ScopeSpans(scope.bytes()),
                hits: on_resource,
                interaction,
                header,
                now,
            };
            header += 1;
            runs(chunk, scope.inner(), watch, &shared, &mut each);
        }
    }
}

/// The facts of stored spans, found anew: for policies that have changed.
pub(crate) fn facts(resource: &[u8], scope: &[u8], spans: &[u8], watch: &Watch, now: u64) -> Facts {
    let mut hits = Hits::default();
    watch.resource(ResourceSpans(resource), &mut hits);
    let (resource, scope) = (ResourceSpans(resource), ScopeSpans(scope));
    let shared = Shared { resource, scope, hits, interaction: None, header: 0, now };
    let mut sum = Facts::default();
    runs(spans, 0..spans.len(), watch, &shared, &mut |run| sum.join(&run.facts));
    sum
}

/// What the spans of a scope have in common.
struct Shared<'a> {
    resource: ResourceSpans<'a>,
    scope: ScopeSpans<'a>,
    hits: Hits,
    interaction: Option<&'a str>,
    header: u32,
    now: u64,
}

fn runs<'a>(
    source: &'a [u8],
    within: Range<usize>,
    watch: &Watch,
    shared: &Shared<'a>,
    each: &mut impl FnMut(Run<'a>),
) {
    let mut open: Option<(Run<'a>, Range<usize>)> = None;
    let whole = |run: Run<'a>, range: Range<usize>| {
        let bytes = source.get(range).unwrap_or_default();
        Run { bytes, facts: Facts { bytes: bytes.len() as u64, ..run.facts }, ..run }
    };
    for field in fields_of(source, within, 2) {
        let next = span(&field, watch, shared);
        match &mut open {
            Some((run, range)) if run.trace_id == next.trace_id && range.end == field.start => {
                run.facts.join(&next.facts);
                run.interaction = run.interaction.or(next.interaction);
                range.end = field.end;
            }
            _ => {
                if let Some((run, range)) = open.replace((next, field.start..field.end)) {
                    each(whole(run, range));
                }
            }
        }
    }
    if let Some((run, range)) = open {
        each(whole(run, range));
    }
}

/// One span as a run of its own.
#[inline]
fn span<'a>(around: &Field<'a>, watch: &Watch, shared: &Shared<'a>) -> Run<'a> {
    let raw = around.bytes();
    let mut facts = Facts { spans: 1, hits: shared.hits, root: true, ..Facts::default() };
    let mut trace_id = TraceId::default();
    let mut interaction_id = shared.interaction;
    let (mut start_ns, mut end_ns, mut status) = (0, 0, 0);
    let mut fields_of_span = fields(raw);
    while let Some(field) = fields_of_span.pass(|rest| watch.passes(rest)).next() {
        match field.number {
            1 => trace_id = field.bytes().try_into().unwrap_or_default(),
            3 => watch.trace_state(field.text(), &mut facts.hits),
            4 => facts.root = field.bytes().iter().all(|byte| *byte == 0),
            7 => start_ns = field.int(),
            8 => end_ns = field.int(),
            9 => {
                watch.key_value(field.bytes(), false, &mut facts.hits);
                interaction_id = interaction_id.or_else(|| interaction(field.bytes()));
            }
            15 => {
                let code = fields(field.bytes()).find(|field| field.number == 3);
                status = code.map_or(0, |field| field.int());
            }
            16 => watch.trace_flags(field.int(), &mut facts.hits),
            _ => {}
        }
    }
    facts.time(start_ns, end_ns);
    facts.status(status);
    let Shared { resource, scope, header, now, .. } = *shared;
    watch.predicates(&Seen { resource, scope, span: raw, now }, &mut facts.hits);
    Run { trace_id, facts, bytes: raw, resource, scope, header, interaction: interaction_id }
}

/// The interaction's id, where the attribute is that.
#[inline]
fn interaction(attribute: &[u8]) -> Option<&str> {
    let rest = attribute.strip_prefix(&[0x0a, INTERACTION.len() as u8])?.strip_prefix(INTERACTION)?;
    let value = fields(rest).find(|field| field.number == 2)?;
    Value::new(value.bytes()).as_str().filter(|id| !id.is_empty())
}
