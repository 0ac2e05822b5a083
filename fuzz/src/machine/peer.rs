//! The other end of one connection, as far as it has to know: numbers used, numbers seen. It keeps no state machine; a program may
//! have it say anything.

use crate::datagram::{self, ACK, Draft, FIN, RST, SYN, Seg, URG, before};
use crate::oracles::ranges::Ranges;
use crate::pattern;
use crate::program::{Damage, Icmp, Iss, Odd, Ref, Segment, Setup, Stamps};

/// Where the host listens.
pub const LISTENING: u16 = 8080;
/// Where nobody listens: for segments of a connection that the host has yet to open.
pub const CLOSED: u16 = 9;
/// Longest text of one segment.
const MOST_TEXT: usize = 16_000;
/// Segments that [`crate::program::Event::Again`] reaches back to.
const MOST_SENT: usize = 8;

/// One connection of the peer.
#[derive(Debug, Default)]
pub struct Peer {
    /// Its port.
    pub port: u16,
    /// The host's, known from its SYN when the host opened.
    pub host_port: Option<u16>,
    /// Ports of the connections that the host opened before.
    former: Vec<u16>,
    /// Its ISS.
    pub iss: u32,
    /// The number after the last used.
    pub next: u32,
    /// Where its FIN stands, once it sent one.
    pub fin: Option<u32>,
    /// The furthest acknowledgment sent of what the host has used.
    told: u32,
    /// The last acknowledgment sent, and the right edge that went with it.
    acknowledged: u32,
    edge: u32,
    /// The host's ISS.
    pub host_iss: Option<u32>,
    /// The host's number after the last heard.
    pub host_next: u32,
    /// What the host has acknowledged.
    pub host_acked: Option<u32>,
    /// The right edge that the host offers.
    pub host_edge: u32,
    host_shift: u8,
    /// The host's numbers that were heard.
    pub heard: Ranges,
    /// The host has sent a RST.
    pub reset: bool,
    /// The last TSval of the host.
    echo: u32,
    /// The greatest TSval sent.
    stamp: u32,
    /// Its last segments, the latest last, and what is wrong with them.
    pub sent: Vec<(Vec<u8>, Damage)>,
    /// Buffers for the next ones.
    pub(super) spare: Vec<Vec<u8>>,
    /// The host's last segment.
    pub last: Vec<u8>,
    /// The next segment waits; and the one that does.
    pub holds: bool,
    /// The segment in the network.
    pub held: Option<(Vec<u8>, Damage)>,
    /// The next segment is delivered twice.
    pub twice: bool,
}

impl Peer {
    /// The peer before the first event, with its buffers.
    pub fn reset_to(&mut self, index: usize, setup: &Setup) {
        let (mut former, mut last) = (std::mem::take(&mut self.former), std::mem::take(&mut self.last));
        former.clear();
        last.clear();
        let (mut sent, mut spare) = (std::mem::take(&mut self.sent), std::mem::take(&mut self.spare));
        let mut heard = std::mem::take(&mut self.heard);
        heard.clear();
        spare.extend(sent.drain(..).chain(self.held.take()).map(|(buffer, _)| buffer));
        // Buffers come from elsewhere too: what is not wanted goes, or a campaign takes all memory.
        spare.truncate(2 * MOST_SENT);
        let iss = match setup.iss {
            Iss::Plain => 1_000_000 * (index as u32 + 1),
            Iss::BelowWrap => u32::MAX - 20,
            Iss::BelowHalf => (1 << 31) - 20,
        };
        let passive = index < 2;
        *self = Self {
            port: if passive { 40_000 } else { 50_000 } + index as u16,
            host_port: passive.then_some(LISTENING),
            iss,
            next: iss,
            host_edge: iss,
            former,
            heard,
            sent,
            spare,
            last,
            ..Self::default()
        };
    }

