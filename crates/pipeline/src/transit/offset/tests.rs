use proptest::prelude::*;

use super::*;

const MS: i128 = 1_000_000;
/// Where both clocks begin.
const EPOCH: i128 = 1_700_000_000_000_000_000;

/// A batch on its way: milliseconds.
#[derive(Clone, Debug)]
struct Trip {
    pause: i128,
    out: i128,
    body: i128,
    work: i128,
    back: i128,
}

fn trip() -> impl Strategy<Value = Trip> {
    (0_i128..20_000, 1_i128..300, 0_i128..50, 0_i128..100, 1_i128..300)
        .prop_map(|(pause, out, body, work, back)| Trip { pause, out, body, work, back })
}

/// The other clock at the true time `at`: so much ahead, and so many ppm too fast.
#[derive(Clone, Copy, Debug)]
struct Theirs {
    ahead: i128,
    ppm: i128,
}

impl Theirs {
    fn at(self, at: i128) -> u64 {
        u64::try_from(EPOCH + at + self.ahead + at * self.ppm / 1_000_000).unwrap()
    }

    /// Of theirs over ours at `at`.
    fn offset(self, at: i128) -> i128 {
        self.ahead + at * self.ppm / 1_000_000
    }
}

fn sample(trip: &Trip, sent: i128, theirs: Theirs) -> (Sample, u64) {
    let [out, body, work, back] = [trip.out, trip.body, trip.work, trip.back].map(|ms| ms * MS);
    let whole = theirs.at(sent + out + body);
    let elapsed = Duration::from_nanos(u64::try_from(out + body + work + back).unwrap());
    let sample = Sample {
        sent: u64::try_from(EPOCH + sent).unwrap(),
        received: theirs.at(sent + out),
        answered: theirs.at(sent + out + body + work),
        elapsed,
    };
    (sample, whole)
}

proptest! {
    /// Whatever the delays of each way and however far the clocks are apart, and while they drift.
    #[test]
    fn the_truth_lies_within(
        trips in prop::collection::vec(trip(), 1..40),
        ahead in -10_000_000_000_000_i128..10_000_000_000_000,
        ppm in -450_i128..450,
    ) {
        let theirs = Theirs { ahead, ppm };
        let mut offset = Offset::default();
        let mut now = 0;
        let mut least = i128::MAX;
        for trip in &trips {
            now += trip.pause * MS;
            let (sample, whole) = sample(trip, now, theirs);
            now += nanos(sample.elapsed);
            let at = Duration::from_nanos(u64::try_from(now).unwrap());
            prop_assert_eq!(offset.hear(&sample, at), Heard::Narrower);
            let known = offset.at(at).unwrap();
            let truth = theirs.offset(now);
            prop_assert!(known.low <= truth && truth <= known.high, "{:?} {}", known, truth);
            let delay = sample.delay(whole, known).unwrap();
            let truth = (trip.out + trip.body) * MS;
            prop_assert!(delay.low <= truth && truth <= delay.high, "{:?} {}", delay, truth);
            // Never wider than NTP's: half of the least round trip, and what clocks drift meanwhile.
            least = least.min((trip.out + trip.back) * MS);
            prop_assert!(known.high - known.low <= least + 2 * drift(at) + 4 * drift(sample.elapsed));
        }
    }

    /// Times from a peer that lies, or is broken.
    #[test]
    fn any_times_are_judged(samples in prop::collection::vec((any::<[u64; 4]>(), 0_u64..1 << 40), 1..20)) {
        let mut offset = Offset::default();
        for (at, ([sent, received, answered, whole], elapsed)) in samples.into_iter().enumerate() {
            let sample = Sample { sent, received, answered, elapsed: Duration::from_nanos(elapsed) };
            let at = Duration::from_secs(at as u64);
            offset.hear(&sample, at);
            if let Some(known) = offset.at(at) {
                prop_assert!(known.low <= known.high);
                if let Some(delay) = sample.delay(whole, known) {
                    prop_assert!(0 <= delay.low && delay.low <= delay.high);
                }
            }
        }
    }
}

#[test]
fn an_asymmetric_way_is_seen_within_its_error() {
    // 80 ms out, 10 ms back, the other clock 250 ms behind: NTP's error in full, and still inside.
    let theirs = Theirs { ahead: -250 * MS, ppm: 0 };
    let trip = Trip { pause: 0, out: 80, body: 0, work: 5, back: 10 };
    let (sample, whole) = sample(&trip, 0, theirs);
    let mut offset = Offset::default();
    offset.hear(&sample, Duration::from_millis(95));
    let delay = sample.delay(whole, offset.at(Duration::from_millis(95)).unwrap()).unwrap();
    assert_eq!((delay.middle() / MS, delay.half() / MS), (45, 45), "45 ms ± 45 ms");
    assert_eq!(sample.round_trip(), 90 * MS);
}

#[test]
fn a_clock_that_is_set_is_followed() {
    let mut offset = Offset::default();
    let trip = Trip { pause: 0, out: 20, body: 0, work: 0, back: 20 };
    let mut hear = |ahead: i128, second: i128| {
        let at = second * 1000 * MS;
        let (sample, _) = sample(&trip, at, Theirs { ahead, ppm: 0 });
        let heard = Duration::from_nanos(u64::try_from(at + 40 * MS).unwrap());
        (offset.hear(&sample, heard), (offset.at(heard).unwrap().middle() + MS / 2).div_euclid(MS))
    };
    assert_eq!(hear(0, 1), (Heard::Narrower, 0));
    assert_eq!(hear(5000 * MS, 2), (Heard::Stepped, 5000));
    assert_eq!(hear(5000 * MS, 3), (Heard::Narrower, 5000));
    assert_eq!(hear(-1000 * MS, 4), (Heard::Stepped, -1000));
}

#[test]
fn times_that_cannot_be_say_nothing() {
    let mut offset = Offset::default();
    let sample = |received, answered, millis| Sample {
        sent: 1000,
        received,
        answered,
        elapsed: Duration::from_millis(millis),
    };
    for impossible in [sample(9, 8, 5), sample(0, 6 * 1_000_000, 5)] {
        assert_eq!(offset.hear(&impossible, Duration::ZERO), Heard::Impossible);
        assert_eq!(offset.at(Duration::ZERO), None);
    }
}
