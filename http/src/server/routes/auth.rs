//! Authentication: Basic (RFC 7617), Bearer (RFC 6750), Digest (RFC 7616).

use http::{StatusCode, header};
use serde_json::json;

use super::Call;
use crate::digest::{Algorithm, Answer, parse_pairs};
use crate::server::reply::{Outcome, Problem, json_of};

pub(super) fn basic(call: &Call, user: &str, password: &str, is_hidden: bool) -> Outcome {
    let expected = crate::digest::basic(&decoded(user), &decoded(password));
    if call.field(header::AUTHORIZATION) == Some(expected.as_str()) {
        return Ok(json_of(&json!({"authenticated": true, "user": decoded(user)})));
    }
    if is_hidden {
        return Err(Problem::new(StatusCode::NOT_FOUND, "there is nothing here for you"));
    }
    let detail = "expected `Authorization: Basic` with base64 of `user:password`";
    Err(denied(detail, "Basic realm=\"tongro\", charset=\"UTF-8\""))
}

pub(super) fn bearer(call: &Call) -> Outcome {
    let token = call.field(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    match token.filter(|token| !token.is_empty()) {
        Some(token) => Ok(json_of(&json!({"authenticated": true, "token": token}))),
        None => Err(denied("expected `Authorization: Bearer TOKEN`", "Bearer realm=\"tongro\"")),
    }
}

pub(super) fn digest(call: &Call, qop: &str, user: &str, password: &str, algorithm: &str) -> Outcome {
    let algorithm = Algorithm::parse(algorithm)
        .ok_or_else(|| Problem::bad(format!("`{algorithm}` is not known; MD5 and SHA-256 are")))?;
    if !["auth", "auth-int"].contains(&qop) {
        return Err(Problem::bad(format!("`{qop}` is no quality of protection; `auth` is")));
    }
    let nonce = nonce(call);
    let challenge = format!(
        "Digest realm=\"tongro\", qop=\"auth\", algorithm={}, nonce=\"{nonce}\", opaque=\"tongro\"",
        algorithm.name()
    );
    let given = call.field(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Digest "));
    let Some(given) = given else {
        return Err(denied("expected `Authorization: Digest …` answering this challenge", &challenge));
    };
    let pairs = parse_pairs(given);
    let of = |name: &str| pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let answer = Answer {
        algorithm,
        user: &decoded(user),
        password: &decoded(password),
        realm: "tongro",
        nonce: &nonce,
        cnonce: of("cnonce"),
        nc: of("nc"),
        qop: of("qop"),
        method: call.parts.method.as_str(),
        target: of("uri"),
    };
    let asked = call.parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let wrong = [
        ("username", of("username") == decoded(user)),
        ("realm", of("realm") == "tongro"),
        ("nonce", of("nonce") == nonce),
        ("uri", of("uri") == asked),
        ("qop", of("qop") == "auth"),
        ("response", of("response") == answer.response()),
    ];
    match wrong.iter().find(|(_, is_right)| !is_right) {
        None => Ok(json_of(&json!({"authenticated": true, "user": decoded(user)}))),
        Some((name, _)) => {
            Err(denied(&format!("`{name}` is not as it should be (RFC 7616 §3.4)"), &challenge))
        }
    }
}

/// One nonce for each client address: nothing has to be remembered.
fn nonce(call: &Call) -> String {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &call.site.secret);
    let tag = ring::hmac::sign(&key, call.peer.ip().to_string().as_bytes());
    tag.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn denied(detail: &str, challenge: &str) -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, detail).field(header::WWW_AUTHENTICATE, challenge)
}
