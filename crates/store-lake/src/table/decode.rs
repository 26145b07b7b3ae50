//! Columns to rows. Total: a file that somebody else wrote gives an error.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, BooleanArray, Float64Array, Int64Array, ListArray, MapArray, RecordBatch, StringArray, StructArray,
};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection};
use store_api::part::{Row, short_id};
use store_api::span::{Dropped, Event, Identity, Kind, Link, Resource, Scope, Span, Status, StatusCode};
use store_api::{Attributes, Value};
use throughline_context::{SpanId, TraceId};

use super::ids::Ids;
use super::pages::{Wanted, batches};
use super::promoted::{OWN, RESOURCE, attribute};

/// What is wrong with a column.
pub(crate) type Wrong = String;

/// Resources and scopes met so far, so that rows share them in memory as they did when they arrived.
#[derive(Default)]
pub(crate) struct Resources {
    resources: HashMap<String, Vec<Arc<Resource>>>,
    scopes: Vec<Arc<Scope>>,
}

/// Compared with each new one; more different ones than this are rare.
const COMPARED: usize = 8;

pub(crate) fn decode(batch: &RecordBatch, resources: &mut Resources) -> Result<Vec<Row>, Wrong> {
    let columns = Columns::of(batch)?;
    (0..batch.num_rows()).map(|at| columns.row(at, resources)).collect()
}

/// The short ids of all rows of a file; reads nothing but the columns that make them.
pub(crate) fn short_ids(file: std::fs::File, footer: &ArrowReaderMetadata) -> Result<Vec<u32>, Wrong> {
    let mut ids = Vec::new();
    each_id(file, footer, None, |_, _, id| {
        ids.push(id);
        Ok(())
    })?;
    Ok(ids)
}

/// What of a trace lies in a file, in short.
pub(crate) struct Portion {
    pub(crate) trace: TraceId,
    pub(crate) rows: Range<usize>,
    /// The first of its interactions there, which its rows are sorted by.
    pub(crate) interaction: Option<String>,
    pub(crate) ids: Vec<u32>,
}

/// The portions of some traces, by where they lie: in order, and not empty.
pub(crate) fn portions(
    file: std::fs::File,
    footer: &ArrowReaderMetadata,
    places: Vec<(TraceId, Range<usize>)>,
) -> Result<Vec<Portion>, Wrong> {
    let all = usize::try_from(footer.metadata().file_metadata().num_rows()).unwrap_or(0);
    if places.last().is_some_and(|(_, rows)| rows.end > all) {
        return Err("it is about rows that are not there".to_owned());
    }
    let rows = RowSelection::from_consecutive_ranges(places.iter().map(|(_, rows)| rows.clone()), all);
    let mut portions = Vec::with_capacity(places.len());
    let mut left = places.into_iter();
    let mut last: Option<Portion> = None;
    each_id(file, footer, Some(rows), |batch, at, id| {
        if last.as_ref().is_none_or(|portion| portion.ids.len() == portion.rows.len()) {
            let (trace, rows) = left.next().ok_or("it has more rows than were asked for")?;
            let interactions: &StringArray = column(batch, "interaction_id")?;
            let interaction = interactions.is_valid(at).then(|| interactions.value(at).to_owned());
            portions.extend(last.replace(Portion { trace, rows, interaction, ids: Vec::new() }));
        }
        last.iter_mut().for_each(|portion| portion.ids.push(id));
        Ok(())
    })?;
    portions.extend(last);
    Ok(portions)
}

/// Calls back for all rows, or some of them, which then have their interactions.
fn each_id(
    file: std::fs::File,
    footer: &ArrowReaderMetadata,
    rows: Option<RowSelection>,
    mut with: impl FnMut(&RecordBatch, usize, u32) -> Result<(), Wrong>,
) -> Result<(), Wrong> {
    let columns =
        ["span_id", "kind", "service"].into_iter().chain(rows.is_some().then_some("interaction_id"));
    let mask = ProjectionMask::columns(footer.parquet_schema(), columns);
    let wanted = Wanted { rows, ..Wanted::all(footer, mask) };
    for batch in batches(file, footer, wanted).map_err(|error| error.to_string())? {
        let batch = batch.map_err(|error| error.to_string())?;
        let spans = Ids::of(&batch, "span_id")?;
        let (kinds, services): (&StringArray, &StringArray) =
            (column(&batch, "kind")?, column(&batch, "service")?);
        for at in 0..batch.num_rows() {
            let id = short_id(&Identity {
                trace_id: TraceId::default(),
                span_id: spans.at(at)?,
                kind: Kind::from_name(kinds.value(at)),
                service: services.value(at),
            });
            with(&batch, at, id)?;
        }
    }
    Ok(())
}

