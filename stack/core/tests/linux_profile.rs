//! What the `linux` profile does that google/packetdrill's scripts have shown, where no single choice is behind it.

mod common;

use common::*;
use core::net::{IpAddr, SocketAddr};
use halfopen_stack::config::InitialWindow;
use halfopen_stack::wire::tcp::Cookie;
use halfopen_stack::{Config, Domain, Errno, SocketOption};

/// Linux's profile without timestamps and window scaling, which would take octets of each segment.
fn linux() -> Config {
    let mut config = Config::linux();
    (config.tcp_timestamps, config.tcp_window_scaling) = (0, false);
    config.initial_window = InitialWindow::Segments(10);
    config
}

/// A client whose peer's SYN,ACK has come after 10 ms.
fn client(config: Config) -> (Play, i32) {
    let mut play = Play::new(config);
    play.options.sack_permitted = true;
    play.window = 60_000;
    let (fd, _) = play.connect();
    play.wait(0.01);
    play.inject(SA, 0, 1, b"");
    (play, fd)
}

fn info(play: &Play, fd: i32, name: &str) -> u64 {
    let info = play.stack.tcp_info(fd).unwrap();
    info.iter().find(|(field, _)| *field == name).expect("a field").1
}

#[test]
fn train_that_is_sent_again_whole_ends_with_psh() {
    let (mut play, fd) = client(linux());
    let sent = play.send(fd, &[0; 10_000]);
    assert_eq!(sent.iter().filter(|line| line.starts_with("P.")).count(), 5, "trains of two: {sent:?}");
    play.wait(0.01);
    // Whole trains are missing, and the second half of one whose first half has arrived.
    let again = play.sack(1001, &[(4001, 6001), (8001, 10_001)]);
    let expected =
        [". 1001:2001(1000) ack 1", ". 2001:3001(1000) ack 1", "P. 3001:4001(1000) ack 1", ". 6001:7001(1000) ack 1"];
    assert_eq!(again[..4], expected);
    assert_eq!(again.get(4).map(String::as_str), Some("P. 7001:8001(1000) ack 1"));
}

#[test]
fn segments_that_are_sent_again_one_by_one_are_no_train() {
    let (mut play, fd) = client(linux());
    play.send(fd, &[0; 10_000]);
    play.wait(0.01);
    // Each ACK lets one segment out, all at one instant: the second half of a train goes alone.
    let again: Vec<String> = (5..=9).flat_map(|last| play.sack(1, &[(4001, last * 1000 + 1)])).collect();
    assert_eq!(again, [". 1:1001(1000) ack 1", ". 1001:2001(1000) ack 1", ". 2001:3001(1000) ack 1"]);
}

#[test]
fn train_that_is_sent_again_is_as_long_as_the_window_lets_it() {
    let mut config = linux();
    config.tcp_min_tso_segs = 10;
    let (mut play, fd) = client(config);
    let sent = play.send(fd, &[0; 10_000]);
    assert_eq!(sent.iter().filter(|line| line.starts_with("P.")).count(), 2, "trains of five: {sent:?}");
    play.wait(0.05);
    // After a timeout the window is one segment, then two, and the rest of the first train follows in two pieces.
    play.wait(1.0);
    let again = [1001, 3001].map(|ack| play.inject(A, 1, ack, b"").join(", "));
    let expected = [
        ". 1001:2001(1000) ack 1, P. 2001:3001(1000) ack 1",
        ". 3001:4001(1000) ack 1, P. 4001:5001(1000) ack 1, . 5001:6001(1000) ack 1, P. 6001:7001(1000) ack 1",
    ];
    assert_eq!(again, expected);
}

#[test]
fn reports_grow_the_window_once_segments_came_out_of_order() {
    let (mut play, fd) = client(linux());
    play.send(fd, &[0; 10_000]);
    play.wait(0.02);
    let mut seen = Vec::new();
    for (ack, blocks) in [(1, &[(9001, 10_001)][..]), (1, &[(3001, 4001), (9001, 10_001)]), (10_001, &[])] {
        play.sack(ack, blocks);
        seen.push((info(&play, fd, "tcpi_reordering"), info(&play, fd, "tcpi_snd_cwnd")));
    }
    // The second report is the first that counts; the acknowledgment has eight more segments to tell of. Seen on Linux 6.18.
    assert_eq!(seen, [(3, 10), (7, 11), (10, 19)]);
}

