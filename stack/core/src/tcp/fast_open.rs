//! TCP Fast Open (RFC 7413), both sides: text on a SYN, guarded by a cookie that the server has given to this address.
//!
//! The experimental option (kind 254) that came before is understood and, where a server knows nothing else, used.
//! Absent: the TIME-WAIT and the MSS hints of RFC 7413 Appendix A.

use super::mss;
use super::tcb::{Tcb, Tuple};
use crate::config::{Config, FastOpenKeys};
use crate::host::{Fx, Host};
use crate::rules;
use crate::time::Instant;
use crate::wire::tcp::{Cookie, HEADER, MOST_OCTETS, Segment};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use core::hash::Hasher;
use core::net::IpAddr;
use core::time::Duration;
use siphasher::sip::SipHasher24;

/// Bits of `tcp_fastopen`.
pub(crate) const CLIENT: u32 = 0x1;
pub(crate) const SERVER: u32 = 0x2;
pub(crate) const CLIENT_NO_COOKIE: u32 = 0x4;
pub(crate) const SERVER_NO_COOKIE: u32 = 0x200;
pub(crate) const ALL_LISTENERS: u32 = 0x400;

/// Destinations that a client remembers; another one takes the place of the least address.
const MOST_DESTINATIONS: usize = 1024;

/// How long a child that was reset in SYN-RECEIVED counts against the limit (RFC 7413 5.1; Linux's time).
const RESET_COUNTS_FOR: Duration = Duration::from_secs(60);

/// What Fast Open means for one connection; there is none where it plays no role.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FastOpen {
    /// The option of the next SYN or SYN,ACK. A repeated one has none.
    option: Option<Cookie>,
    /// The SYN had it: a cookie in the answer is no surprise.
    solicited: bool,
    /// Made by a listener from a SYN with a valid cookie: in use before the handshake is over.
    child: bool,
    /// The SYN had text: ours, or the peer's that was taken.
    syn_data: bool,
    /// All of it was acknowledged (for a client).
    acknowledged: bool,
}

impl Tcb {
    /// Whether it is the server's side of a Fast Open that is in use although the handshake is not over.
    pub(crate) fn is_fast_open_child(&self) -> bool {
        self.fast_open.as_ref().is_some_and(|fast_open| fast_open.child)
    }

    /// Whether text may be in the send queue or on its way: from the SYN on for the server's side of a Fast Open.
    pub(crate) fn may_transmit(&self) -> bool {
        let early = self.state() == super::state::State::SynReceived && self.is_fast_open_child();
        self.state().may_transmit() || early
    }

    /// Whether text of a SYN,ACK is taken where it otherwise is not: the SYN asked for Fast Open, and none of its text is missing (Linux).
    pub(crate) fn takes_syn_ack_text(&self) -> bool {
        let fast_open = self.fast_open.as_ref();
        fast_open.is_some_and(|fast_open| if fast_open.syn_data { fast_open.acknowledged } else { fast_open.solicited })
    }

    /// The option for the SYN or SYN,ACK that is being sent.
    pub(crate) fn take_fast_open_option(&mut self) -> Option<Cookie> {
        self.fast_open.as_mut()?.option.take()
    }

    /// `TCPI_OPT_SYN_DATA`: text of the SYN was acknowledged, by either side.
    pub(crate) fn syn_data_acknowledged(&self) -> bool {
        self.fast_open
            .as_ref()
            .is_some_and(|fast_open| fast_open.syn_data && (fast_open.child || fast_open.acknowledged))
    }
}

/// The cookie that the server gives to `client` (RFC 7413 4.1.2), as Linux computes it: SipHash-2-4 of both addresses.
fn cookie_of(key: &[u8; 16], client: IpAddr, server: IpAddr) -> Cookie {
    let word = |octets: &[u8]| u64::from_le_bytes(core::array::from_fn(|index| octets[index]));
    let mut hasher = SipHasher24::new_with_keys(word(&key[..8]), word(&key[8..]));
    for address in [client, server] {
        match address {
            IpAddr::V4(v4) => hasher.write(&v4.octets()),
            IpAddr::V6(v6) => hasher.write(&v6.octets()),
        }
    }
    Cookie::new(&hasher.finish().to_le_bytes()).unwrap_or_default()
}

