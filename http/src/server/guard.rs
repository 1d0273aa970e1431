//! The strict layer as a stream: between the socket and hyper stands a [`Checker`], and hyper sees right bytes only.
//!
//! A bad head never reaches hyper. In its place goes a request of our own, so that hyper answers it after all earlier
//! ones, in order; the service knows by its number that the answer is the refusal. A bad chunk is a read error, and the
//! answer of that request becomes the refusal. After either, what the client still sends is read and thrown away until
//! it has taken the answer (a close with unread bytes would be an RST that destroys it).
//!
//! Time is a limit as well: a head that drips in byte by byte is cut off, whatever its bytes are.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::rt::ReadBufCursor;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::strict::{Checker, Class, Limits, Refusal, Step};

/// How long a stage may last.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From the first byte of a head to its last.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// Between two pieces of content.
    pub body: Duration,
    /// For a client that was refused, to take its answer and leave.
    pub linger: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { head: seconds(10), idle: seconds(60), body: seconds(30), linger: seconds(2) }
    }
}

/// What the guard and the service of one connection tell each other.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Heads passed on.
    heads: AtomicU64,
    /// The request (counted from 1) that was refused.
    refused: Mutex<Option<(u64, Refusal)>>,
    /// Another protocol is spoken from here on.
    is_upgraded: AtomicBool,
}

impl Line {
    /// Why request number `number` was refused, if it was.
    pub(super) fn refusal(&self, number: u64) -> Option<Refusal> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.as_ref().filter(|(refused, _)| *refused == number).map(|(_, refusal)| refusal.clone())
    }

    /// From now on bytes are not HTTP.
    pub(super) fn upgrade(&self) {
        self.is_upgraded.store(true, Ordering::Release);
    }

    fn refuse(&self, number: u64, refusal: Refusal) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some((number, refusal));
    }
}

/// What to do with the next bytes.
#[derive(Debug, PartialEq, Eq)]
enum Mode {
    Check,
    /// Refused in its head: the stand-in is (or was) handed to hyper.
    StandIn,
    /// Refused in its content.
    Broken,
    /// Nothing more: the client has ended, or is idle for too long.
    Ended,
}

/// What goes to hyper instead of a bad head; what it says does not matter, only that hyper takes it.
const STAND_IN: &[u8] = b"GET / HTTP/1.1\r\nHost: refused\r\n\r\n";
const STAND_IN_HEAD: &[u8] = b"HEAD / HTTP/1.1\r\nHost: refused\r\n\r\n";
/// As much is read at once.
const PIECE: usize = 8 * 1024;
/// As much is thrown away after a refusal.
const MOST_DISCARDED: usize = 256 * 1024;

/// A stream that lets right HTTP/1 requests through.
#[derive(Debug)]
pub(super) struct Guard<S> {
    stream: S,
    line: std::sync::Arc<Line>,
    checker: Checker,
    patience: Patience,
    mode: Mode,
    /// What has come: `buffer[start..end]`; of it `right` bytes may go on.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    right: usize,
    /// Whether content is outstanding, or its framing.
    is_in_body: bool,
    timer: Pin<Box<Sleep>>,
    /// What the timer was last set for.
    armed: Option<Class>,
    is_shut: bool,
    discarded: usize,
}

impl<S> Guard<S> {
    /// `seen` are bytes that were read already, to find out which protocol is spoken.
    pub(super) fn new(
        stream: S,
        seen: &[u8],
        line: std::sync::Arc<Line>,
        limits: Limits,
        patience: Patience,
    ) -> Self {
        let mut buffer = vec![0; PIECE.max(seen.len())];
        buffer[..seen.len()].copy_from_slice(seen);
        Self {
            stream,
            line,
            checker: Checker::new(limits),
            patience,
            mode: Mode::Check,
            buffer,
            start: 0,
            end: seen.len(),
            right: 0,
            is_in_body: false,
            timer: Box::pin(tokio::time::sleep(patience.idle)),
            armed: None,
            is_shut: false,
            discarded: 0,
        }
    }

    /// Looks at what has come.
    fn check(&mut self) {
        if self.line.is_upgraded.load(Ordering::Acquire) {
            self.right = self.end - self.start;
            return;
        }
        let here = &self.buffer[self.start..self.end];
        let len = match self.checker.check(here) {
            Ok(Step::More) => return,
            Ok(Step::Head(len, framing)) => {
                if let Some(minor) = framing.minor_at {
                    self.buffer[self.start + minor] = b'1'; // §2.5: a higher minor version is read as our own
                }
                self.line.heads.fetch_add(1, Ordering::AcqRel);
                self.is_in_body = !self.checker.is_in_head();
                len
            }
            Ok(Step::Body(len)) => len,
            Ok(Step::End(len)) => {
                self.is_in_body = false;
                len
            }
            Err(refusal) => return self.refuse(refusal),
        };
        self.right = len;
        self.armed = None;
    }

