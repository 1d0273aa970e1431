//! What stands beside a frame: the states and calls of a host, put on the line of the frame they belong to.
//!
//! A call that sends belongs to the frame it sends, the end of one that waited to the frame that ended it. So every
//! happening goes to the frame that host last sent or got, but a call's beginning to the frame it is about to send.

use crate::event::{HostId, Nanos, TcpState};
use crate::ladder::model::{Arrow, Call, Ladder};

use super::Row;

/// A call's beginning this close before a frame of its host is taken for its cause.
const CAUSES: Nanos = 1_000_000;

/// The calls that make a host send.
const SENDS: [&str; 5] = ["send", "connect()", "close()", "shutdown()", "sendfile()"];

/// One host's side of one line.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    /// States and calls.
    pub(super) text: String,
    /// A call is blocked at that moment.
    pub(super) is_blocked: bool,
}

/// Both sides of every row.
pub(super) fn all(ladder: &Ladder, rows: &[Row<'_>]) -> Vec<[Cell; 2]> {
    let mut cells = vec![<[Cell; 2]>::default(); rows.len()];
    for host in 0..2 {
        let mut side = Side::of(ladder, rows, host);
        side.states();
        side.calls();
        side.marks();
        for (row, moment) in side.moments.iter().map(|moment| (moment.row, moment)) {
            let texts = moment.said();
            cells[row][usize::from(host)] =
                Cell { text: texts.join(", "), is_blocked: side.is_blocked(moment.at) };
        }
        let mut seen = vec![false; rows.len()];
        side.moments.iter().for_each(|moment| seen[moment.row] = true);
        // A frame that never got here leaves this side as it was on the line before.
        for row in (1..rows.len()).filter(|row| !seen[*row]) {
            cells[row][usize::from(host)].is_blocked = cells[row - 1][usize::from(host)].is_blocked;
        }
    }
    cells
}

/// The moment a host sent or got a row's frame, and what happened there.
struct Moment {
    row: usize,
    flow: Option<u32>,
    at: Nanos,
    is_sending: bool,
    state: Option<String>,
    parts: Vec<(Nanos, String)>,
}

impl Moment {
    /// The last state, then the calls in order of time.
    fn said(&self) -> Vec<String> {
        let mut parts: Vec<_> = self.parts.iter().collect();
        parts.sort_by_key(|(at, _)| *at);
        self.state.iter().chain(parts.into_iter().map(|(_, text)| text)).cloned().collect()
    }
}

struct Side<'l> {
    ladder: &'l Ladder,
    host: HostId,
    flows: Vec<u32>,
    /// In order of time.
    moments: Vec<Moment>,
    /// When this host sent or got the frames that are not shown, so that what belongs to them is left out.
    gaps: Vec<Nanos>,
    /// Those of them that it sent.
    sent_gaps: Vec<Nanos>,
}