/// A report on an acknowledgment that is old begins recovery, and moves no window. Seen on Linux 6.18.
#[test]
fn window_follows_acknowledgments_that_are_not_old() {
    for (ack, window) in [(2, 5), (1, 10)] {
        let (mut play, fd) = client(linux());
        play.send(fd, b"x");
        play.inject(A, 1, 2, b"");
        play.send(fd, &[0; 6000]);
        assert_eq!(play.sack(ack, &[(1002, 6002)]), [". 2:1002(1000) ack 1"]);
        assert_eq!((info(&play, fd, "tcpi_ca_state"), info(&play, fd, "tcpi_snd_cwnd")), (3, window));
    }
}

#[test]
fn unit_that_was_pushed_for_its_size_ends_with_psh_wherever_it_ends() {
    let mut config = linux();
    (config.tcp_min_tso_segs, config.tcp_wmem) = (1, [4096, 400_000, 400_000]);
    let mut play = Play::new(config);
    play.window = 16_000;
    let (fd, _) = play.connect();
    play.wait(0.05);
    play.inject(SA, 0, 1, b"");
    // Units of 8,000 octets, half of the window. One train of the first goes as soon as it is full, the others when what was written passes
    // half of the window, and take of the next what their last has room for.
    let mut sent = play.send(fd, &[0; 42_000]);
    for ack in 1..=12 {
        play.wait(0.05);
        sent.extend(play.inject(A, 1, ack * 1000 + 1, b""));
    }
    let pushed: Vec<&String> = sent.iter().filter(|line| line.starts_with("P.")).collect();
    // Seen on Linux 6.18.
    assert_eq!(pushed, ["P. 8001:9001(1000) ack 1", "P. 17001:18001(1000) ack 1"]);
}

/// Units of 16,000 octets, and trains of ten segments and more: the end of a unit that was pushed has PSH where a train ends there, and no PSH
/// in the middle of a train. Seen on Linux 6.18.
#[test]
fn end_of_a_unit_in_the_middle_of_a_train_has_no_psh() {
    let mut config = linux();
    config.tcp_wmem = [4096, 400_000, 400_000];
    let mut play = Play::new(config);
    play.window = 32_896;
    let fd = play.passive_open();
    let mut sent = play.send(fd, &[0; 58_000]);
    for ack in [10_001, 26_001] {
        sent.extend(play.inject(A, 1, ack, b""));
    }
    let pushed: Vec<&str> = sent.iter().filter_map(|line| line.strip_prefix("P. ")).collect();
    let ends = ["4001:5001", "9001:10001", "19001:20001", "29001:30001", "47001:48001"];
    assert_eq!(pushed[..5], ends.map(|numbers| format!("{numbers}(1000) ack 1")));
}

#[test]
fn window_that_a_syn_cannot_say_counts_as_offered() {
    // tcp_rmem of packetdrill's scripts: 270,000 octets are window. Seen on Linux 6.18.
    for (timestamps, expected) in [(0, (65_535, 1050)), (1, (65_535, 1053))] {
        let mut config = linux();
        (config.tcp_timestamps, config.tcp_window_scaling) = (timestamps, true);
        config.tcp_rmem = [4096, 540_000, 15 << 20];
        let mut play = Play::new(config);
        play.options.window_scale = Some(7);
        play.timestamp_if(timestamps > 0, 0);
        let listener = play.listen(1);
        play.inject(S, 0, 0, b"");
        let (first, stamp) = {
            let segment = play.last().0;
            (segment.window, segment.options.timestamps.map_or(0, |option| option.val))
        };
        play.options.window_scale = None;
        play.timestamp_if(timestamps > 0, stamp);
        play.inject(A, 1, 1, b"");
        let (fd, _) = play.stack.accept(play.now, listener).unwrap();
        play.send(fd, &[0; 100]);
        assert_eq!((first, play.last().0.window), expected, "timestamps {timestamps}");
        play.inject(P, 1, 101, &[0; 1000]);
        play.wait(1.0);
        play.read(fd).unwrap();
        assert_eq!(play.drain(), [""; 0], "no update says of the window what the SYN did not");
    }
}

