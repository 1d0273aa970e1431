//! One connection from its first byte to its last, in a thread of its own: the sequential, thread, pool, fork and
//! prefork models all come here.
//!
//! Where nothing but bytes can happen, the thread sleeps in `recv(2)` itself: two system calls per message. Where
//! something else may (a timer, mail from another connection, the bell of another process), it sleeps in `poll(2)`
//! on all of them: three.
//!
//! | | `InRecv` | `InPoll` |
//! |---|---|---|
//! | the socket | blocks | does not block |
//! | a message costs | `recv`, `send` | `poll`, `recv`, `send` |
//! | hears the bell | through its socket: `shutdown(SHUT_RD)` | itself |
//! | idle timeout | `SO_RCVTIMEO` | the timeout of `poll` |
//! | used for | echo, line, frame, daytime | TLS, chat, files, clock; forked children |
//!
//! A thread in `InRecv` changes to `poll` for the moments in which something else matters: half a message, with its
//! shorter timeout, or the wait for the peer's FIN in the end.

use std::io;
use std::sync::Arc;
use std::task::Waker;

use rustix::event::{PollFd, PollFlags};
use tongro_proto::Now;

use crate::bell::Bell;
use crate::connection::Connection;
use crate::doors::poll_retrying;
use crate::job::Job;
use crate::mail::BellWaker;
use crate::session::{Scratch, Wants};

/// How the thread sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sleep {
    /// In `recv`, woken at shutdown through [`crate::live::Live`].
    InRecv,
    /// In `poll`, which hears the bell too.
    InPoll,
}

/// Serves `connection` until it is over. How it ends concerns a client; a server goes on to the next.
pub(crate) fn drive(
    connection: &mut Connection,
    job: &Job,
    scratch: &mut Scratch,
    sleep: Sleep,
) -> io::Result<()> {
    let socket = connection.socket().clone();
    match sleep {
        Sleep::InRecv => {
            let _registered = job.live.register(&socket);
            in_recv(connection, job, scratch)
        }
        Sleep::InPoll => in_poll(connection, job, scratch),
    }
}

/// Sleeps in `recv` while only bytes matter, in `poll` while a shorter timeout runs. The socket blocks, so it is
/// read only when it is readable or nothing else matters.
fn in_recv(connection: &mut Connection, job: &Job, scratch: &mut Scratch) -> io::Result<()> {
    let socket = connection.socket();
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(scratch.timeouts.idle))?;
    socket.set_write_timeout(Some(scratch.timeouts.write))?;
    connection.pump(scratch, job.clock.now(), false)?;
    while !connection.is_done() {
        let may_read = connection.only_listens() || wait(connection, job, scratch, &Ears::default())?.read;
        connection.pump(scratch, job.clock.now(), may_read)?;
        expire_if_due(connection, scratch, job.clock.now())?;
    }
    Ok(())
}

/// Sleeps in `poll`, on the socket and on everything else that may happen.
fn in_poll(connection: &mut Connection, job: &Job, scratch: &mut Scratch) -> io::Result<()> {
    let mail_bell = match connection.mailbox() {
        None => None,
        Some(mailbox) => {
            let bell = Arc::new(Bell::new()?);
            mailbox.set_waker(Waker::from(Arc::new(BellWaker(Arc::clone(&bell)))));
            Some(bell)
        }
    };
    let mut ears = Ears { bell: Some(&*job.bell), mail: mail_bell.as_deref() };
    connection.pump(scratch, job.clock.now(), true)?;
    while !connection.is_done() {
        let woken = wait(connection, job, scratch, &ears)?;
        if woken.bell {
            ears.bell = None;
            connection.drain();
        }
        if let Some(mail) = ears.mail {
            mail.hush();
        }
        connection.pump(scratch, job.clock.now(), woken.read || woken.bell)?;
        expire_if_due(connection, scratch, job.clock.now())?;
    }
    Ok(())
}

/// What else a sleeper hears.
#[derive(Default)]
struct Ears<'a> {
    /// The shutdown bell, until it has been heard.
    bell: Option<&'a Bell>,
    /// Rings when there is mail.
    mail: Option<&'a Bell>,
}

/// What ended a sleep.
struct Woken {
    read: bool,
    bell: bool,
}

/// Sleeps until the socket is ready, somebody rings, or the deadline of the connection has come.
fn wait(connection: &Connection, job: &Job, scratch: &Scratch, ears: &Ears<'_>) -> io::Result<Woken> {
    let now = job.clock.now().steady;
    let at_most = connection.deadline(scratch).map(|at| at.saturating_sub(now));
    let wants = connection.wants(scratch);
    let mut fds = vec![PollFd::new(connection, poll_flags(wants))];
    fds.extend(ears.bell.map(|bell| PollFd::new(bell, PollFlags::IN)));
    fds.extend(ears.mail.map(|mail| PollFd::new(mail, PollFlags::IN)));
    poll_retrying(&mut fds, at_most)?;
    let ready = fds[0].revents();
    let broken = ready.intersects(PollFlags::HUP | PollFlags::ERR);
    if broken && wants == Wants::default() {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    Ok(Woken {
        read: broken || ready.contains(PollFlags::IN),
        bell: ears.bell.is_some() && !fds[1].revents().is_empty(),
    })
}

/// What `poll` should wait for.
pub(crate) fn poll_flags(wants: Wants) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, wants.read);
    flags.set(PollFlags::OUT, wants.write);
    flags
}

/// Says so to the session if its deadline has come. An error means that its patience is over.
fn expire_if_due(connection: &mut Connection, scratch: &mut Scratch, now: Now) -> io::Result<()> {
    match connection.deadline(scratch) {
        Some(at) if at <= now.steady => connection.expire(scratch, now),
        _ => Ok(()),
    }
}
