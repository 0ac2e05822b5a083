//! Loss detection and recovery: RFC 2883, 3042, 5682, 6675, 6937, 8985, and Linux's own.

use super::*;
use core::time::Duration;
use halfopen_stack::config::{InitialWindow, RttEstimator};

/// Ten segments of 1000 octets in flight to a peer that does SACK, after a round trip of 100 ms; more waits to be sent.
fn ten(set: Set) -> (Play, i32) {
    ten_of(set, |_| {}, 40_000)
}

fn ten_of(set: Set, base: Set, octets: usize) -> (Play, i32) {
    let mut config = plain();
    config.tcp_sack = true;
    config.initial_window = InitialWindow::Segments(10);
    config.tcp_rto_min_us = 200_000;
    config.rto_floor = halfopen_stack::config::RtoFloor::Variance;
    config.tcp_wmem[1] = 262_144;
    base(&mut config);
    set(&mut config);
    let mut play = Play::new(config);
    play.options.sack_permitted = true;
    play.window = 65_535;
    let (fd, _) = play.connect();
    play.wait(0.1);
    play.inject(SA, 0, 1, b"");
    assert_eq!(play.send(fd, &vec![7; octets]).len(), octets.div_ceil(1000).min(10));
    play.wait(0.1);
    (play, fd)
}

/// The first numbers of what was sent, in thousands.
fn firsts(sent: &[String]) -> String {
    let first = |line: &String| {
        let seq: u32 = line.split(' ').nth(1).unwrap().split(':').next().unwrap().parse().unwrap();
        (seq / 1000).to_string()
    };
    if sent.is_empty() { "-".to_owned() } else { sent.iter().map(first).collect::<Vec<_>>().join("+") }
}

