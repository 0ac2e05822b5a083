//! Socket calls and their errors, as Linux has them; and what is answered outside TCP.

mod common;

use common::*;
use halfopen_stack::wire::icmp::{Echo, Message, Problem, emit_echo, parse};
use halfopen_stack::wire::ip::{self, Header};
use halfopen_stack::{
    Config, Domain, Errno, OptionName, Readiness, RecvFlags, SendFlags, Shutdown, SocketOption, Stack, State,
};
use std::net::SocketAddr;

const NOTHING: [&str; 0] = [];

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn descriptors_are_the_lowest_free_ones() {
    let mut play = Play::new(plain());
    let mut socket = || play.stack.socket(Domain::Inet).unwrap();
    assert_eq!([socket(), socket(), socket()], [3, 4, 5]);
    play.stack.close(play.now, 4).unwrap();
    assert_eq!(play.stack.socket(Domain::Inet), Ok(4));
    assert_eq!(play.stack.close(play.now, 9), Err(Errno::EBADF));
}

#[test]
fn bind_refuses_what_is_foreign_or_taken() {
    let mut play = Play::new(plain());
    let one = play.stack.socket(Domain::Inet).unwrap();
    //  address            -> outcome
    let table = [
        ("192.0.2.9:80", Err(Errno::EADDRNOTAVAIL)),
        ("[2001:db8::1]:80", Err(Errno::EAFNOSUPPORT)),
        ("192.0.2.1:80", Ok(())),
        ("192.0.2.1:81", Err(Errno::EINVAL)),
    ];
    for (text, expected) in table {
        assert_eq!(play.stack.bind(one, address(text)), expected, "{text}");
    }
    let two = play.stack.socket(Domain::Inet).unwrap();
    assert_eq!(play.stack.bind(two, address("0.0.0.0:80")), Err(Errno::EADDRINUSE));
    for fd in [one, two] {
        play.stack.set_option(play.now, fd, SocketOption::ReuseAddr(true)).unwrap();
    }
    assert_eq!(play.stack.bind(two, address("0.0.0.0:80")), Ok(()));
    assert_eq!(play.stack.listen(one, 1), Ok(()));
    let three = play.stack.socket(Domain::Inet).unwrap();
    play.stack.set_option(play.now, three, SocketOption::ReuseAddr(true)).unwrap();
    assert_eq!(play.stack.bind(three, address("192.0.2.1:80")), Err(Errno::EADDRINUSE), "somebody listens");
}

#[test]
fn time_wait_blocks_bind_unless_reuse_is_set() {
    for (reuse, expected) in [(false, Err(Errno::EADDRINUSE)), (true, Ok(()))] {
        let mut play = Play::new(plain());
        let listener = play.listen(1);
        play.stack.set_option(play.now, listener, SocketOption::ReuseAddr(true)).unwrap();
        play.inject(S, 0, 0, b"");
        play.inject(A, 1, 1, b"");
        let (fd, _) = play.stack.accept(play.now, listener).unwrap();
        play.close(listener);
        play.close(fd);
        play.inject(F, 1, 2, b"");
        let again = play.stack.socket(Domain::Inet).unwrap();
        play.stack.set_option(play.now, again, SocketOption::ReuseAddr(reuse)).unwrap();
        assert_eq!(play.stack.bind(again, play.local), expected, "reuse {reuse}");
    }
}

#[test]
fn calls_without_connection_fail() {
    let mut play = Play::new(plain());
    let fresh = play.stack.socket(Domain::Inet).unwrap();
    let listener = play.listen(1);
    let mut buffer = [0; 1];
    for fd in [fresh, listener] {
        assert_eq!(play.stack.recv(play.now, fd, &mut buffer, RecvFlags::default()), Err(Errno::ENOTCONN));
        assert_eq!(play.stack.send(play.now, fd, b"x", SendFlags::default()), Err(Errno::EPIPE));
        assert_eq!(play.stack.remote_address(fd), Err(Errno::ENOTCONN));
    }
    assert_eq!(play.stack.shutdown(play.now, fresh, Shutdown::Both), Err(Errno::ENOTCONN));
    assert_eq!(play.stack.accept(play.now, fresh), Err(Errno::EINVAL));
    assert_eq!(play.stack.accept(play.now, listener), Err(Errno::EAGAIN));
    assert_eq!(play.stack.connect(play.now, listener, play.remote), Err(Errno::EISCONN));
    assert_eq!(play.stack.inq(listener), Err(Errno::EINVAL));
    assert_eq!(play.stack.tcp_info(listener).unwrap().state, 10);
    assert_eq!(play.stack.status(fresh).unwrap().state, State::Closed);
}

