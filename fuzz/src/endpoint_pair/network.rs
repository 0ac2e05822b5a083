//! The network between the two: datagrams under way, and what becomes of them.

use super::glance::Glance;
use super::parameters::{Canary, Parameters};
use crate::dice::Dice;
use halfopen_engine::packet::{Body, Datagram, Icmp, Ip, Ipv4, Ipv6, protocol};
use halfopen_stack::Instant;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// What became of a datagram when it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is under way as it was sent.
    Sent,
    /// It vanished, or the path was cut.
    Lost,
    /// It is under way twice.
    Repeated,
    /// It will come late.
    Held,
    /// It is under way with octets changed.
    Damaged,
    /// It does not fit through the path.
    TooBig,
}

/// The extension header of IPv6 that a fragment has.
const FRAGMENT: u8 = 44;
/// The most that a held datagram waits, microseconds.
const LONGEST_HOLD: u32 = 5_000_000;
/// Octets that a router quotes of an IPv4 datagram, of an IPv6 datagram at most.
const QUOTED: [usize; 2] = [28, 548];

/// Datagrams under way.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// By arrival, and a number that keeps them apart; then for whom.
    flying: BTreeMap<(u64, u32), (usize, Vec<u8>)>,
    /// Buffers for later.
    spare: Vec<Vec<u8>>,
    sent: u32,
    /// It loses and changes nothing any more.
    pub(super) well: bool,
}

impl Network {
    /// When the next datagram arrives.
    pub(super) fn next(&self) -> Option<Instant> {
        self.flying.keys().next().map(|(at, _)| Instant(*at))
    }

    /// A datagram that arrives at `now` or has before: for whom, and its octets.
    pub(super) fn arrival(&mut self, now: Instant) -> Option<(usize, Vec<u8>)> {
        self.flying.first_entry().filter(|entry| entry.key().0 <= now.0).map(|entry| entry.remove())
    }

