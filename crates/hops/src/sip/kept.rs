//! What an echo saw last: hops that build answers anew drop the body that would tell.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::seen::is_of;
use crate::probe::Mark;
use crate::seen::Seen;

/// Shared by an echo and the check that started it.
#[derive(Clone, Debug, Default)]
pub struct Kept(Arc<Mutex<VecDeque<Seen>>>);

/// Probes are sent one after the other.
const MOST: usize = 64;

impl Kept {
    pub(super) fn keep(&self, seen: Seen) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == MOST {
            kept.pop_front();
        }
        kept.push_back(seen);
    }

    pub(super) fn find(&self, method: &str, mark: Mark) -> Option<Seen> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().rev().find(|seen| seen.method == method && is_of(seen, mark)).cloned()
    }
}
