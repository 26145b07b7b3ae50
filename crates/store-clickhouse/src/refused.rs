//! From what a server says to errors of ours, with the mend for those that people meet.

use store_api::StoreError;

/// The server answered with an error.
#[derive(Debug)]
pub(crate) struct Refused {
    /// ClickHouse's own number of it; 0 where it told none.
    pub(crate) code: u32,
    /// Without the number and the version.
    pub(crate) text: String,
}

/// What is shown of an error.
const LONGEST: usize = 600;

pub(crate) const UNKNOWN_DATABASE: u32 = 81;
pub(crate) const UNKNOWN_TABLE: u32 = 60;
const AUTHENTICATION_FAILED: u32 = 516;
const NOT_ENOUGH_PRIVILEGES: u32 = 497;

impl Refused {
    /// `Code: 60. DB::Exception: … (UNKNOWN_TABLE) (version 26.9.2.1 …)`
    pub(crate) fn of(status: u16, code: Option<u32>, body: &str) -> Self {
        let text = body.trim();
        let text = text.rsplit_once(" (version ").map_or(text, |(text, _)| text);
        let (told, text) = match text.strip_prefix("Code: ").and_then(|rest| rest.split_once(". ")) {
            Some((number, text)) => (number.parse().ok(), text),
            None => (None, text),
        };
        let text = text.strip_prefix("DB::Exception: ").unwrap_or(text);
        let end = text.floor_char_boundary(LONGEST);
        let text = text.get(..end).unwrap_or(text);
        let text = if text.is_empty() { format!("status {status}") } else { text.to_owned() };
        Self { code: code.or(told).unwrap_or(0), text }
    }

    pub(crate) fn into_error(self, place: &str) -> StoreError {
        let mend = match self.code {
            AUTHENTICATION_FAILED | 192..=194 => {
                "; set `username` and `password` of `clickhouse_store` as the server knows them"
            }
            NOT_ENOUGH_PRIVILEGES => "; docs/clickhouse.md lists the rights that the user needs",
            UNKNOWN_DATABASE | UNKNOWN_TABLE => {
                "; somebody has dropped it: throughline makes it again when it starts"
            }
            243 | 252 => "; give the server more room, or send fewer and larger batches (processor `batch`)",
            241 => "; give the server more memory, or ask for a shorter range",
            159 => "; raise `timeout` of `clickhouse_store`, or ask for a shorter range",
            _ => "",
        };
        StoreError::Server { place: place.to_owned(), why: self.text, mend }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_understood() {
        let told = "Code: 516. DB::Exception: default: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED) (version 26.9.2.1 (official build))\n";
        let refused = Refused::of(403, None, told);
        assert_eq!(refused.code, 516);
        let error = refused.into_error("http://db:8123/").to_string();
        assert_eq!(
            error,
            "http://db:8123/: default: Authentication failed: password is incorrect. (AUTHENTICATION_FAILED); set `username` and `password` of `clickhouse_store` as the server knows them"
        );
        for (body, code, text) in [
            ("", 0, "status 502"),
            ("<html>Bad gateway</html>", 0, "<html>Bad gateway</html>"),
            ("Code: 60. DB::Exception: no", 60, "no"),
            ("Code: x. no", 0, "no"),
            ("Code: 7", 0, "Code: 7"),
        ] {
            let refused = Refused::of(502, None, body);
            assert_eq!((refused.code, refused.text.as_str()), (code, text));
        }
        assert_eq!(Refused::of(500, Some(9), &"ä".repeat(1000)).text.len(), LONGEST);
    }
}
