//! Path MTU: what ICMP says of it (RFC 1191, RFC 8201), and what probing finds without ICMP (RFC 4821).
//!
//! What ICMP says is of a destination: the stack keeps it for all connections there until it is old. Probing is of one
//! connection; sizes, conditions and names are Linux's (`tcp_mtu_probing`).
//!
//! Absent: the two-stage belief of RFC 5927 7.2, which would hold back a message until the segment that it is about has
//! gone unacknowledged for some time.

use super::md5;
use super::mss;
use super::recovery::{AgainForPath, Phase, machine};
use super::retransmission_queue::Sent;
use super::state::State;
use super::tcb::{Origin, Tcb};
use crate::config::{Config, RetryLimit};
use crate::host::{Fx, Host, IPV6_MINIMUM_MTU};
use crate::rules;
use crate::seq::SeqNum;
use crate::time::{Instant, Sometime};
use crate::wire::tcp::{Flags, HEADER};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::net::IpAddr;
use core::time::Duration;

/// Destinations remembered; another one takes the place of the least address.
const MOST_DESTINATIONS: usize = 4096;

/// Values of `IP_MTU_DISCOVER`, by Linux's names and numbers.
const DONT: u8 = 0;
const PROBE: u8 = 3;
const INTERFACE: u8 = 4;
const OMIT: u8 = 5;

/// A window of fewer segments is not probed from.
const LEAST_WINDOW: u32 = 11;

/// What is known of one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) mtu: u32,
    /// The path is said to take less than this stack believes: datagrams may be fragmented.
    pub(crate) fragments: bool,
    until: Instant,
}

/// What routers have said, by destination.
#[derive(Debug, Clone, Default)]
pub(crate) struct Paths(BTreeMap<IpAddr, Known>);

impl Paths {
    pub(crate) fn get(&self, destination: IpAddr, now: Instant) -> Option<Known> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&destination).copied().filter(|known| now < known.until)
    }

    /// What is known now that a router has told of `new`: another connection may have found less, which stands (RFC 8201 4).
    fn lowered(&mut self, destination: IpAddr, new: Known, now: Instant) -> Known {
        if let Some(known) = self.get(destination, now).filter(|known| known.mtu <= new.mtu) {
            return known;
        }
        if self.0.len() >= MOST_DESTINATIONS && !self.0.contains_key(&destination) {
            self.0.pop_first();
        }
        self.0.insert(destination, new);
        new
    }
}

/// What one connection knows beyond its link's MTU; there is none while nothing is known.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PathMtu {
    /// What the link takes, while a router has said less.
    link: Option<u32>,
    pub(crate) fragments: bool,
    probing: Option<Probing>,
}

/// The search of RFC 4821 7.2. Sizes are octets of datagrams.
#[derive(Debug, Clone, PartialEq)]
struct Probing {
    /// Known to pass: what is used.
    low: u32,
    /// Believed not to pass above this.
    high: u32,
    /// When the search began.
    since: Instant,
    probe: Option<Probe>,
}

/// A segment on its way that is larger than those known to pass.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Probe {
    size: u32,
    start: SeqNum,
    end: SeqNum,
    duplicates: u32,
}

impl Tcb {
    /// Octets of a datagram around the text of each segment.
    fn overhead(&self) -> u32 {
        let options = self.timestamps.octets() + if self.md5 { md5::OCTETS } else { 0 };
        mss::ip_header(self.tuple.remote.is_ipv6()) + HEADER as u32 + options
    }

    /// Octets of the largest datagram that may be sent now.
    pub(crate) fn path_limit(&self) -> u32 {
        let probing = self.path.as_ref().and_then(|path| path.probing.as_ref());
        probing.map_or(self.path_mtu, |probing| self.path_mtu.min(probing.low))
    }

    /// Whether routers may cut the connection's datagrams: the path or the user (`IP_MTU_DISCOVER`, all but `WANT` and `DO`,
    /// as Linux has it for TCP) says so.
    pub(crate) fn may_be_fragmented(&self) -> bool {
        matches!(self.user.options.rare().mtu_discover, Some(DONT | PROBE | INTERFACE | OMIT))
            || self.path.as_ref().is_some_and(|path| path.fragments)
    }

    fn probing(&mut self) -> Option<&mut Probing> {
        self.path.as_mut()?.probing.as_mut()
    }

    /// The path or the user has another segment size now. The window begins to count when the handshake is over.
    pub(crate) fn size_changed(&mut self, fx: &Fx<'_>) {
        if !self.state().is_synchronized() && !self.is_fast_open_child() {
            return;
        }
        let smss = self.smss(fx.config());
        self.congestion.set_smss(smss, fx.config().window_in_segments);
    }

