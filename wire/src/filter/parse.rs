//! From tokens to a tree: `or` binds least, then `xor`, `and`, `not`, the comparisons, `&`.

use regex::bytes::RegexBuilder;

use super::lexer::{Placed, Token, tokens};
use super::literal::{Literal, Spelling};
use super::{Cut, FilterError, FilterErrorKind, Function, Member, Node, Op, Operand, Reach};
use crate::tables::Tables;
use crate::{Value, value};

pub(super) fn parse(text: &str, tables: &Tables) -> Result<Node, FilterError> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, end: text.chars().count(), tables };
    if parser.tokens.is_empty() {
        return Ok(Node::True);
    }
    let node = parser.either()?;
    match parser.tokens.get(parser.at) {
        Some(_) => Err(parser.unexpected()),
        None => Ok(node),
    }
}

struct Parser<'t> {
    tables: &'t Tables,
    tokens: Vec<Placed>,
    at: usize,
    /// The characters of the text, where a missing token would stand.
    end: usize,
}

/// An operand whose literals are not read yet: their type comes from the other side.
enum Side {
    Known(Operand),
    Spelled(Spelling),
}

impl Parser<'_> {
    fn either(&mut self) -> Result<Node, FilterError> {
        let mut left = self.differing()?;
        while self.take(&["||", "or"]) {
            left = Node::Or(Box::new(left), Box::new(self.differing()?));
        }
        Ok(left)
    }

    fn differing(&mut self) -> Result<Node, FilterError> {
        let mut left = self.both()?;
        while self.take(&["^^", "xor"]) {
            left = Node::Xor(Box::new(left), Box::new(self.both()?));
        }
        Ok(left)
    }

    fn both(&mut self) -> Result<Node, FilterError> {
        let mut left = self.unary()?;
        while self.take(&["&&", "and"]) {
            left = Node::And(Box::new(left), Box::new(self.unary()?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Node, FilterError> {
        if self.take(&["!", "not"]) {
            return Ok(Node::Not(Box::new(self.unary()?)));
        }
        if self.take(&["("]) {
            let inner = self.either()?;
            return if self.take(&[")"]) { Ok(inner) } else { Err(self.unexpected()) };
        }
        self.test()
    }

    fn test(&mut self) -> Result<Node, FilterError> {
        let said =
            if self.take(&["any"]) { Some(Reach::Any) } else { self.take(&["all"]).then_some(Reach::All) };
        let start = self.place();
        let left = self.operand()?;
        let reach = said.unwrap_or(Reach::Any);
        if self.take(&["in"]) {
            let left = known(left, start)?;
            let set = self.set(&left)?;
            return Ok(Node::In { left, reach, set });
        }
        if self.take(&["contains"]) {
            let left = known(left, start)?;
            let at = self.place();
            let right = contained(self.operand()?, at)?;
            return Ok(Node::Contains { left, reach, right });
        }
        if self.take(&["matches", "~"]) {
            return Ok(Node::Matches { left: known(left, start)?, reach, pattern: self.pattern()? });
        }
        match self.comparison() {
            Some((op, usual)) => self.compared(left, start, op, said.unwrap_or(usual)),
            None => Ok(Node::Exists(known(left, start)?)),
        }
    }

    /// A comparison, and the ones chained to it: `1 < tcp.port < 9`.
    fn compared(&mut self, left: Side, start: usize, op: Op, reach: Reach) -> Result<Node, FilterError> {
        let at = self.place();
        let right = self.operand()?;
        let (left, right) = match (left, right) {
            (Side::Known(left), Side::Known(right)) => (left, right),
            (Side::Known(left), Side::Spelled(right)) => {
                let right = read(&left, &right, at)?;
                (left, Operand::Literal(right))
            }
            (Side::Spelled(left), Side::Known(right)) => {
                let left = read(&right, &left, start)?;
                (Operand::Literal(left), right)
            }
            (Side::Spelled(_), Side::Spelled(_)) => {
                return Err(FilterError { at: start, kind: FilterErrorKind::NoField });
            }
        };
        let next = self.comparison();
        let node = Node::Compare { left, op, reach, right: right.clone() };
        let Some((op, usual)) = next else { return Ok(node) };
        let rest = self.compared(Side::Known(right), at, op, usual)?;
        Ok(Node::And(Box::new(node), Box::new(rest)))
    }

    fn comparison(&mut self) -> Option<(Op, Reach)> {
        const SIGNS: &[(&[&str], Op, Reach)] = &[
            (&["==", "eq", "any_eq"], Op::Eq, Reach::Any),
            (&["===", "all_eq"], Op::Eq, Reach::All),
            (&["!=", "ne", "all_ne"], Op::Ne, Reach::All),
            (&["!==", "~=", "any_ne"], Op::Ne, Reach::Any),
            (&[">=", "ge"], Op::Ge, Reach::Any),
            (&["<=", "le"], Op::Le, Reach::Any),
            (&[">", "gt"], Op::Gt, Reach::Any),
            (&["<", "lt"], Op::Lt, Reach::Any),
        ];
        SIGNS.iter().find(|(names, ..)| self.take(names)).map(|(_, op, reach)| (*op, *reach))
    }

    fn operand(&mut self) -> Result<Side, FilterError> {
        let start = self.place();
        let side = match self.next()? {
            Token::Text(bytes) => Side::Spelled(Spelling::Text(bytes)),
            Token::Word(word) => self.named(word, start)?,
            _ => {
                self.at -= 1;
                return Err(self.unexpected());
            }
        };
        let Side::Known(mut operand) = side else { return Ok(side) };
        if let Some((at, Token::Slice(text))) = self.tokens.get(self.at).cloned() {
            self.at += 1;
            operand = Operand::Slice(Box::new(operand), cuts(&text, at)?);
        }
        if self.take(&["&"]) {
            let at = self.place();
            let token = self.next()?;
            let mask = match &token {
                Token::Word(word) => value::number(word),
                _ => None,
            };
            let unexpected = FilterErrorKind::BadValue { field: "&", value: format!("{token:?}") };
            operand = Operand::And(Box::new(operand), mask.ok_or(FilterError { at, kind: unexpected })?);
        }
        Ok(Side::Known(operand))
    }

    /// A function, a field, a protocol, or the spelling of a value.
    fn named(&mut self, word: String, at: usize) -> Result<Side, FilterError> {
        const FUNCTIONS: &[(&str, Function)] = &[
            ("len", Function::Len),
            ("count", Function::Count),
            ("lower", Function::Lower),
            ("upper", Function::Upper),
            ("string", Function::Text),
        ];
        if let Some((_, function)) = FUNCTIONS.iter().find(|(name, _)| *name == word)
            && self.take(&["("])
        {
            let inner_at = self.place();
            let inner = known(self.operand()?, inner_at)?;
            let call = Operand::Call(*function, Box::new(inner));
            return if self.take(&[")"]) { Ok(Side::Known(call)) } else { Err(self.unexpected()) };
        }
        let rows = self.tables.rows_of(&word);
        if !rows.is_empty() {
            return Ok(Side::Known(Operand::Field(rows)));
        }
        if let Some(protocol) = self.tables.protocol(&word) {
            return Ok(Side::Known(Operand::Protocol(protocol)));
        }
        if looks_like_name(&word) {
            let nearest = self.tables.nearest(&word);
            return Err(FilterError { at, kind: FilterErrorKind::UnknownField { name: word, nearest } });
        }
        Ok(Side::Spelled(Spelling::Word(word)))
    }

    fn set(&mut self, left: &Operand) -> Result<Vec<Member>, FilterError> {
        if !self.take(&["{"]) {
            return Err(self.unexpected());
        }
        let mut set = Vec::new();
        while !self.take(&["}"]) {
            let first = self.member(left)?;
            if self.take(&[".."]) {
                set.push(Member::Range(first, self.member(left)?));
            } else {
                set.push(Member::One(first));
            }
            self.take(&[","]);
        }
        Ok(set)
    }

    fn member(&mut self, left: &Operand) -> Result<Literal, FilterError> {
        let at = self.place();
        let spelling = match self.next()? {
            Token::Word(word) => Spelling::Word(word),
            Token::Text(bytes) => Spelling::Text(bytes),
            _ => {
                self.at -= 1;
                return Err(self.unexpected());
            }
        };
        read(left, &spelling, at)
    }

    fn pattern(&mut self) -> Result<regex::bytes::Regex, FilterError> {
        let at = self.place();
        let text = match self.next()? {
            Token::Text(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Token::Word(word) => word,
            _ => {
                self.at -= 1;
                return Err(self.unexpected());
            }
        };
        let built = RegexBuilder::new(&text).case_insensitive(true).unicode(false).build();
        built.map_err(|_| FilterError { at, kind: FilterErrorKind::BadPattern(text) })
    }

    /// Takes the next token when it is one of these.
    fn take(&mut self, names: &[&str]) -> bool {
        let found = match self.tokens.get(self.at) {
            Some((_, Token::Sign(sign))) => names.contains(sign),
            Some((_, Token::Word(word))) => names.contains(&word.as_str()),
            _ => false,
        };
        self.at += usize::from(found);
        found
    }

    fn next(&mut self) -> Result<Token, FilterError> {
        let token = self.tokens.get(self.at).map(|(_, token)| token.clone());
        self.at += 1;
        token.ok_or(FilterError { at: self.end, kind: FilterErrorKind::UnexpectedEnd })
    }

    fn place(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |(at, _)| *at)
    }

    fn unexpected(&self) -> FilterError {
        let kind = match self.tokens.get(self.at) {
            None => FilterErrorKind::UnexpectedEnd,
            Some((_, Token::Sign(sign))) => FilterErrorKind::Unexpected { found: (*sign).to_owned() },
            Some((_, Token::Word(word))) => FilterErrorKind::Unexpected { found: word.clone() },
            Some((_, Token::Text(text))) => {
                FilterErrorKind::Unexpected { found: String::from_utf8_lossy(text).into_owned() }
            }
            Some((_, Token::Slice(slice))) => FilterErrorKind::Unexpected { found: format!("[{slice}]") },
        };
        FilterError { at: self.place(), kind }
    }
}

fn known(side: Side, at: usize) -> Result<Operand, FilterError> {
    match side {
        Side::Known(operand) => Ok(operand),
        Side::Spelled(spelling) => {
            let name = spelling.shown();
            let nearest = Tables::built_in().nearest(&name);
            Err(FilterError { at, kind: FilterErrorKind::UnknownField { name, nearest } })
        }
    }
}

/// What `contains` looks for: text or bytes, whatever the field.
fn contained(side: Side, at: usize) -> Result<Operand, FilterError> {
    match side {
        Side::Known(operand) => Ok(operand),
        Side::Spelled(Spelling::Text(bytes)) => Ok(Operand::Literal(Literal::Value(Value::from(bytes)))),
        Side::Spelled(spelling) => {
            let kind = FilterErrorKind::BadValue { field: "contains", value: spelling.shown() };
            spelling.for_bytes().map(Operand::Literal).ok_or(FilterError { at, kind })
        }
    }
}

/// Reads a literal by what it is compared with.
fn read(other: &Operand, spelling: &Spelling, at: usize) -> Result<Literal, FilterError> {
    let (field, literal) = match other {
        Operand::Field(rows) => (rows[0].id, rows.iter().find_map(|row| spelling.for_field(row))),
        Operand::Protocol(protocol) => (protocol.name, spelling.for_bytes()),
        Operand::Slice(..) => ("slice", spelling.for_bytes()),
        Operand::And(inner, _) if matches!(**inner, Operand::Slice(..)) => ("&", spelling.for_bytes()),
        Operand::And(..) => ("&", spelling.for_number()),
        Operand::Call(Function::Len | Function::Count, _) => ("len", spelling.for_number()),
        Operand::Call(..) => ("string", Some(spelling.for_text())),
        Operand::Literal(_) => ("value", spelling.for_number()),
    };
    literal
        .ok_or_else(|| FilterError { at, kind: FilterErrorKind::BadValue { field, value: spelling.shown() } })
}

/// Names start with a letter and hold no colon; addresses and numbers do not.
fn looks_like_name(word: &str) -> bool {
    let is_value = matches!(word, "true" | "True" | "TRUE" | "false" | "False" | "FALSE");
    let hex_only = word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-' || byte == b'.');
    word.starts_with(|first: char| first.is_ascii_alphabetic())
        && !word.contains(':')
        && !hex_only
        && !is_value
}

/// The cuts of a slice: `n`, `from:len`, `from-to`, `:to`, `from:`, several with commas.
fn cuts(text: &str, at: usize) -> Result<Vec<Cut>, FilterError> {
    let bad = || FilterError { at, kind: FilterErrorKind::BadSlice(text.to_owned()) };
    text.split(',').map(|part| cut(part.trim()).ok_or_else(bad)).collect()
}

fn cut(text: &str) -> Option<Cut> {
    if let Some((from, len)) = text.split_once(':') {
        let start = if from.is_empty() { 0 } else { from.trim().parse().ok()? };
        let len = if len.is_empty() { None } else { Some(len.trim().parse().ok()?) };
        return Some(Cut { from: start, len, to: None });
    }
    if let Ok(one) = text.parse() {
        return Some(Cut { from: one, len: Some(1), to: None });
    }
    // The minus between two numbers, not the sign of the first.
    let dash = text.char_indices().skip(1).find(|(_, letter)| *letter == '-')?.0;
    let (from, to) = (text[..dash].trim().parse().ok()?, text[dash + 1..].trim().parse().ok()?);
    Some(Cut { from, len: None, to: Some(to) })
}
