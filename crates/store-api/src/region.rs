//! Where a span comes from: `interaction.region`, else `cloud.region`, else a suffix of `service.version`.

use flow::region::suffix;
use serde::{Deserialize, Serialize};

use crate::span::key;
use crate::value::Attributes;

/// What told the region; the more telling goes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Interaction,
    Cloud,
    Version,
}

/// What one set of attributes tells.
pub(crate) fn of(attributes: &Attributes) -> Option<(Source, &str)> {
    let interaction = || attributes.text(key::REGION).map(|region| (Source::Interaction, region));
    let cloud = || attributes.text("cloud.region").map(|region| (Source::Cloud, region));
    let version = || suffix(attributes.text("service.version")?).map(|region| (Source::Version, region));
    interaction().or_else(cloud).or_else(version)
}
