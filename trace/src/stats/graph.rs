//! Packets and bytes over time, in steps that grow with the capture.

use serde::Serialize;

use super::Seen;

/// The most steps that are kept.
const STEPS: usize = 4096;

/// One step of the graph.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Packets in it.
    pub packets: u64,
    /// Bytes in it.
    pub bytes: u64,
    /// Packets in it of which something was noticed (see [`Expert`](super::Expert)).
    pub noticed: u64,
}

/// Counts in steps of equal length.
#[derive(Debug)]
pub struct Graph {
    steps: Vec<Step>,
    /// Nanoseconds of a step.
    width: u64,
}

impl Default for Graph {
    fn default() -> Self {
        Self { steps: Vec::new(), width: 1_000_000 }
    }
}

impl Graph {
    pub(super) fn see(&mut self, seen: Seen<'_, '_>) {
        while seen.at / self.width >= STEPS as u64 {
            self.widen();
        }
        let index = (seen.at / self.width) as usize;
        if self.steps.len() <= index {
            self.steps.resize(index + 1, Step::default());
        }
        let step = &mut self.steps[index];
        step.packets += 1;
        step.bytes += seen.len;
        step.noticed += u64::from(super::expert::is_noticed(seen.packet));
    }

    fn widen(&mut self) {
        self.width *= 2;
        self.steps = self.steps.chunks(2).map(sum).collect();
    }

    /// The graph in at most `most` steps, and the nanoseconds of each.
    #[must_use]
    pub fn steps(&self, most: usize) -> (Vec<Step>, u64) {
        let joined = self.steps.len().div_ceil(most.max(1)).max(1);
        (self.steps.chunks(joined).map(sum).collect(), self.width * joined as u64)
    }
}

fn sum(steps: &[Step]) -> Step {
    steps.iter().fold(Step::default(), |sum, step| Step {
        packets: sum.packets + step.packets,
        bytes: sum.bytes + step.bytes,
        noticed: sum.noticed + step.noticed,
    })
}
