//! A program of the lab: how its command line becomes an executable, its terminal, and what is known of it.

use std::ffi::CString;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tongro_sys::poll;
use tongro_sys::pty::{self, Pty};
use tongro_trace::event::{Output, ProgramId, Stream, What};

use crate::message::ProgramPlan;
use crate::record::Recorder;

const POLLIN: i16 = 1;
/// A line that never ends is cut here.
const LINE_MAX: usize = 4096;

/// What other threads may know of a running program.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) pid: i32,
    pub(crate) has_ended: bool,
}

/// Finds the file of a command as a shell would: a path as it is, a bare name in PATH.
pub(crate) fn executable(command: &str, cwd: &str, path: &str) -> Result<PathBuf, i32> {
    if command.contains('/') {
        let file = Path::new(cwd).join(command);
        return may_run(&file).map(|()| file);
    }
    let mut denied = libc::ENOENT;
    for folder in path.split(':').filter(|folder| !folder.is_empty()) {
        let file = Path::new(folder).join(command);
        match may_run(&file) {
            Ok(()) => return Ok(file),
            Err(libc::EACCES) => denied = libc::EACCES,
            Err(_) => {}
        }
    }
    Err(denied)
}

fn may_run(file: &Path) -> Result<(), i32> {
    let metadata = std::fs::metadata(file).map_err(|error| error.raw_os_error().unwrap_or(libc::ENOENT))?;
    if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 { Ok(()) } else { Err(libc::EACCES) }
}

/// The environment as `NAME=value`, with what makes output appear at once and runs alike.
pub(crate) fn environment(plan: &ProgramPlan) -> Vec<CString> {
    let given: Vec<(String, String)> =
        if plan.env.is_empty() { std::env::vars().collect() } else { plan.env.clone() };
    let set = [("PYTHONHASHSEED", "0"), ("PYTHONUNBUFFERED", "1"), ("PYTHONDONTWRITEBYTECODE", "1")];
    let kept = given.iter().filter(|(name, _)| set.iter().all(|(ours, _)| ours != name));
    kept.map(|(name, value)| (name.as_str(), value.as_str()))
        .chain(set)
        .filter_map(|(name, value)| CString::new(format!("{name}={value}")).ok())
        .collect()
}

/// The three terminals of a program.
pub(crate) struct Terminals {
    pub(crate) stdin: Pty,
    pub(crate) stdout: Pty,
    pub(crate) stderr: Pty,
}

impl Terminals {
    pub(crate) fn open() -> tongro_sys::Result<Self> {
        Ok(Self { stdin: pty::open()?, stdout: pty::open()?, stderr: pty::open()? })
    }

    /// Gives the program's ends away (they close here) and reads ours until the last writer is gone.
    pub(crate) fn read_into(self, recorder: Arc<Recorder>, program: ProgramId) -> std::io::Result<File> {
        let Self { stdin, stdout, stderr } = self;
        for (stream, pty) in [(Stream::Stdout, stdout), (Stream::Stderr, stderr)] {
            drop(pty.slave);
            let recorder = Arc::clone(&recorder);
            std::thread::Builder::new()
                .name("output".into())
                .spawn(move || read_lines(pty.master, &recorder, program, stream))?;
        }
        Ok(stdin.master)
    }
}

fn read_lines(mut master: File, recorder: &Recorder, program: ProgramId, stream: Stream) {
    let mut line = Vec::new();
    let mut buffer = [0u8; 4096];
    loop {
        match master.read(&mut buffer) {
            Ok(0) => break,
            Ok(len) => split_lines(&buffer[..len], &mut line, |text| put(recorder, program, stream, text)),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if poll::one(master.as_fd(), POLLIN, -1).is_err() {
                    break;
                }
            }
            // EIO: every descriptor of the other side is closed.
            Err(_) => break,
        }
    }
    if !line.is_empty() {
        put(recorder, program, stream, &line);
    }
}

fn split_lines(bytes: &[u8], line: &mut Vec<u8>, mut put: impl FnMut(&[u8])) {
    for byte in bytes {
        if *byte == b'\n' || line.len() >= LINE_MAX {
            put(line);
            line.clear();
        }
        if *byte != b'\n' {
            line.push(*byte);
        }
    }
}

fn put(recorder: &Recorder, program: ProgramId, stream: Stream, line: &[u8]) {
    let text = String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
    recorder.put(What::Output(Output { program, stream, text }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_as_a_shell_finds_them() {
        let path = std::env::var("PATH").unwrap();
        assert!(executable("sh", "/", &path).unwrap().is_absolute());
        assert_eq!(executable("no-such-program", "/", &path), Err(libc::ENOENT));
        assert_eq!(executable("./passwd", "/etc", &path), Err(libc::EACCES));
        assert_eq!(executable("/etc", "/", &path), Err(libc::EACCES));
        assert_eq!(executable("bin/sh", "/", &path), Ok(PathBuf::from("/bin/sh")));
    }

    #[test]
    fn lines_are_cut_at_newlines_and_at_the_limit() {
        let mut lines = Vec::new();
        let mut rest = Vec::new();
        split_lines(b"one\ntwo", &mut rest, |line| lines.push(line.to_vec()));
        split_lines(&[b'x'; LINE_MAX], &mut rest, |line| lines.push(line.to_vec()));
        assert_eq!(lines[0], b"one");
        assert_eq!((lines.len(), lines[1].len(), rest.len()), (2, LINE_MAX, 3));
    }
}