/// The rows of spans with this id; reads nothing but that column.
pub(crate) fn rows_of_span(
    file: std::fs::File,
    footer: &ArrowReaderMetadata,
    id: SpanId,
) -> Result<Vec<usize>, Wrong> {
    let mask = ProjectionMask::columns(footer.parquet_schema(), ["span_id"]);
    let (mut rows, mut first) = (Vec::new(), 0);
    let wanted = Wanted::all(footer, mask);
    for batch in batches(file, footer, wanted).map_err(|error| error.to_string())? {
        let batch = batch.map_err(|error| error.to_string())?;
        let spans = Ids::of(&batch, "span_id")?;
        for at in 0..batch.num_rows() {
            if spans.at(at)? == id {
                rows.push(first + at);
            }
        }
        first += batch.num_rows();
    }
    Ok(rows)
}

struct Columns<'a> {
    trace_id: &'a StringArray,
    start_ns: &'a Int64Array,
    duration_ns: &'a Int64Array,
    span_id: Ids<'a>,
    parent_span_id: Ids<'a>,
    name: &'a StringArray,
    kind: &'a StringArray,
    status: &'a StringArray,
    status_message: &'a StringArray,
    seq: &'a Int64Array,
    trace_state: &'a StringArray,
    flags: &'a Int64Array,
    dropped: [&'a Int64Array; 3],
    attr_str: Map<'a, StringArray>,
    attr_int: Map<'a, Int64Array>,
    attr_double: Map<'a, Float64Array>,
    attr_bool: Map<'a, BooleanArray>,
    attr_json: Map<'a, StringArray>,
    resource_str: Map<'a, StringArray>,
    resource_json: Map<'a, StringArray>,
    scope: [&'a StringArray; 3],
    events: Events<'a>,
    links: Links<'a>,
    /// Attributes with a column of their own: of the span, and of its resource.
    promoted: [Vec<(&'a str, &'a StringArray)>; 2],
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, Wrong> {
        Ok(Self {
            trace_id: column(batch, "trace_id")?,
            start_ns: column(batch, "start_ns")?,
            duration_ns: column(batch, "duration_ns")?,
            span_id: Ids::of(batch, "span_id")?,
            parent_span_id: Ids::of(batch, "parent_span_id")?,
            name: column(batch, "name")?,
            kind: column(batch, "kind")?,
            status: column(batch, "status")?,
            status_message: column(batch, "status_message")?,
            seq: column(batch, "seq")?,
            trace_state: column(batch, "trace_state")?,
            flags: column(batch, "flags")?,
            dropped: [
                column(batch, "dropped_attributes")?,
                column(batch, "dropped_events")?,
                column(batch, "dropped_links")?,
            ],
            attr_str: Map::of(batch, "attr_str")?,
            attr_int: Map::of(batch, "attr_int")?,
            attr_double: Map::of(batch, "attr_double")?,
            attr_bool: Map::of(batch, "attr_bool")?,
            attr_json: Map::of(batch, "attr_json")?,
            resource_str: Map::of(batch, "resource_str")?,
            resource_json: Map::of(batch, "resource_json")?,
            scope: [
                column(batch, "scope_name")?,
                column(batch, "scope_version")?,
                column(batch, "scope_json")?,
            ],
            events: Events::of(column(batch, "events")?)?,
            links: Links::of(column(batch, "links")?)?,
            promoted: [promoted(batch, OWN)?, promoted(batch, RESOURCE)?],
        })
    }

    fn row(&self, at: usize, known: &mut Resources) -> Result<Row, Wrong> {
        let text = |column: &StringArray| column.value(at).to_owned();
        let count = |column: &Int64Array| u32::try_from(column.value(at)).unwrap_or(u32::MAX);
        let [attributes, events, links] = self.dropped;
        let [scope_name, scope_version, scope_json] = self.scope;
        let scope = Scope {
            name: text(scope_name),
            version: text(scope_version),
            attributes: json(scope_json.value(at))?,
        };
        let span = Span {
            trace_id: trace_id(self.trace_id.value(at))?,
            span_id: self.span_id.at(at)?,
            parent_span_id: match self.parent_span_id.is_null(at) {
                true => None,
                false => Some(self.parent_span_id.at(at)?),
            },
            trace_state: text(self.trace_state),
            flags: count(self.flags),
            name: text(self.name),
            kind: Kind::from_name(self.kind.value(at)),
            start_ns: unsigned(self.start_ns.value(at)),
            duration_ns: unsigned(self.duration_ns.value(at)),
            status: Status {
                code: StatusCode::from_name(self.status.value(at)),
                message: text(self.status_message),
            },
            attributes: self.attributes(at)?,
            events: self.events.at(at)?,
            links: self.links.at(at)?,
            resource: known.resource(self.resource(at)?),
            scope: known.scope(scope),
            dropped: Dropped { attributes: count(attributes), events: count(events), links: count(links) },
        };
        Ok(Row { span: Arc::new(span), seq: unsigned(self.seq.value(at)) })
    }

    fn attributes(&self, at: usize) -> Result<Attributes, Wrong> {
        let [own, _] = &self.promoted;
        let mut entries: Vec<(&str, Value)> = texts_at(own, at).collect();
        entries.extend(self.attr_str.entries(at).map(|(key, i)| (key, self.attr_str.values.value(i).into())));
        entries.extend(self.attr_int.entries(at).map(|(key, i)| (key, self.attr_int.values.value(i).into())));
        entries
            .extend(self.attr_bool.entries(at).map(|(key, i)| (key, self.attr_bool.values.value(i).into())));
        let doubles = &self.attr_double;
        entries.extend(doubles.entries(at).map(|(key, i)| (key, Value::Double(doubles.values.value(i)))));
        for (key, i) in self.attr_json.entries(at) {
            entries.push((key, json(self.attr_json.values.value(i))?));
        }
        Ok(entries.into_iter().collect())
    }

    fn resource(&self, at: usize) -> Result<Attributes, Wrong> {
        let texts = &self.resource_str;
        let [_, resource] = &self.promoted;
        let mut entries: Vec<(&str, Value)> = texts_at(resource, at).collect();
        entries.extend(texts.entries(at).map(|(key, i)| (key, texts.values.value(i).into())));
        for (key, i) in self.resource_json.entries(at) {
            entries.push((key, json(self.resource_json.values.value(i))?));
        }
        Ok(entries.into_iter().collect())
    }
}

impl Resources {
    fn resource(&mut self, attributes: Attributes) -> Arc<Resource> {
        let new = Resource::new(attributes);
        let known = match self.resources.get_mut(new.service()) {
            Some(known) => known,
            None => self.resources.entry(new.service().to_owned()).or_default(),
        };
        shared(known, new)
    }

    fn scope(&mut self, new: Scope) -> Arc<Scope> {
        shared(&mut self.scopes, new)
    }
}

/// The equal one of the last few, else this one from now on.
fn shared<T: PartialEq>(known: &mut Vec<Arc<T>>, new: T) -> Arc<T> {
    if let Some(same) = known.iter().find(|known| known.as_ref() == &new) {
        return Arc::clone(same);
    }
    let new = Arc::new(new);
    if known.len() == COMPARED {
        known.remove(0);
    }
    known.push(Arc::clone(&new));
    new
}

struct Map<'a, V> {
    map: &'a MapArray,
    keys: &'a StringArray,
    values: &'a V,
}

