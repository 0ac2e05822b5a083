//! One entry of the queue, and how entries are counted.

use crate::seq::SeqNum;
use crate::time::Instant;

/// Why a segment has PSH.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Psh {
    /// It has not.
    No,
    /// It ends a train of segments, and goes out with PSH if it is not alone in it: the first time, and again.
    Train,
    /// Its text is to be handed on.
    Text,
}

/// One segment as it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) seq: SeqNum,
    /// Octets of text.
    pub(crate) text: u32,
    /// When it was last sent.
    pub(crate) at: Instant,
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) psh: Psh,
    /// It was sent more than once, or reported before a timeout, so an ACK of it gives no round-trip sample (Karn, RFC 6298 3).
    pub(crate) repeated: bool,
    /// The peer has reported it in a SACK block.
    pub(crate) sacked: bool,
    /// It is taken for lost. It stays so when it is sent again: what is gone is the copy before.
    pub(crate) lost: bool,
    /// A retransmission of it is in the network.
    pub(crate) again: bool,
    /// It is a zero-window probe; sent again, it may grow to a whole segment.
    pub(crate) probe: bool,
}

impl Sent {
    /// `text` octets from `seq` on.
    pub(crate) const fn text(seq: SeqNum, text: u32, at: Instant) -> Self {
        Self {
            seq,
            text,
            at,
            syn: false,
            fin: false,
            psh: Psh::No,
            repeated: false,
            sacked: false,
            lost: false,
            again: false,
            probe: false,
        }
    }

    /// A SYN or SYN,ACK.
    pub(crate) const fn syn(iss: SeqNum, at: Instant) -> Self {
        Self { syn: true, ..Self::text(iss, 0, at) }
    }

    /// SEG.LEN.
    pub(crate) const fn len(&self) -> u32 {
        self.text + self.syn as u32 + self.fin as u32
    }

    pub(crate) const fn end(&self) -> SeqNum {
        self.seq.plus(self.len())
    }

    pub(super) const fn is_marked(&self) -> bool {
        self.sacked || self.lost || self.again
    }

    /// Whether it is to be sent again.
    pub(super) const fn waits(&self) -> bool {
        self.lost && !self.again && !self.sacked
    }
}

/// A number of segments and of their octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) segments: u32,
    pub(crate) octets: u32,
}

impl Tally {
    pub(super) const fn add(&mut self, counted: bool, octets: u32) {
        if counted {
            self.segments += 1;
            self.octets += octets;
        }
    }

    pub(super) const fn remove(&mut self, counted: bool, octets: u32) {
        if counted {
            self.segments -= 1;
            self.octets -= octets;
        }
    }
}
