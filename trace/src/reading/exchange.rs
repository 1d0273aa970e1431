//! Questions and answers of one connection: which HTTP request a response belongs to, in order (RFC 9112 section 9.3).

use std::collections::VecDeque;

/// Requests whose response is to come; more than this are not remembered.
const OPEN: usize = 1024;

/// The open requests of a connection.
#[derive(Debug, Default)]
pub(super) struct Exchange {
    open: VecDeque<Request>,
}

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Request {
    /// The frame in which it ends.
    pub(super) no: u32,
    /// That frame's time.
    pub(super) at: i64,
    /// Its response has no body.
    pub(super) is_head: bool,
}

impl Exchange {
    pub(super) fn asked(&mut self, request: Request) {
        if self.open.len() < OPEN {
            self.open.push_back(request);
        }
    }

    /// The request that the next response answers.
    pub(super) fn next(&self) -> Option<Request> {
        self.open.front().copied()
    }

    /// A response of this status is complete.
    pub(super) fn answered(&mut self, status: u64) -> Option<Request> {
        // An interim response (RFC 9110 section 15.2) leaves the request open; 101 is the last word.
        if (100..200).contains(&status) && status != 101 { self.next() } else { self.open.pop_front() }
    }
}
