//! The transmission control block: SND.*, RCV.*, the state, and what belongs to one connection (RFC 9293 3.3.1).

use super::account::Account;
use super::congestion::Congestion;
use super::delayed_ack::DelayedAck;
use super::ecn::Ecn;
use super::fast_open::FastOpen;
use super::keep_alive::KeepAlive;
use super::path_mtu::{self, PathMtu};
use super::persist::Persist;
use super::reassembly::Reassembly;
use super::receive_buffer::ReceiveBuffer;
use super::receive_tuning::ReceiveTuning;
use super::recovery::Recovery;
use super::retransmission_queue::RetransmissionQueue;
use super::rto::Rto;
use super::send_buffer::SendBuffer;
use super::state::{State, is_edge};
use super::timers::{Timer, Timers};
use super::timestamps::Timestamps;
use super::user_timeout::UserTimeouts;
use super::write_queue::WriteQueue;
use super::{isn, mss, window};
use crate::errno::Errno;
use crate::host::{Fx, Host};
use crate::seq::SeqNum;
use crate::socket;
use crate::time::Sometime;
use alloc::boxed::Box;
use core::net::SocketAddr;
use core::time::Duration;

/// How the connection was opened: MUST-11 asks to remember it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An active OPEN.
    Active,
    /// A passive OPEN: a listener made it.
    Passive,
}

/// Local and remote socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tuple {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

/// Send sequence variables. Windows are octets, scaled up.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snd {
    pub(crate) iss: SeqNum,
    pub(crate) una: SeqNum,
    pub(crate) nxt: SeqNum,
    pub(crate) wnd: u32,
    pub(crate) wl1: SeqNum,
    pub(crate) wl2: SeqNum,
    /// MAX.SND.WND.
    pub(crate) max_wnd: u32,
    /// SND.UP: the octet after urgent data, while some is not acknowledged.
    pub(crate) up: Option<SeqNum>,
    /// Snd.Wind.Shift (RFC 7323 2.3).
    pub(crate) shift: u8,
    /// SendMSS: the peer's option, or the default.
    pub(crate) mss: u32,
    /// The sequence number after the last segment that was smaller than a full one (Minshall's variable).
    pub(crate) small: SeqNum,
    /// When data was last sent.
    pub(crate) last_sent: Sometime,
}

/// Receive sequence variables.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rcv {
    pub(crate) irs: SeqNum,
    pub(crate) nxt: SeqNum,
    /// The right edge that was offered: RCV.NXT + RCV.WND. It never moves left.
    pub(crate) edge: SeqNum,
    /// RCV.UP: the octet after urgent data, while the user has not passed it.
    pub(crate) up: Option<SeqNum>,
    /// The user has read the urgent octet apart from the rest. Its place stays a mark in the stream.
    pub(crate) up_read: bool,
    /// Rcv.Wind.Shift (RFC 7323 2.3).
    pub(crate) shift: u8,
    /// The MSS that was offered.
    pub(crate) mss: u32,
    /// The peer's FIN was taken; RCV.NXT is beyond it.
    pub(crate) fin: bool,
    /// It came when there was nothing to read, and the user has not read that it has.
    pub(crate) fin_waits: bool,
    /// Last.ACK.sent (RFC 7323 4.3).
    pub(crate) last_ack_sent: SeqNum,
}

impl Rcv {
    /// RCV.WND in octets.
    pub(crate) const fn wnd(&self) -> u32 {
        self.nxt.distance(self.edge)
    }
}

/// Our FIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fin {
    /// The user has not closed.
    None,
    /// It goes out after the data before it.
    Queued,
    /// It was sent, with this sequence number.
    Sent(SeqNum),
}

