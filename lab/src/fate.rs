//! What the link does to a frame: first the user's hand, then the script's rules, then chance.
//!
//! Chance is a hash of (seed, flow, direction, kind, stream offset, n-th transmission), so that a seed meets the same
//! bytes at any load; every random fate is written down as the rule that would bring it about again. ARP and bare
//! acknowledgments are exempt from chance: their number depends on the kernel's timing.

use tongro_trace::event::{DropReason, Fate, HostId, LinkSettings};
use tongro_wire::view::{Tcp, View};

use crate::flow::{Flows, Position, kind_outside};
use crate::script::{Do, FrameKind, Rule};

/// Decides fates; one for a lab.
#[derive(Debug)]
pub(crate) struct Fates {
    seed: u64,
    settings: LinkSettings,
    rules: Vec<(Rule, u32)>,
    pub(crate) flows: Flows,
    /// Rules that would repeat what chance and the user's hand have done.
    pub(crate) written: Vec<Rule>,
    drop_next: [bool; 2],
    pub(crate) blackhole: [bool; 2],
    outside: [[u32; 16]; 2],
}

/// The fate of one frame.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    pub(crate) drop: Option<DropReason>,
    /// ns beyond the link's own delay.
    pub(crate) delay: u64,
    pub(crate) copies: u32,
    pub(crate) corrupt: Option<u32>,
    pub(crate) reorder: u32,
    pub(crate) rule: Option<String>,
    pub(crate) position: Option<Position>,
    pub(crate) reset: bool,
    pub(crate) half_close: bool,
}

impl Decision {
    /// The fates as the event log names them; `held` is the whole time on the link.
    pub(crate) fn fates(&self, held: u64) -> Vec<Fate> {
        let mut fates = Vec::new();
        if held > 0 {
            fates.push(Fate::Delay(held));
        }
        if self.drop.is_some() {
            fates.push(Fate::Drop);
        }
        if self.copies > 0 {
            fates.push(Fate::Duplicate(self.copies));
        }
        fates.extend(self.corrupt.map(Fate::Corrupt));
        if self.reorder > 0 {
            fates.push(Fate::Reorder(self.reorder));
        }
        fates
    }
}

impl Fates {
    pub(crate) fn new(seed: u64, settings: LinkSettings, rules: Vec<Rule>) -> Self {
        Self {
            seed,
            settings,
            rules: rules.into_iter().map(|rule| (rule, 0)).collect(),
            flows: Flows::default(),
            written: Vec::new(),
            drop_next: [false; 2],
            blackhole: [false; 2],
            outside: [[0; 16]; 2],
        }
    }

    pub(crate) fn settings(&self) -> &LinkSettings {
        &self.settings
    }

    pub(crate) fn set_settings(&mut self, settings: LinkSettings) {
        self.settings = settings;
    }

    pub(crate) fn add_rules(&mut self, rules: Vec<Rule>) {
        self.rules.extend(rules.into_iter().map(|rule| (rule, 0)));
    }

    /// Drops the next frame that is more than a bare acknowledgment from that host, or from either.
    pub(crate) fn drop_next(&mut self, from: Option<HostId>) {
        match from {
            Some(host) => self.drop_next[usize::from(host & 1)] = true,
            None => self.drop_next = [true; 2],
        }
    }

    /// Decides on a frame from `host`.
    pub(crate) fn decide(&mut self, host: HostId, frame_len: usize, view: Option<&View>) -> Decision {
        let position = view.and_then(|view| self.flows.place(host, view));
        let kind = position.as_ref().map_or_else(|| kind_outside(view), |position| position.kind);
        let nth = position.as_ref().map_or_else(
            || {
                let count = &mut self.outside[usize::from(host & 1)][kind as usize];
                *count += 1;
                *count
            },
            |position| position.nth,
        );
        let mut decision = Decision { position, ..Decision::default() };
        if self.blackhole[usize::from(host & 1)] {
            decision.drop = Some(DropReason::Blackhole);
        } else if self.taken_by_hand(host, kind) {
            decision.drop = Some(DropReason::Script);
            self.write_down(&mut decision, kind, nth, Do::Drop);
        } else if let Some(rule) = self.ruled(&decision, kind) {
            decision.rule = Some(rule.to_string());
            apply(&mut decision, rule.action, frame_len);
        } else {
            self.by_chance(&mut decision, kind, nth, frame_len);
        }
        decision
    }

