//! The pcap format (draft-ietf-opsawg-pcap), micro- or nanoseconds, either byte order.
//!
//! ```text
//! file header, 24 bytes: magic, major 2, minor 4, reserved ×2, snaplen, link type
//! each record, 16 bytes: seconds, fraction, captured length, wire length; then the bytes
//! ```

use std::io::{self, Read, Write};

use super::source::Source;
use super::{ByteOrder, Error, LONGEST, Packet, Part, Problem, pcapng};

/// How a file writes its numbers, known from its first four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Format {
    /// The order of bytes.
    pub order: ByteOrder,
    /// Whether fractions of a second are nanoseconds; microseconds otherwise.
    pub is_nano: bool,
}

impl Format {
    /// The format for a file's first four bytes.
    #[must_use]
    pub fn of(magic: [u8; 4]) -> Option<Self> {
        let (order, is_nano) = match magic {
            [0xa1, 0xb2, 0xc3, 0xd4] => (ByteOrder::Big, false),
            [0xa1, 0xb2, 0x3c, 0x4d] => (ByteOrder::Big, true),
            [0xd4, 0xc3, 0xb2, 0xa1] => (ByteOrder::Little, false),
            [0x4d, 0x3c, 0xb2, 0xa1] => (ByteOrder::Little, true),
            _ => return None,
        };
        Some(Self { order, is_nano })
    }

    fn magic(self) -> u32 {
        if self.is_nano { 0xa1b2_3c4d } else { 0xa1b2_c3d4 }
    }
}

/// Reads packets one after another.
#[derive(Debug)]
pub struct Reader<R> {
    source: Source<R>,
    format: Format,
    link_type: u16,
    snaplen: u32,
    is_over: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the file header.
    pub fn new(read: R) -> Result<Self, Error> {
        Self::over(Source::new(read))
    }

    pub(super) fn over(mut source: Source<R>) -> Result<Self, Error> {
        let begins = source.offset();
        let header = source.take_all(24, Part::FileHeader, begins)?;
        let magic = [header[0], header[1], header[2], header[3]];
        let format = Format::of(magic).ok_or_else(|| Error::NotACapture { magic: magic.to_vec() })?;
        let (major, minor) = (format.order.u16(header, 4), format.order.u16(header, 6));
        let snaplen = format.order.u32(header, 16);
        let link_type = format.order.u32(header, 20) as u16;
        if major != 2 {
            let problem = Problem::Version(major, minor);
            return Err(Error::Broken { begins, part: Part::FileHeader, problem });
        }
        Ok(Self { source, format, link_type, snaplen, is_over: false })
    }

    /// How the file writes its numbers.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// What its packets begin with.
    #[must_use]
    pub fn link_type(&self) -> u16 {
        self.link_type
    }

    /// The most bytes that were captured of a packet, as the file says.
    #[must_use]
    pub fn snaplen(&self) -> u32 {
        self.snaplen
    }

    /// The next packet; `None` at the end, and after an error.
    pub fn next_packet(&mut self) -> Result<Option<Packet<'_>>, Error> {
        if self.is_over {
            return Ok(None);
        }
        self.is_over = true;
        let begins = self.source.offset();
        let Some(header) = self.source.take(16, Part::Record, begins)? else { return Ok(None) };
        let number = |at| self.format.order.u32(header, at);
        let (seconds, fraction, len, wire_len) = (number(0), number(4), number(8), number(12));
        if len > LONGEST {
            return Err(Error::Broken { begins, part: Part::Record, problem: Problem::Length(len) });
        }
        let scale = if self.format.is_nano { 1 } else { 1000 };
        let at = i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * scale;
        let bytes = self.source.take_all(len as usize, Part::Record, begins)?;
        self.is_over = false;
        let options = pcapng::Options::default();
        Ok(Some(Packet { interface: 0, link_type: self.link_type, at, wire_len, bytes, options }))
    }
}

/// Writes a pcap file.
#[derive(Debug)]
pub struct Writer<W> {
    write: W,
    format: Format,
}

impl<W: Write> Writer<W> {
    /// Writes the file header. A snaplen of 262144 says that packets are whole.
    pub fn new(mut write: W, format: Format, link_type: u16) -> io::Result<Self> {
        let order = format.order;
        write.write_all(&order.put32(format.magic()))?;
        write.write_all(&order.put16(2))?;
        write.write_all(&order.put16(4))?;
        for field in [0, 0, 262_144, u32::from(link_type)] {
            write.write_all(&order.put32(field))?;
        }
        Ok(Self { write, format })
    }

    /// Writes one packet; `at` is nanoseconds since 1970, cut to what the format holds.
    pub fn packet(&mut self, at: i64, bytes: &[u8], wire_len: u32) -> io::Result<()> {
        let (seconds, nanos) = (at.div_euclid(1_000_000_000), at.rem_euclid(1_000_000_000));
        let fraction = if self.format.is_nano { nanos } else { nanos / 1000 };
        let len = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        for field in [seconds as u32, fraction as u32, len, wire_len] {
            self.write.write_all(&self.format.order.put32(field))?;
        }
        self.write.write_all(bytes)
    }

    /// Flushes, and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.write.flush()?;
        Ok(self.write)
    }
}
