//! Capturing: frames out of the kernel's ring, sorted out by the kernel as far as the filter allows, and by the filter.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use tongro_sys::bpf::Instruction;
use tongro_sys::poll;
use tongro_sys::ring::{self, Ring};
use tongro_wire::filter::Filter;
use tongro_wire::{LinkType, dissect};

use crate::{LiveError, way};

/// How to capture.
#[derive(Debug, Clone, Copy)]
pub struct CaptureOptions<'o> {
    /// The interface; none = all of them, with cooked headers.
    pub link: Option<&'o str>,
    /// What to keep; none = everything.
    pub filter: Option<&'o Filter>,
    /// Bytes of the ring.
    pub buffer: usize,
    /// Whether frames for others are wanted, too.
    pub is_promiscuous: bool,
}

/// A running capture.
#[derive(Debug)]
pub struct Capture {
    ring: Ring,
    link_type: LinkType,
    filter: Option<Filter>,
    has_prefilter: bool,
    is_cooked: bool,
    received: u64,
    dropped: u64,
    scratch: Vec<u8>,
}

/// A captured frame.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'f> {
    /// Nanoseconds since 1970.
    pub at: i64,
    /// Length on the wire.
    pub wire_len: u32,
    /// The bytes, with their VLAN tag.
    pub bytes: &'f [u8],
    /// The interface's index.
    pub index: u32,
}

const OUTGOING: u8 = 4;
const LOOPBACK: u16 = 772;

impl Capture {
    /// Begins; frames are collected from now on.
    ///
    /// # Errors
    /// Without privilege, or without such an interface.
    pub fn open(options: &CaptureOptions<'_>) -> Result<Self, LiveError> {
        let link_type = options.link.map(link_type).transpose()?.unwrap_or(LinkType::LinuxSll2);
        // The program reads Ethernet frames; others the filter sorts out alone.
        let program = options.filter.filter(|_| link_type == LinkType::Ethernet).and_then(Filter::prefilter);
        let program: Option<Vec<Instruction>> = program.map(|program| {
            let one = |one: tongro_wire::filter::bpf::Instruction| Instruction {
                code: one.code,
                jt: one.jt,
                jf: one.jf,
                k: one.k,
            };
            program.into_iter().map(one).collect()
        });
        let ring = Ring::open(&ring::Options {
            link: options.link,
            buffer: options.buffer,
            filter: program.as_deref(),
            is_promiscuous: options.is_promiscuous,
        })?;
        Ok(Self {
            ring,
            link_type,
            filter: options.filter.cloned(),
            has_prefilter: program.is_some(),
            is_cooked: options.link.is_none(),
            received: 0,
            dropped: 0,
            scratch: Vec::new(),
        })
    }

    /// What the frames begin with.
    #[must_use]
    pub fn link_type(&self) -> LinkType {
        self.link_type
    }

    /// Whether the kernel sorts frames out for the filter.
    #[must_use]
    pub fn has_prefilter(&self) -> bool {
        self.has_prefilter
    }

    /// Waits until there are frames, `stop` is readable, or the time is over; then gives every frame that is there to
    /// `seen`, until that says `false`.
    ///
    /// # Errors
    /// The errno of waiting.
    pub fn take(
        &mut self,
        stop: BorrowedFd<'_>,
        timeout: Duration,
        mut seen: impl FnMut(&Frame<'_>) -> bool,
    ) -> Result<(), LiveError> {
        poll::readable([self.ring.as_fd(), stop], Some(timeout.as_nanos() as u64))?;
        while let Some(mut block) = self.ring.block() {
            while let Some(frame) = block.frame() {
                // What goes to oneself is seen twice, on its way out and in.
                if frame.kind == OUTGOING && frame.hardware == LOOPBACK {
                    continue;
                }
                let bytes = rebuilt(&frame, self.is_cooked, &mut self.scratch);
                let passes =
                    self.filter.as_ref().is_none_or(|filter| filter.matches(&dissect(self.link_type, bytes)));
                let extra = (bytes.len() - frame.bytes.len()) as u32;
                let frame = Frame {
                    at: frame.at as i64,
                    wire_len: frame.wire_len + extra,
                    bytes,
                    index: frame.index,
                };
                if passes && !seen(&frame) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Frames that passed the kernel's filter so far, and those of them for which the ring had no room.
    ///
    /// # Errors
    /// The errno of `getsockopt`.
    pub fn counted(&mut self) -> Result<(u64, u64), LiveError> {
        let since = self.ring.statistics()?;
        self.received += u64::from(since.received);
        self.dropped += u64::from(since.dropped);
        Ok((self.received, self.dropped))
    }
}

/// The frame as it was on the wire: with the VLAN tag that the kernel took out; of all links with a cooked header
/// (LINKTYPE_LINUX_SLL2).
fn rebuilt<'b>(frame: &ring::Frame<'b>, is_cooked: bool, scratch: &'b mut Vec<u8>) -> &'b [u8] {
    if is_cooked {
        scratch.clear();
        scratch.extend(frame.protocol.to_be_bytes());
        scratch.extend([0; 2]);
        scratch.extend(frame.index.to_be_bytes());
        scratch.extend(frame.hardware.to_be_bytes());
        scratch.extend([frame.kind, frame.address.1]);
        scratch.extend(frame.address.0);
        scratch.extend(frame.bytes);
        return scratch;
    }
    match frame.vlan {
        Some((protocol, control)) if frame.bytes.len() >= 12 => {
            scratch.clear();
            scratch.extend(&frame.bytes[..12]);
            scratch.extend(protocol.to_be_bytes());
            scratch.extend(control.to_be_bytes());
            scratch.extend(&frame.bytes[12..]);
            scratch
        }
        _ => frame.bytes,
    }
}

fn link_type(name: &str) -> Result<LinkType, LiveError> {
    Ok(match way::interface(name)?.hardware {
        1 | LOOPBACK => LinkType::Ethernet,
        512 | 768 | 769 | 776 | 778 | 65534 => LinkType::RawIp,
        803 => LinkType::Ieee80211Radiotap,
        other => LinkType::Other(other),
    })
}
