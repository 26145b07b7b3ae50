//! What a receiver `sip` stands: calls for a long time, calls that never end, forged dialogs, floods, mutated messages, and
//! peers that hold connections. Memory is bounded all the while and given back, and others are served.
//!
//! Sizes are small here; `make prove` sets larger ones by variables.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod told;
mod bed;
mod raw;
mod calls;
mod forged;
mod floods;
mod mutated;
mod connections;

/// Scenarios that wait for half a minute until something is given up, each with a product of its own. By its name it
/// begins first, so that others run meanwhile.
/// Guarantees: those of each of them.
#[tokio::test]
async fn after_half_a_minute_it_is_given_up() {
    tokio::join!(
        calls::calls_that_never_end(),
        connections::connections_that_wait(),
        mutated::torture_and_mutations()
    );
}
