//! SYN, SYN,ACK and the queues of a listener.

use super::*;
use core::time::Duration;
use halfopen_stack::config::{FastOpenKeys, HalfOpenError};
use halfopen_stack::wire::icmp::{Problem, UnreachableV4};
use halfopen_stack::wire::tcp::Cookie;
use halfopen_stack::{Domain, Errno, SocketOption};

/// Seconds at which an unanswered SYN is repeated.
fn unanswered_syn(set: Set) -> String {
    repeated(set, |_| ())
}

/// Seconds after an ACK of something else at which a SYN is repeated.
fn refused_ack(set: Set) -> String {
    repeated(set, |play| {
        play.inject(A, 1, 9, b"");
    })
}

/// Seconds at which a SYN is repeated after what `comes`.
fn repeated(set: Set, comes: fn(&mut Play)) -> String {
    let mut play = Play::new(plain_with(|config| config.tcp_syn_retries = 2));
    set(play.stack.config_mut());
    play.connect();
    comes(&mut play);
    times(&play.wait(1000.0))
}

/// Seconds at which an unanswered SYN,ACK is repeated.
fn unanswered_syn_ack(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.listen(8);
    play.inject(S, 0, 0, b"");
    times(&play.wait(1000.0))
}

/// Seconds at which a SYN,ACK is repeated by its timer, to a peer whose SYN came again after half a second.
fn syn_again(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.listen(8);
    play.inject(S, 0, 0, b"");
    play.wait(0.5);
    play.inject(S, 0, 0, b"");
    times(&play.wait(5.0)[..2])
}

/// How many of eight SYNs to one listener are answered.
fn eight_syns(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.listen(100);
    let mut answers = 0;
    for port in 5000..5008 {
        play.remote.set_port(port);
        answers += play.inject(S, 0, 0, b"").len();
    }
    answers.to_string()
}

/// How many of eight clients can be accepted.
fn eight_clients(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    let listener = play.listen(100);
    for port in 5000..5008 {
        play.remote.set_port(port);
        if !play.inject(S, 0, 0, b"").is_empty() {
            play.inject(A, 1, 1, b"");
        }
    }
    (0..9).take_while(|_| play.stack.accept(play.now, listener).is_ok()).count().to_string()
}

/// What the last ACK of a handshake draws when the accept queue is full.
fn overflow(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.listen(0);
    let mut iss = Vec::new();
    for port in [5000, 5001] {
        play.remote.set_port(port);
        play.inject(S, 0, 0, b"");
        iss.push(play.last().0.seq);
    }
    let mut last = String::new();
    for (port, iss) in [5000, 5001].into_iter().zip(iss) {
        play.remote.set_port(port);
        play.iss = iss;
        last = line(&play.inject(A, 1, 1, b""));
    }
    last
}

/// What a handshake's last ACK draws when the SYN brought text.
fn text_on_syn(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.listen(1);
    play.inject(S, 0, 0, b"abc");
    line(&play.inject(A, 1, 1, b""))
}

/// What a SYN,ACK draws whose echo is ten ticks older than the SYN, and one with the right echo.
fn old_echo(set: Set) -> String {
    let mut play = Play::new({
        let mut config = plain_with(set);
        config.tcp_timestamps = 1;
        config
    });
    play.connect();
    let val = play.last().0.options.timestamps.unwrap().val;
    play.timestamp(1, val.wrapping_sub(10));
    let old = line(&play.inject(SA, 0, 1, b""));
    play.timestamp(1, val);
    format!("{old} | {}", line(&play.inject(SA, 0, 1, b"")))
}

/// What the SYN,ACK that ends a simultaneous open draws.
fn crossing(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.connect();
    assert_eq!(play.inject(S, 0, 0, b""), ["S. 0:0(0) ack 1"]);
    line(&play.inject(SA, 0, 1, b""))
}

/// When text is repeated that follows a repeated SYN.
fn text_after_syn_loss(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    let (fd, _) = play.connect();
    play.wait(1.5);
    play.inject(SA, 0, 1, b"");
    play.send(fd, b"text");
    times(&play.wait(5.0)[..1])
}

/// Segments that may follow a repeated SYN at once.
fn window_after_syn_loss(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    let (fd, _) = play.connect();
    play.wait(1.5);
    play.inject(SA, 0, 1, b"");
    play.send(fd, &[0; 5000]).len().to_string()
}

/// What an ICMP error does to a SYN: is it repeated, and what does the user read.
fn unreachable(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    let (fd, _) = play.connect();
    play.icmp(Problem::UnreachableV4(UnreachableV4::Host));
    let repeated = play.wait(1.5).len();
    let error = match play.stack.connect(play.now, fd, play.remote) {
        Err(Errno::EALREADY) => "none",
        Err(error) => error.name(),
        Ok(()) => "connected",
    };
    format!("{repeated} {error}")
}

