//! What every segment of the host must hold, alone and after those before it.

use super::judge::{Cause, Judge, Out};
use super::line::{Core, Repeat, SynAck};
use crate::datagram::{ACK, FIN, PSH, RST, SYN, Seg, URG, before, until};
use crate::pattern;
use halfopen_stack::State;

/// Half of the 32 bits of a timestamp, in microseconds.
const HALF_AROUND: u64 = (1 << 31) * 1000;

/// A segment leaves.
pub(super) fn segment(judge: &mut Judge, seg: &Seg<'_>) {
    let origin = line_of(seg.dst_port).map_or(0, |at| judge.origins[at]);
    let ack = if seg.has(ACK) { seg.ack.wrapping_sub(origin) } else { 0 };
    judge.mix(u64::from(seg.seq) << 32 | u64::from(ack));
    judge.mix(judge.now << 24 | u64::from(seg.flags) << 16 | u64::from(seg.window) ^ (seg.payload.len() as u64) << 48);
    form(judge, seg);
    let Some(at) = line_of(seg.dst_port) else {
        return judge.fail(4, format_args!("a segment to port {}, where nobody is", seg.dst_port));
    };
    let line = &mut judge.lines[at];
    if seg.has(SYN) && !seg.has(ACK) && line.host_port != Some(seg.src_port) {
        line.former.extend(line.host_port.replace(seg.src_port));
        // Another connection: nothing of the one before it is compared with it.
        (line.last_iss, line.core, line.vitals) = (None, None, None);
        judge.before = None;
    }
    let line = &judge.lines[at];
    let known = line.host_port == Some(seg.src_port);
    if !known && !seg.has(RST) && !line.former.contains(&seg.src_port) {
        return judge.fail(4, format_args!("a segment of a connection that nobody opened, from port {}", seg.src_port));
    }
    let out = Out {
        at: at as u8,
        flags: seg.flags,
        seq: seg.seq,
        ack: seg.ack,
        text: seg.payload.len() as u32,
        new: 0,
        window: 0,
        stray: !known,
    };
    if !known || seg.has(RST) {
        judge.outs.push(out);
        return;
    }
    follow(judge, at, seg, out);
}

/// The connection of a port of the peer.
pub(super) fn line_of(port: u16) -> Option<usize> {
    match port {
        40_000 | 40_001 => Some(usize::from(port - 40_000)),
        50_002 | 50_003 => Some(usize::from(port - 50_000)),
        _ => None,
    }
}

/// RFC 9293 3.1: what no segment may violate.
fn form(judge: &mut Judge, seg: &Seg<'_>) {
    let (syn, rst, ack) = (seg.has(SYN), seg.has(RST), seg.has(ACK));
    let options = &seg.options;
    if let Some(fault) = options.fault {
        judge.fail(85, format_args!("{fault}"));
    }
    if !(ack || syn || rst) || syn && (rst || seg.has(FIN)) {
        judge.fail(12, format_args!("control bits {:#04x}", seg.flags));
    }
    if !ack && seg.ack != 0 || !seg.has(URG) && seg.urgent != 0 || rst && !seg.payload.is_empty() {
        judge.fail(
            99,
            format_args!(
                "ack {} urgent {} text {} with control bits {:#04x}",
                seg.ack,
                seg.urgent,
                seg.payload.len(),
                seg.flags
            ),
        );
    }
    if !syn && (options.mss.is_some() || options.shift.is_some() || options.sack_permitted) {
        judge.fail(86, format_args!("an option of SYN in a segment without"));
    }
    if options.shift.is_some_and(|shift| shift > 14) {
        judge.fail(31, format_args!("a window scale of {:?}", options.shift));
    }
}

