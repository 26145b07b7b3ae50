//! Calls between services, counted and measured.

use flow::Ctx;
use flow::otlp::view::{Span, Value, resource_spans};
use prometheus::IntCounter;

use super::settings::Settings;
use super::store::{Edge, Key, Put, Side, Store};
use crate::connectors::aggregating::Aggregate;
use crate::connectors::buckets::Unit;
use crate::connectors::distribution::{Distribution, Exemplar, Shape, keep_exemplar};
use crate::connectors::points::{Head, Metrics, Of, Temporality};
use crate::connectors::reading::{RESOURCE_ATTRIBUTES, SPAN_ATTRIBUTES, Values, Wanted};
use crate::connectors::series::{Label, Room, Table, attributes_of, fit, overflow, put_key};
use crate::processors::attributes::value::readable;

const SCOPE: &str = "traces_service_graph";
const SERVICE: &str = "service.name";
/// What the collector calls whoever called a root span, and what a client did not name.
const USER: &str = "user";
const UNKNOWN: &str = "unknown";
/// Series that no call has touched for so long are forgotten.
const STALE_NS: u64 = 15 * 60 * 1_000_000_000;
/// What a waiting half takes, roughly.
const HALF: usize = 400;

pub(super) struct ServiceGraph {
    wanted: Wanted,
    dimensions: Vec<String>,
    /// The names of each dimension's two labels.
    labels: Vec<[String; 2]>,
    peers: Vec<String>,
    databases: Vec<String>,
    virtual_label: bool,
    shape: Shape,
    exemplars: usize,
    offset_ns: u64,
    store: Store,
    edges: Table<Measured>,
    unpaired: Table<u64>,
    room: Room,
    unpaired_room: Room,
    /// What found no room.
    overflow: Table<Measured>,
    unpaired_overflow: Table<u64>,
    dropped: u64,
    counters: Counters,
    since_ns: u64,
}

/// Under the collector's names.
pub(super) struct Counters {
    total: IntCounter,
    expired: IntCounter,
    dropped: IntCounter,
    overflowed: IntCounter,
}

struct Measured {
    requests: u64,
    failed: u64,
    client: (Distribution, Vec<Exemplar>),
    server: (Distribution, Vec<Exemplar>),
}

impl Counters {
    pub(super) fn new(ctx: &Ctx) -> Self {
        let one =
            |name, help| ctx.telemetry.counter(name, help, &["connector"]).with_label_values(&[&*ctx.id]);
        let named = "As in the OpenTelemetry Collector.";
        Self {
            total: one("otelcol_connector_servicegraph_total_edges", named),
            expired: one("otelcol_connector_servicegraph_expired_edges", named),
            dropped: one("otelcol_connector_servicegraph_dropped_spans", named),
            overflowed: one(
                "throughline_connector_overflowed_spans",
                "Spans that were counted in the overflow series, since there was no room for their own.",
            ),
        }
    }
}

impl ServiceGraph {
    pub(super) fn new(settings: &Settings, counters: Counters) -> Self {
        let names = |names: &[String]| names.to_vec();
        let databases: Vec<_> = settings.database_names().into_iter().map(str::to_owned).collect();
        let all = [&settings.dimensions, &settings.virtual_node_peer_attributes, &databases];
        let wanted = Wanted::new(all.into_iter().flatten().map(String::as_str).chain([SERVICE]));
        let labels =
            settings.dimensions.iter().map(|name| [format!("client_{name}"), format!("server_{name}")]);
        Self {
            wanted,
            labels: labels.collect(),
            dimensions: names(&settings.dimensions),
            peers: names(&settings.virtual_node_peer_attributes),
            databases,
            virtual_label: settings.virtual_node_extra_label,
            shape: settings.shape(),
            exemplars: settings.exemplars.most(),
            offset_ns: settings.metrics_timestamp_offset.nanos(),
            store: Store::new(settings.store.ttl.nanos(), settings.store.max_items),
            edges: Table::default(),
            unpaired: Table::default(),
            room: Room::new(settings.aggregation_cardinality_limit),
            unpaired_room: Room::new(settings.aggregation_cardinality_limit),
            overflow: Table::default(),
            unpaired_overflow: Table::default(),
            dropped: 0,
            counters,
            since_ns: 0,
        }
    }

    fn span(&mut self, span: &Span<'_>, values: &Values<'_>, resource: &Values<'_>, now_ns: u64) {
        let Some((key, half)) = self.half(span, values, resource, now_ns) else { return };
        match self.store.put(key, half, now_ns) {
            Put::Whole(edge) => self.count(&edge, "", now_ns),
            Put::Waits => {}
            Put::NoRoom => {
                self.dropped += 1;
                self.counters.dropped.inc();
            }
        }
    }

