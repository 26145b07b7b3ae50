//! An OAuth client and its organisation, for commands that ask without a pipeline.

use std::path::PathBuf;

use flow::config::{Node, Opaque};

use super::settings::Settings;
use crate::platform;

/// Who would ask, and where.
#[derive(Debug)]
pub struct Target {
    pub(super) settings: Settings,
    pub(super) asked: platform::Settings,
}

impl Target {
    /// The section of a receiver, which was checked.
    pub fn of(section: &Node) -> Result<Self, String> {
        let settings = section.parse().map_err(|_| "the settings were not checked".to_owned())?;
        Self::new(settings)
    }

    /// A client by itself.
    pub fn client(
        region: &str,
        client_id: &str,
        client_secret: Opaque,
        ca_file: Option<PathBuf>,
    ) -> Result<Self, String> {
        Self::new(Settings {
            region: region.to_owned(),
            client_id: client_id.to_owned(),
            client_secret,
            ca_file,
            ..Settings::default()
        })
    }

    fn new(settings: Settings) -> Result<Self, String> {
        let asked = settings.platform()?;
        Ok(Self { settings, asked })
    }
}