    /// Hears what the host sent to this port.
    pub fn hears(&mut self, seg: &Seg<'_>, datagram: &[u8], setup: &Setup) {
        if seg.has(SYN) && !seg.has(ACK) && self.host_port != Some(seg.src_port) {
            self.former.extend(self.host_port.replace(seg.src_port));
            self.host_iss = None;
        }
        if self.host_port != Some(seg.src_port) {
            return;
        }
        self.last.clear();
        self.last.extend_from_slice(datagram);
        if let Some((val, _)) = seg.options.stamps {
            self.echo = val;
        }
        if seg.has(RST) {
            self.reset = true;
            return;
        }
        if seg.has(SYN) {
            if self.host_iss != Some(seg.seq) {
                self.host_iss = Some(seg.seq);
                self.heard.clear();
                (self.host_next, self.host_acked, self.reset) = (seg.seq, None, false);
                self.acknowledged = seg.seq;
                self.told = seg.seq;
                self.edge = seg.seq;
            }
            self.host_shift = seg.options.shift.filter(|_| setup.shift < 16).unwrap_or(0);
        }
        self.heard.add(seg.seq, seg.end());
        if before(self.host_next, seg.end()) {
            self.host_next = seg.end();
        }
        if seg.has(ACK) {
            self.host_acked = Some(seg.ack);
            let shift = if seg.has(SYN) { 0 } else { self.host_shift };
            self.host_edge = seg.ack.wrapping_add(u32::from(seg.window) << shift.min(14));
        }
    }

    /// The number after the last that it has without a gap, counting what it has acknowledged.
    pub fn received(&self) -> u32 {
        let from = self.host_iss.unwrap_or(0);
        let (heard, told) = (self.heard.contiguous(from), self.told);
        let heard = self.heard.contiguous(if before(heard, told) { told } else { heard });
        if before(heard, told) { told } else { heard }
    }

    /// The host holds everything below `una` for acknowledged, text that was lost on the way too, and has forgotten it: it does not come again.
    pub fn has_told(&mut self, una: u32) {
        if before(self.told, una) {
            self.told = una;
        }
    }

    /// A SYN: a new one after the connection was used, else the same again.
    pub fn syn(&mut self, ack: bool, now: u64, setup: &Setup) -> Vec<u8> {
        if self.next != self.iss && self.next != self.iss.wrapping_add(1) {
            self.iss = self.next.wrapping_add(100_000);
        }
        self.next = self.iss.wrapping_add(1);
        self.fin = None;
        let flags = if ack && self.host_iss.is_some() { SYN | ACK } else { SYN };
        let seg = Seg { seq: self.iss, flags, window: 65_535, ..Seg::default() };
        let seg = Seg { ack: if flags & ACK != 0 { self.host_next } else { 0 }, ..seg };
        self.emit(seg, setup.timestamps, &Segment::default(), now, setup)
    }

    /// The next `length` octets of text.
    pub fn text(&mut self, length: usize, now: u64, setup: &Setup) -> Vec<u8> {
        let seq = self.next;
        let payload = pattern::sent(seq, length.min(MOST_TEXT));
        self.next = seq.wrapping_add(payload.len() as u32);
        self.say(ACK | 0x08, seq, payload, 65_535, now, setup)
    }

    /// An acknowledgment of all that was seen, whatever of it arrived.
    pub fn acknowledgment(&mut self, window: u16, now: u64, setup: &Setup) -> Vec<u8> {
        self.say(ACK, self.next, &[], window, now, setup)
    }

    /// FIN behind the text.
    pub fn finish(&mut self, now: u64, setup: &Setup) -> Vec<u8> {
        let seq = self.next;
        self.next = seq.wrapping_add(1);
        self.fin.get_or_insert(seq);
        self.say(ACK | FIN, seq, &[], 65_535, now, setup)
    }

    /// RST where the host expects the next octet.
    pub fn abort(&mut self, now: u64, setup: &Setup) -> Vec<u8> {
        let seq = self.host_acked.unwrap_or(self.next);
        self.say(RST, seq, &[], 65_535, now, setup)
    }

    /// What a well-behaved end sends: an acknowledgment of what arrived, with as much text as `payload` holds.
    pub fn honest(
        &mut self,
        flags: u8,
        seq: u32,
        payload: &'static [u8],
        window: u16,
        now: u64,
        setup: &Setup,
    ) -> Vec<u8> {
        let seg = Seg { seq, flags, ack: self.received(), window, payload, ..Seg::default() };
        self.emit(seg, setup.timestamps, &Segment::default(), now, setup)
    }

    fn say(&mut self, flags: u8, seq: u32, payload: &'static [u8], window: u16, now: u64, setup: &Setup) -> Vec<u8> {
        let ack = if flags & ACK != 0 { self.host_next } else { 0 };
        self.emit(
            Seg { seq, flags, ack, window, payload, ..Seg::default() },
            setup.timestamps,
            &Segment::default(),
            now,
            setup,
        )
    }

