//! A race in the terminal: a table for each cell, findings with their fix, a warning where the machine was too noisy; or
//! all of it as JSON Lines.

use serde_json::json;

use super::outcome::{Noise, Outcome, Summary, cell_name, rate, time};
use crate::talk::{Talk, Tone};

/// Columns: the id of the heading, and its width.
const COLUMNS: [(&str, usize); 11] = [
    ("served", 11),
    ("rate", 8),
    ("p50", 8),
    ("p99", 8),
    ("p999", 8),
    ("cpu", 9),
    ("ceiling", 8),
    ("calls", 8),
    ("switches", 10),
    ("memory", 10),
    ("fairness", 18),
];

/// The tables, the findings, the warnings.
pub(super) fn table(talk: &mut Talk, outcome: &Outcome) {
    for (at, cell) in outcome.cells.iter().enumerate() {
        if !(0..outcome.lanes.len()).any(|lane| outcome.results.contains_key(&(lane, at))) {
            continue;
        }
        let floor = outcome.floor(cell.message_len).map_or_else(|| "–".to_owned(), micro);
        let title = talk.text("bench.cell", &[("cell", &cell_name(cell)), ("floor", &floor)]);
        talk.say(&talk.tone(Tone::Strong, &title));
        heading(talk);
        for lane in 0..outcome.lanes.len() {
            row(talk, outcome, lane, at);
        }
        talk.say("");
    }
    findings(talk, outcome);
    for sentence in warnings(talk, outcome) {
        talk.note(&talk.tone(Tone::Bad, &sentence));
    }
}

fn heading(talk: &mut Talk) {
    let mut line = format!("{:<14}", talk.text("bench.column.lane", &[]));
    for (id, width) in COLUMNS {
        let word = talk.text(&format!("bench.column.{id}"), &[]);
        line.push_str(&" ".repeat(width.saturating_sub(columns(&word))));
        line.push_str(&word);
    }
    talk.say(&talk.tone(Tone::Quiet, &line));
}

/// Columns of a terminal: Hangul takes two.
fn columns(word: &str) -> usize {
    word.chars().map(|c| if ('\u{1100}'..='\u{ffdc}').contains(&c) { 2 } else { 1 }).sum()
}

fn row(talk: &mut Talk, outcome: &Outcome, lane: usize, cell: usize) {
    let name = &outcome.lanes[lane].name;
    let Some(summary) = outcome.summary(lane, cell) else {
        if let Some(why) = outcome.failure(lane, cell) {
            talk.say(&format!("{name:<14} {}", talk.tone(Tone::Bad, why)));
        }
        return;
    };
    let values = figures(outcome, lane, cell, &summary);
    let mut line = format!("{name:<14}");
    for ((_, width), value) in COLUMNS.iter().zip(values) {
        line.push_str(&format!("{value:>width$}"));
    }
    let tone = if summary.served < summary.connections { Tone::Bad } else { Tone::Good };
    let line = if summary.served < summary.connections { talk.tone(tone, &line) } else { line };
    talk.say(&line);
}

/// The figures of a row, in the order of [`COLUMNS`].
pub(super) fn figures(outcome: &Outcome, lane: usize, cell: usize, summary: &Summary) -> [String; 11] {
    let none = || "–".to_owned();
    let floor = outcome.floor(outcome.cells[cell].message_len);
    let share = summary.cpu.zip(floor).map(|(cpu, floor)| format!("{:.0} %", floor / cpu * 100.0));
    let [poorest, middle, richest] = summary.fairness;
    [
        format!("{}/{}", summary.served, summary.connections),
        rate(summary.per_second),
        time(summary.p50),
        time(summary.p99),
        time(summary.p999),
        summary.cpu.map_or_else(none, micro),
        share.unwrap_or_else(none),
        outcome.calls_per_message(lane).map_or_else(none, |calls| format!("{calls:.2}")),
        summary.switches.map_or_else(none, |switches| format!("{switches:.2}")),
        summary.kib.map_or_else(none, |kib| format!("{kib:.1}")),
        format!("{poorest}/{middle}/{richest}"),
    ]
}

fn micro(ns: f64) -> String {
    format!("{:.1} µs", ns / 1000.0)
}

fn findings(talk: &mut Talk, outcome: &Outcome) {
    let findings = outcome.findings();
    if findings.is_empty() {
        return;
    }
    talk.say(&talk.tone(Tone::Strong, &talk.text("bench.findings", &[])));
    for finding in &findings {
        let [title, why, fix] = words(talk, &finding.pathology);
        let (lane, cell) = (&outcome.lanes[finding.lane].name, cell_name(&outcome.cells[finding.cell]));
        talk.say(&format!("✗ {lane} ({cell}): {title}"));
        talk.say(&format!("    {why}"));
        talk.say(&talk.tone(Tone::Quiet, &format!("    → {fix}")));
    }
    talk.say("");
}

/// Title, evidence and fix of a finding.
pub(super) fn words(talk: &Talk, pathology: &tongro_serve::bench::Pathology) -> [String; 3] {
    let params: Vec<(&str, &str)> =
        pathology.evidence.iter().map(|(name, value)| (*name, value.as_str())).collect();
    ["title", "why", "fix"].map(|part| talk.text(&format!("pathology.{}.{part}", pathology.id), &params))
}

/// Why the figures are no basis for a claim.
pub(super) fn warnings(talk: &Talk, outcome: &Outcome) -> Vec<String> {
    let sentence = |noise| match noise {
        Noise::Load(load, processors) => {
            let params = [("load", &*format!("{load:.1}")), ("processors", &*processors.to_string())];
            talk.text("bench.noise.load", &params)
        }
        Noise::Floor(share) => {
            talk.text("bench.noise.floor", &[("percent", &*format!("{:.0}", share * 100.0))])
        }
        Noise::Rounds(rounds) => talk.text("bench.noise.rounds", &[("rounds", &rounds.to_string())]),
    };
    outcome.noise().into_iter().map(sentence).collect()
}

/// One object a line: ceilings, every measurement, calls, findings, noise.
pub(super) fn json(talk: &mut Talk, outcome: &Outcome) {
    for line in lines(talk, outcome) {
        talk.say(&line.to_string());
    }
}

/// See `json`.
pub(super) fn lines(talk: &Talk, outcome: &Outcome) -> Vec<serde_json::Value> {
    let mut lines = Vec::new();
    for (message_len, ceilings) in &outcome.ceilings {
        lines.push(json!({ "type": "ceiling", "message_len": message_len, "ceilings": ceilings }));
    }
    for (lane, calls) in &outcome.calls {
        lines.push(json!({ "type": "calls", "lane": outcome.lanes[*lane].name, "per_message": calls }));
    }
    for ((lane, cell), results) in &outcome.results {
        for (round, result) in results.iter().enumerate() {
            let (name, cell) = (&outcome.lanes[*lane].name, &outcome.cells[*cell]);
            lines.push(match result {
                Ok(measured) => {
                    json!({ "type": "measured", "lane": name, "cell": cell, "round": round, "measured": measured })
                }
                Err(why) => json!({ "type": "failed", "lane": name, "cell": cell, "round": round, "why": why }),
            });
        }
    }
    for finding in outcome.findings() {
        let evidence: serde_json::Map<_, _> = finding
            .pathology
            .evidence
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        lines.push(json!({ "type": "finding", "lane": outcome.lanes[finding.lane].name,
            "cell": outcome.cells[finding.cell], "id": finding.pathology.id, "evidence": evidence }));
    }
    lines.extend(warnings(talk, outcome).into_iter().map(|why| json!({ "type": "noise", "why": why })));
    lines
}
