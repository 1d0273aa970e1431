//! The analysis as fields of the tables, to be shown, filtered and printed as any other.

use tongro_wire::Value;

use super::{Analysis, Labels};

/// One field that the analysis gives: its id and value.
pub type Shown = (&'static str, Value<'static>);

impl Analysis {
    /// Calls `show` with each field that has a value, in Wireshark's order.
    pub fn fields(&self, mut show: impl FnMut(Shown)) {
        let time = |span: i64| Value::Uint(u64::try_from(span).unwrap_or(0));
        let number = |n: u32| Value::Uint(u64::from(n));
        show(("tcp.stream", number(self.stream)));
        show(("tcp.window_size", number(self.window)));
        if let Some((frame, rtt)) = self.acks {
            show(("tcp.analysis.acks_frame", number(frame)));
            if rtt != 0 {
                show(("tcp.analysis.ack_rtt", time(rtt)));
            }
        }
        if let Some(rtt) = self.initial_rtt {
            show(("tcp.analysis.initial_rtt", time(rtt)));
        }
        if let Some(bytes) = self.bytes_in_flight {
            show(("tcp.analysis.bytes_in_flight", number(bytes)));
        }
        if let Some(bytes) = self.push_bytes_sent {
            show(("tcp.analysis.push_bytes_sent", number(bytes)));
        }
        for (label, id, _) in Labels::ALL {
            if self.labels.has(*label) {
                show((id, Value::Flag));
            }
        }
        if let Some((delta, frame)) = self.rto {
            show(("tcp.analysis.rto", time(delta)));
            show(("tcp.analysis.rto_frame", number(frame)));
        }
        if let Some((count, frame)) = self.duplicate_ack {
            show(("tcp.analysis.duplicate_ack_num", number(count)));
            show(("tcp.analysis.duplicate_ack_frame", number(frame)));
        }
    }
}