impl<'l> Side<'l> {
    fn of(ladder: &'l Ladder, rows: &[Row<'_>], host: HostId) -> Self {
        let mut moments: Vec<_> =
            rows.iter().enumerate().filter_map(|(row, line)| moment(row, line, host)).collect();
        moments.sort_by_key(|moment| moment.at);
        let shown: Vec<_> = rows
            .iter()
            .filter_map(|row| if let Row::Frame(arrow) = row { Some(*arrow) } else { None })
            .collect();
        let flows: Vec<u32> = shown.iter().filter_map(|arrow| arrow.flow).collect();
        let is_shown = |arrow: &Arrow| shown.iter().any(|other| other.no == arrow.no);
        let of_flows =
            ladder.arrows.iter().filter(|arrow| arrow.flow.is_none_or(|flow| flows.contains(&flow)));
        let hidden: Vec<&Arrow> = of_flows.filter(|arrow| !is_shown(arrow)).collect();
        let times = |is_wanted: &dyn Fn(&Arrow) -> bool| {
            let wanted = hidden.iter().filter(|arrow| is_wanted(arrow));
            let mut times: Vec<_> = wanted.filter_map(|arrow| time_at(arrow, host)).collect();
            times.sort_unstable();
            times
        };
        let (gaps, sent_gaps) = (times(&|_| true), times(&|arrow| arrow.from == host));
        Self { ladder, host, flows, moments, gaps, sent_gaps }
    }

    /// The index of the moment a happening belongs to: the last before it, unless a frame that is not shown lies
    /// between.
    fn last_before(&self, at: Nanos) -> Option<usize> {
        let index = self.moments.partition_point(|moment| moment.at <= at).checked_sub(1)?;
        let from = self.moments[index].at;
        let next_gap = self.gaps.partition_point(|gap| *gap <= from);
        (self.gaps.get(next_gap).is_none_or(|gap| *gap > at)).then_some(index)
    }

    /// The frame this host sends nearest to that time, if it is near: states are looked up a little after.
    fn sent_near(&self, at: Nanos) -> Option<usize> {
        let sends = self.moments.iter().enumerate().filter(|(_, moment)| moment.is_sending);
        let (index, nearest) = sends.min_by_key(|(_, moment)| moment.at.abs_diff(at))?;
        let away = nearest.at.abs_diff(at);
        let is_nearest = self.sent_gaps.iter().all(|gap| gap.abs_diff(at) >= away);
        (away <= CAUSES && is_nearest).then_some(index)
    }

    /// The next frame this host sends, if that is near.
    fn caused_by(&self, at: Nanos) -> Option<usize> {
        let next = self.moments.iter().position(|moment| moment.at >= at && moment.is_sending)?;
        let sent_at = self.moments[next].at;
        let is_next = !self.sent_gaps.iter().any(|gap| (at..sent_at).contains(gap));
        (sent_at - at <= CAUSES && is_next).then_some(next)
    }

    /// For what makes this host send: the frame it sends, none if that one is not shown, else as all the rest.
    fn cause_or_before(&self, at: Nanos) -> Option<usize> {
        let is_hidden = self.gaps.iter().any(|gap| (at..=at + CAUSES).contains(gap));
        self.caused_by(at).or_else(|| self.last_before(at).filter(|_| !is_hidden))
    }

    fn put(&mut self, index: Option<usize>, at: Nanos, text: String) {
        if let Some(moment) = index.and_then(|index| self.moments.get_mut(index)) {
            moment.parts.push((at, text));
        }
    }

    /// The state at the first line, then every change.
    fn states(&mut self) {
        let Some((first, first_flow)) = self.moments.first().map(|moment| (moment.at, moment.flow)) else {
            return;
        };
        let mut spans: Vec<_> = self
            .ladder
            .states
            .iter()
            .filter(|span| span.host == self.host && span.flow.is_some_and(|flow| self.flows.contains(&flow)))
            .collect();
        if spans.is_empty() || spans[0].from > first {
            let own = self.ladder.states.iter().filter(|span| span.host == self.host && span.flow.is_none());
            spans.extend(own.filter(|span| span.from <= first));
        }
        for span in spans {
            let holds_first = span.from <= first && span.until.is_none_or(|until| until > first);
            let index = match span.state {
                _ if holds_first => Some(0).filter(|_| span.flow.is_none() || span.flow == first_flow),
                _ if span.from <= first => None,
                TcpState::SynSent | TcpState::FinWait1 | TcpState::LastAck => {
                    let is_hidden = self.sent_gaps.iter().any(|gap| gap.abs_diff(span.from) <= CAUSES);
                    let before = || self.cause_or_before(span.from).filter(|_| !is_hidden);
                    self.sent_near(span.from).or_else(before)
                }
                _ => self.last_before(span.from),
            };
            if let Some(moment) = index.and_then(|index| self.moments.get_mut(index)) {
                moment.state = Some(short(span.state).to_owned());
            }
        }
    }

    fn calls(&mut self) {
        for call in &self.ladder.calls {
            let is_here = call.host == self.host && call.flow.is_none_or(|flow| self.flows.contains(&flow));
            if !is_here {
                continue;
            }
            let causes = SENDS.iter().any(|name| call.label.starts_with(name));
            let begins = if causes { self.cause_or_before(call.from) } else { self.last_before(call.from) };
            if !call.is_blocked {
                self.put(begins, call.from, said(call));
                continue;
            }
            let ends = call.until.and_then(|until| self.last_before(until));
            if ends.is_none() || ends != begins {
                self.put(begins, call.from, call.label.clone());
            }
            if let Some(until) = call.until {
                let text = format!("{} {}", call.label, call.result.as_deref().unwrap_or_default());
                self.put(ends, until, text.trim_end().to_owned());
            }
        }
    }

    /// Ends of programs and faults.
    fn marks(&mut self) {
        const SHOWN: [&str; 3] = ["exited", "killed", "socket_destroyed"];
        for mark in &self.ladder.marks {
            if mark.host == self.host && SHOWN.contains(&mark.id.as_str()) {
                let number = mark.params.iter().find(|(name, _)| name == "code" || name == "signal");
                let number = number.map(|(_, value)| format!(" {value}")).unwrap_or_default();
                self.put(self.last_before(mark.at), mark.at, format!("{}{number}", mark.id));
            }
        }
    }

    fn is_blocked(&self, at: Nanos) -> bool {
        self.ladder.calls.iter().any(|call| {
            let is_here = call.host == self.host && call.flow.is_none_or(|flow| self.flows.contains(&flow));
            is_here && call.is_blocked && call.from <= at && call.until.is_none_or(|until| at < until)
        })
    }
}

fn moment(row: usize, line: &Row<'_>, host: HostId) -> Option<Moment> {
    let Row::Frame(arrow) = line else { return None };
    let is_sending = arrow.from == host;
    Some(Moment {
        row,
        flow: arrow.flow,
        at: time_at(arrow, host)?,
        is_sending,
        state: None,
        parts: Vec::new(),
    })
}

/// When this host sent or got the frame.
fn time_at(arrow: &Arrow, host: HostId) -> Option<Nanos> {
    if arrow.from == host { Some(arrow.sent_at) } else { arrow.arrived_at }
}

fn said(call: &Call) -> String {
    match &call.result {
        Some(result) => format!("{} {result}", call.label),
        None => call.label.clone(),
    }
}

/// The state as `ss` prints it.
fn short(state: TcpState) -> &'static str {
    match state {
        TcpState::Established => "ESTAB",
        other => other.name(),
    }
}
