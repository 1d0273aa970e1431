//! The shape every conversation has: events in, actions out.
//!
//! Events come from the driver (a socket loop in `serve`, the test pair, a peer in `check`); actions go back to
//! it. The driver owns one [`Actions`] and lends it for each call, so a machine allocates nothing in the common
//! case.

use core::net::SocketAddr;
use core::ops::Range;
use core::time::Duration;

/// A conversation: one peer of one connection, or one UDP socket.
///
/// The rules both sides keep:
/// - the driver gives stream bytes in order, cut anywhere: one message may come in ten events, ten messages in one;
/// - the driver carries out actions in order, and the machine never learns how long that took;
/// - after [`Actions::finish`] the machine sends nothing more; after [`Event::End`] it receives nothing more.
pub trait Machine: Send {
    /// Takes in one event and writes down what to do about it.
    fn handle(&mut self, event: Event<'_>, now: Now, actions: &mut Actions);

    /// The number of the message that has begun and is not complete, if there is one. While it stays the same
    /// the driver's *read* timeout runs, otherwise its *idle* timeout. A protocol without messages (echo) is never
    /// in the middle of one.
    fn open_message(&self) -> Option<u64> {
        None
    }
}

/// What happened, as the driver tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The conversation begins. Sent once, before anything else.
    Open,
    /// The next bytes of the stream: never empty, cut at any place.
    Bytes(&'a [u8]),
    /// One whole datagram, maybe empty, lost, doubled or out of order.
    Datagram {
        /// The address it came from, which anyone may have forged.
        from: SocketAddr,
        /// Everything in it.
        bytes: &'a [u8],
    },
    /// The peer finished sending in an orderly way (FIN, `close_notify`). It may still be reading.
    End,
    /// All output so far has left: a machine that makes much output makes the next piece now.
    Sent,
    /// The time asked for by [`Actions::wake_at`] has come, or is past.
    Wake,
    /// The server is shutting down: finish at the next message boundary.
    Drain,
    /// What came of a [`FileAction`].
    File(FileEvent<'a>),
}

/// The time, given with each event. Tests invent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Time since an arbitrary start; never jumps. For timers and intervals.
    pub steady: Duration,
    /// Time since 1970-01-01 00:00 UTC, as the host believes; may jump. For what is said to people.
    pub wall: Duration,
}

impl Now {
    /// The same moment moved on by `by`, on both clocks.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self { steady: self.steady + by, wall: self.wall + by }
    }
}

/// What a machine wants done. The driver clears it, lends it, carries it out.
#[derive(Debug, Default)]
pub struct Actions {
    /// Stream bytes to send, and the contents of all datagrams one after the other.
    bytes: Vec<u8>,
    /// Which parts of `bytes` are datagrams, and for whom.
    datagrams: Vec<Datagram>,
    /// Set when no more bytes will follow.
    is_finished: bool,
    /// The next [`Event::Wake`], on [`Now::steady`].
    wake_at: Option<Duration>,
    /// What to do with files, in order.
    files: Vec<FileAction>,
    /// The contents of all writes to files.
    file_bytes: Vec<u8>,
    /// What a person or a program may want to know.
    notices: Vec<Notice>,
}

/// One datagram to send: its receiver and its place in [`Actions::bytes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The receiver.
    pub to: SocketAddr,
    /// Where its contents lie in [`Actions::bytes`].
    pub range: Range<usize>,
}

