//! Answers that take their time, or come in pieces.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use hyper::body::Frame;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Call, echo, number};
use crate::server::reply::{Content, Outcome, Problem, With, streamed};

/// No request waits longer.
const LONGEST: f64 = 10.0;

fn seconds(value: f64) -> Result<Duration, Problem> {
    if value.is_finite() && value >= 0.0 {
        Ok(Duration::from_secs_f64(value.min(LONGEST)))
    } else {
        Err(Problem::bad(format!("`{value}` is no duration in seconds")))
    }
}

pub(super) async fn delay(call: &mut Call, text: &str) -> Outcome {
    tokio::time::sleep(seconds(number(text, "the delay")?)?).await;
    echo::all(call).await
}

/// `numbytes` asterisks spread over `duration` seconds, after `delay` seconds.
pub(super) fn drip(call: &Call) -> Outcome {
    const MOST: usize = 10 * 1024 * 1024;
    let len: usize = call.number_of("numbytes", 10)?;
    if len == 0 || len > MOST {
        return Err(Problem::bad(format!("`numbytes` is between 1 and {MOST}, not {len}")));
    }
    let duration = seconds(call.number_of("duration", 2.0)?)?;
    let delay = seconds(call.number_of("delay", 0.0)?)?;
    let code: u16 = call.number_of("code", 200)?;
    let status = StatusCode::from_u16(code).ok().filter(|status| status.as_u16() >= 200);
    let status = status.ok_or_else(|| Problem::bad(format!("`{code}` is no final status")))?;
    // At most a hundred pieces: timers are not finer than a millisecond anyway.
    let pieces = len.min(100);
    let pause = duration / u32::try_from(pieces).unwrap_or(1);
    let drops = stream::unfold(0, move |done| async move {
        if done == pieces {
            return None;
        }
        tokio::time::sleep(if done == 0 { delay } else { pause }).await;
        let piece = len * (done + 1) / pieces - len * done / pieces;
        Some((Ok(Bytes::from(vec![b'*'; piece])), done + 1))
    });
    let mut reply = streamed("application/octet-stream", drops).status(status);
    reply.headers_mut().insert(header::CONTENT_LENGTH, len.into());
    Ok(reply)
}

/// n lines of JSON, each a chunk.
pub(super) fn lines(call: &Call, n: &str) -> Outcome {
    let n: usize = number::<usize>(n, "the number of lines")?.min(100);
    let url = format!("{}{}", call.origin(), call.parts.uri);
    let lines =
        (0..n).map(move |id| Ok::<_, io::Error>(Bytes::from(format!("{}\n", json!({"id": id, "url": url})))));
    Ok(streamed("application/x-ndjson", stream::iter(lines)))
}

/// n chunks, and behind them a trailer with the content's SHA-256.
pub(super) fn chunked(n: &str) -> Outcome {
    let n: usize = number::<usize>(n, "the number of chunks")?.min(1000);
    let chunks: Vec<String> = (1..=n).map(|number| format!("chunk {number} of {n}\n")).collect();
    let digest = Sha256::digest(chunks.concat());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut trailers = HeaderMap::new();
    if let Ok(value) = HeaderValue::from_str(&hex) {
        trailers.insert(HeaderName::from_static("x-content-sha256"), value);
    }
    let frames = chunks.into_iter().map(|chunk| Frame::data(Bytes::from(chunk)));
    let frames = frames.chain([Frame::trailers(trailers)]).map(Ok);
    let mut reply = streamed("text/plain; charset=utf-8", stream::empty());
    *reply.body_mut() = Content::frames(stream::iter(frames));
    Ok(reply.field(header::TRAILER, "x-content-sha256"))
}
