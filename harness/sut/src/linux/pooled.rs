//! A namespace with a TUN device that many short exchanges have one after the other: what differential fuzzing asks the kernel.
//!
//! Nothing waits: a datagram that is written to the device has been dealt with when `write` returns, and what the kernel sent is read
//! until there is nothing. So no packet socket, no worker and no clock.
//!
//! Exchanges do not meet: each has an address of the peer of its own. Whoever plays the peer knows one address only; here it is
//! replaced by the current one on the way in, and back on the way out. Two words of the address change by as much, one up and one down,
//! so every checksum, right or wrong, also that of a quoted header, stays what it was (the idea of RFC 6296).

use super::calls::{option, set_option};
use super::device::Tun;
use super::{environment, netns, sysctl};
use halfopen_engine::sut::{Setup, SutError};
use halfopen_script::test::Family;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{SockaddrLike as _, SockaddrStorage};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

/// Octets of the largest datagram on the device.
const MTU: u32 = 1500;
/// The kernel's `IPPROTO_ICMP` and `IPPROTO_ICMPV6`, whose errors quote a datagram.
const ICMP: [u8; 2] = [1, 58];

/// Which word of `SO_MEMINFO` is what the send queue is charged with.
const WMEM_QUEUED: usize = 5;

/// Both ends as whoever plays the peer knows them, IPv4 and IPv6.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// The kernel's addresses.
    pub host: ([u8; 4], [u8; 16]),
    /// The peer's, before they are replaced. The last two words of each may become anything.
    pub peer: ([u8; 4], [u8; 16]),
}

/// The namespace of the calling thread, its device, and the sockets of the current exchange.
#[derive(Debug)]
pub struct Pooled {
    tun: Tun,
    ends: Ends,
    /// The peer's current addresses.
    peer: ([u8; 4], [u8; 16]),
    exchange: u16,
    open: Vec<i32>,
    /// Set on each socket, where the namespace could not be told.
    congestion_control: bool,
    room: Vec<u8>,
}

/// Socket options by name, with level and number.
const OPTIONS: &[(&str, i32, i32)] = &[
    ("TCP_NODELAY", libc::SOL_TCP, libc::TCP_NODELAY),
    ("TCP_CORK", libc::SOL_TCP, libc::TCP_CORK),
    ("TCP_KEEPIDLE", libc::SOL_TCP, libc::TCP_KEEPIDLE),
    ("TCP_KEEPINTVL", libc::SOL_TCP, libc::TCP_KEEPINTVL),
    ("TCP_KEEPCNT", libc::SOL_TCP, libc::TCP_KEEPCNT),
    ("TCP_USER_TIMEOUT", libc::SOL_TCP, libc::TCP_USER_TIMEOUT),
    ("TCP_MAXSEG", libc::SOL_TCP, libc::TCP_MAXSEG),
    ("TCP_LINGER2", libc::SOL_TCP, libc::TCP_LINGER2),
    ("TCP_QUICKACK", libc::SOL_TCP, libc::TCP_QUICKACK),
    ("TCP_WINDOW_CLAMP", libc::SOL_TCP, libc::TCP_WINDOW_CLAMP),
    ("TCP_SYNCNT", libc::SOL_TCP, libc::TCP_SYNCNT),
    ("TCP_DEFER_ACCEPT", libc::SOL_TCP, libc::TCP_DEFER_ACCEPT),
    ("TCP_NOTSENT_LOWAT", libc::SOL_TCP, libc::TCP_NOTSENT_LOWAT),
    ("SO_KEEPALIVE", libc::SOL_SOCKET, libc::SO_KEEPALIVE),
    ("SO_SNDBUF", libc::SOL_SOCKET, libc::SO_SNDBUF),
    ("SO_RCVBUF", libc::SOL_SOCKET, libc::SO_RCVBUF),
    ("SO_RCVLOWAT", libc::SOL_SOCKET, libc::SO_RCVLOWAT),
    ("SO_OOBINLINE", libc::SOL_SOCKET, libc::SO_OOBINLINE),
    ("SO_REUSEADDR", libc::SOL_SOCKET, libc::SO_REUSEADDR),
    ("IP_TTL", libc::SOL_IP, libc::IP_TTL),
    ("IP_RECVERR", libc::SOL_IP, libc::IP_RECVERR),
];

