//! TCP labels against tshark's, on random walks that meet every corner and on lossy labs; and the findings that know
//! the link's log against that log. tshark is installed by `cargo xtask test`.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

#[path = "lossy/mod.rs"]
mod lossy;
#[path = "../../trace/examples/recipe/mod.rs"]
mod recipe;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::Path;

use tongro_trace::analysis::{Connections, Seen};
use tongro_trace::capture::Reader;
use tongro_trace::event::{Fate, What};
use tongro_trace::recording::Recording;
use tongro_trace::run::Run;
use tongro_wire::view;

use lossy::{client_side, fields};

/// Every field that the analysis gives.
const FIELDS: [&str; 25] = [
    "tcp.stream",
    "tcp.window_size",
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.lost_segment",
    "tcp.analysis.ack_lost_segment",
    "tcp.analysis.duplicate_ack_num",
    "tcp.analysis.duplicate_ack_frame",
    "tcp.analysis.zero_window",
    "tcp.analysis.zero_window_probe",
    "tcp.analysis.zero_window_probe_ack",
    "tcp.analysis.window_full",
    "tcp.analysis.window_update",
    "tcp.analysis.keep_alive",
    "tcp.analysis.keep_alive_ack",
    "tcp.analysis.acks_frame",
    "tcp.analysis.ack_rtt",
    "tcp.analysis.initial_rtt",
    "tcp.analysis.bytes_in_flight",
    "tcp.analysis.push_bytes_sent",
    "tcp.analysis.rto",
    "tcp.analysis.rto_frame",
    "tcp.analysis.reused_ports",
];

/// The analysis of every frame, printed as tshark prints it.
fn ours(path: &Path) -> Vec<Vec<String>> {
    let mut reader = Reader::new(File::open(path).unwrap()).unwrap();
    let mut connections = Connections::default();
    let mut rows = Vec::new();
    while let Some(packet) = reader.next_packet().unwrap() {
        let mut row = vec![String::new(); FIELDS.len()];
        let look = view::ethernet(packet.bytes);
        if let Some((ip, tcp)) = look.as_ref().and_then(view::View::tcp) {
            let seen = Seen {
                no: rows.len() as u32 + 1,
                at: packet.at,
                src: (ip.src, tcp.src_port),
                dst: (ip.dst, tcp.dst_port),
                seq: tcp.seq,
                ack: tcp.ack,
                flags: tcp.flags,
                window: tcp.window,
                len: tcp.payload.len() as u32,
                options: &packet.bytes[tcp.options.clone()],
            };
            let found = connections.observe(&seen);
            (row[0], row[1]) = (found.stream.to_string(), found.window.to_string());
            found.fields(|(field, value)| {
                if let Some(at) = FIELDS.iter().position(|known| *known == field.id) {
                    row[at] = field.print(&value);
                }
            });
        }
        rows.push(row);
    }
    rows
}

/// Values that either side has, and the differences by field.
fn compare(path: &Path) -> (usize, BTreeMap<&'static str, Vec<String>>) {
    let (ours, theirs) = (ours(path), fields(path, &FIELDS));
    assert_eq!(ours.len(), theirs.len());
    let (mut values, mut different) = (0, BTreeMap::<_, Vec<String>>::new());
    for (no, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
        for ((id, our), their) in FIELDS.iter().zip(ours).zip(theirs) {
            values += usize::from(!our.is_empty() || !their.is_empty());
            if our != their {
                let text = format!("#{}: tshark `{their}`, here `{our}`", no + 1);
                different.entry(*id).or_default().push(text);
            }
        }
    }
    (values, different)
}

fn told(different: &BTreeMap<&str, Vec<String>>) -> String {
    let line = |(id, all): (&&str, &Vec<String>)| {
        format!("{id}: {} ({})", all.len(), all[..all.len().min(3)].join("; "))
    };
    different.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn walks_through_every_corner_are_labelled_as_by_tshark() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("walks.pcap");
    let (mut dice, mut frames) = (recipe::Dice(77), recipe::Frames::new());
    (0..250).for_each(|_| recipe::tcp::walk(&mut dice, &mut frames, 60));
    frames.write(File::create(&path).unwrap());
    let (values, different) = compare(&path);
    let wrong: usize = different.values().map(Vec::len).sum();
    println!("walks: {values} values, {wrong} different\n{}", told(&different));
    assert!(values > 100_000);
    // What acknowledgments of bytes that nobody saw bring about is known to differ: the recipe makes many of them.
    assert!(wrong * 1000 <= values * 2, "{wrong} of {values} differ\n{}", told(&different));
}

/// What can be known of a segment that was sent: its bytes were on their way before and were lost, or were not lost;
/// or it was overtaken on the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Truth {
    Again,
    Needless,
    Overtaken,
}

