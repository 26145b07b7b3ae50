//! What a process costs, as the kernel counts it. Linux only.

use std::io;
use std::path::Path;
use std::time::Duration;

/// The length of a clock tick in `/proc/<pid>/stat`: user space sees 100 a second on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// At one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// User and system time since the start, of all threads and of the children that have ended.
    pub cpu: Duration,
    pub rss_bytes: u64,
    /// The most since the start.
    pub peak_rss_bytes: u64,
}

impl Usage {
    /// Of a running process.
    pub fn of(pid: u32) -> io::Result<Self> {
        let process = Path::new("/proc").join(pid.to_string());
        let stat = std::fs::read_to_string(process.join("stat"))?;
        let status = std::fs::read_to_string(process.join("status"))?;
        parse(&stat, &status).ok_or_else(|| io::Error::other(format!("/proc/{pid} is not as expected")))
    }
}

fn parse(stat: &str, status: &str) -> Option<Usage> {
    // The second field is the name of the program, which may hold spaces and brackets.
    let (_, after_name) = stat.rsplit_once(')')?;
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(4).map_while(|field| field.parse::<u64>().ok()).sum();
    let rss_bytes = kibibytes(status, "VmRSS:")?;
    Some(Usage {
        cpu: TICK.mul_f64(ticks as f64),
        rss_bytes,
        peak_rss_bytes: kibibytes(status, "VmHWM:").unwrap_or(rss_bytes),
    })
}

pub(super) fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str =
        "77 (a (b) c) S 1 77 77 0 -1 4194304 98 0 0 0 150 50 7 3 20 0 4 0 104208 3133440 382 1";
    const STATUS: &str = "Name:\ta\nVmPeak:\t 9000 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";

    #[test]
    fn the_fields_of_the_kernel_are_read() {
        let usage = parse(STAT, STATUS).unwrap();
        assert_eq!(usage.cpu, Duration::from_millis(2100));
        assert_eq!((usage.rss_bytes, usage.peak_rss_bytes), (1 << 20, 2 << 20));
    }

    #[test]
    fn a_text_of_another_shape_is_refused() {
        assert_eq!(parse("77", STATUS), None);
        assert_eq!(parse(STAT, "Name:\ta\n"), None);
    }

    #[test]
    fn this_process_uses_memory() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.rss_bytes > 0 && usage.peak_rss_bytes >= usage.rss_bytes);
    }
}
