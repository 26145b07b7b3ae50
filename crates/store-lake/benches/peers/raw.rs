//! The same spans for others, as plain columns in Parquet, in the order of arrival.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, MapBuilder, RecordBatch, StringArray, StringBuilder};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use store_api::Span;
use store_api::span::{StatusCode, key};

/// Attributes that have a column of their own; the others stand in the map `attrs`.
const COLUMNS: [(&str, &str); 7] = [
    ("interaction_id", key::INTERACTION),
    ("queue", key::QUEUE),
    ("region", key::REGION),
    ("channel", key::CHANNEL),
    ("agent_id", key::AGENT),
    ("tenant", "tenant"),
    ("stage", key::STAGE),
];

#[derive(Default)]
pub(crate) struct Raw {
    writer: Option<ArrowWriter<File>>,
}

impl Raw {
    pub(crate) fn write(&mut self, path: &Path, spans: &[Span]) {
        let batch = columns(spans);
        let writer = self.writer.get_or_insert_with(|| {
            let properties = WriterProperties::builder()
                .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap()));
            ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties.build()))
                .unwrap()
        });
        writer.write(&batch).unwrap();
    }

    pub(crate) fn finish(self) {
        self.writer.unwrap().close().unwrap();
    }
}

fn columns(spans: &[Span]) -> RecordBatch {
    let texts = |of: &dyn Fn(&Span) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(spans.iter().map(of)))
    };
    let numbers = |of: &dyn Fn(&Span) -> u64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(spans.iter().map(|span| of(span) as i64)))
    };
    let of_process = |name: &'static str| {
        texts(&|span| span.resource.attributes().text(name).unwrap_or_default().to_owned())
    };
    let mut all: Vec<(&str, ArrayRef)> = vec![
        ("trace_id", texts(&|span| span.trace_id.to_string())),
        ("span_id", texts(&|span| span.span_id.to_string())),
        ("parent_span_id", texts(&|span| span.parent_span_id.map(|id| id.to_string()).unwrap_or_default())),
        ("name", texts(&|span| span.name.clone())),
        ("kind", texts(&|span| span.kind.name().to_owned())),
        ("service", texts(&|span| span.resource.service().to_owned())),
        ("start_ns", numbers(&|span| span.start_ns)),
        ("duration_ns", numbers(&|span| span.duration_ns)),
        (
            "status",
            texts(&|span| if span.status.code == StatusCode::Error { "ERROR" } else { "OK" }.to_owned()),
        ),
        ("host", of_process("host.name")),
        ("pod", of_process("k8s.pod.name")),
    ];
    all.extend(COLUMNS.map(|(column, key)| {
        (column, texts(&|span| span.attributes.text(key).unwrap_or_default().to_owned()))
    }));
    let mut rest = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for span in spans {
        let others = span.attributes.iter().filter(|(key, _)| COLUMNS.iter().all(|(_, known)| known != key));
        for (key, value) in others {
            rest.keys().append_value(key);
            rest.values().append_value(value.as_str().unwrap_or_default());
        }
        rest.append(true).unwrap();
    }
    all.push(("attrs", Arc::new(rest.finish())));
    RecordBatch::try_from_iter(all).unwrap()
}
