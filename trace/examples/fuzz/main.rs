//! Feeds every parser with mutated bytes: `fuzz NAME|all [--packets N] [--seed S]`.
//!
//! Inputs are made from samples (frames, capture files, texts) by chance from the seed, so a case repeats. A panic or
//! an input that takes more than 50 ms is printed in hex and makes the run fail. It runs on stable Rust in one thread.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // An example talks, and one that fails shall fail loudly.

#[path = "../recipe/mod.rs"]
mod recipe;
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use recipe::{Dice, Frames};
use targets::{Seeds, TARGETS, Target};

/// The longest that an input may take.
const LONGEST: Duration = Duration::from_millis(50);

/// Inputs between two looks at the clock.
const BATCH: usize = 256;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1)?.replace('_', "").parse::<u64>().ok()
    };
    let name = arguments.first().map_or("all", String::as_str);
    let chosen: Vec<&Target> = TARGETS.iter().filter(|target| name == "all" || target.name == name).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        println!("no target `{name}`\n\nhint: one of all {}", names.join(" "));
        return ExitCode::from(2);
    }
    let packets = option("--packets").unwrap_or(100_000);
    let seed = option("--seed").unwrap_or(1);
    std::panic::set_hook(Box::new(|_| {}));
    let failures: usize = chosen.iter().map(|target| run(target, packets, seed)).sum();
    ExitCode::from(u8::from(failures > 0))
}

/// Runs one target; yields how many inputs failed.
fn run(target: &Target, packets: u64, seed: u64) -> usize {
    let samples = samples(target.seeds);
    let mut dice = Dice(seed);
    let mut inputs: Vec<Vec<u8>> = vec![Vec::new(); BATCH];
    let (mut done, mut failures) = (0u64, 0);
    let started_at = Instant::now();
    while done < packets && failures < 20 {
        for input in &mut inputs {
            mutate(&mut dice, &samples, input);
        }
        let batch = &inputs[..BATCH.min((packets - done) as usize)];
        let batch_at = Instant::now();
        let is_fine =
            catch_unwind(AssertUnwindSafe(|| batch.iter().for_each(|input| (target.run)(input)))).is_ok();
        if !is_fine || batch_at.elapsed() > LONGEST {
            failures += batch.iter().filter(|input| !passes(target, input)).count();
        }
        done += batch.len() as u64;
    }
    let seconds = started_at.elapsed().as_secs_f64();
    println!("{:<10} {done} inputs, {failures} failures, {seconds:.1} s (seed {seed})", target.name);
    failures
}

/// Whether an input runs without panic and, at best of five, in time: on a busy machine the clock runs on meanwhile.
fn passes(target: &Target, input: &[u8]) -> bool {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let at = Instant::now();
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| (target.run)(input))) {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
            println!("{}: panics ({}): {}", target.name, text.unwrap_or_default(), hex(input));
            return false;
        }
        best = best.min(at.elapsed());
        if best <= LONGEST {
            return true;
        }
    }
    println!("{}: takes {best:?}: {}", target.name, hex(input));
    false
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The inputs that mutations start from.
fn samples(seeds: Seeds) -> Vec<Vec<u8>> {
    match seeds {
        Seeds::Frames => frames(),
        Seeds::Texts(texts) => texts.iter().map(|text| text.as_bytes().to_vec()).collect(),
        Seeds::Captures => captures(),
    }
}

fn frames() -> Vec<Vec<u8>> {
    let lines = include_str!("../../../wire/tests/data/frames.hex").lines();
    let hex = lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '));
    let byte = |hex: &str, at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    hex.map(|(_, hex)| (0..hex.len()).step_by(2).map(|at| byte(hex, at)).collect()).collect()
}

/// The same few frames as pcap in all four kinds, and as pcapng.
fn captures() -> Vec<Vec<u8>> {
    use tongro_trace::capture::ByteOrder::{Big, Little};
    use tongro_trace::capture::{pcap, pcapng};
    let mut some = Frames::new();
    recipe::tcp::walk(&mut Dice(1), &mut some, 4);
    let mut files = Vec::new();
    for (order, is_nano) in [(Little, true), (Little, false), (Big, true), (Big, false)] {
        let mut writer = pcap::Writer::new(Vec::new(), pcap::Format { order, is_nano }, 1).unwrap();
        for (at, bytes) in &some.frames {
            writer.packet(*at, bytes, bytes.len() as u32).unwrap();
        }
        files.push(writer.finish().unwrap());
    }
    for order in [Little, Big] {
        let mut writer = pcapng::Writer::new(Vec::new(), order, "fuzz").unwrap();
        let interface = pcapng::Interface {
            link_type: 1,
            snaplen: 0,
            name: Some("eth0".to_owned()),
            description: None,
            resolution: 9,
            offset: 0,
        };
        let index = writer.interface(&interface).unwrap();
        for (at, bytes) in &some.frames {
            writer
                .packet(index, *at, bytes, bytes.len() as u32, &[(pcapng::code::COMMENT, b"a comment")])
                .unwrap();
        }
        files.push(writer.finish().unwrap());
    }
    files
}

/// Writes a mutated sample into `out`.
fn mutate(dice: &mut Dice, samples: &[Vec<u8>], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(&samples[dice.below(samples.len() as u64) as usize]);
    for _ in 0..1 + dice.below(6) {
        if out.is_empty() {
            out.push(dice.next() as u8);
        }
        let at = dice.below(out.len() as u64) as usize;
        match dice.below(10) {
            0..3 => out[at] ^= 1 << dice.below(8),
            3 => out[at] = dice.next() as u8,
            4 => out[at] = dice.pick(&[0, 1, 0x7f, 0x80, 0xfe, 0xff, b'"', b'(', b'[', b'0']),
            5 => out.truncate(at),
            6 => out.insert(at, dice.next() as u8),
            7 => {
                let end = (at + 1 + dice.below(16) as usize).min(out.len());
                let part = out[at..end].to_vec();
                out.splice(at..at, part);
            }
            8 => {
                let other = &samples[dice.below(samples.len() as u64) as usize];
                let from = dice.below(other.len().max(1) as u64) as usize;
                out.truncate(at);
                out.extend_from_slice(&other[from.min(other.len())..]);
            }
            _ => {
                let end = (at + 1 + dice.below(8) as usize).min(out.len());
                out.drain(at..end);
            }
        }
    }
}
