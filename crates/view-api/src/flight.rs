//! Arrow Flight SQL, read only: the questions of `/api/v1/sql` for ADBC, JDBC and what stands on them.
//!
//! A statement's handle and its ticket are its text, so that nothing is kept between two calls. The store answers with a stream of
//! Arrow IPC, of which each message goes on as it is (`ipc`), so that no Arrow is needed here.

mod command;
mod ipc;
mod message;

use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use futures_util::{Stream, StreamExt, stream};
use store_api::sql::{Body, Failed, Format, Metadata, Question};

use self::command::Command;
use self::ipc::Messages;
use crate::api::Api;
use crate::auth::access::{FLIGHT, HANDSHAKE};
use crate::auth::routes::{begin_basic, end_bearer};
use crate::auth::{Peer, Who};
use crate::error::ApiError;
use crate::grpc::{self, Wrong, bytes, fields, framed, refused, streamed, text};
use crate::query::SqlParameters;
use crate::sql;

/// Bytes of a question: those of a statement, and what is around it.
const LARGEST: usize = 128 << 10;
/// Headers of a call, as the parameters of `/api/v1/sql`.
const ROWS: &str = "max-rows";
const SECONDS: &str = "max-seconds";
const FILES: &str = "max-files";
const SCANNED: &str = "max-scanned-mib";
const ON: &str = "on";

const PREPARE: &str = "CreatePreparedStatement";
const CLOSE: &str = "ClosePreparedStatement";
const LEAVE: &str = "CloseSession";

pub(crate) fn routes() -> Router<Api> {
    Router::new().route(FLIGHT, post(asked)).route(HANDSHAKE, post(handshake))
}

/// Whoever calls.
struct Call {
    api: Api,
    who: Who,
    peer: Option<Peer>,
    headers: HeaderMap,
}

async fn asked(
    State(api): State<Api>,
    Path(method): Path<String>,
    Extension(who): Extension<Who>,
    peer: Option<Extension<Peer>>,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let call = Call { api, who, peer: peer.map(|Extension(peer)| peer), headers };
    call.answer(&method, request).await.unwrap_or_else(|wrong| refused(&wrong))
}

/// A session for a name and a password: its token is to be sent with every call that follows.
async fn handshake(State(api): State<Api>, peer: Option<Extension<Peer>>, headers: HeaderMap) -> Response {
    let begun = begin_basic(&api, peer.map(|Extension(peer)| peer), &headers).await;
    let token = begun.map(|token| HeaderValue::try_from(format!("Bearer {token}")));
    match token {
        Ok(Ok(token)) => {
            let mut response = framed(Vec::new());
            response.headers_mut().insert(header::AUTHORIZATION, token);
            response
        }
        Ok(Err(_)) => refused(&ApiError::internal("the token is no text").into()),
        Err(wrong) => refused(&wrong.into()),
    }
}

impl Call {
    async fn answer(&self, method: &str, request: Request) -> Result<Response, Wrong> {
        match method {
            "GetFlightInfo" => {
                let descriptor = grpc::question(request, LARGEST).await?;
                let command = command::of_descriptor(&descriptor)?;
                Ok(framed(vec![message::info(&descriptor, &command.ticket())]))
            }
            "GetSchema" => {
                let command = command::of_descriptor(&grpc::question(request, LARGEST).await?)?;
                Ok(framed(vec![message::schema(&self.schema(command.about()).await?)]))
            }
            "DoGet" => {
                let ticket = grpc::question(request, LARGEST).await?;
                match command::read(bytes(&fields(&ticket)?, 1))? {
                    Command::Statement(text) => self.rows(text).await,
                    Command::Metadata { about, .. } => self.metadata(about).await,
                }
            }
            "DoAction" => {
                let action = grpc::question(request, LARGEST).await?;
                let action = fields(&action)?;
                self.act(text(&action, 1), bytes(&action, 2)).await
            }
            "ListActions" => Ok(framed(vec![
                message::action(PREPARE, "A statement by its text; parameters are not taken."),
                message::action(CLOSE, "Nothing is kept of a prepared statement."),
                message::action(LEAVE, "Ends the session of a handshake."),
            ])),
            "DoPut" | "DoExchange" => {
                Err(Wrong::new(12, "the store is only read here, and statements take no parameters"))
            }
            other => Err(Wrong::unimplemented(other)),
        }
    }

