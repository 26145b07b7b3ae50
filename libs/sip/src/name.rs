use std::fmt;

/// Makes the names from one table: variant, long form, long form in lower case, compact form.
macro_rules! names {
    ($($(#[$doc:meta])* $variant:ident $text:literal $lower:literal $($compact:literal)?;)*) => {
        /// A header's name: one that is known here by either of its forms, or any other. Case does not count.
        #[derive(Clone, Copy, Debug)]
        #[non_exhaustive]
        pub enum Name<'a> {
            $($(#[$doc])* #[doc = concat!("`", $text, "`")] $variant,)*
            /// A name without a variant of its own, as it was written.
            Other(&'a [u8]),
        }

        $(const _: () = assert!($lower.len() <= LONGEST);)*

        /// What an index holds of a name.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u8)]
        pub(crate) enum Known {
            $($variant,)*
        }

        impl Known {
            /// Finds a name by its long or compact form.
            pub(crate) fn find(name: &[u8]) -> Option<Self> {
                let mut lower = [0_u8; LONGEST];
                let lower = lower.get_mut(..name.len())?;
                for (to, from) in lower.iter_mut().zip(name) {
                    *to = from.to_ascii_lowercase();
                }
                match &*lower {
                    $($lower $(| $compact)? => Some(Self::$variant),)*
                    _ => None,
                }
            }

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

/// Bytes of the longest name in the table.
const LONGEST: usize = 20;

names! {
    Accept "Accept" b"accept";
    AcceptContact "Accept-Contact" b"accept-contact" b"a";
    AcceptEncoding "Accept-Encoding" b"accept-encoding";
    AcceptLanguage "Accept-Language" b"accept-language";
    AlertInfo "Alert-Info" b"alert-info";
    Allow "Allow" b"allow";
    AllowEvents "Allow-Events" b"allow-events" b"u";
    AuthenticationInfo "Authentication-Info" b"authentication-info";
    Authorization "Authorization" b"authorization";
    CallId "Call-ID" b"call-id" b"i";
    CallInfo "Call-Info" b"call-info";
    Contact "Contact" b"contact" b"m";
    ContentDisposition "Content-Disposition" b"content-disposition";
    ContentEncoding "Content-Encoding" b"content-encoding" b"e";
    ContentLanguage "Content-Language" b"content-language";
    ContentLength "Content-Length" b"content-length" b"l";
    ContentType "Content-Type" b"content-type" b"c";
    CSeq "CSeq" b"cseq";
    Date "Date" b"date";
    Diversion "Diversion" b"diversion";
    ErrorInfo "Error-Info" b"error-info";
    Event "Event" b"event" b"o";
    Expires "Expires" b"expires";
    From "From" b"from" b"f";
    HistoryInfo "History-Info" b"history-info";
    Identity "Identity" b"identity" b"y";
    IdentityInfo "Identity-Info" b"identity-info" b"n";
    InReplyTo "In-Reply-To" b"in-reply-to";
    MaxForwards "Max-Forwards" b"max-forwards";
    MinExpires "Min-Expires" b"min-expires";
    MinSe "Min-SE" b"min-se";
    PAssertedIdentity "P-Asserted-Identity" b"p-asserted-identity";
    Path "Path" b"path";
    PPreferredIdentity "P-Preferred-Identity" b"p-preferred-identity";
    ProxyAuthenticate "Proxy-Authenticate" b"proxy-authenticate";
    ProxyAuthorization "Proxy-Authorization" b"proxy-authorization";
    ProxyRequire "Proxy-Require" b"proxy-require";
    RAck "RAck" b"rack";
    Reason "Reason" b"reason";
    RecordRoute "Record-Route" b"record-route";
    ReferSub "Refer-Sub" b"refer-sub";
    ReferTo "Refer-To" b"refer-to" b"r";
    ReferredBy "Referred-By" b"referred-by" b"b";
    RejectContact "Reject-Contact" b"reject-contact" b"j";
    Replaces "Replaces" b"replaces";
    RequestDisposition "Request-Disposition" b"request-disposition" b"d";
    Require "Require" b"require";
    RetryAfter "Retry-After" b"retry-after";
    Route "Route" b"route";
    RSeq "RSeq" b"rseq";
    Server "Server" b"server";
    ServiceRoute "Service-Route" b"service-route";
    SessionExpires "Session-Expires" b"session-expires" b"x";
    SessionId "Session-ID" b"session-id";
    Subject "Subject" b"subject" b"s";
    SubscriptionState "Subscription-State" b"subscription-state";
    Supported "Supported" b"supported" b"k";
    Timestamp "Timestamp" b"timestamp";
    To "To" b"to" b"t";
    Unsupported "Unsupported" b"unsupported";
    UserAgent "User-Agent" b"user-agent";
    UserToUser "User-to-User" b"user-to-user";
    Via "Via" b"via" b"v";
    Warning "Warning" b"warning";
    WwwAuthenticate "WWW-Authenticate" b"www-authenticate";
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