/// What an option of IP is to a socket of IPv6.
const OF_IPV6: &[(&str, i32, i32)] =
    &[("IP_TTL", libc::SOL_IPV6, libc::IPV6_UNICAST_HOPS), ("IP_RECVERR", libc::SOL_IPV6, libc::IPV6_RECVERR)];

/// Exchanges that a namespace has addresses for.
pub const EXCHANGES: u16 = 20_000;

impl Pooled {
    /// Moves the calling thread into a new namespace and makes everything there. `parameters` are set on top of the baseline of all
    /// kernel tests, by their path below `/proc/sys`; one that the kernel does not have is left out.
    ///
    /// # Errors
    /// `Environment` when the host refuses something.
    pub fn enter(ends: Ends, parameters: &[(&str, &str)]) -> Result<Self, SutError> {
        netns::remember_host()?;
        netns::enter()?;
        let namespace_wide = sysctl::baseline(Family::V6, super::version()?.1)?;
        for (path, value) in parameters {
            if sysctl::exists(path) {
                sysctl::write(path, value)?;
            }
        }
        let tun = Tun::create(false, None)?;
        let v4 = |octets: [u8; 4]| IpAddr::from(octets);
        let v6 = |octets: [u8; 16]| IpAddr::from(octets);
        let (any_v4, any_v6) = (v4([0; 4]), v6([0; 16]));
        let setup = |family, local, any, gateway| Setup {
            family,
            local,
            remote: (any, 0),
            gateway,
            mtu: MTU,
            offload: false,
            train: None,
            seed: 0,
            profile: None,
        };
        tun.configure(&setup(Family::V4, (v4(ends.host.0), 8), any_v4, v4(ends.peer.0)))?;
        tun.configure(&setup(Family::V6, (v6(ends.host.1), 64), any_v6, v6(ends.peer.1)))?;
        Ok(Self {
            tun,
            ends,
            peer: ends.peer,
            exchange: 0,
            open: Vec::new(),
            congestion_control: !namespace_wide,
            room: vec![0; 1 << 16],
        })
    }

