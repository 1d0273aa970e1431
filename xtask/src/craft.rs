//! `bench packets`, the making half: crafting beside Scapy, and capturing on a veth. Each is an example of its room.

use crate::run::cargo;

/// Runs what is asked for, or both; whether all of it went well.
pub(crate) fn bench(parts: &[&str]) -> bool {
    let is_asked = |part: &str| parts.is_empty() || parts.contains(&part);
    let run = |room: &str, name: &str| {
        cargo(&["run", "--quiet", "--release", "--package", room, "--example", name])
    };
    let crafted = !is_asked("craft") || run("tongro-wire", "craft");
    let captured = !is_asked("capture") || run("tongro-live", "flood");
    crafted && captured
}
