//! One conversation on one stream, whatever waits for it: the part all concurrency models share.
//!
//! ```text
//!            read     (open)     handle     (seal)      write
//!   socket ───────▶  TLS if any ───────▶ machine ──▶ TLS if any ───────▶ socket
//!                                          │  ▲          │ what the socket did not take
//!                              file actions▼  │answers   ▼
//!                                         shelf       pending ── empty again ──▶ read on (back-pressure)
//! ```
//!
//! A model knows how to *wait*; a session knows what to do when there is something to do. So a model calls
//! [`Session::pump`] when the socket may be ready, asks [`Session::wants`] what to wait for, and
//! [`Session::deadline`] how long. The read buffer belongs to the thread ([`Scratch`]), not to the connection: an
//! idle connection holds no buffer at all.
//!
//! ## The stages
//!
//! ```text
//!   New ──(TLS handshake)──▶ Open ──machine finishes──▶ Finishing ──all sent──▶ Closing ──▶ Lingering ──▶ Done
//!                                                                  close_notify       FIN        peer's FIN
//! ```
//!
//! - **New**: under TLS the machine hears nothing before the handshake is through, so a protocol that speaks first
//!   (daytime) does not speak into an unencrypted stream.
//! - **Finishing** is not closing: what the machine said last may still wait for a slow reader.
//! - **Lingering** reads on and drops what comes. Closing a socket with unread input sends a reset, and a reset can
//!   destroy the last answer on its way to the peer.
//!
//! ## Half-close
//!
//! Each direction ends by itself. A peer that has finished (`SHUT_WR`) is told to the machine as
//! [`Event::End`]; the machine still answers all it got, and only its own `finish` ends our direction. Under TLS the end
//! is said inside, by `close_notify`; a FIN without it may be an attacker's scissors and counts as a lost connection.
//!
//! ## Patience
//!
//! Exactly one timeout runs at any time: `linger`, `handshake`, `write` (output waits), `read` (a message has begun)
//! or `idle`. So a peer that sends a byte a minute is never idle, but never through with its message either.

mod files;
mod output;
mod scratch;

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use tongro_proto::{Event, Machine, Now};

pub use scratch::Watch;

use crate::mail::Mailbox;
use crate::options::Timeouts;
use crate::shelf::Shelf;
use crate::tls::Layer;
use files::Files;
pub(crate) use scratch::Scratch;

/// A byte stream as a session sees it. Blocking or not: `WouldBlock` means "not now".
pub(crate) trait Io {
    /// Takes what has arrived; 0 is the end of the peer.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
    /// Hands over as much as fits.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Ends our side (FIN).
    fn finish(&mut self) -> io::Result<()>;
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
    /// Between socket and machine, if the stream is encrypted.
    tls: Option<Layer>,
    /// What other connections have for this one.
    mailbox: Option<Arc<Mailbox>>,
    /// File actions under way, for a protocol that has files.
    files: Option<Box<Files>>,
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
    /// There is more to do at once, but others have their turn first.
    owes_a_turn: bool,
    /// When bytes last moved, in either direction; also the start of handshake and lingering.
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
    /// `close_notify` is on its way.
    Closing,
    /// Our FIN has left; we wait for the peer's.
    Lingering,
    /// Nothing more to do.
    Done,
}

/// The longest a draining session reads on before it says goodbye to a peer that never stops sending.
const DRAIN_READS: usize = 64;

/// How many pieces of output or of a file one connection may handle in one turn.
const PIECES: usize = 16;

impl Session {
    /// A conversation that begins at `now`.
    pub(crate) fn new(machine: Box<dyn Machine>, now: Now) -> Self {
        Self {
            machine,
            tls: None,
            mailbox: None,
            files: None,
            pending: Vec::new(),
            pending_at: 0,
            stage: Stage::New,
            peer_ended: false,
            is_draining: false,
            owes_a_turn: false,
            moved_at: now.steady,
            message: None,
            wake_at: None,
        }
    }

    /// The same, encrypted.
    pub(crate) fn with_tls(mut self, layer: Layer) -> Self {
        self.tls = Some(layer);
        self
    }

    /// The same, with mail from others.
    pub(crate) fn with_mailbox(mut self, mailbox: Arc<Mailbox>) -> Self {
        self.mailbox = Some(mailbox);
        self
    }

