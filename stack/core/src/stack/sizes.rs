//! What state costs: octets of each kind, for benchmarks and for those who add to it.

use super::Stack;
use super::connection::Connection;
use super::sockets::Socket;
use crate::tcp::congestion::Congestion;
use crate::tcp::reassembly::Reassembly;
use crate::tcp::retransmission_queue::{RetransmissionQueue, Sent};
use crate::tcp::rto::Rto;
use crate::tcp::tcb::{Rcv, Snd, Tcb, Totals, User};
use crate::tcp::timers::Timers;
use core::mem::size_of;

impl Stack {
    /// Octets of each kind of state, buffers and tables not counted: a connection, then what it consists of for the most
    /// part, then a socket.
    #[must_use]
    pub const fn sizes() -> [(&'static str, usize); 13] {
        [
            ("connection", size_of::<Connection>()),
            ("  transmission control block", size_of::<Tcb>()),
            ("    SND.*", size_of::<Snd>()),
            ("    RCV.*", size_of::<Rcv>()),
            ("    retransmission queue", size_of::<RetransmissionQueue>()),
            ("    reassembly queue", size_of::<Reassembly>()),
            ("    retransmission timeout", size_of::<Rto>()),
            ("    congestion control", size_of::<Congestion>()),
            ("    timers", size_of::<Timers>()),
            ("    user's state and options", size_of::<User>()),
            ("    totals", size_of::<Totals>()),
            ("segment in flight", size_of::<Sent>()),
            ("socket", size_of::<Socket>()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_is_at_least_its_parts() {
        let sizes = Stack::sizes();
        let indent = |name: &str| name.len() - name.trim_start().len();
        for (index, (whole, octets)) in sizes.iter().enumerate() {
            let below = sizes[index + 1..].iter().take_while(|(name, _)| indent(name) > indent(whole));
            let parts: usize =
                below.filter(|(name, _)| indent(name) == indent(whole) + 2).map(|(_, octets)| octets).sum();
            assert!(*octets >= parts.max(1), "{whole}: {octets} octets, its parts {parts}");
        }
    }
}
