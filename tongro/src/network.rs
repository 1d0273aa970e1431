//! How the commands that touch real interfaces tell what went wrong there, and which interfaces there are.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};

use serde_json::json;
use tongro_live::{Cause, LiveError};

use crate::structure::told as tell;
use crate::talk::Talk;

/// Says what failed, and what exactly to type.
pub(crate) fn told(talk: &mut Talk, error: &LiveError, link: Option<&str>) {
    let program =
        std::env::current_exe().map_or_else(|_| "tongro".to_owned(), |path| path.display().to_string());
    let names: Vec<String> =
        tongro_live::interfaces().unwrap_or_default().into_iter().map(|interface| interface.name).collect();
    let params = [
        ("why", error.to_string()),
        ("program", program),
        ("link", link.unwrap_or("auto").to_owned()),
        ("names", names.join(", ")),
    ];
    let id = match error.cause() {
        Cause::Denied => "denied",
        Cause::NoInterface => "no_interface",
        Cause::Down => "down",
        Cause::NoRoute => "no_route",
        Cause::NoNeighbour => "no_neighbour",
        Cause::TooLong => "too_long",
        Cause::Other => {
            tell(talk, "packet.live.other", &params, None);
            return;
        }
    };
    tell(talk, &format!("packet.live.{id}"), &params, Some(&format!("packet.live.{id}_hint")));
}

/// Lists the interfaces with their addresses.
pub(crate) fn list(talk: &mut Talk, is_json: bool) -> Result<(), ()> {
    let all = tongro_live::interfaces().map_err(|error| told(talk, &error.into(), None))?;
    for interface in all {
        let addresses: Vec<String> =
            interface.addresses.iter().map(|(address, prefix)| format!("{address}/{prefix}")).collect();
        let [a, b, c, d, e, f] = interface.mac;
        let mac = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
        if is_json {
            let line = json!({"type": "interface", "name": interface.name, "index": interface.index,
                "up": interface.is_up, "mac": mac, "addresses": addresses});
            talk.say(&line.to_string());
        } else {
            let state = if interface.is_up { "packet.live.up" } else { "packet.live.not_up" };
            let state = talk.text(state, &[]);
            talk.say(format!("{:<16} {state:<4} {mac}  {}", interface.name, addresses.join(" ")).trim_end());
        }
    }
    Ok(())
}

/// The address of a host: its own form, or what its name stands for.
pub(crate) fn address(talk: &mut Talk, host: &str, family: Option<bool>) -> Result<SocketAddr, ()> {
    let fits = |address: &SocketAddr| family.is_none_or(|is_v4| address.is_ipv4() == is_v4);
    let literal = host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 0));
    let found = match literal {
        Some(address) => Some(address).filter(fits),
        None => (host, 0).to_socket_addrs().ok().and_then(|mut all| all.find(fits)),
    };
    found.ok_or_else(|| {
        tell(talk, "packet.live.no_host", &[("host", host.to_owned())], Some("packet.live.no_host_hint"));
    })
}

/// The same for echo sockets, whose privilege is another.
pub(crate) fn ping_denied(talk: &mut Talk, error: &LiveError) {
    if error.cause() != Cause::Denied {
        return told(talk, error, None);
    }
    let program =
        std::env::current_exe().map_or_else(|_| "tongro".to_owned(), |path| path.display().to_string());
    tell(talk, "packet.ping.denied", &[("program", program)], Some("packet.ping.denied_hint"));
}

/// What an ICMP message says, in words: its type and code.
pub(crate) fn icmp_name(talk: &Talk, (kind, code): (u8, u8), is_v6: bool) -> String {
    let id = match (is_v6, kind, code) {
        (_, 0, 0) => "host",
        (false, 11, _) | (true, 3, _) => "expired",
        (false, 3, 0) | (true, 1, 0) => "net",
        (false, 3, 1) | (true, 1, 3) => "host",
        (false, 3, 2) => "protocol",
        (false, 3, 3) | (true, 1, 4) => "port",
        (false, 3, 4) | (true, 2, _) => "too_big",
        (false, 3, 9 | 10 | 13) | (true, 1, 1 | 5 | 6) => "prohibited",
        _ => return format!("ICMP {kind}/{code}"),
    };
    talk.text(&format!("packet.icmp.{id}"), &[])
}
