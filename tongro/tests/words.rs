//! The rooms emit ids and parameters, `course` has the sentences: here they are held against each other.

#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tongro_check::Verdict;
use tongro_course::{Lang, TextError, bugs, ids, try_text};
use tongro_trace::event::{DropReason, Fate, Nanos, Sent};
use tongro_trace::finding::{Analyser, Delivery, PlainAnalyser, id, lost, of_fates};
use tongro_trace::ladder::Finding;
use tongro_trace::segment::{Options, Segment};
use tongro_wire::view;
use tongro_wire::view::flag::{ACK, FIN, RST, SYN};

/// The sentence in both languages.
fn in_both(id: &str, params: &[(&str, &str)]) -> Result<[String; 2], TextError> {
    Ok([try_text(Lang::Ko, id, params)?, try_text(Lang::En, id, params)?])
}

#[track_caller]
fn assert_said(id: &str, params: &[(&str, &str)]) {
    if let Err(error) = in_both(id, params) {
        panic!("{error}, given {params:?}");
    }
}

// ---- findings

/// What whoever shows a finding knows of its frame; it goes before the finding's own.
const OF_THE_FRAME: [(&str, &str); 4] = [("n", "#13"), ("from", "client"), ("to", "server"), ("len", "1448")];

#[test]
fn every_finding_has_its_words_and_their_values() {
    let found = [conversations(), without_connection(), on_the_link(), of_the_ladder()].concat();
    for finding in &found {
        let own = finding.params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let (mut params, own): (Vec<_>, Vec<_>) = (OF_THE_FRAME.to_vec(), own.collect());
        params.retain(|(name, _)| *name != "len" || !own.iter().any(|(mine, _)| mine == name));
        params.extend(own);
        assert_said(&format!("finding.{}.title", finding.id), &[]);
        assert_said(&format!("finding.{}.why", finding.id), &params);
    }
    let emitted: BTreeSet<&str> = found.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!(emitted, BTreeSet::from(id::ALL), "each is made at least once here");
}

#[test]
fn no_finding_has_words_in_vain() {
    // Frames without a finding are explained by the workbench itself, with their numbers.
    let plain = ["ack", "data"];
    for (text, _) in ids(Lang::En, "finding.") {
        let finding = text.split('.').nth(1).unwrap_or_default();
        assert!(id::ALL.contains(&finding) || plain.contains(&finding), "{finding}");
    }
    let params = [&OF_THE_FRAME[..], &[("seq", "65"), ("ack", "65")]].concat();
    plain.iter().for_each(|finding| assert_said(&format!("finding.{finding}.why"), &params));
}

/// Segments as both ends see them.
#[derive(Default)]
struct Wire {
    analyser: Analyser,
    flow: u32,
    no: u32,
    at: Nanos,
    found: Vec<Finding>,
}

/// Direction, flags, sequence number, acknowledgment, payload, window.
type Seg = (usize, u8, u32, u32, u32, u16);

impl Wire {
    fn next_flow(&mut self) -> &mut Self {
        self.flow += 1;
        self
    }

    fn opened(&mut self) -> &mut Self {
        let handshake = [(0, SYN, 0, 0, 0, 502), (1, SYN | ACK, 0, 1, 0, 502), (0, ACK, 1, 1, 0, 502)];
        self.next_flow().all(&handshake)
    }

    fn all(&mut self, segments: &[Seg]) -> &mut Self {
        for segment in segments {
            self.put(*segment, Delivery::Arrives(1));
        }
        self
    }

    fn lost(&mut self, segment: Seg) -> &mut Self {
        self.put(segment, Delivery::Lost);
        self
    }

    fn after_ms(&mut self, ms: u64) -> &mut Self {
        self.at += ms * 1_000_000;
        self
    }

    fn put(&mut self, segment: Seg, delivery: Delivery) {
        let segment = self.segment(segment);
        let found = self.analyser.sent(self.flow, &segment, delivery);
        self.found.extend(found.into_iter().map(|found| found.finding));
        self.analyser.arrived(segment.no);
    }

    fn segment(&mut self, (dir, flags, seq, ack, payload, window): Seg) -> Segment {
        self.no += 1;
        self.at += 1_000_000;
        let (no, at, options) = (self.no, self.at, Options::default());
        Segment { no, at, dir, seq, ack, flags, window, payload, options }
    }
}

