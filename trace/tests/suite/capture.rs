//! Capture files: what is written is read back, damage is named, and no bytes make a reader panic.

use std::fmt::Write as _;

use proptest::prelude::*;
use tongro_trace::capture::pcapng::{self, Content, Interface, code, kind};
use tongro_trace::capture::{ByteOrder, ETHERNET, Error, Part, Problem, Reader, pcap};

/// A file with two interfaces, comments, secrets, names, statistics and a block nobody knows.
fn sample(order: ByteOrder) -> Vec<u8> {
    let mut writer = pcapng::Writer::new(Vec::new(), order, "tongro").unwrap();
    let named = |name: &str, resolution| Interface {
        name: Some(name.to_owned()),
        description: Some("a host".to_owned()),
        resolution,
        ..Interface::default()
    };
    assert_eq!(writer.interface(&named("client", 9)).unwrap(), 0);
    assert_eq!(writer.interface(&named("server", 6)).unwrap(), 1);
    writer.secrets(pcapng::TLS_KEY_LOG, b"CLIENT_RANDOM 00 11\n").unwrap();
    writer
        .names(&[("10.77.0.2".parse().unwrap(), "client"), ("fd00::2".parse().unwrap(), "client")])
        .unwrap();
    let id = order_bytes(order, 7);
    writer
        .packet(0, AT, b"first", 5, &[(code::COMMENT, "#1 sent".as_bytes()), (code::EPB_PACKETID, &id)])
        .unwrap();
    writer.packet(1, AT, b"second!!", 1500, &[]).unwrap();
    writer.block(0x0bad_cafe, b"\x01\x02\x03\x04").unwrap();
    writer.packet(0, AT + 1, b"", 0, &[(code::COMMENT, "가".as_bytes()), (code::COMMENT, b"b")]).unwrap();
    writer.statistics(0, AT, 3, 1).unwrap();
    writer.finish().unwrap()
}

const AT: i64 = 1_700_000_000_123_456_789;

fn order_bytes(order: ByteOrder, value: u64) -> [u8; 8] {
    if order == ByteOrder::Little { value.to_le_bytes() } else { value.to_be_bytes() }
}

/// Every packet on a line, then how it ended.
fn read(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut reader = match Reader::new(bytes) {
        Ok(reader) => reader,
        Err(error) => return error.to_string(),
    };
    loop {
        match reader.next_packet() {
            Ok(Some(packet)) => {
                let comments: Vec<_> = packet.options.comments().collect();
                let id = packet.options.u64(code::EPB_PACKETID);
                writeln!(
                    text,
                    "{} {} {:?} {} {comments:?} {id:?}",
                    packet.interface,
                    packet.at,
                    packet.bytes.escape_ascii().to_string(),
                    packet.wire_len
                )
                .unwrap();
            }
            Ok(None) => return text + "end",
            Err(error) => {
                assert!(reader.next_packet().unwrap().is_none(), "an error ends the file");
                return text + &error.to_string();
            }
        }
    }
}

#[test]
fn pcapng_comes_back_in_either_byte_order() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        assert_eq!(
            read(&sample(order)),
            "0 1700000000123456789 \"first\" 5 [\"#1 sent\"] Some(7)\n\
             1 1700000000123456000 \"second!!\" 1500 [] None\n\
             0 1700000000123456790 \"\" 0 [\"가\", \"b\"] None\n\
             end"
        );
    }
}

#[test]
fn blocks_of_all_kinds_are_seen_and_kept() {
    let bytes = sample(ByteOrder::Little);
    let mut reader = pcapng::Reader::new(bytes.as_slice());
    let mut copy = pcapng::Writer::new(Vec::new(), ByteOrder::Little, "tongro").unwrap();
    let mut seen = Vec::new();
    while let Some(block) = reader.next_block().unwrap() {
        seen.push(kind::name(block.kind).unwrap_or("unknown"));
        match &block.content {
            Content::Secrets { secrets, bytes } => {
                assert_eq!((*secrets, bytes.len()), (pcapng::TLS_KEY_LOG, 20));
            }
            Content::Statistics { interface: 0, options } => {
                assert_eq!(options.u64(code::ISB_IFDROP), Some(1))
            }
            _ => {}
        }
        if block.kind != kind::SECTION {
            copy.block(block.kind, block.body).unwrap();
        }
    }
    assert_eq!(
        seen[..5],
        [
            "section header",
            "interface description",
            "interface description",
            "decryption secrets",
            "name resolution"
        ]
    );
    assert!(seen.contains(&"unknown"));
    assert_eq!(reader.interfaces()[1].name.as_deref(), Some("server"));
    assert_eq!(copy.finish().unwrap(), bytes);
}

#[test]
fn sections_follow_each_other_with_interfaces_of_their_own() {
    let mut bytes = sample(ByteOrder::Little);
    bytes.extend(sample(ByteOrder::Big));
    let text = read(&bytes);
    assert_eq!(text.lines().count(), 7);
    assert!(text.contains("\n3 1700000000123456000"), "{text}");
}

