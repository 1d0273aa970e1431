//! The Internet checksum (RFC 1071) over borrowed bytes, and the pseudo headers of TCP, UDP and ICMPv6.

use std::net::IpAddr;

/// The 16-bit one's complement sum of `bytes` (odd length padded with a zero byte), not yet complemented (RFC 1071).
#[must_use]
pub fn sum(bytes: &[u8]) -> u32 {
    // The sum may be taken in any byte order and swapped once at the end (RFC 1071 section 2.B), so whole words of
    // the machine are added; halves of 32 bits leave room for the carries.
    let mut words = bytes.chunks_exact(8);
    let mut total = 0u64;
    for word in &mut words {
        let word =
            u64::from_ne_bytes([word[0], word[1], word[2], word[3], word[4], word[5], word[6], word[7]]);
        total += (word & 0xffff_ffff) + (word >> 32);
    }
    let mut last = [0; 8];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    let last = u64::from_ne_bytes(last);
    total += (last & 0xffff_ffff) + (last >> 32);
    u32::from(u16::from_be_bytes(fold(total).to_ne_bytes()))
}

/// The checksum to store in a header whose checksum field is zero: the complement of [`sum`].
#[must_use]
pub fn internet(bytes: &[u8]) -> u16 {
    finish(sum(bytes))
}

/// The complement of a partial [`sum`], or of several added together.
#[must_use]
pub fn finish(partial: u32) -> u16 {
    !fold(u64::from(partial))
}

/// The partial sum of the pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1) for `len` bytes of `protocol`.
#[must_use]
pub fn pseudo(src: IpAddr, dst: IpAddr, protocol: u8, len: u32) -> u32 {
    let addresses = match (src, dst) {
        (IpAddr::V4(s), IpAddr::V4(d)) => sum(&s.octets()) + sum(&d.octets()),
        (IpAddr::V6(s), IpAddr::V6(d)) => sum(&s.octets()) + sum(&d.octets()),
        // Mixed families have no pseudo header; the sum of what is there never matches, which is what is wanted.
        (IpAddr::V4(s), IpAddr::V6(d)) => sum(&s.octets()) + sum(&d.octets()),
        (IpAddr::V6(s), IpAddr::V4(d)) => sum(&s.octets()) + sum(&d.octets()),
    };
    addresses + u32::from(protocol) + (len >> 16) + (len & 0xffff)
}

/// The checksum of a transport segment (its own checksum field zero) under its pseudo header.
#[must_use]
pub fn transport(src: IpAddr, dst: IpAddr, protocol: u8, segment: &[u8]) -> u16 {
    let len = u32::try_from(segment.len()).unwrap_or(u32::MAX);
    finish(pseudo(src, dst, protocol, len) + sum(segment))
}

fn fold(mut total: u64) -> u16 {
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    total as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc1071_example() {
        // RFC 1071 section 3: 0001 f203 f4f5 f6f7 sums to ddf2.
        assert_eq!(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
        assert_eq!(internet(&[]), 0xffff);
    }

    #[test]
    fn any_length_sums_as_pairs_do() {
        let bytes: Vec<u8> = (0..300u32).map(|index| (index * 151 + 7) as u8).collect();
        for len in 0..bytes.len() {
            let pair = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(pair.get(1).copied().unwrap_or(0));
            let total = bytes[..len].chunks(2).map(pair).sum();
            assert_eq!(sum(&bytes[..len]), u32::from(fold(total)), "{len}");
        }
    }

    #[test]
    fn a_header_with_its_checksum_sums_to_ffff() {
        let mut header = *b"\x45\x00\x00\x3c\x1c\x46\x40\x00\x40\x06\x00\x00\xac\x10\x0a\x63\xac\x10\x0a\x0c";
        let stored = internet(&header);
        assert_eq!(stored, 0xb1e6);
        header[10..12].copy_from_slice(&stored.to_be_bytes());
        assert_eq!(sum(&header), 0xffff);
    }
}
