//! Async: a task for each peer, as small as a connection, scheduled by tokio over one thread or several.
//!
//! A task reads like a thread that may wait; the compiler turns it into a state machine, and the runtime waits with
//! epoll for all of them at once. Nothing in a task may block: one `sleep` would stop all peers of its thread.
//!
//! What the kernel sees is what it sees of `epoll`: `epoll_wait`, `recv`, `send`. What differs is who remembers where
//! each peer stands: there a slot in a table, here a future that stopped at an `await`.
//!
//! **Readiness is remembered.** tokio registers each socket edge-triggered and keeps a flag that says "readable". The
//! flag must be taken back when the socket has been emptied, or the task spins; and it must *not* be taken back when
//! news came since it was looked at, or the task sleeps for ever. The guard that [`AsyncFd::ready`] gives knows which
//! news it has seen, so it is taken **before** the read and asked to clear **after** it. (Both mistakes were made here
//! once; the tests that found them are `a_half_closed_megabyte_comes_back_whole` and the table of conformance.)
//!
//! **One timer per task**, moved only when it would come too late: see [`set`].
//!
//! **No buffer per task**: the scratch space belongs to the runtime's thread and is borrowed between two awaits. A
//! task that held its own 16 KiB would make an idle peer cost 16 KiB.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::Socket;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tokio::io::{Interest, Ready};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::accept::BREATH;
use crate::connection::Connection;
use crate::doors::{Arrival, Doors};
use crate::job::Job;
use crate::mail::Mailbox;
use crate::session::{Input, Scratch, Wants};

thread_local! {
    /// One for each runtime thread: it is used between two waits and never across one.
    static SCRATCH: RefCell<Option<Scratch>> = const { RefCell::new(None) };
}

/// All tasks in this thread.
pub(crate) fn run_in_one(job: &Arc<Job>) -> io::Result<()> {
    run(job, &tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Tasks spread over as many threads as there are processors, at most `hands`.
pub(crate) fn run_in_many(job: &Arc<Job>) -> io::Result<()> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = job.options.hands.clamp(1, processors);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    run(job, &builder.worker_threads(threads).enable_all().build()?)
}

/// The accepting task: it also starts the others, hears the bell and waits for the end.
fn run(job: &Arc<Job>, runtime: &Runtime) -> io::Result<()> {
    let (end, drain) = watch::channel(false);
    runtime.block_on(async {
        let doors = job.take_doors()?;
        let mut tasks = tokio::task::JoinSet::new();
        while let Some(connection) = job.next_datagrams() {
            tasks.spawn(serve(connection, Arc::clone(job), drain.clone()));
        }
        let bell = register(job.bell.as_fd())?;
        let (arrived, mut arrivals) = tokio::sync::mpsc::channel(64);
        let accepting = accept_all(&doors, job, &arrived);
        tokio::pin!(accepting);
        loop {
            tokio::select! {
                failed = &mut accepting => return failed,
                _ = bell.readable() => break,
                Some(connection) = arrivals.recv() => {
                    tasks.spawn(serve(connection, Arc::clone(job), drain.clone()));
                }
                Some(_) = tasks.join_next() => {} // let go of tasks that are over
            }
        }
        drop(arrivals); // accepted and not begun: closed
        let _ = end.send(true);
        let all_over = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(job.options.timeouts.drain, all_over).await.is_err() {
            job.gate.count_cut(tasks.len());
        }
        Ok(())
    })
}

/// Lets the runtime watch a descriptor.
#[expect(
    deprecated,
    reason = "its successor is unsafe: it asks callers to promise that the descriptor stays open, \
          which the owners given here (a borrowed descriptor, a shared socket) guarantee by their types"
)]
fn register<F: AsRawFd>(fd: F) -> io::Result<AsyncFd<F>> {
    AsyncFd::new(fd)
}

/// Accepts at all doors; returns only if that fails.
async fn accept_all(
    doors: &Doors,
    job: &Job,
    arrived: &tokio::sync::mpsc::Sender<Connection>,
) -> io::Result<()> {
    let fds: Vec<_> = doors.fds().map(register).collect::<io::Result<_>>()?;
    loop {
        while job.gate.is_full() {
            sleep(BREATH).await; // the gate tells threads, not tasks
        }
        // The guard is taken before `accept`: who arrives after an empty `accept` must not be taken back with it.
        let (door, guard) = poll_fn(|cx| knock(&fds, cx)).await;
        let mut guard = guard?;
        match doors.accept(door)? {
            Arrival::Peer(socket, from) => {
                if let Some(connection) = job.welcome(socket, from) {
                    let _ = arrived.send(connection).await; // closed only after the bell
                }
            }
            Arrival::Nobody => guard.clear_ready(),
            Arrival::Exhausted => sleep(BREATH).await,
        }
    }
}