    /// Octets that this kernel charges a unit of text in a send buffer with, apart from the text: it depends on how the kernel was built. A
    /// connection over the loopback of the namespace tells.
    ///
    /// # Errors
    /// `Environment` when there can be no such connection.
    pub fn memory_of_unit(&self) -> Result<u32, SutError> {
        let failed = |error: std::io::Error| SutError::Environment(format!("a connection over the loopback: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let stream = TcpStream::connect(listener.local_addr().map_err(failed)?).map_err(failed)?;
        let (fd, text) = (stream.as_raw_fd(), [0_u8]);
        // SAFETY: `text` lives until the call returns.
        returned(unsafe { libc::send(fd, text.as_ptr().cast(), text.len(), libc::MSG_MORE) } as i64)
            .map_err(|errno| failed(std::io::Error::from_raw_os_error(errno)))?;
        let words = option(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, 4 * (WMEM_QUEUED + 1))
            .map_err(|errno| environment("getsockopt SO_MEMINFO", errno))?;
        let queued = words.chunks_exact(4).nth(WMEM_QUEUED).and_then(|word| word.try_into().ok());
        queued
            .and_then(|word| u32::from_ne_bytes(word).checked_sub(text.len() as u32))
            .ok_or_else(|| environment("getsockopt SO_MEMINFO", Errno::EINVAL))
    }

    /// Aborts what is open, throws away what the kernel still says, and begins an exchange with another address of the peer. `false`: the
    /// namespace has no more.
    pub fn next_exchange(&mut self) -> bool {
        self.end();
        if self.exchange >= EXCHANGES {
            return false;
        }
        // Above 10.0.0.0/8, below 127.0.0.0/8.
        self.exchange += 1;
        let by = 0x100 + self.exchange;
        shift(&mut self.peer.0, &self.ends.peer.0, 0, by);
        shift(&mut self.peer.1, &self.ends.peer.1, 12, by);
        true
    }

    /// Aborts every connection that still has a descriptor.
    fn end(&mut self) {
        for fd in std::mem::take(&mut self.open) {
            let linger = [1_i32.to_ne_bytes(), [0; 4]].concat();
            set_option(fd, libc::SOL_SOCKET, libc::SO_LINGER, &linger);
            // SAFETY: the descriptor was made by this value, and nobody else has it.
            unsafe { libc::close(fd) };
        }
        self.tun.drain();
    }

    /// Hands the kernel a datagram, which has dealt with it when this returns.
    ///
    /// # Errors
    /// `Unsupported` for a version number that TUN refuses.
    pub fn inject(&self, datagram: &mut [u8]) -> Result<(), SutError> {
        self.translate(datagram, true);
        self.tun.inject(datagram)
    }

    /// The next datagram that the kernel sent to the peer of this exchange.
    pub fn outgoing(&mut self) -> Option<&[u8]> {
        loop {
            let length = self.tun.read(&mut self.room)?;
            let mut room = std::mem::take(&mut self.room);
            let ours = self.is_ours(&room[..length]);
            if ours {
                self.translate(&mut room[..length], false);
            }
            self.room = room;
            if ours {
                return Some(&self.room[..length]);
            }
        }
    }

    /// Waits until the kernel has sent something, or for so long. What it has sent may be nobody's business.
    pub fn await_outgoing(&self, most: Duration) {
        self.tun.await_readable(most);
    }

    /// Retransmissions to peers of earlier exchanges, and neighbour discovery, are none of this one's business.
    fn is_ours(&self, datagram: &[u8]) -> bool {
        match datagram.first().map(|first| first >> 4) {
            Some(4) => datagram.get(16..20) == Some(&self.peer.0[..]),
            Some(6) => datagram.get(24..40) == Some(&self.peer.1[..]),
            _ => false,
        }
    }

    /// Replaces the address that the peer is known by with the current one, or the other way round.
    fn translate(&self, datagram: &mut [u8], inbound: bool) {
        let v4 = datagram.first().is_some_and(|first| first >> 4 == 4);
        let (source, destination, header, protocol) = if v4 { (12, 16, 20, 9) } else { (8, 24, 40, 6) };
        // What the kernel sent stands quoted in what comes in, and the other way round.
        let (outer, inner) = if inbound { (source, destination) } else { (destination, source) };
        self.replace(datagram, outer, v4, inbound);
        if datagram.get(protocol).is_some_and(|protocol| ICMP.contains(protocol)) {
            self.replace(datagram, header + 8 + inner, v4, inbound);
        }
    }

    fn replace(&self, datagram: &mut [u8], at: usize, v4: bool, inbound: bool) {
        let (known, current): (&[u8], &[u8]) =
            if v4 { (&self.ends.peer.0, &self.peer.0) } else { (&self.ends.peer.1, &self.peer.1) };
        let (from, to) = if inbound { (known, current) } else { (current, known) };
        if let Some(address) = datagram.get_mut(at..at + from.len())
            && address == from
        {
            address.copy_from_slice(to);
        }
    }

    /// A non-blocking socket; an error is Linux's number.
    ///
    /// # Errors
    /// As `socket`.
    pub fn socket(&mut self, v6: bool) -> Result<i32, i32> {
        let domain = if v6 { libc::AF_INET6 } else { libc::AF_INET };
        let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: takes numbers only.
        let fd = returned(unsafe { libc::socket(domain, kind, libc::IPPROTO_TCP) } as i64)? as i32;
        self.open.push(fd);
        if self.congestion_control {
            let name = sysctl::CONGESTION_CONTROL.as_bytes();
            set_option(fd, libc::SOL_TCP, libc::TCP_CONGESTION, name);
        }
        Ok(fd)
    }

    /// `setsockopt` with an int, by the option's name.
    ///
    /// # Errors
    /// As `setsockopt`; `ENOPROTOOPT` also for a name that is not in the table.
    pub fn set(&self, fd: i32, name: &str, value: i32) -> Result<(), i32> {
        self.owned(fd)?;
        let v6 = OF_IPV6.iter().filter(|_| {
            option(fd, libc::SOL_SOCKET, libc::SO_DOMAIN, 4).is_ok_and(|domain| domain[0] == libc::AF_INET6 as u8)
        });
        let (_, level, name) = *v6.chain(OPTIONS).find(|(known, ..)| *known == name).ok_or(libc::ENOPROTOOPT)?;
        returned(set_option(fd, level, name, &value.to_ne_bytes()).into()).map(drop)
    }

    /// `SO_LINGER` with a time of zero.
    ///
    /// # Errors
    /// As `setsockopt`.
    pub fn linger_zero(&self, fd: i32) -> Result<(), i32> {
        self.owned(fd)?;
        let linger = [1_i32.to_ne_bytes(), [0; 4]].concat();
        returned(set_option(fd, libc::SOL_SOCKET, libc::SO_LINGER, &linger).into()).map(drop)
    }

    /// `bind` to a port of the kernel's own address.
    ///
    /// # Errors
    /// As `bind`.
    pub fn bind(&self, fd: i32, v6: bool, port: u16) -> Result<(), i32> {
        self.owned(fd)?;
        let address = self.address(v6, self.ends.host, port);
        // SAFETY: `address` is a socket address of `len()` octets.
        returned(unsafe { libc::bind(fd, address.as_ptr(), address.len()) }.into()).map(drop)
    }

    /// `listen`
    ///
    /// # Errors
    /// As `listen`.
    pub fn listen(&self, fd: i32, backlog: i32) -> Result<(), i32> {
        self.owned(fd)?;
        // SAFETY: takes numbers only.
        returned(unsafe { libc::listen(fd, backlog) }.into()).map(drop)
    }

    /// `accept`: the descriptor and the peer's port.
    ///
    /// # Errors
    /// As `accept`.
    pub fn accept(&mut self, fd: i32) -> Result<(i32, u16), i32> {
        self.owned(fd)?;
        // SAFETY: null pointers say that the peer's address is not wanted; `sockaddr_storage` is plain data.
        let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        // SAFETY: `storage` has `length` octets.
        let accepted = unsafe { libc::accept4(fd, (&raw mut storage).cast(), &raw mut length, flags) };
        let accepted = returned(accepted.into())? as i32;
        self.open.push(accepted);
        // SAFETY: both kinds of address have family and port in their first four octets, which `storage` has.
        let head = unsafe { (&raw const storage).cast::<[u8; 4]>().read() };
        Ok((accepted, u16::from_be_bytes([head[2], head[3]])))
    }

    /// `connect` to a port of the peer.
    ///
    /// # Errors
    /// As `connect`.
    pub fn connect(&self, fd: i32, v6: bool, port: u16) -> Result<(), i32> {
        self.owned(fd)?;
        let address = self.address(v6, self.peer, port);
        // SAFETY: `address` is a socket address of `len()` octets.
        returned(unsafe { libc::connect(fd, address.as_ptr(), address.len()) }.into()).map(drop)
    }

    /// `send`, with `MSG_MORE` and `MSG_OOB`.
    ///
    /// # Errors
    /// As `send`.
    pub fn send(&self, fd: i32, data: &[u8], more: bool, urgent: bool) -> Result<usize, i32> {
        self.owned(fd)?;
        let flag = |on, flag| if on { flag } else { 0 };
        let flags = flag(more, libc::MSG_MORE) | flag(urgent, libc::MSG_OOB) | libc::MSG_NOSIGNAL;
        // SAFETY: `data` lives until the call returns.
        returned(unsafe { libc::send(fd, data.as_ptr().cast(), data.len(), flags) } as i64).map(|sent| sent as usize)
    }

    /// `recv`, with `MSG_PEEK`.
    ///
    /// # Errors
    /// As `recv`.
    pub fn recv(&self, fd: i32, room: &mut [u8], peek: bool) -> Result<usize, i32> {
        self.owned(fd)?;
        let flags = if peek { libc::MSG_PEEK } else { 0 };
        // SAFETY: `room` has as many octets as stated.
        returned(unsafe { libc::recv(fd, room.as_mut_ptr().cast(), room.len(), flags) } as i64)
            .map(|read| read as usize)
    }

    /// `shutdown`, with Linux's number of what is shut down.
    ///
    /// # Errors
    /// As `shutdown`.
    pub fn shutdown(&self, fd: i32, how: i32) -> Result<(), i32> {
        self.owned(fd)?;
        // SAFETY: takes numbers only.
        returned(unsafe { libc::shutdown(fd, how) }.into()).map(drop)
    }

    /// `close`
    ///
    /// # Errors
    /// As `close`.
    pub fn close(&mut self, fd: i32) -> Result<(), i32> {
        self.owned(fd)?;
        self.open.retain(|open| *open != fd);
        // SAFETY: the descriptor was made by this value, and nobody else has it.
        returned(unsafe { libc::close(fd) }.into()).map(drop)
    }

    /// The number of the connection's state in `TCP_INFO`.
    ///
    /// # Errors
    /// As `getsockopt`.
    pub fn state(&self, fd: i32) -> Result<u8, i32> {
        self.owned(fd)?;
        option(fd, libc::SOL_TCP, libc::TCP_INFO, 1).map(|info| info[0]).map_err(|errno| errno as i32)
    }

    /// A descriptor of the harness, or of another exchange, is none of this one.
    fn owned(&self, fd: i32) -> Result<(), i32> {
        if self.open.contains(&fd) { Ok(()) } else { Err(libc::EBADF) }
    }

    #[expect(clippy::unused_self, reason = "an address belongs to an end of this namespace")]
    fn address(&self, v6: bool, end: ([u8; 4], [u8; 16]), port: u16) -> SockaddrStorage {
        let ip = if v6 { IpAddr::from(end.1) } else { IpAddr::from(end.0) };
        SocketAddr::new(ip, port).into()
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        self.end();
    }
}

/// Moves the word at `at` up and the next one down by as much, in one's complement.
fn shift(to: &mut [u8], from: &[u8], at: usize, by: u16) {
    let word = |at: usize| u16::from_be_bytes([from[at], from[at + 1]]);
    let (up, borrow) = (word(at).wrapping_add(by), word(at + 2).overflowing_sub(by));
    let down = borrow.0.wrapping_sub(u16::from(borrow.1));
    to[at..at + 2].copy_from_slice(&up.to_be_bytes());
    to[at + 2..at + 4].copy_from_slice(&down.to_be_bytes());
}

fn returned(value: i64) -> Result<i64, i32> {
    if value < 0 { Err(Errno::last_raw()) } else { Ok(value) }
}

/// The largest of what `SO_RCVBUF` and `SO_SNDBUF` may ask for on this host.
///
/// # Errors
/// `Environment` without `/proc`.
pub fn largest_buffers() -> Result<(u32, u32), SutError> {
    let read = |name: &str| -> Result<u32, SutError> {
        let path = format!("/proc/sys/net/core/{name}");
        let text = std::fs::read_to_string(&path).map_err(|error| SutError::Environment(format!("{path}: {error}")))?;
        text.trim().parse().map_err(|_| environment(&path, Errno::EINVAL))
    };
    Ok((read("rmem_max")?, read("wmem_max")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use halfopen_engine::packet::checksum::Sum;

    #[test]
    fn every_exchange_has_an_address_of_its_own_with_the_same_sum() {
        let known = [10, 0, 0, 2];
        let mut seen = std::collections::BTreeSet::new();
        for exchange in 1..=EXCHANGES {
            let mut address = known;
            shift(&mut address, &known, 0, 0x100 + exchange);
            assert!((11..127).contains(&address[0]), "{address:?}");
            assert_eq!(Sum::default().plus(&address).value(), Sum::default().plus(&known).value(), "{address:?}");
            assert!(seen.insert(address));
        }
    }
}
