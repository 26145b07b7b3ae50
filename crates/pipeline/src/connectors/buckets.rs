//! Histogram settings that both connectors have.

use flow::config::{Finding, GoDuration, Node};
use serde::Deserialize;

use super::distribution::Shape;

/// Milliseconds.
const DEFAULT: [u64; 16] = [2, 4, 6, 8, 10, 50, 100, 200, 400, 800, 1000, 1400, 2000, 5000, 10_000, 15_000];

#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Unit {
    #[default]
    Ms,
    S,
}

impl Unit {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ms => "ms",
            Self::S => "s",
        }
    }

    pub(super) fn of(self, nanoseconds: u64) -> f64 {
        match self {
            Self::Ms => nanoseconds as f64 / 1e6,
            Self::S => nanoseconds as f64 / 1e9,
        }
    }
}

/// Upper bounds in this unit; the collector's where none are given.
pub(super) fn explicit(bounds: Option<&[GoDuration]>, unit: Unit) -> Shape {
    let of = |bound: &GoDuration| unit.of(bound.nanos());
    Shape::Explicit(match bounds {
        Some(bounds) => bounds.iter().map(of).collect(),
        None => DEFAULT.iter().map(|bound| unit.of(bound * 1_000_000)).collect(),
    })
}

/// What is wrong with a list of bounds.
pub(super) fn check(at: &Node, bounds: &[GoDuration]) -> Option<Finding> {
    let descends = |pair: &&[GoDuration]| matches!(pair, [low, high] if low >= high);
    let at = bounds
        .windows(2)
        .position(|pair| descends(&pair))
        .map(|place| at.items().get(place + 1).unwrap_or(at));
    at.map(|at| {
        Finding::error(at, "not longer than the bucket before").help("write the buckets from short to long")
    })
}
