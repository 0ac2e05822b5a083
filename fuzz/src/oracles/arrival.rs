//! What a segment must lead to, by the checks of RFC 9293 3.10.7 in their order.
//!
//! This is the RFC's text once more, written without looking at the stack's, over the variables that it shows. What it does not say is
//! not asked ([`Expect::Unknown`]).

use super::judge::{Acknowledges, Choices, Judge, Out};
use crate::datagram::{ACK, FIN, RST, SYN, Seg, before, until};
use crate::program::Damage;
use halfopen_stack::{State, Vitals};

/// What has to come of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// Nothing is claimed.
    Unknown,
    /// Nothing changes and nothing is said.
    Ignored(u8),
    /// Nothing changes, and an ACK with the present numbers is sent; `true`: unless rationed.
    Acked(u8, bool),
    /// Nothing changes, and a RST with the segment's numbers is sent.
    Reset(u8),
    /// The connection ends; `true`: with a RST.
    Ends(u8, bool),
    /// The ACK field is acceptable: text, FIN and window count.
    Taken,
}

/// Notes what a segment brings, before the host has it.
pub(super) fn note(judge: &mut Judge, seg: &Seg<'_>, damage: Damage) {
    let Some(at) = judge.at.map(usize::from) else { return };
    if damage.is_fatal() {
        return;
    }
    let pre = judge.before;
    let pre = pre.as_ref();
    if seg.flags & (SYN | RST | ACK) == ACK {
        let echo = seg.options.stamps.map(|(_, echo)| echo);
        judge.acknowledges =
            Some(Acknowledges { seq: seg.seq, end: seg.end(), ack: seg.ack, window: seg.window, echo });
    }
    let heard = pre.is_none_or(|pre| heard(&judge.choices, pre, seg));
    // RACK goes by what has arrived of what was sent later (RFC 8985 5), and waits for less than a timeout.
    let times_losses = !judge.choices.plain;
    let line = &mut judge.lines[at];
    // A listener takes no SYN,ACK.
    let takes = !seg.has(ACK) || at >= 2;
    if seg.has(SYN) && !seg.has(RST) && !known_handshake(pre) && takes {
        line.syn_arrives(seg);
    }
    line.urged += u32::from(seg.has(0x20));
    if seg.options.sack_count > 0 {
        line.lied = true;
        line.repeat = line.repeat.filter(|_| !times_losses);
    }
    if let Some((val, ecr)) = seg.options.stamps {
        let greatest = line.peer_stamps.map_or(val, |(known, _)| if before(known, val) { val } else { known });
        line.peer_stamps = Some((greatest, ecr));
    }
    if !seg.has(RST) {
        line.peer_sends(seg);
    }
    if seg.has(ACK) && !seg.has(RST) {
        let window = scaled(pre, seg);
        let fresh = line.core.is_some_and(|core| until(core.una, seg.ack) && until(seg.ack, core.next)) && heard;
        line.offered(Some(seg.ack), window);
        if let Some(core) = &mut line.core
            && fresh
        {
            if core.una == seg.ack && seg.is_empty() {
                line.duplicates += 1;
            } else if core.una != seg.ack {
                line.duplicates = 0;
                line.repeat = line.repeat.filter(|_| !times_losses);
                // Text is acknowledged: the first flight is over.
                if before(core.iss.wrapping_add(1), seg.ack) {
                    line.first_flight = None;
                }
                core.una = seg.ack;
            }
            if pre.is_none_or(|pre| answers(pre, seg)) {
                (line.unanswered, line.silent_since) = (0, None);
            }
        }
    }
}

