//! Which labels a series has.

use flow::otlp::view::{Scope, Span, Value};

use super::settings::{Dimension, OWN, Settings};
use crate::connectors::reading::{Values, Wanted};
use crate::connectors::series::{Label, fit};

/// Where a resource does not say; as SDKs name it.
const NAMELESS: &str = "unknown_service";
const SERVICE: &str = "service.name";
const SCOPE: [&str; 2] = ["span.instrumentation.scope.name", "span.instrumentation.scope.version"];
const SAMPLING: &str = "sampling.method";
const SAMPLING_SLOT: u16 = (OWN.len() + SCOPE.len()) as u16;

pub(super) struct Layout {
    pub(super) wanted: Wanted,
    own: [bool; 4],
    scopes: Vec<String>,
    /// Whether series tell if they are extrapolated.
    sampling: bool,
    /// Of every series, then of one metric alone.
    common: Vec<Slot>,
    pub(super) calls: Vec<Slot>,
    pub(super) durations: Vec<Slot>,
    pub(super) events: Vec<Slot>,
}

pub(super) struct Slot {
    number: u16,
    dimension: Dimension,
}

/// A span and what stands around it.
#[derive(Clone, Copy)]
pub(super) struct Seen<'s, 'a> {
    pub(super) span: &'s Span<'a>,
    /// What it counts for, where it says that it was sampled.
    pub(super) weight: Option<u64>,
    pub(super) scope: Scope<'a>,
    pub(super) values: &'s Values<'a>,
    pub(super) resource: &'s Values<'a>,
}

impl Layout {
    pub(super) fn new(settings: &Settings) -> Self {
        let lists = [
            &settings.dimensions,
            &settings.calls_dimensions,
            &settings.histogram.dimensions,
            &settings.events.dimensions,
        ];
        let mut number = SAMPLING_SLOT + 1;
        let names = lists.iter().flat_map(|list| list.iter()).map(|dimension| dimension.name.as_str());
        let wanted = Wanted::new(names.chain([SERVICE]));
        let [common, calls, durations, events] = lists.map(|list| {
            let mut slots = Vec::new();
            for dimension in list {
                slots.push(Slot { number, dimension: dimension.clone() });
                number = number.saturating_add(1);
            }
            slots
        });
        let own = OWN.map(|name| !settings.exclude_dimensions.iter().any(|excluded| excluded == name));
        Self {
            wanted,
            own,
            scopes: settings.include_instrumentation_scope.clone(),
            sampling: settings.enable_metrics_sampling_method,
            common,
            calls,
            durations,
            events,
        }
    }

    /// The labels that all series of a span have.
    pub(super) fn common<'n, 'a>(&'n self, seen: Seen<'_, 'a>, labels: &mut Vec<Label<'n, 'a>>)
    where
        'n: 'a,
    {
        labels.clear();
        let service = self.wanted.value(SERVICE, &[seen.resource]).unwrap_or(Value::String(NAMELESS));
        let values = [
            service,
            Value::String(seen.span.name),
            Value::String(kind(seen.span.kind)),
            Value::String(status(seen.span.status_code)),
        ];
        for ((number, name), (own, value)) in (0..).zip(OWN).zip(self.own.into_iter().zip(values)) {
            if let Some(value) = fit(value).filter(|_| own) {
                labels.push((number, name, value));
            }
        }
        let scope = seen.scope.name();
        if self.scopes.iter().any(|included| included == scope) {
            let values = [scope, seen.scope.version()].map(Value::String);
            for ((number, name), value) in (OWN.len() as u16..).zip(SCOPE).zip(values) {
                labels.extend(fit(value).map(|value| (number, name, value)));
            }
        }
        if self.sampling {
            let method = if seen.weight.is_some() { "extrapolated" } else { "counted" };
            labels.push((SAMPLING_SLOT, SAMPLING, Value::String(method)));
        }
        self.add(&self.common, &[seen.values, seen.resource], labels);
    }

    /// The labels that a metric has beside; of several places the first counts.
    pub(super) fn add<'n, 'a>(
        &self,
        slots: &'n [Slot],
        places: &[&Values<'a>],
        labels: &mut Vec<Label<'n, 'a>>,
    ) where
        'n: 'a,
    {
        for Slot { number, dimension } in slots {
            let default = || dimension.default.as_deref().map(Value::String);
            let value = self.wanted.value(&dimension.name, places).and_then(fit).or_else(default);
            labels.extend(value.map(|value| (*number, dimension.name.as_str(), value)));
        }
    }
}

fn kind(kind: i32) -> &'static str {
    match kind {
        1 => "SPAN_KIND_INTERNAL",
        2 => "SPAN_KIND_SERVER",
        3 => "SPAN_KIND_CLIENT",
        4 => "SPAN_KIND_PRODUCER",
        5 => "SPAN_KIND_CONSUMER",
        _ => "SPAN_KIND_UNSPECIFIED",
    }
}

fn status(code: i32) -> &'static str {
    match code {
        1 => "STATUS_CODE_OK",
        2 => "STATUS_CODE_ERROR",
        _ => "STATUS_CODE_UNSET",
    }
}
