//! Real links between namespaces: asking, the kernel's RST, capturing, replaying, ping, and a way over two routers.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use super::hosts::{CHAIN, Net, PAIR};
use super::{file, told};

/// A capture in a namespace that has begun.
fn capture(net: &Net, host: Option<&str>, arguments: &[&str]) -> Child {
    let mut command = net.tongro(host, &[&["capture"], arguments].concat());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.as_mut().unwrap()).lines();
    let began = lines.by_ref().map_while(Result::ok).any(|line| line.contains("capturing on"));
    assert!(began, "the capture begins");
    child
}

fn stdout(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Asks, and gives what was said: every packet must have been answered.
fn ask(net: &Net, expression: &str, more: &[&str]) -> String {
    let arguments =
        [&["craft", expression, "--ask", "auto", "--timeout", "10", "--retries", "3"], more].concat();
    let (code, out, err) = told(&mut net.tongro(None, &arguments));
    assert_eq!(code, 0, "{expression}: {out}{err}");
    out
}

#[test]
fn every_kind_of_packet_is_answered_the_first_time() {
    let net = Net::new(PAIR);
    for (expression, answer) in [
        (r#"IP(dst="10.9.0.2")/ICMP()"#, "Echo reply"),
        (r#"Ether()/IP(dst="10.9.0.2")/ICMP()/"x""#, "Echo reply"),
        (r#"IP(dst="10.9.0.2")/TCP(dport=81, sport=40000)"#, "[RST, ACK]"),
        (r#"IP(dst="10.9.0.2")/UDP(dport=9, sport=40000)/"x""#, "Destination unreachable"),
        (r#"Ether()/ARP(pdst="10.9.0.2")"#, "10.9.0.2 is at"),
        (r#"IPv6(dst="fd09::2")/ICMPv6EchoRequest()"#, "reply"),
        (r#"IP(dst="10.9.0.1")/ICMP()"#, "Echo reply"),
        (r#"IP(dst="127.0.0.1")/TCP(dport=1, sport=40001)"#, "[RST, ACK]"),
        (r#"IP(dst="127.0.0.1")/UDP(dport=9, sport=9)/"x""#, "Destination unreachable"),
        (r#"IPv6(dst="::1")/TCP(dport=1, sport=40001)"#, "[RST, ACK]"),
    ] {
        let out = ask(&net, expression, &[]);
        assert!(out.contains(answer), "{expression}: {out}");
    }
    let out = ask(&net, r#"IP(dst="10.9.0.2")/ICMP(id=7, seq=(1, 1000))"#, &["--json"]);
    assert_eq!(out.lines().filter(|line| line.contains(r#""type":"answer""#)).count(), 1000);
}

#[test]
fn silence_is_told_and_exits_with_1() {
    let net = Net::new(PAIR);
    let mut command = net.tongro(
        None,
        &[
            "craft",
            r#"IP(dst="10.9.0.2", proto=200)/"x""#,
            "--ask",
            "e0",
            "--timeout",
            "0.1",
            "--retries",
            "1",
        ],
    );
    let (code, out, err) = told(&mut command);
    // A host says that it knows no such protocol; a header that is wrong gets nothing at all.
    assert!(code == 0 && out.contains("Destination unreachable"), "{out}{err}");
    let wrong = r#"IP(dst="10.9.0.2", chksum=1)/ICMP()"#;
    let (code, out, _) =
        told(&mut net.tongro(None, &["craft", wrong, "--ask", "e0", "--timeout", "0.1", "--retries", "1"]));
    assert!(code == 1 && out.contains("no answer"), "{out}");
}

#[test]
fn the_kernel_does_not_reset_a_crafted_handshake() {
    let net = Net::new(PAIR);
    let program = "import socket, sys; s = socket.create_server(('', 8080)); print('ready', flush=True); sys.stdin.read()";
    let mut python = net.command(Some("far"), "python3");
    let mut server =
        python.args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
    let frames = capture(&net, Some("far"), &["-i", "e1", "-Y", "tcp || icmp", "-c", "4", "--json"]);
    let out = ask(&net, r#"IP(dst="10.9.0.2")/TCP(sport=40000, dport=8080, seq=7)"#, &[]);
    assert!(out.contains("[SYN, ACK]") && out.contains("Ack=8"), "{out}");
    ask(&net, r#"IP(dst="10.9.0.2")/ICMP()"#, &[]);
    let frames = stdout(frames);
    // A later RST, after the server has repeated itself to a port that is held no more, is the kernel's right.
    let mut answers = 0;
    for frame in frames.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let shown = frame["layers"].to_string();
        answers += u32::from(shown.contains(r#""value":"0x0012""#));
        if answers > 1 || shown.contains("icmp.type") {
            break;
        }
        assert!(!shown.contains(r#""value":"0x0004""#), "a RST: {shown}");
    }
    drop(server.stdin.take());
    server.wait().unwrap();
}

#[test]
fn a_capture_is_whole_and_replayed_as_it_was() {
    let net = Net::new(PAIR);
    let (first, again) = (file("first.pcapng"), file("again.pcapng"));
    let filter = ["-i", "e1", "-Y", "udp.dstport == 7000 && !icmp", "-c", "5000"];
    let frames = capture(&net, Some("far"), &[&filter[..], &["-w", &first]].concat());
    let flood = r#"Ether()/IP(dst="10.9.0.2", id=(1,5000))/UDP(sport=40000, dport=7000)/"hello""#;
    let (code, _, err) = told(&mut net.tongro(None, &["craft", flood, "--send", "e0"]));
    assert_eq!(code, 0, "{err}");
    stdout(frames);
    let frames = capture(&net, Some("far"), &[&filter[..], &["-w", &again]].concat());
    let arguments = ["craft", &first, "--send", "e0", "--timing", "--speed", "10"];
    let (code, _, err) = told(&mut net.tongro(None, &arguments));
    assert_eq!(code, 0, "{err}");
    stdout(frames);
    let hex = |path: &str| super::tongro(&["craft", path, "--hex"]).1;
    let (sent, came) = (hex(&first), hex(&again));
    assert_eq!(sent.lines().count(), 5000);
    assert!(sent == came, "the same frames in the same order");
}

#[test]
fn files_are_written_in_turn_and_tags_and_any_link_are_seen() {
    let net = Net::new(PAIR);
    let path = file("turn.pcapng");
    let frames = capture(&net, Some("far"), &["-i", "e1", "-w", &path, "--ring", "20K,3", "-c", "1000"]);
    let flood = r#"Ether(dst="ff:ff:ff:ff:ff:ff")/Dot1Q(vlan=7)/IP(dst="10.9.0.2")/UDP(dport=7000)/Raw(load="A"*100)"#;
    let (code, _, err) = told(&mut net.tongro(None, &["craft", flood, "--count", "1200", "--send", "e0"]));
    assert_eq!(code, 0, "{err}");
    stdout(frames);
    let sizes: Vec<u64> = (0..4)
        .filter_map(|number| std::fs::metadata(path.replace(".pcapng", &format!(".{number}.pcapng"))).ok())
        .map(|about| about.len())
        .collect();
    assert!(sizes.len() == 3 && sizes.iter().all(|size| *size < 30_000), "{sizes:?}");
    let (_, tagged, _) = super::tongro(&["craft", &path.replace(".pcapng", ".0.pcapng"), "--tree"]);
    assert!(tagged.contains("vlan.id"), "the tag is there again");
    let frames = capture(&net, None, &["-i", "any", "-Y", "icmp", "-c", "2"]);
    ask(&net, r#"IP(dst="10.9.0.2")/ICMP()"#, &[]);
    let shown = stdout(frames);
    assert!(shown.contains("Echo request") && shown.contains("Echo reply"), "{shown}");
}

#[test]
fn ping_answers_refuses_and_tells_what_routers_say() {
    let net = Net::new(CHAIN);
    let ping = |arguments: &[&str]| {
        let all = [&["ping", "-c", "2", "-i", "0.01", "-W", "10", "--json"], arguments].concat();
        told(&mut net.tongro(None, &all))
    };
    let (code, out, err) = ping(&["10.3.0.2"]);
    assert!(
        code == 0 && out.matches(r#""type":"reply""#).count() == 2 && out.contains(r#""ttl":62"#),
        "{out}{err}"
    );
    for way in [["--tcp", "81"], ["--udp", "81"]] {
        let (code, out, err) = ping(&[&way[..], &["10.3.0.2"]].concat());
        assert!(code == 0 && out.matches(r#""type":"refused""#).count() == 2, "{out}{err}");
    }
    let (code, out, _) = ping(&["--ttl", "1", "10.3.0.2"]);
    assert!(code == 1 && out.contains(r#""from":"10.1.0.2","icmp":[11,0]"#), "{out}");
}

#[test]
fn traceroute_walks_the_chain_in_three_ways() {
    let net = Net::new(CHAIN);
    for way in ["udp", "icmp", "tcp"] {
        let arguments = ["traceroute", "--via", way, "--wait", "10", "10.3.0.2", "--json"];
        let (code, out, err) = told(&mut net.tongro(None, &arguments));
        assert_eq!(code, 0, "{way}: {out}{err}");
        let hops: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let first = |hop: &Value| {
            let probes = hop["probes"].as_array().unwrap();
            let heard = probes.iter().find(|probe| probe["type"] != "silence");
            heard.map(|probe| probe["from"].as_str().unwrap().to_owned()).unwrap_or_default()
        };
        let way: Vec<String> = hops.iter().map(first).collect();
        assert_eq!(way, ["10.1.0.2", "10.2.0.2", "10.3.0.2"], "{out}");
    }
    let (_, lines, _) = told(&mut net.tongro(None, &["traceroute", "--wait", "10", "-q", "1", "10.3.0.2"]));
    assert_eq!(lines.lines().count(), 3, "{lines}");
    assert!(lines.starts_with(" 1  10.1.0.2  "), "{lines}");
}

#[test]
fn without_privilege_it_says_what_to_type() {
    // A user without a single capability.
    let mut command = std::process::Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "unshare", "--user", "--"]);
    command.arg(env!("CARGO_BIN_EXE_tongro")).args(["capture", "-i", "lo"]).env("LANG", "en_US.UTF-8");
    let (code, _, err) = told(command.env_remove("LC_ALL"));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("sudo setcap cap_net_raw") && err.contains("unshare -rn"), "{err}");
}