impl<'a, V: 'static> Map<'a, V> {
    fn of(batch: &'a RecordBatch, name: &str) -> Result<Self, Wrong> {
        let map: &MapArray = column(batch, name)?;
        Ok(Self { map, keys: typed(map.keys(), name)?, values: typed(map.values(), name)? })
    }

    /// The keys of one row, with the places of their values.
    fn entries(&self, row: usize) -> impl Iterator<Item = (&'a str, usize)> + use<'a, V> {
        let keys = self.keys;
        places(self.map.value_offsets(), row).map(move |at| (keys.value(at), at))
    }
}

struct Events<'a> {
    list: &'a ListArray,
    time_ns: &'a Int64Array,
    name: &'a StringArray,
    attributes: &'a StringArray,
}

impl<'a> Events<'a> {
    fn of(list: &'a ListArray) -> Result<Self, Wrong> {
        let fields: &StructArray = typed(list.values(), "events")?;
        Ok(Self {
            list,
            time_ns: field(fields, "time_ns")?,
            name: field(fields, "name")?,
            attributes: field(fields, "attributes_json")?,
        })
    }

    fn at(&self, row: usize) -> Result<Vec<Event>, Wrong> {
        places(self.list.value_offsets(), row)
            .map(|at| {
                Ok(Event {
                    time_ns: unsigned(self.time_ns.value(at)),
                    name: self.name.value(at).to_owned(),
                    attributes: json(self.attributes.value(at))?,
                })
            })
            .collect()
    }
}

