//! Which product a SIP hop is. A proxy passes `Server` and `User-Agent` of others on; what it says of itself it says when it
//! is asked itself, or when it refuses.

use super::{Found, Product};
use crate::field::{Field, first, printable};
use crate::finding::Path;
use crate::outcome::Outcome;
use crate::probe::AGENT;

const NAMES: [(&str, Product); 13] = [
    ("kamailio", Product::Kamailio),
    ("opensips", Product::OpenSips),
    ("freeswitch", Product::FreeSwitch),
    ("asterisk", Product::Asterisk),
    ("fpbx", Product::Asterisk),
    ("audiocodes", Product::AudioCodes),
    ("mediant", Product::AudioCodes),
    ("oracle", Product::Oracle),
    ("acme packet", Product::Oracle),
    ("ribbon", Product::Ribbon),
    ("sonus", Product::Ribbon),
    ("cisco-sipgateway", Product::Cube),
    ("throughline", Product::Throughline),
];

pub(super) fn suspects(path: &Path, found: &mut Found) {
    if let Some(answer) = &path.itself {
        says(&answer.fields, found);
    }
    for (_, outcome) in path.trials.iter().flat_map(|trial| &trial.outcomes) {
        match outcome {
            Outcome::Foreign(answer) => says(&answer.fields, found),
            Outcome::Echoed(answer, seen) => {
                says(&answer.fields, found);
                says(&seen.fields, found);
            }
            _ => {}
        }
    }
}

fn says(fields: &[Field], found: &mut Found) {
    for header in ["server", "user-agent"] {
        let Some(value) = first(fields, header).filter(|value| *value != AGENT) else { continue };
        let lower = value.to_ascii_lowercase();
        for (name, product) in NAMES.iter().filter(|(name, _)| lower.contains(name)) {
            let said = lower.split([' ', '(']).find(|word| word.contains(name)).unwrap_or(name);
            found.add(*product, true, format!("{header}: {}", printable(said)));
        }
    }
}
