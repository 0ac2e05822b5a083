//! Datagrams in: checks of the IP layer, then the connection, listener or nothing that a segment is for.

use super::Stack;
use super::connection::Owner;
use super::demux::Place;
use super::sockets::Kind;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::tcp::State;
use crate::tcp::fast_open;
use crate::tcp::md5;
use crate::tcp::segment_arrives::closed;
use crate::tcp::segment_arrives::listen::{self, Listening, Made};
use crate::tcp::tcb::Tuple;
use crate::time::Instant;
use crate::wire::ip::{self, Datagram};
use crate::wire::tcp::{self, Segment};
use crate::wire::{Malformed, icmp};
use core::net::SocketAddr;

impl Stack {
    /// Takes a datagram that arrived at `now`. What is malformed, for somebody else or from nobody is dropped and counted;
    /// the answers, if any, come from [`Stack::transmit`].
    pub fn receive(&mut self, now: Instant, datagram: &[u8]) {
        self.take_in(now, datagram, false);
    }

    /// `looped`: the stack has sent it to itself.
    pub(super) fn take_in(&mut self, now: Instant, datagram: &[u8], looped: bool) {
        self.see(now);
        self.host.counters.received += 1;
        let parsed = match ip::parse(datagram) {
            Ok(parsed) => parsed,
            Err(fault) => return self.refuse(fault, datagram),
        };
        // Nothing on a network has the address of a loop (RFC 1122 3.2.1.3 g, RFC 4291 2.5.3).
        if !self.host.is_ours(parsed.dst) || (parsed.dst.is_loopback() && !looped) {
            // MUST-57: a SYN to a broadcast or multicast address is among these.
            if !ip::is_single_host(parsed.dst) {
                self.host.cite(rules::BAD_DESTINATION);
            }
            self.host.counters.not_ours += 1;
            return;
        }
        // A source of our own cannot have come from the network.
        if !ip::is_single_host(parsed.src) || self.host.is_ours(parsed.src) != looped {
            self.host.cite(rules::BAD_SOURCE);
            self.host.counters.not_ours += 1;
            return;
        }
        self.host.ecn = parsed.ecn;
        match parsed.protocol {
            ip::PROTOCOL_TCP => self.receive_tcp(now, &parsed),
            _ => {
                self.finish_event(now);
                self.receive_icmp(now, &parsed);
            }
        }
    }

    /// A datagram that the IP layer refuses. Its sender hears of it if ICMP has a word for it.
    fn refuse(&mut self, fault: Malformed, datagram: &[u8]) {
        self.host.counters.malformed += 1;
        let Some(problem) = icmp::problem_of(fault, datagram) else { return };
        let Some(dst) = ip::destination(datagram) else { return };
        if self.host.is_ours(dst)
            && let Ok(error) = icmp::answer(problem, datagram, dst)
        {
            self.host.send(error);
        }
    }

    fn receive_tcp(&mut self, now: Instant, datagram: &Datagram<'_>) {
        // Looked at where it stands: a segment with its options is too large to be moved about.
        let parsed = tcp::parse(datagram.src, datagram.dst, datagram.payload);
        let seg = match &parsed {
            Ok(seg) => seg,
            Err(fault) => {
                if *fault == Malformed::TcpChecksum {
                    self.host.cite(rules::BAD_CHECKSUM);
                    self.host.counters.tcp_in_csum_errors += 1;
                }
                self.host.counters.malformed += 1;
                return;
            }
        };
        self.host.counters.tcp_in_segs += 1;
        if !md5::admits(datagram.src, datagram.dst, seg, datagram.payload, &mut Fx::new(now, &mut self.host)) {
            return;
        }
        let tuple = Tuple {
            local: SocketAddr::new(datagram.dst, seg.dst_port),
            remote: SocketAddr::new(datagram.src, seg.src_port),
        };
        if self.text_in_queue(tuple, now, seg) {
            return;
        }
        match self.find(&tuple) {
            Some(place) => self.segment_for(place, tuple, now, seg),
            None => self.segment_for_nobody(tuple, None, now, seg),
        }
    }

    /// 3.10.7.1 and 3.10.7.2. `old`: SND.NXT of the connection that was in TIME-WAIT until now.
    pub(super) fn segment_for_nobody(&mut self, tuple: Tuple, old: Option<SeqNum>, now: Instant, seg: &Segment<'_>) {
        let mut fx = Fx::new(now, &mut self.host);
        let Some(fd) = self.sockets.listening_on(tuple.local, || self.demux_key.hash(&tuple)) else {
            closed::arrives(tuple.remote.ip(), tuple.local.ip(), seg, &mut fx);
            return;
        };
        let Ok(socket) = self.sockets.socket_mut(fd) else { unreachable!("a listener without socket") };
        let Kind::Listening(listener) = &mut socket.kind else { unreachable!("a listener that does not listen") };
        let queues = listener.queues(fx.config());
        let cookies = listener.believes_cookies(now, fx.config());
        // Beyond what the old connection may still have in flight, window included, as Linux has it.
        let least_iss = old.map(|old| old.plus(u32::from(u16::MAX) + 2));
        let limit = listener.fast_open_limit(&socket.options, fx.config());
        let fast_open = fast_open::Server {
            keys: socket.options.fast_open_keys.as_deref().copied(),
            room: (limit > 0).then(|| listener.fast_open.has_room(limit, now)),
            no_cookie: socket.options.fast_open_no_cookie,
        };
        let listening = Listening { options: &socket.options, queues, cookies, fast_open, least_iss };
        match listen::arrives(&listening, tuple, seg, &mut fx) {
            Made::Nothing => {}
            Made::Cookie => listener.last_cookie = Some(now),
            Made::HalfOpen(tcb) => self.insert_half_open(tcb, fd),
            Made::OfCookie(tcb) => {
                let id = self.insert(tcb, Owner::Listener { fd, queued: false });
                self.segment_for(Place::Connection(id.number), tuple, now, seg);
                // What was not established is forgotten again.
                if self.connections.get(&id).is_some_and(|connection| connection.tcb.state() == State::SynReceived) {
                    self.delete(id);
                }
            }
        }
    }
}