    fn refuse(&mut self, refusal: Refusal) {
        let heads = self.line.heads.load(Ordering::Acquire);
        if self.is_in_body {
            self.line.refuse(heads, refusal);
            self.mode = Mode::Broken;
            (self.start, self.end) = (0, 0);
            return;
        }
        self.line.refuse(heads + 1, refusal);
        let is_head = self.buffer[self.start..self.end].starts_with(b"HEAD ");
        let stand_in = if is_head { STAND_IN_HEAD } else { STAND_IN };
        self.buffer[..stand_in.len()].copy_from_slice(stand_in);
        (self.start, self.end, self.right) = (0, stand_in.len(), stand_in.len());
        self.mode = Mode::StandIn;
    }

    /// The client has ended its stream.
    fn ended(&mut self) {
        let here = &self.buffer[self.start..self.end];
        let is_upgraded = self.line.is_upgraded.load(Ordering::Acquire);
        match self.checker.end(here) {
            Err(refusal) if !is_upgraded => self.refuse(refusal),
            _ => self.mode = Mode::Ended,
        }
    }

    /// Room behind what has come, moving it to the front where that makes room.
    fn make_room(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.end == self.buffer.len() && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() + PIECE, 0); // bounded by the limit of a head
        }
    }

    /// Which limit of time counts now.
    fn stage(&self) -> (Class, Duration) {
        match (self.is_in_body, self.start == self.end) {
            (true, _) => (Class::SlowBody, self.patience.body),
            (false, false) => (Class::SlowHead, self.patience.head),
            (false, true) => (Class::Incomplete, self.patience.idle),
        }
    }
}

impl<S: AsyncRead + Unpin> Guard<S> {
    /// Reads behind what has come; whether anything came.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.make_room();
        let mut space = ReadBuf::new(&mut self.buffer[self.end..]);
        match Pin::new(&mut self.stream).poll_read(cx, &mut space) {
            Poll::Ready(Ok(())) => {
                let len = space.filled().len();
                self.end += len;
                Poll::Ready(Ok(len > 0))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => self.poll_patience(cx).map(Ok),
        }
    }

    /// Nothing has come yet: is it too late? Then as if the client had ended, or as a refusal.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if self.line.is_upgraded.load(Ordering::Acquire) {
            return Poll::Pending;
        }
        let (class, limit) = self.stage();
        if self.armed != Some(class) {
            self.armed = Some(class);
            self.timer.as_mut().reset(Instant::now() + limit);
        }
        ready!(self.timer.as_mut().poll(cx));
        if class == Class::Incomplete {
            self.mode = Mode::Ended; // idle between requests: nothing to say
        } else {
            let refusal = self.checker.refuse(class, &self.buffer[self.start..self.end]);
            self.refuse(refusal);
        }
        Poll::Ready(true)
    }

    /// Reads what the client still sends and throws it away, until it ends or has had its time.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.armed != Some(Class::Incomplete) || self.mode == Mode::Check {
            self.armed = Some(Class::Incomplete);
            self.mode = Mode::Ended;
            self.timer.as_mut().reset(Instant::now() + self.patience.linger);
        }
        loop {
            let mut space = ReadBuf::new(&mut self.buffer);
            match Pin::new(&mut self.stream).poll_read(cx, &mut space) {
                Poll::Ready(Ok(())) if !space.filled().is_empty() && self.discarded < MOST_DISCARDED => {
                    self.discarded += space.filled().len();
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.timer.as_mut().poll(cx),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> hyper::rt::Read for Guard<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.right > 0 {
                let len = this.right.min(into.remaining());
                into.put_slice(&this.buffer[this.start..this.start + len]);
                this.start += len;
                this.right -= len;
                return Poll::Ready(Ok(()));
            }
            match this.mode {
                Mode::Check => {}
                Mode::Broken => return Poll::Ready(Err(io::ErrorKind::InvalidData.into())),
                Mode::StandIn | Mode::Ended => return Poll::Ready(Ok(())),
            }
            if this.start < this.end {
                this.check();
                if this.right > 0 || this.mode != Mode::Check {
                    continue;
                }
            }
            if !ready!(this.poll_fill(cx))? {
                this.ended();
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> hyper::rt::Write for Guard<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.is_shut {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            this.is_shut = true;
        }
        this.poll_discard(cx).map(Ok)
    }
}
