//! Segments that cannot be trusted, and errors.

use super::*;
use halfopen_stack::config::HardError;
use halfopen_stack::wire::icmp::{Problem, UnreachableV4};
use halfopen_stack::wire::tcp::Flags;

/// What a reset inside the window draws.
fn reset_in_window(set: Set) -> String {
    let (mut play, _) = Play::established(plain_with(set));
    line(&play.inject(R, 2, 0, b""))
}

/// What text draws whose ACK lies far below SND.UNA.
fn old_ack(set: Set) -> String {
    let (mut play, _) = Play::established(plain_with(set));
    let mut sent = play.inject(P, 1, 1_u32.wrapping_sub(1 << 30), b"text");
    sent.extend(play.wait(1.0).into_iter().map(|(_, line)| line));
    line(&sent)
}

/// What an ACK of what was never sent draws in ESTABLISHED.
fn future_ack(set: Set) -> String {
    let (mut play, _) = Play::established(plain_with(set));
    line(&play.inject(A, 1, 9999, b""))
}

/// What text draws whose ACK lies a little below SND.UNA, where nothing of ours was ever acknowledged.
fn ack_of_nothing(set: Set) -> String {
    let (mut play, _) = Play::established(plain_with(set));
    let mut sent = play.inject(P, 1, 1_u32.wrapping_sub(100), b"text");
    sent.extend(play.wait(1.0).into_iter().map(|(_, line)| line));
    line(&sent)
}

/// What a segment without control bits draws outside the window.
fn nothing_set(set: Set) -> String {
    let (mut play, _) = Play::established(plain_with(set));
    line(&play.inject(Flags::default(), 1 << 30, 0, b""))
}

/// What an ACK of what was never sent draws in SYN-RECEIVED, outside the window.
fn half_open_outside(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.listen(1);
    play.inject(S, 0, 0, b"");
    line(&play.inject(A, 1 << 30, 99, b""))
}

/// How many of five resets inside the window are answered.
fn five_resets(set: Set) -> String {
    let (mut play, _) = Play::established(plain_with(set));
    (0..5).map(|_| play.inject(R, 2, 0, b"").len()).sum::<usize>().to_string()
}

/// Whether a reset ends TIME-WAIT: a FIN afterwards is acknowledged, or reset.
fn reset_in_time_wait(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.close(fd);
    play.inject(F, 1, 2, b"");
    play.inject(R, 2, 0, b"");
    line(&play.inject(F, 1, 2, b""))
}

/// Whether text is repeated after an ICMP error that says that the port is unreachable.
fn port_unreachable(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.send(fd, b"text");
    play.icmp(Problem::UnreachableV4(UnreachableV4::Port));
    play.wait(1.1).len().to_string()
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "challenge_acks",
        play: reset_in_window,
        values: &[(|c| c.challenge_acks = false, ""), (|c| c.challenge_acks = true, ". 1:1(0) ack 1")],
    },
    Row {
        field: "ack_range_check",
        play: old_ack,
        values: &[(|c| c.ack_range_check = false, ". 1:1(0) ack 5"), (|c| c.ack_range_check = true, ". 1:1(0) ack 1")],
    },
    Row {
        field: "answer_future_acks",
        play: future_ack,
        values: &[(|c| c.answer_future_acks = true, ". 1:1(0) ack 1"), (|c| c.answer_future_acks = false, "")],
    },
    Row {
        field: "ack_range_of_acknowledged",
        play: ack_of_nothing,
        values: &[
            (|c| c.ack_range_of_acknowledged = false, ". 1:1(0) ack 5"),
            (|c| c.ack_range_of_acknowledged = true, ". 1:1(0) ack 1"),
        ],
    },
    Row {
        field: "drop_without_ack_first",
        play: nothing_set,
        values: &[(|c| c.drop_without_ack_first = false, ". 1:1(0) ack 1"), (|c| c.drop_without_ack_first = true, "")],
    },
    Row {
        field: "half_open_ack_first",
        play: half_open_outside,
        values: &[
            (|c| c.half_open_ack_first = false, ". 1:1(0) ack 1"),
            (|c| c.half_open_ack_first = true, "R 99:99(0)"),
        ],
    },
    Row {
        field: "tcp_challenge_ack_limit",
        play: five_resets,
        values: &[(|c| c.tcp_challenge_ack_limit = u32::MAX, "5"), (|c| c.tcp_challenge_ack_limit = 2, "2")],
    },
    Row {
        field: "tcp_invalid_ratelimit",
        play: five_resets,
        values: &[(|c| c.tcp_invalid_ratelimit = 0, "5"), (|c| c.tcp_invalid_ratelimit = 500, "1")],
    },
    Row {
        field: "tcp_rfc1337",
        play: reset_in_time_wait,
        values: &[(|c| c.tcp_rfc1337 = false, "R 2:2(0)"), (|c| c.tcp_rfc1337 = true, ". 2:2(0) ack 2")],
    },
    Row {
        field: "icmp_hard_error",
        play: port_unreachable,
        values: &[(|c| c.icmp_hard_error = HardError::Abort, "0"), (|c| c.icmp_hard_error = HardError::Soft, "1")],
    },
];
