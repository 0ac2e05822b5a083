//! What calls must give, and what must leave because of them.

use super::judge::Judge;
use crate::datagram::{ACK, RST, before};
use crate::pattern;
use halfopen_stack::{Errno, State};

/// A call and its outcome.
#[derive(Debug, Clone, Copy)]
pub enum Call<'a> {
    /// `send`: octets asked for and the result; whether it was urgent.
    Send {
        /// Connection.
        at: usize,
        /// Its connection is the one that segments find.
        own: bool,
        /// Octets asked for.
        asked: usize,
        /// Octets taken.
        result: Result<usize, Errno>,
        /// The socket was said to be writable.
        writable: bool,
    },
    /// `recv`.
    Receive {
        /// Connection.
        at: usize,
        /// Its connection is the one that segments find.
        own: bool,
        /// IRS of the socket's connection, if it has one.
        irs: Option<u32>,
        /// Octets read before.
        read: u32,
        /// What was read.
        octets: &'a [u8],
        /// Octets asked for.
        asked: usize,
        /// What was read stays.
        peek: bool,
        /// The result.
        result: Result<usize, Errno>,
        /// What the socket had said: readable, and how much.
        readable: (bool, usize),
        /// The application has shut this direction down.
        shut: bool,
    },
    /// `close`, with `SO_LINGER` zero or unread text an ABORT.
    Close {
        /// Connection.
        at: usize,
        /// `SO_LINGER` was zero.
        abort: bool,
    },
    /// `shutdown` of the sending side.
    Shutdown {
        /// Connection.
        at: usize,
        /// The result.
        result: Result<(), Errno>,
    },
    /// `accept`: how many connections are known to wait, the backlog.
    Accept {
        /// Connections that are ESTABLISHED and were not accepted.
        waiting: usize,
        /// The backlog.
        backlog: usize,
    },
}

/// Judges a call after its step.
pub(super) fn judge(judge: &mut Judge, call: &Call<'_>) {
    match *call {
        Call::Send { at, own, asked, result, writable } => send(judge, at, own, asked, result, writable),
        Call::Receive { .. } => receive(judge, call),
        Call::Close { at, abort } => close(judge, at, abort),
        Call::Shutdown { at, result } => shutdown(judge, at, result),
        Call::Accept { waiting, backlog } => {
            if waiting > backlog + 1 {
                judge.fail(72, format_args!("{waiting} connections wait, the backlog is {backlog}"));
            }
        }
    }
}

fn send(judge: &mut Judge, at: usize, own: bool, asked: usize, result: Result<usize, Errno>, writable: bool) {
    let taken = match result {
        Ok(taken) => taken,
        Err(Errno::EBADF) => return judge.fail(103, format_args!("an open descriptor is unknown to send")),
        Err(Errno::EAGAIN) if writable && asked > 0 => return judge.fail(103, format_args!("writable, and EAGAIN")),
        Err(_) => {
            if judge.outs_of(at).any(|out| out.new > 0) {
                judge.fail(103, format_args!("a send that fails sends"));
            }
            return;
        }
    };
    if taken > asked {
        return judge.fail(103, format_args!("{taken} octets taken of {asked}"));
    }
    let closed = own && judge.before.is_some_and(|pre| pre.fin_queued || pre.state == State::TimeWait);
    if closed && taken > 0 {
        judge.fail(103, format_args!("{taken} octets taken behind the FIN"));
    }
}

fn receive(judge: &mut Judge, call: &Call<'_>) {
    let Call::Receive { at, own, irs, read, octets, asked, peek, result, readable, shut } = *call else { return };
    let taken = match result {
        Ok(taken) => taken,
        Err(Errno::EBADF) => return judge.fail(103, format_args!("an open descriptor is unknown to recv")),
        Err(Errno::EAGAIN) if readable.0 && asked > 0 => return judge.fail(49, format_args!("readable, and EAGAIN")),
        Err(_) => return,
    };
    let urged = judge.lines[at].urged > 0;
    let Some(irs) = irs else { return };
    let first = irs.wrapping_add(1).wrapping_add(read);
    let end = first.wrapping_add(taken as u32);
    if own && taken > 0 && judge.before.is_some_and(|pre| matches!(pre.state, State::SynSent | State::SynReceived)) {
        judge.fail(45, format_args!("{taken} octets are read before the handshake is over"));
    }
    if !urged && taken != readable.1.min(asked) && asked > 0 && !shut {
        judge.fail(49, format_args!("{} octets are readable, {taken} are read of {asked}", readable.1));
    }
    let right = octets[..taken] == *pattern::sent(first, taken);
    if !right && (!urged || !skips(first, &octets[..taken], judge.lines[at].urged)) {
        let oracle = if urged { 48 } else { 39 };
        judge.fail(oracle, format_args!("{taken} octets from {first} on are not what the peer sent"));
    }
    if !own {
        return;
    }
    let line = &judge.lines[at];
    if let Some(core) = line.core.filter(|core| core.irs == Some(irs)) {
        if taken > 0 && core.right.is_some_and(|right| before(right, end)) {
            judge.fail(40, format_args!("{end} is read, the window ended at {:?}", core.right));
        } else if taken > 0 && !line.sent.vague && !line.sent.cover(irs.wrapping_add(1), end) {
            judge.fail(41, format_args!("{taken} octets up to {end} are read that did not arrive"));
        }
    }
    if taken == 0 && asked > 0 && !shut && !urged {
        if let Some(pre) = judge.before.filter(|pre| !pre.rcv_fin && pre.error.is_none()) {
            judge.fail(43, format_args!("the end of data in {}, and no FIN was taken", pre.state.name()));
        }
    } else if taken > 0 && taken == readable.1 && !urged && !peek {
        opens(judge, at);
    }
}

