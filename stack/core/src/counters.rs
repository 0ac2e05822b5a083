//! What the whole stack counts, by the names that Linux's `nstat` shows (RFC 4022's MIB for TCP, RFC 4293's for IP, `TcpExt`
//! for what has no MIB).
//!
//! A mechanism that counts something adds a line to the table below and writes `fx.host.counters.<field> += 1`.

macro_rules! counters {
    ($($field:ident = $name:literal: $text:literal;)*) => {
        /// Counts since the stack was made. They never decrease, but for `tcp_curr_estab`, which is a level.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct Counters {
            $(#[doc = concat!("`", $name, "`: ", $text)] pub $field: u64,)*
        }

        impl Counters {
            /// `nstat`'s name and the value of each, in the order of the table.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$(($name, self.$field),)*].into_iter()
            }
        }
    };
}

counters! {
    received = "IpInReceives": "datagrams received, IPv6 ones included.";
    malformed = "IpInHdrErrors": "datagrams and segments that a check of a header rejected.";
    not_ours = "IpInAddrErrors": "datagrams for another host, or from an address that no host has.";
    sent = "IpOutRequests": "datagrams sent.";
    pieces = "IpReasmReqds": "fragments that were to be put together.";
    reassembled = "IpReasmOKs": "datagrams that were put together.";
    not_reassembled = "IpReasmTimeout": "datagrams given up because fragments did not come in time.";

    tcp_active_opens = "TcpActiveOpens": "connections opened by `connect`.";
    tcp_passive_opens = "TcpPassiveOpens": "connections that a listener made and that were established.";
    tcp_attempt_fails = "TcpAttemptFails": "connections that ended in SYN-SENT or SYN-RECEIVED.";
    tcp_estab_resets = "TcpEstabResets": "connections that went from ESTABLISHED or CLOSE-WAIT straight to CLOSED.";
    tcp_curr_estab = "TcpCurrEstab": "connections in ESTABLISHED or CLOSE-WAIT at present.";
    tcp_in_segs = "TcpInSegs": "segments received whose header is sound.";
    tcp_out_segs = "TcpOutSegs": "segments sent that carry something for the first time, and bare ACKs.";
    tcp_retrans_segs = "TcpRetransSegs": "segments sent again.";
    tcp_in_csum_errors = "TcpInCsumErrors": "segments with a wrong checksum.";
    tcp_out_rsts = "TcpOutRsts": "resets sent.";

    out_of_window_icmps = "TcpExtOutOfWindowIcmps": "ICMP errors about nothing that is in flight.";
    listen_overflows = "TcpExtListenOverflows": "SYNs and last ACKs of handshakes that met a full queue of a listener.";
    listen_drops = "TcpExtListenDrops": "segments to listeners that were dropped for any reason.";
    syncookies_sent = "TcpExtSyncookiesSent": "SYNs answered with a cookie.";
    syncookies_recv = "TcpExtSyncookiesRecv": "cookies that came back and were ours.";
    syncookies_failed = "TcpExtSyncookiesFailed": "ACKs to a listener that sends cookies, with none of ours or an old one.";
    embryonic_rsts = "TcpExtEmbryonicRsts": "half-open connections refused because of `tcp_abort_on_overflow`.";
    tcp_req_q_full_do_cookies = "TcpExtTCPReqQFullDoCookies": "SYNs beyond the half-open connections, left to a cookie.";
    tcp_req_q_full_drop = "TcpExtTCPReqQFullDrop": "SYNs beyond the half-open connections, dropped.";
    tcp_defer_accept_drop = "TcpExtTCPDeferAcceptDrop": "last ACKs of handshakes without text that `TCP_DEFER_ACCEPT` passed over.";
    tcp_abort_on_memory = "TcpExtTCPAbortOnMemory": "connections reset because of `tcp_max_orphans`.";
    tw = "TcpExtTW": "TIME-WAITs that ran their time.";
    tw_recycled = "TcpExtTWRecycled": "TIME-WAITs whose tuple `connect` took over.";
    tcp_time_wait_overflow = "TcpExtTCPTimeWaitOverflow": "TIME-WAITs left out because of `tcp_max_tw_buckets`.";
    tcp_abort_on_data = "TcpExtTCPAbortOnData": "connections reset because text came after CLOSE, or with `SO_LINGER` zero.";
    tcp_abort_on_close = "TcpExtTCPAbortOnClose": "connections reset because CLOSE left text unread.";
    tcp_abort_on_timeout = "TcpExtTCPAbortOnTimeout": "connections given up for want of an answer.";
    tcp_abort_on_linger = "TcpExtTCPAbortOnLinger": "FIN-WAIT-2s ended at once because of a negative `TCP_LINGER2`.";

    tcp_fast_open_cookie_reqd = "TcpExtTCPFastOpenCookieReqd": "SYNs that asked for a Fast Open cookie.";
    tcp_fast_open_passive = "TcpExtTCPFastOpenPassive": "SYNs whose text was taken.";
    tcp_fast_open_passive_fail = "TcpExtTCPFastOpenPassiveFail": "SYNs with a cookie that is not ours.";
    tcp_fast_open_passive_alt_key = "TcpExtTCPFastOpenPassiveAltKey": "SYNs with a cookie of the backup key.";
    tcp_fast_open_listen_overflow = "TcpExtTCPFastOpenListenOverflow": "Fast Opens beyond a listener's limit.";
    tcp_fast_open_active = "TcpExtTCPFastOpenActive": "SYNs of ours whose text was acknowledged.";
    tcp_fast_open_active_fail = "TcpExtTCPFastOpenActiveFail": "SYNs of ours whose text was not acknowledged.";
    tcp_fast_open_blackhole = "TcpExtTCPFastOpenBlackhole": "times that Fast Open paused because the network seemed to swallow it.";

    tcp_md5_not_found = "TcpExtTCPMD5NotFound": "segments without the signature that their port asks for.";
    tcp_md5_unexpected = "TcpExtTCPMD5Unexpected": "segments with a signature that nobody asked for.";
    tcp_md5_failure = "TcpExtTCPMD5Failure": "segments with a wrong signature.";

    tcp_mtup_success = "TcpExtTCPMTUPSuccess": "probes of the path MTU that passed.";
    tcp_mtup_fail = "TcpExtTCPMTUPFail": "probes of the path MTU that were lost.";
}
