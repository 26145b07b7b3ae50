//! One text with what is personal hidden. What stays is for people to tell two of them apart.

use personal::{Found, Kind, Kinds, Says, Scanner, may_hold};

/// In the place of what is hidden.
pub(super) const DOTS: &str = "•••";
/// Hiding can bring together what stood apart; whoever does that on purpose loses the whole text.
const MOST_ROUNDS: usize = 3;

/// Hides one text after the other; its buffers are reused.
#[derive(Default)]
pub(super) struct Texts {
    scanner: Scanner,
}

impl Texts {
    /// The text as it may be shown; nothing where all of it may. `says` is what the attribute's key says.
    pub(super) fn hidden(&mut self, text: &str, says: impl FnOnce() -> Says) -> Option<String> {
        if !may_hold(text.as_bytes()) {
            return None;
        }
        let says = says();
        let mut now: Option<String> = None;
        for round in 0..MOST_ROUNDS {
            let current = now.as_deref().unwrap_or(text);
            // What was hidden may still stand where a name stands.
            let ours = |found: &Found| {
                round > 0 && current.get(found.range.clone()).is_some_and(|text| text.contains(DOTS))
            };
            if self.scanner.scan(Kinds::ALL, current, says).iter().all(ours) {
                return now;
            }
            let mut next = String::with_capacity(current.len());
            let mut copied = 0;
            for found in self.scanner.found().iter().filter(|found| !ours(found)) {
                next.push_str(current.get(copied..found.range.start).unwrap_or_default());
                write(found.kind, self.scanner.said(current, found), &mut next);
                copied = found.range.end;
            }
            next.push_str(current.get(copied..).unwrap_or_default());
            now = Some(next);
        }
        Some(DOTS.to_owned())
    }
}

/// The last digits of a number, the domain of an address, and nothing of a name.
fn write(kind: Kind, said: &[u8], out: &mut String) {
    let kept = match kind {
        Kind::Phone | Kind::SipUri => 3,
        Kind::Card | Kind::Iban => 4,
        Kind::Email => 0,
    };
    out.push_str(DOTS);
    let digits: Vec<u8> = said.iter().copied().filter(u8::is_ascii_digit).collect();
    // Of a short number the last digits would be most of it.
    if kept > 0 && digits.len() >= 2 * kept {
        out.extend(digits.iter().skip(digits.len() - kept).map(|digit| char::from(*digit)));
    }
    if kind == Kind::Email
        && let Some((_, domain)) = std::str::from_utf8(said).ok().and_then(|said| said.rsplit_once('@'))
    {
        out.push('@');
        out.push_str(domain);
    }
}

#[cfg(test)]
mod tests {
    use personal::hint;

    use super::*;

    #[test]
    fn what_is_personal_is_hidden_and_the_rest_stays() {
        let mut texts = Texts::default();
        for (key, text, shown) in [
            ("caller", "+44 20 7946 0318", "•••318"),
            ("caller", "anonymous", "anonymous"),
            ("sip.from", r#""Jane Doe" <sip:jane@pbx.example.com>"#, r#""•••" <sip:•••@pbx.example.com>"#),
            ("sip.to", "<sip:+14155550100@10.0.0.1>", "<sip:•••100@10.0.0.1>"),
            ("x", "tel:+1-415-555-0100", "tel:•••100"),
            ("x", "mail jane.doe@example.com now", "mail •••@example.com now"),
            ("x", "jane%40example.com", "•••@example.com"),
            ("x", "4111 1111 1111 1111", "•••1111"),
            ("x", "GB82 WEST 1234 5698 7654 32", "•••5432"),
            (
                "url.full",
                "https://crm/contacts?ani=%2B14155550100&n=1",
                "https://crm/contacts?ani=•••100&n=1",
            ),
            ("trace", "0af7651916cd43dd8448eb211c80319c", "0af7651916cd43dd8448eb211c80319c"),
            ("at", "1795165200000000000", "1795165200000000000"),
        ] {
            let hidden = texts.hidden(text, || hint(key));
            assert_eq!(hidden.as_deref().unwrap_or(text), shown, "{key}");
        }
    }
}