#[test]
fn rest_of_a_lone_segment_seems_to_come_late() {
    for (ends, seen) in [(&[101, 201][..], 1), (&[201], 0)] {
        let (mut play, fd) = client(linux());
        play.send(fd, &[0; 200]);
        for end in ends {
            play.inject(A, 1, *end, b"");
        }
        assert_eq!(info(&play, fd, "tcpi_reord_seen"), seen, "ACKs of {ends:?}");
    }
}

#[test]
fn fast_open_server_may_fill_both_windows_before_the_handshake_is_over() {
    let mut config = linux();
    config.tcp_fastopen = 0x602;
    let mut play = Play::new(config);
    let listener = play.listen(8);
    play.window = 10_000;
    play.inject(S, 0, 0, b"text");
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    // Ten segments of the congestion window, the SYN,ACK besides; 10,000 octets of the peer's, its first behind our SYN.
    let sent = play.send(fd, &[0; 15_000]);
    assert_eq!(sent.last().map(String::as_str), Some("P. 9001:10001(1000) ack 5"), "{sent:?}");
    assert_eq!(info(&play, fd, "tcpi_delivered"), 0);
    play.inject(A, 5, 2001, b"");
    assert_eq!(info(&play, fd, "tcpi_delivered"), 3);
}

#[test]
fn first_window_of_a_fast_open_counts_from_behind_the_text_of_the_syn() {
    let mut config = linux();
    (config.tcp_fastopen, config.tcp_window_scaling) = (0x602, true);
    config.tcp_rmem = [4096, 540_000, 15 << 20];
    let mut play = Play::new(config);
    let listener = play.listen(8);
    play.options.window_scale = Some(7);
    play.inject(S, 0, 0, &[0; 1000]);
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    play.send(fd, &[0; 1000]);
    // 184 segments, as scaled. Seen on Linux 6.18.
    assert_eq!(play.last().0.window, 1050);
}

#[test]
fn writer_who_waits_for_the_handshake_takes_its_ack_along() {
    for (waits, on_syn_ack) in [(false, &[". 1:1(0) ack 1"][..]), (true, &[])] {
        let mut config = linux();
        config.tcp_fastopen = 1;
        let mut play = Play::new(config);
        let fd = play.stack.socket(Domain::Inet).unwrap();
        play.stack.bind(fd, play.local).unwrap();
        assert_eq!(play.stack.send_fast_open(play.now, fd, b"text", play.remote), Err(Errno::EINPROGRESS));
        play.drain();
        if waits {
            play.stack.await_handshake(fd).unwrap();
        }
        play.options.fast_open = Cookie::new(b"12345678");
        assert_eq!(play.inject(SA, 0, 1, b""), on_syn_ack, "waits: {waits}");
        assert_eq!(info(&play, fd, "tcpi_delivered"), 1, "the SYN");
        assert_eq!(play.send(fd, b"text"), ["P. 1:5(4) ack 1"]);
        // What is answered that soon is an exchange: the ACK of the answer waits for more.
        let answered = play.inject(P, 1, 5, b"answer");
        assert_eq!(answered.is_empty(), waits, "{answered:?}");
    }
}

#[test]
fn forgotten_destination_is_asked_for_a_cookie_again() {
    let mut config = linux();
    config.tcp_fastopen = 1;
    let mut play = Play::new(config);
    let mut open = |forget: bool| {
        if forget {
            play.stack.forget_destinations();
        }
        let fd = play.stack.socket(Domain::Inet).unwrap();
        let _ = play.stack.send_fast_open(play.now, fd, b"text", play.remote);
        play.drain();
        let (segment, _) = play.last();
        let (port, seen) = (segment.src_port, segment.payload.len());
        play.local.set_port(port);
        play.options.fast_open = Cookie::new(b"12345678");
        play.inject(SA, 0, 1 + seen as u32, b"");
        seen
    };
    assert_eq!([open(false), open(false), open(true)], [0, 4, 0]);
}

#[test]
fn cookie_that_nobody_asked_for_is_not_kept() {
    let mut config = linux();
    config.tcp_fastopen = 5;
    let mut play = Play::new(config);
    let fd = play.stack.socket(Domain::Inet).unwrap();
    assert_eq!(play.stack.send_fast_open(play.now, fd, b"text", play.remote), Ok(4), "no cookie is needed");
    play.drain();
    play.local.set_port(play.last().0.src_port);
    play.options.fast_open = Cookie::new(b"12345678");
    play.inject(SA, 0, 5, b"");
    assert_eq!(info(&play, fd, "tcpi_delivered"), 1, "the SYN and its text");
    play.stack.config_mut().tcp_fastopen = 1;
    let other = play.stack.socket(Domain::Inet).unwrap();
    let opened = play.stack.send_fast_open(play.now, other, b"text", play.remote);
    assert_eq!(opened, Err(Errno::EINPROGRESS), "it asks for one");
}

