//! Random bytes, and ranges of bytes (RFC 9110 §14).

use bytes::Bytes;
use futures_util::stream;
use http::{StatusCode, header};

use super::{Call, number};
use crate::server::reply::{Outcome, Problem, With, streamed, whole};

/// As many bytes are made at most.
const MOST: usize = 10 * 1024 * 1024;

fn made(call: &Call, n: &str) -> Result<Vec<u8>, Problem> {
    let n: usize = number(n, "the number of bytes")?;
    if n > MOST {
        return Err(Problem::bad(format!("at most {MOST} bytes are made, not {n}")));
    }
    let seed = match call.query_of("seed") {
        Some(_) => call.number_of("seed", 0u64)?,
        None => u64::from_le_bytes(super::random().map_err(|error| Problem::bad(error.to_string()))?),
    };
    Ok(sequence(seed, n))
}

/// SplitMix64: no secret, the same on every machine.
fn sequence(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend((word ^ (word >> 31)).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub(super) fn random(call: &Call, n: &str) -> Outcome {
    Ok(whole("application/octet-stream", made(call, n)?))
}

pub(super) fn random_stream(call: &Call, n: &str) -> Outcome {
    let all = Bytes::from(made(call, n)?);
    let size: usize = call.number_of("chunk_size", 10 * 1024)?;
    if size == 0 {
        return Err(Problem::bad("`chunk_size` must not be 0"));
    }
    let starts = (0..all.len()).step_by(size);
    let pieces: Vec<_> = starts.map(|start| Ok(all.slice(start..(start + size).min(all.len())))).collect();
    Ok(streamed("application/octet-stream", stream::iter(pieces)))
}

/// The alphabet again and again, whole or in the part that Range asks for.
pub(super) fn range(call: &Call, n: &str) -> Outcome {
    let n: usize = number(n, "the number of bytes")?;
    if n == 0 || n > MOST {
        return Err(Problem::bad(format!("the number of bytes is between 1 and {MOST}, not {n}")));
    }
    let bytes: Vec<u8> = (0..n).map(|at| b'a' + (at % 26) as u8).collect();
    let etag = format!("\"range{n}\"");
    if super::cache::is_match(call.field(header::IF_NONE_MATCH), &etag) {
        return Ok(crate::server::reply::empty(StatusCode::NOT_MODIFIED).field(header::ETAG, &etag));
    }
    part(call, Bytes::from(bytes), "application/octet-stream", &etag)
}

/// Whole content or the part asked for: 206 or 416.
pub(super) fn part(call: &Call, bytes: Bytes, kind: &'static str, etag: &str) -> Outcome {
    let len = bytes.len();
    let told = |reply: crate::server::reply::Reply| {
        reply.field(header::ACCEPT_RANGES, "bytes").field(header::ETAG, etag)
    };
    let if_range = call.field(header::IF_RANGE);
    let asked = call.field(header::RANGE).filter(|_| if_range.is_none_or(|tag| tag == etag));
    match asked.map(|asked| parse_range(asked, len)) {
        // More than one range, or another unit: a server may ignore Range (§14.2).
        None | Some(Range::Ignored) => Ok(told(whole(kind, bytes))),
        Some(Range::Of(from, to)) => {
            let told = told(whole(kind, bytes.slice(from..=to)).status(StatusCode::PARTIAL_CONTENT));
            Ok(told.field(header::CONTENT_RANGE, &format!("bytes {from}-{to}/{len}")))
        }
        Some(Range::Outside) => {
            Err(Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, format!("there are only {len} bytes"))
                .field(header::CONTENT_RANGE, format!("bytes */{len}")))
        }
    }
}

enum Range {
    Of(usize, usize),
    Outside,
    Ignored,
}

fn parse_range(text: &str, len: usize) -> Range {
    let Some(spec) = text.strip_prefix("bytes=") else { return Range::Ignored };
    let Some((from, to)) = spec.trim().split_once('-') else { return Range::Ignored };
    match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), Ok(to)) if from > to => Range::Ignored,
        (Ok(from), _) if from >= len => Range::Outside,
        (Ok(from), Ok(to)) => Range::Of(from, to.min(len - 1)),
        (Ok(from), Err(_)) if to.is_empty() => Range::Of(from, len - 1),
        (Err(_), Ok(0)) if from.is_empty() => Range::Outside,
        (Err(_), Ok(last)) if from.is_empty() => Range::Of(len.saturating_sub(last), len - 1),
        _ => Range::Ignored,
    }
}
