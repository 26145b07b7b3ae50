//! One interaction.

mod model;
mod parents;
mod cause;
mod axis;
mod lanes;
mod track;
mod chosen;
mod waterfall;
mod head;
mod show;
mod told;
#[cfg(test)]
mod tests;

pub use show::{Beside, Options, interaction, trace};
pub use told::{Told, told};