/// What a listener brings to a SYN.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server {
    /// The listener's own keys (`TCP_FASTOPEN_KEY`).
    pub(crate) keys: Option<FastOpenKeys>,
    /// It may have one more connection in SYN-RECEIVED that is in use. `None`: it does not serve Fast Open.
    pub(crate) room: Option<bool>,
    /// `TCP_FASTOPEN_NO_COOKIE` on the listener.
    pub(crate) no_cookie: bool,
}

/// What a SYN gets (RFC 7413 4.2.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A handshake as ever, with this option on the SYN,ACK.
    Handshake(Option<Cookie>),
    /// A connection that is in use at once, with this option on the SYN,ACK.
    Serve(Option<Cookie>),
}

/// Judges a SYN to a listener.
pub(crate) fn judge(server: &Server, tuple: Tuple, seg: &Segment<'_>, fx: &mut Fx<'_>) -> Answer {
    let config = fx.config();
    let bits = config.tcp_fastopen;
    let asks = seg.options.fast_open;
    let Some(room) = server.room.filter(|_| bits & SERVER != 0 && (asks.is_some() || !seg.payload.is_empty())) else {
        return Answer::Handshake(None);
    };
    if !room {
        fx.cite(rules::FAST_OPEN_LIMIT);
        fx.host.counters.tcp_fast_open_listen_overflow += 1;
        return Answer::Handshake(None);
    }
    let keys = server.keys.or(config.tcp_fastopen_key).unwrap_or(fx.host.fast_open_keys);
    let (client, local) = (tuple.remote.ip(), tuple.local.ip());
    if bits & SERVER_NO_COOKIE != 0 || server.no_cookie {
        fx.host.counters.tcp_fast_open_passive += 1;
        return Answer::Serve(None);
    }
    let Some(asks) = asks else { return Answer::Handshake(None) };
    let valid = cookie_of(&keys.primary, client, local).experimental(asks.is_experimental());
    if asks.is_request() {
        fx.cite(rules::FAST_OPEN_COOKIE_GIVEN);
        fx.host.counters.tcp_fast_open_cookie_reqd += 1;
        return Answer::Handshake(Some(valid));
    }
    if asks == valid {
        fx.cite(rules::FAST_OPEN_SERVED);
        fx.host.counters.tcp_fast_open_passive += 1;
        return Answer::Serve(None);
    }
    let backup = keys.backup.map(|key| cookie_of(&key, client, local).experimental(asks.is_experimental()));
    if backup == Some(asks) {
        // Valid, but of the old key: the new cookie goes along.
        fx.cite(rules::FAST_OPEN_SERVED);
        fx.host.counters.tcp_fast_open_passive += 1;
        fx.host.counters.tcp_fast_open_passive_alt_key += 1;
        return Answer::Serve(Some(valid));
    }
    fx.cite(rules::FAST_OPEN_COOKIE_INVALID);
    fx.host.counters.tcp_fast_open_passive_fail += 1;
    Answer::Handshake(Some(valid))
}

/// Makes a new connection one that is in use before the handshake is over: the SYN's text is the user's already.
pub(crate) fn serve(tcb: &mut Tcb, option: Option<Cookie>, seg: &Segment<'_>, fx: &mut Fx<'_>) {
    let text = &seg.payload[..seg.payload.len().min(tcb.rcv.wnd() as usize)];
    tcb.incoming.push(text, &mut fx.host.rings);
    tcb.rcv.nxt += text.len() as u32;
    if fx.config().initial_window_in_segments {
        // Linux counts its first window from behind the text of the SYN.
        tcb.rcv.edge = tcb.rcv.edge.plus(text.len() as u32);
    }
    tcb.rcv.last_ack_sent = tcb.rcv.nxt;
    tcb.totals.bytes_received = text.len() as u64;
    tcb.totals.data_segs_in = u64::from(!text.is_empty());
    if seg.flags.fin() && text.len() == seg.payload.len() {
        tcb.reassembly.insert_fin(tcb.rcv.nxt, false);
    }
    tcb.fast_open = Some(Box::new(FastOpen { option, child: true, syn_data: !text.is_empty(), ..FastOpen::default() }));
    let smss = tcb.smss(fx.config());
    tcb.congestion.start(smss, 0, fx.config());
}

