//! Profiles as oracles of rules can judge them.

use crate::program::Profile;
use halfopen_stack::Config;

impl Profile {
    /// Where the configuration of a host of this profile begins.
    #[must_use]
    pub fn beginning(self) -> Config {
        match self {
            Self::Rfc9293 => Config::rfc9293(),
            Self::Rfc793 => Config::rfc793(),
            Self::Linux => linux_by_the_rules(),
        }
    }

    /// Its name in scripts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rfc9293 => "rfc9293",
            Self::Rfc793 => "rfc793",
            Self::Linux => "linux",
        }
    }
}

/// The `linux` profile, but for the choices by which Linux keeps a rule of RFC 9293 or of a document it names otherwise: oracles ask the
/// rules, and what Linux does in their place is asked by [`crate::differential`], of the kernel.
#[must_use]
pub fn linux_by_the_rules() -> Config {
    let (mut config, rfc) = (Config::linux(), Config::rfc9293());
    (config.acceptable, config.mini_sockets) = (rfc.acceptable, rfc.mini_sockets);
    config.smaller_window_needs_news = rfc.smaller_window_needs_news;
    config.duplicate_has_no_news = rfc.duplicate_has_no_news;
    config.crossing_syn_ack_offers = rfc.crossing_syn_ack_offers;
    (config.sack_counts_controls, config.sack_shortens_text) = (rfc.sack_counts_controls, rfc.sack_shortens_text);
    config.sack_keeps_blocks = rfc.sack_keeps_blocks;
    (config.sack_begins_above_una, config.dsack_of_unsent) = (rfc.sack_begins_above_una, rfc.dsack_of_unsent);
    config.listen_drops_syn_fin = rfc.listen_drops_syn_fin;
    config.shutdown_spares_half_open = rfc.shutdown_spares_half_open;
    (config.shut_reading_resets, config.late_reset_is_error) = (rfc.shut_reading_resets, rfc.late_reset_is_error);
    config.paws_spares_acks = rfc.paws_spares_acks;
    (config.ack_within_window, config.urgent_zero_is_one) = (rfc.ack_within_window, rfc.urgent_zero_is_one);
    config.fin_ack_waits = rfc.fin_ack_waits;
    (config.syn_ack_echo_check, config.override_timeout) = (rfc.syn_ack_echo_check, rfc.override_timeout);
    config.max_seg_of_handshake = rfc.max_seg_of_handshake;
    (config.ts_recent_by_ack, config.half_open_echo_check) = (rfc.ts_recent_by_ack, rfc.half_open_echo_check);
    (config.shutdown_is_remembered, config.ce_counts_where_kept) =
        (rfc.shutdown_is_remembered, rfc.ce_counts_where_kept);
    (config.urgent_is_ahead, config.abort_says_all) = (rfc.urgent_is_ahead, rfc.abort_says_all);
    (config.pmtu_plateaus, config.new_text_on_any_event) = (rfc.pmtu_plateaus, rfc.new_text_on_any_event);
    // The first window of a connection is that of segments that may become larger.
    config.half_window_segments = rfc.half_window_segments;
    config.urgent_behind_fin = rfc.urgent_behind_fin;
    config.train_has_one_urgent_pointer = rfc.train_has_one_urgent_pointer;
    (config.ece_needs_flight, config.mss_follows_path) = (rfc.ece_needs_flight, rfc.mss_follows_path);
    config.ece_waits_for_cwr = rfc.ece_waits_for_cwr;
    config
}
