//! The run folder: what is saved is opened again, equal in every event and byte, and other programs read it.

use std::path::PathBuf;
use std::process::Command;

use crate::scenario::{self, Log, Seg};
use tongro_trace::capture::{self, ETHERNET, Reader, pcap};
use tongro_trace::event::{Fate, What};
use tongro_trace::ladder::{ArrowKind, Builder};
use tongro_trace::recording::{Recording, from_capture};
use tongro_trace::run::{About, Error, Run};
use tongro_wire::view::flag::{ACK, SYN};

fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

fn run() -> Run {
    let about = About {
        case: "echo/loss".into(),
        seed: "0x7f03".into(),
        began_at: 1_700_000_000_000_000_000,
        script: "{flow = 1, dir = \"c2s\", bytes = [64, 1512], nth = 1, do = \"drop\"}\n".into(),
        versions: [("tongro".to_owned(), "0.1.0".to_owned())].into(),
    };
    Run { about, recording: scenario::upload(), verdict: Some("{\"verdict\":\"fail\"}\n".into()) }
}

#[test]
fn a_saved_run_opens_equal() {
    let folder = folder("equal");
    let run = run();
    run.save(&folder).unwrap();
    assert_eq!(Run::open(&folder).unwrap(), run);
    let output = std::fs::read_to_string(folder.join("stdout")).unwrap();
    assert_eq!(output.lines().count(), 3);
    assert_eq!(std::fs::read_to_string(folder.join("stderr")).unwrap(), "");

    let without = Run { verdict: None, ..run };
    without.save(&folder).unwrap();
    assert_eq!(Run::open(&folder).unwrap(), without);
}

#[test]
fn altered_and_doubled_frames_are_kept_as_they_arrived() {
    let folder = folder("altered");
    let mut log = Log::new();
    log.send(0.0, 20.0, 0, Seg::new(SYN, 0, 0, 0));
    let fates = vec![Fate::Corrupt(560), Fate::Duplicate(1)];
    let frame = log.fated(60.0, 80.0, 0, Seg::new(ACK, 1, 1, 100), fates);
    log.arrive(81.0, 1, frame, 1);
    let run = Run { recording: log.finish(), ..Run::default() };
    run.save(&folder).unwrap();
    assert_eq!(Run::open(&folder).unwrap().recording, run.recording);
    let bytes = std::fs::read(folder.join("trace.pcapng")).unwrap();
    let mut reader = Reader::new(bytes.as_slice()).unwrap();
    let mut seen = Vec::new();
    while let Some(packet) = reader.next_packet().unwrap() {
        let comment = packet.options.comments().next().unwrap_or_default();
        seen.push(format!("{} {} {comment}", packet.interface, packet.bytes.get(70).copied().unwrap_or(0)));
    }
    assert_eq!(
        seen,
        [
            "0 0 #1 sent, arrives after 20.0 ms",
            "1 0 #1 arrived after 20.0 ms",
            "0 124 #2 sent, arrives after 20.0 ms, bit 0 of byte 70 flipped, duplicated ×1: rule rule 1",
            "1 252 #2 arrived after 20.0 ms",
            "1 252 #2 copy 1 arrived after 21.0 ms",
        ]
    );
}

#[test]
fn what_is_wrong_with_a_folder_is_said() {
    let folder = folder("wrong");
    assert!(matches!(Run::open(&folder).unwrap_err(), Error::Io { .. }));
    run().save(&folder).unwrap();
    let break_file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, bytes).unwrap();
        let error = Run::open(&folder).unwrap_err();
        std::fs::write(&path, whole).unwrap();
        error
    };
    assert!(matches!(break_file("run.toml", b"layout = 9"), Error::Layout(9)));
    assert!(matches!(break_file("run.toml", b"layout = "), Error::About { .. }));
    assert!(matches!(break_file("events.jsonl", b"{}\n"), Error::Event { line: 1, .. }));
    assert!(matches!(break_file("trace.pcapng", b"GIF8"), Error::Capture { .. }));
    assert!(matches!(break_file("trace.pcapng", b""), Error::Frame(1)));
    assert_eq!(Run::open(&folder).unwrap(), run());
}

