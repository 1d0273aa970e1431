//! The commands that serve, race and tell the time, as processes: graceful ends, messages with their fix, and the
//! detector both ways. It names each pathology on a program built to have it, and is silent on clean ones.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

const TONGRO: &str = env!("CARGO_BIN_EXE_tongro");

/// Exit code, stdout, stderr.
fn tongro(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(TONGRO).args(arguments).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// A server of ours and where it listens.
struct Server {
    child: Child,
    output: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(TONGRO);
        command.args(["echo", "serve", "--port", "0", "--lang", "en"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let address = line.trim_end().rsplit(' ').next().unwrap().to_owned();
        Self { child, output, address }
    }

    /// Ends it by a signal; the rest of its output.
    fn end(mut self, signal: &str) -> String {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success() && self.child.wait().unwrap().success());
        let mut rest = String::new();
        self.output.read_line(&mut rest).unwrap();
        rest
    }
}

/// Sends this through `echo connect`; exit code, stdout, stderr.
fn connect(arguments: &[&str], input: &[u8]) -> (i32, Vec<u8>, String) {
    let mut child = Command::new(TONGRO)
        .args(["echo", "connect", "--lang", "en", "--timeout", "60"])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        let output = child.wait_with_output().unwrap();
        (output.status.code().unwrap(), output.stdout, String::from_utf8(output.stderr).unwrap())
    })
}

#[test]
fn a_server_ends_gracefully_on_both_signals() {
    for (signal, model) in [("-TERM", "epoll"), ("-INT", "thread"), ("-TERM", "fork")] {
        let server = Server::start(&["--model", model]);
        let (code, out, _) = connect(&[&server.address], b"hello\n");
        assert_eq!((code, out.as_slice()), (0, &b"hello\n"[..]));
        assert_eq!(server.end(signal), "ended: 1 accepted, 0 refused, 0 cut\n", "{model}");
    }
}

#[test]
fn megabytes_go_through_a_pipe_plain_and_encrypted() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("race-tls");
    std::fs::create_dir_all(&folder).unwrap();
    let cert = folder.join("cert.pem").to_string_lossy().into_owned();
    let all: Vec<u8> = (0..3_000_000u32).map(|n| ((n * 7) >> 5) as u8).collect();
    let plain = Server::start(&[]);
    let (code, out, _) = connect(&[&plain.address], &all);
    assert!(code == 0 && out == all);
    plain.end("-TERM");
    let secret = Server::start(&["--tls", "--save-cert", &cert]);
    let (code, out, err) = connect(&[&secret.address, "--trust", &cert], &all);
    assert!(code == 0 && out == all, "{err}");
    secret.end("-TERM");
}

#[test]
fn each_call_is_shown_with_its_bytes() {
    let server = Server::start(&[]);
    let (_, _, err) = connect(&[&server.address, "-v"], "안녕\n".as_bytes());
    assert!(
        err.contains("send 7 B  안녕\\n") && err.contains("recv 7 B  안녕\\n") && err.contains("FIN"),
        "{err}"
    );
    server.end("-TERM");
}

#[test]
fn what_went_wrong_comes_with_its_fix_in_both_languages() {
    let server = Server::start(&[]);
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    let (code, _, err) = tongro(&["echo", "serve", "--port", &port, "--lang", "en"]);
    assert!(code == 2 && err.contains("is in use") && err.contains("hint: another program"), "{err}");
    server.end("-TERM");
    let (code, _, err) = connect(&[&format!("127.0.0.1:{port}")], b"");
    assert!(
        code == 2 && err.contains("refused the connection") && err.contains("start the server first"),
        "{err}"
    );
    let (_, _, err) = tongro(&["echo", "connect", &format!("127.0.0.1:{port}"), "--lang", "ko"]);
    assert!(err.contains("거절") && err.contains("서버를 먼저 실행"), "{err}");
    let (code, _, err) = tongro(&["echo", "serve", "--proto", "chat", "--model", "fork", "--lang", "en"]);
    assert!(code == 2 && err.contains("share no memory"), "{err}");
}

