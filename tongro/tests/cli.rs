//! The command line as a process: exit code, stdout and stderr together.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use std::process::Command;

/// Exit code, stdout, stderr.
fn tongro(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tongro"))
        .args(arguments)
        .env_remove("LC_ALL")
        .env("LANG", "ko_KR.UTF-8")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn alone_it_says_what_it_is_in_the_language_of_the_locale() {
    let (code, out, err) = tongro(&[]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("tongro (통로) – ") && out.contains("tongro up"), "{out}");
    let (_, english, _) = tongro(&["--lang", "en"]);
    assert!(english.contains("See, break and prove network programs"), "{english}");
    assert_ne!(out, english);
}

#[test]
fn the_checks_are_listed_in_the_order_of_causes() {
    let (code, out, _) = tongro(&["check", "list", "--lang", "en"]);
    assert_eq!(code, 0);
    let ids: Vec<&str> = out.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    assert!(out.starts_with("echo\n") && ids.len() >= 22, "{out}");
    assert_eq!(ids[0], "happy-path");
    assert!(!out.contains("check."), "every check has a title: {out}");
}

#[test]
fn a_bug_is_explained_in_both_languages() {
    for (lang, word) in [("en", "Why"), ("ko", "다.")] {
        let (code, out, _) = tongro(&["check", "explain", "idle-client-blocks", "--lang", lang]);
        assert_eq!(code, 0);
        assert!(out.contains("idle-client-blocks") && out.contains(word), "{out}");
    }
    let (code, out, err) = tongro(&["check", "explain", "no-such-bug", "--lang", "en"]);
    assert_eq!((code, out.as_str()), (2, ""));
    assert_eq!(err, "error: there is no bug `no-such-bug`\n\nhint: `tongro check list` shows every name\n");
}

#[test]
fn usage_errors_exit_with_2_and_say_what_to_do() {
    let (code, _, err) = tongro(&["check", "--contract", "nonsense", "--lang", "en", "--", "true"]);
    assert_eq!(code, 2);
    assert!(err.contains("there is no contract `nonsense`") && err.contains("echo"), "{err}");
    let (code, _, err) = tongro(&["check", "--lang", "en", "--", "./no-such-server"]);
    assert_eq!(code, 2);
    assert!(err.contains("`./no-such-server` was not found"), "{err}");
    let (code, _, err) = tongro(&["check", "--lang", "en", "--", "/etc/passwd"]);
    assert_eq!(code, 2);
    assert!(err.contains("`/etc/passwd` is not an executable file"), "{err}");
    let (code, _, err) = tongro(&["check", "replay", "/no/such/run", "--lang", "en"]);
    assert_eq!(code, 2);
    assert!(err.contains("/no/such/run"), "{err}");
}

#[test]
fn doctor_finds_the_lab_working_here() {
    let (code, out, err) = tongro(&["doctor", "--json"]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(out.lines().filter(|line| line.contains(r#""works":true"#)).count(), 8, "{out}");
    let (_, out, _) = tongro(&["doctor", "--lang", "en"]);
    assert!(out.contains("every practical runs in the private lab"), "{out}");
}

#[test]
fn a_denied_lab_is_told_and_exits_with_2() {
    // A user namespace limit of 0 and no capability, in a namespace of our own: a locked-down machine.
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all \
        --inh-caps=-all --no-new-privs \"$0\" \"$@\"";
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", script])
        .args([env!("CARGO_BIN_EXE_tongro"), "check", "--lang", "en", "--", "true"])
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("tongro doctor"), "{err}");
}

/// `tongro lab run` with a server and a client.
fn lab_run(server: &str, client: &str, options: &[&str]) -> (i32, String, String) {
    let arguments = ["lab", "run", "--lang", "en", "--server", server, "--client", client];
    tongro(&[&arguments, options].concat())
}

#[test]
fn a_lab_run_ends_as_its_programs_do() {
    let (code, _, err) = lab_run("sh -c 'echo no such port >&2; exit 3'", "true", &[]);
    assert_eq!(code, 2);
    assert!(
        err.contains("ended with exit code 3 before it listened") && err.contains("no such port"),
        "{err}"
    );
    let (code, _, err) = lab_run("sleep 1000", "true", &["--limit", "0"]);
    assert_eq!(code, 2);
    assert!(err.contains("did not listen on any port"), "{err}");
    let server = "python3 -c 'import socket; socket.create_server((\"\", 7000)).accept()'";
    let (code, _, err) = lab_run(server, "sh -c 'exit 4'", &[]);
    assert_eq!(code, 1);
    assert!(err.contains("the client ended with exit code 4"), "{err}");
    let (code, _, err) = lab_run("./no-such-server", "true", &[]);
    assert_eq!(code, 2);
    assert!(err.contains("`./no-such-server` was not found"), "{err}");
    let (code, _, err) = lab_run("'", "true", &[]);
    assert_eq!(code, 2);
    assert!(err.contains("a quote of the command line is not closed"), "{err}");
}

#[test]
fn a_lab_run_is_kept_with_its_time_and_versions_and_its_link() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab-run");
    let _ = std::fs::remove_dir_all(&folder);
    let server = "python3 -c 'import socket; socket.create_server((\"\", 7000)).accept()[0].recv(9)'";
    let client = "python3 -c 'import socket; socket.create_connection((\"10.77.0.2\", 7000))'";
    let before = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let save = folder.to_string_lossy();
    let (code, out, err) = lab_run(server, client, &["--delay", "5", "--seed", "9", "--save", &save]);
    assert_eq!(code, 0, "{out}{err}");
    let run = tongro_trace::run::Run::open(&folder).unwrap();
    assert!(u128::try_from(run.about.began_at).unwrap() > before);
    assert!(run.about.versions.contains_key("kernel") && run.about.versions.contains_key("tongro"));
    assert!(run.about.seed == "9" && run.about.script.contains("delay_us = 5000"), "{:?}", run.about);
}
