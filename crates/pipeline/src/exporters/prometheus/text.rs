//! The exposition formats: Prometheus's text (0.0.4) and OpenMetrics (1.0.0), which has exemplars.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::sample::{Histogram, Sample};
use super::store::{Exemplar, Family, Kind, Series};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Text,
    OpenMetrics,
}

impl Format {
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

pub(super) fn of(families: &BTreeMap<String, Family>, format: Format, timestamps: bool) -> String {
    let mut page = Page { out: String::new(), format, timestamps };
    for (name, family) in families {
        page.head(name, family);
        for (labels, series) in &family.series {
            page.series(name, family.kind, labels, series);
        }
    }
    if format == Format::OpenMetrics {
        page.out.push_str("# EOF\n");
    }
    page.out
}

struct Page {
    out: String,
    format: Format,
    timestamps: bool,
}

/// One line.
struct Line<'a> {
    name: &'a str,
    suffix: &'a str,
    labels: &'a str,
    /// A label that only this line has.
    extra: Option<(&'a str, String)>,
    value: String,
    time_ns: u64,
    exemplar: Option<&'a Exemplar>,
}

impl Page {
    fn head(&mut self, name: &str, family: &Family) {
        let (name, kind) = match (self.format, family.kind) {
            (Format::Text, Kind::Counter) => (name, "counter"),
            (Format::OpenMetrics, Kind::Counter) => match name.strip_suffix("_total") {
                Some(family) => (family, "counter"),
                // Without its suffix it is no counter to OpenMetrics.
                None => (name, "unknown"),
            },
            (Format::OpenMetrics, Kind::Info) => (name.strip_suffix("_info").unwrap_or(name), "info"),
            (Format::Text, Kind::Info) | (_, Kind::Gauge) => (name, "gauge"),
            (_, Kind::Histogram) => (name, "histogram"),
            (_, Kind::Summary) => (name, "summary"),
        };
        if !family.help.is_empty() {
            let escaped = family.help.replace('\\', "\\\\").replace('\n', "\\n");
            let help = if self.format == Format::Text { escaped } else { escaped.replace('"', "\\\"") };
            self.write(format_args!("# HELP {name} {help}\n"));
        }
        self.write(format_args!("# TYPE {name} {kind}\n"));
    }

    fn series(&mut self, name: &str, kind: Kind, labels: &str, series: &Series) {
        let Some(sample) = series.sample() else { return };
        let line = |suffix, extra, value, exemplar| Line {
            name,
            suffix,
            labels,
            extra,
            value,
            time_ns: series.time_ns,
            exemplar,
        };
        match sample {
            Sample::Number(value) => {
                let exemplar =
                    series.exemplars.last().filter(|_| kind == Kind::Counter && name.ends_with("_total"));
                self.line(&line("", None, number(value), exemplar));
            }
            Sample::Histogram(histogram) => self.histogram(&histogram, &series.exemplars, &line),
            Sample::Summary { quantiles, sum, count } => {
                for (quantile, value) in quantiles {
                    let extra = Some(("quantile", self.bound(quantile)));
                    self.line(&line("", extra, number(value), None));
                }
                self.line(&line("_sum", None, number(sum), None));
                self.line(&line("_count", None, count.to_string(), None));
            }
        }
    }

    fn histogram<'a>(
        &mut self,
        histogram: &Histogram,
        exemplars: &'a [Exemplar],
        line: &impl Fn(&'a str, Option<(&'a str, String)>, String, Option<&'a Exemplar>) -> Line<'a>,
    ) {
        let (mut below, mut above) = (0u64, f64::NEG_INFINITY);
        let rest = [(f64::INFINITY, 0)];
        for (bound, count) in histogram.buckets.iter().chain(&rest) {
            below = below.saturating_add(*count);
            let total = if bound.is_finite() { below } else { histogram.count };
            let inside = |exemplar: &&Exemplar| exemplar.value > above && exemplar.value <= *bound;
            let exemplar = exemplars.iter().rfind(inside);
            self.line(&line("_bucket", Some(("le", self.bound(*bound))), total.to_string(), exemplar));
            above = *bound;
        }
        self.line(&line("_sum", None, number(histogram.sum), None));
        self.line(&line("_count", None, histogram.count.to_string(), None));
    }

    fn line(&mut self, line: &Line<'_>) {
        let Line { name, suffix, labels, extra, value, time_ns, exemplar } = line;
        self.write(format_args!("{name}{suffix}"));
        match extra {
            Some((label, text)) if labels.is_empty() => self.write(format_args!("{{{label}=\"{text}\"}}")),
            Some((label, text)) => self.write(format_args!("{{{labels},{label}=\"{text}\"}}")),
            None if labels.is_empty() => {}
            None => self.write(format_args!("{{{labels}}}")),
        }
        self.write(format_args!(" {value}"));
        if self.timestamps && *time_ns > 0 {
            match self.format {
                Format::Text => self.write(format_args!(" {}", time_ns / 1_000_000)),
                Format::OpenMetrics => self.write(format_args!(" {}", seconds(*time_ns))),
            }
        }
        if let (Format::OpenMetrics, Some(exemplar)) = (self.format, exemplar) {
            self.exemplar(exemplar);
        }
        self.out.push('\n');
    }

    fn exemplar(&mut self, exemplar: &Exemplar) {
        let ids = [("trace_id", &exemplar.trace_id), ("span_id", &exemplar.span_id)];
        let ids: Vec<_> = ids
            .into_iter()
            .filter(|(_, id)| !id.is_empty())
            .map(|(name, id)| format!("{name}=\"{}\"", hex(id)))
            .collect();
        self.write(format_args!(" # {{{}}} {}", ids.join(","), number(exemplar.value)));
        if exemplar.time_ns > 0 {
            self.write(format_args!(" {}", seconds(exemplar.time_ns)));
        }
    }

    /// OpenMetrics wants bounds as floating-point numbers.
    fn bound(&self, bound: f64) -> String {
        match self.format {
            Format::OpenMetrics if bound.is_finite() => format!("{bound:?}"),
            _ => number(bound),
        }
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String cannot fail.
        self.out.write_fmt(text).unwrap_or_default();
    }
}

fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value if value.is_nan() => "NaN".to_owned(),
        value => value.to_string(),
    }
}

fn seconds(nanoseconds: u64) -> String {
    format!("{}.{:03}", nanoseconds / 1_000_000_000, nanoseconds / 1_000_000 % 1000)
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
