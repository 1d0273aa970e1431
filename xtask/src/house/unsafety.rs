//! `unsafe` stands in one room. The compiler forbids it everywhere else; here is looked after that it is told to.

use super::House;

/// The one room where it may stand.
const DOOR: &str = "sys";

pub(super) fn problems(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    for (room, manifest) in house.rooms.iter().filter(|(room, _)| room != DOOR) {
        let lints = manifest.get("lints").and_then(toml::Value::as_table);
        let is_shared = lints.and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        let forbids = match is_shared {
            Some(true) => house.workspace.get("workspace").and_then(|table| table.get("lints")),
            _ => manifest.get("lints"),
        };
        let level = forbids.and_then(|lints| lints.get("rust")?.get("unsafe_code")?.as_str());
        if level != Some("forbid") {
            problems.push(format!("`{room}/Cargo.toml` does not forbid `unsafe_code`"));
        }
    }
    problems
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn every_room_but_one_must_forbid_it() {
        let shared = "[lints]\nworkspace = true";
        for (room, manifest, count) in [
            ("wire", "", 1),
            ("wire", "[lints.rust]\nunsafe_code = \"deny\"", 1),
            ("wire", "[lints.rust]\nunsafe_code = \"forbid\"", 0),
            ("sys", "[lints.rust]\nunsafe_code = \"allow\"", 0),
            ("wire", shared, 1),
        ] {
            assert_eq!(problems(&House::of(&[], room, manifest)).len(), count, "{room}: {manifest}");
        }
        let mut house = House::of(&[], "wire", shared);
        house.workspace = "[workspace.lints.rust]\nunsafe_code = \"forbid\"".parse().unwrap();
        assert!(problems(&house).is_empty());
    }
}