struct Links<'a> {
    list: &'a ListArray,
    trace_id: &'a StringArray,
    span_id: Ids<'a>,
    trace_state: &'a StringArray,
    attributes: &'a StringArray,
}

impl<'a> Links<'a> {
    fn of(list: &'a ListArray) -> Result<Self, Wrong> {
        let fields: &StructArray = typed(list.values(), "links")?;
        Ok(Self {
            list,
            trace_id: field(fields, "trace_id")?,
            span_id: Ids::typed(fields.column_by_name("span_id"), "span_id")?,
            trace_state: field(fields, "trace_state")?,
            attributes: field(fields, "attributes_json")?,
        })
    }

    fn at(&self, row: usize) -> Result<Vec<Link>, Wrong> {
        places(self.list.value_offsets(), row)
            .map(|at| {
                Ok(Link {
                    // A link to nowhere has the zero id, which does not parse.
                    trace_id: self.trace_id.value(at).parse().unwrap_or_default(),
                    span_id: self.span_id.at(at)?,
                    trace_state: self.trace_state.value(at).to_owned(),
                    attributes: json(self.attributes.value(at))?,
                })
            })
            .collect()
    }
}

fn promoted<'a>(batch: &'a RecordBatch, prefix: &str) -> Result<Vec<(&'a str, &'a StringArray)>, Wrong> {
    let fields = batch.schema_ref().fields().iter().zip(batch.columns());
    let of = fields.filter_map(|(field, column)| Some((attribute(field)?, field, column)));
    let of = of.filter(|((of, _), ..)| *of == prefix);
    of.map(|((_, key), field, column)| Ok((key, typed(column, field.name())?))).collect()
}

fn texts_at<'a>(
    columns: &[(&'a str, &'a StringArray)],
    row: usize,
) -> impl Iterator<Item = (&'a str, Value)> {
    columns
        .iter()
        .filter(move |(_, column)| column.is_valid(row))
        .map(move |(key, column)| (*key, column.value(row).into()))
}

/// Where the elements of one row stand.
fn places(offsets: &[i32], row: usize) -> Range<usize> {
    let place = |at: usize| offsets.get(at).and_then(|offset| usize::try_from(*offset).ok()).unwrap_or(0);
    place(row)..place(row + 1)
}

pub(crate) fn column<'a, A: 'static>(batch: &'a RecordBatch, name: &str) -> Result<&'a A, Wrong> {
    typed(batch.column_by_name(name).ok_or_else(|| format!("it has no column `{name}`"))?, name)
}

fn field<'a, A: 'static>(fields: &'a StructArray, name: &str) -> Result<&'a A, Wrong> {
    typed(fields.column_by_name(name).ok_or_else(|| format!("it has no field `{name}`"))?, name)
}

fn typed<'a, A: 'static>(array: &'a dyn Array, name: &str) -> Result<&'a A, Wrong> {
    array.as_any().downcast_ref().ok_or_else(|| format!("`{name}` has another type"))
}

fn trace_id(text: &str) -> Result<TraceId, Wrong> {
    text.parse().map_err(|_| format!("`{text}` is not a trace id"))
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, Wrong> {
    serde_json::from_str(text).map_err(|error| format!("an attribute is not JSON: {error}"))
}
