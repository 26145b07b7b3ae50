//! `region`: writes onto resources where their spans come from, and how long they were on their way here.

mod settings;

use std::sync::Arc;

use flow::config::Node;
use flow::otlp::attributes::{Attributes, encode_value};
use flow::otlp::edit::{edit, edit_resources};
use flow::otlp::view::Value;
use flow::{Batch, BoxFuture, BuildError, Client, Consumer, Ctx, Factory, Make, Refusal, Signal};

use crate::transit::{DELAY, ERROR, FROM};
use settings::Settings;

pub static FACTORY: Factory = Factory {
    name: "region",
    aliases: &[],
    signals: &Signal::ALL,
    check: settings::check,
    make: Make::Processor(make),
};

const REGION: &str = "cloud.region";
const VERSION: &str = "service.version";
/// Stands for the version of a service that has none, so that its spans are found by region too.
const NO_VERSION: &str = "unknown";

fn make(section: &Node, ctx: &Ctx, next: Arc<dyn Consumer>) -> Result<Arc<dyn Consumer>, BuildError> {
    let settings: Settings =
        section.parse().map_err(|_| BuildError::new(&ctx.id, "the settings were not checked"))?;
    Ok(Arc::new(Region { settings, next }))
}

struct Region {
    settings: Settings,
    next: Arc<dyn Consumer>,
}

impl Consumer for Region {
    fn admit(&self, bytes: usize) -> Result<(), Refusal> {
        self.next.admit(bytes)
    }

    fn consume(&self, mut batch: Batch) -> BoxFuture<'_, Result<(), Refusal>> {
        let transit = if self.settings.transit { transit(&batch.client) } else { Vec::new() };
        if !self.settings.name.is_empty() || !transit.is_empty() {
            let mut attributes = Attributes::default();
            edit(&mut batch, |splice| {
                edit_resources(splice, &mut attributes, |attributes, source| {
                    if !self.settings.name.is_empty() {
                        self.name(attributes, source);
                    }
                    for (key, value) in &transit {
                        let place = attributes.put(value);
                        attributes.set(source, key, place);
                    }
                });
            });
        }
        self.next.consume(batch)
    }
}

impl Region {
    /// What a resource says of itself is believed: it goes before the name of this place.
    fn name(&self, attributes: &mut Attributes, source: &[u8]) {
        let said = attributes.get(source, REGION).and_then(|value| value.as_str().map(str::to_owned));
        let said = said.filter(|region| !region.is_empty());
        let region = said.as_deref().unwrap_or(&self.settings.name);
        if said.is_none() {
            set(attributes, source, REGION, region);
        }
        if !self.settings.version_suffix {
            return;
        }
        let version = match attributes.get(source, VERSION) {
            None | Some(Value::Empty) => Some(String::new()),
            Some(value) => value.as_str().map(str::to_owned),
        };
        if let Some(suffixed) = version.and_then(|version| suffixed(&version, region)) {
            set(attributes, source, VERSION, &suffixed);
        }
    }
}

fn set(attributes: &mut Attributes, source: &[u8], key: &str, text: &str) {
    let place = attributes.put(&encoded(&Value::String(text)));
    attributes.set(source, key, place);
}

fn encoded(value: &Value<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_value(value, &mut bytes);
    bytes
}

/// `1.4.0-eu-west-2`; `None` where it stands there already.
fn suffixed(version: &str, region: &str) -> Option<String> {
    let has = version.strip_suffix(region).is_some_and(|rest| rest.ends_with(['-', '+', '_', '@', '/', '.']));
    let version = if version.is_empty() { NO_VERSION } else { version };
    (!has).then(|| format!("{version}-{region}"))
}

/// What the receiver knows of the way that a batch has come, as attributes.
fn transit(client: &Client) -> Vec<(&'static str, Vec<u8>)> {
    let mut attributes = Vec::new();
    if let Some(from) = client.header(FROM).next() {
        attributes.push(("throughline.transit.from", encoded(&Value::String(from))));
    }
    for (name, key) in [(DELAY, "throughline.transit.delay"), (ERROR, "throughline.transit.error")] {
        if let Some(seconds) = client.header(name).next().and_then(|text| text.parse().ok()) {
            attributes.push((key, encoded(&Value::Double(seconds))));
        }
    }
    attributes
}

#[cfg(test)]
mod tests;
