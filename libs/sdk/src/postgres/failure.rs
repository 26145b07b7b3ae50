//! What an error of a client says about a statement.

use std::borrow::Cow;

/// What became of a statement, without any value of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure<'a> {
    /// The server answered with an error, of this SQLSTATE.
    Sqlstate(Cow<'a, str>),
    /// It did not come to an answer; a word out of few.
    Client(&'static str),
    /// The statement did what it should; the error is about what was found.
    None,
}

/// An error of a client of PostgreSQL. Implement it for an error of your own that holds one.
pub trait DatabaseError {
    /// What it says about the statement.
    fn failure(&self) -> Failure<'_>;
}

#[cfg(feature = "tokio-postgres")]
impl DatabaseError for tokio_postgres::Error {
    fn failure(&self) -> Failure<'_> {
        match self.code() {
            Some(state) => Failure::Sqlstate(state.code().into()),
            None if self.is_closed() => Failure::Client("closed"),
            None => Failure::Client("_OTHER"),
        }
    }
}

#[cfg(feature = "sqlx")]
impl DatabaseError for sqlx::Error {
    fn failure(&self) -> Failure<'_> {
        match self {
            Self::Database(error) => error.code().map_or(Failure::Client("_OTHER"), Failure::Sqlstate),
            Self::RowNotFound => Failure::None,
            Self::Io(_) => Failure::Client("io"),
            Self::Tls(_) => Failure::Client("tls"),
            Self::PoolTimedOut => Failure::Client("pool_timeout"),
            Self::PoolClosed => Failure::Client("pool_closed"),
            _ => Failure::Client("_OTHER"),
        }
    }
}