/// O30: everything was read, and the window was closed.
fn opens(judge: &mut Judge, at: usize) {
    let Some(pre) = judge.before else { return };
    let takes_text = matches!(pre.state, State::Established | State::FinWait1 | State::FinWait2);
    let told = judge.lines[at].core.is_some_and(|core| core.right == core.acked);
    let opened = judge.outs_of(at).any(|out| out.has(ACK) && out.window > 0);
    if takes_text && told && pre.rcv_wnd == 0 && pre.held == 0 && !opened {
        judge.fail(30, format_args!("everything is read, and the window stays closed"));
    }
}

/// Whether octets are the peer's stream with at most `most` octets left out.
fn skips(first: u32, octets: &[u8], most: u32) -> bool {
    let stream = pattern::sent(first, octets.len() + most as usize + 64);
    let mut at = 0;
    for octet in octets {
        while stream.get(at).is_some_and(|there| there != octet) {
            at += 1;
        }
        if at >= stream.len() {
            return false;
        }
        at += 1;
    }
    true
}

fn close(judge: &mut Judge, at: usize, abort: bool) {
    let Some(pre) = judge.before else { return };
    let resets = judge.outs_of(at).filter(|out| out.has(RST)).count();
    let unread = pre.unread > 0;
    let due = match pre.state {
        State::SynReceived | State::Established | State::FinWait1 | State::FinWait2 | State::CloseWait => true,
        // The peer has not heard of the end, and waits for text that will not come.
        State::Closing | State::LastAck => pre.fin_sent.is_none(),
        State::Closed | State::Listen | State::SynSent | State::TimeWait => false,
    };
    let after = judge.lines[at].vitals;
    if abort || unread {
        let oracle = if unread && !abort { 56 } else { 57 };
        let first = judge.outs_of(at).find(|out| out.has(RST)).copied();
        if resets != usize::from(due) {
            judge.fail(oracle, format_args!("{resets} RSTs at ABORT in {}", pre.state.name()));
        } else if let Some(out) = first
            && out.seq != pre.nxt.0
            && judge.lines[at].core.is_none_or(|core| core.next != out.seq)
            && !before(pre.una.0.wrapping_add(pre.wnd), pre.nxt.0)
        {
            judge.fail(oracle, format_args!("a RST at {}, SND.NXT is {}", out.seq, pre.nxt));
        }
        if after.is_some() {
            judge.fail(oracle, format_args!("something is left of an aborted connection"));
        }
        return;
    }
    moves(judge, at, &pre.state);
}

fn shutdown(judge: &mut Judge, at: usize, result: Result<(), Errno>) {
    if result.is_ok()
        && let Some(pre) = judge.before
    {
        moves(judge, at, &pre.state);
    }
}

/// O70: CLOSE takes effect at once, whether its FIN can go out or not.
fn moves(judge: &mut Judge, at: usize, from: &State) {
    let to = match from {
        State::Established => State::FinWait1,
        State::CloseWait => State::LastAck,
        State::Closed
        | State::Listen
        | State::SynSent
        | State::SynReceived
        | State::FinWait1
        | State::FinWait2
        | State::Closing
        | State::LastAck
        | State::TimeWait => return,
    };
    let after = judge.lines[at].vitals;
    if judge.transparent && after.is_none_or(|after| after.state != to) {
        let is = after.map_or("CLOSED", |after| after.state.name());
        judge.fail(70, format_args!("CLOSE in {} leads to {is}", from.name()));
    }
}
