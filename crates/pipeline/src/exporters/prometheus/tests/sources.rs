//! Deltas, several resources with the same labels, and expiry.

use std::time::Duration;

use opentelemetry_proto::tonic::metrics::v1::Gauge;

use super::*;

/// A counter of one resource at a time in nanoseconds.
fn counted(resource: &str, value: f64, time_unix_nano: u64, temporality: i32) -> Vec<u8> {
    let point = NumberDataPoint { time_unix_nano, ..number(value, &[("queue", "billing")]) };
    request(&[("process.pid", resource)], vec![metric("calls", "", counter(vec![point], temporality))])
}

fn calls(page: &mut Page) -> Option<f64> {
    let text = page.text(false);
    let line = text.lines().find(|line| line.starts_with("calls_total"))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[tokio::test]
async fn deltas_add_up_and_late_totals_change_nothing() {
    let mut page = Page::new("endpoint: 127.0.0.1:0");
    for (value, time) in [(1.0, 10), (2.0, 20), (4.0, 15)] {
        page.take(&counted("1", value, time, 1));
    }
    assert_eq!(calls(&mut page), Some(7.0));
    let mut page = Page::new("endpoint: 127.0.0.1:0");
    for (value, time) in [(5.0, 10), (9.0, 30), (7.0, 20)] {
        page.take(&counted("1", value, time, 2));
    }
    assert_eq!(calls(&mut page), Some(9.0));
}

#[tokio::test(start_paused = true)]
async fn counters_of_several_resources_are_one_sum_that_never_falls() {
    let mut page = Page::new("{endpoint: '127.0.0.1:0', metric_expiration: 10s}");
    page.take(&counted("1", 5.0, 1, 2));
    page.take(&counted("2", 3.0, 1, 2));
    assert_eq!(calls(&mut page), Some(8.0));
    // The second one begins anew.
    page.take(&counted("2", 1.0, 2, 2));
    assert_eq!(calls(&mut page), Some(9.0));
    tokio::time::advance(Duration::from_secs(6)).await;
    page.take(&counted("2", 2.0, 3, 2));
    tokio::time::advance(Duration::from_secs(6)).await;
    // The first one is gone, what it counted is not.
    assert_eq!(calls(&mut page), Some(10.0));
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(calls(&mut page), None);
    assert_eq!((page.store.series(), page.store.bytes()), (0, 0));
}

#[tokio::test]
async fn of_several_gauges_the_latest_counts() {
    let mut page = Page::new("{endpoint: '127.0.0.1:0', without_scope_info: true}");
    for (resource, value, time_unix_nano) in [("1", 5.0, 10), ("2", 3.0, 20), ("1", 4.0, 15)] {
        let point = NumberDataPoint { time_unix_nano, ..number(value, &[]) };
        let gauge = metric::Data::Gauge(Gauge { data_points: vec![point] });
        page.take(&request(&[("process.pid", resource)], vec![metric("open", "", gauge)]));
    }
    assert!(page.text(false).ends_with("\nopen 3\n"));
}

#[tokio::test]
async fn a_series_that_its_source_ends_is_gone_at_once() {
    let mut page = Page::new("endpoint: 127.0.0.1:0");
    page.take(&counted("1", 5.0, 10, 2));
    let end = NumberDataPoint { flags: 1, ..number(0.0, &[("queue", "billing")]) };
    page.take(&request(&[("process.pid", "1")], vec![metric("calls", "", counter(vec![end], 2))]));
    assert_eq!((calls(&mut page), page.store.bytes()), (None, 0));
}
