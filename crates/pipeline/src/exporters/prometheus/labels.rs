//! Attributes as labels.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use flow::otlp::view::{KeyValue, Resource, Scope};

use super::names;
use super::settings::{Conversion, Own};
use crate::processors::attributes::value::readable;

/// By name, in order.
pub(super) type Labels = BTreeMap<String, String>;

const SERVICE: [&str; 3] = ["service.name", "service.namespace", "service.instance.id"];

/// `job` and `instance` of a resource.
pub(super) fn target(resource: &Resource<'_>) -> Labels {
    let text = |key: &str| {
        let found = resource.attributes().find(|attribute| attribute.key == key)?;
        Some(readable(found.value).into_owned()).filter(|text| !text.is_empty())
    };
    let job = text("service.name").map(|name| match text("service.namespace") {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name,
    });
    let instance = text("service.instance.id");
    [("job", job), ("instance", instance)]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// What a resource has beside `job` and `instance`.
pub(super) fn info(resource: &Resource<'_>) -> Labels {
    of(resource.attributes().filter(|attribute| !SERVICE.contains(&attribute.key)))
}

/// What all points of a resource and scope have.
pub(super) fn base(
    own: &Own,
    target: &Labels,
    resource: &Resource<'_>,
    scope: &Scope<'_>,
    schema: &str,
) -> Labels {
    let mut labels: Labels =
        own.const_labels.iter().map(|(name, value)| (names::label(name), value.clone())).collect();
    let Conversion { enabled, exclude_service_attributes } = own.resource_to_telemetry_conversion;
    if enabled {
        let left_out = |key: &str| exclude_service_attributes && SERVICE.contains(&key);
        labels.extend(of(resource.attributes().filter(|attribute| !left_out(attribute.key))));
    }
    labels.extend(target.clone());
    if !own.without_scope_info {
        let known = [("name", scope.name()), ("version", scope.version()), ("schema_url", schema)];
        let known = known.into_iter().filter(|(_, value)| !value.is_empty());
        labels.extend(known.map(|(name, value)| (format!("otel_scope_{name}"), value.to_owned())));
        for (name, value) in of(scope.attributes()) {
            labels.insert(format!("otel_scope_{name}"), value);
        }
    }
    labels
}

/// Values of keys that come to the same label stand one behind the other.
pub(super) fn of<'a>(attributes: impl Iterator<Item = KeyValue<'a>>) -> Labels {
    let mut labels = Labels::new();
    for attribute in attributes {
        let value = readable(attribute.value);
        match labels.entry(names::label(attribute.key)) {
            Entry::Vacant(place) => {
                place.insert(value.into_owned());
            }
            Entry::Occupied(mut there) => {
                there.get_mut().push(';');
                there.get_mut().push_str(&value);
            }
        }
    }
    labels
}

/// `a="b",c="d"`
pub(super) fn written(labels: &Labels) -> Box<str> {
    let mut out = String::new();
    // An empty value is the same as no label.
    for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
        if !out.is_empty() {
            out.push(',');
        }
        out.push_str(name);
        out.push_str("=\"");
        escape(value, &mut out);
        out.push('"');
    }
    out.into()
}

pub(super) fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}
