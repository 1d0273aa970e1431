//! Link types: what the first byte of a captured frame belongs to.

use crate::protocol::Protocol;
use crate::table;

/// The link types that captures name by number (the LINKTYPE registry of tcpdump.org).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkType {
    /// Ethernet, 1.
    Ethernet,
    /// Linux "any" capture, 113.
    LinuxSll,
    /// Linux "any" capture, version 2, 276.
    LinuxSll2,
    /// IPv4 or IPv6 without link header, 101.
    RawIp,
    /// BSD loopback in the byte order of the machine, 0.
    Null,
    /// OpenBSD loopback in network order, 108.
    Loop,
    /// PPP, 9.
    Ppp,
    /// Wi-Fi with a radiotap header, 127.
    Ieee80211Radiotap,
    /// Any other; its frames are kept as raw bytes.
    Other(u16),
}

const NUMBERS: &[(u16, LinkType)] = &[
    (0, LinkType::Null),
    (1, LinkType::Ethernet),
    (9, LinkType::Ppp),
    (101, LinkType::RawIp),
    // As libpcap numbers them inside programs (DLT_RAW), and the two of IP alone.
    (12, LinkType::RawIp),
    (228, LinkType::RawIp),
    (229, LinkType::RawIp),
    (108, LinkType::Loop),
    (113, LinkType::LinuxSll),
    (127, LinkType::Ieee80211Radiotap),
    (276, LinkType::LinuxSll2),
];

impl LinkType {
    /// From the number in a capture file.
    #[must_use]
    pub fn from_number(number: u16) -> Self {
        let known = NUMBERS.iter().find(|(known, _)| *known == number);
        known.map_or(Self::Other(number), |(_, link)| *link)
    }

    /// The number for a capture file.
    #[must_use]
    pub fn number(self) -> u16 {
        if let Self::Other(number) = self {
            return number;
        }
        NUMBERS.iter().find(|(_, known)| *known == self).map_or(0, |(number, _)| *number)
    }

    /// The protocol of the first header; `None` where nothing is known of it.
    pub(crate) fn protocol(self, bytes: &[u8]) -> Option<&'static Protocol> {
        match self {
            Self::Ethernet => Some(&table::ethernet::ETHERNET),
            Self::RawIp => match bytes.first().map(|byte| byte >> 4) {
                Some(4) => Some(&table::ipv4::IPV4),
                Some(6) => Some(&table::ipv6::IPV6),
                _ => None,
            },
            Self::LinuxSll => Some(&table::sll::SLL),
            Self::LinuxSll2 => Some(&table::sll::SLL2),
            Self::Null => Some(&table::loopback::NULL),
            Self::Loop => Some(&table::loopback::LOOP),
            Self::Ppp => Some(&table::ppp::PPP),
            Self::Ieee80211Radiotap => Some(&table::radiotap::RADIOTAP),
            Self::Other(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_both_ways() {
        for number in 0..300 {
            let link = LinkType::from_number(number);
            assert_eq!(LinkType::from_number(link.number()), link);
        }
        assert_eq!(LinkType::RawIp.number(), 101);
    }
}
