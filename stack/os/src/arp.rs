//! The Address Resolution Protocol on Ethernet (RFC 826). Absent: announcements of our own (gratuitous ARP), reverse ARP.

use crate::ethernet::Mac;
use core::net::Ipv4Addr;

/// Octets of a packet for IPv4 on Ethernet.
const LENGTH: usize = 28;
/// Hardware type Ethernet, protocol type IPv4, lengths 6 and 4: what a packet for us begins with.
const FIXED: [u8; 6] = [0, 1, 8, 0, 6, 4];

/// Request or reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Who has the target's protocol address?
    Request,
    /// The sender has it.
    Reply,
}

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// What it is.
    pub operation: Operation,
    /// Hardware address of the sender.
    pub sender_mac: Mac,
    /// Its protocol address; unspecified in a probe (RFC 5227 2.1.1).
    pub sender: Ipv4Addr,
    /// Hardware address of the target; nothing in a request.
    pub target_mac: Mac,
    /// Protocol address of the target.
    pub target: Ipv4Addr,
}

/// Parses a packet. `None`: too short, not IPv4 on Ethernet, or another operation.
#[must_use]
pub fn parse(octets: &[u8]) -> Option<Packet> {
    let octets: &[u8; LENGTH] = octets.first_chunk()?;
    if octets[..6] != FIXED {
        return None;
    }
    let operation = match [octets[6], octets[7]] {
        [0, 1] => Operation::Request,
        [0, 2] => Operation::Reply,
        _ => return None,
    };
    let mac = |at: usize| Mac(std::array::from_fn(|i| octets[at + i]));
    let ip = |at: usize| Ipv4Addr::from(std::array::from_fn::<u8, 4, _>(|i| octets[at + i]));
    Some(Packet { operation, sender_mac: mac(8), sender: ip(14), target_mac: mac(18), target: ip(24) })
}

/// The octets of a packet.
#[must_use]
pub fn emit(packet: &Packet) -> Vec<u8> {
    let mut octets = Vec::with_capacity(LENGTH);
    octets.extend(FIXED);
    octets.extend(match packet.operation {
        Operation::Request => [0, 1],
        Operation::Reply => [0, 2],
    });
    octets.extend(packet.sender_mac.0);
    octets.extend(packet.sender.octets());
    octets.extend(packet.target_mac.0);
    octets.extend(packet.target.octets());
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_back_as_they_were_made() {
        for operation in [Operation::Request, Operation::Reply] {
            let packet = Packet {
                operation,
                sender_mac: Mac([2, 0, 0, 0, 0, 1]),
                sender: Ipv4Addr::new(192, 0, 2, 1),
                target_mac: Mac([2, 0, 0, 0, 0, 2]),
                target: Ipv4Addr::new(192, 0, 2, 2),
            };
            let mut octets = emit(&packet);
            octets.resize(46, 0);
            assert_eq!(parse(&octets), Some(packet), "with the padding of Ethernet");
            assert_eq!(parse(&octets[..27]), None, "too short");
            for at in 0..7 {
                let mut other = octets.clone();
                other[at] ^= 0x10;
                assert_eq!(parse(&other), None, "octet {at} decides whether it is for us");
            }
        }
    }
}
