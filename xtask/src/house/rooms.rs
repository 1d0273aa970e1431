//! Who may use whom among the rooms. What a room must not know it cannot use: it is not in its manifest.

use super::House;

/// The plan's table with the changes that ARCHITECTURE.md tells. A new edge is the dearest change there is.
const MAY_USE: [(&str, &[&str]); 15] = [
    ("wire", &[]),
    ("trace", &["wire"]),
    ("sys", &[]),
    ("live", &["sys", "wire"]),
    ("lab", &["sys", "trace", "wire"]),
    ("proto", &["wire"]),
    ("serve", &["proto", "sys"]),
    ("http", &[]),
    ("chat", &["proto", "serve"]),
    ("sync", &["proto", "serve"]),
    ("check", &["lab", "trace", "proto", "sys", "wire"]),
    ("course", &[]),
    ("web", &["lab", "check", "trace", "course", "chat", "http"]),
    (
        "tongro",
        &[
            "wire", "trace", "sys", "live", "lab", "proto", "serve", "http", "chat", "sync", "check",
            "course", "web",
        ],
    ),
    ("xtask", &[]),
];

pub(super) fn problems(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    for (room, manifest) in &house.rooms {
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| name == room) else {
            problems.push(format!("`{room}` is not in the table of `xtask/src/house/rooms.rs`"));
            continue;
        };
        let used = used(manifest);
        let foreign = used.iter().filter(|other| !allowed.contains(&other.as_str()));
        problems.extend(foreign.map(|other| format!("`{room}` may not use `{other}`")));
    }
    problems
}

/// The rooms that a manifest names, for the code, its build or its tests, on any platform.
fn used(manifest: &toml::Table) -> Vec<String> {
    const KINDS: [&str; 3] = ["dependencies", "build-dependencies", "dev-dependencies"];
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let targets = targets.into_iter().flat_map(toml::Table::values).filter_map(toml::Value::as_table);
    let tables = targets.chain([manifest]).flat_map(|table| KINDS.map(|kind| table.get(kind)));
    let names = tables.flatten().filter_map(toml::Value::as_table).flat_map(toml::Table::keys);
    names.filter_map(|name| name.strip_prefix("tongro-")).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
mod unit {
    use super::*;

    fn problems_of(room: &str, manifest: &str) -> Vec<String> {
        problems(&House::of(&[], room, manifest))
    }

    #[test]
    fn a_forbidden_edge_is_found_wherever_it_stands() {
        for manifest in [
            "[dependencies]\ntongro-lab.workspace = true\nserde = \"1\"",
            "[dev-dependencies]\ntongro-lab = { path = \"../lab\" }",
            "[build-dependencies]\ntongro-lab.workspace = true",
            "[target.'cfg(unix)'.dependencies]\ntongro-lab.workspace = true",
        ] {
            assert_eq!(problems_of("trace", manifest), ["`trace` may not use `lab`"], "{manifest}");
            assert!(problems_of("check", manifest).is_empty(), "{manifest}");
        }
    }

    #[test]
    fn a_room_without_a_rule_is_found() {
        assert_eq!(problems_of("attic", "").len(), 1);
    }

    #[test]
    fn the_table_has_no_circle() {
        let mut order: Vec<&str> = Vec::new();
        while order.len() < MAY_USE.len() {
            let free = |room: &&(&str, &[&str])| {
                !order.contains(&room.0) && room.1.iter().all(|used| order.contains(used))
            };
            let next = MAY_USE.iter().find(free).map(|(room, _)| *room);
            order.push(next.expect("rooms that use each other"));
        }
    }
}
