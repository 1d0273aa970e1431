//! Building the network: a namespace for the wire, one for each host, a veth pair between wire and host, and a packet
//! socket on every wire end. Everything is gone with the process.
//!
//! ```text
//!   client namespace            wire namespace              server namespace
//!   eth0 10.77.0.1  ── veth ──  w0  [link thread]  w1  ── veth ──  eth0 10.77.0.2
//! ```

use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};

use tongro_sys::mount::{self, DetachedTmpfs};
use tongro_sys::namespace::{self, sysctl};
use tongro_sys::netlink::{Link, Route};
use tongro_sys::packet::PacketSocket;
use tongro_sys::sock_diag::{DestroyEvents, Diag};
use tongro_sys::{Error, ethtool};

use crate::error::Step;
use crate::message::Setup;

/// Hardware addresses of the hosts, locally administered.
pub(crate) const MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 0, 0x0a], [2, 0, 0, 0, 0, 0x0b]];
const WIRE_MACS: [[u8; 6]; 2] = [[2, 0, 0, 0, 1, 0x0a], [2, 0, 0, 0, 1, 0x0b]];
/// The wire's ends.
pub(crate) const WIRE_ENDS: [&str; 2] = ["w0", "w1"];
/// Each host's end.
pub(crate) const HOST_END: &str = "eth0";
/// The hosts' names.
pub(crate) const NAMES: [&str; 2] = ["client", "server"];

/// Connection tables of their own keep listing a host's sockets cheap (facts of measurement: 200 µs instead of 600).
const TABLE_SLOTS: &str = "512";

/// Sysctls of every host, whether the kernel has them or not.
const HOST_SYSCTLS: [(&str, &str); 7] = [
    ("net.ipv4.ip_unprivileged_port_start", "0"),
    ("net.ipv4.tcp_congestion_control", "reno"),
    ("net.ipv4.ip_nonlocal_bind", "1"),
    ("net.ipv6.ip_nonlocal_bind", "1"),
    ("net.ipv4.tcp_autocorking", "0"),
    ("net.ipv4.tcp_no_metrics_save", "1"),
    ("net.ipv4.ping_group_range", "0 0"),
];

/// What building gives to the threads of the lab.
pub(crate) struct Network {
    pub(crate) wire_net: OwnedFd,
    pub(crate) host_nets: [OwnedFd; 2],
    pub(crate) sockets: [PacketSocket; 2],
    /// For the link's thread.
    pub(crate) link_diags: [Diag; 2],
    /// For requests.
    pub(crate) diags: [Diag; 2],
    /// For the polling thread.
    pub(crate) watch: Vec<(Diag, DestroyEvents)>,
    pub(crate) routes: [Route; 2],
    /// `/etc/hosts` of each host, to be bound over by its programs.
    pub(crate) hosts_files: Option<[OwnedFd; 2]>,
}

/// A failure with the step it belongs to.
pub(crate) type Failure = (Step, Error);

fn at<T>(step: Step) -> impl FnOnce(Error) -> Result<T, Failure> {
    move |error| Err((step, error))
}

/// Mounts for the whole lab: private, with a proc of the lab's own pid namespace.
pub(crate) fn mounts() -> Result<(), Failure> {
    namespace::set_hostname("lab").or_else(at(Step::Capabilities))?;
    mount::make_all_private().or_else(at(Step::Mounts))?;
    mount::mount_proc().or_else(at(Step::Mounts))?;
    // A convenience of programs that list links; nothing of the lab needs it.
    let _ = mount::mount_sysfs();
    Ok(())
}

/// Builds the network of a lab. The calling thread stays in the wire's namespace.
pub(crate) fn build(setup: &Setup) -> Result<Network, Failure> {
    let wire_net = namespace::current_net().or_else(at(Step::Namespaces))?;
    let _ = sysctl("net.ipv4.tcp_child_ehash_entries", TABLE_SLOTS);
    quiet_ipv6();
    let host_nets = [new_host(&wire_net)?, new_host(&wire_net)?];
    let route = Route::open().or_else(at(Step::Veth))?;
    for (host, net) in host_nets.iter().enumerate() {
        let near = Link { name: WIRE_ENDS[host], mac: WIRE_MACS[host] };
        let far = Link { name: HOST_END, mac: MACS[host] };
        route.add_veth(&near, &far, net.as_fd()).or_else(at(Step::Veth))?;
        ethtool::offloads_off(WIRE_ENDS[host]).or_else(at(Step::Veth))?;
        route.set_up(WIRE_ENDS[host]).or_else(at(Step::Capabilities))?;
    }
    let open = |end| PacketSocket::open(end).or_else(at(Step::PacketSocket));
    let sockets = [open(WIRE_ENDS[0])?, open(WIRE_ENDS[1])?];
    let mut inside = Vec::new();
    for (host, net) in host_nets.iter().enumerate() {
        namespace::enter_net(net.as_fd()).or_else(at(Step::Namespaces))?;
        inside.push(configure(setup, host)?);
    }
    namespace::enter_net(wire_net.as_fd()).or_else(at(Step::Namespaces))?;
    let mut inside = inside.into_iter();
    let (Some(client), Some(server)) = (inside.next(), inside.next()) else {
        return Err((Step::Namespaces, tongro_sys::fdpass::garbled()));
    };
    Ok(Network {
        wire_net,
        host_nets,
        sockets,
        link_diags: [client.link_diag, server.link_diag],
        diags: [client.diag, server.diag],
        watch: vec![client.watch, server.watch],
        routes: [client.route, server.route],
        hosts_files: hosts_files(setup).ok(),
    })
}

