//! The code map is whole: every room has its heading, no heading leads nowhere, every dependency has its reason.

use super::House;

pub(super) fn problems(house: &House) -> Vec<String> {
    let rooms: Vec<&str> = house.rooms.iter().map(|(room, _)| room.as_str()).collect();
    let headings = headings(&house.map);
    let unmapped = rooms.iter().filter(|room| !headings.contains(*room));
    let unmapped = unmapped.map(|room| format!("no heading for `{room}`"));
    let gone = headings.iter().filter(|heading| !rooms.contains(*heading));
    let gone = gone.map(|heading| format!("a heading for `{heading}`, which is not there"));
    let foreign = foreign(&house.workspace);
    let reasons = reasons(&house.map);
    let unreasoned = foreign.iter().filter(|name| !reasons.contains(&name.as_str()));
    let unreasoned = unreasoned.map(|name| format!("no row in a table says why `{name}` is used"));
    unmapped.chain(gone).chain(unreasoned).collect()
}

/// What the headings of the code map name: `` ### `wire`: bytes and fields ``.
fn headings(map: &str) -> Vec<&str> {
    let headings = map.lines().filter_map(|line| line.strip_prefix("### `"));
    headings.filter_map(|rest| rest.split_once('`').map(|(name, _)| name)).collect()
}

/// What the first columns of tables name: `` | `serde`, `serde_json` | ``.
fn reasons(map: &str) -> Vec<&str> {
    let cells = map.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    // Names stand between backticks: every second part.
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect()
}

/// Dependencies that are not ours.
fn foreign(workspace: &toml::Table) -> Vec<String> {
    let table = workspace.get("workspace").and_then(|table| table.get("dependencies"));
    let names = table.and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys);
    names.filter(|name| !name.starts_with("tongro-")).cloned().collect()
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn rooms_and_dependencies_must_stand_in_the_map() {
        let mut house = House::of(&[], "wire", "");
        house.workspace =
            "[workspace.dependencies]\nserde = \"1\"\ntoml = \"1\"\ntongro-wire = \"1\"".parse().unwrap();
        assert_eq!(
            problems(&house),
            [
                "no heading for `wire`",
                "no row in a table says why `serde` is used",
                "no row in a table says why `toml` is used",
            ]
        );
        house.map = "### `wire`: bytes\n| crates | why |\n|--|--|\n| `serde`, `toml` | files |".to_owned();
        assert!(problems(&house).is_empty());
        house.map.push_str("\n### `attic`: gone\n");
        assert_eq!(problems(&house), ["a heading for `attic`, which is not there"]);
    }
}
