//! What is wrong, by name and with evidence: counters, socket table, system calls and what the load has seen, joined.
//!
//! [`Symptoms`] come from one measured run ([`super::measure`]) and a counting run ([`super::calls_per_message`]); out
//! come ids and values, no prose. The rules are written so that a clean server on a busy machine is not accused: nobody
//! is called starved who has answered everybody in the end.
//!
//! | id | what has to be seen |
//! |---|---|
//! | `backlog-overflow` | a connect took a second (a repeated SYN), and the queue was full or counted as overflown |
//! | `nagle-delayed-ack` | a tenth of the replies came in pieces 30 ms apart |
//! | `head-of-line` | clients unanswered, somebody waits for `accept`, everybody in the program sleeps |
//! | `accept-starvation` | the same, and somebody runs |
//! | `fork-rate` | the same, and the processes grow in number |
//! | `fd-exhaustion` | the same, and no descriptor is free |
//! | `extra-calls` | beside reading, writing and waiting another call is made for every message, or several of one |
//! | `time-wait-exhaustion` | as many connections to one address in TIME-WAIT as there are ports to connect from |
//! | `thread-per-client` | a thread more for each client |

use serde::Serialize;

use super::watch::Seen;

/// What was seen of one lane.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Symptoms {
    /// Connections of the load.
    pub connections: u64,
    /// Connections on which a reply came.
    pub served: u64,
    /// Replies.
    pub replies: u64,
    /// Replies that came in pieces 30 ms apart.
    pub late_pieces: u64,
    /// Handshakes that took 0.9 s or more.
    pub slow_connects: u64,
    /// Of the whole network namespace.
    pub listen_overflows: u64,
    /// Of the whole network namespace.
    pub syn_retransmits: u64,
    /// What the looks have counted.
    pub seen: Seen,
    /// Threads more than before the first client.
    pub threads_grown: u64,
    /// The most connections to one address in TIME-WAIT that are not those of the load.
    pub time_wait: u64,
    /// Ports to connect from.
    pub ports: u64,
    /// Calls per message by name, from the counting run; empty without one.
    pub calls: Vec<(String, f64)>,
}

/// A name and what it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pathology {
    /// Its id; words in `course` under `pathology.ID`.
    pub id: &'static str,
    /// The values of its sentence.
    pub evidence: Vec<(&'static str, String)>,
}

/// All that is seen in the symptoms, the gravest first.
pub fn named(symptoms: &Symptoms) -> Vec<Pathology> {
    const RULES: [fn(&Symptoms) -> Option<Pathology>; 7] = [
        backlog_overflow,
        time_wait_exhaustion,
        never_answered,
        nagle_delayed_ack,
        extra_calls,
        several_calls,
        thread_per_client,
    ];
    RULES.iter().filter_map(|rule| rule(symptoms)).collect()
}

/// Calls that wait for many descriptors at once, or for work.
const WAITING: [&str; 9] = [
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "io_uring_enter",
    "futex",
];
const READING: [&str; 5] = ["read", "readv", "recvfrom", "recvmsg", "recvmmsg"];
const WRITING: [&str; 5] = ["write", "writev", "sendto", "sendmsg", "sendmmsg"];

fn found(id: &'static str, evidence: Vec<(&'static str, String)>) -> Option<Pathology> {
    Some(Pathology { id, evidence })
}

fn backlog_overflow(symptoms: &Symptoms) -> Option<Pathology> {
    let Symptoms { slow_connects, listen_overflows, syn_retransmits, seen, .. } = symptoms;
    let was_full = *listen_overflows > 0 || (seen.backlog > 0 && seen.queue_max > seen.backlog);
    (*slow_connects > 0 && was_full).then_some(())?;
    let values = [
        ("slow", slow_connects.to_string()),
        ("overflows", listen_overflows.to_string()),
        ("syns", syn_retransmits.to_string()),
        ("backlog", seen.backlog.to_string()),
    ];
    found("backlog-overflow", values.into())
}

fn time_wait_exhaustion(symptoms: &Symptoms) -> Option<Pathology> {
    let Symptoms { time_wait, ports, .. } = symptoms;
    (*ports > 0 && *time_wait * 10 >= *ports * 9).then_some(())?;
    found("time-wait-exhaustion", vec![("n", time_wait.to_string()), ("ports", ports.to_string())])
}

/// Connected and never answered: four causes with one look.
fn never_answered(symptoms: &Symptoms) -> Option<Pathology> {
    let Symptoms { connections, served, seen, .. } = symptoms;
    // Somebody waited most of the time, not only in the storm at the beginning.
    (served < connections && seen.waiting * 2 >= seen.looks && seen.waiting >= 3).then_some(())?;
    let causes = [
        ("fd-exhaustion", seen.exhausted),
        ("fork-rate", seen.forking),
        ("accept-starvation", seen.running),
        ("head-of-line", seen.asleep),
    ];
    // Looks with a running task are ordinary where processes are made one after the other.
    let forks = seen.forking * 8 >= seen.waiting && seen.processes_max > 8;
    let most = causes.iter().max_by_key(|(_, looks)| *looks).map(|(id, _)| *id)?;
    let id = if forks && seen.exhausted == 0 { "fork-rate" } else { most };
    let values = [
        ("served", served.to_string()),
        ("connections", connections.to_string()),
        ("queue", seen.queue_max.to_string()),
        ("processes", seen.processes_max.to_string()),
        ("descriptors", seen.descriptors.to_string()),
    ];
    found(id, values.into())
}

