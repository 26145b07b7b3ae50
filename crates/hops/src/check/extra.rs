//! Headers that a path asks for besides the probe's, such as `Authorization`. Their values are secrets.

use std::fmt;

use crate::field::Field;
use crate::outcome::Outcome;
use crate::probe::{MARK, Probe, Protocol};

/// Sent with every probe; never printed.
#[derive(Clone, Default)]
pub struct Extra(Vec<Field>);

#[derive(Debug, thiserror::Error)]
pub enum WrongHeader {
    #[error("a header to send is not written as `name: value`")]
    Form,
    #[error(
        "`{0}` is what the probes are about, or belongs to the connection: it cannot be sent with all of them"
    )]
    Ours(String),
    #[error("more than {MAX} headers to send")]
    TooMany,
}

const MAX: usize = 32;
const CONNECTION: [&str; 9] = [
    "user-agent",
    "host",
    "connection",
    "upgrade",
    "content-length",
    "content-type",
    "transfer-encoding",
    "te",
    "expect",
];

impl Extra {
    /// Adds one line.
    pub fn add(&mut self, line: &str) -> Result<(), WrongHeader> {
        let (name, value) = line.split_once(':').ok_or(WrongHeader::Form)?;
        let value = http::HeaderValue::from_str(value.trim()).map_err(|_| WrongHeader::Form)?;
        let name = http::HeaderName::try_from(name.trim()).map_err(|_| WrongHeader::Form)?;
        let is_probed = |probe: &Probe| probe.template.iter().any(|field| field.is(name.as_str()));
        let is_ours = name.as_str() == MARK
            || name.as_str().starts_with("sec-websocket-")
            || CONNECTION.contains(&name.as_str())
            || Probe::all(&Protocol::HTTP).iter().any(is_probed);
        if is_ours {
            return Err(WrongHeader::Ours(name.to_string()));
        }
        let value = value.to_str().map_err(|_| WrongHeader::Form)?;
        if self.0.len() == MAX {
            return Err(WrongHeader::TooMany);
        }
        self.0.push(Field::new(name.as_str(), format!(" {value}")));
        Ok(())
    }

    pub(super) fn fields(&self) -> impl Iterator<Item = Field> {
        self.0.iter().cloned()
    }

    /// Whoever was asked says what he heard: what is kept of that holds no secret.
    pub(super) fn take_from(&self, outcome: &mut Outcome) {
        match outcome {
            Outcome::Echoed(_, seen) => {
                seen.fields.retain(|seen| !self.0.iter().any(|own| seen.is(&own.name)))
            }
            Outcome::Foreign(answer) if self.0.iter().any(|own| answer.page.contains(own.value())) => {
                answer.page.clear();
            }
            _ => {}
        }
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|field| &field.name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Answer;

    #[test]
    fn a_header_is_taken_or_refused_without_its_value() {
        let mut extra = Extra::default();
        extra.add("Authorization: Bearer secret").unwrap();
        assert_eq!(format!("{extra:?}"), "[\"authorization\"]");
        assert_eq!(extra.fields().next().unwrap().raw, " Bearer secret");
        let mut outcome =
            Outcome::Foreign(Answer { page: "you said Bearer secret".to_owned(), ..Answer::default() });
        extra.take_from(&mut outcome);
        assert!(!format!("{outcome:?}").contains("secret"));
        for wrong in
            ["secret", "na me: secret", "a: sec\r\nret", "TraceParent: secret", "Host: secret", "b3: secret"]
        {
            let error = extra.add(wrong).unwrap_err().to_string();
            assert!(!error.contains("sec"), "{error}");
        }
    }
}
