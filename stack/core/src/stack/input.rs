//! Datagrams in: checks of the IP layer, then the connection, listener or nothing that a segment is for.

use super::Stack;
use super::connection::Owner;
use super::demux::Place;
use super::sockets::Kind;
use crate::host::Fx;
use crate::ip::reassembly::Outcome;
use crate::rules;
use crate::seq::SeqNum;
use crate::tcp::State;
use crate::tcp::fast_open;
use crate::tcp::md5;
use crate::tcp::segment_arrives::closed;
use crate::tcp::segment_arrives::listen::{self, Listening, Made};
use crate::tcp::tcb::Tuple;
use crate::time::Instant;
use crate::wire::icmp::{Problem, TimeExceeded};
use crate::wire::ip::{self, Datagram};
use crate::wire::tcp::{self, Segment};
use crate::wire::{Malformed, fragment, icmp};
use core::net::{IpAddr, SocketAddr};

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
            Err(Malformed::Fragment { .. }) => return self.piece(now, datagram, looped),
            Err(fault) => return self.refuse(now, fault, datagram),
        };
        if !self.is_for_us(parsed.src, parsed.dst, looped) {
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

    /// Whether a datagram with these addresses is taken. It is counted if not.
    fn is_for_us(&mut self, src: IpAddr, dst: IpAddr, looped: bool) -> bool {
        // Nothing on a network has the address of a loop (RFC 1122 3.2.1.3 g, RFC 4291 2.5.3).
        if !self.host.is_ours(dst) || (dst.is_loopback() && !looped) {
            // MUST-57: a SYN to a broadcast or multicast address is among these.
            if !ip::is_single_host(dst) {
                self.host.cite(rules::BAD_DESTINATION);
            }
            self.host.counters.not_ours += 1;
            return false;
        }
        // A source of our own cannot have come from the network.
        if !ip::is_single_host(src) || self.host.is_ours(src) != looped {
            self.host.cite(rules::BAD_SOURCE);
            self.host.counters.not_ours += 1;
            return false;
        }
        true
    }

    /// One piece of a datagram; with the last that was missing the datagram is taken in.
    fn piece(&mut self, now: Instant, datagram: &[u8], looped: bool) {
        let Some(fragment) = fragment::parse(datagram) else { return };
        if !self.is_for_us(fragment.src, fragment.dst, looped) {
            return;
        }
        self.host.counters.pieces += 1;
        let config = &self.host.config;
        let patience = if fragment.dst.is_ipv6() { config.ip6frag_time } else { config.ipfrag_time };
        match self.host.reassembly.add(now, patience, datagram) {
            Outcome::Waits => {}
            Outcome::Whole(whole) => {
                self.host.cite(if fragment.dst.is_ipv6() { rules::REASSEMBLED_V6 } else { rules::REASSEMBLED_V4 });
                self.host.counters.reassembled += 1;
                self.take_in(now, &whole, looped);
            }
            Outcome::Report(problem) => {
                self.host.counters.malformed += 1;
                self.report(now, problem, datagram);
            }
        }
    }

    /// The time of datagrams that came in part is over.
    pub(super) fn give_up_pieces(&mut self, now: Instant) {
        self.host.counters.not_reassembled += 1;
        if let Some(first) = self.host.reassembly.give_up(now) {
            self.report(now, Problem::TimeExceeded(TimeExceeded::Reassembly), &first);
        }
    }

    /// A datagram that the IP layer refuses. Its sender hears of it if ICMP has a word for it.
    fn refuse(&mut self, now: Instant, fault: Malformed, datagram: &[u8]) {
        self.host.counters.malformed += 1;
        if let Some(problem) = icmp::problem_of(fault, datagram) {
            self.report(now, problem, datagram);
        }
    }

    /// Tells the sender of a datagram, if it may be told, and if it was not told too often.
    fn report(&mut self, now: Instant, problem: Problem, datagram: &[u8]) {
        let Some(dst) = ip::destination(datagram) else { return };
        if self.host.is_ours(dst)
            && let Ok(error) = icmp::answer(problem, datagram, dst)
        {
            if !self.host.error_limit.admits(now) {
                self.host.cite(rules::ICMP_LIMIT);
                return;
            }
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