    /// What a span tells of a call between services; nothing where it is inside of one.
    fn half(
        &self,
        span: &Span<'_>,
        values: &Values<'_>,
        resource: &Values<'_>,
        now_ns: u64,
    ) -> Option<(Key, Edge)> {
        const SERVER: i32 = 2;
        const CLIENT: i32 = 3;
        const PRODUCER: i32 = 4;
        const CONSUMER: i32 = 5;
        let client = match span.kind {
            CLIENT | PRODUCER => true,
            SERVER | CONSUMER => false,
            _ => return None,
        };
        let own_id: [u8; 8] = span.span_id.try_into().ok()?;
        let client_id = if client { own_id } else { span.parent_span_id.try_into().unwrap_or_default() };
        let key = (span.trace_id.try_into().ok()?, client_id);
        let duration_ns = span.end_ns.saturating_sub(span.start_ns);
        let value = Unit::S.of(duration_ns);
        let text = |name: &str, places: &[&Values<'_>]| -> Option<Box<str>> {
            let text = readable(self.wanted.value(name, places).and_then(fit)?);
            (!text.is_empty()).then(|| Box::from(text))
        };
        let dimensions = self.dimensions.iter().map(|name| text(name, &[resource, values])).collect();
        let side = Side {
            service: text(SERVICE, &[resource])?,
            duration_ns,
            dimensions,
            exemplar: Exemplar { time_ns: now_ns, value, trace_id: key.0, span_id: own_id },
        };
        let mut edge = Edge {
            messaging: matches!(span.kind, PRODUCER | CONSUMER),
            failed: span.status_code == 2,
            ..Edge::default()
        };
        if !client {
            edge.server = Some(side);
            return Some((key, edge));
        }
        edge.peer = self.peers.iter().find_map(|name| text(name, &[values, resource]));
        // Databases make no spans: the client's is all that will come.
        if let Some(database) = self.databases.iter().find_map(|name| text(name, &[values, resource])) {
            edge.database = true;
            let none = vec![None; self.dimensions.len()].into();
            edge.server = Some(Side { service: database, dimensions: none, ..side.clone() });
        }
        edge.client = Some(side);
        Some((key, edge))
    }

    fn expire(&mut self, now_ns: u64) {
        for ((_, client_id), mut edge) in self.store.expired(now_ns) {
            self.counters.expired.inc();
            self.count_unpaired(&edge, now_ns);
            if self.peers.is_empty() {
                continue;
            }
            let other = |service: &str, side: &Side| Side {
                service: service.into(),
                dimensions: vec![None; self.dimensions.len()].into(),
                ..side.clone()
            };
            let node = match (&edge.client, &edge.server) {
                (Some(client), None) => {
                    edge.server = Some(other(edge.peer.as_deref().unwrap_or(UNKNOWN), client));
                    "server"
                }
                (None, Some(server)) if client_id == [0; 8] => {
                    edge.client = Some(other(USER, server));
                    "client"
                }
                _ => continue,
            };
            self.count(&edge, node, now_ns);
        }
    }

    /// Counts a call; `virtual_node` says which side of it was inferred.
    fn count(&mut self, edge: &Edge, virtual_node: &str, now_ns: u64) {
        let (Some(client), Some(server)) = (&edge.client, &edge.server) else { return };
        self.counters.total.inc();
        let mut labels = self.own_labels(edge, virtual_node);
        for (at, [client_name, server_name]) in self.labels.iter().enumerate() {
            let slot = 8 + 2 * at as u16;
            for (slot, name, side) in [(slot, client_name, client), (slot + 1, server_name, server)] {
                if let Some(Some(text)) = side.dimensions.get(at) {
                    labels.push((slot, name, Value::String(text)));
                }
            }
        }
        let mut key = Vec::new();
        put_key(&labels, &mut key);
        let (shape, most) = (&self.shape, self.exemplars);
        let heap = 2 * (Distribution::bytes(shape) + most * size_of::<Exemplar>());
        let new = |attributes| (attributes, Measured::new(shape), heap);
        let change = |measured: &mut Measured| measured.add(edge.failed, client, server, most);
        if !self.edges.update(&key, now_ns, &mut self.room, || new(attributes_of(&labels)), change) {
            self.counters.overflowed.inc();
            self.overflow.update(&[], now_ns, &mut Room::new(0), || new(overflow()), change);
        }
    }

    fn count_unpaired(&mut self, edge: &Edge, now_ns: u64) {
        let labels = self.own_labels(edge, "");
        let mut key = Vec::new();
        put_key(&labels, &mut key);
        let new = || (attributes_of(&labels), 0, 0);
        if !self.unpaired.update(&key, now_ns, &mut self.unpaired_room, new, |count| *count += 1) {
            let new = || (overflow(), 0, 0);
            self.unpaired_overflow.update(&[], now_ns, &mut Room::new(0), new, |count| *count += 1);
        }
    }

