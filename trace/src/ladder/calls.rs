//! System calls on the ladder, and the steps of our peers that stand for one.
//!
//! Names are shown as the manual's plain ones (`recvfrom` is `recv()`). `label` and `result` never say the same
//! thing twice: an instant call that simply worked has its count in the label and no result, so drawing the label and
//! then the result, if there is one, is always right.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;

use crate::event::{Action, CallEnter, CallExit, HostId, Nanos, Step};

use super::builder::Builder;
use super::model::Call;

/// A call that takes at least this long is drawn as blocked: 1 ms, well above what tracing itself costs.
pub(super) const BLOCKED: Nanos = 1_000_000;

/// The first number of calls that are steps of peers; traced calls stay below.
const STEP_CALLS: u64 = 1 << 40;

/// Calls not yet returned, and what peers did last.
#[derive(Debug, Default)]
pub(super) struct Calls {
    by_no: HashMap<u64, Entered>,
    open: BTreeSet<usize>,
    connecting: Vec<(HostId, SocketAddr, usize)>,
    accepted: HashMap<(i32, i64), usize>,
    steps: u64,
    last_step: HashMap<u16, Nanos>,
    /// What went out since a flow's last step: the first data, the first FIN or RST.
    went_out: HashMap<u32, [Option<Nanos>; 2]>,
}

#[derive(Debug)]
struct Entered {
    index: usize,
    name: Name,
    len: Option<u64>,
    pid: i32,
}

/// The family of a call, which decides how its result reads.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Receive,
    Send,
    Accept,
    Socket,
    Plain(String),
}

impl Name {
    fn of(call: &str) -> Self {
        match call {
            "recv" | "recvfrom" | "recvmsg" | "recvmmsg" | "read" | "readv" => Self::Receive,
            "send" | "sendto" | "sendmsg" | "sendmmsg" | "write" | "writev" => Self::Send,
            "accept" | "accept4" => Self::Accept,
            "socket" => Self::Socket,
            other => Self::Plain(other.to_owned()),
        }
    }

    fn shown(&self) -> &str {
        match self {
            Self::Receive => "recv",
            Self::Send => "send",
            Self::Accept => "accept",
            Self::Socket => "socket",
            Self::Plain(name) => name,
        }
    }

    fn waits_for_bytes(&self) -> bool {
        const WAITS: [&str; 6] = ["poll", "ppoll", "select", "pselect6", "epoll_wait", "epoll_pwait"];
        match self {
            Self::Receive => true,
            Self::Plain(name) => WAITS.contains(&name.as_str()),
            _ => false,
        }
    }

    fn label(&self, len: Option<u64>) -> String {
        match (self, len) {
            (Self::Send, Some(len)) => format!("send() {len}"),
            _ => format!("{}()", self.shown()),
        }
    }
}

impl Builder {
    pub(super) fn call_enter(&mut self, at: Nanos, enter: &CallEnter) {
        let name = Name::of(&enter.name);
        let index = self.ladder.calls.len();
        let host = self.host_of(enter.program);
        let flow = enter.peer.and_then(|peer| self.flows.of_end(peer));
        self.join_accept(enter.pid, enter.fd, flow);
        if let (Some(addr), "connect") = (enter.addr, enter.name.as_str()) {
            self.calls.connecting.push((host, crate::flow::canonical(addr), index));
        }
        let call = Call {
            no: enter.call,
            host,
            flow,
            tid: enter.tid,
            label: name.label(enter.len),
            from: at,
            until: None,
            result: None,
            is_blocked: false,
            fault: enter.fault.clone(),
        };
        self.ladder.calls.push(call);
        self.calls.by_no.insert(enter.call, Entered { index, name, len: enter.len, pid: enter.pid });
        self.calls.open.insert(index);
        self.changed.calls.insert(index);
    }

