//! A file that grows by whole records.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;

use super::backups;

/// What to append to, and how.
#[derive(Clone, Debug)]
pub(super) struct Appending {
    pub(super) path: PathBuf,
    /// Records are lines of text.
    pub(super) lines: bool,
    /// Keep what a file has from an earlier run.
    pub(super) keep: bool,
    pub(super) create_directory: bool,
    pub(super) rotation: Option<Rotation>,
}

/// When a file is full, and what becomes of full files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rotation {
    pub(super) max_bytes: u64,
    /// 0 keeps them however old they are.
    pub(super) max_days: u64,
    /// 0 keeps them however many they are.
    pub(super) max_backups: usize,
}

/// The file, open while all is well; opened again after an error.
pub(super) struct Appender {
    how: Appending,
    open: Option<(File, u64)>,
}

impl Appender {
    pub(super) fn new(how: Appending) -> Self {
        Self { how, open: None }
    }

    /// Opens the file for the first time; errors name it.
    pub(super) fn start(&mut self) -> Result<(), String> {
        let opened = self.open().and_then(|(file, size)| {
            if !self.how.keep {
                file.set_len(0)?;
            }
            Ok((file, if self.how.keep { size } else { 0 }))
        });
        self.open = Some(opened.map_err(|error| self.named(&error))?);
        Ok(())
    }

    /// Writes a record as a whole, or not at all.
    pub(super) fn append(&mut self, record: &[Bytes], now: SystemTime) -> Result<(), String> {
        let written = self.make_room(record, now).and_then(|()| self.write(record));
        written.map_err(|error| {
            self.open = None;
            self.named(&error)
        })
    }

    /// Waits until all is on the disk.
    pub(super) fn finish(&mut self) -> Result<(), String> {
        match self.open.take() {
            None => Ok(()),
            Some((file, _)) => file.sync_all().map_err(|error| self.named(&error)),
        }
    }

    fn open(&self) -> io::Result<(File, u64)> {
        let folder = self.how.path.parent().filter(|_| self.how.create_directory);
        folder.map_or(Ok(()), fs::create_dir_all)?;
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(&self.how.path)?;
        let mut size = file.metadata()?.len();
        if self.how.lines && size > 0 && last_byte(&mut file)? != b'\n' {
            // The last line broke off in a crash; the next one must not be lost with it.
            file.write_all(b"\n")?;
            size += 1;
        }
        Ok((file, size))
    }

    /// Moves a full file aside.
    fn make_room(&mut self, record: &[Bytes], now: SystemTime) -> io::Result<()> {
        let Some(rotation) = self.how.rotation else { return Ok(()) };
        let (_, size) = self.opened()?;
        let after = *size + record.iter().map(|part| part.len() as u64).sum::<u64>();
        if *size == 0 || after <= rotation.max_bytes {
            return Ok(());
        }
        self.open = None;
        backups::move_aside(&self.how.path, now)?;
        backups::prune(&self.how.path, rotation, now)
    }

    fn write(&mut self, record: &[Bytes]) -> io::Result<()> {
        let (file, size) = self.opened()?;
        let written = record.iter().try_for_each(|part| file.write_all(part));
        match written {
            Ok(()) => *size += record.iter().map(|part| part.len() as u64).sum::<u64>(),
            // What was written of the record is cut off; it will be written again. Where that fails too, there is
            // no more to be done about it.
            Err(_) => drop(file.set_len(*size)),
        }
        written
    }

    fn opened(&mut self) -> io::Result<&mut (File, u64)> {
        let opened = match self.open.take() {
            Some(opened) => opened,
            None => self.open()?,
        };
        Ok(self.open.insert(opened))
    }

    fn named(&self, error: &io::Error) -> String {
        format!("`{}`: {error}", self.how.path.display())
    }
}

fn last_byte(file: &mut File) -> io::Result<u8> {
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(u8::from_ne_bytes(last))
}
