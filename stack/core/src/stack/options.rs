//! `setsockopt` and `getsockopt`.

use super::Stack;
use super::connection::Connection;
use super::sockets::{Kind, Socket};
use crate::config::Config;
use crate::errno::Errno;
use crate::host::Fx;
use crate::socket::{OptionName, Options, Shared, SocketOption};
use crate::tcp::backlog;
use crate::tcp::delayed_ack::Need;
use crate::tcp::emit;
use crate::tcp::fast_open;
use crate::tcp::output::{self, Push};
use crate::tcp::tcb::Tcb;
use crate::tcp::timers::Timer;
use crate::tcp::window;
use crate::time::Instant;
use alloc::boxed::Box;

/// Least `SO_RCVBUF` and `SO_SNDBUF`, as given by the caller (Linux's minima, halved).
const LEAST_RCVBUF: u32 = 1152;
/// As [`LEAST_RCVBUF`].
const LEAST_SNDBUF: u32 = 2304;

/// Bounds of `TCP_MAXSEG`: Linux's least segment with all options, and its largest window without scaling.
const LEAST_MAXSEG: u32 = 88;
/// Octets of options that a header has room for.
const MAX_TCP_OPTIONS: u32 = 40;
/// As [`LEAST_MAXSEG`].
const MOST_MAXSEG: u32 = 32_767;
/// Longest `TCP_LINGER2`, seconds.
const MOST_LINGER2: i32 = 120;

/// Linux answers `TCP_QUICKACK` with this many ACKs at once.
const QUICK_ACKS: u32 = 16;

impl Stack {
    /// Sets an option of the socket, and of its connection if it has one.
    ///
    /// # Errors
    /// `EBADF`; `EINVAL` for a value outside the option's range, and for `IPV6_V6ONLY` once the socket is bound.
    pub fn set_option(&mut self, now: Instant, fd: i32, option: SocketOption) -> Result<(), Errno> {
        let socket = self.sockets.socket_mut(fd)?;
        if matches!(option, SocketOption::V6Only(_)) && socket.local.is_some() {
            return Err(Errno::EINVAL);
        }
        apply(Shared::make_mut(&mut socket.options), option, &self.host.config)?;
        if let Kind::Connected { id, .. } = socket.kind {
            let options = socket.options.clone();
            self.with(id, now, |tcb, fx| changed(tcb, options, option, fx));
            if matches!(option, SocketOption::ReuseAddr(_) | SocketOption::ReusePort(_)) {
                self.share_anew(id);
            }
        }
        Ok(())
    }

    /// Reads an option. Booleans are 0 and 1.
    ///
    /// # Errors
    /// `EBADF`.
    pub fn option(&mut self, fd: i32, name: OptionName) -> Result<i64, Errno> {
        let socket = self.sockets.socket_mut(fd)?;
        if name == OptionName::Error {
            let error = match socket.kind {
                Kind::Connected { id, .. } => {
                    self.connections.get_mut(&id).and_then(|connection| connection.tcb.user.error.take())
                }
                Kind::Fresh | Kind::Listening(_) => socket.error.take(),
            };
            return Ok(error.map_or(0, |error| i64::from(error.number())));
        }
        let socket = self.sockets.socket(fd)?;
        Ok(read(socket, self.connection_of(fd), name, self.now, &self.host.config))
    }
}

