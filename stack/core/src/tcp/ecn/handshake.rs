//! Negotiation on SYN and SYN,ACK: RFC 3168 6.1.1, RFC 9768 3.1.
//!
//! `tcp_ecn` has Linux's meaning: 0 neither asks nor answers; 1 asks for and 2 only answers with RFC 3168; 3 asks for and
//! answers with RFC 9768, 4 answers with it and asks for RFC 3168, 5 only answers with it.

use super::accurate::Accurate;
use super::classic::Classic;
use super::{ECN_FLAGS, Ecn, ace_flags, ace_of, codepoint};
use crate::host::Fx;
use crate::rules;
use crate::wire::tcp::{AccurateEcn, Flags, Segment};
use alloc::boxed::Box;
use core::net::IpAddr;

/// ECN-setup SYN of RFC 3168.
const SETUP_SYN: Flags = Flags::CWR.with(Flags::ECE);
/// ECN-setup SYN,ACK of RFC 3168.
const SETUP_SYN_ACK: Flags = Flags::ECE;

/// Repetitions of a SYN that still ask for accurate feedback (RFC 9768 3.1.4.1).
const ACCURATE_REPETITIONS: u32 = 1;

/// ACE for the IP ECN field that a SYN or SYN,ACK came with (RFC 9768 tables 2 and 3), by the field.
pub(super) const FEEDBACK: [u8; 4] = [0b010, 0b011, 0b100, 0b110];

/// The IP ECN field that a handshake's ACE tells of; `None`: it tells of none.
pub(super) fn reported(ace: u8) -> Option<u8> {
    FEEDBACK.iter().position(|feedback| *feedback == ace).map(|field| field as u8)
}

/// What our SYN asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    accurate: bool,
    /// A repetition of the SYN went out without the flags.
    fell_back: bool,
}

impl Request {
    /// For an active OPEN.
    pub(crate) fn of(destination: IpAddr, fx: &mut Fx<'_>) -> Ecn {
        match fx.config().tcp_ecn {
            1 | 4 => Ecn::Asked(Self { accurate: false, fell_back: false }),
            3 if fx.host.ecn_failures.persist(destination, fx.now, fx.config()) => {
                fx.cite(rules::ACCECN_REMEMBERED);
                Ecn::Off
            }
            3 => Ecn::Asked(Self { accurate: true, fell_back: false }),
            _ => Ecn::Off,
        }
    }

    /// The flags of the SYN after `losses` timeouts. A path that drops what it does not know must not stop a connection.
    pub(super) fn flags(&mut self, losses: u32, fx: &mut Fx<'_>) -> Flags {
        let tries = if self.accurate { ACCURATE_REPETITIONS } else { 0 };
        if losses > tries && fx.config().tcp_ecn_fallback {
            fx.cite(rules::ECN_SYN_FALLBACK);
            self.fell_back = true;
            return Flags::NONE;
        }
        if self.accurate {
            fx.cite(rules::ACCECN_SYN);
            return ECN_FLAGS;
        }
        fx.cite(rules::ECN_SETUP);
        SETUP_SYN
    }

    /// The mode that the first SYN,ACK settles (RFC 3168 6.1.1; RFC 9768 table 2).
    pub(super) fn confirmed(self, destination: IpAddr, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Ecn {
        if self.accurate {
            fx.host.ecn_failures.ended(destination, self.fell_back, fx.now);
        }
        let classic = Ecn::Classic(Classic::new(self.fell_back));
        if !self.accurate {
            // AE was a reserved bit, so it is not looked at.
            return if seg.flags.ece() && !seg.flags.cwr() {
                classic
            } else {
                fx.cite(rules::ECN_REFUSED);
                Ecn::Off
            };
        }
        match ace_of(seg.flags) {
            0b001 => classic,
            // 111 is a server that reflects what it does not know.
            0b000 | 0b111 => {
                fx.cite(rules::ACCECN_REFUSED);
                Ecn::Off
            }
            // 101 is reserved, and means as if the SYN had arrived unchanged.
            ace => {
                fx.cite(rules::ACCECN_CONFIRMED);
                let arrived = reported(ace).unwrap_or(codepoint::NOT_ECT);
                Ecn::Accurate(Box::new(Accurate::client(arrived, seg, fx)))
            }
        }
    }
}

/// What our SYN,ACK answers. Small, so that a half-open connection can afford it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answer {
    mode: Mode,
    /// The IP ECN field of the latest SYN.
    arrived: u8,
    /// A SYN without the flags came or a SYN,ACK without them went, so the client may be in no mode (RFC 9768 3.1.5).
    plain: bool,
    /// A repeated SYN has come: the option is left out of the SYN,ACK (RFC 9768 3.2.3.2.2).
    repeated: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Off,
    Classic,
    Accurate,
}

