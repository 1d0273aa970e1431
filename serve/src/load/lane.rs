//! One connection of the load: what is to be sent on it, and what it waits for.
//!
//! A request is on the lane three times: *planned* (it has a time), *sent* (its last byte has left), *replied* (the last
//! byte of its reply has come). Requests may overlap: replies are matched in order, as a byte stream guarantees.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::Duration;

use socket2::Socket;

use super::{Load, Reply};
use crate::connection::Wire;
use crate::session::Io;

/// A connection and its open requests.
pub(super) struct Lane {
    pub(super) socket: Socket,
    pub(super) stage: Stage,
    /// When `connect` was called.
    pub(super) begun_at: Duration,
    /// Intended times of requests that have not completely left.
    to_send: VecDeque<Duration>,
    /// How much of the first of them has left.
    sent_len: usize,
    /// Intended times of requests without a complete reply.
    awaited: VecDeque<Duration>,
    /// How much of the first reply has come.
    got_len: usize,
    /// When the first piece of it came.
    piece_at: Duration,
    /// Has any reply come, counted or not?
    pub(super) is_served: bool,
    /// Complete replies that count.
    pub(super) replies: u64,
    /// What is watched for, so that it is changed only when it changes.
    pub(super) watches_write: bool,
}

/// How far a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The handshake is going on.
    Connecting,
    /// Requests can be sent.
    Open,
    /// Over before its time.
    Lost,
}

impl Lane {
    /// A connection whose handshake has begun.
    pub(super) fn new(socket: Socket, begun_at: Duration) -> Self {
        Self {
            socket,
            stage: Stage::Connecting,
            begun_at,
            to_send: VecDeque::new(),
            sent_len: 0,
            awaited: VecDeque::new(),
            got_len: 0,
            piece_at: Duration::ZERO,
            is_served: false,
            replies: 0,
            watches_write: true,
        }
    }

    /// Plans a request for this time; it leaves with the next [`Self::send`].
    pub(super) fn plan(&mut self, intended_at: Duration) {
        self.to_send.push_back(intended_at);
    }

    /// Sends what is planned, as far as it goes.
    pub(super) fn send(&mut self, load: &Load) -> io::Result<()> {
        while let Some(intended_at) = self.to_send.front().copied() {
            match Wire(&self.socket).write(&load.request[self.sent_len..]) {
                Ok(len) => self.sent_len += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
            if self.sent_len == load.request.len() {
                self.sent_len = 0;
                self.to_send.pop_front();
                self.awaited.push_back(intended_at);
            }
        }
        Ok(())
    }

    /// Takes what has come; gives the intended time of each request that now has its reply, and the time between its
    /// first and its last piece. Says whether the bytes were the right ones.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        load: &Load,
        now: Duration,
        mut replied: impl FnMut(Duration, Duration),
    ) -> bool {
        let mut is_right = true;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (taken, is_complete) = match load.reply {
                Reply::Echo => self.expect(rest.len(), load.request.len()),
                Reply::Bytes(len) => self.expect(rest.len(), len),
                Reply::Line => match rest.iter().position(|byte| *byte == b'\n') {
                    Some(at) => (at + 1, true),
                    None => (rest.len(), false),
                },
            };
            if load.reply == Reply::Echo {
                is_right &= rest[..taken] == load.request[self.got_len..self.got_len + taken];
            }
            if self.got_len == 0 {
                self.piece_at = now;
            }
            self.got_len = if is_complete { 0 } else { self.got_len + taken };
            rest = &rest[taken..];
            if is_complete {
                self.is_served = true;
                match self.awaited.pop_front() {
                    Some(intended_at) => replied(intended_at, now.saturating_sub(self.piece_at)),
                    None => return false, // a reply nobody asked for
                }
            }
        }
        is_right
    }

    /// How many of `available` bytes belong to a reply of `len`, and whether they complete it.
    fn expect(&self, available: usize, len: usize) -> (usize, bool) {
        let missing = len.max(1) - self.got_len;
        (missing.min(available), available >= missing)
    }

    /// Is there something that the socket has not taken?
    pub(super) fn is_blocked(&self) -> bool {
        self.stage == Stage::Connecting || !self.to_send.is_empty()
    }

    /// Requests without a reply.
    pub(super) fn open_requests(&self) -> usize {
        self.to_send.len() + self.awaited.len()
    }
}
