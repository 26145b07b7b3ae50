//! A channel of notifications: its topics and its socket.

use std::sync::Arc;

use http::{Method, Uri};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::requests::{Failed, ask, read, refused};
use super::{PATIENCE, Report};
use crate::notify::{CHANNELS, Listing, Made, OPEN_THE_WAY, Socket};
use crate::platform::{Platform, PlatformError};

const PATH: &str = "/api/v2/notifications/channels";
const NEEDS: &str = "conversation:communication:view";

#[derive(Deserialize, Default)]
#[serde(default)]
struct Channels {
    entities: Vec<IgnoredAny>,
}

/// Makes a channel, subscribes to one topic of each kind, and opens its socket.
pub(super) async fn notifications(
    platform: &Platform,
    topics: &[(&str, Option<String>)],
    report: &mut Report,
    tls: &Arc<rustls::ClientConfig>,
) {
    // One more than it may have would take the place of another.
    match ask(platform, Method::GET, PATH, None)
        .await
        .and_then(|answer| read::<Channels>(&format!("GET {PATH}"), &answer))
    {
        Ok(channels) if channels.entities.len() >= CHANNELS => {
            let found = format!(
                "the client has {CHANNELS} already, so that no other is made to try topics and socket; they end by themselves, 24 h after their last use"
            );
            return report.note("channel", found);
        }
        Ok(_) => {}
        Err(failed) => return refused("channel", NEEDS, &failed, report),
    }
    let made = ask(platform, Method::POST, PATH, None).await;
    let made = made.and_then(|answer| read::<Made>(&format!("POST {PATH}"), &answer));
    let unfit = |error: PlatformError| Failed { code: None, why: error.to_string() };
    let made = match made.and_then(|made| made.checked(platform.base()).map_err(unfit)) {
        Ok(made) => made,
        Err(failed) => return refused("channel", NEEDS, &failed, report),
    };
    report.ok(
        "channel",
        "made one; there is no request to delete it, it ends by itself within 24 h".to_owned(),
    );
    subscribe(platform, &made.id, topics, report).await;
    socket(&made.connect_uri, platform, tls, report).await;
}

async fn subscribe(
    platform: &Platform,
    channel: &str,
    topics: &[(&str, Option<String>)],
    report: &mut Report,
) {
    let list: Vec<Value> = topics.iter().filter_map(|(_, id)| Some(json!({ "id": id.as_ref()? }))).collect();
    for (what, _) in topics.iter().filter(|(_, id)| id.is_none()) {
        report.note(what, "not checked: there is none to follow".to_owned());
    }
    if list.is_empty() {
        return;
    }
    let path = format!("{PATH}/{}/subscriptions?ignoreErrors=true", crate::notify::escaped(channel));
    let listing = ask(platform, Method::PUT, &path, Some(&Value::Array(list))).await;
    let listing =
        listing.and_then(|answer| read::<Listing>(&format!("PUT {PATH}/.../subscriptions"), &answer));
    let rejected = match listing {
        Ok(listing) => listing.rejected(),
        Err(failed) => return refused("topics", NEEDS, &failed, report),
    };
    for (what, id) in topics.iter().filter_map(|(what, id)| Some((what, id.as_ref()?))) {
        match rejected.iter().find(|(topic, _)| topic == id) {
            Some((_, why)) => report.fail(
                what,
                format!("{id} is refused: {why}"),
                "give a role with this permission to the OAuth client (Admin, Integrations, OAuth, Roles), in every division it is to see",
            ),
            None => report.ok(what, format!("{id} is taken")),
        }
    }
}

async fn socket(address: &str, platform: &Platform, tls: &Arc<rustls::ClientConfig>, report: &mut Report) {
    let uri = address.parse::<Uri>().unwrap_or_default();
    let host = uri.host().unwrap_or("a host without a name").to_owned();
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("ws") { 80 } else { 443 });
    match timeout(PATIENCE, Socket::connect(address, None, platform, tls)).await {
        Ok(Ok(socket)) => {
            socket.close().await;
            report.ok("notification socket", format!("{host}:{port} opened it"));
        }
        Ok(Err(error)) => report.fail("notification socket", error.why, error.mend),
        Err(_) => {
            let found = format!("{host}:{port} did not open it within {PATIENCE:?}");
            report.fail("notification socket", found, OPEN_THE_WAY);
        }
    }
}
