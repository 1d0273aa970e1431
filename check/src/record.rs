//! The JSON records of a judged program: what `check --json` prints a line each, and what the workbench shows.
//!
//! Sentences are made by the caller (`say`), in whatever language it speaks; their ids and parameters stand beside
//! them, so that a reader can say them again in another one.

use serde_json::{Map, Value, json};

use crate::runner::{Judged, Summary};
use crate::verdict::Said;

/// The record of one check.
#[must_use]
pub fn check(judged: &Judged, say: &dyn Fn(&Said) -> String) -> Value {
    let verdict = &judged.verdict;
    let got: Vec<String> = verdict.got.iter().map(say).collect();
    json!({
        "type": "check",
        "id": verdict.check,
        "verdict": verdict.verdict,
        "severity": verdict.severity,
        "bug": verdict.bug,
        "expected": say(&verdict.expected),
        "got": got.join(" "),
        "said": {
            "expected": said(&verdict.expected),
            "got": verdict.got.iter().map(said).collect::<Vec<_>>(),
        },
        "evidence": verdict.evidence,
        "frames": judged.frames,
        "seconds": judged.ms as f64 / 1000.0,
        "run": judged.run,
    })
}

/// The closing record.
#[must_use]
pub fn summary(contract: &str, summary: &Summary, say: &dyn Fn(&Said) -> String) -> Value {
    let started = summary.started.map(|address| json!({"addr": address.ip(), "port": address.port()}));
    let unstarted = summary.unstarted.as_ref().map(|unstarted| {
        json!({
            "reason": say(&unstarted.reason),
            "said": said(&unstarted.reason),
            "stderr": unstarted.stderr,
        })
    });
    json!({
        "type": "summary",
        "contract": contract,
        "pass": summary.pass,
        "fail": summary.fail,
        "slow": summary.slow,
        "na": summary.not_applicable,
        "void": summary.void,
        "started": started,
        "unstarted": unstarted,
        "mode": "lab",
        "seconds": summary.ms as f64 / 1000.0,
    })
}

fn said(said: &Said) -> Value {
    let params: Map<String, Value> =
        said.params.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
    json!({"id": said.id, "params": params})
}
