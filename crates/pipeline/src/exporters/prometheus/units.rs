//! Units as Prometheus writes them (OpenTelemetry specification, "Prometheus and OpenMetrics Compatibility").

const MAIN: [(&str, &str); 31] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("B", "bytes"),
    ("KB", "kilobytes"),
    ("MB", "megabytes"),
    ("GB", "gigabytes"),
    ("TB", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("%", "percent"),
    ("$", "dollars"),
];

const PER: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

/// What a name gets for its unit: `seconds`, or `bytes` and `per_second`.
pub(super) fn suffixes(unit: &str) -> [Option<String>; 2] {
    let (main, per) = match unit.split_once('/') {
        Some((main, per)) => (main, Some(per)),
        None => (unit, None),
    };
    let per = per.and_then(|per| word(per, &PER)).map(|per| format!("per_{per}"));
    [word(main, &MAIN), per]
}

/// Annotations (`{calls}`) and the unit one have no word.
fn word(unit: &str, known: &[(&str, &str)]) -> Option<String> {
    let unit = unit.trim();
    if unit.is_empty() || unit == "1" || unit.contains('{') {
        return None;
    }
    let word = known.iter().find(|(short, _)| *short == unit).map_or(unit, |(_, long)| long);
    let letters: String = word.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    Some(letters.trim_matches('_').to_owned()).filter(|word| !word.is_empty())
}