/// Checks the value and stores it.
#[expect(clippy::too_many_lines, reason = "an arm for each option")]
fn apply(options: &mut Options, option: SocketOption, config: &Config) -> Result<(), Errno> {
    let in_range = match option {
        SocketOption::KeepIdle(value) | SocketOption::KeepIntvl(value) => (1..=32_767).contains(&value),
        SocketOption::RtoMaxMs(value) => (1000..=120_000).contains(&value),
        // Linux's least is two ticks of its clock; ours has none, so the finest of its.
        SocketOption::RtoMinUs(value) | SocketOption::DelAckMaxUs(value) => (2000..=200_000).contains(&value),
        SocketOption::MtuDiscover(value) => value <= 5,
        SocketOption::LocalPortRange(first, last) => first == 0 || last == 0 || first <= last,
        SocketOption::KeepCnt(value) | SocketOption::SynCnt(value) => (1..=127).contains(&value),
        SocketOption::MaxSeg(value) => {
            let least = (config.tcp_min_snd_mss + MAX_TCP_OPTIONS).min(LEAST_MAXSEG);
            value == 0 || (least..=MOST_MAXSEG).contains(&u32::from(value))
        }
        SocketOption::Ttl(value) => value > 0,
        SocketOption::Linger(_)
        | SocketOption::ReuseAddr(_)
        | SocketOption::KeepAlive(_)
        | SocketOption::OobInline(_)
        | SocketOption::SndBuf(_)
        | SocketOption::RcvBuf(_)
        | SocketOption::RcvLowat(_)
        | SocketOption::NoDelay(_)
        | SocketOption::Cork(_)
        | SocketOption::Congestion(_)
        | SocketOption::UserTimeout(_)
        | SocketOption::DeferAccept(_)
        | SocketOption::Linger2(_)
        | SocketOption::QuickAck(_)
        | SocketOption::WindowClamp(_)
        | SocketOption::Tos(_)
        | SocketOption::FastOpen(_)
        | SocketOption::FastOpenConnect(_)
        | SocketOption::FastOpenNoCookie(_)
        | SocketOption::FastOpenKeys(_)
        | SocketOption::RecvErr(_)
        | SocketOption::ReusePort(_)
        | SocketOption::BindAddressNoPort(_)
        | SocketOption::FreeBind(_)
        | SocketOption::NotSentLowAt(_)
        | SocketOption::Inq(_)
        | SocketOption::Priority(_)
        | SocketOption::Mark(_)
        | SocketOption::MaxPacingRate(_)
        | SocketOption::V6Only(_) => true,
    };
    if !in_range {
        return Err(Errno::EINVAL);
    }
    match option {
        SocketOption::Linger(time) => options.linger = time,
        SocketOption::ReuseAddr(on) => options.reuse_addr = on,
        SocketOption::KeepAlive(on) => options.keep_alive = on,
        SocketOption::OobInline(on) => options.oob_inline = on,
        SocketOption::SndBuf(octets) => options.snd_buf = Some(octets.min(config.wmem_max).max(LEAST_SNDBUF)),
        SocketOption::RcvBuf(octets) => options.rcv_buf = Some(octets.min(config.rmem_max).max(LEAST_RCVBUF)),
        SocketOption::RcvLowat(octets) => options.rcv_lowat = octets.clamp(1, (config.tcp_rmem[2] / 2).max(1)),
        SocketOption::NoDelay(on) => options.no_delay = on,
        SocketOption::Cork(on) => options.cork = on,
        SocketOption::Congestion(control) => options.congestion = Some(control),
        SocketOption::MaxSeg(octets) => options.max_seg = (octets > 0).then_some(octets),
        SocketOption::KeepIdle(seconds) => options.rare_mut().keep_idle = Some(seconds),
        SocketOption::KeepIntvl(seconds) => options.rare_mut().keep_intvl = Some(seconds),
        SocketOption::KeepCnt(count) => options.rare_mut().keep_cnt = Some(count),
        SocketOption::SynCnt(count) => options.rare_mut().syn_cnt = Some(count),
        SocketOption::UserTimeout(time) => options.user_timeout = time,
        SocketOption::DeferAccept(seconds) => options.defer_accept = backlog::seconds_to_retries(seconds, config),
        SocketOption::Linger2(seconds) => {
            options.rare_mut().linger2 = (seconds != 0).then_some(seconds.clamp(-1, MOST_LINGER2))
        }
        SocketOption::QuickAck(_) => {}
        SocketOption::WindowClamp(octets) => {
            options.window_clamp = if octets == 0 { 0 } else { octets.max(LEAST_RCVBUF) }
        }
        SocketOption::Ttl(ttl) => options.ttl = Some(ttl),
        SocketOption::Tos(tos) => options.tos = tos & !3,
        SocketOption::RecvErr(on) => options.recv_err = on,
        SocketOption::FastOpen(limit) => options.fast_open_queue = Some(limit),
        SocketOption::FastOpenConnect(_) if config.tcp_fastopen & fast_open::CLIENT == 0 => {
            return Err(Errno::EOPNOTSUPP);
        }
        SocketOption::FastOpenConnect(on) => options.fast_open_connect = on,
        SocketOption::FastOpenNoCookie(on) => options.fast_open_no_cookie = on,
        SocketOption::FastOpenKeys(keys) => options.fast_open_keys = Some(Box::new(keys)),
        SocketOption::ReusePort(on) => options.reuse_port = on,
        SocketOption::V6Only(on) => options.v6_only = on,
        SocketOption::BindAddressNoPort(on) => options.rare_mut().bind_address_no_port = on,
        SocketOption::LocalPortRange(first, last) => options.rare_mut().local_port_range = (first, last),
        SocketOption::FreeBind(on) => options.rare_mut().free_bind = on,
        SocketOption::NotSentLowAt(octets) => options.rare_mut().not_sent_low_at = Some(octets),
        SocketOption::Inq(on) => options.rare_mut().inq = on,
        SocketOption::RtoMaxMs(ms) => options.rare_mut().rto_max_ms = Some(ms),
        SocketOption::RtoMinUs(us) => options.rare_mut().rto_min_us = Some(us),
        SocketOption::DelAckMaxUs(us) => options.rare_mut().del_ack_max_us = Some(us),
        SocketOption::Priority(priority) => options.rare_mut().priority = priority,
        SocketOption::Mark(mark) => options.rare_mut().mark = mark,
        SocketOption::MaxPacingRate(rate) => options.rare_mut().max_pacing_rate = Some(rate),
        SocketOption::MtuDiscover(how) => options.rare_mut().mtu_discover = Some(how),
    }
    Ok(())
}

