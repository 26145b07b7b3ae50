//! Times as Genesys writes them: milliseconds since 1970, or ISO 8601 in UTC with three decimals.

const DAY_MS: u64 = 86_400_000;

/// `2025-04-10T13:31:49.570Z`.
pub fn iso(ms: u64) -> String {
    let (year, month, day) = civil(ms / DAY_MS);
    let rest = ms % DAY_MS;
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", rest % 1000)
}

/// Reads what [`iso`] writes; decimals may be missing or be more, the end may be `Z` or `+00:00`.
pub fn parse_iso(text: &str) -> Option<u64> {
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")).unwrap_or(text);
    let (date, time) = text.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (clock, decimals) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(clock, ':')?;
    let decimals = decimals.bytes().all(|digit| digit.is_ascii_digit()).then_some(decimals)?;
    let ms: u64 = format!("{decimals:0<3}").get(..3)?.parse().ok()?;
    let valid = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    (valid && hour < 24 && minute < 60 && second < 60)
        .then(|| days(year, month, day) * DAY_MS + (hour * 3600 + minute * 60 + second) * 1000 + ms)
}

fn numbers(text: &str, between: char) -> Option<[u64; 3]> {
    let mut parts = text.split(between).map(|part| part.parse().ok());
    let found = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(found)
}

/// Year, month and day of a day counted from 1970. March comes first, so that a leap day is a year's last.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(1_744_291_909_570), "2025-04-10T13:31:49.570Z");
        assert_eq!(iso(1_709_164_800_000), "2024-02-29T00:00:00.000Z");
        assert_eq!(parse_iso("2025-04-10T13:31:49.57Z"), Some(1_744_291_909_570));
        assert_eq!(parse_iso("2025-04-10T13:31:49Z"), Some(1_744_291_909_000));
        for wrong in
            ["", "2025-04-10", "2025-13-10T00:00:00Z", "2025-04-10T24:00:00Z", "2025-04-10T00:00:00.äZ"]
        {
            assert_eq!(parse_iso(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in 0..146_097 {
            assert_eq!(parse_iso(&iso(day * DAY_MS + 86_399_999)), Some(day * DAY_MS + 86_399_999));
        }
    }
}
