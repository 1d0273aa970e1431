//! The sockets that threads may be blocked on, so that a shutdown can wake them.
//!
//! A thread inside `recv(2)` hears no bell. `shutdown(SHUT_RD)` from another thread wakes it: what has arrived is
//! still read and answered, then it sees the end of the stream and leaves as if the peer had finished.
//!
//! On Linux `shutdown(SHUT_RD)` sends nothing. It wakes a sleeping reader, which takes what is in the buffer and then
//! gets 0. `SHUT_RDWR` also ends a sleeping writer, with `EPIPE`: that is how what has not finished in time is cut.

use std::collections::HashMap;
use std::net::Shutdown;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::Socket;

/// All such sockets of one server.
#[derive(Debug, Default)]
pub(crate) struct Live(Mutex<Sockets>);

/// What the lock protects.
#[derive(Debug, Default)]
struct Sockets {
    by_number: HashMap<u64, Arc<Socket>>,
    next_number: u64,
    /// Set at shutdown; whoever comes later is woken at once.
    ended: Option<Shutdown>,
}

/// One entry, taken out when dropped.
pub(crate) struct Registered<'a> {
    live: &'a Live,
    number: u64,
}

impl Live {
    /// Enters a socket for as long as the result lives.
    pub(crate) fn register(&self, socket: &Arc<Socket>) -> Registered<'_> {
        let mut sockets = self.sockets();
        if let Some(how) = sockets.ended {
            let _ = socket.shutdown(how);
        }
        let number = sockets.next_number;
        sockets.next_number += 1;
        sockets.by_number.insert(number, Arc::clone(socket));
        Registered { live: self, number }
    }

    /// Wakes every reader: [`Shutdown::Read`] lets it finish its answer, [`Shutdown::Both`] cuts it off.
    pub(crate) fn end(&self, how: Shutdown) {
        let mut sockets = self.sockets();
        sockets.ended = Some(how);
        for socket in sockets.by_number.values() {
            let _ = socket.shutdown(how); // a socket that is already gone needs no waking
        }
    }

    /// A map of sockets is whole after each call, whoever panicked.
    fn sockets(&self) -> MutexGuard<'_, Sockets> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.live.sockets().by_number.remove(&self.number);
    }
}