/// Whether the first check and that of timestamps (RFC 7323 5.3) let a segment through, to where its ACK counts.
fn heard(choices: &Choices, pre: &Vitals, seg: &Seg<'_>) -> bool {
    let stamped = match (seg.options.stamps, pre.ts_recent) {
        (Some((val, _)), Some(recent)) => !before(val, recent),
        (Some(_), None) => true,
        (None, _) => !choices.require_timestamps,
    };
    let cut_off = !choices.challenge_acks && before(seg.seq, pre.rcv_nxt.0);
    let challenged = seg.has(SYN) && !cut_off && pre.state != State::SynReceived;
    // The SYN,ACK of a simultaneous open is an ACK without its SYN (RFC 9293 A.2).
    let crossing = pre.state == State::SynReceived && seg.flags & (SYN | ACK) == SYN | ACK && seg.seq == pre.irs.0;
    pre.state == State::SynSent
        || !challenged
            && (stamped || !pre.timestamps)
            && (crossing || seg.seq == pre.rcv_nxt.0 || acceptable(pre.rcv_nxt.0, pre.rcv_wnd, seg))
}

/// Whether an ACK says that the peer is there: R2 (RFC 9293 3.8.3) goes by how long the same octets wait for theirs, a probe of a closed window waits
/// for any.
fn answers(pre: &Vitals, seg: &Seg<'_>) -> bool {
    let waits = pre.una != pre.nxt && pre.persist_at.is_none();
    !matches!(pre.state, State::SynSent | State::SynReceived) && (!waits || before(pre.una.0, seg.ack))
}

/// Whether a SYN can no longer be the one that the connection takes over.
fn known_handshake(pre: Option<&Vitals>) -> bool {
    pre.is_some_and(|pre| pre.state != State::SynSent && pre.state != State::Listen && pre.state != State::TimeWait)
}

fn scaled(pre: Option<&Vitals>, seg: &Seg<'_>) -> u32 {
    let shift = pre.map_or(0, |pre| pre.snd_shift);
    u32::from(seg.window) << if seg.has(SYN) { 0 } else { shift.min(14) }
}

/// Compares what has come of a segment with what had to.
pub(super) fn judge(
    judge: &mut Judge,
    at: usize,
    seg: &Seg<'_>,
    damage: Damage,
    pre: Option<&Vitals>,
    after: Option<&Vitals>,
) {
    if seg.has(RST) && judge.outs_of(at).any(|out| out.has(RST)) {
        judge.fail(51, format_args!("a RST draws a RST"));
    }
    if seg.has(RST)
        && !seg.payload.is_empty()
        && judge.outs_of(at).any(|out| {
            out.ack == seg.end() && out.has(ACK) && !out.has(RST) && pre.is_some_and(|pre| pre.rcv_nxt.0 != seg.end())
        })
    {
        judge.fail(54, format_args!("text of a RST is acknowledged"));
    }
    let expect = if damage.is_fatal() {
        let addressed = matches!(damage, Damage::Source(_) | Damage::Destination(_));
        Expect::Ignored(if addressed { 58 } else { 46 })
    } else {
        match pre {
            Some(pre) => expect(judge, at, pre, seg),
            None => without(judge, at, seg),
        }
    };
    outcome(judge, at, seg, expect, pre, after);
}

/// CLOSED and LISTEN (3.10.7.1, 3.10.7.2).
fn without(judge: &Judge, at: usize, seg: &Seg<'_>) -> Expect {
    if !judge.transparent {
        return Expect::Unknown;
    }
    let listens = judge.listening && seg.dst_port == 8080 && at < 2;
    match (listens, seg.has(RST), seg.has(ACK), seg.has(SYN)) {
        (false, true, ..) => Expect::Ignored(52),
        (false, false, ..) => Expect::Reset(52),
        (true, true, ..) => Expect::Ignored(60),
        (true, false, true, _) if judge.choices.cookies => Expect::Unknown,
        (true, false, true, _) => Expect::Reset(60),
        (true, false, false, true) => Expect::Unknown,
        (true, false, false, false) => Expect::Ignored(60),
    }
}

fn expect(judge: &Judge, at: usize, pre: &Vitals, seg: &Seg<'_>) -> Expect {
    if seg.options.fault.is_some() {
        return Expect::Unknown;
    }
    match pre.state {
        State::SynSent => syn_sent(pre, seg),
        State::Closed | State::Listen => Expect::Unknown,
        State::SynReceived
        | State::Established
        | State::FinWait1
        | State::FinWait2
        | State::CloseWait
        | State::Closing
        | State::LastAck
        | State::TimeWait => others(judge, at, pre, seg),
    }
}

