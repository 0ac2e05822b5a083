//! ACKs in answer to segments that cannot be trusted (RFC 5961), and how many of them (its section 7).

use super::emit;
use super::tcb::Tcb;
use crate::host::Fx;
use crate::rules;
use crate::time::{Instant, Sometime};
use crate::wire::tcp::Segment;
use core::time::Duration;

/// Challenge ACKs of the whole stack in the current second.
#[derive(Debug, Clone, Default)]
pub(crate) struct Limit {
    second: u64,
    sent: u32,
}

impl Limit {
    /// Whether one more may go out, counting it.
    fn allows(&mut self, now: Instant, per_second: u32) -> bool {
        let second = now.micros() / 1_000_000;
        if second != self.second {
            *self = Self { second, sent: 0 };
        }
        let allowed = self.sent < per_second;
        self.sent += u32::from(allowed);
        allowed
    }
}

/// Whether this connection may answer another invalid segment, counting it.
fn spaced(tcb: &mut Tcb, fx: &Fx<'_>) -> bool {
    let gap = Duration::from_millis(fx.config().tcp_invalid_ratelimit.into());
    let allowed = tcb.last_challenge.get().is_none_or(|last| fx.now.since(last) >= gap);
    if allowed {
        tcb.last_challenge = Sometime::at(fx.now);
    }
    allowed
}

/// A challenge ACK (RFC 5961 3.2, 4.2, 5.2): `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`, within both limits.
pub(crate) fn challenge(tcb: &mut Tcb, fx: &mut Fx<'_>) {
    let (now, per_second) = (fx.now, fx.config().tcp_challenge_ack_limit);
    if spaced(tcb, fx) && fx.host.challenge_limit.allows(now, per_second) {
        emit::ack(tcb, fx);
    } else {
        fx.cite(rules::CHALLENGE_LIMITED);
    }
}

/// The ACK that answers an unacceptable segment. Text is answered always, because it may be the peer's retransmission of
/// what it has no ACK for; the rest no more often than the limit allows, lest two hosts answer each other for ever.
pub(crate) fn answer_invalid(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) {
    if (!seg.payload.is_empty() && !seg.flags.syn()) || spaced(tcb, fx) {
        emit::ack(tcb, fx);
    } else {
        fx.cite(rules::CHALLENGE_LIMITED);
    }
}
