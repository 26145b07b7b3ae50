//! Words around a number that say what it is.

/// Steps of keys and words in texts that name a phone number.
const PHONE: [&str; 32] = [
    "phone",
    "phones",
    "telephone",
    "tel",
    "mobile",
    "mobil",
    "cell",
    "cellphone",
    "handset",
    "msisdn",
    "ani",
    "dnis",
    "cli",
    "clid",
    "clip",
    "callerid",
    "caller",
    "callee",
    "calling",
    "called",
    "fax",
    "whatsapp",
    "sms",
    "dialed",
    "dialled",
    "callback",
    "landline",
    "telefon",
    "telefono",
    "telefone",
    "handy",
    "movil",
];
/// Words that may stand before a phone number, and before much else.
const PERHAPS: [&str; 12] = [
    "from",
    "to",
    "call",
    "dial",
    "dialing",
    "dialling",
    "contact",
    "rang",
    "ring",
    "transfer",
    "transferred",
    "reach",
];
/// Last steps of a name for something about a phone, which is no number.
const NO_NUMBER: [&str; 25] = [
    "id",
    "ids",
    "uuid",
    "guid",
    "count",
    "time",
    "timestamp",
    "at",
    "ms",
    "ns",
    "us",
    "s",
    "duration",
    "seconds",
    "size",
    "length",
    "version",
    "code",
    "status",
    "port",
    "type",
    "ip",
    "address",
    "host",
    "epoch",
];
/// Before `id` these still name a number.
const WITH_ID: [&str; 4] = ["caller", "calling", "called", "callee"];
/// Words between the one that counts and the number.
const FILLERS: [&str; 16] = [
    "number", "numbers", "no", "num", "nr", "is", "was", "in", "like", "values", "value", "eq", "e164", "on",
    "at", "id",
];
/// Words that name a card number.
const CARD: [&str; 12] = [
    "card",
    "pan",
    "cc",
    "visa",
    "mastercard",
    "amex",
    "credit",
    "debit",
    "creditcard",
    "cardnumber",
    "account",
    "maestro",
];
/// Words that name an id of a trace, which may well be all digits.
const TRACE: [&str; 5] = ["trace", "span", "traceid", "spanid", "traceparent"];

/// Words that name a number of something else.
const OTHER: [&str; 18] = [
    "order",
    "invoice",
    "sku",
    "ean",
    "isbn",
    "ticket",
    "case",
    "tracking",
    "reference",
    "ref",
    "serial",
    "part",
    "article",
    "item",
    "batch",
    "version",
    "build",
    "offset",
];

/// How far back a word is sought, in bytes.
const BACK: usize = 48;

/// What a word says about the number behind it, or a key about its value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Says {
    Phone,
    Perhaps,
    Card,
    Trace,
    /// A number of something else.
    Other,
    #[default]
    Nothing,
}

/// What a key says about its value.
pub(super) fn key(key: &[u8]) -> Says {
    let steps = Steps(key);
    let (mut phone, mut perhaps, mut card, mut trace, mut other) = (false, false, false, false, false);
    let (mut last, mut before): (&[u8], &[u8]) = (b"", b"");
    for step in steps {
        phone |= is(step, &PHONE);
        perhaps |= is(step, &PERHAPS);
        card |= is(step, &CARD);
        trace |= is(step, &TRACE);
        other |= is(step, &OTHER);
        (before, last) = (last, step);
    }
    let no_number = is(last, &NO_NUMBER) && !(last.eq_ignore_ascii_case(b"id") && is(before, &WITH_ID));
    match () {
        () if trace => Says::Trace,
        () if no_number => Says::Nothing,
        () if phone => Says::Phone,
        () if other => Says::Other,
        () if card => Says::Card,
        () if perhaps => Says::Perhaps,
        () => Says::Nothing,
    }
}

/// What stands before a number: its key in a query, in JSON or in SQL, or a word of a sentence.
pub(super) fn before(text: &[u8], at: usize) -> Says {
    let mut rest = text.get(at.saturating_sub(BACK)..at).unwrap_or_default();
    for _ in 0..3 {
        let Some(word) = last_word(&mut rest) else { return Says::Nothing };
        if !is(word, &FILLERS) {
            return key(word);
        }
    }
    Says::Nothing
}

/// Takes the last word off, with what stands behind it.
fn last_word<'t>(rest: &mut &'t [u8]) -> Option<&'t [u8]> {
    let end = rest.iter().rposition(|byte| is_word(*byte))? + 1;
    // A sentence or a clause in between, and the word has nothing to do with it.
    let gap = rest.get(end..)?;
    if gap.len() > 6 || gap.iter().any(|byte| matches!(byte, b'\n' | b';' | b'&' | b'}')) {
        return None;
    }
    let start = rest.get(..end)?.iter().rposition(|byte| !is_word(*byte)).map_or(0, |at| at + 1);
    let word = rest.get(start..end)?;
    *rest = rest.get(..start)?;
    Some(word)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

fn is(step: &[u8], list: &[&str]) -> bool {
    list.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(step))
}

/// `customer.phoneNumber` in steps: `customer`, `phone`, `Number`.
struct Steps<'t>(&'t [u8]);

impl<'t> Iterator for Steps<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let start = self.0.iter().position(u8::is_ascii_alphanumeric)?;
        let rest = self.0.get(start..)?;
        let hump = |pair: &[u8]| matches!(pair, [a, b] if !a.is_ascii_uppercase() && b.is_ascii_uppercase());
        let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let end = rest.windows(2).position(hump).map_or(end, |at| end.min(at + 1));
        self.0 = rest.get(end..)?;
        rest.get(..end)
    }
}
