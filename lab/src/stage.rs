//! The child process that is the lab. Stage 0 (one thread) makes the namespaces and waits; stage 1 is pid 1 in them:
//! it builds the network, runs the link and the programs, and takes everything with it when it ends.
//!
//! The socket pair to the parent is stdin. Its end of file is the certain sign that the parent is gone.

use std::os::fd::AsFd;
use std::sync::Arc;

use tongro_sys::fdpass::Channel;
use tongro_sys::{Error, namespace, process};
use tongro_trace::event::What;

use crate::error::Step;
use crate::fate::Fates;
use crate::link::Link;
use crate::message::{FromLab, Reply, Setup};
use crate::record::{self, Recorder};
use crate::requests::Control;
use crate::script::Script;
use crate::states::States;
use crate::topology::{self, Failure};
use crate::tracer::{self, Ground};

/// What the programs see themselves as: the user's ids, or nothing where no user namespace could be made.
type Ids = Option<(u32, u32)>;

/// Runs the lab; the binary calls it first thing when its argument is [`crate::STAGE_ARGUMENT`], before any thread
/// exists. Gives the process's exit code.
#[must_use]
pub fn enter_stage() -> i32 {
    let Ok(stdin) = std::io::stdin().as_fd().try_clone_to_owned() else { return 2 };
    let channel = Channel::from(stdin);
    match leave_the_machine() {
        Err((step, error)) => {
            tell_failure(&channel, step, &error);
            2
        }
        Ok(ids) => match process::fork() {
            Ok(Some(child)) => process::wait_for(child).unwrap_or(2),
            Ok(None) => process::exit_now(first_process(channel, ids)),
            Err(error) => {
                tell_failure(&channel, Step::Namespaces, &error);
                2
            }
        },
    }
}

/// Stage 0: the six namespaces and the user's place in them.
fn leave_the_machine() -> Result<Ids, Failure> {
    let ids = namespace::ids();
    let rest = namespace::NET | namespace::MOUNT | namespace::UTS | namespace::IPC | namespace::PID;
    match namespace::unshare(namespace::USER | rest) {
        Ok(()) => {
            namespace::map_ids((0, 0), ids).map_err(|error| (Step::Ids, error))?;
            Ok(Some(ids))
        }
        // A container may forbid user namespaces and yet give root the capabilities itself.
        Err(_) if ids.0 == 0 && namespace::unshare(rest).is_ok() => Ok(None),
        Err(error) => Err((Step::Namespaces, error)),
    }
}

fn tell_failure(channel: &Channel, step: Step, error: &Error) {
    let reply = Reply::NotBuilt { step, call: error.call.to_owned(), errno: error.errno() };
    // If the parent is gone there is nobody to tell.
    let _ = record::send(channel, &FromLab::Reply(0, reply), &[]);
}

/// Stage 1.
fn first_process(channel: Channel, ids: Ids) -> i32 {
    let _ = process::die_with_parent();
    let mut buffer = Vec::new();
    let Ok(Some((bytes, _))) = channel.receive(&mut buffer) else { return 2 };
    let Ok(setup) = postcard::from_bytes::<Setup>(bytes) else { return 2 };
    match build(channel, &setup, ids) {
        Ok(mut control) => control.serve(),
        Err((channel, (step, error))) => {
            tell_failure(&channel, step, &error);
            2
        }
    }
}

fn build(channel: Channel, setup: &Setup, ids: Ids) -> Result<Control, (Arc<Channel>, Failure)> {
    let channel = Arc::new(channel);
    let fail = |failure| (Arc::clone(&channel), failure);
    // Before any other thread exists: they all inherit the blocked SIGCHLD that the tracer waits for.
    let signals = process::child_signals().map_err(|error| fail((Step::Start, error)))?;
    topology::mounts().map_err(fail)?;
    let network = topology::build(setup).map_err(fail)?;
    let started = |error| fail((Step::Start, Error { call: "thread", source: error }));
    let buffers = network.sockets.each_ref().map(|socket| socket.buffer as u64);
    let recorder = Recorder::new(setup.epoch);
    recorder.send_over(Arc::clone(&channel)).map_err(started)?;
    let states = States::new(Arc::clone(&recorder));
    let script = Script::parse(&setup.script.0).unwrap_or_default();
    recorder.put(What::Link(script.link.clone()));
    let fates = Fates::new(script.seed, script.link, script.rule);
    let link =
        Link::start(network.sockets, network.link_diags, Arc::clone(&states), Arc::clone(&recorder), fates)
            .map_err(started)?;
    states.watch(network.watch).map_err(started)?;
    let ground = Ground { nets: network.host_nets, hosts_files: network.hosts_files, ids };
    let ground = Arc::new(ground);
    let tracer = tracer::start(Arc::clone(&recorder), Arc::clone(&ground), signals).map_err(started)?;
    Ok(Control::new(
        channel,
        recorder,
        states,
        link,
        tracer,
        network.wire_net,
        ground,
        network.diags,
        network.routes,
        setup,
    )
    .built(buffers))
}
