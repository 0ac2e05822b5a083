//! Headers around a datagram: IP in IP (RFC 2003, RFC 4213), GRE (RFC 2784, RFC 2890), MPLS (RFC 3032, in IP RFC 4023).

use super::checksum::Sum;
use super::{Body, Datagram, DecodeError, Ip, protocol, u16_at, u32_at};

/// A header around a datagram, every field as on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layer {
    /// Another IP header.
    Ip(Ip),
    /// GRE.
    Gre(Gre),
    /// A stack of MPLS entries, each label (20 bits), traffic class (3), bottom of stack (1), TTL (8).
    Mpls(Vec<u32>),
}

/// A GRE header. Fields that its flags do not name are not on the wire, and zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gre {
    /// Flags and version.
    pub flags: u16,
    /// EtherType of what follows.
    pub protocol: u16,
    /// Checksum.
    pub checksum: u16,
    /// What follows the checksum.
    pub offset: u16,
    /// Key.
    pub key: u32,
    /// Sequence number.
    pub seq: u32,
}

/// Bits of [`Gre::flags`].
pub mod gre {
    /// A checksum and the field after it are present.
    pub const CHECKSUM: u16 = 0x8000;
    /// A key is present.
    pub const KEY: u16 = 0x2000;
    /// A sequence number is present.
    pub const SEQUENCE: u16 = 0x1000;
    /// Flags that mean nothing any more, or fields of another kind, and the version.
    pub(super) const OTHERS: u16 = !(CHECKSUM | KEY | SEQUENCE);
}

/// Bottom of stack, in an entry of [`Layer::Mpls`].
pub const BOTTOM: u32 = 0x100;

/// EtherTypes that GRE names what it carries with.
mod ethertype {
    pub(super) const IPV4: u16 = 0x0800;
    pub(super) const IPV6: u16 = 0x86dd;
    pub(super) const MPLS: u16 = 0x8847;
}

/// Deepest nesting that is looked into.
const DEEPEST: usize = 8;

/// What a header carries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carries {
    V4,
    V6,
    Gre,
    Mpls,
}

impl Carries {
    fn ip(ip: &Ip) -> Self {
        match ip {
            Ip::V4(_) => Self::V4,
            Ip::V6(_) => Self::V6,
        }
    }

    fn protocol(self) -> u8 {
        match self {
            Self::V4 => protocol::IPV4,
            Self::V6 => protocol::IPV6,
            Self::Gre => protocol::GRE,
            Self::Mpls => protocol::MPLS,
        }
    }

    fn ethertype(self) -> u16 {
        match self {
            Self::V4 => ethertype::IPV4,
            Self::V6 => ethertype::IPV6,
            // GRE in GRE has no type of its own that anyone uses.
            Self::Gre => 0,
            Self::Mpls => ethertype::MPLS,
        }
    }
}

impl Layer {
    fn carried(&self) -> Carries {
        match self {
            Self::Ip(ip) => Carries::ip(ip),
            Self::Gre(_) => Carries::Gre,
            Self::Mpls(_) => Carries::Mpls,
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Ip(Ip::V4(ip)) => ip.encode(out),
            Self::Ip(Ip::V6(ip)) => ip.encode(out),
            Self::Gre(gre) => gre.encode(out),
            Self::Mpls(stack) => stack.iter().for_each(|entry| out.extend_from_slice(&entry.to_be_bytes())),
        }
    }

    fn complete(&mut self, carries: Carries, payload: &[u8]) {
        match self {
            Self::Ip(Ip::V4(ip)) => {
                ip.protocol = carries.protocol();
                ip.complete(payload.len());
            }
            Self::Ip(Ip::V6(ip)) => {
                ip.next_header = carries.protocol();
                ip.payload_len = (ip.extensions.len() + payload.len()) as u16;
            }
            Self::Gre(gre) => {
                gre.protocol = carries.ethertype();
                // A checksum that a script gives stays, right or wrong.
                if gre.flags & gre::CHECKSUM != 0 && gre.checksum == 0 {
                    let mut header = Vec::new();
                    gre.encode(&mut header);
                    gre.checksum = Sum::default().plus(&header).plus(payload).value();
                }
            }
            Self::Mpls(_) => {}
        }
    }
}

