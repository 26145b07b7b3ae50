//! How a percentile has changed, and between which bounds the change lies.
//!
//! The bounds of one percentile are two of the durations themselves, the ones that the binomial distribution of how many
//! lie below it names: nothing is assumed of the durations but that they are independent. On a logarithmic scale the
//! variances of both sides add up to that of their ratio.

use crate::analysis::latency::nearest;

/// Standard deviations on both sides of 95 in 100.
const SURE: f64 = 1.959_964;
/// Durations that must lie beyond the percentile.
const BEYOND: f64 = 10.0;
/// Less than this is no change that matters.
const MATTERS: f64 = 0.1;

/// One percentile of B against that of A.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Delta {
    /// 0.38: 38 % slower.
    pub change: Option<f64>,
    /// That of the control, where it has enough durations: bounds and verdict are then about what goes beyond it.
    pub control: Option<f64>,
    /// The change lies between these with 95 % certainty.
    pub bounds: Option<(f64, f64)>,
    pub verdict: Verdict,
    /// Durations that each side needs.
    pub needed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Slower,
    Faster,
    /// Certainly less than a tenth either way.
    Unchanged,
    Unsure,
    NotEnough,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Self::Slower => "slower",
            Self::Faster => "faster",
            Self::Unchanged => "unchanged",
            Self::Unsure => "unsure",
            Self::NotEnough => "not_enough",
        }
    }
}

impl Delta {
    /// Of durations in order; `usual` is how both sides of the control took.
    pub(super) fn of(before: &[u64], after: &[u64], usual: Option<(&[u64], &[u64])>, q: f64) -> Self {
        let needed = needed(q);
        let change = ratio(before, after, q).map(|ratio| ratio - 1.0);
        let enough = |one: &[u64], other: &[u64]| one.len().min(other.len()) as u64 >= needed;
        let control = usual.filter(|(before, after)| enough(before, after)).and_then(|(before, after)| {
            let spread = spread(before, q)?.hypot(spread(after, q)?);
            Some((ratio(before, after, q).filter(|ratio| *ratio > 0.0)?, spread))
        });
        let bounds = change.filter(|_| enough(before, after)).and_then(|change| {
            let (usual, known) = control.unwrap_or((1.0, 0.0));
            let spread = spread(before, q)?.hypot(spread(after, q)?).hypot(known);
            let beyond = (1.0 + change) / usual;
            Some((beyond * (-SURE * spread).exp() - 1.0, beyond * (SURE * spread).exp() - 1.0))
        });
        let control = control.map(|(ratio, _)| ratio - 1.0);
        let verdict = match bounds {
            None => Verdict::NotEnough,
            Some((low, high)) if low > -MATTERS && high < MATTERS => Verdict::Unchanged,
            Some((low, _)) if low > 0.0 => Verdict::Slower,
            Some((_, high)) if high < 0.0 => Verdict::Faster,
            Some(_) => Verdict::Unsure,
        };
        Self { change, control, bounds, verdict, needed }
    }

    /// As much of the change as is beyond doubt.
    pub(super) fn sure_change(&self) -> f64 {
        match (self.verdict, self.bounds) {
            (Verdict::Slower, Some((low, _))) => low,
            (Verdict::Faster, Some((_, high))) => high,
            _ => 0.0,
        }
    }
}

/// How many times as long a percentile is as it was.
fn ratio(before: &[u64], after: &[u64], q: f64) -> Option<f64> {
    let (before, after) = nearest(before, q).zip(nearest(after, q)).filter(|(before, _)| *before > 0)?;
    Some(after as f64 / before as f64)
}

pub(super) fn needed(q: f64) -> u64 {
    (BEYOND / (1.0 - q).min(q)).round() as u64
}

/// The standard deviation of the logarithm of a percentile.
fn spread(sorted: &[u64], q: f64) -> Option<f64> {
    let n = sorted.len() as f64;
    let off = SURE * (n * q * (1.0 - q)).sqrt();
    let at = |rank: f64| {
        let place = (rank.max(1.0).min(n) as usize).checked_sub(1)?;
        sorted.get(place).map(|ns| (*ns).max(1) as f64)
    };
    let (low, high) = (at((n * q - off).floor())?, at((n * q + off).ceil() + 1.0)?);
    Some((high.ln() - low.ln()) / (2.0 * SURE))
}
