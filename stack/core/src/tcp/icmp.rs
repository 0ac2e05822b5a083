//! ICMP errors about segments of a connection (RFC 9293 3.9.2.2), believed only as far as RFC 5927 has it.

use super::state::State;
use super::tcb::{Origin, Tcb};
use super::timeouts::retransmission;
use super::timers::Timer;
use crate::config::{HalfOpenError, HardError};
use crate::errno::Errno;
use crate::host::Fx;
use crate::rules;
use crate::seq::SeqNum;
use crate::wire::icmp::{Problem, TimeExceeded, UnreachableV4, UnreachableV6};

/// How an error bears on a connection, and what the user reads in `SO_ERROR`.
enum Bearing {
    Soft(Errno),
    Hard(Errno),
    TooBig { mtu: u32 },
    None,
}

/// RFC 9293's classes; what it does not classify is soft (RFC 5461 2.1), with Linux's error numbers.
const fn bearing(problem: Problem) -> Bearing {
    match problem {
        Problem::UnreachableV4(code) => match code {
            UnreachableV4::Protocol => Bearing::Hard(Errno::ENOPROTOOPT),
            UnreachableV4::Port => Bearing::Hard(Errno::ECONNREFUSED),
            UnreachableV4::Network | UnreachableV4::NetworkUnknown | UnreachableV4::NetworkForService => {
                Bearing::Soft(Errno::ENETUNREACH)
            }
            UnreachableV4::NetworkProhibited => Bearing::Soft(Errno::ENETUNREACH),
            UnreachableV4::HostUnknown => Bearing::Soft(Errno::EHOSTDOWN),
            UnreachableV4::SourceHostIsolated => Bearing::Soft(Errno::ENONET),
            UnreachableV4::SourceRouteFailed => Bearing::Soft(Errno::EOPNOTSUPP),
            UnreachableV4::Host
            | UnreachableV4::HostProhibited
            | UnreachableV4::HostForService
            | UnreachableV4::CommunicationProhibited
            | UnreachableV4::HostPrecedence
            | UnreachableV4::PrecedenceCutoff => Bearing::Soft(Errno::EHOSTUNREACH),
            UnreachableV4::Other(_) => Bearing::None,
        },
        Problem::UnreachableV6(code) => match code {
            UnreachableV6::Port => Bearing::Hard(Errno::ECONNREFUSED),
            UnreachableV6::NoRoute => Bearing::Soft(Errno::ENETUNREACH),
            UnreachableV6::Prohibited | UnreachableV6::SourcePolicy | UnreachableV6::RejectRoute => {
                Bearing::Soft(Errno::EACCES)
            }
            UnreachableV6::BeyondScope | UnreachableV6::Address => Bearing::Soft(Errno::EHOSTUNREACH),
            UnreachableV6::SourceRoutingHeader | UnreachableV6::Other(_) => Bearing::Soft(Errno::EPROTO),
        },
        Problem::PacketTooBig { mtu } => Bearing::TooBig { mtu },
        Problem::TimeExceeded(TimeExceeded::Transit | TimeExceeded::Reassembly) => Bearing::Soft(Errno::EHOSTUNREACH),
        Problem::TimeExceeded(TimeExceeded::Other(_)) => Bearing::None,
        Problem::ParameterProblem { .. } => Bearing::Soft(Errno::EPROTO),
    }
}

