//! Live stages.

mod state;
mod frame;
#[cfg(test)]
mod tests;

pub use frame::frame;
pub use state::{Asked, Key, Sort, State, Turn};
