//! Frame: length-prefixed messages; each comes back in one frame.
//!
//! ```text
//!  0               4
//! +---------------+------------------- - - -
//! | length (>I)   | payload: `length` bytes
//! +---------------+------------------- - - -
//! ```
//!
//! Bytes come from the peer, cut anywhere, also inside the length; frames go back. The length counts **bytes**, so
//! Korean text is longer than its number of characters, and it is a claim, not a fact: a length over the bound is
//! refused before a single byte of memory is set aside for it. There are no negative lengths: `ff ff ff ff` is
//! 4,294,967,295.

use crate::{Actions, Bounds, Event, Machine, Now};

/// Bytes of the length.
pub const HEADER_LEN: usize = 4;

/// Cuts frames out of a stream.
#[derive(Debug)]
pub struct Frames {
    /// What has come of the unfinished frame, its length included.
    partial: Vec<u8>,
    /// The longest payload accepted.
    bounds: Bounds,
    /// Frames begun, counted from 1.
    number: u64,
}

/// A length that nobody will wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong(
    /// What the header claimed.
    pub u32,
);

impl Frames {
    /// Accepts payloads up to `bounds`.
    pub fn new(bounds: Bounds) -> Self {
        Self { partial: Vec::new(), bounds, number: 0 }
    }

    /// Takes the next bytes and gives each payload that is complete to `found`. After an error the stream is
    /// lost, for nobody can tell where the next frame begins.
    pub fn feed(&mut self, bytes: &[u8], mut found: impl FnMut(&[u8])) -> Result<(), TooLong> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.number += u64::from(self.partial.is_empty());
            rest = match self.missing()? {
                Some(missing) => self.fill(rest, missing),
                None => rest,
            };
            if self.missing()? == Some(0) {
                found(&self.partial[HEADER_LEN..]);
                self.partial.clear();
            }
        }
        if self.partial.is_empty() {
            self.partial = Vec::new(); // an idle connection holds no buffer
        }
        Ok(())
    }

    /// The number of the frame that has begun and is not complete.
    pub fn open_frame(&self) -> Option<u64> {
        (!self.partial.is_empty()).then_some(self.number)
    }

    /// How many bytes the next step needs: of the header, then of the payload.
    fn missing(&self) -> Result<Option<usize>, TooLong> {
        let Some(header) = self.partial.first_chunk::<HEADER_LEN>() else {
            return Ok(Some(HEADER_LEN - self.partial.len()));
        };
        let len = u32::from_be_bytes(*header);
        if len as usize > self.bounds.message_len {
            return Err(TooLong(len));
        }
        Ok(Some(HEADER_LEN + len as usize - self.partial.len()))
    }

    /// Moves at most `missing` bytes to the unfinished frame; returns those that are left.
    fn fill<'a>(&mut self, bytes: &'a [u8], missing: usize) -> &'a [u8] {
        let (now, later) = bytes.split_at(missing.min(bytes.len()));
        self.partial.extend_from_slice(now);
        later
    }
}

/// Writes one frame. `None` if the payload is longer than a length can say.
pub fn write(payload: &[u8], out: &mut Actions) -> Option<()> {
    let len = u32::try_from(payload.len()).ok()?;
    out.send(&len.to_be_bytes());
    out.send(payload);
    Some(())
}

/// The server's side of one connection.
#[derive(Debug)]
pub struct Frame {
    frames: Frames,
    /// Set after a length nobody can believe.
    is_lost: bool,
}

impl Frame {
    /// A server that accepts payloads up to `bounds`.
    pub fn new(bounds: Bounds) -> Self {
        Self { frames: Frames::new(bounds), is_lost: false }
    }

    /// Sends each whole payload back; after a length nobody can believe, says so and ends.
    fn take(&mut self, bytes: &[u8], actions: &mut Actions) {
        let outcome = self.frames.feed(bytes, |payload| {
            let _ = write(payload, actions); // it came in a frame, so it fits into one
        });
        if let Err(TooLong(len)) = outcome {
            let limit = self.frames.bounds.message_len;
            let _ = write(format!("ERR length {len} is over {limit}").as_bytes(), actions);
            self.is_lost = true;
            actions.finish();
        }
    }
}

impl Machine for Frame {
    fn handle(&mut self, event: Event<'_>, _now: Now, actions: &mut Actions) {
        match event {
            Event::Bytes(bytes) if !self.is_lost => self.take(bytes, actions),
            Event::End => {
                if self.frames.open_frame().is_some() {
                    let _ = write(b"ERR the last frame was cut off", actions);
                }
                actions.finish();
            }
            Event::Drain => actions.finish(),
            _ => {}
        }
    }

    fn open_message(&self) -> Option<u64> {
        self.frames.open_frame()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn talk(frame: &mut Frame, bytes: &[u8]) -> (Vec<u8>, bool) {
        let mut actions = Actions::default();
        frame.handle(Event::Bytes(bytes), Now::default(), &mut actions);
        (actions.bytes().to_vec(), actions.is_finished())
    }

    #[test]
    fn any_cut_gives_the_same_frames() {
        let stream = b"\0\0\0\x03abc\0\0\0\0\0\0\0\x01x";
        for one in 0..stream.len() {
            for two in one..stream.len() {
                let mut frame = Frame::new(Bounds::default());
                let pieces = [&stream[..one], &stream[one..two], &stream[two..]];
                let back: Vec<u8> = pieces.iter().flat_map(|piece| talk(&mut frame, piece).0).collect();
                assert_eq!(back, stream);
                assert_eq!(frame.open_message(), None);
            }
        }
    }

    #[test]
    fn a_length_is_not_believed() {
        let mut frame = Frame::new(Bounds { message_len: 10 });
        let (answer, is_over) = talk(&mut frame, b"\xff\xff\xff\xff");
        assert_eq!(&answer[HEADER_LEN..], b"ERR length 4294967295 is over 10");
        assert!(is_over);
        assert_eq!(talk(&mut frame, b"\0\0\0\0"), (vec![], false));
    }

    #[test]
    fn half_a_frame_is_told_at_the_end() {
        let mut frame = Frame::new(Bounds::default());
        talk(&mut frame, b"\0\0\0\x09only");
        assert_eq!(frame.open_message(), Some(1));
        let mut actions = Actions::default();
        frame.handle(Event::End, Now::default(), &mut actions);
        assert_eq!(&actions.bytes()[HEADER_LEN..], b"ERR the last frame was cut off");
    }
}
