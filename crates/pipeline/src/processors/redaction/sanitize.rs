//! Texts of a known language: what varies goes, what tells one request or statement from another stays.

mod url;
mod sql;
mod command;
mod json;

use std::collections::HashSet;

pub(super) use url::{sanitize as url, sanitize_name as url_name};

/// Which attributes hold URLs.
#[derive(Default)]
pub(super) struct Urls {
    pub(super) enabled: bool,
    pub(super) span_name: bool,
    pub(super) attributes: HashSet<String>,
}

impl Urls {
    pub(super) fn matter(&self) -> bool {
        self.enabled && !self.attributes.is_empty()
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.enabled && self.attributes.contains(key)
    }

    pub(super) fn names(&self) -> bool {
        self.enabled && self.span_name
    }
}

/// A database by the language that it speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum System {
    /// Whether text in double quotes is a value, as it is in MySQL.
    Sql {
        quoted: bool,
    },
    Redis,
    Valkey,
    Memcached,
    Mongo,
    OpenSearch,
    Elasticsearch,
}

impl System {
    /// By `db.system.name` (or `db.system`, as it was called before), in lower case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "mysql" | "mariadb" => Self::Sql { quoted: true },
            "other_sql"
            | "postgresql"
            | "sqlite"
            | "microsoft.sql_server"
            | "mssql"
            | "oracle.db"
            | "oracle"
            | "ibm.db2"
            | "db2"
            | "cockroachdb"
            | "clickhouse"
            | "trino" => Self::Sql { quoted: false },
            "redis" => Self::Redis,
            "valkey" => Self::Valkey,
            "memcached" => Self::Memcached,
            "mongodb" => Self::Mongo,
            "opensearch" => Self::OpenSearch,
            "elasticsearch" => Self::Elasticsearch,
            _ => return None,
        })
    }

    pub(super) fn sanitize(self, text: &str, out: &mut String) {
        match self {
            Self::Sql { quoted } => sql::sanitize(text, quoted, out),
            Self::Redis | Self::Valkey => command::redis(text, out),
            Self::Memcached => command::memcached(text, out),
            Self::Mongo | Self::OpenSearch | Self::Elasticsearch => json::sanitize(text, out),
        }
    }

    /// Which of the settings is about it.
    fn section(self) -> usize {
        match self {
            Self::Sql { .. } => 0,
            Self::Redis => 1,
            Self::Valkey => 2,
            Self::Memcached => 3,
            Self::Mongo => 4,
            Self::OpenSearch => 5,
            Self::Elasticsearch => 6,
        }
    }
}

/// The settings of one language.
#[derive(Default)]
pub(super) struct Language {
    pub(super) enabled: bool,
    pub(super) attributes: HashSet<String>,
}

#[derive(Default)]
pub(super) struct Databases {
    /// In the order of [`Databases::SECTIONS`].
    pub(super) languages: [Language; 7],
    pub(super) span_name: bool,
    /// Statements of spans that do not name their database are cleaned by every language that knows the attribute.
    pub(super) without_system: bool,
}

impl Databases {
    pub(super) const SECTIONS: [&str; 7] =
        ["sql", "redis", "valkey", "memcached", "mongo", "opensearch", "es"];
    const ALL: [System; 7] = [
        System::Sql { quoted: false },
        System::Redis,
        System::Valkey,
        System::Memcached,
        System::Mongo,
        System::OpenSearch,
        System::Elasticsearch,
    ];

    fn enabled(&self) -> impl Iterator<Item = (&Language, System)> {
        self.languages.iter().zip(Self::ALL).filter(|(language, _)| language.enabled)
    }

    pub(super) fn matter(&self) -> bool {
        self.enabled().any(|(language, _)| !language.attributes.is_empty())
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.enabled().any(|(language, _)| language.attributes.contains(key))
    }

    pub(super) fn names(&self) -> bool {
        self.span_name && self.enabled().next().is_some()
    }

    /// The language of an attribute of a span with this database.
    pub(super) fn language(&self, key: &str, system: Option<&str>) -> Option<System> {
        let fits = |language: &Language| language.enabled && language.attributes.contains(key);
        match system {
            Some(name) => self
                .span_language(name)
                .filter(|system| self.languages.get(system.section()).is_some_and(fits)),
            None if self.without_system => {
                self.enabled().find(|(language, _)| fits(language)).map(|(_, system)| system)
            }
            None => None,
        }
    }

    /// The language of the name of a span with this database.
    pub(super) fn span_language(&self, system: &str) -> Option<System> {
        let system = System::named(&system.to_ascii_lowercase())?;
        self.languages.get(system.section()).filter(|language| language.enabled).map(|_| system)
    }
}

#[cfg(test)]
mod tests;
