//! Captures that were compressed: gzip (RFC 1952) and Zstandard (RFC 8878), known by their first bytes and unpacked as
//! they are read. Files of several members, as `cat a.gz b.gz` and log rotation make them, are read to their end.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// A frame of a Zstandard file that holds no data: its number's last digit is free.
const SKIPPABLE: [u8; 3] = [0x2a, 0x4d, 0x18];

/// How much compressed input is read ahead.
const READ_AHEAD: usize = 64 << 10;

/// The bytes of a file, unpacked where they are packed.
pub type Unpacked<'r> = Box<dyn Read + 'r>;

/// Looks at the first bytes of an input and unpacks it if need be.
///
/// ```
/// use std::io::Read;
/// let mut plain = Vec::new();
/// tongro_trace::capture::unpacked(&b"\xd4\xc3\xb2\xa1"[..])?.read_to_end(&mut plain)?;
/// assert_eq!(plain, b"\xd4\xc3\xb2\xa1");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// When the first bytes cannot be read; what is wrong with packed bytes is told when they are read.
pub fn unpacked<'r>(read: impl Read + 'r) -> io::Result<Unpacked<'r>> {
    let mut first = [0; 4];
    let mut got = 0;
    let mut read = read;
    while got < first.len() {
        match read.read(&mut first[got..]) {
            Ok(0) => break,
            Ok(len) => got += len,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let whole = io::Cursor::new(first).take(got as u64).chain(read);
    if first[..2] == GZIP {
        return Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(READ_AHEAD, whole))));
    }
    if first == ZSTD || (first[1..] == SKIPPABLE && first[0] & 0xf0 == 0x50) {
        let source = BufReader::with_capacity(READ_AHEAD, whole);
        return Ok(Box::new(Frames { source: Some(source), decoder: None }));
    }
    Ok(Box::new(whole))
}

/// The frames of a Zstandard file, one after another.
struct Frames<R: BufRead> {
    source: Option<R>,
    decoder: Option<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(decoder) = &mut self.decoder {
                let got = decoder.read(out)?;
                if got > 0 || out.is_empty() {
                    return Ok(got);
                }
                self.source = self.decoder.take().map(StreamingDecoder::into_inner);
            }
            let Some(mut source) = self.source.take() else { return Ok(0) };
            if source.fill_buf()?.is_empty() {
                self.source = Some(source);
                return Ok(0);
            }
            if !skip(&mut source)? {
                self.decoder = Some(StreamingDecoder::new(source).map_err(io::Error::other)?);
            } else {
                self.source = Some(source);
            }
        }
    }
}

/// Skips a frame without data; `false` when the next one has some.
fn skip(source: &mut impl BufRead) -> io::Result<bool> {
    let ahead = source.fill_buf()?;
    let is_skippable = ahead.len() >= 4 && ahead[1..4] == SKIPPABLE && ahead[0] & 0xf0 == 0x50;
    if !is_skippable {
        return Ok(false);
    }
    let mut head = [0; 8];
    source.read_exact(&mut head)?;
    let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
    io::copy(&mut source.take(u64::from(len)), &mut io::sink())?;
    Ok(true)
}
