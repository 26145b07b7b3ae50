//! The extension `view`: the page and the API under one address.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::{Router, middleware};
use flow::config::Node;
use flow::{BoxFuture, BuildError, Ctx, Extension, Factory, Make};
use store_api::StoreDoor;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::api::Api;
use crate::compress::compress;
use crate::guard::{Hosts, guard};
use crate::listen;
use crate::live::Live;
use crate::others;
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
    live: Arc<Live>,
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
        let store = self.door.store(self.settings.store.as_deref()).await;
        let store = store.map_err(|error| fail(error.to_string()))?;
        let listener = self.bind().await?;
        let address = listener.local_addr().map_err(|error| fail(error.to_string()))?;
        let api = Api::new(store, &self.settings);
        let live = Arc::clone(&api.live);
        let router = router(api, self.page.clone(), &self.settings);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(listen::serve(listener, router, stopped));
        tracing::info!(extension = %self.id, "the page is at http://{address}");
        *self.running() = Some(Running { address, live, stop, task });
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
            let Some(Running { live, stop, task, .. }) = running else { return };
            live.close();
            drop(stop);
            if let Err(error) = task.await {
                tracing::error!(%error, "the page ended with a defect");
            }
        })
    }
}

fn router(api: Api, page: Option<Arc<Page>>, settings: &Settings) -> Router {
    others::router(api.clone())
        .merge(api.router())
        .merge(Router::new().fallback(page::serve).with_state(page))
        .layer(middleware::from_fn(compress))
        .layer(middleware::from_fn_with_state(Arc::new(Hosts::of(settings)), guard))
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
        let api =
            Api::new(Arc::new(MemoryStore::new(1 << 20, Duration::from_secs(60))), &Settings::default());
        let free = || api.places().available_permits();
        let all = free();
        let service = TowerToHyperService::new(router(api.clone(), None, &Settings::default()));
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
