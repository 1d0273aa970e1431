//! The tracer: one thread that starts every program of the lab, sees its network calls, alters them as the script
//! says, and reaps what ends. ptrace belongs to the thread that forked, so all of it happens here.
//!
//! Stops come from the kernel (`waitpid`), orders from the control thread; events go to the recorder.

mod calls;
mod start;

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::sync::{Arc, Mutex};

use tongro_sys::poll::{self, Waker};
use tongro_sys::process::{self, Change, ChildSignals};
use tongro_sys::ptrace;
use tongro_sys::seccomp::Filter;
use tongro_trace::event::{Exited, ProgramId, What};

use crate::link::locked;
use crate::message::{ProgramPlan, Reply};
use crate::program::Known;
use crate::record::Recorder;
use crate::script::CallRule;
use calls::{InCall, Sockets};

/// The ground on which programs are started.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) nets: [OwnedFd; 2],
    pub(crate) hosts_files: Option<[OwnedFd; 2]>,
    pub(crate) ids: Option<(u32, u32)>,
}

/// What is known of the programs, shared with the control thread.
#[derive(Debug, Default)]
pub(crate) struct Register {
    pub(crate) programs: Mutex<Vec<Known>>,
    /// Which program a pid belongs to, for traced ones.
    pub(crate) pids: Mutex<HashMap<i32, ProgramId>>,
    /// Per program: calls that moved bytes or took a connection; `recv` calls that returned 0.
    pub(crate) counters: Mutex<Vec<Arc<Counters>>>,
    /// Our ends of the programs' terminals.
    pub(crate) inputs: Mutex<Vec<Option<std::fs::File>>>,
}

/// See [`Register::counters`].
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) progress: AtomicU64,
    pub(crate) eof_reads: AtomicU64,
}

/// The handle of other threads.
#[derive(Debug)]
pub(crate) struct TracerHandle {
    orders: Sender<(ProgramPlan, Sender<Reply>)>,
    waker: Arc<Waker>,
    pub(crate) register: Arc<Register>,
}

impl TracerHandle {
    /// Starts a program; answers once it runs or has failed to.
    pub(crate) fn run(&self, plan: ProgramPlan) -> Reply {
        let (sender, receiver) = std::sync::mpsc::channel();
        if self.orders.send((plan, sender)).is_err() {
            return Reply::Failed { call: "tracer".into(), errno: libc::ESRCH };
        }
        self.waker.wake();
        receiver.recv().unwrap_or_else(|_| Reply::Failed { call: "tracer".into(), errno: libc::ESRCH })
    }
}

/// Starts the thread.
pub(crate) fn start(
    recorder: Arc<Recorder>,
    ground: Arc<Ground>,
    signals: ChildSignals,
) -> std::io::Result<TracerHandle> {
    let (orders, receiver) = std::sync::mpsc::channel();
    let waker = Arc::new(Waker::new().map_err(|error| error.source)?);
    let register = Arc::new(Register::default());
    let handle = TracerHandle { orders, waker: Arc::clone(&waker), register: Arc::clone(&register) };
    std::thread::Builder::new().name("tracer".into()).spawn(move || {
        let mut tracer = Tracer {
            recorder,
            ground,
            register,
            filter: Filter::network_calls(),
            programs: Vec::new(),
            threads: HashMap::new(),
            unclaimed: HashMap::new(),
            sockets: Sockets::default(),
            calls: 0,
        };
        tracer.run(&receiver, &waker, &signals);
    })?;
    Ok(handle)
}

struct Tracer {
    recorder: Arc<Recorder>,
    ground: Arc<Ground>,
    register: Arc<Register>,
    filter: Filter,
    programs: Vec<Program>,
    threads: HashMap<i32, Thread>,
    /// Newborn threads that stopped before their parent's event told of them, with the stop's signal.
    unclaimed: HashMap<i32, i32>,
    sockets: Sockets,
    calls: u64,
}

/// The tracer's own side of a program.
struct Program {
    pid: i32,
    rules: Vec<(CallRule, u64)>,
    counters: Arc<Counters>,
    starting: Option<start::Starting>,
}

/// A traced thread.
#[derive(Debug)]
struct Thread {
    program: ProgramId,
    /// Its process; 0 until it is asked for.
    pid: i32,
    /// Its own first SIGSTOP is still to come.
    is_newborn: bool,
    call: Option<InCall>,
    repeat: calls::Repeat,
}

