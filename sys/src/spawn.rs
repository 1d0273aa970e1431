//! Starting a program inside a lab: `fork`, then only system calls until `execve(2)`.
//!
//! Child order: host's network → own mounts and host name → own session on its terminal → nested user namespace
//! (the user's real id, no power over the lab) → traced and stopped → no privileges, filter → exec.

use std::ffi::CString;
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use crate::seccomp::Filter;
use crate::{Error, Result, check, mount, named, namespace, process, ptrace};

/// All that the child needs, made ready before the fork.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// The file to execute, then the arguments (the first being the program's name).
    pub path: CString,
    /// The arguments.
    pub argv: Vec<CString>,
    /// The environment, `NAME=value`.
    pub env: Vec<CString>,
    /// The working directory.
    pub cwd: CString,
    /// stdin, stdout, stderr.
    pub stdio: [BorrowedFd<'a>; 3],
    /// The network namespace of its host.
    pub net: BorrowedFd<'a>,
    /// The host's name.
    pub hostname: String,
    /// A tree to bind over `/etc/hosts`.
    pub hosts_file: Option<BorrowedFd<'a>>,
    /// The user and group it shall see itself as, in a nested user namespace; `None` = no such namespace.
    pub ids: Option<(u32, u32)>,
    /// The filter, when its network calls are traced.
    pub filter: Option<&'a Filter>,
}

/// Forks the program; a traced one is stopped by SIGSTOP before its filter is installed, waiting for
/// [`ptrace::set_options`] and [`ptrace::resume`]. The pipe tells of a failed exec: see [`failure`].
///
/// # Errors
/// The errno of `fork` or `pipe`.
pub fn spawn(plan: &Spawn<'_>) -> Result<(i32, OwnedFd)> {
    let (reader, writer) = named("pipe", std::io::pipe())?;
    let argv = pointers(&plan.argv);
    let env = pointers(&plan.env);
    match process::fork()? {
        Some(pid) => Ok((pid, reader.into())),
        None => {
            let error = become_program(plan, &argv, &env);
            tell(writer.as_raw_fd(), &error);
            process::exit_now(127)
        }
    }
}

/// Why a spawned program never ran: the name of the failed call and its errno; `None` when it did run.
///
/// Call it after the child has executed or ended: until then it blocks.
#[must_use]
pub fn failure(pipe: OwnedFd) -> Option<(String, i32)> {
    let mut bytes = Vec::new();
    std::fs::File::from(pipe).read_to_end(&mut bytes).ok()?;
    let errno = i32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?);
    Some((String::from_utf8_lossy(&bytes[4..]).into_owned(), errno))
}

fn pointers(texts: &[CString]) -> Vec<*const libc::c_char> {
    texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
}

fn tell(pipe: RawFd, error: &Error) {
    let errno = error.errno().to_ne_bytes();
    // SAFETY: live bytes; nobody could be told of a failure here.
    unsafe {
        libc::write(pipe, errno.as_ptr().cast(), 4);
        libc::write(pipe, error.call.as_ptr().cast(), error.call.len());
    }
}

fn become_program(plan: &Spawn<'_>, argv: &[*const libc::c_char], env: &[*const libc::c_char]) -> Error {
    if let Err(error) = prepare(plan) {
        return error;
    }
    // SAFETY: path, argv and env are live, zero-terminated arrays of C strings.
    unsafe { libc::execve(plan.path.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    Error::last("execve")
}

fn prepare(plan: &Spawn<'_>) -> Result<()> {
    process::unblock_signals();
    namespace::enter_net(plan.net)?;
    namespace::unshare(namespace::MOUNT | namespace::UTS)?;
    namespace::set_hostname(&plan.hostname)?;
    if let Some(tree) = plan.hosts_file {
        // Without the file a program that looks up its own name fails as it would on a real host: not fatal.
        let _ = mount::bind_over(tree, "/etc/hosts");
    }
    terminal(plan)?;
    // SAFETY: a live C string.
    check("chdir", i64::from(unsafe { libc::chdir(plan.cwd.as_ptr()) }))?;
    if let Some(ids) = plan.ids {
        namespace::unshare(namespace::USER)?;
        namespace::map_ids(ids, (0, 0))?;
    }
    if plan.filter.is_some() {
        ptrace::trace_me()?;
        // SAFETY: stops this process until the tracer lets it go.
        unsafe { libc::raise(libc::SIGSTOP) };
    }
    process::give_up_privileges()?;
    plan.filter.map_or(Ok(()), Filter::install)
}

fn terminal(plan: &Spawn<'_>) -> Result<()> {
    // SAFETY: system calls on live descriptors; a new session has no controlling terminal yet, stdin becomes it.
    unsafe {
        libc::setsid();
        libc::ioctl(plan.stdio[0].as_raw_fd(), libc::TIOCSCTTY, 0);
    }
    for (number, fd) in plan.stdio.iter().enumerate() {
        // SAFETY: live descriptors.
        check("dup2", i64::from(unsafe { libc::dup2(fd.as_fd().as_raw_fd(), number as i32) }))?;
    }
    Ok(())
}
