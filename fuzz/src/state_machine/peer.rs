//! The other end of one connection, as far as it has to know: numbers used, numbers seen. It keeps no state machine; a
//! program may have it say anything.

use super::narration::Shown;
use super::outgoing::{self, Outgoing};
use super::pattern;
use super::program::{Draft, Ref, Setup, Window};
use super::tracker::{Tracker, before};
use halfopen_engine::packet::options::{self, RawOption, kind};
use halfopen_engine::packet::tcp::flag;
use halfopen_engine::packet::{Body, Datagram, Icmp, Ip, Ipv4, Ipv6, Tcp, protocol};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where the host listens.
pub(super) const LISTENING: u16 = 8080;

/// Where nobody listens: for segments of a connection that the host has yet to open.
const CLOSED: u16 = 9;

/// Shift count that the peer offers.
const SHIFT: u8 = 3;

/// The host's address and the peer's.
pub(super) fn addresses(v6: bool) -> (IpAddr, IpAddr) {
    if v6 {
        let address = |last| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last).into();
        (address(1), address(2))
    } else {
        (Ipv4Addr::new(10, 0, 0, 1).into(), Ipv4Addr::new(10, 0, 0, 2).into())
    }
}

/// One connection of the peer.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) port: u16,
    /// Known from the host's SYN when the host opened.
    pub(super) host_port: Option<u16>,
    /// Ports of the connections that the host opened before.
    former: Vec<u16>,
    iss: u32,
    /// The number after the last used.
    next: u32,
    /// The last acknowledgment sent, and the window that went with it.
    acknowledged: u32,
    window: u32,
    /// The greatest window of its SYNs.
    syn_window: u32,
    /// The host's side.
    pub(super) tracker: Option<Tracker>,
    /// The last TSval of the host.
    echo: u32,
    /// The last datagram of each side.
    pub(super) sent: Option<Vec<u8>>,
    pub(super) heard: Option<Vec<u8>>,
    /// A segment with URG went out: which octets the host delivers in its stream then depends on its options.
    pub(super) urged: bool,
}

impl Peer {
    pub(super) fn new(index: usize, setup: &Setup) -> Self {
        let iss = if setup.wrap { u32::MAX - 20 } else { 1_000_000 * (index as u32 + 1) };
        let passive = index < 2;
        Self {
            port: if passive { 40_000 } else { 50_000 } + index as u16,
            host_port: passive.then_some(LISTENING),
            former: Vec::new(),
            iss,
            next: iss,
            acknowledged: 0,
            window: 0,
            syn_window: 0,
            tracker: None,
            echo: 0,
            sent: None,
            heard: None,
            urged: false,
        }
    }

    pub(super) fn address(&self, setup: &Setup) -> SocketAddr {
        SocketAddr::new(addresses(setup.v6).1, self.port)
    }

    /// Follows what the host sent to this port: on this connection, on one before it, or a RST from where none is.
    pub(super) fn hears(&mut self, tcp: &Tcp, datagram: &[u8], setup: &Setup) {
        if tcp.has(flag::SYN) && !tcp.has(flag::ACK) && self.host_port != Some(tcp.src_port) {
            self.former.extend(self.host_port.replace(tcp.src_port));
        }
        if self.host_port != Some(tcp.src_port) {
            let accounted = tcp.has(flag::RST) || self.former.contains(&tcp.src_port);
            assert!(accounted, "a segment from nowhere: {}", Shown(tcp));
            return;
        }
        self.heard = Some(datagram.to_vec());
        for option in options::iter(&tcp.options) {
            if let RawOption::Known { kind: kind::TIMESTAMPS, data: [a, b, c, d, ..] } = option {
                self.echo = u32::from_be_bytes([*a, *b, *c, *d]);
            }
        }
        if tcp.has(flag::RST) {
            return;
        }
        Tracker::follow(&mut self.tracker, tcp);
        // RFC 9293 3.7.1: options count. A peer that names no size takes the default.
        let default = if setup.v6 { 1220 } else { 536 };
        let most = setup.mss.unwrap_or(default).max(default);
        let octets = tcp.payload.len() + tcp.options.len();
        assert!(tcp.payload.is_empty() || octets <= most.into(), "{octets} octets, {most} are allowed: {}", Shown(tcp));
        if let Some(tracker) = &mut self.tracker
            && tcp.has(flag::SYN)
        {
            let offered = options::iter(&tcp.options).find_map(|option| match option {
                RawOption::Known { kind: kind::WINDOW_SCALE, data: [shift] } => Some(*shift),
                RawOption::Known { .. } | RawOption::Eol | RawOption::Nop | RawOption::Malformed(_) => None,
            });
            tracker.shift = if setup.scaling { offered.unwrap_or(0) } else { 0 };
            tracker.offered(None, self.syn_window);
        }
    }

