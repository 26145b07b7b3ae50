//! What went wrong, in words that fit one line.

use std::error::Error;

/// Characters of a peer's text that are worth a log line.
const LONGEST: usize = 300;

/// A peer's text on one line, cut where it grows too long.
pub(crate) fn short(text: &str) -> String {
    let mut words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = words.next().unwrap_or_default().to_owned();
    for word in words.take(LONGEST) {
        line.push(' ');
        line.push_str(word);
    }
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => {
            line.truncate(end);
            line + "…"
        }
        None => line,
    }
}

/// An error with its causes, each said once.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    let mut line = String::new();
    for cause in causes.map(ToString::to_string) {
        if !line.contains(&cause) {
            line = if line.is_empty() { cause } else { format!("{line}: {cause}") };
        }
    }
    short(&line) + mend(&line)
}

/// What to do about failures that the configuration can mend.
fn mend(line: &str) -> &'static str {
    if line.contains("UnknownIssuer") || line.contains("BadSignature") {
        " (trust the server's authority with `tls::ca_file`)"
    } else if line.contains("CertificateRequired") {
        " (the server wants a certificate: `tls::cert_file` and `tls::key_file`)"
    } else if line.contains("InvalidContentType") || line.contains("CorruptMessage") {
        " (the server does not speak TLS: `http://`, or `tls: {insecure: true}` for gRPC)"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn causes_are_told_once() {
        let inner = std::io::Error::other("connection refused");
        let outer = std::io::Error::other(inner);
        assert_eq!(chain(&outer), "connection refused");
        let tls = std::io::Error::other("invalid peer certificate: UnknownIssuer");
        assert_eq!(
            chain(&tls),
            "invalid peer certificate: UnknownIssuer (trust the server's authority with `tls::ca_file`)"
        );
    }

    proptest! {
        #[test]
        fn a_peers_text_fits_a_line(text: String) {
            let line = short(&text);
            prop_assert!(line.chars().count() <= LONGEST + 1);
            prop_assert!(!line.contains(char::is_control));
        }
    }
}
