//! The word that comes back with a transferred call: a parameter of the URI in Refer-To or Contact, taken out as soon
//! as it returns.

use throughline_context::sip::X_TRACEPARENT;
use throughline_context::w3c::{Context, TRACEPARENT, TRACESTATE};
use throughline_sip::{Edit, Message, NameAddr, Uri};

use super::headers::embeds_context;
use super::secret::hex;
use crate::trunk::ReferTo;

/// The parameter.
pub(crate) const TOKEN: &str = "trace-token";
/// 80 bits.
pub(crate) type Token = [u8; 10];

/// Takes the token out of Request-URI and To. False in the second place where it could not be taken out.
pub(crate) fn take(message: &Message, to: Option<&[u8]>, edit: &mut Edit<'_>) -> (Option<Token>, bool) {
    let places = [message.request_uri(), to].map(|uri| uri.and_then(with_params));
    let (mut token, mut all) = (None, true);
    for param in places.iter().flatten().filter_map(|uri| uri.params.get(TOKEN)) {
        token = token.or_else(|| param.value.and_then(read));
        all &= edit.remove_param(param).is_ok();
    }
    (token, all)
}

/// The same without a change to the message.
pub(crate) fn peek(message: &Message) -> Option<Token> {
    with_params(message.request_uri()?)?.params.value(TOKEN).and_then(read)
}

/// What a peer is given so that the call that follows finds its trace.
pub(crate) struct Gift<'g> {
    pub(crate) token: Token,
    pub(crate) how: ReferTo,
    pub(crate) context: &'g Context,
}

/// Puts the gift into an address, and takes out what others left there; without a gift only that. What tells of a trace
/// otherwise stays where both sides are `believed`. False where it could not be done.
pub(crate) fn rewrite(
    address: &NameAddr<'_>,
    gift: Option<&Gift<'_>>,
    believed: bool,
    edit: &mut Edit<'_>,
) -> bool {
    let Ok(uri) = address.uri() else { return gift.is_none() };
    if !uri.is_sip() && !uri.scheme.eq_ignore_ascii_case(b"tel") {
        return true;
    }
    let mut text = before_params(&uri).to_vec();
    for param in uri.params.iter().filter(|param| !param.name.eq_ignore_ascii_case(TOKEN.as_bytes())) {
        text.extend_from_slice(param.raw);
    }
    if let Some(gift) = gift.filter(|gift| gift.how != ReferTo::Nothing) {
        text.extend_from_slice(format!(";{TOKEN}={}", hex(&gift.token)).as_bytes());
    }
    let ours = |name: &[u8]| {
        [TRACEPARENT, X_TRACEPARENT, TRACESTATE].iter().any(|own| own.as_bytes().eq_ignore_ascii_case(name))
    };
    let kept =
        uri.headers().filter(|(name, value)| !ours(name) && (believed || !embeds_context(name, value)));
    let kept = kept.map(|(name, value)| [name, b"=", value].concat());
    let embedded = gift.filter(|gift| gift.how == ReferTo::Headers && uri.is_sip());
    let embedded = embedded.into_iter().flat_map(|gift| {
        let traceparent = gift.context.traceparent;
        [TRACEPARENT, X_TRACEPARENT].map(|name| format!("{name}={traceparent}").into_bytes())
    });
    for (at, field) in kept.chain(embedded).enumerate() {
        text.push(if at == 0 { b'?' } else { b'&' });
        text.extend_from_slice(&field);
    }
    if text == uri.raw {
        return true;
    }
    if !address.bracketed {
        text.insert(0, b'<');
        text.push(b'>');
    }
    edit.replace(address.uri, text).is_ok()
}

/// A URI that may have parameters.
fn with_params(uri: &[u8]) -> Option<Uri<'_>> {
    if uri.contains(&b';') { Uri::parse(uri).ok() } else { None }
}

fn before_params<'u>(uri: &Uri<'u>) -> &'u [u8] {
    let tail = uri.params.as_bytes().len() + uri.headers.map_or(0, |headers| headers.len() + 1);
    uri.raw.get(..uri.raw.len().saturating_sub(tail)).unwrap_or(uri.raw)
}

fn read(text: &[u8]) -> Option<Token> {
    let mut token = Token::default();
    let (pairs, rest) = text.as_chunks::<2>();
    if pairs.len() != token.len() || !rest.is_empty() {
        return None;
    }
    for (to, pair) in token.iter_mut().zip(pairs) {
        *to = u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(token)
}
