//! What the project must not depend on: banned crates, unclear licences, sources other than the registry. `deny.toml`
//! holds the lists. cargo-deny reads the same file, and is run where it is installed; building it takes longer than
//! all the rest, so what matters is checked here.

mod license;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::run::{Tally, command, root, runs, succeeds};

pub(crate) fn check() -> Tally {
    let lists = fs::read_to_string(root().join("deny.toml")).unwrap_or_default();
    let problems = match (packages(), lists.parse::<toml::Table>()) {
        (Some(packages), Ok(lists)) => problems(&packages, &lists),
        (None, _) => vec!["cargo metadata cannot be read".to_owned()],
        (_, Err(error)) => vec![format!("deny.toml: {error}")],
    };
    problems.iter().for_each(|problem| println!("deny: {problem}"));
    let ours = Tally::of("dependencies", problems.is_empty());
    if !runs("cargo", &["deny", "--version"]) {
        println!("note: cargo-deny is not installed; deny.toml was checked without it");
        return ours;
    }
    // The advisories need a database from elsewhere; they are no part of this.
    let arguments = ["deny", "--offline", "check", "bans", "licenses", "sources"];
    [ours, Tally::of("cargo deny", succeeds(&mut command("cargo", &arguments)))].into_iter().sum()
}

/// One package that is not ours.
struct Package {
    name: String,
    version: String,
    license: String,
    source: String,
}

/// The packages that a build on the systems we run on uses.
fn packages() -> Option<Vec<Package>> {
    let arguments = ["metadata", "--format-version", "1", "--locked"];
    let platform = ["--filter-platform", "x86_64-unknown-linux-gnu"];
    let output = command("cargo", &arguments).args(platform).stderr(Stdio::inherit()).output().ok()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).ok()?;
    let text = |package: &Value, key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array()?.iter().filter(|package| package["source"].is_string());
    let packages = packages.map(|package| Package {
        name: text(package, "name"),
        version: text(package, "version"),
        license: text(package, "license"),
        source: text(package, "source"),
    });
    Some(packages.collect())
}

fn problems(packages: &[Package], lists: &toml::Table) -> Vec<String> {
    let banned = names(lists, "bans", "deny");
    let allowed = names(lists, "licenses", "allow");
    let mut problems = Vec::new();
    for Package { name, version, license, source } in packages {
        if banned.contains(name.as_str()) {
            problems.push(format!("`{name}` is banned"));
        }
        if !license::is_met(license, &allowed) {
            problems.push(format!("`{name}` {version}: licence `{license}` is not on the list"));
        }
        if !source.starts_with("registry+") {
            problems.push(format!("`{name}` {version} comes from `{source}`, not from the registry"));
        }
    }
    let many = twice(packages);
    many.iter()
        .for_each(|(name, versions)| println!("note: `{name}` is there as {}", versions.join(" and ")));
    problems
}

/// Crates that are there in more than one incompatible version.
fn twice(packages: &[Package]) -> BTreeMap<&str, Vec<&str>> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions.entry(&package.name).or_default().push(&package.version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

/// The names in a list of `deny.toml`: plain, or tables with the key `crate`.
fn names<'a>(lists: &'a toml::Table, table: &str, key: &str) -> BTreeSet<&'a str> {
    let entries = lists.get(table).and_then(|table| table.get(key)).and_then(toml::Value::as_array);
    let name = |entry: &'a toml::Value| entry.as_str().or_else(|| entry.get("crate")?.as_str());
    entries.into_iter().flatten().filter_map(name).collect()
}

#[cfg(test)]
mod unit {
    use super::*;

    const LISTS: &str = "[bans]\ndeny = [{ crate = \"openssl\" }]\n[licenses]\nallow = [\"MIT\"]";

    fn package(name: &str, license: &str, source: &str) -> Package {
        let of = ToOwned::to_owned;
        Package { name: of(name), version: "1.0.0".to_owned(), license: of(license), source: of(source) }
    }

    #[test]
    fn what_must_not_be_there_is_found() {
        for (name, license, source, problem) in [
            ("serde", "MIT OR Apache-2.0", "registry+index", None),
            ("openssl", "MIT", "registry+index", Some("`openssl` is banned")),
            (
                "viral",
                "GPL-3.0",
                "registry+index",
                Some("`viral` 1.0.0: licence `GPL-3.0` is not on the list"),
            ),
            ("bare", "", "registry+index", Some("`bare` 1.0.0: licence `` is not on the list")),
            ("fork", "MIT", "git+url", Some("`fork` 1.0.0 comes from `git+url`, not from the registry")),
        ] {
            let found = problems(&[package(name, license, source)], &LISTS.parse().unwrap());
            assert_eq!(found.first().map(String::as_str), problem, "{name}");
        }
    }

    #[test]
    fn a_crate_that_is_there_twice_is_found() {
        let mut packages = [package("a", "MIT", ""), package("b", "MIT", ""), package("b", "MIT", "")];
        packages[2].version = "2.0.0".to_owned();
        assert_eq!(twice(&packages), BTreeMap::from([("b", vec!["1.0.0", "2.0.0"])]));
    }

    #[test]
    fn the_lists_are_read() {
        let lists: toml::Table = fs::read_to_string(root().join("deny.toml")).unwrap().parse().unwrap();
        assert!(names(&lists, "bans", "deny").contains("openssl"));
        assert!(names(&lists, "licenses", "allow").contains("MIT"));
    }
}