/// What the user sees and has said.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct User {
    pub(crate) options: socket::Shared,
    /// `SO_ERROR`.
    pub(crate) error: Option<Errno>,
    /// The last soft error; it becomes the error when the connection fails for want of an answer.
    pub(crate) soft_error: Option<Errno>,
    /// The user has called CLOSE without half-close: nobody will read.
    pub(crate) closed: bool,
    pub(crate) shut_read: bool,
    /// SHUT_WR was asked for when it changed nothing else.
    pub(crate) shut_write: bool,
    /// The connection was established once.
    pub(crate) was_established: bool,
    /// The `send` that is being served says that more will follow.
    pub(crate) more: bool,
    /// A writer waits for the handshake: its text will take the ACK along.
    pub(crate) write_pending: bool,
    /// Behind CLOSE our FIN was acknowledged by a segment with a FIN that was not taken: Linux then makes no mini socket of FIN-WAIT-2.
    pub(crate) stays_whole: bool,
}

/// Counts for `TCP_INFO`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Totals {
    pub(crate) segs_in: u64,
    pub(crate) segs_out: u64,
    pub(crate) data_segs_in: u64,
    pub(crate) data_segs_out: u64,
    pub(crate) bytes_sent: u64,
    pub(crate) bytes_retrans: u64,
    pub(crate) total_retrans: u64,
    pub(crate) bytes_acked: u64,
    pub(crate) bytes_received: u64,
    pub(crate) rcv_ooopack: u64,
    pub(crate) last_data_recv: Sometime,
    pub(crate) last_ack_recv: Sometime,
    pub(crate) last_segment: Sometime,
}

/// One connection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tcb {
    state: State,
    pub(crate) origin: Origin,
    pub(crate) tuple: Tuple,
    pub(crate) snd: Snd,
    pub(crate) rcv: Rcv,
    pub(crate) fin: Fin,
    pub(crate) outgoing: SendBuffer,
    pub(crate) write: WriteQueue,
    pub(crate) queue: RetransmissionQueue,
    pub(crate) incoming: ReceiveBuffer,
    /// What tuning of the receive buffer has measured, once text has come.
    pub(crate) receive_tuning: Option<Box<ReceiveTuning>>,
    pub(crate) reassembly: Reassembly,
    pub(crate) rto: Rto,
    pub(crate) syn_losses: u32,
    pub(crate) congestion: Congestion,
    pub(crate) recovery: Recovery,
    pub(crate) ecn: Ecn,
    pub(crate) timestamps: Timestamps,
    pub(crate) sack: bool,
    /// Text that has arrived twice and was not reported yet (RFC 2883 4).
    pub(crate) duplicate: Option<Box<(SeqNum, SeqNum)>>,
    pub(crate) window_scaling: bool,
    pub(crate) delayed_ack: DelayedAck,
    pub(crate) persist: Persist,
    /// Its segments are signed (RFC 2385).
    pub(crate) md5: bool,
    pub(crate) user_timeouts: UserTimeouts,
    /// Fast Open, where it plays a role.
    pub(crate) fast_open: Option<Box<FastOpen>>,
    pub(crate) keep_alive: KeepAlive,
    /// When an invalid segment was last answered (RFC 5961 7).
    pub(crate) last_challenge: Sometime,
    /// Octets of the largest datagram that the path takes.
    pub(crate) path_mtu: u32,
    /// What is known of the path beyond that.
    pub(crate) path: Option<Box<PathMtu>>,
    pub(crate) timers: Timers,
    pub(crate) user: User,
    pub(crate) totals: Totals,
    /// More of that, once there was text to send or a timeout.
    pub(crate) account: Option<Box<Account>>,
    /// When TIME-WAIT began.
    pub(crate) time_wait_since: Sometime,
    /// In SYN-RECEIVED: our SYN is acknowledged, and the listener makes the connection wait.
    pub(crate) syn_acked: bool,
}

