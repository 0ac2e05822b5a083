//! What the variables of a connection must hold after every step. Without a snapshot none of this is asked.

use super::judge::{Cause, Judge};
use crate::datagram::{ACK, FIN, RST, before, until};
use crate::machine::ending::LEAST_SEGMENT;
use halfopen_stack::{State, Vitals};

/// Compares the variables before and after a step.
pub(super) fn compare(judge: &mut Judge, at: usize, pre: Option<&Vitals>, after: Option<&Vitals>) {
    transition(judge, at, pre, after);
    ends(judge, at, pre, after);
    let Some(after) = after else {
        judge.lines[at].time_wait = None;
        return;
    };
    numbers(judge, at, after);
    timers(judge, after);
    if let Some(pre) = pre.filter(|pre| pre.iss == after.iss) {
        pair(judge, at, pre, after);
        work(judge, at, pre, after);
    }
}

/// Looks at one element of what a connection holds, in one step: each mechanism that has a look may have one.
const LOOKS: u32 = 16;

/// What is looked at must not grow faster than what is there, or a peer buys much work with few octets.
fn work(judge: &mut Judge, at: usize, pre: &Vitals, after: &Vitals) {
    let outs = judge.outs_of(at).count() as u32;
    let most = 32 + LOOKS * (pre.waiting + after.waiting + outs);
    // The small forms of a connection do not count.
    let steps = after.steps.saturating_sub(pre.steps);
    if steps > most {
        let there = format_args!("{} elements before and {} after it", pre.waiting, after.waiting).to_string();
        judge.fail(96, format_args!("{steps} looks in one step, {most} at the most: {there}, {outs} segments"));
    }
}

const fn bit(state: State) -> u16 {
    1 << state as u16
}

/// Where one event may lead (RFC 9293 Figure 5): a segment that acknowledges and ends takes two edges. `None` is CLOSED.
fn allowed(from: Option<State>) -> u16 {
    let closed = bit(State::Closed);
    match from {
        None | Some(State::Closed | State::Listen) => {
            bit(State::SynSent) | bit(State::SynReceived) | bit(State::Established) | bit(State::CloseWait) | closed
        }
        Some(State::SynSent) => {
            bit(State::SynSent) | bit(State::SynReceived) | bit(State::Established) | bit(State::CloseWait) | closed
        }
        Some(State::SynReceived) => {
            bit(State::SynReceived)
                | bit(State::Established)
                | bit(State::FinWait1)
                | bit(State::CloseWait)
                | bit(State::TimeWait)
                | closed
        }
        Some(State::Established) => bit(State::Established) | bit(State::FinWait1) | bit(State::CloseWait) | closed,
        Some(State::FinWait1) => {
            bit(State::FinWait1) | bit(State::FinWait2) | bit(State::Closing) | bit(State::TimeWait) | closed
        }
        Some(State::FinWait2) => bit(State::FinWait2) | bit(State::TimeWait) | closed,
        Some(State::CloseWait) => bit(State::CloseWait) | bit(State::LastAck) | closed,
        Some(State::Closing) => bit(State::Closing) | bit(State::TimeWait) | closed,
        Some(State::LastAck) => bit(State::LastAck) | closed,
        Some(State::TimeWait) => bit(State::TimeWait) | bit(State::SynReceived) | bit(State::SynSent) | closed,
    }
}

fn transition(judge: &mut Judge, at: usize, pre: Option<&Vitals>, after: Option<&Vitals>) {
    let (from, to) = (pre.map(|pre| pre.state), after.map_or(State::Closed, |after| after.state));
    if allowed(from) & bit(to) == 0 {
        judge.fail(65, format_args!("to {}", to.name()));
    }
    let left = |state| from == Some(state) && to != state && to != State::Closed;
    if left(State::FinWait1) && to != State::Closing || left(State::Closing) {
        let acknowledged =
            after.is_some_and(|after| after.fin_sent.is_some_and(|fin| after.una.0 == fin.0.wrapping_add(1)));
        if !acknowledged {
            judge.fail(66, format_args!("to {}, and the FIN is not acknowledged", to.name()));
        }
    }
    if to == State::TimeWait && from != Some(State::TimeWait) {
        // A SYN that reopened it and proved old leads back to what is left of its time.
        judge.lines[at].time_wait = (from != Some(State::SynReceived)).then_some(judge.now);
    }
}

/// O68, O77, O26: a connection that time ends.
fn ends(judge: &mut Judge, at: usize, pre: Option<&Vitals>, after: Option<&Vitals>) {
    let (Some(pre), None, Cause::Timer) = (pre, after, judge.cause) else { return };
    let (now, line) = (judge.now, &judge.lines[at]);
    if pre.state == State::TimeWait {
        if let Some(since) = line.time_wait
            && now - since < judge.choices.time_wait
        {
            judge.fail(68, format_args!("TIME-WAIT ends after {} us", now - since));
        }
        return;
    }
    if line.tuned || line.icmp || pre.user_closed || !judge.choices.plain {
        return;
    }
    let silent = line.silent_since.map_or(0, |since| now - since);
    let least = if matches!(pre.state, State::SynSent | State::SynReceived) { 180_000_000 } else { 100_000_000 };
    if silent < least {
        let answered = line.unanswered <= 1 && pre.wnd == 0;
        judge.fail(
            if answered { 26 } else { 77 },
            format_args!("given up in {} after {silent} us without an answer", pre.state.name()),
        );
    }
}