impl Answer {
    /// For the SYN of a new connection.
    pub(crate) fn of_syn(flags: Flags, arrived: u8, fx: &mut Fx<'_>) -> Self {
        let accurate = fx.config().tcp_ecn >= 3;
        let mode = match ace_of(flags) {
            _ if fx.config().tcp_ecn == 0 => Mode::Off,
            0b000 => Mode::Off,
            // Every combination without a meaning of its own asks for it (RFC 9768 3.1.3).
            ace if accurate && ace != 0b011 => Mode::Accurate,
            // RFC 3168 has no feedback for a SYN, and forbids ECT on it: a field that is set was meddled with.
            _ if flags.contains(SETUP_SYN) && arrived == codepoint::NOT_ECT => Mode::Classic,
            _ => Mode::Off,
        };
        match mode {
            Mode::Off => {}
            Mode::Classic => fx.cite(rules::ECN_ANSWERED),
            Mode::Accurate => fx.cite(rules::ACCECN_ANSWERED),
        }
        Self { mode, arrived, plain: false, repeated: false }
    }

    /// The SYN of the same connection once more. The mode stays (RFC 9768 3.1.5).
    ///
    /// # Errors
    /// It asks for the other kind of feedback, so the two ends could come to differ: the connection is to be reset.
    pub(crate) fn syn_again(&mut self, flags: Flags, arrived: u8, fx: &mut Fx<'_>) -> Result<(), Mixed> {
        self.arrived = arrived;
        self.repeated = true;
        let accurate = fx.config().tcp_ecn >= 3;
        match (self.mode, ace_of(flags)) {
            (Mode::Off, _) | (Mode::Classic, 0b011) => {}
            (Mode::Classic | Mode::Accurate, 0b000) => self.plain = true,
            (Mode::Accurate, 0b011) => return Err(Mixed),
            (Mode::Classic, _) if accurate => return Err(Mixed),
            (Mode::Classic | Mode::Accurate, _) => {}
        }
        Ok(())
    }

    /// The flags of the SYN,ACK after `losses` timeouts.
    pub(crate) fn flags(&mut self, losses: u32, fx: &mut Fx<'_>) -> Flags {
        match self.mode {
            Mode::Off => Flags::NONE,
            Mode::Classic => SETUP_SYN_ACK,
            Mode::Accurate if losses >= 2 && fx.config().tcp_ecn_fallback => {
                fx.cite(rules::ACCECN_SYN_ACK_FALLBACK);
                self.plain = true;
                Flags::NONE
            }
            Mode::Accurate => ace_flags(FEEDBACK[usize::from(self.arrived & 3)]),
        }
    }

    /// The option of the SYN,ACK after `losses` timeouts.
    pub(crate) fn option(&self, losses: u32) -> Option<AccurateEcn> {
        (self.mode == Mode::Accurate && losses == 0 && !self.repeated).then(Accurate::first_option)
    }

    /// The mode once `seg` has acknowledged the SYN,ACK.
    pub(crate) fn established(self, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Ecn {
        match self.mode {
            Mode::Off => Ecn::Off,
            Mode::Classic => Ecn::Classic(Classic::new(self.plain).as_answer()),
            Mode::Accurate => Ecn::Accurate(Box::new(Accurate::server(self.plain, seg, fx))),
        }
    }
}

/// Both kinds of ECN-setup in one handshake (RFC 9768 3.1.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mixed;
