//! A server without free descriptors: it must neither spin nor die nor turn anybody away, and serve all as
//! descriptors come back.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod process;

use process::Process;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tongro_proto::Proto;
use tongro_serve::{Client, Model};

#[test]
fn serve_if_asked() {
    process::serve_if_asked();
}

#[test]
fn without_descriptors_newcomers_wait_and_are_served_in_turn() {
    for model in [Model::Sequential, Model::Thread, Model::Pool, Model::Poll, Model::Epoll, Model::Async] {
        let server = Process::start(model, Proto::Echo, false);
        visit(&server); // answered, so whatever it opens at its start or for a first visitor is open now
        leave_room_for(3, &server);
        let mut clients: Vec<Client> = (0..10).map(|_| Client::connect(server.address).unwrap()).collect();
        for client in &mut clients {
            client.send(b"?").unwrap();
        }
        for mut client in clients {
            assert_eq!(client.recv_exactly(1).unwrap(), b"?", "{}", model.name());
        }
        assert_eq!(server.end(), 0);
    }
}

/// One whole conversation. A mere connection would prove nothing: the kernel accepts before the server is up.
fn visit(server: &Process) {
    let mut client = Client::connect(server.address).unwrap();
    client.send(b"!").unwrap();
    assert_eq!(client.recv_exactly(1).unwrap(), b"!");
    client.reset().unwrap();
}

/// Lowers the limit of the server's process to what it has open, and a few.
fn leave_room_for(more: u64, server: &Process) {
    let pid = Pid::from_raw(server.id() as i32);
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.id())).unwrap().count() as u64;
    let limit = Some(open + more);
    prlimit(pid, Resource::Nofile, Rlimit { current: limit, maximum: limit }).unwrap();
}
