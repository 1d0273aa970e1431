//! The pcapng format (draft-ietf-opsawg-pcapng): sections of typed blocks, several interfaces, comments, secrets.
//!
//! ```text
//! block: type 4 · total length 4 · body · total length 4      (all padded to 4 bytes)
//! option: code 2 · length 2 · value, padded to 4 bytes; code 0 ends them
//! ```

mod options;
mod read;
mod write;

pub use options::{Options, code};
pub use read::{Block, Content, Interface, Reader};
pub use write::Writer;

/// Block types.
#[allow(missing_docs)] // the names are those of the specification
pub mod kind {
    pub const SECTION: u32 = 0x0a0d_0d0a;
    pub const INTERFACE: u32 = 1;
    pub const PACKET: u32 = 2;
    pub const SIMPLE_PACKET: u32 = 3;
    pub const NAMES: u32 = 4;
    pub const STATISTICS: u32 = 5;
    pub const ENHANCED_PACKET: u32 = 6;
    pub const SECRETS: u32 = 10;

    /// The specification's name of a block type.
    #[must_use]
    pub fn name(kind: u32) -> Option<&'static str> {
        Some(match kind {
            SECTION => "section header",
            INTERFACE => "interface description",
            PACKET => "packet",
            SIMPLE_PACKET => "simple packet",
            NAMES => "name resolution",
            STATISTICS => "interface statistics",
            ENHANCED_PACKET => "enhanced packet",
            SECRETS => "decryption secrets",
            _ => return None,
        })
    }
}

/// `TLSK`: the secrets block holds the lines of an NSS key log.
pub const TLS_KEY_LOG: u32 = 0x544c_534b;

/// The byte-order magic of a section header.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// The next multiple of 4.
fn padded(len: usize) -> usize {
    len.next_multiple_of(4)
}