impl Gre {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.flags.to_be_bytes());
        out.extend_from_slice(&self.protocol.to_be_bytes());
        if self.flags & gre::CHECKSUM != 0 {
            out.extend_from_slice(&self.checksum.to_be_bytes());
            out.extend_from_slice(&self.offset.to_be_bytes());
        }
        if self.flags & gre::KEY != 0 {
            out.extend_from_slice(&self.key.to_be_bytes());
        }
        if self.flags & gre::SEQUENCE != 0 {
            out.extend_from_slice(&self.seq.to_be_bytes());
        }
    }

    /// The header and its length; `None` when it has fields that are not known here, or is cut off.
    fn decode(octets: &[u8]) -> Option<(Self, usize)> {
        let flags = u16_at(octets.get(..4)?, 0);
        if flags & gre::OTHERS != 0 {
            return None;
        }
        let mut header = Self { flags, protocol: u16_at(octets, 2), ..Self::default() };
        let mut at = 4;
        let mut word = |bit: u16| {
            if flags & bit == 0 {
                return Some(0);
            }
            at += 4;
            octets.get(at - 4..at).map(|word| u32_at(word, 0))
        };
        let sums = word(gre::CHECKSUM)?;
        (header.checksum, header.offset) = ((sums >> 16) as u16, sums as u16);
        header.key = word(gre::KEY)?;
        header.seq = word(gre::SEQUENCE)?;
        Some((header, at))
    }
}

/// Writes headers as they stand, outermost first.
pub(super) fn encode(layers: &[Layer], out: &mut Vec<u8>) {
    layers.iter().for_each(|layer| layer.encode(out));
}

/// Fills in lengths, checksums and what carries what, from the inside out.
pub(super) fn complete(datagram: &mut Datagram) {
    let mut layers = std::mem::take(&mut datagram.outer);
    let mut carries = Carries::ip(&datagram.ip);
    let mut payload = datagram.encode();
    for layer in layers.iter_mut().rev() {
        layer.complete(carries, &payload);
        carries = layer.carried();
        let mut around = Vec::new();
        layer.encode(&mut around);
        around.append(&mut payload);
        payload = around;
    }
    datagram.outer = layers;
}

/// The innermost datagram, when this one carries another whole one; the headers on the way become its outer ones.
pub(super) fn peel(datagram: Datagram) -> Datagram {
    let mut around = Vec::new();
    let mut datagram = datagram;
    while around.len() < DEEPEST
        && let Some((mut layers, inner)) = inside(&datagram)
    {
        around.push(Layer::Ip(datagram.ip));
        around.append(&mut layers);
        datagram = inner;
    }
    datagram.outer = around;
    datagram
}

/// The headers between this one's and the next IP header, and the datagram of that.
fn inside(datagram: &Datagram) -> Option<(Vec<Layer>, Datagram)> {
    let Body::Other(payload) = &datagram.body else { return None };
    let (protocol, fragment) = match &datagram.ip {
        Ip::V4(ip) => (ip.protocol, ip.is_fragment()),
        Ip::V6(ip) => (ip.next_header, false),
    };
    if fragment || !datagram.trailer.is_empty() {
        return None;
    }
    let mut layers = Vec::new();
    let mut rest = payload.as_slice();
    let mut mpls = protocol == protocol::MPLS;
    match protocol {
        protocol::IPV4 | protocol::IPV6 | protocol::MPLS => {}
        protocol::GRE => {
            let (gre, len) = Gre::decode(rest)?;
            rest = &rest[len..];
            mpls = gre.protocol == ethertype::MPLS;
            layers.push(Layer::Gre(gre));
        }
        _ => return None,
    }
    if mpls {
        let entries = rest.chunks_exact(4).map(|entry| u32_at(entry, 0));
        let bottom = entries.clone().position(|entry| entry & BOTTOM != 0)?;
        layers.push(Layer::Mpls(entries.take(bottom + 1).collect()));
        rest = &rest[4 * (bottom + 1)..];
    }
    let inner: Result<_, DecodeError> = Datagram::decode_one(rest);
    inner.ok().map(|inner| (layers, inner))
}
