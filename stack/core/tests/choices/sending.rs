//! What is sent at once, and in which pieces.

use super::*;
use halfopen_stack::config::{InitialWindow, Nagle, ZeroWindowProbe};
use halfopen_stack::wire::icmp::Problem;
use halfopen_stack::{SendFlags, SocketOption};

/// Segments of 20,000 octets that go out before any ACK.
fn at_once(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.stack.send(play.now, fd, &[0; 20_000], SendFlags::default()).unwrap();
    play.drain().len().to_string()
}

/// Segments that go out at once after an idle time, with a congestion window of eight.
fn after_idle(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.send(fd, &[0; 4000]);
    for end in [1001, 2001, 3001, 4001] {
        play.inject(A, 1, end, b"");
    }
    play.wait(5.0);
    play.send(fd, &[0; 8000]).len().to_string()
}

/// 1,100 octets behind a segment size of 1,000.
fn full_and_small(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    line(&play.send(fd, &[0; 1100]))
}

/// 1,000 octets, a segment, for a peer that has never had room for more than 1,200.
fn in_a_small_window(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.window = 1200;
    let fd = play.passive_open();
    play.stack.set_option(play.now, fd, SocketOption::NoDelay(true)).unwrap();
    line(&play.send(fd, &[0; 1000]))
}

/// The probe of a closed window.
fn closed_window(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.window = 0;
    play.inject(A, 1, 1, b"");
    play.send(fd, b"text");
    play.wait(1.1)[0].1.clone()
}

/// Seconds at which a closed window is probed whose first probe is answered half a second late.
fn probes_that_are_answered_late(set: Set) -> String {
    let mut config = plain_with(set);
    config.zero_window_probe = ZeroWindowProbe::Empty;
    let (mut play, fd) = Play::established(config);
    play.window = 0;
    play.inject(A, 1, 1, b"");
    play.send(fd, b"text");
    let mut sent = play.wait(1.5);
    play.inject(A, 1, 1, b"");
    sent.extend(play.wait(2.9).into_iter().map(|(at, segment)| (at + 1.5, segment)));
    times(&sent)
}

/// The times of probes behind a retransmission that measures nothing.
fn probes_behind_a_retransmission(set: Set) -> String {
    let mut config = plain_with(set);
    config.zero_window_probe = ZeroWindowProbe::Empty;
    let (mut play, fd) = Play::established(config);
    play.send(fd, b"a");
    play.wait(1.5);
    play.window = 0;
    play.inject(A, 1, 2, b"");
    play.send(fd, b"text");
    times(&play.wait(10.0))
}

/// The same with urgent data that waits.
fn urgent_at_a_closed_window(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.window = 0;
    play.inject(A, 1, 1, b"");
    let flags = SendFlags { oob: true, ..SendFlags::default() };
    play.stack.send(play.now, fd, b"text", flags).unwrap();
    let probes: Vec<_> = play.wait(1.1).into_iter().map(|(_, segment)| segment).collect();
    probes.join(" | ")
}

/// Segments of 16,000 octets that the send queue takes, with a window for all.
fn send_queue(set: Set, size: Option<u32>) -> String {
    let mut config = plain();
    config.initial_window = InitialWindow::Segments(30);
    set(&mut config);
    let (mut play, fd) = Play::established(config);
    if let Some(size) = size {
        play.stack.set_option(play.now, fd, SocketOption::SndBuf(size)).unwrap();
    }
    play.window = 60_000;
    play.inject(A, 1, 1, b"");
    play.stack.send(play.now, fd, &[0; 16_000], SendFlags::default()).unwrap();
    play.drain().len().to_string()
}

/// The first segment of a long text to a peer that offers segments of 20 octets.
fn tiny_peer(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.options.mss = Some(20);
    let fd = play.passive_open();
    play.send(fd, &[0; 1000])[0].clone()
}

/// The pieces of 1,000 octets after an ICMP error that tells of a path MTU of 100.
fn small_path(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.send(fd, &[0; 1000]);
    play.icmp(Problem::PacketTooBig { mtu: 100 })[0].clone()
}

/// A connection that may send 30 segments at once.
fn wide(set: Set) -> (Play, i32) {
    let mut config = plain();
    config.initial_window = InitialWindow::Segments(30);
    config.segment_trains = true;
    set(&mut config);
    Play::established(config)
}

/// Which of six segments have PSH, over a path with a long round trip.
fn pushes(set: Set) -> String {
    let (mut play, fd) = wide(set);
    play.window = 60_000;
    play.send(fd, &[0; 1000]);
    play.wait(0.5);
    play.inject(A, 1, 1001, b"");
    let sent = play.send(fd, &[0; 6000]);
    sent.iter().map(|segment| if segment.starts_with('P') { 'P' } else { '.' }).collect()
}

