//! State columns: looked-up socket states become spans of time, per host and flow.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::event::{HostId, Nanos, Socket, TcpState};
use crate::flow::{Protocol, canonical};

use super::builder::Builder;
use super::model::StateSpan;

/// The span that goes on, by the socket it belongs to.
#[derive(Debug, Default)]
pub(super) struct States {
    open: HashMap<Column, usize>,
}

/// One column of states: a connection's end, or a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Column {
    Connection(HostId, u32),
    Listener(HostId, SocketAddr),
}

impl Builder {
    pub(super) fn socket(&mut self, at: Nanos, socket: &Socket) {
        let (local, remote) = (canonical(socket.local), canonical(socket.remote));
        let flow = (remote.port() != 0).then(|| self.flows.find_or_add(Protocol::Tcp, local, remote, at));
        if let (Some(flow), Some(known)) = (&flow, &socket.info) {
            self.analyser.timeout_is(flow.no, flow.direction(local), Nanos::from(known.rto_us) * 1000);
        }
        let flow = flow.map(|flow| flow.no);
        let column = match flow {
            Some(flow) => Column::Connection(socket.host, flow),
            None => Column::Listener(socket.host, local),
        };
        if flow.is_none() && socket.state == TcpState::Listen {
            self.learn_port(socket.host, local);
        }
        if self.is_handed_over(column, flow, socket.state) {
            return;
        }
        let from = match self.states.open.get(&column).copied() {
            Some(index) if self.ladder.states[index].state == socket.state => return,
            Some(index) => self.end_span(index, at),
            None if socket.state == TcpState::SynSent => self.begin_closed(column, socket.host, flow, at),
            None => at,
        };
        self.begin_span(
            column,
            StateSpan { host: socket.host, flow, state: socket.state, from, until: None },
        );
    }

    /// The kernel frees the socket when TIME-WAIT takes its place and says CLOSED, though the connection is not: only
    /// a reset closes from these states.
    fn is_handed_over(&self, column: Column, flow: Option<u32>, state: TcpState) -> bool {
        let Some(open) = self.states.open.get(&column).map(|index| self.ladder.states[*index].state) else {
            return false;
        };
        let was_reset = flow.is_some_and(|no| self.flows.flows()[no as usize].was_reset());
        let hands_over =
            matches!(open, TcpState::FinWait1 | TcpState::FinWait2 | TcpState::Closing | TcpState::TimeWait);
        state == TcpState::Closed && hands_over && !was_reset
    }

    /// A connection that begins with SYN-SENT was CLOSED until then (RFC 9293 section 3.3.2).
    fn begin_closed(&mut self, column: Column, host: HostId, flow: Option<u32>, at: Nanos) -> Nanos {
        if at > 0 {
            self.begin_span(
                column,
                StateSpan { host, flow, state: TcpState::Closed, from: 0, until: Some(at) },
            );
        }
        at
    }

    fn begin_span(&mut self, column: Column, span: StateSpan) {
        let index = self.ladder.states.len();
        self.states.open.insert(column, index);
        self.ladder.states.push(span);
        self.changed.states.insert(index);
    }

    /// Ends a span and says from when the next one holds: never before this one began, and never at the same
    /// moment, because `(host, flow, from)` is its name.
    fn end_span(&mut self, index: usize, at: Nanos) -> Nanos {
        let span = &mut self.ladder.states[index];
        let at = at.max(span.from + 1);
        span.until = Some(at);
        self.changed.states.insert(index);
        at
    }
}