    /// A SYN: a new one after the connection was used, else the same again.
    pub(super) fn syn(&mut self, ack: bool, now: u64, setup: &Setup) -> Vec<u8> {
        if self.next != self.iss && self.next != self.iss.wrapping_add(1) {
            self.iss = self.next.wrapping_add(100_000);
        }
        self.next = self.iss.wrapping_add(1);
        let mut options = Vec::new();
        if let Some(mss) = setup.mss {
            options.extend([kind::MSS, 4, (mss >> 8) as u8, mss as u8]);
        }
        if setup.sack {
            options.extend([1, 1, kind::SACK_PERMITTED, 2]);
        }
        if setup.scaling {
            options.extend([1, kind::WINDOW_SCALE, 3, SHIFT]);
        }
        let ack = ack && self.tracker.is_some();
        let flags = if ack { flag::SYN | flag::ACK } else { flag::SYN };
        self.emit(Tcp { seq: self.iss, flags, window: 65_535, options, ..Tcp::default() }, setup.timestamps, now, setup)
    }

    /// The next `length` octets of text.
    pub(super) fn text(&mut self, length: usize, now: u64, setup: &Setup) -> Vec<u8> {
        let (seq, flags) = (self.next, flag::ACK | flag::PSH);
        self.next = seq.wrapping_add(length as u32);
        let segment =
            Tcp { seq, flags, window: 65_535, payload: pattern::sent(seq, length).to_vec(), ..Tcp::default() };
        self.emit(segment, setup.timestamps, now, setup)
    }

    pub(super) fn acknowledgment(&mut self, window: Window, now: u64, setup: &Setup) -> Vec<u8> {
        let segment = Tcp { seq: self.next, flags: flag::ACK, window: window.0, ..Tcp::default() };
        self.emit(segment, setup.timestamps, now, setup)
    }

    /// FIN after the text, or RST where the host expects the next octet.
    pub(super) fn end(&mut self, rst: bool, now: u64, setup: &Setup) -> Vec<u8> {
        let expected = self.tracker.as_ref().and_then(|tracker| tracker.acknowledged).unwrap_or(self.next);
        let (seq, flags) = if rst { (expected, flag::RST) } else { (self.next, flag::FIN | flag::ACK) };
        if !rst {
            self.next = seq.wrapping_add(1);
        }
        self.emit(Tcp { seq, flags, window: 65_535, ..Tcp::default() }, setup.timestamps, now, setup)
    }

    /// Whatever the program asks for.
    pub(super) fn draft(&mut self, draft: &Draft, now: u64, setup: &Setup) -> Vec<u8> {
        let flags = u16::from(draft.flags);
        let syn = u32::from(flags & flag::SYN != 0);
        let host = self.tracker.as_ref();
        let acknowledged = host.and_then(|tracker| tracker.acknowledged).unwrap_or(self.iss);
        let edge = host.map_or(0, |tracker| u32::from(tracker.window) << tracker.shift.min(14));
        let seq = resolve(draft.seq, self.next, acknowledged, acknowledged.wrapping_add(edge));
        let seq = seq.wrapping_sub(syn);
        let next = host.map_or(0, |tracker| tracker.next);
        let ack = resolve(draft.ack, next, self.acknowledged, self.acknowledged.wrapping_add(self.window));
        let mut options = Vec::new();
        if draft.sack {
            options.extend([1, 1, kind::SACK, 10]);
            options.extend(ack.wrapping_add(10).to_be_bytes());
            options.extend(ack.wrapping_add(20).to_be_bytes());
        }
        let payload = pattern::sent(seq.wrapping_add(syn), draft.length).to_vec();
        let urgent = if flags & flag::URG == 0 { 0 } else { draft.length as u16 + 1 };
        self.urged |= flags & flag::URG != 0;
        let end = seq.wrapping_add(payload.len() as u32 + syn + u32::from(flags & flag::FIN != 0));
        if before(self.next, end) && end.wrapping_sub(self.next) < 1 << 20 {
            self.next = end;
        }
        let now = if draft.stale { now.saturating_sub(1_000_000_000) } else { now };
        let segment = Tcp { seq, ack, flags, window: draft.window.0, urgent, options, payload, ..Tcp::default() };
        let last: &[u8] = if draft.illegal { &[kind::MSS, 0, 0, 0] } else { &[] };
        let octets = self.emit_as_is(segment, setup.timestamps != draft.odd_timestamps, last, now, setup);
        if draft.broken { damaged(octets) } else { octets }
    }

