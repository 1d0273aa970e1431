//! Measures the lab: building, ending, forwarding. `cargo xtask bench lab` runs it; nothing here is a test.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a benchmark prints, and stops at the first surprise

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use tongro_lab::{CLIENT, Lab, Live, Plan, SERVER, SocketKind};

const ADDRESS: &str = "10.77.0.2:9000";

fn main() -> ExitCode {
    if std::env::args().nth(1).is_some_and(|argument| argument == tongro_lab::STAGE_ARGUMENT) {
        return ExitCode::from(u8::try_from(tongro_lab::enter_stage()).unwrap_or(2));
    }
    let ups: Vec<f64> = (0..100).map(|_| up()).collect();
    row("lab of two hosts up, ms, 100 times", &ups);
    let (before, began) = (Held::now(), Instant::now());
    let downs: Vec<f64> = (0..1_000).map(|_| down()).collect();
    row("teardown, ms, 1,000 times", &downs);
    println!("{:<44} {:.0} s", "1,000 labs up and down", began.elapsed().as_secs_f64());
    println!("{:<44} {}", "left behind", Held::now().beyond(&before));
    let direct = latency(&udp_on_loopback());
    row("UDP round trip on loopback, µs", &direct);
    let (lab, events) = Lab::start(&Plan::default()).unwrap();
    let drained = drain(events);
    let through = latency(&udp_in(&lab));
    row("UDP round trip through the link, µs", &through);
    let added = (percentile(&through, 50.0) - percentile(&direct, 50.0)) / 2.0;
    println!("{:<44} {added:.0}", "added one way, µs, p50");
    let rates: Vec<f64> = (0..5).map(|round| throughput(&lab, 9100 + round)).collect();
    row("TCP through the link, Gbit/s, 5 times", &rates);
    let health = lab.finish().unwrap();
    println!("{:<44} {}", "frames lost before the link", health.lost_frames);
    drop(lab);
    println!("{:<44} {}", "events", drained.join().unwrap());
    ExitCode::SUCCESS
}

fn up() -> f64 {
    let began = Instant::now();
    let lab = Lab::start(&Plan::default()).unwrap();
    let took = began.elapsed();
    drop(lab);
    took.as_secs_f64() * 1e3
}

fn down() -> f64 {
    let lab = Lab::start(&Plan::default()).unwrap();
    let began = Instant::now();
    drop(lab);
    began.elapsed().as_secs_f64() * 1e3
}

fn row(name: &str, values: &[f64]) {
    let at = |share| percentile(values, share);
    println!("{name:<44} p50 {:.2}  p95 {:.2}  max {:.2}", at(50.0), at(95.0), at(100.0));
}

fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share / 100.0).round() as usize]
}

/// What a lab might leave: our descriptors, our children, network namespaces of the kernel.
struct Held {
    descriptors: usize,
    children: usize,
    namespaces: Option<usize>,
}

impl Held {
    fn now() -> Self {
        let me = std::process::id().to_string();
        let children = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(me.as_str())
        });
        let slabs = std::fs::read_to_string("/proc/slabinfo").ok();
        let namespaces = slabs.as_deref().and_then(|text| {
            let line = text.lines().find(|line| line.starts_with("net_namespace"))?;
            line.split_whitespace().nth(1)?.parse().ok()
        });
        let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
        Self { descriptors, children: children.count(), namespaces }
    }

    fn beyond(&self, before: &Self) -> String {
        let namespaces = match (self.namespaces, before.namespaces) {
            (Some(now), Some(then)) => (now as i64 - then as i64).to_string(),
            _ => "unknown (needs root)".to_owned(),
        };
        format!(
            "{} descriptors, {} processes, {namespaces} network namespaces",
            self.descriptors as i64 - before.descriptors as i64,
            self.children as i64 - before.children as i64,
        )
    }
}

fn udp_on_loopback() -> [UdpSocket; 2] {
    let [a, b] = [UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap()];
    a.connect(b.local_addr().unwrap()).unwrap();
    b.connect(a.local_addr().unwrap()).unwrap();
    [a, b]
}

fn udp_in(lab: &Lab) -> [UdpSocket; 2] {
    let ends = [(CLIENT, "10.77.0.1:9001"), (SERVER, "10.77.0.2:9001")];
    let [a, b] = ends.map(|(host, address)| {
        let socket = UdpSocket::from(lab.socket(host, SocketKind::Udp, false).unwrap());
        tongro_sys::socket::bind(socket.as_fd(), address.parse().unwrap()).unwrap();
        socket.set_nonblocking(false).unwrap();
        socket
    });
    a.connect("10.77.0.2:9001").unwrap();
    b.connect("10.77.0.1:9001").unwrap();
    [a, b]
}

/// µs of 5,000 round trips of 64 bytes between two threads.
fn latency([a, b]: &[UdpSocket; 2]) -> Vec<f64> {
    const ROUNDS: usize = 5_000;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut buffer = [0u8; 64];
            for _ in 0..ROUNDS {
                let len = b.recv(&mut buffer).unwrap();
                b.send(&buffer[..len]).unwrap();
            }
        });
        let mut buffer = [0u8; 64];
        let round = |_| {
            let began = Instant::now();
            a.send(&buffer).unwrap();
            a.recv(&mut buffer).unwrap();
            began.elapsed().as_secs_f64() * 1e6
        };
        (0..ROUNDS).map(round).collect()
    })
}

/// Gbit/s of 64 MiB from the client host to the server host, every frame logged.
fn throughput(lab: &Lab, port: u16) -> f64 {
    const LEN: usize = 64 << 20;
    let mut address: SocketAddr = ADDRESS.parse().unwrap();
    address.set_port(port);
    let listening = socket2::Socket::from(lab.socket(SERVER, SocketKind::Tcp, false).unwrap());
    listening.bind(&address.into()).unwrap();
    listening.listen(8).unwrap();
    listening.set_nonblocking(false).unwrap();
    let listener = TcpListener::from(listening);
    let sending = socket2::Socket::from(lab.socket(CLIENT, SocketKind::Tcp, false).unwrap());
    sending.set_nonblocking(false).unwrap();
    std::thread::scope(|scope| {
        let received = scope.spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = vec![0u8; 256 * 1024];
            let began = Instant::now();
            let mut total = 0;
            while total < LEN {
                total += stream.read(&mut buffer).unwrap();
            }
            total as f64 * 8.0 / began.elapsed().as_secs_f64() / 1e9
        });
        sending.connect_timeout(&address.into(), Duration::from_secs(5)).unwrap();
        let mut stream = TcpStream::from(sending);
        stream.write_all(&vec![0u8; LEN]).unwrap();
        received.join().unwrap()
    })
}

/// Takes the lab's events away, as a run that keeps them does.
fn drain(events: Receiver<Live>) -> std::thread::JoinHandle<usize> {
    std::thread::spawn(move || events.iter().count())
}
