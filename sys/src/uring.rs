//! `io_uring(7)`: operations are handed to the kernel through one ring of shared memory, their results come back through
//! another; one system call moves any number of both.
//!
//! ```text
//!   receive, watch, cancel ──▶ submission ring ──▶ kernel ──▶ completion ring ──▶ Done { token, result, buffer }
//!                                                    │ ▲
//!                                     bytes come into│ │given back by `recycle`
//!                                                  buffers (shared by all sockets)
//! ```
//!
//! A *multishot* operation is asked for once and completes again and again. Buffers are lent to the kernel as a ring;
//! it takes one when bytes have come, so a socket that waits holds none.
//!
//! Everything the kernel writes to belongs to [`Uring`] and lives as long as it; callers get copies or shared slices.
//! The methods take descriptors as numbers: a wrong number is an error in the completion, never a wrong access.

use std::os::fd::RawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use io_uring::types::{BufRingEntry, CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};

use crate::{Error, Result, check};

/// The one group of buffers.
const GROUP: u16 = 0;

/// What an operation gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Done {
    /// As given with the operation.
    pub token: u64,
    /// Bytes, poll events, or minus the errno.
    pub result: i32,
    /// Where the bytes are; to be given back with [`Uring::recycle`].
    pub buffer: Option<u16>,
    /// The operation goes on and will complete again.
    pub goes_on: bool,
}

/// A pair of rings, and buffers lent to the kernel.
pub struct Uring {
    /// Dropped before the buffers: the kernel lets go of them with it.
    ring: IoUring,
    buffers: Buffers,
}

impl std::fmt::Debug for Uring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Uring")
    }
}

/// Can this process have a ring with all that is used here?
///
/// # Errors
/// ENOSYS where the kernel has none, EPERM where it is forbidden, EINVAL where it is too old (before 6.1).
pub fn probe() -> Result<()> {
    Uring::new(8, 8, 4096).map(drop)
}

impl Uring {
    /// A ring for the calling thread alone, with `count` buffers (a power of two) of `len` bytes.
    ///
    /// # Errors
    /// As [`probe`]; ENOMEM at the limit of locked memory.
    pub fn new(entries: u32, count: u16, len: usize) -> Result<Self> {
        let mut builder = IoUring::builder();
        // Only this thread submits, and completions are worked on when it asks: no interrupt of its work in between.
        builder.setup_single_issuer().setup_defer_taskrun().setup_cqsize(entries * 8);
        let ring = builder.build(entries).map_err(|source| Error { call: "io_uring_setup", source })?;
        let buffers = Buffers::new(count, len)?;
        // SAFETY: the ring of buffers is mapped, page-aligned and as long as said, and outlives `ring`, which is the
        // first field and so dropped first.
        let registered = unsafe {
            ring.submitter().register_buf_ring_with_flags(buffers.ring.as_ptr() as u64, count, GROUP, 0)
        };
        registered.map_err(|source| Error { call: "io_uring_register(PBUF_RING)", source })?;
        let mut this = Self { ring, buffers };
        (0..count).for_each(|number| this.recycle(number));
        Ok(this)
    }

    /// Receives from a socket, again and again until it ends, fails, or buffers run out (ENOBUFS).
    ///
    /// # Errors
    /// Those of submitting, when the submission ring is full.
    pub fn receive(&mut self, fd: RawFd, token: u64) -> Result<()> {
        self.push(opcode::RecvMulti::new(Fd(fd), GROUP).build().user_data(token))
    }