    /// An empty buffer.
    pub(super) fn buffer(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(super) fn recycle(&mut self, buffer: Vec<u8>) {
        self.spare.push(buffer);
    }

    fn fly(&mut self, at: u64, to: usize, octets: Vec<u8>) {
        self.sent += 1;
        self.flying.insert((at, self.sent), (to, octets));
    }

    fn copy(&mut self, of: &[u8]) -> Vec<u8> {
        let mut copy = self.buffer();
        copy.clear();
        copy.extend_from_slice(of);
        copy
    }

    /// Takes a datagram of `side`.
    pub(super) fn send(
        &mut self,
        side: usize,
        mut octets: Vec<u8>,
        glance: &Glance,
        now: Instant,
        run: &Parameters,
        dice: &mut Dice<'_>,
    ) -> Fate {
        let delay = u64::from(run.delay);
        let text = glance.segment.is_some_and(|segment| segment.text > 0);
        match run.canary {
            Some(Canary::Oracle) if text => falsify(&mut octets),
            Some(Canary::Liveness) if text && self.well => return Fate::Lost,
            Some(Canary::Oracle | Canary::Liveness | Canary::Crash) | None => {}
        }
        let mtu = run.mtu(now.0);
        if octets.len() > mtu {
            self.fly(now.0 + delay, side, too_big(&octets, glance, mtu));
            self.recycle(octets);
            return Fate::TooBig;
        }
        if self.well {
            self.fly(now.0 + delay, 1 - side, octets);
            return Fate::Sent;
        }
        let faults = run.faults;
        if run.is_cut(side, now.0) || dice.chance(faults.lost) {
            self.recycle(octets);
            return Fate::Lost;
        }
        if dice.chance(faults.icmp) {
            let error = error(&octets, glance, run.lethal, dice);
            self.fly(now.0 + delay, side, error);
        }
        let mut fate = Fate::Sent;
        let mut at = now.0 + delay + u64::from(if run.jitter > 0 { dice.below(run.jitter) } else { 0 });
        if dice.chance(faults.held) {
            (at, fate) = (at + u64::from(dice.below(LONGEST_HOLD)), Fate::Held);
        }
        if dice.chance(faults.marked) {
            mark(&mut octets);
        }
        if dice.chance(faults.repeated) {
            let copy = self.copy(&octets);
            self.fly(at + dice.one(&[0_u64, 1, 10_000, 1_000_000]), 1 - side, copy);
            fate = Fate::Repeated;
        }
        if dice.chance(faults.damaged) {
            damage(&mut octets, dice);
            fate = Fate::Damaged;
        }
        if dice.chance(faults.cut)
            && let Some(first) = cut(&mut octets, self.sent, dice)
        {
            // Either piece may come first.
            self.fly(at + dice.one(&[0_u64, 1, 5000]), 1 - side, first);
        }
        self.fly(at, 1 - side, octets);
        fate
    }
}

/// Cuts a datagram in two fragments (RFC 791 3.2, RFC 8200 4.5): the first is returned, the last stays. `None` for one that is too short, or damaged.
fn cut(octets: &mut Vec<u8>, number: u32, dice: &mut Dice<'_>) -> Option<Vec<u8>> {
    let v4 = *octets.first()? == 0x45;
    let header = if v4 { 20 } else { 40 };
    if octets.len() < header + 16 || !v4 && octets[0] >> 4 != 6 {
        return None;
    }
    let length = octets.len() - header;
    let at = 8 * (1 + dice.below((length / 8 - 1) as u32) as usize);
    let piece = |from: usize, until: usize, more: bool| {
        let mut piece = octets[..header].to_vec();
        let units = (from / 8) as u16;
        if v4 {
            piece[2..4].copy_from_slice(&((header + until - from) as u16).to_be_bytes());
            piece[4..6].copy_from_slice(&(number as u16).to_be_bytes());
            piece[6..8].copy_from_slice(&(units | u16::from(more) << 13).to_be_bytes());
            seal(&mut piece);
        } else {
            piece[4..6].copy_from_slice(&((8 + until - from) as u16).to_be_bytes());
            piece.extend([octets[6], 0]);
            piece.extend((units << 3 | u16::from(more)).to_be_bytes());
            piece.extend(number.to_be_bytes());
            piece[6] = FRAGMENT;
        }
        piece.extend_from_slice(&octets[header + from..header + until]);
        piece
    };
    let pieces = (piece(0, at, true), piece(at, length, false));
    *octets = pieces.1;
    Some(pieces.0)
}

/// The header checksum of IPv4, anew.
fn seal(octets: &mut [u8]) {
    octets[10..12].fill(0);
    let sum = halfopen_engine::packet::checksum::Sum::default().plus(&octets[..20]).value();
    octets[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// Congestion experienced, where the sender is ECN-capable (RFC 3168 5).
fn mark(octets: &mut [u8]) {
    let v4 = octets[0] >> 4 == 4;
    // The field is the last two bits of TOS, or of the traffic class, which straddles two octets.
    let (at, shift) = (1, if v4 { 0 } else { 4 });
    if octets[at] >> shift & 3 == 0 || octets[at] >> shift & 3 == 3 {
        return;
    }
    octets[at] |= 3 << shift;
    if v4 {
        seal(octets);
    }
}

/// What no checksum lets through, or no datagram minds: one bit, or octets fewer or more than the length says.
fn damage(octets: &mut Vec<u8>, dice: &mut Dice<'_>) {
    match dice.below(4) {
        0..=1 => {
            let at = dice.below(octets.len() as u32) as usize;
            octets[at] ^= 1 << dice.below(8);
        }
        2 => octets.truncate(dice.below(octets.len() as u32) as usize),
        _ => octets.extend(std::iter::repeat_n(0xa5, 1 + dice.below(40) as usize)),
    }
}

/// Other text, with a checksum that vouches for it.
fn falsify(octets: &mut Vec<u8>) {
    let mut datagram = Datagram::decode_one(octets).expect("a datagram of a stack");
    if let Body::Tcp(tcp) = &mut datagram.body {
        tcp.payload[0] ^= 1;
    }
    datagram.complete();
    *octets = datagram.encode();
}

/// Fragmentation needed, or packet too big.
fn too_big(octets: &[u8], glance: &Glance, mtu: usize) -> Vec<u8> {
    if glance.header == 20 { icmp(octets, glance, 3, 4, mtu as u32) } else { icmp(octets, glance, 2, 0, mtu as u32) }
}

/// An error that a router may send about a datagram: soft ones, and where the connection may die hard ones too.
fn error(octets: &[u8], glance: &Glance, lethal: bool, dice: &mut Dice<'_>) -> Vec<u8> {
    // Host unreachable, network unreachable, time exceeded, source quench; then protocol and port unreachable.
    let v4: &[(u8, u8)] = &[(3, 1), (3, 0), (11, 0), (4, 0), (3, 2), (3, 3)];
    // No route, address unreachable, hop limit exceeded; then prohibited and port unreachable.
    let v6: &[(u8, u8)] = &[(1, 0), (1, 3), (3, 0), (1, 1), (1, 4)];
    let all = if glance.header == 20 { v4 } else { v6 };
    let (kind, code) = dice.one(if lethal { all } else { &all[..all.len() - 2] });
    icmp(octets, glance, kind, code, 0)
}

/// An ICMP error of a router about a datagram, for its sender.
fn icmp(octets: &[u8], glance: &Glance, kind: u8, code: u8, rest: u32) -> Vec<u8> {
    let v4 = glance.header == 20;
    let quoted = octets.len().min(QUOTED[usize::from(!v4)]);
    let body = Body::Icmp(Icmp { kind, code, checksum: 0, rest, body: octets[..quoted].to_vec() });
    let field = |at: usize, octets: &[u8]| -> [u8; 4] { octets[at..at + 4].try_into().expect("four octets") };
    let ip = if v4 {
        Ip::V4(Ipv4::new([203, 0, 113, 9].into(), field(12, octets).into(), protocol::ICMP))
    } else {
        let sender: [u8; 16] = octets[8..24].try_into().expect("sixteen octets");
        let router: IpAddr = "2001:db8:9::9".parse().expect("an address");
        let IpAddr::V6(router) = router else { unreachable!("an IPv6 address") };
        Ip::V6(Ipv6::new(router, sender.into(), protocol::ICMPV6))
    };
    let mut error = Datagram { ip, body, trailer: Vec::new(), outer: Vec::new() };
    error.complete();
    error.encode()
}
