//! Both directions of the tables against each other: dissect then craft, over sample, mutated and random bytes.

mod frames;

use proptest::prelude::*;
use tongro_wire::{LinkType, craft, dissect, forget_automatic};

const LINKS: &[LinkType] = &[
    LinkType::Ethernet,
    LinkType::LinuxSll,
    LinkType::LinuxSll2,
    LinkType::RawIp,
    LinkType::Null,
    LinkType::Loop,
    LinkType::Ppp,
    LinkType::Ieee80211Radiotap,
    LinkType::Other(147),
];

fn check(link: LinkType, bytes: &[u8]) {
    let packet = dissect(link, bytes);
    for layer in &packet.layers {
        assert!(layer.header.start <= layer.header.end && layer.header.end <= bytes.len(), "{layer:?}");
        assert!(layer.payload.start <= layer.payload.end && layer.payload.end <= bytes.len(), "{layer:?}");
    }
    for value in &packet.fields {
        assert!(
            value.bits.start <= value.bits.end && value.bits.end as usize <= bytes.len() * 8,
            "{value:?}"
        );
        assert!(value.layer < packet.layers.len());
        let _ = (value.print(), value.meaning());
    }
    for problem in &packet.problems {
        assert!(problem.bytes.start <= problem.bytes.end && problem.bytes.end <= bytes.len(), "{problem:?}");
    }
    let _ = packet.protocols();
    assert_eq!(hex(&craft(&packet.to_layers())), hex(bytes), "{}", packet.protocols());
}

#[test]
fn every_sample_comes_back() {
    for (_, bytes) in frames::all() {
        check(LinkType::Ethernet, &bytes);
    }
}

#[test]
fn every_prefix_of_every_sample_comes_back() {
    for (_, bytes) in frames::all() {
        for len in 0..bytes.len().min(400) {
            check(LinkType::Ethernet, &bytes[..len]);
        }
    }
}

#[test]
fn automatic_fields_come_back_by_themselves() {
    for (name, bytes) in frames::all() {
        // A header wrong on purpose, and frames cut short, are put right instead.
        if name.contains("bad") || name.contains("cut") {
            continue;
        }
        let packet = dissect(LinkType::Ethernet, &bytes);
        assert_eq!(packet.problems, [], "{name}");
        let mut layers = packet.to_layers();
        forget_automatic(&mut layers);
        assert_eq!(hex(&craft(&layers)), hex(&bytes), "{name}");
    }
}

#[test]
fn wrong_automatic_fields_are_put_right() {
    for (name, bytes) in frames::all().into_iter().filter(|(name, _)| name.contains("bad")) {
        let mut layers = dissect(LinkType::Ethernet, &bytes).to_layers();
        forget_automatic(&mut layers);
        assert_eq!(dissect(LinkType::Ethernet, &craft(&layers)).problems, [], "{name}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A sample with some bytes overwritten, and perhaps cut.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let samples = frames::all();
    let count = samples.len();
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (0..count, changes, prop::option::of(any::<prop::sample::Index>())).prop_map(
        move |(sample, changes, cut)| {
            let mut bytes = samples[sample].1.clone();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len() + 1));
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_come_back(link in 0..LINKS.len(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(LINKS[link], &bytes);
    }

    #[test]
    fn mutated_samples_come_back(bytes in mutated()) {
        check(LinkType::Ethernet, &bytes);
        for link in LINKS {
            check(*link, bytes.get(14..).unwrap_or(&[]));
        }
    }
}