fn follow(judge: &mut Judge, at: usize, seg: &Seg<'_>, mut out: Out) {
    let now = judge.now;
    let waits = judge.before.is_some_and(|before| before.state == State::TimeWait);
    if seg.has(SYN) {
        syn(judge, at, seg, now);
    } else if judge.choices.cookies
        && judge.transparent
        && judge.before.is_none()
        && let Some(back) = judge.acknowledges.take()
    {
        // Where nothing was an ACK has made a connection.
        judge.lines[at].cookie(&back);
    } else if judge.lines[at].returns(seg, waits) {
        judge.lines[at].core = judge.lines[at].old.take();
        judge.lines[at].sent.vague = true;
    }
    if judge.lines[at].dead && !seg.has(SYN) {
        judge.fail(55, format_args!("a segment with control bits {:#04x} behind an accepted RST", seg.flags));
    }
    let line = &mut judge.lines[at];
    let Some(mut core) = line.core else {
        // A SYN cookie that came back leaves no other trace: what follows is the connection's.
        out.stray = true;
        judge.outs.push(out);
        if !line.made_up {
            judge.fail(11, format_args!("a segment of a connection that never sent a SYN"));
        }
        return;
    };
    if !seg.has(SYN) && !core.synchronized {
        core.synchronized = true;
        line.core = Some(core);
        line.adopt_peer_syn();
        core = line.core.unwrap_or(core);
    }
    out.window = u32::from(seg.window) << if seg.has(SYN) { 0 } else { core.host_shift };
    out.new = sending(judge, at, seg, &mut core);
    receiving(judge, at, seg, &mut core, out.window);
    options(judge, at, seg, &mut core);
    timing(judge, at, seg, &out);
    judge.lines[at].core = Some(core);
    judge.outs.push(out);
}

fn syn(judge: &mut Judge, at: usize, seg: &Seg<'_>, now: u64) {
    let line = &mut judge.lines[at];
    // A cookie is the same for the same SYN; where no connection is another may come of it.
    let cookie = judge.choices.cookies && judge.transparent && judge.before.is_none() && seg.has(ACK);
    if cookie && judge.cause == Cause::Segment || line.begins(seg) {
        let last = line.last_iss;
        let handshake = |state| matches!(state, State::SynSent | State::SynReceived);
        let same = judge.before.is_some_and(|before| handshake(before.state) && before.iss.0 != seg.seq)
            && judge.cause == Cause::Timer;
        let reopens = judge.before.is_some_and(|before| before.state == State::TimeWait);
        line.begin(seg, now, reopens || !judge.transparent);
        judge.begun += 1;
        if same {
            judge.fail(11, format_args!("another SYN in the same handshake, at {}", seg.seq));
        }
        // A SYN cookie follows no clock.
        if let Some((iss, then)) = last
            && now.saturating_sub(then) < 3_600_000_000
            && now > then
            && !before(iss, seg.seq)
            && !(seg.has(ACK) && judge.choices.cookies)
        {
            judge.fail(102, format_args!("ISS {} after {iss}, {} us later", seg.seq, now - then));
        }
        // A SYN that reopens TIME-WAIT is given a number above all that was used (MAY-2), ahead of the clock.
        if judge.before.is_some_and(|before| before.state == State::TimeWait) {
            judge.lines[at].last_iss = None;
        }
    }
    let line = &mut judge.lines[at];
    line.agree(seg);
    if seg.has(ACK) {
        line.syn_acks += 1;
        if let Some(syn) = line.syn.filter(|syn| syn.seq.wrapping_add(1) == seg.ack) {
            line.adopt_peer_syn();
            line.offered(None, syn.window);
            let stamp = seg.options.stamps.map(|(val, _)| val);
            line.syn_ack = line.core.map(|core| SynAck { core, syn, stamp });
            let unasked = seg.options.shift.is_some() && syn.shift.is_none();
            let stamps = seg.options.stamps.is_some() && !syn.stamps;
            let sack = seg.options.sack_permitted && !syn.sack;
            if unasked {
                judge.fail(31, format_args!("a window scale in answer to a SYN without"));
            }
            if stamps || sack {
                judge.fail(86, format_args!("timestamps or SACK permitted in answer to a SYN without"));
            }
        }
    }
}

