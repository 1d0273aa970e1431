//! Statuses and redirects.

use http::{StatusCode, header};

use super::{Call, number};
use crate::server::reply::{Outcome, Problem, With, empty, whole};

/// As many redirects are given at most.
const MOST: usize = 100;

/// `/status/418`, `/status/200,500`, `/status/200:9,500:1`.
pub(super) fn status(codes: &str) -> Outcome {
    let mut choices = Vec::new();
    for choice in codes.split(',') {
        let (code, weight) = choice.split_once(':').unwrap_or((choice, "1"));
        let code: u16 = number(code, "a status")?;
        let weight: f64 = number(weight, "a weight")?;
        // 1xx are no final answers (9110 §15.2).
        let status = StatusCode::from_u16(code).ok().filter(|status| (200..=599).contains(&status.as_u16()));
        let status =
            status.ok_or_else(|| Problem::bad(format!("`{code}` is no final status (200 to 599)")))?;
        if !(weight.is_finite() && weight >= 0.0) {
            return Err(Problem::bad(format!("`{weight}` is no weight")));
        }
        choices.push((status, weight));
    }
    let total: f64 = choices.iter().map(|(_, weight)| weight).sum();
    let random = u32::from_le_bytes(super::random().map_err(|error| Problem::bad(error.to_string()))?);
    let mut left = f64::from(random) / f64::from(u32::MAX) * total;
    let chosen = choices.iter().find(|(_, weight)| {
        left -= weight;
        left <= 0.0
    });
    let status = chosen.or_else(|| choices.last()).map_or(StatusCode::OK, |(status, _)| *status);
    Ok(match status.as_u16() {
        301 | 302 | 303 | 307 | 308 => empty(status).field(header::LOCATION, "/redirect/1"),
        401 => empty(status).field(header::WWW_AUTHENTICATE, "Basic realm=\"tongro\""),
        405 => empty(status).field(header::ALLOW, "GET"),
        418 => whole("text/plain", "I'm a teapot\n").status(status),
        _ => empty(status),
    })
}

pub(super) fn times(call: &Call, n: &str, is_absolute: bool) -> Outcome {
    let n: usize = number(n, "the number of redirects")?;
    if n == 0 || n > MOST {
        return Err(Problem::bad(format!("the number of redirects is between 1 and {MOST}, not {n}")));
    }
    let kind = if is_absolute { "absolute-redirect" } else { "relative-redirect" };
    let path = if n == 1 { "/get".to_owned() } else { format!("/{kind}/{}", n - 1) };
    let to = if is_absolute { format!("{}{path}", call.origin()) } else { path };
    Ok(empty(StatusCode::FOUND).field(header::LOCATION, &to))
}

pub(super) fn to(call: &Call) -> Outcome {
    let url = call.query_of("url").ok_or_else(|| Problem::bad("`url` is missing in the query"))?;
    let code: u16 = call.number_of("status_code", 302)?;
    let status = StatusCode::from_u16(code).ok().filter(StatusCode::is_redirection);
    let status = status.ok_or_else(|| Problem::bad(format!("`{code}` is no redirection (300 to 399)")))?;
    if http::HeaderValue::from_str(&url).is_err() {
        return Err(Problem::bad("`url` holds bytes that no field value may hold (RFC 9110 §5.5)"));
    }
    Ok(empty(status).field(header::LOCATION, &url))
}