fn timed(sent: &[(f64, String)]) -> String {
    sent.iter()
        .map(|(at, line)| format!("{}@{}", firsts(std::slice::from_ref(line)), (at * 1e4).round() / 1e4))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Reports of segments 1, 2, ... one by one while segment 0 is missing: what each draws.
fn one_missing(set: Set) -> String {
    let (mut play, _) = ten(set);
    (2..=10).map(|to| firsts(&play.sack(1, &[(1001, to * 1000 + 1)]))).collect::<Vec<_>>().join(" ")
}

/// ACKs behind text of the peer's, which they are newer than: what each draws.
fn behind_text(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.send(fd, &[7; 2000]);
    play.inject(A, 1, 1, b"x");
    (0..4).map(|_| firsts(&play.inject(A, 2, 1, b""))).collect::<Vec<_>>().join(" ")
}

/// What arrives twice: below the window, and above a gap.
fn twice(set: Set) -> String {
    let (mut play, _fd) = ten(set);
    let mut seen = String::new();
    for (seq, text) in [(1, 4), (1, 4), (9, 4), (9, 4)] {
        play.inject(A, seq, 1, &vec![0; text]);
        let (segment, _) = play.last();
        let blocks = segment
            .options
            .sack
            .iter()
            .map(|block| format!("{}:{}", block.left.0.wrapping_add(16), block.right.0.wrapping_add(16)));
        seen += &format!("[{}]", blocks.collect::<Vec<_>>().join(" "));
    }
    seen
}

/// A timeout, then ACKs that show that only they were late.
fn late_acks(set: Set) -> String {
    let (mut play, _) = ten(set);
    let mut seen = timed(&play.wait(0.5));
    for ack in [1001, 2001, 3001] {
        seen += &format!(" {}", firsts(&play.inject(A, 1, ack, b"")));
    }
    seen
}

/// A timeout, then a report of what was sent before it, and only then an ACK of the retransmission.
fn early_report(set: Set) -> String {
    let (mut play, _) = ten_of(set, |c| c.tcp_frto = 2, 40_000);
    let seen = timed(&play.wait(0.5));
    let report = firsts(&play.sack(1, &[(1001, 2001)]));
    format!("{seen} {report} {}", firsts(&play.sack(2001, &[])))
}

/// The last three of ten segments are lost: when what is sent again.
fn tail(set: Set) -> String {
    let (mut play, _) = ten_of(set, |_| {}, 10_000);
    play.inject(A, 1, 7001, b"");
    timed(&play.wait(0.5))
}

/// A late segment, reported by its neighbours only: when it is sent again.
fn late_segment(set: Set) -> String {
    let (mut play, _) = ten_of(set, |_| {}, 10_000);
    let mut seen = String::new();
    for to in [2, 3, 4] {
        seen += &format!("{} ", firsts(&play.sack(1, &[(1001, to * 1000 + 1)])));
    }
    seen + &timed(&play.wait(0.2))
}

/// Reordering by eight segments, then a segment that is missing: on which report it is sent again.
fn after_reordering(set: Set) -> String {
    let (mut play, _) = ten(set);
    play.sack(1, &[(9001, 10_001)]);
    play.sack(1, &[(1001, 2001), (9001, 10_001)]);
    play.sack(10_001, &[]);
    let reports = (1..=12).map(|n| play.sack(10_001, &[(11_001, 11_001 + n * 1000)]));
    let sent: Vec<String> = reports.map(|sent| firsts(&sent)).collect();
    sent.iter().position(|sent| sent.contains("10+") || sent == "10").map_or("none".into(), |at| (at + 1).to_string())
}

/// A fast retransmission of what was late only, as a D-SACK tells: what may be sent then.
fn needless(set: Set) -> String {
    let (mut play, _) = ten_of(set, |c| c.tcp_dsack = true, 40_000);
    for to in [2, 3, 4] {
        play.sack(1, &[(1001, to * 1000 + 1)]);
    }
    play.sack(10_001, &[]);
    firsts(&play.sack(10_001, &[(1, 1001)]))
}

/// Ten segments of ten octets: how many go out.
fn small(set: Set) -> String {
    let (mut play, fd) = Play::established({
        let mut config = plain();
        config.initial_window = InitialWindow::Segments(4);
        set(&mut config);
        config
    });
    play.stack.set_option(play.now, fd, halfopen_stack::SocketOption::NoDelay(true)).unwrap();
    (0..10).map(|_| play.send(fd, &[0; 10]).len()).sum::<usize>().to_string()
}

/// Round trips of 100 and of 300 ms, then of 100 ms again: when text is repeated.
fn round_trips(set: Set) -> String {
    let (mut play, fd) = ten_of(set, |c| c.tcp_rto_min_us = 1000, 1000);
    play.inject(A, 1, 1001, b"");
    let mut acked = 1001;
    for (trip, times) in [(0.3, 1), (0.1, 4)] {
        for _ in 0..times {
            play.send(fd, &[0; 1000]);
            play.wait(trip);
            acked += 1000;
            play.inject(A, 1, acked, b"");
        }
    }
    play.send(fd, &[0; 1000]);
    times(&play.wait(2.0)[..1])
}

/// A fast retransmission half a timeout after the segment: when the timeout comes.
fn repeated_then_silence(set: Set) -> String {
    let (mut play, _) = ten_of(set, |_| {}, 4000);
    for to in [2, 3, 4] {
        play.sack(1, &[(1001, to * 1000 + 1)]);
    }
    timed(&play.wait(0.5))
}

/// A timeout in the middle of fast recovery: how many segments each of the ACKs that follow lets out.
fn timeout_in_recovery(set: Set) -> String {
    let (mut play, _) = ten_of(set, |c| c.tcp_rto_min_us = 100_000, 60_000);
    for to in [2, 3, 4] {
        play.sack(1, &[(1001, to * 1000 + 1)]);
    }
    assert_eq!(timed(&play.wait(0.25)), "0@0.2");
    (1..=12).map(|n| play.inject(A, 1, n * 1000 + 1, b"").len().to_string()).collect::<Vec<_>>().join(" ")
}

/// Timeouts of a lone segment of a connection that has lost before.
fn thin(set: Set) -> String {
    let (mut play, fd) = ten_of(set, |_| {}, 10_000);
    play.wait(0.3);
    play.inject(A, 1, 10_001, b"");
    play.send(fd, &[0; 10]);
    times(&play.wait(3.0))
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "tcp_limited_transmit",
        play: one_missing,
        values: &[
            (|c| c.tcp_limited_transmit = true, "10 11 0 - - - - 12 13"),
            (|c| c.tcp_limited_transmit = false, "- - 0 - - 10 11 12 13"),
        ],
    },
    Row {
        field: "duplicate_has_no_news",
        play: behind_text,
        values: &[
            (|c| (c.smaller_window_needs_news, c.duplicate_has_no_news) = (true, false), "- - 0 -"),
            (|c| (c.smaller_window_needs_news, c.duplicate_has_no_news) = (true, true), "- - - 0"),
        ],
    },
    Row {
        field: "proportional_rate_reduction",
        play: one_missing,
        values: &[
            (|c| c.proportional_rate_reduction = false, "10 11 0 - - - - 12 13"),
            (|c| c.proportional_rate_reduction = true, "10 11 0 - - 12 - - 13"),
        ],
    },
    Row {
        field: "tcp_dsack",
        play: twice,
        values: &[(|c| c.tcp_dsack = false, "[][][9:13][9:13]"), (|c| c.tcp_dsack = true, "[][1:5][9:13][9:13 9:13]")],
    },
    Row {
        field: "tcp_frto",
        play: late_acks,
        values: &[(|c| c.tcp_frto = 0, "0@0.2 1+2 3+4 5+6"), (|c| c.tcp_frto = 2, "0@0.2 10+11 12 13+14")],
    },
    Row {
        field: "frto_believes_reports",
        play: early_report,
        values: &[
            (|c| c.frto_believes_reports = false, "0@0.2 - 10+11"),
            (|c| c.frto_believes_reports = true, "0@0.2 - 10+11+12"),
        ],
    },
    Row {
        field: "tcp_early_retrans",
        play: tail,
        values: &[(|c| c.tcp_early_retrans = 0, "7@0.3"), (|c| c.tcp_early_retrans = 3, "9@0.2 7@0.5")],
    },
    Row {
        field: "timer_slack",
        play: tail,
        values: &[
            (|c| (c.tcp_early_retrans, c.timer_slack) = (3, Duration::ZERO), "9@0.2 7@0.5"),
            (|c| (c.tcp_early_retrans, c.timer_slack) = (3, Duration::from_millis(2)), "9@0.202"),
        ],
    },
    Row {
        field: "tcp_recovery",
        play: late_segment,
        values: &[
            (|c| (c.tcp_recovery, c.tcp_reordering) = (0, 4), "- - - 0@0.2"),
            (|c| (c.tcp_recovery, c.tcp_reordering) = (1, 4), "- - - 0@0.025 0@0.2"),
        ],
    },
    Row {
        field: "learn_reordering",
        play: after_reordering,
        values: &[(|c| c.learn_reordering = false, "3"), (|c| c.learn_reordering = true, "10")],
    },
    Row {
        field: "tcp_max_reordering",
        play: after_reordering,
        values: &[
            (|c| (c.learn_reordering, c.tcp_max_reordering) = (true, 300), "10"),
            (|c| (c.learn_reordering, c.tcp_max_reordering) = (true, 5), "5"),
        ],
    },
    Row {
        field: "undo_reductions",
        play: needless,
        values: &[(|c| c.undo_reductions = false, "-"), (|c| c.undo_reductions = true, "15+16+17+18+19")],
    },
    Row {
        field: "window_in_segments",
        play: small,
        values: &[(|c| c.window_in_segments = false, "10"), (|c| c.window_in_segments = true, "4")],
    },
    Row {
        field: "rtt_estimator",
        play: round_trips,
        values: &[
            (|c| c.rtt_estimator = RttEstimator::Rfc6298, "0.1475"),
            (|c| c.rtt_estimator = RttEstimator::Linux, "0.2107"),
        ],
    },
    Row {
        field: "restart_rto_on_fast_retransmit",
        play: repeated_then_silence,
        values: &[
            (|c| c.restart_rto_on_fast_retransmit = false, "0@0.2"),
            (|c| c.restart_rto_on_fast_retransmit = true, "0@0.3"),
        ],
    },
    Row {
        field: "timeout_reduces_once",
        play: timeout_in_recovery,
        values: &[
            (|c| c.timeout_reduces_once = false, "2 2 1 1 2 1 1 1 2 1 1 1"),
            (|c| c.timeout_reduces_once = true, "2 2 2 2 1 1 1 1 2 1 1 1"),
        ],
    },
    Row {
        field: "tcp_thin_linear_timeouts",
        play: thin,
        values: &[
            (|c| c.tcp_thin_linear_timeouts = false, "0.6 1.8"),
            (|c| c.tcp_thin_linear_timeouts = true, "0.6 0.9 1.2 1.5 1.8 2.1 2.4 3"),
        ],
    },
];
