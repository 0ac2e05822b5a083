//! What the kernel sends, seen by a packet socket on the device, with the kernel's own timestamps.

use super::clock::Clock;
use super::environment;
use halfopen_engine::sut::{Micros, SutError};
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce, ReceiveTimestampns};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, LinkAddr, MsgFlags, SockFlag, SockType, SockaddrLike as _, bind, recvmsg,
    sendto, setsockopt, socket,
};
use nix::sys::time::{TimeSpec, TimeValLike as _};
use std::collections::VecDeque;
use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};

/// Octets that the kernel may hold for the capture; it counts about 1 kB for a small datagram.
const RECEIVE_BUFFER: usize = 32 << 20;
/// The largest IP datagram that TCP makes.
const LARGEST: usize = 1 << 16;

/// Whose frames are captured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Those that this host's kernel sends.
    Outgoing,
    /// Those that come from the other side of the device.
    Incoming,
}

/// A frame as it was read: stamp, type, source, octets.
type Frame = (i64, u16, [u8; 6], Vec<u8>);

/// A packet socket and what was read from it.
#[derive(Debug)]
pub(super) struct Capture {
    fd: OwnedFd,
    room: Vec<u8>,
    /// Checksums may be left to the device.
    offload: bool,
    queue: VecDeque<(Micros, Vec<u8>)>,
    /// Datagrams captured so far.
    pub(super) captured: u64,
    /// Datagrams the kernel had no room for.
    pub(super) dropped: u64,
}

impl Capture {
    /// Captures what passes the interface in one direction, from now on.
    pub(super) fn open(index: u32, direction: Direction, offload: bool) -> Result<Self, SutError> {
        // Protocol 0 captures nothing; bind() names protocol and interface in one step.
        let fd =
            socket(AddressFamily::Packet, SockType::Datagram, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)
                .map_err(|errno| environment("packet socket", errno))?;
        // Root of a user namespace has to make do with what net.core.rmem_max allows; what gets lost is counted.
        setsockopt(&fd, RcvBufForce, &RECEIVE_BUFFER)
            .or_else(|_| setsockopt(&fd, RcvBuf, &RECEIVE_BUFFER))
            .map_err(|errno| environment("SO_RCVBUF", errno))?;
        setsockopt(&fd, ReceiveTimestampns, &true).map_err(|errno| environment("SO_TIMESTAMPNS", errno))?;
        if offload {
            auxiliary_data(&fd).map_err(|errno| environment("PACKET_AUXDATA", errno))?;
        }
        attach_filter(&fd, direction).map_err(|errno| environment("SO_ATTACH_FILTER", errno))?;
        bind(fd.as_raw_fd(), &link_address(index, libc::ETH_P_ALL as u16, &[]))
            .map_err(|errno| environment("binding the packet socket", errno))?;
        Ok(Self { fd, room: vec![0; LARGEST], offload, queue: VecDeque::new(), captured: 0, dropped: 0 })
    }

    /// Takes over everything that the kernel has captured; waits for nothing.
    pub(super) fn fill(&mut self, clock: &mut Clock) -> Result<(), SutError> {
        self.fill_with(clock, |_, _, _| true)
    }

    /// As [`Capture::fill`], but only what `wanted` wants, given a frame's type, source and octets.
    pub(super) fn fill_with(
        &mut self,
        clock: &mut Clock,
        mut wanted: impl FnMut(u16, [u8; 6], &[u8]) -> bool,
    ) -> Result<(), SutError> {
        while let Some((realtime, kind, from, datagram)) =
            self.receive().map_err(|errno| environment("reading the capture", errno))?
        {
            if wanted(kind, from, &datagram) {
                self.captured += 1;
                self.queue.push_back((clock.stamp(realtime), datagram));
            }
        }
        Ok(())
    }

