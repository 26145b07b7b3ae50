use std::fmt;

/// Makes the names from one table: variant, long form, compact form.
macro_rules! names {
    ($($(#[$doc:meta])* $variant:ident $text:literal $($compact:literal)?;)*) => {
        /// A header's name: one that is known here by either of its forms, or any other. Case does not count.
        #[derive(Clone, Copy, Debug)]
        #[non_exhaustive]
        pub enum Name<'a> {
            $($(#[$doc])* #[doc = concat!("`", $text, "`")] $variant,)*
            /// A name without a variant of its own, as it was written.
            Other(&'a [u8]),
        }

        /// What an index holds of a name.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub(crate) enum Known {
            $($variant,)*
        }

        /// Each form of each name.
        const FORMS: &[(&[u8], Known)] = &[
            $(($text.as_bytes(), Known::$variant), $(($compact, Known::$variant),)?)*
        ];

        impl Known {
            pub(crate) const fn name<'a>(self) -> Name<'a> {
                match self {
                    $(Self::$variant => Name::$variant,)*
                }
            }
        }

        impl<'a> Name<'a> {
            /// The long form in the spelling of its RFC; another name as it was written.
            pub const fn as_bytes(self) -> &'a [u8] {
                match self {
                    $(Self::$variant => $text.as_bytes(),)*
                    Self::Other(name) => name,
                }
            }

            pub(crate) fn known(self) -> Option<Known> {
                match self {
                    $(Self::$variant => Some(Known::$variant),)*
                    Self::Other(name) => Known::find(name),
                }
            }
        }
    };
}

names! {
    Accept "Accept";
    AcceptContact "Accept-Contact" b"a";
    AcceptEncoding "Accept-Encoding";
    AcceptLanguage "Accept-Language";
    AlertInfo "Alert-Info";
    Allow "Allow";
    AllowEvents "Allow-Events" b"u";
    AuthenticationInfo "Authentication-Info";
    Authorization "Authorization";
    CallId "Call-ID" b"i";
    CallInfo "Call-Info";
    Contact "Contact" b"m";
    ContentDisposition "Content-Disposition";
    ContentEncoding "Content-Encoding" b"e";
    ContentLanguage "Content-Language";
    ContentLength "Content-Length" b"l";
    ContentType "Content-Type" b"c";
    CSeq "CSeq";
    Date "Date";
    Diversion "Diversion";
    ErrorInfo "Error-Info";
    Event "Event" b"o";
    Expires "Expires";
    From "From" b"f";
    HistoryInfo "History-Info";
    Identity "Identity" b"y";
    IdentityInfo "Identity-Info" b"n";
    InReplyTo "In-Reply-To";
    MaxForwards "Max-Forwards";
    MinExpires "Min-Expires";
    MinSe "Min-SE";
    PAssertedIdentity "P-Asserted-Identity";
    Path "Path";
    PPreferredIdentity "P-Preferred-Identity";
    ProxyAuthenticate "Proxy-Authenticate";
    ProxyAuthorization "Proxy-Authorization";
    ProxyRequire "Proxy-Require";
    RAck "RAck";
    Reason "Reason";
    RecordRoute "Record-Route";
    ReferSub "Refer-Sub";
    ReferTo "Refer-To" b"r";
    ReferredBy "Referred-By" b"b";
    RejectContact "Reject-Contact" b"j";
    Replaces "Replaces";
    RequestDisposition "Request-Disposition" b"d";
    Require "Require";
    RetryAfter "Retry-After";
    Route "Route";
    RSeq "RSeq";
    Server "Server";
    ServiceRoute "Service-Route";
    SessionExpires "Session-Expires" b"x";
    SessionId "Session-ID";
    Subject "Subject" b"s";
    SubscriptionState "Subscription-State";
    Supported "Supported" b"k";
    Timestamp "Timestamp";
    To "To" b"t";
    Unsupported "Unsupported";
    UserAgent "User-Agent";
    UserToUser "User-to-User";
    Via "Via" b"v";
    Warning "Warning";
    WwwAuthenticate "WWW-Authenticate";
}

/// The forms by their hash; a form whose place is taken has the next free one.
static PLACES: [Option<(&[u8], Known)>; 512] = places();

#[expect(clippy::indexing_slicing, reason = "runs at compile time, where it would be an error")]
const fn places() -> [Option<(&'static [u8], Known)>; 512] {
    let mut places = [None; 512];
    let mut forms = FORMS;
    while let [form, rest @ ..] = forms {
        let mut at = hash(form.0);
        while places[at % 512].is_some() {
            at += 1;
        }
        places[at % 512] = Some(*form);
        forms = rest;
    }
    places
}

/// From the length and two letters, whatever their case.
const fn hash(name: &[u8]) -> usize {
    let (first, last) = match name {
        [first, .., last] => (*first | 0x20, *last | 0x20),
        [only] => (*only | 0x20, 0),
        [] => (0, 0),
    };
    let mixed = (name.len() as u32 | (first as u32) << 8 | (last as u32) << 16).wrapping_mul(0x9e37_79b1);
    (mixed >> 23) as usize
}

impl Known {
    /// Finds a name by its long or compact form.
    pub(crate) fn find(name: &[u8]) -> Option<Self> {
        let mut at = hash(name);
        while let Some((form, known)) = PLACES.get(at % PLACES.len()).copied().flatten() {
            if form.eq_ignore_ascii_case(name) {
                return Some(known);
            }
            at += 1;
        }
        None
    }
}

impl Name<'_> {
    /// Whether commas part values of this header (RFC 3261, section 7.3.1). A name that is not known here is never
    /// taken apart: a comma may be part of its value.
    pub const fn is_list(self) -> bool {
        matches!(
            self,
            Self::Accept
                | Self::AcceptContact
                | Self::AcceptEncoding
                | Self::AcceptLanguage
                | Self::AlertInfo
                | Self::Allow
                | Self::AllowEvents
                | Self::CallInfo
                | Self::Contact
                | Self::ContentEncoding
                | Self::ContentLanguage
                | Self::Diversion
                | Self::ErrorInfo
                | Self::HistoryInfo
                | Self::InReplyTo
                | Self::PAssertedIdentity
                | Self::Path
                | Self::PPreferredIdentity
                | Self::ProxyRequire
                | Self::Reason
                | Self::RecordRoute
                | Self::RejectContact
                | Self::RequestDisposition
                | Self::Require
                | Self::Route
                | Self::ServiceRoute
                | Self::Supported
                | Self::Unsupported
                | Self::UserToUser
                | Self::Via
                | Self::Warning
        )
    }
}

impl<'a> From<&'a [u8]> for Name<'a> {
    fn from(name: &'a [u8]) -> Self {
        Known::find(name).map_or(Self::Other(name), Known::name)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Name<'a> {
    fn from(name: &'a [u8; N]) -> Self {
        name.as_slice().into()
    }
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(name: &'a str) -> Self {
        name.as_bytes().into()
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.known(), other.known()) {
            (None, None) => self.as_bytes().eq_ignore_ascii_case(other.as_bytes()),
            (one, two) => one == two,
        }
    }
}

impl Eq for Name<'_> {}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().escape_ascii().fmt(f)
    }
}
