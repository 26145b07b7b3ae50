//! A binary without the feature `profile`.

use super::turn::Turn;

pub(super) const MISSING: Option<&str> = Some("this binary was built without CPU profiles");
pub(super) const MEND: &str = "build it with `--features profile`, or on Linux use `perf record -g -p PID`";

/// There is none.
pub(super) enum Taking {}

impl Taking {
    pub(super) async fn start(_: Turn) -> Result<Self, String> {
        Err(MEND.to_owned())
    }

    pub(super) async fn finish(self) -> Result<Vec<u8>, String> {
        match self {}
    }
}