/// Every finding on TCP, where it knows most and where it knows least.
fn conversations() -> Vec<Finding> {
    let mut wire = Wire::default();
    // Two of five are lost: three duplicates, a fast retransmission, and the second hole in recovery.
    wire.opened().lost((0, ACK, 1, 1, 100, 502)).lost((0, ACK, 101, 1, 100, 502));
    wire.all(&[201, 301, 401].map(|seq| (0, ACK, seq, 1, 100, 502)));
    wire.all(&[(1, ACK, 1, 1, 0, 502); 3]);
    wire.all(&[(0, ACK, 1, 1, 100, 502), (1, ACK, 1, 101, 0, 502), (0, ACK, 101, 1, 100, 502)]);
    // One duplicate is enough where it brings news.
    wire.opened().lost((0, ACK, 1, 1, 100, 502)).all(&[(0, ACK, 101, 1, 100, 502), (1, ACK, 1, 1, 0, 502)]);
    wire.all(&[(0, ACK, 1, 1, 100, 502)]);
    // The timer, a probe of the tail, a copy too many.
    wire.opened().lost((0, ACK, 1, 1, 100, 502)).lost((0, ACK, 1, 1, 100, 502));
    wire.after_ms(900).all(&[(0, ACK, 1, 1, 100, 502), (1, ACK, 1, 101, 0, 502), (0, ACK, 1, 1, 100, 502)]);
    // The original was never seen: of data, of a request, of an acceptance.
    for delivery in [Delivery::Arrives(1), Delivery::Unknown] {
        for flags in [ACK, SYN] {
            wire.next_flow().all(&[(0, flags, 1000, 0, 10, 502)]).after_ms(10);
            wire.put((0, flags, 500, 0, 10, 502), delivery);
        }
    }
    wire.next_flow().all(&[(1, SYN | ACK, 0, 1, 0, 502)]);
    wire.next_flow().lost((0, SYN, 0, 0, 0, 502)).after_ms(1000).all(&[(0, SYN, 0, 0, 0, 502)]);
    // A window that fills, closes, is probed and opens.
    wire.opened().all(&[(0, ACK, 1, 1, 400, 502), (1, ACK, 1, 401, 0, 100), (0, ACK, 401, 1, 100, 502)]);
    wire.all(&[(1, ACK, 1, 501, 0, 0), (0, ACK, 500, 1, 0, 502), (1, ACK, 1, 501, 0, 0)]);
    wire.all(&[(1, ACK, 1, 501, 0, 500)]);
    // A question whether anybody is there.
    wire.opened().all(&[(0, ACK, 1, 1, 10, 502), (1, ACK, 1, 11, 0, 502)]);
    wire.all(&[(0, ACK, 10, 1, 0, 502), (1, ACK, 1, 11, 0, 502)]);
    // A close with data after the first FIN; refusals, an abort, a reset that nobody sent.
    wire.opened().all(&[(0, FIN | ACK, 1, 1, 0, 502), (1, ACK, 1, 2, 0, 502), (1, ACK, 1, 2, 10, 502)]);
    wire.all(&[(0, ACK, 2, 11, 0, 502), (1, FIN | ACK, 11, 2, 0, 502), (0, ACK, 2, 12, 0, 502)]);
    wire.next_flow().all(&[(0, SYN, 0, 0, 0, 502), (1, RST | ACK, 0, 1, 0, 0)]);
    wire.opened().all(&[(1, RST | ACK, 1, 1, 0, 0)]);
    wire.opened();
    let forged = wire.segment((0, RST, 1, 0, 0, 0));
    let found = wire.analyser.forged(wire.flow, &forged, "reset");
    wire.analyser.arrived(forged.no);
    wire.found.extend(found.into_iter().map(|found| found.finding));
    wire.all(&[(0, ACK, 1, 1, 10, 502), (1, RST, 1, 0, 0, 0)]);
    wire.analyser.overtaken(wire.flow, 0, 1000);
    wire.found.extend(wire.analyser.overtaken(wire.flow, 0, 999));
    wire.found
}

/// ARP, ICMP and UDP, answers without a question among them.
fn without_connection() -> Vec<Finding> {
    let ip = |protocol: u8, payload: &[u8]| {
        let mut frame = vec![2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 20 + payload.len() as u8];
        frame.extend([0, 1, 0x40, 0, 64, protocol, 0, 0, 10, 77, 0, 2, 10, 77, 0, 3]);
        frame.extend(payload);
        frame
    };
    let arp = |operation: u8, sender: u8, target: u8| {
        let mut frame = vec![2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 2, 8, 6, 0, 1, 8, 0, 6, 4, 0, operation];
        frame.extend([2, 0, 0, 0, 0, sender, 10, 77, 0, sender, 0, 0, 0, 0, 0, 0, 10, 77, 0, target]);
        frame
    };
    let frames = [
        ip(17, &[0, 7, 0, 7, 0, 9, 0, 0, 65]),
        ip(1, &[3, 3, 0, 0, 0, 0, 0, 0]),
        ip(1, &[0, 0, 0, 0, 0, 9, 0, 9]),
        ip(1, &[8, 0, 0, 0, 0, 7, 0, 1]),
        ip(1, &[0, 0, 0, 0, 0, 7, 0, 1]),
        arp(2, 9, 2),
        arp(1, 2, 3),
        arp(2, 3, 2),
    ];
    let mut analyser = PlainAnalyser::default();
    let found = frames.iter().zip(1..).filter_map(|(frame, no)| {
        analyser.sent(no, u64::from(no) * 1_000_000, frame, &view::ethernet(frame)?)
    });
    found.collect()
}

