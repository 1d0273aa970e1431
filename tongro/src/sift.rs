//! Display filters as commands take them: compiled, or told with the place of the mistake.

use tongro_trace::reading::Need;
use tongro_wire::Tables;
use tongro_wire::filter::{Filter, FilterError, FilterErrorKind};

use crate::talk::{Talk, Tone};

/// Compiles a filter.
///
/// # Errors
/// The exit code, once the mistake was told.
pub(crate) fn filter(text: &str, tables: &Tables, talk: &mut Talk) -> Result<Filter, u8> {
    Filter::parse_with(text, tables).map_err(|error| {
        tell(text, &error, talk);
        2
    })
}

/// What an optional filter asks of a reading.
pub(crate) fn need(filter: Option<&Filter>, tables: &Tables) -> Need {
    filter.map_or_else(Need::headers, |filter| Need::of_filter(filter, tables))
}

fn tell(text: &str, error: &FilterError, talk: &mut Talk) {
    let (what, hint) = said(&error.kind, talk);
    let len = marked_len(&error.kind);
    let mark = format!("  {}{}", " ".repeat(error.at), "^".repeat(len.max(1)));
    let what = format!("{what}\n\n  {text}\n{}", talk.tone(Tone::Bad, &mark));
    talk.error(&what, Some(&hint));
}

/// What is wrong and what to do about it.
fn said(kind: &FilterErrorKind, talk: &Talk) -> (String, String) {
    let example = || talk.text("reading.filter.example", &[]);
    match kind {
        FilterErrorKind::UnknownField { name, nearest } => {
            let hint = match nearest {
                Some(nearest) => talk.text("reading.filter.nearest", &[("nearest", nearest)]),
                None => talk.text("reading.filter.search", &[("name", name)]),
            };
            (talk.text("reading.filter.unknown", &[("name", name)]), hint)
        }
        FilterErrorKind::Unexpected { found } => {
            (talk.text("reading.filter.unexpected", &[("found", found)]), example())
        }
        FilterErrorKind::UnexpectedEnd => (talk.text("reading.filter.end", &[]), example()),
        FilterErrorKind::OpenString => (talk.text("reading.filter.string", &[]), example()),
        FilterErrorKind::BadValue { field, value } => {
            let hint = talk.text("reading.filter.value_hint", &[("field", field)]);
            (talk.text("reading.filter.value", &[("field", field), ("value", value)]), hint)
        }
        FilterErrorKind::BadPattern(pattern) => {
            (talk.text("reading.filter.pattern", &[("pattern", pattern)]), example())
        }
        FilterErrorKind::BadSlice(slice) => {
            let hint = talk.text("reading.filter.slice_hint", &[]);
            (talk.text("reading.filter.slice", &[("slice", slice)]), hint)
        }
        FilterErrorKind::NoField => (talk.text("reading.filter.compare", &[]), example()),
    }
}

/// How many characters are wrong.
fn marked_len(kind: &FilterErrorKind) -> usize {
    match kind {
        FilterErrorKind::UnknownField { name: text, .. }
        | FilterErrorKind::Unexpected { found: text }
        | FilterErrorKind::BadValue { value: text, .. }
        | FilterErrorKind::BadPattern(text) => text.chars().count(),
        FilterErrorKind::BadSlice(text) => text.chars().count() + 2,
        FilterErrorKind::UnexpectedEnd | FilterErrorKind::OpenString | FilterErrorKind::NoField => 1,
    }
}
