//! UDP: ports name the application.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |          Source Port          |       Destination Port        |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |            Length             |           Checksum            |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::field::{Auto, Derive, Field, Sum, checksum_status, derived, uint};
use crate::protocol::Protocol;

/// The User Datagram Protocol.
pub static UDP: Protocol = Protocol::new("udp", "User Datagram Protocol", "RFC 768")
    .scapy("UDP")
    .fields(8, FIELDS)
    .hook(super::ports::over_udp);

static FIELDS: &[Field] = &[
    uint("udp.srcport", "Source Port", 0, 16).default(53),
    uint("udp.dstport", "Destination Port", 16, 16).default(53),
    uint("udp.length", "Length", 32, 16).auto(Auto::TotalLen),
    uint("udp.checksum", "Checksum", 48, 16).hex(4).auto(Auto::Checksum(Sum::PseudoOrNone(17))),
    checksum_status("udp.checksum.status"),
    derived("udp.stream", "Stream index", Derive::Trace),
    derived("udp.payload", "Payload", Derive::Payload).bytes(),
];
