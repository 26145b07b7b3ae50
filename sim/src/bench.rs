//! The bench: what the guide's configuration costs, on our binary and on any other collector.

mod scenario;
mod system;
mod usage;
mod measure;
mod figures;
mod machine;
mod table;
mod relay;
mod cpu;
pub mod sip;

use serde::Serialize;

pub use cpu::Family;
pub use figures::Figures;
pub use machine::Machine;
pub use measure::{Durations, measure};
pub use relay::run as relay;
pub use scenario::{Config, Limits, Over, Scenario, all};
pub use system::System;
pub use table::markdown;
pub use usage::Usage;

/// Everything measured in one run, scenario by scenario, our own system first.
#[derive(Clone, Debug, Serialize)]
pub struct Results {
    pub machine: Machine,
    /// The duration of the load in each scenario.
    pub seconds: u64,
    /// Runs of each scenario.
    pub repeat: u64,
    pub figures: Vec<Figures>,
}
