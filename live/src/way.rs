//! Where a packet goes: out of which link, to which neighbour, and from which of our addresses.
//!
//! The kernel's routes and neighbours are asked over netlink; a neighbour that it does not know is asked on the link
//! itself, with a crafted ARP request or neighbour solicitation.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use tongro_sys::interface::Interface;
use tongro_sys::netlink::{Route, Way};
use tongro_sys::packet::PacketSocket;
use tongro_sys::poll;
use tongro_wire::{LayerSpec, LinkType, Value, answers, craft, dissect, expr::Expression};

use crate::LiveError;

/// Asks on the link so often, and waits so long for each answer.
const ASKS: u32 = 3;
const PATIENCE: Duration = Duration::from_millis(1000);

/// An interface by its name.
pub(crate) fn interface(name: &str) -> Result<Interface, LiveError> {
    let all = tongro_sys::interface::list()?;
    all.into_iter().find(|known| known.name == name).ok_or_else(|| LiveError::NoInterface(name.to_owned()))
}

/// The way to an address; out of a named interface, if one is.
pub(crate) fn way(to: IpAddr, link: Option<&str>) -> Result<(Way, Interface), LiveError> {
    let found = Route::open()?.way(to);
    let all = tongro_sys::interface::list()?;
    let way = match (found, link) {
        (Ok(way), _) => way,
        // On a named interface everything may be on the link.
        (Err(_), Some(_)) => Way { index: 0, gateway: None, source: None },
        (Err(error), None) if error.errno() == libc::ENETUNREACH => return Err(LiveError::NoRoute(to)),
        (Err(error), None) => return Err(error.into()),
    };
    let chosen = match link {
        Some(name) => all.into_iter().find(|known| known.name == name),
        None => all.into_iter().find(|known| known.index == way.index),
    };
    let interface = chosen.ok_or_else(|| LiveError::NoInterface(link.unwrap_or_default().to_owned()))?;
    if interface.index == way.index {
        return Ok((way, interface));
    }
    let own = interface.addresses.iter().map(|(address, _)| *address);
    let source = own
        .filter(|own| own.is_ipv4() == to.is_ipv4())
        .min_by_key(|own| is_link_local(*own) != is_link_local(to));
    Ok((Way { index: interface.index, gateway: None, source }, interface))
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6.is_multicast(),
    }
}

/// Where the layers say that they go: the outermost address of IP, or that which ARP asks for.
pub(crate) fn destination(layers: &[LayerSpec]) -> Option<IpAddr> {
    let (said, usual) = layers.iter().find_map(|layer| match layer.protocol.name {
        "ip" => Some((layer.value("ip.dst"), IpAddr::from(Ipv4Addr::LOCALHOST))),
        "ipv6" => Some((layer.value("ipv6.dst"), IpAddr::from(Ipv6Addr::LOCALHOST))),
        "arp" => Some((layer.value("arp.dst.proto_ipv4"), IpAddr::from(Ipv4Addr::UNSPECIFIED))),
        _ => None,
    })?;
    Some(said.and_then(ip).unwrap_or(usual))
}

fn ip(value: &Value<'_>) -> Option<IpAddr> {
    match value {
        Value::Ipv4(address) => Some((*address).into()),
        Value::Ipv6(address) => Some((*address).into()),
        other => {
            let bytes = other.bytes()?;
            let v4 = <[u8; 4]>::try_from(bytes.as_ref()).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(bytes.as_ref()).map(IpAddr::from)).ok()
        }
    }
}

/// Fills in what is known only where a packet is sent; ways and neighbours are remembered.
#[derive(Debug)]
pub struct Addresses {
    link: Option<String>,
    ways: HashMap<IpAddr, (Way, Interface)>,
    macs: HashMap<IpAddr, [u8; 6]>,
}

impl Addresses {
    /// For packets out of one interface, or out of that which leads to their destinations.
    #[must_use]
    pub fn new(link: Option<&str>) -> Self {
        Self { link: link.map(str::to_owned), ways: HashMap::new(), macs: HashMap::new() }
    }

