//! The way out: seal under TLS, write what the socket takes, keep the rest.
//!
//! ```text
//!   machine ──▶ seal_and_write ──▶ write_out ──▶ send(2)
//!                                     │ rest        ▲
//!                                     ▼             │ when writable
//!                                  pending ──▶ flush ┘
//! ```
//!
//! `send` may take a part, or nothing: that is no error and no end, only the other side's window. Nothing overtakes what
//! is pending, so the stream stays in order; when nothing is pending its memory is given back.

use std::io::{self, ErrorKind};

use tongro_proto::{Event, Now};

use super::{Io, Scratch, Session, Stage};

impl Session {
    /// Sends plain bytes; with none, what the TLS layer itself has to say.
    pub(super) fn seal_and_write(
        &mut self,
        bytes: &[u8],
        io: &mut dyn Io,
        scratch: &mut Scratch,
        now: Now,
    ) -> io::Result<()> {
        let Some(layer) = &mut self.tls else { return self.write_out(bytes, io, now) };
        let mut wire = core::mem::take(&mut scratch.wire);
        layer.seal(bytes, &mut wire)?;
        let outcome = self.write_out(&wire, io, now);
        wire.clear();
        scratch.wire = wire;
        outcome
    }

    /// Writes now what goes now, unless something older waits; keeps the rest.
    pub(super) fn write_out(&mut self, bytes: &[u8], io: &mut dyn Io, now: Now) -> io::Result<()> {
        let mut rest = bytes;
        if !self.has_pending() {
            let sent = write_some(io, rest)?;
            rest = &rest[sent..];
            if !rest.is_empty() && !self.is_handshaking() {
                self.moved_at = now.steady; // the write timeout starts with the first byte that has to wait
            }
        }
        self.pending.extend_from_slice(rest);
        Ok(())
    }

    /// Sends what waits; when nothing waits any more the machine may make the next piece.
    pub(super) fn flush(&mut self, io: &mut dyn Io, scratch: &mut Scratch, now: Now) -> io::Result<()> {
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

    /// Sends what others have left; too much of it means that this peer does not read.
    pub(super) fn collect_mail(
        &mut self,
        io: &mut dyn Io,
        scratch: &mut Scratch,
        now: Now,
    ) -> io::Result<()> {
        let Some(mailbox) = &self.mailbox else { return Ok(()) };
        if self.stage != Stage::Open || !mailbox.has_mail() {
            return Ok(());
        }
        let letters = mailbox.take().ok_or(ErrorKind::StorageFull)?;
        if self.pending_len() + letters.bytes.len() > scratch.limits.output_len {
            return Err(ErrorKind::StorageFull.into());
        }
        if letters.is_finished {
            self.stage = Stage::Finishing;
        }
        self.seal_and_write(&letters.bytes, io, scratch, now)
    }

    /// Does anything wait for the socket?
    pub(super) fn has_pending(&self) -> bool {
        self.pending_at < self.pending.len()
    }

    /// How much.
    pub(super) fn pending_len(&self) -> usize {
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
