//! Processor time as the scheduler counts it, to the nanosecond: of a process, its threads and its children. Linux only.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// What a process and all that come from it have used, and hold, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Family {
    /// Time on a processor of all threads that live. Threads that have ended took theirs with them.
    pub cpu: Duration,
    /// Resident memory; what processes share counts once for each of them.
    pub rss_bytes: u64,
    pub processes: usize,
}

impl Family {
    pub fn of(pid: u32) -> io::Result<Self> {
        let mut family = Self::default();
        for pid in descendants(pid)? {
            let process = Path::new("/proc").join(pid.to_string());
            // One that ends meanwhile counts no more.
            let Ok(threads) = fs::read_dir(process.join("task")) else { continue };
            for thread in threads.filter_map(Result::ok) {
                let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
                family.cpu += on_processor(&text).unwrap_or_default();
            }
            let status = fs::read_to_string(process.join("status")).unwrap_or_default();
            family.rss_bytes += super::usage::kibibytes(&status, "VmRSS:").unwrap_or(0);
            family.processes += 1;
        }
        if family.processes == 0 {
            return Err(io::Error::other(format!("process {pid} is gone")));
        }
        Ok(family)
    }
}

/// The process itself first.
fn descendants(pid: u32) -> io::Result<Vec<u32>> {
    let mut pairs = Vec::new();
    for entry in fs::read_dir("/proc")?.filter_map(Result::ok) {
        let Some(child) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        pairs.extend(parent(&stat).map(|parent| (child, parent)));
    }
    let (mut all, mut known) = (vec![pid], HashSet::from([pid]));
    let mut next = 0;
    while let Some(parent) = all.get(next).copied() {
        let children = pairs.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child);
        all.extend(children.filter(|child| known.insert(*child)).collect::<Vec<_>>());
        next += 1;
    }
    Ok(all)
}

fn parent(stat: &str) -> Option<u32> {
    // The second field is the name of the program, which may hold spaces and brackets.
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(1)?.parse().ok()
}

fn on_processor(schedstat: &str) -> Option<Duration> {
    schedstat.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_the_kernel_are_read() {
        assert_eq!(parent("77 (a (b) c) S 12 77 77 0"), Some(12));
        assert_eq!(on_processor("1500000 200 3\n"), Some(Duration::from_micros(1500)));
        assert_eq!((parent("77"), on_processor("")), (None, None));
    }

    #[test]
    fn a_child_counts() {
        let alone = Family::of(std::process::id()).unwrap();
        assert!(alone.cpu > Duration::ZERO && alone.rss_bytes > 0);
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let family = descendants(std::process::id()).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(family.contains(&child.id()));
        assert!(Family::of(child.id()).is_err());
    }
}
