//! Every field of the list against tshark's, on captures made by recipe; what differs on purpose stands with its
//! reason in `data/agreement.waivers`. tshark is installed by `cargo xtask test`.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

#[path = "lossy/mod.rs"]
mod lossy;
#[path = "../../trace/examples/recipe/mod.rs"]
mod recipe;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use tongro_trace::capture::Reader;
use tongro_trace::reading::{Need, Reading};
use tongro_trace::show::Columns;
use tongro_wire::Tables;

/// A difference that is meant: field, tshark's value, ours; `*` at the end stands for any rest.
struct Waiver<'t> {
    field: &'t str,
    theirs: &'t str,
    ours: &'t str,
    reason: &'t str,
}

fn waivers() -> Vec<Waiver<'static>> {
    let lines = include_str!("data/agreement.waivers").lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let waiver = |line: &'static str| {
        let mut parts = line.split(" | ").map(str::trim);
        let mut part = || parts.next().unwrap_or_else(|| panic!("a part is missing: {line}"));
        Waiver { field: part(), theirs: part(), ours: part(), reason: part() }
    };
    lines.map(waiver).collect()
}

impl Waiver<'_> {
    fn covers(&self, field: &str, theirs: &str, ours: &str) -> bool {
        let fits = |pattern: &str, text: &str| match pattern.strip_suffix('*') {
            Some(start) => text.starts_with(start),
            None => pattern == text || (pattern == "-" && text.is_empty()),
        };
        self.field == field && fits(self.theirs, theirs) && fits(self.ours, ours)
    }
}

fn ours(path: &Path, ids: &[&str]) -> Vec<Vec<String>> {
    let mut capture = Reader::new(File::open(path).unwrap()).unwrap();
    let mut reading = Reading::new(Need::all());
    let mut columns = Columns::new(ids, Tables::built_in()).unwrap();
    let mut rows = Vec::new();
    while let Some(captured) = capture.next_packet().unwrap() {
        let mut line = String::new();
        columns.write(&reading.packet(&captured), &mut line);
        rows.push(line.trim_end_matches('\n').split('\t').map(str::to_owned).collect());
    }
    rows
}

/// Values that either has, waived ones, and the differences that are left.
fn compare(path: &Path, waivers: &[Waiver<'_>], used: &mut [usize]) -> (usize, usize, Vec<String>) {
    let ids: Vec<&str> = include_str!("../../wire/tests/data/course.fields").split_whitespace().collect();
    assert_eq!(ids.len(), 216);
    let (theirs, ours) = (lossy::fields(path, &ids), ours(path, &ids));
    assert_eq!(theirs.len(), ours.len());
    let (mut values, mut waived, mut different) = (0, 0, Vec::new());
    for (no, (their, our)) in theirs.iter().zip(&ours).enumerate() {
        for ((id, their), our) in ids.iter().zip(their).zip(our) {
            values += usize::from(!their.is_empty() || !our.is_empty());
            if their == our {
                continue;
            }
            if let Some(at) = waivers.iter().position(|waiver| waiver.covers(id, their, our)) {
                used[at] += 1;
                waived += 1;
            } else {
                different.push(format!("#{} {id}: tshark `{their}`, here `{our}`", no + 1));
            }
        }
    }
    (values, waived, different)
}

#[test]
fn every_field_of_the_list_agrees_with_tshark() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let waivers = waivers();
    let mut used = vec![0; waivers.len()];
    let (mut values, mut waived, mut different) = (0, 0, BTreeMap::new());
    for (name, seed) in [("variety", 1), ("bulk", 7)] {
        let path = folder.join(format!("agreement-{name}.pcap"));
        let (mut dice, mut frames) = (recipe::Dice(seed), recipe::Frames::new());
        match name {
            "variety" => recipe::mixed::variety(&mut dice, &mut frames),
            _ => recipe::mixed::bulk(&mut dice, &mut frames, 4),
        }
        frames.write(File::create(&path).unwrap());
        let (all, set_aside, wrong) = compare(&path, &waivers, &mut used);
        println!("{name}: {all} values, {set_aside} waived, {} different", wrong.len());
        (values, waived) = (values + all, waived + set_aside);
        different.insert(name, wrong);
    }
    for (waiver, used) in waivers.iter().zip(&used) {
        println!("{used:6} × {}: {}", waiver.field, waiver.reason);
    }
    let unused = waivers.iter().zip(&used).filter(|(_, used)| **used == 0).map(|(waiver, _)| waiver.theirs);
    assert_eq!(unused.collect::<Vec<_>>(), Vec::<&str>::new(), "waivers that nothing needs");
    let wrong: usize = different.values().map(Vec::len).sum();
    assert!(waived * 1000 <= values, "{waived} of {values} values are waived");
    assert!(wrong * 10_000 <= values, "{wrong} of {values} values differ: {different:#?}");
}