/// O1, O36, O50, O95, O5.
fn numbers(judge: &mut Judge, at: usize, after: &Vitals) {
    let sent = judge.lines[at].core.filter(|core| core.iss == after.iss.0);
    if !until(after.una.0, after.nxt.0) || after.nxt.0.wrapping_sub(after.una.0) >= 1 << 31 {
        judge.fail(1, format_args!("SND.UNA {} and SND.NXT {}", after.una, after.nxt));
    }
    if let Some(core) = sent
        && before(core.next, after.nxt.0)
    {
        judge.fail(1, format_args!("SND.NXT {}, and {} is the furthest number that was sent", after.nxt, core.next));
    }
    let synchronized = !matches!(after.state, State::SynSent | State::SynReceived | State::TimeWait);
    if !synchronized {
        return;
    }
    // What the path takes may have grown since: from the least that the host cuts text into, less options.
    let icmp = judge.lines[at].icmp;
    let least = after.smss.min(LEAST_SEGMENT);
    if !icmp && (after.cwnd < least || after.ssthresh < 2 * least) {
        judge.fail(36, format_args!("cwnd {} ssthresh {} of segments of {}", after.cwnd, after.ssthresh, after.smss));
    }
    if after.held > after.buffer.max(after.rcv_wnd) {
        judge.fail(95, format_args!("{} octets out of order in a buffer of {}", after.held, after.buffer));
    }
    if let Some(core) = sent {
        let fin = u32::from(after.fin_queued);
        let acknowledged = after.una.0.wrapping_sub(core.iss.wrapping_add(1));
        let waits = core.written.wrapping_add(fin).wrapping_sub(acknowledged);
        if core.written > 0 && waits as usize != after.unacknowledged {
            judge.fail(50, format_args!("{} octets wait, {waits} were not acknowledged", after.unacknowledged));
        }
    }
    let last = judge.outs_of(at).filter(|out| out.has(ACK) && !out.has(RST) && !out.stray).last().copied();
    if let Some(last) = last
        && last.ack != after.rcv_nxt.0
    {
        judge.fail(5, format_args!("ack {} with RCV.NXT {}", last.ack, after.rcv_nxt));
    }
}

/// O25, O73, O74, O81.
fn timers(judge: &mut Judge, after: &Vitals) {
    let in_flight = after.una != after.nxt && after.state != State::TimeWait;
    let sends = matches!(
        after.state,
        State::Established | State::CloseWait | State::FinWait1 | State::Closing | State::LastAck
    );
    if in_flight && after.retransmission_at.is_none() && after.persist_at.is_none() {
        judge.fail(73, format_args!("{} numbers in flight and no timer", after.nxt.0.wrapping_sub(after.una.0)));
    }
    let waits = after.unsent > 0 || after.fin_queued && after.fin_sent.is_none();
    if !in_flight && waits && sends && after.persist_at.is_none() && after.retransmission_at.is_none() {
        judge.fail(25, format_args!("{} octets wait behind a window of {} and no timer runs", after.unsent, after.wnd));
    }
    if !in_flight && !waits && sends && after.retransmission_at.is_some() {
        judge.fail(74, format_args!("nothing in flight, and the retransmission timer runs"));
    }
    let now = judge.now;
    if let Some(at) = after.timer_at
        && at.micros() < now
    {
        judge.fail(81, format_args!("a timer is due at {at:?}, it is {now} us"));
    }
}

