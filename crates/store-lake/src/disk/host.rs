//! The disk of this host.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::System;

pub(super) struct Host;

impl System for Host {
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// What cannot be synced takes bytes and refuses the sync alone: so that one is asked for is seen.
    #[test]
    fn what_is_written_is_synced() {
        let written = Host.write(Path::new("/dev/null"), b"bytes");
        let directory = Host.sync_directory(Path::new("/proc"));
        for asked in [written, directory] {
            assert_eq!(asked.unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }
}
