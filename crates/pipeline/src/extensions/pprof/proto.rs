//! The format that profilers read: `profile.proto` of pprof. Field numbers are from there.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flow::wire::{put_len, put_nested, put_varint, put_varint_field};

/// Where a function stands: name, file and line.
pub(super) type Symbol = (String, String, u32);

/// One stack and how often it was seen.
pub(super) struct Stack {
    pub(super) thread: String,
    /// The innermost first; several symbols in one frame are functions inlined into the last of them.
    pub(super) frames: Vec<Vec<Symbol>>,
    pub(super) count: u64,
}

/// A CPU profile.
pub(super) struct Profile {
    nanos_per_sample: u64,
    strings: Table<String>,
    functions: Table<(u64, u64)>,
    locations: Table<Vec<(u64, u32)>>,
    samples: Vec<u8>,
}

/// Numbers things in the order in which they come.
struct Table<K> {
    ids: HashMap<K, u64>,
    bytes: Vec<u8>,
}

impl Profile {
    pub(super) fn new(samples_per_second: u32) -> Self {
        let mut profile = Self {
            nanos_per_sample: 1_000_000_000 / u64::from(samples_per_second),
            strings: Table::default(),
            functions: Table::default(),
            locations: Table::default(),
            samples: Vec::new(),
        };
        // The first string has to be empty.
        profile.string("");
        profile
    }

    pub(super) fn add(&mut self, stack: Stack) {
        let locations: Vec<u64> = stack.frames.iter().map(|symbols| self.location(symbols)).collect();
        let (key, thread) = (self.string("thread"), self.string(&stack.thread));
        let nanos = stack.count.saturating_mul(self.nanos_per_sample);
        put_nested(&mut self.samples, 2, |out| {
            put_nested(out, 1, |out| locations.iter().for_each(|id| put_varint(out, *id)));
            put_nested(out, 2, |out| [stack.count, nanos].iter().for_each(|value| put_varint(out, *value)));
            put_nested(out, 3, |out| {
                put_varint_field(out, 1, key);
                put_varint_field(out, 2, thread);
            });
        });
    }

    pub(super) fn encode(mut self, length: Duration) -> Vec<u8> {
        let kinds = [("samples", "count"), ("cpu", "nanoseconds")];
        let [samples, cpu] = kinds.map(|(kind, unit)| (self.string(kind), self.string(unit)));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut out = Vec::new();
        let kind = |out: &mut Vec<u8>, number, (kind, unit)| {
            put_nested(out, number, |out| {
                put_varint_field(out, 1, kind);
                put_varint_field(out, 2, unit);
            });
        };
        kind(&mut out, 1, samples);
        kind(&mut out, 1, cpu);
        for part in [&self.samples, &self.locations.bytes, &self.functions.bytes, &self.strings.bytes] {
            out.extend_from_slice(part);
        }
        put_varint_field(&mut out, 9, nanos(now.saturating_sub(length)));
        put_varint_field(&mut out, 10, nanos(length));
        kind(&mut out, 11, cpu);
        put_varint_field(&mut out, 12, self.nanos_per_sample);
        out
    }

    /// Locations and functions count from 1, since 0 is none of them.
    fn location(&mut self, symbols: &[Symbol]) -> u64 {
        let lines: Vec<_> =
            symbols.iter().map(|(name, file, line)| (self.function(name, file), *line)).collect();
        let written = lines.clone();
        self.locations.id(lines, |out, id| {
            put_nested(out, 4, |out| {
                put_varint_field(out, 1, id + 1);
                for (function, line) in written {
                    put_nested(out, 4, |out| {
                        put_varint_field(out, 1, function);
                        put_varint_field(out, 2, u64::from(line));
                    });
                }
            });
        }) + 1
    }

    fn function(&mut self, name: &str, file: &str) -> u64 {
        let (name, file) = (self.string(name), self.string(file));
        self.functions.id((name, file), |out, id| {
            put_nested(out, 5, |out| {
                put_varint_field(out, 1, id + 1);
                put_varint_field(out, 2, name);
                put_varint_field(out, 3, name);
                put_varint_field(out, 4, file);
            });
        }) + 1
    }

    fn string(&mut self, text: &str) -> u64 {
        match self.strings.ids.get(text) {
            Some(id) => *id,
            None => self.strings.id(text.to_owned(), |out, _| put_len(out, 6, text.as_bytes())),
        }
    }
}

impl<K> Default for Table<K> {
    fn default() -> Self {
        Self { ids: HashMap::new(), bytes: Vec::new() }
    }
}

impl<K: std::hash::Hash + Eq> Table<K> {
    fn id(&mut self, key: K, write: impl FnOnce(&mut Vec<u8>, u64)) -> u64 {
        let next = self.ids.len() as u64;
        *self.ids.entry(key).or_insert_with(|| {
            write(&mut self.bytes, next);
            next
        })
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
