//! Socket calls beyond their errors: what they wait for, what they bring about.

mod common;

use common::*;
use core::time::Duration;
use halfopen_stack::{Domain, Errno, OptionName, RecvFlags, SendFlags, Shutdown, SocketOption, State};

const NOTHING: [&str; 0] = [];

fn set(play: &mut Play, fd: i32, option: SocketOption) {
    play.stack.set_option(play.now, fd, option).unwrap();
}

#[test]
fn disconnect_resets_and_frees_the_socket() {
    let (mut play, fd) = Play::established(plain());
    play.stack.disconnect(play.now, fd).unwrap();
    assert_eq!(play.drain(), ["R. 1:1(0) ack 1"]);
    assert_eq!(play.stack.local_address(fd), Ok(None), "nobody named the port");
    let readiness = play.stack.readiness(fd).unwrap();
    assert!(readiness.error && readiness.hangup && readiness.writable && !readiness.readable);
    assert_eq!(play.stack.option(fd, OptionName::Error), Ok(i64::from(Errno::ECONNRESET.number())));
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::EINPROGRESS));
    assert_eq!(play.drain(), ["S 0:0(0)"]);
}

#[test]
fn disconnect_of_an_attempt_keeps_a_named_port() {
    let mut play = Play::new(plain());
    let (fd, _) = play.connect();
    play.stack.disconnect(play.now, fd).unwrap();
    assert_eq!(play.drain(), NOTHING);
    assert_eq!(play.stack.local_address(fd), Ok(Some(play.local)));
    assert_eq!(play.stack.send(play.now, fd, b"x", SendFlags::default()), Err(Errno::ECONNRESET), "once");
    assert_eq!(play.stack.send(play.now, fd, b"x", SendFlags::default()), Err(Errno::EPIPE));
}

#[test]
fn disconnect_ends_listening() {
    let mut play = Play::new(plain());
    let listener = play.listen(1);
    play.inject(S, 0, 0, b"");
    play.stack.disconnect(play.now, listener).unwrap();
    assert_eq!(play.inject(S, 0, 0, b"").len(), 1, "a reset");
    assert_eq!(play.stack.listen(listener, 1), Ok(()), "still bound");
}

#[test]
fn shutdown_of_an_attempt_in_either_direction_ends_it() {
    for how in [Shutdown::Read, Shutdown::Write, Shutdown::Both] {
        let mut play = Play::new(plain());
        let (fd, _) = play.connect();
        assert_eq!(play.stack.shutdown(play.now, fd, how), Ok(()));
        assert_eq!(play.state(fd), State::Closed);
        assert_eq!(play.wait(100.0), [], "no SYN again");
    }
}

#[test]
fn close_waits_for_the_linger_time_until_the_peer_has_everything() {
    //  linger, peer acknowledges at -> waits until
    let table = [(None, 1.0, 0.0), (Some(0), 1.0, 0.0), (Some(5), 1.0, 1.0), (Some(5), 9.0, 5.0)];
    for (linger, acknowledged, until) in table {
        let (mut play, fd) = Play::established(plain());
        set(&mut play, fd, SocketOption::Linger(linger.map(Duration::from_secs)));
        play.send(fd, b"last words");
        let start = play.now;
        let lingering = play.stack.close_lingering(play.now, fd).unwrap();
        play.drain();
        let mut waited = 0.0;
        while let Some(lingering) = lingering
            && play.stack.lingers(&lingering)
        {
            assert_eq!(lingering.until.since(start), Duration::from_secs(5));
            play.wait(0.5);
            waited += 0.5;
            if waited == acknowledged {
                play.inject(A, 1, 12, b"");
            }
        }
        assert_eq!(waited, until, "linger {linger:?}, acknowledged at {acknowledged}");
    }
}

#[test]
fn a_reader_is_woken_at_its_low_water_mark_or_when_the_window_is_full() {
    let (mut play, fd) = Play::established(plain());
    set(&mut play, fd, SocketOption::RcvLowat(5));
    play.inject(P, 1, 1, b"1234");
    assert!(!play.stack.readiness(fd).unwrap().readable);
    play.inject(P, 5, 1, b"5");
    assert!(play.stack.readiness(fd).unwrap().readable);

    let mut play = Play::new(plain());
    let listener = play.listen(1);
    set(&mut play, listener, SocketOption::RcvBuf(2500));
    play.inject(S, 0, 0, b"");
    play.inject(A, 1, 1, b"");
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    set(&mut play, fd, SocketOption::RcvLowat(100_000));
    play.inject(P, 1, 1, &[0; 1000]);
    assert!(!play.stack.readiness(fd).unwrap().readable);
    play.inject(P, 1001, 1, &[0; 1000]);
    assert!(play.stack.readiness(fd).unwrap().readable, "no more can come");
}

