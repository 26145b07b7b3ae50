//! URLs and paths with ids taken out, so that few are left.

/// A word longer than this is none.
const LONGEST_WORD: usize = 25;

/// Segments of the path that are ids become `*`; query and fragment go.
pub(in super::super) fn sanitize(url: &str, out: &mut String) {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let (front, path) = match url.find("://") {
        Some(scheme) => {
            let host = scheme + 3;
            let path = url.get(host..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| host + at);
            url.split_at(path)
        }
        None => ("", url),
    };
    // Who signs in is nobody's business.
    match (front.find("://"), front.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => {
            out.push_str(front.get(..scheme + 3).unwrap_or_default());
            out.push_str(front.get(at + 1..).unwrap_or_default());
        }
        _ => out.push_str(front),
    }
    for (index, segment) in path.split('/').enumerate() {
        if index > 0 {
            out.push('/');
        }
        // `GET /customers/17`: the first word is the method.
        let (method, segment) = match segment.split_once(' ') {
            Some((method, rest)) if index == 0 && method.bytes().all(|byte| byte.is_ascii_uppercase()) => {
                (method, rest)
            }
            _ => ("", segment),
        };
        out.push_str(method);
        if !method.is_empty() {
            out.push(' ');
        }
        out.push_str(if is_word(segment) { segment } else { "*" });
    }
}

/// The same for the name of a span; `None` where nothing but ids would be left, or nothing changes.
pub(in super::super) fn sanitize_name(name: &str) -> Option<String> {
    let mut out = String::new();
    sanitize(name, &mut out);
    let left = out.split('/').any(|segment| !segment.is_empty() && segment != "*");
    (out != name && left).then_some(out)
}

/// A word of the API: letters with marks between them, a version, a placeholder.
fn is_word(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    if segment.is_empty() || (bytes.first() == Some(&b'{') && bytes.last() == Some(&b'}')) {
        return true;
    }
    if let [b'v' | b'V', digits @ ..] = bytes
        && (1..=3).contains(&digits.len())
        && digits.iter().all(u8::is_ascii_digit)
    {
        return true;
    }
    let plain = |byte: &u8| byte.is_ascii_alphabetic() || b"-_.:~ *".contains(byte);
    let words = bytes.split(|byte| b"-_.:~ ".contains(byte));
    bytes.iter().all(plain) && words.into_iter().all(is_pronounceable)
}

/// Letters that a person could read out: with vowels, and not many consonants at once.
fn is_pronounceable(word: &[u8]) -> bool {
    let vowel = |byte: &u8| b"aeiouyAEIOUY".contains(byte);
    let upper = word.iter().all(u8::is_ascii_uppercase);
    let cluster = word.split(vowel).map(<[u8]>::len).max().unwrap_or(0);
    word.len() <= 4 || (word.len() <= LONGEST_WORD && (upper || (word.iter().any(vowel) && cluster <= 5)))
}
