//! Neighbour solicitations and advertisements (RFC 4861 4.3, 4.4). Absent: router discovery, redirects, own duplicate address
//! detection; a solicitation of somebody else's is answered.

use crate::ethernet::Mac;
use core::net::{IpAddr, Ipv6Addr};
use halfopen_stack::wire::checksum::Checksum;
use halfopen_stack::wire::ip::{self, Header, PROTOCOL_ICMPV6};

const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const SOURCE_LINK_LAYER: u8 = 1;
const TARGET_LINK_LAYER: u8 = 2;
/// Type, code, checksum, four octets of flags, target.
const FIXED: usize = 24;
/// What nobody beyond the link can send (RFC 4861 7.1.1).
const HOP_LIMIT: u8 = 255;

/// All nodes on the link.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);

/// A valid message of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Message {
    /// Who has `target`? `mac`: the sender's, when it says so.
    Solicitation {
        /// The address asked for.
        target: Ipv6Addr,
        /// Source link-layer address option.
        mac: Option<Mac>,
    },
    /// `target` is at `mac`.
    Advertisement {
        /// Whose hardware address it is.
        target: Ipv6Addr,
        /// Target link-layer address option.
        mac: Option<Mac>,
        /// It answers a solicitation.
        solicited: bool,
        /// It replaces what is in the cache.
        over: bool,
    },
}

/// A message with its datagram's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// Source; unspecified in duplicate address detection.
    pub src: Ipv6Addr,
    /// Destination.
    pub dst: Ipv6Addr,
    /// The message.
    pub message: Message,
}

/// The multicast address that a node with `address` listens to (RFC 4291 2.7.1).
#[must_use]
pub const fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let segments = address.segments();
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | (segments[6] & 0xff), segments[7])
}

/// Whether the datagram is a neighbour message, valid or not: the stack has no use for it.
#[must_use]
pub fn concerns(datagram: &[u8]) -> bool {
    datagram.len() > 40
        && datagram[0] >> 4 == 6
        && datagram[6] == PROTOCOL_ICMPV6
        && [SOLICITATION, ADVERTISEMENT].contains(&datagram[40])
}

/// Parses a datagram that [`concerns`] us. `None`: one of the checks of RFC 4861 7.1 fails.
#[must_use]
pub fn parse(datagram: &[u8]) -> Option<Received> {
    let datagram = ip::parse(datagram).ok()?;
    let (IpAddr::V6(src), IpAddr::V6(dst)) = (datagram.src, datagram.dst) else { return None };
    let payload = datagram.payload;
    if datagram.hop_limit != HOP_LIMIT || payload.len() < FIXED || payload[1] != 0 {
        return None;
    }
    let mut sum = Checksum::pseudo_header(datagram.src, datagram.dst, PROTOCOL_ICMPV6, payload.len() as u32);
    sum.add(payload);
    let target = Ipv6Addr::from(std::array::from_fn::<u8, 16, _>(|i| payload[8 + i]));
    if !sum.verifies() || target.is_multicast() {
        return None;
    }
    let wanted = if payload[0] == SOLICITATION { SOURCE_LINK_LAYER } else { TARGET_LINK_LAYER };
    let mac = link_layer(&payload[FIXED..], wanted)?;
    let message = match payload[0] {
        // Whoever has no address yet cannot say where it is (RFC 4861 7.1.1).
        SOLICITATION if src.is_unspecified() && (mac.is_some() || dst != solicited_node(target)) => return None,
        SOLICITATION => Message::Solicitation { target, mac },
        ADVERTISEMENT if dst.is_multicast() && payload[4] & 0x40 != 0 => return None,
        ADVERTISEMENT => {
            Message::Advertisement { target, mac, solicited: payload[4] & 0x40 != 0, over: payload[4] & 0x20 != 0 }
        }
        _ => return None,
    };
    Some(Received { src, dst, message })
}