    /// Says what was left open of a packet that is to be sent: our own addresses, and the neighbour's hardware address.
    ///
    /// # Errors
    /// When there is no way to its destination, or nobody on the link answers for it.
    pub fn complete(&mut self, layers: &mut [LayerSpec]) -> Result<(), LiveError> {
        let Some(to) = destination(layers) else { return self.own_mac(layers) };
        if !self.ways.contains_key(&to) {
            self.ways.insert(to, way(to, self.link.as_deref())?);
        }
        let Some((way, interface)) = self.ways.get(&to) else { return Ok(()) };
        if let Some(layer) =
            layers.iter_mut().find(|layer| matches!(layer.protocol.name, "ip" | "ipv6" | "arp"))
        {
            say_source(layer, way, interface, to);
        }
        if layers.first().is_none_or(|layer| layer.protocol.name != "eth") {
            return Ok(());
        }
        let is_arp = layers.iter().any(|layer| layer.protocol.name == "arp");
        let ethernet = &mut layers[0];
        say(ethernet, "eth.src", Value::Mac(interface.mac));
        if ethernet.value("eth.dst").is_none() && !is_arp && !interface.is_loopback {
            let mac = match self.macs.get(&to) {
                Some(mac) => *mac,
                None => neighbour(way, interface, to)?,
            };
            self.macs.insert(to, mac);
            say(ethernet, "eth.dst", Value::Mac(mac));
        }
        Ok(())
    }

    /// A frame of something else than IP: only its sender can be filled in.
    fn own_mac(&self, layers: &mut [LayerSpec]) -> Result<(), LiveError> {
        let Some(name) = &self.link else { return Err(LiveError::NoDestination) };
        let interface = interface(name)?;
        if let Some(layer) = layers.first_mut().filter(|layer| layer.protocol.name == "eth") {
            say(layer, "eth.src", Value::Mac(interface.mac));
        }
        Ok(())
    }
}

/// Our own address, as the packet's protocol has it.
fn say_source(layer: &mut LayerSpec, way: &Way, interface: &Interface, to: IpAddr) {
    let id = match layer.protocol.name {
        "ip" => "ip.src",
        "ipv6" => "ipv6.src",
        _ => "arp.src.proto_ipv4",
    };
    let mut own = interface.addresses.iter().map(|(address, _)| *address);
    if let Some(source) = way.source.or_else(|| own.find(|own| own.is_ipv4() == to.is_ipv4())) {
        say(layer, id, address_value(source));
    }
    if layer.protocol.name == "arp" {
        say(layer, "arp.src.hw_mac", Value::Mac(interface.mac));
    }
}

/// Says what was not said; values of the right kind always fit.
fn say(layer: &mut LayerSpec, id: &str, value: Value<'static>) {
    if layer.value(id).is_none() {
        let _ = layer.set(id, value);
    }
}

fn address_value(address: IpAddr) -> Value<'static> {
    match address {
        IpAddr::V4(v4) => Value::Ipv4(v4),
        IpAddr::V6(v6) => Value::Ipv6(v6),
    }
}

/// The hardware address that a packet to `to` needs on this interface.
pub(crate) fn neighbour(way: &Way, interface: &Interface, to: IpAddr) -> Result<[u8; 6], LiveError> {
    let next = way.gateway.unwrap_or(to);
    if let Some(mac) = group(next, interface) {
        return Ok(mac);
    }
    if let Some(mac) = Route::open()?.neighbour(interface.index, next)? {
        return Ok(mac);
    }
    asked(interface, way.source, next)?.ok_or(LiveError::NoNeighbour(next))
}