/// SEG.SEQ, text and FIN. How many numbers are new.
fn sending(judge: &mut Judge, at: usize, seg: &Seg<'_>, core: &mut Core) -> u32 {
    let (start, end) = (seg.text(), seg.text_end());
    let stream = core.iss.wrapping_add(1);
    if before(core.next, start) {
        judge.fail(
            6,
            format_args!("a hole before {}, {} was next", start.wrapping_sub(stream), core.next.wrapping_sub(stream)),
        );
    }
    if !seg.payload.is_empty() {
        text(judge, seg, core, start, end);
    }
    if let Some(fin) = core.fin
        && !seg.payload.is_empty()
        && before(fin, end)
    {
        judge.fail(
            10,
            format_args!("text up to {} behind the FIN at {}", end.wrapping_sub(stream), fin.wrapping_sub(stream)),
        );
    }
    if seg.has(FIN) {
        if core.fin.is_some_and(|fin| fin != end) {
            judge.fail(10, format_args!("a FIN at {:?} and at {end}", core.fin));
        }
        if end != stream.wrapping_add(core.written) {
            judge.fail(13, format_args!("a FIN at {}, {} octets were written", end.wrapping_sub(stream), core.written));
        }
        core.fin = Some(end);
    }
    let last = end.wrapping_add(u32::from(seg.has(FIN)));
    let new = if before(core.next, last) { last.wrapping_sub(core.next) } else { 0 };
    if new > 0 {
        core.next = last;
    } else if before(start, last) {
        let again = &mut judge.lines[at].again;
        *again = match *again {
            Some((from, to)) if until(from, start) && until(start, to) => {
                Some((from, if before(to, last) { last } else { to }))
            }
            _ => Some((start, last)),
        };
    }
    if new > 0 && !seg.payload.is_empty() {
        flight(judge, at, seg, core, new);
    }
    new
}

fn text(judge: &mut Judge, seg: &Seg<'_>, core: &Core, start: u32, end: u32) {
    let offset = start.wrapping_sub(core.iss.wrapping_add(1));
    let octets = seg.payload.len();
    let until_offset = u64::from(offset) + octets as u64;
    if until_offset > u64::from(core.written) {
        judge.fail(7, format_args!("octets {offset}:{until_offset}, {} were written", core.written));
    } else if seg.payload != pattern::written(offset, octets) {
        let oracle = if before(start, core.next) { 8 } else { 9 };
        judge.fail(oracle, format_args!("octets {offset}:{until_offset} are others"));
    }
    // One octet is a probe (RFC 9293 3.8.6.1).
    if before(core.edge.wrapping_add(1), end) || before(core.edge, end) && octets > 1 {
        let over = end.wrapping_sub(core.edge);
        judge.fail(21, format_args!("{octets} octets of text reach {over} beyond the furthest window"));
    }
    // RFC 9293 3.7.1: options count. A peer that names no size takes the default; below 48 octets there is a floor.
    let default = if seg.v6 { 1220 } else { 536 };
    let most = usize::from(core.mss.unwrap_or(default)).max(48 + 12);
    // A cookie has room for one of four sizes, of which the default is the least.
    let most = if judge.choices.cookies { most.max(default.into()) } else { most };
    if octets + usize::from(seg.options.octets) > most {
        judge.fail(
            89,
            format_args!("{octets} octets of text and {} of options, {most} are allowed", seg.options.octets),
        );
    }
    if seg.has(SYN) && judge.choices.plain {
        judge.fail(7, format_args!("text on a SYN"));
    }
}

/// Octets that may go before the first ACK of text, in segments of `smss` (RFC 5681 3.1; RFC 6928 2 in profiles that are not plain).
pub(super) fn initial_window(smss: u32, plain: bool) -> u32 {
    let segments = match smss {
        _ if !plain => 10,
        2191.. => 2,
        1096.. => 3,
        _ => 4,
    };
    segments * smss.max(1)
}

