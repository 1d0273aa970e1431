//! Cookies (RFC 6265): shown, set, deleted.

use http::{StatusCode, header};
use serde_json::{Map, Value, json};

use super::Call;
use crate::server::reply::{Outcome, Problem, Reply, With, empty, json_of};

pub(super) fn show(call: &Call) -> Reply {
    let mut map = Map::new();
    for line in call.parts.headers.get_all(header::COOKIE) {
        let line = String::from_utf8_lossy(line.as_bytes()).into_owned();
        for (name, value) in line.split(';').filter_map(|pair| pair.trim().split_once('=')) {
            map.insert(name.to_owned(), Value::String(value.trim_matches('"').to_owned()));
        }
    }
    json_of(&json!({"cookies": map}))
}

pub(super) fn set(_call: &Call, pairs: &[(String, String)]) -> Outcome {
    let mut reply = empty(StatusCode::FOUND).field(header::LOCATION, "/cookies");
    for (name, value) in pairs {
        // §4.1.1: a token, and octets without controls, whitespace, quotes, comma, semicolon, backslash.
        let is_name = !name.is_empty() && name.bytes().all(crate::strict::is_token);
        let is_value = value.bytes().all(|byte| matches!(byte, 0x21..=0x7e) && !b"\",;\\".contains(&byte));
        if !is_name || !is_value {
            return Err(Problem::bad(format!("`{name}={value}` is no cookie (RFC 6265 §4.1.1)")));
        }
        reply = reply.field(header::SET_COOKIE, &format!("{name}={value}; Path=/"));
    }
    Ok(reply)
}

pub(super) fn delete(call: &Call) -> Outcome {
    let reply = empty(StatusCode::FOUND).field(header::LOCATION, "/cookies");
    let names = call.query().into_iter().map(|(name, _)| name);
    Ok(names.filter(|name| name.bytes().all(crate::strict::is_token)).fold(reply, |reply, name| {
        let gone = format!("{name}=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT");
        reply.field(header::SET_COOKIE, &gone)
    }))
}
