//! What a connection tells about itself: STATUS (RFC 9293 3.10.6) and Linux's `TCP_INFO`.

use crate::seq::SeqNum;
use crate::tcp::State;
use core::net::SocketAddr;

/// The answer to STATUS (RFC 9293 3.10.6): a snapshot, not a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Connection state.
    pub state: State,
    /// Local socket, when bound.
    pub local: Option<SocketAddr>,
    /// Remote socket, when connected.
    pub remote: Option<SocketAddr>,
    /// SND.UNA
    pub snd_una: SeqNum,
    /// SND.NXT
    pub snd_nxt: SeqNum,
    /// SND.WND, octets, scaled up.
    pub snd_wnd: u32,
    /// ISS
    pub iss: SeqNum,
    /// RCV.NXT
    pub rcv_nxt: SeqNum,
    /// RCV.WND, octets, scaled up.
    pub rcv_wnd: u32,
    /// IRS
    pub irs: SeqNum,
    /// Octets in the send queue, sent or not.
    pub unacknowledged: usize,
    /// Octets waiting to be received by the user.
    pub unread: usize,
    /// Whether urgent data is ahead of the user.
    pub urgent: bool,
}

macro_rules! tcp_info {
    ($($name:ident: $text:literal,)*) => {
        /// Linux's `struct tcp_info` as far as this stack has the values, by Linux's names without `tcpi_`.
        /// Times are microseconds, or milliseconds where the name begins with `last_`, as in Linux.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct TcpInfo {
            $(#[doc = $text] pub $name: u64,)*
        }

        impl TcpInfo {
            /// Name with `tcpi_` and value of each field.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$((concat!("tcpi_", stringify!($name)), self.$name),)*].into_iter()
            }
        }
    };
}

tcp_info! {
    state: "Linux's number of the state.",
    ca_state: "0 open, 1 disorder, 2 reduction without loss, 3 recovery, 4 loss.",
    retransmits: "Timeouts since the last progress.",
    probes: "Unanswered zero-window or keep-alive probes.",
    backoff: "Doublings of the timeout.",
    options: "1 timestamps, 2 SACK, 4 window scaling, 8 ECN, 16 ECT or CE was seen, 32 text of a SYN was acknowledged.",
    snd_wscale: "Shift count of the peer's windows.",
    rcv_wscale: "Shift count of our windows.",
    rto: "Retransmission timeout.",
    ato: "Delay of ACKs.",
    snd_mss: "Send segment size with options deducted.",
    rcv_mss: "Largest segment received lately.",
    unacked: "Segments in flight.",
    sacked: "Segments known to have arrived above a gap: reported, or duplicate ACKs.",
    lost: "Segments taken for lost, sent again since or not.",
    retrans: "Segments in flight that are retransmissions.",
    last_data_sent: "Time since data was sent.",
    last_data_recv: "Time since data arrived.",
    last_ack_recv: "Time since an ACK arrived.",
    pmtu: "Path MTU.",
    rcv_ssthresh: "Window that may be offered.",
    rtt: "Smoothed round-trip time.",
    rttvar: "Its mean deviation.",
    snd_ssthresh: "Slow-start threshold in segments.",
    snd_cwnd: "Congestion window in segments.",
    advmss: "Segment size offered, with options deducted.",
    reordering: "Duplicate ACKs that cause a fast retransmission.",
    rcv_rtt: "Round trip as the receiver measures it, while the receive buffer is tuned.",
    rcv_space: "Most octets read in one round trip, while the receive buffer is tuned.",
    total_retrans: "Retransmitted segments ever.",
    bytes_acked: "Octets acknowledged ever.",
    bytes_received: "Octets received in order ever.",
    segs_out: "Segments sent.",
    segs_in: "Segments received.",
    notsent_bytes: "Octets not sent yet.",
    data_segs_in: "Segments with data received.",
    data_segs_out: "Segments with data sent.",
    bytes_sent: "Octets of data sent, retransmissions included.",
    bytes_retrans: "Octets of data retransmitted.",
    rcv_ooopack: "Segments that arrived out of order.",
    snd_wnd: "Send window, octets.",
    rcv_wnd: "Receive window, octets.",
    min_rtt: "Smallest round trip of the last minutes.",
    dsack_dups: "Segments that the peer has reported as duplicates.",
    reord_seen: "How often reordering was seen.",
    delivered: "Segments that have arrived at the peer, repeated ones once, the handshake's as one.",
    delivered_ce: "Segments among them that the peer reported with CE.",
    delivery_rate: "Octets a second that arrived at the peer during a round trip, by whole segments.",
    busy_time: "Time with something to send or in flight.",
    rwnd_limited: "Time in which the peer's window held text back.",
    sndbuf_limited: "Time in which the send buffer held text back.",
    total_rto: "Expiries of the retransmission timer.",
    total_rto_recoveries: "Times that it expired after progress.",
    total_rto_time: "Milliseconds from such an expiry until the connection had recovered.",
    pacing_rate: "Rate at which Linux would pace, octets a second; nothing is paced here. All ones before a round trip.",
    max_pacing_rate: "`SO_MAX_PACING_RATE`; all ones when it is not set.",
}
