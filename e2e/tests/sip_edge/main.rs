//! Calls through the built binary with the receiver `sip`. Needs SIPp and Kamailio, which `scripts/setup-test.sh` installs.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
mod transfers;
mod sipp;
mod heard;
