//! What a stack may choose: where RFC 9293 or a document it names leaves a choice, there is a field here.
//!
//! A field bears Linux's name where Linux has a tunable for it. Profiles are values: [`Config::rfc9293`] is the
//! default, [`Config::rfc793`] leaves out what RFC 5961 added, [`Config::linux`] has Linux's defaults (6.18).
//! Durations are of the type [`Duration`]; buffer sizes and windows are octets, never scaled.

mod sysctl;

use alloc::vec::Vec;
use core::time::Duration;

/// Where the lower bound of the retransmission timeout applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RtoFloor {
    /// On the whole timeout (RFC 6298 2.4).
    Timeout,
    /// On the variance term only, so that the timeout is never below SRTT plus the bound (Linux).
    Variance,
}

/// How round-trip samples become a timeout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RttEstimator {
    /// RFC 6298 2.3.
    Rfc6298,
    /// The variance follows a rise at once and falls by a quarter per round trip at most; what a SACK block reports is
    /// sampled too (Linux).
    Linux,
}

/// How the end of retransmissions (R2 of RFC 9293 3.8.3) is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryLimit {
    /// After `tcp_retries2` retransmissions of one segment.
    Count,
    /// When the time that `tcp_retries2` doublings of the smallest timeout would take is over (Linux).
    Time,
}

/// Size of the initial congestion window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialWindow {
    /// Two to four segments depending on their size (RFC 5681 3.1).
    Rfc5681,
    /// That many segments (RFC 6928: ten).
    Segments(u32),
}

/// How the congestion window grows in congestion avoidance and how far it is reduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CongestionControl {
    /// RFC 5681: a segment per round trip, halved.
    Reno,
    /// RFC 9438: a cubic function of time, reduced to seven tenths.
    Cubic,
}

impl CongestionControl {
    /// By Linux's name.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "reno" => Some(Self::Reno),
            "cubic" => Some(Self::Cubic),
            _ => None,
        }
    }

    /// Linux's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reno => "reno",
            Self::Cubic => "cubic",
        }
    }
}

/// What a reduction of the congestion window is a part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReductionOf {
    /// What is in flight (RFC 5681 3.1 equation 4, RFC 9438 4.6).
    Flight,
    /// The congestion window, in whole segments (Linux).
    Window,
}

/// What a zero-window probe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZeroWindowProbe {
    /// One octet of new data (RFC 9293 3.8.6.1).
    Octet,
    /// An empty segment below the window, which draws an ACK, and while urgent data waits one at SND.UNA before it (Linux).
    Empty,
}

/// What a hard ICMP error does to a synchronised connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HardError {
    /// Aborts it (RFC 9293 3.9.2.2, SHLD-26).
    Abort,
    /// Counts as a soft error (RFC 5927 5.2; Linux).
    Soft,
}

/// Which ICMP errors end a half-open connection of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HalfOpenError {
    /// Those that end any connection attempt (RFC 9293 3.9.2.2).
    AsOpening,
    /// Network or host unreachable, time exceeded, parameter problem; the others do nothing (Linux).
    Linux,
}

/// How long an ACK waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AckPace {
    /// As long as it may.
    Fixed,
    /// As the gaps between the peer's segments suggest, from 40 ms on (Linux).
    Estimated,
}

/// What Nagle's rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nagle {
    /// A small segment waits while anything is unacknowledged (RFC 9293 3.7.4).
    AnyOutstanding,
    /// A small segment waits while a small one is unacknowledged (Minshall's variant; Linux).
    SmallOutstanding,
}

/// Keys of Fast Open cookies: new ones are made with the first, both are believed (key rotation, RFC 7413 4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FastOpenKeys {
    /// Octets as `TCP_FASTOPEN_KEY` has them.
    pub primary: [u8; 16],
    /// The key of before.
    pub backup: Option<[u8; 16]>,
}

/// What bounds the half-open connections of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HalfOpenLimit {
    /// `tcp_max_syn_backlog`.
    MaxSynBacklog,
    /// The backlog of `listen`, one more as for the accept queue; without cookies also three quarters of `tcp_max_syn_backlog`
    /// (Linux).
    Backlog,
}

/// Which segments pass the first check of RFC 9293 3.10.7.4, and what becomes of text at the edges of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptable {
    /// Table 6; what lies outside the window is trimmed.
    Table,
    /// What does not end before the last acknowledgment that was sent, and does not reach beyond the window; while nothing waits to be
    /// read, the right edge is crossed as far as a segment that begins inside it goes (Linux 6.18).
    Linux,
}

/// How an ephemeral port is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortSelection {
    /// From an offset that depends on the destination, moved on by one counter for all (RFC 6056 3.3.3).
    Hash,
    /// The same with a counter for each of many groups of destinations (RFC 6056 3.3.4), as Linux has it: `connect` takes
    /// ports of the parity of the first one of the range before others, `bind` begins at random with the other parity, and
    /// steps are random.
    DoubleHash,
}

