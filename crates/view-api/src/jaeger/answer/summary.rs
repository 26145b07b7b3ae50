//! A trace in a line of the search results.

use std::collections::BTreeMap;

use serde::Serialize;
use store_api::find::Tree;
use store_api::span::StatusCode;
use throughline_context::TraceId;

#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(in crate::jaeger) struct Summary {
    pub(in crate::jaeger) trace_id: String,
    pub(in crate::jaeger) root_service_name: String,
    pub(in crate::jaeger) root_operation_name: String,
    #[serde(serialize_with = "digits")]
    pub(in crate::jaeger) min_start_time_unix_nano: u64,
    #[serde(serialize_with = "digits")]
    pub(in crate::jaeger) max_end_time_unix_nano: u64,
    pub(in crate::jaeger) span_count: u64,
    pub(in crate::jaeger) error_span_count: u64,
    pub(in crate::jaeger) orphan_span_count: u64,
    pub(in crate::jaeger) services: Vec<ServiceSummary>,
}

#[derive(Serialize, Debug)]
#[serde(rename_all = "camelCase")]
pub(in crate::jaeger) struct ServiceSummary {
    pub(in crate::jaeger) name: String,
    pub(in crate::jaeger) span_count: u64,
    pub(in crate::jaeger) error_span_count: u64,
}

impl Summary {
    pub(in crate::jaeger) fn of(trace_id: TraceId, tree: &Tree) -> Self {
        let mut services: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
        for span in tree.spans() {
            let (spans, errors) = services.entry(span.resource.service()).or_default();
            *spans += 1;
            *errors += u64::from(span.status.code == StatusCode::Error);
        }
        let start = tree.spans().first().map_or(0, |first| first.start_ns);
        let root = tree.root();
        Self {
            trace_id: trace_id.to_string(),
            root_service_name: root.map_or_else(String::new, |root| root.resource.service().to_owned()),
            root_operation_name: root.map_or_else(String::new, |root| root.name.clone()),
            min_start_time_unix_nano: start,
            max_end_time_unix_nano: start + tree.duration_ns(),
            span_count: tree.spans().len() as u64,
            error_span_count: services.values().map(|(_, errors)| errors).sum(),
            orphan_span_count: (0..tree.spans().len()).filter(|at| tree.is_orphan(*at)).count() as u64,
            services: services
                .into_iter()
                .map(|(name, (span_count, error_span_count))| ServiceSummary {
                    name: name.to_owned(),
                    span_count,
                    error_span_count,
                })
                .collect(),
        }
    }
}

fn digits<S: serde::Serializer>(number: &u64, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(number)
}