    /// The peer offers a window of `wnd` octets. A segment may have half of the largest one (`Config::half_window_segments`).
    pub(crate) fn note_window(&mut self, wnd: u32, fx: &Fx<'_>) {
        if wnd > self.snd.max_wnd {
            self.snd.max_wnd = wnd;
            if fx.config().half_window_segments {
                self.size_changed(fx);
            }
        }
    }

    /// A router has dropped a datagram of `total` octets as too big; it takes `told`, or does not say (0). What no longer
    /// fits is cut and sent again at once. It never raises the estimate.
    pub(crate) fn too_big(&mut self, told: u32, total: usize, fx: &mut Fx<'_>) {
        let v6 = self.tuple.remote.is_ipv6();
        if v6 && told < IPV6_MINIMUM_MTU {
            // RFC 8201 4: such a message is to be discarded.
            return;
        }
        match self.user.options.rare().mtu_discover {
            // The user wants no discovery, or believes the interface only.
            Some(INTERFACE | OMIT) => return,
            Some(DONT) if !v6 => return,
            Some(_) | None => {}
        }
        if fx.config().mini_sockets && (self.state() == State::TimeWait || self.is_orphan_in_fin_wait_2(fx)) {
            // What is left of the connection knows no path.
            return;
        }
        let told = if told == 0 && fx.config().pmtu_plateaus { plateau_below(total as u32) } else { told };
        let least = if v6 { IPV6_MINIMUM_MTU } else { fx.config().min_pmtu };
        let mtu = told.max(least);
        if mtu >= self.path_limit() {
            self.offer_at_most(self.path_mtu, fx);
            return;
        }
        if v6
            && fx.config().smaller_path_needs_smaller_segments
            && self.mss_of(told, fx.config()) >= self.smss(fx.config())
        {
            return;
        }
        fx.cite(rules::PMTU_LOWERED);
        let known = fx.host.paths.lowered(
            self.tuple.remote.ip(),
            Known { mtu, fragments: told < least, until: fx.now + fx.config().mtu_expires },
            fx.now,
        );
        self.lower(known, fx);
        let smss = self.smss(fx.config());
        self.offer_at_most(known.mtu, fx);
        if self.state() == State::SynSent {
            // Only the text of a Fast Open makes a SYN large: it goes again without, and offers what the path takes.
            if self.queue.len() > 1 {
                self.rcv.mss = mss::offered(known.mtu, v6, self.user.options.max_seg);
                self.queue.mark_front_lost();
            }
            return;
        }
        let most = smss.saturating_sub(self.sack_reserve(fx.config())).max(1);
        if fx.config().segment_trains {
            self.queue.mark_larger_trains_lost(most);
        } else {
            self.queue.mark_larger_lost(most);
        }
        if self.queue.lost() > 0 {
            if fx.config().slow_start_on_smaller_path {
                fx.cite(rules::PMTU_ONE_SEGMENT);
                self.recovery.again_for_path = AgainForPath::One;
            }
            machine::repair(self, fx.config());
        }
    }

    /// A SYN goes again: see [`Self::offer_at_most`].
    pub(crate) fn offer_again(&mut self, fx: &Fx<'_>) {
        self.offer_at_most(of_new(fx.host, self.tuple.remote.ip()).0, fx);
    }

    /// Linux, which looks for its way anew: a SYN that goes again offers what the path takes, and so does the SYN,ACK that may answer a crossing
    /// SYN. What the user has asked for since the SYN comes too late.
    fn offer_at_most(&mut self, mtu: u32, fx: &Fx<'_>) {
        let v6 = self.tuple.remote.is_ipv6();
        if !v6 && fx.config().mss_follows_path && self.origin == Origin::Active && !self.state().is_synchronized() {
            self.rcv.mss = self.rcv.mss.min(mss::offered(mtu, v6, None));
        }
    }

    fn lower(&mut self, known: Known, fx: &Fx<'_>) {
        let path = self.path.get_or_insert_default();
        path.link.get_or_insert(self.path_mtu);
        path.fragments = known.fragments;
        self.path_mtu = known.mtu;
        if let Some(probing) = &mut path.probing {
            probing.high = probing.high.min(known.mtu);
            probing.low = probing.low.min(known.mtu);
            probing.probe = None;
        }
        self.size_changed(fx);
    }