/// All choices of one stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Retransmissions of a SYN. RFC: 8, so that they span the three minutes of RFC 9293 3.8.3. Linux: 6.
    pub tcp_syn_retries: u32,
    /// First timeouts of a SYN that leave the timeout as it was, in addition to `tcp_syn_retries`, as far as they fit into the
    /// time that those take alone. RFC: 0. Linux: 4.
    pub tcp_syn_linear_timeouts: u32,
    /// Retransmissions of a SYN,ACK. RFC: 8 (RFC 9293 3.8.3 as for a SYN). Linux: 5.
    pub tcp_synack_retries: u32,
    /// Half-open connections of one listener, where `half_open_limit` says so. RFC: 4096 (no limit named). Linux: 2048.
    pub tcp_max_syn_backlog: u32,
    /// What bounds the half-open connections of a listener. RFC: `tcp_max_syn_backlog` (not named). Linux: the backlog.
    pub half_open_limit: HalfOpenLimit,
    /// SYN cookies (RFC 4987 3.6): 0 never, 1 when no more half-open connections may be made, 2 always. RFC: 0. Linux: 1.
    pub tcp_syncookies: u32,
    /// Upper limit of `listen`'s backlog; the accept queue holds one more. RFC: 4096 (not named). Linux: 4096.
    pub somaxconn: u32,
    /// Whether a full accept queue answers the handshake's last ACK with a reset. RFC: no (not named). Linux: no.
    pub tcp_abort_on_overflow: bool,
    /// Whether text, FIN and urgent indication on a SYN are kept for after the handshake (RFC 9293 3.10.7.2). Linux: no.
    pub keep_syn_text: bool,

    /// Fast Open (RFC 7413), a sum of 1 client, 2 server, 4 client without cookie, 0x200 server without cookie, 0x400 every
    /// listener. RFC: 0 (RFC 9293 does not name it). Linux: 1.
    pub tcp_fastopen: u32,
    /// Keys of the server's cookies; `None` draws one from the seed. RFC, Linux: `None`.
    pub tcp_fastopen_key: Option<FastOpenKeys>,
    /// Whether a SYN to a server whose segment size is not known takes the default of it at most (RFC 7413 4.1.3). RFC: yes. Linux: no.
    pub fast_open_default_mss: bool,
    /// How long Fast Open pauses after the network seems to have swallowed it, seconds, doubled each time; 0 is not at
    /// all. RFC 7413 7.1 leaves it open: 0. Linux: 0.
    pub tcp_fastopen_blackhole_timeout_sec: u32,
    /// How long a destination gets plain SYNs after text on a SYN was lost on the way there (RFC 7413 4.1.3 recommends to
    /// remember it). RFC: 60 s. Linux: zero.
    pub fast_open_negative_cache: Duration,
    /// How long a destination where asking for accurate ECN has failed twice gets plain SYNs (RFC 9768 3.1.4.1). RFC: 10 min. Linux: zero.
    pub accecn_negative_cache: Duration,
    /// Whether a connection that is reset in SYN-RECEIVED before it was accepted counts against the listener's limit for a
    /// while, as one that was accepted does (RFC 7413 5.1). RFC: yes. Linux: no.
    pub fast_open_waiting_resets_count: bool,

    /// Timeout before a round trip has been measured. RFC 6298 2.1: 1 s. Linux: 1 s.
    pub rto_initial: Duration,
    /// Timeout for data after a retransmitted SYN without a round-trip sample. RFC 6298 5.7: 3 s. Linux: 3 s.
    pub rto_after_syn_loss: Duration,
    /// Lower bound of the timeout, microseconds. RFC 6298 2.4: 1,000,000. Linux: 200,000.
    pub tcp_rto_min_us: u32,
    /// What the lower bound applies to. RFC 6298: the timeout. Linux: its variance term.
    pub rto_floor: RtoFloor,
    /// Upper bound of the timeout, milliseconds, not below 60,000 by RFC 6298 2.5. RFC: 120,000. Linux: 120,000.
    pub tcp_rto_max_ms: u32,
    /// R1 of RFC 9293 3.8.3: retransmissions before the path is suspected (SHLD-10: at least 3). RFC: 3. Linux: 3.
    pub tcp_retries1: u32,
    /// R2 of RFC 9293 3.8.3: retransmissions of data or FIN before giving up. RFC: 15. Linux: 15.
    pub tcp_retries2: u32,
    /// How `tcp_retries2` is meant. RFC: as a count. Linux: as a time.
    pub retry_limit: RetryLimit,
    /// Retransmissions once the application has closed; 0 means 8. RFC: 0 with the meaning of `tcp_retries2`. Linux: 0.
    pub tcp_orphan_retries: u32,
    /// Whether `tcp_orphan_retries` = 0 means 8 (Linux) or no limit of its own (RFC 9293 names none).
    pub orphan_limit: bool,

    /// Duplicate ACKs that cause a fast retransmission. RFC 5681 3.2: 3. Linux: 3.
    pub tcp_reordering: u32,
    /// Limit of what `tcp_reordering` may grow to by learning. RFC: 300 (not named). Linux: 300.
    pub tcp_max_reordering: u32,
    /// Whether a connection learns how far the network reorders. RFC: no (RFC 9293 does not name it). Linux: yes.
    pub learn_reordering: bool,
    /// RFC 3042: new text on the first two duplicate ACKs. RFC: on (RFC 5681 3.2, SHOULD). Linux: on.
    pub tcp_limited_transmit: bool,
    /// RFC 2883: duplicates are reported, and reports taken. RFC: off (not named by RFC 9293). Linux: on.
    pub tcp_dsack: bool,
    /// RFC 6937: the window comes down in proportion to what arrives. RFC: off (not named). Linux: on.
    pub proportional_rate_reduction: bool,
    /// RFC 5682 F-RTO: 0 off. RFC: 0 (not named). Linux: 2.
    pub tcp_frto: u32,
    /// Whether F-RTO believes a report of text of before the timeout while the retransmission is not acknowledged. RFC 5682 3.1
    /// step 2: no. Linux: yes.
    pub frto_believes_reports: bool,
    /// RFC 8985: 1 RACK, 2 with a reordering window that does not adapt, 4 and that duplicates do not close. Without RACK
    /// losses are found as in RFC 6675. RFC: 0 (not named). Linux: 1.
    pub tcp_recovery: u32,
    /// RFC 8985 tail loss probe: 3 or 4 on. RFC: 0 (not named). Linux: 3.
    pub tcp_early_retrans: u32,
    /// Whether, after a message that the path takes less, one segment goes again and no more until something is acknowledged
    /// (RFC 1191 6.4). RFC: yes. Linux: no, as many as the window holds.
    pub slow_start_on_smaller_path: bool,
    /// Whether an ICMP error, an option that has nothing to do with it, a SEND of nothing, a segment that is refused, or a timer lets new text go,
    /// which may be a whole segment where the path takes less. RFC 1191: yes (not named). Linux: no, the next event does.
    pub new_text_on_any_event: bool,
    /// What timers of RFC 8985 wait in addition. RFC: 0. Linux: 2 ms.
    pub timer_slack: Duration,
    /// Whether a reduction that proves needless is taken back (RFC 3522, RFC 3708). RFC: no (not named). Linux: yes.
    pub undo_reductions: bool,
    /// Whether up to six timeouts of a connection with less than four segments in flight do not double. RFC: no. Linux: no.
    pub tcp_thin_linear_timeouts: bool,
    /// Whether the congestion window counts segments, however small. RFC 5681 2: no, octets. Linux: yes.
    pub window_in_segments: bool,
    /// How the timeout is computed. RFC: RFC 6298. Linux: its own variance.
    pub rtt_estimator: RttEstimator,
    /// Whether a fast retransmission of the front starts the retransmission timer anew. RFC 6298 5: no. Linux: yes.
    pub restart_rto_on_fast_retransmit: bool,
    /// Whether an ACK of less than a segment, whose rest stays in flight, starts the retransmission timer anew and may measure a round trip by
    /// its echo. RFC 6298 5.3, RFC 7323 4.2: yes. Linux: no.
    pub restart_rto_on_part_of_segment: bool,
    /// Whether a timeout during a reduction leaves ssthresh as it is. RFC 5681 3.1: no. Linux: yes.
    pub timeout_reduces_once: bool,
    /// Initial congestion window. RFC: RFC 5681. Linux: 10 segments.
    pub initial_window: InitialWindow,
    /// Lost SYNs after which the initial window is one segment. RFC 5681 3.1: 1. Linux: 2.
    pub syn_losses_for_small_window: u32,
    /// How the congestion window grows and is reduced; a socket may choose its own. RFC: Reno (RFC 9293 3.8.2). Linux: CUBIC.
    pub tcp_congestion_control: CongestionControl,
    /// Whether the restart window is that of RFC 3390 once more than 4 KB of an initial or restart window met a loss (RFC 6928 2).
    /// RFC: yes. Linux: no.
    pub restart_window_falls_back: bool,
    /// What a reduction is a part of. RFC: the flight. Linux: the window.
    pub reduction_of: ReductionOf,
    /// Whether CUBIC ends slow start by Linux's HyStart. RFC: no (RFC 9438 4.10 has HyStart++). Linux: yes.
    pub hystart: bool,
    /// Whether CUBIC reckons in whole segments and milliseconds, and looks at its curve at most 32 times a second while the window stays.
    /// RFC: no. Linux: yes.
    pub cubic_in_segments: bool,
    /// Segments by which one ACK may open the window in slow start. RFC 5681 3.1: 1. Linux: as many as it acknowledges (255 and more).
    pub slow_start_segments: u32,
    /// Whether an idle time halves the window once per timeout (RFC 2861). RFC 5681 4.1: no, it restarts. Linux: yes.
    pub idle_halves_window: bool,
    /// Whether the congestion window restarts after an idle time (RFC 5681 4.1). RFC: yes. Linux: yes.
    pub tcp_slow_start_after_idle: bool,
    /// Which Nagle rule. RFC: any outstanding data. Linux: Minshall's.
    pub nagle: Nagle,
    /// Whether text is written and sent in the units of a stack with segmentation offload: PSH ends each train of segments,
    /// a short train waits for the next ACK, the send buffer is charged by unit, and `MSG_EOR` has effect. RFC: no. Linux: yes.
    pub segment_trains: bool,
    /// Whether a segment has no more text than half of the largest window that the peer has offered, if that is more than 536 octets, and than all
    /// of it if it is less. RFC 1122 4.2.3.4: no. Linux: yes.
    pub half_window_segments: bool,
    /// Octets that a unit of text is charged with in the send buffer, apart from its text. RFC: not asked. Linux: 1280; 832 to 1280, by how it was
    /// built.
    pub memory_of_unit: u32,
    /// Segments of the longest train at the lowest rates. RFC: 2 (not named). Linux: 2.
    pub tcp_min_tso_segs: u32,
    /// A train that is at least this part of the window does not wait; 0 is three segments. RFC: 3 (not named). Linux: 3.
    pub tcp_tso_win_divisor: u32,
    /// How long a partial segment waits for more text (cork) or more window; `None` is one retransmission timeout. RFC:
    /// 200 ms, of the 0.1 to 1 s of RFC 9293 3.8.6.2.1. Linux: `None`.
    pub override_timeout: Option<Duration>,
    /// Zero-window probes. RFC: one octet. Linux: empty.
    pub zero_window_probe: ZeroWindowProbe,
    /// Whether each ACK lets the timer of the next probe, or of a partial segment that waits, begin again. RFC: no (RFC 9293 3.8.6.1 counts
    /// from the probe). Linux: yes.
    pub acks_restart_probes: bool,
    /// Whether the interval of probes goes on doubling from where retransmissions left it, while no round trip has been measured since.
    /// RFC 9293 3.8.6.1: no (not named). Linux: yes.
    pub probes_keep_backoff: bool,

    /// ECN: 0 off; 1 asks for it (RFC 3168), 2 only answers; with accurate feedback (RFC 9768) 3 asks, 4 answers and asks
    /// for RFC 3168, 5 only answers. RFC: 2 (RFC 9293 3.8.2, SHLD-8: have it; who has to ask is not said). RFC 793: 0. Linux: 2.
    pub tcp_ecn: u32,
    /// Whether a repeated SYN no longer asks for ECN (RFC 3168 6.1.1.1, RFC 9768 3.1.4.1). RFC: yes, a MAY. Linux: yes.
    pub tcp_ecn_fallback: bool,
    /// The accurate ECN option: 0 never, 1 with news, 2 wherever it fits, 3 even when it may be what gets lost. RFC: 1
    /// (RFC 9768 3.2.3.3). Linux: 2.
    pub tcp_ecn_option: u32,
    /// Segments acknowledged without delay after the first CE. RFC: 0 (not named). Linux: 2; also an ACK at once for CWR.
    pub ecn_quick_acks: u32,
    /// Whether new data waits for the timer when ECE arrives and the window is one segment (RFC 3168 6.1.2). Linux: no.
    pub ecn_waits_at_one_segment: bool,

    /// RFC 7323 timestamps: 0 off, 1 with a random offset, 2 without. RFC: 1. Linux: 1.
    pub tcp_timestamps: u32,
    /// Whether all connections of two hosts have one offset of the timestamp clock. RFC 7323 7: no, each has its own. Linux: yes.
    pub timestamp_offset_of_host: bool,
    /// RFC 7323 window scaling. RFC: on. Linux: on.
    pub tcp_window_scaling: bool,
    /// RFC 2018 selective acknowledgments. RFC: on. Linux: on.
    pub tcp_sack: bool,
    /// Whether a reset in reply to a segment with timestamps echoes them (RFC 7323 5.2, recommended). RFC: yes. Linux: no.
    pub reset_echoes_timestamps: bool,
    /// Whether a segment without timestamps is dropped once they were negotiated (RFC 7323 3.2). RFC: yes. Linux: no.
    pub require_timestamps: bool,
    /// Receive buffer: minimum, default, maximum. RFC: 4096, 65535, 4194304. Linux: 4096, 131072, 33554432.
    pub tcp_rmem: [u32; 3],
    /// Send buffer: minimum, default, maximum. RFC: 4096, 262144, 4194304. Linux: 4096, 16384, 4194304.
    pub tcp_wmem: [u32; 3],
    /// Whether a SYN,ACK or ACK that echoes a timestamp which our SYN never had is reset. RFC: no (RFC 7323 does not say). Linux: yes.
    pub syn_ack_echo_check: bool,
    /// Whether the SYN,ACK that ends a simultaneous open is acknowledged, as a SYN that came twice. RFC: no. Linux: yes.
    pub ack_crossing_syn_ack: bool,
    /// How soon a SYN that was not repeated yet is repeated once an ACK of something else was answered with a RST; zero: when its timer is due.
    /// RFC 9293 3.8.1: zero. Linux: 8 ms, two of its ticks.
    pub syn_again_after_refusal: Duration,
    /// Whether a SYN that comes again, and draws the SYN,ACK again, starts the timer of a half-open connection anew. RFC 6298 5.1: no. Linux: yes.
    pub repeated_syn_restarts_timer: bool,
    /// Whether `TCP_USER_TIMEOUT` is counted from the first retransmission or probe and asked about when the next is due, not from when text
    /// began to wait (RFC 9293 3.10.8). RFC: no. Linux: yes.
    pub user_timeout_of_retries: bool,
    /// Whether an ICMP error that says that there is no route undoes a doubling of RTO (RFC 6069, experimental). RFC: no. Linux: yes.
    pub no_route_reverts_backoff: bool,
    /// Octets that may wait to be sent before a writer waits too. RFC: no limit (not named). Linux: no limit.
    pub tcp_notsent_lowat: u32,
    /// Upper bound for `SO_RCVBUF`. RFC: 4194304 (not named). Linux: 4194304.
    pub rmem_max: u32,
    /// Upper bound for `SO_SNDBUF`. RFC: 4194304 (not named). Linux: 4194304.
    pub wmem_max: u32,
    /// Whether the receive buffer grows with what the user reads in a round trip, up to the maximum. RFC: no (not named). Linux: yes.
    pub tcp_moderate_rcvbuf: bool,
    /// Share of the receive buffer that is window, as Linux's shift. RFC: 0, all of it. Linux: 1, half of it.
    pub tcp_adv_win_scale: i32,
    /// Share of the receive buffer that is no window until the buffer grows, as Linux's shift, and at least a segment; 0: none. RFC: 0.
    /// Linux: 31, which makes it a segment.
    pub tcp_app_win: u32,
    /// Whether the initial window is a whole number of segments, and all of it counts as offered although the field of a SYN cannot say
    /// so much. RFC: no. Linux: yes.
    pub initial_window_in_segments: bool,
    /// Smallest segment size used, whatever the peer's option says. RFC: 48 (not named). Linux: 48.
    pub tcp_min_snd_mss: u32,
    /// Whether the segment size that a new connection offers fits what is known of the path, IPv4. RFC 1191 6.4: no. Linux: yes.
    pub mss_follows_path: bool,
    /// Whether a message that the path takes less is ignored if the segments of its connection are small enough, IPv6. RFC 8201 5.2: no.
    /// Linux: yes.
    pub smaller_path_needs_smaller_segments: bool,
    /// Smallest path MTU that an ICMP error can set, IPv4. RFC 1191 3: 68. Linux: 552.
    pub min_pmtu: u32,

    /// Whether a message that does not say what the path takes is answered by the next common size below that of the datagram. RFC 1191 5: yes.
    /// Linux: no, by the smallest that it can set.
    pub pmtu_plateaus: bool,
    /// How long a smaller path MTU counts before the larger one is tried again. RFC 1191 6.3: 10 minutes. Linux: 10 minutes.
    pub mtu_expires: Duration,
    /// Probing for the path MTU (RFC 4821): 0 never, 1 once large segments seem to vanish, 2 always. RFC: 0 (RFC 9293
    /// 3.7.2 names it without a level). Linux: 0.
    pub tcp_mtu_probing: u32,
    /// Segment size that probing begins with (RFC 4821 7.2: 1024). RFC: 1024. Linux: 1024.
    pub tcp_base_mss: u32,
    /// Smallest segment size that probing falls back to. RFC: 48 (not named). Linux: 48.
    pub tcp_mtu_probe_floor: u32,
    /// Seconds until a search that has ended begins anew. RFC 4821 7.7: 600, as RFC 1191 6.3. Linux: 600.
    pub tcp_probe_interval: u32,
    /// Octets: a search range below this has ended. RFC: 8 (not named). Linux: 8.
    pub tcp_probe_threshold: u32,
    /// IPv6 flow labels of connections (RFC 6437): 0 none, 1 one each. RFC: 0 (RFC 9293 does not name them). Linux: 1.
    pub auto_flowlabels: u32,

    /// Longest delay of an ACK, below 500 ms (RFC 9293 3.8.6.3). RFC: 200 ms. Linux: 200 ms.
    pub delayed_ack: Duration,
    /// Whether ACKs wait for `delayed_ack`, or at most so long and at the peer's pace. RFC: fixed. Linux: estimated.
    pub ack_pace: AckPace,
    /// Segments acknowledged without delay at the start of a connection, and, at the peer's pace, behind text that comes again. RFC: 0. Linux: 16.
    pub quick_acks: u32,

    /// RFC 5961 3, 4: challenge ACKs instead of resets. RFC: on. RFC 793: off. Linux: on.
    pub challenge_acks: bool,
    /// RFC 5961 5: the range check of the ACK field. RFC: on. RFC 793: off. Linux: on.
    pub ack_range_check: bool,
    /// Whether an ACK of what was never sent is answered in ESTABLISHED too. RFC 9293 3.10.7.4: yes. Linux: yes (as of 6.18.44).
    pub answer_future_acks: bool,
    /// Whether RFC 5961 5.2's range begins at what was acknowledged at all, if that is nearer than MAX.SND.WND. RFC: no. Linux: yes.
    pub ack_range_of_acknowledged: bool,
    /// Whether a segment without ACK, RST and SYN is dropped before its numbers are looked at. RFC 9293 3.10.7.4: no. Linux: yes.
    pub drop_without_ack_first: bool,
    /// Whether in SYN-RECEIVED of a passive OPEN the ACK field is checked before the sequence number. RFC 9293 3.10.7.4: no. Linux: yes.
    pub half_open_ack_first: bool,
    /// Which segments are acceptable. RFC: Table 6. Linux: its own test.
    pub acceptable: Acceptable,
    /// Whether half-open connections of a listener, FIN-WAIT-2 after `close` and TIME-WAIT are checked by the shorter lists of tests
    /// of blocks that keep a few numbers only. RFC: no. Linux: yes.
    pub mini_sockets: bool,
    /// Whether SND.WND becomes smaller only by a segment with new text or a new acknowledgment, unless it closes. RFC 9293 3.10.7.4: no.
    /// Linux: yes.
    pub smaller_window_needs_news: bool,
    /// Whether an ACK is a duplicate if its window is no news, as SND.WND sees it, and not if it is that of before. RFC 5681 2: no. Linux: yes.
    pub duplicate_has_no_news: bool,
    /// Whether the SYN,ACK of a simultaneous open offers what our SYN did, whatever the peer's SYN says. RFC 7323 1.3: no. Linux: yes.
    pub crossing_syn_ack_offers: bool,
    /// Whether SACK blocks report SYN and FIN as they report text, and go in the reset of an ABORT too, and a FIN in order ends the text whatever has
    /// come with its number. RFC 2018 3: no. Linux: yes.
    pub sack_counts_controls: bool,
    /// Whether four SACK blocks at the most are remembered, merged and reordered as segments come, instead of told anew from what is held,
    /// and duplicates ahead of RCV.NXT by the segments that are held. RFC 2018 4: no. Linux: yes.
    pub sack_keeps_blocks: bool,
    /// Whether all text is cut for the SACK blocks that are due. RFC 9293 3.7.1: only where they are sent. Linux: yes.
    pub sack_shortens_text: bool,
    /// Whether a SACK block that begins at SND.UNA or before it says nothing, unless it reports a duplicate. RFC 2018 5: no. Linux: yes.
    pub sack_begins_above_una: bool,
    /// Whether a D-SACK block counts wherever it lies, if it is no longer than the largest window. RFC 2883 4: no, it is about what was sent.
    /// Linux: yes.
    pub dsack_of_unsent: bool,
    /// Whether a SYN with FIN is dropped in LISTEN. RFC 9293 3.10.7.2: no. Linux: yes.
    pub listen_drops_syn_fin: bool,
    /// Whether `shutdown` in SYN-RECEIVED changes nothing but what the user may do. RFC 9293 3.10.4: no. Linux: yes.
    pub shutdown_spares_half_open: bool,
    /// Whether text that comes behind `shutdown` of both directions is reset as behind `close`, and text that is unread at `close` in CLOSING
    /// and LAST-ACK too; what is read behind `shutdown` of reading opens no window at once. RFC 9293 3.6.1: no. Linux: yes.
    pub shut_reading_resets: bool,
    /// Whether the user hears of a reset in CLOSING and LAST-ACK, and in SYN-RECEIVED as of any other. RFC 9293 3.10.7.4: no. Linux: yes.
    pub late_reset_is_error: bool,
    /// Whether PAWS passes over an old ACK in silence, takes a repeated one that is not much too old, and any segment that is a tick too
    /// old. RFC 7323 5.3: no. Linux: yes.
    pub paws_spares_acks: bool,
    /// Whether an ACK behind a window that has shrunk has the number of its edge, and the window of a crossing SYN begins with our SYN. RFC 9293
    /// 3.10.7.4: no, SND.NXT. Linux: yes.
    pub ack_within_window: bool,
    /// Whether an urgent pointer of 0 names the octet that one of 1 does. RFC 9293 3.8.5: no. Linux: yes.
    pub urgent_zero_is_one: bool,
    /// Whether an urgent pointer to what has come already says nothing. RFC 9293 3.10.7.4: no, only one to what the user has had. Linux: yes.
    pub urgent_is_ahead: bool,
    /// Whether the urgent pointer counts behind the peer's FIN too. RFC 9293 3.10.7.4: no. Linux: yes.
    pub urgent_behind_fin: bool,
    /// Whether all segments of a train that goes again have the urgent pointer of the first. RFC 9293 3.1: no. Linux: yes.
    pub train_has_one_urgent_pointer: bool,
    /// Whether the reset of an ABORT says what any segment says: that text is urgent, and ECE. RFC 9293 3.10.5: no. Linux: yes.
    pub abort_says_all: bool,
    /// Whether ECE counts only while something is in flight. RFC 3168 6.1.2: no. Linux: yes.
    pub ece_needs_flight: bool,
    /// Whether ECE asks for no other reduction until the text that CWR went with is acknowledged (RFC 3168 6.1.2: the peer does not know of the first
    /// one). RFC: yes. Linux: no, until something is that was sent after the reduction.
    pub ece_waits_for_cwr: bool,
    /// Whether the ACK of a FIN in ESTABLISHED waits for an answer of the user, until the next tick if no text came. RFC 9293 3.10.7.4: no.
    /// Linux: yes.
    pub fin_ack_waits: bool,
    /// Whether `TCP_MAXSEG` counts for the handshake only, and not beyond the connection that it was for. RFC: no (not named). Linux: yes.
    pub max_seg_of_handshake: bool,
    /// Whether TS.Recent is taken where the acknowledgment is looked at: from one that is not old, or of a segment that is no more than
    /// the next one, whatever becomes of it then. RFC 7323 4.3: no. Linux: yes.
    pub ts_recent_by_ack: bool,
    /// Whether a half-open connection of a listener acknowledges and drops what echoes a timestamp that its SYN,ACK never had. RFC 7323: no.
    /// Linux: yes.
    pub half_open_echo_check: bool,
    /// Whether `shutdown` of a socket without connection, which fails, counts for the next connection. RFC 9293 3.10.4: no. Linux: yes.
    pub shutdown_is_remembered: bool,
    /// Whether CE counts of what is kept alone: of a FIN ahead of missing text too, and not of text behind the peer's FIN; and CWR where the
    /// segment acknowledges SND.UNA or more. RFC 3168 6.1.3: no, CE of text, CWR of every acceptable segment. Linux: yes.
    pub ce_counts_where_kept: bool,
    /// Challenge ACKs per second of the whole stack (RFC 5961 7). RFC: no limit. Linux: no limit.
    pub tcp_challenge_ack_limit: u32,
    /// Least time between two ACKs for invalid segments of one connection, milliseconds. RFC: 0. Linux: 500.
    pub tcp_invalid_ratelimit: u32,
    /// Whether a RST in TIME-WAIT is ignored (RFC 1337 3, fix F1). RFC: no. Linux: no.
    pub tcp_rfc1337: bool,
    /// Whether a RST for an aborted connection carries an ACK. RFC 9293 3.8: yes; 3.10.5 and RFC 793: no. Linux: yes.
    pub abort_with_ack: bool,

    /// How long TIME-WAIT lasts, twice the maximum segment lifetime. RFC 9293 3.4.2: 240 s. Linux: 60 s.
    pub time_wait: Duration,
    /// Whether a SYN that reopened a connection in TIME-WAIT and then proves old leads back there. RFC 9293 3.6.1 (MAY-2, as a
    /// condition of reopening): yes. Linux: no.
    pub time_wait_returns: bool,
    /// How long FIN-WAIT-2 lasts after `close`. RFC: 60 s (RFC 9293 3.6 names no limit, and forbids none). Linux: 60 s.
    pub tcp_fin_timeout: Duration,
    /// Whether FIN-WAIT-2 after `close` lasts at least 3.5 retransmission timeouts. RFC: no (not named). Linux: yes.
    pub fin_timeout_above_rto: bool,
    /// Whether a FIN-WAIT-2 after `close` that is to last longer than `time_wait` lasts twice the difference instead (Linux,
    /// which passes it in two phases of that length). RFC: no.
    pub fin_timeout_in_phases: bool,
    /// Whether `connect` may take a tuple in TIME-WAIT: 0 no, 1 yes, 2 on loopback. RFC: 0. Linux: 2.
    pub tcp_tw_reuse: u32,
    /// Least age of a TIME-WAIT connection for `tcp_tw_reuse`, milliseconds. RFC: 1000. Linux: 1000.
    pub tcp_tw_reuse_delay: u32,
    /// Connections in TIME-WAIT; those beyond are closed at once. RFC: no limit. Linux: 131072.
    pub tcp_max_tw_buckets: u32,
    /// Connections that close without a socket; those beyond are reset. RFC: no limit. Linux: 131072.
    pub tcp_max_orphans: u32,

    /// The user timeout option (RFC 5482), told and believed; its `sysctl` name, `net.ipv4.tcp_user_timeout_option`, is ours. RFC: no
    /// (RFC 9293 does not name it). Linux: no (it has none).
    pub user_timeout_option: bool,
    /// Least and greatest user timeout that a peer can tell. RFC 5482 3.1: 100 s (R2 of RFC 9293 3.8.3), and a limit that
    /// it leaves open: a day. Linux: none.
    pub user_timeout_limits: (Duration, Duration),

    /// Idle time before the first keep-alive, seconds (RFC 9293 3.8.4: two hours). Linux: 7200.
    pub tcp_keepalive_time: u32,
    /// Time between keep-alives, seconds. RFC: 75 (not named). Linux: 75.
    pub tcp_keepalive_intvl: u32,
    /// Unanswered keep-alives before the connection is dropped. RFC: 9 (not named). Linux: 9.
    pub tcp_keepalive_probes: u32,

    /// Ephemeral ports, first and last. RFC 6056 3.2: 1024 to 65535. Linux: 32768 to 60999.
    pub ip_local_port_range: (u16, u16),
    /// Whether the urgent pointer names the last urgent octet (RFC 1122) or the one after it (RFC 9293 3.8.5). Linux: after.
    pub tcp_stdurg: bool,
    /// Hop limit and TTL. RFC 1122 4.2.2.19: configurable, 64. Linux: 64.
    pub ip_default_ttl: u8,
    /// How long the missing fragments of an IPv4 datagram are waited for. RFC: 60 s (RFC 1122 3.3.2). Linux: 30 s.
    pub ipfrag_time: Duration,
    /// The same of an IPv6 datagram. RFC, Linux: 60 s (RFC 8200 4.5).
    pub ip6frag_time: Duration,

    /// How `connect` and `bind` choose ephemeral ports. RFC 6056 4 recommends its algorithm 3; Linux: algorithm 4.
    pub port_selection: PortSelection,
    /// Ports that are never chosen, first and last of each range. RFC: none (RFC 6056 3.2 leaves it to the host). Linux: none.
    pub ip_local_reserved_ports: Vec<(u16, u16)>,
    /// Whether `connect` to the unspecified address goes to the address of a loop. RFC 9293 3.9.1.1: no, it fails. Linux: yes.
    pub connect_any_is_loopback: bool,

    /// What a hard ICMP error does to a synchronised connection. RFC: abort. Linux: nothing at once.
    pub icmp_hard_error: HardError,
    /// Whether a soft ICMP error ends a connection attempt (RFC 5461 4). RFC 9293 3.9.2.2: no. Linux: yes.
    pub icmp_soft_ends_connect: bool,
    /// Which ICMP errors end a half-open connection of a listener. RFC: those that end an attempt. Linux: a list of its own.
    pub icmp_half_open: HalfOpenError,
}

