//! The frames of the file transfer: `struct` format `>4sBBHQI`, then name, payload and CRC-32.
//!
//! ```text
//!  0       4     5       6          8        16              20
//! +-------+-----+-------+----------+---------+---------------+------+---------+--------+
//! | magic | type| flags | name     | offset  | payload       | name | payload | CRC-32 |
//! | TGF0  |  B  |   B   | length H |    Q    | length  I     |      |         |   I    |
//! +-------+-----+-------+----------+---------+---------------+------+---------+--------+
//! ```
//!
//! All numbers are big-endian. The CRC (the one of zip and Ethernet) is over everything before it. Bytes come from
//! the machine next door and go back to it as [`Frame`]s, or as the reason why they are none.

use crate::Actions;

/// The first four bytes of each frame.
pub const MAGIC: [u8; 4] = *b"TGF0";

/// Bytes before the name.
pub const HEADER_LEN: usize = 20;

/// Flag of an `OFFER`: "I want this file", not "I have it".
pub const WANT: u8 = 1;

/// The longest payload: a frame is stored whole before it is believed.
pub const PAYLOAD_LEN: usize = 1 << 20;

/// The longest name, in bytes: a path of some folders and a file.
pub const NAME_LEN: usize = 4096;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 1: a file of this name, `offset` bytes long, can come.
    Offer,
    /// 2: send it from `offset` on.
    Accept,
    /// 3: a piece of it.
    Data,
    /// 4: that was all of it, `offset` bytes, and this is its SHA-256.
    Done,
    /// 5: no, and why.
    Err,
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is.
    pub kind: Kind,
    /// [`WANT`] or nothing.
    pub flags: u8,
    /// The file, in `OFFER`; otherwise empty.
    pub name: &'a str,
    /// A place in the file, or its length.
    pub offset: u64,
    /// File bytes, a hash, or a text.
    pub payload: &'a [u8],
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Another magic: not this protocol, or the place of a frame is lost.
    Magic,
    /// A type nobody knows.
    Kind,
    /// Name or payload longer than any may be.
    Length,
    /// The name is not UTF-8.
    Name,
    /// The bytes were changed on their way.
    Crc,
}

impl Problem {
    /// The text of the `ERR` frame.
    pub fn text(self) -> &'static str {
        match self {
            Self::Magic => "not a TGF0 frame",
            Self::Kind => "unknown frame type",
            Self::Length => "name or payload too long",
            Self::Name => "the name is not UTF-8",
            Self::Crc => "wrong CRC-32",
        }
    }
}

impl Kind {
    /// In the order of their codes.
    const ALL: [Self; 5] = [Self::Offer, Self::Accept, Self::Data, Self::Done, Self::Err];

    /// The type byte.
    pub fn code(self) -> u8 {
        self as u8 + 1
    }

    /// A type byte from the wire.
    fn parse(code: u8) -> Result<Self, Problem> {
        Self::ALL.into_iter().find(|kind| kind.code() == code).ok_or(Problem::Kind)
    }
}

impl Frame<'_> {
    /// Writes the frame to the stream. Name and payload must be within the bounds above.
    pub fn write(&self, actions: &mut Actions) {
        let out = actions.buffer();
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[self.kind.code(), self.flags]);
        out.extend_from_slice(&(self.name.len() as u16).to_be_bytes());
        out.extend_from_slice(&self.offset.to_be_bytes());
        out.extend_from_slice(&(self.payload.len() as u32).to_be_bytes());
        out.extend_from_slice(self.name.as_bytes());
        out.extend_from_slice(self.payload);
        let crc = crc32fast::hash(&out[start..]);
        out.extend_from_slice(&crc.to_be_bytes());
    }
}

/// Cuts frames out of a stream.
#[derive(Debug, Default)]
pub struct Decoder {
    /// What has come of the unfinished frame.
    partial: Vec<u8>,
    /// Frames begun, counted from 1.
    number: u64,
}

impl Decoder {
    /// Takes the next bytes and gives each complete frame to `found`. After an error the stream is lost.
    pub fn feed(&mut self, bytes: &[u8], mut found: impl FnMut(Frame<'_>)) -> Result<(), Problem> {
        let mut rest = bytes;
        while !rest.is_empty() {
            self.number += u64::from(self.partial.is_empty());
            let missing = self.frame_len()? - self.partial.len();
            let (now, later) = rest.split_at(missing.min(rest.len()));
            self.partial.extend_from_slice(now);
            rest = later;
            if self.partial.len() == self.frame_len()? {
                found(parse(&self.partial)?);
                self.partial.clear();
            }
        }
        if self.partial.is_empty() {
            self.partial = Vec::new(); // an idle connection holds no buffer
        }
        Ok(())
    }

    /// The number of the frame that has begun and is not complete.
    pub fn open_frame(&self) -> Option<u64> {
        (!self.partial.is_empty()).then_some(self.number)
    }

    /// How long the frame is; before its header has come, how long the header is.
    fn frame_len(&self) -> Result<usize, Problem> {
        let magic_len = self.partial.len().min(MAGIC.len());
        if self.partial[..magic_len] != MAGIC[..magic_len] {
            return Err(Problem::Magic);
        }
        let Some(header) = self.partial.first_chunk::<HEADER_LEN>() else { return Ok(HEADER_LEN) };
        Kind::parse(header[4])?;
        let name_len = usize::from(u16::from_be_bytes([header[6], header[7]]));
        let payload_len = u32::from_be_bytes([header[16], header[17], header[18], header[19]]) as usize;
        if name_len > NAME_LEN || payload_len > PAYLOAD_LEN {
            return Err(Problem::Length);
        }
        Ok(HEADER_LEN + name_len + payload_len + 4)
    }
}

/// Reads one whole frame.
fn parse(bytes: &[u8]) -> Result<Frame<'_>, Problem> {
    let (content, crc) = bytes.split_last_chunk::<4>().ok_or(Problem::Length)?;
    if crc32fast::hash(content) != u32::from_be_bytes(*crc) {
        return Err(Problem::Crc);
    }
    let (header, rest) = content.split_first_chunk::<HEADER_LEN>().ok_or(Problem::Length)?;
    let name_len = usize::from(u16::from_be_bytes([header[6], header[7]]));
    let (name, payload) = rest.split_at_checked(name_len).ok_or(Problem::Length)?;
    let mut offset = [0; 8];
    offset.copy_from_slice(&header[8..16]);
    Ok(Frame {
        kind: Kind::parse(header[4])?,
        flags: header[5],
        name: core::str::from_utf8(name).map_err(|_| Problem::Name)?,
        offset: u64::from_be_bytes(offset),
        payload,
    })
}