/// What depends on the step.
fn pair(judge: &mut Judge, at: usize, pre: &Vitals, after: &Vitals) {
    if before(after.una.0, pre.una.0)
        || before(after.rcv_nxt.0, pre.rcv_nxt.0) && pre.irs == after.irs && pre.state != State::SynSent
    {
        judge.fail(
            2,
            format_args!("SND.UNA {} to {}, RCV.NXT {} to {}", pre.una, after.una, pre.rcv_nxt, after.rcv_nxt),
        );
    }
    let new: u32 = judge.outs_of(at).map(|out| out.new).sum();
    let again = || judge.outs_of(at).filter(|out| out.new == 0 && out.text > 0 && !out.stray);
    let (repeats, repeated) = (again().count(), again().map(|out| out.text).sum::<u32>());
    if new > 1 && judge.cause != Cause::Timer && judge.choices.plain && after.state != State::SynReceived {
        let most = after.cwnd.max(pre.cwnd).saturating_add(3 * after.smss);
        if after.pipe > most {
            judge.fail(34, format_args!("{} octets in flight, cwnd is {}", after.pipe, after.cwnd));
        }
    }
    fast(judge, at, pre, repeats);
    // A segment that was sent before the segment size came down goes out again in pieces.
    let cut = judge.lines[at].tuned || judge.lines[at].icmp;
    if !cut && judge.cause == Cause::Timer && repeats > 1 && repeated > pre.smss && judge.choices.plain {
        judge.fail(33, format_args!("{repeats} segments again after a timeout"));
    }
    small(judge, at, pre, after);
    window(judge, at, pre, after);
    karn(judge, at, pre, after);
    keep_alive(judge, at, pre, after);
    if let Some(owed) = judge.lines[at].owed
        && judge.now - owed >= 500_000
        && !after.rcv_fin
    {
        judge.fail(38, format_args!("an ACK waits for {} us", judge.now - owed));
    }
    if pre.state == State::TimeWait
        && after.state == State::TimeWait
        && judge.cause == Cause::Segment
        && judge.outs_of(at).next().is_some()
    {
        let later = after.timer_at > pre.timer_at;
        if later {
            judge.lines[at].time_wait = Some(judge.now);
        }
    }
}

/// O35.
fn fast(judge: &mut Judge, at: usize, pre: &Vitals, repeats: usize) {
    let line = &judge.lines[at];
    let clean = !line.lied && !line.icmp && pre.is_open && pre.wnd > 0 && judge.choices.plain && pre.backoff == 0;
    if judge.cause == Cause::Segment && repeats > 0 && clean && line.duplicates < 3 && pre.persist_at.is_none() {
        let duplicates = line.duplicates;
        judge.fail(35, format_args!("{repeats} segments again after {duplicates} duplicate ACKs"));
    }
}

/// O29: Nagle.
fn small(judge: &mut Judge, at: usize, pre: &Vitals, after: &Vitals) {
    if !judge.choices.plain || judge.cause == Cause::Timer || pre.urgent || after.urgent || judge.lines[at].tuned {
        return;
    }
    // One that begins at SND.UNA takes all that is in flight along, e.g. the octet that probed a closed window: it is the one small segment.
    let alone = |seq| !before(after.una.0, seq);
    let counts = |text, seq| text < after.smss && !alone(seq);
    let outs = judge.outs_of(at).filter(|out| out.new > 0 && counts(out.text, out.seq));
    let count = outs.filter(|out| !out.has(FIN) && !out.has(0x20)).count();
    if count > 0
        && after.una != pre.nxt
        && pre.una != pre.nxt
        && !judge.lines[at].no_delay
        && after.is_open
        && pre.is_open
    {
        let in_flight = before(after.una.0, pre.nxt.0);
        if in_flight && !matches!(pre.state, State::SynSent | State::SynReceived) {
            judge.fail(
                29,
                format_args!("{count} small segments with {} numbers in flight", pre.nxt.0.wrapping_sub(after.una.0)),
            );
        }
    }
}

/// O28: the right edge.
fn window(judge: &mut Judge, at: usize, pre: &Vitals, after: &Vitals) {
    let (old, new) = (pre.rcv_nxt.0.wrapping_add(pre.rcv_wnd), after.rcv_nxt.0.wrapping_add(after.rcv_wnd));
    let advance = new.wrapping_sub(old);
    let settled = !matches!(pre.state, State::SynSent | State::SynReceived) && !after.rcv_fin;
    let least = (pre.buffer.min(after.buffer) / 2).min(after.rcv_mss);
    let unit = 1 << after.rcv_shift;
    if settled
        && before(old, new)
        && advance >= unit
        && advance < least.saturating_sub(unit)
        && !judge.lines[at].tuned
        && judge.choices.plain
    {
        judge.fail(28, format_args!("the right edge advances by {advance}, a segment is {}", after.rcv_mss));
    }
}

/// O76.
fn karn(judge: &mut Judge, at: usize, pre: &Vitals, after: &Vitals) {
    let Some((from, to)) = judge.lines[at].again else { return };
    let all = until(from, pre.una.0) && before(pre.una.0, after.una.0) && until(after.una.0, to);
    if !after.timestamps && judge.choices.plain && judge.cause == Cause::Segment && all && pre.srtt != after.srtt {
        judge.fail(76, format_args!("SRTT from {:?} to {:?} by what was sent twice", pre.srtt, after.srtt));
    }
}

/// O78.
fn keep_alive(judge: &mut Judge, at: usize, pre: &Vitals, after: &Vitals) {
    if judge.cause != Cause::Timer
        || judge.lines[at].keep_alive
        || pre.una != pre.nxt
        || pre.unsent > 0
        || pre.fin_queued
    {
        return;
    }
    let lonely = |seq, text| text <= 1 && before(seq, pre.nxt.0);
    let probe = judge.outs_of(at).any(|out| !out.stray && lonely(out.seq, out.text) && !out.has(FIN));
    if probe || after.keep_alive {
        judge.fail(78, format_args!("a keep-alive that nobody asked for"));
    }
}
