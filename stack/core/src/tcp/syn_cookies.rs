//! SYN cookies (RFC 4987 3.6): a SYN,ACK after which nothing is kept, because its sequence number and its timestamp say what the
//! last ACK of the handshake has to bring back. The encodings are Linux's.
//!
//! The sequence number is `F(tuple) + SEG.SEQ + minutes * 2^24 + (G(tuple, minutes) + index) mod 2^24`, where the index is that of
//! a segment size in a table of four. The six low bits of the timestamp hold the shift count of the window, SACK and ECN; without
//! timestamps there are none of these. Absent: ECN on a cookie, which is refused.

use super::segment_arrives::take_syn;
use super::state::State;
use super::tcb::{Origin, Tcb, Tuple};
use crate::host::{Fx, Host};
use crate::rules;
use crate::seq::SeqNum;
use crate::socket;
use crate::tcp::ecn::Ecn;
use crate::tcp::ecn::handshake::Answer;
use crate::tcp::emit;
use crate::tcp::output;
use crate::tcp::retransmission_queue::Sent;
use crate::tcp::timestamps::Timestamps;
use crate::time::Instant;
use crate::wire::tcp::{self, Flags, Segment};
use core::time::Duration;

/// Segment sizes that a cookie can name, IPv4.
const SIZES_V4: [u16; 4] = [536, 1300, 1440, 1460];
/// As [`SIZES_V4`], IPv6.
const SIZES_V6: [u16; 4] = [1220, 1420, 1440, 8940];

/// Minutes for which a cookie is good.
const MOST_AGE: u32 = 2;
/// Cookies are believed for so long after the last one that was sent.
pub(crate) const VALID: Duration = Duration::from_secs(60 * MOST_AGE as u64);

const BITS: u32 = 24;
const MASK: u32 = (1 << BITS) - 1;

/// Low bits of a timestamp that say what was offered.
const TS_BITS: u32 = 6;
/// Of these: the shift count of the peer's window, all ones for none.
const TS_SHIFT: u32 = 0xf;
/// Of these: SACK.
const TS_SACK: u32 = 0x10;

fn minutes(now: Instant) -> u32 {
    (now.micros() / 60_000_000) as u32
}

fn sizes(tuple: &Tuple) -> [u16; 4] {
    if tuple.remote.is_ipv6() { SIZES_V6 } else { SIZES_V4 }
}

/// The pseudorandom functions: `label` 0 is F, 1 is G.
fn secret(host: &Host, label: u8, tuple: &Tuple, count: u32) -> u32 {
    let mixed = (u64::from(count) << 8) | u64::from(label);
    host.cookie_secret.hash_with(mixed, tuple.local, tuple.remote) as u32
}

fn sequence_number(host: &Host, tuple: &Tuple, irs: SeqNum, index: u32, now: Instant) -> SeqNum {
    let count = minutes(now);
    let low = secret(host, 1, tuple, count).wrapping_add(index) & MASK;
    SeqNum(secret(host, 0, tuple, 0).wrapping_add(irs.0).wrapping_add(count << BITS).wrapping_add(low))
}

/// The segment size that a cookie names, if it is one of ours and not too old.
fn decode(host: &Host, tuple: &Tuple, irs: SeqNum, iss: SeqNum, now: Instant) -> Option<u16> {
    let rest = iss.0.wrapping_sub(secret(host, 0, tuple, 0)).wrapping_sub(irs.0);
    let age = minutes(now).wrapping_sub(rest >> BITS) & (u32::MAX >> BITS);
    if age >= MOST_AGE {
        return None;
    }
    let index = rest.wrapping_sub(secret(host, 1, tuple, minutes(now).wrapping_sub(age))) & MASK;
    sizes(tuple).get(index as usize).copied()
}