/// The option on the SYN,ACK of an ordinary handshake.
pub(crate) fn offer(tcb: &mut Tcb, option: Option<Cookie>) {
    if option.is_some() {
        tcb.fast_open = Some(Box::new(FastOpen { option, ..FastOpen::default() }));
    }
}

/// The connections of one listener that are in use in SYN-RECEIVED, and those that were reset then.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pending {
    count: u32,
    /// When each stops to count (RFC 7413 5.1: who sends SYNs in another's name, whose host resets them, is not to make
    /// room that way).
    resets: VecDeque<Instant>,
}

impl Pending {
    /// Whether one more is within `limit`.
    pub(crate) fn has_room(&mut self, limit: u32, now: Instant) -> bool {
        if self.total() >= limit {
            // Only then, as in Linux, and one for one.
            if self.resets.front().is_some_and(|until| *until <= now) {
                self.resets.pop_front();
            }
        }
        self.total() < limit
    }

    fn total(&self) -> u32 {
        self.count + self.resets.len() as u32
    }

    pub(crate) const fn begins(&mut self) {
        self.count += 1;
    }

    /// One has left SYN-RECEIVED. `reset`: by a reset that counts.
    pub(crate) fn ends(&mut self, reset: bool, now: Instant) {
        self.count -= 1;
        if reset {
            self.resets.push_back(now + RESET_COUNTS_FOR);
        }
    }
}

/// What a client knows of one destination (RFC 7413 4.1.3).
#[derive(Debug, Clone, Copy, Default)]
struct Destination {
    cookie: Cookie,
    mss: u16,
    /// A request in RFC 7413's option went unanswered: the next one is in the experimental option; after that neither.
    tried: Tried,
    /// When text on a SYN was last lost, or a request for a cookie went unanswered (RFC 7413 4.2.1).
    lost: Option<Instant>,
}

/// Options that were tried without answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Tried {
    #[default]
    None,
    Standard,
    Both,
}

/// The client's memory.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cache {
    destinations: BTreeMap<(IpAddr, IpAddr), Destination>,
    /// Since when Fast Open pauses, and how often in a row it had to.
    pause: Option<(Instant, u32)>,
}

impl Cache {
    fn entry(&mut self, tuple: Tuple) -> &mut Destination {
        let key = (tuple.remote.ip(), tuple.local.ip());
        if self.destinations.len() >= MOST_DESTINATIONS && !self.destinations.contains_key(&key) {
            self.destinations.pop_first();
        }
        self.destinations.entry(key).or_default()
    }

    fn get(&self, tuple: Tuple) -> Destination {
        self.destinations.get(&(tuple.remote.ip(), tuple.local.ip())).copied().unwrap_or_default()
    }

    /// Forgets the destinations, not that Fast Open pauses.
    pub(crate) fn forget(&mut self) {
        self.destinations.clear();
    }

    /// Whether Fast Open pauses because the network swallows it (RFC 7413 7.1).
    fn pauses(&self, now: Instant, config: &Config) -> bool {
        let seconds = u64::from(config.tcp_fastopen_blackhole_timeout_sec);
        self.pause.is_some_and(|(since, times)| {
            let factor = 1 << times.saturating_sub(1).min(6);
            seconds > 0 && now.since(since) < Duration::from_secs(seconds * factor)
        })
    }
}

