//! `TCP_INFO`, `TCP_CC_INFO` and `SO_MEMINFO` by the names that scripts use.

use super::calls::option;
use nix::errno::Errno;
use nix::libc;

/// Where a value stands in `struct tcp_info`.
struct Field {
    name: &'static str,
    offset: usize,
    /// Octets of the word it is in.
    size: usize,
    /// Lowest bit within the word, and number of bits.
    bits: (u32, u32),
}

const fn field(name: &'static str, offset: usize, size: usize) -> Field {
    Field { name, offset, size, bits: (0, 8 * size as u32) }
}

const fn bits(name: &'static str, offset: usize, size: usize, lowest: u32, number: u32) -> Field {
    Field { name, offset, size, bits: (lowest, number) }
}

/// The layout only grows at its end; what a kernel does not return is left out.
#[rustfmt::skip]
const FIELDS: &[Field] = &[
    field("tcpi_state", 0, 1), field("tcpi_ca_state", 1, 1), field("tcpi_retransmits", 2, 1), field("tcpi_probes", 3, 1),
    field("tcpi_backoff", 4, 1), field("tcpi_options", 5, 1),
    bits("tcpi_snd_wscale", 6, 1, 0, 4), bits("tcpi_rcv_wscale", 6, 1, 4, 4),
    bits("tcpi_delivery_rate_app_limited", 7, 1, 0, 1), bits("tcpi_fastopen_client_fail", 7, 1, 1, 2),
    field("tcpi_rto", 8, 4), field("tcpi_ato", 12, 4), field("tcpi_snd_mss", 16, 4), field("tcpi_rcv_mss", 20, 4),
    field("tcpi_unacked", 24, 4), field("tcpi_sacked", 28, 4), field("tcpi_lost", 32, 4), field("tcpi_retrans", 36, 4),
    field("tcpi_fackets", 40, 4), field("tcpi_last_data_sent", 44, 4), field("tcpi_last_ack_sent", 48, 4),
    field("tcpi_last_data_recv", 52, 4), field("tcpi_last_ack_recv", 56, 4), field("tcpi_pmtu", 60, 4),
    field("tcpi_rcv_ssthresh", 64, 4), field("tcpi_rtt", 68, 4), field("tcpi_rttvar", 72, 4),
    field("tcpi_snd_ssthresh", 76, 4), field("tcpi_snd_cwnd", 80, 4), field("tcpi_advmss", 84, 4),
    field("tcpi_reordering", 88, 4), field("tcpi_rcv_rtt", 92, 4), field("tcpi_rcv_space", 96, 4),
    field("tcpi_total_retrans", 100, 4), field("tcpi_pacing_rate", 104, 8), field("tcpi_max_pacing_rate", 112, 8),
    field("tcpi_bytes_acked", 120, 8), field("tcpi_bytes_received", 128, 8), field("tcpi_segs_out", 136, 4),
    field("tcpi_segs_in", 140, 4), field("tcpi_notsent_bytes", 144, 4), field("tcpi_min_rtt", 148, 4),
    field("tcpi_data_segs_in", 152, 4), field("tcpi_data_segs_out", 156, 4), field("tcpi_delivery_rate", 160, 8),
    field("tcpi_busy_time", 168, 8), field("tcpi_rwnd_limited", 176, 8), field("tcpi_sndbuf_limited", 184, 8),
    field("tcpi_delivered", 192, 4), field("tcpi_delivered_ce", 196, 4), field("tcpi_bytes_sent", 200, 8),
    field("tcpi_bytes_retrans", 208, 8), field("tcpi_dsack_dups", 216, 4), field("tcpi_reord_seen", 220, 4),
    field("tcpi_rcv_ooopack", 224, 4), field("tcpi_snd_wnd", 228, 4), field("tcpi_rcv_wnd", 232, 4),
    field("tcpi_rehash", 236, 4), field("tcpi_total_rto", 240, 2), field("tcpi_total_rto_recoveries", 242, 2),
    field("tcpi_total_rto_time", 244, 4), field("tcpi_received_ce", 248, 4), field("tcpi_delivered_e1_bytes", 252, 4),
    field("tcpi_delivered_e0_bytes", 256, 4), field("tcpi_delivered_ce_bytes", 260, 4),
    field("tcpi_received_e1_bytes", 264, 4), field("tcpi_received_e0_bytes", 268, 4),
    field("tcpi_received_ce_bytes", 272, 4),
];

/// The word at 276, which is the one that did change its meaning: two halves until 6.19, bit fields since 7.0.
const HALVES: &[Field] = &[field("tcpi_accecn_fail_mode", 276, 2), field("tcpi_accecn_opt_seen", 278, 2)];
#[rustfmt::skip]
const BIT_FIELDS: &[Field] = &[
    bits("tcpi_ecn_mode", 276, 4, 0, 2), bits("tcpi_accecn_opt_seen", 276, 4, 2, 2),
    bits("tcpi_accecn_fail_mode", 276, 4, 4, 4), bits("tcpi_options2", 276, 4, 8, 24),
];

/// `SO_MEMINFO`, in the kernel's order.
const MEMORY: [&str; 9] = [
    "SK_MEMINFO_RMEM_ALLOC",
    "SK_MEMINFO_RCVBUF",
    "SK_MEMINFO_WMEM_ALLOC",
    "SK_MEMINFO_SNDBUF",
    "SK_MEMINFO_FWD_ALLOC",
    "SK_MEMINFO_WMEM_QUEUED",
    "SK_MEMINFO_OPTMEM",
    "SK_MEMINFO_BACKLOG",
    "SK_MEMINFO_DROPS",
];

