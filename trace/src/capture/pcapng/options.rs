//! Options: what stands beside a block's fixed fields, a comment foremost.

use crate::capture::ByteOrder;

/// Option codes; those from 2 on mean different things in different blocks.
#[allow(missing_docs)] // the names are those of the specification
pub mod code {
    pub const END: u16 = 0;
    pub const COMMENT: u16 = 1;
    pub const SHB_HARDWARE: u16 = 2;
    pub const SHB_OS: u16 = 3;
    pub const SHB_USERAPPL: u16 = 4;
    pub const IF_NAME: u16 = 2;
    pub const IF_DESCRIPTION: u16 = 3;
    pub const IF_TSRESOL: u16 = 9;
    pub const IF_TSOFFSET: u16 = 14;
    pub const EPB_FLAGS: u16 = 2;
    pub const EPB_PACKETID: u16 = 5;
    pub const ISB_IFRECV: u16 = 4;
    pub const ISB_IFDROP: u16 = 5;
}

/// The options of a block, read only when asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options<'a> {
    bytes: &'a [u8],
    order: ByteOrder,
}

impl<'a> Options<'a> {
    pub(super) fn new(bytes: &'a [u8], order: ByteOrder) -> Self {
        Self { bytes, order }
    }

    /// Codes and values in order; stops quietly where they make no sense.
    pub fn iter(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let header = rest.get(..4)?;
            let (code, len) = (self.order.u16(header, 0), usize::from(self.order.u16(header, 2)));
            let value = rest.get(4..4 + len).filter(|_| code != code::END)?;
            rest = rest.get(4 + super::padded(len)..).unwrap_or_default();
            Some((code, value))
        })
    }

    /// The first value with this code.
    #[must_use]
    pub fn find(self, code: u16) -> Option<&'a [u8]> {
        self.iter().find(|(found, _)| *found == code).map(|(_, value)| value)
    }

    /// The comments, invalid UTF-8 replaced.
    pub fn comments(self) -> impl Iterator<Item = std::borrow::Cow<'a, str>> {
        let comments = self.iter().filter(|(found, _)| *found == code::COMMENT);
        comments.map(|(_, value)| String::from_utf8_lossy(value))
    }

    /// The first value with this code as text.
    #[must_use]
    pub fn text(self, code: u16) -> Option<String> {
        self.find(code).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The first value with this code as a 4-byte number.
    #[must_use]
    pub fn u32(self, code: u16) -> Option<u32> {
        self.find(code).filter(|value| value.len() == 4).map(|value| self.order.u32(value, 0))
    }

    /// The first value with this code as an 8-byte number.
    #[must_use]
    pub fn u64(self, code: u16) -> Option<u64> {
        self.find(code).filter(|value| value.len() == 8).map(|value| self.order.u64(value, 0))
    }
}
