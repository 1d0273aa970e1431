#![allow(clippy::print_stdout)] // a program that prints its figures
//! Measures crafting: from text that is parsed each time, and from a template; beside Scapy where that is installed.
//!
//! `cargo xtask bench packets` runs it. Figures are packets per second of CPU time of one core.

use std::process::Command;

use tongro_wire::expr::Expression;
use tongro_wire::template::Template;
use tongro_wire::{LinkType, craft};

const EXPRESSIONS: [(&str, &str); 3] = [
    ("IP/TCP", r#"IP(dst="10.0.0.2")/TCP(sport=1234,dport=80,flags="S")"#),
    (
        "Ether/IP/TCP, 4 options, payload",
        r#"Ether(src="02:00:00:00:00:01",dst="02:00:00:00:00:02")/IP(src="10.0.0.1",dst="10.0.0.2")/TCP(sport=1234,dport=80,flags="S",options=[("MSS",1460),("NOP",None),("WScale",7),("SAckOK",b"")])/Raw(load=b"hello world")"#,
    ),
    (
        "IP/UDP/DNS",
        r#"IP(src="10.0.0.1",dst="10.0.0.2")/UDP(sport=1234,dport=53)/DNS(id=7,rd=1,qd=DNSQR(qname="example.com"))"#,
    ),
];

/// Reads expressions, prints packets per CPU second of evaluating and building each.
const SCAPY: &str = "
import logging, sys, time
logging.disable(logging.CRITICAL)
from scapy.all import *
for text in sys.argv[1:]:
    raw(eval(text))
    began, n = time.process_time(), 0
    while time.process_time() - began < 1.0:
        raw(eval(text)); n += 1
    print(n / (time.process_time() - began))
";

fn main() {
    let scapy = scapy();
    println!(
        "{:<34} {:>14} {:>14} {:>8}",
        "craft from text, parsed each time", "tongro pkt/s", "Scapy pkt/s", "ratio"
    );
    for (index, (name, text)) in EXPRESSIONS.iter().enumerate() {
        let rate = measured(|| {
            let expression = Expression::parse(text).ok()?;
            Some(expression.packet(0).ok()?.len())
        });
        print(name, rate, scapy.get(index).copied());
    }
    let Ok(layers) = Expression::parse(EXPRESSIONS[1].1).and_then(|expression| expression.layers(0)) else {
        return;
    };
    let whole = measured(|| Some(craft(&layers).len()));
    print("craft from layers", whole, None);
    let mut template = Template::new(LinkType::Ethernet, &layers);
    let (Some(port), Some(seq)) = (template.slot("tcp.srcport"), template.slot("tcp.seq_raw")) else {
        return;
    };
    let mut number = 0u64;
    let patched = measured(|| {
        number = number.wrapping_add(1);
        template.set(port, number);
        template.set(seq, number.wrapping_mul(77_777));
        Some(usize::from(template.bytes()[0]))
    });
    print("from a template, two fields", patched, None);
}

fn print(name: &str, rate: f64, scapy: Option<f64>) {
    match scapy {
        Some(scapy) => println!("{name:<34} {rate:>14.0} {scapy:>14.0} {:>7.0}×", rate / scapy),
        None => println!("{name:<34} {rate:>14.0} {:>14} {:>8}", "–", "–"),
    }
}

/// How often a second of CPU time allows it.
fn measured(mut once: impl FnMut() -> Option<usize>) -> f64 {
    const SECONDS: f64 = 1.0;
    let mut best = 0.0f64;
    for _ in 0..3 {
        let (began, mut done) = (cpu_seconds(), 0u64);
        let mut kept = 0usize;
        while cpu_seconds() - began < SECONDS / 3.0 {
            for _ in 0..256 {
                kept = kept.wrapping_add(std::hint::black_box(once()).unwrap_or(0));
            }
            done += 256;
        }
        std::hint::black_box(kept);
        best = best.max(done as f64 / (cpu_seconds() - began));
    }
    best
}

/// CPU time of this thread, from its scheduler statistics.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}

fn scapy() -> Vec<f64> {
    let texts = EXPRESSIONS.map(|(_, text)| text);
    let output = Command::new("/usr/bin/python3").args(["-c", SCAPY]).args(texts).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}
