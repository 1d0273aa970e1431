//! From a display filter to a classic BPF program that a kernel can run before the filter itself.
//!
//! The program lets through every Ethernet frame that the filter could match, and sorts out what surely does not: it
//! looks at plain TCP and UDP over IPv4 and IPv6 and at ARP. Everything else (tunnels, fragments, ICMP with its quotes)
//! passes, and so does what only the dissector can tell; the filter then decides.
//!
//! ```
//! use tongro_wire::filter::Filter;
//! let program = Filter::parse("tcp.port == 80 && http")?.prefilter().unwrap();
//! assert!(program.len() > 10);
//! assert!(Filter::parse("http")?.prefilter().is_some(), "no ARP frame is HTTP");
//! assert!(Filter::parse("frame.len > 100")?.prefilter().is_none());
//! # Ok::<(), tongro_wire::filter::FilterError>(())
//! ```

use super::literal::Literal;
use super::{Filter, Node, Op, Operand, Reach};
use crate::Value;
use crate::field::Field;

/// One instruction of classic BPF (`struct sock_filter`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// What to do.
    pub code: u16,
    /// How many to skip when a test holds.
    pub jt: u8,
    /// How many to skip when it does not.
    pub jf: u8,
    /// Its number.
    pub k: u32,
}

/// The kinds of frames that the program knows well enough to sort out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Arp,
    Tcp4,
    Udp4,
    Tcp6,
    Udp6,
}

/// What is known of a frame of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Known {
    Yes,
    No,
    /// Only the dissector can tell.
    Maybe,
    Test(Test),
    All(Vec<Self>),
    Any(Vec<Self>),
}

/// A number of the frame against a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Test {
    place: Place,
    /// Bytes: 1, 2 or 4.
    len: u8,
    mask: u32,
    op: Op,
    value: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// From the start of the frame.
    Frame(u32),
    /// From the start of the transport header.
    Transport(u32),
}

/// Bytes of a frame that hold a field; the mask of all its bits, and how far they stand from the right.
struct Spot {
    place: Place,
    len: u8,
    mask: u32,
    shift: u8,
}

impl Filter {
    /// The program; `None` when it could sort nothing out.
    #[must_use]
    pub fn prefilter(&self) -> Option<Vec<Instruction>> {
        let classes = [Class::Arp, Class::Tcp4, Class::Udp4, Class::Tcp6, Class::Udp6];
        let known = classes.map(|class| (class, simple(self.root.known(class, true))));
        if known.iter().all(|(_, known)| *known == Known::Yes) {
            return None;
        }
        program(&known)
    }
}

impl Node {
    /// What the filter (or its contrary) says of every frame of a class.
    fn known(&self, class: Class, wanted: bool) -> Known {
        match self {
            Self::True => truth(wanted),
            Self::Not(inner) => inner.known(class, !wanted),
            Self::And(left, right) | Self::Or(left, right) => {
                let both = vec![left.known(class, wanted), right.known(class, wanted)];
                if matches!(self, Self::And(..)) == wanted { Known::All(both) } else { Known::Any(both) }
            }
            Self::Exists(operand) => {
                operand.exists_in(class).map_or(Known::Maybe, |is_there| truth(is_there == wanted))
            }
            Self::Compare { left, op, reach, right } => match (left, right) {
                (Operand::Field(rows), Operand::Literal(literal)) => {
                    compared(rows, *op, *reach, literal, class, wanted)
                }
                (Operand::Literal(literal), Operand::Field(rows)) => {
                    compared(rows, op.turned(), *reach, literal, class, wanted)
                }
                _ => Known::Maybe,
            },
            _ => Known::Maybe,
        }
    }
}

fn truth(is_so: bool) -> Known {
    if is_so { Known::Yes } else { Known::No }
}

impl Operand {
    /// Whether every frame of the class has it (or none does).
    fn exists_in(&self, class: Class) -> Option<bool> {
        match self {
            Self::Protocol(protocol) => layer_in(protocol.name, class),
            Self::Field(rows) => {
                let absent = rows.iter().all(|row| layer_in(layer_of(row), class) == Some(false));
                let sure = rows.iter().any(|row| spot(row.id, class).is_some());
                if absent { Some(false) } else { sure.then_some(true) }
            }
            _ => None,
        }
    }
}

