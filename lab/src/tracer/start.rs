//! Starting a program: command line → executable → terminals → fork → first stop → exec.

use std::cell::Cell;
use std::ffi::CString;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use tongro_sys::spawn::{self, Spawn};
use tongro_trace::event::{ProgramId, Started, What};

use super::{Counters, Program, Thread, Tracer};
use crate::link::locked;
use crate::message::{ProgramPlan, Reply, Tracing};
use crate::program::{self, Known, Terminals};
use crate::topology::NAMES;

/// A program between fork and exec.
pub(super) struct Starting {
    plan: ProgramPlan,
    pipe: OwnedFd,
    answer: Sender<Reply>,
    was_stopped: Cell<bool>,
}

impl Starting {
    /// Whether its first stop has been seen already; asking is seeing.
    pub(super) fn is_let_go(&self) -> bool {
        self.was_stopped.replace(true)
    }

    /// It ended before it executed anything: says why.
    pub(super) fn failed(self) {
        let (call, errno) = spawn::failure(self.pipe).unwrap_or_else(|| ("fork".into(), libc::ECHILD));
        let _ = self.answer.send(Reply::Failed { call, errno });
    }
}

impl Tracer {
    pub(super) fn start_program(&mut self, plan: ProgramPlan, answer: Sender<Reply>) {
        match self.fork_program(&plan) {
            Ok((pid, pipe, terminals)) => self.enroll(plan, answer, pid, pipe, terminals),
            Err((call, errno)) => drop(answer.send(Reply::Failed { call, errno })),
        }
    }

    fn fork_program(&self, plan: &ProgramPlan) -> Result<(i32, OwnedFd, Terminals), (String, i32)> {
        let system = |error: tongro_sys::Error| (error.call.to_owned(), error.errno());
        let path = plan
            .env
            .iter()
            .find(|(name, _)| name == "PATH")
            .map(|(_, value)| value.clone())
            .or_else(|| std::env::var("PATH").ok())
            .unwrap_or_default();
        let command = plan.argv.first().ok_or_else(|| ("execve".to_owned(), libc::ENOENT))?;
        let file =
            program::executable(command, &plan.cwd, &path).map_err(|errno| ("execve".to_owned(), errno))?;
        let terminals = Terminals::open().map_err(system)?;
        let host = usize::from(plan.host & 1);
        let c_string = |text: &str| CString::new(text).unwrap_or_default();
        let spawn = Spawn {
            path: c_string(&file.to_string_lossy()),
            argv: plan.argv.iter().map(|text| c_string(text)).collect(),
            env: program::environment(plan),
            cwd: c_string(&plan.cwd),
            stdio: [
                terminals.stdin.slave.as_fd(),
                terminals.stdout.slave.as_fd(),
                terminals.stderr.slave.as_fd(),
            ],
            net: self.ground.nets[host].as_fd(),
            hostname: NAMES[host].to_owned(),
            hosts_file: self.ground.hosts_files.as_ref().map(|files| files[host].as_fd()),
            ids: self.ground.ids,
            filter: (plan.tracing == Tracing::Network).then_some(&self.filter),
        };
        let (pid, pipe) = spawn::spawn(&spawn).map_err(system)?;
        Ok((pid, pipe, terminals))
    }

    fn enroll(
        &mut self,
        plan: ProgramPlan,
        answer: Sender<Reply>,
        pid: i32,
        pipe: OwnedFd,
        terminals: Terminals,
    ) {
        let program = self.programs.len() as ProgramId;
        let counters = Arc::new(Counters::default());
        locked(&self.register.programs).push(Known { pid, has_ended: false });
        locked(&self.register.counters).push(Arc::clone(&counters));
        locked(&self.register.pids).insert(pid, program);
        // Reading starts before the program does: its first line may be its last.
        let input = terminals.read_into(Arc::clone(&self.recorder), program).ok();
        locked(&self.register.inputs).push(input);
        let rules = plan.calls.iter().map(|rule| (rule.clone(), 0)).collect();
        let is_traced = plan.tracing == Tracing::Network;
        let starting = Starting { plan, pipe, answer, was_stopped: Cell::new(false) };
        self.programs.push(Program { pid, rules, counters, starting: None });
        if is_traced {
            self.threads.insert(pid, Thread::new(program, false));
            self.programs[usize::from(program)].starting = Some(starting);
            if let Some(signal) = self.unclaimed.remove(&pid) {
                self.stopped(pid, signal, 0);
            }
        } else {
            self.start_untraced(program, starting);
        }
    }

    /// Without a tracer the pipe tells: it closes at exec, or carries the errno.
    fn start_untraced(&self, program: ProgramId, starting: Starting) {
        let Starting { plan, pipe, answer, .. } = starting;
        match spawn::failure(pipe) {
            Some((call, errno)) => drop(answer.send(Reply::Failed { call, errno })),
            None => self.tell_started(program, &plan, &answer),
        }
    }

    pub(super) fn announce(&self, program: ProgramId, starting: Starting) {
        self.tell_started(program, &starting.plan, &starting.answer);
    }

    fn tell_started(&self, program: ProgramId, plan: &ProgramPlan, answer: &Sender<Reply>) {
        let pid = self.programs[usize::from(program)].pid;
        self.recorder.put(What::Started(Started { program, host: plan.host, pid, argv: plan.argv.clone() }));
        let _ = answer.send(Reply::Program(program));
    }
}
