use std::fmt;

use crate::fault::Malformed;
use crate::method::Method;
use crate::params::Params;
use crate::scan::{cut, is_lws, is_token, number, trim};

/// The header CSeq (RFC 3261, section 20.16).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CSeq<'a> {
    /// Below 2³¹.
    pub number: u32,
    /// The method of the request, also in responses.
    pub method: Method<'a>,
}

impl<'a> CSeq<'a> {
    /// Takes a value apart.
    pub fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        let value = trim(value);
        let (digits, method) = cut(value, value.iter().position(|byte| is_lws(*byte)).unwrap_or(value.len()));
        let number = number(digits)
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| *number < 1 << 31)
            .ok_or(Malformed("the number is not below 2^31"))?;
        let method = trim(method);
        if !is_token(method) {
            return Err(Malformed("the method is no token"));
        }
        Ok(Self { number, method: method.into() })
    }
}

/// The header Replaces (RFC 3891): the dialog that this INVITE takes the place of. In a Refer-To it stands escaped
/// among the URI's headers; see [`unescape`](crate::unescape).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Replaces<'a> {
    /// The Call-ID of that dialog.
    pub call_id: &'a [u8],
    /// The tag of the receiver of this INVITE.
    pub to_tag: &'a [u8],
    /// The tag of the other side.
    pub from_tag: &'a [u8],
    /// Only if that dialog has not been answered.
    pub early_only: bool,
}

impl<'a> Replaces<'a> {
    /// Takes a value apart.
    pub fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        let value = trim(value);
        let (call_id, params) = cut(value, memchr::memchr(b';', value).unwrap_or(value.len()));
        let params = Params::of_value(params)?;
        let call_id = trim(call_id);
        if call_id.is_empty() {
            return Err(Malformed("the Call-ID is missing"));
        }
        Ok(Self {
            call_id,
            to_tag: params.value("to-tag").ok_or(Malformed("to-tag is missing"))?,
            from_tag: params.value("from-tag").ok_or(Malformed("from-tag is missing"))?,
            early_only: params.has("early-only"),
        })
    }
}

impl fmt::Debug for Replaces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replaces")
            .field("call_id", &self.call_id.escape_ascii().to_string())
            .field("to_tag", &self.to_tag.escape_ascii().to_string())
            .field("from_tag", &self.from_tag.escape_ascii().to_string())
            .field("early_only", &self.early_only)
            .finish()
    }
}

/// The header Session-ID (RFC 7989): a UUID of 32 hexadecimal digits for each end of a call, whatever stands between
/// them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SessionId<'a> {
    /// The UUID of the sender.
    pub local: &'a [u8],
    /// The UUID of the other end, all zero where it is not known yet.
    pub remote: Option<&'a [u8]>,
}

impl<'a> SessionId<'a> {
    /// Takes a value apart.
    pub fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        let value = trim(value);
        let (local, params) = cut(value, memchr::memchr(b';', value).unwrap_or(value.len()));
        let session = Self { local: trim(local), remote: Params::of_value(params)?.value("remote") };
        let is_uuid = |uuid: &[u8]| uuid.len() == 32 && uuid.iter().all(u8::is_ascii_hexdigit);
        if !is_uuid(session.local) || !session.remote.is_none_or(is_uuid) {
            return Err(Malformed("a UUID is not 32 hexadecimal digits"));
        }
        Ok(session)
    }
}

impl fmt::Debug for SessionId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionId")
            .field("local", &self.local.escape_ascii().to_string())
            .field("remote", &self.remote.map(|remote| remote.escape_ascii().to_string()))
            .finish()
    }
}
