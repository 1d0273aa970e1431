//! Sentences with placeholders: `{port}`, `{port:은/는}`, `{port|은/는}`, `{{` and `}}`.

use crate::particle::{Pair, particle};

/// Why a sentence is not a template, or cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A `{` has no `}`.
    #[error("`{{` at byte {0} is never closed")]
    Unclosed(usize),
    /// A `}` has no `{`.
    #[error("`}}` at byte {0} was never opened; write `}}}}`")]
    Unopened(usize),
    /// A name is not `a-z`, `0-9` and `_`.
    #[error("`{0}` is no name of a placeholder")]
    BadName(String),
    /// What follows `:` or `|` is no pair of particles.
    #[error("`{0}` is no pair of particles; the form after a consonant comes first, as in `은/는`")]
    BadParticle(String),
    /// A value is missing.
    #[error("no value for `{{{0}}}`")]
    Missing(String),
}

/// A part of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    /// Words that stand as they are.
    Words(&'t str),
    /// A value, and the particle after it if there is one.
    Value(&'t str, Option<Pair>),
    /// The particle that fits a value, without the value.
    Particle(&'t str, Pair),
}

/// Cuts a sentence into its pieces.
pub(crate) fn parse(sentence: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(found) = sentence[at..].find(['{', '}']) {
        let brace = at + found;
        let rest = &sentence[brace..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            pieces.push(Piece::Words(&sentence[at..=brace]));
            at = brace + 2;
            continue;
        }
        if rest.starts_with('}') {
            return Err(TemplateError::Unopened(brace));
        }
        let end = rest.find('}').ok_or(TemplateError::Unclosed(brace))?;
        if found > 0 {
            pieces.push(Piece::Words(&sentence[at..brace]));
        }
        pieces.push(placeholder(&rest[1..end])?);
        at = brace + end + 1;
    }
    if at < sentence.len() {
        pieces.push(Piece::Words(&sentence[at..]));
    }
    Ok(pieces)
}

fn placeholder(written: &str) -> Result<Piece<'_>, TemplateError> {
    if let Some((name, pair)) = written.split_once(':') {
        return Ok(Piece::Value(named(name)?, Some(paired(pair)?)));
    }
    if let Some((name, pair)) = written.split_once('|') {
        return Ok(Piece::Particle(named(name)?, paired(pair)?));
    }
    Ok(Piece::Value(named(written)?, None))
}

fn named(name: &str) -> Result<&str, TemplateError> {
    let is_name =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if is_name { Ok(name) } else { Err(TemplateError::BadName(name.to_owned())) }
}

fn paired(pair: &str) -> Result<Pair, TemplateError> {
    Pair::parse(pair).ok_or_else(|| TemplateError::BadParticle(pair.to_owned()))
}

/// Fills a sentence; values that it does not ask for are ignored.
pub(crate) fn fill(sentence: &str, params: &[(&str, &str)]) -> Result<String, TemplateError> {
    let value = |name: &str| {
        let found = params.iter().find(|(param, _)| *param == name).map(|(_, value)| *value);
        found.ok_or_else(|| TemplateError::Missing(name.to_owned()))
    };
    let mut out = String::with_capacity(sentence.len());
    for piece in parse(sentence)? {
        match piece {
            Piece::Words(words) => out.push_str(words),
            Piece::Value(name, None) => out.push_str(value(name)?),
            Piece::Value(name, Some(pair)) => {
                out.push_str(value(name)?);
                out.push_str(&particle(value(name)?, pair));
            }
            Piece::Particle(name, pair) => out.push_str(&particle(value(name)?, pair)),
        }
    }
    Ok(out)
}

/// The names a sentence asks for, in order of the alphabet, each once.
pub(crate) fn names(sentence: &str) -> Result<Vec<&str>, TemplateError> {
    let mut names: Vec<&str> = parse(sentence)?
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Words(_) => None,
            Piece::Value(name, _) | Piece::Particle(name, _) => Some(name),
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_particles_are_put_in() {
        let params = [("n", "#13"), ("call", "recv()"), ("unused", "x")];
        let filled = |sentence| fill(sentence, &params).unwrap();
        assert_eq!(filled("{n:이/가} 사라졌습니다"), "#13이 사라졌습니다");
        assert_eq!(filled("`{call}`{call|은/는} 기다립니다"), "`recv()`는 기다립니다");
        assert_eq!(filled("packet {n} was lost"), "packet #13 was lost");
        assert_eq!(filled("no placeholder"), "no placeholder");
        assert_eq!(filled(""), "");
    }

    #[test]
    fn double_braces_are_braces() {
        assert_eq!(fill("f\"{{n}}\" {n}", &[("n", "1")]).unwrap(), "f\"{n}\" 1");
        assert_eq!(names("{{n}}").unwrap(), Vec::<&str>::new());
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(fill("a {b", &[]), Err(TemplateError::Unclosed(2)));
        assert_eq!(fill("a } b", &[]), Err(TemplateError::Unopened(2)));
        assert_eq!(fill("{A}", &[]), Err(TemplateError::BadName("A".into())));
        assert_eq!(fill("{}", &[]), Err(TemplateError::BadName(String::new())));
        assert_eq!(fill("{n:는/은}", &[("n", "1")]), Err(TemplateError::BadParticle("는/은".into())));
        assert_eq!(fill("{n}", &[]), Err(TemplateError::Missing("n".into())));
    }

    #[test]
    fn names_come_once() {
        assert_eq!(names("{b} {a:을/를} {b|이/가}").unwrap(), ["a", "b"]);
    }
}
