//! Capture files: pcap and pcapng, read as a stream and written.
//!
//! Bytes come from any [`Read`] (a file, a pipe) and leave as [`Packet`]s that borrow the reader's buffer, so memory
//! does not grow with the file. A file that is cut short or broken gives everything before the break, then one
//! [`Error`] that says where it is; no bytes make a reader panic.

mod packed;
pub mod pcap;
pub mod pcapng;
mod source;

use std::io::{self, Read};

pub use packed::{Unpacked, unpacked};
use source::Source;

/// `LINKTYPE_ETHERNET` of the tcpdump.org registry.
pub const ETHERNET: u16 = 1;

/// A block or record longer than this is taken for damage: 64 MiB.
pub const LONGEST: u32 = 64 << 20;

/// One captured packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Index of the interface it was seen on, in order of the file.
    pub interface: u32,
    /// What its first bytes are (tcpdump.org's LINKTYPE numbers).
    pub link_type: u16,
    /// Nanoseconds since 1970 (UTC); 0 in a pcapng simple packet block, which has no time.
    pub at: i64,
    /// Its length on the wire, which may be more than was captured.
    pub wire_len: u32,
    /// The bytes captured.
    pub bytes: &'a [u8],
    /// The pcapng options beside it; none in pcap.
    pub options: pcapng::Options<'a>,
}

/// Why a capture file could not be read on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The bytes could not be read at all.
    #[error("reading at byte {offset}: {source}")]
    Io {
        /// How far reading had come.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The first bytes are of no capture file.
    #[error("not a capture file: it begins with `{magic:02x?}`")]
    NotACapture {
        /// The first bytes, at most 4.
        magic: Vec<u8>,
    },
    /// The file ends inside a record or block.
    #[error("cut short at byte {offset}, in the {part} that begins at {begins} (missing bytes: {wanted})")]
    CutShort {
        /// Where the file ends.
        offset: u64,
        /// Where the broken part begins.
        begins: u64,
        /// How many bytes are missing.
        wanted: u64,
        /// What is broken.
        part: Part,
    },
    /// A record or block contradicts itself.
    #[error("broken {part} at byte {begins}: {problem}")]
    Broken {
        /// Where the broken part begins.
        begins: u64,
        /// What is broken.
        part: Part,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// The parts of capture files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The header of a pcap file.
    FileHeader,
    /// A packet record of a pcap file.
    Record,
    /// The type and length of a pcapng block.
    BlockHeader,
    /// A pcapng block of this type.
    Block(u32),
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::FileHeader => f.write_str("file header"),
            Self::Record => f.write_str("packet record"),
            Self::BlockHeader => f.write_str("block header"),
            Self::Block(kind) => match pcapng::kind::name(*kind) {
                Some(name) => write!(f, "{name} block"),
                None => write!(f, "block of type 0x{kind:08x}"),
            },
        }
    }
}

/// What is wrong with a part of a capture file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A length that no such part can have.
    #[error("its length is {0}")]
    Length(u32),
    /// The length at its end is not the one at its start.
    #[error("it ends with length {last} but began with {first}")]
    Trailer {
        /// At the start.
        first: u32,
        /// At the end.
        last: u32,
    },
    /// The body is too short for its fixed fields or for the bytes they announce.
    #[error("its body of {len} bytes is too short")]
    Body {
        /// Length of the body.
        len: u32,
    },
    /// A packet names an interface that was not described.
    #[error("interface {0} is not described")]
    Interface(u32),
    /// The byte-order magic of a section is none.
    #[error("its byte-order magic is 0x{0:08x}")]
    ByteOrder(u32),
    /// A version this reader does not know.
    #[error("its version is {0}.{1}")]
    Version(u16, u16),
}

/// Order of the bytes in a file's own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ByteOrder {
    /// Least significant byte first, as nearly all machines write.
    #[default]
    Little,
    /// Most significant byte first.
    Big,
}

impl ByteOrder {
    pub(crate) fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let two = bytes.get(at..at + 2).and_then(|two| two.try_into().ok()).unwrap_or_default();
        match self {
            Self::Little => u16::from_le_bytes(two),
            Self::Big => u16::from_be_bytes(two),
        }
    }

    pub(crate) fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let four = bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).unwrap_or_default();
        match self {
            Self::Little => u32::from_le_bytes(four),
            Self::Big => u32::from_be_bytes(four),
        }
    }

    pub(crate) fn u64(self, bytes: &[u8], at: usize) -> u64 {
        let (first, second) = (u64::from(self.u32(bytes, at)), u64::from(self.u32(bytes, at + 4)));
        match self {
            Self::Little => second << 32 | first,
            Self::Big => first << 32 | second,
        }
    }

    pub(crate) fn put16(self, value: u16) -> [u8; 2] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub(crate) fn put32(self, value: u32) -> [u8; 4] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }

    pub(crate) fn put64(self, value: u64) -> [u8; 8] {
        match self {
            Self::Little => value.to_le_bytes(),
            Self::Big => value.to_be_bytes(),
        }
    }
}

/// A capture file of either kind, told apart by its first bytes.
#[derive(Debug)]
pub enum Reader<R> {
    /// The older format.
    Pcap(pcap::Reader<R>),
    /// The newer one.
    Pcapng(Box<pcapng::Reader<R>>),
}

impl<R: Read> Reader<R> {
    /// Looks at the first four bytes and reads the file's header.
    pub fn new(read: R) -> Result<Self, Error> {
        let mut source = Source::new(read);
        let magic = source.peek()?;
        match magic {
            Some([0x0a, 0x0d, 0x0d, 0x0a]) => Ok(Self::Pcapng(Box::new(pcapng::Reader::over(source)))),
            Some(magic) if pcap::Format::of(magic).is_some() => Ok(Self::Pcap(pcap::Reader::over(source)?)),
            _ => Err(Error::NotACapture { magic: source.peeked().to_vec() }),
        }
    }

    /// The interfaces that were described so far; a pcap file describes none.
    #[must_use]
    pub fn interfaces(&self) -> &[pcapng::Interface] {
        match self {
            Self::Pcap(_) => &[],
            Self::Pcapng(reader) => reader.interfaces(),
        }
    }

    /// Takes the TLS key log lines that a pcapng file has held since they were taken last; a pcap file holds none.
    pub fn take_secrets(&mut self) -> Vec<u8> {
        match self {
            Self::Pcap(_) => Vec::new(),
            Self::Pcapng(reader) => reader.take_secrets(),
        }
    }

    /// The next packet; `None` at the end, and after an error.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, Error> {
        match self {
            Self::Pcap(reader) => reader.next_packet(),
            Self::Pcapng(reader) => reader.next_packet(),
        }
    }
}
