//! `getifaddrs(3)`: the links of the calling thread's network namespace with their addresses.

use std::ffi::CStr;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Result, check};

/// A link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its index, from 1.
    pub index: u32,
    /// Up, and a carrier is there.
    pub is_up: bool,
    /// The link to oneself.
    pub is_loopback: bool,
    /// ARPHRD_ETHER (1), ARPHRD_LOOPBACK (772), ARPHRD_NONE …
    pub hardware: u16,
    /// Its hardware address where that has six bytes.
    pub mac: [u8; 6],
    /// Its addresses with their prefix lengths.
    pub addresses: Vec<(IpAddr, u8)>,
}

/// Every link, in order of its index.
///
/// # Errors
/// The errno of `getifaddrs`.
pub fn list() -> Result<Vec<Interface>> {
    let mut head: *mut libc::ifaddrs = std::ptr::null_mut();
    // SAFETY: writes a list that is freed below.
    check("getifaddrs", i64::from(unsafe { libc::getifaddrs(&raw mut head) }))?;
    let mut found: Vec<Interface> = Vec::new();
    let mut at = head;
    // SAFETY: the list and all it points to live until freeifaddrs; every pointer is checked before it is followed.
    while let Some(entry) = unsafe { at.as_ref() } {
        at = entry.ifa_next;
        // SAFETY: the name is a C string of the list.
        let name = unsafe { CStr::from_ptr(entry.ifa_name) }.to_string_lossy().into_owned();
        // Addresses may have labels, `eth0:1`.
        let name = name.split(':').next().unwrap_or_default().to_owned();
        take(&mut found, name, entry);
    }
    // SAFETY: the list was made by getifaddrs and is not used after this.
    unsafe { libc::freeifaddrs(head) };
    found.sort_by_key(|interface| interface.index);
    Ok(found)
}

fn take(found: &mut Vec<Interface>, name: String, entry: &libc::ifaddrs) {
    let position = found.iter().position(|known| known.name == name).unwrap_or_else(|| {
        let has = |flag: i32| entry.ifa_flags & flag as u32 != 0;
        found.push(Interface {
            index: crate::netlink::index(&name).unwrap_or(0),
            name,
            is_up: has(libc::IFF_UP) && has(libc::IFF_RUNNING),
            is_loopback: has(libc::IFF_LOOPBACK),
            hardware: 0,
            mac: [0; 6],
            addresses: Vec::new(),
        });
        found.len() - 1
    });
    // SAFETY: null or a sockaddr of the list.
    let Some(address) = (unsafe { entry.ifa_addr.as_ref() }) else { return };
    let interface = &mut found[position];
    if i32::from(address.sa_family) == libc::AF_PACKET {
        // SAFETY: an AF_PACKET address of getifaddrs is a sockaddr_ll.
        let link = unsafe { &*entry.ifa_addr.cast::<libc::sockaddr_ll>() };
        interface.hardware = link.sll_hatype;
        interface.mac.copy_from_slice(&link.sll_addr[..6]);
    } else if let Some(ip) = ip(entry.ifa_addr) {
        let prefix = ip_bits(entry.ifa_netmask);
        interface.addresses.push((ip, prefix));
    }
}

fn ip(address: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: null or a sockaddr of the list.
    let family = i32::from(unsafe { address.as_ref() }?.sa_family);
    match family {
        libc::AF_INET => {
            // SAFETY: of this family it is a sockaddr_in.
            let raw = unsafe { &*address.cast::<libc::sockaddr_in>() };
            Some(Ipv4Addr::from(u32::from_be(raw.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: of this family it is a sockaddr_in6.
            let raw = unsafe { &*address.cast::<libc::sockaddr_in6>() };
            Some(Ipv6Addr::from(raw.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}

fn ip_bits(mask: *const libc::sockaddr) -> u8 {
    match ip(mask) {
        Some(IpAddr::V4(mask)) => u32::from(mask).count_ones() as u8,
        Some(IpAddr::V6(mask)) => u128::from(mask).count_ones() as u8,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_link_to_oneself_is_there() {
        let all = list().unwrap();
        let own = all.iter().find(|interface| interface.is_loopback).unwrap();
        assert_eq!((own.name.as_str(), own.hardware), ("lo", 772));
    }
}
