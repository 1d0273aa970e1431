//! `tongro file`: large files and folders to a peer and back, level 0.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use tongro_proto::Notice;
use tongro_proto::transfer::{Errand, check_name};
use tongro_sync::file::{self, Call, Server, Told};
use tongro_sync::link::{Code, Identity};
use tongro_sync::{Error, Result};

use crate::peer::{data_folder, parse_size, reason, report, resolve, size};
use crate::talk::Talk;

/// The usual port.
const PORT: u16 = 7070;

/// Send, receive and serve large files
#[derive(Debug, Args)]
pub(crate) struct FileCommand {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Offer a folder: others send files to it and get files from it
    Serve {
        /// The folder
        #[arg(default_value = ".")]
        folder: PathBuf,
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1")]
        host: String,
        /// The port; 0 = any free one, printed
        #[arg(long, default_value_t = PORT)]
        port: u16,
        /// End after this many connections
        #[arg(long, value_name = "N")]
        count: Option<usize>,
        #[command(flatten)]
        way: Way,
    },
    /// Send files and folders
    Send {
        /// HOST:PORT
        address: String,
        /// Files, folders, or `-` for standard input
        #[arg(required = true)]
        paths: Vec<PathBuf>,
        /// What to call standard input there
        #[arg(long, default_value = "stdin")]
        name: String,
        #[command(flatten)]
        way: Way,
    },
    /// Get files and folders
    Recv {
        /// HOST:PORT
        address: String,
        /// Files, folders with a `/` at the end; nothing = everything
        names: Vec<String>,
        /// Where to put them, or `-` for standard output
        #[arg(long, default_value = ".")]
        to: PathBuf,
        #[command(flatten)]
        way: Way,
    },
}

/// What all three need.
#[derive(Debug, Args)]
struct Way {
    /// Do not encrypt: for learners' programs
    #[arg(long)]
    plain: bool,
    /// The pairing code that the other side shows, once
    #[arg(long)]
    code: Option<String>,
    /// At most this many bytes a second: 500k, 2M
    #[arg(long, value_name = "RATE", value_parser = parse_size)]
    limit: Option<u64>,
    /// Where identity and paired peers are kept
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl FileCommand {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let done = match self.part {
            Part::Serve { folder, host, port, count, way } => {
                let Some(address) = resolve(talk, &format!("{host}:{port}"), port) else { return 2 };
                serve(talk, &folder, address, count, &way)
            }
            Part::Send { address, paths, name, way } => {
                let Some(address) = resolve(talk, &address, PORT) else { return 2 };
                send(talk, address, &paths, &name, &way)
            }
            Part::Recv { address, names, to, way } => {
                let Some(address) = resolve(talk, &address, PORT) else { return 2 };
                recv(talk, address, &names, &to, &way)
            }
        };
        done.unwrap_or_else(|error| report(talk, &error))
    }
}

impl Way {
    fn identity(&self) -> Result<Option<Identity>> {
        if self.plain { Ok(None) } else { Identity::open(&data_folder(self.data.clone())).map(Some) }
    }
}

fn serve(talk: &mut Talk, folder: &Path, address: SocketAddr, count: Option<usize>, way: &Way) -> Result<u8> {
    let server = Server::bind(address, folder, way.identity()?, way.limit)?;
    let address = server.address()?.to_string();
    let code = (!way.plain).then(|| server.code());
    if way.json {
        let code = code.as_ref().map(|code| code.shown().1);
        talk.say(&json!({"type": "listening", "addr": address, "code": code}).to_string());
    } else {
        let shown = folder.display().to_string();
        talk.say(&talk.text("sync.file.listening", &[("folder", &shown), ("address", &address)]));
        match &code {
            Some(code) => say_code(talk, code, &address),
            None => talk.note(&talk.text("sync.file.plain", &[])),
        }
    }
    let voice = Mutex::new(talk);
    server.run(count, &|told| {
        if let Ok(mut talk) = voice.lock() {
            tell(&mut talk, told, &address, way.json);
        }
    })?;
    Ok(0)
}

