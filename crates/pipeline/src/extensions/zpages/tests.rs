use std::sync::Arc;

use flow::{Memory, Signal, Telemetry};

use super::*;
use crate::engine::account::Accounts;
use crate::engine::exchange::Exchange;
use crate::engine::health::Health;
use crate::plan::{Outline, Pipeline};

/// Every text as long and as hostile as a configuration can make it, and far more rows than a page has room for.
fn crowded() -> Ctx {
    let long = |nth: usize| format!("{nth}<{}", "\u{1F4DE}&".repeat(500));
    let ids = |count: usize| (0..count).map(long).collect::<Vec<_>>();
    let pipelines = (0..300).map(|nth| Pipeline {
        name: long(nth),
        signal: Signal::Traces,
        receivers: ids(20),
        processors: ids(20),
        exporters: ids(20),
    });
    let outline = Outline { pipelines: pipelines.collect(), extensions: ids(300) };
    let telemetry = Telemetry::default();
    let accounts = Accounts::new(telemetry.clone());
    let health = Health::default();
    for nth in 0..300 {
        let exporter: Arc<str> = long(nth).into();
        let account = accounts.open(&long(nth), &[Arc::clone(&exporter)]);
        (0..30).for_each(|reason| account.dropped(1, &long(reason)));
        health.queue(&exporter, 1, 2);
        health.failed(&exporter, &long(nth));
    }
    Ctx::new(Arc::new(Memory::default()), telemetry)
        .with(Arc::new(Exchange::new(outline)))
        .with(Arc::new(accounts))
        .with(Arc::new(health))
}

#[test]
fn the_page_is_bounded() {
    let live = Sources::new(&crowded()).live();
    assert_eq!((live.exporters.len(), live.pipelines.len()), (200, 200));
    assert!(live.left_out > 1000, "{}", live.left_out);
    let html = page::page(&live, Refresh::of("/debug/pipelinez", None));
    let json = serde_json::to_string(&live).unwrap();
    let mib = |text: &str| text.len() >> 20;
    assert!(mib(&html) < 16 && mib(&json) < 8, "{} {}", mib(&html), mib(&json));
    assert!(html.contains(" rows are left out here"));
    let reasons = live.pipelines.iter().flat_map(|one| &one.accounts).map(|one| &one.dropped_by);
    let reasons: Vec<_> = reasons.collect();
    assert!(!reasons.is_empty());
    assert!(reasons.iter().all(|by| by.len() <= 21 && by.values().sum::<u64>() == 30), "{reasons:?}");
}

#[test]
fn the_style_is_the_one_that_the_policy_allows() {
    let live = Sources::new(&Ctx::new(Arc::new(Memory::default()), Telemetry::default())).live();
    let html = page::page(&live, Refresh::of("/debug/pipelinez", None));
    let (_, rest) = html.split_once("<style>").unwrap();
    let (style, rest) = rest.split_once("</style>").unwrap();
    let hash = STANDARD.encode(Sha256::digest(style));
    assert!(policy().to_str().unwrap().contains(&hash));
    assert!(!rest.contains("style=") && !html.contains("<script"), "none beside it");
}
