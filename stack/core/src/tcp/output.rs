//! What ends every event: text and FIN that may go out now, the ACK that is wanted, the timers that follow
//! (RFC 9293 3.7.4 Nagle, 3.8.6.2.1 silly-window avoidance, 3.10.2 SEND, 3.10.4 CLOSE; RFC 6298 5.1).

use super::delayed_ack::Need;
use super::emit;
use super::recovery::{AgainForPath, forward_rto, transmit};
use super::retransmission_queue::{Psh, Sent};
use super::tcb::{Fin, Origin, Tcb};
use super::write_queue::Train;
use crate::config::{Config, Nagle};
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::time::Sometime;
use crate::wire::tcp::Flags;
use core::time::Duration;

/// Whether small segments wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Push {
    /// As Nagle, silly-window avoidance and the user's options have it.
    ByTheRules,
    /// The same without Nagle's rule and TCP_CORK.
    NotHeldBack,
    /// One train, not held back either.
    Train,
    /// What the windows admit goes out, however small: they have waited long enough.
    Anyway,
    /// One segment of it, which waited until the silly-window override. Linux sends it as it does a probe: pushed, and as no use of the window.
    Override,
    /// One segment, however small, and however full the congestion window: a tail loss probe.
    Probe,
}

impl Push {
    fn by_the_rules(self) -> bool {
        matches!(self, Self::ByTheRules | Self::NotHeldBack | Self::Train)
    }
}

/// Sends what can be sent, acknowledges what is to be acknowledged, sets the timers. Called once at the end of each event,
/// so that all ACKs of one event become one (MUST-58).
pub(crate) fn after_event(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    settle(tcb, true, fx);
}

/// The same after an event that is no reason of its own to look for new text (`Config::new_text_on_any_event`).
pub(crate) fn after_other_event(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    settle(tcb, fx.config().new_text_on_any_event, fx);
}

fn settle(tcb: &mut Tcb, new_text: bool, fx: &mut Fx<'_>) {
    if !tcb.state().has_a_peer() {
        return;
    }
    if tcb.unsent() > 0 || tcb.fin == Fin::Queued || tcb.queue.lost() > 0 {
        tcb.follow_path(fx);
    }
    if core::mem::take(&mut tcb.recovery.watch.new_text_first) {
        send_text(tcb, Push::Anyway, fx);
        forward_rto::sent_first(tcb);
    }
    transmit::lost(tcb, fx);
    if new_text {
        send_text(tcb, if tcb.write.let_go { Push::NotHeldBack } else { Push::ByTheRules }, fx);
    }
    transmit::holes(tcb, fx);
    note_limited(tcb, fx);
    match tcb.delayed_ack.need() {
        Need::None => {}
        Need::Delayed => tcb.delay_ack(fx),
        Need::Now => emit::ack(tcb, fx),
    }
    tcb.delayed_ack.event_ends();
    tcb.relieve_writer(fx.config());
    tcb.account_event(fx);
    tcb.persist_arm(fx);
    tcb.retransmission_arm(fx);
    tcb.user_timeout_arm(fx);
}

/// The window is open again: the octet that probed it is repeated with company, not alone.
pub(crate) fn grow_probe(tcb: &mut Tcb, smss: u32) {
    if tcb.queue.len() != 1 || matches!(tcb.fin, Fin::Sent(_)) {
        return;
    }
    let window = tcb.snd.wnd.saturating_sub(tcb.flight());
    let more = tcb.unsent().min(smss.saturating_sub(tcb.flight())).min(window);
    let empties = more == tcb.unsent();
    tcb.queue.grow_back(more, empties);
    tcb.snd.nxt += more;
}

/// Whether the window is full, so that an ACK of what is in flight shows that it was in use.
fn note_limited(tcb: &mut Tcb, fx: &Fx<'_>) {
    if fx.config().window_in_segments {
        return;
    }
    let pipe = tcb.queue.pipe().octets;
    let full = pipe.saturating_add(tcb.smss(fx.config())) > tcb.congestion.cwnd;
    if pipe > 0 && full && tcb.state().is_synchronized() {
        tcb.congestion.note_limited(tcb.snd.nxt);
    }
}

/// Cuts unsent text into segments and sends those that may go.
pub(crate) fn send_text(tcb: &mut Tcb, push: Push, fx: &mut Fx<'_>) {
    if !tcb.may_transmit() || (tcb.unsent() == 0 && tcb.fin != Fin::Queued) {
        return;
    }
    if tcb.recovery.again_for_path != AgainForPath::Free && push != Push::Probe {
        return;
    }
    let before = tcb.snd.nxt;
    send_segments(tcb, push, fx);
    if fx.config().window_in_segments && push != Push::Override {
        tcb.note_use(tcb.snd.nxt != before, fx.config());
    }
}

