//! GRE: a tunnel header whose flags say which optional fields follow.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |C|R|K|S|s|Recur|A| Flags | Ver |         Protocol Type         |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |      Checksum (C or R)        |       Offset (C or R)         |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  Key (K), Sequence Number (S), Acknowledgment Number (A)      |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::numbers::{ETHERTYPE_NAMES, GRE_TYPES};
use crate::field::{Auto, Field, Sum, When, bool, checksum_status, next, uint};
use crate::protocol::Protocol;

/// Generic Routing Encapsulation.
pub static GRE: Protocol = Protocol::new("gre", "Generic Routing Encapsulation", "RFC 2784, RFC 2890")
    .scapy("GRE")
    .fields(4, FIELDS);

/// Version 1 (RFC 2637) also acknowledges.
const IS_PPTP: When = When::Is(13, 3, &[1]);
const HAS_CHECKSUM: When = When::Is(0, 2, &[1, 2, 3]);

static FIELDS: &[Field] = &[
    uint("gre.flags_and_version", "Flags and Version", 0, 16).hex(4).group(),
    bool("gre.flags.checksum", "Checksum Bit", 0, 1).auto(Auto::Present("gre.checksum")),
    bool("gre.flags.routing", "Routing Bit", 1, 1),
    bool("gre.flags.key", "Key Bit", 2, 1).auto(Auto::Present("gre.key")),
    bool("gre.flags.sequence_number", "Sequence Number Bit", 3, 1).auto(Auto::Present("gre.sequence_number")),
    bool("gre.flags.strict_source_route", "Strict Source Route Bit", 4, 1),
    uint("gre.flags.recursion_control", "Recursion control", 5, 3),
    bool("gre.flags.ack", "Acknowledgment", 8, 1).auto(Auto::Present("gre.ack_number")).when(IS_PPTP),
    uint("gre.flags.reserved", "Flags (Reserved)", 9, 4).when(IS_PPTP),
    uint("gre.flags.reserved", "Flags (Reserved)", 8, 5).when(When::Not(13, 3, &[1])),
    uint("gre.flags.version", "Version", 13, 3),
    uint("gre.proto", "Protocol Type", 16, 16).hex(4).names(ETHERTYPE_NAMES).auto(Auto::Next(&GRE_TYPES)),
    next("gre.checksum", "Checksum", 16).hex(4).auto(Auto::Checksum(Sum::Message)).when(HAS_CHECKSUM),
    checksum_status("gre.checksum.status"),
    next("gre.offset", "Offset", 16).when(HAS_CHECKSUM),
    next("gre.key", "Key", 32).hex(8).when(When::Is(2, 1, &[1])),
    next("gre.sequence_number", "Sequence Number", 32).when(When::Is(3, 1, &[1])),
    next("gre.ack_number", "Acknowledgment Number", 32).when(When::Is(8, 8, &[0x81])),
];
