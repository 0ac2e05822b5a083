//! A connection that is opened by the peer, accepted, closed by the peer and then by the user: SYN, SYN-ACK, ACK, FIN, ACK,
//! FIN, ACK. The same code plays the peer of both.

use crate::peer::{self, HOST, PORT};
use crate::rounds::{Contender, Unit, compare};
use crate::smoltcp_host::SmoltcpHost;
use halfopen_stack::wire::tcp::{Flags, Options};
use halfopen_stack::{Config, Domain, Instant, RecvFlags, Stack};
use smoltcp::socket::tcp;
use std::net::SocketAddr;

/// Octets of each buffer.
const BUFFER: u32 = 65_536;

pub(crate) fn rows() {
    let mut server = Server::new();
    let mut other = SmoltcpServer::new();
    compare(
        "handshake, close by the peer, close",
        Unit::Time,
        Contender::new("halfopen", || server.connection()),
        vec![Contender::new("smoltcp", || other.connection())],
    );
}

/// The initial sequence number of a SYN-ACK.
fn iss(syn_ack: &[u8]) -> u32 {
    u32::from_be_bytes(syn_ack[24..28].try_into().expect("four octets"))
}

fn segment(flags: Flags, seq: u32, ack: u32) -> Vec<u8> {
    peer::datagram(flags, seq, ack, Options::default())
}

struct Server {
    stack: Stack,
    listener: i32,
    syn: Vec<u8>,
    /// The last datagram that the stack has sent.
    datagram: Vec<u8>,
}

impl Server {
    fn new() -> Self {
        let mut config = Config::rfc9293();
        config.tcp_timestamps = 0;
        config.tcp_rmem = [4096, BUFFER, BUFFER];
        config.tcp_wmem = [4096, BUFFER, BUFFER];
        let mut stack = Stack::new(config, 1);
        stack.add_address(HOST.into());
        let listener = stack.socket(Domain::Inet).expect("a socket");
        stack.bind(listener, SocketAddr::new(HOST.into(), PORT)).expect("the port is free");
        stack.listen(listener, 8).expect("it can listen");
        Self { stack, listener, syn: peer::syn(), datagram: Vec::new() }
    }

    fn connection(&mut self) {
        let now = Instant(0);
        let Self { stack, datagram, .. } = self;
        stack.receive(now, &self.syn);
        assert!(stack.transmit_into(datagram), "no SYN-ACK");
        let ack = iss(datagram).wrapping_add(1);
        stack.receive(now, &segment(Flags::ACK, 1001, ack));
        let (fd, _) = stack.accept(now, self.listener).expect("a connection");
        stack.receive(now, &segment(Flags::FIN | Flags::ACK, 1001, ack));
        assert_eq!(stack.recv(now, fd, &mut [0; 1], RecvFlags::default()), Ok(0));
        stack.close(now, fd).expect("it closes");
        // The ACK of the peer's FIN, and our FIN.
        while stack.transmit_into(datagram) {}
        stack.receive(now, &segment(Flags::ACK, 1002, ack.wrapping_add(1)));
        assert!(!stack.transmit_into(datagram) && stack.status(fd).is_err());
    }
}

struct SmoltcpServer {
    host: SmoltcpHost,
    socket: smoltcp::iface::SocketHandle,
    syn: Vec<u8>,
}

impl SmoltcpServer {
    fn new() -> Self {
        let mut host = SmoltcpHost::new(HOST, 1500, true);
        let socket = host.sockets.add(SmoltcpHost::socket(BUFFER as usize));
        Self { host, socket, syn: peer::syn() }
    }

    fn connection(&mut self) {
        let now = smoltcp::time::Instant::ZERO;
        self.host.sockets.get_mut::<tcp::Socket<'_>>(self.socket).listen(PORT).expect("it is closed");
        let syn_ack = self.host.exchange(now, &self.syn).expect("a SYN-ACK");
        let ack = iss(&syn_ack).wrapping_add(1);
        self.host.queues.free.push(syn_ack);
        assert_eq!(self.host.exchange(now, &segment(Flags::ACK, 1001, ack)), None);
        let of_fin = self.host.exchange(now, &segment(Flags::FIN | Flags::ACK, 1001, ack));
        self.host.queues.free.extend(of_fin);
        let socket = self.host.sockets.get_mut::<tcp::Socket<'_>>(self.socket);
        assert_eq!(socket.recv_slice(&mut [0; 1]), Err(tcp::RecvError::Finished));
        socket.close();
        self.host.poll(now);
        assert!(!self.host.queues.leaving.is_empty(), "no FIN");
        while let Some(datagram) = self.host.queues.leaving.pop_front() {
            self.host.queues.free.push(datagram);
        }
        assert_eq!(self.host.exchange(now, &segment(Flags::ACK, 1002, ack.wrapping_add(1))), None);
        assert_eq!(self.host.sockets.get::<tcp::Socket<'_>>(self.socket).state(), tcp::State::Closed);
    }
}
