//! Whether a target answers.

/// How targets are asked, by OPTIONS. Times in nanoseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Probing {
    pub interval: u64,
    pub timeout: u64,
    /// So many answers in a row bring a target back.
    pub rise: u32,
    /// So many that fail in a row take it out.
    pub fall: u32,
}

/// What is known of a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Health {
    up: bool,
    /// Probes in a row that speak against `up`.
    against: u32,
    next: u64,
    /// The probe that is under way, and when it counts as lost.
    asked: Option<(u64, u64)>,
}

impl Default for Health {
    fn default() -> Self {
        Self { up: true, against: 0, next: 0, asked: None }
    }
}

impl Health {
    #[cfg(test)]
    pub(super) fn down() -> Self {
        Self { up: false, ..Self::default() }
    }

    pub fn is_up(&self) -> bool {
        self.up
    }

    /// Whether it is time for the probe of this number; notes that it is sent.
    pub(super) fn due(&mut self, now: u64, probing: &Probing, number: u64) -> bool {
        if self.asked.is_some() || now < self.next {
            return false;
        }
        self.next = now + probing.interval;
        self.asked = Some((number, now + probing.timeout));
        true
    }

    /// A probe that nobody answered in time counts as failed; whether that changed anything.
    pub(super) fn tick(&mut self, now: u64, probing: &Probing) -> bool {
        match self.asked {
            Some((_, until)) if until <= now => {
                self.asked = None;
                self.note(false, probing)
            }
            _ => false,
        }
    }

    /// The final answer to a probe; nothing where it is not that of the last one.
    pub(super) fn answered(&mut self, number: u64, good: bool, probing: &Probing) -> Option<bool> {
        self.asked.take_if(|(asked, _)| *asked == number)?;
        Some(self.note(good, probing))
    }

    fn note(&mut self, good: bool, probing: &Probing) -> bool {
        if good == self.up {
            self.against = 0;
            return false;
        }
        self.against += 1;
        let turns = self.against >= if good { probing.rise } else { probing.fall };
        if turns {
            (self.up, self.against) = (good, 0);
        }
        turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROBING: Probing = Probing { interval: 10, timeout: 4, rise: 2, fall: 3 };

    #[test]
    fn it_takes_some_in_a_row() {
        let mut health = Health::default();
        let mut now = 0;
        for (good, up) in [
            (false, true),
            (false, true),
            (true, true),
            (false, true),
            (false, true),
            (false, false),
            (true, false),
            (false, false),
            (true, false),
            (true, true),
        ] {
            assert!(health.due(now, &PROBING, now));
            assert!(!health.due(now, &PROBING, now));
            assert_eq!(health.answered(now + 1, true, &PROBING), None, "an old answer counts for nothing");
            match good {
                true => assert!(health.answered(now, true, &PROBING).is_some()),
                false => {
                    assert!(!health.tick(now + 3, &PROBING));
                    health.tick(now + 4, &PROBING);
                }
            }
            assert_eq!(health.is_up(), up, "at {now}");
            assert!(!health.due(now + 9, &PROBING, 0));
            now += 10;
        }
    }
}
