//! The inspector: the picture's right panel, and that any bytes can be taken apart.

use proptest::prelude::*;

use crate::scenario::{self, Log, Seg};
use tongro_trace::inspect::{Field, Inspection, inspect, inspect_recorded};
use tongro_wire::view::flag::{ACK, SYN};

/// The rows of a layer: name, value (detail), first and last byte.
fn rows(inspection: &Inspection, layer: &str) -> Vec<String> {
    let layer = inspection.layers.iter().find(|found| found.id == layer).unwrap();
    let row = |field: &Field| {
        let detail = if field.detail.is_empty() { String::new() } else { format!(" {}", field.detail) };
        format!("{}: {}{detail} {}–{}", field.id, field.value, field.start, field.start + field.len - 1)
    };
    layer.fields.iter().filter(|field| field.depth == 0).map(row).collect()
}

#[test]
fn the_fast_retransmission_of_the_picture() {
    let inspection = inspect_recorded(&scenario::upload(), 13).unwrap();
    assert_eq!(
        rows(&inspection, "tcp"),
        [
            "tcp.srcport: 40312 34–35",
            "tcp.dstport: 9000 36–37",
            "tcp.seq: 65 1511825025 38–41",
            "tcp.ack: 1 3279618777 42–45",
            "tcp.hdr_len: 32 B 46–46",
            "tcp.flags: PSH ACK 00011000 47–47",
            "tcp.window_size: 502 × 128 = 64256 48–49",
            "tcp.checksum: 0x5aa0 ✓ 50–51",
            "tcp.options: TS 54–65",
        ]
    );
    let layers: Vec<_> = inspection.layers.iter().map(|layer| (layer.id, layer.start, layer.len)).collect();
    assert_eq!(layers, [("eth", 0, 14), ("ip", 14, 20), ("tcp", 34, 32), ("data", 66, 1448)]);
    assert_eq!(inspection.arrow.findings[0].id, "fast_retransmission");
    assert_eq!(inspection.hex.len(), 2 * 1514);
}

#[test]
fn it_is_one_flat_object() {
    let json = serde_json::to_value(inspect_recorded(&scenario::upload(), 12).unwrap()).unwrap();
    assert_eq!((&json["no"], &json["from"], &json["len"]), (&12.into(), &1.into(), &78.into()));
    let fields = json["layers"][2]["fields"].as_array().unwrap();
    let edge = fields.iter().find(|field| field["id"] == "tcp.options.sack_le").unwrap();
    assert_eq!((&edge["value"], &edge["detail"]), (&"1513".into(), &"1511826473".into()));
    assert_eq!(edge["depth"], 1);
    let protocol =
        json["layers"][1]["fields"].as_array().unwrap().iter().find(|field| field["id"] == "ip.proto");
    assert_eq!(protocol.map(|field| (&field["value"], &field["detail"])), Some((&"TCP".into(), &"6".into())));
    assert_eq!(json["problems"], serde_json::json!([]));
}

#[test]
fn a_window_is_not_scaled_before_it_may_be() {
    let inspection = inspect_recorded(&scenario::upload(), 1).unwrap();
    assert!(rows(&inspection, "tcp").contains(&"tcp.window_size: 64240 48–49".to_owned()));
    assert!(rows(&inspection, "tcp").contains(&"tcp.options: MSS, SACK_PERM, WS 54–65".to_owned()));
}

#[test]
fn a_wrong_checksum_has_the_right_one_beside_it() {
    let mut log = Log::new();
    log.send(0.0, 20.0, 0, Seg::new(SYN, 0, 0, 0));
    log.send(60.0, 80.0, 0, Seg::new(ACK, 1, 1, 8));
    log.frames[1][70] ^= 1;
    let recording = log.finish();
    let inspection = inspect_recorded(&recording, 2).unwrap();
    assert!(inspection.layers[2].fields.iter().any(|field| field.is_bad));
    let sum = rows(&inspection, "tcp").into_iter().find(|row| row.starts_with("tcp.checksum")).unwrap();
    assert!(sum.contains("✗ 0x"), "{sum}");
    assert_eq!(inspection.problems[0].id, "bad_checksum");
    assert!(inspect_recorded(&recording, 3).is_none());
}

proptest! {
    #[test]
    fn any_bytes_can_be_inspected(mut at in prop::collection::vec((0usize..200, any::<u8>()), 0..12), cut in 0usize..140) {
        let mut log = Log::new();
        log.send(0.0, 20.0, 0, Seg::new(SYN, 0, 0, 0));
        log.send(60.0, 80.0, 0, Seg::new(ACK, 1, 1, 60).sack(5, 9));
        let bytes = &mut log.frames[1];
        bytes.truncate(cut.max(1));
        let len = bytes.len();
        at.drain(..).for_each(|(at, byte)| bytes[at % len] = byte);
        let recording = log.finish();
        let inspection = inspect(&recording.build(), 2, recording.frame(2).unwrap()).unwrap();
        for layer in &inspection.layers {
            prop_assert!(layer.start + layer.len <= len);
            prop_assert!(layer.fields.iter().all(|field| field.start + field.len <= len));
        }
    }
}
