//! How long batches are on their way from region to region, where clocks differ.
//!
//! The sender stamps a request when it is given to the connection, the receiver stamps its answer, and from the four
//! times follow the offset of the clocks and the delay, both with the limits of what can be known (`docs/regions.md`).

mod offset;
mod stamps;
mod sender;
mod receiver;

pub(crate) use receiver::Arrival;
pub(crate) use sender::{Settings, Transit};
pub(crate) use stamps::is_region;

use crate::calendar::now_ns;

/// Of requests and of answers.
pub const HEADER: &str = "throughline-transit";

/// Client metadata that the receiver adds; no header can have these names.
pub(crate) const FROM: &str = "transit:from";
pub(crate) const DELAY: &str = "transit:delay";
pub(crate) const ERROR: &str = "transit:error";

/// The time of day in nanoseconds since 1970; offered through `Ctx` where it is not the system's.
pub struct WallClock(pub Box<dyn Fn() -> u64 + Send + Sync>);

impl Default for WallClock {
    fn default() -> Self {
        Self(Box::new(now_ns))
    }
}

impl WallClock {
    pub(crate) fn now(&self) -> u64 {
        (self.0)()
    }
}
