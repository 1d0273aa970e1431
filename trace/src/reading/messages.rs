//! Messages put together from the segments of one direction of a stream.
//!
//! Segments come in as they were captured. What lies whole in one segment is left where it is; what does not is copied
//! until its end comes, in bounded memory. Bytes that were seen before bring nothing; bytes behind a hole wait until
//! it is filled, or until the other end acknowledges what the capture missed.

use std::collections::BTreeMap;
use std::ops::Range;

use tongro_wire::{Carrier, Framing, Protocol, Tables, framing};

use crate::segment::before;
use crate::tls::Plain;

use super::exchange::Exchange;

/// The most bytes of one message that are kept, and the most that wait behind a hole.
const LONGEST: usize = 8 << 20;
const WAITING: usize = 256 << 10;

/// A message, or a piece of a stream that is none.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) protocol: &'static Protocol,
    pub(super) place: Bytes,
    pub(super) span: Range<usize>,
}

/// Whose bytes a message is in.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bytes {
    /// The segment's own.
    Segment,
    /// Those that were put together, by index.
    Together(usize),
}

/// What a direction needs to know to find its messages, and where they go.
pub(super) struct Desk<'d> {
    /// The application of the connection, once it is known.
    pub(super) app: &'d mut Option<&'static Protocol>,
    pub(super) exchange: &'d Exchange,
    /// Source and destination port.
    pub(super) ports: [u16; 2],
    pub(super) tables: &'d Tables,
    /// What was put together.
    pub(super) sources: &'d mut Vec<Vec<u8>>,
    /// The messages that end in this packet.
    pub(super) messages: &'d mut Vec<Message>,
}

/// One direction of a stream.
#[derive(Debug, Default)]
pub(super) struct Messages {
    next: Option<u32>,
    /// The message that is not whole, and how long it is at least.
    pending: Vec<u8>,
    wanted: usize,
    waits_for_close: bool,
    /// Bytes of a message too long to keep that are still to come.
    skip: usize,
    waiting: BTreeMap<u32, Vec<u8>>,
    held: usize,
}

impl Messages {
    /// The stream begins with this sequence number.
    pub(super) fn begin(&mut self, seq: u32) {
        *self = Self { next: Some(seq), ..Self::default() };
    }

    /// Takes the payload of a segment, `at` in the bytes it lies in.
    pub(super) fn segment(
        &mut self,
        seq: u32,
        at: usize,
        payload: &[u8],
        is_again: bool,
        desk: &mut Desk<'_>,
    ) {
        let next = *self.next.get_or_insert(seq);
        if self.waiting.is_empty() && desk.is_unknown(payload) {
            // Bytes that no protocol claims are shown as they come.
            let end = seq.wrapping_add(payload.len() as u32);
            self.next = Some(if before(next, end) { end } else { next });
            if !is_again {
                let span = at..at + payload.len();
                desk.messages.push(Message { protocol: data(), place: Bytes::Segment, span });
            }
            return;
        }
        if before(next, seq) {
            return self.wait(seq, payload);
        }
        let old = next.wrapping_sub(seq) as usize;
        let Some(fresh) = payload.get(old..).filter(|fresh| !fresh.is_empty()) else { return };
        self.next = Some(next.wrapping_add(fresh.len() as u32));
        self.take(Some(at + old), fresh, desk);
        self.catch_up(desk);
    }

    /// Takes what a TLS record held: application data goes on in the stream inside, anything else is shown as the record
    /// it would have been in clear.
    pub(super) fn plain(&mut self, plain: Plain, desk: &mut Desk<'_>) {
        if plain.content_type == 23 {
            return self.take(None, &plain.bytes, desk);
        }
        let Ok(len) = u16::try_from(plain.bytes.len()) else { return };
        let mut record = vec![plain.content_type, 3, 3];
        record.extend(len.to_be_bytes());
        record.extend(plain.bytes);
        let (place, span) = (Bytes::Together(desk.sources.len()), 0..record.len());
        desk.sources.push(record);
        desk.messages.push(Message { protocol: &tongro_wire::table::tls::TLS, place, span });
    }

    /// The other end has all bytes before `ack`: what lies before and was not captured never will be.
    pub(super) fn acknowledged(&mut self, ack: u32) {
        let Some(next) = self.next else { return };
        if !self.waiting.is_empty() && before(next, ack) {
            self.resume();
        }
    }

    /// The sender has closed: a message without a length ends here.
    pub(super) fn close(&mut self, desk: &mut Desk<'_>) {
        if std::mem::take(&mut self.waits_for_close) && !self.pending.is_empty() {
            let app = desk.app.unwrap_or(data());
            self.wanted = 0;
            let len = self.pending.len();
            self.put(app, len, desk);
        }
    }

    /// Takes bytes in order; `at` is where they lie in the segment, none for those that waited.
    fn take(&mut self, at: Option<usize>, bytes: &[u8], desk: &mut Desk<'_>) {
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        let bytes = &bytes[skipped..];
        let at = at.map(|at| at + skipped);
        if bytes.is_empty() {
            return;
        }
        if let (true, Some(at)) = (self.pending.is_empty(), at) {
            let used = self.in_place(at, bytes, desk);
            self.pending.extend_from_slice(&bytes[used..]);
            return;
        }
        self.pending.extend_from_slice(bytes);
        self.together(at.map(|at| at + bytes.len()), desk);
        self.limit();
    }