fn nagle_delayed_ack(symptoms: &Symptoms) -> Option<Pathology> {
    let Symptoms { replies, late_pieces, .. } = symptoms;
    (*late_pieces >= 3 && *late_pieces * 10 >= *replies).then_some(())?;
    let writes = per_message(symptoms, &WRITING);
    let writes = if writes > 0.0 { format!("{writes:.1}") } else { "≥ 2".to_owned() };
    let values = [("late", late_pieces.to_string()), ("replies", replies.to_string()), ("writes", writes)];
    found("nagle-delayed-ack", values.into())
}

/// Another call for each message: memory mapped and unmapped, a clock read, an option set.
fn extra_calls(symptoms: &Symptoms) -> Option<Pathology> {
    let is_ordinary =
        |name: &str| [&WAITING[..], &READING, &WRITING].iter().any(|group| group.contains(&name));
    let extra: Vec<&(String, f64)> =
        symptoms.calls.iter().filter(|(name, count)| *count >= 0.8 && !is_ordinary(name)).collect();
    (!extra.is_empty()).then_some(())?;
    let names: Vec<String> = extra.iter().map(|(name, count)| format!("{name} {count:.1}")).collect();
    found("extra-calls", vec![("calls", names.join(", ")), ("all", format!("{:.1}", all(symptoms)))])
}

/// Several of what one would do: a byte a `recv`, a line in two `send`s.
fn several_calls(symptoms: &Symptoms) -> Option<Pathology> {
    let (reads, writes) = (per_message(symptoms, &READING), per_message(symptoms, &WRITING));
    (reads >= 2.7 || writes >= 1.8).then_some(())?;
    let calls = format!("recv {reads:.1}, send {writes:.1}");
    found("extra-calls", vec![("calls", calls), ("all", format!("{:.1}", all(symptoms)))])
}

fn thread_per_client(symptoms: &Symptoms) -> Option<Pathology> {
    let Symptoms { threads_grown, served, .. } = symptoms;
    (*served >= 16 && *threads_grown * 10 >= *served * 9).then_some(())?;
    found("thread-per-client", vec![("threads", threads_grown.to_string()), ("clients", served.to_string())])
}

fn per_message(symptoms: &Symptoms, names: &[&str]) -> f64 {
    let calls = symptoms.calls.iter().filter(|(name, _)| names.contains(&name.as_str()));
    calls.map(|(_, count)| count).sum()
}

fn all(symptoms: &Symptoms) -> f64 {
    symptoms.calls.iter().map(|(_, count)| count).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server with nothing wrong.
    fn clean() -> Symptoms {
        Symptoms {
            connections: 64,
            served: 64,
            replies: 10_000,
            ports: 28_000,
            calls: vec![("recvfrom".into(), 1.0), ("sendto".into(), 1.0), ("epoll_wait".into(), 0.1)],
            ..Symptoms::default()
        }
    }

    fn ids(symptoms: &Symptoms) -> Vec<&'static str> {
        named(symptoms).into_iter().map(|found| found.id).collect()
    }

    #[test]
    fn a_clean_server_on_a_busy_machine_is_not_accused() {
        assert_eq!(ids(&clean()), [""; 0]);
        let storm =
            Seen { looks: 9, waiting: 8, running: 8, queue_max: 64, backlog: 4096, ..Seen::default() };
        // Others' overflows, a slow start, a slow connect without a full queue: all were answered in the end.
        assert_eq!(ids(&Symptoms { listen_overflows: 5, seen: storm, ..clean() }), [""; 0]);
        assert_eq!(ids(&Symptoms { slow_connects: 1, seen: storm, ..clean() }), [""; 0]);
    }

    #[test]
    fn the_same_signature_has_four_causes() {
        let of = |seen: Seen| ids(&Symptoms { served: 1, seen, ..clean() });
        let seen = Seen { looks: 20, waiting: 18, queue_max: 63, backlog: 128, ..Seen::default() };
        assert_eq!(of(Seen { asleep: 17, running: 1, ..seen }), ["head-of-line"]);
        assert_eq!(of(Seen { running: 17, asleep: 1, ..seen }), ["accept-starvation"]);
        assert_eq!(of(Seen { forking: 9, running: 9, processes_max: 60, ..seen }), ["fork-rate"]);
        assert_eq!(of(Seen { exhausted: 17, asleep: 1, ..seen }), ["fd-exhaustion"]);
        assert_eq!(of(Seen { waiting: 2, asleep: 2, ..seen }), [""; 0], "waited only at the beginning");
    }

    #[test]
    fn calls_beside_the_ordinary_ones_are_named() {
        let with = |name: &str, count: f64| {
            let mut symptoms = clean();
            symptoms.calls.push((name.to_owned(), count));
            named(&symptoms)
        };
        let found = with("munmap", 1.0);
        assert_eq!((found[0].id, &*found[0].evidence[0].1), ("extra-calls", "munmap 1.0"));
        assert_eq!(with("sendto", 1.0)[0].id, "extra-calls", "two writes for a reply");
        assert!(
            with("futex", 1.0).is_empty() && with("recvfrom", 1.0).is_empty(),
            "a read until EAGAIN is usual"
        );
    }
}
