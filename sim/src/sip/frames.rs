//! Messages out of a stream, by Content-Length (RFC 3261, section 18.3).

use super::message::{MAX_BYTES, Message, Wrong};

/// What came so far.
#[derive(Default)]
pub(super) struct Frames(Vec<u8>);

impl Frames {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole message; line ends between messages keep a connection alive and are nothing.
    pub(super) fn next(&mut self) -> Result<Option<Message>, Wrong> {
        let ends = self.0.iter().take_while(|byte| b"\r\n".contains(byte)).count();
        self.0.drain(..ends);
        let Some(head) = self.0.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4) else {
            return if self.0.len() > MAX_BYTES { Err(Wrong::TooMuch) } else { Ok(None) };
        };
        let length = Message::parse(self.0.get(..head).unwrap_or_default())?;
        let length: usize = length.get("Content-Length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let end = head + length;
        if end > MAX_BYTES {
            return Err(Wrong::TooMuch);
        }
        let Some(whole) = self.0.get(..end) else { return Ok(None) };
        let message = Message::parse(whole)?;
        self.0.drain(..end);
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_cut_gives_the_same_messages() {
        let one =
            Message::request("MESSAGE", "sip:a@b").with("Call-ID", "1").with_body("text/plain", "hello");
        let two = Message::request("BYE", "sip:a@b").with("Call-ID", "2");
        let stream = [one.bytes(), b"\r\n\r\n".to_vec(), two.bytes()].concat();
        for cut in 0..stream.len() {
            let (mut frames, mut came) = (Frames::default(), Vec::new());
            for part in [&stream[..cut], &stream[cut..]] {
                frames.add(part);
                while let Some(message) = frames.next().unwrap() {
                    came.push((message.call_id().to_owned(), message.body));
                }
            }
            assert_eq!(
                came,
                [("1".to_owned(), "hello".to_owned()), ("2".to_owned(), String::new())],
                "{cut}"
            );
        }
    }

    #[test]
    fn a_length_beyond_all_bounds_is_refused() {
        let mut frames = Frames::default();
        frames.add(b"BYE sip:a SIP/2.0\r\nContent-Length: 99999999\r\n\r\n");
        assert_eq!(frames.next(), Err(Wrong::TooMuch));
    }
}
