//! `cargo xtask bench serve`: our models beside servers written by others' means, in one race. Ratios, and the goals of
//! the project beside what was measured.
//!
//! The peers stand in `xtask/bench`: C is compiled here, uvloop is installed by pip into a folder of `target`, Node is
//! taken where it is there. The race itself is `tongro bench`; this file reads its JSON Lines.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::run::{cargo, command, root, runs, succeeds};

/// The figures of a lane in a cell, by name, medians over the rounds.
type Figures = BTreeMap<&'static str, f64>;

/// Runs the race and prints its ratios; whether it could be run.
pub(crate) fn serve(rest: &[&str]) -> bool {
    if !cargo(&["build", "--quiet", "--release", "--package", "tongro"]) {
        return false;
    }
    let tongro = root().join("target/release/tongro");
    if rest.contains(&"--leaks") {
        return leaks(&tongro, rest);
    }
    let rounds = rest.iter().skip_while(|word| **word != "--rounds").nth(1).copied().unwrap_or("5");
    let lanes = peers();
    let mut middle = vec!["--connections", "64", "--sizes", "64", "--rounds", rounds, "--no-calls"];
    middle.extend(["--open", "0", "--models", "epoll,io_uring,poll,async,async-multi,thread"]);
    let crowd = ["--connections", "5000", "--sizes", "64", "--rounds", "1", "--no-calls", "--open", "0"];
    let crowd =
        [&crowd[..], &["--patience", "20", "--models", "epoll,io_uring,async,async-multi,thread"]].concat();
    let (Some(middle), Some(crowd)) = (race(&tongro, &middle, &lanes), race(&tongro, &crowd, &lanes)) else {
        return false;
    };
    print_race("64 connections × 64 B, closed loop", &middle);
    print_race("5,000 connections × 64 B, closed loop", &crowd);
    goals(&middle, &crowd);
    true
}

/// Command lines of the peers that can be had.
fn peers() -> Vec<String> {
    let here = root().join("xtask/bench");
    let (target, source) = (root().join("target/bench"), here.join("epoll.c"));
    let _ = std::fs::create_dir_all(&target);
    let (binary, folder) = (target.join("c-epoll"), target.join("python"));
    let mut lanes = Vec::new();
    let mut cc = Command::new("cc");
    if succeeds(cc.args(["-O2", "-Wall", "-o"]).arg(&binary).arg(&source)) {
        lanes.push(format!("C epoll={}", binary.display()));
    }
    let loops = here.join("loops.py");
    for name in ["asyncio", "threads"] {
        lanes.push(format!("Python {name}=python3 {} {name}", loops.display()));
    }
    if folder.join("uvloop").exists() || pip(&folder) {
        let path = folder.display();
        lanes.push(format!("Python uvloop=env PYTHONPATH={path} python3 {} uvloop", loops.display()));
    }
    if runs("node", &["--version"]) {
        lanes.push(format!("Node=node {}", here.join("net.js").display()));
    }
    lanes
}

/// Installs uvloop for this measurement alone.
fn pip(folder: &Path) -> bool {
    let mut pip = command("python3", &["-m", "pip", "install", "--quiet", "--target"]);
    succeeds(pip.arg(folder).args(["uvloop"]).stdout(Stdio::null()))
}

/// Medians of every lane; `None` where the race could not be run.
fn race(tongro: &PathBuf, options: &[&str], lanes: &[String]) -> Option<BTreeMap<String, Figures>> {
    let mut race = Command::new(tongro);
    race.args(["bench", "--json", "--lang", "en"]).args(options).stderr(Stdio::inherit());
    lanes.iter().for_each(|lane| {
        race.arg("--lane").arg(lane);
    });
    let output = race.output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let floors =
        lines.iter().filter(|line| line["type"] == "ceiling").filter_map(|line| line["ceilings"].as_array());
    let floor = floors.flatten().filter_map(|one| one["floor_ns"].as_f64()).fold(f64::MAX, f64::min);
    let mut rounds: BTreeMap<String, BTreeMap<&'static str, Vec<f64>>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line["type"] == "measured") {
        let lane = rounds.entry(line["lane"].as_str()?.to_owned()).or_default();
        for name in FIGURES {
            lane.entry(name).or_default().extend(line["measured"][name].as_f64());
        }
        let overflows = line["measured"]["symptoms"]["listen_overflows"].as_f64();
        lane.entry("overflows").or_default().extend(overflows);
        lane.entry("floor").or_default().push(floor);
    }
    for failed in lines.iter().filter(|line| line["type"] == "failed") {
        println!("{}: {}", failed["lane"], failed["why"]);
    }
    let medians = |figures: BTreeMap<&'static str, Vec<f64>>| {
        figures.into_iter().filter_map(|(name, values)| Some((name, median(values)?))).collect()
    };
    output
        .status
        .success()
        .then(|| rounds.into_iter().map(|(lane, figures)| (lane, medians(figures))).collect())
}

