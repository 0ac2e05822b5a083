//! Who may have which local socket, and connections of a host with itself.

mod common;

use common::*;
use halfopen_stack::{Config, Domain, Errno, RecvFlags, SendFlags, SocketOption, Stack, State};
use std::collections::BTreeMap;
use std::net::SocketAddr;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A stack with addresses of both families and loops.
fn host(config: Config) -> Stack {
    let mut stack = Stack::new(config, 1);
    for text in ["192.0.2.1", "192.0.2.2", "2001:db8::1", "127.0.0.1", "::1"] {
        stack.add_address(text.parse().unwrap());
    }
    stack
}

fn socket(stack: &mut Stack, text: &str, options: &[SocketOption]) -> i32 {
    let fd = stack.socket(if text.contains('[') { Domain::Inet6 } else { Domain::Inet }).unwrap();
    for option in options {
        stack.set_option(secs(1.0), fd, *option).unwrap();
    }
    fd
}

const ADDR: SocketOption = SocketOption::ReuseAddr(true);
const PORT: SocketOption = SocketOption::ReusePort(true);
const ONLY6: SocketOption = SocketOption::V6Only(true);

#[test]
fn sockets_share_a_port_as_linux_has_it() {
    //  first, its options, listens; second, its options -> bind, then listen
    type Side = (&'static str, &'static [SocketOption]);
    const OK: Result<(), Errno> = Ok(());
    const IN_USE: Result<(), Errno> = Err(Errno::EADDRINUSE);
    type Row = (Side, bool, Side, Result<(), Errno>, Result<(), Errno>);
    let table: &[Row] = &[
        (("192.0.2.1:80", &[]), false, ("192.0.2.1:80", &[]), IN_USE, OK),
        (("192.0.2.1:80", &[]), true, ("192.0.2.2:80", &[]), OK, OK),
        (("192.0.2.1:80", &[]), false, ("0.0.0.0:80", &[]), IN_USE, OK),
        (("192.0.2.1:80", &[ADDR]), false, ("192.0.2.1:80", &[]), IN_USE, OK),
        (("192.0.2.1:80", &[ADDR]), false, ("192.0.2.1:80", &[ADDR]), OK, OK),
        (("192.0.2.1:80", &[ADDR]), false, ("0.0.0.0:80", &[ADDR]), OK, OK),
        (("192.0.2.1:80", &[ADDR]), true, ("192.0.2.1:80", &[ADDR]), IN_USE, OK),
        (("192.0.2.1:80", &[PORT]), true, ("192.0.2.1:80", &[PORT]), OK, OK),
        (("192.0.2.1:80", &[PORT]), true, ("0.0.0.0:80", &[PORT]), OK, OK),
        (("192.0.2.1:80", &[PORT]), true, ("192.0.2.1:80", &[ADDR]), IN_USE, OK),
        (("[::]:80", &[]), true, ("0.0.0.0:80", &[]), IN_USE, OK),
        (("[::]:80", &[]), true, ("192.0.2.1:80", &[]), IN_USE, OK),
        (("[::]:80", &[ONLY6]), true, ("0.0.0.0:80", &[]), OK, OK),
        (("[2001:db8::1]:80", &[]), true, ("0.0.0.0:80", &[]), OK, OK),
        (("[::ffff:192.0.2.1]:80", &[]), true, ("192.0.2.1:80", &[]), IN_USE, OK),
        (("[::ffff:192.0.2.1]:80", &[]), true, ("192.0.2.2:80", &[]), OK, OK),
    ];
    for (index, (first, listens, second, bound, listening)) in table.iter().enumerate() {
        let mut stack = host(plain());
        let one = socket(&mut stack, first.0, first.1);
        stack.bind(one, address(first.0)).unwrap();
        if *listens {
            stack.listen(one, 1).unwrap();
        }
        let two = socket(&mut stack, second.0, second.1);
        assert_eq!(stack.bind(two, address(second.0)), *bound, "row {index}: bind");
        if bound.is_ok() {
            assert_eq!(stack.listen(two, 1), *listening, "row {index}: listen");
        }
        stack.close(secs(1.0), one).unwrap();
        if bound.is_err() {
            let three = socket(&mut stack, second.0, second.1);
            assert_eq!(stack.bind(three, address(second.0)), Ok(()), "row {index}: freed");
        }
    }
}

#[test]
fn only_one_of_two_sockets_that_share_an_address_may_listen() {
    let mut stack = host(plain());
    let [one, two] = [(); 2].map(|()| socket(&mut stack, "", &[ADDR]));
    for fd in [one, two] {
        stack.bind(fd, address("192.0.2.1:80")).unwrap();
    }
    assert_eq!(stack.listen(one, 1), Ok(()));
    assert_eq!(stack.listen(two, 1), Err(Errno::EADDRINUSE));
    assert_eq!(stack.listen(one, 5), Ok(()), "a backlog may change");
}