    pub(super) fn call_exit(&mut self, at: Nanos, exit: &CallExit) {
        let Some(Entered { index, name, len, pid }) = self.calls.by_no.remove(&exit.call) else { return };
        self.calls.open.remove(&index);
        self.calls.connecting.retain(|(.., connecting)| *connecting != index);
        if name == Name::Accept && exit.result >= 0 {
            self.calls.accepted.insert((pid, exit.result), index);
        }
        self.finish_call(index, at, &name, len, exit);
    }

    fn finish_call(&mut self, index: usize, at: Nanos, name: &Name, len: Option<u64>, exit: &CallExit) {
        let call = &mut self.ladder.calls[index];
        call.until = Some(at);
        call.is_blocked = at.saturating_sub(call.from) >= BLOCKED;
        let count = u64::try_from(exit.result).ok();
        let is_plain = match name {
            Name::Receive => count.is_some_and(|n| n > 0),
            Name::Send => count == len,
            Name::Accept => false,
            _ => count.is_some(),
        };
        let text = outcome(name, len, exit);
        if call.is_blocked || !is_plain {
            call.result = Some(format!("→ {text}"));
        } else if *name == Name::Receive {
            call.label = format!("recv() {text}");
        }
        self.changed.calls.insert(index);
        if name.waits_for_bytes() {
            let call = call.clone();
            self.explain_waits(&call);
        }
    }

    /// Says of calls that have not returned for a while that they block.
    pub(super) fn mark_blocked_calls(&mut self) {
        let now = self.ladder.now;
        for index in &self.calls.open {
            let call = &mut self.ladder.calls[*index];
            if !call.is_blocked && now.saturating_sub(call.from) >= BLOCKED {
                call.is_blocked = true;
                self.changed.calls.insert(*index);
            }
        }
    }

    /// Notes that host 0 sent data, or its FIN or RST: a peer's step that did this began no later.
    pub(super) fn note_sent(&mut self, flow: u32, at: Nanos, is_end: bool) {
        self.calls.went_out.entry(flow).or_default()[usize::from(is_end)].get_or_insert(at);
    }

    /// A step of a peer that stands for a system call. It is known when it is over; a peer that waits for an
    /// answer has waited since its last step, one that connects since its SYN, one that sends since its first data.
    pub(super) fn step_call(&mut self, at: Nanos, step: &Step) {
        let host = 0;
        let flow = step.local.and_then(|end| self.flows.of_end(end));
        let last = self.calls.last_step.insert(step.peer, at);
        let waits = matches!(step.action, Action::Receive | Action::Eof | Action::Reset);
        let syn_at = flow.map(|no| self.flows.flows()[no as usize].first_at);
        let went_out = flow.and_then(|no| self.calls.went_out.remove(&no)).unwrap_or_default();
        let from = match step.action {
            Action::Connect => last.max(syn_at),
            Action::Send => went_out[0],
            Action::Shutdown | Action::Close | Action::Abort => went_out[1],
            _ if waits => last,
            _ => None,
        };
        let (name, len) = step_name(step);
        let result = step.errno.map_or(step.n as i64, |errno| -i64::from(errno));
        let index = self.ladder.calls.len();
        self.ladder.calls.push(Call {
            no: STEP_CALLS + self.calls.steps,
            host,
            flow,
            tid: -1 - i32::from(step.peer),
            label: name.label(len),
            from: from.unwrap_or(at).min(at),
            until: None,
            result: None,
            is_blocked: false,
            fault: None,
        });
        self.calls.steps += 1;
        let exit = CallExit { call: 0, result: step_result(step, result), preview: step.preview.clone() };
        self.finish_call(index, at, &name, len, &exit);
    }

    /// A connect() that waits on `host` for `target` belongs to the flow its SYN opens.
    pub(super) fn join_connect(&mut self, host: HostId, target: SocketAddr, flow: Option<u32>) {
        let Some(at) = self.calls.connecting.iter().position(|(from, to, _)| (*from, *to) == (host, target))
        else {
            return;
        };
        let (.., index) = self.calls.connecting.swap_remove(at);
        self.ladder.calls[index].flow = flow;
        self.changed.calls.insert(index);
    }

