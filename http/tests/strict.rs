//! The table of requests, `requests.txt`, against the checker alone: at once and byte by byte.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use tongro_http::strict::{Checker, Class, Limits, Refusal, Step};

mod requests;

use requests::{Row, rows};

/// Feeds the bytes in pieces of a length; how many requests were whole, or the refusal.
fn run(bytes: &[u8], piece: usize) -> Result<usize, Refusal> {
    let mut checker = Checker::new(Limits::default());
    let (mut start, mut end, mut whole, mut has_head) = (0, 0, 0, false);
    loop {
        match checker.check(&bytes[start..end])? {
            Step::More if end == bytes.len() => break,
            Step::More => end = (end + piece).min(bytes.len()),
            Step::Head(len, _) => {
                start += len;
                has_head = !checker.is_in_head();
                whole += usize::from(!has_head);
            }
            Step::Body(len) => start += len,
            Step::End(len) => {
                start += len;
                has_head = false;
                whole += 1;
            }
        }
    }
    assert!(!has_head || checker.is_inside(b""));
    checker.end(&bytes[start..]).map(|()| whole)
}

#[test]
fn each_request_is_taken_or_refused_as_its_clause_says() {
    let rows = rows();
    assert!(rows.len() >= 150, "{}", rows.len());
    let mut wrong = Vec::new();
    for Row { number, clause, verdict, bytes, fault } in &rows {
        for piece in [usize::MAX, 1, 7] {
            let outcome = run(bytes, piece.min(bytes.len()));
            let is_right = match (&outcome, verdict.as_str()) {
                (Ok(whole), "ok") => *whole >= 1,
                (Err(refusal), class) => {
                    refusal.class.id() == class && fault.is_none_or(|fault| refusal.offset == fault as u64)
                }
                _ => false,
            };
            if !is_right {
                let shown = bytes[..bytes.len().min(160)].escape_ascii();
                wrong.push(format!(
                    "line {number} ({clause}): {verdict} {fault:?}, but {outcome:?}\n    {shown}"
                ));
                break;
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{} of {} wrong", wrong.join("\n"), wrong.len(), rows.len());
}

#[test]
fn every_class_that_bytes_can_have_stands_in_the_table() {
    let rows = rows();
    let of_time = [Class::SlowHead, Class::SlowBody];
    for class in Class::ALL.iter().filter(|class| !of_time.contains(class)) {
        assert!(rows.iter().any(|row| row.verdict == class.id()), "{}", class.id());
    }
}

/// A machine of random edits on good requests: whatever comes, no panic, no endless loop, and the same verdict however
/// the bytes are cut.
#[test]
fn edited_requests_get_one_verdict_however_they_are_cut() {
    let mut seed = 0x5eed_u64;
    let mut next = move |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % most.max(1)
    };
    let good: Vec<_> = rows().into_iter().filter(|row| row.bytes.len() < 2000).collect();
    let bytes = b"\r\n\0 \t:;,aZ09\xff\x7f%[]\"";
    for _ in 0..20_000 {
        let mut request = good[next(good.len())].bytes.clone();
        for _ in 0..=next(3) {
            let at = next(request.len());
            match next(4) {
                0 => request[at] = bytes[next(bytes.len())],
                1 => request.insert(at, bytes[next(bytes.len())]),
                2 => drop(request.remove(at)),
                _ => request.truncate(at.max(1)),
            }
            if request.is_empty() {
                request.push(b'G');
            }
        }
        let verdict = |piece: usize| {
            run(&request, piece.min(request.len())).map_err(|refusal| (refusal.class, refusal.offset))
        };
        let whole = verdict(usize::MAX);
        assert_eq!(verdict(1), whole, "{}", request.escape_ascii());
        assert_eq!(verdict(1 + next(9)), whole, "{}", request.escape_ascii());
    }
}
