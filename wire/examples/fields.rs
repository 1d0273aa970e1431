//! Prints every field of frames given as hex lines on standard input: `name hex`, or measures dissecting them.
//!
//! `fields LINKTYPE < frames.hex` prints `name<TAB>id=value,value …`; `fields LINKTYPE bench < frames.hex` times;
//! `fields LINKTYPE craft EXPRESSION …` prints the packets of craft expressions in hex;
//! `fields LINKTYPE filter FILTER … < frames.hex` prints the names that pass each filter.

#![allow(clippy::print_stdout)] // An example talks.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::Read as _;
use std::time::Instant;

use tongro_wire::expr::Expression;
use tongro_wire::filter::Filter;
use tongro_wire::{LinkType, craft, dissect, forget_automatic};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let link = LinkType::from_number(arguments.next().and_then(|number| number.parse().ok()).unwrap_or(1));
    let mut arguments = arguments.peekable();
    if arguments.peek().is_some_and(|mode| mode == "craft") {
        return arguments.skip(1).for_each(|text| show(&text));
    }
    let mut text = String::new();
    let _ = std::io::stdin().read_to_string(&mut text);
    let frames: Vec<_> =
        text.lines().filter_map(|line| line.split_once(' ')).map(|(name, hex)| (name, bytes(hex))).collect();
    let mode = arguments.next();
    if mode.as_deref() == Some("filter") {
        return arguments.for_each(|text| pass(link, &text, &frames));
    }
    if mode.is_some() {
        return frames.iter().for_each(|(name, frame)| bench(link, name, frame));
    }
    for (name, frame) in &frames {
        let packet = dissect(link, frame);
        let mut printed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        printed.entry("frame.protocols").or_default().push(packet.protocols());
        for value in &packet.fields {
            printed.entry(value.field.id).or_default().push(value.print());
        }
        let fields: Vec<_> =
            printed.iter().map(|(id, values)| format!("{id}={}", values.join(","))).collect();
        println!("{name}\t{}", fields.join("\t"));
    }
}

fn show(text: &str) {
    match Expression::parse(text) {
        Ok(expression) => {
            let hex = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            println!("{}", expression.packets().map(hex).collect::<Vec<_>>().join(" "));
        }
        Err(error) => println!("! {error}"),
    }
}

fn pass(link: LinkType, text: &str, frames: &[(&str, Vec<u8>)]) {
    match Filter::parse(text) {
        Ok(filter) => {
            let passing = frames.iter().filter(|(_, frame)| filter.matches(&dissect(link, frame)));
            println!("{}", passing.map(|(name, _)| *name).collect::<Vec<_>>().join(" "));
        }
        Err(error) => println!("! {error}"),
    }
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).filter_map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).ok()).collect()
}

/// Times one frame: dissecting it, and crafting it again with every automatic field computed; the best of many runs.
fn bench(link: LinkType, name: &str, frame: &[u8]) {
    let fields = dissect(link, frame).fields.len();
    let dissected = nanoseconds(|| {
        black_box(dissect(link, black_box(frame)));
    });
    let mut layers = dissect(link, frame).to_layers();
    forget_automatic(&mut layers);
    let crafted = nanoseconds(|| {
        black_box(craft(black_box(&layers)));
    });
    println!("{name}: {} bytes, {fields} fields, dissect {dissected} ns, craft {crafted} ns", frame.len());
}

fn nanoseconds(mut work: impl FnMut()) -> u128 {
    const ROUNDS: u32 = 1_000;
    let mut best = u128::MAX;
    for _ in 0..400 {
        let start = Instant::now();
        (0..ROUNDS).for_each(|_| work());
        best = best.min(start.elapsed().as_nanos() / u128::from(ROUNDS));
    }
    best
}
