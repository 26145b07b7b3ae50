//! How many batches of a second are shown.

use std::time::Duration;

use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(1);

/// The first few of each second, then one of so many.
pub(super) struct Sampler {
    initial: u64,
    thereafter: u64,
    seen: u64,
    ends: Option<Instant>,
}

impl Sampler {
    pub(super) fn new(initial: u64, thereafter: u64) -> Self {
        Self { initial, thereafter, seen: 0, ends: None }
    }

    pub(super) fn takes(&mut self, now: Instant) -> bool {
        if self.ends.is_none_or(|ends| now >= ends) {
            self.ends = Some(now + WINDOW);
            self.seen = 0;
        }
        self.seen += 1;
        let beyond = self.seen.saturating_sub(self.initial);
        beyond == 0 || beyond.checked_rem(self.thereafter) == Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_few_then_one_of_many() {
        let now = Instant::now();
        let shown = |initial, thereafter| {
            let mut sampler = Sampler::new(initial, thereafter);
            (1..=8).filter(|_| sampler.takes(now)).count()
        };
        assert_eq!(shown(2, 1), 8);
        assert_eq!(shown(2, 3), 4);
        assert_eq!(shown(2, 0), 2);
        assert_eq!(shown(0, 0), 0);
        let mut sampler = Sampler::new(1, 0);
        assert!(sampler.takes(now) && !sampler.takes(now));
        assert!(sampler.takes(now + WINDOW));
    }
}