    /// Before anything is sent: what another connection has learnt of the path counts here too, and what is old counts no
    /// more (RFC 1191 6.3, RFC 8201 5.3).
    pub(crate) fn follow_path(&mut self, fx: &mut Fx<'_>) {
        if self.path.is_none() && fx.host.paths.0.is_empty() {
            return;
        }
        match fx.host.paths.get(self.tuple.remote.ip(), fx.now) {
            Some(known) if known.mtu < self.path_mtu => self.lower(known, fx),
            Some(_) => {}
            None => {
                fx.host.paths.0.remove(&self.tuple.remote.ip());
                let Some(path) = &mut self.path else { return };
                let Some(link) = path.link.take() else { return };
                path.fragments = false;
                if path.probing.is_none() {
                    self.path = None;
                }
                self.path_mtu = link;
                fx.cite(rules::PMTU_RAISED);
                self.size_changed(fx);
            }
        }
    }

    /// The handshake is over. Probing from the start begins with a size that passes nearly everywhere.
    pub(crate) fn path_begins(&mut self, fx: &Fx<'_>) {
        if fx.config().tcp_mtu_probing > 1 {
            self.begin_probing(fx);
        }
    }

    fn begin_probing(&mut self, fx: &Fx<'_>) {
        let fixed = mss::ip_header(self.tuple.remote.is_ipv6()) + HEADER as u32;
        let high = self.path_mtu.min(self.snd.mss.saturating_add(fixed));
        let low = (fx.config().tcp_base_mss + self.overhead()).min(high);
        let path = self.path.get_or_insert_default();
        path.probing = Some(Probing { low, high, since: fx.now, probe: None });
        self.size_changed(fx);
    }

    /// The retransmission timer went off. A probe among what was lost says nothing (RFC 4821 7.6.4); from R1 on (RFC 9293
    /// 3.8.3) the path may be one that swallows large datagrams without a word (RFC 4821 7.7).
    pub(crate) fn path_times_out(&mut self, fx: &mut Fx<'_>) {
        if let Some(probing) = self.probing() {
            probing.probe = None;
        }
        self.recovery.path_answers();
        if !reaches_r1(self, fx) {
            return;
        }
        fx.cite(rules::R1);
        if fx.config().tcp_mtu_probing == 0 {
            return;
        }
        fx.cite(rules::BLACK_HOLE);
        let overhead = self.overhead();
        let config = fx.config();
        let (base, floor) = (config.tcp_base_mss, config.tcp_mtu_probe_floor.max(config.tcp_min_snd_mss));
        if let Some(probing) = self.probing() {
            let mss = (probing.low.saturating_sub(overhead) / 2).min(base).max(floor);
            probing.low = mss + overhead;
        } else {
            self.begin_probing(fx);
        }
        self.size_changed(fx);
        if !(self.sack && fx.config().rack()) {
            // The loss window is one segment (RFC 5681 3.1), of the size that goes from now on.
            self.congestion.cwnd = self.congestion.cwnd.min(self.congestion.smss());
        }
    }

    /// Sends a probe if it is time for one. Whether it did.
    pub(crate) fn path_probe(&mut self, fx: &mut Fx<'_>) -> bool {
        if self.path.as_ref().is_none_or(|path| path.probing.is_none()) {
            return false;
        }
        let Some((size, text)) = self.probe_size(fx) else { return false };
        fx.cite(rules::PROBE_SENT);
        let seq = self.snd.nxt;
        super::emit::text(self, seq, text, Flags::ACK, fx);
        self.queue.push(Sent::text(seq, text, fx.now));
        self.snd.nxt = seq.plus(text);
        self.snd.last_sent = Sometime::at(fx.now);
        let end = self.snd.nxt;
        if let Some(probing) = self.probing() {
            probing.probe = Some(Probe { size, start: seq, end, duplicates: 0 });
        }
        true
    }

