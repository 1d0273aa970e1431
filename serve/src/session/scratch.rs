//! What a thread needs to serve any number of connections, one at a time: the buffers live here and not in the
//! connections, so thousands of idle peers cost no buffer at all.
//!
//! Nothing in it outlives a turn. What a connection needs to remember (an unfinished message, output that waits) is in
//! its session; what is here may be overwritten by the next connection, and is: everything is cleared before it is used,
//! since a connection that was lost in the middle of a turn leaves its bytes behind.

use std::fmt;
use std::sync::Arc;

use tongro_proto::{Actions, Notice};

use crate::options::{Limits, Timeouts};

/// Buffers and rules of one thread.
pub(crate) struct Scratch {
    /// Where bytes arrive.
    pub(super) input: Box<[u8]>,
    /// Where the machine writes.
    pub(super) actions: Actions,
    /// Plain text out of TLS.
    pub(super) plain: Vec<u8>,
    /// Cipher text for the socket.
    pub(super) wire: Vec<u8>,
    /// Who is told of notices.
    pub(crate) watch: Option<Watch>,
    /// The bounds that apply.
    pub(crate) limits: Limits,
    /// The times that apply.
    pub(crate) timeouts: Timeouts,
}

/// Somebody who wants to know what happens: called in the thread where it happens, so it should be quick.
#[derive(Clone)]
pub struct Watch(Arc<dyn Fn(Notice) + Send + Sync>);

impl Watch {
    /// Tells this function.
    pub fn new(tell: impl Fn(Notice) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    /// Tells.
    pub(crate) fn tell(&self, notice: Notice) {
        (self.0)(notice);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}

impl Scratch {
    /// Working space under these rules.
    pub(crate) fn new(input_len: usize, limits: &Limits, timeouts: &Timeouts, watch: Option<&Watch>) -> Self {
        Self {
            input: vec![0; input_len].into_boxed_slice(),
            actions: Actions::default(),
            plain: Vec::new(),
            wire: Vec::new(),
            watch: watch.cloned(),
            limits: limits.clone(),
            timeouts: timeouts.clone(),
        }
    }
}
