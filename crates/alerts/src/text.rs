//! Numbers that JSON and people want in other forms.

/// 64-bit numbers as text, since JSON numbers have only 53 bits.
pub(crate) mod digits {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(crate) fn serialize<S: Serializer>(ns: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(ns)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

/// The same where there may be none.
pub(crate) mod some_digits {
    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(crate) fn serialize<S: Serializer>(ns: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        match ns {
            Some(ns) => to.collect_str(ns),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(de::Error::custom)).transpose()
    }
}

/// `94.2 s`, `38 ms`: three digits say enough.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        small if small < 1.0 => format!("{:.0} ms", small * 1e3),
        some if some < 100.0 => format!("{some:.1} s"),
        many => format!("{} m {:02.0} s", (many / 60.0).floor(), many % 60.0),
    }
}