/// What a SYN with text draws from a server: without cookie, with a request, and with the cookie that was given.
fn fast_open_server(set: Set) -> String {
    let mut config = plain();
    config.tcp_fastopen = 0x402;
    set(&mut config);
    let mut play = Play::new(config);
    play.listen(8);
    let mut sent = play.inject(S, 0, 0, b"abc");
    for cookie in [Cookie::default(), Cookie::new(b"not ours").unwrap_or_default()] {
        play.remote.set_port(play.remote.port() + 1);
        play.options.fast_open = Some(cookie);
        sent.extend(play.inject(S, 0, 0, b"abc"));
        play.options.fast_open = play.last().0.options.fast_open;
    }
    play.remote.set_port(play.remote.port() + 1);
    sent.extend(play.inject(S, 0, 0, b"abc"));
    line(&sent).replace("S. 0:0(0) ", "")
}

/// How much text a SYN to a server takes of which nothing is known.
fn text_of_first_syn(set: Set) -> String {
    let mut config = plain();
    config.tcp_fastopen = 5;
    set(&mut config);
    let mut play = Play::new(config);
    let fd = play.stack.socket(Domain::Inet).unwrap();
    let _ = play.stack.send_fast_open(play.now, fd, &[0; 2000], play.remote);
    play.drain();
    format!("{}", play.last().0.payload.len())
}

/// The cookie that a server gives.
fn cookie(set: Set) -> String {
    let mut config = plain();
    config.tcp_fastopen = 0x402;
    set(&mut config);
    let mut play = Play::new(config);
    play.listen(8);
    play.options.fast_open = Some(Cookie::default());
    play.inject(S, 0, 0, b"");
    play.last().0.options.fast_open.map_or("none".to_owned(), |cookie| format!("{:02x?}", cookie.as_slice()))
}

/// The second SYN to a server that gave a cookie and then lost the first SYN with text; `after` seconds later. With a
/// blackhole of three timeouts the client hears of nothing at all.
fn after_lost_text(set: Set, answered: bool, after: f64) -> String {
    let mut config = plain();
    (config.tcp_fastopen, config.fast_open_negative_cache) = (1, Duration::ZERO);
    set(&mut config);
    let mut play = Play::new(config);
    let syn = |play: &mut Play| {
        let fd = play.stack.socket(Domain::Inet).unwrap();
        let _ = play.stack.send_fast_open(play.now, fd, b"text", play.remote);
        play.drain();
        let (segment, _) = play.last();
        let (port, shown) =
            (segment.src_port, format!("{:?} {}", segment.options.fast_open.is_some(), segment.payload.len()));
        play.local.set_port(port);
        shown
    };
    syn(&mut play);
    play.options.fast_open = Cookie::new(b"12345678");
    play.inject(SA, 0, 1, b"");
    play.options.fast_open = None;
    assert_eq!(syn(&mut play), "true 4");
    play.wait(if answered { 1.5 } else { 1000.0 });
    if answered {
        play.inject(SA, 0, 1, b"");
    }
    play.wait(after);
    syn(&mut play)
}

