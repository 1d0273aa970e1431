//! From TOML to the description of a protocol, each part with its line.

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::{OwnError, OwnErrorKind};

/// A protocol as the file describes it.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) name: Lined<String>,
    pub(super) title: Option<String>,
    pub(super) reference: Option<String>,
    pub(super) tcp: Vec<u16>,
    pub(super) udp: Vec<u16>,
    pub(super) magic: Option<(usize, Vec<u8>)>,
    pub(super) is_little: bool,
    pub(super) fields: Vec<Row>,
}

/// Something and the line it stands in.
#[derive(Debug, Default, Clone)]
pub(super) struct Lined<T> {
    pub(super) line: usize,
    pub(super) value: T,
}

/// A field as the file describes it.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) line: usize,
    pub(super) name: Lined<String>,
    pub(super) title: Option<String>,
    pub(super) ty: Lined<String>,
    pub(super) is_little: Option<bool>,
    pub(super) length: Option<Lined<Length>>,
    pub(super) covers: Option<Lined<String>>,
    pub(super) values: Vec<(u64, String)>,
    pub(super) when: Option<(Lined<String>, bool, Vec<u64>)>,
    pub(super) default: u64,
    pub(super) is_hex: bool,
}

/// How long a field is.
#[derive(Debug, Clone)]
pub(super) enum Length {
    Bytes(u16),
    By(String),
}

type Value<'t> = Spanned<DeValue<'t>>;

/// Reads the text; lines count from 1.
pub(super) fn parse(text: &str) -> Result<File, OwnError> {
    let reader = Reader { text };
    let document = DeTable::parse(text).map_err(|error| {
        let line = reader.line(error.span().map_or(0, |span| span.start));
        OwnError { line, kind: OwnErrorKind::Toml(error.message().to_owned()) }
    })?;
    let mut file = File::default();
    for (key, value) in document.get_ref() {
        match key.get_ref().as_ref() {
            "protocol" => reader.protocol(value, &mut file)?,
            "field" => {
                let DeValue::Array(rows) = value.get_ref() else {
                    return Err(reader.wanted(value, "field", "[[field]] tables"));
                };
                for row in rows.iter() {
                    file.fields.push(reader.row(row)?);
                }
            }
            other => return Err(reader.unknown(key.span().start, other, "[protocol], [[field]]")),
        }
    }
    if file.name.value.is_empty() {
        return Err(OwnError { line: 1, kind: OwnErrorKind::Missing("[protocol] name") });
    }
    if file.fields.is_empty() {
        return Err(OwnError { line: file.name.line, kind: OwnErrorKind::Missing("[[field]]") });
    }
    Ok(file)
}

struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn line(&self, at: usize) -> usize {
        1 + self.text.bytes().take(at).filter(|byte| *byte == b'\n').count()
    }

    fn at(&self, value: &Value<'_>) -> usize {
        self.line(value.span().start)
    }

    fn wanted(&self, value: &Value<'_>, key: &str, wanted: &'static str) -> OwnError {
        OwnError { line: self.at(value), kind: OwnErrorKind::Wanted { key: key.to_owned(), wanted } }
    }

    fn unknown(&self, at: usize, key: &str, known: &str) -> OwnError {
        let kind = OwnErrorKind::UnknownKey { key: key.to_owned(), known: known.to_owned() };
        OwnError { line: self.line(at), kind }
    }

    fn table<'v, 't>(&self, value: &'v Value<'t>, key: &str) -> Result<&'v DeTable<'t>, OwnError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.wanted(value, key, "a table")),
        }
    }

    fn protocol(&self, value: &Value<'_>, file: &mut File) -> Result<(), OwnError> {
        for (key, value) in self.table(value, "protocol")? {
            match key.get_ref().as_ref() {
                "name" => file.name = self.word(value, "name")?,
                "title" => file.title = Some(self.string(value, "title")?),
                "reference" => file.reference = Some(self.string(value, "reference")?),
                "tcp" => file.tcp = self.ports(value, "tcp")?,
                "udp" => file.udp = self.ports(value, "udp")?,
                "magic" => file.magic = Some(self.magic(value)?),
                "byte_order" => file.is_little = self.is_little(value)?,
                other => {
                    let known = "name, title, reference, tcp, udp, magic, byte_order";
                    return Err(self.unknown(key.span().start, other, known));
                }
            }
        }
        Ok(())
    }

    fn row(&self, value: &Value<'_>) -> Result<Row, OwnError> {
        let mut row = Row { line: self.at(value), ..Row::default() };
        for (key, value) in self.table(value, "field")? {
            match key.get_ref().as_ref() {
                "name" => row.name = self.word(value, "name")?,
                "title" => row.title = Some(self.string(value, "title")?),
                "type" => row.ty = self.word(value, "type")?,
                "byte_order" => row.is_little = Some(self.is_little(value)?),
                "length" => row.length = Some(self.length(value)?),
                "covers" => row.covers = Some(self.word(value, "covers")?),
                "values" => row.values = self.values(value)?,
                "when" => row.when = Some(self.when(value)?),
                "default" => row.default = self.number(value, "default")?,
                "display" => row.is_hex = self.is_hex(value)?,
                other => {
                    let known =
                        "name, title, type, byte_order, length, covers, values, when, default, display";
                    return Err(self.unknown(key.span().start, other, known));
                }
            }
        }
        for (is_missing, key) in [(row.name.value.is_empty(), "name"), (row.ty.value.is_empty(), "type")] {
            if is_missing {
                return Err(OwnError { line: row.line, kind: OwnErrorKind::Missing(key) });
            }
        }
        Ok(row)
    }

    fn string(&self, value: &Value<'_>, key: &str) -> Result<String, OwnError> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Err(self.wanted(value, key, "text in quotes")),
        }
    }

    fn word(&self, value: &Value<'_>, key: &str) -> Result<Lined<String>, OwnError> {
        Ok(Lined { line: self.at(value), value: self.string(value, key)? })
    }

    fn number(&self, value: &Value<'_>, key: &str) -> Result<u64, OwnError> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        number.ok_or_else(|| self.wanted(value, key, "a number that is not negative"))
    }

    fn ports(&self, value: &Value<'_>, key: &str) -> Result<Vec<u16>, OwnError> {
        let wrong = || self.wanted(value, key, "port numbers: [9000]");
        let DeValue::Array(ports) = value.get_ref() else { return Err(wrong()) };
        let port = |port: &Value<'_>| u16::try_from(self.number(port, key)?).map_err(|_| wrong());
        ports.iter().map(port).collect()
    }

    fn numbers(&self, value: &Value<'_>, key: &str) -> Result<Vec<u64>, OwnError> {
        let DeValue::Array(numbers) = value.get_ref() else {
            return Err(self.wanted(value, key, "numbers: [1, 2]"));
        };
        numbers.iter().map(|number| self.number(number, key)).collect()
    }

    fn is_little(&self, value: &Value<'_>) -> Result<bool, OwnError> {
        match self.string(value, "byte_order")?.as_str() {
            "big" => Ok(false),
            "little" => Ok(true),
            _ => Err(self.wanted(value, "byte_order", "\"big\" or \"little\"")),
        }
    }

    fn is_hex(&self, value: &Value<'_>) -> Result<bool, OwnError> {
        match self.string(value, "display")?.as_str() {
            "hex" => Ok(true),
            "dec" => Ok(false),
            _ => Err(self.wanted(value, "display", "\"hex\" or \"dec\"")),
        }
    }

    fn length(&self, value: &Value<'_>) -> Result<Lined<Length>, OwnError> {
        let line = self.at(value);
        if let DeValue::String(name) = value.get_ref() {
            return Ok(Lined { line, value: Length::By(name.to_string()) });
        }
        let wrong = || self.wanted(value, "length", "a number of bytes (1 … 4096) or the name of a field");
        let bytes = self.number(value, "length").map_err(|_| wrong())?;
        let bytes = u16::try_from(bytes).ok().filter(|bytes| (1..=4096).contains(bytes)).ok_or_else(wrong)?;
        Ok(Lined { line, value: Length::Bytes(bytes) })
    }

    fn values(&self, value: &Value<'_>) -> Result<Vec<(u64, String)>, OwnError> {
        let mut values = Vec::new();
        for (key, name) in self.table(value, "values")? {
            let number = crate::value::number(key.get_ref());
            let number = number
                .ok_or_else(|| self.wanted(name, key.get_ref(), "a number before the =: 1 = \"HELLO\""))?;
            values.push((number, self.string(name, key.get_ref())?));
        }
        values.sort();
        Ok(values)
    }

    fn magic(&self, value: &Value<'_>) -> Result<(usize, Vec<u8>), OwnError> {
        let (mut at, mut bytes) = (0, Vec::new());
        for (key, value) in self.table(value, "magic")? {
            match key.get_ref().as_ref() {
                "at" => at = self.number(value, "at")? as usize,
                "hex" => {
                    let digits: String =
                        self.string(value, "hex")?.chars().filter(|c| !c.is_whitespace()).collect();
                    let pair =
                        |at: usize| digits.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
                    let read: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(pair).collect();
                    bytes = read.ok_or_else(|| self.wanted(value, "hex", "pairs of hex digits"))?;
                }
                "text" => bytes = self.string(value, "text")?.into_bytes(),
                other => return Err(self.unknown(key.span().start, other, "at, hex, text")),
            }
        }
        Ok((at, bytes))
    }

    fn when(&self, value: &Value<'_>) -> Result<(Lined<String>, bool, Vec<u64>), OwnError> {
        let (mut field, mut is, mut numbers) = (None, true, None);
        for (key, value) in self.table(value, "when")? {
            match key.get_ref().as_ref() {
                "field" => field = Some(self.word(value, "field")?),
                "is" => numbers = Some(self.numbers(value, "is")?),
                "not" => (is, numbers) = (false, Some(self.numbers(value, "not")?)),
                other => return Err(self.unknown(key.span().start, other, "field, is, not")),
            }
        }
        match (field, numbers) {
            (Some(field), Some(numbers)) => Ok((field, is, numbers)),
            _ => Err(self.wanted(value, "when", "{ field = \"kind\", is = [1] }")),
        }
    }
}
