//! The tables of a store, as a list: what each has for columns, where its files lie, and what the log says of them.

use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;

use crate::file::{self, About};
use crate::log::{Add, New, Values, milliseconds};
use crate::partition::Partition;
use crate::table::{Encoded, Promoted};
use crate::{rollup, table, traces};

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Table {
    AttrKeys,
    Rollup5m,
    Rollup1h,
    Rollup1d,
    Interactions,
    Spans,
}

/// Told by the folder of a file, not by its columns.
const PARTITIONS: [(&str, &str); 2] = [("day", "date"), ("hour", "integer")];
/// What we know of a file without opening it.
const ABOUT: &str = "throughline";
/// Of its bytes: Parquet would not notice when some of them change.
const CRC32: &str = "throughline.crc32";
/// Generations that a file was made of.
const COVERS: &str = "throughline.covers";
const APART: &str = "throughline.apart";
/// Set on what is kept when its spans are gone.
const ALONE: &str = "throughline.alone";

/// What is in a file.
pub(crate) struct Content {
    pub(crate) size: u64,
    /// Known of what we have just written.
    pub(crate) crc32: Option<u32>,
    /// JSON for the log.
    pub(crate) stats: String,
}

impl From<Encoded> for Content {
    fn from(file: Encoded) -> Self {
        Self { size: file.bytes.len() as u64, crc32: Some(crc32fast::hash(&file.bytes)), stats: file.stats }
    }
}

impl Table {
    /// Those in which each file of spans has one; in the order in which a change is committed: with its spans a file is
    /// there.
    pub(crate) const ALL: [Self; 2] = [Self::Interactions, Self::Spans];
    /// The narrowest rows first.
    pub(crate) const ROLLUPS: [Self; 3] = [Self::Rollup5m, Self::Rollup1h, Self::Rollup1d];
    /// Those that are counted from the spans, and can be again.
    pub(crate) const COUNTED: [Self; 4] = [Self::AttrKeys, Self::Rollup5m, Self::Rollup1h, Self::Rollup1d];
    pub(crate) const EVERY: [Self; 6] =
        [Self::AttrKeys, Self::Rollup5m, Self::Rollup1h, Self::Rollup1d, Self::Interactions, Self::Spans];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::AttrKeys => "attr_keys",
            Self::Rollup5m => "rollup_5m",
            Self::Rollup1h => "rollup_1h",
            Self::Rollup1d => "rollup_1d",
            Self::Interactions => "interactions",
            Self::Spans => "spans",
        }
    }

    pub(crate) fn columns(self) -> SchemaRef {
        match self {
            Self::AttrKeys => rollup::key_columns(),
            Self::Rollup5m | Self::Rollup1h | Self::Rollup1d => rollup::columns(),
            Self::Interactions => traces::columns(),
            Self::Spans => table::span_columns(),
        }
    }

    /// Columns of which the log says between what they lie.
    pub(crate) fn skipping(self) -> &'static [&'static str] {
        match self {
            Self::AttrKeys => &["key"],
            Self::Rollup5m | Self::Rollup1h | Self::Rollup1d => &["t_ns"],
            Self::Interactions => &["interaction_id", "start_ns", "end_ns"],
            Self::Spans => &["interaction_id", "start_ns", "duration_ns"],
        }
    }

    pub(crate) fn definition(self, columns: &SchemaRef) -> New<'_> {
        New { name: self.name(), columns, partitions: &PARTITIONS, skipping: self.skipping() }
    }

    pub(crate) fn path(self, root: &Path, partition: Partition, generation: u64) -> PathBuf {
        root.join(self.name()).join(below(partition, generation))
    }

    /// What the log says of a file of this table.
    pub(crate) fn add(self, partition: Partition, generation: u64, about: &About, content: Content) -> Add {
        let told = match self {
            Self::Spans => serde_json::to_string(about),
            _ => serde_json::to_string(&About { promoted: Promoted::default(), ..about.clone() }),
        };
        tagged(partition, generation, (ABOUT, told.unwrap_or_default()), content)
    }

    /// What the log says of a file that was counted from files of other generations.
    pub(crate) fn add_counted(
        partition: Partition,
        generation: u64,
        made_of: &MadeOf,
        content: Content,
    ) -> Add {
        let mut add = tagged(partition, generation, (COVERS, list(&made_of.covers)), content);
        if !made_of.apart.is_empty() {
            add.tags.get_or_insert_default().insert(APART.to_owned(), Some(list(&made_of.apart)));
        }
        add
    }
}

