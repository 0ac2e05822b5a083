//! One connection as the wire and the calls show it.

use super::judge::Acknowledges;
use super::ranges::Ranges;
use crate::datagram::{ACK, FIN, SYN, Seg, before, until};
use halfopen_stack::Vitals;

/// What is known of one incarnation, from the host's SYN on.
#[derive(Debug, Clone, Copy, Default)]
pub struct Core {
    /// ISS of the host.
    pub iss: u32,
    /// The number after the last that the host used.
    pub next: u32,
    /// Where its FIN stands.
    pub fin: Option<u32>,
    /// Octets that the application has written.
    pub written: u32,
    /// The right edge of the furthest window that the peer offered.
    pub edge: u32,
    /// The last acknowledgment number that the host sent.
    pub acked: Option<u32>,
    /// The furthest right edge that the host has offered.
    pub right: Option<u32>,
    /// IRS, once an acknowledgment or a SYN tells.
    pub irs: Option<u32>,
    /// The host's segments are scaled by this.
    pub host_shift: u8,
    /// A window scale was offered by the peer, and by the host.
    pub scaling: (Option<u8>, bool),
    /// Timestamps: in the peer's SYN, in the host's.
    pub stamps: (bool, bool),
    /// SACK permitted: by the peer's SYN, by the host's.
    pub sack: (bool, bool),
    /// The last TSval of the host, and when.
    pub stamp: Option<(u32, u64)>,
    /// The peer's segment size.
    pub mss: Option<u16>,
    /// Up to where the peer has acknowledged, with what is acceptable.
    pub una: u32,
    /// The handshake is over: the host has sent a segment without SYN.
    pub synchronized: bool,
}

/// What a timer has sent again.
#[derive(Debug, Clone, Copy)]
pub struct Repeat {
    /// SEG.SEQ.
    pub seq: u32,
    /// When.
    pub at: u64,
    /// The interval before.
    pub interval: Option<u64>,
    /// How many times.
    pub times: u32,
}

/// The peer's last SYN that reached the host.
#[derive(Debug, Clone, Copy, Default)]
pub struct PeerSyn {
    /// SEG.SEQ.
    pub seq: u32,
    /// Where its text ends.
    pub end: u32,
    /// Whether a FIN follows.
    pub fin: bool,
    /// The window, which is not scaled.
    pub window: u32,
    /// Its options.
    pub shift: Option<u8>,
    /// Its options.
    pub stamps: bool,
    /// Its options.
    pub sack: bool,
    /// Its options.
    pub mss: Option<u16>,
}

/// A SYN,ACK, which may be a cookie.
#[derive(Debug, Clone, Copy)]
pub struct SynAck {
    /// What it has agreed on.
    pub core: Core,
    /// The SYN before it.
    pub syn: PeerSyn,
    /// TSval.
    pub stamp: Option<u32>,
}

/// One of the peer's connections.
#[derive(Debug, Default)]
pub struct Line {
    /// The incarnation that the host's segments belong to.
    pub core: Option<Core>,
    /// The one before it, to whose TIME-WAIT the host may return (RFC 9293 3.6.1).
    pub old: Option<Core>,
    /// The numbers that have reached the host, text and FIN.
    pub sent: Ranges,
    /// The peer's SYN.
    pub syn: Option<PeerSyn>,
    /// The host's port, once known.
    pub host_port: Option<u16>,
    /// Ports of the connections that the host opened before.
    pub former: Vec<u16>,
    /// The variables after the last step.
    pub vitals: Option<Vitals>,
    /// A segment with URG reached the host.
    pub urged: u32,
    /// A RST was accepted.
    pub dead: bool,
    /// SACK blocks that the peer has sent.
    pub lied: bool,
    /// An ICMP error about it was sent.
    pub icmp: bool,
    /// Duplicate ACKs in a row.
    pub duplicates: u32,
    /// What timers have sent again.
    pub repeat: Option<Repeat>,
    /// When text was taken that is not acknowledged yet.
    pub owed: Option<u64>,
    /// When TIME-WAIT began or began anew.
    pub time_wait: Option<u64>,
    /// Host segments since the peer was last heard.
    pub unanswered: u32,
    /// When the first of them was sent.
    pub silent_since: Option<u64>,
    /// A socket option has touched limits of time.
    pub tuned: bool,
    /// The last ISS, and when; none if it does not stand for the clock.
    pub last_iss: Option<(u32, u64)>,
    /// The greatest TSval of the peer that reached the host, and the one of its SYN.
    pub peer_stamps: Option<(u32, u32)>,
    /// The last SYN,ACK that answers a SYN.
    pub syn_ack: Option<SynAck>,
    /// SYN,ACKs of this incarnation.
    pub syn_acks: u32,
    /// Octets of new text before text was acknowledged, and the largest initial window of the segment sizes since.
    pub first_flight: Option<(u32, u32)>,
    /// The numbers from one on that were all sent again.
    pub again: Option<(u32, u32)>,
    /// `TCP_NODELAY` is or was set.
    pub no_delay: bool,
    /// `SO_KEEPALIVE` is or was set.
    pub keep_alive: bool,
    /// The connection was made by a SYN cookie whose options are the peer's invention.
    pub made_up: bool,
}