fn send_segments(tcb: &mut Tcb, push: Push, fx: &mut Fx<'_>) {
    let mut train = Train::default();
    // What segments make room for does not change while they go out together.
    let reserve = tcb.sack_reserve(fx.config());
    let mut report = None;
    loop {
        if tcb.path_probe(fx) {
            continue;
        }
        let unsent = tcb.unsent();
        let record = tcb.unsent_of_record();
        let edge = tcb.window_edge(fx.config());
        // A peer may have shrunk its window below what is in flight (MUST-34).
        let usable = if edge.gt(tcb.snd.nxt) { tcb.snd.nxt.distance(edge) } else { 0 };
        let smss = tcb.smss(fx.config()).saturating_sub(tcb.ecn_reserve(fx) + reserve).max(1);
        let text = record.min(smss).min(usable);
        // In Linux a train that the window has room for may take the FIN along.
        let room = usable > text || (text > 0 && !train.is_over());
        let fin = tcb.fin == Fin::Queued && text == unsent && room;
        if text == 0 && !fin {
            return;
        }
        // Linux has put the FIN on the last segment, which the window then has no room for.
        let whole = fx.config().segment_trains && text <= smss && train.is_over();
        if push.by_the_rules() && whole && tcb.fin == Fin::Queued && text == unsent && !fin {
            return;
        }
        restart_after_idle(tcb, fx);
        if text > 0 && push.by_the_rules() && tcb.ecn_waits() {
            return;
        }
        // Linux is strict about its window with a FIN too.
        let counts = text > 0 || (fx.config().segment_trains && tcb.queue.front().is_none_or(|front| !front.syn));
        if push != Push::Probe && counts && !tcb.window_admits(text, fx) {
            return;
        }
        if fx.config().segment_trains && tcb.syn_losses > 0 && tcb.queue.front().is_some_and(|front| front.syn) {
            // All that the loss of a SYN leaves of Linux's window is in flight.
            return;
        }
        // The end of a record that others wait behind waits for nothing.
        let closed = text == record && record < unsent;
        if push.by_the_rules()
            && text < smss
            && !fin
            && !closed
            && !is_worth_sending(tcb, (text, record), push, &train, fx)
        {
            return;
        }
        if fx.config().segment_trains && text > 0 {
            if train.is_over() {
                let Some(next) = next_train(tcb, push, (record.min(usable), smss), closed, fx) else {
                    // A train waits for more window.
                    tcb.congestion.note_limited(tcb.snd.nxt);
                    return;
                };
                train = next;
                report.clone_from(&tcb.duplicate);
            } else {
                // All segments of a train have the options of the first.
                tcb.duplicate.clone_from(&report);
            }
            train.step();
        }
        let mark = mark(tcb, text, train, push, fx);
        let psh = mark == Psh::Text || mark == Psh::Train && train.is_long();
        send_one(tcb, text, (fin, psh, text < smss), mark, fx);
        if matches!(push, Push::Probe | Push::Override) || push == Push::Train && train.is_over() {
            return;
        }
    }
}

/// Whether less than a full segment may go out (RFC 9293 3.7.4, 3.8.6.2.1 conditions 2 and 3).
fn is_worth_sending(tcb: &Tcb, (text, unsent): (u32, u32), push: Push, train: &Train, fx: &mut Fx<'_>) -> bool {
    // A SYN,ACK under way, whose connection is in use by Fast Open, is no text.
    let idle = tcb.queue.back().is_none_or(|last| last.syn);
    let options = &tcb.user.options;
    let trains = fx.config().segment_trains;
    let urgent = tcb.is_urgent(fx.config());
    if urgent && !(trains && text < unsent) {
        return true;
    }
    if text < unsent {
        // The peer's window cuts the segment short. With trains the end of one that has begun may be cut, and nothing else.
        let worth = if trains {
            !train.is_over() && !urgent
        } else {
            (idle || options.no_delay) && text >= tcb.snd.max_wnd / 2
        };
        if !worth {
            fx.cite(rules::SWS_SENDER);
        }
        return worth;
    }
    if matches!(push, Push::NotHeldBack | Push::Train) {
        return true;
    }
    if tcb.is_corked() {
        return false;
    }
    let nagle = match fx.config().nagle {
        Nagle::AnyOutstanding => !idle,
        Nagle::SmallOutstanding => tcb.snd.small.gt(tcb.snd.una),
    };
    if nagle && !options.no_delay {
        fx.cite(rules::NAGLE);
        return false;
    }
    true
}

