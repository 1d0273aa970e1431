//! A thing stands with its owner, under its own name: no drawer for the rest.

use super::House;

const BANNED: [&str; 8] = ["util", "utils", "common", "helper", "helpers", "manager", "managers", "misc"];

pub(super) fn problems(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, _) in &house.files {
        let without_extension = path.with_extension("");
        let mut names = without_extension.iter().filter_map(|name| name.to_str());
        if let Some(name) = names.find(|name| BANNED.contains(name)) {
            problems.push(format!("{}: nothing is called `{name}`", path.display()));
        }
    }
    problems
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn drawers_are_found_as_file_and_as_folder() {
        let files = [("wire/src/util.rs", ""), ("lab/tests/common/mod.rs", ""), ("wire/src/utility.rs", "")];
        let problems = problems(&House::of(&files, "wire", ""));
        assert_eq!(
            problems,
            [
                "wire/src/util.rs: nothing is called `util`",
                "lab/tests/common/mod.rs: nothing is called `common`"
            ]
        );
    }
}
