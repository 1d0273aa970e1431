//! Holding the ports of crafted packets, so that this host's kernel does not answer what comes back.
//!
//! A segment for a port without a socket is answered with RST, a datagram with "port unreachable": the peer of a crafted
//! SYN would see its handshake torn down. A listening socket that has a filter which drops everything makes the port
//! look taken, and says nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;

use tongro_sys::bpf;
use tongro_wire::{LinkType, view};

/// Ports that are held until this goes away.
#[derive(Debug, Default)]
pub(crate) struct Held {
    ports: Vec<(Port, bool)>,
    tcp: Vec<TcpListener>,
    udp: Vec<UdpSocket>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Port {
    number: u16,
    is_tcp: bool,
    is_v4: bool,
}

/// More ports than this are not held: a scan from every port would take every descriptor.
const MOST: usize = 256;

impl Held {
    /// Holds the source port of a packet; `false` when it could not be had, since a program has it, or it needs a
    /// privilege.
    pub(crate) fn hold(&mut self, link_type: LinkType, bytes: &[u8]) -> bool {
        let Some((port, to)) = port(link_type, bytes) else { return true };
        // What goes to the same port of this host must find that port as it is.
        if to.port() == port.number && UdpSocket::bind((to.ip(), 0)).is_ok() {
            return true;
        }
        if let Some((_, is_held)) = self.ports.iter().find(|(known, _)| *known == port) {
            return *is_held;
        }
        let is_held = self.ports.len() < MOST && self.take(port).is_some();
        self.ports.push((port, is_held));
        is_held
    }

    fn take(&mut self, port: Port) -> Option<()> {
        let any: IpAddr =
            if port.is_v4 { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let at = SocketAddr::new(any, port.number);
        if port.is_tcp {
            let listener = TcpListener::bind(at).ok()?;
            bpf::drop_everything(listener.as_fd()).ok()?;
            self.tcp.push(listener);
        } else {
            let socket = UdpSocket::bind(at).ok()?;
            bpf::drop_everything(socket.as_fd()).ok()?;
            self.udp.push(socket);
        }
        Some(())
    }
}

/// The source port of a packet of TCP or UDP, and where it goes.
fn port(link_type: LinkType, bytes: &[u8]) -> Option<(Port, SocketAddr)> {
    let frame = match link_type {
        LinkType::Ethernet => bytes.to_vec(),
        _ => {
            let ethertype: [u8; 2] = if bytes.first()? >> 4 == 6 { [0x86, 0xdd] } else { [0x08, 0x00] };
            [&[0; 12][..], &ethertype, bytes].concat()
        }
    };
    let view = view::ethernet(&frame)?;
    let ip = view.ip?;
    let (number, to, is_tcp) = match view.transport {
        view::Transport::Tcp(tcp) => (tcp.src_port, tcp.dst_port, true),
        view::Transport::Udp { src_port, dst_port, .. } => (src_port, dst_port, false),
        _ => return None,
    };
    let port = Port { number, is_tcp, is_v4: ip.src.is_ipv4() };
    (number != 0).then_some((port, SocketAddr::new(ip.dst, to)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tongro_wire::expr::Expression;

    #[test]
    fn a_port_is_held_once_and_free_afterwards() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let syn = Expression::parse(&format!("IP()/TCP(sport={free}, dport=9)")).unwrap().packet(0).unwrap();
        let mut held = Held::default();
        assert!(held.hold(LinkType::RawIp, &syn) && held.hold(LinkType::RawIp, &syn));
        assert_eq!(held.tcp.len(), 1);
        drop(held);
        assert!(TcpListener::bind(("0.0.0.0", free)).is_ok());
    }

    #[test]
    fn a_port_of_a_program_is_left_alone() {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let syn = Expression::parse(&format!("IP()/TCP(sport={port}, dport=9)")).unwrap().packet(0).unwrap();
        assert!(!Held::default().hold(LinkType::RawIp, &syn));
        let echo = Expression::parse("IP()/ICMP()").unwrap().packet(0).unwrap();
        assert!(Held::default().hold(LinkType::RawIp, &echo), "nothing to hold");
    }
}
