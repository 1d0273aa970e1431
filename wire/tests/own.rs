//! Protocols of one's own: the example files dissect, filter, frame and craft; mistakes are told with their line.

use std::sync::LazyLock;

use proptest::prelude::*;
use tongro_wire::filter::Filter;
use tongro_wire::own::{self, OwnErrorKind};
use tongro_wire::{
    Applications, Carrier, Framing, LayerSpec, LinkType, Own, Packet, Scope, Tables, craft, dissect_from,
    dissect_scoped, forget_automatic, framing, table,
};

const CHAT: &str = include_str!("../examples/protocols/chat.toml");
const TRANSFER: &str = include_str!("../examples/protocols/transfer.toml");

fn chat() -> Own {
    static READ: LazyLock<Own> = LazyLock::new(|| own::read(CHAT).expect("the example is a protocol"));
    READ.clone()
}

fn transfer() -> Own {
    static READ: LazyLock<Own> = LazyLock::new(|| own::read(TRANSFER).expect("the example is a protocol"));
    READ.clone()
}

fn say(own: &Own, nick: &str, text: &str) -> Vec<u8> {
    let layer = LayerSpec::new(own.protocol).with("mychat.nick", nick).expect("a nick");
    craft(&[layer.with("mychat.text", text).expect("a text")])
}

fn printed(packet: &Packet<'_>, id: &str) -> Vec<String> {
    packet.values(id).map(|value| value.print()).collect()
}

#[test]
fn a_message_is_crafted_and_read_back() {
    let chat = chat();
    let message = say(&chat, "kim", "안녕");
    assert_eq!(message, b"\0\x0c\x02\0\x03kim\xec\x95\x88\xeb\x85\x95");
    let packet = dissect_from(chat.protocol, &message);
    assert_eq!(packet.find("mychat.kind").and_then(|kind| kind.meaning()), Some("SAY"));
    assert_eq!(
        (printed(&packet, "mychat.nick"), printed(&packet, "mychat.text")),
        (vec!["kim".into()], vec!["안녕".into()])
    );
    assert_eq!(packet.find("mychat.urgent").map(|urgent| urgent.bits.clone()), Some(24..25));
    assert_eq!(craft(&packet.to_layers()), message);
    let mut layers = packet.to_layers();
    forget_automatic(&mut layers);
    assert_eq!(craft(&layers), message, "lengths count themselves");
}

#[test]
fn fields_that_are_not_there_are_not_shown() {
    let chat = chat();
    let bye = LayerSpec::new(chat.protocol).with("mychat.kind", "BYE").unwrap();
    let bytes = craft(&[bye.with("mychat.nick", "lee").unwrap()]);
    assert_eq!(bytes, b"\0\x06\x03\0\x03lee");
    assert_eq!(dissect_from(chat.protocol, &bytes).find("mychat.text"), None);
}

#[test]
fn messages_follow_each_other_in_a_stream() {
    let chat = chat();
    let two = [say(&chat, "a", "one"), say(&chat, "b", "two")].concat();
    let packet = dissect_from(chat.protocol, &two);
    assert_eq!(printed(&packet, "mychat.text"), ["one", "two"]);
    assert_eq!(framing(chat.protocol, &two, false), Framing::Whole(9));
    for len in 1..9 {
        assert!(
            matches!(framing(chat.protocol, &two[..len], false), Framing::Partial(wanted) if wanted > len)
        );
    }
}

#[test]
fn ports_and_magic_find_it_and_filters_know_it() {
    let mut tables = Tables::default();
    tables.add(chat());
    tables.add(transfer());
    let found = |ports, payload: &[u8]| tables.application(Carrier::Udp, ports, payload).map(|p| p.name);
    assert_eq!(found([5, 9001], b"x"), Some("mychat"));
    assert_eq!(found([5, 6], b"TGF0"), Some("tgf0"));
    assert_eq!(found([5, 6], b"TGF1"), None);
    let payload = say(&chat(), "kim", "hi");
    let frame = craft(&[
        LayerSpec::new(&table::ipv4::IPV4),
        LayerSpec::new(&table::udp::UDP).with("udp.dstport", 9001).unwrap(),
        LayerSpec::data(payload),
    ]);
    let scope = Scope { tables: &tables, applications: Applications::All, ..Scope::default() };
    let packet = dissect_scoped(LinkType::RawIp, &frame, scope);
    assert_eq!(packet.protocols(), "raw:ip:udp:mychat");
    for text in ["mychat", "mychat.nick == \"kim\"", "mychat.kind == \"SAY\" && udp", "mychat[0:2] == 00:08"]
    {
        assert!(Filter::parse_with(text, &tables).expect(text).matches(&packet), "{text}");
    }
    assert!(Filter::parse("mychat").is_err(), "not built in");
    let nearest = Filter::parse_with("mychat.nik", &tables).unwrap_err().to_string();
    assert!(nearest.contains("mychat.nick"), "{nearest}");
}

