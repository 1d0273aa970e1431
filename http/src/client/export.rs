//! The same request in other tongues: from library calls down to bytes on a socket.

use super::request::Request;

/// What to print instead of sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tongue {
    /// A curl command line.
    Curl,
    /// Python: requests, urllib, and a raw socket, one below the other.
    Python,
    /// Rust: a raw socket.
    Rust,
}

/// The request in this tongue.
pub fn export(request: &Request, tongue: Tongue) -> String {
    match tongue {
        Tongue::Curl => curl(request),
        Tongue::Python => python(request),
        Tongue::Rust => rust(request),
    }
}

/// Fields that whoever sends makes by itself are left to it.
fn own_fields(request: &Request) -> Vec<(String, String)> {
    let made = ["Host", "Content-Length", "Accept-Encoding"];
    request.fields().into_iter().filter(|(name, _)| !made.contains(&name.as_str())).collect()
}

fn shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn curl(request: &Request) -> String {
    let mut text = format!("curl --compressed -X {}", request.method);
    for (name, value) in own_fields(request) {
        text.push_str(&format!(" \\\n  -H {}", shell(&format!("{name}: {value}"))));
    }
    if !request.body.is_empty() {
        match std::str::from_utf8(&request.body) {
            Ok(body) => text.push_str(&format!(" \\\n  --data-raw {}", shell(body))),
            Err(_) => {
                let hex: String = request.body.iter().map(|byte| format!("\\x{byte:02x}")).collect();
                text = format!("printf '{hex}' | {text} \\\n  --data-binary @-");
            }
        }
    }
    text + &format!(" \\\n  {}\n", shell(request.url.as_str()))
}

/// A Python string or bytes literal: JSON's escapes are Python's as well.
fn literal(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

fn bytes_literal(bytes: &[u8]) -> String {
    format!("b\"{}\"", bytes.escape_ascii().to_string().replace("\\'", "'"))
}

fn python(request: &Request) -> String {
    let fields: String = own_fields(request)
        .iter()
        .map(|(name, value)| format!("    {}: {},\n", literal(name), literal(value)))
        .collect();
    let (url, method) = (literal(request.url.as_str()), literal(request.method.as_str()));
    let body = bytes_literal(&request.body);
    let data = if request.body.is_empty() { "None".to_owned() } else { body };
    let host = literal(request.url.host_str().unwrap_or_default().trim_matches(['[', ']']));
    let port = request.url.port_or_known_default().unwrap_or(80);
    let raw = bytes_literal(&closing(request));
    let wrap = if request.url.scheme() == "https" {
        format!("import ssl\nsock = ssl.create_default_context().wrap_socket(sock, server_hostname={host})\n")
    } else {
        String::new()
    };
    format!(
        "# 1. requests\nimport requests\n\nheaders = {{\n{fields}}}\nanswer = requests.request({method}, {url}, \
         headers=headers, data={data})\nprint(answer.status_code, answer.text)\n\n\
         # 2. urllib, without installing anything\nimport urllib.request\n\nrequest = urllib.request.Request({url}, \
         method={method}, headers=headers, data={data})\nwith urllib.request.urlopen(request) as answer:\n    \
         print(answer.status, answer.read())\n\n\
         # 3. the bytes on a socket\nimport socket\n\nsock = socket.create_connection(({host}, {port}))\n{wrap}sock.sendall({raw})\n\
         answer = b\"\"\nwhile part := sock.recv(65536):\n    answer += part\nsock.close()\nprint(answer.decode(errors=\"replace\"))\n"
    )
}

/// The bytes, asking the server to close, so that a plain loop over `recv` ends.
fn closing(request: &Request) -> Vec<u8> {
    let mut request = request.clone();
    request.headers.insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
    request.headers.remove(http::header::ACCEPT_ENCODING);
    request.bytes()
}

fn rust(request: &Request) -> String {
    let host = request.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let port = request.url.port_or_known_default().unwrap_or(80);
    let note = if request.url.scheme() == "https" {
        "// https: wrap the stream in rustls before the first byte\n"
    } else {
        ""
    };
    let raw = bytes_literal(&closing(request));
    format!(
        "use std::io::{{Read, Write}};\nuse std::net::TcpStream;\n\nfn main() -> std::io::Result<()> {{\n    {note}let mut \
         stream = TcpStream::connect(({host:?}, {port}))?;\n    stream.write_all({raw})?;\n    let mut answer = \
         Vec::new();\n    stream.read_to_end(&mut answer)?;\n    println!(\"{{}}\", String::from_utf8_lossy(&answer));\n    \
         Ok(())\n}}\n"
    )
}