impl Line {
    /// The connection as if nothing had happened, with its buffers.
    pub fn reset(&mut self) {
        let (mut former, mut sent) = (std::mem::take(&mut self.former), std::mem::take(&mut self.sent));
        former.clear();
        sent.clear();
        *self = Self { former, sent, ..Self::default() };
    }

    /// The peer's SYN has reached the host.
    pub fn syn_arrives(&mut self, seg: &Seg<'_>) {
        self.syn = Some(PeerSyn {
            seq: seg.seq,
            end: seg.text_end(),
            fin: seg.has(FIN),
            window: seg.window.into(),
            shift: seg.options.shift,
            stamps: seg.options.stamps.is_some(),
            sack: seg.options.sack_permitted,
            mss: seg.options.mss,
        });
    }

    /// The host's SYN: whether it begins another incarnation.
    pub fn begins(&self, seg: &Seg<'_>) -> bool {
        self.core.is_none_or(|core| {
            let back = seg.has(ACK) && core.acked.is_some_and(|acked| before(seg.ack, acked));
            // TIME-WAIT gives the same number to each SYN that reopens it (MAY-2): the peer's tells them apart.
            let answers = |syn: &PeerSyn| seg.has(ACK) && syn.seq.wrapping_add(1) == seg.ack;
            let other = self.syn.filter(answers).is_some_and(|syn| core.irs.is_some_and(|irs| irs != syn.seq));
            core.iss != seg.seq || back || other
        })
    }

    /// Another incarnation. `reopens`: the one before it may be in TIME-WAIT.
    pub fn begin(&mut self, seg: &Seg<'_>, now: u64, reopens: bool) {
        // Until its SYN is acknowledged an incarnation leaves the one before it in TIME-WAIT.
        let only_syn = self.core.is_some_and(|core| core.next == core.iss.wrapping_add(1));
        if !only_syn || self.old.is_none() {
            // One that a RST has ended does not return.
            self.old = self.core.filter(|_| reopens && !self.dead);
        }
        self.made_up = false;
        let next = seg.seq.wrapping_add(1);
        let syn = self.syn.filter(|syn| seg.has(ACK) && syn.seq.wrapping_add(1) == seg.ack);
        self.sent.clear();
        if let Some(syn) = syn {
            self.sent.add(syn.seq.wrapping_add(1), syn.end.wrapping_add(u32::from(syn.fin)));
        }
        self.core = Some(Core {
            iss: seg.seq,
            next,
            una: seg.seq,
            edge: next.wrapping_add(syn.map_or(0, |syn| syn.window)),
            irs: seg.has(ACK).then(|| seg.ack.wrapping_sub(1)),
            ..Core::default()
        });
        (self.dead, self.repeat, self.owed, self.time_wait, self.syn_acks) = (false, None, None, None, 0);
        (self.duplicates, self.first_flight, self.peer_stamps, self.again) = (0, Some((0, 0)), None, None);
        self.last_iss = Some((seg.seq, now));
    }