#[test]
fn text_of_a_syn_ack_is_taken_behind_fast_open_alone() {
    // How much of the SYN is acknowledged, and of what comes back.
    for (fast, ack, taken) in [(true, 5, 7), (true, 1, 1), (false, 1, 1)] {
        let mut config = linux();
        config.tcp_fastopen = if fast { 5 } else { 0 };
        let mut play = Play::new(config);
        let fd = play.stack.socket(Domain::Inet).unwrap();
        let (remote, now) = (play.remote, play.now);
        if fast {
            assert_eq!(play.stack.send_fast_open(now, fd, b"text", remote), Ok(4));
        } else {
            let _ = play.stack.connect(now, fd, remote);
        }
        play.drain();
        play.local.set_port(play.last().0.src_port);
        let answered = play.inject(SA, 0, ack, b"answer");
        let last = answered.last().expect("the handshake ends");
        assert!(last.ends_with(&format!("ack {taken}")), "fast open {fast}, {ack} acknowledged: {answered:?}");
    }
}

#[test]
fn connect_that_waits_for_text_has_nothing_to_read_yet() {
    let mut config = linux();
    config.tcp_fastopen = 5;
    let mut play = Play::new(config);
    let fd = play.stack.socket(Domain::Inet).unwrap();
    assert_eq!(play.read(fd), Err(Errno::ENOTCONN));
    play.stack.set_option(play.now, fd, SocketOption::FastOpenConnect(true)).unwrap();
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Ok(()));
    assert_eq!(play.read(fd), Err(Errno::EAGAIN));
    play.stack.config_mut().tcp_fastopen = 2;
    let refused = play.stack.set_option(play.now, fd, SocketOption::FastOpenConnect(true));
    assert_eq!(refused, Err(Errno::EOPNOTSUPP), "the client's side is off");
}

#[test]
fn connect_that_waits_for_text_keeps_the_address_as_it_was_given() {
    let mut config = linux();
    config.tcp_fastopen = 5;
    let mut play = Play::new(config);
    let fd = play.stack.socket(Domain::Inet6).unwrap();
    play.stack.set_option(play.now, fd, SocketOption::FastOpenConnect(true)).unwrap();
    let IpAddr::V4(v4) = play.remote.ip() else { unreachable!("the peer is an IPv4 host") };
    let mapped = SocketAddr::new(v4.to_ipv6_mapped().into(), play.remote.port());
    assert_eq!(play.stack.connect(play.now, fd, mapped), Ok(()));
    let sent = play.stack.send(play.now, fd, b"text", halfopen_stack::SendFlags::default());
    assert_eq!(sent, Ok(4), "an IPv6 socket opens an IPv4 connection");
}

#[test]
fn closed_window_is_no_idle_time() {
    let (mut play, fd) = client(linux());
    play.send(fd, &[0; 10_000]);
    play.wait(0.1);
    play.window = 0;
    play.inject(A, 1, 10_001, b"");
    let window = info(&play, fd, "tcpi_snd_cwnd");
    assert!(window > 10, "{window}");
    play.stack.send(play.now, fd, &[0; 10_000], halfopen_stack::SendFlags::default()).unwrap();
    // Probes go out, and nothing that the congestion window is for.
    play.wait(3.0);
    assert_eq!(info(&play, fd, "tcpi_snd_cwnd"), window);
    play.window = 60_000;
    play.inject(A, 1, 10_001, b"");
    assert_eq!(info(&play, fd, "tcpi_snd_cwnd"), 10, "the window opens after an idle time");
}

#[test]
fn first_text_may_wait_for_the_peers_window() {
    let mut play = Play::new(linux());
    play.window = 0;
    let (fd, _) = play.connect();
    play.inject(SA, 0, 1, b"");
    play.stack.send(play.now, fd, &[0; 1000], halfopen_stack::SendFlags::default()).unwrap();
    play.wait(0.1);
    assert_eq!(info(&play, fd, "tcpi_rwnd_limited"), 100_000);
}