impl Actions {
    /// Sends these bytes on the stream, after all earlier ones.
    pub fn send(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Sends one datagram.
    pub fn send_to(&mut self, to: SocketAddr, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.datagrams.push(Datagram { to, range: start..self.bytes.len() });
    }

    /// Ends our side of the stream once all bytes have left (FIN, after `close_notify` under TLS).
    pub fn finish(&mut self) {
        self.is_finished = true;
    }

    /// Asks for one [`Event::Wake`] at `steady`; a later call replaces an earlier one.
    pub fn wake_at(&mut self, steady: Duration) {
        self.wake_at = Some(steady);
    }

    /// Does this with a file; the driver answers with [`Event::File`].
    pub fn file(&mut self, action: FileAction) {
        self.files.push(action);
    }

    /// Writes to the open partial file at `offset`.
    pub fn write_file(&mut self, offset: u64, bytes: &[u8]) {
        let start = self.file_bytes.len();
        self.file_bytes.extend_from_slice(bytes);
        self.files.push(FileAction::Write { offset, range: start..self.file_bytes.len() });
    }

    /// Tells what has happened, for whoever watches.
    pub fn notice(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Takes the file actions, with the bytes that writes refer to.
    pub fn take_files(&mut self) -> (Vec<FileAction>, Vec<u8>) {
        (core::mem::take(&mut self.files), core::mem::take(&mut self.file_bytes))
    }

    /// Are there file actions?
    pub fn has_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// Takes the notices.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        core::mem::take(&mut self.notices)
    }

    /// Room at the end of the output, for machines that write in place.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Everything to send, in order.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The datagrams to send, in order; their contents are in [`Self::bytes`].
    pub fn datagrams(&self) -> &[Datagram] {
        &self.datagrams
    }

    /// Was [`Self::finish`] called?
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Takes the time asked for by [`Self::wake_at`], if any.
    pub fn take_wake(&mut self) -> Option<Duration> {
        self.wake_at.take()
    }

    /// Empties everything and keeps the memory. The driver calls this when all has been carried out.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.datagrams.clear();
        self.is_finished = false;
        self.wake_at = None;
        self.files.clear();
        self.file_bytes.clear();
        self.notices.clear();
    }
}

/// What a machine wants done with files. It names them; where they lie is the driver's business. One file is open
/// at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileAction {
    /// Open this file for reading. Answered by `Opened` with its length.
    OpenSource {
        /// A relative name that passed [`crate::transfer::check_name`]; with a `/` at its end, the folder, whose
        /// content is the list of the names of all files in it.
        name: String,
    },
    /// Open what an earlier attempt left of this file, or make it, for nobody else to write at the same time.
    /// Answered by `Opened` with the length that is already there.
    OpenPartial {
        /// A relative name, as above.
        name: String,
    },
    /// Read from the open file. Answered by `Read`.
    Read {
        /// From here.
        offset: u64,
        /// At most this much.
        len: usize,
    },
    /// Write to the open partial file. Answered only if it fails.
    Write {
        /// To here.
        offset: u64,
        /// These of the bytes that came with the action.
        range: Range<usize>,
    },
    /// Make the partial file durable and give it its final name, in one step. Answered by `Committed`.
    Commit,
    /// Throw the partial file away: it is not a prefix of what is coming.
    Discard,
    /// Let go of the open file; a partial one stays for the next attempt.
    Close,
}

/// What came of a [`FileAction`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileEvent<'a> {
    /// Open, and this long.
    Opened {
        /// Bytes in it.
        len: u64,
    },
    /// What was read; shorter than asked only at the end of the file.
    Read {
        /// Where it was.
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The whole file stands under its final name and survives a power cut.
    Committed,
    /// It did not work.
    Failed(FileProblem),
}

/// Why a [`FileAction`] failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileProblem {
    /// No such file.
    Missing,
    /// Somebody else is writing it.
    Busy,
    /// No room is left.
    Full,
    /// The file system has no names that long.
    NameTooLong,
    /// The way to it leaves the folder, or passes a symbolic link.
    Outside,
    /// No permission, a broken disk.
    Storage,
}

/// Something worth telling a person, or whoever drives a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A file went to the peer, and the peer has confirmed its hash.
    FileSent {
        /// Its name.
        name: String,
        /// Its length.
        len: u64,
        /// How much the peer had already.
        resumed_at: u64,
    },
    /// A file came and stands under its final name.
    FileReceived {
        /// Its name.
        name: String,
        /// Its length.
        len: u64,
        /// How much was already here.
        resumed_at: u64,
    },
    /// A file is on its way, and this far.
    FileProgress {
        /// Its name.
        name: String,
        /// Bytes that have left or arrived, with what was there before.
        at: u64,
        /// Its length.
        len: u64,
    },
    /// The transfer ended otherwise.
    FileFailed {
        /// The `ERR` text, ours or the peer's.
        why: String,
    },
    /// A tick of the clock came.
    ClockTick {
        /// Its number.
        number: u32,
        /// Its time on the way plus the difference of the clocks, in nanoseconds.
        transit: i64,
        /// What became of it.
        fate: crate::clock::TickFate,
    },
    /// A question to the clock was answered.
    ClockSample(crate::clock::Sample),
}
