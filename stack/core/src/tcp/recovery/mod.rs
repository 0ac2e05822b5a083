//! Loss detection and recovery. It says what is lost and when it is sent again, and sets the congestion window while a
//! reduction is under way; outside of that [`super::congestion`] has it.
//!
//! | document | module |
//! |---|---|
//! | RFC 2018, RFC 2883: what an ACK reports | [`scoreboard`] |
//! | RFC 5681 3.2, RFC 6582, RFC 6675: the phases | [`machine`] |
//! | RFC 6937: the window during a reduction | [`proportional`] |
//! | RFC 8985: losses by time, tail loss probe | [`rack`], [`probe`] |
//! | RFC 5682, RFC 3522, RFC 3708: needless reductions | [`forward_rto`], [`undo`] |
//! | what is sent again, what the window admits | [`transmit`] |
//!
//! The names of the phases are Linux's.

pub(crate) mod acknowledgment;
pub(crate) mod forward_rto;
pub(crate) mod machine;
pub(crate) mod probe;
pub(crate) mod proportional;
pub(crate) mod rack;
pub(crate) mod reordering;
pub(crate) mod scoreboard;
pub(crate) mod timer;
pub(crate) mod transmit;
pub(crate) mod undo;

use super::tcb::Tcb;
use crate::config::Config;
use crate::seq::SeqNum;
use alloc::boxed::Box;
use probe::Probe;
use proportional::Proportional;
use rack::Rack;
use timer::Watch;
use undo::Undo;

/// Phase of recovery, by Linux's names and in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Nothing is amiss.
    Open,
    /// Duplicate ACKs have come, not enough for a recovery.
    Disorder,
    /// The window is reduced for a reason other than a loss, until `high` is acknowledged.
    Cwr,
    /// Fast recovery, until `high` is acknowledged.
    Recovery,
    /// After a timeout, until `high` is acknowledged.
    Loss,
}

/// How the window comes down to ssthresh in fast recovery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reduction {
    /// At once, and each duplicate inflates it: nobody reports what has arrived (RFC 5681 3.2, RFC 6582).
    Inflated,
    /// At once; what is reported leaves the pipe (RFC 6675).
    Pipe,
    /// In proportion to what arrives (RFC 6937).
    Proportional,
}

/// What is known only while something is being repaired.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Episode {
    pub(crate) proportional: Proportional,
    pub(crate) undo: Undo,
    /// F-RTO has to find out whether the timeout was needless (RFC 5682).
    pub(crate) doubtful: bool,
    /// RFC 6675 5, NextSeg rule 4: once per recovery.
    pub(crate) rescued: bool,
    /// The first partial ACK has started the timer anew (RFC 6582 3.2).
    pub(crate) partly_acknowledged: bool,
}

/// What a message that the path takes less lets out until something is acknowledged: one segment (RFC 1191 6.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AgainForPath {
    /// No such message came, or acknowledgments arrive again.
    Free,
    /// The one has still to go.
    One,
    /// It has gone.
    Wait,
}

/// State of recovery.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recovery {
    phase: Phase,
    /// What the retransmission timer waits for.
    pub(crate) watch: Watch,
    /// SND.NXT when the phase began: `recover` of RFC 6582 3.2, RecoveryPoint of RFC 6675.
    high: Option<SeqNum>,
    /// Duplicate ACKs since SND.UNA last advanced; with PRR and without SACK, segments that they stand for.
    pub(crate) duplicates: u32,
    /// Segments by which the network is known to reorder: DupThresh.
    pub(crate) reordering: u32,
    /// How often reordering was seen.
    pub(crate) reordering_seen: u16,
    /// Segments that the peer has reported as duplicates.
    pub(crate) dsack_dups: u16,
    pub(crate) rack: Rack,
    pub(crate) probe: Option<Box<Probe>>,
    /// After a message that the path takes less.
    pub(crate) again_for_path: AgainForPath,
    /// An ACK has ended inside the front, which was no longer than a segment when it was sent.
    pub(crate) front_cut: bool,
    episode: Option<Box<Episode>>,
}

impl Recovery {
    pub(crate) const fn new(config: &Config) -> Self {
        Self {
            phase: Phase::Open,
            watch: Watch::new(),
            high: None,
            duplicates: 0,
            reordering: config.tcp_reordering,
            reordering_seen: 0,
            dsack_dups: 0,
            rack: Rack::new(),
            probe: None,
            again_for_path: AgainForPath::Free,
            front_cut: false,
            episode: None,
        }
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// Whether losses are being mended.
    pub(crate) const fn is_recovering(&self) -> bool {
        matches!(self.phase, Phase::Recovery | Phase::Loss)
    }

    /// Something was acknowledged, or the timer went off: who waits for the path waits no longer.
    pub(crate) const fn path_answers(&mut self) {
        self.again_for_path = AgainForPath::Free;
    }

    /// Whether the window is on its way down.
    pub(crate) const fn is_reducing(&self) -> bool {
        matches!(self.phase, Phase::Cwr | Phase::Recovery)
    }

    /// Whether everything that was sent before the phase began is acknowledged up to `una`.
    fn is_over(&self, una: SeqNum) -> bool {
        self.high.is_none_or(|high| una.ge(high))
    }
}

impl Tcb {
    pub(crate) const fn reduction(&self, config: &Config) -> Reduction {
        match (config.proportional_rate_reduction, self.sack) {
            (true, _) => Reduction::Proportional,
            (false, true) => Reduction::Pipe,
            (false, false) => Reduction::Inflated,
        }
    }

    /// Segments that have reached the peer, as it reports them or as duplicates let guess (`tcpi_sacked`).
    pub(crate) fn sacked(&self) -> u32 {
        if self.sack { self.queue.sacked() } else { self.recovery.duplicates }
    }
}