#[test]
fn connect_refuses_impossible_destinations() {
    let mut play = Play::new(plain());
    let table = [
        ("198.51.100.2:0", Errno::EADDRNOTAVAIL),
        ("0.0.0.0:80", Errno::EADDRNOTAVAIL),
        ("224.0.0.1:80", Errno::ENETUNREACH),
        ("255.255.255.255:80", Errno::ENETUNREACH),
        ("[2001:db8::2]:80", Errno::EAFNOSUPPORT),
    ];
    for (text, expected) in table {
        let fd = play.stack.socket(Domain::Inet).unwrap();
        assert_eq!(play.stack.connect(play.now, fd, address(text)), Err(expected), "{text}");
    }
    let fd = play.stack.socket(Domain::Inet6).unwrap();
    assert_eq!(play.stack.connect(play.now, fd, address("[2001:db8::2]:80")), Err(Errno::ENETUNREACH));
    assert_eq!(play.drain(), NOTHING);
}

#[test]
fn ephemeral_ports_run_out_per_destination() {
    let mut config = plain();
    config.ip_local_port_range = (5000, 5001);
    let mut play = Play::new(config);
    let mut connect = |text: &str| {
        let fd = play.stack.socket(Domain::Inet).unwrap();
        play.stack.connect(play.now, fd, address(text))
    };
    assert_eq!(connect("198.51.100.2:80"), Err(Errno::EINPROGRESS));
    assert_eq!(connect("198.51.100.2:80"), Err(Errno::EINPROGRESS));
    assert_eq!(connect("198.51.100.2:80"), Err(Errno::EADDRNOTAVAIL));
    assert_eq!(connect("198.51.100.2:81"), Err(Errno::EINPROGRESS), "another destination shares the ports");
}

#[test]
fn time_wait_tuple_is_reused_by_connect_if_configured() {
    //  tcp_tw_reuse, timestamps, seconds of TIME-WAIT -> outcome
    let table = [
        (0, true, 2.0, Err(Errno::EADDRNOTAVAIL)),
        (1, true, 0.5, Err(Errno::EADDRNOTAVAIL)),
        (1, true, 2.0, Err(Errno::EINPROGRESS)),
        (1, false, 2.0, Err(Errno::EADDRNOTAVAIL)),
        (2, true, 2.0, Err(Errno::EADDRNOTAVAIL)),
    ];
    for (reuse, timestamps, seconds, expected) in table {
        let mut config = plain();
        config.tcp_tw_reuse = reuse;
        config.tcp_timestamps = u32::from(timestamps);
        let mut play = Play::new(config);
        if timestamps {
            play.timestamp(1, 0);
        }
        let (fd, _) = play.connect();
        play.inject(SA, 0, 1, b"");
        play.close(fd);
        assert_eq!(play.inject(F, 1, 2, b"").len(), 1);
        play.wait(seconds);
        let fd = play.stack.socket(Domain::Inet).unwrap();
        play.stack.set_option(play.now, fd, SocketOption::ReuseAddr(true)).unwrap();
        // The port is named by the range, not by bind, which TIME-WAIT would refuse.
        play.stack.config_mut().ip_local_port_range = (play.local.port(), play.local.port());
        let outcome = play.stack.connect(play.now, fd, play.remote);
        assert_eq!(outcome, expected, "tcp_tw_reuse {reuse}, timestamps {timestamps}, {seconds} s");
    }
}

#[test]
fn readiness_follows_the_connection() {
    let (mut play, fd) = Play::established(plain());
    let idle = Readiness { writable: true, ..Readiness::default() };
    assert_eq!(play.stack.readiness(fd), Ok(idle));
    play.inject(P, 1, 1, b"x");
    assert_eq!(play.stack.readiness(fd), Ok(Readiness { readable: true, ..idle }));
    play.inject(F, 2, 1, b"");
    assert_eq!(play.stack.readiness(fd), Ok(Readiness { readable: true, rdhup: true, ..idle }));
    play.inject(R, 3, 1, b"");
    let dead = Readiness { readable: true, writable: true, error: true, hangup: true, rdhup: true, priority: false };
    assert_eq!(play.stack.readiness(fd), Ok(dead));
    assert_eq!(play.stack.option(fd, OptionName::Error), Ok(32), "EPIPE, from CLOSE-WAIT");
    assert_eq!(play.stack.option(fd, OptionName::Error), Ok(0), "read and cleared");
    assert_eq!(play.read(fd), Ok(b"x".to_vec()), "text outlives the connection");
}

#[test]
fn half_closed_directions() {
    let (mut play, fd) = Play::established(plain());
    play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
    assert_eq!(play.drain(), ["F. 1:1(0) ack 1"]);
    assert_eq!(play.stack.send(play.now, fd, b"x", SendFlags::default()), Err(Errno::EPIPE));
    play.inject(P, 1, 2, b"still read");
    assert_eq!(play.read(fd), Ok(b"still read".to_vec()));
    play.stack.shutdown(play.now, fd, Shutdown::Read).unwrap();
    assert_eq!(play.read(fd), Ok(vec![]));
}