/// An error about the segment that began at `seq`. `total`: octets of the datagram that met it.
pub(crate) fn arrives(tcb: &mut Tcb, problem: Problem, seq: SeqNum, total: usize, fx: &mut Fx<'_>) {
    let state = tcb.state();
    if matches!(state, State::Closed | State::Listen | State::TimeWait) {
        return;
    }
    // RFC 5927 4.1: only about what is in flight. A SYN or FIN counts, and so does an ACK sent at SND.NXT.
    if !seq.between(tcb.snd.una, tcb.snd.nxt) {
        fx.cite(rules::ICMP_SEQ_OUTSIDE);
        fx.host.counters.out_of_window_icmps += 1;
        return;
    }
    fx.cite(rules::ICMP_DELIVERED);
    if fx.config().icmp_half_open == HalfOpenError::Linux
        && state == State::SynReceived
        && tcb.origin == Origin::Passive
        && !tcb.is_fast_open_child()
    {
        // About its SYN,ACK, that is, not about an ACK.
        if seq == tcb.snd.iss && ends_half_open(problem, tcb.tuple.remote.is_ipv6()) {
            fx.cite(rules::ICMP_HARD);
            tcb.enter(State::Closed, fx);
        }
        return;
    }
    let opening = matches!(state, State::SynSent | State::SynReceived);
    match bearing(problem) {
        Bearing::None => {}
        Bearing::TooBig { mtu } => tcb.too_big(mtu, total, fx),
        Bearing::Hard(errno) if opening || fx.config().icmp_hard_error == HardError::Abort => {
            fx.cite(rules::ICMP_HARD);
            give_up(tcb, errno, fx);
        }
        Bearing::Hard(errno) => {
            fx.cite(rules::ICMP_HARD_AS_SOFT);
            soft(tcb, errno);
        }
        Bearing::Soft(errno) => {
            fx.cite(rules::ICMP_SOFT);
            revert_backoff(tcb, problem, seq, fx);
            if opening && fx.config().icmp_soft_ends_connect {
                give_up(tcb, errno, fx);
            } else {
                soft(tcb, errno);
            }
        }
    }
}

/// RFC 6069: no route is no congestion, so that what is to go again need not wait for twice as long. About the front of the queue, the only
/// segment that timeouts send again. What would have gone again by now goes at once.
fn revert_backoff(tcb: &mut Tcb, problem: Problem, seq: SeqNum, fx: &mut Fx<'_>) {
    let no_route = matches!(
        problem,
        Problem::UnreachableV4(UnreachableV4::Network | UnreachableV4::Host)
            | Problem::UnreachableV6(UnreachableV6::NoRoute)
    );
    let due = tcb.state().is_synchronized() && seq == tcb.snd.una && !tcb.queue.is_empty();
    if no_route && due && fx.config().no_route_reverts_backoff && tcb.rto.revert(fx.config()) {
        tcb.watch_for_timeout(fx);
        if tcb.has_timed_out(fx) {
            tcb.timers.stop(Timer::Retransmission);
            retransmission::expire(tcb, fx);
        }
    }
}

/// Whether Linux forgets a half-open connection of a listener. Over IPv6 it goes by which errors end a connection attempt.
const fn ends_half_open(problem: Problem, v6: bool) -> bool {
    match problem {
        Problem::UnreachableV4(code) => matches!(code, UnreachableV4::Network | UnreachableV4::Host),
        Problem::UnreachableV6(code) => matches!(
            code,
            UnreachableV6::Prohibited | UnreachableV6::Port | UnreachableV6::SourcePolicy | UnreachableV6::RejectRoute
        ),
        Problem::TimeExceeded(_) => !v6,
        Problem::ParameterProblem { .. } => true,
        Problem::PacketTooBig { .. } => false,
    }
}

/// SHLD-25: the user may know. It reads the error at once if it asked for that, otherwise when the connection times out.
fn soft(tcb: &mut Tcb, errno: Errno) {
    tcb.user.soft_error = Some(errno);
    if tcb.user.options.recv_err {
        tcb.user.error = Some(errno);
    }
}

fn give_up(tcb: &mut Tcb, errno: Errno, fx: &mut Fx<'_>) {
    if tcb.state() == State::SynReceived && tcb.origin == Origin::Passive && !tcb.is_fast_open_child() {
        tcb.enter(State::Closed, fx);
    } else {
        tcb.fail(errno, fx);
    }
}