#[test]
fn mapped_addresses_belong_to_sockets_of_both_families() {
    let table = [
        ("[::ffff:192.0.2.1]:0", true, Err(Errno::EINVAL)),
        ("[::ffff:192.0.2.1]:0", false, Ok(())),
        ("[::ffff:192.0.2.9]:0", false, Err(Errno::EADDRNOTAVAIL)),
        ("192.0.2.1:0", false, Err(Errno::EAFNOSUPPORT)),
    ];
    for (text, only, expected) in table {
        let mut stack = host(plain());
        let fd = socket(&mut stack, "[", &[SocketOption::V6Only(only)]);
        assert_eq!(stack.bind(fd, address(text)), expected, "{text} {only}");
    }
    let mut stack = host(plain());
    let fd = socket(&mut stack, "[", &[ONLY6]);
    assert_eq!(stack.connect(secs(1.0), fd, address("[::ffff:198.51.100.2]:80")), Err(Errno::ENETUNREACH));
    stack.bind(fd, address("[::]:81")).unwrap();
    assert_eq!(stack.set_option(secs(1.0), fd, SocketOption::V6Only(false)), Err(Errno::EINVAL), "bound");
}

#[test]
fn an_ipv6_listener_serves_ipv4_in_mapped_notation() {
    let mut play = Play::new(plain());
    let listener = play.stack.socket(Domain::Inet6).unwrap();
    play.stack.bind(listener, address("[::]:80")).unwrap();
    play.stack.listen(listener, 1).unwrap();
    play.inject(S, 0, 0, b"");
    play.inject(A, 1, 1, b"");
    let (fd, remote) = play.stack.accept(play.now, listener).unwrap();
    assert_eq!(remote, address("[::ffff:198.51.100.2]:5000"));
    assert_eq!(play.stack.remote_address(fd), Ok(remote));
    assert_eq!(play.stack.local_address(fd), Ok(Some(address("[::ffff:192.0.2.1]:80"))));
}

/// A connection of the host with itself: both descriptors.
fn looped(stack: &mut Stack, listen: &str, to: &str) -> (i32, i32) {
    let now = secs(1.0);
    let listener = socket(stack, listen, &[]);
    stack.bind(listener, address(listen)).unwrap();
    stack.listen(listener, 1).unwrap();
    let fd = socket(stack, to, &[]);
    assert_eq!(stack.connect(now, fd, address(to)), Err(Errno::EINPROGRESS));
    assert_eq!(stack.transmit(), None, "nothing leaves the host");
    let (accepted, _) = stack.accept(now, listener).unwrap();
    (fd, accepted)
}

#[test]
fn a_host_connects_to_itself() {
    //  listener, destination -> own address
    let table = [
        ("0.0.0.0:80", "127.0.0.1:80", "127.0.0.1"),
        ("0.0.0.0:80", "192.0.2.2:80", "192.0.2.2"),
        ("127.0.0.1:80", "127.0.0.1:80", "127.0.0.1"),
        ("[::1]:80", "[::1]:80", "::1"),
        ("[::]:80", "192.0.2.1:80", "192.0.2.1"),
    ];
    for config in [Config::rfc9293(), Config::linux()] {
        for (listen, to, own) in table {
            let mut stack = host(config.clone());
            let (fd, accepted) = looped(&mut stack, listen, to);
            assert_eq!(stack.local_address(fd).unwrap().unwrap().ip().to_string(), own, "{to}");
            let now = secs(1.0);
            let text = vec![7; 300_000];
            let (mut sent, mut received) = (0, 0);
            while received < text.len() {
                sent += stack.send(now, fd, &text[sent..], SendFlags::default()).unwrap_or(0);
                assert_eq!(stack.transmit(), None);
                let mut buffer = vec![0; 100_000];
                received +=
                    stack.recv(now, accepted, &mut buffer, RecvFlags::default()).expect("what was sent arrives");
                assert_eq!(stack.transmit(), None);
            }
            // No network in between. Linux's segments have half of the largest window at the most.
            let least = if config.half_window_segments { 32_000 } else { 60_000 };
            assert!(stack.tcp_info(fd).unwrap().snd_mss > least, "no network in between");
            for closing in [fd, accepted] {
                stack.close(now, closing).unwrap();
                assert_eq!(stack.transmit(), None);
            }
            let left: Vec<State> = stack.connections().map(|one| one.state).collect();
            assert_eq!(left, [State::TimeWait], "{to}");
        }
    }
}

#[test]
fn a_socket_connects_to_itself() {
    let mut stack = host(plain());
    let fd = socket(&mut stack, "", &[]);
    stack.bind(fd, address("127.0.0.1:7000")).unwrap();
    assert_eq!(stack.connect(secs(1.0), fd, address("127.0.0.1:7000")), Err(Errno::EINPROGRESS));
    assert_eq!(stack.transmit(), None);
    assert_eq!(stack.status(fd).unwrap().state, State::Established, "a simultaneous open with itself");
    stack.send(secs(1.0), fd, b"echo", SendFlags::default()).unwrap();
    assert_eq!(stack.transmit(), None);
    let mut buffer = [0; 10];
    assert_eq!(stack.recv(secs(1.0), fd, &mut buffer, RecvFlags::default()), Ok(4));
}

