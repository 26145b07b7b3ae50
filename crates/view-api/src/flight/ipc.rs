//! The messages of a stream of Arrow IPC, whose metadata Flight carries beside their bodies. Of the metadata only the length of the
//! body is read: <https://arrow.apache.org/docs/format/Columnar.html#encapsulated-message-format>

use axum::body::Bytes;

use crate::grpc::Wrong;

const CONTINUES: [u8; 4] = [0xff; 4];
/// In front of the metadata: the mark, and its length.
const BEFORE: usize = 8;

/// One message.
#[derive(Debug, PartialEq)]
pub(super) struct Message {
    pub(super) metadata: Bytes,
    pub(super) body: Bytes,
}

impl Message {
    /// As it stands in the stream, without its body.
    pub(super) fn whole(&self) -> Bytes {
        let length = u32::try_from(self.metadata.len()).unwrap_or(u32::MAX);
        [&CONTINUES[..], &length.to_le_bytes(), &self.metadata].concat().into()
    }
}

/// Bytes of which the message is not whole yet.
#[derive(Default)]
pub(super) struct Messages(Vec<u8>);

impl Messages {
    /// The messages that are whole with these bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<Message>, Wrong> {
        self.0.extend_from_slice(bytes);
        let mut rest = Bytes::from(std::mem::take(&mut self.0));
        let mut messages = Vec::new();
        while let Some((metadata, body)) = lengths(&rest)? {
            drop(rest.split_to(BEFORE));
            let metadata = rest.split_to(metadata);
            messages.push(Message { metadata, body: rest.split_to(body) });
        }
        self.0 = rest.into();
        Ok(messages)
    }
}

/// Of the metadata and the body of the first message, where both are there; the end of the stream is none.
fn lengths(bytes: &[u8]) -> Result<Option<(usize, usize)>, Wrong> {
    let broken = || Wrong::new(13, "the answer is no stream of Arrow");
    let Some(([mark @ .., _, _, _, _], _)) = bytes.split_first_chunk::<BEFORE>() else { return Ok(None) };
    let length = number::<4>(bytes, 4).map(u32::from_le_bytes).ok_or_else(broken)? as usize;
    if *mark != CONTINUES {
        return Err(broken());
    }
    let Some(metadata) = bytes.get(BEFORE..).and_then(|rest| rest.get(..length)) else { return Ok(None) };
    if length == 0 {
        return Ok(None);
    }
    let body = body_length(metadata).and_then(|length| usize::try_from(length).ok()).ok_or_else(broken)?;
    let whole = BEFORE.checked_add(length).and_then(|head| head.checked_add(body)).ok_or_else(broken)?;
    Ok((bytes.len() >= whole).then_some((length, body)))
}

/// `Message.bodyLength`, the fourth field of the root table.
fn body_length(metadata: &[u8]) -> Option<i64> {
    const FIELD: usize = 4 + 2 * 3;
    let table = u32::from_le_bytes(number(metadata, 0)?) as usize;
    let back = i32::from_le_bytes(number(metadata, table)?);
    let fields = usize::try_from(i64::try_from(table).ok()?.checked_sub(back.into())?).ok()?;
    let size = usize::from(u16::from_le_bytes(number(metadata, fields)?));
    let at =
        if size < FIELD + 2 { 0 } else { u16::from_le_bytes(number(metadata, fields.checked_add(FIELD)?)?) };
    match at {
        0 => Some(0),
        at => Some(i64::from_le_bytes(number(metadata, table.checked_add(at.into())?)?)),
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A root table with a body of so many bytes, as a writer of flatbuffers lays it out.
    pub(super) fn message(body: &[u8]) -> Vec<u8> {
        let mut metadata = vec![20, 0, 0, 0, 0, 0];
        // Size of the fields' places, size of the table, then a place for each of four fields.
        for number in [12u16, 16, 4, 0, 0, 8] {
            metadata.extend(number.to_le_bytes());
        }
        metadata.extend([0, 0]);
        metadata.extend(14i32.to_le_bytes());
        metadata.extend([5, 0, 0, 0]);
        metadata.extend((body.len() as i64).to_le_bytes());
        metadata.extend([0; 4]);
        let mut whole = CONTINUES.to_vec();
        whole.extend((metadata.len() as u32).to_le_bytes());
        whole.extend(&metadata);
        whole.extend(body);
        whole
    }

    const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

    #[test]
    fn messages_are_whole_wherever_the_stream_is_cut() {
        let stream = [message(b""), message(b"eightbyt"), message(&[7; 64]), END.to_vec()].concat();
        for cut in 0..=stream.len() {
            let mut messages = Messages::default();
            let (one, two) = stream.split_at(cut);
            let mut taken = messages.take(one).unwrap();
            taken.extend(messages.take(two).unwrap());
            let bodies: Vec<&[u8]> = taken.iter().map(|message| &message.body[..]).collect();
            assert_eq!(bodies, [b"" as &[u8], b"eightbyt", &[7; 64]]);
            assert_eq!(taken[0].whole(), message(b""));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mut bytes in prop::collection::vec(any::<u8>(), 0..200), framed in any::<bool>()) {
            if framed {
                bytes.splice(0..0, [0xff, 0xff, 0xff, 0xff, 40, 0, 0, 0]);
            }
            let taken = Messages::default().take(&bytes);
            if let Ok(taken) = taken {
                let used: usize = taken.iter().map(|message| BEFORE + message.metadata.len() + message.body.len()).sum();
                prop_assert!(used <= bytes.len());
            }
        }
    }
}
