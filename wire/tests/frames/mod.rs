//! The sample frames: one per line, name and bytes in hex.

/// Name and bytes of every sample frame.
pub(crate) fn all() -> Vec<(&'static str, Vec<u8>)> {
    let lines = include_str!("../data/frames.hex").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ')).map(|(name, hex)| (name, bytes(hex))).collect()
}

/// The bytes of a string of hex digits.
fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits"))
        .collect()
}