/// 3.10.7.3.
fn syn_sent(pre: &Vitals, seg: &Seg<'_>) -> Expect {
    let acceptable = before(pre.una.0, seg.ack) && until(seg.ack, pre.nxt.0);
    match (seg.has(ACK), seg.has(RST), seg.has(SYN)) {
        (true, true, _) if !acceptable => Expect::Ignored(17),
        (true, false, _) if !acceptable => Expect::Reset(17),
        (true, true, _) => Expect::Ends(17, false),
        (false, true, _) => Expect::Ignored(17),
        (_, false, false) => Expect::Ignored(17),
        (_, false, true) => Expect::Unknown,
    }
}

/// 3.10.7.4.
fn others(judge: &Judge, at: usize, pre: &Vitals, seg: &Seg<'_>) -> Expect {
    let choices = &judge.choices;
    let syn_received = pre.state == State::SynReceived;
    if pre.state == State::TimeWait && seg.has(SYN) && !seg.has(RST) && !seg.has(ACK) {
        return Expect::Unknown;
    }
    // Exactly half the circle away a number is as much before as behind.
    let half = |a: u32, b: u32| a.wrapping_sub(b) == 1 << 31;
    if half(seg.ack, pre.nxt.0)
        || half(seg.ack, pre.una.0)
        || half(seg.ack, pre.una.0.wrapping_sub(pre.max_wnd))
        || half(seg.seq, pre.rcv_nxt.0)
    {
        return Expect::Unknown;
    }
    if choices.ack_before_numbers && pre.state != State::TimeWait && !seg.has(ACK | SYN | RST) {
        return Expect::Ignored(47);
    }
    // PAWS (RFC 7323 5.3), and segments that lack the option (3.2).
    if pre.timestamps && !seg.has(RST) {
        match (seg.options.stamps, pre.ts_recent) {
            (Some((val, _)), Some(recent)) if before(val, recent) => return Expect::Acked(88, choices.rationed),
            (None, _) if choices.require_timestamps => return Expect::Ignored(88),
            (Some(_) | None, _) => {}
        }
    }
    if syn_received && seg.has(SYN) && !seg.has(RST) && seg.seq == pre.irs.0 {
        return Expect::Unknown;
    }
    let (nxt, wnd) = (pre.rcv_nxt.0, pre.rcv_wnd);
    if !acceptable(nxt, wnd, seg) {
        let at_closed_window = wnd == 0 && seg.seq == nxt && !seg.has(SYN);
        // The allowance of a closed window is for RST, URG and valid ACKs (3.10.7.4, first check): without such text is just unacceptable.
        if !at_closed_window || !seg.has(RST | ACK) {
            return unacceptable(judge, pre, seg);
        }
        if !seg.has(RST) && seg.has(ACK) && !seg.has(SYN) && !syn_received {
            if may_be_too_old(judge, pre, seg) {
                return Expect::Unknown;
            }
            return if ack_is_fine(judge, pre, seg) { Expect::Taken } else { unacceptable(judge, pre, seg) };
        }
    }
    if seg.has(RST) {
        return reset(choices.challenge_acks, choices.rationed, pre, seg);
    }
    if seg.has(SYN) {
        match (syn_received, choices.challenge_acks) {
            (true, _) => return Expect::Unknown,
            (false, true) => return Expect::Acked(59, choices.rationed),
            (false, false) if !before(seg.seq, nxt) => return Expect::Ends(59, true),
            // Below the window it is cut off.
            (false, false) => {}
        }
    }
    if !seg.has(ACK) {
        return Expect::Ignored(47);
    }
    if syn_received {
        let acceptable = before(pre.una.0, seg.ack) && until(seg.ack, pre.nxt.0);
        return if acceptable { Expect::Unknown } else { Expect::Reset(18) };
    }
    let _ = at;
    if may_be_too_old(judge, pre, seg) {
        return Expect::Unknown;
    }
    if ack_is_fine(judge, pre, seg) { Expect::Taken } else { bad_ack(judge, pre, seg) }
}

