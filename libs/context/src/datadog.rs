//! Datadog's headers `x-datadog-*` and its member `dd` of a `tracestate` (docs.datadoghq.com, "Trace Context
//! Propagation").

use alloc::format;
use alloc::string::String;

use crate::carrier::{Getter, Setter};
use crate::id::{SpanId, TraceId};
use crate::remote::{Remote, Sampling, Unreadable, only};
use crate::tracestate::Tracestate;
use crate::{hex, list};

const TRACE_ID: &str = "x-datadog-trace-id";
const PARENT_ID: &str = "x-datadog-parent-id";
const PRIORITY: &str = "x-datadog-sampling-priority";
const ORIGIN: &str = "x-datadog-origin";
const TAGS: &str = "x-datadog-tags";
/// The tag that holds the upper 64 bits of the trace id, 16 hex.
const UPPER: &str = "_dd.p.tid";
/// What the names of tags that travel begin with; `t.` in a `tracestate`.
const TAG_PREFIX: &str = "_dd.p.";
/// Characters of a `tracestate` value.
const MOST_IN_MEMBER: usize = 256;

/// What Datadog's headers said.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Datadog {
    /// The ids. `sampling` follows from `priority` when reading, and stands in for it when writing.
    pub remote: Remote,
    /// Sampling priority: -1 and 0 drop, 1 and 2 keep.
    pub priority: Option<i8>,
    /// Where the trace began, as in `rum` or `synthetics`.
    pub origin: Option<String>,
    /// The other tags as received, as in `_dd.p.dm=-4,_dd.p.usr.id=baz64`; they travel on.
    pub tags: String,
}

/// Reads `x-datadog-*`. An upper half that cannot be read is left out.
pub fn extract(from: &(impl Getter + ?Sized)) -> Result<Option<Datadog>, Unreadable> {
    let mut read = Datadog {
        origin: text(only(from, ORIGIN)?),
        tags: text(only(from, TAGS)?).unwrap_or_default(),
        ..Datadog::default()
    };
    if let Some(value) = only(from, PRIORITY)? {
        let expected = "-1, 0, 1 or 2";
        let number = decimal(value)
            .filter(|number| (-1..=2).contains(number))
            .ok_or(Unreadable { header: PRIORITY, expected })?;
        read.set_priority(number);
    }
    let upper = read.take_upper();
    let Some(low) = only(from, TRACE_ID)? else {
        return Ok(if read == Datadog::default() { None } else { Some(read) });
    };
    let expected = "a decimal number of 64 bits, not 0";
    let low: u64 = decimal(low).filter(|id| *id != 0).ok_or(Unreadable { header: TRACE_ID, expected })?;
    let id = u128::from(upper) << 64 | u128::from(low);
    read.remote.trace_id = Some(TraceId(id.to_be_bytes()));
    if let Some(value) = only(from, PARENT_ID)? {
        let expected = "a decimal number of 64 bits";
        let id: u64 = decimal(value).ok_or(Unreadable { header: PARENT_ID, expected })?;
        read.remote.parent_id = Some(SpanId(id.to_be_bytes())).filter(SpanId::is_valid);
    }
    Ok(Some(read))
}

/// Writes `x-datadog-*`; takes the ids away where there is no trace.
pub fn inject(datadog: &Datadog, to: &mut (impl Setter + ?Sized)) {
    let mut tags = String::new();
    match datadog.remote.trace_id.map(|id| u128::from_be_bytes(id.0)) {
        Some(id) => {
            let (upper, low) = (id >> 64, id & u128::from(u64::MAX));
            to.set(TRACE_ID, &format!("{low}"));
            if upper != 0 {
                tags = format!("{UPPER}={upper:016x}");
            }
        }
        None => to.unset(TRACE_ID),
    }
    if !tags.is_empty() && !datadog.tags.is_empty() {
        tags.push(',');
    }
    tags.push_str(&datadog.tags);
    let parent = datadog.remote.parent_id.map(|id| format!("{}", u64::from_be_bytes(id.0)));
    let priority = datadog.effective_priority().map(|priority| format!("{priority}"));
    let tags = Some(tags).filter(|tags| !tags.is_empty());
    for (name, value) in
        [(PARENT_ID, parent), (PRIORITY, priority), (ORIGIN, datadog.origin.clone()), (TAGS, tags)]
    {
        match value {
            Some(value) => to.set(name, &value),
            None => to.unset(name),
        }
    }
}