/// What a client may put on its SYN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// No option, no text.
    Plain,
    /// The request for a cookie.
    Request(Cookie),
    /// Text, with the cookie or without.
    Text {
        cookie: Option<Cookie>,
        /// The peer's MSS as last time, 0 when unknown.
        mss: u16,
    },
}

/// What the client may do for a connection to be. `no_cookie`: `TCP_FASTOPEN_NO_COOKIE`.
pub(crate) fn opening(host: &Host, tuple: Tuple, no_cookie: bool, now: Instant) -> Opening {
    let config = &host.config;
    let known = host.fast_open_cache.get(tuple);
    let remembers_loss = known.lost.is_some_and(|at| now.since(at) < config.fast_open_negative_cache);
    if config.tcp_fastopen & CLIENT == 0 || remembers_loss || host.fast_open_cache.pauses(now, config) {
        return Opening::Plain;
    }
    if config.tcp_fastopen & CLIENT_NO_COOKIE != 0 || no_cookie {
        return Opening::Text { cookie: None, mss: known.mss };
    }
    if !known.cookie.is_request() {
        return Opening::Text { cookie: Some(known.cookie), mss: known.mss };
    }
    Opening::Request(Cookie::default().experimental(known.tried == Tried::Standard))
}

/// Prepares the SYN of an active OPEN: takes as much of `data` as it may carry. How many octets.
pub(crate) fn prepare(tcb: &mut Tcb, data: &[u8], now: Instant, fx: &mut Fx<'_>) -> usize {
    match opening(fx.host, tcb.tuple, tcb.user.options.fast_open_no_cookie, now) {
        Opening::Plain => {
            tcb.fast_open = Some(Box::default());
            0
        }
        Opening::Request(request) => {
            fx.cite(rules::FAST_OPEN_COOKIE_REQUESTED);
            tcb.fast_open = Some(Box::new(FastOpen { option: Some(request), solicited: true, ..FastOpen::default() }));
            0
        }
        Opening::Text { cookie, mss: known } => {
            fx.cite(rules::FAST_OPEN_SYN_TEXT);
            let path = tcb.path_mtu.saturating_sub(mss::ip_header(tcb.tuple.remote.is_ipv6()) + HEADER as u32);
            let mss = if known == 0 { tcb.rcv.mss } else { u32::from(known) };
            let mss = tcb.user.options.max_seg.map_or(mss, |user| mss.min(u32::from(user)));
            // Whatever options the SYN has now or gets on its way find room (Linux).
            let space = mss.min(path).saturating_sub(MOST_OCTETS as u32);
            let bounded = known == 0 && fx.config().fast_open_default_mss;
            let most = if bounded { mss::default(tcb.tuple.remote.is_ipv6()) } else { u32::MAX };
            let space = space.min(most) as usize;
            let taken = data.len().min(space);
            tcb.outgoing.push(&data[..taken], &mut fx.host.rings);
            let solicited = cookie.is_some();
            let option = FastOpen { option: cookie, solicited, syn_data: taken > 0, ..FastOpen::default() };
            tcb.fast_open = Some(Box::new(option));
            taken
        }
    }
}

