//! One TCP segment as the analysis sees it: relative numbers, flags and the options that matter.
//!
//! Bytes come from a frame through the fast view; numbers are relative to the flow's first ones, so a flow's labels
//! and findings start at 0 as Wireshark's do. It leaves to labels and findings; the full tree is the dissector's.

use tongro_wire::view::{Tcp, flag};

use crate::event::Nanos;

/// Which way a frame of a flow goes: 0 = from the end that spoke first.
pub type Direction = usize;

/// A TCP segment with relative numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Frame number.
    pub no: u32,
    /// When it was sent.
    pub at: Nanos,
    /// Which way it goes.
    pub dir: Direction,
    /// Sequence number, relative to the first of this direction.
    pub seq: u32,
    /// Acknowledgment number, relative to the first of the other direction; 0 without the ACK flag.
    pub ack: u32,
    /// The eight low flag bits.
    pub flags: u8,
    /// The window field, unscaled.
    pub window: u16,
    /// Payload bytes.
    pub payload: u32,
    /// The options that matter.
    pub options: Options,
}

impl Segment {
    /// Whether all bits of `mask` are set.
    #[must_use]
    pub fn has(&self, mask: u8) -> bool {
        self.flags & mask == mask
    }

    /// The length in sequence space (RFC 9293 section 3.4).
    #[must_use]
    pub fn seq_len(&self) -> u32 {
        self.payload + u32::from(self.has(flag::SYN)) + u32::from(self.has(flag::FIN))
    }

    /// The sequence number after this segment.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.seq.wrapping_add(self.seq_len())
    }

    /// Whether it does nothing but acknowledge.
    #[must_use]
    pub fn is_bare_ack(&self) -> bool {
        self.seq_len() == 0 && self.flags & (flag::RST | flag::ACK) == flag::ACK
    }
}

/// Whether sequence number `a` comes before `b` (modulo 2³²).
#[must_use]
pub fn before(a: u32, b: u32) -> bool {
    (a.wrapping_sub(b) as i32) < 0
}

/// TCP options (RFC 9293 section 3.2, RFC 2018, RFC 7323) that labels and findings need.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// Window scale shift, at most 14.
    pub scale: Option<u8>,
    /// Value and echo reply of the timestamp option.
    pub timestamps: Option<(u32, u32)>,
    blocks: [(u32, u32); 4],
    block_count: u8,
}

impl Options {
    /// Reads the option bytes of a TCP header; stops quietly at the first that makes no sense.
    #[must_use]
    pub fn read(mut bytes: &[u8]) -> Self {
        let mut found = Self::default();
        loop {
            let (kind, len) = match *bytes {
                [1, ..] => (1, 1),
                [kind, len, ..] if kind != 0 && len >= 2 && usize::from(len) <= bytes.len() => (kind, len),
                _ => return found,
            };
            let (option, rest) = bytes.split_at(usize::from(len));
            found.take(kind, option.get(2..).unwrap_or_default());
            bytes = rest;
        }
    }

    /// The SACK blocks (RFC 2018): left and right edge.
    #[must_use]
    pub fn sack(&self) -> &[(u32, u32)] {
        &self.blocks[..usize::from(self.block_count)]
    }

    /// The same with the SACK edges relative to `base`.
    #[must_use]
    pub fn relative_to(mut self, base: u32) -> Self {
        for (left, right) in &mut self.blocks[..usize::from(self.block_count)] {
            *left = left.wrapping_sub(base);
            *right = right.wrapping_sub(base);
        }
        self
    }

    fn take(&mut self, kind: u8, value: &[u8]) {
        match (kind, value) {
            (2, &[a, b]) => self.mss = Some(u16::from_be_bytes([a, b])),
            (3, &[shift]) => self.scale = Some(shift.min(14)),
            (5, _) => {
                for (slot, block) in self.blocks.iter_mut().zip(value.chunks_exact(8)) {
                    *slot = (be32(block), be32(&block[4..]));
                    self.block_count += 1;
                }
            }
            (8, value) if value.len() == 8 => self.timestamps = Some((be32(value), be32(&value[4..]))),
            _ => {}
        }
    }
}

fn be32(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

/// The option bytes of a segment in its frame.
#[must_use]
pub fn options_of(frame: &[u8], tcp: &Tcp) -> Options {
    Options::read(frame.get(tcp.options.clone()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_common_options() {
        let options = Options::read(
            b"\x02\x04\x05\xb4\x01\x03\x03\x07\x08\x0a\0\0\0\x01\0\0\0\x02\x05\x0a\0\0\0\x03\0\0\0\x09",
        );
        assert_eq!((options.mss, options.scale, options.timestamps), (Some(1460), Some(7), Some((1, 2))));
        assert_eq!(options.sack(), [(3, 9)]);
        assert_eq!(options.relative_to(2).sack(), [(1, 7)]);
    }

    proptest! {
        #[test]
        fn any_option_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Options::read(&bytes);
        }

        #[test]
        fn several_sack_options_stay_in_bounds(n in 0usize..6) {
            let _ = Options::read(&b"\x05\x12\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0".repeat(n));
        }
    }
}
