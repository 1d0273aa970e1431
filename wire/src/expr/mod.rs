//! Craft expressions in Scapy's notation: `Ether()/IP(dst="10.0.0.2")/TCP(dport=80, flags="S")/"hello"`.
//!
//! Text comes from a user, packets go out. Lists, ranges `(1, 9)` and networks `"10.0.0.0/30"` stand for several
//! values, and the expression for every combination; what is named first varies slowest. Fields that are not named
//! have Scapy's defaults or fill themselves. A key is Scapy's name or the rest of Wireshark's id (`srcport=80`).
//!
//! ```
//! use tongro_wire::expr::Expression;
//! let expression = Expression::parse(r#"IP(dst="10.0.0.2", ttl=(1, 3))/UDP(dport=[53, 5353])/"hi""#)?;
//! assert_eq!(expression.count(), 6);
//! let packets: Vec<Vec<u8>> = expression.packets().collect();
//! assert_eq!((packets[0].len(), packets[0][8], packets[5][8]), (30, 1, 3));
//! # Ok::<(), tongro_wire::expr::ExprError>(())
//! ```
//!
//! `fuzz(…)` leaves to chance what is not said, save addresses and what fills itself; the same seed gives the same
//! packets:
//!
//! ```
//! use tongro_wire::expr::Expression;
//! let fuzzed = Expression::parse(r#"IP(dst="10.0.0.2")/fuzz(UDP(dport=53)/"hi")"#)?.with_seed(7);
//! let (first, second) = (fuzzed.packet(0)?, fuzzed.packet(1)?);
//! assert_ne!(first, second);
//! assert_eq!(first, fuzzed.packet(0)?);
//! assert_eq!(first[22..24], 53u16.to_be_bytes());
//! # Ok::<(), tongro_wire::expr::ExprError>(())
//! ```

mod apply;
mod fuzz;
pub(crate) mod names;
mod parse;

use std::fmt;

use crate::tables::distance;
use crate::{LayerSpec, LinkType, craft};
use parse::{Arg, Call};

/// A craft expression that was understood; every packet it stands for can be built.
#[derive(Debug, Clone)]
pub struct Expression {
    layers: Vec<Call>,
    seed: u64,
    /// The layers of the first packet, unless they are left to chance.
    first: Vec<LayerSpec>,
}

/// Why a text is no expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at character {at}")]
pub struct ExprError {
    /// Where, in characters from 0.
    pub at: usize,
    /// What is wrong.
    pub kind: ExprErrorKind,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExprErrorKind {
    /// No layer has this name.
    UnknownLayer(String),
    /// The layer has no such field.
    UnknownField {
        /// The layer.
        layer: String,
        /// The name.
        name: String,
    },
    /// A value that the field cannot have.
    BadValue {
        /// The field.
        field: String,
        /// The value.
        value: String,
    },
    /// Something else was expected here.
    Unexpected(String),
    /// The text ends too early.
    UnexpectedEnd,
    /// A string without its closing quote, or with an escape that means nothing.
    BadString,
    /// More bytes than one packet can have.
    TooLong,
}

impl fmt::Display for ExprErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownLayer(name) => write!(f, "no layer `{name}`"),
            Self::UnknownField { layer, name } => write!(f, "`{layer}` has no field `{name}`"),
            Self::BadValue { field, value } => write!(f, "`{value}` is no value of `{field}`"),
            Self::Unexpected(found) => write!(f, "`{found}` is not expected"),
            Self::UnexpectedEnd => f.write_str("more is expected"),
            Self::BadString => f.write_str("a string does not end, or has an unknown escape"),
            Self::TooLong => f.write_str("too many bytes for a packet"),
        }
    }
}

impl ExprError {
    /// The name that was probably meant by one that is not known.
    #[must_use]
    pub fn nearest(&self) -> Option<&'static str> {
        let (name, known) = match &self.kind {
            ExprErrorKind::UnknownLayer(name) => {
                let tables = crate::protocols().iter().map(|protocol| protocol.scapy);
                let names = names::LAYERS.iter().map(|layer| layer.name).chain(tables);
                (name, names.chain(["fuzz", "DHCP", "Padding"]).collect())
            }
            ExprErrorKind::UnknownField { layer, name } => (name, apply::keys(layer)),
            _ => return None,
        };
        let lower = name.to_ascii_lowercase();
        let near = known.into_iter().filter(|known| !known.is_empty());
        let near = near.map(|known| (slips(&lower, &known.to_ascii_lowercase()), known));
        let (changes, best) = near.min_by_key(|(changes, _)| *changes)?;
        (changes <= name.len().div_ceil(2)).then_some(best)
    }
}

