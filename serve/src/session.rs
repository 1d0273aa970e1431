//! One conversation on one stream, whatever waits for it: the part all concurrency models share.
//!
//! ```text
//!            read            handle             write
//!   socket ───────▶ Session ───────▶ machine ───────▶ socket
//!                      │ what the socket did not take
//!                      ▼
//!                   pending ── empty again ──▶ read on (back-pressure)
//! ```
//!
//! A model knows how to *wait*; a session knows what to do when there is something to do. So a model calls
//! [`Session::pump`] when the socket may be ready, asks [`Session::wants`] what to wait for, and
//! [`Session::deadline`] how long. The read buffer belongs to the thread ([`Scratch`]), not to the connection: an
//! idle connection holds no buffer at all.

use std::io::{self, ErrorKind};
use std::time::Duration;

use tongro_proto::{Actions, Event, Machine, Now};

use crate::options::{Limits, Timeouts};

/// A byte stream as a session sees it. Blocking or not: `WouldBlock` means "not now".
pub(crate) trait Io {
    /// Takes what has arrived; 0 is the end of the peer.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    /// Hands over as much as fits.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Ends our side (FIN).
    fn finish(&mut self) -> io::Result<()>;
}

/// What one thread needs to serve any number of connections, one at a time.
pub(crate) struct Scratch {
    /// Where bytes arrive.
    input: Box<[u8]>,
    /// Where the machine writes.
    actions: Actions,
    /// The bounds that apply.
    pub(crate) limits: Limits,
    /// The times that apply.
    pub(crate) timeouts: Timeouts,
}

/// What to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    /// The socket to become readable.
    pub(crate) read: bool,
    /// The socket to become writable.
    pub(crate) write: bool,
}

/// What a pump found at the reading end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// Did not look.
    Unread,
    /// Took all there was for now.
    Exhausted,
    /// There may be more.
    More,
}

/// A conversation and where it stands.
pub(crate) struct Session {
    /// The protocol.
    machine: Box<dyn Machine>,
    /// Output the socket has not taken; no memory while empty.
    pending: Vec<u8>,
    /// How much of `pending` has left.
    pending_at: usize,
    /// How far the conversation has come.
    stage: Stage,
    /// The peer has finished.
    peer_ended: bool,
    /// The bell has rung: the machine is told once the input is exhausted.
    is_draining: bool,
    /// When bytes last moved, in either direction; also the start of lingering.
    moved_at: Duration,
    /// The message that is being received, and since when.
    message: Option<(u64, Duration)>,
    /// When the machine wants to be woken.
    wake_at: Option<Duration>,
}

/// How far our side has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// The machine has not been told that it begins.
    New,
    /// Talking.
    Open,
    /// The machine has said its last word; it may still be pending.
    Finishing,
    /// Our FIN has left; we wait for the peer's.
    Lingering,
    /// Nothing more to do.
    Done,
}

/// The longest a draining session reads on before it says goodbye to a peer that never stops sending.
const DRAIN_READS: usize = 64;

impl Scratch {
    /// Working space under these bounds.
    pub(crate) fn new(input_len: usize, limits: &Limits, timeouts: &Timeouts) -> Self {
        Self {
            input: vec![0; input_len].into_boxed_slice(),
            actions: Actions::default(),
            limits: limits.clone(),
            timeouts: timeouts.clone(),
        }
    }
}

impl Session {
    /// A conversation that begins at `now`.
    pub(crate) fn new(machine: Box<dyn Machine>, now: Now) -> Self {
        Self {
            machine,
            pending: Vec::new(),
            pending_at: 0,
            stage: Stage::New,
            peer_ended: false,
            is_draining: false,
            moved_at: now.steady,
            message: None,
            wake_at: None,
        }
    }

    /// Does what can be done now: opens, sends what waits, reads once if it may, answers, finishes.
    /// An error means that the connection is lost.
    pub(crate) fn pump(
        &mut self,
        io: &mut dyn Io,
        scratch: &mut Scratch,
        now: Now,
        may_read: bool,
    ) -> io::Result<Input> {
        if self.stage == Stage::New {
            self.stage = Stage::Open;
            self.tell(Event::Open, io, scratch, now)?;
        }
        self.flush(io, scratch, now)?;
        let mut input = Input::Unread;
        for _ in 0..if self.is_draining { DRAIN_READS } else { 1 } {
            if !may_read || !self.wants_read(scratch) {
                break;
            }
            input = self.read_once(io, scratch, now)?;
            if self.is_draining && input == Input::Exhausted {
                self.say_goodbye(io, scratch, now)?;
                break;
            }
        }
        self.close_if_finished(io, now)?;
        Ok(input)
    }

