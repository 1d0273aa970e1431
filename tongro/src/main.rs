//! The door: one file per command in `cmd/`.
fn main() {}
