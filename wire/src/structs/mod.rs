//! Binary structures in the notation of Python's `struct` module: parse a format, pack, unpack, show the layout.
//!
//! Values come from a caller and go out as bytes, or the other way; the rules, down to alignment and the rounding
//! of half floats, are Python's.
//!
//! ```
//! use tongro_wire::structs::{Datum, Format};
//! let format = Format::parse("!HB3s")?;
//! let bytes = format.pack(&[Datum::Int(9000), Datum::Int(1), Datum::Bytes(b"abc".to_vec())])?;
//! assert_eq!(bytes, b"\x23\x28\x01abc");
//! assert_eq!(format.unpack(&bytes)?[0], Datum::Int(9000));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Alignment is visible: a native format puts three bytes before the `i`, a standard one does not.
//!
//! ```
//! use tongro_wire::structs::{Datum, Format, LiteralError};
//! let (native, packed) = (Format::parse("@bi")?, Format::parse("<bi")?);
//! assert_eq!((native.size(), packed.size()), (8, 5));
//! assert!(native.layout()[1].is_alignment);
//! // Values may come as text, each read for its code.
//! let values: Result<Vec<Datum>, LiteralError> = packed.parse_values(&["-1", "0x10"]);
//! assert_eq!(packed.pack(&values?)?, [0xff, 0x10, 0, 0, 0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod code;
pub mod diagram;
mod format;
mod half;
mod literal;
mod pack;
mod svg;

pub use code::Code;
pub use format::{Format, FormatError, FormatErrorKind, Order, Slot};
pub use literal::LiteralError;
pub(crate) use literal::unescaped;
pub use pack::{PackError, UnpackError};

/// A value of a structure.
#[derive(Debug, Clone, PartialEq)]
pub enum Datum {
    /// An integer.
    Int(i128),
    /// A floating-point number.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// Bytes.
    Bytes(Vec<u8>),
}
