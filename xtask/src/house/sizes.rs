//! A file that has grown past reading must be split.

use std::path::Path;

use super::House;

/// Lines beyond which a file must be split, tests included.
const MOST: usize = 900;
/// Lines beyond which it is said.
const MANY: usize = 600;
/// Files that may be longer, each with the reason.
const LONGER: [(&str, &str); 0] = [];

pub(super) fn problems(house: &House) -> Vec<String> {
    let mut problems = Vec::new();
    for (path, text) in &house.files {
        let (shown, lines) = (path.display(), text.lines().count());
        if lines > MOST && !is_excused(path) {
            problems.push(format!("{shown} has {lines} lines, more than {MOST}: split it"));
        } else if lines > MANY {
            println!("note: {shown} has {lines} lines");
        }
    }
    problems
}

fn is_excused(path: &Path) -> bool {
    LONGER.iter().any(|(longer, _)| path == Path::new(longer))
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn only_too_long_files_are_told() {
        let (most, more) = ("x\n".repeat(MOST), "x\n".repeat(MOST + 1));
        let house = House::of(&[("wire/src/most.rs", &most), ("wire/src/more.rs", &more)], "wire", "");
        let problems = problems(&house);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].starts_with("wire/src/more.rs has 901 lines"));
    }
}
