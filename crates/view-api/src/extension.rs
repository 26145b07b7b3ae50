//! The extension `view`: the page and the API under one address.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ::alerts::Alerts;
use axum::{Router, middleware};
use flow::config::Node;
use flow::state::State;
use flow::{BoxFuture, BuildError, Ctx, Extension, Factory, Make, States, Status};
use store_api::{StoreDoor, TraceStore};
use tls::Acceptor;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::about::Retention;
use crate::api::{Api, Around};
use crate::compress::compress;
use crate::guard::{Hosts, guard};
use crate::kept::Keeping;
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
    let view = View::new(&ctx.id, settings, door, ctx.get::<Page>());
    Ok(Arc::new(View { states: ctx.get::<States>(), process: ctx.get::<Status>(), ..view }))
}

pub struct View {
    id: Arc<str>,
    settings: Settings,
    door: Arc<StoreDoor>,
    page: Option<Arc<Page>>,
    /// Where alert rules are kept.
    states: Option<Arc<States>>,
    /// What runs beside the page.
    process: Option<Arc<Status>>,
    running: Mutex<Option<Running>>,
}

struct Running {
    address: SocketAddr,
    lives: Vec<Arc<Live>>,
    stop: [oneshot::Sender<()>; 2],
    tasks: [JoinHandle<()>; 2],
}

impl View {
    pub fn new(id: &str, settings: Settings, door: Arc<StoreDoor>, page: Option<Arc<Page>>) -> Self {
        let (states, process) = (None, None);
        Self { id: Arc::from(id), settings, door, page, states, process, running: Mutex::default() }
    }

    /// Tells what runs, too.
    #[must_use]
    pub fn with_status(self, status: Status) -> Self {
        Self { process: Some(Arc::new(status)), ..self }
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
        let bound = listener.local_addr().map_err(|error| fail(error.to_string()))?;
        let tls = self.settings.tls.as_deref().map(|tls| Acceptor::new(tls, &[b"h2", b"http/1.1"]));
        let tls = tls.transpose().map_err(|error| fail(error.to_string()))?;
        let address = format!("{}://{bound}", if tls.is_some() { "https" } else { "http" });
        let alerts = self.alerts(Arc::clone(&store), &address).await?;
        let (watched, process) = (Arc::clone(&alerts), self.process.clone());
        let (door, settings, id) = (Arc::clone(&self.door), self.settings.clone(), Arc::clone(&self.id));
        let opened = tokio::task::spawn_blocking(move || {
            let fail = |why: String| BuildError::new(&id, why);
            let state = door.beside(&found).map_err(|error| fail(error.to_string()))?;
            let (retention, kept) = (Retention::from(&found), Keeping::of(&found));
            let around = Around { retention, kept, alerts, process };
            Api::new(store, state, &settings, around).map_err(|error| fail(error.to_string()))
        });
        let api = opened.await.map_err(|error| fail(error.to_string()))??;
        let (router, lives) = router(api, self.page.clone(), &self.settings);
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(listen::serve(listener, tls, router, stopped));
        let (unwatch, unwatched) = oneshot::channel();
        let watching = tokio::spawn(watched.run(unwatched));
        let (stop, tasks) = ([stop, unwatch], [serving, watching]);
        tracing::info!(extension = %self.id, "the page is at {address}");
        *self.running() = Some(Running { address: bound, lives, stop, tasks });
        Ok(())
    }

    async fn alerts(&self, store: Arc<dyn TraceStore>, address: &str) -> Result<Arc<Alerts>, BuildError> {
        let fail = |why: String| BuildError::new(&self.id, why);
        let directory = self.settings.store.as_ref().map(PathBuf::from).filter(|store| store.is_absolute());
        let states = self.states.clone();
        let opening = move || match states {
            Some(states) => states.open(directory.as_deref()),
            None => Ok(None),
        };
        let opened = tokio::task::spawn_blocking(opening).await.map_err(|error| fail(error.to_string()))?;
        let state: Option<Arc<dyn State>> = opened.map_err(|error| fail(error.to_string()))?;
        let settings = self.settings.alerts.clone();
        let page_url = Some(settings.page_url.clone()).filter(|url| !url.is_empty());
        let page_url = page_url.unwrap_or_else(|| address.to_owned());
        Alerts::open(store, state, settings, page_url).await.map_err(fail)
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
            let Some(Running { lives, stop, tasks, .. }) = running else { return };
            lives.iter().for_each(|live| live.close());
            drop(stop);
            for task in tasks {
                if let Err(error) = task.await {
                    tracing::error!(%error, "the page ended with a defect");
                }
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
        let store: Arc<dyn TraceStore> = Arc::new(MemoryStore::new(1 << 20, Duration::from_secs(60)));
        let state = Arc::new(flow::state::InMemory::default());
        let alerts = Alerts::open(Arc::clone(&store), None, ::alerts::Settings::default(), String::new());
        let kept = Keeping::of(&store_api::door::Settings::default());
        let (alerts, retention) = (alerts.await.unwrap(), Retention::default());
        let around = Around { retention, kept, alerts, process: None };
        let api = Api::new(store, state, &Settings::default(), around).unwrap();
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
