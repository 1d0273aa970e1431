//! How long a run of 100,000 frames takes to draw, save and open: `cargo bench -p tongro-trace`.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // a program that prints figures

use std::time::Instant;

use tongro_trace::event::{Arrived, Event, Fate, Sent, Socket, TcpState, What};
use tongro_trace::recording::Recording;
use tongro_trace::run::Run;

const FRAMES: u32 = 100_000;

fn main() {
    let recording = transfer();
    let bytes: usize = recording.frames.iter().map(Vec::len).sum();
    println!("{FRAMES} frames, {} events, {:.0} MB", recording.events.len(), bytes as f64 / 1e6);
    let folder = std::env::temp_dir().join(format!("tongro-bench-{}", std::process::id()));
    let run = Run { recording, ..Run::default() };
    for round in 0..3 {
        let began = Instant::now();
        let arrows = run.recording.ladder().arrows.len();
        let drawn = began.elapsed();
        run.save(&folder).unwrap();
        let saved = began.elapsed() - drawn;
        let opened = Run::open(&folder).unwrap();
        let read = began.elapsed() - drawn - saved;
        assert_eq!((opened == run, arrows), (true, FRAMES as usize));
        println!("round {round}: ladder {drawn:.3?}, save {saved:.3?}, open {read:.3?}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// Two data segments, one acknowledgment, and so on, 20 ms each way; states are looked up at every frame.
fn transfer() -> Recording {
    let mut recording = Recording::default();
    let mut push = |at: u64, what| recording.events.push(Event { id: 0, at, what });
    for no in 1..=FRAMES {
        let at = u64::from(no) * 12_000;
        let host = u8::from(no % 3 == 0);
        let bytes = segment(no, host);
        let fates = vec![Fate::Delay(20_000_000)];
        let len = bytes.len() as u32;
        push(at, What::Sent(Sent { frame: no, host, forged: false, len, fates, rule: None }));
        push(at + 20_000_000, What::Arrived(Arrived { frame: no, host: 1 - host, copy: 0 }));
        push(at, What::Socket(socket(host, no)));
        recording.frames.push(bytes);
    }
    recording.finish()
}

fn socket(host: u8, frame: u32) -> Socket {
    let end = |host: u8| std::net::SocketAddr::from(([10, 77, 0, 2 + host], 9000 + u16::from(host)));
    Socket {
        host,
        local: end(host),
        remote: end(1 - host),
        state: TcpState::Established,
        frame: Some(frame),
        rqueue: 0,
        wqueue: 1448,
        inode: 4711,
        info: None,
    }
}

fn segment(no: u32, host: u8) -> Vec<u8> {
    let payload = if host == 0 { 1448 } else { 0 };
    let sent = (no - no / 3) * 1448;
    let (seq, ack) = if host == 0 { (sent, 1) } else { (1, sent - 1448 * 2) };
    let mut frame =
        b"\x02\0\0\0\0\x03\x02\0\0\0\0\x02\x08\0\x45\0\0\0\0\0\x40\0\x40\x06\0\0\x0a\x4d\0".to_vec();
    frame[16..18].copy_from_slice(&(40 + payload as u16).to_be_bytes());
    frame.extend([2 + host, 10, 77, 0, 3 - host]);
    frame.extend((9000 + u16::from(host)).to_be_bytes());
    frame.extend((9001 - u16::from(host)).to_be_bytes());
    frame.extend(seq.to_be_bytes());
    frame.extend(ack.to_be_bytes());
    frame.extend([0x50, 0x10, 1, 0xf6, 0, 0, 0, 0]);
    frame.resize(54 + payload, 7);
    frame
}