fn on_the_link() -> Vec<Finding> {
    let fates =
        [Fate::Drop, Fate::Duplicate(2), Fate::Corrupt(99), Fate::Reorder(1), Fate::Delay(30_000_000)];
    let mut found = Vec::new();
    for fate in fates {
        for rule in [None, Some("drop c2s nth 3".to_owned())] {
            let sent = Sent { frame: 5, host: 0, forged: false, len: 60, fates: vec![fate.clone()], rule };
            found.extend(of_fates(&sent, 0));
        }
    }
    let reasons = [DropReason::Script, DropReason::Queue, DropReason::Blackhole, DropReason::Gone];
    found.extend(reasons.map(|reason| lost(reason, None)));
    found
}

/// What the ladder adds by itself: a sum that does not hold, and the call that waited for a retransmission.
fn of_the_ladder() -> Vec<Finding> {
    let made = |id: &str, params: &[(&str, &str)]| {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Finding { id: id.to_owned(), params, evidence: Vec::new() }
    };
    vec![
        made(id::CHECKSUM_BAD, &[("layer", "tcp"), ("when", "arrived")]),
        made(id::CALL_BLOCKED, &[("call", "recv()"), ("host", "server"), ("ms", "41.3")]),
    ]
}

// ---- verdicts

/// What echo's checks give with the bug they name; the counts of bytes go together.
const OF_BYTES: [(&str, &str); 3] = [("sent", "13"), ("received", "6"), ("offset", "6")];
const OF_REPLY: [(&str, &str); 4] =
    [("sent", "5"), ("received", "9"), ("offset", "1"), ("bytes", "01 00 00 00 00 05 00 00 05")];
const OF_CLIENT: [(&str, &str); 3] = [("sent", "12"), ("received", "12"), ("printed", "hello")];
const FAILURES: &[(&str, &[(&str, &str)])] = &[
    ("happy-path", &OF_BYTES),
    ("not-an-echo-server", &[("received", "220 ready"), ("sent", "hello"), ("port", "9000")]),
    ("loopback-only-bind", &[("port", "9000"), ("addr", "127.0.0.1")]),
    ("decode-per-recv", &OF_BYTES),
    ("non-text-crash", &OF_BYTES),
    ("swallow-all-except", &[]),
    ("swallowed-task-error", &[]),
    ("exact-buffer-hang", &OF_BYTES),
    ("short-recv-is-end", &OF_BYTES),
    ("eof-spin", &[("fd", "5"), ("call", "recv()"), ("count", "4211")]),
    ("async-eof-starves-loop", &[]),
    ("serves-one-then-exits", &[]),
    ("empty-connection-kills", &[]),
    ("idle-client-blocks", &[("call", "recv()"), ("count", "8")]),
    ("await-instead-of-task", &[("call", "epoll_wait()"), ("count", "8")]),
    ("blocking-call-in-async", &[("call", "clock_nanosleep()"), ("ms", "200")]),
    ("eagain-crash", &OF_BYTES),
    ("half-close-mishandled", &[("sent", "13"), ("received", "6")]),
    ("half-close-no-fin", &[]),
    ("fd-leak", &[("count", "40"), ("before", "11"), ("after", "41")]),
    ("rst-kills-server", &[]),
    ("epipe-kills-server", &[]),
    ("send-not-sendall", &[("sent", "16001"), ("received", "1000"), ("offset", "1000"), ("limit", "1000")]),
    ("slow-reader-stalls-all", &[("call", "send()")]),
    ("output-buffer-unbounded", &[("sent", "33554432"), ("kib", "32768")]),
    ("no-drain", &[("sent", "33554432"), ("kib", "32768")]),
    ("backlog-overflow", &[("sent", "64"), ("count", "59")]),
    ("zombies", &[("sent", "20"), ("count", "20")]),
    ("no-reuseaddr", &[("port", "9000"), ("errno", "EADDRINUSE")]),
    ("no-graceful-stop", &[("signal", "SIGTERM"), ("received", "100")]),
    ("ipv4-only", &[("port", "9000")]),
    ("binary-exchange", &OF_REPLY),
    ("struct-native-padding", &OF_REPLY),
    ("struct-little-endian", &OF_REPLY),
    ("struct-value-range", &[("number", "4294967295"), ("bytes", "01 00"), ("sent", "5")]),
    ("unpack-short-recv", &[("cut", "2"), ("bytes", "01 00")]),
    ("coalesced-dropped", &[("count", "1")]),
    ("boundary-shifted", &[("count", "1")]),
    ("client-exchange", &OF_CLIENT),
    ("client-short-recv", &OF_CLIENT),
    ("client-decode", &OF_CLIENT),
    ("client-short-send", &OF_CLIENT),
    ("client-truncation", &OF_CLIENT),
    ("client-refused", &OF_CLIENT),
    // Their words wait for checks whose repeats agree.
    ("client-reset", &OF_CLIENT),
    ("client-no-timeout", &OF_CLIENT),
];