    /// Forgets what was captured.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
    }

    /// Sends a frame of this type; `to` is empty where there are no hardware addresses.
    pub(super) fn send(&self, index: u32, kind: u16, to: &[u8], octets: &[u8]) -> Result<(), Errno> {
        let address = link_address(index, kind, to);
        loop {
            match sendto(self.fd.as_raw_fd(), octets, &address, MsgFlags::empty()) {
                Ok(_) => return Ok(()),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }

    fn receive(&mut self) -> Result<Option<Frame>, Errno> {
        let mut control = nix::cmsg_space!(TimeSpec, libc::tpacket_auxdata);
        let mut room = [IoSliceMut::new(&mut self.room)];
        let message = loop {
            match recvmsg::<LinkAddr>(self.fd.as_raw_fd(), &mut room, Some(&mut control), MsgFlags::empty()) {
                Ok(message) => break message,
                Err(Errno::EAGAIN) => return Ok(None),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        };
        let (mut stamp, mut partial) = (None, false);
        for control in message.cmsgs()? {
            if let ControlMessageOwned::ScmTimestampns(at) = control {
                stamp = Some(at.num_nanoseconds());
            } else if let ControlMessageOwned::Unknown(other) = control {
                // Only `tpacket_auxdata` was asked for; it begins with the status.
                let status = other.data_bytes.first_chunk().map_or(0, |octets| u32::from_ne_bytes(*octets));
                partial |= self.offload && status & libc::TP_STATUS_CSUMNOTREADY != 0;
            }
        }
        let length = message.bytes;
        let source = message.address;
        let kind = source.map_or(0, |source| u16::from_be(source.protocol()));
        let from = source.and_then(|source| source.addr()).unwrap_or_default();
        let mut datagram = self.room[..length].to_vec();
        if partial {
            complete_checksum(&mut datagram);
        }
        // Without a stamp the packet would have no time at all.
        Ok(Some((stamp.ok_or(Errno::ENODATA)?, kind, from, datagram)))
    }

    /// Time of the next datagram.
    pub(super) fn first(&self) -> Option<Micros> {
        self.queue.front().map(|(at, _)| *at)
    }

    /// The next datagram, when it was sent at this time.
    pub(super) fn pop_at(&mut self, at: Micros) -> Option<(Micros, Vec<u8>)> {
        self.queue.pop_front_if(|(first, _)| *first == at)
    }

    /// Adds up what the kernel had to drop; it forgets on reading.
    pub(super) fn count_drops(&mut self) -> Result<(), SutError> {
        let mut statistics = [0u32; 2];
        let mut length = size_of_val(&statistics) as libc::socklen_t;
        // SAFETY: PACKET_STATISTICS writes at most `length` octets, the two counters of `tpacket_stats`.
        let result = unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                statistics.as_mut_ptr().cast(),
                &mut length,
            )
        };
        Errno::result(result).map_err(|errno| environment("PACKET_STATISTICS", errno))?;
        self.dropped += u64::from(statistics[1]);
        Ok(())
    }

    /// The descriptor, to be closed by somebody else.
    pub(super) fn into_fd(self) -> OwnedFd {
        self.fd
    }
}

impl AsFd for Capture {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Has the kernel say what it knows beside a datagram.
fn auxiliary_data(fd: &OwnedFd) -> Result<(), Errno> {
    let on: libc::c_int = 1;
    // SAFETY: the option's value is an `int`, which `on` is.
    let result = unsafe {
        let size = size_of_val(&on) as libc::socklen_t;
        libc::setsockopt(fd.as_raw_fd(), libc::SOL_PACKET, libc::PACKET_AUXDATA, (&raw const on).cast(), size)
    };
    Errno::result(result).map(drop)
}

/// Does what the kernel has left to the device: the checksum field of a TCP segment holds the sum of the pseudo header, to which
/// that of the segment is added.
fn complete_checksum(datagram: &mut [u8]) {
    let header = match datagram.first().map(|first| first >> 4) {
        Some(4) => usize::from(datagram[0] & 0xf) * 4,
        Some(6) => 40,
        _ => return,
    };
    let Some(segment) = datagram.get_mut(header..).filter(|segment| segment.len() >= 20) else { return };
    let words = segment.chunks(2).map(|word| u64::from(word[0]) << 8 | u64::from(*word.get(1).unwrap_or(&0)));
    let mut sum: u64 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    segment[16..18].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

fn link_address(index: u32, kind: u16, to: &[u8]) -> LinkAddr {
    // SAFETY: `sockaddr_ll` is plain data for which all zeros is a value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = kind.to_be();
    address.sll_ifindex = index.cast_signed();
    address.sll_halen = to.len() as u8;
    address.sll_addr[..to.len()].copy_from_slice(to);
    let length = size_of_val(&address) as libc::socklen_t;
    // SAFETY: `address` is a valid `sockaddr_ll` of `length` octets.
    unsafe { LinkAddr::from_raw((&raw const address).cast(), Some(length)) }.expect("the family is AF_PACKET")
}

/// Lets only frames of one direction through, so that injected ones neither wake the harness nor fill the buffer.
fn attach_filter(fd: &OwnedFd, direction: Direction) -> Result<(), Errno> {
    let code = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let packet_type = (libc::SKF_AD_OFF + libc::SKF_AD_PKTTYPE).cast_unsigned();
    let (outgoing, others) = match direction {
        Direction::Outgoing => (u32::MAX, 0),
        Direction::Incoming => (0, u32::MAX),
    };
    let mut program = [
        code(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, packet_type),
        code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, u32::from(libc::PACKET_OUTGOING)),
        code(libc::BPF_RET | libc::BPF_K, 0, 0, outgoing),
        code(libc::BPF_RET | libc::BPF_K, 0, 0, others),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: `filter` and the program it points to live until the call returns; the kernel copies both.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const filter).cast(),
            size_of_val(&filter) as libc::socklen_t,
        )
    };
    Errno::result(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_left_to_the_device_is_that_of_the_whole_segment() {
        // 192.0.2.1:1 to 192.0.2.2:2, an ACK with one octet; the field holds the sum of the pseudo header.
        let mut datagram = vec![0x45, 0, 0, 41, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
        datagram.extend([0, 1, 0, 2, 0, 0, 0, 9, 0, 0, 0, 7, 0x50, 0x10, 1, 0, 0, 0, 0, 0, b'x']);
        let pseudo: u32 = 0xc000 + 0x0201 + 0xc000 + 0x0202 + 6 + 21;
        datagram[36..38].copy_from_slice(&((pseudo & 0xffff) as u16 + (pseudo >> 16) as u16).to_be_bytes());
        complete_checksum(&mut datagram);
        let words =
            datagram[20..].chunks(2).map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0)));
        let sum: u32 = pseudo + words.sum::<u32>();
        assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff);
    }
}
