//! `health_check`: whether this process lives, and whether it should get data.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use flow::config::{Finding, GoDuration, Node};
use flow::{BuildError, Ctx, Extension, Factory, Make};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::engine::health::{Health, Phase};
use crate::net::serve::{Answer, HttpServer, Site, text, typed};

pub static FACTORY: Factory =
    Factory { name: "health_check", aliases: &[], signals: &[], check, make: Make::Extension(make) };

const JSON: &str = "application/json";

#[derive(Clone, Default, Deserialize)]
struct Settings(HttpServer, Own);

#[derive(Clone, Deserialize)]
#[serde(default)]
struct Own {
    endpoint: String,
    path: String,
    response_body: Option<ResponseBody>,
    check_collector_pipeline: CheckCollectorPipeline,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct ResponseBody {
    healthy: String,
    unhealthy: String,
}

#[derive(Clone, Deserialize)]
#[serde(default)]
struct CheckCollectorPipeline {
    enabled: bool,
    interval: GoDuration,
    exporter_failure_threshold: u32,
}

impl Default for Own {
    fn default() -> Self {
        Self {
            endpoint: "localhost:13133".to_owned(),
            path: "/".to_owned(),
            response_body: None,
            check_collector_pipeline: CheckCollectorPipeline::default(),
        }
    }
}

impl Default for CheckCollectorPipeline {
    fn default() -> Self {
        Self { enabled: false, interval: GoDuration::from_secs(300), exporter_failure_threshold: 5 }
    }
}

fn check(section: &Node) -> Vec<Finding> {
    let (settings, mut findings) = section.check::<Settings>();
    let Some(Settings(server, own)) = settings else { return findings };
    findings.extend(server.check(section, &own.endpoint));
    if !own.path.starts_with('/') {
        let at = section.get("path").unwrap_or(section);
        findings.push(Finding::error(at, "the path must start with /").help("write a path such as /health"));
    }
    if own.check_collector_pipeline.enabled {
        let at = section.get("check_collector_pipeline").unwrap_or(section);
        findings.push(
            Finding::advice(at, "this has no effect, as in the collector")
                .help("ask /readyz, which tells of every exporter and its queue"),
        );
    }
    findings
}

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Extension>, BuildError> {
    let Settings(server, own) =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    let endpoint = own.endpoint.clone();
    let check = Arc::new(HealthCheck {
        own,
        health: ctx.get().unwrap_or_default(),
        started: Instant::now(),
        up_since: rfc3339(SystemTime::now()),
    });
    Ok(Arc::new(Site::new(ctx, &endpoint, server, move |path: &str| check.page(path))))
}

struct HealthCheck {
    own: Own,
    health: Arc<Health>,
    started: Instant,
    up_since: String,
}

impl HealthCheck {
    fn page(&self, path: &str) -> Answer {
        match path {
            path if path == self.own.path => self.as_the_collector(),
            "/livez" => typed(StatusCode::OK, JSON, r#"{"alive":true}"#),
            "/readyz" => {
                let readiness = self.health.readiness();
                let body = serde_json::to_string(&readiness).unwrap_or_default();
                typed(status(readiness.ready), JSON, body)
            }
            _ => text(StatusCode::NOT_FOUND, "there are /livez and /readyz\n"),
        }
    }

    /// Available from the start of the pipelines to the stop, whatever the exporters do.
    fn as_the_collector(&self) -> Answer {
        let available = self.health.phase() == Phase::Running;
        if let Some(ResponseBody { healthy, unhealthy }) = &self.own.response_body {
            return text(status(available), if available { healthy.clone() } else { unhealthy.clone() });
        }
        let body = match available {
            true => json!({
                "status": "Server available",
                "upSince": self.up_since,
                "uptime": GoDuration::new(self.started.elapsed()).to_string(),
            }),
            false => {
                json!({ "status": "Server not available", "upSince": "0001-01-01T00:00:00Z", "uptime": "" })
            }
        };
        typed(status(available), JSON, body.to_string())
    }
}

fn status(well: bool) -> StatusCode {
    if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn rfc3339(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let nanos = since.subsec_nanos();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

/// Year, month and day, so many days after the first of 1970. Counted from the first of March of the year 0, since
/// leap days are last then: 146 097 days are 400 years, 1461 are 4, 153 are 5 months.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let first = (153 * month + 2) / 5;
    let (january, month) = if month < 10 { (0, month + 3) } else { (1, month - 9) };
    (era * 400 + year + january, month, day - first + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_written_in_rfc_3339() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_399, "2000-02-28T23:59:59.000000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000000Z"),
            (1_709_251_200, "2024-03-01T00:00:00.000000000Z"),
            (4_102_444_799, "2099-12-31T23:59:59.000000000Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }
}