/// `TCP_CC_INFO` of the congestion controls that have one. What begins with `tcp_` is as packetdrill names it.
#[rustfmt::skip]
const CONTROLS: &[(&str, &[Field])] = &[
    ("bbr", &[
        field("bbr_bw_lo", 0, 4), field("bbr_bw_hi", 4, 4), field("bbr_bw", 0, 8), field("bbr_min_rtt", 8, 4),
        field("bbr_pacing_gain", 12, 4), field("bbr_cwnd_gain", 16, 4),
    ]),
    ("dctcp", &[
        field("dctcp_enabled", 0, 2), field("dctcp_ce_state", 2, 2), field("dctcp_alpha", 4, 4), field("dctcp_ab_ecn", 8, 4),
        field("dctcp_ab_tot", 12, 4),
    ]),
    ("vegas", &[
        field("tcpv_enabled", 0, 4), field("tcpv_rttcnt", 4, 4), field("tcpv_rtt", 8, 4), field("tcp_rtt", 8, 4),
        field("tcpv_minrtt", 12, 4), field("tcp_minrtt", 12, 4),
    ]),
];

/// Every value that the running kernel returns for the socket.
pub(super) fn read(fd: i32, kernel: (u32, u32)) -> Result<Vec<(String, i64)>, Errno> {
    let mut values = decode(&option(fd, libc::IPPROTO_TCP, libc::TCP_INFO, 1024)?, kernel);
    let memory = option(fd, libc::SOL_SOCKET, libc::SO_MEMINFO, size_of_val(&[0u32; 16]))?;
    let words = memory.chunks_exact(4).map(|word| i64::from(u32::from_ne_bytes([word[0], word[1], word[2], word[3]])));
    values.extend(congestion_control(fd)?);
    values.extend(MEMORY.iter().map(|name| (*name).to_owned()).zip(words));
    Ok(values)
}

/// What the socket's congestion control says of itself.
fn congestion_control(fd: i32) -> Result<Vec<(String, i64)>, Errno> {
    let name = option(fd, libc::IPPROTO_TCP, libc::TCP_CONGESTION, 16)?;
    let name = name.split(|octet| *octet == 0).next().unwrap_or_default();
    let Some((_, fields)) = CONTROLS.iter().find(|(known, _)| known.as_bytes() == name) else { return Ok(Vec::new()) };
    Ok(values(fields.iter(), &option(fd, libc::IPPROTO_TCP, libc::TCP_CC_INFO, 64)?))
}

fn decode(octets: &[u8], kernel: (u32, u32)) -> Vec<(String, i64)> {
    let last = if kernel >= (7, 0) { BIT_FIELDS } else { HALVES };
    values(FIELDS.iter().chain(last), octets)
}

/// The fields that are there.
fn values<'a>(fields: impl Iterator<Item = &'a Field>, octets: &[u8]) -> Vec<(String, i64)> {
    let one = |field: &Field| {
        Some((field.name.to_owned(), value(octets.get(field.offset..)?.get(..field.size)?, field.bits)))
    };
    fields.filter_map(one).collect()
}

/// Bit fields are laid out from the low end of a little-endian word; a rate of "no limit" is all ones, which is -1 here.
fn value(word: &[u8], (lowest, number): (u32, u32)) -> i64 {
    let mut octets = [0; 8];
    let word = if cfg!(target_endian = "big") { &word.iter().rev().copied().collect::<Vec<u8>>()[..] } else { word };
    octets[..word.len()].copy_from_slice(word);
    let mask = u64::MAX >> (64 - number);
    ((u64::from_le_bytes(octets) >> lowest) & mask).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_follow_each_other_without_gap_or_overlap() {
        for last in [HALVES, BIT_FIELDS] {
            let mut end = 0;
            for field in FIELDS.iter().chain(last) {
                let start = 8 * field.offset as u32 + field.bits.0;
                // Five bits of the octet at 7 are spare.
                assert!(start == end || (end == 59 && start == 64), "{} starts at bit {start}, not {end}", field.name);
                end = start + field.bits.1;
            }
            assert_eq!(end, 8 * 280);
        }
    }

    #[test]
    fn values_come_out_of_their_bits() {
        let mut octets = [0u8; 104];
        octets[0] = 1;
        octets[6] = 0xa7;
        octets[7] = 0b101;
        octets[8..12].copy_from_slice(&204_000u32.to_ne_bytes());
        let values = decode(&octets, (6, 18));
        let of = |name: &str| values.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
        assert_eq!(of("tcpi_state"), Some(1));
        assert_eq!((of("tcpi_snd_wscale"), of("tcpi_rcv_wscale")), (Some(7), Some(10)));
        assert_eq!((of("tcpi_delivery_rate_app_limited"), of("tcpi_fastopen_client_fail")), (Some(1), Some(2)));
        assert_eq!(of("tcpi_rto"), Some(204_000));
        assert_eq!(of("tcpi_total_retrans"), Some(0), "the last field of 104 octets");
        assert_eq!(of("tcpi_pacing_rate"), None, "an old kernel does not return it");
    }
}
