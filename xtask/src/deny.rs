//! Dependencies that must not be there: banned crates, unclear licences, majors twice. `deny.toml` holds the lists;
//! cargo-deny reads the same file where it is installed, and this checks what matters where it isn't.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::run::{Tally, command, root, succeeds};

pub(crate) fn check() -> Tally {
    let mut tally = Tally::default();
    if succeeds(command("cargo", &["deny", "--version"]).stderr(std::process::Stdio::null())) {
        let arguments = ["deny", "--offline", "check", "bans", "licenses", "sources"];
        tally.add(Tally::of("cargo deny", succeeds(&mut command("cargo", &arguments))));
    }
    let problems = problems();
    problems.iter().for_each(|problem| println!("deny: {problem}"));
    tally.add(Tally::of("dependencies", problems.is_empty()));
    tally
}

fn problems() -> Vec<String> {
    let Some(packages) = packages() else { return vec!["cargo metadata cannot be read".to_owned()] };
    let text = fs::read_to_string(root().join("deny.toml")).unwrap_or_default();
    let lists: toml::Table = toml::from_str(&text).unwrap_or_default();
    let banned = names(&lists, "bans", "deny");
    let allowed = names(&lists, "licenses", "allow");
    let twice = names(&lists, "bans", "skip");
    let mut problems = Vec::new();
    let mut majors: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in &packages {
        let (name, version) = (text_of(package, "name"), text_of(package, "version"));
        if banned.contains(name) {
            problems.push(format!("{name} is banned"));
        }
        let license = text_of(package, "license");
        if !is_allowed(license, &allowed) {
            problems.push(format!("{name} {version}: licence `{license}` is not on the list"));
        }
        majors.entry(name).or_default().insert(version);
    }
    for (name, versions) in
        majors.iter().filter(|(name, versions)| versions.len() > 1 && !twice.contains(**name))
    {
        println!("note: {name} is there more than once: {versions:?}");
    }
    problems
}

/// The packages that this machine's build uses, without our own.
fn packages() -> Option<Vec<Value>> {
    let output = command("cargo", &["metadata", "--format-version", "1", "--locked"])
        .args(["--filter-platform", "x86_64-unknown-linux-gnu"])
        .stderr(std::process::Stdio::inherit())
        .output()
        .ok()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).ok()?;
    let packages = metadata["packages"].as_array()?.iter().filter(|package| package["source"].is_string());
    Some(packages.cloned().collect())
}

fn text_of<'a>(package: &'a Value, key: &str) -> &'a str {
    package[key].as_str().unwrap_or_default()
}

fn names(lists: &toml::Table, table: &str, key: &str) -> BTreeSet<String> {
    let entries = lists.get(table).and_then(|table| table.get(key)).and_then(toml::Value::as_array);
    let name = |entry: &toml::Value| {
        entry
            .as_str()
            .or_else(|| entry.get("crate").or_else(|| entry.get("name"))?.as_str())
            .map(ToOwned::to_owned)
    };
    entries.into_iter().flatten().filter_map(name).collect()
}

/// Whether an SPDX expression can be met from the list: `A OR B` by either, `A AND B` by both.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let plain = expression.replace(['(', ')'], " ").replace('/', " OR ");
    !plain.trim().is_empty()
        && plain.split(" AND ").all(|part| part.split(" OR ").any(|license| allowed.contains(license.trim())))
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn expressions_are_met_from_the_list() {
        let allowed = BTreeSet::from(["MIT".to_owned(), "Apache-2.0".to_owned()]);
        for (expression, is_met) in [
            ("MIT OR Apache-2.0", true),
            ("MIT/GPL-3.0", true),
            ("GPL-3.0", false),
            ("MIT AND GPL-3.0", false),
            ("(MIT OR GPL-2.0) AND Apache-2.0", true),
            ("", false),
        ] {
            assert_eq!(is_allowed(expression, &allowed), is_met, "{expression}");
        }
    }
}
