//! From any id to the one thing that has it.

use hyper::StatusCode;
use hyper::body::Bytes;
use view_term::answer::{Interactions, Summary};
use view_term::text;

use super::HELP;
use crate::commands::ask::Failed;
use crate::commands::page::{Page, Unanswered, decoded, encoded, read};
use crate::exit;

/// As many as are told when there are several.
const SEVERAL: usize = 10;

pub(super) enum Found {
    /// With the span that was asked for, if it was one.
    Call {
        body: Bytes,
        wanted: Option<String>,
    },
    Trace {
        body: Bytes,
        wanted: Option<String>,
    },
}

/// What a person typed, read as far as its form tells.
#[derive(Debug, PartialEq)]
enum Typed {
    Call(String, Option<String>),
    Trace(String, Option<String>),
    Any(String),
}

pub(super) async fn find(page: &Page, typed: &str) -> Result<Found, Failed> {
    match parsed(typed)? {
        Typed::Call(id, wanted) => {
            let body = call(page, &id).await?;
            body.map(|body| Found::Call { body, wanted }).ok_or_else(|| unknown(&id))
        }
        Typed::Trace(id, wanted) => {
            let body = get(page, &format!("/api/v1/traces/{}", encoded(&id))).await?;
            body.map(|body| Found::Trace { body, wanted }).ok_or_else(|| unknown(&id))
        }
        Typed::Any(id) => any(page, &id).await,
    }
}

async fn any(page: &Page, id: &str) -> Result<Found, Failed> {
    if let Some(body) = call(page, id).await? {
        return Ok(Found::Call { body, wanted: None });
    }
    let hexadecimal = id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let id = if hexadecimal { id.to_ascii_lowercase() } else { id.to_owned() };
    let calls = search(page, &id).await?;
    let of_trace =
        calls.iter().filter(|call| call.trace_ids.contains(&id) || call.id.eq_ignore_ascii_case(&id));
    let exact: Vec<&Summary> = of_trace.collect();
    let one = match (exact.as_slice(), calls.as_slice()) {
        ([one], _) => Some(*one),
        (_, [one]) => Some(one),
        (_, []) => None,
        _ => return Err(several(&id, &calls)),
    };
    if let Some(one) = one {
        let wanted = (id.len() == 16 && hexadecimal).then(|| id.clone());
        let body = call(page, &one.id).await?.ok_or_else(|| unknown(&one.id))?;
        return Ok(Found::Call { body, wanted });
    }
    // A conversation that carried no context is a trace of its own.
    let digits = id.replace('-', "");
    if hexadecimal && digits.len() == 32 {
        let body = get(page, &format!("/api/v1/traces/{digits}")).await?;
        return body.map(|body| Found::Trace { body, wanted: None }).ok_or_else(|| unknown(&id));
    }
    Err(unknown(&id))
}

async fn call(page: &Page, id: &str) -> Result<Option<Bytes>, Failed> {
    get(page, &format!("/api/v1/interactions/{}", encoded(id))).await
}

/// As one word, whatever stands in it.
async fn search(page: &Page, id: &str) -> Result<Vec<Summary>, Failed> {
    if id.contains('"') {
        return Ok(Vec::new());
    }
    let query = format!("/api/v1/interactions?limit={}&q={}", SEVERAL + 1, encoded(&format!("\"{id}\"")));
    let body = page.get(&query).await.map_err(|why| page.failed(why, HELP))?;
    Ok(read::<Interactions>(&body)?.interactions)
}

async fn get(page: &Page, path: &str) -> Result<Option<Bytes>, Failed> {
    match page.get(path).await {
        Ok(body) => Ok(Some(body)),
        Err(Unanswered::Said { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
        Err(why) => Err(page.failed(why, HELP)),
    }
}

fn unknown(id: &str) -> Failed {
    let what = format!("there is no interaction with the id `{}`", text::fitted(id, 200));
    let help = "any id of it will do, as it was sent; spans are kept as long as `retention` of the `lake` exporter says";
    Failed::new(exit::INPUT, &what, help)
}

fn several(id: &str, calls: &[Summary]) -> Failed {
    let more = if calls.len() > SEVERAL { "more than " } else { "" };
    let count = calls.len().min(SEVERAL);
    let mut what = format!("{more}{count} interactions have `{}`:", text::fitted(id, 200));
    for call in calls.iter().take(SEVERAL) {
        what += &format!("\n  {}", text::fitted(&call.id, 200));
    }
    Failed::new(exit::INPUT, &what, "show one of them by its id")
}

fn parsed(typed: &str) -> Result<Typed, Failed> {
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(Failed::new(
            exit::USAGE,
            "the id is empty",
            "write the id of a conversation, a trace or a span",
        ));
    }
    let linked = typed.starts_with("http://") || typed.starts_with("https://") || typed.starts_with('/');
    Ok(linked.then(|| link(typed)).flatten().unwrap_or_else(|| Typed::Any(typed.to_owned())))
}

/// An address of the page.
fn link(typed: &str) -> Option<Typed> {
    let path = typed
        .split_once("://")
        .map_or(typed, |(_, rest)| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(""));
    let path = path.split('#').next()?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let (kind, id) = (parts.next()?, decoded(parts.next()?)?);
    // A row's key is `trace.span`.
    let span = query.split('&').find_map(|pair| pair.strip_prefix("span=")).and_then(decoded);
    let span = span.and_then(|key| key.split('.').nth(1).map(str::to_owned).or(Some(key)));
    match (kind, parts.next()) {
        ("interactions", None) => Some(Typed::Call(id, span)),
        ("traces", None) => Some(Typed::Trace(id, span)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_the_page_are_read() {
        let call = |id: &str, span: Option<&str>| Typed::Call(id.to_owned(), span.map(str::to_owned));
        for (typed, wanted) in [
            (" call-1 ", Typed::Any("call-1".to_owned())),
            ("https://tl.example/interactions/a%20b?span=0a.0b&zoom=1#x", call("a b", Some("0b"))),
            ("/interactions/c1", call("c1", None)),
            ("http://localhost:7717/traces/0af7", Typed::Trace("0af7".to_owned(), None)),
            ("http://localhost:7717/hops", Typed::Any("http://localhost:7717/hops".to_owned())),
            ("http://localhost", Typed::Any("http://localhost".to_owned())),
            ("/etc/passwd", Typed::Any("/etc/passwd".to_owned())),
        ] {
            assert_eq!(parsed(typed).ok().unwrap(), wanted, "{typed}");
        }
        assert_eq!(parsed("  ").err().unwrap().code, exit::USAGE);
    }
}