impl Tcb {
    /// A block in `state`, which is SYN-SENT's or LISTEN's predecessor: CLOSED for an active OPEN, LISTEN for a connection
    /// that a listener makes. Its extensions are those that the stack would offer.
    pub(crate) fn new(tuple: Tuple, origin: Origin, iss: SeqNum, options: socket::Shared, fx: &Fx<'_>) -> Self {
        Self::on(fx.host, tuple, origin, iss, options)
    }

    /// As [`Tcb::new`].
    #[expect(clippy::too_many_lines, reason = "a line for each variable")]
    pub(crate) fn on(host: &Host, tuple: Tuple, origin: Origin, iss: SeqNum, options: socket::Shared) -> Self {
        let config = &host.config;
        let v6 = tuple.remote.is_ipv6();
        let (path_mtu, path) = path_mtu::of_new(host, tuple.remote.ip());
        let mtu = if config.mss_follows_path && !v6 { path_mtu } else { host.mtu_to(tuple.remote.ip()) };
        let rcv_mss = mss::offered(mtu, v6, options.max_seg);
        let buffer = window::buffer(&options, config);
        let md5 = host.md5_keys.get(tuple.local.port(), tuple.remote.ip()).is_some();
        // Both options leave no room for SACK blocks; timestamps give way, as in Linux.
        let timestamps = Timestamps::new(
            config.tcp_timestamps != 0 && !md5,
            match config.tcp_timestamps {
                1 => isn::timestamp_offset(host, tuple.local, tuple.remote),
                _ => 0,
            },
        );
        let mut rto = Rto::new(config);
        rto.bound(&options, config);
        Self {
            state: match origin {
                Origin::Active => State::Closed,
                Origin::Passive => State::Listen,
            },
            origin,
            tuple,
            snd: Snd {
                iss,
                una: iss,
                nxt: iss,
                wnd: 0,
                wl1: SeqNum(0),
                wl2: SeqNum(0),
                max_wnd: 0,
                up: None,
                shift: 0,
                mss: mss::default(v6),
                small: iss,
                last_sent: Sometime::NEVER,
            },
            rcv: Rcv {
                irs: SeqNum(0),
                nxt: SeqNum(0),
                edge: SeqNum(0),
                up: None,
                up_read: false,
                shift: window::scale(&options, config),
                mss: rcv_mss,
                fin: false,
                fin_waits: false,
                last_ack_sent: SeqNum(0),
            },
            fin: Fin::None,
            outgoing: SendBuffer::new(iss.plus(1)),
            write: WriteQueue::new(iss),
            queue: RetransmissionQueue::default(),
            incoming: ReceiveBuffer::new(buffer),
            receive_tuning: None,
            reassembly: Reassembly::default(),
            rto,
            syn_losses: 0,
            congestion: Congestion::new(
                mss::default(v6),
                options.congestion.unwrap_or(config.tcp_congestion_control),
                config,
            ),
            recovery: Recovery::new(config),
            ecn: Ecn::Off,
            timestamps,
            sack: config.tcp_sack,
            duplicate: None,
            window_scaling: config.tcp_window_scaling,
            delayed_ack: DelayedAck::new(config.quick_acks),
            persist: Persist::default(),
            md5,
            user_timeouts: UserTimeouts::new(config.user_timeout_option),
            fast_open: None,
            keep_alive: KeepAlive::default(),
            last_challenge: Sometime::NEVER,
            path_mtu,
            path,
            timers: Timers::default(),
            user: User {
                options,
                error: None,
                soft_error: None,
                closed: false,
                shut_read: false,
                shut_write: false,
                was_established: false,
                more: false,
                write_pending: false,
                stays_whole: false,
            },
            totals: Totals::default(),
            account: None,
            time_wait_since: Sometime::NEVER,
            syn_acked: false,
        }
    }

    pub(crate) const fn state(&self) -> State {
        self.state
    }

    /// The block of a connection that was in `state` and was kept in another form: no edge of Figure 5.
    pub(crate) const fn back_in(&mut self, state: State) {
        self.state = state;
    }

