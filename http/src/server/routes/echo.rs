//! The request, told back: httpbin's `/get`, `/post`, `/anything` and their like.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{self, HeaderName};
use serde_json::{Map, Value, json};

use super::Call;
use crate::server::reply::{Outcome, Problem, Reply, With, json_of};

pub(super) fn request(call: &Call) -> Outcome {
    Ok(json_of(&Value::Object(described(call))))
}

/// Everything, with the content.
pub(super) async fn all(call: &mut Call) -> Outcome {
    let content = call.content().await?;
    let mut value = described(call);
    value.insert("method".to_owned(), call.parts.method.as_str().into());
    let kind = call.field(header::CONTENT_TYPE).unwrap_or_default().to_owned();
    let (mut form, mut files, mut parsed) = (Map::new(), Map::new(), Value::Null);
    let mut text = String::new();
    if kind.starts_with("application/x-www-form-urlencoded") {
        let pairs = url::form_urlencoded::parse(&content).into_owned();
        pairs.for_each(|(name, value)| add(&mut form, name, value));
    } else if kind.starts_with("multipart/form-data") {
        parts(&kind, content, &mut form, &mut files).await?;
    } else {
        text = shown(&content);
        parsed = serde_json::from_slice(&content).unwrap_or(Value::Null);
    }
    value.insert("form".to_owned(), Value::Object(form));
    value.insert("files".to_owned(), Value::Object(files));
    value.insert("data".to_owned(), text.into());
    value.insert("json".to_owned(), parsed);
    Ok(json_of(&Value::Object(value)))
}

fn described(call: &Call) -> Map<String, Value> {
    let mut args = Map::new();
    call.query().into_iter().for_each(|(name, value)| add(&mut args, name, value));
    let url =
        format!("{}{}", call.origin(), call.parts.uri.path_and_query().map_or("/", |path| path.as_str()));
    let mut value = Map::new();
    value.insert("args".to_owned(), Value::Object(args));
    value.insert("headers".to_owned(), fields(call));
    value.insert("origin".to_owned(), call.peer.ip().to_string().into());
    value.insert("url".to_owned(), url.into());
    value.insert("version".to_owned(), format!("{:?}", call.parts.version).into());
    value
}

/// Names that come more than once become lists.
fn add(map: &mut Map<String, Value>, name: String, value: String) {
    match map.get_mut(&name) {
        None => {
            map.insert(name, value.into());
        }
        Some(Value::Array(values)) => values.push(value.into()),
        Some(first) => *first = json!([first.take(), value]),
    }
}

async fn parts(
    kind: &str,
    content: hyper::body::Bytes,
    form: &mut Map<String, Value>,
    files: &mut Map<String, Value>,
) -> Result<(), Problem> {
    let wrong = |error: multer::Error| Problem::bad(format!("multipart: {error}"));
    let boundary = multer::parse_boundary(kind).map_err(wrong)?;
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(content)]);
    let mut multipart = multer::Multipart::new(stream, boundary);
    while let Some(field) = multipart.next_field().await.map_err(wrong)? {
        let name = field.name().unwrap_or_default().to_owned();
        let is_file = field.file_name().is_some();
        let bytes = field.bytes().await.map_err(wrong)?;
        add(if is_file { files } else { form }, name, shown(&bytes));
    }
    Ok(())
}

/// Text as it is, other bytes as a data URL.
fn shown(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("data:application/octet-stream;base64,{}", STANDARD.encode(bytes)),
    }
}

fn fields(call: &Call) -> Value {
    let mut map = Map::new();
    for (name, value) in &call.parts.headers {
        add(&mut map, title_case(name.as_str()), String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    Value::Object(map)
}

/// `content-type` as it is mostly written.
fn title_case(name: &str) -> String {
    let parts = name.split('-').map(|part| {
        let mut letters = part.chars();
        letters
            .next()
            .map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + letters.as_str())
    });
    parts.collect::<Vec<_>>().join("-")
}

pub(super) fn headers(call: &Call) -> Reply {
    json_of(&json!({"headers": fields(call)}))
}

pub(super) fn ip(call: &Call) -> Reply {
    json_of(&json!({"origin": call.peer.ip().to_string()}))
}

pub(super) fn user_agent(call: &Call) -> Reply {
    json_of(&json!({"user-agent": call.field(header::USER_AGENT)}))
}

/// A version 4 UUID (RFC 9562 §5.4).
pub(super) fn uuid() -> Outcome {
    let mut bytes: [u8; 16] = super::random().map_err(|error| Problem::bad(error.to_string()))?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let uuid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    Ok(json_of(&json!({"uuid": uuid})))
}

/// The query's pairs as fields of the answer. Those that frame the message stay ours.
pub(super) fn response_headers(call: &Call) -> Outcome {
    call.only(&[http::Method::GET, http::Method::POST])?;
    let mut map = Map::new();
    call.query().into_iter().for_each(|(name, value)| add(&mut map, name, value));
    let mut reply = json_of(&Value::Object(map));
    for (name, value) in call.query() {
        let field = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Problem::bad(format!("`{name}` is not a field name (RFC 9110 §5.1)")))?;
        let framing =
            [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::CONNECTION, header::UPGRADE];
        if !framing.contains(&field) {
            if field == header::CONTENT_TYPE {
                reply.headers_mut().remove(header::CONTENT_TYPE);
            }
            reply = reply.field(field, &value);
        }
    }
    Ok(reply)
}
