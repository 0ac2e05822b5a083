//! `struct tcp_info` as Linux lays it out, from values by name.

/// Octets of the structure.
pub(crate) const LEN: usize = 280;

/// Name without `tcpi_`, offset and width in octets. What the stack does not have stays zero.
#[rustfmt::skip]
const FIELDS: &[(&str, usize, usize)] = &[
    ("state", 0, 1), ("ca_state", 1, 1), ("retransmits", 2, 1), ("probes", 3, 1), ("backoff", 4, 1), ("options", 5, 1),
    ("rto", 8, 4), ("ato", 12, 4), ("snd_mss", 16, 4), ("rcv_mss", 20, 4),
    ("unacked", 24, 4), ("sacked", 28, 4), ("lost", 32, 4), ("retrans", 36, 4), ("fackets", 40, 4),
    ("last_data_sent", 44, 4), ("last_ack_sent", 48, 4), ("last_data_recv", 52, 4), ("last_ack_recv", 56, 4),
    ("pmtu", 60, 4), ("rcv_ssthresh", 64, 4), ("rtt", 68, 4), ("rttvar", 72, 4), ("snd_ssthresh", 76, 4),
    ("snd_cwnd", 80, 4), ("advmss", 84, 4), ("reordering", 88, 4), ("rcv_rtt", 92, 4), ("rcv_space", 96, 4),
    ("total_retrans", 100, 4), ("pacing_rate", 104, 8), ("max_pacing_rate", 112, 8), ("bytes_acked", 120, 8),
    ("bytes_received", 128, 8), ("segs_out", 136, 4), ("segs_in", 140, 4), ("notsent_bytes", 144, 4), ("min_rtt", 148, 4),
    ("data_segs_in", 152, 4), ("data_segs_out", 156, 4), ("delivery_rate", 160, 8), ("busy_time", 168, 8),
    ("rwnd_limited", 176, 8), ("sndbuf_limited", 184, 8), ("delivered", 192, 4), ("delivered_ce", 196, 4),
    ("bytes_sent", 200, 8), ("bytes_retrans", 208, 8), ("dsack_dups", 216, 4), ("reord_seen", 220, 4),
    ("rcv_ooopack", 224, 4), ("snd_wnd", 228, 4), ("rcv_wnd", 232, 4), ("rehash", 236, 4), ("total_rto", 240, 2),
    ("total_rto_recoveries", 242, 2), ("total_rto_time", 244, 4), ("received_ce", 248, 4),
    ("delivered_e1_bytes", 252, 4), ("delivered_e0_bytes", 256, 4), ("delivered_ce_bytes", 260, 4),
    ("received_e1_bytes", 264, 4), ("received_e0_bytes", 268, 4), ("received_ce_bytes", 272, 4),
];

/// The structure's octets.
pub(crate) fn encode(values: &[(String, i64)]) -> Vec<u8> {
    let mut octets = vec![0; LEN];
    let mut put = |at: usize, width: usize, value: u64| {
        let most = if width == 8 { u64::MAX } else { (1 << (8 * width)) - 1 };
        let value = value.min(most).to_ne_bytes();
        let low = if cfg!(target_endian = "big") { &value[8 - width..] } else { &value[..width] };
        octets[at..at + width].copy_from_slice(low);
    };
    let of = |name: &str| {
        let found = values.iter().find(|(full, _)| full.strip_prefix("tcpi_") == Some(name));
        found.map_or(0, |(_, value)| value.cast_unsigned())
    };
    for &(name, at, width) in FIELDS {
        put(at, width, of(name));
    }
    // Bit fields: the first one is in the low bits on a little-endian machine, in the high bits on the other kind.
    let (first, second) = (of("snd_wscale") & 15, of("rcv_wscale") & 15);
    put(6, 1, if cfg!(target_endian = "big") { first << 4 | second } else { second << 4 | first });
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_overlap() {
        for pair in FIELDS.windows(2) {
            let [(name, at, width), (next, next_at, _)] = pair else { unreachable!("windows of two") };
            assert!(at + width <= *next_at, "{name} and {next}");
        }
        let last = FIELDS.last().expect("fields");
        assert!(last.1 + last.2 <= LEN);
    }

    #[test]
    fn values_are_where_a_c_program_looks() {
        let value = |name: &str, value| (format!("tcpi_{name}"), value);
        let octets =
            encode(&[value("state", 1), value("snd_wscale", 7), value("rcv_wscale", 8), value("snd_cwnd", 10)]);
        assert_eq!(octets.len(), LEN);
        assert_eq!(octets[0], 1);
        #[cfg(target_endian = "little")]
        assert_eq!(octets[6], 0x87);
        assert_eq!(octets[80..84], 10_u32.to_ne_bytes());
    }
}
