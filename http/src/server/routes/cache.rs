//! Conditional requests (RFC 9110 §13) and Cache-Control.

use http::{StatusCode, header};

use super::{Call, echo, number};
use crate::server::reply::{Outcome, Problem, With, empty};

/// Whether the field (a list of entity tags, or `*`) names this tag; weak comparison (§8.8.3.2).
pub(super) fn is_match(field: Option<&str>, etag: &str) -> bool {
    let plain = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    field.is_some_and(|list| list.trim() == "*" || list.split(',').any(|tag| plain(tag) == plain(etag)))
}

pub(super) fn conditional(call: &Call) -> Outcome {
    let is_conditional =
        [header::IF_MODIFIED_SINCE, header::IF_NONE_MATCH].into_iter().any(|name| call.field(name).is_some());
    if is_conditional {
        return Ok(empty(StatusCode::NOT_MODIFIED));
    }
    let reply = echo::request(call)?;
    Ok(reply.field(header::ETAG, "\"tongro\"").field(header::LAST_MODIFIED, "Thu, 01 Jan 2026 00:00:00 GMT"))
}

pub(super) fn for_seconds(call: &Call, seconds: &str) -> Outcome {
    let seconds: u32 = number(seconds, "max-age")?;
    Ok(echo::request(call)?.field(header::CACHE_CONTROL, &format!("public, max-age={seconds}")))
}

pub(super) fn etag(call: &Call, etag: &str) -> Outcome {
    let quoted = format!("\"{etag}\"");
    if let Some(wanted) = call.field(header::IF_MATCH)
        && !is_match(Some(wanted), &quoted)
    {
        let detail = format!("If-Match asks for {wanted}, but the entity tag is {quoted}");
        return Err(Problem::new(StatusCode::PRECONDITION_FAILED, detail).field(header::ETAG, quoted));
    }
    if is_match(call.field(header::IF_NONE_MATCH), &quoted) {
        return Ok(empty(StatusCode::NOT_MODIFIED).field(header::ETAG, &quoted));
    }
    Ok(echo::request(call)?.field(header::ETAG, &quoted))
}
