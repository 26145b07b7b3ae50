//! Reading one message from a connection, within limits.

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt};

use super::{Head, MAX_HEAD};

/// An answer: its head and its body.
#[derive(Clone, Debug)]
pub struct Message {
    pub head: Head,
    pub body: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("the connection was closed before a whole message came")]
    Closed,
    #[error("the {0} is longer than {1} bytes")]
    TooLong(&'static str, usize),
    #[error("that is not HTTP/1.1")]
    NotHttp,
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Reads up to the empty line.
pub async fn read_head(reader: &mut (impl AsyncBufRead + Unpin)) -> Result<Head, Problem> {
    let mut head = Vec::new();
    loop {
        let before = head.len();
        let left = MAX_HEAD.saturating_sub(before) as u64;
        if (&mut *reader).take(left).read_until(b'\n', &mut head).await? == 0 {
            return Err(if left == 0 { Problem::TooLong("head", MAX_HEAD) } else { Problem::Closed });
        }
        let line = head.get(before..).unwrap_or_default();
        // Empty lines before the first one are to be skipped (RFC 9112, section 2.2).
        if matches!(line, b"\r\n" | b"\n") {
            if before == 0 {
                head.clear();
                continue;
            }
            let end = head.len() - line.len();
            let whole = head.get(..end).unwrap_or_default();
            let whole = whole.strip_suffix(b"\n").unwrap_or(whole);
            let whole = whole.strip_suffix(b"\r").unwrap_or(whole);
            return Head::parse(whole).ok_or(Problem::NotHttp);
        }
    }
}

/// Reads the body that the head announces; `to_end` where a message without a length ends with the connection.
pub async fn read_body(
    reader: &mut (impl AsyncBufRead + Unpin),
    head: &Head,
    to_end: bool,
    most: usize,
) -> Result<Vec<u8>, Problem> {
    let mut body = Vec::new();
    if head.has_token("transfer-encoding", "chunked") {
        while let Some(size) = chunk_size(reader).await? {
            if size > most.saturating_sub(body.len()) {
                return Err(Problem::TooLong("body", most));
            }
            read_exactly(reader, size, &mut body).await?;
            read_line(reader).await?;
        }
        return Ok(body);
    }
    match crate::field::first(&head.fields, "content-length") {
        Some(length) => {
            let length = length.parse().map_err(|_| Problem::NotHttp)?;
            if length > most {
                return Err(Problem::TooLong("body", most));
            }
            read_exactly(reader, length, &mut body).await?;
        }
        None if to_end => loop {
            let left = most.saturating_sub(body.len()) as u64;
            match (&mut *reader).take(left.min(8192)).read_buf(&mut body).await {
                Ok(0) => break,
                Ok(_) => {}
                // A hop that refuses and hangs up leaves what it said so far.
                Err(_) if !body.is_empty() => break,
                Err(error) => return Err(error.into()),
            }
        },
        None => {}
    }
    Ok(body)
}

async fn read_exactly(
    reader: &mut (impl AsyncBufRead + Unpin),
    size: usize,
    into: &mut Vec<u8>,
) -> Result<(), Problem> {
    let wanted = into.len() + size;
    while into.len() < wanted {
        let left = (wanted - into.len()) as u64;
        if (&mut *reader).take(left).read_buf(into).await? == 0 {
            return Err(Problem::Closed);
        }
    }
    Ok(())
}

/// `None` for the last chunk, whose trailers are left to the connection's end.
async fn chunk_size(reader: &mut (impl AsyncBufRead + Unpin)) -> Result<Option<usize>, Problem> {
    let line = read_line(reader).await?;
    let size = line.split(';').next().unwrap_or_default().trim();
    let size = usize::from_str_radix(size, 16).map_err(|_| Problem::NotHttp)?;
    Ok((size > 0).then_some(size))
}

async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> Result<String, Problem> {
    let mut line = Vec::new();
    if (&mut *reader).take(1024).read_until(b'\n', &mut line).await? == 0 {
        return Err(Problem::Closed);
    }
    Ok(crate::field::text(&line))
}
