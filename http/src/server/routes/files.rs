//! `/files/`: a folder to look at, to take from and to put into. No path leads out of it.

use std::path::{Path, PathBuf};

use http::{Method, StatusCode, header};
use tokio::io::AsyncWriteExt;

use super::Call;
use crate::server::reply::{Outcome, Problem, With, empty, whole};

pub(super) async fn answer(call: &mut Call, path: &[&str]) -> Outcome {
    call.only(&[Method::GET, Method::PUT, Method::POST, Method::DELETE])?;
    let Some(root) = call.site.files.clone() else {
        let detail = "no folder is served; start the server with `--data DIR` or `--files DIR`";
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    };
    let names = names(path)?;
    let place = names.iter().fold(root.clone(), |place, name| place.join(name));
    inside(&root, &place).await?;
    match call.parts.method {
        Method::PUT => put(call, &place).await,
        Method::POST => upload(call, &place).await,
        Method::DELETE => {
            tokio::fs::remove_file(&place).await.map_err(failed)?;
            Ok(empty(StatusCode::NO_CONTENT))
        }
        _ => show(call, &place, path.last() == Some(&"") || path.is_empty()).await,
    }
}

/// The parts of a path, decoded: none hidden, none that leads up, none with a slash or NUL inside.
fn names(path: &[&str]) -> Result<Vec<String>, Problem> {
    let decoded = path.iter().filter(|part| !part.is_empty()).map(|part| {
        let name = percent_encoding::percent_decode_str(part).decode_utf8();
        let name = name.map_err(|_| Problem::bad(format!("`{part}` is no UTF-8")))?;
        if name.starts_with('.') || name.contains(['/', '\\', '\0']) {
            return Err(Problem::new(StatusCode::FORBIDDEN, format!("`{name}` is no name of a file here")));
        }
        Ok(name.into_owned())
    });
    decoded.collect()
}

/// Links may lead elsewhere: what is there must really be inside the folder.
async fn inside(root: &Path, place: &Path) -> Result<(), Problem> {
    let root = tokio::fs::canonicalize(root).await.map_err(failed)?;
    let mut known = place.to_owned();
    loop {
        match tokio::fs::canonicalize(&known).await {
            Ok(real) if real.starts_with(&root) => return Ok(()),
            Ok(_) => {
                return Err(Problem::new(StatusCode::FORBIDDEN, "this leads out of the folder"));
            }
            // A dangling link must not be written through either.
            Err(_) if tokio::fs::symlink_metadata(&known).await.is_ok() => {
                return Err(Problem::new(StatusCode::FORBIDDEN, "a link that leads nowhere"));
            }
            Err(_) if known.pop() => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

async fn show(call: &Call, place: &Path, has_slash: bool) -> Outcome {
    let about = tokio::fs::metadata(place).await.map_err(failed)?;
    if about.is_dir() {
        let path = call.parts.uri.path();
        if !has_slash {
            return Ok(empty(StatusCode::PERMANENT_REDIRECT).field(header::LOCATION, &format!("{path}/")));
        }
        return listing(path, place).await;
    }
    let bytes = tokio::fs::read(place).await.map_err(failed)?;
    let modified = about.modified().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let etag = format!("\"{:x}-{:x}\"", about.len(), modified.unwrap_or_default().as_nanos());
    if super::cache::is_match(call.field(header::IF_NONE_MATCH), &etag) {
        return Ok(empty(StatusCode::NOT_MODIFIED).field(header::ETAG, &etag));
    }
    let kind = mime_guess::from_path(place).first_raw().unwrap_or("application/octet-stream");
    // Uploaded pages must not act in our name.
    Ok(super::bytes::part(call, bytes.into(), kind, &etag)?
        .field(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .field(header::CONTENT_SECURITY_POLICY, "sandbox"))
}

async fn listing(path: &str, place: &Path) -> Outcome {
    let mut folder = tokio::fs::read_dir(place).await.map_err(failed)?;
    let mut rows = Vec::new();
    while let Some(entry) = folder.next_entry().await.map_err(failed)? {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Ok(about) = entry.metadata().await else { continue };
        if !name.starts_with('.') {
            rows.push((!about.is_dir(), name, about.len()));
        }
    }
    rows.sort();
    let rows = rows.into_iter().map(|(is_file, name, len)| {
        let href = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
        let (slash, len) = if is_file { ("", len.to_string()) } else { ("/", String::new()) };
        format!("<tr><td><a href=\"{href}{slash}\">{}{slash}</a><td>{len}\n", super::pages::escaped(&name))
    });
    let rows: String = rows.collect();
    let up = if path == "/files/" { "" } else { "<p><a href=\"../\">../</a></p>\n" };
    let body = format!(
        "{up}<table>\n{rows}</table>\n<form method=\"post\" enctype=\"multipart/form-data\"><input type=\"file\" \
         name=\"file\" aria-label=\"file\"> <button>upload</button></form>\n"
    );
    Ok(whole("text/html; charset=utf-8", super::pages::page(&super::pages::escaped(path), &body)))
}

async fn put(call: &mut Call, place: &Path) -> Outcome {
    let content = call.content().await?;
    let is_new = tokio::fs::metadata(place).await.is_err();
    save(place, &content).await?;
    Ok(empty(if is_new { StatusCode::CREATED } else { StatusCode::NO_CONTENT }))
}

/// A form's files, into this folder.
async fn upload(call: &mut Call, place: &Path) -> Outcome {
    let kind = call.field(header::CONTENT_TYPE).unwrap_or_default().to_owned();
    let wrong = |error: multer::Error| Problem::bad(format!("multipart: {error}"));
    let boundary = multer::parse_boundary(&kind).map_err(wrong)?;
    let content = call.content().await?;
    let stream = futures_util::stream::iter([Ok::<_, std::io::Error>(content)]);
    let mut multipart = multer::Multipart::new(stream, boundary);
    while let Some(field) = multipart.next_field().await.map_err(wrong)? {
        let Some(name) = field.file_name().map(ToOwned::to_owned) else { continue };
        let names =
            names(&[
                &percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC).to_string()
            ])?;
        let [name] = names.as_slice() else { continue };
        save(&place.join(name), &field.bytes().await.map_err(wrong)?).await?;
    }
    Ok(empty(StatusCode::SEE_OTHER).field(header::LOCATION, call.parts.uri.path()))
}

/// Whole or not at all: written beside, then renamed.
async fn save(place: &Path, content: &[u8]) -> Result<(), Problem> {
    let name = place.file_name().ok_or_else(|| Problem::bad("a name is missing"))?.to_string_lossy();
    let token: String = super::random::<8>()
        .map_err(|error| Problem::bad(error.to_string()))?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let beside: PathBuf = place.with_file_name(format!(".{name}.{token}"));
    let write = async {
        let mut file = tokio::fs::File::create_new(&beside).await?;
        file.write_all(content).await?;
        file.sync_all().await?;
        tokio::fs::rename(&beside, place).await
    };
    let done = write.await;
    if done.is_err() {
        let _ = tokio::fs::remove_file(&beside).await;
    }
    done.map_err(failed)
}

fn failed(error: std::io::Error) -> Problem {
    use std::io::ErrorKind::{IsADirectory, NotADirectory, NotFound, PermissionDenied};
    let status = match error.kind() {
        NotFound | NotADirectory => StatusCode::NOT_FOUND,
        PermissionDenied => StatusCode::FORBIDDEN,
        IsADirectory => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Problem::new(status, error.to_string())
}
