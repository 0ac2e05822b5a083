//! A segment as an engine can shape it: every field a number of its own, options one by one, legal or not.

use arbitrary::Arbitrary;
use halfopen_engine::packet::options::{FAST_OPEN_ID, kind};
use halfopen_engine::packet::{Body, Datagram, Ip, Ipv4, Ipv6, Tcp, protocol};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Octets of options that a header has room for.
const ROOM: usize = 40;
/// Octets of text.
const MOST_TEXT: usize = 1400;
/// RFC 5482; the harness has no notation of its own for it.
const USER_TIMEOUT: u8 = 28;

/// A segment, and the header before it.
#[derive(Debug, Clone, Arbitrary)]
pub struct SegmentSpec {
    v6: bool,
    hosts: [u8; 2],
    tos: u8,
    hop_limit: u8,
    ports: [u16; 2],
    seq: u32,
    ack: u32,
    flags: u16,
    window: u16,
    urgent: u16,
    options: Vec<OptionSpec>,
    text: Vec<u8>,
}

/// An option.
#[derive(Debug, Clone, Arbitrary)]
enum OptionSpec {
    Nop,
    EndOfList,
    MaximumSegmentSize(u16),
    WindowScale(u8),
    SackPermitted,
    Sack(Vec<(u32, u32)>),
    Timestamps(u32, u32),
    UserTimeout(u16),
    Md5([u8; 16]),
    FastOpen(Vec<u8>, bool),
    AccurateEcn(bool, Vec<[u8; 3]>),
    /// Any kind with any octets.
    Other(u8, Vec<u8>),
    /// A length that says something else than there is.
    WrongLength(u8, u8, Vec<u8>),
}

impl OptionSpec {
    fn octets(&self) -> Vec<u8> {
        let with = |kind: u8, data: &[u8]| [&[kind, 2 + data.len() as u8], data].concat();
        match self {
            Self::Nop => vec![1],
            Self::EndOfList => vec![0],
            Self::MaximumSegmentSize(mss) => with(kind::MSS, &mss.to_be_bytes()),
            Self::WindowScale(shift) => with(kind::WINDOW_SCALE, &[*shift]),
            Self::SackPermitted => with(kind::SACK_PERMITTED, &[]),
            Self::Sack(blocks) => {
                let edges = blocks.iter().take(4).flat_map(|(left, right)| [*left, *right]);
                with(kind::SACK, &edges.flat_map(u32::to_be_bytes).collect::<Vec<u8>>())
            }
            Self::Timestamps(val, ecr) => with(kind::TIMESTAMPS, &[val.to_be_bytes(), ecr.to_be_bytes()].concat()),
            Self::UserTimeout(value) => with(USER_TIMEOUT, &value.to_be_bytes()),
            Self::Md5(digest) => with(kind::MD5, digest),
            Self::FastOpen(cookie, experimental) => {
                let cookie = &cookie[..cookie.len().min(20)];
                match experimental {
                    true => with(kind::EXPERIMENTAL, &[&FAST_OPEN_ID, cookie].concat()),
                    false => with(kind::FAST_OPEN, cookie),
                }
            }
            Self::AccurateEcn(first, fields) => {
                let fields: Vec<u8> = fields.iter().take(4).flatten().copied().collect();
                with(if *first { kind::ACC_ECN1 } else { kind::ACC_ECN0 }, &fields)
            }
            Self::Other(kind, octets) => with((*kind).max(2), &octets[..octets.len().min(ROOM - 2)]),
            Self::WrongLength(kind, length, octets) => {
                [&[(*kind).max(2), *length], &octets[..octets.len().min(ROOM - 2)]].concat()
            }
        }
    }
}

impl SegmentSpec {
    /// The datagram, lengths and checksums right. Options that find no room are left out; the rest is padded with the end of the
    /// list.
    #[must_use]
    pub fn datagram(&self) -> Datagram {
        let mut options = Vec::new();
        for option in self.options.iter().map(OptionSpec::octets) {
            if options.len() + option.len() <= ROOM {
                options.extend(option);
            }
        }
        options.resize(options.len().next_multiple_of(4), 0);
        let tcp = Tcp {
            src_port: self.ports[0],
            dst_port: self.ports[1],
            seq: self.seq,
            ack: self.ack,
            flags: self.flags & 0x1ff,
            window: self.window,
            urgent: self.urgent,
            options,
            payload: self.text[..self.text.len().min(MOST_TEXT)].to_vec(),
            ..Tcp::default()
        };
        let ip = if self.v6 {
            let [from, to] = self.hosts.map(|host| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host.into()));
            let (traffic_class, hop_limit) = (self.tos, self.hop_limit);
            Ip::V6(Ipv6 { traffic_class, hop_limit, ..Ipv6::new(from, to, protocol::TCP) })
        } else {
            let [from, to] = self.hosts.map(|host| Ipv4Addr::new(192, 0, 2, host));
            Ip::V4(Ipv4 { tos: self.tos, ttl: self.hop_limit, ..Ipv4::new(from, to, protocol::TCP) })
        };
        let mut datagram = Datagram { ip, body: Body::Tcp(tcp), trailer: Vec::new(), outer: Vec::new() };
        datagram.complete();
        datagram
    }
}