#[test]
fn simple_and_obsolete_packets_are_read() {
    let mut writer = pcapng::Writer::new(Vec::new(), ByteOrder::Little, "x").unwrap();
    writer.interface(&Interface { snaplen: 4, ..Interface::default() }).unwrap();
    writer.block(kind::SIMPLE_PACKET, b"\x06\0\0\0abcd").unwrap();
    writer.block(kind::PACKET, b"\0\0\0\0\0\0\0\0\x05\0\0\0\x02\0\0\0\x02\0\0\0hi\0\0").unwrap();
    let bytes = writer.finish().unwrap();
    assert_eq!(read(&bytes), "0 0 \"abcd\" 6 [] None\n0 5 \"hi\" 2 [] None\nend");
}

#[test]
fn times_have_the_resolution_of_their_interface() {
    for (resolution, offset, units, at) in [
        (6, 0, 1_500_000, 1_500_000_000),
        (0x83, 0, 12, 1_500_000_000),
        (12, 0, 1_500, 1),
        (0, 10, 2, 12_000_000_000i64),
        (0x7f, 0, 9, 0),
    ] {
        let mut body = vec![1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, resolution, 0, 0, 0, 14, 0, 8, 0];
        body.extend(i64::from(offset).to_le_bytes());
        let mut writer = pcapng::Writer::new(Vec::new(), ByteOrder::Little, "x").unwrap();
        writer.block(kind::INTERFACE, &body).unwrap();
        let mut packet = vec![0; 8];
        packet.extend(u32::to_le_bytes(units));
        packet.extend([0; 8]);
        writer.block(kind::ENHANCED_PACKET, &packet).unwrap();
        let bytes = writer.finish().unwrap();
        assert_eq!(read(&bytes), format!("0 {at} \"\" 0 [] None\nend"));
    }
}

#[test]
fn pcap_comes_back_in_all_formats() {
    for order in [ByteOrder::Little, ByteOrder::Big] {
        for is_nano in [false, true] {
            let format = pcap::Format { order, is_nano };
            let mut writer = pcap::Writer::new(Vec::new(), format, ETHERNET).unwrap();
            writer.packet(AT, b"one", 60).unwrap();
            writer.packet(AT + 1_000_000, b"", 0).unwrap();
            let bytes = writer.finish().unwrap();
            let (a, b) = if is_nano { (AT, AT + 1_000_000) } else { (AT - 789, AT + 1_000_000 - 789) };
            assert_eq!(read(&bytes), format!("0 {a} \"one\" 60 [] None\n0 {b} \"\" 0 [] None\nend"));
        }
    }
}

#[test]
fn a_cut_file_gives_what_is_there_and_where_it_broke() {
    let whole = sample(ByteOrder::Little);
    let (mut packets, mut last) = (0, String::new());
    for len in 0..whole.len() {
        let text = read(&whole[..len]);
        let lines = text.lines().filter(|line| line.contains("None") || line.contains("Some")).count();
        assert!(lines >= packets, "a longer file gives no fewer packets");
        packets = lines;
        last = text;
    }
    assert_eq!(packets, 3);
    assert!(
        last.ends_with("in the interface statistics block that begins at 432 (missing bytes: 1)"),
        "{last}"
    );
    assert_eq!(read(b""), "not a capture file: it begins with `[]`");
    assert_eq!(read(b"GIF89a"), "not a capture file: it begins with `[47, 49, 46, 38]`");
}

#[test]
fn contradictions_are_named() {
    let broken = |kind: u32, body: &[u8]| {
        let mut writer = pcapng::Writer::new(Vec::new(), ByteOrder::Little, "x").unwrap();
        writer.block(kind, body).unwrap();
        let bytes = writer.finish().unwrap();
        pcapng::Reader::new(bytes.as_slice()).next_packet().map(|_| ()).unwrap_err()
    };
    assert!(matches!(broken(6, &[0; 20]), Error::Broken { problem: Problem::Interface(0), .. }));
    assert!(matches!(
        broken(6, &[0; 16]),
        Error::Broken { problem: Problem::Body { len: 16 }, part: Part::Block(6), .. }
    ));
    let mut file = sample(ByteOrder::Little);
    let at = file.len() - 4;
    file[at] ^= 4;
    assert!(read(&file).contains("it ends with length"), "{}", read(&file));
    file[4..8].copy_from_slice(&[0xff; 4]);
    assert_eq!(read(&file), "broken section header block at byte 0: its length is 4294967295");
}

fn any_file() -> impl Strategy<Value = Vec<u8>> {
    let mut pcap = pcap::Writer::new(Vec::new(), pcap::Format::default(), ETHERNET).unwrap();
    pcap.packet(AT, &[7; 60], 60).unwrap();
    pcap.packet(AT, &[8; 90], 90).unwrap();
    let pcap = pcap.finish().unwrap();
    prop::sample::select(vec![sample(ByteOrder::Little), sample(ByteOrder::Big), pcap])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_mutation_makes_a_reader_panic(
        mut file in any_file(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in any::<prop::sample::Index>(),
        cuts in any::<bool>(),
    ) {
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        if cuts {
            file.truncate(cut.index(file.len()));
        }
        let _ = read(&file);
        let mut blocks = pcapng::Reader::new(file.as_slice());
        while let Ok(Some(block)) = blocks.next_block() {
            let _ = format!("{block:?}");
        }
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read(&bytes);
        let _ = pcapng::Reader::new(bytes.as_slice()).next_block();
    }
}
