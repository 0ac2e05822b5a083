//! Ports, hop limits, and pointers.

use super::*;
use halfopen_stack::{Domain, Errno, SendFlags};

/// The source port of a SYN from a socket that is not bound.
fn chosen_port(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    let fd = play.stack.socket(Domain::Inet).unwrap();
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::EINPROGRESS));
    play.drain();
    play.last().0.src_port.to_string()
}

/// The urgent pointer of a segment that ends in the urgent octet.
fn urgent_pointer(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.stack.send(play.now, fd, b"text", SendFlags { oob: true, ..SendFlags::default() }).unwrap();
    play.drain();
    play.last().0.urgent.to_string()
}

/// TTL of a reset.
fn ttl(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.inject(S, 0, 0, b"");
    play.seen[0].1[8].to_string()
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "ip_local_port_range",
        play: chosen_port,
        values: &[
            (|c| c.ip_local_port_range = (5000, 5000), "5000"),
            (|c| c.ip_local_port_range = (6000, 6000), "6000"),
        ],
    },
    Row {
        field: "tcp_stdurg",
        play: urgent_pointer,
        values: &[(|c| c.tcp_stdurg = false, "4"), (|c| c.tcp_stdurg = true, "3")],
    },
    Row {
        field: "ip_default_ttl",
        play: ttl,
        values: &[(|c| c.ip_default_ttl = 64, "64"), (|c| c.ip_default_ttl = 255, "255")],
    },
];