/// What a change means for a connection that exists.
fn changed(tcb: &mut Tcb, options: Shared, option: SocketOption, fx: &mut Fx<'_>) {
    tcb.user.options = options;
    match option {
        // What a partial segment waited for has come.
        SocketOption::Cork(false) => {
            tcb.user.more = false;
            tcb.write.let_go |= fx.config().segment_trains && tcb.user.options.no_delay;
        }
        SocketOption::RcvBuf(_) | SocketOption::WindowClamp(_) => {
            let size = window::buffer(&tcb.user.options, fx.config());
            tcb.incoming.set_size(size);
        }
        SocketOption::KeepAlive(_) | SocketOption::KeepIdle(_) => tcb.keep_alive_restart(fx),
        SocketOption::UserTimeout(_) => {
            tcb.timers.stop(Timer::User);
            tcb.user_timeout_set();
        }
        SocketOption::Congestion(control) => tcb.congestion.set_control(control),
        SocketOption::MaxSeg(_) if fx.config().max_seg_of_handshake => {}
        SocketOption::MaxSeg(_) => tcb.size_changed(fx),
        SocketOption::QuickAck(on) => {
            tcb.delayed_ack.quick = if on { QUICK_ACKS } else { 0 };
            tcb.delayed_ack.exchange = !on;
            if on && tcb.delayed_ack.need() == Need::Delayed {
                emit::ack(tcb, fx);
            }
        }
        // As in Linux it lets go what is held back, even by TCP_CORK, which the window is stronger than.
        SocketOption::NoDelay(true) => {
            tcb.user.more = false;
            tcb.write.let_go = fx.config().segment_trains;
            output::send_text(tcb, if tcb.write.let_go { Push::NotHeldBack } else { Push::Anyway }, fx);
        }
        SocketOption::Linger(_)
        | SocketOption::ReuseAddr(_)
        | SocketOption::OobInline(_)
        | SocketOption::SndBuf(_)
        | SocketOption::RcvLowat(_)
        | SocketOption::NoDelay(false)
        | SocketOption::Cork(true)
        | SocketOption::KeepIntvl(_)
        | SocketOption::KeepCnt(_)
        | SocketOption::SynCnt(_)
        | SocketOption::DeferAccept(_)
        | SocketOption::Linger2(_)
        | SocketOption::Ttl(_)
        | SocketOption::Tos(_)
        | SocketOption::FastOpen(_)
        | SocketOption::FastOpenConnect(_)
        | SocketOption::FastOpenNoCookie(_)
        | SocketOption::FastOpenKeys(_)
        | SocketOption::RecvErr(_)
        | SocketOption::ReusePort(_)
        | SocketOption::BindAddressNoPort(_)
        | SocketOption::LocalPortRange(..)
        | SocketOption::FreeBind(_)
        | SocketOption::NotSentLowAt(_)
        | SocketOption::Inq(_)
        | SocketOption::DelAckMaxUs(_)
        | SocketOption::Priority(_)
        | SocketOption::Mark(_)
        | SocketOption::MaxPacingRate(_)
        | SocketOption::MtuDiscover(_)
        | SocketOption::V6Only(_) => {}
        SocketOption::RtoMaxMs(_) | SocketOption::RtoMinUs(_) => tcb.rto.bound(&tcb.user.options, fx.config()),
    }
    if matches!(option, SocketOption::NoDelay(true) | SocketOption::Cork(false)) {
        output::after_event(tcb, fx);
    } else {
        output::after_other_event(tcb, fx);
    }
}