#[test]
fn the_transfer_of_the_house_is_a_table() {
    let transfer = transfer();
    let frame = b"TGF0\x03\0\0\x05\0\0\0\0\0\0\x01\0\0\0\0\x04a.txtDATA\x12\x34\x56\x78";
    let packet = dissect_from(transfer.protocol, frame);
    assert!(packet.problems.is_empty(), "{:?}", packet.problems);
    assert_eq!(packet.find("tgf0.type").and_then(|kind| kind.meaning()), Some("DATA"));
    assert_eq!(printed(&packet, "tgf0.name"), ["a.txt"]);
    assert_eq!(
        (printed(&packet, "tgf0.offset"), printed(&packet, "tgf0.crc")),
        (vec!["256".into()], vec!["0x12345678".into()])
    );
    assert_eq!(craft(&packet.to_layers()), frame);
}

#[test]
fn numbers_may_be_little_endian() {
    let little = "[protocol]\nname='le'\nbyte_order='little'\n[[field]]\nname='len'\ntype='uint16'\ncovers='message'\n\
        [[field]]\nname='body'\ntype='text'\n";
    let little = own::read(little).unwrap();
    let message = craft(&[LayerSpec::new(little.protocol).with("le.body", "hello").unwrap()]);
    assert_eq!(message, b"\x07\0hello");
    assert_eq!(printed(&dissect_from(little.protocol, b"\x05\0hey\x04\0ho"), "le.body"), ["hey", "ho"]);
}

#[test]
fn mistakes_are_told_with_their_line() {
    let error = |text: &str| own::read(text).expect_err(text);
    let begin = "[protocol]\nname = 'x'\n";
    let field = |rows: &str| error(&format!("{begin}[[field]]\nname = 'a'\ntype = 'uint8'\n{rows}"));
    assert_eq!(error("[protocol\n").line, 1);
    assert_eq!(error("").kind, OwnErrorKind::Missing("[protocol] name"));
    assert_eq!(error(begin).kind, OwnErrorKind::Missing("[[field]]"));
    assert_eq!(
        error("[protocol]\nname = 'tcp'\n[[field]]\nname='a'\ntype='bool'").kind,
        OwnErrorKind::Known("tcp".into())
    );
    let unknown = field("lenght = 3\n");
    assert_eq!(unknown.line, 6);
    assert!(unknown.to_string().starts_with("line 6: `lenght` means nothing here"), "{unknown}");
    assert_eq!(field("[[field]]\nname = 'b'\ntype = 'int7'\n").kind, OwnErrorKind::BadType("int7".into()));
    let twice = field("[[field]]\nname = 'a'\ntype = 'text'\n");
    assert_eq!((twice.line, twice.kind), (7, OwnErrorKind::BadName("a".into())));
    let before = field("[[field]]\nname = 'b'\ntype = 'text'\nlength = 'c'\n");
    assert_eq!((before.line, before.kind), (9, OwnErrorKind::NotBefore("c".into())));
    let behind = field("[[field]]\nname = 'b'\ntype = 'text'\n[[field]]\nname = 'c'\ntype = 'bool'\n");
    assert_eq!(behind.kind, OwnErrorKind::BehindRest("b".into()));
    let bits = error(&format!("{begin}[[field]]\nname='a'\ntype='uint3'\n[[field]]\nname='b'\ntype='mac'\n"));
    assert_eq!(bits.kind, OwnErrorKind::NotWhole("b".into()));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), is_chat: bool) {
        let own = if is_chat { chat() } else { transfer() };
        let packet = dissect_from(own.protocol, &bytes);
        prop_assert_eq!(craft(&packet.to_layers()), bytes.clone());
        if let Framing::Whole(len) = framing(own.protocol, &bytes, false) {
            prop_assert!(len > 0 && len <= bytes.len());
        }
    }
}
