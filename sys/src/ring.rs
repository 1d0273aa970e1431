//! `packet(7)`: a receive ring in memory shared with the kernel (PACKET_RX_RING, TPACKET_V3).
//!
//! The kernel writes frames into blocks and hands each over when it is full or has waited long enough; here they are
//! read in place and the block is given back. The layout is that of `linux/if_packet.h`.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering, fence};

use crate::bpf::{self, Instruction};
use crate::{Error, Result, check, netlink, packet, socket};

const PACKET_RX_RING: i32 = 5;
const PACKET_STATISTICS: i32 = 6;
const PACKET_VERSION: i32 = 10;
const PACKET_ADD_MEMBERSHIP: i32 = 1;
const PACKET_MR_PROMISC: u16 = 1;
const TPACKET_V3: i32 = 2;
const USER: u32 = 1;
const VLAN_VALID: u32 = 1 << 4;
const VLAN_TPID_VALID: u32 = 1 << 6;
/// A block that is not full is handed over after this many milliseconds: what is live must look live.
const RETIRE_MS: u32 = 10;
/// Bytes of a block: room for 64 frames of full size with their headers.
const BLOCK: usize = 1 << 18;

/// How to open a ring.
#[derive(Debug, Clone, Copy)]
pub struct Options<'o> {
    /// The link; none = all of them, each frame without its link header.
    pub link: Option<&'o str>,
    /// Bytes of shared memory, rounded to whole blocks.
    pub buffer: usize,
    /// What the kernel lets through.
    pub filter: Option<&'o [Instruction]>,
    /// Whether frames for others are taken, too.
    pub is_promiscuous: bool,
}

/// A ring of blocks.
#[derive(Debug)]
pub struct Ring {
    fd: OwnedFd,
    map: NonNull<u8>,
    len: usize,
    next: usize,
}

// SAFETY: the mapping belongs to this value alone, and nothing in it is bound to a thread.
unsafe impl Send for Ring {}

#[repr(C)]
struct Request {
    block_size: u32,
    block_nr: u32,
    frame_size: u32,
    frame_nr: u32,
    retire_ms: u32,
    private: u32,
    features: u32,
}

#[repr(C)]
struct Membership {
    index: i32,
    kind: u16,
    len: u16,
    address: [u8; 8],
}

/// What the kernel counted since it was asked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Frames that passed the filter, dropped ones included.
    pub received: u32,
    /// Frames for which the ring had no room.
    pub dropped: u32,
}

impl Ring {
    /// Opens a ring in the calling thread's network namespace; frames arrive at once.
    ///
    /// # Errors
    /// EPERM without CAP_NET_RAW, ENODEV without such a link, ENOMEM without room.
    pub fn open(options: &Options<'_>) -> Result<Self> {
        let kind = if options.link.is_some() { libc::SOCK_RAW } else { libc::SOCK_DGRAM };
        let fd = socket::open(libc::AF_PACKET, kind | libc::SOCK_NONBLOCK, 0)?;
        socket::set_int(fd.as_fd(), libc::SOL_PACKET, PACKET_VERSION, TPACKET_V3)?;
        let blocks = options.buffer.div_ceil(BLOCK).max(4);
        request(&fd, blocks)?;
        let len = blocks * BLOCK;
        let map = map(&fd, len)?;
        // From here on dropping the value unmaps it.
        let ring = Self { fd, map, len, next: 0 };
        if let Some(filter) = options.filter {
            bpf::attach(ring.fd.as_fd(), filter)?;
        }
        let index = options.link.map(netlink::index).transpose()?.unwrap_or(0);
        if options.is_promiscuous && index > 0 {
            join_promiscuous(&ring.fd, index)?;
        }
        packet::bind(&ring.fd, index)?;
        Ok(ring)
    }

    /// The next block that the kernel has handed over; `None` when it still writes.
    pub fn block(&mut self) -> Option<Block<'_>> {
        let at = self.next * BLOCK;
        // SAFETY: the status word lies inside the mapping, aligned, and is shared with the kernel: read as an atomic.
        let status = unsafe { AtomicU32::from_ptr(self.map.as_ptr().add(at + 8).cast()) };
        if status.load(Ordering::Acquire) & USER == 0 {
            return None;
        }
        self.next = (self.next + 1) % (self.len / BLOCK);
        // SAFETY: the kernel has handed the whole block over and does not write it until it is given back, which the
        // block's drop does; its lifetime borrows the ring.
        let bytes = unsafe { std::slice::from_raw_parts(self.map.as_ptr().add(at), BLOCK) };
        let (left, offset) = (number(bytes, 12), number(bytes, 16) as usize);
        Some(Block { bytes, status, left, offset })
    }

    /// What was counted since the last call.
    ///
    /// # Errors
    /// The errno of `getsockopt`.
    pub fn statistics(&self) -> Result<Statistics> {
        let mut counted = [0u32; 3];
        let mut len = size_of_val(&counted) as libc::socklen_t;
        // SAFETY: tpacket_stats_v3 is three unsigned ints.
        let got = unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_PACKET,
                PACKET_STATISTICS,
                counted.as_mut_ptr().cast(),
                &raw mut len,
            )
        };
        check("getsockopt(PACKET_STATISTICS)", i64::from(got))?;
        Ok(Statistics { received: counted[0], dropped: counted[1] })
    }
}