/// Segments that go out on an ACK of one, right after 30 of many.
fn on_an_ack(set: Set) -> String {
    let (mut play, fd) = wide(set);
    play.window = 60_000;
    play.inject(A, 1, 1, b"");
    play.send(fd, &[0; 50_000]);
    play.inject(A, 1, 1001, b"").len().to_string()
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "segment_trains",
        play: |set| {
            let (mut play, fd) = Play::established(plain_with(set));
            line(&play.send(fd, &[0; 3000]))
        },
        values: &[
            (|c| c.segment_trains = false, ". 1:1001(1000) ack 1, . 1001:2001(1000) ack 1, P. 2001:3001(1000) ack 1"),
            (|c| c.segment_trains = true, ". 1:1001(1000) ack 1, P. 1001:2001(1000) ack 1, P. 2001:3001(1000) ack 1"),
        ],
    },
    Row {
        field: "half_window_segments",
        play: in_a_small_window,
        values: &[
            (|c| c.half_window_segments = false, "P. 1:1001(1000) ack 1"),
            (|c| c.half_window_segments = true, ". 1:601(600) ack 1, P. 601:1001(400) ack 1"),
        ],
    },
    Row {
        field: "memory_of_unit",
        play: |set| {
            let (mut play, fd) = wide(set);
            play.stack.set_option(play.now, fd, SocketOption::SndBuf(20_000)).unwrap();
            format!("{:?}", play.stack.send(play.now, fd, &[0; 200_000], SendFlags::default()))
        },
        values: &[(|c| c.memory_of_unit = 1280, "Ok(35000)"), (|c| c.memory_of_unit = 832, "Ok(40000)")],
    },
    Row {
        field: "tcp_min_tso_segs",
        play: pushes,
        values: &[(|c| c.tcp_min_tso_segs = 2, ".P.P.P"), (|c| c.tcp_min_tso_segs = 3, "..P..P")],
    },
    Row {
        field: "tcp_tso_win_divisor",
        play: on_an_ack,
        values: &[(|c| c.tcp_tso_win_divisor = 3, "0"), (|c| c.tcp_tso_win_divisor = 31, "2")],
    },
    Row {
        field: "initial_window",
        play: at_once,
        values: &[
            (|c| c.initial_window = InitialWindow::Rfc5681, "4"),
            (|c| c.initial_window = InitialWindow::Segments(10), "10"),
        ],
    },
    Row {
        field: "tcp_slow_start_after_idle",
        play: after_idle,
        values: &[(|c| c.tcp_slow_start_after_idle = true, "4"), (|c| c.tcp_slow_start_after_idle = false, "8")],
    },
    Row {
        field: "nagle",
        play: full_and_small,
        values: &[
            (|c| c.nagle = Nagle::AnyOutstanding, ". 1:1001(1000) ack 1"),
            (|c| c.nagle = Nagle::SmallOutstanding, ". 1:1001(1000) ack 1, P. 1001:1101(100) ack 1"),
        ],
    },
    Row {
        field: "acks_restart_probes",
        play: probes_that_are_answered_late,
        values: &[(|c| c.acks_restart_probes = false, "1 3"), (|c| c.acks_restart_probes = true, "1 3.5")],
    },
    Row {
        field: "probes_keep_backoff",
        play: probes_behind_a_retransmission,
        values: &[(|c| c.probes_keep_backoff = false, "2 6"), (|c| c.probes_keep_backoff = true, "2 10")],
    },
    Row {
        field: "zero_window_probe",
        play: closed_window,
        values: &[
            (|c| c.zero_window_probe = ZeroWindowProbe::Octet, ". 1:2(1) ack 1"),
            (|c| c.zero_window_probe = ZeroWindowProbe::Empty, ". 0:0(0) ack 1"),
        ],
    },
    Row {
        field: "zero_window_probe",
        play: urgent_at_a_closed_window,
        values: &[
            (|c| c.zero_window_probe = ZeroWindowProbe::Octet, "U. 1:2(1) ack 1"),
            (|c| c.zero_window_probe = ZeroWindowProbe::Empty, "U. 1:1(0) ack 1 | U. 0:0(0) ack 1"),
        ],
    },
    Row {
        field: "tcp_wmem",
        play: |set| send_queue(set, None),
        values: &[(|c| c.tcp_wmem = [4096, 4096, 8000], "8"), (|c| c.tcp_wmem = [4096, 4096, 12_000], "12")],
    },
    Row {
        field: "wmem_max",
        play: |set| send_queue(set, Some(100_000)),
        values: &[(|c| c.wmem_max = 8000, "8"), (|c| c.wmem_max = 12_000, "12")],
    },
    Row {
        field: "tcp_min_snd_mss",
        play: tiny_peer,
        values: &[
            (|c| c.tcp_min_snd_mss = 48, ". 1:49(48) ack 1"),
            (|c| c.tcp_min_snd_mss = 100, ". 1:101(100) ack 1"),
        ],
    },
    Row {
        field: "min_pmtu",
        play: small_path,
        values: &[(|c| c.min_pmtu = 68, ". 1:61(60) ack 1"), (|c| c.min_pmtu = 552, ". 1:513(512) ack 1")],
    },
];