    /// Goes to `to` and does what every entry into that state needs.
    ///
    /// # Panics
    /// When Figure 5 has no such edge.
    pub(crate) fn enter(&mut self, to: State, fx: &mut Fx<'_>) {
        assert!(is_edge(self.state, to), "{} -> {to} is no edge of Figure 5", self.state);
        let from = core::mem::replace(&mut self.state, to);
        self.count(from, fx);
        match to {
            State::Established => {
                self.user.was_established = true;
                // Idle times count from here on.
                self.totals.last_data_recv = Sometime::at(fx.now);
                self.totals.last_ack_recv = Sometime::at(fx.now);
                self.snd.last_sent = Sometime::at(fx.now);
                self.keep_alive_restart(fx);
            }
            State::TimeWait => {
                self.timers.stop_all();
                self.time_wait_since = Sometime::at(fx.now);
                self.timers.set(Timer::TimeWait, fx.now + fx.config().time_wait);
            }
            State::FinWait2 => self.limit_fin_wait_2(fx),
            State::Closed | State::Listen => {
                self.timers.stop_all();
                self.queue.clear();
                self.outgoing.clear();
                self.reassembly.clear();
                self.delayed_ack.cancel();
            }
            State::SynSent
            | State::SynReceived
            | State::FinWait1
            | State::CloseWait
            | State::Closing
            | State::LastAck => {}
        }
    }

    /// The MIB's counts of a change of state.
    fn count(&self, from: State, fx: &mut Fx<'_>) {
        let counters = &mut fx.host.counters;
        let is_up = |state| matches!(state, State::Established | State::CloseWait);
        let to = self.state;
        match (is_up(from), is_up(to)) {
            (false, true) => counters.tcp_curr_estab += 1,
            (true, false) => counters.tcp_curr_estab -= 1,
            (true, true) | (false, false) => {}
        }
        match (from, to) {
            (_, State::SynSent) => counters.tcp_active_opens += 1,
            (_, State::Established) if self.origin == Origin::Passive => counters.tcp_passive_opens += 1,
            (State::SynSent | State::SynReceived, State::Closed | State::Listen) => counters.tcp_attempt_fails += 1,
            (State::Established | State::CloseWait, State::Closed) => counters.tcp_estab_resets += 1,
            (_, _) => {}
        }
    }

    /// Ends the connection with an error for the user. Text that has arrived stays readable.
    pub(crate) fn fail(&mut self, error: Errno, fx: &mut Fx<'_>) {
        self.user.error = Some(error);
        self.enter(State::Closed, fx);
    }

    /// Ends the connection because the peer does not answer. A soft error that came meanwhile says why.
    pub(crate) fn give_up(&mut self, fx: &mut Fx<'_>) {
        fx.host.counters.tcp_abort_on_timeout += 1;
        self.fail(self.user.soft_error.unwrap_or(Errno::ETIMEDOUT), fx);
    }

    /// FIN-WAIT-2 after CLOSE has nobody left who could receive, so it is limited; after a half-close it is not.
    pub(crate) fn limit_fin_wait_2(&mut self, fx: &mut Fx<'_>) {
        if self.state == State::FinWait2 && self.user.closed {
            let limit = self.fin_wait_2_time(fx);
            self.timers.set(Timer::FinWait2, fx.now + limit);
        }
    }

    /// Whether it is a mini socket in Linux: in FIN-WAIT-2 behind CLOSE, and no longer than TIME-WAIT would last.
    pub(crate) fn is_orphan_in_fin_wait_2(&self, fx: &Fx<'_>) -> bool {
        let (limit, _) = self.fin_wait_2_limit(fx);
        self.state == State::FinWait2 && self.user.closed && !self.user.stays_whole && limit <= fx.config().time_wait
    }

