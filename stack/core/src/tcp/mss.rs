//! Segment sizes (RFC 9293 3.7.1, RFC 6691's arithmetic).

use super::md5;
use super::tcb::Tcb;
use crate::config::Config;
use crate::wire::tcp::HEADER;

/// Octets that every path takes (RFC 791 3.2), of which Linux gives the TCP header and text their part however small the window is.
const SMALLEST_DATAGRAM: u32 = 68;

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
        let text = self.mss_of(self.path_limit(), config);
        let most = if config.half_window_segments { self.half_of_window() } else { 0 };
        if most > 0 && text > most {
            most.max(SMALLEST_DATAGRAM.saturating_sub(HEADER as u32 + self.options_of_each()))
        } else {
            text
        }
    }

    /// Half of the largest window that the peer has offered, or all of it if that is small.
    pub(super) fn half_of_window(&self) -> u32 {
        if self.snd.max_wnd > 536 { self.snd.max_wnd / 2 } else { self.snd.max_wnd }
    }

    /// The same for a path of `mtu` octets, whatever the window.
    pub(crate) fn mss_of(&self, mtu: u32, config: &Config) -> u32 {
        let path = mtu.saturating_sub(ip_header(self.tuple.remote.is_ipv6()) + HEADER as u32);
        let mss = self.snd.mss.min(path).max(config.tcp_min_snd_mss);
        let user = self.user.options.max_seg.filter(|_| !config.max_seg_of_handshake);
        let mss = user.map_or(mss, |user| mss.min(u32::from(user)));
        mss.saturating_sub(self.options_of_each()).max(1)
    }

    /// Octets of the options that every segment has.
    fn options_of_each(&self) -> u32 {
        self.timestamps.octets() + if self.md5 { md5::OCTETS } else { 0 }
    }
}