/// Whether text of a SYN is taken while one that was reset before it was accepted is the last that the listener may have.
fn after_a_reset(set: Set) -> String {
    let mut config = plain();
    config.tcp_fastopen = 0x202;
    set(&mut config);
    let mut play = Play::new(config);
    let listener = play.listen(8);
    play.stack.set_option(play.now, listener, SocketOption::FastOpen(1)).unwrap();
    play.inject(S, 0, 0, b"text");
    play.inject(R, 5, 0, b"");
    play.remote.set_port(9999);
    line(&play.inject(S, 0, 0, b"text"))
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "syn_ack_echo_check",
        play: old_echo,
        values: &[
            (|c| c.syn_ack_echo_check = false, ". 1:1(0) ack 1 | . 1:1(0) ack 1"),
            (|c| c.syn_ack_echo_check = true, "R 1:1(0) | . 1:1(0) ack 1"),
        ],
    },
    Row {
        field: "syn_again_after_refusal",
        play: refused_ack,
        values: &[
            (|c| c.syn_again_after_refusal = Duration::ZERO, "1 3"),
            (|c| c.syn_again_after_refusal = Duration::from_millis(8), "0.008 2.008"),
        ],
    },
    Row {
        field: "repeated_syn_restarts_timer",
        play: syn_again,
        values: &[
            (|c| c.repeated_syn_restarts_timer = false, "0.5 2.5"),
            (|c| c.repeated_syn_restarts_timer = true, "1 3"),
        ],
    },
    Row {
        field: "ack_crossing_syn_ack",
        play: crossing,
        values: &[(|c| c.ack_crossing_syn_ack = false, ""), (|c| c.ack_crossing_syn_ack = true, ". 1:1(0) ack 1")],
    },
    Row {
        field: "tcp_fastopen",
        play: fast_open_server,
        values: &[
            (|c| c.tcp_fastopen = 0x401, "ack 1, ack 1, ack 1, ack 1"),
            (|c| c.tcp_fastopen = 0x402, "ack 1, ack 1, ack 1, ack 4"),
            (|c| c.tcp_fastopen = 0x602, "ack 4, ack 4, ack 4, ack 4"),
        ],
    },
    Row {
        field: "fast_open_default_mss",
        play: text_of_first_syn,
        values: &[(|c| c.fast_open_default_mss = true, "536"), (|c| c.fast_open_default_mss = false, "1420")],
    },
    Row {
        field: "tcp_fastopen_key",
        play: cookie,
        values: &[
            (
                |c| c.tcp_fastopen_key = Some(FastOpenKeys { primary: [1; 16], backup: None }),
                "[9d, 6f, f2, 2a, 0e, 5d, df, 60]",
            ),
            (
                |c| c.tcp_fastopen_key = Some(FastOpenKeys { primary: [2; 16], backup: None }),
                "[ac, 48, 6d, 26, 5e, 4a, 21, d3]",
            ),
        ],
    },
    Row {
        field: "tcp_fastopen_blackhole_timeout_sec",
        play: |set| after_lost_text(set, false, 1.0),
        values: &[
            (|c| c.tcp_fastopen_blackhole_timeout_sec = 0, "true 4"),
            (|c| c.tcp_fastopen_blackhole_timeout_sec = 3600, "false 0"),
        ],
    },
    Row {
        field: "fast_open_negative_cache",
        play: |set| after_lost_text(set, true, 30.0),
        values: &[
            (|c| c.fast_open_negative_cache = Duration::ZERO, "true 4"),
            (|c| c.fast_open_negative_cache = Duration::from_secs(60), "false 0"),
        ],
    },
    Row {
        field: "tcp_syn_retries",
        play: unanswered_syn,
        values: &[(|c| c.tcp_syn_retries = 1, "1"), (|c| c.tcp_syn_retries = 3, "1 3 7")],
    },
    Row {
        field: "tcp_syn_linear_timeouts",
        play: unanswered_syn,
        values: &[
            (|c| c.tcp_syn_linear_timeouts = 0, "1 3"),
            (|c| c.tcp_syn_linear_timeouts = 2, "1 2 3 5"),
            // One retransmission takes 3 s.
            (|c| (c.tcp_syn_retries, c.tcp_syn_linear_timeouts) = (1, 4), "1 2"),
        ],
    },
    Row {
        field: "tcp_synack_retries",
        play: unanswered_syn_ack,
        values: &[(|c| c.tcp_synack_retries = 0, ""), (|c| c.tcp_synack_retries = 2, "1 3")],
    },
    Row {
        field: "tcp_max_syn_backlog",
        play: eight_syns,
        values: &[(|c| c.tcp_max_syn_backlog = 2, "2"), (|c| c.tcp_max_syn_backlog = 4096, "8")],
    },
    Row { field: "somaxconn", play: eight_clients, values: &[(|c| c.somaxconn = 1, "2"), (|c| c.somaxconn = 4, "5")] },
    Row {
        field: "tcp_abort_on_overflow",
        play: overflow,
        values: &[(|c| c.tcp_abort_on_overflow = false, ""), (|c| c.tcp_abort_on_overflow = true, "R 1:1(0)")],
    },
    Row {
        field: "keep_syn_text",
        play: text_on_syn,
        values: &[(|c| c.keep_syn_text = false, ""), (|c| c.keep_syn_text = true, ". 1:1(0) ack 4")],
    },
    Row {
        field: "rto_initial",
        play: unanswered_syn,
        values: &[
            (|c| c.rto_initial = Duration::from_secs(1), "1 3"),
            (|c| c.rto_initial = Duration::from_secs(3), "3 9"),
        ],
    },
    Row {
        field: "rto_after_syn_loss",
        play: text_after_syn_loss,
        values: &[
            (|c| c.rto_after_syn_loss = Duration::from_secs(3), "3"),
            (|c| c.rto_after_syn_loss = Duration::from_secs(1), "1"),
        ],
    },
    Row {
        field: "syn_losses_for_small_window",
        play: window_after_syn_loss,
        values: &[(|c| c.syn_losses_for_small_window = 1, "1"), (|c| c.syn_losses_for_small_window = 2, "4")],
    },
    Row {
        field: "icmp_soft_ends_connect",
        play: unreachable,
        values: &[
            (|c| c.icmp_soft_ends_connect = false, "1 none"),
            (|c| c.icmp_soft_ends_connect = true, "0 EHOSTUNREACH"),
        ],
    },
    Row {
        field: "icmp_half_open",
        play: |set| {
            let mut play = Play::new(plain_with(set));
            play.listen(1);
            play.inject(S, 0, 0, b"");
            play.icmp(Problem::UnreachableV4(UnreachableV4::Port));
            line(&play.inject(A, 1, 1, b""))
        },
        values: &[
            (|c| c.icmp_half_open = HalfOpenError::AsOpening, "R 1:1(0)"),
            (|c| c.icmp_half_open = HalfOpenError::Linux, ""),
        ],
    },
    Row {
        field: "fast_open_waiting_resets_count",
        play: after_a_reset,
        values: &[
            (|c| c.fast_open_waiting_resets_count = false, "S. 0:0(0) ack 5"),
            (|c| c.fast_open_waiting_resets_count = true, "S. 0:0(0) ack 1"),
        ],
    },
];
