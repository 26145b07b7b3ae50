//! Pieces of header values: parameters, addresses, URIs.

use std::net::SocketAddr;

/// Commas that part values, and not those in quotes or in angle brackets.
pub fn split_commas(value: &str) -> Vec<&str> {
    let (mut quoted, mut angled, mut escaped) = (false, false, false);
    let parted = value.split(move |letter| {
        let plain = !std::mem::take(&mut escaped);
        match letter {
            '\\' if quoted && plain => escaped = true,
            '"' if plain => quoted = !quoted,
            '<' if !quoted => angled = true,
            '>' if !quoted => angled = false,
            _ => {}
        }
        letter == ',' && !quoted && !angled
    });
    parted.map(str::trim).collect()
}

pub(super) fn list<'a>(values: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    values.filter(|value| !value.is_empty()).collect()
}

/// A parameter behind the address: `tag` of `"A" <sip:a@b;x=y>;tag=1`.
pub fn param<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    let behind = value.rsplit_once('>').map_or(value, |(_, behind)| behind);
    behind.split(';').skip(1).find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The URI of an address: in the angle brackets, or before the parameters.
pub fn uri(address: &str) -> &str {
    let inside = address.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inside.map_or_else(|| address.split(';').next().unwrap_or_default().trim(), |(uri, _)| uri)
}

/// A URI and the headers embedded in it.
pub fn embedded(uri: &str) -> (&str, Vec<(String, String)>) {
    let Some((plain, headers)) = uri.split_once('?') else { return (uri, Vec::new()) };
    let pairs = headers.split('&').filter_map(|pair| pair.split_once('='));
    (plain, pairs.map(|(name, value)| (unescape(name), unescape(value))).collect())
}

pub fn user(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    rest.split_once('@').map_or("", |(user, _)| user)
}

/// Where a URI leads, if its host is an IP address.
pub fn socket(uri: &str) -> Option<SocketAddr> {
    let (_, rest) = uri.split_once(':')?;
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = host.split([';', '?']).next()?;
    host.parse().ok().or_else(|| Some(SocketAddr::new(host.parse().ok()?, 5060)))
}

/// For a header embedded in a URI.
pub fn escape(text: &str) -> String {
    let letter = |byte: u8| match byte {
        b'a'..=b'z'
        | b'A'..=b'Z'
        | b'0'..=b'9'
        | b'-'
        | b'_'
        | b'.'
        | b'!'
        | b'~'
        | b'*'
        | b'\''
        | b'('
        | b')' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(letter).collect()
}

fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digits = rest.clone();
        let pair = digits.next().zip(digits.next()).filter(|_| byte == b'%');
        let decoded = pair.and_then(|(high, low)| Some(digit(high)? << 4 | digit(low)?));
        if decoded.is_some() {
            rest = digits;
        }
        bytes.push(decoded.unwrap_or(byte));
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_of_an_address() {
        let address =
            "\"A; b=c, <d>\" <sip:+4420@127.0.0.1:5080;xt=1?Replaces=a%40b%3Bto-tag%3D1&X=%zz>;tag=77;lr";
        assert_eq!(param(address, "Tag"), Some("77"));
        assert_eq!(param(address, "lr"), Some(""));
        assert_eq!(param(address, "xt"), None);
        let address = "<sip:+4420@127.0.0.1:5080;xt=1?Replaces=a%40b%3Bto-tag%3D1&X=%zz>;tag=77";
        let (plain, headers) = embedded(uri(address));
        assert_eq!(plain, "sip:+4420@127.0.0.1:5080;xt=1");
        assert_eq!(
            headers,
            [("Replaces".to_owned(), "a@b;to-tag=1".to_owned()), ("X".to_owned(), "%zz".to_owned())]
        );
        assert_eq!(user(plain), "+4420");
        assert_eq!(socket(plain), Some("127.0.0.1:5080".parse().unwrap()));
        assert_eq!(socket("sip:127.0.0.1;lr"), Some("127.0.0.1:5060".parse().unwrap()));
        assert_eq!(socket("sip:a@example.com"), None);
    }

    #[test]
    fn escapes_come_back() {
        let text = "a@b;to-tag=1 \"ü\"%&";
        assert_eq!(unescape(&escape(text)), text);
    }

    #[test]
    fn commas_in_quotes_and_brackets_part_nothing() {
        assert_eq!(
            split_commas("\"a,\\\",b\" <sip:a,b@c>;x=1, <sip:d>"),
            ["\"a,\\\",b\" <sip:a,b@c>;x=1", "<sip:d>"]
        );
    }
}
