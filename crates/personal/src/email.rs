//! E-mail addresses.

use std::ops::Range;

use super::Hits;
use super::Kind;
use super::digits::byte;

/// Ends of file names, which stand where a domain has its top level: `icon@2x.png`, `pkg@1.2.3.tgz`.
const FILES: [&str; 24] = [
    "png", "jpg", "jpeg", "gif", "svg", "webp", "css", "js", "mjs", "ts", "tsx", "json", "map", "html",
    "tgz", "gz", "zip", "tar", "jar", "wav", "mp3", "yaml", "yml", "lock",
];

pub(super) fn find(text: &[u8], hits: &mut Hits<'_>) {
    let signs = text.iter().enumerate().filter(|(_, byte)| **byte == b'@');
    for (at, _) in signs {
        if let Some(range) = around(text, at).filter(|range| !hits.is_passed(range)) {
            hits.add(Kind::Email, range.clone());
            hits.pass(range);
        }
    }
}

/// The address around an `@`.
fn around(text: &[u8], at: usize) -> Option<Range<usize>> {
    let start = local_start(text, at);
    let local = text.get(start..at)?;
    if !local.iter().any(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80)
        || is_in_authority(text, start)
        || is_machine_made(local)
    {
        return None;
    }
    let end = domain_end(text, at + 1)?;
    Some(start..end)
}

/// Where the part before the `@` begins.
fn local_start(text: &[u8], at: usize) -> usize {
    let mut start = at;
    while let Some(before) = start.checked_sub(1) {
        let sign = byte(text, before);
        let apostrophe = sign == b'\'' && start < at && is_particle(text, before);
        if !(is_local(sign) || apostrophe) {
            break;
        }
        start = before;
    }
    // Punctuation of the sentence.
    while start < at && matches!(byte(text, start), b'.' | b'-' | b'+') {
        start += 1;
    }
    start
}

fn is_local(sign: u8) -> bool {
    sign.is_ascii_alphanumeric() || matches!(sign, b'.' | b'_' | b'-' | b'+' | b'%') || sign >= 0x80
}

/// The apostrophe of `o'brien`, and not the one of `N'text'`.
fn is_particle(text: &[u8], apostrophe: usize) -> bool {
    let back = |by: usize| apostrophe.checked_sub(by).map_or(0, |at| byte(text, at));
    matches!(back(1), b'o' | b'O' | b'd' | b'D') && !back(2).is_ascii_alphanumeric()
}

/// Whether this is the part of a URL that names a host: `ssh://git@example.com`.
fn is_in_authority(text: &[u8], start: usize) -> bool {
    const BACK: usize = 256;
    let before = text.get(start.saturating_sub(BACK)..start).unwrap_or_default();
    let part = before.rsplit(|byte| matches!(byte, b'/' | b' ' | b'"' | b'\'' | b'<' | b'?' | b'=')).next();
    let slashes = before.len() - part.map_or(0, <[u8]>::len);
    before.get(..slashes).is_some_and(|front| front.ends_with(b"://"))
}

/// Ids of calls and messages look like addresses, and are what traces are joined by.
fn is_machine_made(local: &[u8]) -> bool {
    let hex = local.iter().all(|byte| byte.is_ascii_hexdigit() || *byte == b'-');
    let (digits, letters) = local.iter().fold((0, 0), |(digits, letters), byte| {
        (digits + usize::from(byte.is_ascii_digit()), letters + usize::from(byte.is_ascii_alphabetic()))
    });
    hex && digits > 1 && letters > 0 && local.len() >= 10
}

/// Where the domain ends that begins at `start`: labels, the last of them letters.
fn domain_end(text: &[u8], start: usize) -> Option<usize> {
    let is_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte >= 0x80;
    let mut end = start;
    let mut labels = 0;
    let mut last = start..start;
    loop {
        let label = end;
        while is_label(byte(text, end)) {
            end += 1;
        }
        if end == label || byte(text, label) == b'-' {
            break;
        }
        labels += 1;
        last = label..end;
        if byte(text, end) != b'.' {
            break;
        }
        end += 1;
    }
    let top = text.get(last.clone())?;
    let letters = top.iter().all(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80);
    let named = letters || top.get(..4).is_some_and(|front| front.eq_ignore_ascii_case(b"xn--"));
    let file = FILES.iter().any(|file| file.as_bytes().eq_ignore_ascii_case(top));
    (labels > 1 && top.len() > 1 && named && !file).then_some(last.end)
}
