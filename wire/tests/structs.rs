//! `structs` against Python's `struct`: the same formats, values and bytes in one Python process, from a seed.

use std::io::Write as _;
use std::process::{Command, Stdio};

use tongro_wire::structs::{Code, Datum, Format, FormatErrorKind, LiteralError, PackError};

const CASES: usize = 120_000;

/// Reads `format TAB values TAB bytes`, prints `size TAB packed TAB unpacked`; `!` where Python raises.
const ORACLE: &str = r#"
import struct, sys
def value(text):
    kind, rest = text[0], text[1:]
    if kind == 'i': return int(rest)
    if kind == 'f': return struct.unpack('>d', bytes.fromhex(rest))[0]
    if kind == 'o': return rest == '1'
    return bytes.fromhex(rest)
def shown(value):
    if isinstance(value, bool): return 'o1' if value else 'o0'
    if isinstance(value, int): return 'i%d' % value
    if isinstance(value, float): return 'fnan' if value != value else 'f' + struct.pack('>d', value).hex()
    return 'b' + value.hex()
out = []
for line in sys.stdin:
    form, values, data = line.rstrip('\n').split('\t')
    form = form.replace('~', '\x0b')
    try: size = str(struct.calcsize(form))
    except struct.error: size = '!'
    try: packed = struct.pack(form, *[value(v) for v in values.split(' ') if v]).hex()
    except (struct.error, OverflowError, TypeError): packed = '!'
    try: back = ' '.join(shown(v) for v in struct.unpack(form, bytes.fromhex(data)))
    except struct.error: back = '!'
    out.append('%s\t%s\t%s' % (size, packed, back))
sys.stdout.write('\n'.join(out) + '\n')
"#;

/// A small generator of numbers from a seed (xorshift64*).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn format(&mut self) -> String {
        let mut text = ["", "@", "=", "<", ">", "!"][self.below(6)].to_owned();
        for _ in 0..self.below(6) {
            let count = if self.below(3) == 0 { self.below(12).to_string() } else { String::new() };
            let gap = if self.below(40) == 0 { [" ", "~"][self.below(2)] } else { "" };
            let letters = if self.below(60) == 0 { "zk<-#" } else { "xcbBhHiIlLqQnNPspefd?" };
            let letter = letters.as_bytes()[self.below(letters.len())];
            // Python 3.11 itself fails on unpacking `0p` (SystemError: negative size).
            if !(count == "0" && letter == b'p') {
                text.push_str(&format!("{count}{gap}{}", char::from(letter)));
            }
        }
        if self.below(60) == 0 {
            text.push('3');
        }
        text
    }

    fn value(&mut self, code: Code) -> Datum {
        let misfit = self.below(80) == 0;
        match code {
            Code::Bytes | Code::Pascal | Code::Char if !misfit => {
                let len = if code == Code::Char && self.below(50) > 0 { 1 } else { self.below(14) };
                Datum::Bytes((0..len).map(|_| self.next() as u8).collect())
            }
            Code::Bool if !misfit => Datum::Bool(self.below(2) == 0),
            Code::Half | Code::Float | Code::Double if !misfit => self.float(),
            _ => match self.below(if misfit { 4 } else { 1 }) {
                0 => self.integer(),
                1 => self.float(),
                2 => Datum::Bytes(vec![1]),
                _ => Datum::Bool(true),
            },
        }
    }

    fn integer(&mut self) -> Datum {
        let bits = [7, 8, 15, 16, 31, 32, 63, 64, 3][self.below(9)];
        let number = i128::from(self.next()) & ((1 << bits) - 1);
        let edge = [0, 1, (1 << bits) - 1, 1 << bits, -(1 << bits), -1][self.below(6)];
        Datum::Int(if self.below(4) == 0 {
            edge
        } else if self.below(4) == 0 {
            -number
        } else {
            number
        })
    }

    fn float(&mut self) -> Datum {
        let small = (self.next() % 2_000_001) as f64 / 16.0 - 62_500.0;
        Datum::Float(match self.below(8) {
            0 => f64::from_bits(self.next()),
            1 => [f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -0.0, 65520.0, 65519.99, 3.5e38, 5e-8]
                [self.below(8)],
            2 => small * 1e-9,
            3 => small * 1e30,
            _ => small,
        })
    }
}

fn shown(value: &Datum) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match value {
        Datum::Int(number) => format!("i{number}"),
        Datum::Float(number) if number.is_nan() => "fnan".to_owned(),
        Datum::Float(number) => format!("f{}", hex(&number.to_bits().to_be_bytes())),
        Datum::Bool(set) => format!("o{}", u8::from(*set)),
        Datum::Bytes(bytes) => format!("b{}", hex(bytes)),
    }
}