    /// The time has come: wakes the machine, or says with an error which patience has run out.
    pub(crate) fn expire(&mut self, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        if self.wake_at.is_some_and(|at| at <= now.steady) {
            self.wake_at = None;
            self.tell(Event::Wake, io, scratch, now)?;
            self.close_if_finished(io, now)?;
        }
        if self.patience(&scratch.timeouts).is_some_and(|until| until <= now.steady) {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// The bell has rung: answer what has arrived, then finish at the next message boundary.
    pub(crate) fn drain(&mut self) {
        self.is_draining = true;
    }

    /// What to wait for.
    pub(crate) fn wants(&self, scratch: &Scratch) -> Wants {
        Wants { read: self.wants_read(scratch), write: self.has_pending() }
    }

    /// When [`Self::expire`] must be called, at the latest.
    pub(crate) fn deadline(&self, timeouts: &Timeouts) -> Option<Duration> {
        [self.patience(timeouts), self.wake_at].into_iter().flatten().min()
    }

    /// Is there nothing to wait for but bytes, under the idle timeout? Then a blocking `recv` is enough.
    pub(crate) fn only_listens(&self) -> bool {
        self.stage <= Stage::Open && self.message.is_none() && self.wake_at.is_none() && !self.has_pending()
    }

    /// Is it all over?
    pub(crate) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Reads until the end of the peer, but not while a slow reader has too much output waiting.
    fn wants_read(&self, scratch: &Scratch) -> bool {
        !self.peer_ended && self.stage < Stage::Done && self.pending_len() <= scratch.limits.output_len
    }

    /// One read, and the machine's answer to it.
    fn read_once(&mut self, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<Input> {
        let mut buffer = core::mem::take(&mut scratch.input);
        let outcome = match io.read(&mut buffer) {
            Ok(0) => self.take_end(io, scratch, now).map(|()| Input::Exhausted),
            Ok(len) => {
                let input = if len < buffer.len() { Input::Exhausted } else { Input::More };
                self.take(&buffer[..len], io, scratch, now).map(|()| input)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Input::Exhausted),
            Err(error) => Err(error),
        };
        scratch.input = buffer;
        outcome
    }

    fn take(&mut self, bytes: &[u8], io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        if self.stage >= Stage::Finishing {
            return Ok(()); // late words to a machine that has finished: read so that no reset is sent, and dropped
        }
        self.moved_at = now.steady;
        self.tell(Event::Bytes(bytes), io, scratch, now)?;
        self.message = match (self.machine.open_message(), self.message) {
            (Some(number), Some((same, since))) if number == same => Some((same, since)),
            (open, _) => open.map(|number| (number, now.steady)),
        };
        Ok(())
    }

    fn take_end(&mut self, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        self.peer_ended = true;
        self.message = None;
        if self.stage == Stage::Open { self.tell(Event::End, io, scratch, now) } else { Ok(()) }
    }

    fn say_goodbye(&mut self, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        if self.stage == Stage::Open {
            self.tell(Event::Drain, io, scratch, now)?;
        }
        Ok(())
    }

    /// Gives the machine one event and carries out its answer; then, as long as all of it leaves at once, asks
    /// whether there is more.
    fn tell(&mut self, event: Event<'_>, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        let mut event = event;
        loop {
            scratch.actions.clear(); // a lost connection may have left its words there
            self.machine.handle(event, now, &mut scratch.actions);
            let had_output = !scratch.actions.bytes().is_empty();
            self.carry_out(io, &mut scratch.actions, now)?;
            if !had_output || self.has_pending() || self.stage >= Stage::Finishing {
                return Ok(());
            }
            event = Event::Sent;
        }
    }

    fn carry_out(&mut self, io: &mut dyn Io, actions: &mut Actions, now: Now) -> io::Result<()> {
        if let Some(at) = actions.take_wake() {
            self.wake_at = Some(at);
        }
        if actions.is_finished() {
            self.stage = Stage::Finishing;
        }
        let mut rest = actions.bytes();
        if !self.has_pending() {
            let sent = write_some(io, rest)?;
            rest = &rest[sent..];
        }
        if !rest.is_empty() && !self.has_pending() {
            self.moved_at = now.steady; // the write timeout starts with the first byte that has to wait
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// Sends what waits; when nothing waits any more the machine may make the next piece.
    fn flush(&mut self, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        if !self.has_pending() {
            return Ok(());
        }
        let sent = write_some(io, &self.pending[self.pending_at..])?;
        if sent > 0 {
            self.pending_at += sent;
            self.moved_at = now.steady;
        }
        if self.has_pending() {
            return Ok(());
        }
        (self.pending, self.pending_at) = (Vec::new(), 0);
        if self.stage == Stage::Open { self.tell(Event::Sent, io, scratch, now) } else { Ok(()) }
    }

    fn close_if_finished(&mut self, io: &mut dyn Io, now: Now) -> io::Result<()> {
        if self.stage == Stage::Finishing && !self.has_pending() {
            io.finish()?;
            self.stage = Stage::Lingering;
            self.moved_at = now.steady;
        }
        if self.stage == Stage::Lingering && self.peer_ended {
            self.stage = Stage::Done;
        }
        Ok(())
    }

    /// Until when we wait for the peer, by the timeout that applies now.
    fn patience(&self, timeouts: &Timeouts) -> Option<Duration> {
        Some(match (self.stage, self.message) {
            (Stage::Done, _) => return None,
            (Stage::Lingering, _) => self.moved_at + timeouts.linger,
            _ if self.has_pending() => self.moved_at + timeouts.write,
            (_, Some((_, since))) => since + timeouts.read,
            _ => self.moved_at + timeouts.idle,
        })
    }

    fn has_pending(&self) -> bool {
        self.pending_at < self.pending.len()
    }

    fn pending_len(&self) -> usize {
        self.pending.len() - self.pending_at
    }
}

/// Writes until all is taken or nothing more fits; how much was taken.
fn write_some(io: &mut dyn Io, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match io.write(&bytes[sent..]) {
            Ok(len) => sent += len,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}
