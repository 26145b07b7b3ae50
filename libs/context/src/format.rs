//! Every format that an HTTP hop may speak, as one choice.

use core::fmt;
use core::str::FromStr;

use crate::carrier::{Getter, Setter};
use crate::datadog::Datadog;
use crate::remote::{Remote, Unreadable};
use crate::xray::XRay;
use crate::{b3, datadog, jaeger, xray};

/// A format beside W3C, under the name that `OTEL_PROPAGATORS` has for it.
///
/// ```
/// use throughline_context::Format;
///
/// let headers = [("b3", "4bf92f3577f34da6c19e9222d19e89b8-ccbd124dbdfc3439-1")];
/// let remote = "b3".parse::<Format>()?.extract(&headers).unwrap().unwrap();
/// assert!(remote.traceparent().unwrap().is_sampled());
/// # Ok::<(), throughline_context::UnknownFormat>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Format {
    /// `b3` in one header; both forms are read.
    B3,
    /// `b3multi` in several headers; both forms are read.
    B3Multi,
    /// `jaeger`
    Jaeger,
    /// `xray`
    XRay,
    /// `datadog`
    Datadog,
}

/// A name that no format has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownFormat;

impl Format {
    /// All formats.
    pub const ALL: [Self; 5] = [Self::B3, Self::B3Multi, Self::Jaeger, Self::XRay, Self::Datadog];

    /// The name of the format.
    pub fn name(self) -> &'static str {
        match self {
            Self::B3 => "b3",
            Self::B3Multi => "b3multi",
            Self::Jaeger => "jaeger",
            Self::XRay => "xray",
            Self::Datadog => "datadog",
        }
    }

    /// Reads what the caller said; the modules of the formats read what more there is.
    pub fn extract(self, from: &(impl Getter + ?Sized)) -> Result<Option<Remote>, Unreadable> {
        match self {
            Self::B3 | Self::B3Multi => b3::extract(from),
            Self::Jaeger => jaeger::extract(from),
            Self::XRay => Ok(xray::extract(from)?.map(|read| read.remote)),
            Self::Datadog => Ok(datadog::extract(from)?.map(|read| read.remote)),
        }
    }

    /// Writes the headers of the format, in place of those there.
    pub fn inject(self, remote: &Remote, to: &mut (impl Setter + ?Sized)) {
        match self {
            Self::B3 => b3::inject_single(remote, to),
            Self::B3Multi => b3::inject_multi(remote, to),
            Self::Jaeger => jaeger::inject(remote, to),
            Self::XRay => xray::inject(&XRay { remote: *remote, ..XRay::default() }, to),
            Self::Datadog => datadog::inject(&Datadog { remote: *remote, ..Datadog::default() }, to),
        }
    }

    /// The header that has the trace id, for the record.
    pub(crate) fn headers(self) -> &'static [&'static str] {
        match self {
            Self::B3 | Self::B3Multi => &["b3", "X-B3-TraceId"],
            Self::Jaeger => &["uber-trace-id"],
            Self::XRay => &["X-Amzn-Trace-Id"],
            Self::Datadog => &["x-datadog-trace-id"],
        }
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.name() == text).ok_or(UnknownFormat)
    }
}

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a format beside tracecontext and baggage is one of b3, b3multi, jaeger, xray, datadog")
    }
}

impl core::error::Error for UnknownFormat {}
