//! Agreement with tshark, field by field, over the sample frames; its answers are committed as data.

mod frames;

use std::collections::HashMap;

use tongro_wire::{LinkType, dissect};

/// Where the two differ on purpose: frame (or `*`), field (or `*`), why.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("*", "dhcp.option.type", "tshark shows the end option, 255, as 0"),
    ("ip-source-route", "*", "tshark shows the last hop of a source route as the destination"),
    ("ip-record-route", "ip.rec_rt", "slots that are still empty have another field in tshark"),
    (
        "ip-cut",
        "*",
        "a checksum over missing bytes is unverified here, bad there, and bad ones keep payload raw",
    ),
    ("tcp-ecn-ae-urg", "frame.protocols", "urgent data is payload, too"),
    ("tcp-ecn-ae-urg", "data.data", "urgent data is payload, too"),
    ("tcp-ecn-ae-urg", "data.len", "urgent data is payload, too"),
    ("tcp-unknown-option", "frame.protocols", "tshark has a dissector for multipath TCP"),
    (
        "tls-server-hello-13",
        "tls.record.content_type",
        "tshark names the type of encrypted records differently",
    ),
    ("quic-version-negotiation", "*", "known by its form here, only by the packets before it in tshark"),
    ("llc-stp", "*", "tshark has a dissector for spanning tree"),
    ("dns-query-edns", "dns.flags.authenticated", "shown for answers only"),
    ("dns-response-srv-ptr", "dns.resp.name", "the owner of an SRV record has fields of its own in tshark"),
];

fn is_excepted(name: &str, id: &str) -> bool {
    EXCEPTIONS
        .iter()
        .any(|(frame, field, _)| (*frame == "*" || *frame == name) && (*field == "*" || *field == id))
}

#[test]
fn prints_what_tshark_prints() {
    let golden = include_str!("data/frames.tshark");
    let ids: Vec<&str> = golden
        .lines()
        .find_map(|line| line.strip_prefix("# fields: "))
        .map(|ids| ids.split(' ').collect())
        .expect("the fields that were asked for");
    let lines = golden.lines().filter(|line| !line.starts_with('#'));
    let theirs: HashMap<(&str, &str), &str> = lines
        .filter_map(|line| {
            let mut parts = line.splitn(3, '\t');
            Some(((parts.next()?, parts.next()?), parts.next()?))
        })
        .collect();
    let (mut values, mut excepted, mut different) = (0, 0, Vec::new());
    for (name, bytes) in frames::all() {
        let packet = dissect(LinkType::Ethernet, &bytes);
        for id in &ids {
            let ours = match *id {
                "frame.protocols" => packet.protocols(),
                _ => packet.values(id).map(|value| value.print()).collect::<Vec<_>>().join(","),
            };
            let their = theirs.get(&(name, *id)).copied().unwrap_or("");
            values += usize::from(!ours.is_empty() || !their.is_empty());
            if ours != their && is_excepted(name, id) {
                excepted += 1;
            } else if ours != their {
                different.push(format!("{name} {id}: tshark {their:?}, here {ours:?}"));
            }
        }
    }
    println!("{values} values, {excepted} excepted, {} different", different.len());
    assert_eq!(different, Vec::<String>::new());
}
