//! Timeouts, their limits, and recovery.

use super::*;
use core::time::Duration;
use halfopen_stack::config::{InitialWindow, RetryLimit, RtoFloor};
use halfopen_stack::wire::icmp::{Problem, UnreachableV4};
use halfopen_stack::{Errno, RecvFlags, SocketOption};

/// Seconds at which text is repeated that nobody acknowledges, after a round trip of no time.
fn unanswered_text(set: Set) -> String {
    let (mut play, fd) = Play::established({
        let mut config = plain();
        config.tcp_retries2 = 2;
        set(&mut config);
        config
    });
    play.send(fd, b"text");
    times(&play.wait(1000.0))
}

/// Seconds at which the rest of a segment is repeated, whose first octets were acknowledged after half a second.
fn rest_of_a_segment(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.send(fd, b"text");
    play.wait(0.5);
    play.inject(A, 1, 3, b"");
    times(&play.wait(1.5)[..1])
}

/// When text is first repeated after a round trip of 100 ms.
fn after_a_round_trip(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    let (fd, _) = play.connect();
    play.wait(0.1);
    play.inject(SA, 0, 1, b"");
    play.send(fd, b"text");
    times(&play.wait(3.0)[..1])
}

/// How often text is repeated once the application has closed.
fn orphan(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.send(fd, b"text");
    play.close(fd);
    let sent = play.wait(5000.0);
    sent.iter().filter(|(_, segment)| segment.contains(" 1:5(4)")).count().to_string()
}

/// Which of six duplicate ACKs draws the segment that they miss.
fn duplicates(set: Set) -> String {
    let (mut play, fd) = Play::established({
        let mut config = plain();
        config.initial_window = InitialWindow::Segments(10);
        set(&mut config);
        config
    });
    play.send(fd, &[0; 10_000]);
    let retransmits = |number: &i32, play: &mut Play| {
        let _ = number;
        play.inject(A, 1, 1, b"").iter().any(|segment| segment.contains(" 1:1001("))
    };
    (1..=6).find(|number| retransmits(number, &mut play)).map_or("none".to_owned(), |number| number.to_string())
}

/// Seconds at which a user with a timeout of 4 s reads that it is over, with text that nobody acknowledges, then with a window that is closed
/// and a peer that answers probes.
fn user_timeout(set: Set) -> String {
    let over = |closed: bool| {
        let (mut play, fd) = Play::established(plain_with(set));
        play.stack.set_option(play.now, fd, SocketOption::UserTimeout(Duration::from_secs(4))).unwrap();
        if closed {
            play.window = 0;
            play.inject(A, 1, 1, b"");
        }
        play.send(fd, b"text");
        let tenths = (1..200).find(|_| {
            let probed = !play.wait(0.1).is_empty();
            if closed && probed {
                play.inject(A, 1, 1, b"");
            }
            play.stack.recv(play.now, fd, &mut [0], RecvFlags::default()) == Err(Errno::ETIMEDOUT)
        });
        tenths.map_or("never".to_owned(), |tenths| format!("{}", f64::from(tenths) / 10.0))
    };
    format!("{} {}", over(false), over(true))
}

/// Seconds at which text is repeated, of which the first repetition and the second met no route; the first was told 100 ms later, the second
/// when 4 s were over.
fn no_route(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.send(fd, b"text");
    let error = Problem::UnreachableV4(UnreachableV4::Host);
    let mut sent = play.wait(1.1);
    play.icmp(error);
    for (begun, wait) in [(1.1, 2.9), (4.0, 20.0)] {
        sent.extend(play.wait(wait).into_iter().map(|(at, segment)| (begun + at, segment)));
        play.icmp(error);
    }
    times(&sent)
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "user_timeout_of_retries",
        play: user_timeout,
        values: &[(|c| c.user_timeout_of_retries = false, "4 4"), (|c| c.user_timeout_of_retries = true, "5 5")],
    },
    Row {
        field: "restart_rto_on_part_of_segment",
        play: rest_of_a_segment,
        values: &[
            (|c| c.restart_rto_on_part_of_segment = true, "1"),
            (|c| c.restart_rto_on_part_of_segment = false, "0.5"),
        ],
    },
    Row {
        field: "no_route_reverts_backoff",
        play: no_route,
        values: &[
            (|c| c.no_route_reverts_backoff = false, "1 3 7 15"),
            (|c| c.no_route_reverts_backoff = true, "1 2 4 6 10 18"),
        ],
    },
    Row {
        field: "tcp_rto_min_us",
        play: unanswered_text,
        values: &[(|c| c.tcp_rto_min_us = 1_000_000, "1 3"), (|c| c.tcp_rto_min_us = 200_000, "0.2 0.6")],
    },
    Row {
        field: "rto_floor",
        play: after_a_round_trip,
        values: &[(|c| c.rto_floor = RtoFloor::Timeout, "1"), (|c| c.rto_floor = RtoFloor::Variance, "1.1")],
    },
    Row {
        field: "tcp_rto_max_ms",
        play: unanswered_text,
        values: &[
            (|c| (c.tcp_rto_max_ms, c.tcp_retries2) = (120_000, 4), "1 3 7 15"),
            (|c| (c.tcp_rto_max_ms, c.tcp_retries2) = (2_000, 4), "1 3 5 7"),
        ],
    },
    Row {
        field: "tcp_retries2",
        play: unanswered_text,
        values: &[(|c| c.tcp_retries2 = 1, "1"), (|c| c.tcp_retries2 = 3, "1 3 7")],
    },
    Row {
        field: "retry_limit",
        play: unanswered_text,
        values: &[(|c| c.retry_limit = RetryLimit::Count, "1 3"), (|c| c.retry_limit = RetryLimit::Time, "1 3 7")],
    },
    Row {
        field: "tcp_orphan_retries",
        play: orphan,
        values: &[(|c| c.tcp_orphan_retries = 1, "1"), (|c| c.tcp_orphan_retries = 3, "3")],
    },
    Row {
        field: "orphan_limit",
        play: orphan,
        values: &[(|c| c.orphan_limit = false, "15"), (|c| c.orphan_limit = true, "8")],
    },
    Row {
        field: "tcp_reordering",
        play: duplicates,
        values: &[(|c| c.tcp_reordering = 3, "3"), (|c| c.tcp_reordering = 5, "5")],
    },
    Row {
        field: "override_timeout",
        play: |set| {
            let (mut play, fd) = Play::established(plain_with(set));
            play.stack.set_option(play.now, fd, halfopen_stack::SocketOption::Cork(true)).unwrap();
            play.send(fd, b"text");
            times(&play.wait(3.0)[..1])
        },
        values: &[
            (|c| c.override_timeout = Some(Duration::from_millis(200)), "0.2"),
            (|c| c.override_timeout = None, "1"),
        ],
    },
];