#[test]
fn closing_a_listener_forgets_half_open_and_aborts_queued_connections() {
    let mut play = Play::new(plain());
    let listener = play.listen(4);
    play.inject(S, 0, 0, b"");
    assert_eq!(play.close(listener), NOTHING);
    assert_eq!(play.inject(A, 1, 1, b""), ["R 1:1(0)"]);
    let listener = play.listen(4);
    play.inject(S, 0, 0, b"");
    play.inject(A, 1, 1, b"");
    assert_eq!(play.close(listener), ["R. 1:1(0) ack 1"]);
    assert_eq!(play.stack.poll_at(), None);
}

#[test]
fn half_open_connections_are_limited() {
    let mut config = plain();
    config.tcp_max_syn_backlog = 1;
    let mut play = Play::new(config);
    play.listen(4);
    assert_eq!(play.inject(S, 0, 0, b"").len(), 1);
    play.remote.set_port(5001);
    assert_eq!(play.inject(S, 0, 0, b""), NOTHING);
    play.remote.set_port(5000);
    play.inject(A, 1, 1, b"");
    play.remote.set_port(5001);
    assert_eq!(play.inject(S, 0, 0, b"").len(), 1);
    assert_eq!(play.stack.counters().tcp_req_q_full_drop, 1);
}

#[test]
fn overflow_can_abort() {
    let mut config = plain();
    config.tcp_abort_on_overflow = true;
    let mut play = Play::new(config);
    play.listen(0);
    // Both SYNs come before the queue is full.
    for port in [5001, 5000] {
        play.remote.set_port(port);
        assert_eq!(play.inject(S, 0, 0, b"").len(), 1);
    }
    assert_eq!(play.inject(A, 1, 1, b""), NOTHING);
    // The SYN again, so that the play learns this connection's ISN.
    play.remote.set_port(5001);
    play.inject(S, 0, 0, b"");
    assert_eq!(play.inject(A, 1, 1, b""), ["R 1:1(0)"]);
}

#[test]
fn timestamps_of_an_unacceptable_ack_are_not_taken() {
    let mut config = plain();
    config.tcp_timestamps = 2;
    let mut play = Play::new(config);
    play.timestamp(100, 0);
    play.listen(1);
    play.inject(S, 0, 0, b"");
    play.timestamp(200, 1000);
    play.inject(A, 1, 1, b"");
    play.timestamp(200_000, 1000);
    assert_eq!(play.inject(F, 1, 9999, b""), [". 1:1(0) ack 1"]);
    play.timestamp(201, 1000);
    play.inject(P, 1, 1, b"not too old");
    play.wait(0.5);
    assert_eq!(play.last().0.ack.0.wrapping_sub(0xffff_fff0), 12);
}

#[test]
fn pings_and_unknown_protocols_are_answered() {
    for (local, remote) in [("192.0.2.1", "198.51.100.2"), ("2001:db8::1", "2001:db8::2")] {
        let mut stack = Stack::new(Config::rfc9293(), 1);
        let (local, remote) = (local.parse().unwrap(), remote.parse().unwrap());
        stack.add_address(local);
        let header = Header::new(remote, local);
        let echo = Echo { identifier: 7, sequence: 9, data: b"ping" };
        stack.receive(secs(0.0), &emit_echo(&header, &echo, false));
        let reply = stack.transmit().expect("an echo reply");
        let reply = ip::parse(&reply).unwrap();
        assert_eq!((reply.src, reply.dst), (local, remote));
        assert_eq!(parse(&reply), Ok(Message::EchoReply(echo)));

        stack.receive(secs(0.0), &ip::emit(&header, 132, &[0; 20]));
        let error = stack.transmit().expect("an error");
        let error = ip::parse(&error).unwrap();
        let Ok(Message::Error(error)) = parse(&error) else { panic!("no ICMP error") };
        let expected = match local.is_ipv4() {
            true => matches!(error.problem, Problem::UnreachableV4(_)),
            false => matches!(error.problem, Problem::ParameterProblem { code: 1, .. }),
        };
        assert!(expected, "{:?}", error.problem);
    }
}

#[test]
fn datagrams_for_others_and_from_nobody_are_dropped() {
    let mut play = Play::new(plain());
    play.listen(1);
    let table = [
        ("198.51.100.2", "192.0.2.9"),
        ("198.51.100.2", "224.0.0.1"),
        ("198.51.100.2", "255.255.255.255"),
        ("192.0.2.1", "192.0.2.1"),
        ("0.0.0.0", "192.0.2.1"),
        ("224.0.0.1", "192.0.2.1"),
    ];
    for (src, dst) in table {
        let segment = halfopen_stack::wire::tcp::Segment {
            src_port: 5000,
            dst_port: 80,
            flags: S,
            window: 1000,
            ..Default::default()
        };
        let header = Header::new(src.parse().unwrap(), dst.parse().unwrap());
        play.stack.receive(play.now, &halfopen_stack::wire::tcp::emit(&header, &segment));
        assert_eq!(play.drain(), NOTHING, "{src} > {dst}");
    }
}