impl AsFd for Ring {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping was made with this length, and no block of it is borrowed any more.
        unsafe { libc::munmap(self.map.as_ptr().cast(), self.len) };
    }
}

/// A block of frames, in the order of arrival.
#[derive(Debug)]
pub struct Block<'r> {
    bytes: &'r [u8],
    status: &'r AtomicU32,
    left: u32,
    offset: usize,
}

/// A frame in the ring.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'b> {
    /// Nanoseconds since 1970, as the kernel took them.
    pub at: u64,
    /// Length on the wire.
    pub wire_len: u32,
    /// The bytes; without a VLAN tag that the kernel has taken out, and of all links without link header.
    pub bytes: &'b [u8],
    /// The tag that was taken out: its protocol and its control information.
    pub vlan: Option<(u16, u16)>,
    /// What the frame is to this host: PACKET_HOST, PACKET_OUTGOING …
    pub kind: u8,
    /// The link's index.
    pub index: u32,
    /// The EtherType, as the kernel knows it.
    pub protocol: u16,
    /// The kind of link: ARPHRD_ETHER, ARPHRD_LOOPBACK …
    pub hardware: u16,
    /// The sender's hardware address, and how many bytes of it count.
    pub address: ([u8; 8], u8),
}

impl Block<'_> {
    /// The next frame of the block.
    pub fn frame(&mut self) -> Option<Frame<'_>> {
        if self.left == 0 {
            return None;
        }
        let header = self.bytes.get(self.offset..)?;
        let (mac, len) = (usize::from(half(header, 24)), number(header, 12) as usize);
        let frame = header.get(mac..mac + len)?;
        let (status, link) = (number(header, 20), header.get(48..68)?);
        let vlan = (status & VLAN_VALID != 0).then(|| {
            let protocol = if status & VLAN_TPID_VALID != 0 { half(header, 36) } else { 0x8100 };
            (protocol, number(header, 32) as u16)
        });
        let mut address = [0; 8];
        address.copy_from_slice(&link[12..20]);
        let step = number(header, 0) as usize;
        self.left = if step == 0 { 0 } else { self.left - 1 };
        self.offset += step;
        Some(Frame {
            at: u64::from(number(header, 4)) * 1_000_000_000 + u64::from(number(header, 8)),
            wire_len: number(header, 16),
            bytes: frame,
            vlan,
            kind: link[10],
            index: number(link, 4),
            protocol: u16::from_be(half(link, 2)),
            hardware: half(link, 8),
            address: (address, link[11].min(8)),
        })
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        // What was read was read before the block is the kernel's again.
        fence(Ordering::Release);
        self.status.store(0, Ordering::Release);
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

fn half(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).map_or(0, u16::from_ne_bytes)
}

fn request(fd: &OwnedFd, blocks: usize) -> Result<()> {
    let frame_size = 2048;
    let request = Request {
        block_size: BLOCK as u32,
        block_nr: blocks as u32,
        frame_size,
        frame_nr: (blocks * BLOCK) as u32 / frame_size,
        retire_ms: RETIRE_MS,
        private: 0,
        features: 0,
    };
    // SAFETY: pointer and size of one tpacket_req3.
    let set = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_PACKET,
            PACKET_RX_RING,
            (&raw const request).cast(),
            size_of::<Request>() as libc::socklen_t,
        )
    };
    check("setsockopt(PACKET_RX_RING)", i64::from(set)).map(drop)
}

fn map(fd: &OwnedFd, len: usize) -> Result<NonNull<u8>> {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a fresh mapping of the ring just made, at an address of the kernel's choice.
    let map =
        unsafe { libc::mmap(std::ptr::null_mut(), len, protection, libc::MAP_SHARED, fd.as_raw_fd(), 0) };
    if map == libc::MAP_FAILED {
        return Err(Error::last("mmap(packet ring)"));
    }
    NonNull::new(map.cast()).ok_or_else(|| Error::from_errno("mmap(packet ring)", libc::ENOMEM))
}

fn join_promiscuous(fd: &OwnedFd, index: u32) -> Result<()> {
    let member = Membership { index: index as i32, kind: PACKET_MR_PROMISC, len: 0, address: [0; 8] };
    // SAFETY: pointer and size of one packet_mreq.
    let set = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_PACKET,
            PACKET_ADD_MEMBERSHIP,
            (&raw const member).cast(),
            size_of::<Membership>() as libc::socklen_t,
        )
    };
    check("setsockopt(PACKET_ADD_MEMBERSHIP)", i64::from(set)).map(drop)
}
