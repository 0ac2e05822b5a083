//! What all connections of a stack share, and what an event may do beyond its own connection.

use crate::config::{Config, FastOpenKeys};
use crate::counters::Counters;
use crate::ip::error_limit::ErrorLimit;
use crate::ip::reassembly::Reassembly;
use crate::pool::Pool;
use crate::random::Random;
use crate::rules::ByState;
use crate::seq::SeqNum;
use crate::socket;
use crate::tcp::State;
use crate::tcp::backlog::Queues;
use crate::tcp::challenge_ack;
use crate::tcp::ecn;
use crate::tcp::fast_open;
use crate::tcp::isn::Secret;
use crate::tcp::md5;
use crate::tcp::path_mtu;
use crate::time::Instant;
use crate::wire::{ip, tcp};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::IpAddr;

/// Citations kept until somebody asks; the oldest go first. So few that they stay in the cache of a machine on which nobody
/// asks.
const MOST_CITATIONS: usize = 512;

/// Octets that are kept in buffers for later, of each kind.
const MOST_SPARE: usize = 1 << 20;

/// Octets of the smallest MTU that IPv6 allows (RFC 8200 5).
pub(crate) const IPV6_MINIMUM_MTU: u32 = 1280;

/// Addresses, secrets, queues and limits of one stack.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) config: Config,
    /// Options of which none is set.
    pub(crate) default_options: socket::Shared,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) mtu: u32,
    pub(crate) isn_secret: Secret,
    pub(crate) port_secret: Secret,
    pub(crate) cookie_secret: Secret,
    /// Key of the table of connections.
    pub(crate) table_secret: (u64, u64),
    pub(crate) challenge_limit: challenge_ack::Limit,
    pub(crate) counters: Counters,
    /// The ECN field of the datagram that is being received.
    pub(crate) ecn: u8,
    /// Connections in TIME-WAIT.
    pub(crate) time_waits: u32,
    pub(crate) paths: path_mtu::Paths,
    /// Connections that close without a socket.
    pub(crate) orphans: u32,
    pub(crate) md5_keys: md5::Keys,
    /// Fast Open keys when none are configured.
    pub(crate) fast_open_keys: FastOpenKeys,
    pub(crate) fast_open_cache: fast_open::Cache,
    /// Destinations on whose path SYNs that ask for accurate ECN go unanswered.
    pub(crate) ecn_failures: ecn::failures::Failures,
    pub(crate) reassembly: Reassembly,
    /// How many ICMP errors may go out.
    pub(crate) error_limit: ErrorLimit,
    identification: u16,
    out: VecDeque<Vec<u8>>,
    /// The last citations: a ring, once it is full.
    cited: Vec<&'static str>,
    /// Citations since somebody asked.
    citations: usize,
    /// Buffers of datagrams.
    spare: Pool,
    /// Buffers of send and receive queues.
    pub(crate) rings: Pool,
}

impl Host {
    pub(crate) fn new(config: Config, seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self {
            config,
            default_options: socket::Shared::default(),
            addresses: Vec::new(),
            mtu: 1500,
            isn_secret: Secret::draw(&mut random),
            port_secret: Secret::draw(&mut random),
            identification: random.next_u64() as u16,
            table_secret: (random.next_u64(), random.next_u64()),
            paths: path_mtu::Paths::default(),
            cookie_secret: Secret::draw(&mut random),
            md5_keys: md5::Keys::default(),
            fast_open_keys: FastOpenKeys {
                primary: (u128::from(random.next_u64()) << 64 | u128::from(random.next_u64())).to_le_bytes(),
                backup: None,
            },
            fast_open_cache: fast_open::Cache::default(),
            ecn_failures: ecn::failures::Failures::default(),
            challenge_limit: challenge_ack::Limit::default(),
            reassembly: Reassembly::default(),
            error_limit: ErrorLimit::default(),
            counters: Counters::default(),
            ecn: 0,
            time_waits: 0,
            orphans: 0,
            out: VecDeque::new(),
            cited: Vec::new(),
            citations: 0,
            spare: Pool::new(MOST_SPARE),
            rings: Pool::new(MOST_SPARE),
        }
    }

    /// Takes over the memory of a host that has come to its end, and nothing else of it.
    pub(crate) fn take_over(&mut self, mut old: Self) {
        old.addresses.clear();
        old.cited.clear();
        while let Some(datagram) = old.out.pop_front() {
            old.spare.put(datagram);
        }
        (self.addresses, self.cited, self.out) = (old.addresses, old.cited, old.out);
        (self.spare, self.rings) = (old.spare, old.rings);
    }

    pub(crate) fn is_ours(&self, address: IpAddr) -> bool {
        self.addresses.contains(&address)
    }

    /// The address that datagrams to `remote` come from.
    pub(crate) fn address_for(&self, remote: IpAddr) -> Option<IpAddr> {
        if self.is_ours(remote) {
            return Some(remote);
        }
        let fits = |address: &IpAddr| address.is_ipv4() == remote.is_ipv4() && !address.is_loopback();
        self.addresses.iter().copied().find(fits)
    }

    /// Octets of the largest datagram to `remote`. Nothing limits one to ourselves but its length field.
    pub(crate) fn mtu_to(&self, remote: IpAddr) -> u32 {
        if self.is_ours(remote) { u32::from(u16::MAX) } else { self.mtu }
    }

