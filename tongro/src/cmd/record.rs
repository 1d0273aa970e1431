//! The JSON records of `check`: one a line, the same that the workbench shows.

use serde_json::{Value, json};
use tongro_check::{Judged, Said, Summary};

use crate::talk::Talk;

/// The record of one check. `expected` and `got` are sentences; `said` has their ids and parameters.
pub(crate) fn check(talk: &Talk, judged: &Judged) -> Value {
    let verdict = &judged.verdict;
    let got: Vec<String> = verdict.got.iter().map(|said| talk.said(said)).collect();
    json!({
        "type": "check",
        "id": verdict.check,
        "verdict": verdict.verdict,
        "severity": verdict.severity,
        "bug": verdict.bug,
        "expected": talk.said(&verdict.expected),
        "got": got.join(" "),
        "said": {
            "expected": said(&verdict.expected),
            "got": verdict.got.iter().map(said).collect::<Vec<_>>(),
        },
        "evidence": verdict.evidence,
        "frames": judged.frames,
        "run": judged.run,
    })
}

/// The closing record.
pub(crate) fn summary(talk: &Talk, contract: &str, summary: &Summary) -> Value {
    let started = summary.started.map(|address| json!({"addr": address.ip(), "port": address.port()}));
    let unstarted = summary.unstarted.as_ref().map(|unstarted| {
        json!({
            "reason": talk.said(&unstarted.reason),
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
    let params: serde_json::Map<String, Value> =
        said.params.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))).collect();
    json!({"id": said.id, "params": params})
}
