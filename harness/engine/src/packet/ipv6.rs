//! IPv6 headers (RFC 8200).

use super::{DecodeError, u16_at, u32_at};
use std::net::Ipv6Addr;

/// An IPv6 header, every field as on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ipv6 {
    /// Traffic class: DSCP and ECN.
    pub traffic_class: u8,
    /// Flow label, 20 bits.
    pub flow_label: u32,
    /// Octets after the fixed header, as the field says.
    pub payload_len: u16,
    /// Next header of the fixed header.
    pub next_header: u8,
    /// Hop limit.
    pub hop_limit: u8,
    /// Source.
    pub src: Ipv6Addr,
    /// Destination.
    pub dst: Ipv6Addr,
    /// Extension headers, as octets.
    pub extensions: Vec<u8>,
}

/// Extension headers that can be walked over: hop-by-hop, routing, destination options.
const EXTENSIONS: [u8; 3] = [0, 43, 60];
const FRAGMENT: u8 = 44;

impl Ipv6 {
    /// A header without extensions, length still to be filled in.
    pub fn new(src: Ipv6Addr, dst: Ipv6Addr, next_header: u8) -> Self {
        let (traffic_class, flow_label, payload_len, extensions) = (0, 0, 0, Vec::new());
        Self { traffic_class, flow_label, payload_len, next_header, hop_limit: 64, src, dst, extensions }
    }

    /// The header, its length with extensions, and the protocol behind them unless it is a fragment.
    pub(super) fn decode(octets: &[u8]) -> Result<(Self, usize, Option<u8>), DecodeError> {
        if octets.len() < 40 {
            return Err(DecodeError::Short(octets.len()));
        }
        let (mut at, mut next) = (40, octets[6]);
        // Each header takes at least eight octets, so this ends.
        while EXTENSIONS.contains(&next) && octets.len() >= at + 8 {
            let len = 8 + usize::from(octets[at + 1]) * 8;
            if octets.len() < at + len {
                break;
            }
            next = octets[at];
            at += len;
        }
        let protocol = (next != FRAGMENT && !EXTENSIONS.contains(&next)).then_some(next);
        let first = u32_at(octets, 0);
        let ip = Self {
            traffic_class: (first >> 20) as u8,
            flow_label: first & 0xf_ffff,
            payload_len: u16_at(octets, 4),
            next_header: octets[6],
            hop_limit: octets[7],
            src: address(&octets[8..24]),
            dst: address(&octets[24..40]),
            extensions: octets[40..at].to_vec(),
        };
        Ok((ip, at, protocol))
    }

    /// Puts an extension header at the end of the chain; `data` is what follows its length.
    pub(crate) fn extend(&mut self, kind: u8, data: &[u8]) {
        let mut header = vec![self.carried(), ((data.len() + 2) / 8 - 1) as u8];
        header.extend_from_slice(data);
        self.append(kind, &header);
    }

    /// The same of a whole header, which names what follows it.
    pub(crate) fn append(&mut self, kind: u8, header: &[u8]) {
        self.carry(kind);
        self.extensions.extend_from_slice(header);
    }

    /// What the last header of the chain says that it carries.
    pub(crate) fn carried(&mut self) -> u8 {
        *self.last_next_header()
    }

    /// Lets it say something else.
    pub(crate) fn carry(&mut self, protocol: u8) {
        *self.last_next_header() = protocol;
    }

    fn last_next_header(&mut self) -> &mut u8 {
        let (mut at, mut last) = (0, None);
        while at < self.extensions.len() {
            last = Some(at);
            at += 8 + usize::from(self.extensions[at + 1]) * 8;
        }
        match last {
            Some(last) => &mut self.extensions[last],
            None => &mut self.next_header,
        }
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let first = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label & 0xf_ffff;
        out.extend_from_slice(&first.to_be_bytes());
        out.extend_from_slice(&self.payload_len.to_be_bytes());
        out.extend_from_slice(&[self.next_header, self.hop_limit]);
        out.extend_from_slice(&self.src.octets());
        out.extend_from_slice(&self.dst.octets());
        out.extend_from_slice(&self.extensions);
    }
}

fn address(octets: &[u8]) -> Ipv6Addr {
    let octets: [u8; 16] = octets.try_into().expect("sixteen octets");
    Ipv6Addr::from(octets)
}