/// Table 6. A segment that begins before the window and ends behind it covers it.
fn acceptable(nxt: u32, wnd: u32, seg: &Seg<'_>) -> bool {
    let len = seg.len();
    let inside = |number: u32| number.wrapping_sub(nxt) < wnd;
    if len == 0 {
        return if wnd == 0 { seg.seq == nxt } else { inside(seg.seq) };
    }
    let last = seg.end().wrapping_sub(1);
    let covers = nxt.wrapping_sub(seg.seq) < len && until(nxt.wrapping_add(wnd), last);
    wnd > 0 && (inside(seg.seq) || inside(last) || covers)
}

fn unacceptable(judge: &Judge, pre: &Vitals, seg: &Seg<'_>) -> Expect {
    let choices = &judge.choices;
    if seg.has(RST) {
        return Expect::Ignored(53);
    }
    if choices.ack_before_numbers && pre.state == State::SynReceived && seg.has(ACK) {
        return Expect::Unknown;
    }
    if pre.state == State::TimeWait && seg.has(FIN) && seg.end() == pre.rcv_nxt.0 {
        return Expect::Acked(68, false);
    }
    if seg.has(SYN) && seg.has(ACK) && seg.seq == pre.irs.0 {
        // The SYN,ACK of the handshake again: what ECN makes of it is not judged here.
        return Expect::Unknown;
    }
    if seg.has(SYN) && choices.challenge_acks && pre.state != State::SynReceived {
        return Expect::Acked(59, choices.rationed);
    }
    // What limits challenges must not limit the answer to text (the peer may have no ACK of it).
    let text = !seg.payload.is_empty() && !seg.has(SYN);
    Expect::Acked(if text && choices.rationed { 64 } else { 19 }, choices.rationed && !text)
}

fn reset(challenge: bool, rationed: bool, pre: &Vitals, seg: &Seg<'_>) -> Expect {
    let inside = seg.seq.wrapping_sub(pre.rcv_nxt.0) < pre.rcv_wnd;
    let oracle = if pre.state == State::SynReceived { 62 } else { 53 };
    match (seg.seq == pre.rcv_nxt.0, inside, challenge) {
        (true, ..) | (false, true, false) => Expect::Ends(oracle, false),
        (false, true, true) => Expect::Acked(53, rationed),
        (false, false, _) => Expect::Ignored(53),
    }
}

fn too_old(judge: &Judge, pre: &Vitals, seg: &Seg<'_>) -> bool {
    judge.choices.ack_range_check && before(seg.ack, pre.una.0.wrapping_sub(pre.max_wnd))
}

/// Below SND.UNA, and perhaps below all that was ever acknowledged, which counts for some.
fn may_be_too_old(judge: &Judge, pre: &Vitals, seg: &Seg<'_>) -> bool {
    judge.choices.ack_range_of_acknowledged && before(seg.ack, pre.una.0) && !too_old(judge, pre, seg)
}

fn ack_is_fine(judge: &Judge, pre: &Vitals, seg: &Seg<'_>) -> bool {
    until(seg.ack, pre.nxt.0) && !too_old(judge, pre, seg)
}

fn bad_ack(judge: &Judge, pre: &Vitals, seg: &Seg<'_>) -> Expect {
    let choices = &judge.choices;
    if until(seg.ack, pre.nxt.0) {
        return Expect::Acked(15, choices.rationed);
    }
    if pre.state == State::Established && !choices.answer_future_acks {
        return Expect::Ignored(14);
    }
    Expect::Acked(14, choices.rationed && choices.ack_range_check)
}

/// Whether a connection is as it was, as far as a segment that is dropped may not change it.
fn same(pre: &Vitals, after: &Vitals) -> bool {
    let pick = |vitals: &Vitals| {
        (
            vitals.state,
            vitals.iss,
            vitals.una,
            vitals.wnd,
            vitals.irs,
            vitals.rcv_nxt,
            vitals.rcv_fin,
            vitals.error,
            vitals.unread,
            vitals.held,
        )
    };
    pick(pre) == pick(after)
}

