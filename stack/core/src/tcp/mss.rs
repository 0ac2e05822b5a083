//! Segment sizes (RFC 9293 3.7.1, RFC 6691's arithmetic).

use super::md5;
use super::tcb::Tcb;
use crate::config::Config;
use crate::wire::tcp::HEADER;

/// Octets of a fixed IP header.
pub(crate) const fn ip_header(v6: bool) -> u32 {
    if v6 { 40 } else { 20 }
}

/// SendMSS without the option: 536 for IPv4, 1220 for IPv6 (MUST-15).
pub(crate) const fn default(v6: bool) -> u32 {
    if v6 { 1220 } else { 536 }
}

/// The MSS to offer: what a datagram of `mtu` octets leaves without options (MUST-67), or less if the user wants that.
pub(crate) fn offered(mtu: u32, v6: bool, user: Option<u16>) -> u32 {
    let most = mtu.saturating_sub(ip_header(v6) + HEADER as u32).min(u32::from(u16::MAX));
    user.map_or(most, |user| most.min(u32::from(user)))
}

impl Tcb {
    /// Eff.snd.MSS before options of single segments: `min(SendMSS + 20, MMS_S) - TCPhdrsize - IPoptionsize` with the
    /// options that every segment carries deducted.
    pub(crate) fn smss(&self, config: &Config) -> u32 {
        let v6 = self.tuple.remote.is_ipv6();
        let path = self.path_limit().saturating_sub(ip_header(v6) + HEADER as u32);
        let mss = self.snd.mss.min(path).max(config.tcp_min_snd_mss);
        let user = self.user.options.max_seg.filter(|_| !config.max_seg_of_handshake);
        let mss = user.map_or(mss, |user| mss.min(u32::from(user)));
        mss.saturating_sub(self.timestamps.octets() + if self.md5 { md5::OCTETS } else { 0 }).max(1)
    }
}
