//! Finding values: JSON Pointer (`/items/0/title`, RFC 6901) and paths (`.items[].title`).

use super::Value;

/// A query that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{query}` is no query: at {offset}, {expected} is expected")]
pub struct QueryError {
    /// As given.
    pub query: String,
    /// Where it goes wrong.
    pub offset: usize,
    /// What would be right there.
    pub expected: &'static str,
}

#[derive(Debug)]
enum Step {
    Member(String),
    Item(usize),
    /// From the end.
    Last(usize),
    Each,
    /// Of a pointer: member or item, as it fits.
    Either(String),
}

/// Every value that the query finds, in order.
///
/// # Errors
/// The query is neither pointer nor path.
pub fn query<'a>(value: &'a Value, text: &str) -> Result<Vec<&'a Value>, QueryError> {
    let steps = match text {
        "" | "." => Vec::new(),
        pointer if pointer.starts_with('/') => parse_pointer(pointer)?,
        path => parse_path(path)?,
    };
    let mut found = vec![value];
    for step in &steps {
        found = found.into_iter().flat_map(|value| follow(value, step)).collect();
    }
    Ok(found)
}

fn follow<'a>(value: &'a Value, step: &Step) -> Vec<&'a Value> {
    match (value, step) {
        (Value::Object(members), Step::Member(name) | Step::Either(name)) => {
            // Of names that come twice the last counts, as almost every reader has it.
            members.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value).into_iter().collect()
        }
        (Value::Object(members), Step::Each) => members.iter().map(|(_, value)| value).collect(),
        (Value::Array(items), Step::Each) => items.iter().collect(),
        (Value::Array(items), Step::Item(at)) => items.get(*at).into_iter().collect(),
        (Value::Array(items), Step::Last(back)) => {
            items.len().checked_sub(*back).and_then(|at| items.get(at)).into_iter().collect()
        }
        (Value::Array(items), Step::Either(name)) => {
            let is_index =
                name == "0" || (!name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit()));
            name.parse::<usize>().ok().filter(|_| is_index).and_then(|at| items.get(at)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn parse_pointer(text: &str) -> Result<Vec<Step>, QueryError> {
    let mut steps = Vec::new();
    let mut offset = 1;
    for part in text[1..].split('/') {
        for (at, _) in part.match_indices('~') {
            if !matches!(part.as_bytes().get(at + 1), Some(b'0' | b'1')) {
                return Err(wrong(text, offset + at + 1, "`~0` or `~1`"));
            }
        }
        offset += part.len() + 1;
        steps.push(Step::Either(part.replace("~1", "/").replace("~0", "~")));
    }
    Ok(steps)
}

fn parse_path(text: &str) -> Result<Vec<Step>, QueryError> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let offset = text.len() - rest.len();
        if let Some(inside) = rest.strip_prefix('[') {
            let (index, behind) = inside.split_once(']').ok_or_else(|| wrong(text, text.len(), "`]`"))?;
            steps.push(match (index, index.strip_prefix('-')) {
                ("" | "*", _) => Step::Each,
                (_, Some(back)) => Step::Last(back.parse().map_err(|_| wrong(text, offset + 1, "a number"))?),
                (quoted, _) if quoted.len() >= 2 && quoted.starts_with('"') && quoted.ends_with('"') => {
                    Step::Member(quoted[1..quoted.len() - 1].to_owned())
                }
                (index, _) => Step::Item(index.parse().map_err(|_| wrong(text, offset + 1, "a number"))?),
            });
            rest = behind;
            continue;
        }
        let name = match rest.strip_prefix('.') {
            Some(name) => name,
            None if offset == 0 => rest,
            None => return Err(wrong(text, offset, "`.` or `[`")),
        };
        let len = name.find(['.', '[']).unwrap_or(name.len());
        if len > 0 {
            steps.push(Step::Member(name[..len].to_owned()));
        } else if !name.starts_with('[') {
            return Err(wrong(text, text.len() - name.len(), "a name"));
        }
        rest = &name[len..];
    }
    Ok(steps)
}

fn wrong(query: &str, offset: usize, expected: &'static str) -> QueryError {
    QueryError { query: query.to_owned(), offset, expected }
}

#[cfg(test)]
mod tests {
    use super::super::{Options, compact, parse};
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let value = parse(br#"{"a":[{"b":1},{"b":2}],"x/y":{"~":3},"":4}"#, &Options::default()).unwrap();
        query(&value, text).unwrap().into_iter().map(compact).collect()
    }

    #[test]
    fn pointers_and_paths_find_the_same() {
        assert_eq!(found("/a/1/b"), ["2"]);
        assert_eq!(found(".a[1].b"), ["2"]);
        assert_eq!(found("a[].b"), ["1", "2"]);
        assert_eq!(found(".a[-1].b"), ["2"]);
        assert_eq!(found("/x~1y/~0"), ["3"]);
        assert_eq!(found(".[\"x/y\"]"), [r#"{"~":3}"#]);
        assert_eq!(found("/"), ["4"]);
        assert_eq!(found("/a/01"), [""; 0]);
        assert_eq!(found("."), [r#"{"a":[{"b":1},{"b":2}],"x/y":{"~":3},"":4}"#]);
    }

    #[test]
    fn a_bad_query_tells_where() {
        let value = Value::Null;
        for (text, offset) in [("/~2", 2), ("a[", 2), ("a[x]", 2), ("a..b", 2)] {
            assert_eq!(query(&value, text).unwrap_err().offset, offset, "{text}");
        }
    }
}
