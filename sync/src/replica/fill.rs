//! Staging: contents come into `.tongro/stage`, from this disk where they are already, else from the other side.
//!
//! | what | where it comes from |
//! |---|---|
//! | only times or rights differ | nothing is staged |
//! | a conflict copy of our own file | nothing: the file is moved there when its place is taken |
//! | the hash is known here | a copy of that file, checked while it is copied; a second name for a hard link |
//! | a large file with an older version here | the chunks that both have from here, the others fetched |
//! | the rest | fetched, many in one stream |

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom, Write};

use crate::chunk::{self, Chunk, SMALL};
use crate::entry::{Hash, Kind};
use crate::error::{Error, Result};
use crate::name::Key;
use crate::remote::{Piece, Remote, Want, offsets};
use crate::store::Store;
use crate::vfs::{Sink, Vfs};

use super::apply::{Job, is_ours};
use super::{Replica, Report, STAGE};

/// Runs of zeros of this length and more become holes.
const HOLE: usize = 64 * 1024;

impl<V: Vfs, S: Store> Replica<V, S> {
    /// Stages what the jobs need. Jobs whose content cannot be had are taken out and postponed.
    pub(super) fn stage(
        &mut self,
        jobs: &mut Vec<Job>,
        remote: &mut dyn Remote,
        report: &mut Report,
    ) -> Result<()> {
        let kept: Vec<Key> = jobs.iter().filter_map(|job| job.plan.keep_as.clone()).collect();
        let by_hash = self.files_by_hash(jobs);
        let mut wants = Vec::new();
        let mut lost = Vec::new();
        for (at, job) in jobs.iter_mut().enumerate() {
            if kept.contains(&job.key) || self.has_content(job) {
                continue;
            }
            match job.plan.entry.kind.clone() {
                Kind::Gone | Kind::Folder => {}
                Kind::Link { target } => self.stage_link(job, &target, &mut lost, at)?,
                Kind::File { hash, len } => {
                    let sources = by_hash.get(&hash).map_or(&[][..], Vec::as_slice);
                    if self.stage_from_here(job, &hash, sources)? {
                        report.moved += 1;
                    } else if len >= SMALL && self.stage_by_recipe(job, &hash, len, remote, report)? {
                        // done
                    } else {
                        wants.push((at, Want { key: job.key.clone(), hash, ranges: Vec::new() }));
                    }
                }
            }
        }
        self.stage_from_there(jobs, wants, remote, report, &mut lost)?;
        lost.sort_unstable();
        for at in lost.into_iter().rev() {
            report.postponed.push(jobs.remove(at).raw);
        }
        Ok(())
    }

    /// Does the path hold this content already, or a link this target?
    fn has_content(&self, job: &Job) -> bool {
        self.tree.row(&job.key).is_some_and(|row| row.entry.kind == job.plan.entry.kind && row.seen.is_some())
    }

    /// Our own files that have a hash the jobs want.
    fn files_by_hash(&self, jobs: &[Job]) -> HashMap<Hash, Vec<Vec<u8>>> {
        let mut found: HashMap<Hash, Vec<Vec<u8>>> = HashMap::new();
        for job in jobs {
            if let Kind::File { hash, .. } = job.plan.entry.kind {
                found.entry(hash).or_default();
            }
        }
        if found.is_empty() {
            return found;
        }
        for (_, row) in self.tree.rows() {
            if let (Kind::File { hash, .. }, Some(seen)) = (&row.entry.kind, &row.seen)
                && let Some(sources) = found.get_mut(hash)
            {
                sources.push(seen.raw.clone());
            }
        }
        found
    }

    fn stage_link(&mut self, job: &mut Job, target: &[u8], lost: &mut Vec<usize>, at: usize) -> Result<()> {
        let staged = self.fresh(STAGE);
        match self.vfs.make_link(&staged, target) {
            Ok(()) => {}
            Err(error) if is_ours(&error) => {
                lost.push(at);
                return Ok(());
            }
            Err(error) => return Err(Error::io("symlink")(error)),
        }
        self.finish(job, staged)
    }

