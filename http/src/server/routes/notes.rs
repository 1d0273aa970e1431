//! `/api/notes`: a resource as it should be. Validation that names the member at fault, pages with Link, entity tags
//! against lost updates (RFC 9110 §13.1.1), JSON Merge Patch (RFC 7396), problems (RFC 9457).

use http::{Method, StatusCode, header};
use serde_json::{Map, Value, json};

use super::Call;
use super::store::{Changed, Draft, Note};
use crate::json::{Options as JsonOptions, parse as parse_json};
use crate::server::reply::{Outcome, Problem, Reply, With, empty, json_of};

/// Characters of a title at most; one at least.
pub(super) const TITLE_MOST: usize = 200;
/// Characters of a body at most.
pub(super) const BODY_MOST: usize = 10_000;
/// Notes of a page at most, and by default.
pub(super) const PAGE_MOST: i64 = 100;
pub(super) const PAGE: i64 = 20;

pub(super) async fn answer(call: &mut Call, path: &[&str]) -> Outcome {
    match path {
        [] => match call.parts.method {
            Method::GET | Method::HEAD => list(call),
            Method::POST => create(call).await,
            _ => Err(call.only(&[Method::GET, Method::POST]).err().unwrap_or_else(missing)),
        },
        [id] => {
            call.only(&[Method::GET, Method::PUT, Method::PATCH, Method::DELETE])?;
            let is_number = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
            let id = id.parse::<i64>().ok().filter(|_| is_number).ok_or_else(missing)?;
            match call.parts.method {
                Method::PUT => put(call, id).await,
                Method::PATCH => patch(call, id).await,
                Method::DELETE => changed(call, id, |_| None),
                _ => show(call, id),
            }
        }
        _ => Err(missing()),
    }
}

fn list(call: &Call) -> Outcome {
    for (name, _) in call.query() {
        if !["limit", "after", "q"].contains(&name.as_str()) {
            return Err(invalid(&[(name.as_str(), "unknown", "`limit`, `after` and `q` are known")]));
        }
    }
    let limit = page_number(call, "limit", PAGE, 1..=PAGE_MOST)?;
    let after = page_number(call, "after", 0, 0..=i64::MAX)?;
    let search = call.query_of("q");
    let (notes, total) = call.site.notes.list(after, limit, search.as_deref()).map_err(stored)?;
    let next = notes.last().filter(|_| notes.len() as i64 == limit).map(|note| note.id);
    let next = next.map(|after| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("limit", &limit.to_string()).append_pair("after", &after.to_string());
        search.iter().for_each(|text| {
            query.append_pair("q", text);
        });
        format!("/api/notes?{}", query.finish())
    });
    let reply = json_of(&json!({"items": notes, "total": total, "next": next}));
    Ok(match &next {
        Some(next) => reply.field(header::LINK, &format!("<{next}>; rel=\"next\"")),
        None => reply,
    })
}

fn page_number(
    call: &Call,
    name: &str,
    default: i64,
    allowed: std::ops::RangeInclusive<i64>,
) -> Result<i64, Problem> {
    let Some(text) = call.query_of(name) else { return Ok(default) };
    let is_plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_plain && allowed.contains(number)).ok_or_else(|| {
        let expected = format!("a whole number between {} and {}", allowed.start(), allowed.end());
        invalid(&[(name, "range", &expected)])
    })
}

async fn create(call: &mut Call) -> Outcome {
    let object = object(call, &["application/json"]).await?;
    let draft = draft(object, None)?;
    let note = call.site.notes.insert(&draft).map_err(stored)?;
    let at = format!("/api/notes/{}", note.id);
    Ok(shown(&note).status(StatusCode::CREATED).field(header::LOCATION, &at))
}

fn show(call: &Call, id: i64) -> Outcome {
    let note = call.site.notes.get(id).map_err(stored)?.ok_or_else(missing)?;
    let etag = etag(&note);
    if super::cache::is_match(call.field(header::IF_NONE_MATCH), &etag) {
        return Ok(empty(StatusCode::NOT_MODIFIED).field(header::ETAG, &etag));
    }
    Ok(shown(&note))
}

async fn put(call: &mut Call, id: i64) -> Outcome {
    let object = object(call, &["application/json"]).await?;
    let draft = draft(object, None)?;
    changed(call, id, |_| Some(draft))
}

async fn patch(call: &mut Call, id: i64) -> Outcome {
    let object = object(call, &["application/merge-patch+json", "application/json"]).await?;
    // What is wrong with the patch is wrong whatever it is applied to.
    let blank = Draft { title: "-".to_owned(), ..Draft::default() };
    draft(object.clone(), Some(blank))?;
    changed(call, id, |note| {
        let old = Draft { title: note.title.clone(), body: note.body.clone(), done: note.done };
        Some(draft(object, Some(old.clone())).unwrap_or(old))
    })
}