/// Answers a SYN with a cookie. What the SYN brings besides, text too, is left to be sent again (RFC 4987 3.6).
pub(crate) fn answer(options: &socket::Shared, tuple: Tuple, seg: &Segment<'_>, fx: &mut Fx<'_>) {
    fx.cite(rules::COOKIE);
    fx.host.counters.syncookies_sent += 1;
    let mut seg = Segment { payload: &[], ..*seg };
    if seg.options.timestamps.is_none() || fx.config().tcp_timestamps == 0 {
        seg.options = tcp::Options { mss: seg.options.mss, ..tcp::Options::default() };
    }
    let offered = seg.options.mss.unwrap_or(sizes(&tuple)[0]);
    let index = sizes(&tuple).iter().rposition(|size| offered >= *size).unwrap_or(0);
    let iss = sequence_number(fx.host, &tuple, seg.seq, index as u32, fx.now);
    let mut tcb = half_open(options, tuple, iss, &seg, fx);
    if tcb.timestamps.enabled {
        let shift = if tcb.window_scaling { u32::from(tcb.snd.shift) } else { TS_SHIFT };
        let bits = shift | if tcb.sack { TS_SACK } else { 0 };
        let offset = tcb.timestamps.offset();
        let clock = tcb.timestamps.clock(fx.now).wrapping_sub(offset);
        let mut val = ((clock >> TS_BITS) << TS_BITS) | bits;
        if val > clock {
            // Never ahead of the clock.
            val = val.wrapping_sub(1 << TS_BITS);
        }
        let offset = offset.wrapping_add(val.wrapping_sub(clock));
        tcb.timestamps = Timestamps::kept(true, offset, tcb.timestamps.recent_and_when());
    }
    emit::syn(&mut tcb, fx);
}

/// The connection that an ACK to a listener brings back: in SYN-RECEIVED, as if its SYN had been kept.
pub(crate) fn check(options: &socket::Shared, tuple: Tuple, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Option<Tcb> {
    let (iss, irs) = (seg.ack.minus(1), seg.seq.minus(1));
    let Some(mss) = decode(fx.host, &tuple, irs, iss, fx.now) else {
        fx.host.counters.syncookies_failed += 1;
        return None;
    };
    fx.host.counters.syncookies_recv += 1;
    let mut offered = tcp::Options { mss: Some(mss), ..tcp::Options::default() };
    if let Some(option) = seg.options.timestamps {
        if fx.config().tcp_timestamps == 0 {
            return None;
        }
        let offset = Tcb::new(tuple, Origin::Passive, iss, options.clone(), fx).timestamps.offset();
        let bits = option.ecr.wrapping_sub(offset);
        offered.timestamps = Some(option);
        offered.sack_permitted = bits & TS_SACK != 0;
        offered.window_scale = (bits & TS_SHIFT != TS_SHIFT).then_some((bits & TS_SHIFT) as u8);
        let denied = offered.sack_permitted && !fx.config().tcp_sack
            || offered.window_scale.is_some() && !fx.config().tcp_window_scaling;
        if denied {
            return None;
        }
    }
    fx.cite(rules::COOKIE_RETURNS);
    let syn = Segment { seq: irs, flags: Flags::SYN, options: offered, payload: &[], ..*seg };
    let mut tcb = half_open(options, tuple, iss, &syn, fx);
    tcb.totals.segs_in = 0;
    // When it was sent, and how often, is not known: no round-trip sample.
    tcb.queue.push(Sent::syn(iss, fx.now));
    tcb.queue.repeated(iss, fx.now);
    output::after_event(&mut tcb, fx);
    Some(tcb)
}

/// The block in SYN-RECEIVED that a SYN makes.
fn half_open(options: &socket::Shared, tuple: Tuple, iss: SeqNum, syn: &Segment<'_>, fx: &mut Fx<'_>) -> Tcb {
    let mut tcb = Tcb::new(tuple, Origin::Passive, iss, options.clone(), fx);
    take_syn(&mut tcb, syn, fx);
    tcb.ecn = Ecn::Answered(Answer::of_syn(Flags::SYN, 0, fx));
    tcb.open_window(&fx.host.config);
    tcb.enter(State::SynReceived, fx);
    tcb.snd.nxt = iss.plus(1);
    tcb
}