    /// Notes that a TCP frame reached its receiver.
    pub(crate) fn note_delivered(&mut self, from: HostId, view: Option<&View>, tcp: &Tcp) {
        if let Some(ip) = view.and_then(|view| view.ip.as_ref()) {
            self.flows.delivered(from, ip, tcp);
        }
    }

    fn taken_by_hand(&mut self, host: HostId, kind: FrameKind) -> bool {
        let hit = self.drop_next[usize::from(host & 1)] && !matches!(kind, FrameKind::Ack | FrameKind::Arp);
        if hit {
            self.drop_next = [false; 2];
        }
        hit
    }

    fn ruled(&mut self, decision: &Decision, kind: FrameKind) -> Option<Rule> {
        let position = decision.position.as_ref();
        for (rule, seen) in &mut self.rules {
            let same_flow = rule.flow.is_none_or(|flow| position.is_some_and(|p| p.flow as u32 == flow));
            let same_way = rule.dir.is_none_or(|dir| position.is_some_and(|p| p.way == dir));
            let same_kind = rule.kind.is_none_or(|wanted| wanted == kind);
            let same_bytes = rule.bytes.is_none_or(|[from, to]| {
                position.is_some_and(|p| p.kind == FrameKind::Data && p.bytes.0 < to && from < p.bytes.1)
            });
            if same_flow && same_way && same_kind && same_bytes {
                *seen += 1;
                if rule.nth.is_none_or(|nth| nth == *seen) {
                    return Some(rule.clone());
                }
            }
        }
        None
    }

    fn by_chance(&mut self, decision: &mut Decision, kind: FrameKind, nth: u32, frame_len: usize) {
        let settings = &self.settings;
        let all = [settings.loss_ppm, settings.duplicate_ppm, settings.corrupt_ppm, settings.reorder_ppm];
        let jitter = settings.jitter_us;
        if matches!(kind, FrameKind::Arp | FrameKind::Ack) || (all == [0; 4] && jitter == 0) {
            return;
        }
        let key = self.key(decision, kind, nth);
        if jitter > 0 {
            decision.delay = mix(key ^ 5) % (2 * jitter * 1000 + 1);
        }
        let bit = (mix(key ^ 6) % (frame_len as u64 * 8)) as u32;
        let by = 1 + (mix(key ^ 7) % 3) as u32;
        let fates = [Do::Drop, Do::Duplicate(1), Do::Corrupt(bit.max(14 * 8)), Do::Reorder(by)];
        for (salt, (share, fate)) in all.into_iter().zip(fates).enumerate() {
            if mix(key ^ (salt as u64 + 1)) % 1_000_000 < u64::from(share) {
                apply(decision, fate, frame_len);
                self.write_down(decision, kind, nth, fate);
                return;
            }
        }
    }

    fn key(&self, decision: &Decision, kind: FrameKind, nth: u32) -> u64 {
        let (flow, way, offset) =
            decision.position.as_ref().map_or((u64::MAX, 0, 0), |p| (p.flow as u64, p.way as u64, p.bytes.0));
        let words = [flow, way, kind as u64, offset, u64::from(nth)];
        words.into_iter().fold(mix(self.seed), |key, word| mix(key ^ word)) & !7
    }

    fn write_down(&mut self, decision: &mut Decision, kind: FrameKind, nth: u32, action: Do) {
        let position = decision.position.as_ref();
        let bytes = position.filter(|p| p.kind == FrameKind::Data).map(|p| [p.bytes.0, p.bytes.1]);
        let rule = Rule {
            flow: position.map(|p| p.flow as u32),
            dir: position.map(|p| p.way),
            kind: bytes.is_none().then_some(kind),
            bytes,
            nth: Some(nth),
            action,
        };
        decision.rule = Some(rule.to_string());
        self.written.push(rule);
    }
}

fn apply(decision: &mut Decision, action: Do, frame_len: usize) {
    match action {
        Do::Pass => {}
        Do::Drop => decision.drop = Some(DropReason::Script),
        Do::Delay(us) => decision.delay += us * 1000,
        Do::Duplicate(times) => decision.copies = times,
        Do::Corrupt(bit) => decision.corrupt = Some(bit.min(frame_len as u32 * 8 - 1)),
        Do::Reorder(by) => decision.reorder = by,
        Do::Reset => {
            decision.drop = Some(DropReason::Script);
            decision.reset = true;
        }
        Do::HalfClose => decision.half_close = true,
    }
}

/// splitmix64's finaliser: every output bit depends on every input bit.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
#[path = "fate/tests.rs"]
mod tests;
