//! `SIOCETHTOOL` of `netdevice(7)`: switching the offloads of a link, so that every frame on it is a real one with a
//! real checksum of at most one MTU.

use std::os::fd::AsRawFd;

use crate::{Result, check, socket};

const SIOCETHTOOL: libc::c_ulong = 0x8946;
/// Transmit checksum, receive checksum, scatter-gather, TCP segmentation, generic segmentation, generic receive.
const SETTERS: [u32; 6] = [0x17, 0x15, 0x19, 0x1f, 0x24, 0x2c];

#[repr(C)]
struct Value {
    command: u32,
    data: u32,
}

/// Switches all offloads of a link of the calling thread's namespace off.
///
/// A setter that the link doesn't know is passed over: there is nothing to switch then.
///
/// # Errors
/// ENODEV without such a link, EPERM without CAP_NET_ADMIN.
pub fn offloads_off(name: &str) -> Result<()> {
    let control = socket::open(libc::AF_INET, libc::SOCK_DGRAM, 0)?;
    for command in SETTERS {
        let mut value = Value { command, data: 0 };
        // SAFETY: all-zero is a valid ifreq.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (to, from) in request.ifr_name.iter_mut().zip(name.bytes().take(15)) {
            *to = from as libc::c_char;
        }
        request.ifr_ifru.ifru_data = (&raw mut value).cast();
        // SAFETY: the request and the value it points to live through the call.
        let set = unsafe { libc::ioctl(control.as_raw_fd(), SIOCETHTOOL, &raw mut request) };
        match check("ioctl(SIOCETHTOOL)", i64::from(set)) {
            Err(error) if error.errno() != libc::EOPNOTSUPP => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
