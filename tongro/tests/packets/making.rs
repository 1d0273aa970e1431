//! What is printed, and what is said of mistakes.

use super::{file, tongro};

fn out(arguments: &[&str]) -> String {
    let (code, out, err) = tongro(arguments);
    assert_eq!(code, 0, "{arguments:?}: {err}");
    out
}

#[test]
fn pack_prints_hex_and_unpack_reads_it() {
    assert_eq!(out(&["pack", "!HI", "9000", "1"]), "232800000001\n");
    assert_eq!(out(&["unpack", "!HI", "2328", "00:00:00:01"]), "(9000, 1)\n");
    assert_eq!(out(&["pack", "<h4s?", "-5", "b'ab\\x00c'", "True"]), "fbff6162006301\n");
    assert_eq!(out(&["unpack", "<B", "ff"]), "(255,)\n");
    assert_eq!(out(&["unpack", "!H", "000100020003", "--repeat"]), "(1,)\n(2,)\n(3,)\n");
    assert_eq!(out(&["unpack", "!H", "0001000203", "--offset", "2"]), "(2,)\n");
}

#[test]
fn a_structure_is_drawn_and_compared() {
    let drawing = out(&["pack", "@bi", "1", "2", "--diagram"]);
    assert!(drawing.contains("│ b  │ ~            │ i lo           hi │"), "{drawing}");
    assert!(drawing.contains("3 bytes of padding"), "{drawing}");
    let compared = out(&["pack", "@bH", "1", "2", "--compare", ">bH"]);
    assert!(compared.contains("≠   2 +2   0200     1 +2   0002   2"), "{compared}");
    let svg = file("struct.svg");
    out(&["pack", "@bi", "1", "2", "--svg", &svg]);
    assert!(std::fs::read_to_string(svg).unwrap().starts_with("<svg xmlns="));
    let json: serde_json::Value = serde_json::from_str(&out(&["pack", "!Bd", "1", "1.5", "--json"])).unwrap();
    assert_eq!((json["size"].as_u64(), json["values"][1].as_f64()), (Some(9), Some(1.5)));
}

#[test]
fn mistakes_in_structures_have_a_hint_in_both_languages() {
    let (code, out, err) = tongro(&["pack", "!HB", "1", "256"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(err, "  !HB\n    ^\nerror: value 2 is 256, but `B` holds 0 to 255\n\nhint: `H` holds it\n");
    let (_, _, err) = tongro(&["pack", "!HB", "1", "--lang", "ko"]);
    assert!(err.contains("값을 2개 받는데 1개가"), "{err}");
    for (arguments, said) in [
        (&["pack", "<hz", "1"][..], "`z` is no code"),
        (&["pack", "<N", "1"], "native formats only"),
        (&["pack", "<q", "99999999999999999999"], "no code of struct holds this number"),
        (&["pack", "<h", "abc"], "`abc` is no number"),
        (&["pack", "c", "ab"], "exactly one byte"),
        (&["pack", "e", "1e9"], "`f` holds it"),
        (&["unpack", "!H", "000"], "no second half"),
        (&["unpack", "!H", "0001ff"], "takes 2 bytes, but there are 3"),
        (&["unpack", "!H", "zz"], "`z` at character 0"),
    ] {
        let (code, _, err) = tongro(arguments);
        assert!(code == 2 && err.contains(said) && err.contains("hint:"), "{arguments:?}: {err}");
    }
}

#[test]
fn craft_shows_every_form() {
    let text = r#"IP(src="10.0.0.1", dst="10.0.0.2")/UDP(sport=9, dport=7)/"hi""#;
    let hex = out(&["craft", text, "--hex"]);
    let head = "4500001e00010000401166cc0a0000010a00000200090007000a";
    assert!(hex.starts_with(head) && hex.ends_with("6869\n"), "{hex}");
    assert!(out(&["craft", text]).contains("10.0.0.1 → 10.0.0.2"));
    assert!(out(&["craft", text, "--tree"]).contains("ip.ttl"));
    assert!(
        out(&["craft", text, "--python"])
            .contains("packet = IP(src=\"10.0.0.1\", dst=\"10.0.0.2\")/UDP(sport=9")
    );
    assert!(out(&["craft", text, "--c"]).contains("unsigned char packet[30]"));
    let json: serde_json::Value = serde_json::from_str(&out(&["craft", text, "--json"])).unwrap();
    assert_eq!(json["layers"][1]["fields"][0]["id"], "udp.srcport");
    // The struct form gives the same bytes in Python itself.
    let source = format!("{}\nprint(packet.hex())", out(&["craft", text, "--struct"]));
    let python = std::process::Command::new("python3").args(["-c", &source]).output().unwrap();
    assert_eq!(String::from_utf8(python.stdout).unwrap(), hex);
}

#[test]
fn lists_hex_captures_and_edits() {
    let capture = file("lists.pcapng");
    out(&["craft", r#"IP(dst="10.0.0.0/30", ttl=[1,2])/TCP(dport=(80,82))"#, "-w", &capture]);
    assert_eq!(out(&["craft", &capture, "--hex"]).lines().count(), 24);
    let twelfth = format!("{capture}#12");
    let edited = out(&["craft", &twelfth, "--set", "ip.ttl=9", "--set", "tcp.dstport=443", "--tree"]);
    assert!(edited.contains("443") && !edited.contains("(Bad)"), "{edited}");
    let kept = out(&["craft", &twelfth, "--set", "ip.ttl=9", "--keep", "--tree"]);
    assert!(kept.contains("(Bad)"), "{kept}");
    let hex = out(&["craft", &twelfth, "--hex"]);
    assert_eq!(out(&["craft", hex.trim(), "--hex"]), hex, "hex in, the same hex out");
    let fuzzed = |seed: &str| out(&["craft", "IP()/fuzz(TCP())", "--count", "5", "--seed", seed, "--hex"]);
    assert_eq!(fuzzed("1"), fuzzed("1"));
    assert_ne!(fuzzed("1"), fuzzed("2"));
}

#[test]
fn mistakes_in_expressions_point_at_the_place() {
    let (code, _, err) = tongro(&["craft", "IP()/TPC()"]);
    assert_eq!(code, 2);
    assert_eq!(err, "  IP()/TPC()\n       ^\nerror: no layer `TPC`\n\nhint: did you mean `TCP`?\n");
    for (arguments, said) in [
        (&["craft", "IP(dst="][..], "more is expected"),
        (&["craft", "TCP(dport=70000)"], "`70000` is no value of `dport`"),
        (&["craft", "IP()", "--set", "ip.tttl=3"], "no layer of the packet has a field"),
        (&["craft", "IP()", "--set", "ip.ttl=300"], "does not fit"),
        (&["craft", "IP(dst=\"10.0.0.0/8\")"], "16777216 packets"),
        (&["craft", "/no/such/file#3"], "cannot be read"),
        (&["capture", "-i", "nosuchif0"], "no interface `nosuchif0`"),
        (&["capture", "-i", "lo", "-Y", "tcp.prt == 1"], "tcp.port"),
        (&["craft", "IP()/ICMP()", "--send", "nosuchif0"], "no interface `nosuchif0`"),
    ] {
        let (code, _, err) = tongro(arguments);
        assert!(code == 2 && err.contains(said), "{arguments:?}: {err}");
    }
}
