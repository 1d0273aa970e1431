//! The server over real sockets: the table of requests, every route, limits of time, HTTP/2 beside HTTP/1.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tongro_http::server::{Options, Patience, ROUTES, Server};

mod requests;

use requests::rows;

fn server() -> Server {
    Server::start(Options::default()).unwrap()
}

/// Sends bytes, says that no more will come, reads to the end.
fn ask(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // A server that refuses early may close before all is written.
    let _ = stream.write_all(request);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(server: &Server, path: &str) -> String {
    ask(server, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())
}

fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("{answer:?}"))
}

fn content(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, content)| content)
}

#[test]
fn each_request_of_the_table_is_answered_as_its_clause_says() {
    let server = server();
    for row in rows() {
        let answer = ask(&server, &row.bytes);
        if row.verdict == "ok" {
            assert!(answer.starts_with("HTTP/1."), "line {}: {answer:?}", row.number);
            assert!(!answer.contains("\"class\""), "line {}: {answer}", row.number);
            continue;
        }
        let class = format!("\"class\": \"{}\"", row.verdict);
        // An answer to HEAD has no content.
        assert!(answer.contains(&class), "line {} ({}): {answer:?}", row.number, row.verdict);
        assert!(answer.to_lowercase().contains("connection: close"), "{answer}");
        if let Some(fault) = row.fault {
            assert!(answer.contains(&format!("\"offset\": {fault},")), "line {}: {answer}", row.number);
        }
    }
    let totals = server.stop();
    assert!(totals.refused > 200, "{totals:?}");
}

#[test]
fn pipelined_answers_come_in_order_and_end_at_a_fault() {
    let server = server();
    let requests = "GET /bytes/1?seed=1 HTTP/1.1\r\nHost: a\r\n\r\nGET /delay/0.05 HTTP/1.1\r\nHost: a\r\n\r\n\
        GET /json HTTP/1.1\r\nHost : a\r\n\r\nGET /ip HTTP/1.1\r\nHost: a\r\n\r\n";
    let answer = ask(&server, requests.as_bytes());
    let statuses: Vec<u16> = answer.match_indices("HTTP/1.1 ").map(|(at, _)| status(&answer[at..])).collect();
    assert_eq!(statuses, [200, 200, 400], "{answer}");
    assert!(answer.contains("\"class\": \"field-space\"") && answer.contains("/delay/0.05"), "{answer}");
}