fn say_code(talk: &mut Talk, code: &Code, address: &str) {
    let (korean, english) = code.shown();
    talk.say(&talk.text("sync.file.code", &[("korean", &korean), ("english", &english)]));
    let typed = if talk.lang == tongro_course::Lang::Ko { &korean } else { &english };
    talk.note(&talk.text("sync.file.code_hint", &[("address", address), ("code", typed)]));
}

/// What the server has to say while it runs.
fn tell(talk: &mut Talk, told: Told, address: &str, is_json: bool) {
    match told {
        Told::Notice(from, notice) => say_notice(talk, &notice, None, Some(from), is_json),
        Told::NewCode(code) if is_json => {
            talk.say(&json!({"type": "code", "code": code.shown().1}).to_string());
        }
        Told::NewCode(code) => say_code(talk, &code, address),
        Told::Lost(from, why) if is_json => {
            talk.say(&json!({"type": "lost", "peer": from.to_string(), "why": why}).to_string());
        }
        Told::Lost(from, why) => {
            talk.note(&talk.text("sync.file.lost", &[("address", &from.to_string()), ("why", &why)]));
        }
    }
}

/// One file's end as a line.
fn say_notice(talk: &mut Talk, notice: &Notice, name: Option<&str>, peer: Option<SocketAddr>, is_json: bool) {
    let (kind, name, len, at) = match notice {
        Notice::FileSent { name, len, resumed_at } => ("sent", name.as_str(), *len, *resumed_at),
        Notice::FileReceived { name, len, resumed_at } => ("received", name.as_str(), *len, *resumed_at),
        Notice::FileFailed { why } => {
            let name = name.unwrap_or("?");
            if is_json {
                let peer = peer.map(|peer| peer.to_string());
                talk.say(&json!({"type": "failed", "name": name, "why": why, "peer": peer}).to_string());
            } else {
                let why = reason(talk, why);
                talk.note(&talk.text("sync.file.failed", &[("name", name), ("why", &why)]));
            }
            return;
        }
        _ => return,
    };
    if is_json {
        let peer = peer.map(|peer| peer.to_string());
        let line = json!({"type": kind, "name": name, "bytes": len, "resumed_at": at, "peer": peer});
        return talk.say(&line.to_string());
    }
    let id = if at > 0 { format!("sync.file.{kind}_resumed") } else { format!("sync.file.{kind}") };
    talk.say(&talk.text(&id, &[("name", name), ("size", &size(len)), ("at", &size(at))]));
}

/// A folder on disk and the names below it that are to be sent.
struct Group {
    folder: PathBuf,
    names: Vec<String>,
}

fn send(talk: &mut Talk, address: SocketAddr, paths: &[PathBuf], stdin_name: &str, way: &Way) -> Result<u8> {
    let spool = Spool::new()?;
    let mut groups: Vec<Group> = Vec::new();
    let mut skipped = 0;
    for path in paths {
        let path = if path.as_os_str() == "-" { spool.fill(stdin_name)? } else { path.clone() };
        let (folder, names, left_out) = names_of(&path)?;
        for name in left_out {
            let why = talk.text("sync.why.not_plain", &[]);
            talk.note(&talk.text("sync.file.skipped", &[("name", &name), ("why", &why)]));
            skipped += 1;
        }
        match groups.iter_mut().find(|group| group.folder == folder) {
            Some(group) => group.names.extend(names),
            None => groups.push(Group { folder, names }),
        }
    }
    if groups.iter().all(|group| group.names.is_empty()) {
        talk.note(&talk.text("sync.file.nothing", &[]));
        return Ok(if skipped > 0 { 1 } else { 0 });
    }
    let wants = |name: &String| Errand::Send { name: name.clone() };
    let mut total = Total { failed: skipped, ..Total::default() };
    for group in groups {
        total.add(run(talk, address, &group.folder, &group.names, &wants, way)?);
    }
    total.say(talk, way.json);
    Ok(u8::from(total.failed > 0))
}

