//! PPP, alone and inside PPPoE, whose discovery finds a server by tags.
//!
//! ```text
//! PPPoE                                                PPP
//! +-----+-----+--------+------------+---------+        +----------+----------+-----------+
//! | Ver | Typ |  Code  | Session ID | Length  |        | [FF]     | [03]     | Protocol  |
//! +-----+-----+--------+------------+---------+        +----------+----------+-----------+
//!    4     4      8          16         16               address    control       16
//! ```

use super::numbers::PPP_PROTOCOLS;
use crate::field::{Auto, Bits, Field, Type, When, next, rest, typed, uint};
use crate::protocol::{Items, Protocol};

/// The Point-to-Point Protocol.
pub static PPP: Protocol =
    Protocol::new("ppp", "Point-to-Point Protocol", "RFC 1661 section 2").scapy("PPP").fields(2, PPP_FIELDS);

/// PPP over Ethernet, the session.
pub static SESSION: Protocol = Protocol::new("pppoes", "PPP-over-Ethernet Session", "RFC 2516 section 6")
    .scapy("PPPoE")
    .fields(6, SESSION_FIELDS)
    .hook(|_, block| block.next = Some(&PPP));

/// PPP over Ethernet, the discovery.
pub static DISCOVERY: Protocol = Protocol::new("pppoed", "PPP-over-Ethernet Discovery", "RFC 2516 section 5")
    .scapy("PPPoED")
    .fields(6, DISCOVERY_FIELDS)
    // What follows is padding of the link.
    .hook(|_, block| block.payload_end = block.header_end.unwrap_or(block.end));

const HAS_ADDRESS: When = When::Is(0, 16, &[0xff03]);

static PPP_FIELDS: &[Field] = &[
    uint("ppp.address", "Address", 0, 8).hex(2).default(0xff).when(HAS_ADDRESS),
    uint("ppp.control", "Control", 8, 8).hex(2).default(3).when(HAS_ADDRESS),
    next("ppp.protocol", "Protocol", 16)
        .hex(4)
        .names(&[
            (0x0021, "Internet Protocol version 4"),
            (0x0057, "Internet Protocol version 6"),
            (0x8021, "Internet Protocol Control Protocol"),
            (0x8057, "IPv6 Control Protocol"),
            (0xc021, "Link Control Protocol"),
            (0xc023, "Password Authentication Protocol"),
            (0xc223, "Challenge Handshake Authentication Protocol"),
        ])
        .auto(Auto::Next(&PPP_PROTOCOLS)),
];

const VERSION: Field = uint("pppoe.version", "Version", 0, 4).default(1);
const TYPE: Field = uint("pppoe.type", "Type", 4, 4).default(1);
const CODE: Field = uint("pppoe.code", "Code", 8, 8).hex(2).names(&[
    (0, "Session Data"),
    (7, "Active Discovery Offer (PADO)"),
    (9, "Active Discovery Initiation (PADI)"),
    (0x19, "Active Discovery Request (PADR)"),
    (0x65, "Active Discovery Session-confirmation (PADS)"),
    (0xa7, "Active Discovery Terminate (PADT)"),
]);
const SESSION_ID: Field = uint("pppoe.session_id", "Session ID", 16, 16).hex(4);
const LENGTH: Field = uint("pppoe.payload_length", "Payload Length", 32, 16).auto(Auto::PayloadLen);

static SESSION_FIELDS: &[Field] = &[VERSION, TYPE, CODE, SESSION_ID, LENGTH];

static DISCOVERY_FIELDS: &[Field] = &[
    VERSION,
    TYPE,
    CODE,
    SESSION_ID,
    // The tags are part of this header.
    uint("pppoe.payload_length", "Payload Length", 32, 16).auto(Auto::HeaderLen { unit: 1, bias: 6 }),
    typed("pppoed.tags", "PPPoE Tags", Type::Items(&TAGS), Bits::Rest),
];

static TAGS: Items = Items {
    head: TAG_HEAD,
    kind_bits: 16,
    len_bits: 16,
    unit: 1,
    counts_body: true,
    singles: &[],
    end: None,
    cases: &[],
    other: &TAG_VALUE,
};

static TAG_VALUE: Field = rest("pppoed.tag.value", "Value");

static TAG_HEAD: &[Field] = &[
    uint("pppoed.tag", "Tag", 0, 16).hex(4).names(&[
        (0, "End-Of-List"),
        (0x0101, "Service-Name"),
        (0x0102, "AC-Name"),
        (0x0103, "Host-Uniq"),
        (0x0104, "AC-Cookie"),
    ]),
    uint("pppoed.tag_length", "Tag Length", 16, 16).auto(Auto::ItemLen),
];
