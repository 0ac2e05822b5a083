//! What socket calls bring about: what a writer may queue, how long an orphan waits for the peer's FIN.

use super::*;
use core::time::Duration;
use halfopen_stack::config::{InitialWindow, PortSelection};
use halfopen_stack::{Domain, Errno, SendFlags, SocketOption};

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

/// The ports of three connections to one destination, from a range of ten.
fn ports_in_a_row(set: Set) -> String {
    let mut config = plain();
    config.ip_local_port_range = (5000, 5009);
    set(&mut config);
    let mut play = Play::new(config);
    let mut ports = Vec::new();
    for _ in 0..3 {
        let fd = play.stack.socket(Domain::Inet).unwrap();
        assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::EINPROGRESS));
        play.drain();
        ports.push(play.last().0.src_port.to_string());
    }
    ports.join(" ")
}

/// The port of a connection, from a range of two.
fn one_of_two(set: Set) -> String {
    let mut config = plain();
    config.ip_local_port_range = (5000, 5001);
    set(&mut config);
    let mut play = Play::new(config);
    let fd = play.stack.socket(Domain::Inet).unwrap();
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::EINPROGRESS));
    play.drain();
    play.last().0.src_port.to_string()
}

/// What answers a connection to the unspecified address: a listener of the same host, on the loop.
fn connect_to_any(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.stack.add_address("127.0.0.1".parse().unwrap());
    let listener = play.stack.socket(Domain::Inet).unwrap();
    play.stack.bind(listener, "0.0.0.0:80".parse().unwrap()).unwrap();
    play.stack.listen(listener, 1).unwrap();
    let fd = play.stack.socket(Domain::Inet).unwrap();
    match play.stack.connect(play.now, fd, "0.0.0.0:80".parse().unwrap()) {
        Err(Errno::EINPROGRESS) => {}
        outcome => return format!("{outcome:?}"),
    }
    play.drain();
    play.stack.remote_address(fd).map_or_else(|error| error.to_string(), |remote| remote.to_string())
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
    Row {
        field: "port_selection",
        play: ports_in_a_row,
        values: &[
            (|c| c.port_selection = PortSelection::Hash, "5007 5008 5009"),
            (|c| c.port_selection = PortSelection::DoubleHash, "5002 5006 5000"),
        ],
    },
    Row {
        field: "ip_local_reserved_ports",
        play: one_of_two,
        values: &[
            (|c| c.ip_local_reserved_ports = vec![(1, 5000)], "5001"),
            (|c| c.ip_local_reserved_ports = vec![(7, 7), (5001, 6000)], "5000"),
        ],
    },
    Row {
        field: "connect_any_is_loopback",
        play: connect_to_any,
        values: &[
            (|c| c.connect_any_is_loopback = false, "Err(EADDRNOTAVAIL)"),
            (|c| c.connect_any_is_loopback = true, "127.0.0.1:80"),
        ],
    },
];