    /// Tells again and again when a descriptor is readable.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn watch(&mut self, fd: RawFd, token: u64) -> Result<()> {
        self.push(opcode::PollAdd::new(Fd(fd), libc::POLLIN as u32).multi(true).build().user_data(token))
    }

    /// Tells once when a descriptor is writable.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub fn watch_writable(&mut self, fd: RawFd, token: u64) -> Result<()> {
        self.push(opcode::PollAdd::new(Fd(fd), libc::POLLOUT as u32).build().user_data(token))
    }

    /// Ends all operations of this token, and waits until the kernel has let go of their descriptors. They complete
    /// with ECANCELED.
    pub fn cancel(&mut self, token: u64) {
        // What has not been submitted yet cannot be cancelled.
        let _ = self.ring.submit();
        let _ = self.ring.submitter().register_sync_cancel(None, CancelBuilder::user_data(token).all());
    }

    /// Submits what was asked for and waits until something is done, `at_most` so long; `None` = for ever.
    ///
    /// # Errors
    /// Those of `io_uring_enter`, save EINTR and the end of the time.
    pub fn wait(&mut self, at_most: Option<Duration>, done: &mut Vec<Done>) -> Result<()> {
        let entered = match at_most {
            None => self.ring.submit_and_wait(1),
            Some(at_most) => {
                let time = Timespec::new().sec(at_most.as_secs()).nsec(at_most.subsec_nanos());
                self.ring.submitter().submit_with_args(1, &SubmitArgs::new().timespec(&time))
            }
        };
        if let Err(source) = entered {
            let is_passing =
                matches!(source.raw_os_error(), Some(libc::EINTR | libc::ETIME | libc::EBUSY | libc::EAGAIN));
            if !is_passing {
                return Err(Error { call: "io_uring_enter", source });
            }
        }
        done.extend(self.ring.completion().map(|entry| Done {
            token: entry.user_data(),
            result: entry.result(),
            buffer: cqueue::buffer_select(entry.flags()),
            goes_on: cqueue::more(entry.flags()),
        }));
        Ok(())
    }

    /// The first `len` bytes of a buffer that came with a completion.
    #[must_use]
    pub fn bytes(&self, buffer: u16, len: usize) -> &[u8] {
        self.buffers.bytes(buffer, len)
    }

    /// Lends a buffer to the kernel again.
    pub fn recycle(&mut self, buffer: u16) {
        self.buffers.lend(buffer);
    }

    /// Puts an operation on the ring; a full ring is submitted first.
    fn push(&mut self, entry: squeue::Entry) -> Result<()> {
        for _ in 0..2 {
            // SAFETY: the operations made here point to no memory; the buffers they use are those registered.
            if unsafe { self.ring.submission().push(&entry) }.is_ok() {
                return Ok(());
            }
            self.ring.submit().map_err(|source| Error { call: "io_uring_enter", source })?;
        }
        Err(Error::from_errno("io_uring_enter", libc::EBUSY))
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        // The kernel would let go of sockets some time after the ring is closed; a port must be free at once.
        let _ = self.ring.submit();
        let _ = self.ring.submitter().register_sync_cancel(None, CancelBuilder::any());
    }
}

/// Buffers, and the ring in which they are lent.
struct Buffers {
    /// `count` entries; shared with the kernel, which reads them.
    ring: NonNull<BufRingEntry>,
    ring_len: usize,
    /// `count` buffers of `len` bytes; the kernel writes to those that are lent.
    memory: NonNull<u8>,
    memory_len: usize,
    count: u16,
    len: usize,
    /// How many were ever lent.
    tail: u16,
}

impl Buffers {
    fn new(count: u16, len: usize) -> Result<Self> {
        if !count.is_power_of_two() {
            return Err(Error::from_errno("io_uring_register(PBUF_RING)", libc::EINVAL));
        }
        let ring_len = usize::from(count) * size_of::<BufRingEntry>();
        let memory_len = usize::from(count) * len;
        let ring: NonNull<BufRingEntry> = map(ring_len)?.cast();
        let memory = match map(memory_len) {
            Ok(memory) => memory,
            Err(error) => {
                // SAFETY: just mapped, and nobody has it.
                unsafe { libc::munmap(ring.as_ptr().cast::<libc::c_void>(), ring_len) };
                return Err(error);
            }
        };
        Ok(Self { ring, ring_len, memory, memory_len, count, len, tail: 0 })
    }

    fn bytes(&self, buffer: u16, len: usize) -> &[u8] {
        let at = usize::from(buffer % self.count) * self.len;
        // SAFETY: within the mapping, which is initialised (zeroed by the kernel); a buffer that came with a completion
        // is not written to until it is lent again, for which `&mut` is needed.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().add(at), len.min(self.len)) }
    }

