//! Judging a run again from its folder: the same log, the same judge, the same verdict byte for byte.

use std::path::Path;

use tongro_lab::Health;
use tongro_trace::run::Run;

use crate::contract::contract;
use crate::error::CheckError;
use crate::runner::judge;

/// The verdict of a saved run, as JSON: the one given now, and the one that stands in the folder.
///
/// # Errors
/// When the folder cannot be read or names a case that does not exist.
pub fn replay(folder: &Path) -> Result<(String, Option<String>), CheckError> {
    let run = Run::open(folder).map_err(|error| CheckError::Run(error.to_string()))?;
    let (name, id) = run.about.case.split_once('/').unwrap_or((&run.about.case, ""));
    let check = contract(name)?.checks.iter().find(|check| check.id == id);
    let check = check.ok_or_else(|| CheckError::Run(format!("`{id}` is not a check of `{name}`")))?;
    let verdict = judge(check, &run.recording, &Health::default());
    Ok((serde_json::to_string_pretty(&verdict).unwrap_or_default(), run.verdict))
}
