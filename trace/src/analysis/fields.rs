//! The analysis as fields of the tables, to be shown, filtered and printed as any other.

use std::sync::LazyLock;

use tongro_wire::{Field, Value};

use super::{Analysis, Labels};

/// One field that the analysis gives: its row and its value.
pub type Shown = (&'static Field, Value<'static>);

/// The rows, looked up once.
struct Rows {
    acks_frame: &'static Field,
    ack_rtt: &'static Field,
    initial_rtt: &'static Field,
    bytes_in_flight: &'static Field,
    push_bytes_sent: &'static Field,
    rto: &'static Field,
    rto_frame: &'static Field,
    duplicate_ack_num: &'static Field,
    duplicate_ack_frame: &'static Field,
    labels: Vec<(Labels, &'static Field)>,
}

static ROWS: LazyLock<Rows> = LazyLock::new(|| {
    // Every id stands in the table of `wire`; a test holds that.
    static NONE: LazyLock<&'static Field> = LazyLock::new(|| &tongro_wire::table::data::DATA.fields[0]);
    let row = |id: &str| tongro_wire::field(id).unwrap_or(*NONE);
    Rows {
        acks_frame: row("tcp.analysis.acks_frame"),
        ack_rtt: row("tcp.analysis.ack_rtt"),
        initial_rtt: row("tcp.analysis.initial_rtt"),
        bytes_in_flight: row("tcp.analysis.bytes_in_flight"),
        push_bytes_sent: row("tcp.analysis.push_bytes_sent"),
        rto: row("tcp.analysis.rto"),
        rto_frame: row("tcp.analysis.rto_frame"),
        duplicate_ack_num: row("tcp.analysis.duplicate_ack_num"),
        duplicate_ack_frame: row("tcp.analysis.duplicate_ack_frame"),
        labels: Labels::ALL.iter().map(|(label, id, _)| (*label, row(id))).collect(),
    }
});

impl Analysis {
    /// Calls `show` with each field of `tcp.analysis` that has a value, in Wireshark's order.
    pub fn fields(&self, mut show: impl FnMut(Shown)) {
        let time = |span: i64| Value::Uint(u64::try_from(span).unwrap_or(0));
        let number = |n: u32| Value::Uint(u64::from(n));
        let rows = &*ROWS;
        if let Some((frame, rtt)) = self.acks {
            show((rows.acks_frame, number(frame)));
            if rtt != 0 {
                show((rows.ack_rtt, time(rtt)));
            }
        }
        if let Some(rtt) = self.initial_rtt {
            show((rows.initial_rtt, time(rtt)));
        }
        if let Some(bytes) = self.bytes_in_flight {
            show((rows.bytes_in_flight, number(bytes)));
        }
        if let Some(bytes) = self.push_bytes_sent {
            show((rows.push_bytes_sent, number(bytes)));
        }
        if !self.labels.is_empty() {
            let set = rows.labels.iter().filter(|(label, _)| self.labels.has(*label));
            set.for_each(|(_, row)| show((row, Value::Flag)));
        }
        if let Some((delta, frame)) = self.rto {
            show((rows.rto, time(delta)));
            show((rows.rto_frame, number(frame)));
        }
        if let Some((count, frame)) = self.duplicate_ack {
            show((rows.duplicate_ack_num, number(count)));
            show((rows.duplicate_ack_frame, number(frame)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_has_a_row() {
        for (_, id, _) in Labels::ALL {
            assert_eq!(tongro_wire::field(id).map(|row| row.id), Some(*id));
        }
        assert_eq!(ROWS.duplicate_ack_frame.id, "tcp.analysis.duplicate_ack_frame");
    }
}
