//! What socket calls bring about: what a writer may queue, how long an orphan waits for the peer's FIN.

use super::*;
use core::time::Duration;
use halfopen_stack::config::InitialWindow;
use halfopen_stack::{SendFlags, SocketOption};

/// Segments of one `send` of 16,000 octets, with a window for all.
fn queued(set: Set) -> String {
    let mut config = plain();
    config.initial_window = InitialWindow::Segments(30);
    set(&mut config);
    let (mut play, fd) = Play::established(config);
    play.window = 60_000;
    play.inject(A, 1, 1, b"");
    play.stack.send(play.now, fd, &[0; 16_000], SendFlags::default()).unwrap();
    play.drain().len().to_string()
}

/// Seconds after `close` at which FIN-WAIT-2 has ended, so that the peer's FIN is reset.
fn end_of_fin_wait_2(config: Config, linger2: i32) -> String {
    for seconds in 1..300 {
        let (mut play, fd) = Play::established(config.clone());
        play.stack.set_option(play.now, fd, SocketOption::Linger2(linger2)).unwrap();
        play.close(fd);
        play.inject(A, 1, 2, b"");
        play.wait(f64::from(seconds) + 0.5);
        if play.inject(F, 1, 2, b"") == ["R 2:2(0)"] {
            return seconds.to_string();
        }
    }
    "never".to_owned()
}

/// A limit of one second, with a timeout of one second.
fn short_limit(set: Set) -> String {
    end_of_fin_wait_2(plain_with(set), 1)
}

/// A limit of 90 seconds where TIME-WAIT lasts 60.
fn long_limit(set: Set) -> String {
    let mut config = plain_with(set);
    config.time_wait = Duration::from_secs(60);
    end_of_fin_wait_2(config, 90)
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "tcp_notsent_lowat",
        play: queued,
        values: &[(|c| c.tcp_notsent_lowat = u32::MAX, "16"), (|c| c.tcp_notsent_lowat = 2500, "3")],
    },
    Row {
        field: "fin_timeout_above_rto",
        play: short_limit,
        values: &[(|c| c.fin_timeout_above_rto = false, "1"), (|c| c.fin_timeout_above_rto = true, "3")],
    },
    Row {
        field: "fin_timeout_in_phases",
        play: long_limit,
        values: &[(|c| c.fin_timeout_in_phases = false, "90"), (|c| c.fin_timeout_in_phases = true, "60")],
    },
];
