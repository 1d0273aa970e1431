//! Numbers at any bit offset of borrowed bytes, in network order.
//!
//! Bits count from 0 at the most significant bit of the first byte, as the box diagrams of the RFCs do.

/// Reads `len` (at most 64) bits at bit `at` as a big-endian number; bits beyond the end read as zero.
#[inline]
pub(crate) fn read(bytes: &[u8], at: u32, len: u32) -> u64 {
    let from = (at / 8) as usize;
    let shift = at % 8;
    if shift + len <= 64
        && let Some(window) = bytes.get(from..from + 8)
    {
        let word = u64::from_be_bytes([
            window[0], window[1], window[2], window[3], window[4], window[5], window[6], window[7],
        ]);
        return (word << shift).checked_shr(64 - len).unwrap_or(0);
    }
    read_slow(bytes, at, len)
}

fn read_slow(bytes: &[u8], at: u32, len: u32) -> u64 {
    let first = (at / 8) as usize;
    let last = ((at + len).div_ceil(8)) as usize;
    let mut word = 0u128;
    for index in first..last {
        word = word << 8 | u128::from(bytes.get(index).copied().unwrap_or(0));
    }
    let below = last as u32 * 8 - (at + len);
    let mask = if len >= 64 { u64::MAX } else { (1u64 << len) - 1 };
    (word >> below) as u64 & mask
}

/// Writes the low `len` (at most 64) bits of `value` at bit `at`; bits beyond the end are left out.
pub(crate) fn write(bytes: &mut [u8], at: u32, len: u32, value: u64) {
    let mut left = len;
    let mut bit = at;
    while left > 0 {
        let room = 8 - bit % 8;
        let take = room.min(left);
        left -= take;
        let part = (value >> left) as u16 & ((1 << take) - 1);
        let shift = room - take;
        if let Some(byte) = bytes.get_mut((bit / 8) as usize) {
            let mask = ((1u16 << take) - 1) << shift;
            *byte = (*byte & !(mask as u8)) | (part << shift) as u8;
        }
        bit += take;
    }
}

/// A growing string of bits, filled from its most significant end.
#[derive(Debug, Default, Clone)]
pub(crate) struct BitString {
    bytes: Vec<u8>,
    len: u32,
}

impl BitString {
    /// An empty one with room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Appends the low `len` bits of `value`.
    pub(crate) fn push(&mut self, len: u32, value: u64) {
        let at = self.len;
        self.len += len;
        self.bytes.resize(self.len.div_ceil(8) as usize, 0);
        write(&mut self.bytes, at, len, value);
    }

    /// Appends whole bytes, at any bit position.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if self.len.is_multiple_of(8) {
            self.bytes.extend_from_slice(bytes);
            self.len += bytes.len() as u32 * 8;
        } else {
            for byte in bytes {
                self.push(8, u64::from(*byte));
            }
        }
    }

    /// How many bits there are.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// The bytes so far; unused low bits of the last are zero.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes so far, to patch in place.
    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_bits_of_an_ipv4_header() {
        let header = [0x45, 0xb8, 0x00, 0x54, 0x40, 0x00, 0x1f, 0xff];
        assert_eq!((read(&header, 0, 4), read(&header, 4, 4), read(&header, 8, 6)), (4, 5, 46));
        assert_eq!(read(&header, 51, 13), 0x1fff);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(at in 0u32..80, len in 1u32..=64, value: u64, fill: u8) {
            let mask = if len == 64 { u64::MAX } else { (1 << len) - 1 };
            let mut bytes = [fill; 20];
            write(&mut bytes, at, len, value);
            prop_assert_eq!(read(&bytes, at, len), value & mask);
            prop_assert_eq!(read_slow(&bytes, at, len), value & mask);
            write(&mut bytes, at, len, read(&[fill; 20], at, len));
            prop_assert_eq!(bytes, [fill; 20]);
        }
    }
}
