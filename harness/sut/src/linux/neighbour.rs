//! ARP (RFC 826) and neighbour discovery (RFC 4861) as far as a peer on Ethernet needs them: the harness's own, as the SUT's is
//! what is tested.

use halfopen_engine::packet::checksum::Sum;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Frame types.
pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;
pub(super) const IPV6: u16 = 0x86dd;

const BROADCAST: [u8; 6] = [0xff; 6];
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;

/// What a frame says about neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    /// Who has `target`?
    Question { asker: IpAddr, target: IpAddr },
    /// `target` is at `mac`.
    Answer { target: IpAddr, mac: [u8; 6] },
}

/// A frame to send, without its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u16,
    pub(super) to: [u8; 6],
    pub(super) octets: Vec<u8>,
}

/// Reads a frame. `None`: it is about something else.
pub(super) fn parse(kind: u16, octets: &[u8]) -> Option<Message> {
    match kind {
        ARP => {
            let (sender, target) = (v4(octets, 14)?, v4(octets, 24)?);
            match octets.get(6..8)? {
                [0, 1] => Some(Message::Question { asker: sender, target }),
                [0, 2] => Some(Message::Answer { target: sender, mac: octets.get(8..14)?.try_into().ok()? }),
                _ => None,
            }
        }
        // Without extension headers, as these messages come.
        IPV6 if *octets.get(6)? == 58 => match *octets.get(40)? {
            SOLICITATION => Some(Message::Question { asker: v6(octets, 8)?, target: v6(octets, 48)? }),
            ADVERTISEMENT => {
                // Target link-layer address: the one option that an answer has to have.
                let mac = (octets.get(64..66)? == [2, 1]).then(|| octets.get(66..72))??;
                Some(Message::Answer { target: v6(octets, 48)?, mac: mac.try_into().ok()? })
            }
            _ => None,
        },
        _ => None,
    }
}

/// Asks where `target` is, as `asker` at `ours`.
pub(super) fn question(asker: IpAddr, ours: [u8; 6], target: IpAddr) -> Frame {
    match (asker, target) {
        (IpAddr::V4(asker), IpAddr::V4(target)) => {
            Frame { kind: ARP, to: BROADCAST, octets: arp(1, ours, asker, [0; 6], target) }
        }
        (IpAddr::V6(asker), IpAddr::V6(target)) => {
            let [.., a, b, c] = target.octets();
            let group = Ipv6Addr::from([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]);
            let octets = icmpv6(asker, group, SOLICITATION, 0, target, 1, ours);
            Frame { kind: IPV6, to: [0x33, 0x33, 0xff, a, b, c], octets }
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => unreachable!("one interface, one family"),
    }
}

/// Says to `asker` at `mac` that `target` is at `ours`. `None`: `asker` has no address to answer to.
pub(super) fn answer(target: IpAddr, ours: [u8; 6], asker: IpAddr, mac: [u8; 6]) -> Option<Frame> {
    match (target, asker) {
        (IpAddr::V4(target), IpAddr::V4(asker)) => {
            Some(Frame { kind: ARP, to: mac, octets: arp(2, ours, target, mac, asker) })
        }
        (IpAddr::V6(target), IpAddr::V6(asker)) if !asker.is_unspecified() => {
            Some(Frame { kind: IPV6, to: mac, octets: icmpv6(target, asker, ADVERTISEMENT, 0x60, target, 2, ours) })
        }
        _ => None,
    }
}

fn v4(octets: &[u8], at: usize) -> Option<IpAddr> {
    Some(Ipv4Addr::from(<[u8; 4]>::try_from(octets.get(at..at + 4)?).ok()?).into())
}

fn v6(octets: &[u8], at: usize) -> Option<IpAddr> {
    Some(Ipv6Addr::from(<[u8; 16]>::try_from(octets.get(at..at + 16)?).ok()?).into())
}

fn arp(operation: u8, sha: [u8; 6], spa: Ipv4Addr, tha: [u8; 6], tpa: Ipv4Addr) -> Vec<u8> {
    let fixed = [0, 1, 8, 0, 6, 4, 0, operation];
    [&fixed[..], &sha, &spa.octets(), &tha, &tpa.octets()].concat()
}

fn icmpv6(src: Ipv6Addr, dst: Ipv6Addr, kind: u8, flags: u8, target: Ipv6Addr, option: u8, mac: [u8; 6]) -> Vec<u8> {
    let mut body = vec![kind, 0, 0, 0, flags, 0, 0, 0];
    body.extend(target.octets());
    body.extend([option, 1]);
    body.extend(mac);
    let length = body.len() as u8;
    let sum = Sum::default().plus(&src.octets()).plus(&dst.octets()).plus(&[0, 0, 0, length, 0, 0, 0, 58]).plus(&body);
    body[2..4].copy_from_slice(&sum.value().to_be_bytes());
    let header = [0x60, 0, 0, 0, 0, length, 58, 255];
    [&header[..], &src.octets(), &dst.octets(), &body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_and_answers_are_read_back() {
        let (ours, theirs) = ([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 0, 2]);
        for (a, b) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
            let (a, b): (IpAddr, IpAddr) = (a.parse().expect("an address"), b.parse().expect("an address"));
            let asked = question(a, ours, b);
            assert_eq!(parse(asked.kind, &asked.octets), Some(Message::Question { asker: a, target: b }));
            let said = answer(b, theirs, a, ours).expect("an answer");
            assert_eq!(said.to, ours);
            assert_eq!(parse(said.kind, &said.octets), Some(Message::Answer { target: b, mac: theirs }));
            assert_eq!(parse(said.kind, &said.octets[..20]), None, "cut off");
        }
        assert_eq!(parse(IPV4, &[0; 60]), None);
    }

    #[test]
    fn solicitation_has_the_checksum_of_the_rfc() {
        // Worked by the stack's own codec, which is another.
        let asked =
            question("2001:db8::1".parse().expect("v6"), [2, 0, 0, 0, 0, 1], "2001:db8::2".parse().expect("v6"));
        let read = halfopen_stack_os::ndp::parse(&asked.octets).expect("valid for the stack");
        assert_eq!(read.dst, "ff02::1:ff00:2".parse::<Ipv6Addr>().expect("v6"));
    }
}
