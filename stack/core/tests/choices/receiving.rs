//! Windows and ACKs.

use super::*;
use core::time::Duration;
use halfopen_stack::config::AckPace;
use halfopen_stack::{Domain, SocketOption};

/// The window of the SYN,ACK, and its shift.
fn window_of_syn_ack(set: Set, size: Option<u32>) -> String {
    let mut play = Play::new(plain_with(set));
    play.options.window_scale = Some(0);
    let fd = play.stack.socket(Domain::Inet).unwrap();
    play.stack.bind(fd, play.local).unwrap();
    if let Some(size) = size {
        play.stack.set_option(play.now, fd, SocketOption::RcvBuf(size)).unwrap();
    }
    play.stack.listen(fd, 1).unwrap();
    play.inject(S, 0, 0, b"");
    play.last().0.window.to_string()
}

/// When a lone segment is acknowledged.
fn lone_segment(set: Set) -> String {
    let (mut play, _) = Play::established(plain_with(set));
    let mut sent = times(&play.inject(P, 1, 1, b"text").into_iter().map(|line| (0.0, line)).collect::<Vec<_>>());
    sent += &times(&play.wait(1.0));
    sent
}

/// When each of three small segments is acknowledged, a second apart.
fn three_segments(set: Set) -> String {
    let (mut play, _) = Play::established(plain_with(set));
    let mut delays = Vec::new();
    for seq in [1, 5, 9] {
        let at_once = play.inject(P, seq, 1, b"text").len();
        let later = times(&play.wait(0.9));
        delays.push(if at_once > 0 { "0".to_owned() } else { later });
    }
    delays.join(" ")
}

/// The windows that a peer sees which fills them once per round trip of 50 ms, to a reader that keeps up.
fn growing_window(set: Set, timestamps: bool) -> String {
    let mut config = plain();
    config.tcp_rmem = [4096, 10_000, 40_000];
    config.tcp_timestamps = u32::from(timestamps) * 2;
    set(&mut config);
    let mut play = Play::new(config);
    if timestamps {
        play.timestamp(1, 0);
    }
    let listener = play.listen(1);
    play.inject(S, 0, 0, b"");
    let mut ecr = play.last().0.options.timestamps.map_or(0, |option| option.val);
    play.wait(0.05);
    play.timestamp_if(timestamps, ecr);
    play.inject(A, 1, 1, b"");
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    let (mut seq, mut windows) = (1, Vec::new());
    let mut window = 10_000;
    for _ in 0..5 {
        play.wait(0.05);
        play.timestamp_if(timestamps, ecr);
        for _ in 0..window / 1000 {
            play.inject(A, seq, 1, &[0; 1000]);
            seq += 1000;
            play.read(fd).unwrap();
        }
        play.wait(0.0);
        let last = &play.last().0;
        (window, ecr) = (u32::from(last.window), last.options.timestamps.map_or(0, |option| option.val));
        windows.push(window.to_string());
    }
    windows.join(" ")
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "tcp_rmem",
        play: |set| window_of_syn_ack(set, None),
        values: &[
            (|c| c.tcp_rmem = [4096, 65_535, 65_535], "65535"),
            (|c| c.tcp_rmem = [4096, 10_000, 65_535], "10000"),
        ],
    },
    Row {
        field: "rmem_max",
        play: |set| window_of_syn_ack(set, Some(30_000)),
        values: &[(|c| c.rmem_max = 20_000, "20000"), (|c| c.rmem_max = 25_000, "25000")],
    },
    Row {
        field: "tcp_adv_win_scale",
        play: |set| window_of_syn_ack(set, None),
        values: &[(|c| c.tcp_adv_win_scale = 0, "65535"), (|c| c.tcp_adv_win_scale = 1, "32768")],
    },
    Row {
        field: "tcp_moderate_rcvbuf",
        play: |set| growing_window(set, false),
        values: &[
            (|c| c.tcp_moderate_rcvbuf = false, "9000 9000 9000 9000 9000"),
            (|c| c.tcp_moderate_rcvbuf = true, "9000 21000 21000 39000 39000"),
        ],
    },
    Row {
        field: "tcp_moderate_rcvbuf",
        play: |set| growing_window(set, true),
        values: &[
            (|c| c.tcp_moderate_rcvbuf = false, "9000 9000 9000 9000 9000"),
            (|c| c.tcp_moderate_rcvbuf = true, "9000 21000 21000 39000 39000"),
        ],
    },
    Row {
        field: "tcp_app_win",
        play: |set| {
            let mut config = plain();
            config.tcp_rmem = [4096, 40_000, 40_000];
            set(&mut config);
            let (mut play, fd) = Play::established(config);
            for from in (1..30_000).step_by(1000) {
                play.inject(P, from, 1, &[0; 1000]);
                play.read(fd).unwrap();
            }
            play.wait(1.0);
            play.last().0.window.to_string()
        },
        values: &[
            (|c| c.tcp_app_win = 0, "39000"),
            (|c| c.tcp_app_win = 31, "38540"),
            (|c| c.tcp_app_win = 2, "30000"),
            (|c| c.tcp_app_win = 1, "20000"),
        ],
    },
    Row {
        field: "initial_window_in_segments",
        play: |set| window_of_syn_ack(set, None),
        values: &[
            (|c| c.initial_window_in_segments = false, "65535"),
            (|c| c.initial_window_in_segments = true, "64240"),
        ],
    },
    Row {
        field: "delayed_ack",
        play: lone_segment,
        values: &[
            (|c| c.delayed_ack = Duration::from_millis(200), "0.2"),
            (|c| c.delayed_ack = Duration::from_millis(40), "0.04"),
        ],
    },
    Row {
        field: "ack_pace",
        play: three_segments,
        values: &[
            (|c| c.ack_pace = AckPace::Fixed, "0.2 0.2 0.2"),
            (|c| (c.ack_pace, c.quick_acks) = (AckPace::Estimated, 0), "0 0 0.04"),
        ],
    },
    Row {
        field: "quick_acks",
        play: lone_segment,
        values: &[(|c| c.quick_acks = 0, "0.2"), (|c| c.quick_acks = 16, "0")],
    },
];
