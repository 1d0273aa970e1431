//! The door: reads the command line, calls the rooms, prints, and gives the exit code.
//!
//! One file per command in `cmd/`. Results go to stdout, talk to stderr; exit 0 = ok, 1 = a verdict fails or nothing
//! matches, 2 = usage or environment.

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "the doc comments of arguments are their help: `[ITEM]` is no link"
)]

mod cmd;
mod crafted;
mod help;
mod input;
mod network;
mod peer;
mod protocols;
mod serving;
mod sift;
mod structure;
mod summary;
mod talk;

use std::process::ExitCode;

fn main() -> ExitCode {
    // The lab re-executes this binary; it must enter its namespaces before any thread exists.
    if std::env::args_os().nth(1).is_some_and(|argument| argument == tongro_lab::STAGE_ARGUMENT) {
        return ExitCode::from(u8::try_from(tongro_lab::enter_stage()).unwrap_or(2));
    }
    if std::env::args().nth(1).is_some_and(|argument| argument == tongro_check::demo::PLAY_ARGUMENT) {
        let calls: Vec<String> = std::env::args().skip(2).collect();
        return ExitCode::from(tongro_check::demo::play(&calls, &mut |line| println!("{line}")));
    }
    cmd::run()
}
