//! LLC (IEEE 802.2) and SNAP: the payload of 802.3 frames that have a length where others have a type.
//!
//! ```text
//! +--------+--------+---------+=====================+=================+
//! |  DSAP  |  SSAP  | Control |  OUI (SNAP only, 3) |  Type (SNAP, 2) |
//! +--------+--------+---------+=====================+=================+
//! ```
//! Control has one byte in unnumbered frames (its low bits are 11), else two.

use super::numbers::{ETHERTYPE_NAMES, ETHERTYPES};
use crate::field::{Auto, Field, When, uint};
use crate::protocol::Protocol;

/// Logical Link Control.
pub static LLC: Protocol = Protocol::new("llc", "Logical-Link Control", "IEEE 802.2, RFC 1042")
    .scapy("LLC")
    .fields(3, FIELDS)
    .hook(|_, block| block.via = "");

const IS_SHORT: When = When::Is(22, 2, &[3]);
const IS_LONG: When = When::Not(22, 2, &[3]);
const IS_SNAP: When = When::Is(0, 24, &[0xaaaa03]);
const SAPS: &[(u64, &str)] = &[
    (0, "NULL LSAP"),
    (0x42, "Spanning Tree BPDU"),
    (0xaa, "SNAP"),
    (0xe0, "NetWare"),
    (0xfe, "ISO Network Layer"),
];

static FIELDS: &[Field] = &[
    uint("llc.dsap", "DSAP", 0, 8).hex(2).names(SAPS).default(0xaa),
    uint("llc.ssap", "SSAP", 8, 8).hex(2).names(SAPS).default(0xaa),
    uint("llc.control", "Control", 16, 8).hex(4).default(3).when(IS_SHORT),
    uint("llc.control", "Control", 16, 16).hex(4).when(IS_LONG),
    uint("llc.oui", "Organization Code", 24, 24).when(IS_SNAP),
    uint("llc.type", "Type", 48, 16)
        .hex(4)
        .names(ETHERTYPE_NAMES)
        .auto(Auto::Next(&ETHERTYPES))
        .default(0x9000)
        .when(IS_SNAP),
];
