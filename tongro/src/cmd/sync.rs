//! `tongro sync`: two folders become one, here or across the network.

mod ask;
mod torture;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;
use tongro_sync::file::Call;
use tongro_sync::folder::{Folder, join};
use tongro_sync::link::pair::{Greeted, welcome};
use tongro_sync::link::{Channel, Code, Identity};
use tongro_sync::reconcile::Plans;
use tongro_sync::replica::Report;
use tongro_sync::scan::Scan;
use tongro_sync::session::{self, Outcome};
use tongro_sync::{Error, Result};

use crate::peer::{data_folder, report, resolve, size};
use crate::talk::Talk;

/// The usual port.
const PORT: u16 = 7071;

/// Synchronise folders, here or across the network
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct SyncCommand {
    #[command(subcommand)]
    part: Option<Part>,
    /// Two folders, or a folder and HOST:PORT
    #[arg(num_args = 2, value_names = ["DIR", "OTHER"])]
    ends: Vec<String>,
    /// Tell what would be done here, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on: again whenever something changes
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    way: Way,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Let others synchronise with this folder
    Serve {
        /// The folder
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
    /// Make two devices known to each other by the code that the other one shows
    Pair {
        /// HOST:PORT of a `sync serve`
        address: String,
        #[command(flatten)]
        way: Way,
    },
    /// Tell what is known of a folder
    Status(ask::Of),
    /// List conflicts, or decide one
    Conflicts(ask::Conflicts),
    /// List what was replaced or deleted
    History(ask::Of),
    /// Bring back what was replaced or deleted
    Restore(ask::Restore),
    /// Read everything again and compare it with the index
    Verify(ask::Of),
    /// Tell which names are a problem on some system
    Names(ask::Of),
    /// Kill synchronisations anywhere and see whether anything is lost
    Torture(torture::Torture),
}

/// How to reach the other side.
#[derive(Debug, Clone, Args)]
struct Way {
    /// The pairing code that the other side shows, once
    #[arg(long)]
    code: Option<String>,
    /// Do not encrypt
    #[arg(long)]
    plain: bool,
    /// It is true that everything is gone: delete it elsewhere too
    #[arg(long)]
    allow_empty: bool,
    /// Where identity and paired peers are kept
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print one JSON object per line
    #[arg(long)]
    json: bool,
}

impl Way {
    fn identity(&self) -> Result<Option<Identity>> {
        if self.plain { Ok(None) } else { Identity::open(&data_folder(self.data.clone())).map(Some) }
    }
}

impl SyncCommand {
    pub(crate) fn run(self, talk: &mut Talk) -> u8 {
        let done = match self.part {
            None => return self.both_ends(talk),
            Some(Part::Serve { folder, host, port, count, way }) => {
                let Some(address) = resolve(talk, &format!("{host}:{port}"), port) else { return 2 };
                serve(talk, &folder, address, count, &way)
            }
            Some(Part::Pair { address, way }) => {
                let Some(address) = resolve(talk, &address, PORT) else { return 2 };
                pair(talk, address, &way)
            }
            Some(Part::Status(of)) => of.status(talk),
            Some(Part::Conflicts(conflicts)) => conflicts.run(talk),
            Some(Part::History(of)) => of.history(talk),
            Some(Part::Restore(restore)) => restore.run(talk),
            Some(Part::Verify(of)) => of.verify(talk),
            Some(Part::Names(of)) => of.names(talk),
            Some(Part::Torture(torture)) => torture.run(talk),
        };
        done.unwrap_or_else(|error| report(talk, &error))
    }

    fn both_ends(self, talk: &mut Talk) -> u8 {
        let [here, there] = self.ends.as_slice() else {
            let hint = talk.text("sync.sync.two_ends_hint", &[]);
            talk.error(&talk.text("sync.sync.two_ends", &[]), Some(&hint));
            return 2;
        };
        let is_address = !Path::new(there).is_dir()
            && there.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let address = match is_address {
            true => match resolve(talk, there, PORT) {
                Some(address) => Some(address),
                None => return 2,
            },
            false => None,
        };
        let job =
            Job { here: here.into(), there: there.into(), address, dry_run: self.dry_run, way: self.way };
        let done = if self.watch { job.keep_on(talk) } else { job.once(talk) };
        done.unwrap_or_else(|error| report(talk, &error))
    }
}

/// One synchronisation, to be done once or again and again.
struct Job {
    here: PathBuf,
    there: PathBuf,
    address: Option<SocketAddr>,
    dry_run: bool,
    way: Way,
}

impl Job {
    fn once(&self, talk: &mut Talk) -> Result<u8> {
        let mut here = Folder::open(&self.here)?;
        let way = &self.way;
        say_problems(talk, &here.scan(way.allow_empty)?, way.json);
        let mut wire = (0, 0);
        let outcome = match self.address {
            None => {
                let mut there = Folder::open(&self.there)?;
                say_problems(talk, &there.scan(way.allow_empty)?, way.json);
                if self.dry_run {
                    return Ok(say_plans(talk, &here.replica.preview(&mut there.replica)?, way.json));
                }
                join(&mut here, &mut there, &mut |done| progress(talk, done))?
            }
            Some(address) => {
                let (identity, code) = (way.identity()?, way.code.as_deref().map(Code::parse).transpose()?);
                let name = address.to_string();
                let call = Call { address, identity: identity.as_ref(), code: code.as_ref(), name: &name };
                let mut channel = call.open()?;
                if self.dry_run {
                    return Ok(say_plans(
                        talk,
                        &session::preview(&mut channel, &mut here.replica)?,
                        way.json,
                    ));
                }
                let outcome =
                    session::call(&mut channel, &mut here.replica, &mut |done| progress(talk, done))?;
                wire = channel.counts();
                channel.finish()?;
                outcome
            }
        };
        Ok(say_outcome(talk, &here, &outcome, wire, way.json))
    }

    /// Events are hints: each leads to a scan, and there is one every few seconds in any case, for the other side.
    fn keep_on(&self, talk: &mut Talk) -> Result<u8> {
        talk.note(&talk.text("sync.sync.watching", &[]));
        let mut folders = vec![self.here.clone()];
        folders.extend(self.address.is_none().then(|| self.there.clone()));
        let watcher = tongro_sync::watch::Watcher::new(&folders)?;
        let every = Duration::from_secs(if self.address.is_some() { 2 } else { 30 });
        loop {
            match self.once(talk) {
                Ok(_) => {}
                // The other side may be away for a while; a folder that is gone is not waited for.
                Err(error @ (Error::Cut | Error::Io { .. } | Error::Serve(_) | Error::Busy { .. })) => {
                    report(talk, &error);
                }
                Err(error) => return Err(error),
            }
            watcher.wait(every);
        }
    }
}

fn serve(talk: &mut Talk, folder: &Path, address: SocketAddr, count: Option<usize>, way: &Way) -> Result<u8> {
    Folder::open(folder)?; // a mistake shall show now, not at the first caller
    let door = TcpListener::bind(address).map_err(|source| Error::Io { step: "bind", source })?;
    let address = door.local_addr().map_err(|source| Error::Io { step: "bind", source })?.to_string();
    let (identity, mut code) = (way.identity()?, Code::random()?);
    if way.json {
        let code = identity.as_ref().map(|_| code.shown().1);
        talk.say(&json!({"type": "listening", "addr": address, "code": code}).to_string());
    } else {
        let shown = folder.display().to_string();
        talk.say(&talk.text("sync.sync.listening", &[("folder", &shown), ("address", &address)]));
        match &identity {
            Some(_) => say_code(talk, &code, &address),
            None => talk.note(&talk.text("sync.file.plain", &[])),
        }
    }
    for _ in 0..count.unwrap_or(usize::MAX) {
        let (socket, from) = door.accept().map_err(|source| Error::Io { step: "accept", source })?;
        let meet = || -> Result<(Channel, Greeted)> {
            let Some(identity) = &identity else { return Ok((Channel::plain(socket)?, Greeted::Known)) };
            let mut channel = Channel::accept(socket, identity)?;
            let greeted = welcome(&mut channel, identity, Some(&code), &from.ip().to_string())?;
            Ok((channel, greeted))
        };
        let met = meet();
        if matches!(met, Ok((_, Greeted::Paired)) | Err(Error::WrongCode)) {
            code = Code::random()?;
            if way.json {
                talk.say(&json!({"type": "code", "code": code.shown().1}).to_string());
            } else {
                say_code(talk, &code, &address);
            }
        }
        let done = met.and_then(|(mut channel, _)| {
            let mut folder = Folder::open(folder)?;
            folder.scan(way.allow_empty)?;
            session::answer(&mut channel, &mut folder.replica, &mut |_| {})
        });
        match done {
            Ok(done) if way.json => {
                let line = json!({"type": "served", "peer": from.to_string(), "taken": done.taken, "deleted": done.deleted, "conflicts": done.conflicts.len(), "fetched": done.fetched});
                talk.say(&line.to_string());
            }
            Ok(done) => {
                let taken = (done.taken + done.deleted).to_string();
                talk.say(
                    &talk.text("sync.sync.served", &[("address", &from.to_string()), ("taken", &taken)]),
                );
            }
            Err(error) => {
                let why = error.to_string();
                talk.note(&talk.text("sync.file.lost", &[("address", &from.to_string()), ("why", &why)]));
            }
        }
    }
    Ok(0)
}

fn say_code(talk: &mut Talk, code: &Code, address: &str) {
    let (korean, english) = code.shown();
    talk.say(&talk.text("sync.file.code", &[("korean", &korean), ("english", &english)]));
    let typed = if talk.lang == tongro_course::Lang::Ko { &korean } else { &english };
    talk.note(&talk.text("sync.sync.code_hint", &[("address", address), ("code", typed)]));
}

fn pair(talk: &mut Talk, address: SocketAddr, way: &Way) -> Result<u8> {
    let (identity, code) = (way.identity()?, way.code.as_deref().map(Code::parse).transpose()?);
    let name = address.to_string();
    let mut channel =
        Call { address, identity: identity.as_ref(), code: code.as_ref(), name: &name }.open()?;
    channel.finish()?;
    talk.say(&talk.text("sync.sync.paired", &[("address", &name)]));
    Ok(0)
}

fn progress(talk: &mut Talk, done: &Report) {
    talk.progress(&format!("{} · {}", done.taken + done.deleted, size(done.fetched)));
}

fn say_problems(talk: &mut Talk, scan: &Scan, is_json: bool) {
    for (path, problem) in &scan.problems {
        let path = String::from_utf8_lossy(path);
        if is_json {
            talk.say(&json!({"type": "problem", "path": path, "problem": problem.id()}).to_string());
        } else {
            let why = talk.text(&format!("sync.problem.{}", problem.id()), &[]);
            talk.note(&talk.text("sync.sync.problem", &[("path", &path), ("why", &why)]));
        }
    }
}

fn say_plans(talk: &mut Talk, plans: &Plans, is_json: bool) -> u8 {
    for (key, plan) in plans {
        let path = String::from_utf8_lossy(key);
        let what = match (plan.is_conflict, plan.entry.is_live()) {
            (true, _) => "conflict",
            (false, true) => "take",
            (false, false) => "delete",
        };
        if is_json {
            talk.say(&json!({"type": "would", "what": what, "path": path}).to_string());
        } else {
            let what = talk.text(&format!("sync.sync.would_{what}"), &[]);
            talk.say(&talk.text("sync.sync.would", &[("what", &what), ("path", &path)]));
        }
    }
    0
}

fn say_outcome(talk: &mut Talk, here: &Folder, outcome: &Outcome, wire: (u64, u64), is_json: bool) -> u8 {
    let files = here.replica.tree().rows().filter(|(_, row)| row.entry.is_live()).count();
    let ours = &outcome.ours;
    let shown = |paths: &[Vec<u8>]| -> Vec<String> {
        paths.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect()
    };
    if is_json {
        let line = json!({
            "type": "summary", "was_equal": outcome.was_equal, "is_equal": outcome.is_equal, "paths": files,
            "taken": ours.taken, "deleted": ours.deleted, "moved": ours.moved, "fetched": ours.fetched,
            "conflicts": shown(&ours.conflicts), "postponed": shown(&ours.postponed),
            "taken_there": outcome.theirs.0, "conflicts_there": outcome.theirs.1,
            "bytes_sent": wire.0, "bytes_received": wire.1,
        });
        talk.say(&line.to_string());
        return u8::from(!outcome.is_equal);
    }
    if outcome.was_equal {
        talk.say(&talk.text("sync.sync.equal", &[("files", &files.to_string())]));
        return 0;
    }
    for path in shown(&ours.conflicts) {
        talk.say(&talk.text("sync.sync.conflict", &[("path", &path)]));
    }
    for path in shown(&ours.postponed) {
        talk.note(&talk.text("sync.sync.postponed", &[("path", &path)]));
    }
    for (path, why) in &ours.refused {
        let path = String::from_utf8_lossy(path);
        talk.note(&talk.text("sync.sync.refused", &[("path", &path), ("why", why)]));
    }
    let (taken, there) = ((ours.taken + ours.deleted).to_string(), outcome.theirs.0.to_string());
    let (bytes, moved) = (size(ours.fetched), ours.moved.to_string());
    let params = [("taken", &*taken), ("there", &*there), ("bytes", &*bytes), ("moved", &*moved)];
    talk.say(&talk.text("sync.sync.done", &params));
    if !outcome.is_equal {
        talk.note(&talk.text("sync.sync.not_equal", &[]));
    }
    u8::from(!outcome.is_equal)
}
