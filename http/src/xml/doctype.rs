//! The document type declaration (§2.8): its form is checked, internal entities are kept, nothing is fetched.

use super::chars::{is_char, is_public_id};
use super::fault::{Kind, Wrong};
use super::read::{Reader, wrong};

type Read<T> = Result<T, Wrong>;

impl<'a> Reader<'a> {
    pub(super) fn doctype(&mut self) -> Read<()> {
        self.at += 9;
        self.need_space()?;
        self.name()?;
        if self.space() && (self.rest().starts_with("SYSTEM") || self.rest().starts_with("PUBLIC")) {
            self.external_id(true)?;
            self.space();
        }
        if self.eat("[") {
            self.subset()?;
            self.space();
        }
        self.expect(">", Kind::DoctypeForm)
    }

    fn need_space(&mut self) -> Read<()> {
        if self.space() { Ok(()) } else { wrong(Kind::DoctypeForm, self.at) }
    }

    /// `SYSTEM "…"` or `PUBLIC "…" "…"`; of a notation the second may be missing.
    fn external_id(&mut self, needs_system: bool) -> Read<()> {
        if self.eat("PUBLIC") {
            self.need_space()?;
            let at = self.at + 1;
            let public = self.quoted()?;
            if let Some(fault) = public.find(|letter| !is_public_id(letter)) {
                return wrong(Kind::DoctypeForm, at + fault);
            }
            let has_space = self.space();
            let is_quoted = self.rest().starts_with(['"', '\'']);
            if !needs_system && !is_quoted {
                return Ok(());
            }
            if !has_space {
                return wrong(Kind::DoctypeForm, self.at);
            }
        } else {
            self.expect("SYSTEM", Kind::DoctypeForm)?;
            self.need_space()?;
        }
        self.quoted().map(drop)
    }

    fn quoted(&mut self) -> Read<&'a str> {
        if self.eat("\"") {
            self.until("\"")
        } else if self.eat("'") {
            self.until("'")
        } else {
            wrong(Kind::DoctypeForm, self.at)
        }
    }

    /// What stands in brackets.
    fn subset(&mut self) -> Read<()> {
        loop {
            self.space();
            let rest = self.rest();
            if self.eat("]") {
                return Ok(());
            } else if rest.starts_with('%') {
                return wrong(Kind::EntityParameter, self.at);
            } else if rest.starts_with("<!--") {
                self.skip_comment()?;
            } else if rest.starts_with("<?") {
                self.instruction()?;
            } else if rest.starts_with("<!ENTITY") {
                self.entity_declaration()?;
            } else if rest.starts_with("<!NOTATION") {
                self.at += 10;
                self.need_space()?;
                self.name()?;
                self.need_space()?;
                self.external_id(false)?;
                self.space();
                self.expect(">", Kind::DoctypeForm)?;
            } else if rest.starts_with("<!ELEMENT") || rest.starts_with("<!ATTLIST") {
                self.at += 9;
                self.need_space()?;
                self.name()?;
                self.declaration_rest()?;
            } else {
                return wrong(if rest.is_empty() { Kind::Ended } else { Kind::DoctypeForm }, self.at);
            }
        }
    }

    /// To the `>` outside quotes: what elements and attributes may hold matters to validity, not to being well-formed.
    fn declaration_rest(&mut self) -> Read<()> {
        loop {
            let rest = self.rest();
            let Some(len) = rest.find(['>', '"', '\'', '<', '%']) else {
                return wrong(Kind::Ended, self.text.len());
            };
            self.at += len;
            match rest.as_bytes()[len] {
                b'>' => {
                    self.at += 1;
                    return Ok(());
                }
                b'<' => return wrong(Kind::DoctypeForm, self.at),
                b'%' => return wrong(Kind::EntityParameter, self.at),
                _ => {
                    let at = self.at + 1;
                    if let Some(less) = self.quoted()?.find('<') {
                        return wrong(Kind::AttributeLess, at + less);
                    }
                }
            }
        }
    }

    /// §4.2: the first declaration of a name counts.
    fn entity_declaration(&mut self) -> Read<()> {
        self.at += 8;
        self.need_space()?;
        let is_parameter = self.eat("%");
        if is_parameter {
            self.need_space()?;
        }
        let name = self.name()?.to_owned();
        self.need_space()?;
        if self.rest().starts_with(['"', '\'']) {
            let at = self.at + 1;
            let value = self.quoted()?;
            let text = replacement(value, at)?;
            if !is_parameter && !self.shared.external.contains(&name) {
                self.shared.entities.entry(name).or_insert(text);
            }
        } else {
            self.external_id(true)?;
            if self.space() && !is_parameter && self.eat("NDATA") {
                self.need_space()?;
                self.name()?;
            }
            if !is_parameter && !self.shared.entities.contains_key(&name) {
                self.shared.external.insert(name);
            }
        }
        self.space();
        self.expect(">", Kind::DoctypeForm)
    }
}

/// What an entity stands for: character references are resolved now, entity references when it is used (§4.5).
fn replacement(value: &str, at: usize) -> Read<String> {
    let mut text = String::new();
    let mut rest = value;
    while let Some(len) = rest.find(['&', '%']) {
        text.push_str(&rest[..len]);
        let here = at + value.len() - rest.len() + len;
        if rest[len..].starts_with('%') {
            return wrong(Kind::EntityParameter, here);
        }
        let Some(end) = rest[len..].find(';') else { return wrong(Kind::ReferenceForm, here) };
        let reference = &rest[len + 1..len + end];
        match reference.strip_prefix('#') {
            Some(number) => {
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16),
                    None => number.parse(),
                };
                let letter = code.ok().and_then(char::from_u32).filter(|letter| is_char(*letter));
                text.push(letter.ok_or_else(|| (Kind::ReferenceChar, here, reference.to_owned()))?);
            }
            None => {
                let mut letters = reference.chars();
                let is_name = letters.next().is_some_and(super::chars::is_name_start)
                    && letters.all(super::chars::is_name);
                if !is_name {
                    return wrong(Kind::ReferenceForm, here);
                }
                text.push_str(&rest[len..=len + end]);
            }
        }
        rest = &rest[len + end + 1..];
    }
    text.push_str(rest);
    Ok(text)
}
