//! The end of a connection, what comes after it, and keep-alives.

use super::*;
use core::time::Duration;
use halfopen_stack::{Errno, SocketOption};

/// The reset of `close` without linger time.
fn abort(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.stack.set_option(play.now, fd, SocketOption::Linger(Some(Duration::ZERO))).unwrap();
    line(&play.close(fd))
}

/// What the peer's FIN, repeated 100 seconds into TIME-WAIT, draws.
fn late_in_time_wait(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.close(fd);
    play.inject(F, 1, 2, b"");
    play.wait(100.0);
    line(&play.inject(F, 1, 2, b""))
}

/// What a FIN draws 30 seconds after ours was acknowledged.
fn late_in_fin_wait_2(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.close(fd);
    play.inject(A, 1, 2, b"");
    play.wait(30.0);
    line(&play.inject(F, 1, 2, b""))
}

/// What an active OPEN does whose tuple is in TIME-WAIT with timestamps, two seconds into it.
fn open_over_time_wait(set: Set) -> String {
    let mut config = plain();
    config.tcp_timestamps = 1;
    config.tcp_tw_reuse = 1;
    set(&mut config);
    let mut play = Play::new(config);
    play.timestamp(77, 0);
    let (fd, _) = play.connect();
    play.stack.set_option(play.now, fd, SocketOption::ReuseAddr(true)).unwrap();
    play.inject(SA, 0, 1, b"");
    play.close(fd);
    play.inject(F, 1, 2, b"");
    play.wait(2.0);
    let fd = play.stack.socket(halfopen_stack::Domain::Inet).unwrap();
    play.stack.set_option(play.now, fd, SocketOption::ReuseAddr(true)).unwrap();
    match play.stack.bind(fd, play.local).and_then(|()| play.stack.connect(play.now, fd, play.remote)) {
        Err(Errno::EINPROGRESS) => line(&play.drain()),
        Err(error) => error.name().to_owned(),
        Ok(()) => "connected".to_owned(),
    }
}

/// Whether the peer's FIN is acknowledged again, or reset since nothing is left.
fn after_the_last_ack(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.close(fd);
    play.inject(F, 1, 2, b"");
    line(&play.inject(F, 1, 2, b""))
}

/// Seconds at which an idle peer that never answers is probed, and at which it is reset.
fn idle(set: Set) -> String {
    let mut config = plain();
    (config.tcp_keepalive_time, config.tcp_keepalive_intvl, config.tcp_keepalive_probes) = (100, 10, 2);
    set(&mut config);
    let (mut play, fd) = Play::established(config);
    play.stack.set_option(play.now, fd, SocketOption::KeepAlive(true)).unwrap();
    times(&play.wait(1000.0))
}

/// The option on a SYN of a user with a timeout of 300 seconds; then when text is repeated of one without, to a peer that
/// tells 200 seconds.
fn told_timeout(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    let fd = play.stack.socket(halfopen_stack::Domain::Inet).unwrap();
    play.stack.set_option(play.now, fd, SocketOption::UserTimeout(Duration::from_secs(300))).unwrap();
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::EINPROGRESS));
    play.drain();
    let told = play.last().0.options.user_timeout.map(|option| (option.minutes, option.value));
    let mut play = Play::new(plain_with(set));
    play.options.user_timeout = Some(halfopen_stack::wire::tcp::UserTimeout { minutes: false, value: 200 });
    let fd = play.passive_open();
    play.send(fd, b"text");
    format!("{told:?}, {}", times(&play.wait(2000.0)))
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "abort_with_ack",
        play: abort,
        values: &[(|c| c.abort_with_ack = false, "R 1:1(0)"), (|c| c.abort_with_ack = true, "R. 1:1(0) ack 1")],
    },
    Row {
        field: "time_wait",
        play: late_in_time_wait,
        values: &[
            (|c| c.time_wait = Duration::from_secs(240), ". 2:2(0) ack 2"),
            (|c| c.time_wait = Duration::from_secs(60), "R 2:2(0)"),
        ],
    },
    Row {
        field: "tcp_fin_timeout",
        play: late_in_fin_wait_2,
        values: &[
            (|c| c.tcp_fin_timeout = Duration::from_secs(60), ". 2:2(0) ack 2"),
            (|c| c.tcp_fin_timeout = Duration::from_secs(20), "R 2:2(0)"),
        ],
    },
    Row {
        field: "tcp_tw_reuse",
        play: open_over_time_wait,
        values: &[(|c| c.tcp_tw_reuse = 0, "EADDRNOTAVAIL"), (|c| c.tcp_tw_reuse = 1, "S 0:0(0)")],
    },
    Row {
        field: "tcp_tw_reuse_delay",
        play: open_over_time_wait,
        values: &[(|c| c.tcp_tw_reuse_delay = 3000, "EADDRNOTAVAIL"), (|c| c.tcp_tw_reuse_delay = 1000, "S 0:0(0)")],
    },
    Row {
        field: "tcp_max_tw_buckets",
        play: after_the_last_ack,
        values: &[(|c| c.tcp_max_tw_buckets = 1, ". 2:2(0) ack 2"), (|c| c.tcp_max_tw_buckets = 0, "R 2:2(0)")],
    },
    Row {
        field: "user_timeout_option",
        play: told_timeout,
        values: &[
            (|c| c.user_timeout_option = false, "None, 1 3 7 15 31 63 127 247 367 487 607 727 847 967 1087"),
            (|c| c.user_timeout_option = true, "Some((false, 300)), 1 3 7 15 31 63 127"),
        ],
    },
    Row {
        field: "user_timeout_limits",
        play: told_timeout,
        values: &[
            (
                |c| {
                    c.user_timeout_option = true;
                    c.user_timeout_limits = (Duration::from_secs(100), Duration::from_secs(86_400));
                },
                "Some((false, 300)), 1 3 7 15 31 63 127",
            ),
            (
                |c| {
                    c.user_timeout_option = true;
                    c.user_timeout_limits = (Duration::from_secs(100), Duration::from_secs(120));
                },
                "Some((false, 300)), 1 3 7 15 31 63",
            ),
        ],
    },
    Row {
        field: "tcp_keepalive_time",
        play: idle,
        values: &[(|c| c.tcp_keepalive_time = 100, "100 110 120"), (|c| c.tcp_keepalive_time = 200, "200 210 220")],
    },
    Row {
        field: "tcp_keepalive_intvl",
        play: idle,
        values: &[(|c| c.tcp_keepalive_intvl = 10, "100 110 120"), (|c| c.tcp_keepalive_intvl = 20, "100 120 140")],
    },
    Row {
        field: "tcp_keepalive_probes",
        play: idle,
        values: &[(|c| c.tcp_keepalive_probes = 2, "100 110 120"), (|c| c.tcp_keepalive_probes = 1, "100 110")],
    },
    Row {
        field: "time_wait_returns",
        play: |set| {
            let (mut play, fd) = Play::established(plain_with(set));
            play.close(fd);
            play.inject(F, 1, 2, b"");
            let reopened = play.inject(S, 1000, 0, b"").len();
            // The peer knows nothing of that SYN: it was old.
            play.inject(R, 1001, 0, b"");
            format!("{reopened} {:?}", line(&play.inject(F, 1, 2, b"")).chars().next())
        },
        values: &[(|c| c.time_wait_returns = true, "1 Some('.')"), (|c| c.time_wait_returns = false, "1 Some('R')")],
    },
];