    fn own_labels<'e>(&self, edge: &'e Edge, virtual_node: &'e str) -> Vec<Label<'e, 'e>> {
        let service = |side: &'e Option<Side>| side.as_ref().map_or("", |side| &side.service);
        let connection = match edge {
            _ if !virtual_node.is_empty() => "virtual_node",
            Edge { database: true, .. } => "database",
            Edge { messaging: true, .. } => "messaging_system",
            _ => "",
        };
        let mut labels = vec![
            (0, "client", Value::String(service(&edge.client))),
            (1, "server", Value::String(service(&edge.server))),
            (2, "connection_type", Value::String(connection)),
            (3, "failed", Value::Bool(edge.failed)),
        ];
        if self.virtual_label {
            labels.push((4, "virtual_node", Value::String(virtual_node)));
        }
        labels
    }
}

impl Measured {
    fn new(shape: &Shape) -> Self {
        let side = || (Distribution::new(shape), Vec::new());
        Self { requests: 0, failed: 0, client: side(), server: side() }
    }

    fn add(&mut self, failed: bool, client: &Side, server: &Side, most: usize) {
        self.requests += 1;
        self.failed += u64::from(failed);
        for ((distribution, exemplars), side) in [(&mut self.client, client), (&mut self.server, server)] {
            distribution.observe(Unit::S.of(side.duration_ns), 1);
            if most > 0 {
                keep_exemplar(exemplars, most, side.exemplar);
            }
        }
    }
}

impl Aggregate for ServiceGraph {
    fn temporality(&self) -> Temporality {
        Temporality::Cumulative
    }

    fn read(&mut self, chunk: &[u8], now_ns: u64) {
        if self.since_ns == 0 {
            self.since_ns = now_ns;
        }
        self.expire(now_ns);
        let (mut resource, mut values) = (Vec::new(), Vec::new());
        for of in resource_spans(chunk) {
            self.wanted.read(of.resource().0, RESOURCE_ATTRIBUTES, &mut resource);
            for span in of.scope_spans().flat_map(|scope_spans| scope_spans.spans()) {
                self.wanted.read(span.raw, SPAN_ATTRIBUTES, &mut values);
                if !self.wanted.left_out(&values) {
                    self.span(&span, &values, &resource, now_ns);
                }
            }
        }
    }

    fn write(&mut self, now_ns: u64, metrics: &mut Metrics) {
        self.expire(now_ns);
        let stale = now_ns.saturating_sub(STALE_NS);
        self.edges.expire(stale, &mut self.room);
        self.unpaired.expire(stale, &mut self.unpaired_room);
        let time_ns = now_ns.saturating_sub(self.offset_ns);
        self.write_graph(time_ns, metrics);
        for measured in self.edges.values_mut().chain(self.overflow.values_mut()) {
            measured.client.1.clear();
            measured.server.1.clear();
        }
    }

    fn size(&self) -> (usize, usize) {
        let bytes = self.room.bytes() + self.unpaired_room.bytes() + HALF * self.store.len();
        (self.room.used() + self.unpaired_room.used(), bytes)
    }
}

impl ServiceGraph {
    fn write_graph(&self, time_ns: u64, metrics: &mut Metrics) {
        if self.edges.is_empty() && self.unpaired.is_empty() && self.dropped == 0 {
            return;
        }
        let head =
            |name, description, unit| Head { name, description, unit, temporality: Temporality::Cumulative };
        let edges = || self.edges.points(None, time_ns).chain(self.overflow.points(None, time_ns));
        metrics.resource(&[], SCOPE, |scope| {
            let points = edges().map(|(of, measured)| (of, measured.requests));
            scope.sum(&head("traces_service_graph_request_total", "Calls between services.", ""), points);
            let failed = edges().filter(|(_, measured)| measured.failed > 0);
            let points = failed.map(|(of, measured)| (of, measured.failed));
            scope.sum(&head("traces_service_graph_request_failed_total", "Calls that failed.", ""), points);
            let points = edges().map(|(of, Measured { server: (distribution, exemplars), .. })| {
                (Of { exemplars, ..of }, distribution)
            });
            let about = "How long calls took where they were answered.";
            scope.histogram(&head("traces_service_graph_request_server", about, "s"), points);
            let points = edges().map(|(of, Measured { client: (distribution, exemplars), .. })| {
                (Of { exemplars, ..of }, distribution)
            });
            let about = "How long calls took where they were made.";
            scope.histogram(&head("traces_service_graph_request_client", about, "s"), points);
            let unpaired =
                self.unpaired.points(None, time_ns).chain(self.unpaired_overflow.points(None, time_ns));
            let points = unpaired.map(|(of, count)| (of, *count));
            let about = "Spans whose other half did not come in time.";
            scope.sum(&head("traces_service_graph_unpaired_spans_total", about, ""), points);
            let of = Of { attributes: &[], start_ns: self.since_ns.min(time_ns), time_ns, exemplars: &[] };
            let points = (self.dropped > 0).then_some((of, self.dropped));
            let about = "Spans that found no room to wait for their other half.";
            scope.sum(&head("traces_service_graph_dropped_spans_total", about, ""), points.into_iter());
        });
    }
}
