use std::sync::Arc;

use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::file::metadata::PageIndexPolicy;
use proptest::prelude::*;
use store_api::Attributes;
use store_api::part::Row;
use store_api::span::{Dropped, Scope, Status, StatusCode};
use store_api::testing::Sample;
use store_api::testing::sample::{arbitrary_span, arbitrary_value};

use super::told::Columns;
use super::*;

fn ordered(rows: &[Row]) -> Vec<Ordered<'_>> {
    rows.iter().map(|row| Ordered { interaction: Some("call"), row }).collect()
}

fn rows(spans: impl IntoIterator<Item = store_api::Span>) -> Vec<Row> {
    (7..).zip(spans).map(|(seq, span)| Row { span: Arc::new(span), seq }).collect()
}

fn layout() -> Layout<'static> {
    Layout {
        schema: span_columns(),
        level: 3,
        compressed: None,
        blooms: &[("trace_id", 10)],
        deltas: &["start_ns"],
        plain: &[],
        ids: &["span_id"],
        skipping: &["start_ns"],
    }
}

fn written(encoded: Encoded) -> (std::fs::File, ArrowReaderMetadata) {
    let mut file = tempfile::tempfile().unwrap();
    std::io::Write::write_all(&mut file, &encoded.bytes).unwrap();
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = ArrowReaderMetadata::load(&file, options).unwrap();
    (file, metadata)
}

fn read_back(
    (file, metadata): &(std::fs::File, ArrowReaderMetadata),
    ranges: &[std::ops::Range<usize>],
) -> Vec<Row> {
    let batches = read(file.try_clone().unwrap(), metadata, ranges, usize::MAX).unwrap();
    batches.flat_map(|batch| decode(&batch.unwrap(), &mut Resources::default()).unwrap()).collect()
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(
        spans in prop::collection::vec((arbitrary_span(), arbitrary_value(), any::<u32>()), 0..20),
    ) {
        let rows = rows(spans.into_iter().map(|(mut span, value, number)| {
            span.resource = Arc::new(store_api::span::Resource::new(
                span.resource.attributes().iter().map(|(k, v)| (k, v.clone())).chain([("extra", value.clone())]).collect(),
            ));
            span.scope = Arc::new(Scope {
                name: "lib".to_owned(),
                version: number.to_string(),
                attributes: [("scope", value)].into_iter().collect(),
            });
            span.flags = number;
            span.dropped = Dropped { attributes: 1, events: number, links: 3 };
            span.status = Status { code: StatusCode::Ok, message: "é".to_owned() };
            span
        }));
        let every = |prefix, set: &'_ Attributes| set.iter().map(|(key, _)| (prefix, key.to_owned())).collect::<Vec<_>>();
        let keys: Vec<_> = rows
            .iter()
            .flat_map(|row| [every(OWN, &row.span.attributes), every(RESOURCE, row.span.resource.attributes())].concat())
            .collect();
        for promoted in [Promoted::default(), Promoted::with(&keys)] {
            let batch = encode(&ordered(&rows), &promoted).unwrap();
            prop_assert_eq!(&decode(&batch, &mut Resources::default()).unwrap(), &rows);
            let layout = Layout { schema: promoting(&promoted), ..layout() };
            let written = written(to_parquet(&layout, "{}".to_owned(), [Ok(batch)]).unwrap());
            prop_assert_eq!(&read_back(&written, std::slice::from_ref(&(0..rows.len()))), &rows);
        }
    }
}

/// Over several row groups and pages.
#[test]
fn any_ranges_of_a_file_can_be_read() {
    let count = 70_000;
    // Alike throughout, within each group, and nowhere.
    let sample = |n: u64| {
        let mut span = Sample::new(1, 1).at(n, 1).span();
        let group = n / (32 * 1024);
        span.trace_state = format!("group={group}");
        span.dropped.events = group as u32;
        span.dropped.links = 7;
        span.status.message = format!("{}", n % 7);
        if group == 1 {
            span.links = vec![store_api::span::Link {
                trace_id: span.trace_id,
                span_id: span.span_id,
                trace_state: String::new(),
                attributes: Attributes::default(),
            }];
            span.attributes = [("only.here", n as i64)].into_iter().collect();
        }
        span
    };
    let all = rows((0..count).map(sample));
    let ordered = ordered(&all);
    let batches = ordered.chunks(8192).map(|rows| encode(rows, &Promoted::default()));
    let file = written(to_parquet(&layout(), "{}".to_owned(), batches).unwrap());
    assert_eq!(file.1.metadata().num_row_groups(), 3);
    for bounds in [
        &[] as &[(usize, usize)],
        &[(0, 1)],
        &[(69_999, 70_000)],
        &[(32_767, 32_769)],
        &[(40_000, 40_010)],
        &[(5, 10), (2047, 2049), (40_000, 40_003), (69_000, 70_000)],
        &[(0, 70_000)],
    ] {
        let ranges: Vec<_> = bounds.iter().map(|(start, end)| *start..*end).collect();
        let found = read_back(&file, &ranges);
        let expected: Vec<Row> = ranges.iter().flat_map(|range| all[range.clone()].iter().cloned()).collect();
        assert!(found == expected, "{bounds:?}: {} rows", found.len());
    }
    // And what is alike is not read: of the first group, and of all.
    let tells = |groups: &[usize], name: &str| Columns::of(&file.1, groups).tells(name);
    assert!(tells(&[0], "links") && tells(&[0], "attr_int") && !tells(&[1], "links"));
    assert!(tells(&[0], "trace_state") && !tells(&[0, 1], "trace_state"));
    assert!(tells(&[0, 1], "dropped_links") && !tells(&[0, 1], "status_message"));
}

#[test]
fn rows_share_their_resource() {
    let samples = (0..100u8).map(|n| Sample::new(1, n).service(["ivr", "crm"][usize::from(n % 2)]).span());
    let batch = encode(&ordered(&rows(samples)), &Promoted::default()).unwrap();
    let found = decode(&batch, &mut Resources::default()).unwrap();
    let mut shared: Vec<_> = found.iter().map(|row| Arc::as_ptr(&row.span.resource)).collect();
    shared.sort_unstable();
    shared.dedup();
    assert_eq!(shared.len(), 2);
}

#[test]
fn a_table_with_other_columns_is_refused() {
    let batch = encode(&ordered(&rows([Sample::new(1, 1).span()])), &Promoted::default()).unwrap();
    let fewer = batch.project(&[0, 1, 2]).unwrap();
    assert_eq!(decode(&fewer, &mut Resources::default()).unwrap_err(), "it has no column `duration_ns`");
    let mut columns = batch.columns().to_vec();
    columns.swap(1, 2);
    let mut fields = batch.schema().fields().to_vec();
    fields.swap(1, 2);
    let renamed: Vec<_> = fields
        .iter()
        .zip(batch.schema().fields())
        .map(|(field, name)| field.as_ref().clone().with_name(name.name()))
        .collect();
    let schema = Arc::new(arrow::datatypes::Schema::new(renamed));
    let garbled = arrow::array::RecordBatch::try_new(schema, columns).unwrap();
    assert_eq!(decode(&garbled, &mut Resources::default()).unwrap_err(), "`trace_id` has another type");
}
