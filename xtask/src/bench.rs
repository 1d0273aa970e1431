//! What `cargo xtask bench NAME` measures: one file a name. Each runs us and the peers side by side and prints ratios.

pub(crate) mod packets;
pub(crate) mod serve;
