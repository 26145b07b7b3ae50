//! The parts of a body (RFC 2046, section 5.1): hops that add a body of their own to an answer wrap the echo's.

/// Bodies within bodies that are looked into.
const DEEPEST: usize = 4;
const MOST_PARTS: usize = 64;
/// By RFC 2046, section 5.1.1.
const LONGEST_BOUNDARY: usize = 70;

/// The first body of this media type: all of it, or a part. Nothing of what has no such part, or no end.
pub(super) fn find<'b>(kind: &[u8], body: &'b [u8], wanted: &str) -> Option<&'b [u8]> {
    within(kind, body, wanted.as_bytes(), DEEPEST)
}

fn within<'b>(kind: &[u8], body: &'b [u8], wanted: &[u8], deeper: usize) -> Option<&'b [u8]> {
    let media = kind.split(|byte| *byte == b';').next()?.trim_ascii();
    if media.eq_ignore_ascii_case(wanted) {
        return Some(body);
    }
    let deeper = deeper.checked_sub(1)?;
    if !media.get(..10)?.eq_ignore_ascii_case(b"multipart/") {
        return None;
    }
    let boundary = boundary(kind)?;
    Parts { rest: body, boundary: &boundary }.take(MOST_PARTS).find_map(|part| {
        let (kind, body) = opened(part);
        within(&kind?, body, wanted, deeper)
    })
}

/// The parameter; what is quoted may hold what else ends one.
fn boundary(kind: &[u8]) -> Option<Vec<u8>> {
    let mut rest = kind;
    loop {
        let at = end_of_param(rest)?;
        rest = rest.get(at + 1..)?;
        let param = rest.get(..end_of_param(rest).unwrap_or(rest.len()))?;
        let Some(equals) = param.iter().position(|byte| *byte == b'=') else { continue };
        let (name, value) = param.split_at_checked(equals)?;
        if name.trim_ascii().eq_ignore_ascii_case(b"boundary") {
            let value = throughline_sip::unquote(value.get(1..)?.trim_ascii()).into_owned();
            return (1..=LONGEST_BOUNDARY).contains(&value.len()).then_some(value);
        }
    }
}

fn end_of_param(text: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.iter().position(|byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' => return !quoted,
            _ => {}
        }
        false
    })
}

/// What stands between two lines of the boundary.
struct Parts<'b, 'k> {
    rest: &'b [u8],
    boundary: &'k [u8],
}

impl<'b> Iterator for Parts<'b, '_> {
    type Item = &'b [u8];

    fn next(&mut self) -> Option<&'b [u8]> {
        let (_, behind) = self.cut(self.rest)?;
        let (part, _) = self.cut(behind)?;
        // The line that ends one part begins the next.
        self.rest = behind.get(part.len()..)?;
        Some(part)
    }
}

impl<'b> Parts<'b, '_> {
    /// What stands before the next line of the boundary, without the line end that belongs to it, and what stands behind that
    /// line: nothing behind the last.
    fn cut(&self, text: &'b [u8]) -> Option<(&'b [u8], &'b [u8])> {
        let mut at = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let behind = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(self.boundary));
            let Some(behind) = behind.filter(|behind| behind.trim_ascii_end().is_empty() || is_last(behind))
            else {
                at += line.len();
                continue;
            };
            let before = text.get(..at)?;
            let before = before.strip_suffix(b"\n").unwrap_or(before);
            let before = before.strip_suffix(b"\r").unwrap_or(before);
            let behind = if is_last(behind) { &[] } else { text.get(at + line.len()..)? };
            return Some((before, behind));
        }
        None
    }
}

fn is_last(behind: &[u8]) -> bool {
    behind.strip_prefix(b"--").is_some_and(|blank| blank.trim_ascii_end().is_empty())
}

