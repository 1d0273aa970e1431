//! Tests of the room's public face, one binary.

#![allow(clippy::unwrap_used)] // all of it is tests

mod capture; // capture files: round trips, damage, mutations
mod findings; // the truth about each frame, with its evidence
mod ladder; // event log → arrows, states, calls, patches
mod scenario; // event logs made by hand
