//! Mail: what other connections have for this one.
//!
//! In a chat the text comes from one peer and goes to many, whose threads or tasks are asleep. The room puts it into
//! each [`Mailbox`] and wakes the owner; the owner's next [`pump`](crate::session::Session::pump) sends it. So
//! nobody ever writes to another's socket, no lock is held while sending, and a member who does not read delays
//! nobody: its mailbox fills to its limit and it is cut off.
//!
//! ```text
//!   A's thread:  recv ─▶ room.handle(A, "hi") ─▶ deliveries: B, C
//!                         (one lock: all members see one order)
//!                                    ├─▶ mailbox B ─wake─▶ B's thread, task or loop: send
//!                                    └─▶ mailbox C ─wake─▶ C's …
//! ```
//!
//! The tempting shortcut, A's thread writing to the sockets of B and C under the lock, has two faults: if B does not
//! read, A blocks in `send`, holding the lock, and the whole room stands still; and B's own thread may be writing at the
//! same moment, so that two lines are mixed.
//!
//! A sender's own answers take the same way, through its own mailbox, so they are in the same order as everything else.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

use tongro_proto::chat::{Deliveries, Member, Room};
use tongro_proto::{Actions, Bounds, Event, Machine, Now};

use crate::bell::Bell;

/// What waits for one connection.
#[derive(Debug)]
pub(crate) struct Mailbox {
    /// More than this may not wait: the owner does not read.
    limit: usize,
    mail: Mutex<Mail>,
}

/// What the lock protects.
#[derive(Debug, Default)]
struct Mail {
    bytes: Vec<u8>,
    /// Something was thrown away, so the rest is worth nothing.
    is_overfull: bool,
    /// The last letter: after it the connection ends.
    is_finished: bool,
    /// How the owner is woken; set by the model.
    waker: Option<Waker>,
}

/// What was in a mailbox.
pub(crate) struct Letters {
    /// All of it, in order.
    pub(crate) bytes: Vec<u8>,
    /// Nothing follows.
    pub(crate) is_finished: bool,
}

impl Mailbox {
    /// An empty box.
    fn new(limit: usize) -> Self {
        Self { limit, mail: Mutex::default() }
    }

    /// Says how to wake the owner from now on.
    pub(crate) fn set_waker(&self, waker: Waker) {
        self.mail().waker = Some(waker);
    }

    /// Is something inside?
    pub(crate) fn has_mail(&self) -> bool {
        let mail = self.mail();
        mail.is_finished || mail.is_overfull || !mail.bytes.is_empty()
    }

    /// Takes everything. `None` if there was more than the owner may leave waiting.
    pub(crate) fn take(&self) -> Option<Letters> {
        let mut mail = self.mail();
        let bytes = core::mem::take(&mut mail.bytes);
        (!mail.is_overfull).then(|| Letters { bytes, is_finished: core::mem::take(&mut mail.is_finished) })
    }

    /// Leaves something and wakes the owner.
    fn put(&self, bytes: &[u8], is_finished: bool) {
        let mut mail = self.mail();
        if mail.bytes.len() + bytes.len() > self.limit {
            mail.is_overfull = true;
            mail.bytes = Vec::new();
        }
        if !mail.is_overfull {
            mail.bytes.extend_from_slice(bytes);
        }
        mail.is_finished |= is_finished;
        if let Some(waker) = &mail.waker {
            waker.wake_by_ref();
        }
    }

    /// Letters are whole after each call, whoever panicked.
    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A waker for a thread that sleeps in `poll`: it rings a bell of its own.
pub(crate) struct BellWaker(pub(crate) Arc<Bell>);

impl Wake for BellWaker {
    fn wake(self: Arc<Self>) {
        self.0.ring();
    }
}

/// One chat room and the mailboxes of its members.
#[derive(Debug)]
pub(crate) struct PostOffice {
    inside: Mutex<Inside>,
    next_member: AtomicU64,
}

/// What the lock protects: room and boxes together, so that no delivery finds its box missing.
#[derive(Debug)]
struct Inside {
    room: Room,
    boxes: HashMap<Member, Arc<Mailbox>>,
    /// Kept for its memory.
    out: Deliveries,
}

impl PostOffice {
    /// An empty room.
    pub(crate) fn new(bounds: Bounds) -> Arc<Self> {
        let inside = Inside { room: Room::new(bounds), boxes: HashMap::new(), out: Deliveries::default() };
        Arc::new(Self { inside: Mutex::new(inside), next_member: AtomicU64::new(0) })
    }

    /// A machine and a mailbox for a new member.
    pub(crate) fn admit(self: &Arc<Self>, limit: usize) -> (Box<dyn Machine>, Arc<Mailbox>) {
        let member = Member(self.next_member.fetch_add(1, Ordering::Relaxed));
        let mailbox = Arc::new(Mailbox::new(limit));
        self.inside().boxes.insert(member, Arc::clone(&mailbox));
        (Box::new(Attendant { office: Arc::clone(self), member }), mailbox)
    }

    /// The room is whole after each event.
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    /// Lets the room act, then carries its deliveries to the mailboxes. All members see one order, since all of it
    /// happens under one lock.
    fn act(&mut self, act: impl FnOnce(&mut Room, &mut Deliveries)) {
        self.out.clear();
        act(&mut self.room, &mut self.out);
        for (member, bytes) in self.out.iter() {
            if let Some(mailbox) = self.boxes.get(&member) {
                mailbox.put(bytes, false);
            }
        }
        for member in self.out.finished() {
            if let Some(mailbox) = self.boxes.get(member) {
                mailbox.put(b"", true);
            }
        }
    }
}

/// The machine on one member's connection: hands everything to the room. Answers come as mail.
struct Attendant {
    office: Arc<PostOffice>,
    member: Member,
}

impl Machine for Attendant {
    fn handle(&mut self, event: Event<'_>, _now: Now, _actions: &mut Actions) {
        if event != Event::Sent {
            self.office.inside().act(|room, out| room.handle(self.member, event, out));
        }
    }

    fn open_message(&self) -> Option<u64> {
        self.office.inside().room.open_line(self.member)
    }
}

impl Drop for Attendant {
    fn drop(&mut self) {
        let mut inside = self.office.inside();
        inside.boxes.remove(&self.member);
        inside.act(|room, out| room.leave(self.member, out));
    }
}
