//! Asking: sends packets, listens on the interface before the first leaves, and matches what comes back.

use std::os::fd::AsFd;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tongro_sys::poll;
use tongro_sys::ring::{self, Ring};
use tongro_wire::{LinkType, Packet, answers, dissect};

use crate::hold::Held;
use crate::send::{Sender, Target};
use crate::{LiveError, way};

/// How to ask.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// How long to wait for answers after the last packet of a round.
    pub timeout: Duration,
    /// How often to send again what nobody answered.
    pub retries: u32,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Which packet it answers, from 0.
    pub request: usize,
    /// How long it took from the packet's last sending.
    pub took: Duration,
    /// How often the packet had been sent.
    pub tries: u32,
    /// What its bytes begin with: the same as those of the request.
    pub link_type: LinkType,
    /// The answer.
    pub bytes: Vec<u8>,
}

/// Sends and listens.
#[derive(Debug)]
pub struct Asker {
    sender: Sender,
    held: Held,
    ring: Ring,
    is_cooked: bool,
    is_corrected: bool,
    is_unheld: bool,
}

/// What is still without an answer.
struct Open<'r> {
    index: usize,
    packet: Packet<'r>,
    sent_at: Instant,
    /// The same by the clock that the kernel writes on frames, in nanoseconds since 1970.
    sent_time: u64,
    tries: u32,
}

/// Packets on their way at once; more wait until some were answered or given up.
const WINDOW: usize = 64;
const BUFFER: usize = 4 << 20;

impl Asker {
    /// Begins to listen: on one interface, or on all.
    ///
    /// # Errors
    /// Without privilege, or without such an interface.
    pub fn open(link: Option<&str>) -> Result<Self, LiveError> {
        if let Some(name) = link {
            way::interface(name)?;
        }
        let options = ring::Options { link, buffer: BUFFER, filter: None, is_promiscuous: false };
        let ring = Ring::open(&options)?;
        Ok(Self {
            sender: Sender::new(link),
            held: Held::default(),
            ring,
            is_cooked: link.is_none(),
            is_corrected: false,
            is_unheld: false,
        })
    }

    /// Whether the kernel had to put a header right that was wrong on purpose.
    #[must_use]
    pub fn is_corrected(&self) -> bool {
        self.is_corrected
    }

    /// Whether a source port could not be held, so that this host's kernel may have answered, too.
    #[must_use]
    pub fn is_unheld(&self) -> bool {
        self.is_unheld
    }

    /// Sends every packet and tells each answer as it comes; gives how many were answered.
    ///
    /// # Errors
    /// What the kernel says of a packet.
    pub fn ask(
        &mut self,
        link_type: LinkType,
        requests: &[Vec<u8>],
        how: Ask,
        mut told: impl FnMut(Answer),
    ) -> Result<usize, LiveError> {
        for request in requests {
            self.is_unheld |= !self.held.hold(link_type, request);
        }
        let mut waiting = requests.iter().enumerate();
        let mut open: Vec<Open<'_>> = Vec::new();
        let mut answered = 0;
        loop {
            while open.len() < WINDOW
                && let Some((index, bytes)) = waiting.next()
            {
                let (sent_at, sent_time) = (Instant::now(), now());
                self.send(link_type, bytes)?;
                open.push(Open { index, packet: dissect(link_type, bytes), sent_at, sent_time, tries: 1 });
            }
            if open.is_empty() {
                return Ok(answered);
            }
            self.listen(link_type, how.timeout, &mut open, &mut |answer| {
                answered += 1;
                told(answer);
            })?;
            self.repeat(link_type, requests, how, &mut open)?;
        }
    }

    fn send(&mut self, link_type: LinkType, bytes: &[u8]) -> Result<(), LiveError> {
        self.is_corrected |= self.sender.send(link_type, bytes)? == Target::Corrected;
        Ok(())
    }

    /// Sends again what has waited long enough; gives up what was sent often enough.
    fn repeat(
        &mut self,
        link_type: LinkType,
        requests: &[Vec<u8>],
        how: Ask,
        open: &mut Vec<Open<'_>>,
    ) -> Result<(), LiveError> {
        open.retain(|one| one.sent_at.elapsed() < how.timeout || one.tries <= how.retries);
        for one in open.iter_mut().filter(|one| one.sent_at.elapsed() >= how.timeout) {
            (one.sent_at, one.sent_time, one.tries) = (Instant::now(), now(), one.tries + 1);
            self.send(link_type, &requests[one.index])?;
        }
        Ok(())
    }

    /// Waits until something was answered, or the first packet has waited long enough.
    fn listen(
        &mut self,
        link_type: LinkType,
        timeout: Duration,
        open: &mut Vec<Open<'_>>,
        told: &mut impl FnMut(Answer),
    ) -> Result<(), LiveError> {
        const OUTGOING: u8 = 4;
        let Some(until) = open.iter().map(|one| one.sent_at + timeout).min() else { return Ok(()) };
        let before = open.len();
        while open.len() == before {
            while let Some(mut block) = self.ring.block() {
                while let Some(frame) = block.frame() {
                    if frame.kind != OUTGOING {
                        let bytes = whole(&frame, self.is_cooked);
                        matched(link_type, frame.at, &bytes, open, told);
                    }
                }
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || open.len() < before {
                break;
            }
            poll::readable([self.ring.as_fd()], Some(left.as_nanos() as u64))?;
        }
        Ok(())
    }
}

/// Nanoseconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

/// The frame with an Ethernet header, which cooked ones lack.
fn whole(frame: &ring::Frame<'_>, is_cooked: bool) -> Vec<u8> {
    if !is_cooked {
        return frame.bytes.to_vec();
    }
    let source = &frame.address.0[..6];
    [&[0; 6], source, &frame.protocol.to_be_bytes(), frame.bytes].concat()
}

fn matched(
    link_type: LinkType,
    at: u64,
    frame: &[u8],
    open: &mut Vec<Open<'_>>,
    told: &mut impl FnMut(Answer),
) {
    let reply = dissect(LinkType::Ethernet, frame);
    let Some(position) = open.iter().position(|one| answers(&one.packet, &reply)) else { return };
    let one = open.remove(position);
    let skipped = if link_type == LinkType::Ethernet { 0 } else { 14.min(frame.len()) };
    told(Answer {
        request: one.index,
        took: Duration::from_nanos(at.saturating_sub(one.sent_time)),
        tries: one.tries,
        link_type,
        bytes: frame[skipped..].to_vec(),
    });
}