impl Datadog {
    /// Reads the member `dd` of a `tracestate`: priority, origin and tags. The ids are those of the `traceparent`
    /// beside it.
    pub fn from_tracestate(state: &Tracestate, remote: Remote) -> Option<Self> {
        let mut read = Self { remote, ..Self::default() };
        for (key, value) in state.get("dd")?.split(';').filter_map(|field| field.split_once(':')) {
            let value = value.replace('~', "=");
            match (key, key.strip_prefix("t.")) {
                ("s", _) => {
                    if let Ok(number) = value.parse() {
                        read.set_priority(number);
                    }
                }
                ("o", _) => read.origin = Some(value),
                (_, Some(name)) => {
                    let separator = if read.tags.is_empty() { "" } else { "," };
                    read.tags.extend([separator, TAG_PREFIX, name, "=", &value]);
                }
                _ => {}
            }
        }
        Some(read)
    }

    /// The value of the member `dd` of a `tracestate`, to be [set](Tracestate::set) there; tags that do not fit in
    /// 256 characters are left out.
    pub fn to_member(&self) -> String {
        let mut member = String::new();
        let mut add = |key: &str, value: &str| {
            let separator = usize::from(!member.is_empty());
            if !value.is_empty() && member.len() + separator + key.len() + 1 + value.len() <= MOST_IN_MEMBER {
                member.extend([if separator == 0 { "" } else { ";" }, key, ":", value]);
            }
        };
        if let Some(priority) = self.effective_priority() {
            add("s", &format!("{priority}"));
        }
        if let Some(origin) = &self.origin {
            add("o", &permitted(origin));
        }
        if let Some(parent) = self.remote.parent_id {
            add("p", &format!("{parent}"));
        }
        for (name, value) in self.tags.split(',').filter_map(|tag| tag.split_once('=')) {
            if let Some(name) = name.strip_prefix(TAG_PREFIX) {
                add(&format!("t.{}", permitted(name).replace([':', ' '], "_")), &permitted(value));
            }
        }
        member
    }

    fn effective_priority(&self) -> Option<i8> {
        self.priority.or(match self.remote.sampling {
            Sampling::Defer => None,
            Sampling::Drop => Some(0),
            Sampling::Keep => Some(1),
            Sampling::Debug => Some(2),
        })
    }

    fn set_priority(&mut self, number: i8) {
        self.priority = Some(number);
        self.remote.sampling = if number > 0 { Sampling::Keep } else { Sampling::Drop };
    }

    /// Takes the tag of the upper half out of the tags; zero where it is missing or cannot be read.
    fn take_upper(&mut self) -> u64 {
        let mut upper = 0;
        let mut rest = String::new();
        for tag in self.tags.split(',').filter(|tag| !tag.is_empty()) {
            match tag.split_once('=') {
                Some((UPPER, digits)) => {
                    upper = hex::decode(digits.as_bytes()).map(u64::from_be_bytes).unwrap_or_default();
                }
                _ => rest.extend([if rest.is_empty() { "" } else { "," }, tag]),
            }
        }
        self.tags = rest;
        upper
    }
}

/// Text that may stand in a field of `dd`: `=` travels as `~`, what has no place as `_`.
fn permitted(text: &str) -> String {
    let written = |c| match c {
        '=' => '~',
        ',' | ';' | '~' => '_',
        ' '..='~' => c,
        _ => '_',
    };
    let text: String = text.chars().map(written).collect();
    text.trim_end_matches(' ').into()
}

/// Text that is safe to send on.
fn text(value: Option<&[u8]>) -> Option<String> {
    value.and_then(list::printable).filter(|text| !text.is_empty()).map(String::from)
}

fn decimal<N: core::str::FromStr>(value: &[u8]) -> Option<N> {
    let plain = value.first().is_some_and(|first| *first != b'+');
    str::from_utf8(value).ok().filter(|_| plain)?.parse().ok()
}