/// The hardware address of groups and of everybody (RFC 1112 section 6.4, RFC 2464 section 7).
fn group(to: IpAddr, interface: &Interface) -> Option<[u8; 6]> {
    match to {
        IpAddr::V4(v4) if v4.is_multicast() => {
            let [_, b, c, d] = v4.octets();
            Some([1, 0, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V4(v4) => {
            let is_everybody = |(own, prefix): &(IpAddr, u8)| match own {
                IpAddr::V4(own) if *prefix < 31 => {
                    u32::from(*own) | (u32::MAX.checked_shr(u32::from(*prefix)).unwrap_or(0)) == u32::from(v4)
                }
                _ => false,
            };
            (v4.is_broadcast() || interface.addresses.iter().any(is_everybody)).then_some([0xff; 6])
        }
        IpAddr::V6(v6) if v6.is_multicast() => {
            let octets = v6.octets();
            Some([0x33, 0x33, octets[12], octets[13], octets[14], octets[15]])
        }
        IpAddr::V6(_) => None,
    }
}

/// Asks on the link: ARP, or a neighbour solicitation.
fn asked(interface: &Interface, source: Option<IpAddr>, to: IpAddr) -> Result<Option<[u8; 6]>, LiveError> {
    let own = source.or_else(|| {
        let own = interface.addresses.iter().map(|(address, _)| *address);
        own.into_iter().find(|own| own.is_ipv4() == to.is_ipv4())
    });
    let Some(question) = question(interface, own, to) else { return Ok(None) };
    let socket = PacketSocket::open(&interface.name)?;
    let request = dissect(LinkType::Ethernet, &question);
    let mut buffer = [0u8; 2048];
    for _ in 0..ASKS {
        socket.send(&question)?;
        let until = Instant::now() + PATIENCE;
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            poll::readable([std::os::fd::AsFd::as_fd(&socket)], Some(left.as_nanos() as u64))?;
            while let Some(len) = socket.receive(&mut buffer)? {
                let reply = dissect(LinkType::Ethernet, &buffer[..len]);
                if answers(&request, &reply) {
                    let value = reply.find("arp.src.hw_mac").or_else(|| reply.find("eth.src"));
                    if let Some(Value::Mac(mac)) = value.map(|value| &value.value) {
                        return Ok(Some(*mac));
                    }
                }
            }
        }
    }
    Ok(None)
}

fn question(interface: &Interface, own: Option<IpAddr>, to: IpAddr) -> Option<Vec<u8>> {
    let [a, b, c, d, e, f] = interface.mac;
    let mac = format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}");
    let text = match to {
        IpAddr::V4(to) => {
            let own = own.map_or_else(|| "0.0.0.0".to_owned(), |own| own.to_string());
            format!(
                "Ether(src=\"{mac}\", dst=\"ff:ff:ff:ff:ff:ff\")/ARP(hwsrc=\"{mac}\", psrc=\"{own}\", pdst=\"{to}\")"
            )
        }
        IpAddr::V6(to) => {
            let octets = to.octets();
            let (x, y, z) = (octets[13], octets[14], octets[15]);
            let own = own?;
            format!(
                "Ether(src=\"{mac}\", dst=\"33:33:ff:{x:02x}:{y:02x}:{z:02x}\")/IPv6(src=\"{own}\", \
                 dst=\"ff02::1:ff{x:02x}:{y:02x}{z:02x}\", hlim=255)/ICMPv6ND_NS(tgt=\"{to}\", \
                 icmpv6.opt.linkaddr=\"\\x{a:02x}\\x{b:02x}\\x{c:02x}\\x{d:02x}\\x{e:02x}\\x{f:02x}\")"
            )
        }
    };
    let expression = Expression::parse(&text).ok()?;
    expression.layers(0).ok().map(|layers| craft(&layers))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface() -> Interface {
        Interface {
            name: "eth0".to_owned(),
            index: 2,
            is_up: true,
            is_loopback: false,
            hardware: 1,
            mac: [2, 0, 0, 0, 0, 1],
            addresses: vec![("10.0.0.1".parse().unwrap(), 24)],
        }
    }

    #[test]
    fn groups_and_everybody_need_no_question() {
        let mac = |to: &str| group(to.parse().unwrap(), &interface());
        assert_eq!(mac("224.0.0.251"), Some([1, 0, 0x5e, 0, 0, 251]));
        assert_eq!(mac("10.0.0.255"), Some([0xff; 6]));
        assert_eq!(mac("10.0.0.2"), None);
        assert_eq!(mac("ff02::1:ff00:2"), Some([0x33, 0x33, 0xff, 0, 0, 2]));
    }

    #[test]
    fn both_questions_are_whole_packets() {
        for to in ["10.0.0.2", "fe80::2"] {
            let own = if to.contains(':') { "fe80::1" } else { "10.0.0.1" };
            let bytes = question(&interface(), Some(own.parse().unwrap()), to.parse().unwrap()).unwrap();
            let packet = dissect(LinkType::Ethernet, &bytes);
            assert!(packet.problems.is_empty(), "{to}: {:?}", packet.problems);
            assert!(packet.find("arp.opcode").or_else(|| packet.find("icmpv6.opt.linkaddr")).is_some());
        }
    }

    #[test]
    fn destinations_are_found() {
        let layers = |text: &str| Expression::parse(text).unwrap().layers(0).unwrap();
        assert_eq!(
            destination(&layers("Ether()/IP(dst=\"10.0.0.9\")/UDP()")),
            Some("10.0.0.9".parse().unwrap())
        );
        assert_eq!(destination(&layers("IP()/UDP()")), Some("127.0.0.1".parse().unwrap()));
        assert_eq!(destination(&layers("Ether()/ARP(pdst=\"10.0.0.3\")")), Some("10.0.0.3".parse().unwrap()));
        assert_eq!(destination(&layers("Ether()/\"x\"")), None);
    }
}