/// The link-layer address among the options. The outer `None`: an option is malformed.
#[expect(clippy::option_option, reason = "malformed, absent and present are three things")]
fn link_layer(mut options: &[u8], wanted: u8) -> Option<Option<Mac>> {
    let mut found = None;
    while let [kind, units, ..] = *options {
        let length = 8 * usize::from(units);
        if length == 0 || length > options.len() {
            return None;
        }
        if kind == wanted && length == 8 {
            found = Some(Mac(std::array::from_fn(|i| options[2 + i])));
        }
        options = &options[length..];
    }
    options.is_empty().then_some(found)
}

/// A solicitation for `target` from our address `src` at `mac`: to everybody whom the address might belong to, or to `to` alone.
#[must_use]
pub fn solicit(src: Ipv6Addr, mac: Mac, target: Ipv6Addr, to: Option<Ipv6Addr>) -> Vec<u8> {
    message(src, to.unwrap_or(solicited_node(target)), SOLICITATION, 0, target, SOURCE_LINK_LAYER, mac)
}

/// The advertisement that answers a solicitation for our address `target` from `asker` (RFC 4861 7.2.4).
#[must_use]
pub fn advertise(target: Ipv6Addr, mac: Mac, asker: Ipv6Addr) -> Vec<u8> {
    let (to, flags) = if asker.is_unspecified() { (ALL_NODES, 0x20) } else { (asker, 0x60) };
    message(target, to, ADVERTISEMENT, flags, target, TARGET_LINK_LAYER, mac)
}

fn message(src: Ipv6Addr, dst: Ipv6Addr, kind: u8, flags: u8, target: Ipv6Addr, option: u8, mac: Mac) -> Vec<u8> {
    let mut payload = vec![kind, 0, 0, 0, flags, 0, 0, 0];
    payload.extend(target.octets());
    payload.extend([option, 1]);
    payload.extend(mac.0);
    let (src, dst) = (IpAddr::V6(src), IpAddr::V6(dst));
    let mut sum = Checksum::pseudo_header(src, dst, PROTOCOL_ICMPV6, payload.len() as u32);
    sum.add(&payload);
    payload[2..4].copy_from_slice(&sum.finish());
    let mut header = Header::new(src, dst);
    header.hop_limit = HOP_LIMIT;
    ip::emit(&header, PROTOCOL_ICMPV6, &payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac([2, 0, 0, 0, 0, 9]);

    fn v6(text: &str) -> Ipv6Addr {
        text.parse().expect("an address")
    }

    #[test]
    fn solicitation_and_its_answer_are_understood() {
        let (asker, target) = (v6("2001:db8::1"), v6("2001:db8::abcd:2"));
        let asked = solicit(asker, MAC, target, None);
        assert!(concerns(&asked));
        let expected = Received {
            src: asker,
            dst: v6("ff02::1:ffcd:2"),
            message: Message::Solicitation { target, mac: Some(MAC) },
        };
        assert_eq!(parse(&asked), Some(expected));
        let answer = parse(&advertise(target, MAC, asker)).expect("valid");
        let message = Message::Advertisement { target, mac: Some(MAC), solicited: true, over: true };
        assert_eq!(answer, Received { src: target, dst: asker, message });
    }

    #[test]
    fn duplicate_address_detection_is_answered_to_all() {
        let answer = parse(&advertise(v6("2001:db8::2"), MAC, Ipv6Addr::UNSPECIFIED)).expect("valid");
        assert_eq!(answer.dst, ALL_NODES);
        assert!(matches!(answer.message, Message::Advertisement { solicited: false, .. }));
    }

    #[test]
    fn each_check_refuses() {
        let good = solicit(v6("2001:db8::1"), MAC, v6("2001:db8::2"), None);
        assert!(parse(&good).is_some());
        // hop limit, code, checksum, option length: each alone makes it invalid
        for at in [7, 41, 42, 65] {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(parse(&bad), None, "octet {at}");
        }
        let with_mac = message(
            Ipv6Addr::UNSPECIFIED,
            solicited_node(v6("2001:db8::2")),
            SOLICITATION,
            0,
            v6("2001:db8::2"),
            SOURCE_LINK_LAYER,
            MAC,
        );
        assert_eq!(parse(&with_mac), None, "the unspecified address is nowhere");
    }
}
