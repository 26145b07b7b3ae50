//! A small HTTP server that starts and stops as extensions do.

use flow::{BoxFuture, BuildError, Ctx, Extension};
use tokio::sync::Mutex;

use super::{Answer, HttpServer, serve_pages};
use crate::net::listener::Listener;

/// Answers GET with what `page` makes of a path.
pub struct Site<P> {
    ctx: Ctx,
    endpoint: String,
    server: HttpServer,
    page: P,
    listener: Mutex<Option<Listener>>,
}

impl<P: Fn(&str) -> Answer> Site<P> {
    pub fn new(ctx: &Ctx, endpoint: &str, server: HttpServer, page: P) -> Self {
        Self { ctx: ctx.clone(), endpoint: endpoint.to_owned(), server, page, listener: Mutex::default() }
    }
}

impl<P: Fn(&str) -> Answer + Clone + Send + Sync + 'static> Extension for Site<P> {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async move {
            let listener = serve_pages(&self.ctx, &self.endpoint, &self.server, self.page.clone()).await?;
            *self.listener.lock().await = Some(listener);
            Ok(())
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            if let Some(listener) = self.listener.lock().await.take() {
                listener.stop().await;
            }
        })
    }
}
