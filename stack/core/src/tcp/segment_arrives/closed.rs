//! SEGMENT ARRIVES in CLOSED (RFC 9293 3.10.7.1): there is no connection, so anything but a reset draws one.

use crate::host::Fx;
use crate::rules;
use crate::wire::tcp::Segment;
use core::net::IpAddr;

/// `seg` came from `src` to `dst` and belongs to nothing.
pub(crate) fn arrives(src: IpAddr, dst: IpAddr, seg: &Segment<'_>, fx: &mut Fx<'_>) {
    let flags = seg.flags;
    fx.cite(match (flags.rst(), flags.ack()) {
        (true, false) => rules::CLOSED_RST,
        (true, true) => rules::CLOSED_RSTACK,
        (false, true) if flags.syn() => rules::CLOSED_SYNACK,
        (false, true) if flags.fin() || !seg.payload.is_empty() => rules::CLOSED_FINACK,
        (false, true) => rules::CLOSED_ACK,
        (false, false) if flags.syn() => rules::CLOSED_SYN,
        (false, false) if flags.fin() => rules::CLOSED_FIN,
        (false, false) if !seg.payload.is_empty() => rules::CLOSED_DATA,
        (false, false) => rules::CLOSED_NULL,
    });
    fx.reset_in_reply(src, dst, seg);
}
