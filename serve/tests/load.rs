//! The load generator against servers that are known: what it counts must be what happened.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::time::Duration;

use tongro_proto::Proto;
use tongro_serve::load::{Load, Loop, Reply, run};
use tongro_serve::{Client, Model, Options, Timeouts, start};

fn short(target: std::net::SocketAddr, connections: usize) -> Load {
    Load { length: Duration::from_millis(100), ..Load::echo(target, connections) }
}

#[test]
fn a_closed_loop_serves_everybody_alike() {
    for model in [Model::Thread, Model::Poll, Model::Epoll, Model::Async, Model::AsyncMulti] {
        let server = start(Options { model, ..Options::default() }).unwrap();
        let report = run(&short(server.local_addrs()[0], 64)).unwrap();
        assert_eq!((report.connected, report.served, report.lost), (64, 64, 0), "{}", model.name());
        assert_eq!((report.wrong, report.unanswered), (0, 0));
        assert!(report.messages > 64 && report.latency.len() == report.messages);
        assert!(report.fairness.min > 0 && report.fairness.min <= report.fairness.median);
    }
}

#[test]
fn head_of_line_shows_in_served_and_unanswered() {
    let server = start(Options { model: Model::Pool, hands: 2, ..Options::default() }).unwrap();
    let load = Load { patience: Duration::from_millis(100), ..short(server.local_addrs()[0], 10) };
    let report = run(&load).unwrap();
    assert_eq!((report.connected, report.served, report.unanswered), (10, 2, 8));
}

#[test]
fn an_open_loop_sends_by_its_plan() {
    let server = start(Options::default()).unwrap();
    let how = Loop::Open { per_second: 3000.0 };
    let report = run(&Load { how, threads: 2, ..short(server.local_addrs()[0], 10) }).unwrap();
    assert_eq!((report.messages, report.unanswered, report.wrong), (300, 0, 0));
}

#[test]
fn an_open_loop_counts_the_wait_of_requests_that_could_not_be_served() {
    // A silent client holds the server until the server's own idle timeout, long after the plan is over.
    let timeouts = Timeouts { idle: Duration::from_millis(150), ..Timeouts::default() };
    let server = start(Options { model: Model::Sequential, timeouts, ..Options::default() }).unwrap();
    let target = server.local_addrs()[0];
    let _silent = Client::connect(target).unwrap();
    let how = Loop::Open { per_second: 1000.0 };
    let report = run(&Load { how, length: Duration::from_millis(50), ..Load::echo(target, 1) }).unwrap();
    assert_eq!(report.messages, 50, "all of the plan was sent, though the server was busy");
    let percentiles = report.latency.percentiles();
    assert!(percentiles.p50 > 50_000_000, "and each of them waited: {percentiles:?}");
}

#[test]
fn other_replies_are_told_apart() {
    let server = start(Options { proto: Proto::Line, ..Options::default() }).unwrap();
    let target = server.local_addrs()[0];
    let line = Load { request: b"TIME\n".to_vec(), reply: Reply::Line, ..short(target, 4) };
    let report = run(&line).unwrap();
    assert!(report.messages > 0 && report.wrong == 0);
    let report = run(&Load { reply: Reply::Bytes(21), ..line.clone() }).unwrap();
    assert!(report.messages > 0 && report.wrong == 0);
    let report = run(&Load { reply: Reply::Echo, ..line }).unwrap();
    assert!(report.wrong > 0);
}

#[test]
fn nobody_there_is_reported_not_waited_for() {
    let server = start(Options::default()).unwrap();
    let target = server.local_addrs()[0];
    server.shutdown();
    server.join().unwrap();
    let report = run(&short(target, 5)).unwrap();
    assert_eq!((report.connected, report.lost, report.messages), (0, 5, 0));
}

#[test]
fn a_report_is_data() {
    let server = start(Options::default()).unwrap();
    let report = serde_json::to_value(run(&short(server.local_addrs()[0], 1)).unwrap()).unwrap();
    assert!(report["latency"]["percentiles"]["p99"].as_u64().unwrap() > 0);
    assert_eq!(report["fairness"]["max"], report["messages"]);
}
