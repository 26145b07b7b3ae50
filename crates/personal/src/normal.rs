//! One form for what can be written in several, so that equal callers have equal hashes.

use super::Kind;

/// The form that is hashed. `country_code` is that of numbers without one.
///
/// Phone numbers become `+` and digits wherever their country is known, also in SIP and tel URIs; e-mail addresses and
/// users become lower case, account numbers upper case without gaps.
pub fn normal_form(kind: Kind, said: &[u8], country_code: Option<&str>) -> Vec<u8> {
    match kind {
        Kind::Card => said.iter().copied().filter(u8::is_ascii_digit).collect(),
        Kind::Iban => {
            said.iter().filter(|sign| sign.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase).collect()
        }
        Kind::Email => said.to_ascii_lowercase(),
        Kind::Phone => number(said, country_code),
        Kind::SipUri => {
            let user = said.split(|sign| matches!(sign, b';' | b':')).next().unwrap_or(said);
            let is_number = user.iter().filter(|sign| sign.is_ascii_digit()).count() >= 7
                && user.iter().all(|sign| sign.is_ascii_digit() || b"+-.()* ".contains(sign));
            if is_number { number(user, country_code) } else { said.to_ascii_lowercase() }
        }
    }
}

fn number(said: &[u8], country_code: Option<&str>) -> Vec<u8> {
    let plus = said.trim_ascii_start().first() == Some(&b'+');
    // In `+44 (0)20`, the zero is for callers inside the country.
    let said: Vec<u8> = if plus { without(said, b"(0)") } else { said.to_vec() };
    let digits: Vec<u8> = said.into_iter().filter(u8::is_ascii_digit).collect();
    let international = |rest: &[u8]| [b"+", rest].concat();
    let abroad = || digits.strip_prefix(b"00").or_else(|| digits.strip_prefix(b"011"));
    match country_code {
        _ if plus => international(&digits),
        _ if let Some(rest) = abroad().filter(|rest| rest.len() >= 9) => international(rest),
        Some("1") if digits.len() == 11 && digits.first() == Some(&b'1') => international(&digits),
        Some(code) => {
            let rest = digits.strip_prefix(b"0").unwrap_or(&digits);
            international(&[code.as_bytes(), rest].concat())
        }
        None => digits,
    }
}

fn without(text: &[u8], part: &[u8]) -> Vec<u8> {
    match text.windows(part.len()).position(|window| window == part) {
        Some(at) => {
            let (front, rest) = text.split_at(at);
            [front, rest.get(part.len()..).unwrap_or_default()].concat()
        }
        None => text.to_vec(),
    }
}