#[test]
fn a_writer_is_woken_when_less_than_half_its_mark_waits() {
    let (mut play, fd) = Play::established(plain());
    set(&mut play, fd, SocketOption::NotSentLowAt(3000));
    play.window = 1000;
    play.inject(A, 1, 1, b"");
    assert_eq!(play.stack.send(play.now, fd, &[0; 9000], SendFlags::default()), Ok(3000));
    assert_eq!(play.drain(), ["P. 1:1001(1000) ack 1"].map(|line| line.replace('P', "")), "2,000 wait");
    assert!(!play.stack.readiness(fd).unwrap().writable);
    play.inject(A, 1, 1001, b"");
    assert!(play.stack.readiness(fd).unwrap().writable, "1,000 wait");
    assert_eq!(play.stack.outq_not_sent(fd), Ok(1000));
}

#[test]
fn bounds_of_the_timeout_are_the_sockets_own() {
    //  bound -> times of the first three retransmissions
    let table = [
        (None, [1.0, 3.0, 7.0]),
        (Some(SocketOption::RtoMinUs(200_000)), [0.2, 0.6, 1.4]),
        (Some(SocketOption::RtoMaxMs(1500)), [1.0, 2.5, 4.0]),
    ];
    for (option, expected) in table {
        let (mut play, fd) = Play::established(plain());
        if let Some(option) = option {
            set(&mut play, fd, option);
        }
        play.send(fd, b"x");
        play.wait(0.001);
        play.inject(A, 1, 2, b"");
        play.send(fd, b"y");
        let times: Vec<f64> = play.wait(8.0).iter().take(3).map(|(at, _)| (at * 10.0).round() / 10.0).collect();
        assert_eq!(times, expected, "{option:?}");
    }
}

#[test]
fn acks_are_delayed_as_long_as_the_socket_says() {
    for (option, expected) in [(None, 0.2), (Some(SocketOption::DelAckMaxUs(20_000)), 0.02)] {
        let (mut play, fd) = Play::established(plain());
        if let Some(option) = option {
            set(&mut play, fd, option);
        }
        play.inject(P, 1, 1, b"x");
        assert_eq!(play.wait(1.0), [(expected, ". 1:1(0) ack 2".to_owned())]);
    }
}

#[test]
fn the_urgent_octet_is_found_by_the_mark() {
    let (mut play, fd) = Play::established(plain());
    let segment = halfopen_stack::wire::tcp::Segment {
        src_port: play.remote.port(),
        dst_port: play.local.port(),
        flags: P | halfopen_stack::wire::tcp::Flags::URG,
        urgent: 3,
        window: 1000,
        payload: b"abcd",
        ..Default::default()
    };
    let snapshot = play.stack.snapshot(fd).unwrap().unwrap();
    let segment = halfopen_stack::wire::tcp::Segment { seq: snapshot.rcv.nxt, ack: snapshot.snd.nxt, ..segment };
    play.inject_raw(&segment);
    assert_eq!((play.stack.inq(fd), play.stack.at_mark(fd)), (Ok(2), Ok(false)));
    assert_eq!(play.read(fd), Ok(b"ab".to_vec()));
    assert_eq!((play.stack.inq(fd), play.stack.at_mark(fd)), (Ok(0), Ok(true)));
    let mut octet = [0];
    let oob = RecvFlags { oob: true, ..RecvFlags::default() };
    assert_eq!(play.stack.recv(play.now, fd, &mut octet, oob), Ok(1));
    assert_eq!(octet, *b"c");
    assert_eq!(play.stack.recv(play.now, fd, &mut octet, oob), Err(Errno::EINVAL), "only once");
    assert_eq!(play.read(fd), Ok(b"d".to_vec()));
}

#[test]
fn a_dead_connection_gives_back_a_port_that_nobody_named() {
    for (named, expected) in [(false, Ok(())), (true, Err(Errno::EINVAL))] {
        let mut play = Play::new(plain());
        let fd = play.stack.socket(Domain::Inet).unwrap();
        if named {
            play.stack.bind(fd, play.local).unwrap();
        }
        assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::EINPROGRESS));
        play.drain();
        play.local = play.stack.local_address(fd).unwrap().unwrap();
        play.inject(RA, 0, 1, b"");
        assert_eq!(play.state(fd), State::Closed);
        let other = "192.0.2.1:7777".parse().unwrap();
        assert_eq!(play.stack.bind(fd, other), expected, "named {named}");
    }
}

#[test]
fn the_pacing_rate_is_told_and_bounded() {
    for (bound, expected, most) in [(None, 80_000, u64::MAX), (Some(5000), 5000, 5000)] {
        let mut play = Play::new(plain());
        let listener = play.listen(1);
        if let Some(bound) = bound {
            set(&mut play, listener, SocketOption::MaxPacingRate(bound));
        }
        play.inject(S, 0, 0, b"");
        play.wait(0.1);
        play.inject(A, 1, 1, b"");
        let (fd, _) = play.stack.accept(play.now, listener).unwrap();
        let info = play.stack.tcp_info(fd).unwrap();
        // Four segments of 1,000 octets, twice in 100 ms.
        assert_eq!((info.pacing_rate, info.max_pacing_rate), (expected, most));
    }
}