    /// Whatever the program asks for. What is wrong with it in the end.
    pub fn draft(&mut self, draft: &Segment, now: u64, setup: &Setup) -> (Vec<u8>, Damage) {
        let flags = draft.flags;
        let syn = u32::from(flags & SYN != 0);
        let acked = self.host_acked.unwrap_or(self.iss);
        let seq = resolve(draft.seq, [self.next, acked, self.host_edge, self.iss]).wrapping_sub(syn);
        let iss = self.host_iss.unwrap_or(0);
        let ack = resolve(draft.ack, [self.host_next, self.acknowledged, self.edge, iss]);
        let mut damage = draft.damage;
        let length = if damage == Damage::LongOffset { 0 } else { usize::from(draft.length).min(MOST_TEXT) };
        if damage == Damage::LongOffset && (draft.sacks[0].octets > 0 || draft.odd != Odd::None) {
            // So many options that the longest offset there is would fit.
            damage = Damage::Checksum;
        }
        let payload = pattern::sent(seq.wrapping_add(syn), length);
        let urgent = if flags & URG == 0 { 0 } else { draft.urgent };
        let seg = Seg { seq, ack, flags, window: draft.window, urgent, payload, ecn: draft.ecn & 3, ..Seg::default() };
        let reaches = !damage.is_fatal();
        if reaches && flags & RST == 0 && before(self.next, seg.end()) && seg.end().wrapping_sub(self.next) < 1 << 20 {
            self.next = seg.end();
        }
        if reaches && flags & FIN != 0 {
            self.fin.get_or_insert(seg.end().wrapping_sub(1));
        }
        let stamps = setup.timestamps != (draft.stamps == Stamps::Opposite);
        let octets = self.emit(seg, stamps, &Segment { damage, ..*draft }, now, setup);
        (octets, damage)
    }

    fn emit(&mut self, mut seg: Seg<'static>, stamps: bool, draft: &Segment, now: u64, setup: &Setup) -> Vec<u8> {
        let scaled = setup.shift < 16 && seg.flags & SYN == 0;
        if seg.has(ACK) {
            self.acknowledged = seg.ack;
            let from = self.host_iss.unwrap_or(0);
            if seg.ack.wrapping_sub(from) <= self.host_next.wrapping_sub(from) && before(self.told, seg.ack) {
                self.told = seg.ack;
            }
            self.edge = seg.ack.wrapping_add(u32::from(seg.window) << if scaled { setup.shift.min(14) } else { 0 });
        }
        seg.v6 = setup.v6;
        seg.src_port = self.port;
        seg.dst_port = self.host_port.unwrap_or(CLOSED);
        let mut list = [0; 40];
        let length = self.options(&mut list, &seg, stamps, draft, now, setup);
        let mut octets = self.spare.pop().unwrap_or_default();
        datagram::write(&mut octets, &Draft { seg, options: &list[..length], damage: draft.damage });
        // What is kept for `Again`.
        let full = self.sent.len() == MOST_SENT;
        let mut kept = if full { self.sent.remove(0).0 } else { self.spare.pop().unwrap_or_default() };
        kept.clear();
        kept.extend_from_slice(&octets);
        self.sent.push((kept, draft.damage));
        octets
    }