    /// The same, with files.
    pub(crate) fn with_shelf(mut self, shelf: Shelf) -> Self {
        self.files = Some(Box::new(Files::new(shelf)));
        self
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
        self.shake_hands_or_open(io, scratch, now)?;
        self.flush(io, scratch, now)?;
        self.collect_mail(io, scratch, now)?;
        self.take_turn(io, scratch, now)?;
        let mut input = Input::Unread;
        for _ in 0..if self.is_draining { DRAIN_READS } else { 1 } {
            if !may_read || !self.wants_read(scratch) {
                break;
            }
            input = self.read_once(io, scratch, now)?;
            if self.is_draining && input == Input::Exhausted {
                break;
            }
        }
        if self.is_draining && may_read && self.stage == Stage::Open {
            self.tell(Event::Drain, io, scratch, now)?;
        }
        self.close_if_finished(io, scratch, now)?;
        Ok(input)
    }

    /// The time has come: wakes the machine, or says with an error which patience has run out.
    pub(crate) fn expire(&mut self, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        if self.wake_at.is_some_and(|at| at <= now.steady) {
            self.wake_at = None;
            self.tell(Event::Wake, io, scratch, now)?;
            self.close_if_finished(io, scratch, now)?;
        }
        if self.patience(&scratch.timeouts).is_some_and(|until| until <= now.steady) {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// The bell has rung: answer what has arrived, then finish at the next message boundary.
    pub(crate) fn drain(&mut self) {
        self.is_draining = true;
        if self.stage == Stage::New && self.tls.is_some() {
            self.stage = Stage::Done; // a handshake that is not finished has nothing to lose
        }
    }

    /// What to wait for.
    pub(crate) fn wants(&self, scratch: &Scratch) -> Wants {
        Wants { read: self.wants_read(scratch), write: self.has_pending() || self.owes_a_turn }
    }

    /// Has the socket refused output? If not, a wish to write is only a wish for another turn.
    pub(crate) fn is_blocked(&self) -> bool {
        self.has_pending()
    }

    /// When [`Self::expire`] must be called, at the latest.
    pub(crate) fn deadline(&self, timeouts: &Timeouts) -> Option<Duration> {
        [self.patience(timeouts), self.wake_at].into_iter().flatten().min()
    }

    /// Is there nothing to wait for but bytes, under the idle timeout? Then a blocking `recv` is enough.
    pub(crate) fn only_listens(&self) -> bool {
        let is_quiet = self.message.is_none() && self.wake_at.is_none() && !self.has_pending();
        self.stage <= Stage::Open && is_quiet && !self.is_handshaking() && !self.owes_a_turn
    }

    /// Is it all over?
    pub(crate) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Where others leave their words.
    pub(crate) fn mailbox(&self) -> Option<&Arc<Mailbox>> {
        self.mailbox.as_ref()
    }

    /// Under TLS, before both sides agree. Never without TLS.
    fn is_handshaking(&self) -> bool {
        self.tls.as_ref().is_some_and(Layer::is_handshaking)
    }

    /// Reads until the end of the peer, but not while a slow reader has too much output waiting, nor while a slow
    /// disk has too much to do.
    fn wants_read(&self, scratch: &Scratch) -> bool {
        let is_behind = self.pending_len() > scratch.limits.output_len
            || self.files.as_ref().is_some_and(|files| files.is_busy());
        !self.peer_ended && self.stage < Stage::Done && !is_behind
    }

    /// The first thing on a stream: under TLS the handshake, then [`Event::Open`].
    fn shake_hands_or_open(&mut self, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        if self.stage == Stage::New {
            if self.is_handshaking() {
                return self.seal_and_write(&[], io, scratch, now);
            }
            self.stage = Stage::Open;
            self.moved_at = now.steady;
            self.tell(Event::Open, io, scratch, now)?;
        }
        Ok(())
    }

    /// One read, and the machine's answer to it.
    fn read_once(&mut self, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<Input> {
        let mut buffer = core::mem::take(&mut scratch.input);
        let outcome = match io.read(&mut buffer) {
            Ok(0) => self.take_end(io, scratch, now).map(|()| Input::Exhausted),
            Ok(len) => {
                let input = if len < buffer.len() { Input::Exhausted } else { Input::More };
                let taken = match self.tls {
                    None => self.take(&buffer[..len], io, scratch, now),
                    Some(_) => self.open_and_take(&buffer[..len], io, scratch, now),
                };
                taken.map(|()| input)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Input::Exhausted),
            Err(error) => Err(error),
        };
        scratch.input = buffer;
        outcome
    }

    /// Cipher text has come: finish the handshake with it, or take the plain text in it.
    fn open_and_take(
        &mut self,
        bytes: &[u8],
        io: &mut dyn Io,
        scratch: &mut Scratch,
        now: Now,
    ) -> io::Result<()> {
        let Some(layer) = &mut self.tls else { return Ok(()) };
        let (mut plain, mut wire) = (core::mem::take(&mut scratch.plain), core::mem::take(&mut scratch.wire));
        let opened = layer.open(bytes, &mut plain, &mut wire);
        self.write_out(&wire, io, now)?;
        wire.clear();
        scratch.wire = wire;
        let has_ended = opened?;
        if !self.is_handshaking() {
            self.shake_hands_or_open(io, scratch, now)?;
        }
        let taken = if plain.is_empty() { Ok(()) } else { self.take(&plain, io, scratch, now) };
        plain.clear();
        scratch.plain = plain;
        taken?;
        if has_ended { self.end_of_peer(io, scratch, now) } else { Ok(()) }
    }

    /// Plain bytes of the peer. The clock of the read timeout starts anew with each message, not with each piece of
    /// one.
    fn take(&mut self, bytes: &[u8], io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        if self.stage != Stage::Open {
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

    /// The stream has ended. Under TLS that is a cut: the end would have been said inside.
    fn take_end(&mut self, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        if self.tls.is_some() && self.stage < Stage::Lingering {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.end_of_peer(io, scratch, now)
    }

    /// Nothing more will come. What the machine still has to say, it says now.
    fn end_of_peer(&mut self, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        self.peer_ended = true;
        self.message = None;
        if self.stage == Stage::Open { self.tell(Event::End, io, scratch, now) } else { Ok(()) }
    }

    /// Goes on where the last turn stopped so that others had theirs.
    fn take_turn(&mut self, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        if !core::mem::take(&mut self.owes_a_turn) {
            return Ok(());
        }
        self.moved_at = now.steady;
        let had_output = self.work_on_files(io, scratch, now)?;
        if (had_output || !self.owes_a_turn) && !self.has_pending() && self.stage == Stage::Open {
            self.tell(Event::Sent, io, scratch, now)?;
        }
        Ok(())
    }

    /// Gives the machine one event and carries out its answer; then, as long as all of it leaves at once, asks
    /// whether there is more.
    fn tell(&mut self, event: Event<'_>, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        let mut event = event;
        for _ in 0..PIECES {
            let mut had_output = self.step(event, io, scratch, now)?;
            had_output |= self.work_on_files(io, scratch, now)?;
            self.collect_mail(io, scratch, now)?;
            if !had_output || self.has_pending() || self.stage != Stage::Open {
                return Ok(());
            }
            event = Event::Sent;
        }
        self.owes_a_turn = true;
        Ok(())
    }

    /// One event, one answer; says whether that had stream output.
    fn step(
        &mut self,
        event: Event<'_>,
        io: &mut dyn Io,
        scratch: &mut Scratch,
        now: Now,
    ) -> io::Result<bool> {
        let mut actions = core::mem::take(&mut scratch.actions);
        actions.clear(); // a lost connection may have left its words there
        self.machine.handle(event, now, &mut actions);
        self.wake_at = actions.take_wake().or(self.wake_at);
        if let Some(watch) = &scratch.watch {
            actions.take_notices().into_iter().for_each(|notice| watch.tell(notice));
        }
        if let Some(files) = &mut self.files
            && actions.has_files()
        {
            let (orders, written) = actions.take_files();
            files.order(orders, written);
        }
        let had_output = !actions.bytes().is_empty();
        let written = self.seal_and_write(actions.bytes(), io, scratch, now);
        if actions.is_finished() {
            self.stage = self.stage.max(Stage::Finishing);
        }
        scratch.actions = actions;
        written.map(|()| had_output)
    }

    /// Goes on towards the end as far as it can: `close_notify`, FIN, the FIN of the peer.
    fn close_if_finished(&mut self, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        if self.stage == Stage::Finishing && !self.has_pending() {
            if let Some(layer) = &mut self.tls {
                let mut wire = core::mem::take(&mut scratch.wire);
                layer.close(&mut wire)?;
                self.write_out(&wire, io, now)?;
                wire.clear();
                scratch.wire = wire;
            }
            self.stage = Stage::Closing;
        }
        if self.stage == Stage::Closing && !self.has_pending() {
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
            _ if self.is_handshaking() => self.moved_at + timeouts.handshake,
            _ if self.has_pending() => self.moved_at + timeouts.write,
            (_, Some((_, since))) => since + timeouts.read,
            _ => self.moved_at + timeouts.idle,
        })
    }
}
