//! Questions in SQL. The store that has it answers in bytes, so that no type of an engine crosses the wall.

use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;

use crate::error::StoreError;

#[derive(Clone, PartialEq, Debug)]
pub struct Question {
    pub text: String,
    pub format: Format,
    pub limits: Limits,
    pub on: On,
}

/// Where a question is to be worked out, as far as there is a choice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum On {
    /// On the cluster where the store has one and the question reaches into so many spans that it pays.
    #[default]
    Either,
    Here,
    Cluster,
}

/// What clients of Flight SQL ask about what can be asked. Patterns are those of LIKE.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Metadata {
    /// The columns of a statement's answer, which is not made.
    Statement(String),
    Catalogs,
    Schemas {
        catalog: Option<String>,
        schema: Option<String>,
    },
    Tables {
        catalog: Option<String>,
        schema: Option<String>,
        table: Option<String>,
        /// Empty for all.
        kinds: Vec<String>,
        columns: bool,
    },
    TableTypes,
    PrimaryKeys,
    ForeignKeys,
    /// Types of columns.
    Types,
    /// What the engine can do, by the numbers of `SqlInfo`; empty for all.
    Info(Vec<u32>),
}

/// What the bytes of an answer are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// `{"columns":[{"name","type"}],"rows":[[…]]}`.
    #[default]
    Json,
    /// RFC 4180, with a line of names.
    Csv,
    /// A stream of Arrow IPC.
    Arrow,
    Parquet,
    /// An OTLP request as JSON in each line; of whole rows of `spans` only.
    OtlpJson,
}

/// How much one question may cost. Each has a name, which the refusal tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Rows of the answer.
    pub rows: u64,
    /// Bytes of the answer.
    pub bytes: u64,
    /// Bytes read from files, and how many are looked into; what a cluster reads does not count. A store may have a limit
    /// of its own above which nobody gets.
    pub scanned: u64,
    pub files: usize,
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 10_000,
            bytes: 32 << 20,
            scanned: 16 << 30,
            files: 20_000,
            time: Duration::from_secs(30),
        }
    }
}

/// Dropping the body ends the work.
pub struct Answer {
    pub format: Format,
    /// Told by stores with a cluster.
    pub worked: Option<Worked>,
    pub body: Body,
}

/// Where an answer comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Worked {
    Here,
    Cluster,
    /// Here, and why not on the cluster.
    Instead(String),
}

impl fmt::Display for Worked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here => f.write_str("here"),
            Self::Cluster => f.write_str("cluster"),
            Self::Instead(why) => write!(f, "here; {why}"),
        }
    }
}

pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, Failed>> + Send>>;

/// Why there is no answer, or no more of it.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// Not SQL, or not about what there is.
    #[error("{message}")]
    Wrong {
        message: String,
        /// Line and column, from 1, where they are known.
        place: Option<(u64, u64)>,
    },
    #[error("{0}")]
    Refused(String),
    #[error("{what}")]
    Limit { what: String, help: String },
    #[error("this store has no SQL")]
    Unsupported,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failed {
    pub fn help(&self) -> &str {
        match self {
            Self::Wrong { .. } => {
                "docs/sql.md has the tables and functions; `SHOW COLUMNS FROM spans` lists columns"
            }
            Self::Refused(_) => {
                "the store is only read here: write SELECT, WITH, SHOW TABLES, SHOW COLUMNS, DESCRIBE or EXPLAIN"
            }
            Self::Limit { help, .. } => help,
            Self::Unsupported => "SQL comes with the Parquet store: build with `--features lake`",
            Self::Store(_) => "the log of throughline has more",
        }
    }
}

impl Format {
    pub const ALL: [Self; 5] = [Self::Json, Self::Csv, Self::Arrow, Self::Parquet, Self::OtlpJson];

    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Arrow => "arrow",
            Self::Parquet => "parquet",
            Self::OtlpJson => "otlp-json",
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::OtlpJson => "application/x-ndjson",
        }
    }
}

impl On {
    pub fn name(self) -> &'static str {
        match self {
            Self::Either => "either",
            Self::Here => "here",
            Self::Cluster => "cluster",
        }
    }
}

impl FromStr for On {
    type Err = UnknownPlace;

    fn from_str(text: &str) -> Result<Self, UnknownPlace> {
        let known = [Self::Either, Self::Here, Self::Cluster].into_iter().find(|on| on.name() == text);
        known.ok_or_else(|| UnknownPlace(text.to_owned()))
    }
}

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no place to work a question out: write either, here or cluster")]
pub struct UnknownPlace(String);

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is no format: write json, csv, arrow, parquet or otlp-json")]
pub struct UnknownFormat(String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|known| known.name() == text).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}