impl Config {
    /// RFC 9293 and the documents it names.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a line for each choice")]
    pub const fn rfc9293() -> Self {
        Self {
            tcp_syn_retries: 8,
            tcp_syn_linear_timeouts: 0,
            tcp_synack_retries: 8,
            tcp_max_syn_backlog: 4096,
            half_open_limit: HalfOpenLimit::MaxSynBacklog,
            tcp_syncookies: 0,
            somaxconn: 4096,
            tcp_abort_on_overflow: false,
            keep_syn_text: true,
            tcp_fastopen: 0,
            tcp_fastopen_key: None,
            fast_open_default_mss: true,
            tcp_fastopen_blackhole_timeout_sec: 0,
            fast_open_negative_cache: Duration::from_secs(60),
            accecn_negative_cache: Duration::from_secs(600),
            fast_open_waiting_resets_count: true,
            rto_initial: Duration::from_secs(1),
            rto_after_syn_loss: Duration::from_secs(3),
            tcp_rto_min_us: 1_000_000,
            rto_floor: RtoFloor::Timeout,
            tcp_rto_max_ms: 120_000,
            tcp_retries1: 3,
            tcp_retries2: 15,
            retry_limit: RetryLimit::Count,
            tcp_orphan_retries: 0,
            orphan_limit: false,
            tcp_reordering: 3,
            tcp_max_reordering: 300,
            learn_reordering: false,
            ack_crossing_syn_ack: false,
            syn_again_after_refusal: Duration::ZERO,
            repeated_syn_restarts_timer: false,
            user_timeout_of_retries: false,
            no_route_reverts_backoff: false,
            syn_ack_echo_check: false,
            tcp_limited_transmit: true,
            tcp_dsack: false,
            proportional_rate_reduction: false,
            tcp_frto: 0,
            frto_believes_reports: false,
            tcp_recovery: 0,
            tcp_early_retrans: 0,
            slow_start_on_smaller_path: true,
            new_text_on_any_event: true,
            timer_slack: Duration::ZERO,
            undo_reductions: false,
            tcp_thin_linear_timeouts: false,
            window_in_segments: false,
            rtt_estimator: RttEstimator::Rfc6298,
            restart_rto_on_fast_retransmit: false,
            restart_rto_on_part_of_segment: true,
            timeout_reduces_once: false,
            initial_window: InitialWindow::Rfc5681,
            syn_losses_for_small_window: 1,
            tcp_congestion_control: CongestionControl::Reno,
            restart_window_falls_back: true,
            reduction_of: ReductionOf::Flight,
            hystart: false,
            cubic_in_segments: false,
            slow_start_segments: 1,
            idle_halves_window: false,
            tcp_slow_start_after_idle: true,
            nagle: Nagle::AnyOutstanding,
            segment_trains: false,
            half_window_segments: false,
            memory_of_unit: 1280,
            tcp_min_tso_segs: 2,
            tcp_tso_win_divisor: 3,
            override_timeout: Some(Duration::from_millis(200)),
            zero_window_probe: ZeroWindowProbe::Octet,
            acks_restart_probes: false,
            probes_keep_backoff: false,
            tcp_ecn: 2,
            tcp_ecn_fallback: true,
            tcp_ecn_option: 1,
            ecn_quick_acks: 0,
            ecn_waits_at_one_segment: true,
            tcp_timestamps: 1,
            timestamp_offset_of_host: false,
            tcp_window_scaling: true,
            tcp_sack: true,
            reset_echoes_timestamps: true,
            require_timestamps: true,
            tcp_rmem: [4096, 65_535, 4_194_304],
            tcp_wmem: [4096, 262_144, 4_194_304],
            tcp_notsent_lowat: u32::MAX,
            rmem_max: 4_194_304,
            wmem_max: 4_194_304,
            tcp_moderate_rcvbuf: false,
            tcp_adv_win_scale: 0,
            tcp_app_win: 0,
            initial_window_in_segments: false,
            tcp_min_snd_mss: 48,
            mss_follows_path: false,
            smaller_path_needs_smaller_segments: false,
            min_pmtu: 68,
            pmtu_plateaus: true,
            mtu_expires: Duration::from_secs(600),
            tcp_mtu_probing: 0,
            tcp_base_mss: 1024,
            tcp_mtu_probe_floor: 48,
            tcp_probe_interval: 600,
            tcp_probe_threshold: 8,
            auto_flowlabels: 0,
            delayed_ack: Duration::from_millis(200),
            ack_pace: AckPace::Fixed,
            quick_acks: 0,
            challenge_acks: true,
            ack_range_check: true,
            answer_future_acks: true,
            ack_range_of_acknowledged: false,
            drop_without_ack_first: false,
            half_open_ack_first: false,
            acceptable: Acceptable::Table,
            mini_sockets: false,
            smaller_window_needs_news: false,
            duplicate_has_no_news: false,
            crossing_syn_ack_offers: false,
            sack_counts_controls: false,
            sack_keeps_blocks: false,
            sack_shortens_text: false,
            sack_begins_above_una: false,
            dsack_of_unsent: false,
            listen_drops_syn_fin: false,
            shutdown_spares_half_open: false,
            shut_reading_resets: false,
            late_reset_is_error: false,
            paws_spares_acks: false,
            ack_within_window: false,
            urgent_zero_is_one: false,
            urgent_is_ahead: false,
            urgent_behind_fin: false,
            train_has_one_urgent_pointer: false,
            abort_says_all: false,
            ece_needs_flight: false,
            ece_waits_for_cwr: true,
            fin_ack_waits: false,
            max_seg_of_handshake: false,
            ts_recent_by_ack: false,
            half_open_echo_check: false,
            shutdown_is_remembered: false,
            ce_counts_where_kept: false,
            tcp_challenge_ack_limit: u32::MAX,
            tcp_invalid_ratelimit: 0,
            tcp_rfc1337: false,
            abort_with_ack: true,
            time_wait: Duration::from_secs(240),
            time_wait_returns: true,
            tcp_fin_timeout: Duration::from_secs(60),
            fin_timeout_above_rto: false,
            fin_timeout_in_phases: false,
            tcp_tw_reuse: 0,
            tcp_tw_reuse_delay: 1000,
            tcp_max_tw_buckets: u32::MAX,
            tcp_max_orphans: u32::MAX,
            user_timeout_option: false,
            user_timeout_limits: (Duration::from_secs(100), Duration::from_secs(86_400)),
            tcp_keepalive_time: 7200,
            tcp_keepalive_intvl: 75,
            tcp_keepalive_probes: 9,
            ip_local_port_range: (1024, 65_535),
            tcp_stdurg: false,
            ip_default_ttl: 64,
            ipfrag_time: Duration::from_secs(60),
            ip6frag_time: Duration::from_secs(60),
            port_selection: PortSelection::Hash,
            ip_local_reserved_ports: Vec::new(),
            connect_any_is_loopback: false,
            icmp_hard_error: HardError::Abort,
            icmp_soft_ends_connect: false,
            icmp_half_open: HalfOpenError::AsOpening,
        }
    }