fn outcome(judge: &mut Judge, at: usize, seg: &Seg<'_>, expect: Expect, pre: Option<&Vitals>, after: Option<&Vitals>) {
    let unchanged = match (pre, after) {
        (Some(pre), Some(after)) => same(pre, after),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    let changed = |judge: &mut Judge, oracle: u8| {
        let text = |vitals: Option<&Vitals>| vitals.map_or("no connection", |vitals| vitals.state.name());
        judge.fail(
            oracle,
            format_args!("the segment has to change nothing, yet it was {} and is {}", text(pre), text(after)),
        );
    };
    let count = judge.answers(at).count();
    judge.due = match (expect, pre) {
        (Expect::Acked(..), Some(pre)) => Some((ACK, pre.nxt.0, pre.rcv_nxt.0)),
        (Expect::Taken, Some(_)) => after.map(|after| (ACK, after.nxt.0, after.rcv_nxt.0)),
        (Expect::Reset(_), _) if seg.has(ACK) => Some((RST, seg.ack, 0)),
        (Expect::Reset(_), _) => Some((RST | ACK, 0, seg.end())),
        (Expect::Acked(..) | Expect::Taken, None) | (Expect::Unknown | Expect::Ignored(_) | Expect::Ends(..), _) => {
            None
        }
    };
    match expect {
        Expect::Unknown => unknown(judge, at, seg, pre, after),
        Expect::Ignored(oracle) => {
            if !unchanged {
                changed(judge, oracle);
            } else if count > 0 {
                judge.fail(oracle, format_args!("{count} segments in answer to what has to be passed over"));
            }
        }
        Expect::Acked(oracle, rationed) => {
            if !unchanged {
                return changed(judge, oracle);
            }
            let Some(pre) = pre else { return };
            match judge.only_answer(at) {
                None if count == 0 && (rationed || rides(judge, at, pre)) => {}
                None => judge.fail(oracle, format_args!("{count} segments, one ACK is due")),
                Some(out) => is_ack(judge, oracle, &out, pre),
            }
        }
        Expect::Reset(oracle) => {
            if !unchanged {
                return changed(judge, oracle);
            }
            reset_is_right(judge, at, oracle, seg);
        }
        Expect::Ends(oracle, with_reset) => {
            if after.is_some_and(|after| {
                after.state != State::TimeWait || pre.is_some_and(|pre| pre.state != State::SynReceived)
            }) {
                judge.fail(
                    oracle,
                    format_args!(
                        "the connection has to end, and is in {}",
                        after.map_or("?", |after| after.state.name())
                    ),
                );
            } else if count > usize::from(with_reset) {
                judge.fail(oracle, format_args!("{count} segments at its end"));
            }
            judge.lines[at].dead = pre.is_none_or(|pre| pre.state != State::SynReceived && pre.state != State::SynSent);
        }
        Expect::Taken => taken(judge, at, seg, pre, after),
    }
}

/// What may be anything, but not everything: handshakes.
fn unknown(judge: &mut Judge, at: usize, seg: &Seg<'_>, pre: Option<&Vitals>, after: Option<&Vitals>) {
    let plain = seg.has(SYN) && !seg.has(ACK) && !seg.has(RST);
    if let (Some(pre), Some(after)) = (pre, after)
        && pre.state == State::SynSent
        && plain
        && seg.options.fault.is_none()
    {
        let answers = judge.outs_of(at).any(|out| out.has(SYN) && out.has(ACK) && out.seq == pre.iss.0);
        if after.state != State::SynReceived || !answers {
            judge.fail(61, format_args!("a crossing SYN leads to {}", after.state.name()));
        }
    }
    if pre.is_none()
        && plain
        && let Some(after) = after
    {
        let right = after.state == State::SynReceived && after.rcv_nxt.0 == seg.seq.wrapping_add(1);
        if !right {
            judge.fail(60, format_args!("a SYN leads to {} and RCV.NXT {}", after.state.name(), after.rcv_nxt));
        }
    }
    if let (Some(pre), Some(after)) = (pre, after)
        && pre.state == State::TimeWait
        && plain
        && after.state == State::SynReceived
    {
        let newer = match (seg.options.stamps, pre.ts_recent) {
            (Some((val, _)), Some(recent)) => before(recent, val),
            (Some(_), None) => true,
            (None, _) => false,
        };
        if !newer && before(seg.seq, pre.rcv_nxt.0) && seg.seq.wrapping_sub(pre.rcv_nxt.0) != 1 << 31 {
            judge.fail(69, format_args!("a SYN at {} reopens, RCV.NXT was {}", seg.seq, pre.rcv_nxt));
        } else if !before(pre.nxt.0, after.iss.0) {
            judge.fail(69, format_args!("ISS {} after SND.NXT {}", after.iss, pre.nxt));
        }
    }
}

/// Whether the ACK has gone along with text that waited for an occasion (`MSG_MORE`).
fn rides(judge: &Judge, at: usize, pre: &Vitals) -> bool {
    judge.outs_of(at).any(|out| out.new > 0 && !out.stray && out.has(ACK) && out.ack == pre.rcv_nxt.0)
}

/// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`.
fn is_ack(judge: &mut Judge, oracle: u8, out: &Out, pre: &Vitals) {
    let right = out.flags & (SYN | FIN | RST | ACK) == ACK && out.ack == pre.rcv_nxt.0 && out.text == 0;
    let numbered =
        out.seq == pre.nxt.0 || pre.unacknowledged > 0 && until(pre.una.0, out.seq) && until(out.seq, pre.nxt.0);
    if !right || !numbered {
        let (seq, ack) =
            (out.seq.wrapping_sub(pre.nxt.0).cast_signed(), out.ack.wrapping_sub(pre.rcv_nxt.0).cast_signed());
        judge.fail(
            oracle,
            format_args!(
                "control bits {:#04x} seq SND.NXT{seq:+} ack RCV.NXT{ack:+} text {}, an ACK is due",
                out.flags, out.text
            ),
        );
    }
}

/// 3.10.7.1: the numbers of a RST that belongs to no connection.
fn reset_is_right(judge: &mut Judge, at: usize, oracle: u8, seg: &Seg<'_>) {
    let Some(out) = judge.only_answer(at) else {
        let count = judge.outs_of(at).count();
        return judge.fail(oracle, format_args!("{count} segments, one RST is due"));
    };
    let (flags, seq, ack) = if seg.has(ACK) { (RST, seg.ack, 0) } else { (RST | ACK, 0, seg.end()) };
    if out.flags != flags || out.seq != seq || out.ack != ack {
        judge.fail(
            oracle,
            format_args!(
                "control bits {:#04x} seq {} ack {}, due are {flags:#04x} {seq} {ack}",
                out.flags, out.seq, out.ack
            ),
        );
    }
}

/// The fifth check and those behind it.
fn taken(judge: &mut Judge, at: usize, seg: &Seg<'_>, pre: Option<&Vitals>, after: Option<&Vitals>) {
    let Some(pre) = pre else { return };
    let takes_text = matches!(pre.state, State::Established | State::FinWait1 | State::FinWait2);
    let edge = pre.rcv_nxt.0.wrapping_add(pre.rcv_wnd);
    let start = if before(seg.seq, pre.rcv_nxt.0) { pre.rcv_nxt.0 } else { seg.seq };
    let end = if before(edge, seg.text_end()) { edge } else { seg.text_end() };
    let text = before(start, end);
    let fin_acked = pre.fin_sent.is_some() && seg.ack == pre.nxt.0;
    let Some(after) = after else {
        let last_ack = pre.state == State::LastAck && fin_acked;
        // `TCP_LINGER2` below zero: there is no FIN-WAIT-2.
        let no_fin_wait_2 = pre.state == State::FinWait1 && fin_acked && pre.user_closed && judge.lines[at].tuned;
        let unread = pre.user_closed && text && takes_text;
        if !last_ack && !no_fin_wait_2 && !unread {
            let shrinks = before(seg.ack.wrapping_add(scaled(Some(pre), seg)), pre.una.0.wrapping_add(pre.wnd));
            judge.fail(if shrinks { 24 } else { 66 }, format_args!("the connection is gone"));
        }
        if unread && !judge.outs_of(at).any(|out| out.has(RST)) {
            judge.fail(56, format_args!("text that nobody will read draws no RST"));
        }
        return;
    };
    if pre.state == State::TimeWait {
        return;
    }
    acknowledged(judge, seg, pre, after);
    if !takes_text {
        if after.rcv_nxt != pre.rcv_nxt {
            judge.fail(41, format_args!("RCV.NXT moves behind the FIN"));
        }
        return;
    }
    if pre.user_closed && text {
        return judge.fail(56, format_args!("text that nobody will read does not end the connection"));
    }
    let acks = judge.outs_of(at).any(|out| out.has(ACK) && out.ack == after.rcv_nxt.0);
    let in_order = start == pre.rcv_nxt.0;
    if text && in_order && before(after.rcv_nxt.0, end) {
        let oracle = if matches!(pre.state, State::FinWait1 | State::FinWait2) { 67 } else { 104 };
        judge.fail(oracle, format_args!("RCV.NXT {} and text up to {end} in order", after.rcv_nxt));
    }
    if text && !in_order && !acks {
        judge.fail(37, format_args!("text ahead of RCV.NXT is not acknowledged at once"));
    }
    if text && in_order && pre.held > 0 && !acks {
        judge.fail(37, format_args!("text that fills a gap is not acknowledged at once"));
    }
    if pre.rcv_wnd == 0 && !seg.payload.is_empty() && seg.seq == pre.rcv_nxt.0 && !acks {
        judge.fail(27, format_args!("text at a closed window is not acknowledged"));
    }
    let fin = seg.text_end();
    // Text that is held may lie where the FIN is: a peer that says both has contradicted itself.
    if seg.has(FIN)
        && pre.held == 0
        && until(seg.seq, pre.rcv_nxt.0)
        && until(pre.rcv_nxt.0, fin)
        && before(fin, edge)
        && !(after.rcv_fin && acks)
    {
        judge.fail(42, format_args!("a FIN in order is not taken or not acknowledged"));
    }
    // Of what a connection sends whose options the peer made up nothing is known.
    if after.rcv_nxt != pre.rcv_nxt && !acks && !judge.lines[at].made_up {
        judge.lines[at].owed.get_or_insert(judge.now);
    }
}

/// SND.UNA and SND.WND.
fn acknowledged(judge: &mut Judge, seg: &Seg<'_>, pre: &Vitals, after: &Vitals) {
    let new = before(pre.una.0, seg.ack);
    if new && after.una.0 != seg.ack {
        judge.fail(2, format_args!("SEG.ACK {} leaves SND.UNA at {}", seg.ack, after.una));
    }
    if !new && after.una != pre.una {
        judge.fail(2, format_args!("SND.UNA goes from {} to {} by SEG.ACK {}", pre.una, after.una, seg.ack));
    }
    let counts = until(pre.una.0, seg.ack);
    let newest = before(pre.wl1.0, seg.seq) || pre.wl1.0 == seg.seq && until(pre.wl2.0, seg.ack);
    let window = scaled(Some(pre), seg);
    // What the trimmed segment begins with counts too: SEG.SEQ is then RCV.NXT.
    let trimmed = before(seg.seq, pre.rcv_nxt.0) && until(pre.wl1.0, pre.rcv_nxt.0);
    if after.state == State::TimeWait {
        return;
    }
    if counts && newest && after.wnd != window {
        judge.fail(32, format_args!("a window of {window} octets, SND.WND is {}", after.wnd));
    }
    let moved = pre.una.0.wrapping_add(pre.wnd) == after.una.0.wrapping_add(after.wnd)
        || after.wnd == pre.wnd
        || after.wnd == 0;
    if (!counts || !newest && !trimmed) && !moved {
        judge.fail(16, format_args!("SND.WND goes from {} to {} by a segment that is not newer", pre.wnd, after.wnd));
    }
}
