//! Conversations that stay open: a WebSocket that echoes (RFC 6455) and server-sent events.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use http::{StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::Call;
use crate::server::reply::{Outcome, Problem, With, empty, streamed};

/// The longest message taken.
const MOST: usize = 1024 * 1024;

/// Answers the handshake (§4.2.2) and echoes in a task of its own.
pub(super) fn echo(call: &mut Call) -> Outcome {
    call.only(&[http::Method::GET])?;
    let has = |name, token: &str| {
        let list = call.field(name).unwrap_or_default();
        list.split(',').any(|part| part.trim().eq_ignore_ascii_case(token))
    };
    if !has(header::UPGRADE, "websocket") || !has(header::CONNECTION, "upgrade") {
        let detail = "expected `Connection: Upgrade` and `Upgrade: websocket` (RFC 6455 §4.2.1)";
        return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, detail)
            .field(header::UPGRADE, "websocket")
            .field(header::CONNECTION, "Upgrade"));
    }
    if call.field(header::SEC_WEBSOCKET_VERSION) != Some("13") {
        let detail = "expected `Sec-WebSocket-Version: 13` (RFC 6455 §4.4)";
        return Err(
            Problem::new(StatusCode::UPGRADE_REQUIRED, detail).field(header::SEC_WEBSOCKET_VERSION, "13")
        );
    }
    use base64::Engine;
    let decoded = |key: &str| base64::engine::general_purpose::STANDARD.decode(key);
    let key =
        call.field(header::SEC_WEBSOCKET_KEY).filter(|key| decoded(key).is_ok_and(|key| key.len() == 16));
    let Some(key) = key else {
        return Err(Problem::bad("expected `Sec-WebSocket-Key` with 16 bytes as base64 (RFC 6455 §4.1)"));
    };
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = call.parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
    let upgrade = upgrade.ok_or_else(|| Problem::bad("a WebSocket here needs HTTP/1.1"))?;
    tokio::spawn(async move {
        let Ok(stream) = upgrade.await else { return };
        let config = WebSocketConfig::default().max_message_size(Some(MOST)).max_frame_size(Some(MOST));
        let socket = WebSocketStream::from_raw_socket(TokioIo::new(stream), Role::Server, Some(config)).await;
        converse(socket).await;
    });
    Ok(empty(StatusCode::SWITCHING_PROTOCOLS)
        .field(header::UPGRADE, "websocket")
        .field(header::CONNECTION, "Upgrade")
        .field(header::SEC_WEBSOCKET_ACCEPT, &accept))
}

async fn converse(mut socket: WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>) {
    while let Some(Ok(message)) = socket.next().await {
        let is_data = message.is_text() || message.is_binary();
        if is_data && socket.send(message).await.is_err() {
            return;
        }
    }
    let _ = socket.close(None).await;
}

/// `count` events, `interval` seconds apart; `Last-Event-ID` goes on behind it.
pub(super) fn events(call: &Call) -> Outcome {
    let count: u64 = call.number_of("count", 10)?;
    let interval: f64 = call.number_of("interval", 1.0)?;
    if !(0.0..=60.0).contains(&interval) {
        return Err(Problem::bad(format!("`interval` is between 0 and 60 seconds, not {interval}")));
    }
    let last = call.parts.headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let first = last.map_or(1, |last: u64| last.saturating_add(1));
    let text = call.query_of("text").unwrap_or_else(|| "통로".to_owned()).replace(['\r', '\n'], " ");
    let events = stream::unfold(first, move |id| {
        let text = text.clone();
        async move {
            if id > count {
                return None;
            }
            if id > first {
                tokio::time::sleep(Duration::from_secs_f64(interval)).await;
            }
            Some((Ok(Bytes::from(format!("id: {id}\nevent: tick\ndata: {text} {id}\n\n"))), id + 1))
        }
    });
    Ok(streamed("text/event-stream", events).field(header::CACHE_CONTROL, "no-store"))
}
