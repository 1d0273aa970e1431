//! Clock: time over UDP, announced to many or asked for by one.
//!
//! Datagrams come from anyone and may be lost, doubled, reordered, forged or junk; answers go to their senders, and
//! ticks to a broadcast or multicast group.
//!
//! ```text
//!  struct format >4sBBHIQQQ, 36 bytes
//!  0       4      5      6         8          12        20        28        36
//! +-------+------+------+---------+----------+---------+---------+---------+
//! | TGCK  | kind | zero | stream H| number I |  t1  Q  |  t2  Q  |  t3  Q  |   nanoseconds since 1970
//! +-------+------+------+---------+----------+---------+---------+---------+
//!  TICK   1: t1 = when the tick was sent
//!  ASK    2: t1 = when the question was sent, by the asker's clock
//!  ANSWER 3: t1 copied; t2 = when the question came, t3 = when the answer left, by the server's clock
//! ```
//!
//! The numbers make loss, doubles and reordering visible. The four times of question and answer (the fourth is when
//! the answer comes) give the offset between the clocks and the time on the way, as in NTP (RFC 5905 § 8).

mod listener;
mod server;

pub use listener::{Listener, Report, Sample, TickFate};
pub use server::{Announce, Server};

/// The first four bytes of each datagram.
pub const MAGIC: [u8; 4] = *b"TGCK";

/// The length of each datagram.
pub const PACKET_LEN: usize = 36;

/// What a datagram is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1: the time, for all.
    Tick,
    /// 2: what time have you?
    Ask,
    /// 3: this.
    Answer,
}

/// One datagram. Times are nanoseconds since 1970, good until 2554.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// What it is.
    pub kind: Kind,
    /// Which run of the server: a restart counts from 0 again, under another stream number.
    pub stream: u16,
    /// Of the tick or the question.
    pub number: u32,
    /// First time.
    pub t1: u64,
    /// Second time.
    pub t2: u64,
    /// Third time.
    pub t3: u64,
}

impl Packet {
    /// Reads a datagram; `None` if it is something else.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; PACKET_LEN] = bytes.try_into().ok()?;
        let kind = match bytes[4] {
            1 => Kind::Tick,
            2 => Kind::Ask,
            3 => Kind::Answer,
            _ => return None,
        };
        let time = |at: usize| bytes[at..at + 8].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        (bytes[..4] == MAGIC).then(|| Self {
            kind,
            stream: u16::from_be_bytes([bytes[6], bytes[7]]),
            number: u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
            t1: time(12),
            t2: time(20),
            t3: time(28),
        })
    }

    /// The datagram.
    pub fn to_bytes(self) -> [u8; PACKET_LEN] {
        let kind = match self.kind {
            Kind::Tick => 1,
            Kind::Ask => 2,
            Kind::Answer => 3,
        };
        let mut bytes = [0; PACKET_LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = kind;
        bytes[6..8].copy_from_slice(&self.stream.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.number.to_be_bytes());
        bytes[12..20].copy_from_slice(&self.t1.to_be_bytes());
        bytes[20..28].copy_from_slice(&self.t2.to_be_bytes());
        bytes[28..].copy_from_slice(&self.t3.to_be_bytes());
        bytes
    }
}

/// The wall clock as it stands in a packet.
fn nanoseconds(now: crate::Now) -> u64 {
    u64::try_from(now.wall.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
