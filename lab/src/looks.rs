//! When the link looks at the socket states of both ends: at every frame, and once for frames that come in one turn.
//!
//! A look costs as much as forwarding a frame. A frame that begins or ends something (SYN, FIN, RST), and every frame
//! of an end that is not ESTABLISHED, is looked at on its own. What is left are data and acknowledgments in the middle of
//! a conversation: those read from the host in one turn of the link were all sent before the look, so one look tells
//! the truth about all of them. A lone frame, which is what a conversation between people's programs is made of, has its
//! own in any case.

use std::sync::Arc;

use tongro_sys::sock_diag::Diag;

use crate::states::{Ends, States};

/// The looks of one turn.
pub(crate) struct Looks {
    diags: [Diag; 2],
    states: Arc<States>,
    /// Senders that were looked at in this turn.
    senders: Vec<Ends>,
    /// Established receivers that got frames in this turn, with the last one.
    receivers: Vec<(Ends, u32)>,
}

impl Looks {
    pub(crate) fn new(diags: [Diag; 2], states: Arc<States>) -> Self {
        Self { diags, states, senders: Vec::new(), receivers: Vec::new() }
    }

    /// Looks at once.
    pub(crate) fn now(&self, (host, local, remote): Ends, frame: u32) {
        self.states.ask(&self.diags[usize::from(host)], host, local, remote, Some(frame));
    }

    /// A frame has come from this end.
    pub(crate) fn at_sender(&mut self, ends: Ends, is_turning: bool, frame: u32) {
        let was_seen = self.senders.contains(&ends);
        if is_turning || !was_seen || !self.states.is_established(ends) {
            self.now(ends, frame);
        }
        if !was_seen {
            self.senders.push(ends);
        }
    }

    /// A frame that begins or ends something is about to be given to this end.
    pub(crate) fn before(&mut self, ends: Ends, frame: u32) {
        let waiting = self.receivers.iter().position(|(other, _)| *other == ends);
        let frame = waiting.map_or(frame, |at| self.receivers.swap_remove(at).1);
        self.now(ends, frame);
    }

    /// A frame has been given to this end.
    pub(crate) fn at_receiver(&mut self, ends: Ends, is_turning: bool, frame: u32) {
        if is_turning || !self.states.is_established(ends) {
            return self.now(ends, frame);
        }
        match self.receivers.iter_mut().find(|(other, _)| *other == ends) {
            Some((_, last)) => *last = frame,
            None => self.receivers.push((ends, frame)),
        }
    }

    /// Nothing more is there to be read: looks at those who got something.
    pub(crate) fn end_turn(&mut self) {
        self.senders.clear();
        for (ends, frame) in std::mem::take(&mut self.receivers) {
            self.now(ends, frame);
        }
    }
}
