//! The extension `view`: the page and the API under one address.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::{Router, middleware};
use flow::config::Node;
use flow::{BoxFuture, BuildError, Ctx, Extension, Factory, Make};
use store_api::StoreDoor;
use tls::Acceptor;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::about::Retention;
use crate::api::Api;
use crate::compress::compress;
use crate::guard::{Hosts, guard};
use crate::listen;
use crate::live::Live;
use crate::page::{self, Page};
use crate::settings::{Settings, check};

pub const OUT: Factory =
    Factory { name: "view", aliases: &[], signals: &[], check, make: Make::Extension(make) };

fn make(section: &Node, ctx: &Ctx) -> Result<Arc<dyn Extension>, BuildError> {
    let fail = |why: String| BuildError::new(&ctx.id, why);
    let settings =
        section.parse().map_err(|findings| fail(findings.iter().map(ToString::to_string).collect()))?;
    let door = ctx.get::<StoreDoor>().ok_or_else(|| fail("this binary offers no store".to_owned()))?;
    Ok(Arc::new(View::new(&ctx.id, settings, door, ctx.get::<Page>())))
}

pub struct View {
    id: Arc<str>,
    settings: Settings,
    door: Arc<StoreDoor>,
    page: Option<Arc<Page>>,
    running: Mutex<Option<Running>>,
}

struct Running {
    address: SocketAddr,
    lives: Vec<Arc<Live>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl View {
    pub fn new(id: &str, settings: Settings, door: Arc<StoreDoor>, page: Option<Arc<Page>>) -> Self {
        Self { id: Arc::from(id), settings, door, page, running: Mutex::default() }
    }

    /// Where it listens, once started.
    pub fn address(&self) -> Option<SocketAddr> {
        self.running().as_ref().map(|running| running.address)
    }

    async fn listen(&self) -> Result<(), BuildError> {
        let fail = |why: String| BuildError::new(&self.id, why);
        let found =
            self.door.find(self.settings.store.as_deref()).map_err(|error| fail(error.to_string()))?;
        let store = self.door.open(&found).await.map_err(|error| fail(error.to_string()))?;
        let listener = self.bind().await?;
        let address = listener.local_addr().map_err(|error| fail(error.to_string()))?;
        let (door, settings, id) = (Arc::clone(&self.door), self.settings.clone(), Arc::clone(&self.id));
        let opened = tokio::task::spawn_blocking(move || {
            let fail = |why: String| BuildError::new(&id, why);
            let state = door.beside(&found).map_err(|error| fail(error.to_string()))?;
            Api::new(store, state, Retention::from(&found), &settings)
                .map_err(|error| fail(error.to_string()))
        });
        let api = opened.await.map_err(|error| fail(error.to_string()))??;
        let tls = self.settings.tls.as_deref().map(|tls| Acceptor::new(tls, &[b"h2", b"http/1.1"]));
        let tls = tls.transpose().map_err(|error| fail(error.to_string()))?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (router, lives) = router(api, self.page.clone(), &self.settings);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(listen::serve(listener, tls, router, stopped));
        tracing::info!(extension = %self.id, "the page is at {scheme}://{address}");
        *self.running() = Some(Running { address, lives, stop, task });
        Ok(())
    }

    async fn bind(&self) -> Result<TcpListener, BuildError> {
        let endpoint = &self.settings.endpoint;
        let all = endpoint.strip_prefix(':').map(|port| format!("0.0.0.0:{port}"));
        TcpListener::bind(all.as_ref().unwrap_or(endpoint)).await.map_err(|error| {
            let mend = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    "; another program listens there: stop it, or set another `endpoint` in the `view` section"
                }
                std::io::ErrorKind::PermissionDenied => "; ports below 1024 need a right of their own: take a higher one",
                std::io::ErrorKind::AddrNotAvailable => "; this machine does not have that address",
                _ => "",
            };
            BuildError::new(&self.id, format!("cannot listen on {endpoint}: {error}{mend}"))
        })
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Extension for View {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(self.listen())
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        let running = self.running().take();
        Box::pin(async {
            let Some(Running { lives, stop, task, .. }) = running else { return };
            lives.iter().for_each(|live| live.close());
            drop(stop);
            if let Err(error) = task.await {
                tracing::error!(%error, "the page ended with a defect");
            }
        })
    }
}

/// The page, which anybody may have, and the API, which has a gate.
fn router(api: Api, page: Option<Arc<Page>>, settings: &Settings) -> (Router, Vec<Arc<Live>>) {
    let (addresses, lives) = api.gated();
    let router = addresses
        .merge(Router::new().fallback(page::serve).with_state(page))
        .layer(middleware::from_fn(compress))
        .layer(middleware::from_fn_with_state(Arc::new(Hosts::of(settings)), guard));
    (router, lives)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::{Body, HttpBody};
    use axum::http::{Request, StatusCode};
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;
    use store_api::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn an_answer_keeps_its_place_until_it_is_sent() {
        let store = Arc::new(MemoryStore::new(1 << 20, Duration::from_secs(60)));
        let state = Arc::new(flow::state::InMemory::default());
        let api = Api::new(store, state, Retention::default(), &Settings::default()).unwrap();
        let free = || api.places().available_permits();
        let all = free();
        let service = TowerToHyperService::new(router(api.clone(), None, &Settings::default()).0);
        let ask = |path: &str| {
            let request = Request::get(path).header("host", "localhost").header("accept-encoding", "gzip");
            service.call(request.body(Body::empty()).unwrap())
        };
        let (first, second) =
            (ask("/api/v1/interactions").await.unwrap(), ask("/api/openapi.json").await.unwrap());
        assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::OK));
        assert_eq!(free(), all - 1, "the description asks no question");
        assert!(first.body().size_hint().exact().is_some());
        drop(first);
        assert_eq!(free(), all);
        let refused = ask("/api/v1/interactions/nobody").await.unwrap();
        assert_eq!((refused.status(), free()), (StatusCode::NOT_FOUND, all));
    }
}