/// The next train of segments of `size`, of at most `text` octets; `None` when it should wait. `closed`: they end a record.
fn next_train(tcb: &Tcb, push: Push, (text, size): (u32, u32), closed: bool, fx: &mut Fx<'_>) -> Option<Train> {
    if !push.by_the_rules() {
        return Some(Train::default());
    }
    let smss = tcb.smss(fx.config());
    let quota = tcb.window_room(fx.config()) / smss;
    let rest = text % size;
    // A FIN behind it lets go what is corked, but not in one train with what precedes it, nor where the peer's window cuts it short.
    let corked = tcb.user.options.cork && push == Push::ByTheRules && !closed;
    let partial = rest > 0 && !corked && (closed || is_worth_sending(tcb, (rest, rest), push, &Train::default(), fx));
    tcb.next_train((text, size), quota, partial, fx)
}

/// What the next `text` octets end.
fn mark(tcb: &Tcb, text: u32, train: Train, push: Push, fx: &Fx<'_>) -> Psh {
    let trains = fx.config().segment_trains;
    let more = tcb.user.more && push.by_the_rules();
    let last = if trains { tcb.is_push_end(tcb.snd.nxt.plus(text)) } else { text == tcb.unsent() && !more };
    match text > 0 {
        true if trains && push == Push::Override => Psh::Text,
        // What was pushed in the middle of a train was filled up from the next unit.
        true if last && (!trains || train.is_over() || text == tcb.unsent()) => Psh::Text,
        true if trains && train.is_over() => Psh::Train,
        true | false => Psh::No,
    }
}

/// Sends the next `text` octets, with FIN and PSH if so, and whether that is less than a segment. `mark`: what they end.
fn send_one(tcb: &mut Tcb, text: u32, (fin, psh, small): (bool, bool, bool), mark: Psh, fx: &mut Fx<'_>) {
    let seq = tcb.snd.nxt;
    let mut flags = Flags::ACK;
    if psh {
        fx.cite(rules::PUSH_LAST);
        flags |= Flags::PSH;
    }
    if fin {
        flags |= Flags::FIN;
        tcb.fin = Fin::Sent(seq.plus(text));
    }
    emit::text(tcb, seq, text, flags, fx);
    let sent = Sent { fin, psh: mark, ..Sent::text(seq, text, fx.now) };
    let alone = tcb.queue.is_empty();
    tcb.queue.push(sent);
    tcb.snd.nxt = sent.end();
    if text > 0 {
        tcb.account_sent(alone, fx.now);
    }
    transmit::counted(tcb, sent.len(), fx.config());
    tcb.recovery.watch.sent = true;
    if text > 0 {
        tcb.snd.last_sent = Sometime::at(fx.now);
        if small {
            tcb.snd.small = tcb.snd.nxt;
        }
    }
}

/// RFC 5681 4.1.
fn restart_after_idle(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    if !tcb.queue.is_empty() {
        return;
    }
    let (idle, rto) = (tcb.snd.last_sent.get().map_or(Duration::ZERO, |last| fx.now.since(last)), tcb.rto.timeout());
    tcb.congestion.idled(idle, fx.now);
    if idle > rto && fx.config().tcp_slow_start_after_idle {
        fx.cite(rules::SLOW_START_AFTER_IDLE);
        tcb.congestion.restart_after_idle(idle, rto, &fx.host.config);
        tcb.snd.last_sent = Sometime::at(fx.now);
    }
}

impl Tcb {
    /// Whether urgent text is still to be sent; in Linux, still to be acknowledged.
    pub(crate) fn is_urgent(&self, config: &Config) -> bool {
        let from = if config.segment_trains { self.snd.una } else { self.snd.nxt };
        self.snd.up.is_some_and(|up| up.gt(from))
    }

    /// The right edge of the peer's window. One that came with its SYN begins behind ours, which the peer did not know yet
    /// (RFC 7413 4.2.2), but in a simultaneous open in Linux.
    fn window_edge(&self, config: &Config) -> SeqNum {
        let behind = self.origin == Origin::Passive || !config.ack_within_window;
        let syn = behind && self.queue.front().is_some_and(|front| front.syn);
        self.snd.una.plus(self.snd.wnd.saturating_add(u32::from(syn)))
    }

    /// Whether the user wants partial segments held back.
    pub(crate) fn is_corked(&self) -> bool {
        (self.user.options.cork || self.user.more) && !self.user.closed && matches!(self.fin, Fin::None)
    }
}
