//! Tests of the room's public face, one binary.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // all of it is tests; some say why they skip

mod any; // no log, however wild, makes anything panic
mod capture; // capture files: round trips, damage, mutations
mod findings; // the truth about each frame, with its evidence
mod inspect; // the right panel: layers, fields, hex
mod ladder; // event log → arrows, states, calls, patches
mod run; // the run folder: saved, opened, read by tshark
mod scenario; // event logs made by hand
mod text; // the text ladder, line by line