fn list(of: &[u64]) -> String {
    serde_json::to_string(of).unwrap_or_default()
}

/// What was looked at for what was counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct MadeOf {
    /// The generations that it was made of, in order.
    pub(crate) covers: Vec<u64>,
    /// Those that filters would have among them, and that were found to have nothing in common with them.
    pub(crate) apart: Vec<u64>,
}

fn tagged(partition: Partition, generation: u64, (key, value): (&str, String), content: Content) -> Add {
    let crc32 = content.crc32.map(|crc32| (CRC32.to_owned(), Some(format!("{crc32:08x}"))));
    let tags: Values = [(key.to_owned(), Some(value))].into_iter().chain(crc32).collect();
    Add {
        path: below(partition, generation),
        partition_values: partition.values(),
        size: i64::try_from(content.size).unwrap_or(i64::MAX),
        modification_time: 0,
        data_change: true,
        stats: Some(content.stats),
        tags: Some(tags),
    }
}

impl Add {
    /// Which file it is; `None` where we did not write it.
    pub(crate) fn generation(&self) -> Option<(Partition, u64)> {
        let path = Path::new(&self.path);
        let hour = path.parent()?;
        Some((Partition::parse(hour.parent()?, hour)?, file::generation(path)?))
    }

    pub(crate) fn about(&self) -> Option<About> {
        serde_json::from_str(self.tags.as_ref()?.get(ABOUT)?.as_deref()?).ok()
    }

    /// The columns that it has beside those of all files of its table.
    pub(crate) fn more_columns(&self) -> Promoted {
        self.about().map(|about| about.promoted).unwrap_or_default()
    }

    pub(crate) fn made_of(&self) -> Option<MadeOf> {
        let list = |key| serde_json::from_str(self.tags.as_ref()?.get(key)?.as_deref()?).ok();
        Some(MadeOf { covers: list(COVERS)?, apart: list(APART).unwrap_or_default() })
    }

    pub(crate) fn rows(&self) -> Option<u64> {
        let stats: serde_json::Value = serde_json::from_str(self.stats.as_deref()?).ok()?;
        stats.get("numRecords")?.as_u64()
    }

    /// False where the bytes of the file are known to be others.
    pub(crate) fn fits(&self, bytes: &[u8]) -> bool {
        let known = self.tags.as_ref().and_then(|tags| tags.get(CRC32)?.as_deref());
        known.is_none_or(|known| known == format!("{:08x}", crc32fast::hash(bytes)))
    }

    pub(crate) fn is_alone(&self) -> bool {
        self.tags.as_ref().is_some_and(|tags| tags.contains_key(ALONE))
    }

    /// The same, kept without its spans.
    pub(crate) fn alone(&self) -> Self {
        let mut alone = self.clone();
        alone.tags.get_or_insert_default().insert(ALONE.to_owned(), Some("true".to_owned()));
        alone
    }

    /// The same, of what was counted, when of the files that it was made of only these are left.
    pub(crate) fn covering(&self, left: &[u64]) -> Self {
        let mut add = self.clone();
        add.tags.get_or_insert_default().insert(COVERS.to_owned(), Some(list(left)));
        add
    }

    pub(crate) fn at(mut self, now_ns: u64) -> Self {
        self.modification_time = milliseconds(now_ns);
        self
    }
}

pub(crate) fn below(partition: Partition, generation: u64) -> String {
    format!("{partition}/{}", file::name(generation))
}
