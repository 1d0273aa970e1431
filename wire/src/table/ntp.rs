//! NTP: four timestamps tell the offset of a clock.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |LI | VN  |Mode |    Stratum    |     Poll      |   Precision   |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |     Root Delay, Root Dispersion, Reference ID (32 bits each)  |
//! |     Reference, Origin, Receive, Transmit timestamps (64 each) |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::field::{Field, rest, uint};
use crate::protocol::Protocol;

/// The Network Time Protocol.
pub static NTP: Protocol = Protocol::new("ntp", "Network Time Protocol", "RFC 5905 section 7.3")
    .scapy("NTP")
    .fields(48, FIELDS)
    .message();

static FIELDS: &[Field] = &[
    uint("ntp.flags", "Flags", 0, 8).hex(2).group().default(0x23),
    uint("ntp.flags.li", "Leap Indicator", 0, 2).names(&[
        (0, "no warning"),
        (1, "last minute of the day has 61 seconds"),
        (2, "last minute of the day has 59 seconds"),
        (3, "unknown (clock unsynchronized)"),
    ]),
    uint("ntp.flags.vn", "Version number", 2, 3),
    uint("ntp.flags.mode", "Mode", 5, 3).names(&[
        (1, "symmetric active"),
        (2, "symmetric passive"),
        (3, "client"),
        (4, "server"),
        (5, "broadcast"),
        (6, "reserved for NTP control message"),
        (7, "reserved for private use"),
    ]),
    uint("ntp.stratum", "Peer Clock Stratum", 8, 8),
    uint("ntp.ppoll", "Peer Polling Interval", 16, 8),
    uint("ntp.precision", "Peer Clock Precision", 24, 8),
    uint("ntp.rootdelay", "Root Delay", 32, 32),
    uint("ntp.rootdispersion", "Root Dispersion", 64, 32),
    uint("ntp.refid", "Reference ID", 96, 32).hex(8),
    uint("ntp.reftime", "Reference Timestamp", 128, 64).hex(16),
    uint("ntp.org", "Origin Timestamp", 192, 64).hex(16),
    uint("ntp.rec", "Receive Timestamp", 256, 64).hex(16),
    uint("ntp.xmt", "Transmit Timestamp", 320, 64).hex(16),
    rest("ntp.ext", "Extension"),
];