fn layer_of(row: &Field) -> &'static str {
    row.id.split('.').next().unwrap_or_default()
}

fn layer_in(name: &str, class: Class) -> Option<bool> {
    use Class::{Arp, Tcp4, Tcp6, Udp4, Udp6};
    match name {
        "eth" | "frame" => Some(true),
        "arp" => Some(class == Arp),
        "ip" => Some(matches!(class, Tcp4 | Udp4)),
        "ipv6" => Some(matches!(class, Tcp6 | Udp6)),
        "tcp" => Some(matches!(class, Tcp4 | Tcp6)),
        "udp" => Some(matches!(class, Udp4 | Udp6)),
        "icmp" | "icmpv6" | "igmp" | "gre" | "llc" | "vlan" | "mpls" | "pppoe" | "pppoes" | "sll" => {
            Some(false)
        }
        // Applications stand over TCP or UDP, never in ARP.
        "http" | "tls" | "dns" | "mdns" | "dhcp" | "ntp" | "irc" | "websocket" | "quic" if class == Arp => {
            Some(false)
        }
        _ => None,
    }
}

fn compared(
    rows: &[&'static Field],
    op: Op,
    reach: Reach,
    literal: &Literal,
    class: Class,
    wanted: bool,
) -> Known {
    let here: Vec<_> = rows.iter().filter(|row| layer_in(layer_of(row), class) != Some(false)).collect();
    if here.is_empty() {
        // No value never passes.
        return truth(!wanted);
    }
    let op = if wanted { op } else { op.contrary() };
    let tests = here.iter().map(|row| match spot(row.id, class) {
        Some(spot) if row.scale == 1 => test(&spot, row.id, op, literal),
        _ => Known::Maybe,
    });
    let tests = tests.collect();
    if (reach == Reach::Any) == wanted { Known::Any(tests) } else { Known::All(tests) }
}

impl Op {
    fn contrary(self) -> Self {
        match self {
            Self::Eq => Self::Ne,
            Self::Ne => Self::Eq,
            Self::Gt => Self::Le,
            Self::Ge => Self::Lt,
            Self::Lt => Self::Ge,
            Self::Le => Self::Gt,
        }
    }
}

/// Where a class keeps a field.
fn spot(id: &str, class: Class) -> Option<Spot> {
    use Place::{Frame, Transport};
    let at = |place, len, mask, shift| Some(Spot { place, len, mask, shift });
    let (is_v4, is_v6) =
        (matches!(class, Class::Tcp4 | Class::Udp4), matches!(class, Class::Tcp6 | Class::Udp6));
    let (is_tcp, is_udp) =
        (matches!(class, Class::Tcp4 | Class::Tcp6), matches!(class, Class::Udp4 | Class::Udp6));
    match id {
        "eth.dst" => at(Frame(0), 4, u32::MAX, 0),
        "eth.src" => at(Frame(6), 4, u32::MAX, 0),
        "eth.type" => at(Frame(12), 2, 0xffff, 0),
        "arp.opcode" if class == Class::Arp => at(Frame(20), 2, 0xffff, 0),
        "ip.dsfield" if is_v4 => at(Frame(15), 1, 0xff, 0),
        "ip.len" if is_v4 => at(Frame(16), 2, 0xffff, 0),
        "ip.id" if is_v4 => at(Frame(18), 2, 0xffff, 0),
        "ip.flags.df" if is_v4 => at(Frame(20), 1, 0x40, 6),
        "ip.ttl" if is_v4 => at(Frame(22), 1, 0xff, 0),
        "ip.proto" if is_v4 => at(Frame(23), 1, 0xff, 0),
        "ip.src" if is_v4 => at(Frame(26), 4, u32::MAX, 0),
        "ip.dst" if is_v4 => at(Frame(30), 4, u32::MAX, 0),
        "ipv6.plen" if is_v6 => at(Frame(18), 2, 0xffff, 0),
        "ipv6.nxt" if is_v6 => at(Frame(20), 1, 0xff, 0),
        "ipv6.hlim" if is_v6 => at(Frame(21), 1, 0xff, 0),
        "ipv6.src" if is_v6 => at(Frame(22), 4, u32::MAX, 0),
        "ipv6.dst" if is_v6 => at(Frame(38), 4, u32::MAX, 0),
        "tcp.srcport" if is_tcp => at(Transport(0), 2, 0xffff, 0),
        "tcp.dstport" if is_tcp => at(Transport(2), 2, 0xffff, 0),
        "tcp.seq_raw" if is_tcp => at(Transport(4), 4, u32::MAX, 0),
        "tcp.ack_raw" if is_tcp => at(Transport(8), 4, u32::MAX, 0),
        "tcp.flags" if is_tcp => at(Transport(12), 2, 0x0fff, 0),
        "tcp.window_size_value" if is_tcp => at(Transport(14), 2, 0xffff, 0),
        "tcp.flags.urg" if is_tcp => at(Transport(13), 1, 0x20, 5),
        "tcp.flags.ack" if is_tcp => at(Transport(13), 1, 0x10, 4),
        "tcp.flags.push" if is_tcp => at(Transport(13), 1, 0x08, 3),
        "tcp.flags.reset" if is_tcp => at(Transport(13), 1, 0x04, 2),
        "tcp.flags.syn" if is_tcp => at(Transport(13), 1, 0x02, 1),
        "tcp.flags.fin" if is_tcp => at(Transport(13), 1, 0x01, 0),
        "udp.srcport" if is_udp => at(Transport(0), 2, 0xffff, 0),
        "udp.dstport" if is_udp => at(Transport(2), 2, 0xffff, 0),
        "udp.length" if is_udp => at(Transport(4), 2, 0xffff, 0),
        _ => None,
    }
}

fn test(spot: &Spot, id: &str, op: Op, literal: &Literal) -> Known {
    let Spot { place, len, mask, .. } = *spot;
    match literal {
        Literal::Net4(net, bits) if matches!(op, Op::Eq | Op::Ne) && id.starts_with("ip.") => {
            Known::Test(Test { place, len, mask: *bits, op, value: net & bits })
        }
        Literal::Value(Value::Ipv4(address)) if id.starts_with("ip.") => {
            Known::Test(Test { place, len, mask, op, value: u32::from(*address) })
        }
        Literal::Value(value @ (Value::Mac(_) | Value::Ipv6(_) | Value::Bytes(_))) => {
            let bytes = value.bytes().unwrap_or_default();
            let is_whole =
                matches!((id, bytes.len()), ("eth.src" | "eth.dst", 6) | ("ipv6.src" | "ipv6.dst", 16));
            if is_whole && matches!(op, Op::Eq | Op::Ne) { pieces(place, op, &bytes) } else { Known::Maybe }
        }
        Literal::Value(value) => match value.uint() {
            Some(number) => number_test(spot, op, number),
            None => Known::Maybe,
        },
        _ => Known::Maybe,
    }
}

fn number_test(spot: &Spot, op: Op, number: u64) -> Known {
    let largest = u64::from(spot.mask >> spot.shift);
    if number > largest {
        // Larger than every value that the field can have.
        return truth(matches!(op, Op::Ne | Op::Lt | Op::Le));
    }
    let value = (number as u32) << spot.shift;
    Known::Test(Test { place: spot.place, len: spot.len, mask: spot.mask, op, value })
}

/// An address of more than four bytes, word by word.
fn pieces(place: Place, op: Op, bytes: &[u8]) -> Known {
    let Place::Frame(start) = place else { return Known::Maybe };
    let tests = bytes.chunks(4).enumerate().map(|(index, piece)| {
        let value = piece.iter().fold(0, |number, byte| number << 8 | u32::from(*byte));
        let mask = u32::MAX >> (32 - piece.len() * 8);
        let place = Place::Frame(start + index as u32 * 4);
        Known::Test(Test { place, len: piece.len() as u8, mask, op, value })
    });
    let tests = tests.collect();
    if op == Op::Eq { Known::All(tests) } else { Known::Any(tests) }
}

/// What may be passes; what is sure of a part decides the whole.
fn simple(known: Known) -> Known {
    match known {
        Known::Maybe => Known::Yes,
        Known::All(parts) => {
            let mut parts: Vec<_> =
                parts.into_iter().map(simple).filter(|part| *part != Known::Yes).collect();
            match parts.len() {
                _ if parts.contains(&Known::No) => Known::No,
                0 => Known::Yes,
                1 => parts.remove(0),
                _ => Known::All(parts),
            }
        }
        Known::Any(parts) => {
            let mut parts: Vec<_> = parts.into_iter().map(simple).filter(|part| *part != Known::No).collect();
            match parts.len() {
                _ if parts.contains(&Known::Yes) => Known::Yes,
                0 => Known::No,
                1 => parts.remove(0),
                _ => Known::Any(parts),
            }
        }
        other => other,
    }
}

mod code {
    //! The codes that are used, from `linux/bpf_common.h`.
    pub(super) const LOAD_WORD: u16 = 0x20;
    pub(super) const LOAD_HALF: u16 = 0x28;
    pub(super) const LOAD_BYTE: u16 = 0x30;
    /// Added to a load: relative to X.
    pub(super) const INDEXED: u16 = 0x20;
    pub(super) const LOAD_LEN: u16 = 0x80;
    pub(super) const X_IS_HEADER_LEN: u16 = 0xb1;
    pub(super) const X_IS: u16 = 0x01;
    pub(super) const A_IS_X: u16 = 0x87;
    pub(super) const SUBTRACT_X: u16 = 0x1c;
    pub(super) const AND: u16 = 0x54;
    pub(super) const JUMP_EQ: u16 = 0x15;
    pub(super) const JUMP_GT: u16 = 0x25;
    pub(super) const JUMP_GE: u16 = 0x35;
    pub(super) const RETURN: u16 = 0x06;
}

/// A place to jump to.
type Label = usize;
/// Where to go on when a test holds and when it does not; none when it is no test.
type Jump = Option<(Label, Label)>;

#[derive(Default)]
struct Assembler {
    /// Instructions with the labels of their jumps.
    code: Vec<(u16, u32, Jump)>,
    /// Where each label stands.
    labels: Vec<usize>,
}

impl Assembler {
    fn label(&mut self) -> Label {
        self.labels.push(usize::MAX);
        self.labels.len() - 1
    }

    fn here(&mut self, label: Label) {
        self.labels[label] = self.code.len();
    }

    fn put(&mut self, code: u16, k: u32) {
        self.code.push((code, k, None));
    }

    fn jump(&mut self, code: u16, k: u32, yes: Label, no: Label) {
        self.code.push((code, k, Some((yes, no))));
    }

    /// Jumps away unless the test holds.
    fn unless(&mut self, code: u16, k: u32, away: Label) {
        let next = self.label();
        self.jump(code, k, next, away);
        self.here(next);
    }

    /// Jumps away when the test holds.
    fn when(&mut self, code: u16, k: u32, away: Label) {
        let next = self.label();
        self.jump(code, k, away, next);
        self.here(next);
    }

    fn finish(self) -> Option<Vec<Instruction>> {
        let mut program = Vec::with_capacity(self.code.len());
        for (index, (code, k, jump)) in self.code.iter().enumerate() {
            let skip = |label: Label| u8::try_from(self.labels[label].checked_sub(index + 1)?).ok();
            let (jt, jf) = match jump {
                Some((yes, no)) => (skip(*yes)?, skip(*no)?),
                None => (0, 0),
            };
            program.push(Instruction { code: *code, jt, jf, k: *k });
        }
        Some(program)
    }
}

/// The whole program: which class, then what the filter asks of it. `None` when a jump would be too far.
fn program(known: &[(Class, Known); 5]) -> Option<Vec<Instruction>> {
    let mut out = Assembler::default();
    let (accept, reject) = (out.label(), out.label());
    let [arp, v4, v6] = [out.label(), out.label(), out.label()];
    out.put(code::LOAD_HALF, 12);
    out.when(code::JUMP_EQ, 0x0800, v4);
    out.when(code::JUMP_EQ, 0x86dd, v6);
    out.jump(code::JUMP_EQ, 0x0806, arp, accept);
    out.here(v4);
    let [tcp4, udp4, tcp6, udp6] = [out.label(), out.label(), out.label(), out.label()];
    out.put(code::LOAD_LEN, 0);
    out.unless(code::JUMP_GE, 34, accept);
    out.put(code::LOAD_HALF, 20);
    out.put(code::AND, 0x3fff);
    out.unless(code::JUMP_EQ, 0, accept);
    out.put(code::X_IS_HEADER_LEN, 14);
    out.put(code::A_IS_X, 0);
    out.unless(code::JUMP_GE, 20, accept);
    out.put(code::LOAD_BYTE, 23);
    out.when(code::JUMP_EQ, 6, tcp4);
    out.jump(code::JUMP_EQ, 17, udp4, accept);
    out.here(v6);
    out.put(code::LOAD_LEN, 0);
    out.unless(code::JUMP_GE, 54, accept);
    out.put(code::X_IS, 40);
    out.put(code::LOAD_BYTE, 20);
    out.when(code::JUMP_EQ, 6, tcp6);
    out.jump(code::JUMP_EQ, 17, udp6, accept);
    for ((class, known), label) in known.iter().zip([arp, tcp4, udp4, tcp6, udp6]) {
        out.here(label);
        guard(&mut out, *class, accept);
        generate(&mut out, known, accept, reject);
    }
    out.here(accept);
    out.put(code::RETURN, u32::MAX);
    out.here(reject);
    out.put(code::RETURN, 0);
    out.finish()
}

/// Lets pass what is too short for its headers (a load past the end would reject it), and VXLAN.
fn guard(out: &mut Assembler, class: Class, accept: Label) {
    let header = match class {
        Class::Arp => {
            out.put(code::LOAD_LEN, 0);
            return out.unless(code::JUMP_GE, 42, accept);
        }
        Class::Tcp4 | Class::Tcp6 => 20,
        Class::Udp4 | Class::Udp6 => 8,
    };
    out.put(code::LOAD_LEN, 0);
    out.put(code::SUBTRACT_X, 0);
    out.unless(code::JUMP_GE, 14 + header, accept);
    out.put(code::LOAD_HALF, if matches!(class, Class::Tcp4 | Class::Udp4) { 16 } else { 18 });
    if matches!(class, Class::Tcp4 | Class::Udp4) {
        out.put(code::SUBTRACT_X, 0);
    }
    out.unless(code::JUMP_GE, header, accept);
    if header == 8 {
        out.put(code::LOAD_HALF + code::INDEXED, 14 + 2);
        out.when(code::JUMP_EQ, 4789, accept);
    }
}

fn generate(out: &mut Assembler, known: &Known, yes: Label, no: Label) {
    match known {
        Known::Yes | Known::Maybe => out.jump(code::JUMP_GE, 0, yes, yes),
        Known::No => out.jump(code::JUMP_GE, 0, no, no),
        Known::Test(test) => one(out, test, yes, no),
        Known::All(parts) | Known::Any(parts) => {
            let is_all = matches!(known, Known::All(_));
            for (index, part) in parts.iter().enumerate() {
                if index + 1 == parts.len() {
                    return generate(out, part, yes, no);
                }
                let next = out.label();
                if is_all {
                    generate(out, part, next, no)
                } else {
                    generate(out, part, yes, next)
                }
                out.here(next);
            }
        }
    }
}

fn one(out: &mut Assembler, test: &Test, yes: Label, no: Label) {
    let load = match test.len {
        1 => code::LOAD_BYTE,
        2 => code::LOAD_HALF,
        _ => code::LOAD_WORD,
    };
    match test.place {
        Place::Frame(at) => out.put(load, at),
        Place::Transport(at) => out.put(load + code::INDEXED, 14 + at),
    }
    if test.mask != u32::MAX {
        out.put(code::AND, test.mask);
    }
    let (jump, yes, no) = match test.op {
        Op::Eq => (code::JUMP_EQ, yes, no),
        Op::Ne => (code::JUMP_EQ, no, yes),
        Op::Gt => (code::JUMP_GT, yes, no),
        Op::Le => (code::JUMP_GT, no, yes),
        Op::Ge => (code::JUMP_GE, yes, no),
        Op::Lt => (code::JUMP_GE, no, yes),
    };
    out.jump(jump, test.value, yes, no);
}

#[cfg(test)]
mod tests;
