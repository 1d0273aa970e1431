//! Echo: every byte goes back, in order (RFC 862).
//!
//! Bytes come from the peer and go to the same peer. There are no messages, so a Korean syllable cut in two, a
//! NUL or a megabyte without a line end are all the same to it: nothing is decoded, nothing is kept.
//!
//! When the peer has finished sending (`SHUT_WR`), all it sent is already in the output; only then does our side
//! finish too, so a half-closed peer still gets its whole answer.

use crate::{Actions, Event, Machine, Now};

/// The echo machine. It has no state at all, which is why one server thread can hold thousands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Echo;

impl Machine for Echo {
    fn handle(&mut self, event: Event<'_>, _now: Now, actions: &mut Actions) {
        match event {
            Event::Bytes(bytes) => actions.send(bytes),
            Event::Datagram { from, bytes } => actions.send_to(from, bytes),
            Event::End | Event::Drain => actions.finish(),
            Event::Open | Event::Sent | Event::Wake | Event::File(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(event: Event<'_>) -> Actions {
        let mut actions = Actions::default();
        Echo.handle(event, Now::default(), &mut actions);
        actions
    }

    #[test]
    fn bytes_come_back_whatever_they_are() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(answer(Event::Bytes(&all)).bytes(), all);
        assert_eq!(answer(Event::Bytes(&"가".as_bytes()[..2])).bytes(), &"가".as_bytes()[..2]);
    }

    #[test]
    fn a_datagram_goes_back_to_its_sender_even_if_empty() {
        let from = ([127, 0, 0, 1], 9).into();
        let actions = answer(Event::Datagram { from, bytes: b"" });
        assert_eq!(actions.datagrams(), [crate::Datagram { to: from, range: 0..0 }]);
    }

    #[test]
    fn the_end_of_the_peer_is_the_end_of_us() {
        assert!(answer(Event::End).is_finished());
        assert!(!answer(Event::Bytes(b"x")).is_finished());
    }
}
