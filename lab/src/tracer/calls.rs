//! Network calls at their two stops: entry (what is asked, and what the script does to it) and exit (what came of it).
//!
//! A shortened call is truthful: the kernel really moves fewer bytes and keeps the rest. The altered register is put
//! back at the exit, because compilers take it for unchanged.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering;

use tongro_sys::ptrace::{self, Call};
use tongro_sys::{process, seccomp, socket};
use tongro_trace::event::{CallEnter, CallExit, ProgramId, What};

use super::Tracer;
use crate::observe;
use crate::script::CallDo;

const PREVIEW: usize = 32;
/// Equal results in a row that are all recorded; after that only every power of two.
const REPEATS_MAX: u64 = 64;

/// A call that a thread is in.
#[derive(Debug)]
pub(super) struct InCall {
    /// Its number in the run; 0 = not recorded (a repeat).
    id: u64,
    number: i64,
    arguments: [u64; 6],
    /// The length argument as the program gave it, when it was shortened.
    restore: Option<u64>,
    /// A signal interrupted it: the kernel will make it again.
    pub(super) is_interrupted: bool,
    injected: Option<i32>,
}

/// Equal calls with equal results in a row: a spinning program must not fill the log.
#[derive(Debug, Default)]
pub(super) struct Repeat {
    key: (i64, u64, i64),
    count: u64,
}

impl Repeat {
    fn is_flood(&self, number: i64, fd: u64) -> bool {
        self.key.0 == number && self.key.1 == fd && self.count > REPEATS_MAX && !self.count.is_power_of_two()
    }

    fn note(&mut self, number: i64, fd: u64, result: i64) {
        let key = (number, fd, result);
        self.count = if key == self.key { self.count + 1 } else { 1 };
        self.key = key;
    }
}

/// What is known of the programs' sockets, by inode.
#[derive(Debug, Default)]
pub(super) struct Sockets(HashMap<u32, Known>);

#[derive(Debug, Clone, Copy)]
struct Known {
    is_ip: bool,
    is_stream: bool,
    peer: Option<SocketAddr>,
}

impl Sockets {
    /// The socket behind a descriptor, if it is an IP socket.
    fn of(&mut self, pid: i32, fd: i32) -> Option<Known> {
        let target = std::fs::read_link(format!("/proc/{pid}/fd/{fd}")).ok()?;
        let inode = observe::socket_inode(&target.to_string_lossy())?;
        let known = self.0.get(&inode).copied().filter(|known| !known.is_ip || known.peer.is_some());
        let known = match known {
            Some(known) => known,
            None => {
                let known = look(pid, fd)?;
                self.0.insert(inode, known);
                known
            }
        };
        known.is_ip.then_some(known)
    }
}

fn look(pid: i32, fd: i32) -> Option<Known> {
    let taken = process::take_fd(pid, fd).ok()?;
    let option = |name| socket::int(taken.as_fd(), libc::SOL_SOCKET, name).ok();
    let domain = option(libc::SO_DOMAIN)?;
    Some(Known {
        is_ip: matches!(domain, libc::AF_INET | libc::AF_INET6),
        is_stream: option(libc::SO_TYPE)? == libc::SOCK_STREAM,
        peer: socket::peer_of(taken.as_fd()),
    })
}

