use proptest::prelude::*;

use super::*;

/// Numbers that look random and are the same each time.
fn skewed(n: u64, seed: u64, scale: f64) -> Vec<u64> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut sorted: Vec<u64> = (0..n).map(|_| (scale * 1e6 * (-(1.0 - next()).ln())) as u64 + 1).collect();
    sorted.sort_unstable();
    sorted
}

#[test]
fn the_bounds_hold_the_true_change_about_95_times_in_100() {
    for q in [0.5, 0.95] {
        let hits = (1..=400u64).filter(|seed| {
            let delta = Delta::of(&skewed(1000, *seed, 100.0), &skewed(800, seed + 10_000, 138.0), None, q);
            let (low, high) = delta.bounds.unwrap();
            low <= 0.38 && 0.38 <= high
        });
        let hits = hits.count();
        assert!((368..=396).contains(&hits), "q {q}: {hits} of 400");
    }
}

#[test]
fn a_change_that_the_control_has_too_is_none() {
    let (slow, quick) = (138.0, 100.0);
    let verdicts = |now: f64, then: f64, n: u64| {
        let of = |seed: u64| {
            let (before, after) = (skewed(20_000, seed, quick), skewed(20_000, seed + 1000, now));
            let usual = (skewed(n, seed + 2000, quick), skewed(n, seed + 3000, then));
            Delta::of(&before, &after, Some((&usual.0, &usual.1)), 0.95)
        };
        (1..=20u64).map(of).collect::<Vec<_>>()
    };
    let count = |deltas: &[Delta], verdict| deltas.iter().filter(|delta| delta.verdict == verdict).count();
    let both = verdicts(slow, slow, 20_000);
    assert!(count(&both, Verdict::Slower) <= 2 && count(&both, Verdict::Unchanged) >= 15);
    assert!(both.iter().all(|delta| delta.control.is_some_and(|usual| usual > 0.2)));
    assert_eq!(count(&verdicts(slow, quick, 20_000), Verdict::Slower), 20);
    assert_eq!(count(&verdicts(quick, slow, 20_000), Verdict::Faster), 20);
    // A control that is too small is none.
    let small = verdicts(slow, slow, 199);
    assert!(small.iter().all(|delta| delta.control.is_none() && delta.verdict == Verdict::Slower));
}

#[test]
fn no_change_is_seldom_taken_for_one() {
    let wrong = (1..=400u64).filter(|seed| {
        let delta = Delta::of(&skewed(1000, *seed, 100.0), &skewed(1000, seed + 10_000, 100.0), None, 0.95);
        matches!(delta.verdict, Verdict::Slower | Verdict::Faster)
    });
    assert!(wrong.count() <= 32);
}

#[test]
fn a_verdict_needs_enough_on_both_sides() {
    for (before, after, verdict) in [
        (199, 5000, Verdict::NotEnough),
        (5000, 199, Verdict::NotEnough),
        (5000, 5000, Verdict::Slower),
        (0, 5000, Verdict::NotEnough),
    ] {
        let delta = Delta::of(&skewed(before, 1, 100.0), &skewed(after, 2, 200.0), None, 0.95);
        assert_eq!((delta.verdict, delta.needed), (verdict, 200), "{before} {after}");
    }
    assert_eq!((change::needed(0.5), change::needed(0.99)), (20, 1000));
    let same = skewed(100_000, 1, 100.0);
    assert_eq!(Delta::of(&same, &same, None, 0.95).verdict, Verdict::Unchanged);
}

#[test]
fn sentences_are_for_people() {
    let point = |ms: u64| Point {
        start_ns: 0,
        duration_ns: ms * 1_000_000,
        failed: false,
        trace_id: Default::default(),
        span_id: Default::default(),
        interaction: None,
    };
    let points = |n: u64, ms: u64| (0..n).map(|at| point(ms + at % 5)).collect::<Vec<_>>();
    let kind = || Kind::Operation { service: "crm".into(), name: "GET".into() };
    let told = |a: Vec<Point>, b: Vec<Point>| Comparison::of(kind(), &a, &b, None).verdict();
    assert_eq!(
        told(points(4102, 206), points(3988, 286)),
        "p95 crm GET +38 % (210 -> 290 ms, n = 4 102 / 3 988)"
    );
    assert_eq!(told(points(4, 206), points(9, 286)), "crm GET: not enough data: 4 of 200");
    assert_eq!(told(points(37, 2), points(400, 9)), "p50 crm GET +175 % (4.00 -> 11.0 ms, n = 37 / 400)");
    assert_eq!(
        told(points(400, 96), points(400, 97)),
        "p95 crm GET +1 % (100 -> 101 ms, n = 400 / 400): unchanged"
    );
}

proptest! {
    #[test]
    fn the_change_lies_between_its_bounds(a in 20u64..500, b in 20u64..500, seed in any::<u64>(), scale in 1.0f64..300.0) {
        let delta = Delta::of(&skewed(a, seed, 100.0), &skewed(b, !seed, scale), None, 0.5);
        let ((low, high), change) = (delta.bounds.unwrap(), delta.change.unwrap());
        prop_assert!(low <= change && change <= high && low >= -1.0);
    }
}