    /// Finds the messages in bytes of the segment itself; yields how many bytes they take.
    fn in_place(&mut self, at: usize, bytes: &[u8], desk: &mut Desk<'_>) -> usize {
        let mut used = 0;
        while used < bytes.len() {
            let rest = &bytes[used..];
            let (protocol, step) = desk.step(rest);
            let len = match step {
                Framing::Whole(len) => len,
                Framing::Partial(wanted) => {
                    self.wanted = wanted;
                    break;
                }
                Framing::UntilClose => {
                    self.waits_for_close = true;
                    break;
                }
                Framing::Segment | Framing::Strange => rest.len(),
            };
            let span = at + used..at + used + len;
            desk.messages.push(Message { protocol, place: Bytes::Segment, span });
            desk.upgrade(protocol, &rest[..len]);
            used += len;
        }
        used
    }

    /// Finds the messages in what is pending; `end` is where its last byte lies in the segment.
    fn together(&mut self, end: Option<usize>, desk: &mut Desk<'_>) {
        while !self.waits_for_close && !self.pending.is_empty() && self.pending.len() >= self.wanted {
            let (protocol, step) = desk.step(&self.pending);
            let len = match step {
                Framing::Whole(len) => len,
                Framing::Partial(wanted) => {
                    self.wanted = wanted;
                    return;
                }
                Framing::UntilClose => {
                    self.waits_for_close = true;
                    return;
                }
                Framing::Segment | Framing::Strange => self.pending.len(),
            };
            self.put(protocol, len, desk);
            if let Some(end) = end.filter(|_| !self.pending.is_empty()) {
                // What is left came with this segment: a message that ended in it left less than it brought.
                let rest = std::mem::take(&mut self.pending);
                let used = self.in_place(end - rest.len(), &rest, desk);
                self.pending.extend_from_slice(&rest[used..]);
                return;
            }
        }
    }

    fn put(&mut self, protocol: &'static Protocol, len: usize, desk: &mut Desk<'_>) {
        let rest = self.pending.split_off(len.min(self.pending.len()));
        let whole = std::mem::replace(&mut self.pending, rest);
        desk.upgrade(protocol, &whole);
        let (place, span) = (Bytes::Together(desk.sources.len()), 0..whole.len());
        desk.sources.push(whole);
        desk.messages.push(Message { protocol, place, span });
        self.wanted = 0;
    }

    /// Gives a message up that is longer than memory allows, but not the ones behind it.
    fn limit(&mut self) {
        if self.pending.len() > LONGEST {
            self.skip = if self.waits_for_close {
                usize::MAX
            } else {
                self.wanted.saturating_sub(self.pending.len())
            };
            self.pending = Vec::new();
            self.wanted = 0;
        }
    }

    fn wait(&mut self, seq: u32, payload: &[u8]) {
        let known = self.waiting.get(&seq).map_or(0, Vec::len);
        if payload.len() > known {
            self.held += payload.len() - known;
            self.waiting.insert(seq, payload.to_vec());
        }
        if self.held > WAITING {
            self.resume();
        }
    }

    /// Gives up what lies before the first bytes that wait.
    fn resume(&mut self) {
        let next = self.next.unwrap_or(0);
        let first = self.waiting.keys().copied().min_by_key(|seq| seq.wrapping_sub(next));
        if let Some(first) = first {
            self.next = Some(first);
            (self.pending, self.wanted, self.skip, self.waits_for_close) = (Vec::new(), 0, 0, false);
        }
    }

    /// Takes what waited and has been reached.
    fn catch_up(&mut self, desk: &mut Desk<'_>) {
        while let Some(next) = self.next.filter(|_| !self.waiting.is_empty()) {
            let reached = self.waiting.keys().copied().find(|seq| !before(next, *seq));
            let Some((seq, bytes)) = reached.and_then(|seq| self.waiting.remove_entry(&seq)) else { return };
            self.held -= bytes.len();
            let old = next.wrapping_sub(seq) as usize;
            if let Some(fresh) = bytes.get(old..).filter(|fresh| !fresh.is_empty()) {
                self.next = Some(next.wrapping_add(fresh.len() as u32));
                self.take(None, fresh, desk);
            }
        }
    }
}

impl Desk<'_> {
    /// Whether nobody knows what the connection speaks, and these bytes do not tell.
    fn is_unknown(&mut self, payload: &[u8]) -> bool {
        if self.app.is_none() {
            *self.app = self.tables.application(Carrier::Tcp, self.ports, payload);
        }
        self.app.is_none()
    }

    /// The application of the next bytes, and where their message ends.
    fn step(&mut self, bytes: &[u8]) -> (&'static Protocol, Framing) {
        if self.app.is_none() {
            *self.app = self.tables.application(Carrier::Tcp, self.ports, bytes);
        }
        let Some(app) = *self.app else { return (data(), Framing::Segment) };
        let is_bodiless = self.exchange.next().is_some_and(|request| request.is_head);
        match framing(app, bytes, is_bodiless) {
            Framing::Strange => (data(), Framing::Segment),
            step => (app, step),
        }
    }

    /// A connection that was upgraded speaks the new protocol from here on (RFC 9110 section 7.8).
    fn upgrade(&mut self, protocol: &'static Protocol, message: &[u8]) {
        if protocol.name == "http" && message.get(9..12) == Some(b"101") {
            let head = message.to_ascii_lowercase();
            if head.windows(10).any(|part| part == b" websocket") {
                *self.app = tongro_wire::protocol("websocket");
            }
        }
    }
}

/// Bytes that no protocol claims.
fn data() -> &'static Protocol {
    &tongro_wire::table::data::DATA
}