// ---- the detector

/// Ids that the detector names for a Python program, under these options of `bench`.
fn named(program: &str, options: &[&str]) -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pathologies");
    std::fs::create_dir_all(&folder).unwrap();
    let name =
        format!("{:x}.py", program.bytes().fold(7u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte)));
    let path = folder.join(name);
    std::fs::write(&path, format!("{PRELUDE}{program}")).unwrap();
    let lane = format!("lane=python3 {}", path.display());
    ids(&[&["--own", "--lane", &lane], options].concat())
}

fn ids(options: &[&str]) -> Vec<String> {
    let quick = ["bench", "--quick", "--json", "--open", "0", "--lang", "en"];
    let (code, out, err) = tongro(&[&quick, options].concat());
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(r#""type":"measured""#), "{out}{err}");
    let lines = out.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let findings = lines.filter(|line| line["type"] == "finding");
    findings.map(|line| line["id"].as_str().unwrap().to_owned()).collect()
}

/// A listener, and an event loop for those that need one.
const PRELUDE: &str = r#"
import os, select, socket, threading, time
def listen(backlog=4096):
    s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", 0)); s.listen(backlog); return s
def talk(c, answer=lambda c, d: c.sendall(d)):
    while True:
        d = c.recv(4096)
        if not d: break
        answer(c, d)
    c.close()
def loop(s, answer):
    e = select.epoll(); e.register(s, select.EPOLLIN); all = {}
    while True:
        for fd, _ in e.poll():
            if fd == s.fileno():
                c, _ = s.accept(); all[c.fileno()] = c; e.register(c, select.EPOLLIN)
                continue
            d = all[fd].recv(4096)
            if d: answer(all[fd], d)
            else: e.unregister(fd); all.pop(fd).close()
"#;

#[test]
fn clean_servers_are_not_accused() {
    assert_eq!(ids(&["--models", "epoll,poll,async,io_uring"]), [""; 0]);
    assert_eq!(named("loop(listen(), lambda c, d: c.sendall(d))", &[]), [""; 0]);
}

#[test]
fn head_of_line_is_named() {
    let program = "s = listen()\nwhile True: talk(s.accept()[0])";
    assert_eq!(named(program, &["--no-calls"]), ["head-of-line"]);
}

#[test]
fn a_thread_for_each_client_is_named() {
    let program = "s = listen()\nwhile True:\n  threading.Thread(target=talk, args=(s.accept()[0],), daemon=True).start()";
    assert_eq!(named(program, &["--no-calls"]), ["thread-per-client"]);
}

#[test]
fn starvation_is_named() {
    // The accepting thread computes instead of accepting.
    let program = "s = listen()\nc, _ = s.accept()\nthreading.Thread(target=talk, args=(c,), daemon=True).start()\nwhile True: pass";
    assert_eq!(named(program, &["--no-calls"]), ["accept-starvation"]);
}

#[test]
fn running_out_of_descriptors_is_named() {
    let program = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))\ns = listen(); got = []\n\
        while True:\n  try: got.append(s.accept()[0])\n  except OSError: time.sleep(0.01)\n  else:\n    \
        threading.Thread(target=talk, args=(got[-1],), daemon=True).start()";
    assert!(named(program, &["--no-calls"]).contains(&"fd-exhaustion".to_owned()));
}

#[test]
fn forking_slower_than_clients_come_is_named() {
    // A parent that needs a tenth of a second for each child, as one with much memory does.
    let program = "s = listen()\nwhile True:\n  c, _ = s.accept()\n  if os.fork() == 0: talk(c); os._exit(0)\n  \
        c.close()\n  time.sleep(0.1)";
    // While other programs want the processors, waiting for a child and waiting for a turn look alike.
    let is_named = || named(program, &["--no-calls"]) == ["fork-rate"];
    assert!((0..4).any(|_| is_named()));
}