    /// The middle of the search range, as a datagram and as text: `None` when nothing is to be found, or a probe could cost
    /// more than it brings (RFC 4821 7.3, 7.4; Linux's conditions).
    fn probe_size(&mut self, fx: &Fx<'_>) -> Option<(u32, u32)> {
        let config = fx.config();
        let smss = self.smss(config);
        let overhead = self.overhead();
        let (cwnd, pipe) = (self.congestion.cwnd, self.queue.pipe().octets);
        let quiet = self.recovery.phase() == Phase::Open;
        let (unsent, wnd, flight) = (self.unsent(), self.snd.wnd, self.flight());
        let snd_mss = self.snd.mss.saturating_add(overhead - self.timestamps.octets());
        let path_mtu = self.path_mtu;
        let probing = self.probing()?;
        if probing.probe.is_some() || !quiet || cwnd < LEAST_WINDOW * smss {
            return None;
        }
        if probing.high.saturating_sub(probing.low) < config.tcp_probe_threshold {
            let interval = Duration::from_secs(config.tcp_probe_interval.into());
            if fx.now.since(probing.since) >= interval {
                // The path may have changed: the search begins anew from what is in use.
                probing.since = fx.now;
                probing.high = path_mtu.min(snd_mss);
            }
            return None;
        }
        let size = (probing.high + probing.low) / 2;
        let text = size.saturating_sub(overhead);
        // Enough behind it that its loss shows by duplicate ACKs.
        let needed = text + (config.tcp_reordering + 1) * smss;
        let fits = unsent >= needed && wnd.saturating_sub(flight) >= needed && pipe + text + smss <= cwnd;
        (fits && text > smss).then_some((size, text))
    }

    /// Something new was acknowledged. A probe that passed raises the size.
    pub(crate) fn path_acknowledged(&mut self, fx: &mut Fx<'_>) {
        let una = self.snd.una;
        let Some(probing) = self.probing() else { return };
        let Some(probe) = probing.probe.filter(|probe| probe.end.le(una)) else { return };
        probing.low = probe.size;
        probing.probe = None;
        fx.cite(rules::PROBE_PASSED);
        fx.host.counters.tcp_mtup_success += 1;
        // RFC 4821 7.6.1: larger segments are no reason for a larger window, whatever its unit is.
        let smss = self.smss(fx.config());
        self.congestion.set_smss(smss, false);
    }

    /// A duplicate ACK. `true`: it shows that a probe was lost, which is no sign of congestion (RFC 4821 7.6.2): it is sent
    /// again in smaller pieces, and that is all.
    pub(crate) fn path_probe_lost(&mut self, fx: &mut Fx<'_>) -> bool {
        let una = self.snd.una;
        let threshold = fx.config().tcp_reordering;
        let Some(probing) = self.probing() else { return false };
        let Some(probe) = probing.probe.as_mut().filter(|probe| probe.start == una) else { return false };
        probe.duplicates += 1;
        if probe.duplicates < threshold {
            return false;
        }
        probing.high = probe.size - 1;
        probing.probe = None;
        fx.cite(rules::PROBE_LOST);
        fx.host.counters.tcp_mtup_fail += 1;
        self.queue.mark_front_lost();
        true
    }
}

/// Whether R1 of RFC 9293 3.8.3 is reached: as a count, or as Linux means it as a time.
fn reaches_r1(tcb: &Tcb, fx: &Fx<'_>) -> bool {
    let config: &Config = fx.config();
    match config.retry_limit {
        RetryLimit::Count => tcb.rto.retransmits >= config.tcp_retries1,
        RetryLimit::Time => tcb
            .rto
            .first_retransmission()
            .is_some_and(|first| fx.now.since(first) >= config.time_of_retries(config.tcp_retries1)),
    }
}

/// The next common MTU below, from a router that does not tell (RFC 1191 7.1).
fn plateau_below(total: u32) -> u32 {
    [32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68]
        .into_iter()
        .find(|plateau| *plateau < total)
        .unwrap_or(68)
}

/// The segment size that a SYN offers: that of the connection, and in Linux what is known of the path now, in a SYN,ACK of a listener or if
/// something was known when the connection began.
pub(crate) fn size_to_offer(tcb: &Tcb, fx: &Fx<'_>) -> u32 {
    let remote = tcb.tuple.remote.ip();
    let user = match tcb.origin {
        _ if !fx.config().mss_follows_path || remote.is_ipv6() => return tcb.rcv.mss,
        Origin::Passive => tcb.user.options.max_seg,
        Origin::Active if tcb.rcv.mss < mss::offered(fx.host.mtu_to(remote), false, None) => None,
        Origin::Active => return tcb.rcv.mss,
    };
    tcb.rcv.mss.min(mss::offered(of_new(fx.host, remote).0, false, user))
}

/// Path MTU of a new connection, and what is known of the path already. What is too old shows with its first event.
pub(crate) fn of_new(host: &Host, remote: IpAddr) -> (u32, Option<Box<PathMtu>>) {
    let mtu = host.mtu_to(remote);
    match host.paths.0.get(&remote).filter(|known| known.mtu < mtu) {
        Some(known) => {
            (known.mtu, Some(Box::new(PathMtu { link: Some(mtu), fragments: known.fragments, probing: None })))
        }
        None => (mtu, None),
    }
}
