//! Explicit congestion notification.

use super::*;
use halfopen_stack::wire::tcp::{Flags, Options};

const ACCURATE: Flags = SETUP.with(Flags::AE);

/// The SYN of an active OPEN, and the SYN,ACKs for SYNs that ask for classic and for accurate feedback.
fn handshakes(set: Set) -> String {
    let mut syn = Play::new(plain_with(set));
    let mut seen = syn.connect().1;
    for asks in [SETUP, ACCURATE] {
        let mut play = Play::new(plain_with(set));
        play.listen(1);
        seen.extend(play.inject(asks, 0, 0, b""));
    }
    let flags: Vec<_> = seen.iter().map(|line| line.split_once(' ').unwrap().0).collect();
    flags.join(" ")
}

/// A SYN that nobody answers, and its first repetition.
fn unanswered_syn(set: Set) -> String {
    let mut config = plain();
    config.tcp_ecn = 1;
    set(&mut config);
    let mut play = Play::new(config);
    let mut seen = play.connect().1;
    seen.extend(play.wait(1.0).into_iter().map(|(_, line)| line));
    line(&seen)
}

/// Which segments have the option: the SYN,ACK; ACKs of marked and of unmarked text; text, and an ACK after the first text
/// had to be repeated.
fn option(set: Set) -> String {
    let mut config = plain();
    config.tcp_ecn = 5;
    config.quick_acks = 100;
    set(&mut config);
    let mut play = Play::new(config);
    let listener = play.listen(1);
    let has = |play: &Play| char::from(b'0' + u8::from(play.last().0.options.accurate_ecn.is_some()));
    play.inject(ACCURATE, 0, 0, b"");
    let mut seen = String::from(has(&play));
    play.inject(A | Flags::CWR, 1, 1, b"");
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    for (field, seq) in [(2, 1), (0, 5)] {
        play.ecn = field;
        play.inject(P | Flags::ECE | Flags::AE, seq, 1, b"text");
        seen.push(has(&play));
    }
    play.send(fd, b"text");
    seen.push(has(&play));
    play.wait(1.0);
    play.ecn = 2;
    play.inject(P | Flags::ECE | Flags::AE, 9, 5, b"text");
    seen.push(has(&play));
    seen
}

/// When single segments are acknowledged: one without a mark, then one with CE, then two with CWR.
fn after_ce(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.passive_open_by(SETUP);
    let mut seen = Vec::new();
    for (field, flags, seq) in [(2, P, 1), (3, P, 5), (2, P | Flags::CWR, 9)] {
        play.ecn = field;
        let at_once = play.inject(flags, seq, 1, b"text").len();
        seen.push(at_once.to_string());
        play.wait(0.5);
    }
    line(&seen)
}

/// When new text goes out after ECE on the ACK of the only segment that the window has room for.
fn one_segment(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    let listener = play.listen(1);
    play.options = Options { mss: Some(1000), ..Options::default() };
    play.inject(SETUP, 0, 0, b"");
    // A lost SYN,ACK leaves a window of one segment.
    play.wait(1.0);
    play.inject(A, 1, 1, b"");
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    play.send(fd, &[0; 1000]);
    let mut sent = play.inject(A | Flags::ECE, 1, 1001, b"");
    sent.extend(play.send(fd, &[0; 1000]));
    let at_once = sent.len();
    format!("{at_once}, then {}", times(&play.wait(4.0)))
}

/// The SYN of a third connection, when for two before it only a SYN without the flags was answered.
fn after_two_failures(set: Set) -> String {
    let mut config = plain();
    config.tcp_ecn = 3;
    set(&mut config);
    let mut play = Play::new(config);
    for _ in 0..2 {
        let (fd, _) = play.connect();
        play.wait(5.0);
        play.inject(SA, 0, 1, b"");
        play.close(fd);
        play.inject(R, 1, 0, b"");
    }
    line(&play.connect().1)
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "tcp_ecn",
        play: handshakes,
        values: &[
            (|c| c.tcp_ecn = 0, "S S. S."),
            (|c| c.tcp_ecn = 1, "SEW SE. SE."),
            (|c| c.tcp_ecn = 2, "S SE. SE."),
            (|c| c.tcp_ecn = 3, "SEWA SE. SW."),
            (|c| c.tcp_ecn = 4, "SEW SE. SW."),
            (|c| c.tcp_ecn = 5, "S SE. SW."),
        ],
    },
    Row {
        field: "tcp_ecn_fallback",
        play: unanswered_syn,
        values: &[
            (|c| c.tcp_ecn_fallback = false, "SEW 0:0(0), SEW 0:0(0)"),
            (|c| c.tcp_ecn_fallback = true, "SEW 0:0(0), S 0:0(0)"),
        ],
    },
    Row {
        field: "tcp_ecn_option",
        play: option,
        values: &[
            (|c| c.tcp_ecn_option = 0, "00000"),
            (|c| c.tcp_ecn_option = 1, "11010"),
            (|c| c.tcp_ecn_option = 2, "11110"),
            (|c| c.tcp_ecn_option = 3, "11111"),
        ],
    },
    Row {
        field: "ecn_quick_acks",
        play: after_ce,
        values: &[(|c| c.ecn_quick_acks = 0, "0, 0, 0"), (|c| c.ecn_quick_acks = 2, "0, 1, 1")],
    },
    Row {
        field: "ecn_waits_at_one_segment",
        play: one_segment,
        values: &[
            (|c| c.ecn_waits_at_one_segment = false, "1, then 1 3"),
            (|c| c.ecn_waits_at_one_segment = true, "0, then 1 2 4"),
        ],
    },
    Row {
        field: "accecn_negative_cache",
        play: after_two_failures,
        values: &[
            (|c| c.accecn_negative_cache = core::time::Duration::ZERO, "SEWA 0:0(0)"),
            (|c| c.accecn_negative_cache = core::time::Duration::from_secs(600), "S 0:0(0)"),
        ],
    },
];
