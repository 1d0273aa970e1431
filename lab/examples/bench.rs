//! Measures the lab: building, ending, forwarding. `cargo xtask bench lab` runs it; nothing here is a test. It prints a
//! table, with `--json` one object a line.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr)] // a benchmark prints, and stops at the first surprise

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::process::{Command, ExitCode};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use tongro_lab::{CLIENT, Lab, Live, Plan, SERVER, SocketKind};

const ADDRESS: &str = "10.77.0.2:9000";
const NAMESPACES_MAX: u32 = 60;
/// The hidden argument of the process that may have no more than that.
const CYCLES_ARGUMENT: &str = "__cycles";

fn main() -> ExitCode {
    let argument = std::env::args().nth(1).unwrap_or_default();
    if argument == tongro_lab::STAGE_ARGUMENT {
        return ExitCode::from(u8::try_from(tongro_lab::enter_stage()).unwrap_or(2));
    }
    if argument == CYCLES_ARGUMENT {
        (0..1_000).for_each(|_| {
            down();
        });
        return ExitCode::SUCCESS;
    }
    let print = Print { is_json: argument == "--json" };
    cycles(&print);
    cycles_under_a_limit(&print);
    forwarding(&print);
    ExitCode::SUCCESS
}

/// Building and ending labs.
fn cycles(print: &Print) {
    let ups: Vec<f64> = (0..100).map(|_| up()).collect();
    print.row("lab_up", "lab of two hosts up", "ms", &ups);
    let (before, began) = (Held::now(), Instant::now());
    let downs: Vec<f64> = (0..1_000).map(|_| down()).collect();
    print.row("lab_down", "teardown", "ms", &downs);
    print.number("lab_cycles", "1,000 labs up and down", "s", began.elapsed().as_secs_f64());
    let now = Held::now();
    print.number("left_descriptors", "left behind: descriptors", "", now.descriptors - before.descriptors);
    print.number("left_processes", "left behind: processes", "", now.processes - before.processes);
}

/// A thousand labs by a user who may have 60 network namespaces at a time: a lab has three, so with more than 57 left
/// behind the next could not be built. Other users' namespaces don't count, and no root is needed.
fn cycles_under_a_limit(print: &Print) {
    let script =
        format!("echo {NAMESPACES_MAX} > /proc/sys/user/max_net_namespaces && exec \"$0\" {CYCLES_ARGUMENT}");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    print.number("cycles_under_limit", "cycles with at most 60 network namespaces", "", 1_000.0);
}

/// Frames through a lab's link, everything logged, and the events taken away as a run that keeps them does.
fn forwarding(print: &Print) {
    let direct = latency(&udp_on_loopback());
    print.row("rtt_loopback", "UDP round trip on loopback", "µs", &direct);
    let (lab, events) = Lab::start(&Plan::default()).unwrap();
    let drained = drain(events);
    let through = latency(&udp_in(&lab));
    print.row("rtt_link", "UDP round trip through the link", "µs", &through);
    for share in [50.0, 99.0] {
        let added = (percentile(&through, share) - percentile(&direct, share)) / 2.0;
        print.number(&format!("added_p{share}"), &format!("added one way, p{share}"), "µs", added);
    }
    let rates: Vec<f64> = (0..5).map(|round| throughput(&lab, 9100 + round)).collect();
    print.row("throughput", "TCP through the link", "Gbit/s", &rates);
    let health = lab.finish().unwrap();
    drop(lab);
    print.number("lost", "frames lost before the link", "", health.lost_frames as f64);
    print.number("events", "events", "", drained.join().unwrap() as f64);
}

/// A table for people, or one JSON object a line.
struct Print {
    is_json: bool,
}

impl Print {
    /// Many values of one kind.
    fn row(&self, id: &str, name: &str, unit: &str, values: &[f64]) {
        let [p50, p95, p99, max] = [50.0, 95.0, 99.0, 100.0].map(|share| percentile(values, share));
        let count = values.len();
        if self.is_json {
            println!(
                r#"{{"type":"bench","id":"{id}","unit":"{unit}","count":{count},"p50":{p50:.3},"p95":{p95:.3},"p99":{p99:.3},"max":{max:.3}}}"#
            );
        } else {
            let name = format!("{name}, {unit}, {count} times");
            println!("{name:<48} p50 {p50:>7.2}  p95 {p95:>7.2}  p99 {p99:>7.2}  max {max:>7.2}");
        }
    }

    /// One value.
    fn number(&self, id: &str, name: &str, unit: &str, value: f64) {
        if self.is_json {
            println!(r#"{{"type":"bench","id":"{id}","unit":"{unit}","value":{value:.3}}}"#);
        } else {
            println!("{name:<48} {value:.0} {unit}");
        }
    }
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

fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[((sorted.len() - 1) as f64 * share / 100.0).round() as usize]
}

/// What a lab might leave with its parent: descriptors, children.
struct Held {
    descriptors: f64,
    processes: f64,
}

impl Held {
    fn now() -> Self {
        let me = std::process::id().to_string();
        let children = std::fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(me.as_str())
        });
        let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().count();
        Self { descriptors: descriptors as f64, processes: children.count() as f64 }
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
