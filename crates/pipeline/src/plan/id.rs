//! Names of components and pipelines: `type[/name]`.

const MAX_TYPE: usize = 63;
const MAX_NAME: usize = 1024;

/// An id taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Id<'a> {
    pub(super) kind: &'a str,
    pub(super) name: Option<&'a str>,
}

/// Reads an id; the error says what is wrong with it.
pub(super) fn parse(id: &str) -> Result<Id<'_>, String> {
    let (kind, name) = match id.split_once('/') {
        Some((kind, name)) => (kind, Some(name)),
        None => (id, None),
    };
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !kind.starts_with(|c: char| c.is_ascii_alphabetic()) || !kind.chars().all(letters) {
        return Err("the type must be letters, digits and _, and begin with a letter".into());
    }
    if kind.len() > MAX_TYPE {
        return Err(format!("the type is longer than {MAX_TYPE} characters"));
    }
    match name {
        Some("") => Err("the name behind `/` is missing".into()),
        Some(name) if name.chars().count() > MAX_NAME => {
            Err(format!("the name is longer than {MAX_NAME} characters"))
        }
        Some(name) if name.chars().any(|c| c.is_control() || c.is_whitespace()) => {
            Err("the name holds a space or a control character".into())
        }
        _ => Ok(Id { kind, name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        for (id, kind, name) in [
            ("otlp", "otlp", None),
            ("otlp/2", "otlp", Some("2")),
            ("otlp/a/b", "otlp", Some("a/b")),
            ("o_1/é", "o_1", Some("é")),
        ] {
            assert_eq!(parse(id), Ok(Id { kind, name }));
        }
        let long = "x".repeat(64);
        for id in ["", "/x", "1otlp", "ot-lp", "otlp/", "otlp/a b", "otlp/a\u{7}", "_x", &long] {
            assert!(parse(id).is_err(), "{id}");
        }
        assert!(parse(&format!("otlp/{}", "é".repeat(1024))).is_ok());
        assert!(parse(&format!("otlp/{}", "é".repeat(1025))).is_err());
    }
}