    /// RFC 793 as corrected by RFC 1122: no challenge ACKs, no options but the segment size.
    #[must_use]
    pub const fn rfc793() -> Self {
        let mut config = Self::rfc9293();
        config.challenge_acks = false;
        config.ack_range_check = false;
        config.abort_with_ack = false;
        config.tcp_ecn = 0;
        config.tcp_timestamps = 0;
        config.reset_echoes_timestamps = false;
        config.tcp_window_scaling = false;
        config.tcp_sack = false;
        config
    }

    /// Linux 6.18 with its default settings.
    #[must_use]
    #[expect(clippy::too_many_lines, reason = "a line for each choice")]
    pub const fn linux() -> Self {
        let mut config = Self::rfc9293();
        config.tcp_syn_retries = 6;
        config.tcp_syn_linear_timeouts = 4;
        config.tcp_synack_retries = 5;
        config.tcp_max_syn_backlog = 2048;
        config.half_open_limit = HalfOpenLimit::Backlog;
        config.tcp_syncookies = 1;
        config.tcp_max_orphans = 131_072;
        config.keep_syn_text = false;
        config.tcp_fastopen = 1;
        config.fast_open_default_mss = false;
        config.fast_open_negative_cache = Duration::ZERO;
        config.accecn_negative_cache = Duration::ZERO;
        config.fast_open_waiting_resets_count = false;
        config.tcp_rto_min_us = 200_000;
        config.rto_floor = RtoFloor::Variance;
        config.retry_limit = RetryLimit::Time;
        config.orphan_limit = true;
        config.learn_reordering = true;
        config.ack_crossing_syn_ack = true;
        config.syn_again_after_refusal = Duration::from_millis(8);
        config.repeated_syn_restarts_timer = true;
        config.user_timeout_of_retries = true;
        config.no_route_reverts_backoff = true;
        config.syn_ack_echo_check = true;
        config.tcp_dsack = true;
        config.proportional_rate_reduction = true;
        (config.tcp_frto, config.frto_believes_reports) = (2, true);
        config.tcp_recovery = 1;
        config.tcp_early_retrans = 3;
        (config.slow_start_on_smaller_path, config.new_text_on_any_event) = (false, false);
        config.timer_slack = Duration::from_millis(2);
        config.undo_reductions = true;
        config.window_in_segments = true;
        config.rtt_estimator = RttEstimator::Linux;
        (config.restart_rto_on_fast_retransmit, config.restart_rto_on_part_of_segment) = (true, false);
        config.timeout_reduces_once = true;
        config.initial_window = InitialWindow::Segments(10);
        config.syn_losses_for_small_window = 2;
        config.nagle = Nagle::SmallOutstanding;
        (config.segment_trains, config.half_window_segments) = (true, true);
        config.override_timeout = None;
        (config.zero_window_probe, config.acks_restart_probes, config.probes_keep_backoff) =
            (ZeroWindowProbe::Empty, true, true);
        config.tcp_congestion_control = CongestionControl::Cubic;
        config.restart_window_falls_back = false;
        config.reduction_of = ReductionOf::Window;
        (config.hystart, config.cubic_in_segments) = (true, true);
        config.slow_start_segments = u32::MAX;
        config.idle_halves_window = true;
        config.tcp_ecn_option = 2;
        config.ecn_quick_acks = 2;
        config.ecn_waits_at_one_segment = false;
        (config.reset_echoes_timestamps, config.require_timestamps) = (false, false);
        config.timestamp_offset_of_host = true;
        config.tcp_rmem = [4096, 131_072, 33_554_432];
        config.tcp_wmem = [4096, 16_384, 4_194_304];
        config.tcp_moderate_rcvbuf = true;
        config.tcp_adv_win_scale = 1;
        (config.tcp_app_win, config.initial_window_in_segments) = (31, true);
        (config.mss_follows_path, config.min_pmtu, config.pmtu_plateaus) = (true, 552, false);
        config.smaller_path_needs_smaller_segments = true;
        config.ipfrag_time = Duration::from_secs(30);
        config.auto_flowlabels = 1;
        config.ack_pace = AckPace::Estimated;
        config.quick_acks = 16;
        (config.ack_range_of_acknowledged, config.drop_without_ack_first) = (true, true);
        config.half_open_ack_first = true;
        (config.acceptable, config.mini_sockets) = (Acceptable::Linux, true);
        (config.smaller_window_needs_news, config.duplicate_has_no_news) = (true, true);
        config.crossing_syn_ack_offers = true;
        (config.sack_counts_controls, config.sack_keeps_blocks, config.sack_shortens_text) = (true, true, true);
        (config.sack_begins_above_una, config.dsack_of_unsent) = (true, true);
        config.listen_drops_syn_fin = true;
        config.shutdown_spares_half_open = true;
        (config.shut_reading_resets, config.late_reset_is_error) = (true, true);
        config.paws_spares_acks = true;
        (config.ack_within_window, config.urgent_zero_is_one) = (true, true);
        (config.fin_ack_waits, config.max_seg_of_handshake) = (true, true);
        (config.urgent_is_ahead, config.abort_says_all) = (true, true);
        (config.ece_needs_flight, config.ece_waits_for_cwr) = (true, false);
        (config.urgent_behind_fin, config.train_has_one_urgent_pointer) = (true, true);
        (config.ts_recent_by_ack, config.half_open_echo_check) = (true, true);
        (config.shutdown_is_remembered, config.ce_counts_where_kept) = (true, true);
        config.tcp_invalid_ratelimit = 500;
        config.time_wait = Duration::from_secs(60);
        config.time_wait_returns = false;
        config.fin_timeout_above_rto = true;
        config.fin_timeout_in_phases = true;
        config.tcp_tw_reuse = 2;
        config.tcp_max_tw_buckets = 131_072;
        config.ip_local_port_range = (32_768, 60_999);
        config.port_selection = PortSelection::DoubleHash;
        config.connect_any_is_loopback = true;
        config.icmp_hard_error = HardError::Soft;
        config.icmp_soft_ends_connect = true;
        config.icmp_half_open = HalfOpenError::Linux;
        config
    }

