//! Documents in the usual formats and encodings.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use bytes::Bytes;
use http::header;
use serde_json::json;

use super::Call;
use crate::server::reply::{Outcome, Problem, Reply, With, json_of, whole};

/// Ready to be sent: `/json` is what is measured.
const JSON: &str = r#"{
  "slideshow": {
    "author": "tongro",
    "title": "통로",
    "slides": [
      {"title": "sockets", "type": "all"},
      {"title": "HTTP", "type": "all", "items": ["request line", "fields", "content"]}
    ]
  }
}
"#;

pub(super) fn json() -> Reply {
    whole("application/json", Bytes::from_static(JSON.as_bytes()))
}

pub(super) fn xml() -> Reply {
    whole(
        "application/xml",
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- a small document -->\n<slideshow author=\"tongro\" \
         title=\"통로\">\n  <slide type=\"all\">\n    <title>sockets &amp; streams</title>\n  </slide>\n  <slide \
         type=\"all\">\n    <title>HTTP</title>\n    <item>request line</item>\n    <item>fields</item>\n  \
         </slide>\n</slideshow>\n",
    )
}

pub(super) fn html() -> Reply {
    whole(
        "text/html; charset=utf-8",
        "<!DOCTYPE html>\n<html lang=\"ko\">\n<head><meta charset=\"utf-8\"><title>통로</title></head>\n<body>\n<h1>통로</h1>\n<p>한 \
         바이트도 놓치지 않는 길.</p>\n</body>\n</html>\n",
    )
}

pub(super) fn utf8() -> Reply {
    whole(
        "text/plain; charset=utf-8",
        "한국어  네트워크 프로그래밍\nEnglish  network programming\n日本語  ネットワーク\nΕλληνικά  δίκτυο\nРусский  сеть\n\
         العربية  شبكة\nemoji  🛰️ 👩‍💻\nmath  ∑ ∞ ≤ ≠\n",
    )
}

pub(super) fn svg() -> Reply {
    whole(
        "image/svg+xml",
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 100 40\"><path d=\"M10 20h80M80 12l10 8-10 8\" \
         fill=\"none\" stroke=\"#345\" stroke-width=\"4\"/></svg>\n",
    )
}

/// The request's fields in one content coding (RFC 9110 §8.4.1).
pub(super) fn compressed(call: &Call, coding: &str) -> Outcome {
    let (mark, field) = match coding {
        "gzip" => ("gzipped", "gzip"),
        "deflate" => ("deflated", "deflate"),
        _ => ("brotli", "br"),
    };
    let headers: serde_json::Map<_, _> = call
        .parts
        .headers
        .iter()
        .map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned().into())
        })
        .collect();
    let value = json!({mark: true, "headers": headers, "method": call.parts.method.as_str(), "origin": call.peer.ip().to_string()});
    let text = value.to_string();
    let packed = pack(coding, text.as_bytes()).map_err(|error| Problem::bad(error.to_string()))?;
    let reply = json_of(&json!(null)).field(header::CONTENT_ENCODING, field);
    let (parts, _) = reply.into_parts();
    let (_, content) = whole("application/json", packed).into_parts();
    Ok(http::Response::from_parts(parts, content))
}

fn pack(coding: &str, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    match coding {
        "gzip" => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(bytes)?;
            encoder.finish()
        }
        _ => {
            let mut packed = Vec::new();
            let params = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
            brotli::BrotliCompress(&mut &bytes[..], &mut packed, &params)?;
            Ok(packed)
        }
    }
}

pub(super) fn base64(text: &str) -> Outcome {
    let decoded = percent_encoding::percent_decode_str(text).collect::<Vec<u8>>();
    let bytes = URL_SAFE.decode(&decoded).or_else(|_| STANDARD.decode(&decoded));
    let bytes = bytes.map_err(|error| Problem::bad(format!("`{text}` is not base64: {error}")))?;
    Ok(whole("text/plain; charset=utf-8", bytes))
}
