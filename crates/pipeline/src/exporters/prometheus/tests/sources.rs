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

/// A counter of so many names, each of a resource of its own.
fn many(names: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    let of = |n: usize| {
        let points = counter(vec![number(1.0, &[])], 2);
        request(&[("process.pid", &n.to_string())], vec![metric(&format!("calls_{n}"), "", points)])
    };
    names.map(of).collect()
}

#[tokio::test]
async fn names_above_the_limit_leave_nothing_behind() {
    let mut page = Page::new("{endpoint: '127.0.0.1:0', series_limit: 3}");
    let rejected: usize = many(0..100).iter().map(|chunk| page.take(chunk)).sum();
    assert_eq!((rejected, page.store.series(), page.store.families().len()), (97, 3, 3));
}

#[tokio::test]
async fn resources_that_nothing_tells_apart_are_limited_too() {
    let mut page = Page::new("{endpoint: '127.0.0.1:0', series_limit: 3}");
    let mut take = |resource: &str, value| page.rejected(&counted(resource, value, 1, 2)).why;
    assert_eq!(["1", "2", "3"].map(|resource| take(resource, 1.0)), [None, None, None]);
    let full = "there are 3 series already, which is the `series_limit`";
    assert_eq!(take("4", 1.0).as_deref(), Some(full));
    assert_eq!(take("3", 2.0), None, "one that is there goes on");
    assert_eq!((calls(&mut page), page.store.series()), (Some(4.0), 1));

    let mut page = Page::new("{endpoint: '127.0.0.1:0', series_limit: 0}");
    let rejected: usize = (0..1001).map(|n| page.take(&counted(&n.to_string(), 1.0, 1, 2))).sum();
    assert_eq!((rejected, calls(&mut page)), (1, Some(1000.0)));
}

#[tokio::test(start_paused = true)]
async fn what_has_expired_makes_room_though_nobody_fetches() {
    let mut page = Page::new("{endpoint: '127.0.0.1:0', series_limit: 2, metric_expiration: 10s}");
    assert_eq!(many(0..3).iter().map(|chunk| page.take(chunk)).sum::<usize>(), 1);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(many(3..5).iter().map(|chunk| page.take(chunk)).sum::<usize>(), 0);
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!((page.text(false).as_str(), page.store.bytes()), ("", 0));
}

#[tokio::test]
async fn labels_that_nobody_would_read_are_rejected() {
    let mut page = Page::new("endpoint: 127.0.0.1:0");
    let points = counter(vec![number(1.0, &[("body", &"x".repeat(70_000))])], 2);
    assert_eq!(page.take(&request(&[], vec![metric("calls", "", points)])), 1);
    assert_eq!(page.store.bytes(), 0);
}

#[test]
fn bounds_that_are_never_the_same_stay_bounded() {
    use sample::{Histogram, Sample};
    let of = |first: u32| {
        let buckets = (0..1000).map(|nth| (f64::from(first) + f64::from(nth) / 1000.0, 1)).collect();
        Sample::Histogram(Histogram { buckets, sum: 1.0, count: 1000 })
    };
    let mut all = of(10);
    (0..20).filter(|first| *first != 10).for_each(|first| all.add(&of(first)));
    let Sample::Histogram(all) = all else { panic!("{all:?}") };
    assert_eq!((all.buckets.len(), all.sum, all.count), (4096, 20.0, 20_000));
    let told: u64 = all.buckets.iter().map(|(_, count)| count).sum();
    let above = 20_000 - told;
    assert_eq!(above, 9000, "what is above all bounds is in `+Inf`");
    assert!(all.buckets.is_sorted_by(|(a, _), (b, _)| a < b));
}