/// Slips of the finger between two names; letters that only stand in another order are one.
fn slips(one: &str, other: &str) -> usize {
    let sorted = |name: &str| {
        let mut letters: Vec<char> = name.chars().collect();
        letters.sort_unstable();
        letters
    };
    if one != other && sorted(one) == sorted(other) { 1 } else { distance(one, other) }
}

impl Expression {
    /// Understands an expression, and checks every field and value it names.
    ///
    /// # Errors
    /// With the place and the reason when the text is no expression.
    pub fn parse(text: &str) -> Result<Self, ExprError> {
        let mut expression = Self { layers: parse::parse(text)?, seed: 0, first: Vec::new() };
        let first = expression.built(0)?;
        // Every further value on its own, as far as there are not too many.
        for layer in &expression.layers {
            for (_, key, arg) in layer.arguments() {
                (1..arg.count().min(4096)).try_for_each(|index| apply::check(layer, key, &arg.at(index)))?;
            }
        }
        if !expression.is_fuzzed() {
            expression.first = first;
        }
        Ok(expression)
    }

    /// How many packets it stands for.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.choices().fold(1, |count, choices| count.saturating_mul(choices))
    }

    /// The same with another seed for what `fuzz` leaves to chance.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Whether a part of it is left to chance.
    #[must_use]
    pub fn is_fuzzed(&self) -> bool {
        self.layers.iter().any(|layer| layer.is_fuzzed)
    }

    /// The bytes of one packet, from 0.
    ///
    /// # Errors
    /// When a value does not fit its field.
    pub fn packet(&self, index: u64) -> Result<Vec<u8>, ExprError> {
        if index == 0 && !self.first.is_empty() {
            return Ok(craft(&self.first));
        }
        Ok(craft(&self.layers(index)?))
    }

    /// The layers of one packet, from 0; past the last one they begin again, with other chances.
    ///
    /// # Errors
    /// When a value does not fit its field.
    pub fn layers(&self, index: u64) -> Result<Vec<LayerSpec>, ExprError> {
        if index == 0 && !self.first.is_empty() { Ok(self.first.clone()) } else { self.built(index) }
    }

    fn built(&self, index: u64) -> Result<Vec<LayerSpec>, ExprError> {
        let mut dice = fuzz::Dice::new(self.seed, index);
        let is_plain = self.layers.iter().all(|layer| layer.arguments().all(|(.., arg)| arg.is_plain()));
        if is_plain {
            return apply::specs(&self.layers, &mut dice);
        }
        // The last argument is the lowest digit.
        let mut rest = index;
        let mut digits: Vec<u64> = self.choices().collect();
        for digit in digits.iter_mut().rev() {
            let choices = (*digit).max(1);
            (*digit, rest) = (rest % choices, rest / choices);
        }
        let mut digits = digits.into_iter();
        let picked: Vec<Call> = self.layers.iter().map(|layer| layer.pick(&mut digits)).collect();
        apply::specs(&picked, &mut dice)
    }

    /// The bytes of every packet, in order.
    pub fn packets(&self) -> impl Iterator<Item = Vec<u8>> + use<'_> {
        (0..self.count()).filter_map(|index| self.layers(index).ok()).map(|layers| craft(&layers))
    }

    /// The link type of its first layer: raw IP unless it starts with Ethernet or another link.
    #[must_use]
    pub fn link(&self) -> LinkType {
        match self.layers.first().map(|layer| layer.name.as_str()) {
            Some("Ether" | "eth") => LinkType::Ethernet,
            Some("CookedLinux") => LinkType::LinuxSll,
            Some("CookedLinuxV2") => LinkType::LinuxSll2,
            Some("Loopback") => LinkType::Null,
            Some("PPP") => LinkType::Ppp,
            Some("RadioTap") => LinkType::Ieee80211Radiotap,
            _ => LinkType::RawIp,
        }
    }

    fn choices(&self) -> impl Iterator<Item = u64> + '_ {
        self.layers.iter().flat_map(|layer| layer.arguments().map(|(_, _, arg)| arg.count()))
    }
}

/// Whether a key holds a list as its value, and not several values to choose from.
fn is_list_key(key: &str) -> bool {
    matches!(key, "options" | "qd" | "an")
}

impl Call {
    /// Every argument with its place and key.
    fn arguments(&self) -> impl Iterator<Item = (usize, &str, &Arg)> {
        self.arguments.iter().map(|(at, key, arg)| (*at, key.as_str(), arg))
    }

    /// The call with one choice of every argument.
    fn pick(&self, digits: &mut impl Iterator<Item = u64>) -> Self {
        let arguments =
            self.arguments().map(|(at, key, arg)| (at, key.to_owned(), arg.at(digits.next().unwrap_or(0))));
        let (at, name, is_fuzzed) = (self.at, self.name.clone(), self.is_fuzzed);
        Self { at, name, arguments: arguments.collect(), is_fuzzed }
    }
}
