use std::fmt;

macro_rules! methods {
    ($($variant:ident $text:literal;)*) => {
        /// A request's method. Case counts (RFC 3261, section 7.1); a method that is not known here is as good as any.
        #[derive(Clone, Copy, Debug)]
        #[non_exhaustive]
        pub enum Method<'a> {
            $(#[doc = concat!("`", $text, "`")] $variant,)*
            /// A method without a variant of its own.
            Other(&'a [u8]),
        }

        impl<'a> Method<'a> {
            /// The method as it is written.
            pub const fn as_bytes(self) -> &'a [u8] {
                match self {
                    $(Self::$variant => $text.as_bytes(),)*
                    Self::Other(method) => method,
                }
            }
        }

        impl<'a> From<&'a [u8]> for Method<'a> {
            fn from(method: &'a [u8]) -> Self {
                $(if method == $text.as_bytes() {
                    return Self::$variant;
                })*
                Self::Other(method)
            }
        }
    };
}

methods! {
    Invite "INVITE";
    Ack "ACK";
    Bye "BYE";
    Cancel "CANCEL";
    Options "OPTIONS";
    Register "REGISTER";
    Prack "PRACK";
    Update "UPDATE";
    Refer "REFER";
    Notify "NOTIFY";
    Subscribe "SUBSCRIBE";
    Publish "PUBLISH";
    Info "INFO";
    Message "MESSAGE";
}

impl<'a> From<&'a str> for Method<'a> {
    fn from(method: &'a str) -> Self {
        method.as_bytes().into()
    }
}

impl PartialEq for Method<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Method<'_> {}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().escape_ascii().fmt(f)
    }
}
