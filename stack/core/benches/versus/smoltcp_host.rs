//! smoltcp as a host that is driven like ours: datagrams in, datagrams out, recycled buffers, checksums in software.

use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::phy::{self, Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpCidr};
use std::collections::VecDeque;
use std::net::Ipv4Addr;

/// A device of two queues.
pub(crate) struct Queues {
    pub(crate) arriving: VecDeque<Vec<u8>>,
    pub(crate) leaving: VecDeque<Vec<u8>>,
    /// Buffers to send in.
    pub(crate) free: Vec<Vec<u8>>,
    /// Buffers that were received.
    spent: Vec<Vec<u8>>,
    mtu: usize,
    checksums: bool,
}

pub(crate) struct Received<'a>(Vec<u8>, &'a mut Vec<Vec<u8>>);
pub(crate) struct Sending<'a>(&'a mut VecDeque<Vec<u8>>, &'a mut Vec<Vec<u8>>);

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        let result = read(&self.0);
        self.1.push(self.0);
        result
    }
}

impl phy::TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, octets: usize, write: F) -> R {
        let mut datagram = self.1.pop().unwrap_or_default();
        datagram.resize(octets, 0);
        let result = write(&mut datagram);
        self.0.push_back(datagram);
        result
    }
}

impl Device for Queues {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Sending<'a>;

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = self.mtu;
        capabilities.checksum = ChecksumCapabilities::ignored();
        if self.checksums {
            capabilities.checksum.ipv4 = Checksum::Both;
            capabilities.checksum.tcp = Checksum::Both;
        }
        capabilities
    }

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Sending<'_>)> {
        let datagram = self.arriving.pop_front()?;
        Some((Received(datagram, &mut self.spent), Sending(&mut self.leaving, &mut self.free)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.leaving, &mut self.free))
    }
}

/// An interface with its sockets.
pub(crate) struct SmoltcpHost {
    pub(crate) interface: Interface,
    pub(crate) queues: Queues,
    pub(crate) sockets: SocketSet<'static>,
}

impl SmoltcpHost {
    pub(crate) fn new(address: Ipv4Addr, mtu: usize, checksums: bool) -> Self {
        let mut queues = Queues {
            arriving: VecDeque::new(),
            leaving: VecDeque::new(),
            free: Vec::new(),
            spent: Vec::new(),
            mtu,
            checksums,
        };
        let mut interface = Interface::new(Config::new(HardwareAddress::Ip), &mut queues, Instant::ZERO);
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(address.into(), 0)).expect("there is room for one address");
        });
        Self { interface, queues, sockets: SocketSet::new(Vec::new()) }
    }

    /// A socket with buffers of so many octets each.
    pub(crate) fn socket(octets: usize) -> tcp::Socket<'static> {
        tcp::Socket::new(tcp::SocketBuffer::new(vec![0; octets]), tcp::SocketBuffer::new(vec![0; octets]))
    }

    /// Receives what has arrived, sends what can be sent.
    pub(crate) fn poll(&mut self, now: Instant) {
        self.interface.poll(now, &mut self.queues, &mut self.sockets);
        self.queues.free.append(&mut self.queues.spent);
    }

    /// Receives one datagram and hands back the one that answers it, both in buffers that are used again.
    pub(crate) fn exchange(&mut self, now: Instant, datagram: &[u8]) -> Option<Vec<u8>> {
        let mut buffer = self.queues.free.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(datagram);
        self.queues.arriving.push_back(buffer);
        self.poll(now);
        self.queues.leaving.pop_front()
    }
}
