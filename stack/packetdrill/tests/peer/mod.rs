//! packetdrill's side of the table: injects segments, takes the stack's.

use etherparse::{NetSlice, PacketBuilder, SlicedPacket, TcpOptionElement, TransportSlice};
use halfopen_packetdrill::interface::Interface;
use halfopen_packetdrill::packetdrill_interface_init;
use nix::libc::{self, c_int, in_addr, sockaddr_in, timeval};
use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::mem::MaybeUninit;
use std::net::Ipv4Addr;
use std::ptr::null_mut;

pub(crate) const LOCAL: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);
const REMOTE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const PORT: u16 = 8080;

pub(crate) fn table(flags: &CStr) -> Interface {
    let mut table = MaybeUninit::zeroed();
    // SAFETY: a C string, and room for a table.
    unsafe {
        packetdrill_interface_init(flags.as_ptr(), table.as_mut_ptr());
        table.assume_init()
    }
}

pub(crate) fn now(table: &Interface) -> i64 {
    let mut time = timeval { tv_sec: 0, tv_usec: 0 };
    // SAFETY: the table is alive, the pointer valid.
    assert_eq!(unsafe { (table.gettimeofday)(table.userdata, &mut time, null_mut()) }, 0);
    time.tv_sec * 1_000_000 + time.tv_usec
}

/// Where the exchange stands, from the peer's side.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ends {
    seq: u32,
    ack: u32,
}

impl Ends {
    fn builder(self) -> etherparse::PacketBuilderStep<etherparse::TcpHeader> {
        PacketBuilder::ipv4(REMOTE.octets(), LOCAL.octets(), 64).tcp(40_000, PORT, self.seq, 1000)
    }

    fn datagram(step: etherparse::PacketBuilderStep<etherparse::TcpHeader>, payload: &[u8]) -> Vec<u8> {
        let mut octets = Vec::new();
        step.write(&mut octets, payload).expect("a vector takes all");
        octets
    }

    pub(crate) fn syn(self) -> Vec<u8> {
        let options =
            [TcpOptionElement::MaximumSegmentSize(1000), TcpOptionElement::WindowScale(7), TcpOptionElement::Noop];
        Self::datagram(self.builder().syn().options(&options).expect("they fit"), &[])
    }

    pub(crate) fn text(self, payload: &[u8]) -> Vec<u8> {
        Self::datagram(self.builder().ack(self.ack), payload)
    }
}

/// What the stack sent.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) at: i64,
    pub(crate) source: Ipv4Addr,
    pub(crate) flags: &'static str,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    /// The segment has a window scale option.
    pub(crate) scaled: bool,
    pub(crate) payload: Vec<u8>,
}

/// A table, and the connection that it is used for.
pub(crate) struct Peer {
    pub(crate) table: Interface,
    ends: Cell<Ends>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // SAFETY: it is not used again.
        unsafe { (self.table.free)(self.table.userdata) };
    }
}

impl Peer {
    pub(crate) fn new(flags: &str) -> Self {
        let flags = CString::new(flags).expect("no zero octet");
        Self { table: table(&flags), ends: Cell::default() }
    }

    pub(crate) fn now(&self) -> i64 {
        now(&self.table)
    }

    /// Where the peer's next segment stands.
    pub(crate) fn ends(&self) -> Ends {
        self.ends.get()
    }

    pub(crate) fn inject(&self, datagram: Vec<u8>) {
        // SAFETY: the octets are there.
        let sent = unsafe { (self.table.netdev_send)(self.table.userdata, datagram.as_ptr().cast(), datagram.len()) };
        assert_eq!(sent, 0);
    }

    /// The stack's next segment.
    pub(crate) fn segment(&self) -> Got {
        let mut buffer = [0_u8; 2048];
        let (mut count, mut at) = (buffer.len(), 0);
        // SAFETY: all pointers are valid.
        let result = unsafe {
            (self.table.netdev_receive)(self.table.userdata, buffer.as_mut_ptr().cast(), &mut count, &mut at)
        };
        assert_eq!(result, 0);
        let packet = SlicedPacket::from_ip(&buffer[..count]).expect("a datagram");
        let (Some(NetSlice::Ipv4(ip)), Some(TransportSlice::Tcp(tcp))) = (packet.net, packet.transport) else {
            panic!("no TCP over IPv4")
        };
        let flags = match (tcp.syn(), tcp.fin(), tcp.rst(), tcp.ack()) {
            (true, false, false, true) => "S.",
            (false, true, false, true) => "F.",
            (false, false, true, true) => "R.",
            (false, false, false, true) => ".",
            other => panic!("flags {other:?}"),
        };
        Got {
            at,
            source: ip.header().source_addr(),
            flags,
            seq: tcp.sequence_number(),
            ack: tcp.acknowledgment_number(),
            scaled: tcp.options_iterator().any(|option| matches!(option, Ok(TcpOptionElement::WindowScale(_)))),
            payload: tcp.payload().to_vec(),
        }
    }

    /// A socket that listens on packetdrill's address.
    pub(crate) fn listener(&self) -> c_int {
        let Interface { userdata, socket, bind, listen, .. } = self.table;
        let address = sockaddr_in {
            sin_family: libc::AF_INET as u16,
            sin_port: PORT.to_be(),
            sin_addr: in_addr { s_addr: u32::from_ne_bytes(LOCAL.octets()) },
            sin_zero: [0; 8],
        };
        // SAFETY: all pointers are valid.
        unsafe {
            let fd = socket(userdata, libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_TCP);
            assert!(fd >= 0);
            assert_eq!(bind(userdata, fd, (&raw const address).cast(), size_of::<sockaddr_in>() as u32), 0);
            assert_eq!(listen(userdata, fd, 1), 0);
            fd
        }
    }

    /// A connection of the peer's making, accepted.
    pub(crate) fn accepted(&self, listener: c_int) -> c_int {
        self.inject(Ends::default().syn());
        let reply = self.segment();
        assert_eq!((reply.flags, reply.ack), ("S.", 1));
        self.ends.set(Ends { seq: 1, ack: reply.seq.wrapping_add(1) });
        self.inject(self.ends().text(&[]));
        // SAFETY: null asks for no address.
        let fd = unsafe { (self.table.accept)(self.table.userdata, listener, null_mut(), null_mut()) };
        assert!(fd >= 0);
        fd
    }

    pub(crate) fn write(&self, fd: c_int, octets: &[u8]) -> isize {
        // SAFETY: the octets are there.
        unsafe { (self.table.write)(self.table.userdata, fd, octets.as_ptr().cast(), octets.len()) }
    }

    pub(crate) fn read(&self, fd: c_int, to: &mut [u8]) -> isize {
        // SAFETY: there is room.
        unsafe { (self.table.read)(self.table.userdata, fd, to.as_mut_ptr().cast(), to.len()) }
    }
}
