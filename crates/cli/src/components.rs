//! The one list of components, in flow order; and what the binary offers to them.

use std::path::Path;
use std::sync::Arc;

use flow::state::{Opened, StateError};
use flow::{Ctx, Memory, Registry, States, Telemetry};
use pipeline::{connectors, exporters, extensions, processors, receivers};
use store_api::StoreDoor;

pub(crate) fn all() -> Registry {
    Registry::new([
        receivers::otlp::FACTORY,
        ingest_genesys::genesys_cloud::IN,
        ingest_genesys::eventbridge::IN,
        ingest_sip::receiver::IN,
        ingest_sip::hep::IN,
        processors::memory_limiter::FACTORY,
        processors::batch::FACTORY,
        processors::tail_sampling::FACTORY,
        processors::filter::FACTORY,
        processors::probabilistic_sampler::FACTORY,
        processors::groupbytrace::FACTORY,
        processors::attributes::FACTORY,
        processors::resource::FACTORY,
        processors::redaction::FACTORY,
        processors::cardinality::FACTORY,
        processors::span::FACTORY,
        processors::transform::FACTORY,
        processors::region::FACTORY,
        exporters::otlp_grpc::FACTORY,
        exporters::otlp_http::FACTORY,
        exporters::load_balancing::FACTORY,
        exporters::debug::FACTORY,
        exporters::file::FACTORY,
        exporters::prometheus::FACTORY,
        store_api::lake::OUT,
        #[cfg(feature = "clickhouse")]
        store_clickhouse::OUT,
        connectors::spanmetrics::FACTORY,
        connectors::servicegraph::FACTORY,
        extensions::journal::FACTORY,
        extensions::file_storage::FACTORY,
        extensions::basicauth::FACTORY,
        extensions::bearertokenauth::FACTORY,
        extensions::oidc::FACTORY,
        extensions::rate_limit::FACTORY,
        extensions::health_check::FACTORY,
        extensions::pprof::FACTORY,
        extensions::zpages::FACTORY,
        view_api::view::OUT,
    ])
}

/// A context with the stores and the page of this binary.
pub(crate) fn context() -> Ctx {
    let page = view_api::Page { file: |path| view_ui::file(path).map(file), index: || file(view_ui::page()) };
    let door = StoreDoor::new(OPEN_STORE);
    let door = Arc::new(if cfg!(feature = "lake") { door } else { door.forgetting() });
    let stores = Arc::clone(&door);
    Ctx::new(Arc::new(Memory::default()), Telemetry::default())
        .with(door)
        .with(Arc::new(States::new(move |directory| state(&stores, directory))))
        .with(Arc::new(page))
        .with(Arc::new(ingest_genesys::Desks::default()))
}

/// The state of a directory, else that beside the only store, if it keeps anything.
fn state(stores: &StoreDoor, directory: Option<&Path>) -> Opened {
    let usual =
        || stores.find(None).ok().filter(|store| stores.keeps(store)).map(|store| store.local().to_owned());
    let Some(directory) = directory.map(Path::to_owned).or_else(usual) else { return Ok(None) };
    let opened = stores.state(&directory).map_err(|error| StateError(error.to_string()))?;
    Ok(Some(opened))
}

#[cfg(feature = "lake")]
pub(crate) const OPEN_STORE: store_api::door::Opener = store_lake::open;
#[cfg(not(feature = "lake"))]
pub(crate) const OPEN_STORE: store_api::door::Opener = store_api::door::open_memory;

fn file(file: view_ui::File) -> view_api::File {
    let view_ui::File { bytes, content_type, etag, immutable } = file;
    view_api::File { bytes, content_type, etag, immutable }
}
