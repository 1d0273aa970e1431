//! Transfers over bad networks, broken off anywhere, and peers that lie.

use core::time::Duration;

use super::*;
use crate::pair::{Network, Pair, Says, Shelf};

fn shelf(name: &str, bytes: &[u8]) -> Shelf {
    Shelf::holding(name, bytes)
}

fn bytes(len: usize) -> Vec<u8> {
    (0..len as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn bad_network() -> Network {
    Network { loss: 100, jitter: Duration::from_millis(30), segment_len: 60_000, ..Network::default() }
}

fn pair(seed: u64, errand: Errand) -> Pair<Transfer, Transfer> {
    Pair::new(seed, bad_network(), Transfer::client(errand), Transfer::server(Bounds::default()))
}

#[test]
fn files_arrive_whole_in_both_directions() {
    for (seed, len) in [0, 1, PIECE_LEN - 1, PIECE_LEN, PIECE_LEN + 1, 300_000].into_iter().enumerate() {
        let name = "가.bin".to_owned();
        let mut up = pair(seed as u64, Errand::Send { name: name.clone() });
        up.shelves[0] = shelf(&name, &bytes(len));
        up.run();
        assert_eq!(up.shelves[1].files, up.shelves[0].files);
        let sent = Notice::FileSent { name: name.clone(), len: len as u64, resumed_at: 0 };
        assert_eq!(up.notices[0], [sent]);

        let mut down = pair(seed as u64, Errand::Fetch { name: name.clone() });
        down.shelves[1] = shelf(&name, &bytes(len));
        down.run();
        assert_eq!(down.shelves[0].files, down.shelves[1].files);
    }
}

#[test]
fn a_transfer_cut_anywhere_goes_on_from_there_and_never_shows_half_a_file() {
    let file = bytes(400_000);
    for seed in 0..60 {
        let name = "big".to_owned();
        let mut shelves = [shelf(&name, &file), Shelf::default()];
        let mut arrived = 0;
        for attempt in 0u64.. {
            assert!(attempt < 50, "it never arrives");
            let mut run = pair(seed * 100 + attempt, Errand::Send { name: name.clone() });
            run.shelves = shelves;
            run.cut_after = Some(70_000 + (seed as usize * 7919) % 150_000);
            run.run();
            arrived += run.received[1].len();
            shelves = run.shelves;
            if let Some(found) = shelves[1].files.get(&name) {
                assert_eq!(*found, file);
                break;
            }
        }
        assert!(arrived < file.len() * 2 + 50 * PIECE_LEN, "pieces are not sent again and again: {arrived}");
    }
}

#[test]
fn what_is_left_of_another_file_is_found_out_and_thrown_away() {
    let name = "f".to_owned();
    let mut run = pair(1, Errand::Send { name: name.clone() });
    run.shelves[0] = shelf(&name, &bytes(100_000));
    run.shelves[1].partials.insert(name.clone(), vec![1; 50_000]);
    run.run();
    assert!(run.shelves[1].files.is_empty());
    assert_eq!(run.shelves[1].partials[&name], b"");
    assert!(
        matches!(&run.notices[0][..], [Notice::FileFailed { why }] if why.starts_with("another SHA-256"))
    );
}

#[test]
fn what_is_left_of_a_longer_file_is_thrown_away_at_once() {
    let name = "f".to_owned();
    let mut run = pair(1, Errand::Send { name: name.clone() });
    run.shelves[0] = shelf(&name, b"short");
    run.shelves[1].partials.insert(name.clone(), vec![1; 50_000]);
    run.run();
    assert_eq!(run.shelves[1].files[&name], b"short");
}

#[test]
fn many_errands_are_done_in_order_and_one_refusal_stops_none() {
    let names = ["a", "docs/b", "docs/c"];
    let mut errands: Vec<_> = names.iter().map(|name| Errand::Send { name: (*name).to_owned() }).collect();
    errands.insert(1, Errand::Send { name: "missing".to_owned() });
    let client = Transfer::errands(errands);
    let mut run = Pair::new(5, bad_network(), client, Transfer::server(Bounds::default()));
    for name in names {
        run.shelves[0].files.insert(name.to_owned(), bytes(70_000));
    }
    run.run();
    assert_eq!(run.shelves[1].files, run.shelves[0].files);
    let is_sent = |notice: &Notice| matches!(notice, Notice::FileSent { .. });
    assert_eq!(run.notices[0].iter().map(is_sent).collect::<Vec<_>>(), [true, false, true, true]);
}

#[test]
fn pieces_in_flight_when_a_file_is_refused_do_not_hit_the_next_one() {
    let late = frame(Kind::Data, "", 9, b"ab");
    let said = frames(&[
        frame(Kind::Offer, "f", 3, b""),
        late,
        late,
        frame(Kind::Done, "", 3, &[0; 32]),
        frame(Kind::Offer, "g", 0, b""),
        frame(Kind::Done, "", 0, &<sha2::Sha256 as sha2::Digest>::digest(b"")),
    ]);
    let (text, shelf) = answer_to(said);
    // Whether the first refusal is the gap or an early piece depends on how the stream was cut.
    assert!(text.matches("Err ").count() == 1 && text.contains(" Accept  Done "), "{text}");
    assert!(shelf.files.contains_key("g"));
}

#[test]
fn a_paced_sender_takes_its_time() {
    let client = Transfer::client(Errand::Send { name: "f".to_owned() }).paced(100_000).telling_progress();
    let mut run = Pair::new(1, Network::default(), client, Transfer::server(Bounds::default()));
    run.shelves[0] = shelf("f", &bytes(1_000_000));
    run.run();
    assert_eq!(run.shelves[1].files, run.shelves[0].files);
    let seconds = run.elapsed().as_secs_f64();
    assert!((9.0..12.0).contains(&seconds), "{seconds}");
    let is_progress = |notice: &&Notice| matches!(notice, Notice::FileProgress { len: 1_000_000, .. });
    assert!(run.notices[0].iter().filter(is_progress).count() >= 15);
}

fn answer_to(said: Vec<u8>) -> (String, Shelf) {
    let mut run = Pair::new(3, bad_network(), Says::new(said), Transfer::server(Bounds::default()));
    run.run();
    let mut text = String::new();
    let _ = Decoder::default().feed(&run.received[0], |frame| {
        text.push_str(&format!("{:?} {} ", frame.kind, String::from_utf8_lossy(frame.payload)));
    });
    (text, run.shelves[1].clone())
}

fn frames(list: &[Frame<'_>]) -> Vec<u8> {
    let mut actions = Actions::default();
    list.iter().for_each(|frame| frame.write(&mut actions));
    actions.bytes().to_vec()
}

fn frame<'a>(kind: Kind, name: &'a str, offset: u64, payload: &'a [u8]) -> Frame<'a> {
    Frame { kind, flags: 0, name, offset, payload }
}

#[test]
fn liars_get_an_answer_and_no_file() {
    for name in ["../x", "/etc/passwd", "..", "a\\b", "C:x", ".hidden", "", "a\0b"] {
        let (text, shelf) = answer_to(frames(&[frame(Kind::Offer, name, 3, b"")]));
        assert!(text.starts_with("Err not a plain file name: "), "{name:?}: {text}");
        assert_eq!(shelf, Shelf::default());
    }
    let offer = frame(Kind::Offer, "f", 3, b"");
    let cases = [
        (vec![offer, frame(Kind::Data, "", 1, b"ab")], "DATA with a gap or an overlap"),
        (vec![offer, frame(Kind::Data, "", 0, b"abcd")], "DATA beyond the offered length"),
        (vec![offer, frame(Kind::Done, "", 3, &[0; 32])], "DONE before the end of the file"),
        (vec![offer, offer], "a frame that does not belong here"),
        (vec![offer, frame(Kind::Data, "", 0, b"ab")], "the stream ended in the middle of a file"),
    ];
    for (said, why) in cases {
        let (text, shelf) = answer_to(frames(&said));
        assert_eq!(text, format!("Accept  Err {why} "));
        assert!(shelf.files.is_empty());
    }
    let (text, _) = answer_to(frames(&[frame(Kind::Done, "", 0, b"")]));
    assert_eq!(text, "Err no file is on its way ");
}

#[test]
fn broken_frames_are_named_and_end_the_connection() {
    let good = frames(&[frame(Kind::Offer, "f", 3, b"")]);
    let broken = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        answer_to(bytes).0
    };
    assert_eq!(broken(0, b'X'), "Err not a TGF0 frame ");
    assert_eq!(broken(4, 9), "Err unknown frame type ");
    assert_eq!(broken(6, 0xff), "Err name or payload too long ");
    assert_eq!(broken(16, 0xff), "Err name or payload too long ");
    assert_eq!(broken(good.len() - 1, 0), "Err wrong CRC-32 ");
    for at in 0..good.len() {
        for byte in [0, 1, 0x7f, 0xff] {
            broken(at, byte); // whatever it is, it neither panics nor allocates by a claim
        }
    }
}

#[test]
fn the_layout_is_the_one_of_pythons_struct() {
    // struct.pack('>4sBBHQI', b'TGF0', 1, 0, 1, 3, 0) + b'f' + zlib.crc32
    let good = frames(&[frame(Kind::Offer, "f", 3, b"")]);
    assert_eq!(&good[..21], b"TGF0\x01\x00\x00\x01\0\0\0\0\0\0\0\x03\0\0\0\0f");
    assert_eq!(good.len(), 25);
}

#[test]
fn a_drained_server_finishes_the_file_first() {
    let mut server = Transfer::server(Bounds::default());
    let mut actions = Actions::default();
    let offer = frames(&[frame(Kind::Offer, "f", 0, b"")]);
    server.handle(Event::Bytes(&offer), Now::default(), &mut actions);
    server.handle(Event::Drain, Now::default(), &mut actions);
    assert!(!actions.is_finished());
    server.handle(Event::File(FileEvent::Opened { len: 0 }), Now::default(), &mut actions);
    let hash = <sha2::Sha256 as sha2::Digest>::digest(b"");
    let done = frames(&[frame(Kind::Done, "", 0, &hash)]);
    server.handle(Event::Bytes(&done), Now::default(), &mut actions);
    server.handle(Event::File(FileEvent::Committed), Now::default(), &mut actions);
    assert!(actions.is_finished());
}
