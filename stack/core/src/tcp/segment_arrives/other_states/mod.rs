//! SEGMENT ARRIVES in the states from SYN-RECEIVED on (RFC 9293 3.10.7.4): eight checks in the RFC's order.

mod ack;
mod fin;
mod linux_text;
mod mini;
mod rst;
mod security;
mod sequence;
mod syn;
mod text;
mod urg;

pub(crate) use ack::updates_window;
pub(crate) use urg::note_urgent;

use super::{Arriving, Verdict};
use crate::config::Acceptable;
use crate::host::Fx;
use crate::seq::SeqNum;
use crate::tcp::recovery::transmit;
use crate::tcp::tcb::Tcb;
use crate::wire::tcp::Flags;
use core::ops::ControlFlow;

/// `Break` is the RFC's "and return", `Continue` its "continue processing".
type Flow = ControlFlow<Verdict>;

/// The segment has been dealt with.
const RETURN: Flow = ControlFlow::Break(Verdict::Done);

/// The next check is to look at it.
const CONTINUE: Flow = ControlFlow::Continue(());

/// All eight checks.
pub(super) fn arrives(tcb: &mut Tcb, arriving: &mut Arriving<'_>, fx: &mut Fx<'_>) -> Verdict {
    match first_checks(tcb, arriving, fx) {
        ControlFlow::Break(Verdict::Done) if arriving.predicted && arriving.len == 0 => {
            // Linux's fast path sends what waits and does not ask whether the acknowledgment was taken.
            tcb.user.more &= fx.config().new_text_on_any_event;
            Verdict::Done
        }
        ControlFlow::Break(Verdict::Done) => Verdict::Refused,
        ControlFlow::Break(verdict) => verdict,
        ControlFlow::Continue(()) => {
            let _: Flow = last_checks(tcb, arriving, fx);
            Verdict::Done
        }
    }
}

/// Up to the fifth.
fn first_checks(tcb: &mut Tcb, arriving: &mut Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    sequence::check(tcb, arriving, fx)?;
    rst::check(tcb, arriving, fx)?;
    security::check(tcb, arriving, fx)?;
    syn::check(tcb, arriving, fx)?;
    ack::check(tcb, arriving, fx)
}

fn last_checks(tcb: &mut Tcb, arriving: &mut Arriving<'_>, fx: &mut Fx<'_>) -> Flow {
    let linux = fx.config().acceptable == Acceptable::Linux;
    tcb.ecn_reduced(arriving, fx);
    if linux && arriving.len > 0 && !tcb.recovery.watch.new_text_first {
        // What is lost goes again before the text is looked at, and CE with it, and acknowledges nothing of it.
        transmit::lost(tcb, fx);
    }
    tcb.ecn_arrived(arriving, fx);
    if !fx.config().ts_recent_by_ack {
        take_timestamp(tcb, arriving, fx);
    }
    urg::check(tcb, arriving, fx)?;
    if linux {
        linux_text::cut(tcb, arriving, fx)?;
    }
    text::process(tcb, arriving, fx)?;
    fin::check(tcb, arriving, fx)?;
    tcb.delayed_ack.passed(arriving.predicted);
    CONTINUE
}

/// TS.Recent (RFC 7323 4.3).
fn take_timestamp(tcb: &mut Tcb, arriving: &Arriving<'_>, fx: &Fx<'_>) {
    tcb.timestamps.update(&arriving.seg, arriving.first, tcb.rcv.last_ack_sent, fx.now);
}

/// The last three checks, for what rides on a SYN,ACK in SYN-SENT (3.10.7.3, fourth).
pub(super) fn from_the_sixth(tcb: &mut Tcb, mut arriving: Arriving<'_>, fx: &mut Fx<'_>) {
    if fx.config().acceptable == Acceptable::Table {
        arriving.trim_to_window(tcb.rcv.edge);
    }
    let _: Flow = (|| {
        urg::check(tcb, &arriving, fx)?;
        text::process(tcb, &arriving, fx)?;
        fin::check(tcb, &arriving, fx)
    })();
}

impl Arriving<'_> {
    /// The segment behind its SYN.
    pub(super) fn without_syn(mut self) -> Self {
        if self.seg.flags.syn() {
            self.seg.flags = self.seg.flags.without(Flags::SYN);
            self.seg.seq += 1;
            self.seg.urgent = self.seg.urgent.saturating_sub(1);
        }
        self
    }

    /// Drops text below `nxt`.
    fn trim_to_new(&mut self, nxt: SeqNum) {
        let seg = &mut self.seg;
        if seg.seq.lt(nxt) {
            let old = seg.seq.distance(nxt) as usize;
            let dropped = old.min(seg.payload.len());
            seg.payload = &seg.payload[dropped..];
            // Only a FIN that was taken already can lie between the text's end and RCV.NXT.
            if old > dropped {
                seg.flags = seg.flags.without(Flags::FIN);
            }
            seg.seq = nxt;
            seg.urgent = seg.urgent.saturating_sub(old.min(usize::from(u16::MAX)) as u16);
        }
    }

    /// Drops what lies beyond the window's right `edge`: text, and FIN, which is always last. Whether anything was dropped.
    fn trim_to_window(&mut self, edge: SeqNum) -> bool {
        let seg = &mut self.seg;
        if seg.end().le(edge) {
            return false;
        }
        let room = if edge.gt(seg.seq) { seg.seq.distance(edge) as usize } else { 0 };
        seg.payload = &seg.payload[..seg.payload.len().min(room)];
        seg.flags = seg.flags.without(Flags::FIN);
        true
    }
}
