//! The files of one log, as the log needs them; tests put one in their place that fails as disks do.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

const PREFIX: &str = "segment-";
/// Zeros are written in such pieces where the file system cannot reserve room.
const PIECE: usize = 1 << 20;

/// A directory of numbered files.
pub(super) trait Disk: Send + 'static {
    type File: DiskFile;

    /// All that are there.
    fn open(&mut self) -> io::Result<Vec<(u32, Self::File)>>;

    /// A new one. When it returns `Ok`, its room is taken, and a power cut cannot take away its name.
    fn create(&mut self, number: u32, len: u64) -> io::Result<Self::File>;

    fn remove(&mut self, number: u32) -> io::Result<()>;
}

pub(super) trait DiskFile: Send + Sync + 'static {
    fn len(&self) -> io::Result<u64>;

    /// Fewer bytes than asked for only at the end of the file.
    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<usize>;

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// When it returns `Ok`, a power cut cannot take away what was written before. After an error nobody knows what
    /// of that is on the disk, and asking again does not help.
    fn sync(&self) -> io::Result<()>;

    /// Gives back the room behind `len`.
    fn cut(&self, len: u64) -> io::Result<()>;
}

/// A directory of this host, which is made where it is not there.
pub(super) struct HostDirectory(PathBuf);

impl HostDirectory {
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        make_directory(path)?;
        Ok(Self(path.to_owned()))
    }

    fn path(&self, number: u32) -> PathBuf {
        self.0.join(format!("{PREFIX}{number:06}"))
    }
}

impl Disk for HostDirectory {
    type File = File;

    fn open(&mut self) -> io::Result<Vec<(u32, File)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.parse().ok());
            if let Some(number) = number {
                files.push((number, OpenOptions::new().read(true).write(true).open(self.path(number))?));
            }
        }
        Ok(files)
    }

    fn create(&mut self, number: u32, len: u64) -> io::Result<File> {
        let path = self.path(number);
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(true).mode(0o640);
        let file = options.open(&path)?;
        let reserved =
            reserve(&file, len).and_then(|()| file.sync_all()).and_then(|()| sync_directory(&self.0));
        match reserved {
            Ok(()) => Ok(file),
            Err(error) => {
                // It takes room that may be what is missing.
                drop(fs::remove_file(&path));
                Err(error)
            }
        }
    }

    fn remove(&mut self, number: u32) -> io::Result<()> {
        fs::remove_file(self.path(number))
    }
}

impl DiskFile for File {
    fn len(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, at: u64, bytes: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match FileExt::read_at(self, rest, at + read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(read)
    }

    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.set_len(len)
    }
}

fn reserve(file: &File, len: u64) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, len) {
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
            let zeros = vec![0; PIECE];
            let mut at = 0;
            while at < len {
                let piece = usize::try_from(len - at).unwrap_or(PIECE).min(PIECE);
                file.write_all_at(zeros.get(..piece).unwrap_or_default(), at)?;
                at += piece as u64;
            }
            Ok(())
        }
        done => Ok(done?),
    }
}

/// Makes a directory that survives a power cut, with those above it; nobody but the owner and the group may look in.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    if let Some(above) = above {
        make_directory(above)?;
    }
    match fs::DirBuilder::new().mode(0o750).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    above.map_or(Ok(()), sync_directory)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
