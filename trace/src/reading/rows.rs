//! The rows of the tables that a reading fills, looked up once.

use std::sync::LazyLock;

use tongro_wire::table;
use tongro_wire::{Field, FieldValue, Packet, Value, field};

/// The rows by what they say.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) number: &'static Field,
    pub(super) time_epoch: &'static Field,
    pub(super) time_relative: &'static Field,
    pub(super) time_delta: &'static Field,
    pub(super) interface: &'static Field,
    pub(super) comment: &'static Field,
    pub(super) len: &'static Field,
    pub(super) cap_len: &'static Field,
    pub(super) protocols: &'static Field,
    pub(super) tcp_stream: &'static Field,
    pub(super) udp_stream: &'static Field,
    pub(super) seq: &'static Field,
    pub(super) next_seq: &'static Field,
    pub(super) ack: &'static Field,
    pub(super) window: &'static Field,
    pub(super) request_in: &'static Field,
    pub(super) http_time: &'static Field,
    /// Edges of SACK blocks, which are shown relative.
    pub(super) sack: [&'static Field; 2],
}

/// The rows, found in the tables at first use.
pub(super) static ROWS: LazyLock<Rows> = LazyLock::new(find);

fn find() -> Rows {
    Rows {
        number: row("frame.number"),
        time_epoch: row("frame.time_epoch"),
        time_relative: row("frame.time_relative"),
        time_delta: row("frame.time_delta"),
        interface: row("frame.interface_id"),
        comment: row("frame.comment"),
        len: row("frame.len"),
        cap_len: row("frame.cap_len"),
        protocols: row("frame.protocols"),
        tcp_stream: row("tcp.stream"),
        udp_stream: row("udp.stream"),
        seq: row("tcp.seq"),
        next_seq: row("tcp.nxtseq"),
        ack: row("tcp.ack"),
        window: row("tcp.window_size"),
        request_in: row("http.request_in"),
        http_time: row("http.time"),
        sack: [row("tcp.options.sack_le"), row("tcp.options.sack_re")],
    }
}

/// The row of an id; the test below sees that there is one.
fn row(id: &str) -> &'static Field {
    field(id).unwrap_or(&table::data::DATA.fields[0])
}

/// Adds what is known of a layer but stands nowhere in its bytes.
pub(super) fn add<'a>(
    packet: &mut Packet<'a>,
    field: &'static Field,
    layer: usize,
    value: impl Into<Value<'a>>,
) {
    let value = value.into();
    packet.fields.push(FieldValue { field, layer, bits: 0..0, value, generated: true });
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_tables_have_every_row() {
        let all = format!("{:?}", *super::ROWS);
        assert!(!all.contains("data.data"), "{all}");
    }
}