    /// Whether `ip_local_reserved_ports` has the port.
    pub(crate) fn is_reserved(&self, port: u16) -> bool {
        self.ip_local_reserved_ports.iter().any(|(first, last)| (*first..=*last).contains(&port))
    }

    /// Longest retransmission timeout.
    pub(crate) const fn rto_max(&self) -> Duration {
        Duration::from_millis(self.tcp_rto_max_ms as u64)
    }

    /// Lower bound of the retransmission timeout, or of its variance term.
    pub(crate) const fn rto_min(&self) -> Duration {
        Duration::from_micros(self.tcp_rto_min_us as u64)
    }

    /// Retransmissions after CLOSE, when they have a limit of their own.
    pub(crate) const fn orphan_retries(&self) -> Option<u32> {
        match self.tcp_orphan_retries {
            0 if self.orphan_limit => Some(8),
            0 => None,
            retries => Some(retries),
        }
    }

    /// The time that `retries` doublings of the smallest timeout take (how Linux means `tcp_retries2`).
    pub(crate) fn time_of_retries(&self, retries: u32) -> Duration {
        let (base, most) = (self.rto_min(), self.rto_max());
        let doublings = (most.as_micros() / base.as_micros().max(1)).max(1).ilog2();
        if retries <= doublings {
            base * ((2 << retries) - 1)
        } else {
            base * ((2 << doublings) - 1) + most * (retries - doublings)
        }
    }

    /// Octets of window that a receive buffer of `octets` gives.
    pub(crate) const fn window_of_buffer(&self, octets: u32) -> u32 {
        if self.tcp_adv_win_scale > 0 {
            octets - shift_right(octets, self.tcp_adv_win_scale.unsigned_abs())
        } else {
            shift_right(octets, self.tcp_adv_win_scale.unsigned_abs())
        }
    }
}

/// `octets` shifted right; 0 when nothing is left.
const fn shift_right(octets: u32, shift: u32) -> u32 {
    if shift > 31 { 0 } else { octets >> shift }
}

impl Default for Config {
    /// [`Config::rfc9293`].
    fn default() -> Self {
        Self::rfc9293()
    }
}

/// Why [`Config::set`] changed nothing. The caller is at fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigError {
    /// The stack has no tunable of this name, or lacks the mechanism that this value would switch on.
    Unknown,
    /// The value is no number, or outside the tunable's range.
    Value,
}

impl core::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Unknown => "the stack does not have this tunable",
            Self::Value => "not a value of this tunable",
        })
    }
}

impl core::error::Error for ConfigError {}