impl Thread {
    fn new(program: ProgramId, is_newborn: bool) -> Self {
        Self { program, pid: 0, is_newborn, call: None, repeat: calls::Repeat::default() }
    }
}

impl Tracer {
    fn run(
        &mut self,
        orders: &Receiver<(ProgramPlan, Sender<Reply>)>,
        waker: &Waker,
        signals: &ChildSignals,
    ) {
        loop {
            signals.clear();
            waker.clear();
            while let Ok(Some((tid, change))) = process::wait_any(false) {
                self.changed(tid, change);
            }
            for (plan, answer) in orders.try_iter() {
                self.start_program(plan, answer);
            }
            if poll::readable([signals.as_fd(), waker.as_fd()], None).is_err() {
                return;
            }
        }
    }

    fn changed(&mut self, tid: i32, change: Change) {
        match change {
            Change::Exited(code) => self.ended(tid, Some(code), None),
            Change::Signaled(signal) => self.ended(tid, None, Some(signal)),
            Change::Stopped { signal, event } => self.stopped(tid, signal, event),
        }
    }

    fn ended(&mut self, tid: i32, code: Option<i32>, signal: Option<i32>) {
        self.threads.remove(&tid);
        self.unclaimed.remove(&tid);
        locked(&self.register.pids).remove(&tid);
        let Some(at) = self.programs.iter().position(|program| program.pid == tid) else { return };
        if let Some(starting) = self.programs[at].starting.take() {
            starting.failed();
            return;
        }
        if let Some(known) = locked(&self.register.programs).get_mut(at) {
            known.has_ended = true;
        }
        self.recorder.put(What::Exited(Exited { program: at as ProgramId, code, signal }));
    }

    fn stopped(&mut self, tid: i32, signal: i32, event: i32) {
        if self.is_starting(tid) && event == 0 && signal == libc::SIGSTOP {
            let _ = ptrace::set_options(tid).and_then(|()| ptrace::resume(tid, 0));
            return;
        }
        if !self.threads.contains_key(&tid) {
            self.unclaimed.insert(tid, signal);
            return;
        }
        match event {
            ptrace::EVENT_SECCOMP => self.entered(tid),
            ptrace::EVENT_EXEC => self.executed(tid),
            _ if ptrace::EVENTS_BIRTH.contains(&event) => self.gave_birth(tid),
            _ if signal == ptrace::SYSCALL_STOP => self.left(tid),
            _ if event != 0 => drop(ptrace::resume(tid, 0)),
            _ => self.signaled(tid, signal),
        }
    }

    /// A signal on its way to the program: passed on, save the newborn's own stop.
    fn signaled(&mut self, tid: i32, signal: i32) {
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        let is_own_stop = thread.is_newborn && signal == libc::SIGSTOP;
        thread.is_newborn &= !is_own_stop;
        let passed = if is_own_stop { 0 } else { signal };
        // In a call whose exit is awaited the exit stop must still come.
        let _ = if thread.call.is_some() && !thread.call.as_ref().is_some_and(|call| call.is_interrupted) {
            ptrace::resume_to_exit(tid, passed)
        } else {
            ptrace::resume(tid, passed)
        };
    }

    fn gave_birth(&mut self, tid: i32) {
        let born = ptrace::event_message(tid).unwrap_or(0) as i32;
        if let Some(program) = self.threads.get(&tid).map(|thread| thread.program) {
            let has_stopped = self.unclaimed.remove(&born).is_some();
            self.threads.insert(born, Thread::new(program, !has_stopped));
            locked(&self.register.pids).insert(born, program);
            if has_stopped {
                let _ = ptrace::resume(born, 0);
            }
        }
        let _ = ptrace::resume(tid, 0);
    }

    fn executed(&mut self, tid: i32) {
        if let Some(at) = self.programs.iter().position(|program| program.pid == tid)
            && let Some(starting) = self.programs[at].starting.take()
        {
            self.announce(at as ProgramId, starting);
        }
        // In a threaded program the caller takes the leader's id; the other threads are gone without a word.
        if let Some(thread) = self.threads.get_mut(&tid) {
            thread.call = None;
        }
        let _ = ptrace::resume(tid, 0);
    }

    fn is_starting(&self, tid: i32) -> bool {
        self.programs
            .iter()
            .any(|program| program.pid == tid && program.starting.as_ref().is_some_and(|s| !s.is_let_go()))
    }

    fn count_progress(&self, program: ProgramId) {
        if let Some(program) = self.programs.get(usize::from(program)) {
            program.counters.progress.fetch_add(1, Ordering::Relaxed);
        }
    }
}
