//! Connection states and the edges between them (RFC 9293 3.3.2, Figure 5).

use core::fmt;

/// A connection state. Prints as the RFC spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// No connection.
    Closed,
    /// Waiting for a connection request.
    Listen,
    /// A connection request was sent.
    SynSent,
    /// A connection request was received and answered.
    SynReceived,
    /// Data flows.
    Established,
    /// The user has closed; the FIN is not acknowledged.
    FinWait1,
    /// The user has closed; the peer has not.
    FinWait2,
    /// The peer has closed; the user has not.
    CloseWait,
    /// Both have closed at once; the FIN is not acknowledged.
    Closing,
    /// The user has closed after the peer; the FIN is not acknowledged.
    LastAck,
    /// Both have closed; old segments may still be on their way.
    TimeWait,
}

impl State {
    /// Every state, in the RFC's order.
    pub const ALL: [Self; 11] = [
        Self::Closed,
        Self::Listen,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
    ];

    /// The RFC's spelling.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "CLOSED",
            Self::Listen => "LISTEN",
            Self::SynSent => "SYN-SENT",
            Self::SynReceived => "SYN-RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN-WAIT-1",
            Self::FinWait2 => "FIN-WAIT-2",
            Self::CloseWait => "CLOSE-WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST-ACK",
            Self::TimeWait => "TIME-WAIT",
        }
    }

    /// Linux's number of the state, as in `tcpi_state`.
    #[must_use]
    pub const fn linux_number(self) -> u8 {
        match self {
            Self::Established => 1,
            Self::SynSent => 2,
            Self::SynReceived => 3,
            Self::FinWait1 => 4,
            Self::FinWait2 => 5,
            Self::TimeWait => 6,
            Self::Closed => 7,
            Self::CloseWait => 8,
            Self::LastAck => 9,
            Self::Listen => 10,
            Self::Closing => 11,
        }
    }

    /// Whether both sides' numbers are known and agreed: ESTABLISHED and later (RFC 9293 3.5.2, group 3).
    #[must_use]
    pub const fn is_synchronized(self) -> bool {
        match self {
            Self::Closed | Self::Listen | Self::SynSent | Self::SynReceived => false,
            Self::Established
            | Self::FinWait1
            | Self::FinWait2
            | Self::CloseWait
            | Self::Closing
            | Self::LastAck
            | Self::TimeWait => true,
        }
    }

    /// Whether there is a peer to exchange segments with. In LISTEN it is not known yet, in CLOSED no longer.
    pub(crate) const fn has_a_peer(self) -> bool {
        match self {
            Self::Closed | Self::Listen => false,
            Self::SynSent
            | Self::SynReceived
            | Self::Established
            | Self::FinWait1
            | Self::FinWait2
            | Self::CloseWait
            | Self::Closing
            | Self::LastAck
            | Self::TimeWait => true,
        }
    }

    /// Whether data or a FIN may be in the send queue or on its way.
    pub(crate) const fn may_transmit(self) -> bool {
        match self {
            Self::Established | Self::FinWait1 | Self::CloseWait | Self::Closing | Self::LastAck => true,
            Self::Closed | Self::Listen | Self::SynSent | Self::SynReceived | Self::FinWait2 | Self::TimeWait => false,
        }
    }

    /// Whether the peer may still send text: its FIN has not been taken.
    pub(crate) const fn may_receive_text(self) -> bool {
        match self {
            Self::Established | Self::FinWait1 | Self::FinWait2 => true,
            Self::Closed
            | Self::Listen
            | Self::SynSent
            | Self::SynReceived
            | Self::CloseWait
            | Self::Closing
            | Self::LastAck
            | Self::TimeWait => false,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Figure 5 with its notes: from, to, why. Edges to CLOSED that the figure leaves out for legibility (reset, ABORT, user
/// timeout) are listed too. A connection that a listener makes starts in LISTEN, as the copy that 3.10.7.2 fills in.
pub(crate) const EDGES: &[(State, State, &str)] = &[
    (State::Closed, State::Listen, "passive OPEN"),
    (State::Closed, State::SynSent, "active OPEN"),
    (State::Listen, State::SynReceived, "rcv SYN"),
    (State::Listen, State::SynSent, "SEND or active OPEN"),
    (State::Listen, State::Closed, "CLOSE"),
    (State::SynSent, State::SynReceived, "rcv SYN"),
    (State::SynSent, State::Established, "rcv SYN,ACK"),
    (State::SynSent, State::Closed, "CLOSE, rcv RST or timeout"),
    (State::SynReceived, State::Established, "rcv ACK of SYN"),
    (State::SynReceived, State::FinWait1, "CLOSE"),
    (State::SynReceived, State::Listen, "rcv RST or SYN after passive OPEN"),
    (State::SynReceived, State::Closed, "rcv RST after active OPEN, ABORT or timeout"),
    (State::Established, State::FinWait1, "CLOSE"),
    (State::Established, State::CloseWait, "rcv FIN"),
    (State::Established, State::Closed, "reset, ABORT or timeout"),
    (State::FinWait1, State::FinWait2, "rcv ACK of FIN"),
    (State::FinWait1, State::Closing, "rcv FIN"),
    (State::FinWait1, State::TimeWait, "rcv FIN and ACK of FIN"),
    (State::FinWait1, State::Closed, "reset, ABORT or timeout"),
    (State::FinWait2, State::TimeWait, "rcv FIN"),
    (State::FinWait2, State::Closed, "reset, ABORT or timeout"),
    (State::CloseWait, State::LastAck, "CLOSE"),
    (State::CloseWait, State::Closed, "reset, ABORT or timeout"),
    (State::Closing, State::TimeWait, "rcv ACK of FIN"),
    (State::Closing, State::Closed, "reset, ABORT or timeout"),
    (State::LastAck, State::Closed, "rcv ACK of FIN"),
    (State::TimeWait, State::Closed, "2MSL timeout"),
];

/// Whether Figure 5 has the edge.
pub(crate) fn is_edge(from: State, to: State) -> bool {
    EDGES.iter().any(|&(a, b, _)| a == from && b == to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_edge_enters_listen_or_an_earlier_state_except_as_figure_5_has_it() {
        for &(from, to, why) in EDGES {
            let backwards = to < from && to != State::Closed;
            assert_eq!(backwards, (from, to) == (State::SynReceived, State::Listen), "{from} -> {to}: {why}");
        }
    }

    #[test]
    fn every_state_but_closed_can_be_entered_and_left() {
        for state in State::ALL {
            assert!(EDGES.iter().any(|&(_, to, _)| to == state), "{state} is never entered");
            assert!(EDGES.iter().any(|&(from, _, _)| from == state), "{state} is never left");
            assert!(!is_edge(state, state), "{state} -> itself is no edge");
        }
    }

    #[test]
    fn edges_that_figure_5_does_not_have() {
        let table = [
            (State::Established, State::TimeWait),
            (State::Established, State::LastAck),
            (State::CloseWait, State::TimeWait),
            (State::LastAck, State::TimeWait),
            (State::FinWait2, State::Closing),
            (State::TimeWait, State::Established),
            (State::Closed, State::Established),
        ];
        for (from, to) in table {
            assert!(!is_edge(from, to), "{from} -> {to}");
        }
    }
}
