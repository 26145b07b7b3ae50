//! A small HTTP server that starts and stops as extensions do.

use std::sync::Arc;

use flow::{BoxFuture, BuildError, Ctx, Extension};
use http::request::Parts;
use tokio::sync::Mutex;

use super::{Answer, HttpServer, serve_heads};
use crate::net::listener::Listener;

type Answering = dyn Fn(Parts) -> BoxFuture<'static, Answer> + Send + Sync;

/// Answers GET with what it was made with.
pub struct Site {
    ctx: Ctx,
    endpoint: String,
    server: HttpServer,
    answer: Arc<Answering>,
    listener: Mutex<Option<Listener>>,
}

impl Site {
    /// With what `page` makes of a path.
    pub fn new<P>(ctx: &Ctx, endpoint: &str, server: HttpServer, page: P) -> Self
    where
        P: Fn(&str) -> Answer + Send + Sync + 'static,
    {
        Self::asked(ctx, endpoint, server, move |head| std::future::ready(page(head.uri.path())))
    }

    /// With what `answer` makes of a request's head.
    pub fn asked<A, F>(ctx: &Ctx, endpoint: &str, server: HttpServer, answer: A) -> Self
    where
        A: Fn(Parts) -> F + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let answer = Arc::new(move |head: Parts| Box::pin(answer(head)) as BoxFuture<'static, Answer>);
        Self { ctx: ctx.clone(), endpoint: endpoint.to_owned(), server, answer, listener: Mutex::default() }
    }
}

impl Extension for Site {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async move {
            let answer = Arc::clone(&self.answer);
            let listener =
                serve_heads(&self.ctx, &self.endpoint, &self.server, move |head| answer(head)).await?;
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
