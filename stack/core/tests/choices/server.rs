//! The life of a server: queues, cookies, orphans.

use crate::common::*;
use crate::{Row, Set, plain_with};
use halfopen_stack::config::HalfOpenLimit;

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "half_open_limit",
        play: |set| format!("{} SYN,ACKs", syns(set, 1, 5)),
        values: &[
            (|c| c.half_open_limit = HalfOpenLimit::MaxSynBacklog, "5 SYN,ACKs"),
            (|c| c.half_open_limit = HalfOpenLimit::Backlog, "2 SYN,ACKs"),
        ],
    },
    Row {
        field: "tcp_syncookies",
        play: |set| {
            let mut config = plain_with(set);
            config.tcp_max_syn_backlog = 1;
            let mut play = Play::new(config);
            play.listen(4);
            play.inject(S, 0, 0, b"");
            let first = play.wait(1.5).len();
            play.remote.set_port(5001);
            let second = play.inject(S, 0, 0, b"").len();
            format!("{first} repeated, {second} for the next")
        },
        values: &[
            (|c| c.tcp_syncookies = 0, "1 repeated, 0 for the next"),
            (|c| c.tcp_syncookies = 1, "1 repeated, 1 for the next"),
            (|c| c.tcp_syncookies = 2, "0 repeated, 1 for the next"),
        ],
    },
    Row {
        field: "tcp_max_orphans",
        play: |set| {
            let (mut play, fd) = Play::established(plain_with(set));
            play.close(fd).join(", ")
        },
        values: &[
            (|c| c.tcp_max_orphans = 1, "F. 1:1(0) ack 1"),
            (|c| c.tcp_max_orphans = 0, "F. 1:1(0) ack 1, R. 2:2(0) ack 1"),
        ],
    },
];

/// How many of `count` SYNs from different ports are answered.
fn syns(set: Set, backlog: i32, count: u16) -> usize {
    let mut play = Play::new(plain_with(set));
    play.listen(backlog);
    (0..count)
        .map(|port| {
            play.remote.set_port(5000 + port);
            play.inject(S, 0, 0, b"").len()
        })
        .sum()
}