/// The folder, the names below it and those that no peer would take.
fn names_of(path: &Path) -> Result<(PathBuf, Vec<String>, Vec<String>)> {
    let at = |source| Error::Path { path: path.to_owned(), source };
    let full = path.canonicalize().map_err(at)?;
    let not_named = || Error::NoRoot { path: path.to_owned() };
    let (folder, name) = (full.parent().ok_or_else(not_named)?, full.file_name().ok_or_else(not_named)?);
    let Some(name) = name.to_str() else {
        return Ok((folder.to_owned(), vec![], vec![name.to_string_lossy().into_owned()]));
    };
    let mut names = Vec::new();
    if full.is_dir() {
        let mut ways = vec![name.to_owned()];
        while let Some(way) = ways.pop() {
            for entry in std::fs::read_dir(folder.join(&way)).map_err(at)? {
                let entry = entry.map_err(at)?;
                let name = format!("{way}/{}", entry.file_name().to_string_lossy());
                let kind = entry.file_type().map_err(at)?;
                if kind.is_dir() {
                    ways.push(name);
                } else if kind.is_file() {
                    names.push(name);
                }
            }
        }
        names.sort();
    } else {
        names.push(name.to_owned());
    }
    let (good, bad) = names.into_iter().partition(|name| check_name(name).is_ok());
    Ok((folder.to_owned(), good, bad))
}

fn recv(talk: &mut Talk, address: SocketAddr, names: &[String], to: &Path, way: &Way) -> Result<u8> {
    let spool = Spool::new()?;
    let is_pipe = to.as_os_str() == "-";
    let folder = if is_pipe { spool.0.clone() } else { to.to_owned() };
    std::fs::create_dir_all(&folder).map_err(|source| Error::Path { path: folder.clone(), source })?;
    let identity = way.identity()?;
    let code = way.code.as_deref().map(Code::parse).transpose()?;
    let everything = [String::from("/")];
    let mut all = Vec::new();
    let mut is_paired = false;
    for name in if names.is_empty() { &everything[..] } else { names } {
        let Some(below) = name.strip_suffix('/') else {
            all.push(name.clone());
            continue;
        };
        let code = if is_paired { None } else { code.as_ref() };
        let mut channel =
            Call { address, identity: identity.as_ref(), code, name: &address.to_string() }.open()?;
        is_paired = true;
        let prefix = if below.is_empty() { String::new() } else { format!("{below}/") };
        all.extend(file::list(&mut channel, below)?.into_iter().map(|name| format!("{prefix}{name}")));
    }
    let wants = |name: &String| Errand::Fetch { name: name.clone() };
    let way = Way { code: if is_paired { None } else { way.code.clone() }, data: way.data.clone(), ..*way };
    let total = run(talk, address, &folder, &all, &wants, &way)?;
    if is_pipe && total.failed == 0 {
        for name in &all {
            pour(&folder.join(name))?;
        }
    } else {
        total.say(talk, way.json);
    }
    Ok(u8::from(total.failed > 0))
}

/// A whole, checked file to standard output.
fn pour(path: &Path) -> Result<()> {
    let mut file =
        std::fs::File::open(path).map_err(|source| Error::Path { path: path.to_owned(), source })?;
    let mut out = std::io::stdout().lock();
    let copied = std::io::copy(&mut file, &mut out).and_then(|_| out.flush());
    copied.map_err(|source| Error::Io { step: "standard output", source })
}

/// What came of many files.
#[derive(Default)]
struct Total {
    done: usize,
    bytes: u64,
    failed: usize,
}

impl Total {
    fn add(&mut self, other: Self) {
        self.done += other.done;
        self.bytes += other.bytes;
        self.failed += other.failed;
    }

    fn say(&self, talk: &mut Talk, is_json: bool) {
        if is_json {
            let line =
                json!({"type": "summary", "files": self.done, "bytes": self.bytes, "failed": self.failed});
            talk.say(&line.to_string());
        } else if self.done + self.failed > 1 {
            let (count, failed) = (self.done.to_string(), self.failed.to_string());
            let params = [("count", &*count), ("size", &*size(self.bytes)), ("failed", &*failed)];
            talk.note(&talk.text("sync.file.summary", &params));
        }
    }
}

