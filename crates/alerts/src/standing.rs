//! How one rule stands, and one step of it. Pure: the time and what was measured are arguments.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rule::Spec;
use crate::text;

/// Where nobody has looked for so long, a condition that held before is not known to have held since.
pub(crate) const PAUSE_NS: u64 = 600_000_000_000;

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    #[default]
    Inactive,
    /// The condition holds, not yet for long enough.
    Pending,
    Firing,
}

/// What is known of a rule. Kept, so that a restart changes nothing.
#[derive(Clone, PartialEq, Default, Debug, Serialize, Deserialize, ToSchema)]
pub struct Standing {
    pub phase: Phase,
    /// In this phase since then; 0 where it was never evaluated.
    #[serde(with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub since_ns: u64,
    /// The last look.
    #[serde(with = "text::digits")]
    #[schema(value_type = String, pattern = "^[0-9]+$")]
    pub evaluated_ns: u64,
    /// What was measured then; null where there was nothing to measure.
    #[schema(required)]
    pub value: Option<f64>,
    /// Of how many spans.
    pub n: u64,
    /// There were enough spans to tell. A rule that fires goes on until there are.
    pub enough: bool,
    /// Firing, but the condition does not hold since then.
    #[serde(with = "text::some_digits")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]+$", required)]
    pub well_since_ns: Option<u64>,
}

/// What was measured at one moment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sample {
    pub value: Option<f64>,
    pub n: u64,
}

/// What others have to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    Fired,
    /// What began then is over.
    Resolved {
        began_ns: u64,
    },
}

/// What one look says.
enum Look {
    Breaks,
    Well,
    NotEnough,
}

impl Standing {
    /// Goes on to `now`. `pause_ns` is the longest time between two looks after which a pending rule goes on.
    pub fn step(&self, spec: &Spec, sample: Sample, now_ns: u64, pause_ns: u64) -> (Self, Option<Turn>) {
        let look = match sample.value.filter(|_| spec.is_enough(sample.n)) {
            None => Look::NotEnough,
            Some(value) if spec.breaks(value) => Look::Breaks,
            Some(_) => Look::Well,
        };
        let next = Self {
            evaluated_ns: now_ns,
            value: sample.value,
            n: sample.n,
            enough: !matches!(look, Look::NotEnough),
            ..self.clone()
        };
        let entered = |phase| Self { phase, since_ns: now_ns, well_since_ns: None, ..next.clone() };
        let waited = |since: u64| now_ns.saturating_sub(since);
        match (self.phase, look) {
            (Phase::Inactive, Look::Breaks) if spec.hold.is_zero() => {
                (entered(Phase::Firing), Some(Turn::Fired))
            }
            (Phase::Inactive, Look::Breaks) => (entered(Phase::Pending), None),
            (Phase::Inactive, _) if self.evaluated_ns == 0 => (entered(Phase::Inactive), None),
            (Phase::Inactive, _) => (next, None),
            (Phase::Pending, Look::Breaks) if waited(self.evaluated_ns) > pause_ns => {
                (entered(Phase::Pending), None)
            }
            (Phase::Pending, Look::Breaks) if waited(self.since_ns) >= spec.hold.nanos() => {
                (entered(Phase::Firing), Some(Turn::Fired))
            }
            (Phase::Pending, Look::Breaks) => (next, None),
            // Nobody has been told: it begins anew when there is enough to tell.
            (Phase::Pending, _) => (entered(Phase::Inactive), None),
            (Phase::Firing, Look::Breaks | Look::NotEnough) => (Self { well_since_ns: None, ..next }, None),
            (Phase::Firing, Look::Well) => {
                let since = self.well_since_ns.unwrap_or(now_ns);
                if waited(since) >= spec.keep_firing_for.nanos() {
                    (entered(Phase::Inactive), Some(Turn::Resolved { began_ns: self.since_ns }))
                } else {
                    (Self { well_since_ns: Some(since), ..next }, None)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::rule::tests::spec;

    const MINUTE: u64 = 60_000_000_000;
    const START: u64 = 1_795_165_200_000_000_000;

    /// One look a minute: `#` breaks, `.` is well, `?` is too little, `_` nobody looks. `F` and `R` say who was told.
    fn run(spec: &Spec, looks: &str) -> String {
        let (mut standing, mut told) = (Standing::default(), String::new());
        for (minute, look) in looks.chars().enumerate() {
            let (value, n) = match look {
                '#' => (Some(90.0), 2),
                '.' => (Some(30.0), 2),
                '?' => (Some(90.0), 1),
                _ => {
                    told.push('_');
                    continue;
                }
            };
            let now = START + minute as u64 * MINUTE;
            let (next, turn) = standing.step(spec, Sample { value, n }, now, PAUSE_NS);
            standing = next;
            told.push(match (turn, standing.phase) {
                (Some(Turn::Fired), _) => 'F',
                (Some(Turn::Resolved { .. }), _) => 'R',
                (None, Phase::Inactive) => '-',
                (None, Phase::Pending) => 'p',
                (None, Phase::Firing) => 'f',
            });
        }
        told
    }

    #[test]
    fn over_time() {
        let at_once = spec(json!({}));
        let held = spec(json!({"for": "3m"}));
        let kept = spec(json!({"for": "2m", "keep_firing_for": "3m"}));
        let table = [
            ("at once", &at_once, "..##..#?.?"),
            ("held", &held, ".###.####.."),
            ("a gap in the data ends waiting, not firing", &held, "##?##?####??.."),
            ("kept", &kept, "####.#..#....#."),
            ("not enough data is no sign of health", &kept, "###..?...?...."),
            ("nobody looked for a while", &held, "##_____####.."),
            ("nobody looked for long", &held, "##____________####.."),
            ("down while it fired", &kept, "####__________________#....."),
        ];
        let told: String = table
            .into_iter()
            .map(|(name, spec, looks)| format!("{name}\n  {looks}\n  {}\n", run(spec, looks)))
            .collect();
        expect![[r#"
            at once
              ..##..#?.?
              --FfR-FfR-
            held
              .###.####..
              -ppp-pppFR-
            a gap in the data ends waiting, not firing
              ##?##?####??..
              pp-pp-pppFffR-
            kept
              ####.#..#....#.
              ppFfffffffffRp-
            not enough data is no sign of health
              ###..?...?....
              ppFffffffffffR
            nobody looked for a while
              ##_____####..
              pp_____FfffR-
            nobody looked for long
              ##____________####..
              pp____________pppFR-
            down while it fired
              ####__________________#.....
              ppFf__________________ffffR-
        "#]]
        .assert_eq(&told);
    }

    proptest! {
        #[test]
        fn turns_alternate_and_only_enough_data_makes_one(looks in "[#.?_]{0,60}", hold in 0u64..4, keep in 0u64..4) {
            let spec = spec(json!({"for": format!("{hold}m"), "keep_firing_for": format!("{keep}m")}));
            let told = run(&spec, &looks);
            let mut fires = false;
            for (look, told) in looks.chars().zip(told.chars()) {
                match told {
                    'F' => prop_assert!(!std::mem::replace(&mut fires, true) && look == '#'),
                    'R' => prop_assert!(std::mem::replace(&mut fires, false) && look == '.'),
                    'f' => prop_assert!(fires),
                    '-' | 'p' => prop_assert!(!fires),
                    _ => {}
                }
            }
        }
    }
}
