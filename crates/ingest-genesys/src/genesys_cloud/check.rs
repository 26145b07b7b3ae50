//! What will not work, said before anything runs: `throughline genesys check`.
//!
//! Everything that the receiver does is done once, in the order in which it would fail. Nothing is changed in the
//! organisation but for one channel, which ends by itself.

mod report;
mod reach;
mod requests;
mod channel;

use std::sync::Arc;
use std::time::Duration;

use super::Target;
use super::tls;
use crate::platform::{self, Platform};
use crate::subscription::{self, Dialect};

pub use report::{Line, Report, Verdict};

/// For one step: a lookup, a connection, a handshake.
const PATIENCE: Duration = Duration::from_secs(10);
/// For one request, its repetitions and waits included.
const ANSWER: Duration = Duration::from_secs(60);
/// Attempts of one request.
const ATTEMPTS: u32 = 2;

/// Tries everything, the way that the receiver goes.
pub async fn check(target: &Target) -> Report {
    let mut report = Report::default();
    let asked = target.asked.clone();
    let asked = platform::Settings { timeout: asked.timeout.min(PATIENCE), attempts: ATTEMPTS, ..asked };
    let base = &asked.base;
    report.ok("region", format!("{}: API {}, login {}", base.region, base.api, base.login));
    let tls = match tls::config(target.settings.ca_file.as_deref()) {
        Ok(tls) => Arc::new(tls),
        Err(why) => {
            report.fail("certificates", why, "`ca_file` has to be a file of certificates in PEM form");
            return report;
        }
    };
    let mut hosts = vec![&base.api];
    hosts.extend((base.login != base.api).then_some(&base.login));
    for url in hosts {
        if !reach::host(url, &asked.proxies, &tls, &mut report).await {
            let rest = "token, permissions, notifications and limits: a host is not reached";
            report.note("not checked", rest.to_owned());
            return report;
        }
    }
    match Platform::new(asked.clone(), tls.as_ref().clone()) {
        Ok(platform) => ask(target, &platform, &tls, &mut report).await,
        Err(error) => report.fail("client", error.to_string(), ""),
    }
    report
}

async fn ask(target: &Target, platform: &Platform, tls: &Arc<rustls::ClientConfig>, report: &mut Report) {
    let settings = &target.settings;
    if !requests::token(platform, &settings.client_id, report).await {
        report.note("not checked", "permissions, notifications and limits: there is no token".to_owned());
        return;
    }
    let queue = requests::queues(platform, &settings.queues, report).await;
    let topic = queue.map(|id| format!("v2.routing.queues.{id}.conversations"));
    let mut topics = vec![("topics of queues", topic)];
    if settings.users {
        let user = requests::users(platform, report).await;
        topics.push(("topics of users", user.map(|id| format!("v2.users.{id}.conversations"))));
    }
    requests::analytics(platform, report).await;
    channel::notifications(platform, &topics, report, tls).await;
    if settings.dialect == Dialect::Pages {
        match subscription::try_pages(platform, tls).await {
            Ok(host) => report.ok("the pages' WebSocket", format!("{host} opened it")),
            Err(why) => report.fail("the pages' WebSocket", why, ""),
        }
    }
    let (left, allowed) = platform.left();
    report.ok("requests left", format!("{left} of {allowed} in this minute"));
}