/// What is read of a measurement, under the names of its JSON.
const FIGURES: [&str; 7] =
    ["cpu_per_message", "per_second", "p50", "p99", "storm", "served", "kib_per_connection"];

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn print_race(title: &str, lanes: &BTreeMap<String, Figures>) {
    let of = |lane: &str, name: &str| lanes.get(lane).and_then(|figures| figures.get(name)).copied();
    let yardstick = of("C epoll", "cpu_per_message");
    println!("\n{title} (rates and times are wall clock, taken under whatever load there was)");
    println!(
        "{:<16}{:>12}{:>9}{:>9}{:>10}{:>10}{:>8}{:>10}{:>10}",
        "lane", "CPU µs/msg", "ratio", "ceiling", "msg/s", "p99 ms", "served", "storm s", "KiB/conn"
    );
    let mut order: Vec<&String> = lanes.keys().collect();
    order.sort_by(|one, other| {
        of(one, "cpu_per_message")
            .unwrap_or(f64::MAX)
            .total_cmp(&of(other, "cpu_per_message").unwrap_or(f64::MAX))
    });
    for lane in order {
        let value = |name: &str| of(lane, name).unwrap_or(f64::NAN);
        let cpu = value("cpu_per_message");
        println!(
            "{lane:<16}{:>12.2}{:>9.2}{:>7.0} %{:>10.0}{:>10.2}{:>8.0}{:>10.2}{:>10.2}",
            cpu / 1e3,
            yardstick.map_or(f64::NAN, |yardstick| cpu / yardstick),
            value("floor") / cpu * 100.0,
            value("per_second"),
            value("p99") / 1e6,
            value("served"),
            value("storm") / 1e9,
            value("kib_per_connection"),
        );
    }
}

/// The goals, and what was measured.
fn goals(middle: &BTreeMap<String, Figures>, crowd: &BTreeMap<String, Figures>) {
    let of = |race: &BTreeMap<String, Figures>, lane: &str, name: &str| {
        race.get(lane).and_then(|figures| figures.get(name)).copied().unwrap_or(f64::NAN)
    };
    let cpu = |lane: &str| of(middle, lane, "cpu_per_message");
    let rows = [
        ("epoll, CPU per message to C epoll", cpu("epoll") / cpu("C epoll"), "≤ 1.10"),
        ("io_uring, CPU per message to C epoll", cpu("io_uring") / cpu("C epoll"), "≤ 0.90"),
        ("epoll, share of the kernel's ceiling", of(middle, "epoll", "floor") / cpu("epoll"), "≥ 0.75"),
        ("epoll, KiB for each of 5,000 connections", of(crowd, "epoll", "kib_per_connection"), "≤ 1.00"),
        ("epoll, storm of 5,000 connects, seconds", of(crowd, "epoll", "storm") / 1e9, "≤ 0.25"),
        ("epoll, overflows of the accept queue", of(crowd, "epoll", "overflows"), "0"),
        ("epoll, served of 5,000", of(crowd, "epoll", "served"), "5000"),
        ("thread, served of 5,000", of(crowd, "thread", "served"), "5000"),
    ];
    println!("\n{:<44}{:>10}   goal", "goal", "measured");
    rows.iter().for_each(|(what, measured, goal)| println!("{what:<44}{measured:>10.2}   {goal}"));
}

/// 100,000 connections through every model: descriptors, threads and memory afterwards.
fn leaks(tongro: &Path, rest: &[&str]) -> bool {
    let count = rest.iter().find_map(|word| word.parse::<u32>().ok()).unwrap_or(100_000).to_string();
    let mut example =
        vec!["run", "--quiet", "--release", "--package", "tongro-serve", "--example", "leaks", "--"];
    let tongro = tongro.to_string_lossy();
    example.extend([&*tongro, &count]);
    cargo(&example)
}