#[test]
fn the_network_cannot_speak_for_the_host_or_to_its_loop() {
    let table = [("192.0.2.2", "192.0.2.1"), ("127.0.0.1", "192.0.2.1"), ("198.51.100.2", "127.0.0.1")];
    for (src, dst) in table {
        let mut stack = host(plain());
        let listener = socket(&mut stack, "", &[]);
        stack.bind(listener, address("0.0.0.0:80")).unwrap();
        stack.listen(listener, 1).unwrap();
        let segment = halfopen_stack::wire::tcp::Segment {
            src_port: 5000,
            dst_port: 80,
            flags: S,
            window: 1000,
            ..Default::default()
        };
        let header = halfopen_stack::wire::ip::Header::new(src.parse().unwrap(), dst.parse().unwrap());
        stack.receive(secs(1.0), &halfopen_stack::wire::tcp::emit(&header, &segment));
        assert_eq!(stack.connections().count(), 0, "{src} > {dst}");
        assert_eq!(stack.transmit(), None, "{src} > {dst}");
    }
}

#[test]
fn reuse_port_spreads_connections_over_its_listeners() {
    let mut play = Play::new(plain());
    let listeners = [(); 4].map(|()| {
        let fd = socket(&mut play.stack, "", &[PORT]);
        play.stack.bind(fd, play.local).unwrap();
        play.stack.listen(fd, 1000).unwrap();
        fd
    });
    let count = 400;
    for port in 0..count {
        play.remote.set_port(10_000 + port);
        play.inject(S, 0, 0, b"");
        assert_eq!(play.inject(A, 1, 1, b""), [""; 0], "the ACK finds the listener of the SYN");
    }
    let mut queues = BTreeMap::new();
    for fd in listeners {
        while play.stack.accept(play.now, fd).is_ok() {
            *queues.entry(fd).or_insert(0) += 1;
        }
    }
    assert_eq!(queues.values().sum::<u32>(), u32::from(count));
    assert!(queues.len() == 4 && queues.values().all(|n| (50..150).contains(n)), "{queues:?}");
}

#[test]
fn bind_without_port_leaves_the_choice_to_connect() {
    for (late, expected) in [(false, Err(Errno::EADDRNOTAVAIL)), (true, Err(Errno::EINPROGRESS))] {
        let mut stack = host(Config { ip_local_port_range: (5000, 5000), ..plain() });
        let mut outcome = Ok(());
        for destination in ["198.51.100.2:80", "198.51.100.3:80"] {
            let fd = socket(&mut stack, "", &[SocketOption::BindAddressNoPort(late)]);
            outcome = stack
                .bind(fd, address("192.0.2.1:0"))
                .map_err(|_| Errno::EADDRNOTAVAIL)
                .and_then(|()| stack.connect(secs(1.0), fd, address(destination)));
        }
        assert_eq!(outcome, expected, "two destinations can share the port only if bind did not take it");
    }
}

#[test]
fn a_socket_may_have_a_port_range_of_its_own() {
    let mut stack = host(plain());
    for _ in 0..2 {
        let fd = socket(&mut stack, "", &[SocketOption::LocalPortRange(40_000, 40_001)]);
        assert_eq!(stack.connect(secs(1.0), fd, address("198.51.100.2:80")), Err(Errno::EINPROGRESS));
        let port = stack.local_address(fd).unwrap().unwrap().port();
        assert!((40_000..=40_001).contains(&port), "{port}");
    }
    let fd = socket(&mut stack, "", &[SocketOption::LocalPortRange(40_000, 40_001)]);
    assert_eq!(stack.connect(secs(1.0), fd, address("198.51.100.2:80")), Err(Errno::EADDRNOTAVAIL));
}

#[test]
fn all_ports_are_used_and_come_back() {
    for base in [plain(), Config::linux()] {
        let mut stack = host(Config { ip_local_port_range: (30_000, 30_099), ..base });
        let fds: Vec<i32> = (0..100)
            .map(|n| {
                let fd = socket(&mut stack, "", &[]);
                assert_eq!(stack.connect(secs(1.0), fd, address("198.51.100.2:80")), Err(Errno::EINPROGRESS), "{n}");
                fd
            })
            .collect();
        let fd = socket(&mut stack, "", &[]);
        assert_eq!(stack.connect(secs(1.0), fd, address("198.51.100.2:80")), Err(Errno::EADDRNOTAVAIL));
        assert_eq!(stack.bind(fd, address("0.0.0.0:0")), Err(Errno::EADDRINUSE));
        for fd in fds {
            stack.close(secs(1.0), fd).unwrap();
        }
        assert_eq!(stack.bind(fd, address("0.0.0.0:0")), Ok(()));
    }
}