/// The first flight (O33), and small segments (O29, O91).
fn flight(judge: &mut Judge, at: usize, seg: &Seg<'_>, core: &Core, new: u32) {
    let Some(before) = judge.before.or(judge.lines[at].vitals) else { return };
    let (plain, timer) = (judge.choices.plain, judge.cause == Cause::Timer);
    let smss = before.smss;
    if let Some((flight, window)) = &mut judge.lines[at].first_flight {
        *flight += new;
        if before.state != State::SynSent {
            *window = initial_window(smss, plain).max(*window);
        }
        // Limited transmit of duplicate ACKs may add two.
        let (octets, most) = (*flight, *window);
        // So may SACK blocks, on an ACK of any number: what they report leaves the network (RFC 6675 4).
        let quiet = judge.lines[at].duplicates == 0
            && !judge.lines[at].lied
            && !judge.lines[at].icmp
            // `TCP_MAXSEG` may let text go in segments of the size that it has just given.
            && judge.kind != "option"
            && before.state != State::SynReceived
            && before.state != State::SynSent;
        if new > 0 && octets > most + 2 && quiet && !timer {
            judge.fail(33, format_args!("a first flight of {octets} octets, {most} is the initial window"));
        }
    }
    let small = new < smss && seg.payload.len() as u32 == new;

    let more = u64::from(core.next.wrapping_sub(core.iss).wrapping_sub(1)) < u64::from(core.written);
    if small
        && more
        && !timer
        && before.wnd >= 2 * smss
        && until(core.next.wrapping_add(smss), core.edge)
        && until(core.next.wrapping_add(smss), before.una.0.wrapping_add(before.wnd))
        && new < 24
        && !seg.has(PSH)
        && !seg.has(URG)
        && !before.urgent
        && before.is_open
    {
        judge.fail(91, format_args!("{new} octets of text, {smss} would fit, and more waits"));
    }
}

/// SEG.ACK and the window.
fn receiving(judge: &mut Judge, at: usize, seg: &Seg<'_>, core: &mut Core, window: u32) {
    if !seg.has(ACK) {
        return;
    }
    let line = &mut judge.lines[at];
    let ack = seg.ack;
    if let Some(known) = core.acked
        && before(ack, known)
    {
        return judge.fail(3, format_args!("acknowledgments go back from {known} to {ack}"));
    }
    if let Some(irs) = core.irs
        && !line.sent.vague
    {
        let end = line.sent.contiguous(irs.wrapping_add(1));
        if before(end, ack) {
            let gap = line.sent.iter().iter().any(|(_, right)| *right == ack);
            return judge.fail(
                if gap { 42 } else { 4 },
                format_args!("{} octets are acknowledged that did not arrive", ack.wrapping_sub(end)),
            );
        }
    }
    let unit = 1_u32 << core.host_shift;
    let edge = ack.wrapping_add(window);
    if let Some(right) = core.right {
        // Told in units of the scale, it is rounded down; behind the true one there is room for a FIN.
        if before(right.wrapping_add(unit), ack) {
            return judge.fail(23, format_args!("{ack} is acknowledged, the window ended at {right}"));
        }
        if before(edge.wrapping_add(unit), right.wrapping_add(1))
            && core.acked.is_some()
            && core.synchronized
            && !seg.has(SYN)
        {
            return judge.fail(22, format_args!("the right edge moves left by {}", right.wrapping_sub(edge)));
        }
    }
    if core.right.is_none_or(|right| before(right, edge)) && (core.right.is_none() || !seg.has(SYN)) {
        core.right = Some(edge);
    }
    if core.acked != Some(ack) {
        line.owed = None;
    }
    core.acked = Some(ack);
}

