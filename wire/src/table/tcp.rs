//! TCP: ports name the application, options are a list up to the data offset.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |          Source Port          |       Destination Port        |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                        Sequence Number                        |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                    Acknowledgment Number                      |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  Data |     |A|C|E|U|A|P|R|S|F|                               |
//! | Offset| Rsv |E|W|C|R|C|S|S|Y|I|            Window             |
//! |       |     | |R|E|G|K|H|T|N|N|                               |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |           Checksum            |         Urgent Pointer        |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  Options (kind, length, value), padded to whole words         |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::field::{
    Auto, Bits, Derive, Display, Field, Sum, Type, bool, checksum_status, derived, next, rest, typed, uint,
};
use crate::protocol::{Case, Items, Protocol};

/// The Transmission Control Protocol.
pub static TCP: Protocol = Protocol::new("tcp", "Transmission Control Protocol", "RFC 9293 section 3.1")
    .scapy("TCP")
    .fields(20, FIELDS)
    .hook(super::ports::over_tcp);

static FIELDS: &[Field] = &[
    uint("tcp.srcport", "Source Port", 0, 16).default(20),
    uint("tcp.dstport", "Destination Port", 16, 16).default(80),
    derived("tcp.stream", "Stream index", Derive::Trace),
    uint("tcp.seq_raw", "Sequence Number (raw)", 32, 32),
    derived("tcp.seq", "Sequence Number", Derive::Trace),
    derived("tcp.nxtseq", "Next Sequence Number", Derive::Trace),
    uint("tcp.ack_raw", "Acknowledgment number (raw)", 64, 32),
    derived("tcp.ack", "Acknowledgment Number", Derive::Trace),
    uint("tcp.hdr_len", "Header Length", 96, 4).scale(4).auto(Auto::HeaderLen { unit: 4, bias: 0 }),
    derived("tcp.len", "TCP Segment Len", Derive::PayloadLen),
    uint("tcp.flags", "Flags", 100, 12).hex(4).group().default(2),
    uint("tcp.flags.res", "Reserved", 100, 3).display(Display::Bool),
    bool("tcp.flags.ae", "Accurate ECN", 103, 1),
    bool("tcp.flags.cwr", "Congestion Window Reduced", 104, 1),
    bool("tcp.flags.ece", "ECN-Echo", 105, 1),
    bool("tcp.flags.urg", "Urgent", 106, 1),
    bool("tcp.flags.ack", "Acknowledgment", 107, 1),
    bool("tcp.flags.push", "Push", 108, 1),
    bool("tcp.flags.reset", "Reset", 109, 1),
    bool("tcp.flags.syn", "Syn", 110, 1),
    bool("tcp.flags.fin", "Fin", 111, 1),
    uint("tcp.window_size_value", "Window", 112, 16).default(8192),
    derived("tcp.window_size", "Calculated window size", Derive::Trace),
    uint("tcp.checksum", "Checksum", 128, 16).hex(4).auto(Auto::Checksum(Sum::Pseudo(6))),
    checksum_status("tcp.checksum.status"),
    uint("tcp.urgent_pointer", "Urgent Pointer", 144, 16),
    typed("tcp.options", "TCP Options", Type::Items(&OPTIONS), Bits::Rest),
    derived("tcp.payload", "TCP payload", Derive::Payload).bytes(),
];

static OPTIONS: Items = Items {
    head: OPTION_HEAD,
    kind_bits: 8,
    len_bits: 8,
    unit: 1,
    counts_body: false,
    singles: &[0, 1],
    end: Some(0),
    cases: CASES,
    other: &OPTION_DATA,
};

static OPTION_DATA: Field = rest("tcp.options.unknown.payload", "Payload");

static OPTION_HEAD: &[Field] = &[
    uint("tcp.option_kind", "Kind", 0, 8).names(OPTION_NAMES),
    uint("tcp.option_len", "Length", 8, 8).auto(Auto::ItemLen),
];

const OPTION_NAMES: &[(u64, &str)] = &[
    (0, "End of Option List"),
    (1, "No-Operation"),
    (2, "Maximum Segment Size"),
    (3, "Window Scale"),
    (4, "SACK Permitted"),
    (5, "SACK"),
    (8, "Time Stamp Option"),
    (19, "MD5 Signature Option"),
    (28, "User Timeout Option"),
    (29, "TCP Authentication Option"),
    (30, "Multipath TCP"),
    (34, "TCP Fast Open Cookie"),
    (172, "Accurate ECN Order 0"),
    (174, "Accurate ECN Order 1"),
    (253, "RFC3692-style Experiment 1"),
    (254, "RFC3692-style Experiment 2"),
];

static CASES: &[Case] = &[
    Case::of(2, &[uint("tcp.options.mss_val", "MSS Value", 16, 16).default(1460)]),
    Case::of(3, &[uint("tcp.options.wscale.shift", "Shift count", 16, 8)]),
    Case::of(4, &[]),
    Case::repeating(5, SACK, 0..2),
    Case::of(8, TIME_STAMP),
    Case::of(19, &[rest("tcp.options.md5.digest", "MD5 digest")]),
    Case::of(28, USER_TIMEOUT),
    Case::of(34, &[rest("tcp.options.tfo.cookie", "Fast Open Cookie")]),
];

static SACK: &[Field] = &[
    next("tcp.options.sack_le", "TCP SACK Left Edge", 32),
    next("tcp.options.sack_re", "TCP SACK Right Edge", 32),
];

static TIME_STAMP: &[Field] = &[
    uint("tcp.options.timestamp.tsval", "Timestamp value", 16, 32),
    uint("tcp.options.timestamp.tsecr", "Timestamp echo reply", 48, 32),
];

static USER_TIMEOUT: &[Field] = &[
    bool("tcp.options.user_to_granularity", "Granularity", 16, 1),
    uint("tcp.options.user_to_val", "User Timeout", 17, 15),
];
