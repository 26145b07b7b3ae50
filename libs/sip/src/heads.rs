use crate::address::NameAddr;
use crate::fields::CSeq;
use crate::uri::Uri;
use crate::via::Via;

/// What every element on the way of a message reads, as [`check`](crate::Message::check) has found it: nobody has to take
/// these headers apart again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heads<'a> {
    /// The Request-URI; none of a response.
    pub request_uri: Option<Uri<'a>>,
    /// The Via of the last hop.
    pub via: Via<'a>,
    /// The branch of that Via.
    pub branch: Option<&'a [u8]>,
    /// The header From.
    pub from: NameAddr<'a>,
    /// Its tag.
    pub from_tag: Option<&'a [u8]>,
    /// The header To.
    pub to: NameAddr<'a>,
    /// Its tag.
    pub to_tag: Option<&'a [u8]>,
    /// The header Call-ID.
    pub call_id: &'a [u8],
    /// The header CSeq.
    pub cseq: CSeq<'a>,
    /// The header Max-Forwards.
    pub max_forwards: Option<u8>,
}
