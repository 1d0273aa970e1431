//! Which protocols a capture holds, one inside the other.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Seen;

/// Counts by path: `eth`, `eth:ip`, `eth:ip:tcp`.
#[derive(Debug, Default)]
pub struct Hierarchy {
    by_path: BTreeMap<Vec<&'static str>, (u64, u64)>,
}

/// A protocol's share of the capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Share {
    /// The protocols around it and itself, with colons between.
    pub path: String,
    /// Its own name.
    pub protocol: &'static str,
    /// How many protocols are around it.
    pub depth: usize,
    /// Packets that hold it there.
    pub packets: u64,
    /// The bytes of those packets.
    pub bytes: u64,
}

impl Hierarchy {
    pub(super) fn see(&mut self, seen: Seen<'_, '_>) {
        let mut path: Vec<&'static str> = Vec::new();
        for layer in &seen.packet.layers {
            let name = layer.protocol.name;
            // The messages of one packet count once.
            if path.last() == Some(&name) {
                continue;
            }
            path.push(name);
            match self.by_path.get_mut(&path) {
                Some(count) => *count = (count.0 + 1, count.1 + seen.len),
                None => {
                    self.by_path.insert(path.clone(), (1, seen.len));
                }
            }
        }
    }

    /// Every protocol, outer before inner.
    pub fn shares(&self) -> impl Iterator<Item = Share> {
        self.by_path.iter().map(|(path, (packets, bytes))| Share {
            path: path.join(":"),
            protocol: path.last().copied().unwrap_or_default(),
            depth: path.len().saturating_sub(1),
            packets: *packets,
            bytes: *bytes,
        })
    }
}