/// Does all errands, and those once more whose leftovers were of another file.
fn run(
    talk: &mut Talk,
    address: SocketAddr,
    folder: &Path,
    names: &[String],
    wants: &dyn Fn(&String) -> Errand,
    way: &Way,
) -> Result<Total> {
    let identity = way.identity()?;
    let code = way.code.as_deref().map(Code::parse).transpose()?;
    let is_quiet = folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SPOOL));
    let bar = Bar::new(way.json);
    let mut total = Total::default();
    let (mut todo, mut code) = (names.to_vec(), code.as_ref());
    for is_last in [false, true] {
        if todo.is_empty() {
            break;
        }
        let call = Call { address, identity: identity.as_ref(), code, name: &address.to_string() };
        let mut channel = call.open()?;
        code = None; // paired now
        let errands = todo.iter().map(wants).collect();
        let notices = file::run(&mut channel, folder, errands, way.limit, &mut |notice| bar.show(notice))?;
        bar.clear();
        let mut again = Vec::new();
        for (name, notice) in todo.iter().zip(&notices) {
            match notice {
                Notice::FileFailed { why } if why.starts_with("another SHA-256") && !is_last => {
                    talk.note(&talk.text("sync.file.again", &[("name", name)]));
                    again.push(name.clone());
                    continue;
                }
                Notice::FileFailed { .. } => total.failed += 1,
                Notice::FileSent { len, .. } | Notice::FileReceived { len, .. } => {
                    total.done += 1;
                    total.bytes += len;
                }
                _ => {}
            }
            if is_quiet && !way.json && !matches!(notice, Notice::FileFailed { .. }) {
                continue; // standard output belongs to the file
            }
            say_notice(talk, notice, Some(name), None, way.json);
        }
        todo = again;
    }
    Ok(total)
}

/// The progress of one file after the other; only on a terminal.
struct Bar(ProgressBar);

impl Bar {
    fn new(is_json: bool) -> Self {
        let bar = ProgressBar::new(0);
        bar.set_draw_target(if is_json {
            ProgressDrawTarget::hidden()
        } else {
            ProgressDrawTarget::stderr()
        });
        let look = "{msg:30!} {wide_bar} {bytes:>10}/{total_bytes:10} {bytes_per_sec:>12} {eta:>4}";
        if let Ok(style) = ProgressStyle::with_template(look) {
            bar.set_style(style);
        }
        Self(bar)
    }

    fn show(&self, notice: &Notice) {
        let Notice::FileProgress { name, at, len } = notice else { return };
        if self.0.message() != *name {
            self.0.reset();
            self.0.set_message(name.clone());
        }
        self.0.set_length(*len);
        self.0.set_position(*at);
    }

    fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// How our folders for pipes begin.
const SPOOL: &str = "tongro-spool-";

/// A folder of our own for what comes from or goes to a pipe: the length of a file is promised before it is sent, and
/// nothing is poured out before it is whole. Gone when dropped.
struct Spool(PathBuf);

impl Spool {
    fn new() -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt;
        let nanos = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        let folder = std::env::temp_dir().join(format!("{SPOOL}{}-{nanos}", std::process::id()));
        // Fails if somebody was here first: the temporary folder is everybody's.
        let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
        made.map_err(|source| Error::Path { path: folder.clone(), source })?;
        Ok(Self(folder))
    }

    /// All of standard input as a file of this name.
    fn fill(&self, name: &str) -> Result<PathBuf> {
        let path = self.0.join(name);
        let fill = || {
            let mut file = std::fs::File::create(&path)?;
            std::io::copy(&mut std::io::stdin().lock().by_ref(), &mut file)
        };
        fill().map_err(|source| Error::Path { path: path.clone(), source })?;
        Ok(path)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // a leftover in the temporary folder harms nobody
    }
}
