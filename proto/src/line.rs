//! Line: one request line, one answer line.
//!
//! Bytes come from the peer, are cut at `\n` by [`Lines`], and each line's answer goes back ended the way the
//! request was (`\r\n` or `\n`).
//!
//! | request | answer |
//! |---|---|
//! | `TIME` | the time, as RFC 3339 |
//! | `ECHO text` | `text`, byte for byte |
//! | `HELP` | the commands |
//! | `QUIT` | `BYE`, then the end |
//! | anything else | `ERR` and why; the conversation goes on |
//!
//! Commands are understood in any case. Requests may be pipelined; answers keep their order.

use crate::daytime::rfc3339;
use crate::lines::{Cut, Lines};
use crate::{Actions, Bounds, Event, Machine, Now};

/// The server's side of one connection.
#[derive(Debug)]
pub struct Line {
    /// The line that has begun.
    lines: Lines,
    /// How long a line may be.
    bounds: Bounds,
    /// `QUIT` was said.
    is_over: bool,
}

impl Line {
    /// A server that accepts lines up to `bounds`.
    pub fn new(bounds: Bounds) -> Self {
        Self { lines: Lines::default(), bounds, is_over: false }
    }

    /// Answers each line that ends in these bytes, up to a `QUIT`.
    fn take(&mut self, bytes: &[u8], now: Now, actions: &mut Actions) {
        let (bounds, is_over) = (self.bounds, &mut self.is_over);
        self.lines.feed(bytes, bounds, |cut| {
            *is_over = answer(cut, bounds, now, actions);
            !*is_over
        });
    }

    /// The peer has finished. A line without its end may be half a request, so it is not obeyed.
    fn end(&mut self, actions: &mut Actions) {
        if self.lines.open_line().is_some() {
            actions.send(b"ERR the last line has no end\n");
        }
        actions.finish();
    }
}

impl Machine for Line {
    fn handle(&mut self, event: Event<'_>, now: Now, actions: &mut Actions) {
        match event {
            Event::Bytes(bytes) if !self.is_over => self.take(bytes, now, actions),
            Event::End => self.end(actions),
            Event::Drain => actions.finish(),
            _ => {}
        }
        if self.is_over {
            actions.finish();
        }
    }

    fn open_message(&self) -> Option<u64> {
        self.lines.open_line()
    }
}

/// Answers one line; says whether it was the last.
fn answer(cut: Cut<'_>, bounds: Bounds, now: Now, actions: &mut Actions) -> bool {
    let Cut::Line { text, end } = cut else {
        actions.send(format!("ERR a line may have {} bytes\n", bounds.message_len).as_bytes());
        return false;
    };
    let (command, rest) = match text.iter().position(|byte| *byte == b' ') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, &b""[..]),
    };
    let is_quit = command.eq_ignore_ascii_case(b"QUIT");
    match command.to_ascii_uppercase().as_slice() {
        b"TIME" => actions.send(rfc3339(now.wall).as_bytes()),
        b"ECHO" => actions.send(rest),
        b"HELP" => actions.send(b"TIME, ECHO text, HELP, QUIT"),
        b"QUIT" => actions.send(b"BYE"),
        b"" => actions.send(b"ERR empty line"),
        _ => actions.send(b"ERR unknown command, try HELP"),
    }
    actions.send(end);
    is_quit
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;

    fn talk(line: &mut Line, bytes: &[u8]) -> (String, bool) {
        let now = Now { steady: Duration::ZERO, wall: Duration::from_secs(1_700_000_000) };
        let mut actions = Actions::default();
        line.handle(Event::Bytes(bytes), now, &mut actions);
        (String::from_utf8(actions.bytes().to_vec()).unwrap(), actions.is_finished())
    }

    #[test]
    fn requests_may_come_in_pieces_or_all_at_once() {
        let mut line = Line::new(Bounds::default());
        assert_eq!(talk(&mut line, b"TI").0, "");
        assert_eq!(talk(&mut line, b"ME\r").0, "");
        assert_eq!(talk(&mut line, b"\n").0, "2023-11-14T22:13:20Z\r\n");
        assert_eq!(talk(&mut line, "echo 가나 다\nnope\n\n".as_bytes()).0, {
            "가나 다\nERR unknown command, try HELP\nERR empty line\n"
        });
        assert_eq!(talk(&mut line, b"quit\necho too late\n"), ("BYE\n".to_owned(), true));
    }

    #[test]
    fn a_long_line_is_refused_and_the_next_is_served() {
        let mut line = Line::new(Bounds { message_len: 8 });
        assert_eq!(talk(&mut line, b"123456789").0, "ERR a line may have 8 bytes\n");
        assert_eq!(talk(&mut line, b"more\necho a\n").0, "a\n");
    }

    #[test]
    fn a_line_without_its_end_is_not_taken_for_a_request() {
        let mut line = Line::new(Bounds::default());
        talk(&mut line, b"TIME");
        let mut actions = Actions::default();
        line.handle(Event::End, Now::default(), &mut actions);
        assert_eq!(actions.bytes(), b"ERR the last line has no end\n");
        assert!(actions.is_finished());
    }
}
