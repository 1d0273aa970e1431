//! Hosts and routers of a test: network namespaces inside one user namespace, held by a shell that is ended with it.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};

/// A user and network namespace with a shell in it; further namespaces are made by its commands.
pub(super) struct Net {
    shell: Child,
    stdin: ChildStdin,
    pid: u32,
}

impl Net {
    /// Runs the commands in fresh namespaces; every one must succeed.
    pub(super) fn new(commands: &str) -> Self {
        let script = "set -e; ip link set lo up; while read -r line; do eval \"$line\" && echo done || echo failed; done";
        let mut shell = Command::new("unshare")
            .args([
                "--user",
                "--map-root-user",
                "--net",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
                "sh",
                "-c",
                script,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = shell.stdin.take().unwrap();
        let mut net = Self { pid: 0, shell, stdin };
        let mut lines = BufReader::new(net.shell.stdout.take().unwrap()).lines();
        for command in ["mount -t tmpfs none /run", "mkdir -p /run/netns"].into_iter().chain(commands.lines())
        {
            let command = command.trim();
            if command.is_empty() {
                continue;
            }
            writeln!(net.stdin, "{command}").unwrap();
            loop {
                let line = lines.next().unwrap_or_else(|| panic!("`{command}` ended the shell")).unwrap();
                assert_ne!(line, "failed", "`{command}`");
                if line == "done" {
                    break;
                }
            }
        }
        // The namespaces are those of unshare's child.
        let children =
            std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", net.shell.id())).unwrap();
        net.pid = children.split_whitespace().next().unwrap().parse().unwrap();
        net
    }

    /// A command that runs tongro inside, in the first namespace or in a named one.
    pub(super) fn tongro(&self, host: Option<&str>, arguments: &[&str]) -> Command {
        let mut command = self.command(host, env!("CARGO_BIN_EXE_tongro"));
        command.args(arguments).env("LANG", "en_US.UTF-8").env_remove("LC_ALL");
        command
    }

    /// A command that runs another program inside.
    pub(super) fn command(&self, host: Option<&str>, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let pid = self.pid.to_string();
        command.args(["--preserve-credentials", "--user", "--net", "--mount", "--target", &pid]);
        if let Some(host) = host {
            command.args(["ip", "netns", "exec", host]);
        }
        command.arg(program);
        command
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // Ends everything inside: the shell's child is pid 1 of its namespace.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Two hosts on one link, 10.9.0.1 and 10.9.0.2: the first namespace and `far`.
pub(super) const PAIR: &str = "
    ip netns add far
    ip link add e0 type veth peer name e1 netns far
    ip addr add 10.9.0.1/24 dev e0
    ip link set e0 up
    ip -n far addr add 10.9.0.2/24 dev e1
    ip -n far addr add fd09::2/64 dev e1 nodad
    ip -n far link set e1 up
    ip -n far link set lo up
    ip addr add fd09::1/64 dev e0 nodad
";

/// A host behind two routers: 10.1.0.2, 10.2.0.2 and at last 10.3.0.2.
pub(super) const CHAIN: &str = "
    ip netns add r1
    ip netns add r2
    ip netns add far
    ip link add e0 type veth peer name e1 netns r1
    ip -n r1 link add f0 type veth peer name f1 netns r2
    ip -n r2 link add g0 type veth peer name g1 netns far
    ip addr add 10.1.0.1/24 dev e0
    ip link set e0 up
    ip -n r1 addr add 10.1.0.2/24 dev e1
    ip -n r1 addr add 10.2.0.1/24 dev f0
    ip -n r1 link set e1 up
    ip -n r1 link set f0 up
    ip -n r2 addr add 10.2.0.2/24 dev f1
    ip -n r2 addr add 10.3.0.1/24 dev g0
    ip -n r2 link set f1 up
    ip -n r2 link set g0 up
    ip -n far addr add 10.3.0.2/24 dev g1
    ip -n far link set g1 up
    ip -n far link set lo up
    ip route add default via 10.1.0.2
    ip -n r1 route add 10.3.0.0/24 via 10.2.0.2
    ip -n r2 route add 10.1.0.0/24 via 10.2.0.1
    ip -n far route add default via 10.3.0.1
    ip netns exec r1 sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/icmp_ratelimit'
    ip netns exec r2 sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward; echo 0 > /proc/sys/net/ipv4/icmp_ratelimit'
    ip netns exec far sh -c 'echo 0 > /proc/sys/net/ipv4/icmp_ratelimit'
";
