//! The kernel's own counters of what went wrong with connections, for the network namespace we are in.
//!
//! They come from `/proc/net/netstat` (`TcpExt`), two lines of names and numbers, and are compared before and after.
//! On a machine where others are busy they count others too; in a namespace of its own they are exact.

use std::fs;

/// A reading; the difference of two is what happened between them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// A finished handshake found the accept queue full.
    pub listen_overflows: u64,
    /// A SYN or a finished handshake was dropped at a listener, for whatever reason.
    pub listen_drops: u64,
    /// A SYN or SYN-ACK was sent again.
    pub syn_retransmits: u64,
}

impl Counters {
    /// As they stand now; zeros where the kernel does not tell.
    pub fn read() -> Self {
        Self::parse(&fs::read_to_string("/proc/net/netstat").unwrap_or_default())
    }

    /// Names and numbers stand in two lines, in the same order.
    fn parse(text: &str) -> Self {
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("TcpExt:"));
        let (names, numbers) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let find = |name: &str| {
            let mut pairs = names.split_whitespace().zip(numbers.split_whitespace());
            pairs.find(|(known, _)| *known == name).and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
        };
        Self {
            listen_overflows: find("ListenOverflows"),
            listen_drops: find("ListenDrops"),
            syn_retransmits: find("TCPSynRetrans"),
        }
    }

    /// What was counted since an earlier reading.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            listen_overflows: self.listen_overflows.saturating_sub(earlier.listen_overflows),
            listen_drops: self.listen_drops.saturating_sub(earlier.listen_drops),
            syn_retransmits: self.syn_retransmits.saturating_sub(earlier.syn_retransmits),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_their_numbers() {
        let text =
            "TcpExt: A ListenOverflows ListenDrops TCPSynRetrans\nTcpExt: 1 2 3 4\nIpExt: X\nIpExt: 9\n";
        let read = Counters::parse(text);
        assert_eq!((read.listen_overflows, read.listen_drops, read.syn_retransmits), (2, 3, 4));
        assert_eq!(Counters::parse(""), Counters::default());
    }
}