/// The truth by frame, read from the log alone: who sent which bytes when, and what the link did to them.
fn truth(recording: &Recording) -> BTreeSet<(u32, Truth)> {
    let mut truth = BTreeSet::new();
    let mut sent: HashMap<_, Vec<(u32, u32, bool)>> = HashMap::new();
    let mut newest: HashMap<_, u32> = HashMap::new();
    for event in &recording.events {
        let frame = match &event.what {
            What::Sent(sent) => sent.frame,
            What::Arrived(arrived) if arrived.copy == 0 => arrived.frame,
            _ => continue,
        };
        let Some(look) = recording.frame(frame).and_then(view::ethernet) else { continue };
        let Some((ip, tcp)) = look.tcp() else { continue };
        let way = (ip.src, tcp.src_port, ip.dst, tcp.dst_port);
        let len = tcp.seq_len();
        if len == 0 {
            continue;
        }
        let What::Sent(event) = &event.what else {
            let last = newest.entry(way).or_default();
            if frame < *last {
                truth.insert((frame, Truth::Overtaken));
            }
            *last = frame.max(*last);
            continue;
        };
        let is_lost = event.fates.iter().any(|fate| matches!(fate, Fate::Drop | Fate::Corrupt(_)));
        let before = sent.entry(way).or_default();
        let end = tcp.seq.wrapping_add(len);
        let is_same = |(from, to, _): &&(u32, u32, bool)| {
            (tcp.seq.wrapping_sub(*from) as i32) < (to.wrapping_sub(*from) as i32)
                && (from.wrapping_sub(end) as i32) < 0
        };
        let earlier: Vec<_> = before.iter().filter(is_same).collect();
        // A probe of one byte repeats what was acknowledged, on purpose.
        if !earlier.is_empty() && tcp.payload.len() != 1 {
            let has_come = earlier.iter().any(|(from, to, is_lost)| {
                !is_lost && (tcp.seq.wrapping_sub(*from) as i32) >= 0 && (end.wrapping_sub(*to) as i32) <= 0
            });
            truth.insert((frame, if has_come { Truth::Needless } else { Truth::Again }));
        }
        before.push((tcp.seq, end, is_lost));
    }
    truth
}

/// What the findings say that know the log.
fn found(recording: &Recording) -> BTreeSet<(u32, Truth)> {
    let ladder = recording.ladder();
    let of = |id: &str| match id {
        "spurious_retransmission" => Some(Truth::Needless),
        "out_of_order" => Some(Truth::Overtaken),
        id if id.ends_with("retransmission") => Some(Truth::Again),
        _ => None,
    };
    let arrows = ladder.arrows.iter().flat_map(|arrow| arrow.findings.iter().map(|found| (arrow.no, found)));
    arrows.filter_map(|(no, found)| Some((no, of(&found.id)?))).collect()
}

/// What tshark says of what it could see: the capture of the client's host.
fn guessed(folder: &Path) -> (BTreeSet<(u32, Truth)>, BTreeSet<u32>) {
    let ids = ["frame.comment", FIELDS[2], FIELDS[4], FIELDS[5]];
    let (mut guessed, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for row in fields(&client_side(folder), &ids) {
        let number = row[0].trim_start_matches('#').split(|letter: char| !letter.is_ascii_digit()).next();
        let Some(no) = number.and_then(|number| number.parse().ok()) else { continue };
        seen.insert(no);
        if !row[2].is_empty() {
            guessed.insert((no, Truth::Needless));
        } else if !row[1].is_empty() {
            guessed.insert((no, Truth::Again));
        }
        if !row[3].is_empty() {
            guessed.insert((no, Truth::Overtaken));
        }
    }
    (guessed, seen)
}

/// The harmonic mean of precision and recall.
fn f1(said: &BTreeSet<(u32, Truth)>, truth: &BTreeSet<(u32, Truth)>) -> f64 {
    let right = said.intersection(truth).count() as f64;
    2.0 * right / (said.len() + truth.len()).max(1) as f64
}

#[test]
fn lossy_labs_are_labelled_as_by_tshark_and_explained_better() {
    let (mut values, mut different) = (0, 0);
    let (mut ours, mut theirs, mut all, mut visible) = Default::default();
    for (index, seed) in [31, 32, 33, 34].into_iter().enumerate() {
        let folder = lossy::run(&format!("truth-{seed}"), seed, lossy::SETTINGS);
        let run = Run::open(&folder).unwrap();
        let (truth, found) = (truth(&run.recording), found(&run.recording));
        let (guessed, seen) = guessed(&folder);
        let (these, wrong) = compare(&client_side(&folder));
        values += these;
        different += wrong.values().map(Vec::len).sum::<usize>();
        println!("seed {seed}: {these} values, differences: {}", told(&wrong));
        let seen_truth: BTreeSet<_> = truth.iter().filter(|(no, _)| seen.contains(no)).copied().collect();
        println!(
            "seed {seed}: {} true labels, F1 {:.3}; tshark {:.3} of the {} it could see",
            truth.len(),
            f1(&found, &truth),
            f1(&guessed, &seen_truth),
            seen_truth.len()
        );
        println!("  missed {:?}", truth.difference(&found).take(5).collect::<Vec<_>>());
        println!("  wrong  {:?}", found.difference(&truth).take(5).collect::<Vec<_>>());
        let shift = |set: &BTreeSet<(u32, Truth)>| -> BTreeSet<(u32, Truth)> {
            set.iter().map(|(no, what)| (no + 1_000_000 * index as u32, *what)).collect()
        };
        let add = |into: &mut BTreeSet<(u32, Truth)>, from| into.extend(shift(from));
        add(&mut ours, &found);
        add(&mut theirs, &guessed);
        add(&mut all, &truth);
        add(&mut visible, &seen_truth);
    }
    let (ours, theirs) = (f1(&ours, &all), f1(&theirs, &visible));
    println!("all: {} labels, F1 {ours:.3}, tshark {theirs:.3}", all.len());
    println!("all: {values} values, {different} different");
    assert!(different * 1000 <= values, "{different} of {values} differ");
    assert!(all.len() > 20, "the labs lost next to nothing");
    assert!(ours >= 0.98 && ours >= theirs, "F1 {ours:.3}, tshark {theirs:.3}");
}
