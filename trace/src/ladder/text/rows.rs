//! Which frames are worth a line: the evidence, what lies between, what lies near.

use std::collections::BTreeSet;

use crate::finding::{id, is_retransmission};
use crate::ladder::model::{Arrow, Ladder};

/// One line below the heading.
#[derive(Debug, Clone, Copy)]
pub(super) enum Row<'l> {
    /// A frame.
    Frame(&'l Arrow),
    /// So many frames of the same conversations left out.
    Gap(usize),
}

/// Chooses at most `lines` rows: first the evidence, then its neighbours, nearest and weightiest first.
pub(super) fn choose<'l>(ladder: &'l Ladder, evidence: &[u32], lines: usize) -> Vec<Row<'l>> {
    let frames = of_same_flows(ladder, evidence);
    let marked: Vec<usize> = (0..frames.len()).filter(|at| evidence.contains(&frames[*at].no)).collect();
    let anchors = if marked.is_empty() { vec![0] } else { marked };
    let mut near: BTreeSet<(usize, usize)> = BTreeSet::new();
    for anchor in &anchors {
        let around = anchor.saturating_sub(lines)..(anchor + lines + 1).min(frames.len());
        near.extend(around.map(|at| (distance(at, &anchors, &frames), at)));
    }
    let mut chosen = BTreeSet::new();
    for (_, at) in near {
        chosen.insert(at);
        if lines_of(&chosen) > lines {
            chosen.remove(&at);
        }
    }
    with_gaps(&frames, &chosen)
}

/// The frames of the conversations that the evidence is of; all when it is of none.
fn of_same_flows<'l>(ladder: &'l Ladder, evidence: &[u32]) -> Vec<&'l Arrow> {
    let proof = ladder.arrows.iter().filter(|arrow| evidence.contains(&arrow.no));
    let flows: BTreeSet<_> = proof.filter_map(|arrow| arrow.flow).collect();
    let is_of = |arrow: &&Arrow| match arrow.flow {
        _ if flows.is_empty() || evidence.contains(&arrow.no) => true,
        Some(flow) => flows.contains(&flow),
        None => false,
    };
    ladder.arrows.iter().filter(is_of).collect()
}

/// How far a frame is from the evidence; 0 for evidence, less for frames with weighty findings.
fn distance(at: usize, anchors: &[usize], frames: &[&Arrow]) -> usize {
    let nearest = anchors.iter().map(|anchor| anchor.abs_diff(at)).min().unwrap_or(0);
    let weighty = [id::LOST, id::RESET, id::FORGED_RESET, id::REFUSED];
    let is_weighty = frames[at]
        .findings
        .first()
        .is_some_and(|found| weighty.contains(&found.id.as_str()) || is_retransmission(found));
    if is_weighty { nearest } else { nearest * 2 }
}

/// Lines needed for these rows and the gaps between them.
fn lines_of(chosen: &BTreeSet<usize>) -> usize {
    let gaps = chosen.iter().zip(chosen.iter().skip(1)).filter(|(a, b)| *a + 1 < **b).count();
    chosen.len() + gaps
}

fn with_gaps<'l>(frames: &[&'l Arrow], chosen: &BTreeSet<usize>) -> Vec<Row<'l>> {
    let mut rows = Vec::new();
    let mut last = None;
    for at in chosen {
        if let Some(skipped) = last.map(|last: usize| at - last - 1).filter(|skipped| *skipped > 0) {
            rows.push(Row::Gap(skipped));
        }
        rows.push(Row::Frame(frames[*at]));
        last = Some(*at);
    }
    rows
}