/// One case: what Python reads, and what it should print.
fn case(dice: &mut Dice) -> (String, String) {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let text = dice.format();
    let Ok(format) = Format::parse(&text.replace('~', "\x0b")) else {
        return (format!("{text}\t\t"), "!\t!\t!".to_owned());
    };
    let codes: Vec<Code> =
        format.layout().iter().filter(|slot| slot.value.is_some()).map(|slot| slot.code).collect();
    let mut values: Vec<Datum> = codes.into_iter().map(|code| dice.value(code)).collect();
    if dice.below(100) == 0 {
        values.push(Datum::Int(0));
    }
    let bytes: Vec<u8> =
        (0..format.size() + usize::from(dice.below(100) == 0)).map(|_| dice.next() as u8).collect();
    let packed = format.pack(&values).map_or_else(|_| "!".to_owned(), |bytes| hex(&bytes));
    let back = format
        .unpack(&bytes)
        .map_or_else(|_| "!".to_owned(), |back| back.iter().map(shown).collect::<Vec<_>>().join(" "));
    // Python is told a quiet NaN, so that both sides start from the same one.
    let told: Vec<_> = values.iter().map(|value| shown(value).replace("fnan", "f7ff8000000000000")).collect();
    (format!("{text}\t{}\t{}", told.join(" "), hex(&bytes)), format!("{}\t{packed}\t{back}", format.size()))
}

#[test]
fn packs_and_unpacks_as_python_does() {
    let mut dice = Dice(0x7065_6163_6500_2026);
    let cases: Vec<_> = (0..CASES).map(|_| case(&mut dice)).collect();
    let started =
        Command::new("python3").args(["-c", ORACLE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut python) = started else {
        println!("skipped: python3 is not here");
        return;
    };
    let mut stdin = python.stdin.take().unwrap();
    let input: String = cases.iter().map(|(line, _)| format!("{line}\n")).collect();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert_eq!(printed.lines().count(), CASES);
    for (index, ((line, ours), theirs)) in cases.iter().zip(printed.lines()).enumerate() {
        // A NaN that is packed may differ in its payload; compare those only by length.
        if line.contains("7ff8") && ours.len() == theirs.len() {
            continue;
        }
        assert_eq!(ours, theirs, "case {index}: {line}");
    }
}

#[test]
fn errors_say_where_and_what() {
    let error = Format::parse("<hz").unwrap_err();
    assert_eq!((error.at, error.kind), (2, FormatErrorKind::BadCode('z')));
    assert_eq!(error.to_string(), "no code `z` at character 2");
    assert_eq!(Format::parse("!N").unwrap_err().kind, FormatErrorKind::NativeOnly('N'));
    assert_eq!(Format::parse("h12").unwrap_err().kind, FormatErrorKind::CountWithoutCode);
    assert_eq!(Format::parse("99999999999999999999s").unwrap_err().kind, FormatErrorKind::TooLarge);
    let format = Format::parse("!BH").unwrap();
    assert_eq!(format.pack(&[Datum::Int(1)]).unwrap_err(), PackError::Count { wanted: 2, given: 1 });
    let error = format.pack(&[Datum::Int(256), Datum::Int(0)]).unwrap_err();
    assert_eq!(error.to_string(), "value 0 is 256, but `B` holds 0 to 255");
    assert_eq!(format.unpack(b"ab").unwrap_err().to_string(), "the format takes 3 bytes, not 2");
}

#[test]
fn the_layout_shows_alignment() {
    let slots = Format::parse("@bi3s").unwrap().layout();
    let drawn: Vec<_> =
        slots.iter().map(|slot| (slot.offset, slot.len, slot.code.letter(), slot.value)).collect();
    assert_eq!(drawn, [(0, 1, 'b', Some(0)), (1, 3, 'x', None), (4, 4, 'i', Some(1)), (8, 3, 's', Some(2))]);
}

#[test]
fn literals_are_pythons() {
    for (text, value) in [
        ("7", Datum::Int(7)),
        ("-0x1f", Datum::Int(-31)),
        ("1_000", Datum::Int(1000)),
        ("1.5", Datum::Float(1.5)),
        ("True", Datum::Bool(true)),
        (r"b'a\x00'", Datum::Bytes(vec![b'a', 0])),
        ("'it\\'s'", Datum::Bytes(b"it's".to_vec())),
        ("hello", Datum::Bytes(b"hello".to_vec())),
    ] {
        assert_eq!(Datum::parse(text), Ok(value), "{text}");
    }
    assert_eq!(Datum::parse("b'a"), Err(LiteralError::OpenQuote("b'a".to_owned())));
    assert_eq!(Datum::parse_for(Code::Bytes, "123"), Ok(Datum::Bytes(b"123".to_vec())));
    assert!(matches!(Datum::parse_for(Code::Int('H'), "x"), Err(LiteralError::NotANumber(_))));
}
