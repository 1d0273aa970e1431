//! TCP analysis as Wireshark labels it: what the packets of a connection, seen at one point, seem to tell together.
//!
//! Segments come in one by one in the order of the capture, from the dissector or the fast view; for each leave the
//! stream's number, the scaled window, the `tcp.analysis.*` labels and the numbers behind them. The rules are those
//! of the Wireshark User's Guide, section "TCP Analysis"; they guess, since a capture does not tell what was lost.
//! [`finding`](crate::finding) does not guess where the link's own log is at hand. Memory is O(flows).

mod fields;
mod half;
mod rules;
mod table;

use std::net::IpAddr;

pub use fields::Shown;
pub use table::Connections;

use crate::segment::Options;

/// One TCP segment as it stands in a capture.
#[derive(Debug, Clone)]
pub struct Seen<'a> {
    /// Frame number, from 1.
    pub no: u32,
    /// When it was captured, in nanoseconds since 1970.
    pub at: i64,
    /// Source address and port.
    pub src: (IpAddr, u16),
    /// Destination address and port.
    pub dst: (IpAddr, u16),
    /// Sequence number as on the wire.
    pub seq: u32,
    /// Acknowledgment number as on the wire.
    pub ack: u32,
    /// The eight low flag bits, see [`flag`](tongro_wire::view::flag).
    pub flags: u8,
    /// The window field, unscaled.
    pub window: u16,
    /// Payload bytes, as the lengths of the headers tell (more than captured when the capture is cut).
    pub len: u32,
    /// The option bytes of the header.
    pub options: &'a [u8],
}

/// What the analysis says of one segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Analysis {
    /// Number of the stream, from 0 in order of first packet.
    pub stream: u32,
    /// 0 when it goes the way of the stream's first packet, else 1.
    pub dir: usize,
    /// Sequence number, relative to the first one.
    pub seq: u32,
    /// Acknowledgment number, relative to the first one of the other direction; 0 without the ACK flag.
    pub ack: u32,
    /// The first number of the other direction, which acknowledgments and SACK edges count from.
    pub base: u32,
    /// The window in bytes: scaled where the shift is known and applies.
    pub window: u32,
    /// The labels.
    pub labels: Labels,
    /// Count and first frame of a repeated acknowledgment.
    pub duplicate_ack: Option<(u32, u32)>,
    /// The frame that is acknowledged, and the nanoseconds since.
    pub acks: Option<(u32, i64)>,
    /// Nanoseconds from SYN to the acknowledgment of SYN+ACK; on segments of which anything else is told.
    pub initial_rtt: Option<i64>,
    /// Bytes that are sent and not yet acknowledged, this segment's included.
    pub bytes_in_flight: Option<u32>,
    /// Bytes since the last PSH.
    pub push_bytes_sent: Option<u32>,
    /// Nanoseconds since the frame that sent the same bytes, and its number.
    pub rto: Option<(i64, u32)>,
    /// Bytes in flight were counted, even where they came to none.
    has_more: bool,
}

/// A set of labels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Labels(u32);

macro_rules! labels {
    ($($bit:literal $name:ident $id:literal $text:literal;)*) => {
        #[allow(missing_docs)] // the names are Wireshark's, and the guide tells each rule
        impl Labels {
            $(pub const $name: Self = Self(1 << $bit);)*

            /// Every label with its field id and the words of Wireshark's expert information.
            pub const ALL: &[(Self, &'static str, &'static str)] = &[$((Self::$name, $id, $text),)*];
        }
    };
}

labels! {
    0 REUSED_PORTS "tcp.analysis.reused_ports" "A new tcp session is started with the same ports";
    1 RETRANSMISSION "tcp.analysis.retransmission" "This frame is a (suspected) retransmission";
    2 FAST_RETRANSMISSION "tcp.analysis.fast_retransmission" "This frame is a (suspected) fast retransmission";
    3 SPURIOUS_RETRANSMISSION "tcp.analysis.spurious_retransmission" "This frame is a (suspected) spurious retransmission";
    4 OUT_OF_ORDER "tcp.analysis.out_of_order" "This frame is a (suspected) out-of-order segment";
    5 LOST_SEGMENT "tcp.analysis.lost_segment" "Previous segment(s) not captured";
    6 ACK_LOST_SEGMENT "tcp.analysis.ack_lost_segment" "ACKed segment that wasn't captured";
    7 WINDOW_UPDATE "tcp.analysis.window_update" "TCP window update";
    8 WINDOW_FULL "tcp.analysis.window_full" "TCP window specified by the receiver is now completely full";
    9 KEEP_ALIVE "tcp.analysis.keep_alive" "TCP keep-alive segment";
    10 KEEP_ALIVE_ACK "tcp.analysis.keep_alive_ack" "ACK to a TCP keep-alive segment";
    11 DUPLICATE_ACK "tcp.analysis.duplicate_ack" "Duplicate ACK";
    12 ZERO_WINDOW_PROBE "tcp.analysis.zero_window_probe" "TCP Zero Window Probe";
    13 ZERO_WINDOW "tcp.analysis.zero_window" "TCP Zero Window segment";
    14 ZERO_WINDOW_PROBE_ACK "tcp.analysis.zero_window_probe_ack" "ACK to a TCP Zero Window Probe";
}

impl Labels {
    /// Whether all labels of `other` are in it.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any label of `other` is in it.
    #[must_use]
    pub const fn any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether nothing was noticed.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The field ids of the labels, in Wireshark's order.
    pub fn ids(self) -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().filter(move |(label, ..)| self.has(*label)).map(|(_, id, _)| *id)
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

impl Seen<'_> {
    fn has(&self, mask: u8) -> bool {
        self.flags & mask == mask
    }

    fn any(&self, mask: u8) -> bool {
        self.flags & mask != 0
    }

    /// The options that matter here.
    fn options(&self) -> Options {
        Options::read(self.options)
    }
}
