//! Addresses, and what is none.

use std::fmt;
use std::str::FromStr;

/// Most characters of an address.
const LONGEST: usize = 320;
/// Most characters that are searched for a context.
const LONGEST_LOOKED_AT: usize = 2048;
const LONGEST_USER: usize = 64;
const LONGEST_HOST: usize = 253;
/// Digits of a trace id, in whatever format its context is written.
const TRACE_ID: usize = 32;

/// Whom a call goes to: `tel:` with a number of E.164, or `sip:user@host`, and nothing beside it.
///
/// `participantAddress` and `phoneNumber` are addresses; the service answers 400 to anything else in them, a trace
/// context above all. Here such an address cannot be made: no parameters, no headers, and nothing with the digits of a
/// trace id, encoded or not. Contexts travel by a [`Carrier`](super::Carrier).
///
/// ```
/// use throughline_sdk::genesys::calls::{Address, AddressError};
///
/// let address: Address = "+6598765432".parse()?;
/// assert_eq!(address.as_str(), "tel:+6598765432");
/// let context = "tel:+6598765432;traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// assert_eq!(context.parse::<Address>(), Err(AddressError::Context));
/// # Ok::<(), AddressError>(())
/// ```
///
/// `Debug` shows the scheme alone: numbers are personal data.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Address {
    text: String,
}

/// Why a text is no address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// It holds a trace context, or the beginning of one.
    #[error(
        "an address cannot hold a trace context: leave the address as it is, the context travels in the carriers of the dialect"
    )]
    Context,
    /// Neither `tel:` nor `sip:`.
    #[error("an address is tel:+6512345678, +6512345678 or sip:user@host")]
    Scheme,
    /// `tel:`, but not a number of E.164.
    #[error(
        "tel: takes a number of E.164: + and 3 to 15 digits of which the first is not 0, without spaces, dashes and parameters"
    )]
    Number,
    /// `sip:`, but not user and host.
    #[error(
        "sip: takes user@host or user@host:port: letters, digits and - _ . + in the user (others as %XX), a name or an IPv4 address as the host, no parameters (;) and no headers (?)"
    )]
    Sip,
    /// More than 320 characters, 64 in the user, 253 in the host.
    #[error("an address has at most 320 characters, 64 before the @ and 253 behind it")]
    TooLong,
}

impl Address {
    /// With its scheme, in lower case: `tel:+6598765432`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The number with its plus sign; nothing for `sip:`.
    pub fn number(&self) -> Option<&str> {
        self.text.strip_prefix("tel:")
    }

    /// `phoneNumber` and `callerId`: numbers stand there without a scheme.
    pub(super) fn bare(&self) -> &str {
        self.number().unwrap_or(&self.text)
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// A number may stand without `tel:`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > LONGEST_LOOKED_AT {
            return Err(AddressError::TooLong);
        }
        let lower = text.to_ascii_lowercase();
        if holds_context(&lower) {
            return Err(AddressError::Context);
        }
        if text.len() > LONGEST {
            return Err(AddressError::TooLong);
        }
        if let Some(rest) = lower.strip_prefix("sip:") {
            let rest = text.get(text.len() - rest.len()..).unwrap_or_default();
            sip(rest)?;
            return Ok(Self { text: format!("sip:{rest}") });
        }
        let number = lower.strip_prefix("tel:").unwrap_or(&lower);
        match number.strip_prefix('+') {
            Some(digits) if is_e164(digits) => Ok(Self { text: format!("tel:{number}") }),
            None if number.len() == lower.len() => Err(AddressError::Scheme),
            _ => Err(AddressError::Number),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.number().is_some() { "Address(tel)" } else { "Address(sip)" })
    }
}

fn is_e164(digits: &str) -> bool {
    (3..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn sip(rest: &str) -> Result<(), AddressError> {
    let (user, host) = rest.split_once('@').ok_or(AddressError::Sip)?;
    if user.len() > LONGEST_USER || host.len() > LONGEST_HOST {
        return Err(AddressError::TooLong);
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+%".contains(&byte);
    // What is encoded is a character that could not stand here, and none that parts one thing from another.
    let encoded = |byte: u8| byte.is_ascii_graphic() && !b"%;?=,&:<>\"".contains(&byte);
    let user_is_one = !user.is_empty() && user.bytes().all(plain);
    let decoded = decode(user.as_bytes()).ok_or(AddressError::Sip)?;
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let is_port = |port: &str| {
        port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    let fits = user_is_one
        && decoded.iter().all(|byte| encoded(*byte))
        && name.split('.').all(label)
        && port.is_none_or(is_port);
    if fits { Ok(()) } else { Err(AddressError::Sip) }
}

/// A name of a header of contexts, or as many hexadecimal digits in a row as a trace id has, however deep encoded.
pub(super) fn holds_context(lower: &str) -> bool {
    let mut text = lower.as_bytes().to_vec();
    loop {
        let words = [b"traceparent".as_slice(), b"tracestate"];
        let named = words.iter().any(|word| text.windows(word.len()).any(|part| part == *word));
        let mut digits = text.split(|byte| !byte.is_ascii_hexdigit());
        if named || digits.any(|run| run.len() >= TRACE_ID) {
            return true;
        }
        // Where it is not well encoded, it is no address either.
        match decode(&text) {
            Some(decoded) if decoded.len() < text.len() => text = decoded.to_ascii_lowercase(),
            _ => return false,
        }
    }
}

/// Without its percent encoding; nothing where that is broken.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = text.iter().copied();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        } else {
            byte
        });
    }
    Some(decoded)
}

#[cfg(test)]
mod tests;