/// Timestamps and SACK.
fn options(judge: &mut Judge, at: usize, seg: &Seg<'_>, core: &mut Core) {
    let agreed = core.stamps.0 && core.stamps.1;
    match seg.options.stamps {
        Some((val, ecr)) => {
            if !seg.has(SYN) && !agreed {
                judge.fail(86, format_args!("timestamps that were not agreed on"));
            }
            // After 24 days of silence a clock of milliseconds has gone half around (RFC 7323 5.5).
            let comparable = |then: u64| judge.now - then < HALF_AROUND;
            if core.stamp.is_some_and(|(last, then)| comparable(then) && before(val, last)) {
                judge.fail(87, format_args!("TSval goes back to {val}"));
            }
            core.stamp = Some((val, judge.now));
            let _ = ecr;
        }
        None if agreed && core.synchronized && !seg.has(SYN) => {
            judge.fail(86, format_args!("no timestamps, though they were agreed on"));
        }
        None => {}
    }
    if seg.options.sack_count > 0 {
        sack(judge, at, seg, core);
    }
}

fn sack(judge: &mut Judge, at: usize, seg: &Seg<'_>, core: &Core) {
    if !(core.sack.0 && core.sack.1) {
        judge.fail(86, format_args!("SACK that was not permitted"));
    }
    if !seg.has(ACK) || seg.has(SYN) {
        judge.fail(92, format_args!("SACK without ACK"));
    }
    let count = usize::from(seg.options.sack_count);
    for (index, (left, right)) in seg.options.sacks[..count].iter().copied().enumerate() {
        let above = before(seg.ack, left);
        let duplicate = index == 0;
        if !before(left, right) || !above && !duplicate {
            judge.fail(92, format_args!("block {index} from {left} to {right} with ack {}", seg.ack));
        }
        let sent = &judge.lines[at].sent;
        // What came twice may have begun before the connection did; near the other side of the circle "before" changes while the report waits.
        let far = right.wrapping_sub(seg.ack).wrapping_add(1 << 30) > 1 << 31;
        let acknowledged = duplicate && (until(right, seg.ack) || far);
        if !sent.vague && !acknowledged && !sent.cover(left, right) {
            judge.fail(92, format_args!("block {index} tells of what did not arrive: {left} to {right}"));
        }
    }
}

/// Retransmissions by timers: O75, O84, O63.
fn timing(judge: &mut Judge, at: usize, seg: &Seg<'_>, out: &Out) {
    let now = judge.now;
    let line = &mut judge.lines[at];
    line.unanswered += 1;
    line.silent_since.get_or_insert(now);
    if judge.cause != Cause::Timer {
        // A SYN,ACK in answer to a SYN has the timer begin anew, and so has what probed a closed window once that opens.
        let probed = judge.before.is_none_or(|before| before.persist_at.is_some());
        if out.new > 0 || seg.has(SYN) || probed {
            line.repeat = None;
        }
        return;
    }
    let repeats = out.new == 0 && !seg.is_empty();
    if !repeats {
        return;
    }
    let (plain, min, max) = (judge.choices.plain, judge.choices.rto_min, judge.choices.rto_max);
    let Some(last) = line.repeat.filter(|last| last.seq == seg.seq) else {
        line.repeat = Some(Repeat { seq: seg.seq, at: now, interval: None, times: 1 });
        return;
    };
    let interval = now - last.at;
    line.repeat = Some(Repeat { seq: seg.seq, at: now, interval: Some(interval), times: last.times + 1 });
    let tuned = line.tuned;
    if interval < 200_000.min(min) && interval > 0 && !tuned {
        judge.fail(84, format_args!("{} again after {interval} us", seg.seq));
    }
    if let Some(earlier) = last.interval
        && plain
        && !tuned
        && earlier >= min
        && interval < earlier.min(max).saturating_sub(1)
    {
        judge.fail(75, format_args!("a timeout of {interval} us after one of {earlier} us"));
    }
    if let Some(earlier) = last.interval
        && plain
        && !tuned
        && last.times >= 3
        && interval.saturating_mul(2) < earlier.saturating_mul(3).min(max)
    {
        judge.fail(75, format_args!("a timeout of {interval} us after one of {earlier} us is not doubled"));
    }
    if seg.has(SYN) && last.times > 24 && !tuned {
        judge.fail(63, format_args!("a SYN for the {}th time", last.times + 2));
    }
}
