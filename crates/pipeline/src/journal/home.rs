//! A directory of streams, which one process uses at a time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use flow::{BoxFuture, BuildError, Ctx, Extension};

use super::disk::{HostDirectory, make_directory};
use super::room::Room;
use super::stream::{Means, Stream};
use super::{Fill, Keeping};

/// Of a segment, unless the limit is small.
const SEGMENT: u64 = 64 << 20;
const LEAST_SEGMENT: u64 = 256 << 10;
/// Looks at the lock of the directory, 50 ms apart.
const PATIENCE: u32 = 40;

/// The streams are opened when it starts, and closed when it stops.
pub(crate) struct Home {
    ctx: Ctx,
    keeping: Keeping,
    room: Arc<Room>,
    streams: Mutex<Vec<(PathBuf, Arc<Stream>)>>,
    lock: Mutex<Option<File>>,
}

impl Home {
    pub(super) fn new(ctx: &Ctx, keeping: Keeping) -> Self {
        let room = Arc::new(Room::new(keeping.max_size));
        Self { ctx: ctx.clone(), keeping, room, streams: Mutex::default(), lock: Mutex::default() }
    }

    /// Makes a stream in a directory of its own.
    pub(super) fn stream(&self, folder: &str, name: &str, consumers: &[Arc<str>]) -> Arc<Stream> {
        let segment = match self.keeping.max_size {
            0 => SEGMENT,
            max => (max / 16).next_multiple_of(4096).clamp(LEAST_SEGMENT, SEGMENT),
        };
        let means = Means {
            room: Arc::clone(&self.room),
            memory: Arc::clone(&self.ctx.memory),
            telemetry: self.ctx.telemetry.clone(),
            patience: self.keeping.patience,
            max_age: self.keeping.max_age,
            segment,
            health: self.ctx.get().unwrap_or_default(),
        };
        let stream = Stream::new(&format!("{folder}/{name}"), consumers, means);
        let path = self.keeping.directory.join(folder).join(file_name(name));
        self.all().push((path, Arc::clone(&stream)));
        stream
    }

    pub(super) fn fill(&self) -> Fill {
        let limit = self.keeping.max_size;
        Fill {
            extension: Arc::clone(&self.ctx.id),
            used_bytes: self.room.used(),
            limit_bytes: (limit > 0).then_some(limit),
        }
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<(PathBuf, Arc<Stream>)>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self) -> io::Result<()> {
        let directory = self.keeping.directory.clone();
        if !self.keeping.create && !directory.is_dir() {
            let why = "there is no such directory; make it, or set `create_directory: true`";
            return Err(io::Error::new(io::ErrorKind::NotFound, why));
        }
        let lock = lock(&directory).await?;
        *self.lock.lock().unwrap_or_else(PoisonError::into_inner) = Some(lock);
        let streams = self.all().clone();
        let ctx = self.ctx.clone();
        tokio::task::spawn_blocking(move || {
            warn_of_others(&directory, &streams);
            streams.iter().try_for_each(|(path, stream)| open_at(path, stream, &ctx))
        })
        .await?
    }
}

impl Extension for Home {
    fn start(&self) -> BoxFuture<'_, Result<(), BuildError>> {
        Box::pin(async {
            let directory = self.keeping.directory.display();
            self.open().await.map_err(|error| BuildError::new(&self.ctx.id, format!("{directory}: {error}")))
        })
    }

    fn stop(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let streams = std::mem::take(&mut *self.all());
            for (_, stream) in streams {
                stream.finish().await;
            }
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
        })
    }
}

#[cfg(not(test))]
fn open_at(path: &Path, stream: &Arc<Stream>, _: &Ctx) -> io::Result<()> {
    stream.open(HostDirectory::new(path)?)
}

/// On disks that fail, where the context offers some.
#[cfg(test)]
fn open_at(path: &Path, stream: &Arc<Stream>, ctx: &Ctx) -> io::Result<()> {
    match ctx.get::<super::simulated::Disks>() {
        Some(disks) => stream.open(disks.at(path)),
        None => stream.open(HostDirectory::new(path)?),
    }
}

/// Waits for a process that is just about to end.
async fn lock(directory: &Path) -> io::Result<File> {
    make_directory(directory)?;
    let file = File::create(directory.join("lock"))?;
    for _ in 0..PATIENCE {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(50)).await,
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
    }
    let why = "another process uses it; stop that one, or set another directory";
    Err(io::Error::new(io::ErrorKind::ResourceBusy, why))
}

/// What a pipeline or an exporter left that is not configured any more stays where it is.
fn warn_of_others(directory: &Path, streams: &[(PathBuf, Arc<Stream>)]) {
    for folder in ["pipelines", "exporters"] {
        let Ok(entries) = fs::read_dir(directory.join(folder)) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let known = streams.iter().any(|(known, _)| *known == path);
            let empty = fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_none());
            if !known && !empty {
                let path = path.display();
                tracing::warn!(%path, "accepted data of something that is not configured any more; configure it again, or remove the directory");
            }
        }
    }
}

/// A name that is one everywhere: what is not a letter, a digit, `.`, `_` or `-` is written as `~` and its code.
fn file_name(name: &str) -> String {
    name.chars().fold(String::new(), |mut out, c| {
        match c {
            '.' if out.is_empty() => out.push_str("~002E"),
            c if c.is_ascii_alphanumeric() || ['.', '_', '-'].contains(&c) => out.push(c),
            c => out.push_str(&format!("~{:04X}", u32::from(c))),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_components_are_names_of_directories() {
        for (name, expected) in
            [("traces", "traces"), ("otlp/a b", "otlp~002Fa~0020b"), ("..", "~002E."), ("x~y", "x~007Ey")]
        {
            assert_eq!(file_name(name), expected);
        }
    }
}