    async fn act(&self, kind: &str, body: &[u8]) -> Result<Response, Wrong> {
        match kind {
            PREPARE => {
                let statement = command::prepared(body)?;
                let schema = match self.schema(Metadata::Statement(statement.clone())).await {
                    // Not every store tells columns ahead.
                    Err(wrong) if wrong.code == Wrong::UNIMPLEMENTED => Bytes::new(),
                    told => told?,
                };
                Ok(framed(vec![message::prepared(&statement, &schema)]))
            }
            CLOSE => Ok(framed(Vec::new())),
            LEAVE => {
                end_bearer(&self.api, &self.who, self.peer, &self.headers).await?;
                Ok(framed(vec![message::left()]))
            }
            other => Err(Wrong::new(Wrong::UNIMPLEMENTED, format!("there is no action `{other}` here"))),
        }
    }

    /// The first message of an answer.
    async fn schema(&self, about: Metadata) -> Result<Bytes, Wrong> {
        let messages = Messages::default().take(&self.told(about).await?)?;
        let first = messages.first().ok_or_else(|| Wrong::new(13, "the answer has no schema"))?;
        Ok(first.whole())
    }

    async fn metadata(&self, about: Metadata) -> Result<Response, Wrong> {
        let told = self.told(about).await?;
        Ok(streamed(data(stream::once(std::future::ready(Ok(told))).boxed())))
    }

    /// Takes a place of the questions that take no long time: answers in SQL may be open meanwhile, and wait for it.
    async fn told(&self, about: Metadata) -> Result<Bytes, Wrong> {
        let mut told = Err(Failed::Unsupported);
        let ask = async {
            told = self.api.store().sql_metadata(about).await;
            Ok(Response::default())
        };
        self.api.ask(ask).await?;
        match told {
            Err(Failed::Unsupported) => Err(Wrong::new(
                Wrong::UNIMPLEMENTED,
                "this store does not tell of its tables over Flight SQL",
            )),
            told => Ok(told.map_err(ApiError::from)?),
        }
    }

    async fn rows(&self, statement: String) -> Result<Response, Wrong> {
        let question = self.question(statement)?;
        let (answer, place) = sql::open(&self.api, &self.who, self.peer, question).await?;
        let mut response = streamed(data(answer.body));
        sql::tell(answer.worked, response.headers_mut());
        response.extensions_mut().insert(place);
        Ok(response)
    }

    /// A question within what the headers allow it to cost.
    fn question(&self, query: String) -> Result<Question, Wrong> {
        let number = |name: &str| {
            let text = self.headers.get(name).map(|value| value.to_str().unwrap_or_default());
            let number = text.map(str::parse).transpose();
            number.map_err(|_| Wrong::invalid(format!("the header `{name}` is not a number")))
        };
        let (max_rows, max_seconds) = (number(ROWS)?, number(SECONDS)?);
        let (max_files, max_scanned_mib) = (number(FILES)?, number(SCANNED)?);
        let on = self.headers.get(ON).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let format = Some(Format::Arrow.name().to_owned());
        Ok(sql::question(SqlParameters {
            query,
            format,
            max_rows,
            max_seconds,
            max_files,
            max_scanned_mib,
            on,
        })?)
    }
}

/// `FlightData`s.
fn data(body: Body) -> impl Stream<Item = Result<Bytes, Wrong>> + Send {
    let messages = body.scan(Messages::default(), |messages, chunk| {
        let taken = chunk
            .map_err(|failed| Wrong::from(ApiError::from(failed)))
            .and_then(|chunk| messages.take(&chunk));
        std::future::ready(Some(taken))
    });
    messages.flat_map(|taken| {
        let parts: Vec<Result<Bytes, Wrong>> = match taken {
            Ok(messages) => messages.into_iter().flat_map(message::data).map(Ok).collect(),
            Err(wrong) => vec![Err(wrong)],
        };
        stream::iter(parts)
    })
}
