//! Cutting a stream into lines, however it arrives.
//!
//! Bytes come from a machine that was handed an event; whole lines go back to it through a callback. Only an
//! unfinished line is kept, and never more of it than the bound allows.

use crate::Bounds;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut<'a> {
    /// A line, without its end.
    Line {
        /// The line's bytes; not necessarily text.
        text: &'a [u8],
        /// How the peer ends its lines: `\r\n` or `\n`. Answers are ended the same way.
        end: &'static [u8],
    },
    /// A line grew over the bound. Told once, where the bound is crossed; the rest up to its end is dropped.
    TooLong,
}

/// The unfinished line between two events.
#[derive(Debug, Default)]
pub struct Lines {
    /// What has come of it. Empty memory while no line is unfinished.
    partial: Vec<u8>,
    /// The unfinished line is over the bound: drop until its end.
    is_dropping: bool,
    /// Lines begun, counted from 1.
    number: u64,
}

impl Lines {
    /// Takes the next bytes and gives each line that ends in them to `found`; stops early when that says `false`.
    pub fn feed(&mut self, bytes: &[u8], bounds: Bounds, mut found: impl FnMut(Cut<'_>) -> bool) {
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = rest.split_at(at);
            rest = &tail[1..];
            if !self.end_line(head, bounds, &mut found) {
                return;
            }
        }
        self.keep(rest, bounds, &mut found);
    }

    /// The number of the line that has begun and not ended.
    pub fn open_line(&self) -> Option<u64> {
        (self.is_dropping || !self.partial.is_empty()).then_some(self.number)
    }

    /// A line end has come: what was kept and `head` are the line.
    fn end_line(&mut self, head: &[u8], bounds: Bounds, found: &mut impl FnMut(Cut<'_>) -> bool) -> bool {
        self.number += u64::from(self.open_line().is_none());
        if core::mem::take(&mut self.is_dropping) {
            return true;
        }
        if self.partial.len() + head.len() > bounds.message_len {
            self.partial = Vec::new();
            return found(Cut::TooLong);
        }
        let mut line = core::mem::take(&mut self.partial);
        let whole = if line.is_empty() {
            head
        } else {
            line.extend_from_slice(head);
            &line
        };
        found(match whole {
            [text @ .., b'\r'] => Cut::Line { text, end: b"\r\n" },
            text => Cut::Line { text, end: b"\n" },
        })
    }

    /// Bytes without a line end: kept for later, up to the bound.
    fn keep(&mut self, rest: &[u8], bounds: Bounds, found: &mut impl FnMut(Cut<'_>) -> bool) {
        if rest.is_empty() {
            return;
        }
        self.number += u64::from(self.open_line().is_none());
        if self.is_dropping {
            return;
        }
        if self.partial.len() + rest.len() > bounds.message_len {
            self.partial = Vec::new();
            self.is_dropping = true;
            found(Cut::TooLong);
        } else {
            self.partial.extend_from_slice(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pieces: &[&[u8]], message_len: usize) -> Vec<String> {
        let mut lines = Lines::default();
        let mut all = Vec::new();
        for piece in pieces {
            lines.feed(piece, Bounds { message_len }, |cut| {
                all.push(match cut {
                    Cut::Line { text, end } => format!("{}+{}", String::from_utf8_lossy(text), end.len()),
                    Cut::TooLong => "too long".to_owned(),
                });
                true
            });
        }
        all
    }

    #[test]
    fn any_cut_gives_the_same_lines() {
        let stream = "TIME\r\n가나\n\nx\r\n".as_bytes();
        let whole = cut(&[stream], 99);
        assert_eq!(whole, ["TIME+2", "가나+1", "+1", "x+2"]);
        for one in 0..stream.len() {
            for two in one..stream.len() {
                assert_eq!(cut(&[&stream[..one], &stream[one..two], &stream[two..]], 99), whole);
            }
        }
    }

    #[test]
    fn a_line_over_the_bound_is_told_once_and_the_next_one_is_read() {
        assert_eq!(cut(&[b"aaaaaaaa", b"aaa", b"a\nok\n"], 4), ["too long", "ok+1"]);
        assert_eq!(cut(&[b"aaaaaa\nok\n"], 4), ["too long", "ok+1"]);
    }

    #[test]
    fn an_unfinished_line_keeps_its_number() {
        let mut lines = Lines::default();
        let mut feed = |bytes: &[u8]| {
            lines.feed(bytes, Bounds::default(), |_| true);
            lines.open_line()
        };
        assert_eq!((feed(b"a"), feed(b"b"), feed(b"\nc"), feed(b"\n")), (Some(1), Some(1), Some(2), None));
    }
}
