//! The HTTP side: the page and its assets, the dictionaries, captures to download, and the door to the one socket.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State, WebSocketUpgrade};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::runtime;
use tokio::sync::watch;

use crate::gate::{Gate, Token};
use crate::{Backend, Texts, assets, stream};

/// Why the workbench could not be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The listener is open to other machines.
    #[error("the workbench only listens on loopback, not on `{0}`")]
    NotLoopback(SocketAddr),
    /// The listener failed.
    #[error("cannot serve the workbench")]
    Io(#[from] io::Error),
}

/// Ends a [`serve`] from another thread.
#[derive(Debug, Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// One that has not been asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Closes every socket and lets [`serve`] return.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    pub(crate) async fn wait(&self) {
        let _ = self.0.subscribe().wait_for(|asked| *asked).await;
    }
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

/// What every handler needs.
#[derive(Clone)]
pub(crate) struct Workbench {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) stop: Stop,
    texts: Arc<Texts>,
}

/// Serves the workbench until `stop` is asked; the address to open is `http://ADDR/?token=TOKEN`.
///
/// # Errors
/// When the listener is not on loopback, or fails.
pub fn serve(
    listener: TcpListener,
    token: Token,
    backend: Arc<dyn Backend>,
    texts: Texts,
    stop: Stop,
) -> Result<(), Error> {
    let addr = listener.local_addr()?;
    if !addr.ip().is_loopback() {
        return Err(Error::NotLoopback(addr));
    }
    listener.set_nonblocking(true)?;
    let app = router(
        Workbench { backend, stop: stop.clone(), texts: Arc::new(texts) },
        Gate::new(token, addr.port()),
    );
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let served = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        axum::serve(listener, app).with_graceful_shutdown(async move { stop.wait().await }).await
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(served?)
}

fn router(workbench: Workbench, gate: Gate) -> Router {
    Router::new()
        .route("/", get(page))
        .route("/assets/{name}", get(asset))
        .route("/api/texts/{language}", get(texts))
        .route("/api/runs/{run}/trace.pcapng", get(capture))
        .route("/api/socket", get(socket))
        .with_state(workbench)
        .layer(middleware::from_fn_with_state(gate, admit))
}

async fn admit(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let pass = match gate.judge(request.method(), request.uri(), request.headers()) {
        Ok(pass) => pass,
        Err(refusal) => return (refusal.status(), assets::REFUSED).into_response(),
    };
    let mut response = next.run(request).await;
    protect(response.headers_mut(), &pass.host);
    if let Some(cookie) = pass.cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// Nothing inline, nothing from elsewhere, no frames, no referrer that could carry the token.
fn protect(headers: &mut HeaderMap, host: &str) {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws://{host}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
}

async fn page(State(workbench): State<Workbench>) -> Response {
    typed("text/html; charset=utf-8", assets::page(workbench.texts.first()))
}

async fn asset(Path(name): Path<String>) -> Response {
    match assets::find(&name) {
        Some(asset) => typed(asset.mime, asset.text),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn texts(State(workbench): State<Workbench>, Path(language): Path<String>) -> Response {
    match workbench.texts.json(&language) {
        Some(json) => typed("application/json", json),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn capture(State(workbench): State<Workbench>, Path(run): Path<u32>) -> Response {
    let bytes = tokio::task::spawn_blocking(move || workbench.backend.capture(run)).await;
    let Ok(Some(bytes)) = bytes else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let name = format!("attachment; filename=\"tongro-run-{run}.pcapng\"");
    let headers =
        [(header::CONTENT_TYPE, "application/x-pcapng".to_owned()), (header::CONTENT_DISPOSITION, name)];
    (headers, bytes).into_response()
}

async fn socket(State(workbench): State<Workbench>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(64 * 1024).on_upgrade(move |socket| stream::run(socket, workbench))
}

fn typed(mime: &'static str, body: impl IntoResponse) -> Response {
    ([(header::CONTENT_TYPE, mime)], body).into_response()
}