    fn lend(&mut self, buffer: u16) {
        let number = buffer % self.count;
        let address = self.memory.as_ptr() as u64 + (usize::from(number) * self.len) as u64;
        let place = usize::from(self.tail & (self.count - 1));
        // SAFETY: the place is within the ring, and the kernel does not read it before the tail has moved past it.
        let entry = unsafe { &mut *self.ring.as_ptr().add(place) };
        entry.set_addr(address);
        entry.set_len(self.len as u32);
        entry.set_bid(number);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the tail is a u16 inside the first entry, aligned, and only written here; the kernel reads it.
        let tail = unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.ring.as_ptr()).cast_mut()) };
        tail.store(self.tail, Ordering::Release);
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        // SAFETY: both were mapped with these lengths; the kernel has let go of them with the ring.
        unsafe {
            libc::munmap(self.ring.as_ptr().cast(), self.ring_len);
            libc::munmap(self.memory.as_ptr().cast(), self.memory_len);
        }
    }
}

/// Fresh zeroed pages.
fn map(len: usize) -> Result<NonNull<u8>> {
    let (rights, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_ANONYMOUS | libc::MAP_PRIVATE);
    // SAFETY: asks for new pages and touches no others.
    let pages = unsafe { libc::mmap(std::ptr::null_mut(), len, rights, kind, -1, 0) };
    if pages == libc::MAP_FAILED {
        return Err(Error::last("mmap"));
    }
    let pages = NonNull::new(pages.cast());
    check("mmap", if pages.is_some() { 0 } else { -1 })?;
    pages.ok_or_else(|| Error::last("mmap"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    /// Where a kernel or container forbids it, there is nothing to test.
    fn ring(count: u16, len: usize) -> Option<Uring> {
        probe().is_ok().then(|| Uring::new(8, count, len).unwrap())
    }

    #[test]
    fn one_receive_brings_many_pieces_and_the_end() {
        let Some(mut ring) = ring(8, 4096) else { return };
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ring.receive(theirs.as_raw_fd(), 7).unwrap();
        let mut done = Vec::new();
        for piece in [&b"first"[..], b"second"] {
            ours.write_all(piece).unwrap();
            ring.wait(None, &mut done).unwrap();
            let one = done.pop().unwrap();
            let buffer = one.buffer.unwrap();
            assert!(one.token == 7 && one.goes_on);
            assert_eq!(ring.bytes(buffer, one.result as usize), piece);
            ring.recycle(buffer);
        }
        drop(ours);
        ring.wait(None, &mut done).unwrap();
        assert_eq!((done[0].result, done[0].goes_on), (0, false));
    }

    #[test]
    fn without_buffers_it_says_so_and_goes_on_with_new_ones() {
        let Some(mut ring) = ring(1, 4) else { return };
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.write_all(b"0123456789").unwrap();
        ring.receive(theirs.as_raw_fd(), 1).unwrap();
        let (mut done, mut got) = (Vec::new(), Vec::new());
        while got.len() < 10 {
            ring.wait(None, &mut done).unwrap();
            for one in std::mem::take(&mut done) {
                if let Some(buffer) = one.buffer {
                    got.extend_from_slice(ring.bytes(buffer, one.result as usize));
                    ring.recycle(buffer);
                }
                if !one.goes_on {
                    ring.receive(theirs.as_raw_fd(), 1).unwrap();
                }
            }
        }
        assert_eq!(got, b"0123456789");
    }

    #[test]
    fn a_cancelled_operation_completes_and_time_ends_a_wait() {
        let Some(mut ring) = ring(8, 64) else { return };
        let (_ours, theirs) = UnixStream::pair().unwrap();
        ring.receive(theirs.as_raw_fd(), 1).unwrap();
        let mut done = Vec::new();
        ring.wait(Some(Duration::from_millis(1)), &mut done).unwrap();
        assert_eq!(done, []);
        ring.cancel(1);
        ring.wait(Some(Duration::from_secs(30)), &mut done).unwrap();
        assert_eq!((done[0].token, done[0].result), (1, -libc::ECANCELED));
    }
}