#[test]
fn every_route_of_the_table_is_there() {
    let folder = std::env::temp_dir().join(format!("tongro-http-routes-{}", std::process::id()));
    let options = Options { data: Some(folder.clone()), ..Options::default() };
    let server = Server::start(options).unwrap();
    let note = "{\"title\": \"통로\"}";
    let post = format!(
        "POST /api/notes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{note}",
        note.len()
    );
    assert_eq!(status(&ask(&server, post.as_bytes())), 201);
    for route in ROUTES {
        let answer = get(&server, route.example);
        let expected: &[u16] = match route.path {
            "/status/{codes}" => &[418],
            path if path.contains("auth") || path == "/bearer" => &[401, 404],
            path if path.contains("redirect") || path.starts_with("/cookies/") => &[302, 307],
            "/post" | "/put" | "/patch" | "/delete" => &[405],
            "/ws" => &[426],
            _ => &[200],
        };
        assert!(expected.contains(&status(&answer)), "{}: {answer}", route.path);
    }
    server.stop();
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn methods_conditions_and_ranges_are_as_the_rfc_has_them() {
    let server = server();
    let raw = |head: &str| ask(&server, format!("{head}\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes());
    let head = raw("HEAD /json HTTP/1.1");
    assert!(head.to_lowercase().contains("content-length: ") && content(&head).is_empty(), "{head}");
    let refused = raw("DELETE /json HTTP/1.1");
    assert!(status(&refused) == 405 && refused.to_lowercase().contains("allow: get, head"), "{refused}");
    assert_eq!(status(&raw("GET /etag/a HTTP/1.1\r\nIf-None-Match: \"x\", W/\"a\"")), 304);
    assert_eq!(status(&raw("GET /etag/a HTTP/1.1\r\nIf-Match: \"b\"")), 412);
    for (range, expected, bytes) in [
        ("bytes=0-2", 206, "abc"),
        ("bytes=23-", 206, "xyz"),
        ("bytes=-2", 206, "yz"),
        ("bytes=26-", 416, ""),
        ("bytes=2-1", 200, "abcdefghijklmnopqrstuvwxyz"),
        ("lines=1-2", 200, "abcdefghijklmnopqrstuvwxyz"),
    ] {
        let answer = raw(&format!("GET /range/26 HTTP/1.1\r\nRange: {range}"));
        assert_eq!(status(&answer), expected, "{range}: {answer}");
        assert!(expected == 416 || content(&answer) == bytes, "{range}: {answer}");
    }
    let chunked = raw("GET /chunked/2 HTTP/1.1\r\nTE: trailers");
    assert!(chunked.contains("x-content-sha256: ") && chunked.contains("chunk 2 of 2"), "{chunked}");
    assert_eq!(status(&raw("OPTIONS * HTTP/1.1")), 204);
}

#[test]
fn notes_are_validated_paged_and_protected_from_lost_updates() {
    let server = server();
    let send = |method: &str, path: &str, fields: &str, body: &str| {
        let len = body.len();
        ask(
            &server,
            format!("{method} {path} HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {len}\r\n\r\n{body}")
                .as_bytes(),
        )
    };
    const JSON: &str = "Content-Type: application/json\r\n";
    for number in 1..=3 {
        let answer = send("POST", "/api/notes", JSON, &format!("{{\"title\": \"note {number}\"}}"));
        assert!(answer.to_lowercase().contains(&format!("location: /api/notes/{number}")), "{answer}");
    }
    let page = get(&server, "/api/notes?limit=2");
    assert!(page.contains("rel=\"next\"") && page.contains("\"total\": 3"), "{page}");
    assert!(get(&server, "/api/notes?q=note%203").contains("\"total\": 1"));
    let cases = [
        ("{\"title\": \"\"}", 422, "\"code\": \"length\""),
        ("{\"body\": 1, \"x\": 2}", 422, "\"code\": \"missing\""),
        ("[]", 422, "an object"),
        ("{\"title\": \"a\",}", 400, "\"offset\": 14"),
        ("{\"title\": \"a\", \"title\": \"b\"}", 400, "\"fault\": \"duplicate\""),
    ];
    for (body, expected, words) in cases {
        let answer = send("POST", "/api/notes", JSON, body);
        assert!(status(&answer) == expected && answer.contains(words), "{body}: {answer}");
    }
    assert_eq!(status(&send("POST", "/api/notes", "Content-Type: text/plain\r\n", "{}")), 415);
    let patch = "Content-Type: application/merge-patch+json\r\nIf-Match: \"1-1\"\r\n";
    let first = send("PATCH", "/api/notes/1", patch, "{\"done\": true}");
    assert!(status(&first) == 200 && first.contains("\"done\": true"), "{first}");
    assert_eq!(status(&send("PATCH", "/api/notes/1", patch, "{\"done\": false}")), 412);
    assert_eq!(status(&send("PUT", "/api/notes/1", JSON, "{\"title\": \"new\"}")), 200);
    assert_eq!(status(&send("DELETE", "/api/notes/1", "", "")), 204);
    assert_eq!(status(&get(&server, "/api/notes/1")), 404);
    for path in ["/api/notes?limit=0", "/api/notes?limit=x", "/api/notes?unknown=1"] {
        assert_eq!(status(&get(&server, path)), 422, "{path}");
    }
}

#[test]
fn files_are_listed_put_and_kept_inside_their_folder() {
    let folder = std::env::temp_dir().join(format!("tongro-http-files-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("inner")).unwrap();
    std::fs::write(folder.join("한글.txt"), "안녕").unwrap();
    std::os::unix::fs::symlink("/etc", folder.join("out")).unwrap();
    let server = Server::start(Options { files: Some(folder.clone()), ..Options::default() }).unwrap();
    assert!(get(&server, "/files/").contains("한글.txt"));
    assert_eq!(content(&get(&server, "/files/%ED%95%9C%EA%B8%80.txt")), "안녕");
    assert_eq!(status(&get(&server, "/files/inner")), 308);
    for path in
        ["/files/../Cargo.toml", "/files/%2e%2e/x", "/files/out/passwd", "/files/a%2fb", "/files/.hidden"]
    {
        assert_eq!(status(&get(&server, path)), 403, "{path}");
    }
    let put = "PUT /files/new.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(status(&ask(&server, put.as_bytes())), 201);
    assert_eq!(std::fs::read(folder.join("new.txt")).unwrap(), b"abc");
    let cut = "PUT /files/cut.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc";
    assert_eq!(status(&ask(&server, cut.as_bytes())), 400);
    assert!(!folder.join("cut.txt").exists());
    server.stop();
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_head_that_drips_is_cut_off_and_an_idle_connection_closed() {
    let millis = Duration::from_millis;
    let patience =
        Patience { head: millis(200), idle: millis(300), body: millis(200), ..Patience::default() };
    let server = Server::start(Options { patience, ..Options::default() }).unwrap();
    let silent_after = |bytes: &str| {
        let mut stream = TcpStream::connect(server.addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(bytes.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(silent_after("GET / HT").contains("\"class\": \"slow-head\""));
    assert!(silent_after("GET / HTTP/1.1\r\nHost: a\r\n").contains("\"class\": \"slow-head\""));
    let body = silent_after("POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    assert!(body.starts_with("HTTP/1.1 408") && body.contains("slow-body"), "{body}");
    assert_eq!(silent_after(""), "");
}

#[test]
fn a_stop_lets_a_running_request_end() {
    let server = server();
    let mut stream = TcpStream::connect(server.addr()).unwrap();
    stream.write_all(b"GET /drip?numbytes=3&duration=0.3 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let mut first = [0u8; 9];
    stream.read_exact(&mut first).unwrap(); // the answer has begun
    let totals = server.stop();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).unwrap();
    assert!(rest.ends_with("***"), "{rest}");
    assert_eq!((totals.requests, totals.connections), (1, 1));
}