/// The first door where somebody waits.
fn knock<'a, F: AsRawFd>(
    fds: &'a [AsyncFd<F>],
    cx: &mut Context<'_>,
) -> Poll<(usize, io::Result<AsyncFdReadyGuard<'a, F>>)> {
    for (door, fd) in fds.iter().enumerate() {
        if let Poll::Ready(guard) = fd.poll_read_ready(cx) {
            return Poll::Ready((door, guard));
        }
    }
    Poll::Pending
}

/// One peer, from its first byte to its last.
async fn serve(
    mut connection: Connection,
    job: Arc<Job>,
    mut drain: watch::Receiver<bool>,
) -> io::Result<()> {
    let fd = register(Arc::clone(connection.socket()))?;
    let mut alarm = Box::pin(sleep_until(Instant::now()));
    let mailbox = connection.mailbox().cloned();
    let mut is_draining = false;
    pump(&mut connection, &job, false)?;
    while !connection.is_done() {
        let Outlook { wants, patience } = outlook(&connection, &job);
        set(alarm.as_mut(), patience);
        tokio::select! {
            guard = fd.ready(interest(wants)) => turn(&mut connection, &job, &mut guard?)?,
            () = mail(mailbox.as_ref()) => { pump(&mut connection, &job, false)?; }
            _ = drain.changed(), if !is_draining => {
                is_draining = true;
                connection.drain();
                pump(&mut connection, &job, true)?;
            }
            () = alarm.as_mut() => expire(&mut connection, &job)?,
        }
    }
    Ok(())
}

/// One turn of a ready connection. What it used up is taken back, for the runtime tells only of news; but only what
/// was true when the turn began, so news that came meanwhile is not lost. An end that was told stays told.
fn turn(
    connection: &mut Connection,
    job: &Job,
    guard: &mut AsyncFdReadyGuard<'_, Arc<Socket>>,
) -> io::Result<()> {
    let ready = guard.ready();
    let input = pump(connection, job, ready.is_readable() || ready.is_error())?;
    if input == Input::Exhausted {
        guard.clear_ready_matching(Ready::READABLE);
    }
    if connection.is_blocked() {
        guard.clear_ready_matching(Ready::WRITABLE);
    }
    Ok(())
}

/// What the runtime should watch for.
fn interest(wants: Wants) -> Interest {
    match (wants.read, wants.write) {
        (true, true) => Interest::READABLE | Interest::WRITABLE,
        (false, true) => Interest::WRITABLE,
        (true, false) => Interest::READABLE,
        (false, false) => Interest::ERROR,
    }
}

/// Waits until others have left something.
async fn mail(mailbox: Option<&Arc<Mailbox>>) {
    poll_fn(|cx| match mailbox {
        None => Poll::Pending,
        Some(mailbox) => {
            mailbox.set_waker(cx.waker().clone());
            if mailbox.has_mail() { Poll::Ready(()) } else { Poll::Pending }
        }
    })
    .await;
}

/// Moves the alarm only if it would come too late. One that comes too early costs a look; one that is moved with
/// each message costs a lock.
fn set(alarm: Pin<&mut Sleep>, patience: Option<Duration>) {
    let Some(patience) = patience else { return };
    let at = Instant::now() + patience;
    if alarm.is_elapsed() || at < alarm.deadline() {
        alarm.reset(at);
    }
}

/// The alarm rang: maybe for a deadline that has moved on.
fn expire(connection: &mut Connection, job: &Job) -> io::Result<()> {
    with_scratch(job, |scratch| {
        let now = job.clock.now();
        match connection.deadline(scratch) {
            Some(at) if at <= now.steady => connection.expire(scratch, now),
            _ => Ok(()),
        }
    })
}

/// One turn, in the working space of this thread.
fn pump(connection: &mut Connection, job: &Job, may_read: bool) -> io::Result<Input> {
    with_scratch(job, |scratch| connection.pump(scratch, job.clock.now(), may_read))
}

/// What a connection waits for, and how long.
struct Outlook {
    wants: Wants,
    patience: Option<Duration>,
}

/// Asked after each turn.
fn outlook(connection: &Connection, job: &Job) -> Outlook {
    with_scratch(job, |scratch| Outlook {
        wants: connection.wants(scratch),
        patience: connection.deadline(scratch).map(|at| at.saturating_sub(job.clock.now().steady)),
    })
}

/// Lends the working space of this thread. Never across an `await`, where another task would find it gone.
fn with_scratch<R>(job: &Job, use_it: impl FnOnce(&mut Scratch) -> R) -> R {
    SCRATCH.with_borrow_mut(|scratch| use_it(scratch.get_or_insert_with(|| job.scratch())))
}
