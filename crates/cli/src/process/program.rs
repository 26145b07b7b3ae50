//! Pages of the program file that only the start needed.

use std::ops::Range;

/// Lets them go. The start passes through much more of the program than what follows does, and what it has passed counts
/// as memory of this process until somebody else needs it. What is used after all comes back from the system's cache of
/// the file, at a microsecond for each 64 KiB.
#[expect(unsafe_code, reason = "madvise has no safe wrapper; counted by tests/structure.rs")]
pub(crate) fn forget_start() {
    let (Ok(program), Ok(mappings)) = (std::env::current_exe(), std::fs::read_to_string("/proc/self/smaps"))
    else {
        return;
    };
    for Range { start, end } in untouched(&mappings, &program.to_string_lossy()) {
        // SAFETY: the pages are mapped from the program's file, nobody may write to them, and the system has no copy that
        // differs from the file: the next access, by whatever thread and at whatever time, reads the same bytes from the
        // file, which the system keeps from being written to while it runs.
        let gone = unsafe {
            libc::madvise(std::ptr::with_exposed_provenance_mut(start), end - start, libc::MADV_DONTNEED)
        };
        if gone != 0 {
            tracing::debug!(error = %std::io::Error::last_os_error(), "pages of the start stay");
        }
    }
}

/// The mappings of a file that cannot be written to and are in every page as the file is, from a text as that of
/// `/proc/self/smaps` (proc(5)).
fn untouched(smaps: &str, file: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut candidate = None;
    for line in smaps.lines() {
        if let Some(range) = mapping(line) {
            candidate = (range.1 == file).then_some(range.0).flatten();
        } else if let Some(copied) = line.strip_prefix("Anonymous:")
            && let Some(range) = candidate.take()
            && copied.trim() == "0 kB"
        {
            found.push(range);
        }
    }
    found
}

/// Where a mapping begins and ends, if it is private and cannot be written to, and its file.
fn mapping(line: &str) -> Option<(Option<Range<usize>>, &str)> {
    let mut fields = line.splitn(6, ' ');
    let (start, end) = fields.next()?.split_once('-')?;
    let address = |hex| usize::from_str_radix(hex, 16).ok();
    let range = address(start)?..address(end)?;
    let fixed = matches!(fields.next()?, "r--p" | "r-xp");
    Some((fixed.then_some(range), fields.nth(3).unwrap_or_default().trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMAPS: &str = "\
55d000000000-55d000002000 r--p 00000000 fe:00 5178 /opt/a program
Rss:                   8 kB
Anonymous:             0 kB
55d000002000-55d000009000 r-xp 00002000 fe:00 5178 /opt/a program
Anonymous:             0 kB
55d000009000-55d00000a000 r--p 00009000 fe:00 5178 /opt/a program
Anonymous:             4 kB
55d00000a000-55d00000b000 rw-p 0000a000 fe:00 5178 /opt/a program
Anonymous:             0 kB
7f0000000000-7f0000001000 r-xp 00000000 fe:00 99                         /lib/another.so
Anonymous:             0 kB
7f0000001000-7f0000002000 r--p 00000000 00:00 0
Anonymous:             0 kB
";

    #[test]
    fn what_was_written_to_or_may_be_stays() {
        let found = untouched(SMAPS, "/opt/a program");
        assert_eq!(found, [0x55d0_0000_0000..0x55d0_0000_2000, 0x55d0_0000_2000..0x55d0_0000_9000]);
        assert!(untouched(SMAPS, "/opt/nothing").is_empty());
    }

    /// Relocated tables are copies: they would be lost.
    #[test]
    fn the_program_goes_on_after_it() {
        let speak: fn(u32) -> String = std::hint::black_box(|number| format!("{number:?}"));
        let before = speak(7);
        forget_start();
        assert_eq!((before.as_str(), speak(7).as_str()), ("7", "7"));
    }
}
