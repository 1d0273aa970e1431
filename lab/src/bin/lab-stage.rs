//! The stage alone, for this room's own tests: the shipped binary enters it by its hidden argument.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(u8::try_from(tongro_lab::enter_stage()).unwrap_or(2))
}
