//! Packets in time: captures, flows, findings, the event log and the ladder model.
