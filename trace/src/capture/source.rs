//! The bytes of a capture file as they come: counted, in one reused buffer, never more than the file really has.

use std::io::{self, BufReader, Read};

use super::{Error, Part};

/// How much is read ahead.
const READ_AHEAD: usize = 256 << 10;

/// How much the buffer grows at a time, so that a length made up by damage costs nothing.
const STEP: usize = 1 << 20;

/// A counted, buffered input.
#[derive(Debug)]
pub(super) struct Source<R> {
    read: BufReader<R>,
    buffer: Vec<u8>,
    peeked: Vec<u8>,
    offset: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(read: R) -> Self {
        let read = BufReader::with_capacity(READ_AHEAD, read);
        Self { read, buffer: Vec::new(), peeked: Vec::new(), offset: 0 }
    }

    /// How many bytes were taken.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The first four bytes, which stay to be taken; `None` when there are fewer.
    pub(super) fn peek(&mut self) -> Result<Option<[u8; 4]>, Error> {
        let mut first = [0; 4];
        let got = fill(&mut self.read, &mut first).map_err(|source| Error::Io { offset: 0, source })?;
        self.peeked = first[..got].to_vec();
        Ok((got == 4).then_some(first))
    }

    /// What [`Source::peek`] saw.
    pub(super) fn peeked(&self) -> &[u8] {
        &self.peeked
    }

    /// Takes `len` bytes; `None` when the input ends before the first of them.
    pub(super) fn take(&mut self, len: usize, part: Part, begins: u64) -> Result<Option<&[u8]>, Error> {
        self.buffer.clear();
        let peeked = self.peeked.len().min(len);
        self.buffer.extend(self.peeked.drain(..peeked));
        while self.buffer.len() < len {
            let (from, to) = (self.buffer.len(), len.min(self.buffer.len() + STEP));
            self.buffer.resize(to, 0);
            let got = fill(&mut self.read, &mut self.buffer[from..])
                .map_err(|source| Error::Io { offset: self.offset + from as u64, source })?;
            if from + got < to {
                self.offset += (from + got) as u64;
                if from + got == 0 {
                    return Ok(None);
                }
                let wanted = (len - from - got) as u64;
                return Err(Error::CutShort { offset: self.offset, begins, wanted, part });
            }
        }
        self.offset += len as u64;
        Ok(Some(&self.buffer))
    }

    /// Takes `len` bytes that must be there because a part has begun.
    pub(super) fn take_all(&mut self, len: usize, part: Part, begins: u64) -> Result<&[u8], Error> {
        let offset = self.offset;
        let wanted = len as u64;
        if len == 0 {
            return Ok(&[]);
        }
        self.take(len, part, begins)?.ok_or(Error::CutShort { offset, begins, wanted, part })
    }

    /// What was taken last.
    pub(super) fn taken(&self) -> &[u8] {
        &self.buffer
    }
}

/// Reads until the slice is full or the input ends.
fn fill(read: &mut impl Read, slice: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < slice.len() {
        match read.read(&mut slice[got..]) {
            Ok(0) => break,
            Ok(n) => got += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}