    /// Writes the options. How many octets.
    fn options(
        &mut self,
        list: &mut [u8; 40],
        seg: &Seg<'_>,
        stamps: bool,
        draft: &Segment,
        now: u64,
        setup: &Setup,
    ) -> usize {
        let mut length = 0;
        let mut put = |octets: &[u8]| {
            if length + octets.len() <= 40 {
                list[length..length + octets.len()].copy_from_slice(octets);
                length += octets.len();
            }
        };
        if seg.has(SYN) {
            if let Some(mss) = setup.mss {
                put(&[2, 4, (mss >> 8) as u8, mss as u8]);
            }
            if setup.sack {
                put(&[1, 1, 4, 2]);
            }
            if setup.shift < 16 {
                put(&[1, 3, 3, setup.shift]);
            }
        }
        if stamps {
            let val = self.tsval(draft.stamps, now);
            let echo = if draft.stamps == Stamps::WrongEcho { self.echo ^ 0x0101_0101 } else { self.echo };
            let mut option = [1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0];
            option[4..8].copy_from_slice(&val.to_be_bytes());
            option[8..].copy_from_slice(&if seg.has(ACK) { echo } else { 0 }.to_be_bytes());
            put(&option);
        }
        let blocks = draft.sacks.iter().filter(|sack| sack.octets > 0);
        let mut option = [1, 1, 5, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let mut end = 4;
        for sack in blocks {
            let left = seg.ack.wrapping_add_signed(sack.from.into());
            option[end..end + 4].copy_from_slice(&left.to_be_bytes());
            option[end + 4..end + 8].copy_from_slice(&left.wrapping_add(sack.octets.into()).to_be_bytes());
            (end, option[3]) = (end + 8, option[3] + 8);
        }
        if end > 4 {
            put(&option[..end]);
        }
        match draft.odd {
            Odd::None => {}
            Odd::Mss(mss) => put(&[2, 4, (mss >> 8) as u8, mss as u8]),
            Odd::Shift(count) => put(&[1, 3, 3, count]),
            Odd::SackPermitted => put(&[1, 1, 4, 2]),
            Odd::Unknown(octets) => {
                let data = usize::from(octets % 9);
                let mut option = [1; 12];
                (option[0], option[1]) = (253, 2 + data as u8);
                put(&option[..(2 + data).next_multiple_of(4)]);
            }
            Odd::ZeroLength => put(&[2, 0, 0, 0]),
            Odd::TooLong => put(&[1, 1, 253, 40]),
            Odd::AfterEnd => put(&[0, 5, 6, 7]),
            Odd::Padding => put(&[1, 1, 1, 1]),
            Odd::FastOpen => put(&[1, 1, 34, 2]),
        }
        length
    }

    fn tsval(&mut self, stamps: Stamps, now: u64) -> u32 {
        let clock = 2_000_000_u32.wrapping_add((now / 1000) as u32);
        let later = |a: u32, b: u32| if before(a, b) { b } else { a };
        let val = match stamps {
            // Never behind what was said, unless asked for: the peer's clock does not go back.
            Stamps::Negotiated | Stamps::Opposite | Stamps::WrongEcho if self.stamp != 0 => later(clock, self.stamp),
            Stamps::Negotiated | Stamps::Opposite | Stamps::WrongEcho => clock,
            Stamps::Old(millis) => clock.wrapping_sub(millis.into()),
            Stamps::Ahead(millis) => clock.wrapping_add(millis.into()),
        };
        self.stamp = if self.stamp == 0 { val } else { later(self.stamp, val) };
        val
    }

    /// An ICMP error about the last segment of the host.
    pub fn icmp(&self, error: Icmp, quoted: u8, forged: bool, setup: &Setup) -> Option<Vec<u8>> {
        let (kind, code, rest) = match (error, setup.v6) {
            (Icmp::Network, false) => (3, 0, 0),
            (Icmp::Network, true) => (1, 0, 0),
            (Icmp::Host, false) => (3, 1, 0),
            (Icmp::Host, true) => (1, 3, 0),
            (Icmp::Port, false) => (3, 3, 0),
            (Icmp::Port, true) => (1, 4, 0),
            (Icmp::Protocol, false) => (3, 2, 0),
            (Icmp::Protocol, true) => (4, 1, 6),
            (Icmp::TooBig(mtu), false) => (3, 4, mtu.into()),
            (Icmp::TooBig(mtu), true) => (2, 0, mtu.into()),
            (Icmp::Time, false) => (11, 0, 0),
            (Icmp::Time, true) => (3, 0, 0),
            (Icmp::Quench, false) => (4, 0, 0),
            (Icmp::Quench, true) => (99, 0, 0),
            (Icmp::Parameter, false) => (12, 0, 0),
            (Icmp::Parameter, true) => (4, 0, 0),
        };
        let ip = if setup.v6 { 40 } else { 20 };
        let most = ip + usize::from(quoted).max(8);
        let mut body = [0; 300];
        let length = self.last.len().min(most);
        if length < ip + 8 {
            return None;
        }
        body[..length].copy_from_slice(&self.last[..length]);
        if forged {
            // Another sequence number: RFC 5927 4.1 wants the error ignored.
            body[ip + 4] ^= 0x40;
        }
        let mut out = Vec::new();
        datagram::write_icmp(&mut out, setup.v6, kind, code, rest, &body[..length]);
        Some(out)
    }
}

/// A number of a space, of which the next, the acknowledged, the window's edge and the first are known.
fn resolve(reference: Ref, [next, acknowledged, edge, first]: [u32; 4]) -> u32 {
    match reference {
        Ref::Next(offset) => next.wrapping_add_signed(offset.into()),
        Ref::Acknowledged(offset) => acknowledged.wrapping_add_signed(offset.into()),
        Ref::Edge(offset) => edge.wrapping_add_signed(offset.into()),
        Ref::First(offset) => first.wrapping_add_signed(offset.into()),
        Ref::Far(power) if power & 32 == 0 => next.wrapping_add(1 << (power & 31)),
        Ref::Far(power) => next.wrapping_sub(1 << (power & 31)),
        Ref::Absolute(number) => number,
    }
}