    /// From a file of this disk: a second name if it is a hard link of that file, else a checked copy.
    fn stage_from_here(&mut self, job: &mut Job, hash: &Hash, sources: &[Vec<u8>]) -> Result<bool> {
        let staged = self.fresh(STAGE);
        if let Some(twin) = &job.plan.entry.meta.twin
            && let Some(row) = self.tree.row(twin)
            && let (Kind::File { hash: its, .. }, Some(seen)) = (&row.entry.kind, &row.seen)
            && its == hash
            && row.entry.meta.mtime == job.plan.entry.meta.mtime
            && self.vfs.stat(&seen.raw).map_err(Error::io("stat"))?.is_some_and(|now| now.is_same(&seen.stat))
            && self.vfs.hard_link(&seen.raw, &staged).is_ok()
        {
            self.finish(job, staged)?;
            return Ok(true);
        }
        for source in sources {
            if self.copy(source, &staged, hash)? {
                self.finish(job, staged)?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Copies a file and looks whether it is what it was; `false` if it is not.
    fn copy(&self, source: &[u8], staged: &[u8], hash: &Hash) -> Result<bool> {
        let Ok(mut from) = self.vfs.open(source) else { return Ok(false) };
        let mut to = Holes::new(self.vfs.create(staged).map_err(Error::io("create"))?);
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match from.read(&mut buffer).map_err(Error::io("read"))? {
                0 => break,
                len => to.write(&buffer[..len]).map_err(Error::io("write"))?,
            }
        }
        let len = to.finish().map_err(Error::io("write"))?;
        let copy = self.vfs.open(staged).map_err(Error::io("open"))?;
        Ok(chunk::read(copy, len).map_err(Error::io("read"))?.hash == *hash)
    }

    /// A large file out of its older version here and the chunks that are new.
    fn stage_by_recipe(
        &mut self,
        job: &mut Job,
        hash: &Hash,
        len: u64,
        remote: &mut dyn Remote,
        report: &mut Report,
    ) -> Result<bool> {
        let base = match self.tree.row(&job.key).map(|row| (&row.entry.kind, &row.seen)) {
            Some((Kind::File { hash, .. }, Some(seen))) => Some((*hash, seen.raw.clone())),
            _ => None,
        };
        let Some((base_hash, base_raw)) = base else { return Ok(false) };
        let Some(base_chunks) = self.store.chunks(&base_hash)? else { return Ok(false) };
        let Some(steps) = remote.recipe(&job.key, hash, Some(&base_hash))? else { return Ok(false) };
        let Some(chunks) = chunk::follow(&base_chunks, &steps) else {
            return Err(Error::Protocol { what: "a recipe for another base" });
        };
        let total: u64 = chunks.iter().map(|chunk| u64::from(chunk.len)).sum();
        if chunk::hash_of_list(&chunks) != *hash || total != len {
            return Err(Error::Protocol { what: "a recipe that makes another file" });
        }
        let staged = self.fresh(STAGE);
        if !self.assemble(job, &chunks, &base_raw, &base_chunks, &staged, remote, report)? {
            return Ok(false);
        }
        self.store.commit(&crate::store::Change { chunks: vec![(*hash, chunks)], ..Default::default() })?;
        self.finish(job, staged)?;
        Ok(true)
    }

    /// Each chunk from here if it is still what it was, the rest in one request.
    #[allow(clippy::too_many_arguments, reason = "one step of the one above, cut for reading")]
    fn assemble(
        &mut self,
        job: &Job,
        chunks: &[Chunk],
        base_raw: &[u8],
        base: &[Chunk],
        staged: &[u8],
        remote: &mut dyn Remote,
        report: &mut Report,
    ) -> Result<bool> {
        let Ok(mut old) = self.vfs.open(base_raw) else { return Ok(false) };
        let place: HashMap<Hash, u64> = base.iter().map(|chunk| chunk.hash).zip(offsets(base)).collect();
        let mut to = self.vfs.create(staged).map_err(Error::io("create"))?;
        let mut missing = Vec::new();
        for (chunk, at) in chunks.iter().zip(offsets(chunks)) {
            let mut bytes = vec![0; chunk.len as usize];
            let is_here = place.get(&chunk.hash).is_some_and(|from| {
                old.seek(SeekFrom::Start(*from)).is_ok()
                    && old.read_exact(&mut bytes).is_ok()
                    && chunk::hash_of(&bytes) == chunk.hash
            });
            if !is_here {
                missing.push((at, *chunk));
            } else if bytes.iter().any(|byte| *byte != 0) {
                to.seek(SeekFrom::Start(at))
                    .and_then(|_| to.write_all(&bytes))
                    .map_err(Error::io("write"))?;
            }
        }
        let Kind::File { hash, len } = job.plan.entry.kind else { return Ok(false) };
        to.set_len(len).map_err(Error::io("write"))?;
        let ranges = missing.iter().map(|(at, chunk)| (*at, u64::from(chunk.len))).collect();
        let want = Want { key: job.key.clone(), hash, ranges };
        if missing.is_empty() {
            return Ok(true);
        }
        let (mut all, mut is_whole) = (Vec::new(), false);
        let (mut next, mut fetched) = (0, 0);
        remote.fetch(&[want], &mut |_, piece| {
            match piece {
                Piece::Bytes(bytes) => {
                    all.extend_from_slice(bytes);
                    fetched += bytes.len() as u64;
                    while let Some((at, chunk)) = missing.get(next)
                        && all.len() >= chunk.len as usize
                    {
                        let rest = all.split_off(chunk.len as usize);
                        if chunk::hash_of(&all) != chunk.hash {
                            return Err(Error::Protocol { what: "a chunk with another hash" });
                        }
                        to.seek(SeekFrom::Start(*at))
                            .and_then(|_| to.write_all(&all))
                            .map_err(Error::io("write"))?;
                        all = rest;
                        next += 1;
                    }
                }
                Piece::End => is_whole = next == missing.len(),
                Piece::Missing => {}
            }
            Ok(())
        })?;
        report.fetched += fetched;
        Ok(is_whole)
    }

    /// Everything else in one stream, in order.
    fn stage_from_there(
        &mut self,
        jobs: &mut [Job],
        wants: Vec<(usize, Want)>,
        remote: &mut dyn Remote,
        report: &mut Report,
        lost: &mut Vec<usize>,
    ) -> Result<()> {
        if wants.is_empty() {
            return Ok(());
        }
        let names: Vec<Vec<u8>> = wants.iter().map(|_| self.fresh(STAGE)).collect();
        let asked: Vec<Want> = wants.iter().map(|(_, want)| want.clone()).collect();
        let mut open: Option<Coming> = None;
        let mut came = vec![false; wants.len()];
        let mut lists = Vec::new();
        let vfs = &self.vfs;
        remote.fetch(&asked, &mut |number, piece| {
            let (Some(name), Some(want)) = (names.get(number), asked.get(number)) else {
                return Err(Error::Protocol { what: "a file nobody asked for" });
            };
            if open.as_ref().is_none_or(|coming| coming.number != number) {
                let sink = vfs.create(name).map_err(Error::io("create"))?;
                open = Some(Coming { number, to: Holes::new(sink) });
            }
            let Some(coming) = &mut open else { return Ok(()) };
            match piece {
                Piece::Bytes(bytes) => {
                    report.fetched += bytes.len() as u64;
                    coming.to.write(bytes).map_err(Error::io("write"))?;
                }
                Piece::End => {
                    let len = coming.to.finish().map_err(Error::io("write"))?;
                    open = None;
                    let source = vfs.open(name).map_err(Error::io("open"))?;
                    let content = chunk::read(source, len).map_err(Error::io("read"))?;
                    came[number] = content.hash == want.hash;
                    if came[number] && !content.chunks.is_empty() {
                        lists.push((content.hash, content.chunks)); // a base for its next version
                    }
                }
                Piece::Missing => open = None,
            }
            Ok(())
        })?;
        if !lists.is_empty() {
            self.store.commit(&crate::store::Change { chunks: lists, ..Default::default() })?;
        }
        for ((is_here, name), (at, _)) in came.into_iter().zip(names).zip(wants) {
            if is_here {
                self.finish(&mut jobs[at], name)?;
            } else {
                let _ = self.vfs.remove_file(&name); // it may not have been begun
                lost.push(at);
            }
        }
        Ok(())
    }

    /// A staged file gets its times and rights, and its inode is remembered.
    fn finish(&self, job: &mut Job, staged: Vec<u8>) -> Result<()> {
        if let Kind::File { .. } = job.plan.entry.kind {
            self.vfs.set_meta(&staged, &job.plan.entry.meta).map_err(Error::io("set rights"))?;
        }
        let stat = self.vfs.stat(&staged).map_err(Error::io("stat"))?;
        job.staged = stat.map(|stat| (staged, stat.ino));
        Ok(())
    }
}

/// A file that is coming.
struct Coming {
    number: usize,
    to: Holes,
}

/// Writes, and leaves out long runs of zeros.
struct Holes {
    to: Box<dyn Sink>,
    len: u64,
}

impl Holes {
    fn new(to: Box<dyn Sink>) -> Self {
        Self { to, len: 0 }
    }

    fn write(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        for piece in bytes.chunks(HOLE) {
            if piece.len() == HOLE && piece.iter().all(|byte| *byte == 0) {
                self.to.seek(SeekFrom::Current(HOLE as i64))?;
            } else {
                self.to.write_all(piece)?;
            }
            self.len += piece.len() as u64;
        }
        Ok(())
    }

    fn finish(&mut self) -> std::io::Result<u64> {
        self.to.set_len(self.len)?;
        Ok(self.len)
    }
}
