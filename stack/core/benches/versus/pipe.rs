//! Two of our stacks, joined without delay.

use crate::peer::{HOST, PEER, PORT};
use halfopen_stack::{Config, Domain, Errno, Instant, RecvFlags, SendFlags, Stack};
use std::net::{IpAddr, SocketAddr};

/// A client that has connected to a server.
pub(crate) struct Pipe {
    now: Instant,
    client: Stack,
    server: Stack,
    /// The client's socket.
    from: i32,
    /// The server's.
    to: i32,
    /// The datagrams that are handed over.
    queue: Vec<Vec<u8>>,
}

impl Pipe {
    /// A connection with buffers of so many octets.
    pub(crate) fn connected(mtu: usize, buffer: u32) -> Self {
        let host = |address: IpAddr, seed| {
            let mut config = Config::rfc9293();
            config.tcp_timestamps = 0;
            config.tcp_rmem = [4096, buffer, buffer];
            config.tcp_wmem = [4096, buffer, buffer];
            let mut stack = Stack::new(config, seed);
            stack.add_address(address);
            stack.set_mtu(mtu);
            stack
        };
        let now = Instant(0);
        let (mut client, mut server) = (host(PEER.into(), 1), host(HOST.into(), 2));
        let socket = SocketAddr::new(HOST.into(), PORT);
        let listener = server.socket(Domain::Inet).expect("a socket");
        server.bind(listener, socket).expect("the port is free");
        server.listen(listener, 1).expect("it can listen");
        let from = client.socket(Domain::Inet).expect("a socket");
        assert_eq!(client.connect(now, from, socket), Err(Errno::EINPROGRESS));
        let mut pipe = Self { now, client, server, from, to: 0, queue: Vec::new() };
        while pipe.carry() > 0 {}
        pipe.to = pipe.server.accept(now, listener).expect("a connection").0;
        pipe
    }

    /// Hands over what each has sent. How many datagrams.
    fn carry(&mut self) -> usize {
        let Self { now, client, server, queue, .. } = self;
        carry(*now, client, server, queue) + carry(*now, server, client, queue)
    }

    /// Moves so many octets of `source`, which goes round and round, by way of `sink`.
    pub(crate) fn transfer(&mut self, octets: usize, source: &[u8], sink: &mut [u8], verify: bool) {
        let (mut sent, mut received) = (0, 0);
        while received < octets {
            let before = (sent, received);
            self.now = Instant(self.now.0 + 1);
            while sent < octets {
                let at = sent % source.len();
                let piece = &source[at..source.len().min(at + octets - sent)];
                match self.client.send(self.now, self.from, piece, SendFlags::default()) {
                    Ok(taken) => sent += taken,
                    Err(Errno::EAGAIN) => break,
                    Err(error) => panic!("send: {error:?}"),
                }
            }
            let carried = self.carry();
            while let Ok(read) = self.server.recv(self.now, self.to, sink, RecvFlags::default()) {
                assert!(read > 0, "the connection is gone");
                assert!(
                    !verify
                        || sink[..read].iter().enumerate().all(|(i, x)| *x == source[(received + i) % source.len()])
                );
                received += read;
            }
            if carried == 0 && before == (sent, received) {
                let due = [self.client.poll_at(), self.server.poll_at()].into_iter().flatten().min();
                self.now = due.expect("somebody has something to do");
                self.client.advance(self.now);
                self.server.advance(self.now);
            }
        }
    }
}

/// Hands over what `from` has sent, all at once, as smoltcp's interface takes what has arrived. How many datagrams.
fn carry(now: Instant, from: &mut Stack, to: &mut Stack, queue: &mut Vec<Vec<u8>>) -> usize {
    let mut carried = 0;
    loop {
        if carried == queue.len() {
            queue.push(Vec::new());
        }
        if !from.transmit_into(&mut queue[carried]) {
            break;
        }
        carried += 1;
    }
    to.receive_queued(now, queue[..carried].iter().map(Vec::as_slice));
    carried
}
