//! The key of hashes: from the settings (which take it from the environment) or from a file.

use flow::config::{Finding, Node};

use super::raw::{HashFunction, Raw};

/// Files of secrets are short.
const LONGEST_FILE: u64 = 4096;

/// The key, where one is needed and there.
pub(super) fn read(section: &Node, raw: &Raw, findings: &mut Vec<Finding>) -> Option<Vec<u8>> {
    let at = |key: &str| section.get(key).unwrap_or(section);
    let least = match raw.hash_function {
        Some(HashFunction::HmacSha512) => 64,
        _ => 32,
    };
    let hashes = matches!(raw.hash_function, Some(HashFunction::HmacSha256 | HashFunction::HmacSha512));
    let needed = hashes || raw.detectors.hash();
    let (key, node) = match (raw.hmac_key.0.as_str(), raw.hmac_key_file.as_str()) {
        ("", "") if needed => {
            let (what, node) = if hashes {
                ("`hash_function`", at("hash_function"))
            } else {
                ("the action `hash`", at("detectors"))
            };
            findings.push(Finding::error(node, format!("{what} needs a key")).help(
                "set `hmac_key: ${env:REDACTION_KEY}` or `hmac_key_file`; `openssl rand -hex 32` makes a key",
            ));
            return None;
        }
        ("", "") => return None,
        (_, "") => (raw.hmac_key.0.clone().into_bytes(), at("hmac_key")),
        ("", path) => match file(path) {
            Ok(key) => (key, at("hmac_key_file")),
            Err(why) => {
                findings.push(Finding::error(at("hmac_key_file"), format!("the key cannot be read: {why}")));
                return None;
            }
        },
        _ => {
            let finding = Finding::error(at("hmac_key_file"), "`hmac_key` and `hmac_key_file` are both set");
            findings.push(finding.help("keep one of them"));
            return None;
        }
    };
    if !needed {
        let finding = Finding::advice(node, "this key has no effect, since nothing is hashed with it");
        findings.push(finding.help("set `hash_function: hmac-sha256`, or the action `hash` of a detector"));
        return None;
    }
    if key.len() < least {
        let message = format!("the key has {} bytes and needs {least} or more", key.len());
        findings.push(Finding::error(node, message).help("`openssl rand -hex 64` makes one that fits"));
        return None;
    }
    Some(key)
}

/// The content, without the line break that editors put at the end.
fn file(path: &str) -> std::io::Result<Vec<u8>> {
    let length = std::fs::metadata(path)?.len();
    if length > LONGEST_FILE {
        return Err(std::io::Error::other(format!("it has {length} bytes, and a key is short")));
    }
    let mut key = std::fs::read(path)?;
    for end in [b'\n', b'\r'] {
        if key.last() == Some(&end) {
            key.pop();
        }
    }
    Ok(key)
}