    /// A SYN cookie has come back and made a connection. Its numbers are those of the ACK: of a cookie that was guessed (it bears the segment size
    /// and the peer's number in the clear), or of one that came back before, they are not those of the last SYN,ACK. So are its options, which stand
    /// in the timestamp that is echoed: without it there are none but the segment size; with another than that of the last SYN,ACK the peer has made
    /// them up, and nothing is asked of what the connection sends.
    pub fn cookie(&mut self, back: &Acknowledges) {
        (self.old, self.dead) = (None, false);
        let Some(SynAck { mut core, syn, stamp }) = self.syn_ack else { return };
        self.made_up = back.echo.is_some() && back.echo != stamp;
        if self.made_up {
            self.core = None;
            return;
        }
        let irs = back.seq.wrapping_sub(1);
        if core.iss.wrapping_add(1) != back.ack || core.irs != Some(irs) {
            // So is the segment size of a cookie that was guessed.
            core.mss = Some(u16::MAX);
        }
        let mut syn = PeerSyn { seq: irs, end: back.seq, fin: false, ..syn };
        syn.mss = core.mss;
        if back.echo.is_none() {
            core = Core { mss: core.mss, ..Core::default() };
            (syn.shift, syn.stamps, syn.sack) = (None, false, false);
        }
        let shift = core.scaling.0.filter(|_| core.scaling.1).unwrap_or(0).min(14);
        self.syn = Some(syn);
        self.sent.clear();
        self.sent.add(back.seq, back.end);
        self.core = Some(Core {
            iss: back.ack.wrapping_sub(1),
            next: back.ack,
            una: back.ack,
            edge: back.ack.wrapping_add(u32::from(back.window) << shift),
            irs: Some(irs),
            host_shift: core.host_shift,
            scaling: core.scaling,
            stamps: core.stamps,
            sack: core.sack,
            mss: core.mss,
            ..Core::default()
        });
        (self.repeat, self.owed, self.time_wait, self.syn_acks) = (None, None, None, 0);
        (self.duplicates, self.first_flight, self.again) = (0, Some((0, 0)), None);
    }

    /// What the host and the peer agree on, as the SYNs that were seen have it.
    pub fn agree(&mut self, seg: &Seg<'_>) {
        let Some(core) = &mut self.core else { return };
        let options = &seg.options;
        core.scaling.1 = options.shift.is_some();
        core.stamps.1 = options.stamps.is_some();
        core.sack.1 = options.sack_permitted;
        core.host_shift = options.shift.unwrap_or(0);
    }

    /// Takes over what the peer's SYN says, once it is clear that the host has taken it.
    pub fn adopt_peer_syn(&mut self) {
        let (Some(core), Some(syn)) = (&mut self.core, self.syn) else { return };
        core.scaling.0 = syn.shift;
        core.stamps.0 = syn.stamps;
        core.sack.0 = syn.sack;
        core.mss = syn.mss;
        core.irs = Some(syn.seq);
        self.sent.add(syn.seq.wrapping_add(1), syn.end.wrapping_add(u32::from(syn.fin)));
        if core.scaling.0.is_none() || !core.scaling.1 {
            core.host_shift = 0;
        }
    }

    /// The peer offers `window` octets from `ack` on.
    pub fn offered(&mut self, ack: Option<u32>, window: u32) {
        let Some(core) = &mut self.core else { return };
        let ack = ack.unwrap_or(core.iss.wrapping_add(1));
        let edge = ack.wrapping_add(window);
        if ack.wrapping_sub(core.iss) <= core.next.wrapping_sub(core.iss) && before(core.edge, edge) {
            core.edge = edge;
        }
    }

    /// Notes the numbers of an undamaged segment that reaches the host.
    pub fn peer_sends(&mut self, seg: &Seg<'_>) {
        let Some(irs) = self.core.and_then(|core| core.irs) else { return };
        let (from, to) = (seg.text(), seg.text_end().wrapping_add(u32::from(seg.has(FIN))));
        // What reaches below IRS, or so far beyond that no window has it, is not taken.
        let from = if before(from, irs) { irs } else { from };
        if to.wrapping_sub(irs) < 1 << 30 && from.wrapping_sub(irs) < 1 << 30 {
            self.sent.add(from, to);
        }
    }

    /// Whether a segment is the ACK that ended the old incarnation, once more. `waits`: that one is in TIME-WAIT. Without that only the segments tell, of which
    /// a challenge ACK looks like that of an open connection. Where both incarnations have come to the same number, what acknowledges the new SYN is the new one's.
    pub fn returns(&self, seg: &Seg<'_>, waits: bool) -> bool {
        let (Some(core), Some(old)) = (&self.core, &self.old) else { return false };
        let of_both = seg.seq == core.next && core.irs.is_some_and(|irs| before(irs, seg.ack));
        !of_both
            && !seg.has(SYN)
            && !seg.has(FIN)
            && core.next == core.iss.wrapping_add(1)
            && (waits || !core.synchronized)
            && seg.seq == old.next
            && old.acked.is_some_and(|acked| until(acked, seg.ack))
            && seg.payload.is_empty()
            && old.fin.is_some()
    }
}
