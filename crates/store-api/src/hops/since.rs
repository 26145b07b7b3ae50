//! Since when contexts are lost.

/// When it began.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Since {
    /// From the first request in the range on.
    Ever,
    /// With the request at this time: from there on the share of lost contexts is higher than before.
    At { ns: u64, share_before: f64, share_after: f64 },
}

/// Least rise of the share that is told.
const RISE: f64 = 0.2;
/// Twice the logarithm of how much better two shares explain the sequence than one; 6.63 is one chance in a hundred
/// where the place of the change is given.
const CLEAR: f64 = 6.63;

/// `seen` tells of each request, in the order of time, when it was and whether its context was lost.
///
/// The place is that of greatest likelihood where the share of lost contexts changes once.
pub(super) fn since(seen: &[(u64, bool)]) -> Option<Since> {
    let all = seen.len();
    let lost = seen.iter().filter(|(_, lost)| *lost).count();
    if lost == 0 {
        return None;
    }
    if lost == all {
        return Some(Since::Ever);
    }
    let one = likelihood(lost, all);
    let mut before = 0;
    let mut best: Option<(f64, Since)> = None;
    for (place, pair) in seen.windows(2).enumerate() {
        let [(earlier, was_lost), (ns, _)] = pair else { continue };
        before += usize::from(*was_lost);
        // What came at one moment is not parted.
        if earlier == ns {
            continue;
        }
        let first = place + 1;
        let (share_before, share_after) = (share(before, first), share(lost - before, all - first));
        let gain = 2.0 * (likelihood(before, first) + likelihood(lost - before, all - first) - one);
        let clear = share_after - share_before >= RISE && gain >= CLEAR;
        if clear && best.as_ref().is_none_or(|(most, _)| gain > *most) {
            best = Some((gain, Since::At { ns: *ns, share_before, share_after }));
        }
    }
    best.map(|(_, since)| since)
}

fn share(lost: usize, all: usize) -> f64 {
    lost as f64 / all as f64
}

/// Logarithm of the likelihood that `lost` of `all` are lost where the share is just that.
fn likelihood(lost: usize, all: usize) -> f64 {
    let part = |count: usize| if count == 0 { 0.0 } else { count as f64 * share(count, all).ln() };
    part(lost) + part(all - lost)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Since> {
        let seen: Vec<(u64, bool)> = (0..).zip(text.chars().map(|c| c == 'x')).collect();
        since(&seen)
    }

    #[test]
    fn a_change_is_found_where_it_is() {
        for (seen, ns, before, after) in [
            ("......xxxxxx", 6, 0.0, 1.0),
            ("....xxxx", 4, 0.0, 1.0),
            ("........................x.xxxxxxxxxxxxxxx", 24, 0.0, 16.0 / 17.0),
            ("x.......................................xxxxxx", 40, 1.0 / 40.0, 1.0),
        ] {
            assert_eq!(of(seen), Some(Since::At { ns, share_before: before, share_after: after }), "{seen}");
        }
    }

    #[test]
    fn what_is_always_lost_has_no_beginning() {
        assert_eq!(of("x"), Some(Since::Ever));
        assert_eq!(of("xxxx"), Some(Since::Ever));
    }

    #[test]
    fn nothing_is_told_where_nothing_changed() {
        for seen in ["", "....", ".x", "x.", "..x.", "xxxx....", "x.x.x.x.x.x.x.x.", "..x...x..x....x...x.."]
        {
            assert_eq!(of(seen), None, "{seen}");
        }
    }

    #[test]
    fn one_moment_is_not_parted() {
        let seen = [(1, false), (1, false), (1, true), (1, true), (1, true), (1, true)];
        assert_eq!(since(&seen), None);
    }
}
