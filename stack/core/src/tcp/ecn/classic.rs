//! ECE and CWR (RFC 3168 6.1.2 - 6.1.6).

use super::codepoint;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::wire::tcp::Flags;

/// Both half-connections.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Classic {
    /// Receiver: CE arrived and no CWR since, so every ACK has ECE.
    pub(crate) echo: bool,
    /// Sender: as many reductions of the window, whatever their cause, as CWR has told the peer of.
    told: u8,
    /// Sender: the end of the segment with the last CWR, until it is acknowledged. Before that the peer cannot know.
    telling: Option<SeqNum>,
    /// Sender: the window was one segment when ECE came, so new data waits for the timer.
    pub(super) waits: bool,
    /// Sender: the handshake does not let us set ECT (RFC 3168 6.1.1).
    pub(super) no_ect: bool,
    /// ECT or CE has arrived.
    pub(super) seen: bool,
    /// The kind of feedback is the one that we answered to the peer's SYN, not one that it answered to ours.
    pub(super) answered: bool,
}

impl Classic {
    pub(super) const fn new(no_ect: bool) -> Self {
        Self { echo: false, told: 0, telling: None, waits: false, no_ect, seen: false, answered: false }
    }

    /// The same, agreed on by our answer.
    pub(super) const fn as_answer(mut self) -> Self {
        self.answered = true;
        self
    }

    /// CWR. Whether it ends an echo.
    pub(super) fn reduced(&mut self, fx: &mut Fx<'_>) -> bool {
        if self.echo {
            fx.cite(rules::ECN_ECHO_ENDS);
        }
        core::mem::take(&mut self.echo)
    }

    /// An acceptable segment with `text` octets as it arrived. Whether the peer wants to know at once what arrives: an echo begins, or (Linux)
    /// the segment is not marked as others were, and probably one that goes again.
    pub(super) fn arrived(&mut self, text: u32, fx: &mut Fx<'_>) -> bool {
        let again = text > 0 && self.seen && fx.ecn() == codepoint::NOT_ECT;
        self.seen |= fx.ecn() != codepoint::NOT_ECT;
        // A control segment's mark says nothing that the sender could act on (6.1.4).
        if fx.ecn() != codepoint::CE || text == 0 {
            return again;
        }
        fx.cite(rules::ECN_ECHO);
        !core::mem::replace(&mut self.echo, true)
    }

    /// Whether the peer's ECE on an ACK of `ack` is about a reduction that has been made: it does not know of the CWR yet, or
    /// the CWR has not gone out. `reductions`: of the congestion window, so far.
    pub(super) fn is_told(&mut self, ack: SeqNum, reductions: u8) -> bool {
        if self.telling.is_some_and(|end| ack.ge(end)) {
            self.telling = None;
        }
        self.telling.is_some() || self.told != reductions
    }

    /// What goes onto an outgoing segment; `new`: the end of data that goes out for the first time, and into the peer's
    /// window.
    pub(super) fn outgoing(
        &mut self,
        new: Option<SeqNum>,
        reductions: u8,
        flags: Flags,
        fx: &mut Fx<'_>,
    ) -> (Flags, u8) {
        let mut ecn = if self.echo && flags.ack() && (!flags.rst() || fx.config().abort_says_all) {
            Flags::ECE
        } else {
            Flags::NONE
        };
        let Some(end) = new else { return (ecn, codepoint::NOT_ECT) };
        if self.told != reductions {
            fx.cite(rules::ECN_CWR);
            self.told = reductions;
            self.telling = Some(end);
            ecn |= Flags::CWR;
        }
        (ecn, if self.no_ect { codepoint::NOT_ECT } else { codepoint::ECT_0 })
    }
}
