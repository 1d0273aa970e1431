//! Our client against our server: redirects, cookies, authentication, codings, both versions, TLS good and broken.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use tongro_http::client::{
    Answer, Auth, Form, Head, Options, Request, Session, Sink, Version, decoded, fetch, item,
};
use tongro_http::server::{Options as ServerOptions, Server};
use tongro_http::tls::{Authority, Breakage, Failure};
use tongro_http::{Error, Result};

#[derive(Default)]
struct Kept(Vec<u8>);

impl Sink for Kept {
    fn request(&mut self, _: &Request) {}
    fn head(&mut self, _: &Head, _: bool) {}
    fn piece(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.extend(bytes);
        Ok(())
    }
}

fn ask(url: &str, items: &[&str], options: &Options, session: &mut Session) -> Result<(Answer, String)> {
    let items = items.iter().map(|text| item::parse(text)).collect::<Result<Vec<_>>>()?;
    let request = Request::build(None, url, items, Form::Json, None)?;
    let mut kept = Kept::default();
    let answer = fetch(request, options, session, &mut kept)?;
    let content = decoded(&answer.head, kept.0);
    Ok((answer, String::from_utf8(content).unwrap()))
}

#[test]
fn redirects_cookies_and_authentication_work_with_both_versions() {
    let server = Server::start(ServerOptions::default()).unwrap();
    let at = |path: &str| format!("{}{path}", server.url());
    for version in [Version::One, Version::Two] {
        let plain = Options { version, redirects: 5, ..Options::default() };
        let mut session = Session::default();
        let (_, text) = ask(&at("/post"), &["name=통로", "n:=[1]", "q==2"], &plain, &mut session).unwrap();
        assert!(text.contains("\"q\": \"2\"") && text.contains("통로"), "{text}");
        let (answer, _) = ask(&at("/redirect/3"), &[], &plain, &mut session).unwrap();
        assert_eq!((answer.head.status.as_u16(), answer.url.path()), (200, "/get"));
        assert!(matches!(ask(&at("/redirect/9"), &[], &plain, &mut session), Err(Error::Redirects(5))));
        let (_, text) = ask(&at("/cookies/set?a=1"), &[], &plain, &mut session).unwrap();
        assert!(text.contains("\"a\": \"1\""), "{text}");
        let digest = Auth::Digest("kim".to_owned(), "secret".to_owned());
        let digest = Options { auth: Some(digest), ..plain.clone() };
        for path in ["/digest-auth/auth/kim/secret", "/digest-auth/auth/kim/secret/SHA-256"] {
            let (answer, _) = ask(&at(path), &[], &digest, &mut Session::default()).unwrap();
            assert_eq!(answer.head.status.as_u16(), 200, "{path}");
        }
        for path in ["/gzip", "/deflate", "/brotli"] {
            let (_, text) = ask(&at(path), &[], &plain, &mut session).unwrap();
            assert!(text.contains("\"method\":\"GET\""), "{text}");
        }
    }
}

#[test]
fn a_broken_certificate_is_refused_for_its_reason() {
    let authority = Authority::make("test").unwrap();
    let names = ["127.0.0.1".to_owned()];
    for (breakage, expected) in [
        (Breakage::None, None),
        (Breakage::Expired, Some(Failure::Expired)),
        (Breakage::NotYet, Some(Failure::NotYet)),
        (Breakage::WrongName, Some(Failure::WrongName)),
        (Breakage::UnknownCa, Some(Failure::UnknownCa)),
        (Breakage::MissingIntermediate, Some(Failure::UnknownCa)),
        (Breakage::SelfSigned, Some(Failure::UnknownCa)),
        (Breakage::WrongUsage, Some(Failure::Purpose)),
    ] {
        let identity = authority.issue(&names, breakage).unwrap();
        let tls = Some(identity.server(&["h2", "http/1.1"], None).unwrap());
        let server = Server::start(ServerOptions { tls, ..ServerOptions::default() }).unwrap();
        let options = Options { authorities: Some(authority.certificate().to_owned()), ..Options::default() };
        let outcome = ask(&server.url(), &[], &options, &mut Session::default());
        match (outcome, expected) {
            (Ok((answer, _)), None) => {
                let facts = answer.tls.unwrap();
                assert_eq!((facts.version.as_str(), facts.alpn.as_deref()), ("TLSv1_3", Some("h2")));
            }
            (Err(Error::Tls { failure, .. }), Some(expected)) => assert_eq!(failure, expected),
            (outcome, expected) => panic!("{breakage:?}: {outcome:?}, not {expected:?}"),
        }
    }
}