    /// Emits with the acknowledgment of all that was heard.
    fn emit(&mut self, mut tcp: Tcp, timestamps: bool, now: u64, setup: &Setup) -> Vec<u8> {
        if tcp.has(flag::ACK) {
            tcp.ack = self.tracker.as_ref().map_or(0, |tracker| tracker.next);
        }
        self.emit_as_is(tcp, timestamps, &[], now, setup)
    }

    /// Emits with timestamps, if there are to be any, and the options `last` behind them.
    fn emit_as_is(&mut self, mut tcp: Tcp, timestamps: bool, last: &[u8], now: u64, setup: &Setup) -> Vec<u8> {
        let scaled = setup.scaling && !tcp.has(flag::SYN);
        let window = u32::from(tcp.window) << if scaled { SHIFT } else { 0 };
        if tcp.has(flag::SYN) {
            self.syn_window = self.syn_window.max(window);
        }
        if tcp.has(flag::ACK) {
            (self.acknowledged, self.window) = (tcp.ack, window);
            if let Some(tracker) = &mut self.tracker {
                tracker.offered(Some(tcp.ack), window);
            }
        }
        if timestamps && tcp.options.len() <= 24 {
            tcp.options.extend([1, 1, kind::TIMESTAMPS, 10]);
            tcp.options.extend((2_000_000 + (now / 1000) as u32).to_be_bytes());
            tcp.options.extend(self.echo.to_be_bytes());
        }
        tcp.options.extend_from_slice(last);
        tcp.src_port = self.port;
        tcp.dst_port = self.host_port.unwrap_or(CLOSED);
        let octets = datagram(Body::Tcp(tcp), setup.v6);
        self.sent = Some(octets.clone());
        octets
    }

    /// An ICMP error about the last segment of the host.
    pub(super) fn icmp(&self, which: u8, setup: &Setup) -> Option<Vec<u8>> {
        // Type, code, and the word behind the checksum.
        const V4: [(u8, u8, u32); 8] =
            [(3, 1, 0), (3, 3, 0), (3, 4, 600), (3, 4, 0), (11, 0, 0), (4, 0, 0), (12, 0, 0), (3, 4, 1400)];
        const V6: [(u8, u8, u32); 8] =
            [(1, 0, 0), (1, 4, 0), (2, 0, 1280), (2, 0, 600), (3, 0, 0), (1, 1, 0), (4, 1, 6), (2, 0, 1400)];
        let (kind, code, rest) = if setup.v6 { V6 } else { V4 }[usize::from(which & 7)];
        let heard = self.heard.as_ref()?;
        let ip = if setup.v6 { 40 } else { 20 };
        let mut body = heard[..heard.len().min(ip + if which & 64 == 0 { 8 } else { 200 })].to_vec();
        if which & 128 != 0 {
            // Another sequence number: RFC 5927 4.1 wants the error ignored.
            body[ip + 4] ^= 0x40;
        }
        Some(datagram(Body::Icmp(Icmp { kind, code, rest, body, checksum: 0 }), setup.v6))
    }
}

fn resolve(reference: Ref, next: u32, acknowledged: u32, edge: u32) -> u32 {
    match reference {
        Ref::Next(offset) => next.wrapping_add_signed(offset.into()),
        Ref::Acknowledged(offset) => acknowledged.wrapping_add_signed(offset.into()),
        Ref::Edge(offset) => edge.wrapping_add_signed(offset.into()),
        Ref::Far(power, false) => next.wrapping_add(1 << power),
        Ref::Far(power, true) => next.wrapping_sub(1 << power),
    }
}

/// A datagram from the peer to the host.
fn datagram(body: Body, v6: bool) -> Vec<u8> {
    let is_icmp = matches!(body, Body::Icmp(_));
    let (host, peer) = addresses(v6);
    let ip = match (peer, host) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            Ip::V4(Ipv4::new(src, dst, if is_icmp { protocol::ICMP } else { protocol::TCP }))
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            Ip::V6(Ipv6::new(src, dst, if is_icmp { protocol::ICMPV6 } else { protocol::TCP }))
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => unreachable!("one family"),
    };
    let mut datagram = Datagram { ip, body, trailer: Vec::new(), outer: Vec::new() };
    datagram.complete();
    datagram.encode()
}

/// The same datagram with another checksum in its TCP header.
pub(super) fn damaged(mut octets: Vec<u8>) -> Vec<u8> {
    let ip = if octets[0] >> 4 == 4 { 20 } else { 40 };
    octets[ip + 16] ^= 0x55;
    octets
}

/// The segment of a datagram that the peer made.
pub(super) fn segment_of(octets: &[u8]) -> Tcp {
    match outgoing::parts(Datagram::decode(octets).expect("the peer makes datagrams")) {
        Outgoing::Segment(tcp) => tcp,
        Outgoing::Icmp => panic!("the peer made an ICMP message"),
    }
}
