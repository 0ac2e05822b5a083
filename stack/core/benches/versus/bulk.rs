//! One direction of a connection at full speed, between two stacks in one thread.

use crate::peer::{HOST, PEER, PEER_PORT, PORT};
use crate::pipe::Pipe;
use crate::rounds::{Contender, Unit, compare};
use crate::smoltcp_host::SmoltcpHost;
use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp;
use smoltcp::time::{Duration, Instant};
use std::cell::RefCell;

/// Octets of each buffer: those of smoltcp's own benchmark.
const BUFFER: u32 = 65_536;
/// Octets of one piece of work.
const PIECE: usize = 1 << 20;

pub(crate) fn rows(mtu: usize) {
    let source: Vec<u8> = (0..BUFFER).map(|i| (i * 7 + i / 251) as u8).collect();
    let sink = RefCell::new(vec![0; BUFFER as usize]);
    let mut pipe = Pipe::connected(mtu, BUFFER);
    let mut other = SmoltcpPipe::connected(mtu);
    pipe.transfer(PIECE, &source, &mut sink.borrow_mut(), true);
    other.transfer(PIECE, &source, &mut sink.borrow_mut(), true);
    compare(
        &format!("bulk transfer, MTU {mtu}"),
        Unit::Octets(PIECE as u64),
        Contender::new("halfopen", || pipe.transfer(PIECE, &source, &mut sink.borrow_mut(), false)),
        vec![Contender::new("smoltcp", || other.transfer(PIECE, &source, &mut sink.borrow_mut(), false))],
    );
}

/// Two smoltcp hosts with a connection, joined without delay.
struct SmoltcpPipe {
    now: Instant,
    client: SmoltcpHost,
    server: SmoltcpHost,
    from: SocketHandle,
    to: SocketHandle,
}

impl SmoltcpPipe {
    fn connected(mtu: usize) -> Self {
        let mut client = SmoltcpHost::new(PEER, mtu, true);
        let mut server = SmoltcpHost::new(HOST, mtu, true);
        let from = client.sockets.add(SmoltcpHost::socket(BUFFER as usize));
        let to = server.sockets.add(SmoltcpHost::socket(BUFFER as usize));
        server.sockets.get_mut::<tcp::Socket<'_>>(to).listen(PORT).expect("it is closed");
        let socket = client.sockets.get_mut::<tcp::Socket<'_>>(from);
        socket.connect(client.interface.context(), (HOST, PORT), PEER_PORT).expect("it is closed");
        let mut pipe = Self { now: Instant::ZERO, client, server, from, to };
        while pipe.carry() > 0 {}
        assert!(pipe.client.sockets.get::<tcp::Socket<'_>>(pipe.from).may_send());
        pipe
    }

    /// Lets both work once; hands over what each has sent. How many datagrams.
    fn carry(&mut self) -> usize {
        let mut carried = 0;
        self.client.poll(self.now);
        carried += self.client.queues.leaving.len();
        self.server.queues.arriving.append(&mut self.client.queues.leaving);
        self.server.poll(self.now);
        carried += self.server.queues.leaving.len();
        self.client.queues.arriving.append(&mut self.server.queues.leaving);
        // Buffers go where they are needed: most datagrams go from client to server.
        let kept = self.server.queues.free.len().min(64);
        self.client.queues.free.extend(self.server.queues.free.drain(kept..));
        carried
    }

    fn transfer(&mut self, octets: usize, source: &[u8], sink: &mut [u8], verify: bool) {
        let (mut sent, mut received) = (0, 0);
        while received < octets {
            let before = (sent, received);
            self.now += Duration::from_micros(1);
            let socket = self.client.sockets.get_mut::<tcp::Socket<'_>>(self.from);
            while sent < octets && socket.can_send() {
                let at = sent % source.len();
                let piece = &source[at..source.len().min(at + octets - sent)];
                sent += socket.send_slice(piece).expect("it is open");
            }
            let carried = self.carry();
            let socket = self.server.sockets.get_mut::<tcp::Socket<'_>>(self.to);
            while socket.can_recv() {
                let read = socket.recv_slice(sink).expect("it is open");
                assert!(
                    !verify
                        || sink[..read].iter().enumerate().all(|(i, x)| *x == source[(received + i) % source.len()])
                );
                received += read;
            }
            if carried == 0 && before == (sent, received) {
                let due = [
                    self.client.interface.poll_at(self.now, &self.client.sockets),
                    self.server.interface.poll_at(self.now, &self.server.sockets),
                ];
                self.now = due.into_iter().flatten().min().expect("somebody has something to do").max(self.now);
            }
        }
    }
}
