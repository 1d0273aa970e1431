//! What is known of a frame besides its bytes, and what only several packets together tell.
//!
//! These rows have no bits; `trace` fills them. They stand here so that filters, printing and the field reference
//! find every field in one place.

use crate::field::{Derive, Display, Field, Type, derived};
use crate::protocol::Protocol;

/// The frame as a capture records it.
pub static FRAME: Protocol =
    Protocol::new("frame", "Frame", "draft-ietf-opsawg-pcapng").fields(0, FRAME_FIELDS);

/// What the packets of a TCP connection tell together.
pub static ANALYSIS: Protocol =
    Protocol::new("tcp.analysis", "TCP sequence and acknowledgment analysis", "RFC 9293")
        .fields(0, ANALYSIS_FIELDS);

const fn trace(id: &'static str, name: &'static str, display: Display) -> Field {
    derived(id, name, Derive::Trace).display(display)
}

static FRAME_FIELDS: &[Field] = &[
    trace("frame.number", "Frame Number", Display::Dec),
    trace("frame.time_epoch", "Epoch Time", Display::Time),
    trace("frame.time_relative", "Time since the first frame", Display::Time),
    trace("frame.time_delta", "Time since the frame before", Display::Time),
    trace("frame.interface_id", "Interface id", Display::Dec),
    trace("frame.comment", "Comment", Display::Plain).of(Type::Text),
    trace("frame.len", "Frame length on the wire", Display::Dec),
    trace("frame.cap_len", "Frame length stored into the capture file", Display::Dec),
    trace("frame.protocols", "Protocols in frame", Display::Plain).of(Type::Text),
];

static ANALYSIS_FIELDS: &[Field] = &[
    trace("tcp.analysis.retransmission", "Retransmission", Display::Flag),
    trace("tcp.analysis.fast_retransmission", "Fast retransmission", Display::Flag),
    trace("tcp.analysis.spurious_retransmission", "Spurious retransmission", Display::Flag),
    trace("tcp.analysis.out_of_order", "Out-of-order segment", Display::Flag),
    trace("tcp.analysis.lost_segment", "Previous segment not captured", Display::Flag),
    trace("tcp.analysis.ack_lost_segment", "Acknowledged segment not captured", Display::Flag),
    trace("tcp.analysis.duplicate_ack", "Duplicate ACK", Display::Flag),
    trace("tcp.analysis.duplicate_ack_num", "Duplicate ACK #", Display::Dec),
    trace("tcp.analysis.duplicate_ack_frame", "Duplicate to the ACK in frame", Display::Dec),
    trace("tcp.analysis.zero_window", "Window is zero", Display::Flag),
    trace("tcp.analysis.zero_window_probe", "Zero window probe", Display::Flag),
    trace("tcp.analysis.zero_window_probe_ack", "Acknowledgment of a zero window probe", Display::Flag),
    trace("tcp.analysis.window_full", "Window is full", Display::Flag),
    trace("tcp.analysis.window_update", "Window update", Display::Flag),
    trace("tcp.analysis.keep_alive", "Keep-alive segment", Display::Flag),
    trace("tcp.analysis.keep_alive_ack", "Acknowledgment of a keep-alive segment", Display::Flag),
    trace("tcp.analysis.acks_frame", "This is an ACK to the segment in frame", Display::Dec),
    trace("tcp.analysis.ack_rtt", "The RTT to ACK the segment was", Display::Time),
    trace("tcp.analysis.initial_rtt", "iRTT", Display::Time),
    trace("tcp.analysis.bytes_in_flight", "Bytes in flight", Display::Dec),
    trace("tcp.analysis.push_bytes_sent", "Bytes sent since last PSH flag", Display::Dec),
    trace("tcp.analysis.rto", "The RTO for this segment was", Display::Time),
    trace("tcp.analysis.rto_frame", "RTO based on delta from frame", Display::Dec),
    trace("tcp.analysis.reused_ports", "TCP port numbers reused", Display::Flag),
];
