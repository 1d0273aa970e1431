//! Tests of the room's public face, one binary.

mod ladder; // event log → arrows, states, calls, patches
mod scenario; // event logs made by hand
