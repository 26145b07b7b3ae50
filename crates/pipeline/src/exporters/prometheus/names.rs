//! Names as Prometheus allows them (OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility").

use super::units;

/// What of a metric its name depends on.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    pub(super) unit: &'a str,
    pub(super) counter: bool,
    pub(super) gauge: bool,
}

/// `http.server.duration` in ms is `http_server_duration_milliseconds`.
pub(super) fn metric(namespace: &str, metric: Named<'_>, with_suffixes: bool) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == ':';
    let mut words: Vec<&str> = metric.name.split(|c| !allowed(c)).filter(|word| !word.is_empty()).collect();
    let [main, per] = units::suffixes(metric.unit);
    if with_suffixes {
        for suffix in [&main, &per].into_iter().flatten().filter(|suffix| !ends_in(metric.name, suffix)) {
            if !words.contains(&suffix.as_str()) {
                words.push(suffix);
            }
        }
        if metric.counter {
            words.retain(|word| *word != "total");
            words.push("total");
        }
        if metric.gauge && metric.unit == "1" {
            words.retain(|word| *word != "ratio");
            words.push("ratio");
        }
    }
    let namespace = namespace.split(|c| !allowed(c)).filter(|word| !word.is_empty());
    let words: Vec<_> = namespace.chain(words).collect();
    let name = words.join("_");
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() { format!("_{name}") } else { name }
}

fn ends_in(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with(|c: char| !c.is_ascii_alphanumeric()))
}

/// `http.route` is `http_route`, `2xx` is `key_2xx`.
pub(super) fn label(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let begins = plain.chars().next();
    match begins {
        Some('_') if !plain.starts_with("__") => format!("key{plain}"),
        Some(c) if c.is_ascii_digit() => format!("key_{plain}"),
        Some(_) => plain,
        None => "key_".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_metrics() {
        let [counter, gauge, other] = [(true, false), (false, true), (false, false)];
        for (name, unit, (counter, gauge), expected) in [
            ("traces.span.metrics.calls", "", counter, "traces_span_metrics_calls_total"),
            ("traces.span.metrics.duration", "ms", other, "traces_span_metrics_duration_milliseconds"),
            ("traces_service_graph_request_total", "", counter, "traces_service_graph_request_total"),
            (
                "traces_service_graph_request_server",
                "s",
                other,
                "traces_service_graph_request_server_seconds",
            ),
            ("(lambda).function.executions(#)", "", gauge, "lambda_function_executions"),
            ("system.filesystem.usage", "By", gauge, "system_filesystem_usage_bytes"),
            ("system.network.dropped", "{packets}", counter, "system_network_dropped_total"),
            ("system.network.dropped", "packets", gauge, "system_network_dropped_packets"),
            ("system.memory.utilization", "1", gauge, "system_memory_utilization_ratio"),
            ("requests", "1", counter, "requests_total"),
            ("storage.filesystem.utilization", "%", gauge, "storage_filesystem_utilization_percent"),
            ("astro.light.speed", "m/s", gauge, "astro_light_speed_meters_per_second"),
            ("io.bytes", "By", counter, "io_bytes_total"),
            ("wait_seconds", "s", other, "wait_seconds"),
            ("2xx", "", counter, "_2xx_total"),
            ("a:b", "", gauge, "a:b"),
            ("", "", gauge, "_"),
            ("é", "", gauge, "_"),
        ] {
            let named = Named { name, unit, counter, gauge };
            assert_eq!(metric("", named, true), expected, "{name} in {unit}");
        }
    }

    #[test]
    fn without_suffixes_and_with_a_namespace() {
        let named = Named { name: "a.b", unit: "s", counter: true, gauge: false };
        assert_eq!(metric("my-centre", named, false), "my_centre_a_b");
        assert_eq!(metric("my-centre", named, true), "my_centre_a_b_seconds_total");
    }

    #[test]
    fn names_of_labels() {
        for (name, expected) in [
            ("name", "name"),
            ("host.name", "host_name"),
            ("name (of the host)", "name__of_the_host_"),
            ("2 cents", "key_2_cents"),
            ("__name", "__name"),
            ("_name", "key_name"),
            ("", "key_"),
        ] {
            assert_eq!(label(name), expected);
        }
    }
}
