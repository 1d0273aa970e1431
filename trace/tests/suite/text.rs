//! The text ladder against goldens. A changed drawing is written beside them as `NAME.txt.new`: look, then rename.

use std::path::Path;

use crate::scenario::{self, Log, Seg};
use tongro_trace::event::*;
use tongro_trace::ladder::{Ladder, TextOptions, text};
use tongro_wire::view::flag::{ACK, RST, SYN};
use unicode_width::UnicodeWidthStr;

fn golden(name: &str, ladder: &Ladder, options: &TextOptions) {
    let drawn = text(ladder, options);
    assert!(drawn.lines().count() <= options.lines, "{drawn}");
    assert!(drawn.lines().all(|line| line.width() <= options.width), "{drawn}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    if drawn != wanted {
        std::fs::write(path.with_extension("txt.new"), &drawn).unwrap();
    }
    assert_eq!(drawn, wanted, "{name}");
}

#[test]
fn twelve_lines_around_the_evidence() {
    let ladder = scenario::upload().ladder();
    let options = TextOptions { evidence: vec![5, 10, 11, 12, 13], ..TextOptions::default() };
    golden("evidence.txt", &ladder, &options);
    golden("evidence-ascii.txt", &ladder, &TextOptions { is_ascii: true, ..options });
}

#[test]
fn the_whole_picture_on_a_wide_terminal() {
    let options = TextOptions { lines: 30, width: 110, evidence: vec![13], ..TextOptions::default() };
    golden("whole.txt", &scenario::upload().ladder(), &options);
}

#[test]
fn without_evidence_it_begins_at_the_beginning() {
    golden(
        "beginning.txt",
        &scenario::upload().ladder(),
        &TextOptions { lines: 5, ..TextOptions::default() },
    );
    golden("empty.txt", &Ladder::default(), &TextOptions::default());
}

#[test]
fn hangul_counts_two_columns_and_faults_need_no_colour() {
    let mut log = Log::new();
    log.state(0.0, 1, TcpState::Listen);
    log.send(0.0, 20.0, 0, Seg::new(SYN, 0, 0, 0));
    log.send(20.0, 40.0, 1, Seg::new(SYN | ACK, 0, 1, 0));
    log.state(20.0, 1, TcpState::SynRecv);
    log.send(40.0, 60.0, 0, Seg::new(ACK, 1, 1, 0));
    log.state(60.0, 1, TcpState::Established);
    log.call((61.0, 81.0), 1, "recv", Some(64), 6, "안녕".as_bytes());
    let text = Seg::new(ACK, 1, 1, 0).text("안녕");
    let frame = log.fated(61.0, 81.0, 0, text, vec![Fate::Duplicate(1)]);
    log.arrive(81.5, 1, frame, 1);
    log.fated(82.0, 102.0, 0, Seg::new(ACK, 7, 1, 9), vec![Fate::Corrupt(600)]);
    log.send(83.0, 103.0, 1, Seg::new(RST | ACK, 1, 7, 0));
    log.call((82.9, 83.1), 1, "close", None, 0, b"");
    log.call((84.0, 103.0), 0, "recv", Some(64), -104, b"");
    log.push(84.0, What::Exited(Exited { program: 0, code: Some(1), signal: None }));
    golden(
        "faults.txt",
        &log.finish().ladder(),
        &TextOptions { evidence: vec![6], ..TextOptions::default() },
    );
}

#[test]
fn no_width_and_no_number_of_lines_is_exceeded() {
    let ladder = scenario::upload().ladder();
    for width in [60, 72, 80, 133] {
        for lines in 2..20 {
            for no in 1..=18 {
                let options = TextOptions { evidence: vec![no, 5], lines, width, is_ascii: no % 2 == 0 };
                let drawn = text(&ladder, &options);
                assert!(drawn.lines().all(|line| line.width() <= width), "{drawn}");
                assert!(drawn.lines().count() <= lines, "{lines}\n{drawn}");
                assert!(!options.is_ascii || drawn.is_ascii(), "{drawn}");
            }
        }
    }
}
