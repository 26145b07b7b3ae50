//! Which queues and users there are.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;

use crate::platform::{Platform, PlatformError};

const PAGE: usize = 100;
/// Topics for more than this have no place on the channels of one client.
const MOST: usize = 25_000;
const LONGEST_ID: usize = 64;
const LONGEST_NAME: usize = 256;

/// What there is to follow.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub(super) struct Found {
    /// Ids and names.
    pub(super) queues: Vec<(Arc<str>, Arc<str>)>,
    pub(super) users: Vec<Arc<str>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Listing {
    entities: Vec<Entity>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entity {
    id: String,
    name: Option<String>,
}

/// Asks for the queues that are wanted, by name or id, and for the users where they are.
pub(super) async fn discover(
    platform: &Platform,
    wanted: &[String],
    users: bool,
) -> Result<Found, PlatformError> {
    let all = list(platform, "/api/v2/routing/queues").await?;
    let is_wanted = |queue: &&Entity| {
        let name = queue.name.as_deref().unwrap_or_default();
        wanted.is_empty() || wanted.iter().any(|text| *text == queue.id || text == name)
    };
    let pair = |queue: &Entity| {
        (queue.id.to_ascii_lowercase().into(), queue.name.as_deref().unwrap_or_default().into())
    };
    let queues = all.iter().filter(is_wanted).map(pair).collect();
    let users = if users { list(platform, "/api/v2/users").await? } else { Vec::new() };
    Ok(Found { queues, users: users.into_iter().map(|user| user.id.into()).collect() })
}

async fn list(platform: &Platform, path: &str) -> Result<Vec<Entity>, PlatformError> {
    let mut all: Vec<Entity> = Vec::new();
    let mut known = HashSet::new();
    for number in 1.. {
        let page: Listing = platform.get(&format!("{path}?pageSize={PAGE}&pageNumber={number}")).await?;
        let (count, before) = (page.entities.len(), all.len());
        for mut entity in page.entities {
            if all.len() < MOST && entity.is_one() && known.insert(entity.id.clone()) {
                entity.name = entity.name.map(|name| name.chars().take(LONGEST_NAME).collect());
                all.push(entity);
            }
        }
        // A page without anything new is followed by more of them.
        if count < PAGE || all.len() == before || all.len() >= MOST {
            break;
        }
    }
    Ok(all)
}

impl Entity {
    /// Ids become parts of topics.
    fn is_one(&self) -> bool {
        (1..=LONGEST_ID).contains(&self.id.len()) && crate::notify::escaped(&self.id) == self.id
    }
}

impl Found {
    /// The topics to subscribe to, the most important first.
    pub(super) fn topics(&self) -> Vec<String> {
        let queues = self.queues.iter().map(|(id, _)| format!("v2.routing.queues.{id}.conversations"));
        let users = self.users.iter().map(|id| format!("v2.users.{id}.conversations"));
        queues.chain(users).collect()
    }
}
