//! The congestion window.

use super::*;
use halfopen_stack::config::{CongestionControl, InitialWindow, ReductionOf};
use halfopen_stack::wire::tcp::Flags;

/// A connection with classic ECN, a window of 20 segments and these many in flight.
fn in_flight(set: Set, segments: usize) -> (Play, i32) {
    let mut config = plain();
    config.initial_window = InitialWindow::Segments(20);
    set(&mut config);
    let mut play = Play::new(config);
    play.window = u16::MAX;
    let fd = play.passive_open_by(SETUP);
    play.send(fd, &vec![0; 1000 * segments]);
    (play, fd)
}

/// How many segments go out at once after one congestion event, when everything before is acknowledged.
fn after_mark(set: Set, segments: usize) -> String {
    let (mut play, fd) = in_flight(set, segments);
    let una = 1000 * segments as u32 + 1;
    play.inject(A | Flags::ECE, 1, 1001, b"");
    play.inject(A | Flags::ECE, 1, una, b"");
    play.send(fd, &[0; 40_000]).len().to_string()
}

fn window_full(set: Set) -> String {
    after_mark(set, 20)
}

fn window_not_full(set: Set) -> String {
    after_mark(set, 10)
}

/// How many segments went out in two rounds, the second with longer round trips than the first. The peer's window has room
/// for 65.
fn longer_round_trips(set: Set) -> String {
    let (mut play, fd) = in_flight(set, 20);
    play.send(fd, &[0; 200_000]);
    let mut una = 1;
    let mut sent = 20;
    for (pause, segments) in [(0.1, 20), (0.2, 40)] {
        play.wait(pause);
        for _ in 0..segments {
            play.wait(0.003);
            una += 1000;
            sent += play.inject(A, 1, una, b"").len();
        }
    }
    sent.to_string()
}

/// How many segments an ACK of two lets out.
fn ack_of_two(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.send(fd, &[0; 20_000]);
    play.inject(A, 1, 2001, b"").len().to_string()
}

/// How many segments go out at once after a pause of one and a half timeouts, before which it was sixteen.
fn after_a_pause(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.window = u16::MAX;
    let mut una = 1;
    for round in [4, 8] {
        play.send(fd, &vec![0; 1000 * round]);
        for _ in 0..round {
            una += 1000;
            play.inject(A, 1, una, b"");
        }
    }
    play.wait(1.5);
    play.send(fd, &[0; 40_000]).len().to_string()
}

/// CUBIC's window of seven segments, half a second after a timeout in steps of two milliseconds.
fn in_avoidance(set: Set) -> String {
    let mut config = plain();
    config.tcp_congestion_control = CongestionControl::Cubic;
    config.window_in_segments = true;
    config.initial_window = InitialWindow::Segments(10);
    set(&mut config);
    let (mut play, fd) = Play::established(config);
    play.window = 60_000;
    play.inject(A, 1, 1, b"");
    play.send(fd, &[0; 60_000]);
    play.wait(1.5);
    let mut acked = 1;
    for _ in 0..21 {
        play.wait(0.002);
        acked += 1000;
        play.inject(A, 1, acked, b"");
    }
    let info = play.stack.tcp_info(fd).unwrap();
    info.iter().find(|(name, _)| *name == "tcpi_snd_cwnd").expect("a field").1.to_string()
}

/// How many segments go out at once after a pause that follows a loss in the initial window of ten.
fn after_an_early_loss(set: Set) -> String {
    let mut config = plain();
    config.initial_window = InitialWindow::Segments(10);
    set(&mut config);
    let (mut play, fd) = Play::established(config);
    play.window = u16::MAX;
    play.inject(A, 1, 1, b"");
    play.send(fd, &[0; 10_000]);
    for _ in 0..3 {
        play.inject(A, 1, 1, b"");
    }
    let mut una = 10_001;
    play.inject(A, 1, una, b"");
    for round in [2, 4, 5] {
        play.send(fd, &vec![0; 1000 * round]);
        for _ in 0..round {
            una += 1000;
            play.inject(A, 1, una, b"");
        }
    }
    play.wait(5.0);
    play.send(fd, &[0; 40_000]).len().to_string()
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "tcp_congestion_control",
        play: window_full,
        values: &[
            (|c| c.tcp_congestion_control = CongestionControl::Reno, "10"),
            (|c| c.tcp_congestion_control = CongestionControl::Cubic, "14"),
        ],
    },
    Row {
        field: "reduction_of",
        play: window_not_full,
        values: &[(|c| c.reduction_of = ReductionOf::Flight, "5"), (|c| c.reduction_of = ReductionOf::Window, "10")],
    },
    Row {
        field: "hystart",
        play: longer_round_trips,
        values: &[
            (
                |c| {
                    c.tcp_congestion_control = CongestionControl::Cubic;
                    c.hystart = false;
                },
                "125",
            ),
            (
                |c| {
                    c.tcp_congestion_control = CongestionControl::Cubic;
                    c.hystart = true;
                },
                "108",
            ),
        ],
    },
    Row {
        field: "cubic_in_segments",
        play: in_avoidance,
        values: &[(|c| c.cubic_in_segments = false, "8"), (|c| c.cubic_in_segments = true, "7")],
    },
    Row {
        field: "slow_start_segments",
        play: ack_of_two,
        values: &[(|c| c.slow_start_segments = 1, "3"), (|c| c.slow_start_segments = u32::MAX, "4")],
    },
    Row {
        field: "idle_halves_window",
        play: after_a_pause,
        values: &[(|c| c.idle_halves_window = false, "4"), (|c| c.idle_halves_window = true, "8")],
    },
    Row {
        field: "restart_window_falls_back",
        play: after_an_early_loss,
        values: &[(|c| c.restart_window_falls_back = false, "6"), (|c| c.restart_window_falls_back = true, "4")],
    },
];
