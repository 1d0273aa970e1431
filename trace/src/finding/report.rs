//! Ids of findings, their order of weight, and how one is written down.

use crate::event::Nanos;
use crate::ladder::Finding;
use crate::segment::Segment;

/// The ids, which `course` explains.
#[allow(missing_docs)] // the names are the ids
pub mod id {
    pub const LOST: &str = "lost";
    pub const REFUSED: &str = "refused";
    pub const FORGED_RESET: &str = "forged_reset";
    pub const RESET: &str = "reset";
    pub const HALF_OPEN: &str = "half_open";
    pub const CORRUPTED: &str = "corrupted";
    pub const CHECKSUM_BAD: &str = "checksum_bad";
    pub const SYN_RETRANSMISSION: &str = "syn_retransmission";
    pub const FAST_RETRANSMISSION: &str = "fast_retransmission";
    pub const RECOVERY_RETRANSMISSION: &str = "recovery_retransmission";
    pub const RTO_RETRANSMISSION: &str = "rto_retransmission";
    pub const RETRANSMISSION: &str = "retransmission";
    pub const SPURIOUS_RETRANSMISSION: &str = "spurious_retransmission";
    pub const CALL_BLOCKED: &str = "call_blocked";
    pub const OUT_OF_ORDER: &str = "out_of_order";
    pub const ZERO_WINDOW: &str = "zero_window";
    pub const ZERO_WINDOW_PROBE: &str = "zero_window_probe";
    pub const WINDOW_FULL: &str = "window_full";
    pub const DUPLICATE_ACK: &str = "duplicate_ack";
    pub const DUPLICATED: &str = "duplicated";
    pub const REORDERED: &str = "reordered";
    pub const DELAYED: &str = "delayed";
    pub const HALF_CLOSE: &str = "half_close";
    pub const WINDOW_UPDATE: &str = "window_update";
    pub const KEEP_ALIVE: &str = "keep_alive";
    pub const KEEP_ALIVE_ACK: &str = "keep_alive_ack";
    pub const ICMP_UNREACHABLE: &str = "icmp_unreachable";
    pub const HANDSHAKE_SYN: &str = "handshake_syn";
    pub const HANDSHAKE_SYN_ACK: &str = "handshake_syn_ack";
    pub const HANDSHAKE_ACK: &str = "handshake_ack";
    pub const TEARDOWN_FIN: &str = "teardown_fin";
    pub const TEARDOWN_FIN_ACK: &str = "teardown_fin_ack";
    pub const TEARDOWN_SECOND_FIN: &str = "teardown_second_fin";
    pub const TEARDOWN_LAST_ACK: &str = "teardown_last_ack";
    pub const ICMP_ECHO_REQUEST: &str = "icmp_echo_request";
    pub const ICMP_ECHO_REPLY: &str = "icmp_echo_reply";
    pub const ARP_REQUEST: &str = "arp_request";
    pub const ARP_REPLY: &str = "arp_reply";
    pub const UDP_DATAGRAM: &str = "udp_datagram";

    /// All of them, the weightiest first.
    pub const ALL: [&str; 39] = [
        LOST,
        REFUSED,
        FORGED_RESET,
        RESET,
        HALF_OPEN,
        CORRUPTED,
        CHECKSUM_BAD,
        SYN_RETRANSMISSION,
        FAST_RETRANSMISSION,
        RECOVERY_RETRANSMISSION,
        RTO_RETRANSMISSION,
        RETRANSMISSION,
        SPURIOUS_RETRANSMISSION,
        CALL_BLOCKED,
        OUT_OF_ORDER,
        ZERO_WINDOW,
        ZERO_WINDOW_PROBE,
        WINDOW_FULL,
        DUPLICATE_ACK,
        DUPLICATED,
        REORDERED,
        DELAYED,
        HALF_CLOSE,
        WINDOW_UPDATE,
        KEEP_ALIVE,
        KEEP_ALIVE_ACK,
        ICMP_UNREACHABLE,
        HANDSHAKE_SYN,
        HANDSHAKE_SYN_ACK,
        HANDSHAKE_ACK,
        TEARDOWN_FIN,
        TEARDOWN_FIN_ACK,
        TEARDOWN_SECOND_FIN,
        TEARDOWN_LAST_ACK,
        ICMP_ECHO_REQUEST,
        ICMP_ECHO_REPLY,
        ARP_REQUEST,
        ARP_REPLY,
        UDP_DATAGRAM,
    ];
}

/// Puts findings in order of weight and drops one said twice.
pub(crate) fn sort(findings: &mut Vec<Finding>) {
    findings.sort_by_key(|finding| id::ALL.iter().position(|id| *id == finding.id));
    findings.dedup_by(|a, b| a.id == b.id);
}

/// Whether a finding says that the frame's bytes were sent before.
#[must_use]
pub fn is_retransmission(found: &Finding) -> bool {
    matches!(
        found.id.as_str(),
        id::SYN_RETRANSMISSION
            | id::FAST_RETRANSMISSION
            | id::RECOVERY_RETRANSMISSION
            | id::RTO_RETRANSMISSION
            | id::RETRANSMISSION
            | id::SPURIOUS_RETRANSMISSION
    )
}

/// A finding without parameters.
pub(super) fn finding(id: &str, evidence: Vec<u32>) -> Finding {
    Finding { id: id.to_owned(), params: Vec::new(), evidence }
}

/// Writing parameters one after another.
pub(super) trait With {
    /// The finding with one more parameter.
    fn with(self, name: &str, value: impl ToString) -> Self;
}

impl With for Finding {
    fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.params.push((name.to_owned(), value.to_string()));
        self
    }
}

/// Milliseconds with one decimal, as everywhere on the ladder.
pub(crate) fn millis(span: Nanos) -> String {
    format!("{:.1}", span as f64 / 1e6)
}

/// Frame numbers as one parameter: `10,11,12`.
pub(super) fn frames(numbers: &[u32]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// A reset that the lab made.
pub(super) fn forged_reset(segment: &Segment, rule: &str) -> Finding {
    finding(id::FORGED_RESET, Vec::new()).with("rule", rule).with("seq", segment.seq)
}

/// A frame that was overtaken.
pub(super) fn out_of_order(overtaken_by: u32) -> Finding {
    finding(id::OUT_OF_ORDER, vec![overtaken_by]).with("overtaken_by", overtaken_by)
}