/// What tshark says of the saved capture, where it is installed.
fn tshark(folder: &std::path::Path, args: &[&str]) -> Option<String> {
    let output = Command::new("tshark").arg("-r").arg(folder.join("trace.pcapng")).args(args).output();
    match output {
        Ok(output) => Some(String::from_utf8_lossy(&output.stdout).into_owned()),
        Err(_) => {
            println!("skipped: tshark is not installed");
            None
        }
    }
}

#[test]
fn tshark_reads_the_capture() {
    let folder = folder("tshark");
    run().save(&folder).unwrap();
    let fields =
        ["-T", "fields", "-e", "frame.interface_name", "-e", "frame.packet_id", "-e", "frame.comment"];
    let Some(text) = tshark(&folder, &fields) else { return };
    assert_eq!(text.lines().count(), 35);
    assert!(
        text.contains("client\t5\t#5 lost on the link: rule drop c2s bytes 64..1512,lost (#13)"),
        "{text}"
    );
    assert!(text.contains("server\t13\t#13 arrived after 20.2 ms\n"), "{text}");
    let malformed = ["-o", "tcp.check_checksum:TRUE", "-Y", "_ws.malformed || tcp.checksum.status != 1"];
    assert_eq!(tshark(&folder, &malformed).as_deref(), Some(""));
    // One end at a time: to a program that knows nothing of two taps, each arrival is one more retransmission.
    let one = folder.join("client.pcapng");
    tshark(&folder, &["-Y", "frame.interface_name == client", "-w", one.to_str().unwrap()]);
    std::fs::rename(one, folder.join("trace.pcapng")).unwrap();
    let marked = ["-Y", "tcp.analysis.fast_retransmission", "-T", "fields", "-e", "frame.packet_id"];
    assert_eq!(tshark(&folder, &marked).as_deref(), Some("13\n"));
}

#[test]
fn finishing_orders_and_numbers_events() {
    let recording = scenario::upload();
    assert!(recording.events.is_sorted_by_key(|event| event.at));
    assert!(recording.events.iter().zip(1..).all(|(event, id)| event.id == id));
    assert_eq!(recording.frame(1).unwrap().len(), 66);
    assert_eq!((recording.frame(0), recording.frame(99)), (None, None));
    assert_eq!(Recording::default().finish(), Recording::default());
}

#[test]
fn a_capture_of_one_end_becomes_a_ladder() {
    let mut writer = pcap::Writer::new(Vec::new(), pcap::Format::default(), ETHERNET).unwrap();
    let recording = scenario::upload();
    let mut at_client: Vec<_> = recording
        .events
        .iter()
        .filter_map(|event| match &event.what {
            What::Sent(sent) if sent.host == 0 => Some((event.at, sent.frame)),
            What::Arrived(arrived) if arrived.host == 0 => Some((event.at, arrived.frame)),
            _ => None,
        })
        .collect();
    at_client.sort_unstable();
    for (at, no) in at_client {
        let bytes = recording.frame(no).unwrap();
        writer.packet(1_700_000_000_000_000_000 + at as i64, bytes, bytes.len() as u32).unwrap();
    }
    let file = writer.finish().unwrap();
    let (seen, error) = from_capture(&mut Reader::new(&file[..file.len() - 1]).unwrap());
    assert!(matches!(error, Some(capture::Error::CutShort { wanted: 1, .. })));
    assert_eq!(seen.frames.len(), 17);
    let (seen, error) = from_capture(&mut Reader::new(file.as_slice()).unwrap());
    assert!(error.is_none());
    let ladder = seen.feed(Builder::for_capture()).into_ladder();
    let hosts: Vec<_> = ladder.hosts.iter().map(|host| host.addr.as_str()).collect();
    assert_eq!(hosts, ["10.77.0.2:40312", "10.77.0.3:9000"]);
    let again: Vec<_> =
        ladder.arrows.iter().filter(|arrow| arrow.kind == ArrowKind::Retransmission).collect();
    assert_eq!(
        (again.len(), again[0].no, again[0].from, again[0].label.as_str()),
        (1, 13, 0, "seq 65 · 1448 B")
    );
    assert_eq!(
        (again[0].findings[0].id.as_str(), &again[0].findings[0].evidence),
        ("fast_retransmission", &vec![5, 10, 11, 12])
    );
}
