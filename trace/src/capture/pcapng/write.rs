//! Writing pcapng: one section, interfaces, packets with comments, and any block kept from another file.

use std::io::{self, Write};
use std::net::IpAddr;

use crate::capture::ByteOrder;

use super::{BYTE_ORDER_MAGIC, Interface, code, kind, padded};

/// Writes one section of a pcapng file.
#[derive(Debug)]
pub struct Writer<W> {
    write: W,
    order: ByteOrder,
    interfaces: Vec<u8>,
    body: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a section; `application` names the program that writes it.
    pub fn new(write: W, order: ByteOrder, application: &str) -> io::Result<Self> {
        let mut writer = Self { write, order, interfaces: Vec::new(), body: Vec::new() };
        writer.put32(BYTE_ORDER_MAGIC);
        writer.put16(1);
        writer.put16(0);
        writer.body.extend([0xff; 8]); // the section's length is not given
        writer.option(code::SHB_USERAPPL, application.as_bytes());
        writer.end_options(16);
        writer.flush_block(kind::SECTION)?;
        Ok(writer)
    }

    /// Describes an interface and gives its index. Times of its packets are written in its resolution.
    pub fn interface(&mut self, interface: &Interface) -> io::Result<u32> {
        self.put16(interface.link_type);
        self.put16(0);
        self.put32(interface.snaplen);
        if let Some(name) = &interface.name {
            self.option(code::IF_NAME, name.as_bytes());
        }
        if let Some(description) = &interface.description {
            self.option(code::IF_DESCRIPTION, description.as_bytes());
        }
        let resolution = interface.resolution.min(9);
        self.option(code::IF_TSRESOL, &[resolution]);
        self.end_options(8);
        self.flush_block(kind::INTERFACE)?;
        self.interfaces.push(resolution);
        Ok(self.interfaces.len() as u32 - 1)
    }

    /// Writes a packet; `at` is nanoseconds since 1970, `options` pairs of code and value.
    pub fn packet(
        &mut self,
        interface: u32,
        at: i64,
        bytes: &[u8],
        wire_len: u32,
        options: &[(u16, &[u8])],
    ) -> io::Result<()> {
        let resolution = self.interfaces.get(interface as usize).ok_or(io::ErrorKind::InvalidInput)?;
        let units = at.max(0) as u64 / 10u64.pow(9 - u32::from(*resolution));
        let len = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
        for field in [interface, (units >> 32) as u32, units as u32, len, wire_len] {
            self.put32(field);
        }
        self.padded(bytes);
        let fixed = self.body.len();
        for (code, value) in options {
            self.option(*code, value);
        }
        self.end_options(fixed);
        self.flush_block(kind::ENHANCED_PACKET)
    }

    /// Writes secrets, which must stand before the packets that need them.
    pub fn secrets(&mut self, secrets: u32, bytes: &[u8]) -> io::Result<()> {
        self.put32(secrets);
        self.put32(u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?);
        self.padded(bytes);
        self.flush_block(kind::SECRETS)
    }

    /// Writes names of addresses.
    pub fn names(&mut self, names: &[(IpAddr, &str)]) -> io::Result<()> {
        for (address, name) in names {
            let mut value = match address {
                IpAddr::V4(v4) => v4.octets().to_vec(),
                IpAddr::V6(v6) => v6.octets().to_vec(),
            };
            value.extend(name.bytes());
            value.push(0);
            self.option(if address.is_ipv4() { 1 } else { 2 }, &value);
        }
        self.put32(0);
        self.flush_block(kind::NAMES)
    }

    /// Writes the counters of an interface at a time: packets received and packets the capture dropped.
    pub fn statistics(&mut self, interface: u32, at: i64, received: u64, dropped: u64) -> io::Result<()> {
        let resolution = self.interfaces.get(interface as usize).ok_or(io::ErrorKind::InvalidInput)?;
        let units = at.max(0) as u64 / 10u64.pow(9 - u32::from(*resolution));
        for field in [interface, (units >> 32) as u32, units as u32] {
            self.put32(field);
        }
        let order = self.order;
        self.option(code::ISB_IFRECV, &order.put64(received));
        self.option(code::ISB_IFDROP, &order.put64(dropped));
        self.end_options(12);
        self.flush_block(kind::STATISTICS)
    }

    /// Writes any block as it is; its body must be in this section's byte order.
    pub fn block(&mut self, kind: u32, body: &[u8]) -> io::Result<()> {
        self.body.clear();
        self.padded(body);
        self.flush_block(kind)
    }

    /// Flushes, and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.write.flush()?;
        Ok(self.write)
    }

    fn put16(&mut self, value: u16) {
        self.body.extend(self.order.put16(value));
    }

    fn put32(&mut self, value: u32) {
        self.body.extend(self.order.put32(value));
    }

    fn padded(&mut self, bytes: &[u8]) {
        self.body.extend_from_slice(bytes);
        self.body.resize(padded(self.body.len()), 0);
    }

    /// An option holds at most 65535 bytes; more are cut off.
    fn option(&mut self, code: u16, value: &[u8]) {
        let len = value.len().min(usize::from(u16::MAX));
        self.put16(code);
        self.put16(len as u16);
        self.padded(&value[..len]);
    }

    /// Ends the options if there are any behind the `fixed` bytes.
    fn end_options(&mut self, fixed: usize) {
        if self.body.len() > fixed {
            self.put32(0);
        }
    }

    fn flush_block(&mut self, kind: u32) -> io::Result<()> {
        let total = self.order.put32(self.body.len() as u32 + 12);
        self.write.write_all(&self.order.put32(kind))?;
        self.write.write_all(&total)?;
        self.write.write_all(&self.body)?;
        self.write.write_all(&total)?;
        self.body.clear();
        Ok(())
    }
}