#[test]
fn nagle_with_delayed_acknowledgments_is_named() {
    let program = "def two(c, d):\n  c.send(d[:1])\n  c.send(d[1:])\nloop(listen(), two)";
    let ids = named(program, &["--connections", "1", "--no-calls", "--seconds", "3"]);
    assert!(ids.contains(&"nagle-delayed-ack".to_owned()), "{ids:?}");
}

#[test]
fn calls_beside_the_necessary_ones_are_named() {
    let program = "def slow(c, d):\n  c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)\n  c.sendall(d)\n\
        loop(listen(), slow)";
    assert_eq!(named(program, &[]), ["extra-calls"]);
}

#[test]
fn an_overflown_queue_is_named() {
    let program = "s = listen(1)\ntime.sleep(1)\nloop(s, lambda c, d: c.sendall(d))";
    let ids = named(program, &["--no-calls"]);
    assert!(ids.contains(&"backlog-overflow".to_owned()), "{ids:?}");
}

#[test]
fn ports_used_up_in_time_wait_are_named() {
    // In a network namespace of its own with few ports; a new connection to a backend for each message.
    let program = r#"
b = listen()
def backend():
    while True:
        c, _ = b.accept()
        c.recv(1)
        c.close()
threading.Thread(target=backend, daemon=True).start()
def proxied(c, d):
    try:
        o = socket.create_connection(b.getsockname()); o.shutdown(socket.SHUT_WR); o.recv(1); o.close()
    except OSError: pass
    c.sendall(d)
loop(listen(), proxied)
"#;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("pathologies");
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("time_wait.py");
    std::fs::write(&path, format!("{PRELUDE}{program}")).unwrap();
    let lane = format!("lane=python3 {}", path.display());
    let script = "ip link set lo up && echo 20000 20099 > /proc/sys/net/ipv4/ip_local_port_range && exec \"$0\" \"$@\"";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "sh", "-c", script, TONGRO])
        .args(["bench", "--quick", "--json", "--own", "--no-calls", "--open", "0", "--lane", &lane])
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("time-wait-exhaustion"), "{out}{err}");
}

// ---- the race itself

#[test]
fn a_program_of_ones_own_is_a_lane_and_the_page_holds_everything() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("race-page");
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("mine.py");
    std::fs::write(&program, format!("{PRELUDE}loop(listen(), lambda c, d: c.sendall(d))")).unwrap();
    let page = folder.join("race.html");
    let lane = format!("<mine>=python3 {}", program.display());
    let (code, out, err) = tongro(&[
        "bench",
        "--quick",
        "--models",
        "epoll,thread",
        "--lane",
        &lane,
        "--html",
        &page.to_string_lossy(),
        "--lang",
        "en",
    ]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("64/64") && out.contains("<mine>") && out.contains("2,000/s"), "{out}");
    assert!(err.contains("too few for a claim"), "{err}");
    let page = std::fs::read_to_string(page).unwrap();
    assert!(page.contains("<svg") && page.contains("&lt;mine&gt;") && !page.contains("<mine>"));
    assert!(!page.contains("http://") && !page.contains("https://"), "nothing is fetched");
}

#[test]
fn a_lane_that_does_not_listen_is_told() {
    let (code, out, _) = tongro(&[
        "bench",
        "--quick",
        "--own",
        "--lane",
        "dead=sh -c 'echo no >&2; exit 3'",
        "--no-calls",
        "--lang",
        "en",
    ]);
    assert!(code == 0 && out.contains("never listened on a TCP port; it wrote: no"), "{out}");
    let (code, _, err) = tongro(&["bench", "--quick", "--lane", "nonsense", "--lang", "en"]);
    assert!(code == 2 && err.contains("is no lane"), "{err}");
}

// ---- shared data