/// The SYN,ACK of a connection that asked for Fast Open: what it teaches. Text that it does not acknowledge is lost.
pub(crate) fn syn_ack(tcb: &mut Tcb, seg: &Segment<'_>, fx: &mut Fx<'_>) {
    let requested = tcb.fast_open.is_some();
    let unacknowledged = !tcb.queue.is_empty();
    let solicited = tcb.fast_open.as_ref().is_some_and(|fast_open| fast_open.solicited);
    let cookie = seg.options.fast_open.filter(|cookie| solicited && !cookie.is_request());
    if requested || seg.options.mss.is_some() && fx.config().tcp_fastopen & CLIENT != 0 {
        let repeated = tcb.syn_losses > 0;
        let syn_data = tcb.fast_open.as_ref().is_some_and(|fast_open| fast_open.syn_data);
        let asked = tcb.fast_open.as_ref().is_some_and(|fast_open| !fast_open.syn_data);
        let entry = fx.host.fast_open_cache.entry(tcb.tuple);
        if let Some(mss) = seg.options.mss {
            entry.mss = mss;
        }
        match cookie {
            Some(cookie) => entry.cookie = cookie,
            None if requested && asked && !repeated && entry.cookie.is_request() => {
                entry.tried = if entry.tried == Tried::None { Tried::Standard } else { Tried::Both };
            }
            None => {}
        }
        // Only the plain SYN has arrived: the text, or the answer to it, was dropped on the way.
        let dropped = repeated && syn_data && unacknowledged;
        let unanswered = solicited && asked && cookie.is_none();
        if cookie.is_some() || syn_data || unanswered {
            entry.lost = (cookie.is_none() && (dropped || unanswered)).then_some(fx.now);
        }
        if unanswered {
            fx.cite(rules::FAST_OPEN_NO_ANSWER);
        }
    }
    if cookie.is_some() {
        fx.cite(rules::FAST_OPEN_COOKIE_CACHED);
    }
    let Some(fast_open) = &mut tcb.fast_open else { return };
    if unacknowledged {
        fx.cite(rules::FAST_OPEN_TEXT_AGAIN);
        fx.host.counters.tcp_fast_open_active_fail += 1;
        tcb.queue.mark_all_lost();
    } else if fast_open.syn_data {
        fast_open.acknowledged = true;
        fx.host.counters.tcp_fast_open_active += 1;
        fx.host.fast_open_cache.pause = None;
    }
}

/// A timeout of a connection that began with Fast Open. The third in a row, or the last, makes Fast Open pause.
pub(crate) fn timed_out(tcb: &Tcb, last: bool, fx: &mut Fx<'_>) {
    let client = tcb.fast_open.as_ref().is_some_and(|fast_open| !fast_open.child);
    let timeouts = tcb.rto.retransmits;
    if client && fx.config().tcp_fastopen_blackhole_timeout_sec > 0 && (timeouts == 2 || (timeouts < 2 && last)) {
        fx.host.counters.tcp_fast_open_blackhole += 1;
        let times = fx.host.fast_open_cache.pause.map_or(0, |(_, times)| times);
        fx.host.fast_open_cache.pause = Some((fx.now, times + 1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_those_of_linux() {
        // Words of the key as the sysctl has them; client, server; cookie as a kernel gives it.
        let key = |words: [u32; 4]| core::array::from_fn(|index| words[index / 4].to_le_bytes()[index % 4]);
        let table = [
            ([0xa0bf_63f7, 0xed80_3d81, 0xcd64_1d30, 0xcebc_4a90], "10.248.0.3", "192.168.0.2", 0x1313_a2da_994a_0951),
            ([0xa0bf_63f7, 0xed80_3d81, 0xcd64_1d30, 0xcebc_4a90], "10.248.0.2", "192.168.0.2", 0x00ab_aaab_e8e9_54c2),
            (
                [0xa1a1_a1a1, 0xb2b2_b2b2, 0xc3c3_c3c3, 0xd4d4_d4d4],
                "192.0.2.1",
                "192.168.0.1",
                0x3021_b9d8_8901_7eeb_u64,
            ),
        ];
        for (words, client, server, cookie) in table {
            let made = cookie_of(&key(words), client.parse().unwrap(), server.parse().unwrap());
            assert_eq!(made.as_slice(), cookie.to_be_bytes(), "{client} {server}");
        }
    }

    #[test]
    fn resets_count_for_a_minute() {
        let mut pending = Pending::default();
        let later = |seconds| Instant::ORIGIN + Duration::from_secs(seconds);
        assert!(pending.has_room(1, later(0)));
        pending.begins();
        assert!(!pending.has_room(1, later(0)));
        pending.ends(true, later(1));
        assert!(!pending.has_room(1, later(60)));
        assert!(pending.has_room(1, later(61)));
    }
}
