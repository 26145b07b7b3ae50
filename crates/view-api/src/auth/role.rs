//! What somebody may do. Each role may what the one before it may.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads, with what is personal masked.
    #[default]
    Viewer,
    /// Sees what display masking hides, when it asks for it; each time is in the audit.
    Unmask,
    /// Changes links, rules and settings, and reads the audit.
    Admin,
}

impl Role {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Unmask => "unmask",
            Self::Admin => "admin",
        }
    }
}

/// How somebody is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum By {
    /// There is no section `auth`.
    Nothing,
    Password,
    Token,
}

/// Somebody who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Who {
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
    pub(crate) by: By,
}
