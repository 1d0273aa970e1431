//! The one socket pair between a lab and its parent: `socketpair(2)` of SOCK_SEQPACKET, with descriptors passed
//! as `cmsg(3)` SCM_RIGHTS. A message is whole or not at all; end of file means that the other side is gone.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use crate::{Error, Result, check};

/// The most bytes of one message.
pub const MESSAGE_MAX: usize = 160 * 1024;
const FDS_MAX: usize = 4;

/// One end of the pair.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// A connected pair; both close on exec, so that nobody else holds an end.
///
/// # Errors
/// The errno of `socketpair`.
pub fn pair() -> Result<(Channel, Channel)> {
    let mut fds: [RawFd; 2] = [-1; 2];
    // SAFETY: an array of two, as the call fills.
    let made = unsafe {
        libc::socketpair(libc::AF_UNIX, libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC, 0, fds.as_mut_ptr())
    };
    check("socketpair", i64::from(made))?;
    // SAFETY: both descriptors are fresh and ours alone.
    let [a, b] = fds.map(|fd| Channel(unsafe { OwnedFd::from_raw_fd(fd) }));
    for end in [&a, &b] {
        crate::socket::set_buffer(end.0.as_fd(), libc::SO_SNDBUF, 4 << 20)?;
    }
    Ok((a, b))
}

impl From<OwnedFd> for Channel {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl From<Channel> for OwnedFd {
    fn from(channel: Channel) -> Self {
        channel.0
    }
}

#[repr(C, align(8))]
struct Control([u8; 64]);

impl Channel {
    /// Sends one message of at most [`MESSAGE_MAX`] bytes with up to four descriptors; waits while the other side is
    /// slow.
    ///
    /// # Errors
    /// EPIPE when the other side is gone, EMSGSIZE for a message that is too long.
    pub fn send(&self, bytes: &[u8], fds: &[BorrowedFd<'_>]) -> Result<()> {
        debug_assert!(bytes.len() <= MESSAGE_MAX && fds.len() <= FDS_MAX);
        let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        let mut control = Control([0; 64]);
        // SAFETY: all-zero is a valid msghdr; the pointers set below live through the call.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        if !fds.is_empty() {
            let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
            let len = size_of_val(raw.as_slice()) as u32;
            message.msg_control = (&raw mut control).cast();
            // SAFETY: the control buffer is aligned and holds CMSG_SPACE of four descriptors (16 + 16 bytes).
            unsafe {
                message.msg_controllen = libc::CMSG_SPACE(len) as _;
                let header = libc::CMSG_FIRSTHDR(&raw const message);
                (*header).cmsg_level = libc::SOL_SOCKET;
                (*header).cmsg_type = libc::SCM_RIGHTS;
                (*header).cmsg_len = libc::CMSG_LEN(len) as _;
                std::ptr::copy_nonoverlapping(raw.as_ptr().cast(), libc::CMSG_DATA(header), len as usize);
            }
        }
        loop {
            // SAFETY: the message and all it points to are live.
            let sent = unsafe { libc::sendmsg(self.0.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL) };
            match check("sendmsg", sent as i64) {
                Err(error) if error.errno() == libc::EINTR => {}
                other => return other.map(drop),
            }
        }
    }

    /// Waits for the next message and gives its bytes and descriptors; `None` at end of file.
    ///
    /// # Errors
    /// The errno of `recvmsg`; ECONNRESET counts as end of file.
    pub fn receive<'a>(&self, buffer: &'a mut Vec<u8>) -> Result<Option<(&'a [u8], Vec<OwnedFd>)>> {
        buffer.resize(MESSAGE_MAX, 0);
        let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        let mut control = Control([0; 64]);
        // SAFETY: all-zero is a valid msghdr; the pointers set below live through the call.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut control).cast();
        message.msg_controllen = size_of::<Control>() as _;
        let mut was_reset = false;
        let len = loop {
            // SAFETY: the message and all it points to are live and writable.
            let got = unsafe { libc::recvmsg(self.0.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) };
            match check("recvmsg", got as i64) {
                Ok(len) => break len as usize,
                Err(error) if error.errno() == libc::EINTR => {}
                // The other side left with something unread; what it had said before is still to be read.
                Err(error) if error.errno() == libc::ECONNRESET && !was_reset => was_reset = true,
                Err(error) if error.errno() == libc::ECONNRESET => return Ok(None),
                Err(error) => return Err(error),
            }
        };
        let fds = taken_fds(&message);
        Ok((len > 0).then(|| (&buffer[..len], fds)))
    }
}

/// The descriptors that came with a message.
fn taken_fds(message: &libc::msghdr) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    // SAFETY: the kernel wrote well-formed headers into the control buffer; the macros stay inside msg_controllen.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            if (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS {
                let bytes = (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize;
                for index in 0..bytes / size_of::<RawFd>() {
                    let raw = libc::CMSG_DATA(header).cast::<RawFd>().add(index).read_unaligned();
                    fds.push(OwnedFd::from_raw_fd(raw));
                }
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    fds
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// An error for a message that could not be understood.
#[must_use]
pub fn garbled() -> Error {
    Error::from_errno("decode", libc::EBADMSG)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn carries_messages_and_descriptors() {
        let (a, b) = pair().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        a.send(b"with a pipe", &[reader.as_fd()]).unwrap();
        drop(reader);
        drop(writer);
        let mut buffer = Vec::new();
        let (bytes, mut fds) = b.receive(&mut buffer).unwrap().unwrap();
        assert_eq!(bytes, b"with a pipe");
        let mut read = Vec::new();
        std::fs::File::from(fds.remove(0)).read_to_end(&mut read).unwrap();
        assert!(read.is_empty());
        drop(a);
        assert!(b.receive(&mut buffer).unwrap().is_none());
    }
}
