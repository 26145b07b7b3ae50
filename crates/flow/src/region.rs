//! The habit of telling where a service runs at the end of its `service.version`.

/// `eu-west-2` of `1.4.0-eu-west-2`: the longest tail that stands behind a separator and reads as a region.
pub fn suffix(version: &str) -> Option<&str> {
    version
        .char_indices()
        .filter(|(_, c)| matches!(c, '-' | '+' | '_' | '@' | '/' | '.'))
        .filter_map(|(at, _)| version.get(at + 1..))
        .find(|tail| is_region(tail))
}

/// `us-east-1`, `us-gov-west-1`, `europe-west2`.
fn is_region(text: &str) -> bool {
    const AREAS: [&str; 18] = [
        "us",
        "eu",
        "ap",
        "sa",
        "ca",
        "me",
        "af",
        "il",
        "mx",
        "cn",
        "europe",
        "asia",
        "australia",
        "northamerica",
        "southamerica",
        "africa",
        "us-gov",
        "us-iso",
    ];
    let Some((area, rest)) = AREAS
        .iter()
        .filter_map(|area| text.strip_prefix(area)?.strip_prefix('-').map(|rest| (area, rest)))
        .max_by_key(|(area, _)| area.len())
    else {
        return false;
    };
    let letters = rest.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = rest.len() - letters.len();
    let dashed = letters.strip_suffix('-');
    // AWS writes a dash before the number, Google (whose areas are words, or `us` and `me`) does not.
    let shape = if dashed.is_some() { area.len() == 2 || area.contains('-') } else { !area.contains('-') };
    shape && (1..=2).contains(&digits) && is_compass(dashed.unwrap_or(letters))
}

fn is_compass(word: &str) -> bool {
    let tail = word.strip_prefix("north").or_else(|| word.strip_prefix("south")).unwrap_or(word);
    matches!(tail, "east" | "west") || matches!(word, "north" | "south" | "central")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_region_off_a_version() {
        for (version, region) in [
            ("1.4.0-eu-west-2", Some("eu-west-2")),
            ("2024.11.1+us-gov-west-1", Some("us-gov-west-1")),
            ("v3_ap-southeast-1", Some("ap-southeast-1")),
            ("7-europe-west2", Some("europe-west2")),
            ("1.0.0-us-central1", Some("us-central1")),
            ("eu-west-2", None),
            ("1.4.0", None),
            ("1.4.0-rc-1", None),
            ("1.4.0-eu-west-2-hotfix", None),
            ("1.4.0-eu-best-2", None),
            ("1.4.0-eu-west-222", None),
            ("", None),
            ("-é-eu-west-1", Some("eu-west-1")),
        ] {
            assert_eq!(suffix(version), region, "{version}");
        }
    }
}
