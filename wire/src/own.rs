//! A protocol of one's own, read from a small table file; the engine that runs the built-in tables runs it, too.
//!
//! Text comes from whoever read the file, an [`Own`] for [`Tables`](crate::Tables) goes out. From then on its messages
//! are dissected, filtered, shown and crafted like any other.
//!
//! ```toml
//! [protocol]
//! name = "chat"                     # the prefix of the fields: chat.kind
//! title = "My chat"
//! tcp = [9000]                      # ports; udp = […] as well
//! magic = { at = 0, hex = "4348" }  # or known by these bytes, on any port
//! byte_order = "big"                # or "little"; a field may differ
//!
//! [[field]]                         # in the order of the bytes
//! name = "length"
//! type = "uint32"                   # uint1 … uint64, bool, bytes, text, mac, ipv4, ipv6
//! covers = "rest"                   # counts the bytes behind it; "message": all of them
//!
//! [[field]]
//! name = "kind"
//! type = "uint8"
//! values = { 1 = "HELLO", 2 = "SAY" }
//!
//! [[field]]
//! name = "nick_len"
//! type = "uint8"
//!
//! [[field]]
//! name = "nick"
//! type = "text"
//! length = "nick_len"               # bytes that another field tells, or a number
//!
//! [[field]]
//! name = "text"
//! type = "text"                     # without length: the rest of the message
//! when = { field = "kind", is = [2] }
//! ```
//!
//! ```
//! use tongro_wire::{LayerSpec, craft, dissect_from, own};
//! let chat = own::read("[protocol]\nname='chat'\n[[field]]\nname='len'\ntype='uint8'\n\
//!     [[field]]\nname='nick'\ntype='text'\nlength='len'\n")?;
//! let message = craft(&[LayerSpec::new(chat.protocol).with("chat.nick", "kim").unwrap()]);
//! assert_eq!(message, b"\x03kim");
//! assert_eq!(dissect_from(chat.protocol, &message).find("chat.nick").unwrap().print(), "kim");
//! # Ok::<(), own::OwnError>(())
//! ```

mod build;
mod toml;

use crate::tables::Own;

/// Why a text is no protocol file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct OwnError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub kind: OwnErrorKind,
}

/// What is wrong with a protocol file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OwnErrorKind {
    /// The text is no TOML.
    #[error("{0}")]
    Toml(String),
    /// A key that means nothing here.
    #[error("`{key}` means nothing here; known are {known}")]
    UnknownKey {
        /// The key.
        key: String,
        /// What could stand here.
        known: String,
    },
    /// A key that must be there is not.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A value of the wrong kind.
    #[error("`{key}` wants {wanted}")]
    Wanted {
        /// The key.
        key: String,
        /// What its value should be.
        wanted: &'static str,
    },
    /// A type that does not exist.
    #[error("there is no type `{0}`; use uint1 … uint64, bool, bytes, text, mac, ipv4, ipv6")]
    BadType(String),
    /// A name that is none, or is taken.
    #[error("`{0}` cannot be a name: small letters, digits and _, beginning with a letter, and none twice")]
    BadName(String),
    /// A protocol of this name is built in.
    #[error("`{0}` is the name of a built-in protocol")]
    Known(String),
    /// A field that another names does not stand before it.
    #[error("no field `{0}` stands before this one")]
    NotBefore(String),
    /// A condition on a field whose place depends on others.
    #[error("`{0}` stands behind a part of varying length, so nothing can depend on it")]
    NotFixed(String),
    /// The bits of a field before text, bytes or an address do not fill whole bytes.
    #[error("`{0}` must begin at a whole byte")]
    NotWhole(String),
    /// A field follows one that takes all the rest.
    #[error("nothing can stand behind `{0}`, which takes the rest of the message")]
    BehindRest(String),
}

/// Reads a protocol file. Its table lives as long as the program, as the built-in ones do.
///
/// # Errors
/// With the line and the reason when it is none.
pub fn read(text: &str) -> Result<Own, OwnError> {
    build::build(&toml::parse(text)?)
}