    /// An accept() belongs to the flow of the descriptor it gave, known at the first call on that.
    fn join_accept(&mut self, pid: i32, fd: Option<i32>, flow: Option<u32>) {
        let (Some(fd), Some(_)) = (fd, flow) else { return };
        if let Some(index) = self.calls.accepted.remove(&(pid, i64::from(fd))) {
            self.ladder.calls[index].flow = flow;
            self.changed.calls.insert(index);
        }
    }
}

fn step_name(step: &Step) -> (Name, Option<u64>) {
    match step.action {
        Action::Connect => (Name::Plain("connect".to_owned()), None),
        Action::Send => (Name::Send, Some(step.n)),
        Action::Receive | Action::Eof | Action::Reset => (Name::Receive, None),
        Action::Shutdown => (Name::Plain("shutdown".to_owned()), None),
        _ => (Name::Plain("close".to_owned()), None),
    }
}

fn step_result(step: &Step, result: i64) -> i64 {
    match step.action {
        Action::Eof => 0,
        Action::Reset => -i64::from(step.errno.unwrap_or(104)),
        Action::Receive | Action::Send => result,
        _ => result.min(0),
    }
}

/// `5792`, `3 “OK”`, `0 (EOF)`, `fd 4`, `ECONNRESET`.
fn outcome(name: &Name, len: Option<u64>, exit: &CallExit) -> String {
    let result = exit.result;
    if result < 0 {
        return errno_name(-result);
    }
    match name {
        Name::Receive if result == 0 && len != Some(0) => "0 (EOF)".to_owned(),
        Name::Receive => match quoted(result, &exit.preview) {
            Some(text) => format!("{result} “{text}”"),
            None => result.to_string(),
        },
        Name::Accept | Name::Socket => format!("fd {result}"),
        _ => result.to_string(),
    }
}

/// Received text in full if it is short and printable, without the end of its line.
fn quoted(len: i64, preview: &[u8]) -> Option<&str> {
    const LONGEST: usize = 8;
    if usize::try_from(len).ok()? != preview.len() {
        return None;
    }
    let text = std::str::from_utf8(preview).ok()?.trim_end_matches(['\r', '\n']);
    let fits = !text.is_empty() && text.chars().count() <= LONGEST && !text.contains(char::is_control);
    fits.then_some(text)
}

/// The name of a Linux errno that network calls return, or its number.
#[must_use]
pub(super) fn errno_name(errno: i64) -> String {
    let name = match errno {
        1 => "EPERM",
        2 => "ENOENT",
        4 => "EINTR",
        5 => "EIO",
        9 => "EBADF",
        11 => "EAGAIN",
        12 => "ENOMEM",
        13 => "EACCES",
        14 => "EFAULT",
        22 => "EINVAL",
        23 => "ENFILE",
        24 => "EMFILE",
        32 => "EPIPE",
        88 => "ENOTSOCK",
        89 => "EDESTADDRREQ",
        90 => "EMSGSIZE",
        92 => "ENOPROTOOPT",
        95 => "EOPNOTSUPP",
        97 => "EAFNOSUPPORT",
        98 => "EADDRINUSE",
        99 => "EADDRNOTAVAIL",
        100 => "ENETDOWN",
        101 => "ENETUNREACH",
        103 => "ECONNABORTED",
        104 => "ECONNRESET",
        105 => "ENOBUFS",
        106 => "EISCONN",
        107 => "ENOTCONN",
        110 => "ETIMEDOUT",
        111 => "ECONNREFUSED",
        113 => "EHOSTUNREACH",
        114 => "EALREADY",
        115 => "EINPROGRESS",
        512..=516 => "ERESTART",
        other => return format!("errno {other}"),
    };
    name.to_owned()
}