    /// What FIN-WAIT-2 is limited to, and the least that it may be limited to.
    fn fin_wait_2_limit(&self, fx: &Fx<'_>) -> (Duration, Duration) {
        let config = fx.config();
        let chosen = match self.user.options.rare().linger2 {
            Some(seconds) => Duration::from_secs(u64::from(seconds.max(0).unsigned_abs())),
            None => config.tcp_fin_timeout,
        };
        let least = if config.fin_timeout_above_rto { self.rto.timeout() * 7 / 2 } else { Duration::ZERO };
        (chosen.max(least), least)
    }

    /// How long FIN-WAIT-2 lasts once nobody can receive.
    fn fin_wait_2_time(&self, fx: &Fx<'_>) -> Duration {
        let (config, (limit, least)) = (fx.config(), self.fin_wait_2_limit(fx));
        match limit.checked_sub(config.time_wait) {
            Some(beyond) if !beyond.is_zero() && config.fin_timeout_in_phases => beyond + beyond.max(least),
            Some(_) | None => limit,
        }
    }

    /// Whether our FIN is acknowledged.
    pub(crate) fn fin_acknowledged(&self) -> bool {
        match self.fin {
            Fin::None | Fin::Queued => false,
            Fin::Sent(seq) => self.snd.una.gt(seq),
        }
    }

    /// Octets of text that were not sent yet.
    pub(crate) fn unsent(&self) -> u32 {
        match self.fin {
            Fin::Sent(_) => 0,
            Fin::None | Fin::Queued if self.may_transmit() => self.snd.nxt.distance(self.outgoing.end()),
            Fin::None | Fin::Queued => self.outgoing.len() as u32,
        }
    }

    /// FlightSize: octets sent and not acknowledged.
    pub(crate) fn flight(&self) -> u32 {
        self.snd.una.distance(self.snd.nxt)
    }

    /// What must hold after every event. A reference stops rather than go on wrongly.
    ///
    /// # Panics
    /// When it does not hold.
    pub(crate) fn check(&self) {
        let Self { state, snd, rcv, queue, .. } = self;
        if !state.has_a_peer() {
            assert!(self.timers.earliest().is_none(), "{state}: a timer runs");
            return;
        }
        assert!(snd.una.le(snd.nxt), "{state}: SND.UNA {} beyond SND.NXT {}", snd.una, snd.nxt);
        assert!(queue.is_empty() == (snd.una == snd.nxt), "{state}: queue and SND.UNA disagree");
        if let (Some(front), Some(back)) = (queue.front(), queue.back()) {
            assert!(front.seq == snd.una && back.end() == snd.nxt, "{state}: the queue is not SND.UNA..SND.NXT");
            let watched = self.timers.runs(Timer::Retransmission) || self.timers.runs(Timer::Persist);
            assert!(watched, "{state}: unacknowledged text without a timer");
        }
        if *state != State::SynSent {
            assert!(rcv.nxt.le(rcv.edge), "{state}: RCV.NXT {} beyond its edge {}", rcv.nxt, rcv.edge);
        }
        let fin_sent = matches!(self.fin, Fin::Sent(_));
        match state {
            State::FinWait2 | State::TimeWait => {
                assert!(self.fin_acknowledged(), "{state}: our FIN is not acknowledged");
            }
            State::Closing | State::LastAck | State::FinWait1 => {
                assert!(!self.fin_acknowledged() && self.fin != Fin::None, "{state}: our FIN is {:?}", self.fin);
            }
            State::SynSent | State::SynReceived | State::Established | State::CloseWait => {
                assert!(!fin_sent, "{state}: our FIN was sent");
            }
            State::Closed | State::Listen => {}
        }
        match state {
            State::CloseWait | State::Closing | State::LastAck | State::TimeWait => {
                assert!(rcv.fin, "{state}: no FIN was taken");
            }
            State::SynSent | State::SynReceived | State::Established | State::FinWait1 | State::FinWait2 => {
                assert!(!rcv.fin, "{state}: a FIN was taken");
            }
            State::Closed | State::Listen => {}
        }
    }
}
