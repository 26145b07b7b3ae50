//! Nothing is counted twice or not at all, and there are never more series than the limit.

use proptest::prelude::*;

use super::*;

/// The sum over all series of a metric, how many there are, and how many of them stand for what found no room.
fn total(rows: &str, name: &str) -> (f64, usize, usize) {
    let rows =
        rows.lines().filter(|row| row.starts_with(name) && row.as_bytes().get(name.len()) == Some(&b'{'));
    let rows: Vec<_> = rows.collect();
    let sum = rows.iter().map(|row| row.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum();
    let overflow = rows.iter().filter(|row| row.contains("otel_metric_overflow=\"true\"")).count();
    (sum, rows.len(), overflow)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn sums_are_the_spans_and_the_cap_holds(
        batches in proptest::collection::vec(
            (0..6u8, proptest::collection::vec(("[a-d]{0,2}", 0..4u8, 0..50_000u64, "[a-z]{0,3}"), 0..30)),
            1..8,
        ),
        limit in 1..40usize,
        resources in 1..5usize,
        exponential in any::<bool>(),
    ) {
        let shape = if exponential { "exponential: {max_size: 20}" } else { "unit: ms" };
        let mut metrics = metrics(&format!(
            "{{aggregation_cardinality_limit: {limit}, resource_metrics_cache_size: {resources}, dimensions: [{{name: user}}], histogram: {{{shape}}}}}"
        ));
        let mut spans = 0;
        let mut milliseconds = 0;
        for (service, batch) in &batches {
            let of = |(name, kind, ms, user): &(String, u8, u64, String)| {
                let mut span = span(name, *ms, &[("user", user)]);
                span.kind = i32::from(*kind);
                span
            };
            spans += batch.len();
            milliseconds += batch.iter().map(|(_, _, ms, _)| ms).sum::<u64>();
            let service = format!("service-{service}");
            metrics.read(&request(&[("service.name", &service)], batch.iter().map(of).collect()), SECOND);
        }
        let rows = shown(&mut metrics, 2 * SECOND, true);
        for name in ["traces_span_metrics_calls_total", "traces_span_metrics_duration_milliseconds_count"] {
            let (sum, series, overflow) = total(&rows, name);
            prop_assert_eq!(sum, spans as f64, "{}: {}", name, rows);
            prop_assert!(series <= limit + 1 && overflow <= 1, "{} series with a limit of {}", series, limit);
        }
        prop_assert_eq!(total(&rows, "traces_span_metrics_duration_milliseconds_sum").0, milliseconds as f64);
        let whole = rows.lines().filter(|row| row.contains("le=\"+Inf\""));
        let whole: f64 = whole.map(|row| row.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum();
        prop_assert_eq!(whole, spans as f64);
    }
}

#[test]
fn ten_thousand_series_unless_told_otherwise() {
    let mut metrics = metrics("{dimensions: [{name: user}], histogram: {disable: true}}");
    for part in 0..12u32 {
        let spans = (0..1000).map(|n| span("a", 1, &[("user", &format!("{part}-{n}"))])).collect();
        metrics.read(&request(CRM, spans), SECOND);
    }
    let (series, bytes) = metrics.size();
    assert_eq!(series, 10_000);
    assert!(bytes > 1_000_000);
    let chunks = written(&mut metrics, SECOND);
    assert_eq!(chunks.len(), 3, "batches that everybody takes");
}

#[test]
fn series_and_resources_expire() {
    let mut metrics =
        metrics("{metrics_expiration: 100s, series_expiration: 10s, histogram: {disable: true}}");
    metrics.read(&request(CRM, vec![span("a", 1, &[]), span("b", 1, &[])]), SECOND);
    metrics.read(&request(CRM, vec![span("a", 1, &[])]), 9 * SECOND);
    let rows = |metrics: &mut SpanMetrics, at: u64| {
        total(&shown(metrics, at, false), "traces_span_metrics_calls_total")
    };
    assert_eq!(rows(&mut metrics, 11 * SECOND), (3.0, 2, 0));
    assert_eq!(rows(&mut metrics, 12 * SECOND), (2.0, 1, 0));
    assert_eq!(rows(&mut metrics, 30 * SECOND), (0.0, 0, 0));
    assert_eq!(metrics.size(), (0, 0));
    metrics.read(&request(CRM, vec![span("a", 1, &[])]), 31 * SECOND);
    assert_eq!(rows(&mut metrics, 31 * SECOND), (1.0, 1, 0));
}

#[test]
fn a_resource_expires_with_all_its_series() {
    let mut metrics = metrics("{metrics_expiration: 10s}");
    metrics.read(&request(CRM, vec![span("a", 1, &[])]), SECOND);
    metrics.read(&request(&[("service.name", "till")], vec![span("a", 1, &[])]), 9 * SECOND);
    let rows = shown(&mut metrics, 15 * SECOND, false);
    assert!(rows.contains("service_name=\"till\"") && !rows.contains("service_name=\"crm\""), "{rows}");
}

#[test]
fn weights_of_sampled_spans() {
    let mut metrics = metrics("{}");
    let mut kept = span("a", 10, &[]);
    kept.trace_state = "ot=th:c".to_owned();
    metrics.read(&request(CRM, vec![kept, span("a", 10, &[])]), SECOND);
    let rows = shown(&mut metrics, SECOND, false);
    assert_eq!(total(&rows, "traces_span_metrics_calls_total").0, 5.0);
    assert_eq!(total(&rows, "traces_span_metrics_duration_milliseconds_sum").0, 50.0);
}

#[test]
fn processes_that_have_gone_make_room_for_new_ones() {
    let mut metrics = metrics("{resource_metrics_cache_size: 3, histogram: {disable: true}}");
    let of = |process: u64| {
        request(&[("service.name", "crm"), ("process.pid", &process.to_string())], vec![span("a", 1, &[])])
    };
    let rows = |metrics: &mut SpanMetrics, at: u64| {
        total(&shown(metrics, at * SECOND, false), "traces_span_metrics_calls_total")
    };
    for process in 1..=4 {
        metrics.read(&of(process), process * SECOND);
    }
    // What the first ones have counted was not told yet.
    assert_eq!(rows(&mut metrics, 10), (4.0, 2, 1), "three processes of one service, and the overflow");
    metrics.read(&of(2), 11 * SECOND);
    for process in 5..=7 {
        metrics.read(&of(process), (7 + process) * SECOND);
    }
    let told = written(&mut metrics, 20 * SECOND).concat();
    let pid = |of: flow::otlp::metrics::ResourceMetrics<'_>| {
        let pid = of.resource().attributes().find(|attribute| attribute.key == "process.pid")?;
        Some(pid.value.as_str()?.to_owned())
    };
    let mut known: Vec<_> = flow::otlp::metrics::resource_metrics(&told).filter_map(pid).collect();
    known.sort();
    assert_eq!(known, ["2", "5", "6"], "the silent ones have gone");
    assert_eq!(rows(&mut metrics, 20), (6.0, 2, 1));
    assert_eq!(metrics.size().0, 3);
}

#[test]
fn what_is_extrapolated_says_so() {
    let mut metrics = metrics("{enable_metrics_sampling_method: true, histogram: {disable: true}}");
    let mut kept = span("a", 10, &[]);
    kept.trace_state = "ot=th:c".to_owned();
    metrics.read(&request(CRM, vec![kept, span("a", 10, &[])]), SECOND);
    let rows = shown(&mut metrics, SECOND, false);
    for (method, count) in [("extrapolated", " 4"), ("counted", " 1")] {
        let label = format!("sampling_method=\"{method}\"");
        assert!(rows.lines().any(|row| row.contains(&label) && row.ends_with(count)), "{rows}");
    }
}