/// A host's namespace. Made from the wire's each time: the table size is not inherited through another host.
fn new_host(wire: &OwnedFd) -> Result<OwnedFd, Failure> {
    let made = namespace::unshare(namespace::NET).and_then(|()| namespace::current_net());
    namespace::enter_net(wire.as_fd()).or_else(at(Step::Namespaces))?;
    made.or_else(at(Step::Namespaces))
}

/// Sockets and handles that live inside a host's namespace.
struct Inside {
    route: Route,
    link_diag: Diag,
    diag: Diag,
    watch: (Diag, DestroyEvents),
}

fn configure(setup: &Setup, host: usize) -> Result<Inside, Failure> {
    let route = Route::open().or_else(at(Step::Veth))?;
    // Off until an IPv6 address is asked for: router solicitations and group reports are noise in a lesson.
    quiet_ipv6();
    ethtool::offloads_off(HOST_END).or_else(at(Step::Veth))?;
    route.set_up("lo").or_else(at(Step::Capabilities))?;
    for address in setup.addresses[host].iter().filter(|address| address.is_ipv4()) {
        route.add_address(HOST_END, *address, 24).or_else(at(Step::Veth))?;
    }
    for (name, value) in HOST_SYSCTLS {
        // A kernel that lacks one still makes a lab; only the port rule and reno are worth a failure, and both
        // exist since Linux 4.11.
        let _ = sysctl(name, value);
    }
    for (name, value) in &setup.sysctls {
        sysctl(name, value).or_else(at(Step::Sysctl))?;
    }
    route.set_up(HOST_END).or_else(at(Step::Veth))?;
    if setup.is_arp_static {
        for address in setup.addresses[1 - host].iter().filter(|address| address.is_ipv4()) {
            route.add_neighbour(HOST_END, *address, MACS[1 - host]).or_else(at(Step::Veth))?;
        }
    }
    let diag = || Diag::open().or_else(at(Step::SockDiag));
    let events = DestroyEvents::open().or_else(at(Step::SockDiag))?;
    Ok(Inside { route, link_diag: diag()?, diag: diag()?, watch: (diag()?, events) })
}

fn quiet_ipv6() {
    for scope in ["all", "default"] {
        // Without IPv6 in the kernel there is nothing to switch off.
        let _ = sysctl(&format!("net.ipv6.conf.{scope}.disable_ipv6"), "1");
    }
}

/// Gives a host (whose namespace the calling thread is in) one more address.
pub(crate) fn add_address(route: &Route, address: IpAddr) -> tongro_sys::Result<()> {
    if address.is_ipv6() {
        for scope in ["all", "default", HOST_END, "lo"] {
            sysctl(&format!("net.ipv6.conf.{scope}.disable_ipv6"), "0")?;
        }
    }
    let prefix = if address.is_ipv4() { 32 } else { 64 };
    match route.add_address(HOST_END, address, prefix) {
        Err(error) if error.errno() == libc::EEXIST => Ok(()),
        other => other,
    }
}

/// Tells a host (whose namespace the calling thread is in) how to reach an address that the other host got.
pub(crate) fn reach(route: &Route, address: IpAddr, other: usize) -> tongro_sys::Result<()> {
    let prefix = if address.is_ipv4() { 32 } else { 128 };
    for done in
        [route.add_route(HOST_END, address, prefix), route.add_neighbour(HOST_END, address, MACS[other])]
    {
        match done {
            Err(error) if error.errno() != libc::EEXIST => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn hosts_files(setup: &Setup) -> tongro_sys::Result<[OwnedFd; 2]> {
    let tmpfs = DetachedTmpfs::new()?;
    let mut text = String::from("127.0.0.1 localhost\n");
    for (host, name) in NAMES.iter().enumerate() {
        for address in setup.addresses[host].iter().filter(|address| address.is_ipv4()) {
            text.push_str(&format!("{address} {name}\n"));
        }
    }
    tmpfs.write("hosts", &text)?;
    Ok([tmpfs.tree("hosts")?, tmpfs.tree("hosts")?])
}