/// The type of a part, if it says one, and what is in it.
fn opened(part: &[u8]) -> (Option<Vec<u8>>, &[u8]) {
    let mut kind: Option<Vec<u8>> = None;
    let (mut at, mut continues) = (0, false);
    for line in part.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        let line = line.trim_ascii_end();
        if line.is_empty() {
            break;
        }
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            if let Some(kind) = kind.as_mut().filter(|_| continues) {
                kind.extend_from_slice(line);
            }
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        continues = kind.is_none() && name.trim_ascii().eq_ignore_ascii_case(b"content-type");
        if continues {
            kind = Some(value.get(1..).unwrap_or_default().to_vec());
        }
    }
    (kind, part.get(at..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WANTED: &str = "message/sipfrag";

    #[test]
    fn the_part_is_found() {
        let mixed = "multipart/mixed;boundary=x";
        let cases: [(&str, &str, Option<&str>); 14] = [
            ("message/sipfrag", "a", Some("a")),
            (" Message/SipFrag ;version=2.0", "a", Some("a")),
            ("application/sdp", "a", None),
            (mixed, "--x\r\nContent-Type: message/sipfrag\r\n\r\na\r\n\r\n\r\n--x--", Some("a\r\n\r\n")),
            (mixed, "--x\nContent-Type: message/sipfrag\n\na\n--x--\n", Some("a")),
            (
                "multipart/mixed; start=\"a;b\\\"\"; Boundary=\"a;b c\"",
                "of no meaning\r\n--a;b c\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--a;b c  \r\ncontent-id: 1\r\n\
                 CONTENT-TYPE:\r\n message/sipfrag\r\n\r\na\r\n--a;b cd\r\n--a;b c--\r\n",
                Some("a\r\n--a;b cd"),
            ),
            (
                mixed,
                "--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n--y\r\nContent-Type: message/sipfrag\r\n\r\na\r\n--y--\r\n--x--",
                Some("a"),
            ),
            (mixed, "--x\r\n\r\na\r\n--x--", None),
            (mixed, "--x\r\nContent-Type: message/sipfrag\r\n\r\nno end", None),
            (mixed, "--x--\r\nContent-Type: message/sipfrag\r\n\r\na\r\n--x--", None),
            (mixed, "", None),
            ("multipart/mixed", "--\r\nContent-Type: message/sipfrag\r\n\r\na\r\n----", None),
            ("multipart/mixed;boundary=", "--\r\nContent-Type: message/sipfrag\r\n\r\na\r\n----", None),
            ("multi", "", None),
        ];
        for (kind, body, expected) in cases {
            let found = find(kind.as_bytes(), body.as_bytes(), WANTED);
            assert_eq!(found, expected.map(str::as_bytes), "{kind}: {body}");
        }
    }

    #[test]
    fn bodies_within_bodies_have_an_end() {
        let (mut kind, mut body) = (WANTED.to_owned(), "a".to_owned());
        for deep in 0..6 {
            let found = find(kind.as_bytes(), body.as_bytes(), WANTED);
            assert_eq!(found.is_some(), deep <= DEEPEST, "{deep}");
            body = format!("--{deep}\r\nContent-Type: {kind}\r\n\r\n{body}\r\n--{deep}--");
            kind = format!("multipart/mixed;boundary={deep}");
        }
    }

    proptest! {
        /// Of any body: nothing, or bytes of it.
        #[test]
        fn any_body_is_read(pieces in prop::collection::vec(
            prop_oneof![Just("--x"), Just("--"), Just("\r\n"), Just("\n"), Just("Content-Type: "), Just(WANTED),
                Just("multipart/mixed;boundary=x"), Just(" "), Just("a")], 0..40)) {
            let body = pieces.concat();
            if let Some(found) = find(b"multipart/mixed;boundary=x", body.as_bytes(), WANTED) {
                prop_assert!(body.contains(std::str::from_utf8(found).unwrap()));
                prop_assert!(!found.starts_with(b"--x\r\n"));
            }
        }
    }
}