/// Puts a change through if If-Match allows it.
fn changed(call: &Call, id: i64, draft: impl FnOnce(&Note) -> Option<Draft>) -> Outcome {
    let wanted = call.field(header::IF_MATCH);
    // §13.1.1: strong comparison, so a weak tag never matches.
    let is_wanted = |note: &Note| {
        let tag = etag(note);
        wanted.is_none_or(|list| list.trim() == "*" || list.split(',').any(|one| one.trim() == tag))
    };
    match call.site.notes.change(id, is_wanted, draft).map_err(stored)? {
        Changed::Done(Some(note)) => Ok(shown(&note)),
        Changed::Done(None) => Ok(empty(StatusCode::NO_CONTENT)),
        Changed::Missing => Err(missing()),
        Changed::Other(note) => {
            let detail = format!(
                "the note was changed since: its entity tag is {}, not {}",
                etag(&note),
                wanted.unwrap_or_default()
            );
            Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail).field(header::ETAG, etag(&note)))
        }
    }
}

fn shown(note: &Note) -> Reply {
    json_of(&json!(note)).field(header::ETAG, &etag(note))
}

fn etag(note: &Note) -> String {
    format!("\"{}-{}\"", note.id, note.version)
}

/// The content as a JSON object.
async fn object(call: &mut Call, kinds: &[&str]) -> Result<Map<String, Value>, Problem> {
    let kind = call.field(header::CONTENT_TYPE).unwrap_or_default().to_owned();
    let plain = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !kinds.contains(&plain.as_str()) {
        let detail = format!("expected `Content-Type: {}`, not `{kind}`", kinds.join("` or `"));
        return Err(
            Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail).field(header::ACCEPT, kinds.join(", "))
        );
    }
    let content = call.content().await?;
    let options = JsonOptions { forbid_duplicates: true, ..JsonOptions::default() };
    parse_json(&content, &options).map_err(|fault| {
        Problem::bad(format!("the content is no JSON: {fault}")).with(json!({
            "fault": fault.kind.id(), "offset": fault.offset, "line": fault.line, "column": fault.column,
        }))
    })?;
    match serde_json::from_slice(&content) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(invalid(&[("", "type", "an object")])),
        Err(error) => Err(Problem::bad(format!("the content is no JSON: {error}"))),
    }
}

/// What a client sent, checked; every fault is told, not the first alone. `base` is what a patch is applied to.
fn draft(object: Map<String, Value>, base: Option<Draft>) -> Result<Draft, Problem> {
    let is_patch = base.is_some();
    let mut draft = base.unwrap_or_default();
    let mut faults: Vec<(String, &str, String)> = Vec::new();
    if !is_patch && !object.contains_key("title") {
        faults.push(("title".to_owned(), "missing", "a title".to_owned()));
    }
    for (name, value) in object {
        let taken = match (name.as_str(), value) {
            ("title", Value::String(text)) => take(&mut draft.title, text, 1, TITLE_MOST),
            ("body", Value::String(text)) => take(&mut draft.body, text, 0, BODY_MOST),
            ("done", Value::Bool(is_done)) => {
                draft.done = is_done;
                Ok(())
            }
            // Merge Patch: null takes a member away, so that its default comes back.
            ("body", Value::Null) if is_patch => {
                draft.body.clear();
                Ok(())
            }
            ("done", Value::Null) if is_patch => {
                draft.done = false;
                Ok(())
            }
            ("title" | "body", _) => Err(("type", "a string".to_owned())),
            ("done", _) => Err(("type", "true or false".to_owned())),
            _ => Err(("unknown", "`title`, `body` and `done` are known".to_owned())),
        };
        if let Err((code, expected)) = taken {
            faults.push((name, code, expected));
        }
    }
    if faults.is_empty() {
        return Ok(draft);
    }
    let faults: Vec<_> =
        faults.iter().map(|(name, code, text)| (name.as_str(), *code, text.as_str())).collect();
    Err(invalid(&faults))
}

fn take(into: &mut String, text: String, least: usize, most: usize) -> Result<(), (&'static str, String)> {
    if !(least..=most).contains(&text.chars().count()) {
        return Err(("length", format!("{least} to {most} characters")));
    }
    *into = text;
    Ok(())
}

fn invalid(faults: &[(&str, &str, &str)]) -> Problem {
    let errors: Vec<Value> = faults
        .iter()
        .map(|(name, code, expected)| json!({"field": name, "code": code, "expected": expected}))
        .collect();
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "the request is well-formed, but its values are not valid")
        .with(json!({"errors": errors}))
}

fn missing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "there is no such note")
}

fn stored(error: rusqlite::Error) -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the database: {error}"))
}
