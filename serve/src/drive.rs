//! One connection from its first byte to its last, in a thread of its own: the sequential, thread, pool, fork and
//! prefork models all come here.
//!
//! Where nothing but bytes can happen, the thread sleeps in `recv(2)` itself: two system calls per message. Where
//! something else may (a timer, mail from another connection, the bell of another process), it sleeps in `poll(2)`
//! on all of them: three.

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags};
use tongro_proto::Now;

use crate::connection::Connection;
use crate::doors::poll_retrying;
use crate::server::Job;
use crate::session::{Scratch, Wants};

/// How the thread sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code)] // MARK
pub(crate) enum Sleep {
    /// In `recv`, woken at shutdown through [`crate::live::Live`].
    InRecv,
    /// In `poll`, which hears the bell too.
    InPoll,
}

/// Serves `connection` until it is over, however it ends: how does not concern the others.
pub(crate) fn drive(mut connection: Connection, job: &Job, scratch: &mut Scratch, sleep: Sleep) {
    let socket = connection.socket().clone();
    let _registered = (sleep == Sleep::InRecv).then(|| job.live.register(&socket));
    let _outcome: io::Result<()> = match sleep {
        Sleep::InRecv => in_recv(&mut connection, job, scratch),
        Sleep::InPoll => in_poll(&mut connection, job, scratch, false),
    };
}

fn in_recv(connection: &mut Connection, job: &Job, scratch: &mut Scratch) -> io::Result<()> {
    let socket = connection.socket();
    socket.set_nonblocking(false)?;
    socket.set_read_timeout(Some(scratch.timeouts.idle))?;
    socket.set_write_timeout(Some(scratch.timeouts.write))?;
    connection.pump(scratch, job.clock.now(), false)?;
    while connection.only_listens() {
        connection.pump(scratch, job.clock.now(), true)?;
        expire_if_due(connection, scratch, job.clock.now())?;
    }
    if connection.is_done() { Ok(()) } else { in_poll(connection, job, scratch, true) }
}

/// `is_deaf`: the bell is not for us; shutdown comes through the socket itself.
fn in_poll(connection: &mut Connection, job: &Job, scratch: &mut Scratch, is_deaf: bool) -> io::Result<()> {
    if is_deaf {
        connection.socket().set_nonblocking(true)?;
    }
    let mut is_draining = is_deaf;
    connection.pump(scratch, job.clock.now(), true)?;
    while !connection.is_done() {
        let now = job.clock.now();
        let patience = connection.deadline(scratch).map(|at| at.saturating_sub(now.steady));
        let woken = wait(connection, job, scratch, !is_draining, patience)?;
        if woken.bell {
            is_draining = true;
            connection.drain();
        }
        connection.pump(scratch, job.clock.now(), woken.read || woken.bell)?;
        expire_if_due(connection, scratch, job.clock.now())?;
    }
    Ok(())
}

/// What ended a sleep.
struct Woken {
    read: bool,
    bell: bool,
}

fn wait(
    connection: &Connection,
    job: &Job,
    scratch: &Scratch,
    with_bell: bool,
    at_most: Option<Duration>,
) -> io::Result<Woken> {
    let bell_flags = if with_bell { PollFlags::IN } else { PollFlags::empty() };
    let mut fds =
        [PollFd::new(connection, poll_flags(connection.wants(scratch))), PollFd::new(&*job.bell, bell_flags)];
    poll_retrying(&mut fds, at_most)?;
    let ready = fds[0].revents();
    let broken = ready.intersects(PollFlags::HUP | PollFlags::ERR);
    if broken && connection.wants(scratch) == Wants::default() {
        return Err(io::ErrorKind::ConnectionReset.into());
    }
    Ok(Woken {
        read: broken || ready.contains(PollFlags::IN),
        bell: fds[1].revents().contains(PollFlags::IN),
    })
}

/// What `poll` should wait for.
pub(crate) fn poll_flags(wants: Wants) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, wants.read);
    flags.set(PollFlags::OUT, wants.write);
    flags
}

fn expire_if_due(connection: &mut Connection, scratch: &mut Scratch, now: Now) -> io::Result<()> {
    match connection.deadline(scratch) {
        Some(at) if at <= now.steady => connection.expire(scratch, now),
        _ => Ok(()),
    }
}
