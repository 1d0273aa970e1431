#![allow(clippy::print_stdout)] // a program that prints its figures
//! Measures capturing: a thread sends frames at a rate over a veth pair in a network of its own, the ring takes them.
//!
//! `cargo xtask bench packets` runs it; `flood [RATE [SECONDS]]` with packets per second.

use std::error::Error;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tongro_live::{Capture, CaptureOptions};
use tongro_sys::namespace;
use tongro_sys::netlink::{Link, Route};
use tongro_sys::packet::PacketSocket;
use tongro_sys::poll::Waker;
use tongro_wire::expr::Expression;
use tongro_wire::filter::Filter;

fn main() -> Result<(), Box<dyn Error>> {
    let number =
        |at: usize, usual: u64| std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (rate, seconds) = (number(1, 250_000), number(2, 3));
    network()?;
    println!(
        "{:<24} {:>10} {:>12} {:>12} {:>9} {:>14}",
        "capture on a veth", "sent", "pkt/s sent", "captured", "dropped", "ns CPU/packet"
    );
    for (name, filter) in [
        ("everything", None),
        ("udp.dstport == 7000", Some("udp.dstport == 7000")),
        ("tcp (kernel drops all)", Some("tcp")),
    ] {
        run(name, filter, rate, seconds)?;
    }
    Ok(())
}

/// A veth pair in fresh user and network namespaces.
fn network() -> tongro_sys::Result<()> {
    let ids = namespace::ids();
    namespace::unshare(namespace::USER | namespace::NET)?;
    namespace::map_ids((0, 0), ids)?;
    let (route, here) = (Route::open()?, namespace::current_net()?);
    let near = Link { name: "w0", mac: [2, 0, 0, 0, 0, 1] };
    let far = Link { name: "w1", mac: [2, 0, 0, 0, 0, 2] };
    route.add_veth(&near, &far, here.as_fd())?;
    route.set_up("w0")?;
    route.set_up("w1")
}

fn run(name: &str, filter: Option<&str>, rate: u64, seconds: u64) -> Result<(), Box<dyn Error>> {
    let frame = Expression::parse(
        r#"Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")/IP(src="10.0.0.1", dst="10.0.0.2")/UDP(sport=40000, dport=7000)/Raw(load="A"*470)"#,
    )?
    .packet(0)?;
    let filter = filter.map(Filter::parse).transpose()?;
    let options =
        CaptureOptions { link: Some("w1"), filter: filter.as_ref(), buffer: 64 << 20, is_promiscuous: false };
    let mut capture = Capture::open(&options)?;
    let (stop, never) = (AtomicBool::new(false), Waker::new()?);
    let (sent, took) = (AtomicU64::new(0), AtomicU64::new(0));
    let mut captured = 0u64;
    let mut cpu = 0;
    std::thread::scope(|scope| -> Result<(), Box<dyn Error>> {
        scope.spawn(|| {
            let began = Instant::now();
            sent.store(flood(&frame, rate, seconds), Ordering::Relaxed);
            took.store(began.elapsed().as_nanos() as u64, Ordering::Relaxed);
            stop.store(true, Ordering::Release);
        });
        let before = cpu_nanos();
        loop {
            // What is in the ring when the sender ends is taken, too.
            let is_last = stop.load(Ordering::Acquire);
            let mut here = 0u64;
            capture.take(never.as_fd(), Duration::from_millis(50), |_| {
                here += 1;
                true
            })?;
            captured += here;
            if is_last && here == 0 {
                break;
            }
        }
        cpu = cpu_nanos() - before;
        Ok(())
    })?;
    let (_, dropped) = capture.counted()?;
    let (sent, took) = (sent.into_inner(), took.into_inner() as f64 / 1e9);
    let each = cpu / captured.max(1);
    println!("{name:<24} {sent:>10} {:>12.0} {captured:>12} {dropped:>9} {each:>14}", sent as f64 / took);
    Ok(())
}

/// Sends at a rate, a hundred frames at a time.
fn flood(frame: &[u8], rate: u64, seconds: u64) -> u64 {
    const STEP: u64 = 100;
    let Ok(socket) = PacketSocket::open("w0") else { return 0 };
    let began = Instant::now();
    let mut sent = 0;
    while sent < rate * seconds {
        for _ in 0..STEP {
            sent += u64::from(socket.send(frame).is_ok());
        }
        let due = Duration::from_nanos(sent * 1_000_000_000 / rate);
        while began.elapsed() < due {
            std::hint::spin_loop();
        }
        if began.elapsed() > Duration::from_secs(seconds * 10) {
            break;
        }
    }
    sent
}

/// CPU time of this thread.
fn cpu_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0)
}