    pub(crate) fn cite(&mut self, rule: &'static str) {
        match self.cited.get_mut(self.citations % MOST_CITATIONS) {
            Some(oldest) => *oldest = rule,
            None => self.cited.push(rule),
        }
        self.citations += 1;
    }

    pub(crate) fn citations(&mut self) -> Vec<&'static str> {
        if self.citations > MOST_CITATIONS {
            self.cited.rotate_left(self.citations % MOST_CITATIONS);
        }
        self.citations = 0;
        let cited = self.cited.clone();
        self.cited.clear();
        cited
    }

    /// Queues a whole datagram.
    pub(crate) fn send(&mut self, datagram: Vec<u8>) {
        self.counters.sent += 1;
        self.out.push_back(datagram);
    }

    /// Queues the datagram of a segment; `tail` follows its payload.
    pub(crate) fn send_segment(&mut self, header: &ip::Header, segment: &tcp::Segment<'_>, tail: &[u8]) {
        let mut datagram = self.spare.take();
        match self.md5_keys.get(segment.src_port, header.dst) {
            None => tcp::emit_into(&mut datagram, header, segment, tail),
            Some(key) => {
                let signed = md5::signed(key, header.src, header.dst, segment, tail);
                tcp::emit_into(&mut datagram, header, &signed, tail);
            }
        }
        self.send(datagram);
    }

    /// Whether a datagram waits to be sent.
    pub(crate) fn has_datagrams(&self) -> bool {
        !self.out.is_empty()
    }

    pub(crate) fn next_datagram(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// Keeps the buffer of a datagram for one to come.
    pub(crate) fn recycle(&mut self, datagram: Vec<u8>) {
        self.spare.put(datagram);
    }

    /// A header from `src` to `dst` with this stack's hop limit. The identification counts although DF makes it
    /// meaningless (RFC 6864 4.1), so that traces can tell datagrams apart.
    pub(crate) fn header(&mut self, src: IpAddr, dst: IpAddr) -> ip::Header {
        self.identification = self.identification.wrapping_add(1);
        let mut header = ip::Header::new(src, dst);
        header.hop_limit = self.config.ip_default_ttl;
        header.identification = self.identification;
        header
    }
}

/// One event's surroundings: its time, and the host it may act on.
#[derive(Debug)]
pub(crate) struct Fx<'a> {
    pub(crate) now: Instant,
    pub(crate) host: &'a mut Host,
    /// For a half-open connection that a listener made: the listener's queues.
    pub(crate) queues: Queues,
    /// For a segment to a connection in TIME-WAIT: somebody listens on its local socket.
    pub(crate) listener_behind: bool,
}

impl<'a> Fx<'a> {
    pub(crate) fn new(now: Instant, host: &'a mut Host) -> Self {
        Self { now, host, queues: Queues::default(), listener_behind: false }
    }

    /// Notes that a rule is being applied.
    pub(crate) fn cite(&mut self, rule: &'static str) {
        self.host.cite(rule);
    }

    /// Notes the one of `rules` that is for `state`, if there is one.
    pub(crate) fn cite_in(&mut self, rules: ByState, state: State) {
        if let Some(rule) = rules.of(state) {
            self.host.cite(rule);
        }
    }

    /// For a segment: the ECN field of the datagram that brought it (RFC 3168 5).
    pub(crate) const fn ecn(&self) -> u8 {
        self.host.ecn
    }

    pub(crate) fn config(&self) -> &Config {
        &self.host.config
    }

    /// Sends a reset that no connection's variables go into (RFC 9293 3.10.7.1): the reply to `seg`, which came from
    /// `src` to `dst`. A reset is never answered.
    pub(crate) fn reset_in_reply(&mut self, src: IpAddr, dst: IpAddr, seg: &tcp::Segment<'_>) {
        if seg.flags.rst() {
            return;
        }
        let mut reset = tcp::Segment { src_port: seg.dst_port, dst_port: seg.src_port, ..Default::default() };
        if seg.flags.ack() {
            reset.seq = seg.ack;
            reset.flags = tcp::Flags::RST;
        } else {
            reset.seq = SeqNum(0);
            reset.ack = seg.end();
            reset.flags = tcp::Flags::RST | tcp::Flags::ACK;
        }
        if let Some(option) = seg.options.timestamps.filter(|_| self.config().reset_echoes_timestamps) {
            reset.options.timestamps = Some(tcp::Timestamps { val: 0, ecr: option.val });
        }
        self.host.counters.tcp_out_segs += 1;
        self.host.counters.tcp_out_rsts += 1;
        let header = self.host.header(dst, src);
        self.host.send_segment(&header, &reset, &[]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn citations_come_in_order_and_the_oldest_are_lost() {
        let mut host = Host::new(Config::rfc9293(), 1);
        let names = ["a", "b", "c"];
        for cited in [2, MOST_CITATIONS, MOST_CITATIONS + 5, 0] {
            for index in 0..cited {
                host.cite(names[index % 3]);
            }
            let expected: Vec<&str> =
                (cited.saturating_sub(MOST_CITATIONS)..cited).map(|index| names[index % 3]).collect();
            assert_eq!(host.citations(), expected, "{cited}");
        }
    }
}
