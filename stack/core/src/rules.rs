//! The rules that the stack cites when it applies them, by their ids in the register (`specs/rfcNNNN/rules.toml`).
//!
//! Where the register has one rule per state, the constant is a table of states.

use crate::tcp::State;

/// A rule that the register has once per state.
pub type ByState = &'static States;

/// Ids by state, for the states that have one.
#[derive(Debug, PartialEq, Eq)]
pub struct States([&'static str; State::ALL.len()]);

impl States {
    const fn new(rules: &[(State, &'static str)]) -> Self {
        let mut by_state = [""; State::ALL.len()];
        let mut index = 0;
        while index < rules.len() {
            by_state[rules[index].0 as usize] = rules[index].1;
            index += 1;
        }
        Self(by_state)
    }

    /// The id for `state`, if there is one.
    #[must_use]
    pub const fn of(&self, state: State) -> Option<&'static str> {
        let id = self.0[state as usize];
        if id.is_empty() { None } else { Some(id) }
    }
}

macro_rules! rules {
    ($($name:ident = $id:literal;)*) => {
        $(#[doc = concat!("`", $id, "`")] pub const $name: &str = $id;)*
        const SINGLE: &[&str] = &[$($name),*];
    };
}

macro_rules! word {
    (Listen) => {
        "listen"
    };
    (SynSent) => {
        "syn-sent"
    };
    (SynReceived) => {
        "syn-received"
    };
    (Established) => {
        "established"
    };
    (FinWait1) => {
        "fin-wait-1"
    };
    (FinWait2) => {
        "fin-wait-2"
    };
    (CloseWait) => {
        "close-wait"
    };
    (Closing) => {
        "closing"
    };
    (LastAck) => {
        "last-ack"
    };
    (TimeWait) => {
        "time-wait"
    };
}

macro_rules! by_state {
    ($($name:ident = $section:literal $slug:literal: $($state:ident)*;)*) => {
        $(#[doc = concat!("`rfc9293/", $section, "/<state>-", $slug, "`")]
        pub const $name: ByState =
            &States::new(&[$((State::$state, concat!("rfc9293/", $section, "/", word!($state), "-", $slug))),*]);)*
        const TABLES: &[ByState] = &[$($name),*];
    };
}

/// Every id that the stack can cite.
pub fn all() -> impl Iterator<Item = &'static str> {
    SINGLE.iter().copied().chain(TABLES.iter().flat_map(|table| table.0).filter(|id| !id.is_empty()))
}

rules! {
    // 3.10.1 to 3.10.5: calls.
    OPEN_PASSIVE = "rfc9293/3.10.1/closed-open-passive";
    OPEN_ACTIVE = "rfc9293/3.10.1/closed-open-active";
    OPEN_UNSPECIFIED = "rfc9293/3.10.1/closed-open-active-unspec";
    OPEN_BAD_REMOTE = "rfc9293/3.9.1.1/must-46";
    OPEN_ADDRESS_CHOSEN = "rfc9293/3.9.1.1/must-44";
    SEND_CLOSED = "rfc9293/3.10.2/closed-send";
    RECEIVE_CLOSED = "rfc9293/3.10.3/closed-receive";
    RECEIVE_CLOSE_WAIT_EMPTY = "rfc9293/3.10.3/close-wait-receive-empty";
    CLOSE_LISTEN = "rfc9293/3.10.4/listen-close";
    CLOSE_SYN_SENT = "rfc9293/3.10.4/syn-sent-close";
    CLOSE_UNREAD = "rfc9293/3.6.1/shld-3";
    SYN_SENT_ABORT = "rfc9293/3.10.5/syn-sent-abort";
    LISTEN_ABORT = "rfc9293/3.10.5/listen-abort";
    // 3.10.7.1: CLOSED.
    CLOSED_RST = "rfc9293/3.10.7.1/closed-rst";
    CLOSED_RSTACK = "rfc9293/3.10.7.1/closed-rstack";
    CLOSED_SYN = "rfc9293/3.10.7.1/closed-syn";
    CLOSED_FIN = "rfc9293/3.10.7.1/closed-fin";
    CLOSED_DATA = "rfc9293/3.10.7.1/closed-data";
    CLOSED_NULL = "rfc9293/3.10.7.1/closed-null";
    CLOSED_ACK = "rfc9293/3.10.7.1/closed-ack";
    CLOSED_SYNACK = "rfc9293/3.10.7.1/closed-synack";
    CLOSED_FINACK = "rfc9293/3.10.7.1/closed-finack";
    // 3.10.7.2: LISTEN.
    LISTEN_RST = "rfc9293/3.10.7.2/listen-rst";
    LISTEN_RSTACK = "rfc9293/3.10.7.2/listen-rstack";
    LISTEN_ACK = "rfc9293/3.10.7.2/listen-ack";
    LISTEN_SYNACK = "rfc9293/3.10.7.2/listen-synack";
    LISTEN_FINACK = "rfc9293/3.10.7.2/listen-finack";
    LISTEN_SYN = "rfc9293/3.10.7.2/listen-syn";
    LISTEN_SYN_DATA = "rfc9293/3.10.7.2/listen-syn-data";
    LISTEN_SYN_FIN = "rfc9293/3.10.7.2/listen-syn-fin";
    LISTEN_OTHER = "rfc9293/3.10.7.2/listen-other";
    // 3.10.7.3: SYN-SENT.
    SYN_SENT_ACK_LOW = "rfc9293/3.10.7.3/syn-sent-ack-low";
    SYN_SENT_ACK_HIGH = "rfc9293/3.10.7.3/syn-sent-ack-high";
    SYN_SENT_RSTACK_BADACK = "rfc9293/3.10.7.3/syn-sent-rstack-badack";
    SYN_SENT_SYNACK_BADACK = "rfc9293/3.10.7.3/syn-sent-synack-badack";
    SYN_SENT_RSTACK = "rfc9293/3.10.7.3/syn-sent-rstack";
    SYN_SENT_RST_NOACK = "rfc9293/3.10.7.3/syn-sent-rst-noack";
    SYN_SENT_SYNACK = "rfc9293/3.10.7.3/syn-sent-synack";
    SYN_SENT_SYNACK_TEXT = "rfc9293/3.10.7.3/syn-sent-synack-text";
    SYN_SENT_SYN = "rfc9293/3.10.7.3/syn-sent-syn";
    SYN_SENT_SYN_TEXT = "rfc9293/3.10.7.3/syn-sent-syn-text";
    SYN_SENT_OTHER = "rfc9293/3.10.7.3/syn-sent-other";
    // 3.10.7.4: other states.
    SEQ_STRADDLE = "rfc9293/3.10.7.4/any-seq-straddle";
    SEQ_TRIM_RIGHT = "rfc9293/3.10.7.4/any-seq-trim-right";
    SEQ_A2 = "rfc9293/3.10.7.4/any-seq-a2";
    WINDOW_ZERO_CONTROLS = "rfc9293/3.10.7.4/any-wnd0-ctl";
    RST_PASSIVE = "rfc9293/3.10.7.4/syn-received-rst-passive";
    RST_ACTIVE = "rfc9293/3.10.7.4/syn-received-rst-active";
    SYN_PASSIVE = "rfc9293/3.10.7.4/syn-received-syn-passive";
    SYN_ACTIVE = "rfc9293/3.10.7.4/syn-received-syn-active";
    SYN_RECEIVED_ACK = "rfc9293/3.10.7.4/syn-received-ack";
    SYN_RECEIVED_ACK_BAD = "rfc9293/3.10.7.4/syn-received-ack-bad";
    FIN_WAIT_1_FIN_ACKED = "rfc9293/3.10.7.4/fin-wait-1-ack-fin";
    FIN_WAIT_2_ACK = "rfc9293/3.10.7.4/fin-wait-2-ack";
    CLOSING_ACK_FIN = "rfc9293/3.10.7.4/closing-ack-fin";
    CLOSING_ACK_OTHER = "rfc9293/3.10.7.4/closing-ack-other";
    LAST_ACK_ACK_FIN = "rfc9293/3.10.7.4/last-ack-ack-fin";
    LAST_ACK_ACK_OTHER = "rfc9293/3.10.7.4/last-ack-ack-other";
    TIME_WAIT_FIN_AGAIN = "rfc9293/3.10.7.4/time-wait-fin-rtx";
    TEXT_AHEAD = "rfc9293/3.10.7.4/shld-31";
    QUEUED_SEGMENTS = "rfc9293/3.10.7.4/must-59";
    ANY_FIN = "rfc9293/3.10.7.4/any-fin";
    FIN_WAIT_1_FIN_AND_ACK = "rfc9293/3.10.7.4/fin-wait-1-fin-acked";
    // 3.10.8: timeouts.
    TIME_WAIT_TIMEOUT = "rfc9293/3.10.8/time-wait-timeout";
    // 3.5 to 3.9: data communication and interfaces.
    SIMULTANEOUS_OPEN = "rfc9293/3.5/must-10";
    TIME_WAIT_REOPEN = "rfc9293/3.6.1/may-2";
    TIME_WAIT_2MSL = "rfc9293/3.6.1/must-13";
    NAGLE = "rfc9293/3.7.4/shld-7";
    R1 = "rfc9293/3.8.3/shld-10";
    R2 = "rfc9293/3.8.3/must-20";
    R2_SYN = "rfc9293/3.8.3/must-22";
    KEEP_ALIVE_PROBE = "rfc9293/3.8.4/may-5";
    KEEP_ALIVE_DEAD = "rfc9293/3.8.4/must-29";
    URGENT_NOTIFIED = "rfc9293/3.8.5/must-32";
    ZERO_WINDOW_PROBE = "rfc9293/3.8.6.1/must-36";
    SWS_SENDER = "rfc9293/3.8.6.2.1/must-38";
    SWS_OVERRIDE = "rfc9293/3.8.6.2.1/override";
    ACK_DELAYED = "rfc9293/3.8.6.3/shld-18";
    ACK_EVERY_SECOND = "rfc9293/3.8.6.3/shld-19";
    OUT_OF_ORDER_ACK = "rfc9293/3.8.6.3/ooo-ack";
    PUSH_LAST = "rfc9293/3.9.1.2/must-61";
    ICMP_DELIVERED = "rfc9293/3.9.2.2/must-54";
    ICMP_SOURCE_QUENCH = "rfc9293/3.9.2.2/must-55";
    ICMP_SOFT = "rfc9293/3.9.2.2/must-56";
    ICMP_HARD = "rfc9293/3.9.2.2/shld-26";
    BAD_SOURCE = "rfc9293/3.9.2.3/must-63";
    BAD_DESTINATION = "rfc9293/3.9.2.3/must-57";
    BAD_CHECKSUM = "rfc9293/3.1/must-3";
    // Other documents.
    REASSEMBLED_V4 = "rfc791/2.3/reassembly";
    REASSEMBLED_V6 = "rfc8200/4.5/reassembly";
    ICMP_LIMIT = "rfc4443/2.4/rate-limit";
    PMTU_RAISED = "rfc1191/6.3/raise";
    PROBE_SENT = "rfc4821/7.2/search";
    PROBE_PASSED = "rfc4821/7.6.1/success";
    PROBE_LOST = "rfc4821/7.6.2/no-congestion";
    BLACK_HOLE = "rfc4821/7.7/black-hole";
    COOKIE = "rfc4987/3.6/cookie";
    COOKIE_RETURNS = "rfc4987/3.6/cookie-returns";
    HALF_OPEN_FULL = "rfc4987/3.1/backlog-full";
    ACCEPT_QUEUE_FULL = "rfc4987/2.2/accept-queue-full";
    USER_TIMEOUT_TOLD = "rfc5482/3/advertise";
    USER_TIMEOUT_ADOPTED = "rfc5482/3.1/adopt";
    MD5_MISSING = "rfc2385/2.0/unsigned-dropped";
    MD5_WRONG = "rfc2385/2.0/wrong-dropped";
    FAST_OPEN_COOKIE_REQUESTED = "rfc7413/4.2.1/request-cookie";
    FAST_OPEN_SYN_TEXT = "rfc7413/4.2.1/syn-text";
    FAST_OPEN_COOKIE_CACHED = "rfc7413/4.2.1/cache-cookie";
    FAST_OPEN_TEXT_AGAIN = "rfc7413/4.2.2/text-again";
    FAST_OPEN_COOKIE_GIVEN = "rfc7413/4.2.2/give-cookie";
    FAST_OPEN_SERVED = "rfc7413/4.2.2/valid-cookie";
    FAST_OPEN_COOKIE_INVALID = "rfc7413/4.2.2/invalid-cookie";
    FAST_OPEN_LIMIT = "rfc7413/5.1/pending-limit";
    FAST_OPEN_NO_ANSWER = "rfc7413/4.2.1/remembers-no-answer";
    PMTU_LOWERED = "rfc1191/3/lower";
    PMTU_ONE_SEGMENT = "rfc1191/6.4/slow-start";
    TIME_WAIT_RST_IGNORED = "rfc1337/3/ignore-rst";
    SACK_SENT = "rfc2018/4/send-blocks";
    SACK_RENEGED = "rfc2018/8/reneging";
    DSACK_SENT = "rfc2883/4/report";
    DSACK_TAKEN = "rfc2883/5/against-own-ack";
    LIMITED_TRANSMIT = "rfc3042/2/new-segment";
    ECN_SETUP = "rfc3168/6.1.1/setup-syn";
    ECN_ANSWERED = "rfc3168/6.1.1/setup-syn-ack";
    ECN_REFUSED = "rfc3168/6.1.1/refused";
    ECN_SYN_FALLBACK = "rfc3168/6.1.1.1/syn-fallback";
    ECN_REDUCE = "rfc3168/6.1.2/reduce";
    ECN_CWR = "rfc3168/6.1.2/cwr";
    ECN_WAIT = "rfc3168/6.1.2/one-segment";
    ECN_ECHO = "rfc3168/6.1.3/echo";
    ECN_ECHO_ENDS = "rfc3168/6.1.3/echo-until-cwr";
    FAST_RETRANSMIT = "rfc5681/3.2/fast-retransmit";
    SLOW_START_AFTER_IDLE = "rfc5681/4.1/restart-window";
    SLOW_START = "rfc5681/3.1/slow-start";
    CONGESTION_AVOIDANCE = "rfc5681/3.1/congestion-avoidance";
    HALF_OF_FLIGHT = "rfc5681/3.1/half-of-flight";
    LOSS_WINDOW = "rfc5681/3.1/loss-window";
    ICMP_SEQ_OUTSIDE = "rfc5927/4.1/seq-check";
    ICMP_HARD_AS_SOFT = "rfc5927/5.2/hard-as-soft";
    CHALLENGE_LIMITED = "rfc5961/7/throttle";
    ACK_RANGE = "rfc5961/5.2/ack-range";
    FRTO_NEW_DATA = "rfc5682/2.1/new-data";
    FRTO_SPURIOUS = "rfc5682/2.1/spurious";
    PORT_CHOSEN = "rfc6056/3.3/randomized";
    REOPEN_BY_TIMESTAMP = "rfc6191/2/newer-timestamp";
    REOPEN_BY_SEQUENCE = "rfc6191/2/higher-seq";
    RTO_BACK_OFF = "rfc6298/5.5/back-off";
    RTO_AFTER_SYN_LOSS = "rfc6298/5.7/syn-lost";
    KARN = "rfc6298/3/karn";
    ISN = "rfc6528/3/isn";
    PARTIAL_ACK = "rfc6582/3.2/partial-ack";
    IS_LOST = "rfc6675/4/is-lost";
    NEXT_SEG = "rfc6675/4/next-seg";
    SCOREBOARD = "rfc6675/5/update";
    PROPORTIONAL = "rfc6937/3/proportional";
    TIMESTAMP_MISSING = "rfc7323/3.2/missing";
    PAWS_DROP = "rfc7323/5.3/paws-drop";
    RTT_HISTORY = "rfc7323/4.2/history";
    RACK_DETECT = "rfc8985/6.2/detect";
    TLP_PROBE = "rfc8985/7.3/probe";
    TLP_LOSS = "rfc8985/7.4.2/loss";
    CUBIC_INCREASE = "rfc9438/4.2/increase";
    CUBIC_DECREASE = "rfc9438/4.6/decrease";
    ACCECN_SYN = "rfc9768/3.1.1/client-asks";
    ACCECN_REMEMBERED = "rfc9768/3.1.4.1/cached";
    ACCECN_ANSWERED = "rfc9768/3.1.1/server-answers";
    ACCECN_CONFIRMED = "rfc9768/3.1.1/confirmed";
    ACCECN_REFUSED = "rfc9768/3.1.2/refused";
    ACCECN_MIXED = "rfc9768/3.1.5/mixed";
    ACCECN_HANDSHAKE_ACK = "rfc9768/3.2.2.1/handshake-ack";
    ACCECN_CE = "rfc9768/3.2.2.2/decode";
    ACCECN_MANGLED = "rfc9768/3.2.2.3/mangled";
    ACCECN_ACE_ZERO = "rfc9768/3.2.2.4/ace-zero";
    ACCECN_ACK_TRIGGERED = "rfc9768/3.2.2.5.1/triggered-ack";
    ACCECN_SYN_ACK_FALLBACK = "rfc9768/3.2.3.2.2/syn-ack-fallback";
    ACCECN_INCONSISTENT = "rfc9768/3.2.3.2.5/inconsistent";
}

by_state! {
    OPEN_EXISTS = "3.10.1" "open": SynSent SynReceived Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    SEND = "3.10.2" "send": SynSent SynReceived Established CloseWait FinWait1 FinWait2 Closing LastAck TimeWait;
    SEND_URGENT = "3.10.2" "send-urg": Established CloseWait;
    RECEIVE_DATA = "3.10.3" "receive-data": Established FinWait1 FinWait2 CloseWait;
    RECEIVE_ACK = "3.10.3" "receive-ack": Established FinWait1 FinWait2;
    CLOSE = "3.10.4" "close": SynReceived Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    ABORT = "3.10.5" "abort": SynReceived Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    SEQ_UNACCEPTABLE = "3.10.7.4" "seq-unacc":
        SynReceived Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    SEQ_UNACCEPTABLE_RST = "3.10.7.4" "seq-unacc-rst":
        SynReceived Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    RST = "3.10.7.4" "rst": Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    RST_IN_WINDOW = "3.10.7.4" "rst-inwnd":
        SynReceived Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    RST_IN_WINDOW_793 = "3.10.7.4" "rst-inwnd-793":
        SynReceived Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    SYN = "3.10.7.4" "syn": Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    SYN_793 = "3.10.7.4" "syn-793": Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    NO_ACK = "3.10.7.4" "noack": SynReceived Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    ACK_OLD = "3.10.7.4" "ack-old": Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    ACK_NEW = "3.10.7.4" "ack-new": Established FinWait1 CloseWait;
    ACK_DUPLICATE = "3.10.7.4" "ack-dup": Established FinWait1 FinWait2 CloseWait Closing;
    ACK_FUTURE = "3.10.7.4" "ack-future": Established FinWait1 FinWait2 CloseWait Closing;
    ACK_WINDOW = "3.10.7.4" "ack-wnd": Established FinWait1 CloseWait;
    URG = "3.10.7.4" "urg": Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    TEXT = "3.10.7.4" "text": Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    FIN = "3.10.7.4" "fin": Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
    RETRANSMISSION_TIMEOUT = "3.10.8" "rto": SynSent SynReceived Established FinWait1 CloseWait Closing LastAck;
    USER_TIMEOUT = "3.10.8" "user-timeout":
        SynSent SynReceived Established FinWait1 FinWait2 CloseWait Closing LastAck TimeWait;
}