fn read(socket: &Socket, connection: Option<&Connection>, name: OptionName, now: Instant, config: &Config) -> i64 {
    let options = &socket.options;
    let rare = options.rare();
    let number = |value: Option<u32>, default: u32| i64::from(value.unwrap_or(default));
    match name {
        OptionName::Error => 0,
        OptionName::AcceptConn => i64::from(matches!(socket.kind, Kind::Listening(_))),
        OptionName::Linger => options.linger.map_or(-1, |time| time.as_secs().min(i64::MAX as u64) as i64),
        OptionName::ReuseAddr => i64::from(options.reuse_addr),
        OptionName::KeepAlive => i64::from(options.keep_alive),
        OptionName::OobInline => i64::from(options.oob_inline),
        OptionName::SndBuf => options.snd_buf.map_or(i64::from(config.tcp_wmem[1]), |octets| 2 * i64::from(octets)),
        OptionName::RcvBuf => options.rcv_buf.map_or(i64::from(config.tcp_rmem[1]), |octets| 2 * i64::from(octets)),
        OptionName::RcvLowat => i64::from(options.rcv_lowat),
        OptionName::NoDelay => i64::from(options.no_delay),
        OptionName::Cork => i64::from(options.cork),
        OptionName::Congestion => match connection {
            Some(connection) => connection.tcb.congestion.control() as i64,
            None => options.congestion.unwrap_or(config.tcp_congestion_control) as i64,
        },
        OptionName::MaxSeg => match connection {
            Some(connection) => i64::from(connection.tcb.smss(config)),
            None => number(options.max_seg.map(u32::from), 536),
        },
        OptionName::KeepIdle => number(options.rare().keep_idle, config.tcp_keepalive_time),
        OptionName::KeepIntvl => number(options.rare().keep_intvl, config.tcp_keepalive_intvl),
        OptionName::KeepCnt => number(options.rare().keep_cnt, config.tcp_keepalive_probes),
        OptionName::SynCnt => number(options.rare().syn_cnt, config.tcp_syn_retries),
        OptionName::UserTimeout => options.user_timeout.as_millis().min(i64::MAX as u128) as i64,
        OptionName::DeferAccept => backlog::retries_to_seconds(options.defer_accept, config) as i64,
        OptionName::Linger2 => options.rare().linger2.map_or(config.tcp_fin_timeout.as_secs() as i64, i64::from),
        OptionName::QuickAck => connection.map_or(1, |connection| i64::from(connection.tcb.delayed_ack.quick > 0)),
        OptionName::WindowClamp => i64::from(options.window_clamp),
        OptionName::Ttl => options.ttl.map_or(i64::from(config.ip_default_ttl), i64::from),
        OptionName::Tos => i64::from(options.tos),
        OptionName::RecvErr => i64::from(options.recv_err),
        OptionName::FastOpen => number(options.fast_open_queue, 0),
        OptionName::FastOpenConnect => i64::from(options.fast_open_connect),
        OptionName::FastOpenNoCookie => i64::from(options.fast_open_no_cookie),
        OptionName::ReusePort => i64::from(options.reuse_port),
        OptionName::V6Only => i64::from(options.v6_only),
        OptionName::Mtu => connection.map_or(-1, |connection| i64::from(connection.tcb.path_mtu)),
        OptionName::Timestamp => connection.map_or(0, |connection| i64::from(connection.tcb.timestamps.clock(now))),
        OptionName::BindAddressNoPort => i64::from(rare.bind_address_no_port),
        OptionName::LocalPortRange => {
            let (first, last) = rare.local_port_range;
            i64::from(u32::from(last) << 16 | u32::from(first))
        }
        OptionName::FreeBind => i64::from(rare.free_bind),
        OptionName::NotSentLowAt => number(rare.not_sent_low_at, 0),
        OptionName::Inq => i64::from(rare.inq),
        OptionName::RtoMaxMs => number(rare.rto_max_ms, config.tcp_rto_max_ms),
        OptionName::RtoMinUs => number(rare.rto_min_us, config.tcp_rto_min_us),
        OptionName::DelAckMaxUs => number(rare.del_ack_max_us, 200_000),
        OptionName::Priority => i64::from(rare.priority),
        OptionName::Mark => i64::from(rare.mark),
        OptionName::MaxPacingRate => number(rare.max_pacing_rate, u32::MAX),
        // Linux's default: path MTU discovery as the route wants it.
        OptionName::MtuDiscover => rare.mtu_discover.map_or(1, i64::from),
    }
}
