//! What a question has cost so far, and which limit it ran into.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use store_api::door::Settings;
use store_api::sql::{Failed, Limits};

#[derive(Debug)]
pub(super) struct Meter {
    limits: Limits,
    /// Above which nobody gets.
    most: Limits,
    /// Of the table that reaches into the most.
    files: AtomicUsize,
    scanned: AtomicU64,
    /// The first one counts: what follows from it says less.
    breach: OnceLock<Breach>,
    /// The generations of the files that were read.
    opened: Mutex<BTreeSet<u64>>,
}

/// Which limit, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Breach {
    what: String,
    help: String,
}

impl Meter {
    pub(super) fn new(asked: Limits, settings: &Settings) -> Self {
        let scanned = settings.sql_max_scanned_mib.saturating_mul(1 << 20);
        let most = Limits { files: settings.sql_max_files, scanned, ..asked };
        let limits =
            Limits { files: asked.files.min(most.files), scanned: asked.scanned.min(most.scanned), ..asked };
        Self {
            limits,
            most,
            files: AtomicUsize::new(0),
            scanned: AtomicU64::new(0),
            breach: OnceLock::new(),
            opened: Mutex::default(),
        }
    }

    pub(super) fn breach(&self) -> Option<Failed> {
        let Breach { what, help } = self.breach.get()?.clone();
        Some(Failed::Limit { what, help })
    }

    pub(super) fn scan(&self, bytes: u64) -> Result<(), Breach> {
        let scanned = self.scanned.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        let most = self.limits.scanned;
        self.check(scanned <= most, || {
            let what = format!("the question reads more than {} of files", size(most));
            let raise = raise(most < self.most.scanned, "max_scanned_mib");
            (what, format!("bound `start` to a shorter time, name fewer columns, or {raise}"))
        })
    }

    pub(super) fn open(&self, generation: u64) {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).insert(generation);
    }

    pub(super) fn opened(&self) -> BTreeSet<u64> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks into so many files for one table, if it is done here.
    pub(super) fn plan(&self, files: usize) {
        self.files.fetch_max(files, Ordering::Relaxed);
    }

    /// It is done here.
    pub(super) fn files(&self) -> Result<(), Breach> {
        let (files, most) = (self.files.load(Ordering::Relaxed), self.limits.files);
        self.check(files <= most, || {
            let what = format!("the question reaches into {files} files, and {most} are allowed");
            let raise = raise(most < self.most.files, "max_files");
            let bound = "bound `start` to a shorter time, as in `start >= now() - INTERVAL '1 hour'`";
            (what, format!("{bound}, or {raise}"))
        })
    }

    pub(super) fn rows(&self, rows: u64) -> Result<(), Breach> {
        let most = self.limits.rows;
        self.check(rows <= most, || {
            let help = format!("add LIMIT {most}, sum up with GROUP BY, or allow more with `max_rows`");
            (format!("the answer has more than {most} rows"), help)
        })
    }

    pub(super) fn bytes(&self, bytes: u64) -> Result<(), Breach> {
        let most = self.limits.bytes;
        self.check(bytes <= most, || {
            let help =
                "name fewer columns or add LIMIT: `SELECT *` of spans takes all their attributes along";
            (format!("the answer is larger than {}", size(most)), help.to_owned())
        })
    }

    pub(super) fn interactions(&self, most: usize) -> Breach {
        let what = format!("there are more interactions than come from {most} traces");
        self.report(Breach {
            what,
            help: "bound `start` to a shorter time, as in `start >= now() - INTERVAL '1 hour'`".to_owned(),
        })
    }

    pub(super) fn time(&self) -> Breach {
        let what = format!("the question took longer than {} seconds", self.limits.time.as_secs_f64());
        self.report(Breach { what, help: "bound `start` to a shorter time, or ask for less".to_owned() })
    }

    pub(super) fn memory(&self, most: usize) -> Breach {
        let what = format!("the question needs more memory than all of SQL has, {}", size(most as u64));
        let help = "bound `start` to a shorter time, group by fewer values, or raise `sql_memory_limit_mib` in the \
                    `lake` section";
        self.report(Breach { what, help: help.to_owned() })
    }

    fn check(&self, holds: bool, breach: impl FnOnce() -> (String, String)) -> Result<(), Breach> {
        if holds {
            return Ok(());
        }
        let (what, help) = breach();
        Err(self.report(Breach { what, help }))
    }

    fn report(&self, breach: Breach) -> Breach {
        self.breach.get_or_init(|| breach).clone()
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Breach {}

impl From<Breach> for Failed {
    fn from(Breach { what, help }: Breach) -> Self {
        Self::Limit { what, help }
    }
}

/// Whoever asks may raise a limit as far as the store lets him.
fn raise(below: bool, key: &str) -> String {
    match below {
        true => format!("allow more with `{key}`"),
        false => format!("raise `sql_{key}` in the `lake` section"),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}
