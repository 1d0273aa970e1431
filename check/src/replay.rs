//! Judging a run again from its folder: the same log, the same judge, the same verdict byte for byte.

use std::path::Path;

use tongro_lab::Health;
use tongro_trace::run::Run;

use crate::contract::contract;
use crate::error::CheckError;
use crate::runner::judge;
use crate::verdict::{Kind, Verdict};

/// The verdict of a saved run, as JSON: the one given now, and the one that stands in the folder.
///
/// # Errors
/// When the folder cannot be read or names a case that does not exist.
pub fn replay(folder: &Path) -> Result<(String, Option<String>), CheckError> {
    let run = Run::open(folder).map_err(|error| CheckError::Run(error.to_string()))?;
    let (name, id) = run.about.case.split_once('/').unwrap_or((&run.about.case, ""));
    let check = contract(name)?.checks.iter().find(|check| check.id == id);
    let check = check.ok_or_else(|| CheckError::Run(format!("`{id}` is not a check of `{name}`")))?;
    // Nothing was learnt because runs disagreed, or the capture was not whole: one log cannot say otherwise.
    let is_void =
        |text: &String| serde_json::from_str(text).is_ok_and(|kept: Verdict| kept.verdict == Kind::Void);
    if let Some(kept) = run.verdict.clone().filter(is_void) {
        return Ok((kept.clone(), Some(kept)));
    }
    let verdict = judge(check, &run.recording, &Health::default());
    Ok((serde_json::to_string_pretty(&verdict).unwrap_or_default(), run.verdict))
}