#[test]
fn a_seed_is_a_schedule_and_a_deadlock_has_a_cycle() {
    let replay = ["race", "replay", "--seed", "0", "--json"];
    let (code, first, _) = tongro(&replay);
    assert_eq!((code, &first), (1, &tongro(&replay).1), "it loses an update, the same each time");
    let (code, _, _) = tongro(&["race", "replay", "--guard", "lock", "--json"]);
    assert_eq!(code, 0);
    let (code, out, _) = tongro(&["race", "deadlock", "--lang", "en"]);
    assert!(code == 1 && out.contains("──▶"), "{out}");
    assert_eq!(tongro(&["race", "deadlock", "--sorted"]).0, 0);
    let (_, out, _) = tongro(&["race", "real", "--updates", "50", "--json"]);
    assert_eq!(out.lines().count(), 8);
}

// ---- the clock

#[test]
fn ticks_are_told_under_loss_doubles_and_reordering() {
    let serve = format!("{TONGRO} clock serve --to 10.77.0.255:7338 --every 10 --seconds 4");
    let listen = format!("{TONGRO} clock listen --ask 10.77.0.2:7337 --every 100 --seconds 6 --json");
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("clock-run");
    let _ = std::fs::remove_dir_all(&folder);
    let (code, _, err) = tongro(&[
        "lab",
        "run",
        "--server",
        &serve,
        "--client",
        &listen,
        "--loss",
        "10",
        "--duplicate",
        "10",
        "--reorder",
        "10",
        "--delay",
        "5",
        "--seed",
        "3",
        "--save",
        &folder.to_string_lossy(),
    ]);
    assert_eq!(code, 0, "{err}");
    let run = tongro_trace::run::Run::open(&folder).unwrap();
    let mut lines = run.recording.events.iter().filter_map(|event| match &event.what {
        tongro_trace::event::What::Output(output) => {
            serde_json::from_str::<serde_json::Value>(&output.text).ok()
        }
        _ => None,
    });
    let report = lines.rfind(|line| line["type"] == "report").unwrap();
    for what in ["received", "lost", "duplicates", "reordered", "answered"] {
        assert!(report[what].as_u64().unwrap() > 0, "{what}: {report}");
    }
    let offset = report["best"]["offset_ns"].as_i64().unwrap();
    assert!(offset.unsigned_abs() < 1_000_000_000, "one machine has one clock: {report}");
}

#[test]
fn a_group_hears_the_ticks() {
    let mut serve = Command::new(TONGRO)
        .args([
            "clock",
            "serve",
            "--port",
            "0",
            "--to",
            "239.77.0.1:17338",
            "--interface",
            "127.0.0.1",
            "--every",
            "20",
        ])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let (code, out, err) = tongro(&[
        "clock",
        "listen",
        "--port",
        "17338",
        "--group",
        "239.77.0.1",
        "--interface",
        "127.0.0.1",
        "--ticks",
        "3",
        "--seconds",
        "60",
        "--json",
    ]);
    serve.kill().unwrap();
    serve.wait().unwrap();
    assert!(
        code == 0 && out.lines().filter(|line| line.contains(r#""type":"tick""#)).count() == 3,
        "{out}{err}"
    );
}

// ---- leaks

#[test]
fn nothing_is_kept_of_connections_that_have_ended() {
    for model in tongro_serve::Model::ALL {
        let count = if *model == tongro_serve::Model::Fork { 50 } else { 1000 };
        let words = [TONGRO, "echo", "serve", "--port", "0", "--model", model.name()];
        let argv: Vec<String> = words.into_iter().map(ToOwned::to_owned).collect();
        if model.check(tongro_proto::Proto::Echo).is_ok() {
            let leaks =
                tongro_serve::bench::leaks::look(&argv, count, std::time::Duration::from_secs(60)).unwrap();
            assert!(leaks.is_clean(), "{}: {leaks:?}", model.name());
        }
    }
}