#[test]
fn every_check_can_be_told_whether_it_was_run_or_not() {
    for check in tongro_check::contracts().iter().flat_map(|contract| contract.checks) {
        for part in ["title", "did", "expected"] {
            assert_said(&format!("check.{}.{part}", check.id), &[]);
        }
        assert!(FAILURES.iter().any(|(bug, _)| *bug == check.id), "{} can fail", check.id);
    }
}

#[test]
fn every_failure_has_its_words_and_their_values() {
    for (bug, params) in FAILURES.iter().copied() {
        let verdict =
            params.iter().fold(Verdict::fail(bug, bug), |verdict, (name, value)| verdict.with(name, value));
        for said in [&verdict.expected, &verdict.got[0]] {
            let params: Vec<_> =
                said.params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_said(&said.id, &params);
        }
        assert_said(&format!("check.{bug}.title"), &[]);
    }
    let told: BTreeSet<&str> = ids(Lang::En, "check.").filter_map(|(id, _)| id.split('.').nth(1)).collect();
    assert_eq!(told, FAILURES.iter().map(|(bug, _)| *bug).collect(), "checks with words");
}

/// Bugs that no check looks for yet have no severity of the judge's.
#[test]
fn the_judge_and_the_catalogue_agree_on_severity() {
    for bug in bugs().iter().filter(|bug| FAILURES.iter().any(|(id, _)| *id == bug.id)) {
        let judged = serde_json::to_value(Verdict::fail(&bug.id, &bug.id).severity).unwrap();
        assert_eq!(judged, bug.severity.id(), "{}", bug.id);
    }
}

// ---- what the sources name

fn sources(room: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(room).join("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    assert!(!files.is_empty(), "{room}");
    files
}

#[test]
fn every_id_in_the_sources_has_words() {
    let rooms = ["cli.", "check.", "outcome.", "finding.", "ui."];
    let mut seen = 0;
    for (path, text) in ["check", "tongro", "web"].into_iter().flat_map(sources) {
        for id in text.split('"').skip(1).filter(|text| rooms.iter().any(|room| text.starts_with(room))) {
            let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
            if !id.chars().all(is_id) || id.ends_with('.') {
                continue;
            }
            seen += 1;
            for lang in Lang::ALL {
                let unknown = matches!(try_text(lang, id, &[]), Err(TextError::Unknown { .. }));
                assert!(!unknown, "{}: {id} in {}", path.display(), lang.tag());
            }
        }
    }
    assert!(seen > 60, "{seen}");
}

/// `Said::new("outcome.…").with("name", …)…`: the names are those that the sentence asks for.
#[test]
fn every_outcome_in_the_sources_has_its_values() {
    let mut seen = 0;
    for (path, text) in sources("check") {
        for (_, rest) in text.match_indices("Said::new(\"outcome.").map(|(at, _)| text[at..].split_at(11)) {
            let (id, mut chain) = rest.split_once("\")").unwrap();
            let mut params = Vec::new();
            while let Some(call) = chain.trim_start().strip_prefix(".with(\"") {
                let (name, arguments) = call.split_once('"').unwrap();
                params.push((name, "1"));
                chain = &arguments[closing(arguments)..];
            }
            seen += 1;
            if let Err(error) = in_both(id, &params) {
                panic!("{}: {error}", path.display());
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

/// The byte after the parenthesis that closes what is open.
fn closing(text: &str) -> usize {
    let mut depth = 1;
    let end = text.find(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    end.unwrap() + 1
}
