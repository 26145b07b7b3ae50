//! What the system says about memory. Linux tells by files; elsewhere nothing is known.

use std::fs::read_to_string;
use std::path::{Component, Path};

/// Bytes of this process that are in memory now.
pub(crate) fn resident_set() -> Option<u64> {
    kibibytes(&read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

/// Bytes that this process may take at most: the host's, or less where its control groups say so.
pub(super) fn total_memory() -> Option<u64> {
    total_below(Path::new("/"))
}

/// The same, with the system's files below `root`.
pub(super) fn total_below(root: &Path) -> Option<u64> {
    let host = kibibytes(&read_to_string(root.join("proc/meminfo")).ok()?, "MemTotal:")?;
    let groups = read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    groups.lines().filter_map(|line| group_limit(root, line)).chain([host]).min()
}

/// The lowest limit from a control group up to the root, both kinds of groups alike.
fn group_limit(root: &Path, line: &str) -> Option<u64> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (controllers, group) = (parts.next()?, parts.next()?);
    let (mount, file) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        list if list.split(',').any(|name| name == "memory") => {
            ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return None,
    };
    let steps = Path::new(group).components().filter(|step| matches!(step, Component::Normal(_)));
    let group: std::path::PathBuf = steps.collect();
    let limits = group.ancestors().filter_map(|group| {
        // `max` stands for no limit.
        read_to_string(root.join(mount).join(group).join(file)).ok()?.trim().parse().ok()
    });
    limits.min()
}

/// A field of a file with lines such as `VmRSS:     123 kB`, in bytes.
fn kibibytes(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}
