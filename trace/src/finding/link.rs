//! What the link's own log says of a frame: lost, doubled, corrupted, held back, overtaken.

use crate::event::{DropReason, Fate, Nanos, Sent};
use crate::ladder::Finding;

use super::report::{With, finding, id, millis};

/// Findings that follow from the fates alone. A delay counts only where a rule asked for more than the usual one.
#[must_use]
pub fn of_fates(sent: &Sent, usual: Nanos) -> Vec<Finding> {
    const CLEARLY: Nanos = 1_000_000;
    let is_lost = sent.fates.contains(&Fate::Drop);
    let mut findings = Vec::new();
    for fate in &sent.fates {
        let found = match *fate {
            Fate::Drop => {
                findings.push(lost(DropReason::Script, sent.rule.as_deref()));
                continue;
            }
            Fate::Duplicate(copies) => {
                finding(id::DUPLICATED, Vec::new()).with("first", sent.frame).with("copies", copies)
            }
            Fate::Corrupt(bit) => {
                finding(id::CORRUPTED, Vec::new()).with("byte", bit / 8).with("bit", bit % 8)
            }
            Fate::Reorder(frames) => finding(id::REORDERED, Vec::new()).with("frames", frames),
            Fate::Delay(span) if sent.rule.is_some() && !is_lost && span > usual + CLEARLY => {
                finding(id::DELAYED, Vec::new()).with("ms", millis(span))
            }
            Fate::Delay(_) => continue,
        };
        findings.push(match &sent.rule {
            Some(rule) => found.with("rule", rule),
            None => found,
        });
    }
    findings
}

/// A frame the link dropped; where no rule spoke, the reason stands for it.
#[must_use]
pub fn lost(reason: DropReason, rule: Option<&str>) -> Finding {
    let reason = match reason {
        DropReason::Script => "script",
        DropReason::Queue => "queue",
        DropReason::Blackhole => "blackhole",
        DropReason::Gone => "gone",
    };
    finding(id::LOST, Vec::new()).with("reason", reason).with("rule", rule.unwrap_or(reason))
}
