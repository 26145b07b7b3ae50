//! OpenTelemetry's own member `ot=th:<threshold>;rv:<randomness>` (OpenTelemetry specification, "TraceState Handling"
//! and "TraceState: Probability Sampling").

use alloc::string::String;
use core::fmt::Write;

use super::{InvalidTracestate, Tracestate};

/// The fields of the member `ot`. Text that is not a field, as in `ot=ro`, has no fields and does no harm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ot<'a>(&'a str);

/// Thresholds and randomness have 56 bits.
const LIMIT: u64 = 1 << 56;
const DIGITS: usize = 14;

impl<'a> Ot<'a> {
    /// The value of a field.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.fields().find(|(own, _)| *own == key).map(|(_, value)| value)
    }

    /// Field `th`: the sampling threshold of 56 bits. A trace is kept where its randomness is at or above it, so that
    /// 0 keeps all; each kept span stands for `2^56 / (2^56 - threshold)` spans.
    pub fn threshold(&self) -> Option<u64> {
        let digits = self.get("th")?;
        let missing = u32::try_from(DIGITS.checked_sub(digits.len())?).ok()?;
        Some(number(digits)? << (4 * missing))
    }

    /// Field `rv`: randomness of 56 bits, in place of that in the trace id.
    pub fn randomness(&self) -> Option<u64> {
        let digits = self.get("rv")?;
        if digits.len() == DIGITS { number(digits) } else { None }
    }

    fn fields(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.0.split(';').filter_map(|field| field.split_once(':'))
    }
}

impl Tracestate {
    /// The member of OpenTelemetry.
    pub fn ot(&self) -> Option<Ot<'_>> {
        self.get("ot").map(Ot)
    }

    /// Sets field `th` of the member `ot`, or takes it away; the other fields stay. The threshold is below 2^56.
    pub fn set_threshold(&mut self, threshold: Option<u64>) -> Result<(), InvalidTracestate> {
        let digits = match threshold {
            Some(threshold) => {
                let digits = written(threshold)?;
                Some(String::from(match digits.trim_end_matches('0') {
                    "" => "0",
                    digits => digits,
                }))
            }
            None => None,
        };
        self.set_field("th", digits)
    }

    /// Sets field `rv` of the member `ot`, or takes it away; the other fields stay. The randomness is below 2^56.
    pub fn set_randomness(&mut self, randomness: Option<u64>) -> Result<(), InvalidTracestate> {
        let digits = randomness.map(written).transpose()?;
        self.set_field("rv", digits)
    }

    /// Text of the member that is not a field goes: with it, others could not read ours.
    fn set_field(&mut self, key: &str, value: Option<String>) -> Result<(), InvalidTracestate> {
        let mut member = String::new();
        let old = self.ot().unwrap_or(Ot(""));
        let others = old.fields().filter(|(own, _)| *own != key);
        for (key, value) in value.as_deref().map(|value| (key, value)).into_iter().chain(others) {
            let separator = if member.is_empty() { "" } else { ";" };
            member.extend([separator, key, ":", value]);
        }
        if member.is_empty() {
            self.remove("ot");
            return Ok(());
        }
        self.set("ot", &member)
    }
}

fn number(digits: &str) -> Option<u64> {
    let lower = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if digits.bytes().all(lower) { u64::from_str_radix(digits, 16).ok() } else { None }
}

fn written(number: u64) -> Result<String, InvalidTracestate> {
    let mut digits = String::new();
    match write!(digits, "{number:014x}") {
        Ok(()) if number < LIMIT => Ok(digits),
        _ => Err(InvalidTracestate::Value),
    }
}