impl Tracer {
    /// A thread is about to make a traced call.
    pub(super) fn entered(&mut self, tid: i32) {
        let Ok(Call::Entry { number, arguments }) = ptrace::call(tid) else {
            let _ = ptrace::resume(tid, 0);
            return;
        };
        if self.is_restart(tid, number, &arguments) {
            let _ = ptrace::resume_to_exit(tid, 0);
            return;
        }
        let pid = self.pid_of(tid);
        let name = seccomp::name(number).unwrap_or("?");
        let socket = if name == "socket" { None } else { self.sockets.of(pid, arguments[0] as i32) };
        let is_wanted = socket.is_some() || (name == "socket" && is_ip(arguments[0]));
        let Some(thread) = self.threads.get_mut(&tid).filter(|_| is_wanted) else {
            let _ = ptrace::resume(tid, 0);
            return;
        };
        let program = thread.program;
        let is_flood = thread.repeat.is_flood(number, arguments[0]);
        let action = self.rule_for(program, name, socket);
        let mut call =
            InCall { id: 0, number, arguments, restore: None, is_interrupted: false, injected: None };
        let fault = action.and_then(|action| alter(tid, &mut call, action));
        if !is_flood || fault.is_some() {
            self.calls += 1;
            call.id = self.calls;
            self.record_entry(tid, pid, program, name, &call, socket.and_then(|socket| socket.peer), fault);
        }
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.call = Some(call);
        }
        let _ = ptrace::resume_to_exit(tid, 0);
    }

    /// The same call again after a signal; any other one says that the interrupted call ended with EINTR.
    fn is_restart(&mut self, tid: i32, number: i64, arguments: &[u64; 6]) -> bool {
        let Some(thread) = self.threads.get_mut(&tid) else { return false };
        let Some(call) = thread.call.as_mut().filter(|call| call.is_interrupted) else { return false };
        if call.number == number && call.arguments[0] == arguments[0] {
            call.is_interrupted = false;
            if call.restore.is_some() {
                let _ = ptrace::set_argument(tid, 2, call.arguments[2]);
            }
            return true;
        }
        let id = call.id;
        thread.call = None;
        self.record_exit(id, -i64::from(libc::EINTR), Vec::new());
        false
    }

    fn pid_of(&mut self, tid: i32) -> i32 {
        let Some(thread) = self.threads.get_mut(&tid) else { return tid };
        if thread.pid == 0 {
            thread.pid = thread_group(tid).unwrap_or(tid);
        }
        thread.pid
    }

    fn rule_for(&mut self, program: ProgramId, name: &str, socket: Option<Known>) -> Option<CallDo> {
        let rules = &mut self.programs.get_mut(usize::from(program))?.rules;
        for (rule, seen) in rules {
            let is_meant = rule.call == name || rule.call == class_of(name);
            let is_truthful =
                !matches!(rule.action, CallDo::Short(_)) || socket.is_some_and(|socket| socket.is_stream);
            if is_meant && is_truthful {
                *seen += 1;
                if rule.nth.is_none_or(|nth| nth == *seen) {
                    return Some(rule.action);
                }
            }
        }
        None
    }

    #[allow(clippy::too_many_arguments)] // one event's fields, each used once
    fn record_entry(
        &self,
        tid: i32,
        pid: i32,
        program: ProgramId,
        name: &str,
        call: &InCall,
        peer: Option<SocketAddr>,
        fault: Option<String>,
    ) {
        let arguments = &call.arguments;
        let addr = matches!(name, "bind" | "connect")
            .then(|| read_address(tid, arguments[1], arguments[2]))
            .flatten();
        let asked = call.restore.unwrap_or(arguments[2]);
        self.recorder.put(What::CallEnter(CallEnter {
            call: call.id,
            program,
            pid,
            tid,
            name: name.to_owned(),
            fd: (name != "socket").then_some(arguments[0] as i32),
            len: has_length(name).then_some(asked),
            addr,
            peer,
            fault,
        }));
    }

    fn record_exit(&self, id: u64, result: i64, preview: Vec<u8>) {
        if id != 0 {
            self.recorder.put(What::CallExit(CallExit { call: id, result, preview }));
        }
    }

    /// The call has been made.
    pub(super) fn left(&mut self, tid: i32) {
        let result = match ptrace::call(tid) {
            Ok(Call::Exit(result)) => result,
            _ => 0,
        };
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        let Some(mut call) = thread.call.take() else {
            let _ = ptrace::resume(tid, 0);
            return;
        };
        if let Some(asked) = call.restore {
            let _ = ptrace::set_argument(tid, 2, asked);
        }
        if (-516..=-512).contains(&result) {
            call.is_interrupted = true;
            thread.call = Some(call);
            let _ = ptrace::resume(tid, 0);
            return;
        }
        let result = call.injected.map_or(result, |errno| -i64::from(errno));
        thread.repeat.note(call.number, call.arguments[0], result);
        let program = thread.program;
        let name = seccomp::name(call.number).unwrap_or("?");
        self.count(program, name, result);
        if call.id != 0 {
            let preview = preview(tid, name, &call.arguments, result);
            self.record_exit(call.id, result, preview);
        }
        let _ = ptrace::resume(tid, 0);
    }

    fn count(&self, program: ProgramId, name: &str, result: i64) {
        let class = class_of(name);
        if (matches!(class, "recv" | "send") && result > 0) || (class == "accept" && result >= 0) {
            self.count_progress(program);
        }
        if class == "recv"
            && result == 0
            && let Some(program) = self.programs.get(usize::from(program))
        {
            program.counters.eof_reads.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Does to the call what the script says; the words for the log, or `None` when nothing was changed.
fn alter(tid: i32, call: &mut InCall, action: CallDo) -> Option<String> {
    match action {
        CallDo::Short(bytes) => {
            let name = seccomp::name(call.number)?;
            let is_plain = matches!(name, "recvfrom" | "sendto" | "read" | "write");
            let waits_for_all = name == "recvfrom" && call.arguments[3] & libc::MSG_WAITALL as u64 != 0;
            if !is_plain || waits_for_all || call.arguments[2] <= bytes {
                return None;
            }
            ptrace::set_argument(tid, 2, bytes).ok()?;
            call.restore = Some(call.arguments[2]);
            call.arguments[2] = bytes;
        }
        CallDo::Fail(errno) => {
            ptrace::fail_with(tid, errno).ok()?;
            call.injected = Some(errno);
        }
    }
    Some(action.to_string())
}

/// `recv`, `send` and `accept` stand for all their forms.
fn class_of(name: &str) -> &str {
    match name {
        "recvfrom" | "recvmsg" | "read" | "readv" => "recv",
        "sendto" | "sendmsg" | "write" | "writev" => "send",
        "accept" | "accept4" => "accept",
        other => other,
    }
}

fn has_length(name: &str) -> bool {
    matches!(name, "recvfrom" | "sendto" | "read" | "write")
}

fn is_ip(domain: u64) -> bool {
    matches!(domain as i32, libc::AF_INET | libc::AF_INET6)
}

fn read_address(tid: i32, at: u64, len: u64) -> Option<SocketAddr> {
    let mut bytes = [0u8; 28];
    let wanted = bytes.len().min(len as usize);
    let got = ptrace::read_memory(tid, at, &mut bytes[..wanted]);
    socket::address_from_bytes(&bytes[..got])
}

/// The first bytes that went through, from the program's own buffer.
fn preview(tid: i32, name: &str, arguments: &[u64; 6], result: i64) -> Vec<u8> {
    let wanted = usize::try_from(result).unwrap_or(0).min(PREVIEW);
    let at = match name {
        "recvfrom" | "sendto" | "read" | "write" => arguments[1],
        "recvmsg" | "sendmsg" => first_part(tid, arguments[1]).unwrap_or(0),
        "readv" | "writev" => word(tid, arguments[1]).unwrap_or(0),
        _ => 0,
    };
    if wanted == 0 || at == 0 {
        return Vec::new();
    }
    let mut bytes = vec![0u8; wanted];
    let got = ptrace::read_memory(tid, at, &mut bytes);
    bytes.truncate(got);
    bytes
}

/// Where the first buffer of a `msghdr` lies: its vector's address stands at offset 16.
fn first_part(tid: i32, message: u64) -> Option<u64> {
    word(tid, word(tid, message + 16)?)
}

fn word(tid: i32, at: u64) -> Option<u64> {
    let mut bytes = [0u8; 8];
    (ptrace::read_memory(tid, at, &mut bytes) == 8).then(|| u64::from_ne_bytes(bytes))
}

fn thread_group(tid: i32) -> Option<i32> {
    let status = std::fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("Tgid:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_equal_results_thins_out() {
        let mut repeat = Repeat::default();
        let mut recorded = 0;
        for _ in 0..10_000 {
            recorded += u32::from(!repeat.is_flood(45, 3));
            repeat.note(45, 3, 0);
        }
        assert!((65..80).contains(&recorded), "{recorded}");
        repeat.note(45, 3, 12);
        assert!(!repeat.is_flood(45, 3), "another result is news");
    }
}
