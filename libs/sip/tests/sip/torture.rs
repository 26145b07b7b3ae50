//! The messages of RFC 4475: what is accepted, what is refused and why, what the views say.

use std::fmt::Write;

use expect_test::expect_file;
use throughline_sip::{Limits, Message, Refusal, Start};

use crate::checks::intact;
use crate::corpus::torture;

/// Section 3.1.1.
const VALID: [&str; 13] = [
    "wsinv",
    "intmeth",
    "esc01",
    "escnull",
    "esc02",
    "lwsdisp",
    "longreq",
    "dblreq",
    "semiuri",
    "transports",
    "mpart01",
    "unreason",
    "noreason",
];

/// Section 3.1.2: those that no element may accept.
const INVALID: [&str; 12] = [
    "badinv01",
    "clerr",
    "ncl",
    "scalar02",
    "scalarlg",
    "quotbal",
    "ltgtruri",
    "lwsruri",
    "regbadct",
    "badvers",
    "mismatch01",
    "mismatch02",
];

/// Section 3.1.2: those that a liberal element may accept.
const FORGIVEN: [&str; 6] = ["lwsstart", "trws", "escruri", "baddate", "badaspec", "baddn"];

#[test]
fn verdicts_and_views() {
    let mut table = String::new();
    for (name, bytes) in torture() {
        let line = match Message::parse(&bytes[..], &Limits::default()) {
            Ok(message) => format!("{}\n    {}", views(&message), verdict(&message)),
            Err(error) => error.to_string(),
        };
        writeln!(table, "{name}\n    {line}").unwrap();
    }
    expect_file!["torture.txt"].assert_eq(&table);
}

#[test]
fn valid_ones_are_taken_strictly_and_come_out_as_they_came() {
    let all = torture();
    for name in VALID {
        let (_, bytes) = all.iter().find(|(found, _)| found == name).unwrap();
        let message = Message::parse(&bytes[..], &Limits::default()).unwrap();
        assert_eq!(message.check_strictly(), Ok(()), "{name}");
        assert!(message.top_via().is_ok() && message.from().is_ok() && message.to().is_ok(), "{name}");
        assert!(message.cseq().is_ok() && message.call_id().is_ok(), "{name}");
        let written = message.edit().write();
        // The bytes after Content-Length are another message, and a stray line end.
        let tail: usize = match name {
            "dblreq" => bytes.len() - written.len(),
            "mpart01" => 2,
            _ => 0,
        };
        assert_eq!(written, bytes[..bytes.len() - tail], "{name}");
    }
}

#[test]
fn invalid_ones_are_refused() {
    let all = torture();
    let check = |name: &str, strictly: bool| -> Result<(), Refusal> {
        let (_, bytes) = all.iter().find(|(found, _)| found == name).unwrap();
        let message = Message::parse(&bytes[..], &Limits::default()).unwrap();
        if strictly { message.check_strictly() } else { message.check().map(drop) }
    };
    for name in INVALID {
        assert!(check(name, false).is_err(), "{name}");
    }
    for name in FORGIVEN {
        assert_eq!(check(name, false), Ok(()), "{name}");
        assert!(check(name, true).is_err(), "{name}");
    }
}

#[test]
fn views_lose_no_byte() {
    for (_, bytes) in torture() {
        intact(&bytes);
    }
}

fn views(message: &Message<&[u8]>) -> String {
    let start = match message.start() {
        Start::Request { method, uri, .. } => {
            let uri = uri.escape_ascii().to_string();
            format!("{method} {}", uri.get(..60).unwrap_or(&uri))
        }
        Start::Status { code, .. } => code.to_string(),
    };
    let text = |value: Option<&[u8]>| value.map_or("-".to_owned(), |value| value.escape_ascii().to_string());
    format!(
        "{start}\n    via {} x{} from {} to {} cseq {} hops {} body {}",
        message.top_via().map_or_else(|fault| fault.to_string(), |via| text(via.branch())),
        message.vias().count(),
        message.from().map_or_else(
            |fault| fault.to_string(),
            |from| text(from.tag().map(|tag| &tag[..tag.len().min(20)]))
        ),
        message.to().map_or_else(|fault| fault.to_string(), |to| text(to.tag())),
        message.cseq().map_or_else(|fault| fault.to_string(), |cseq| cseq.number.to_string()),
        message.max_forwards().map_or_else(|fault| fault.to_string(), |hops| format!("{hops:?}")),
        message.body().len(),
    )
}

fn verdict(message: &Message<&[u8]>) -> String {
    match (message.check(), message.check_strictly()) {
        (Err(refusal), _) => format!("refused with {}: {refusal}", refusal.status()),
        (Ok(_), Err(refusal)) => format!("forgiven: {refusal}"),
        (Ok(_), Ok(())) => "taken".to_owned(),
    }
}
