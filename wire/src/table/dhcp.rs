//! DHCP: an address for a host; what matters stands in the options.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |     op        |    htype      |     hlen      |     hops      |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                              xid                              |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |             secs              |B|          flags              |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |     ciaddr, yiaddr, siaddr, giaddr (32 bits each)             |
//! |     chaddr (128), sname (512), file (1024), cookie (32)       |
//! |     options (code, length, value)                             |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::field::{Auto, Bits, Field, Type, When, bool, next, rest, typed, uint};
use crate::protocol::{Case, Items, Protocol};

/// The Dynamic Host Configuration Protocol.
pub static DHCP: Protocol =
    Protocol::new("dhcp", "Dynamic Host Configuration Protocol", "RFC 2131 section 2, RFC 2132")
        .scapy("BOOTP")
        .fields(240, FIELDS)
        .message();

const IS_MAC: When = When::Is(8, 16, &[0x0106]);
const NO_MAC: When = When::Not(8, 16, &[0x0106]);

static FIELDS: &[Field] = &[
    uint("dhcp.type", "Message type", 0, 8).names(&[(1, "Boot Request"), (2, "Boot Reply")]).default(1),
    uint("dhcp.hw.type", "Hardware type", 8, 8).hex(2).names(&[(1, "Ethernet")]).default(1),
    uint("dhcp.hw.len", "Hardware address length", 16, 8).default(6),
    uint("dhcp.hops", "Hops", 24, 8),
    uint("dhcp.id", "Transaction ID", 32, 32).hex(8),
    uint("dhcp.secs", "Seconds elapsed", 64, 16),
    uint("dhcp.flags", "Bootp flags", 80, 16).hex(4).group(),
    bool("dhcp.flags.bc", "Broadcast flag", 80, 1),
    uint("dhcp.flags.reserved", "Reserved flags", 81, 15).hex(4),
    typed("dhcp.ip.client", "Client IP address", Type::Ipv4, Bits::At(96, 32)),
    typed("dhcp.ip.your", "Your (client) IP address", Type::Ipv4, Bits::At(128, 32)),
    typed("dhcp.ip.server", "Next server IP address", Type::Ipv4, Bits::At(160, 32)),
    typed("dhcp.ip.relay", "Relay agent IP address", Type::Ipv4, Bits::At(192, 32)),
    typed("dhcp.hw.mac_addr", "Client MAC address", Type::Mac, Bits::At(224, 48)).when(IS_MAC),
    typed("dhcp.hw.addr_padding", "Client hardware address padding", Type::Bytes, Bits::At(272, 80))
        .when(IS_MAC),
    typed("dhcp.hw.addr", "Client hardware address", Type::Bytes, Bits::At(224, 128)).when(NO_MAC),
    typed("dhcp.server_bytes", "Server host name", Type::Bytes, Bits::At(352, 512)),
    typed("dhcp.file_bytes", "Boot file name", Type::Bytes, Bits::At(864, 1024)),
    typed("dhcp.cookie", "Magic cookie", Type::Ipv4, Bits::At(1888, 32)).default(0x6382_5363),
    typed("dhcp.options", "Options", Type::Items(&OPTIONS), Bits::Rest),
];

static OPTIONS: Items = Items {
    head: OPTION_HEAD,
    kind_bits: 8,
    len_bits: 8,
    unit: 1,
    counts_body: true,
    singles: &[0, 255],
    end: Some(255),
    cases: CASES,
    other: &OPTION_VALUE,
};

static OPTION_VALUE: Field = rest("dhcp.option.value", "Value");

static OPTION_HEAD: &[Field] = &[
    uint("dhcp.option.type", "Option", 0, 8).names(OPTION_NAMES),
    uint("dhcp.option.length", "Length", 8, 8).auto(Auto::ItemLen),
];

const OPTION_NAMES: &[(u64, &str)] = &[
    (0, "Padding"),
    (1, "Subnet Mask"),
    (3, "Router"),
    (6, "Domain Name Server"),
    (12, "Host Name"),
    (15, "Domain Name"),
    (26, "Interface MTU"),
    (28, "Broadcast Address"),
    (42, "Network Time Protocol Servers"),
    (50, "Requested IP Address"),
    (51, "IP Address Lease Time"),
    (53, "DHCP Message Type"),
    (54, "DHCP Server Identifier"),
    (55, "Parameter Request List"),
    (56, "Message"),
    (57, "Maximum DHCP Message Size"),
    (58, "Renewal Time Value"),
    (59, "Rebinding Time Value"),
    (60, "Vendor class identifier"),
    (61, "Client identifier"),
    (255, "End"),
];

const fn address(id: &'static str, name: &'static str) -> Field {
    typed(id, name, Type::Ipv4, Bits::Next(32))
}

const fn words(id: &'static str, name: &'static str) -> Field {
    typed(id, name, Type::Text, Bits::Rest)
}

static CASES: &[Case] = &[
    Case::of(1, &[address("dhcp.option.subnet_mask", "Subnet Mask")]),
    Case::repeating(3, &[address("dhcp.option.router", "Router")], 0..1),
    Case::repeating(6, &[address("dhcp.option.domain_name_server", "Domain Name Server")], 0..1),
    Case::of(12, &[words("dhcp.option.hostname", "Host Name")]),
    Case::of(15, &[words("dhcp.option.domain_name", "Domain Name")]),
    Case::of(26, &[next("dhcp.option.interface_mtu", "Interface MTU", 16)]),
    Case::of(28, &[address("dhcp.option.broadcast_address", "Broadcast Address")]),
    Case::repeating(42, &[address("dhcp.option.ntp_server", "Network Time Protocol Server")], 0..1),
    Case::of(50, &[address("dhcp.option.requested_ip_address", "Requested IP Address")]),
    Case::of(51, &[next("dhcp.option.ip_address_lease_time", "IP Address Lease Time", 32)]),
    Case::of(53, &[next("dhcp.option.dhcp", "DHCP", 8).names(MESSAGES)]),
    Case::of(54, &[address("dhcp.option.dhcp_server_id", "DHCP Server Identifier")]),
    Case::repeating(
        55,
        &[next("dhcp.option.request_list_item", "Parameter Request List Item", 8).names(OPTION_NAMES)],
        0..1,
    ),
    Case::of(56, &[words("dhcp.option.message", "Message")]),
    Case::of(57, &[next("dhcp.option.dhcp_max_message_size", "Maximum DHCP Message Size", 16)]),
    Case::of(58, &[next("dhcp.option.renewal_time_value", "Renewal Time Value", 32)]),
    Case::of(59, &[next("dhcp.option.rebinding_time_value", "Rebinding Time Value", 32)]),
    Case::of(60, &[words("dhcp.option.vendor_class_id", "Vendor class identifier")]),
];

const MESSAGES: &[(u64, &str)] = &[
    (1, "Discover"),
    (2, "Offer"),
    (3, "Request"),
    (4, "Decline"),
    (5, "ACK"),
    (6, "NAK"),
    (7, "Release"),
    (8, "Inform"),
];
