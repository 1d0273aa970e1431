//! What was noticed in a capture, by kind, with the frames that show it.

use std::collections::BTreeMap;

use serde::Serialize;
use tongro_wire::{Packet, ProblemKind};

use super::Seen;

/// How many frames of a kind are named.
const NAMED: usize = 12;

/// How much something noticed matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Bytes that are wrong.
    Error,
    /// The network or a program is in trouble.
    Warn,
    /// Worth knowing.
    Note,
}

/// One kind of thing and where it was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Noticed {
    /// How much it matters.
    pub severity: Severity,
    /// A filter that shows these packets: `tcp.analysis.retransmission`.
    pub id: String,
    /// How often.
    pub count: u64,
    /// The first frames that show it.
    pub frames: Vec<u32>,
}

/// What was noticed so far.
#[derive(Debug, Default)]
pub struct Expert {
    by_id: BTreeMap<(Severity, &'static str), (u64, Vec<u32>)>,
}

/// Fields that are told of when they are there.
const FLAGS: &[(Severity, &str)] = &[
    (Severity::Warn, "tcp.analysis.lost_segment"),
    (Severity::Warn, "tcp.analysis.ack_lost_segment"),
    (Severity::Warn, "tcp.analysis.out_of_order"),
    (Severity::Warn, "tcp.analysis.zero_window"),
    (Severity::Warn, "tcp.analysis.window_full"),
    (Severity::Note, "tcp.analysis.retransmission"),
    (Severity::Note, "tcp.analysis.fast_retransmission"),
    (Severity::Note, "tcp.analysis.spurious_retransmission"),
    (Severity::Note, "tcp.analysis.duplicate_ack"),
    (Severity::Note, "tcp.analysis.keep_alive"),
    (Severity::Note, "tcp.analysis.zero_window_probe"),
    (Severity::Note, "tcp.analysis.reused_ports"),
];

impl Expert {
    pub(super) fn see(&mut self, seen: Seen<'_, '_>) {
        let mut found: Vec<(Severity, &'static str)> = kinds(seen.packet).collect();
        found.sort_unstable();
        found.dedup();
        for kind in found {
            let (count, frames) = self.by_id.entry(kind).or_default();
            *count += 1;
            if frames.len() < NAMED {
                frames.push(seen.number);
            }
        }
    }

    /// What was noticed, the weightiest first.
    pub fn noticed(&self) -> impl Iterator<Item = Noticed> {
        self.by_id.iter().map(|((severity, id), (count, frames))| Noticed {
            severity: *severity,
            id: (*id).to_owned(),
            count: *count,
            frames: frames.clone(),
        })
    }
}

/// Whether anything is noticed of a packet.
pub(super) fn is_noticed(packet: &Packet<'_>) -> bool {
    kinds(packet).next().is_some()
}

fn kinds<'p>(packet: &'p Packet<'_>) -> impl Iterator<Item = (Severity, &'static str)> + use<'p> {
    let of_bytes = packet.problems.iter().map(|problem| (Severity::Error, of_problem(problem.kind)));
    let of_fields = packet.fields.iter().filter_map(|value| {
        let id = value.field.id;
        match (id, value.value.uint()) {
            ("tcp.flags.reset", Some(1)) => Some((Severity::Warn, "tcp.flags.reset")),
            ("http.response.code", Some(400..)) => Some((Severity::Note, "http.response.code")),
            ("icmp.type", Some(3 | 5 | 11)) => Some((Severity::Note, "icmp.type")),
            ("dns.flags.rcode", Some(1..)) => Some((Severity::Note, "dns.flags.rcode")),
            ("tls.alert_message.level", Some(2)) => Some((Severity::Warn, "tls.alert_message.level")),
            _ if id.starts_with("tcp.analysis.") => FLAGS.iter().find(|(_, flag)| *flag == id).copied(),
            _ => None,
        }
    });
    of_bytes.chain(of_fields)
}

fn of_problem(kind: ProblemKind) -> &'static str {
    match kind {
        ProblemKind::Truncated => "truncated",
        ProblemKind::BadLength { .. } => "bad_length",
        ProblemKind::BadChecksum { .. } => "bad_checksum",
        ProblemKind::BadVersion { .. } => "bad_version",
        ProblemKind::BadName => "bad_name",
        ProblemKind::BadText => "bad_text",
        ProblemKind::TooDeep => "too_deep",
    }
}
