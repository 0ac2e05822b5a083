//! Retransmission, windows, probes, delayed ACKs, congestion control, options, ICMP.

mod common;

use common::*;
use halfopen_stack::config::RetryLimit;
use halfopen_stack::wire::icmp::{Problem, UnreachableV4, emit_error};
use halfopen_stack::wire::ip::Header;
use halfopen_stack::wire::tcp::{Flags, Options, Segment};
use halfopen_stack::{Config, Errno, OptionName, RecvFlags, SendFlags, SeqNum, SocketOption, State};
use std::time::Duration;

const NOTHING: [&str; 0] = [];

fn lines(sent: &[(f64, String)]) -> Vec<(f64, &str)> {
    sent.iter().map(|(at, line)| (*at, line.as_str())).collect()
}

#[test]
fn unacknowledged_text_is_repeated_with_doubling_timeouts() {
    let (mut play, fd) = Play::established(plain());
    play.send(fd, b"abc");
    let times: Vec<f64> = play.wait(130.0).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 127.0]);
    assert_eq!(play.inject(A, 1, 4, b""), NOTHING);
    // Karn: no sample from a repeated segment, so the timeout stays backed off, and is capped at 120 s.
    assert_eq!(play.send(fd, b"def"), ["P. 4:7(3) ack 1"]);
    assert_eq!(lines(&play.wait(121.0)), [(120.0, "P. 4:7(3) ack 1")]);
}

#[test]
fn r2_ends_the_connection_with_etimedout_and_without_a_reset() {
    let mut config = plain();
    config.tcp_retries2 = 2;
    let (mut play, fd) = Play::established(config);
    play.send(fd, b"abc");
    let times: Vec<f64> = play.wait(100.0).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [1.0, 3.0]);
    assert_eq!(play.state(fd), State::Closed);
    assert_eq!(play.read(fd), Err(Errno::ETIMEDOUT));
    assert_eq!(play.read(fd), Ok(vec![]));
    assert_eq!(play.inject(A, 1, 4, b""), ["R 4:4(0)"]);
}

#[test]
fn r2_as_linux_means_it_is_a_time() {
    let mut config = Config::linux();
    config.retry_limit = RetryLimit::Time;
    config.tcp_timestamps = 0;
    config.tcp_retries2 = 5;
    config.tcp_rto_max_ms = 1000;
    let (mut play, fd) = Play::established(config);
    play.send(fd, b"abc");
    let times: Vec<f64> = play.wait(20.0).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [0.2, 0.6, 1.4, 2.4, 3.4, 4.4]);
    assert_eq!(play.state(fd), State::Closed);
}

#[test]
fn timeout_repeats_the_front_and_acks_bring_the_rest() {
    let (mut play, fd) = Play::established(plain());
    assert_eq!(play.send(fd, &[1; 3000]).len(), 3);
    assert_eq!(lines(&play.wait(1.5)), [(1.0, ". 1:1001(1000) ack 1")]);
    assert_eq!(play.inject(A, 1, 1001, b""), [". 1001:2001(1000) ack 1", "P. 2001:3001(1000) ack 1"]);
    assert_eq!(play.inject(A, 1, 3001, b""), NOTHING);
    assert_eq!(play.stack.poll_at(), None);
}

#[test]
fn third_duplicate_ack_repeats_the_front() {
    let (mut play, fd) = Play::established(plain());
    play.send(fd, &[1; 4000]);
    assert_eq!(play.inject(A, 1, 1, b""), NOTHING);
    assert_eq!(play.inject(A, 1, 1, b""), NOTHING);
    assert_eq!(play.inject(A, 1, 1, b""), [". 1:1001(1000) ack 1"]);
    assert_eq!(play.inject(A, 1, 1, b""), NOTHING);
    // A partial ACK: the next hole at once (NewReno).
    assert_eq!(play.inject(A, 1, 2001, b""), [". 2001:3001(1000) ack 1"]);
    assert_eq!(play.inject(A, 1, 4001, b""), NOTHING);
}

#[test]
fn limited_transmit_sends_new_text_on_the_first_two_duplicates() {
    let (mut play, fd) = Play::established(plain());
    assert_eq!(play.send(fd, &[1; 8000]).len(), 4);
    assert_eq!(play.inject(A, 1, 1, b""), [". 4001:5001(1000) ack 1"]);
    assert_eq!(play.inject(A, 1, 1, b""), [". 5001:6001(1000) ack 1"]);
    assert_eq!(play.inject(A, 1, 1, b""), [". 1:1001(1000) ack 1"]);
}

#[test]
fn initial_window_and_slow_start() {
    let (mut play, fd) = Play::established(plain());
    assert_eq!(play.send(fd, &[1; 20_000]).len(), 4, "IW of 1000-octet segments");
    assert_eq!(play.inject(A, 1, 1001, b"").len(), 2);
    assert_eq!(play.inject(A, 1, 2001, b"").len(), 2);
    let info = play.stack.tcp_info(fd).unwrap();
    assert_eq!((info.snd_cwnd, info.unacked), (6, 6));
}

#[test]
fn zero_window_is_probed_with_one_octet_after_one_timeout_then_ever_later() {
    let (mut play, fd) = Play::established(plain());
    play.window = 0;
    play.inject(A, 1, 1, b"");
    assert_eq!(play.send(fd, &[1; 1500]), NOTHING);
    let sent = play.wait(16.0);
    let probe = ". 1:2(1) ack 1";
    assert_eq!(lines(&sent), [(1.0, probe), (3.0, probe), (7.0, probe), (15.0, probe)]);
    assert_eq!(play.inject(A, 1, 1, b""), NOTHING, "still closed");
    play.window = 10_000;
    assert_eq!(
        play.inject(A, 1, 1, b""),
        [". 1:1001(1000) ack 1"],
        "the probed octet with company, Nagle for the rest"
    );
    assert_eq!(play.inject(A, 1, 1001, b""), ["P. 1001:1501(500) ack 1"]);
}

#[test]
fn answered_probes_keep_the_connection_and_unanswered_ones_end_it() {
    let mut config = plain();
    config.tcp_retries2 = 3;
    let (mut play, fd) = Play::established(config.clone());
    play.window = 0;
    play.inject(A, 1, 1, b"");
    play.send(fd, &[1; 10]);
    for probe in 0..20 {
        let quiet = (0..300).take_while(|_| play.wait(0.5).is_empty()).count();
        assert!(quiet < 300, "probe {probe} never came");
        assert_eq!(play.inject(A, 1, 1, b""), NOTHING, "probe {probe}");
        assert_eq!(play.state(fd), State::Established, "probe {probe}");
    }
    let (mut play, fd) = Play::established(config);
    play.window = 0;
    play.inject(A, 1, 1, b"");
    play.send(fd, &[1; 10]);
    let times: Vec<f64> = play.wait(500.0).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [1.0, 3.0, 7.0]);
    assert_eq!(play.read(fd), Err(Errno::ETIMEDOUT));
}

#[test]
fn linux_probes_are_empty_and_below_the_window() {
    let mut config = Config::linux();
    config.tcp_timestamps = 0;
    let (mut play, fd) = Play::established(config);
    play.window = 0;
    play.inject(A, 1, 1, b"");
    play.send(fd, &[1; 10]);
    assert_eq!(lines(&play.wait(0.3)), [(0.2, ". 0:0(0) ack 1")]);
}

#[test]
fn shrunken_window_stops_new_text() {
    let (mut play, fd) = Play::established(plain());
    assert_eq!(play.send(fd, &[1; 3000]).len(), 3);
    play.window = 500;
    assert_eq!(play.inject(A, 1, 1001, b""), NOTHING);
    assert_eq!(play.send(fd, &[1; 3000]), NOTHING, "the usable window is negative");
    play.window = 5000;
    assert_eq!(play.inject(A, 1, 3001, b"").len(), 3);
}

#[test]
fn nagle_holds_small_segments_and_nodelay_lets_them_go() {
    let (mut play, fd) = Play::established(plain());
    assert_eq!(play.send(fd, b"a"), ["P. 1:2(1) ack 1"]);
    assert_eq!(play.send(fd, b"b"), NOTHING);
    assert_eq!(play.send(fd, b"c"), NOTHING);
    play.stack.set_option(play.now, fd, SocketOption::NoDelay(true)).unwrap();
    assert_eq!(play.drain(), ["P. 2:4(2) ack 1"]);
    assert_eq!(play.send(fd, b"d"), ["P. 4:5(1) ack 1"]);
}

#[test]
fn cork_holds_partial_segments_for_200_ms() {
    let (mut play, fd) = Play::established(plain());
    play.stack.set_option(play.now, fd, SocketOption::Cork(true)).unwrap();
    assert_eq!(play.send(fd, &[1; 1300]), [". 1:1001(1000) ack 1"]);
    assert_eq!(play.inject(A, 1, 1001, b""), NOTHING);
    assert_eq!(lines(&play.wait(0.3)), [(0.2, "P. 1001:1301(300) ack 1")]);
    play.inject(A, 1, 1301, b"");
    assert_eq!(play.stack.send(play.now, fd, b"more", SendFlags { more: true, ..SendFlags::default() }), Ok(4));
    assert_eq!(play.drain(), NOTHING);
    play.stack.set_option(play.now, fd, SocketOption::Cork(false)).unwrap();
    assert_eq!(play.drain(), ["P. 1301:1305(4) ack 1"]);
    play.inject(A, 1, 1305, b"");
    assert_eq!(play.stack.send(play.now, fd, b"more", SendFlags { more: true, ..SendFlags::default() }), Ok(4));
    assert_eq!(play.drain(), NOTHING);
    assert_eq!(play.send(fd, b"!"), ["P. 1305:1310(5) ack 1"]);
}

#[test]
fn right_edge_never_moves_left_and_opens_by_worthwhile_steps() {
    let mut config = plain();
    config.tcp_rmem = [4096, 4000, 4000];
    let (mut play, fd) = Play::established(config);
    let mut edge = 0;
    let mut seq = 1;
    for octets in [1000, 1000, 100, 1000, 900, 1] {
        play.inject(P, seq, 1, &vec![0; octets]);
        play.wait(0.5);
        let (segment, _) = play.last();
        let now = segment.ack.plus(segment.window.into());
        if edge != 0 {
            assert!(SeqNum(edge).le(now), "the edge moved left at {seq}");
        }
        edge = now.0;
        seq += octets as u32;
    }
    // Full: the last octet was refused, the window is closed.
    let (segment, _) = play.last();
    assert_eq!(segment.window, 0);
    assert_eq!(play.inject(P, 4001, 1, b"x"), [". 1:1(0) ack 4001"]);
    let mut buffer = [0; 1000];
    assert_eq!(play.stack.recv(play.now, fd, &mut buffer, RecvFlags::default()), Ok(1000));
    assert_eq!(play.drain(), NOTHING, "less than a segment of 1460 or half the buffer");
    assert_eq!(play.inject(P, 4001, 1, b"x"), [". 1:1(0) ack 4001"]);
    assert_eq!(play.last().0.window, 0, "nor is it told when asked");
    assert_eq!(play.stack.recv(play.now, fd, &mut buffer, RecvFlags::default()), Ok(1000));
    assert_eq!(play.drain(), [". 1:1(0) ack 4001"]);
    assert_eq!(play.last().0.window, 2000);
}

#[test]
fn window_scale_applies_after_the_syn() {
    let mut config = plain();
    config.tcp_window_scaling = true;
    config.tcp_rmem = [4096, 1 << 20, 1 << 20];
    let mut play = Play::new(config);
    play.options.window_scale = Some(4);
    play.window = 100;
    let listener = play.listen(1);
    play.inject(S, 0, 0, b"");
    let (syn_ack, _) = play.last();
    assert_eq!((syn_ack.window, syn_ack.options.window_scale), (65_535, Some(5)));
    play.inject(A, 1, 1, b"");
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    assert_eq!(play.stack.status(fd).unwrap().snd_wnd, 1600);
    play.inject(P, 1, 1, b"x");
    play.wait(0.5);
    assert_eq!(play.last().0.window, 32_768, "a megabyte in units of 32 octets");
}

#[test]
fn window_is_not_scaled_unless_both_sides_offer_it() {
    let mut config = plain();
    config.tcp_window_scaling = true;
    config.tcp_rmem = [4096, 1 << 20, 1 << 20];
    let mut play = Play::new(config);
    let listener = play.listen(1);
    play.inject(S, 0, 0, b"");
    assert_eq!(play.last().0.options.window_scale, None);
    play.inject(A, 1, 1, b"");
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    play.inject(P, 1, 1, b"x");
    play.wait(0.5);
    assert_eq!(play.last().0.window, 65_534, "the edge stays");
    assert_eq!(play.stack.status(fd).unwrap().rcv_wnd, 65_534, "what is offered is what is accepted");
}

#[test]
fn timestamps_are_echoed_and_old_ones_dropped() {
    let mut config = plain();
    config.tcp_timestamps = 2;
    let mut play = Play::new(config);
    play.timestamp(1000, 0);
    let listener = play.listen(1);
    play.inject(S, 0, 0, b"");
    assert_eq!(play.last().0.options.timestamps.map(|option| option.ecr), Some(1000));
    play.timestamp(1001, 1000);
    play.inject(A, 1, 1, b"");
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    play.timestamp(999, 1000);
    assert_eq!(play.inject(P, 1, 1, b"old"), [". 1:1(0) ack 1"], "PAWS");
    play.options.timestamps = None;
    assert_eq!(play.inject(P, 1, 1, b"none"), NOTHING, "the option is missing");
    assert_eq!(play.inject(R, 1, 0, b""), NOTHING, "a reset needs none");
    assert_eq!(play.state(fd), State::Closed);
}

#[test]
fn sack_blocks_are_sent() {
    let mut config = plain();
    config.tcp_sack = true;
    let mut play = Play::new(config);
    play.options.sack_permitted = true;
    play.listen(1);
    play.inject(S, 0, 0, b"");
    play.inject(A, 1, 1, b"");
    let base = play.last().0.ack;
    play.inject(P, 101, 1, &[0; 100]);
    play.inject(P, 301, 1, &[0; 100]);
    let blocks: Vec<(u32, u32)> = play
        .last()
        .0
        .options
        .sack
        .iter()
        .map(|block| (base.distance(block.left), base.distance(block.right)))
        .collect();
    assert_eq!(blocks, [(300, 400), (100, 200)]);
}

#[test]
fn segment_size_follows_the_option_or_the_default() {
    for (mss, expected) in [(Some(200), 200), (Some(1400), 1400), (Some(3000), 1460), (None, 536), (Some(1), 48)] {
        let mut play = Play::new(plain());
        play.options.mss = mss;
        let fd = play.passive_open();
        play.send(fd, &[0; 5000]);
        assert_eq!(play.last().0.payload.len(), expected, "{mss:?}");
    }
}

#[test]
fn fragmentation_needed_lowers_the_segment_size() {
    let (mut play, fd) = Play::established(plain());
    play.send(fd, &[1; 2000]);
    let quoted = play.seen[play.seen.len() - 2].1.clone();
    let error = emit_error(
        &Header::new("203.0.113.9".parse().unwrap(), play.local.ip()),
        Problem::PacketTooBig { mtu: 540 },
        &quoted,
    );
    play.stack.receive(play.now, &error);
    // One segment, until something is acknowledged (RFC 1191 6.4).
    assert_eq!(play.drain(), [". 1:501(500) ack 1"]);
    assert_eq!(
        play.inject(A, 1, 501, b""),
        [". 501:1001(500) ack 1", ". 1001:1501(500) ack 1", "P. 1501:2001(500) ack 1"]
    );
    play.inject(A, 1, 2001, b"");
    assert_eq!(play.send(fd, &[1; 1000]), [". 2001:2501(500) ack 1", "P. 2501:3001(500) ack 1"]);
}

#[test]
fn icmp_errors_count_by_class_state_and_quoted_sequence_number() {
    let hard = Problem::UnreachableV4(UnreachableV4::Port);
    let soft = Problem::UnreachableV4(UnreachableV4::Host);
    //  profile, problem, offset of the quoted SEQ -> outcome of connect, then whether an established connection lives
    let table = [
        (plain(), hard, 0, Err(Errno::ECONNREFUSED), false),
        (plain(), soft, 0, Err(Errno::EALREADY), true),
        (plain(), hard, 5, Err(Errno::EALREADY), true),
        (Config::linux(), hard, 0, Err(Errno::ECONNREFUSED), true),
        (Config::linux(), soft, 0, Err(Errno::EHOSTUNREACH), true),
    ];
    for (config, problem, offset, connected, lives) in table {
        let router = "203.0.113.9".parse().unwrap();
        let shifted = |datagram: &[u8]| {
            let mut datagram = datagram.to_vec();
            let seq = u32::from_be_bytes(datagram[24..28].try_into().unwrap()).wrapping_add(offset);
            datagram[24..28].copy_from_slice(&seq.to_be_bytes());
            datagram
        };
        let mut play = Play::new(config.clone());
        let (fd, _) = play.connect();
        let quoted = shifted(&play.seen[0].1);
        play.stack.receive(play.now, &emit_error(&Header::new(router, play.local.ip()), problem, &quoted));
        assert_eq!(play.stack.connect(play.now, fd, play.remote), connected, "{problem:?} {offset}");

        let (mut play, fd) = Play::established(config);
        play.send(fd, b"x");
        let quoted = shifted(&play.seen.last().unwrap().1);
        play.stack.receive(play.now, &emit_error(&Header::new(router, play.local.ip()), problem, &quoted));
        assert_eq!(play.state(fd) == State::Established, lives, "{problem:?} {offset}");
    }
}

#[test]
fn user_timeout_ends_the_connection_exactly() {
    let (mut play, fd) = Play::established(plain());
    play.stack.set_option(play.now, fd, SocketOption::UserTimeout(Duration::from_millis(2500))).unwrap();
    play.send(fd, b"x");
    assert_eq!(play.wait(2.499).len(), 1);
    assert_eq!(play.state(fd), State::Established);
    play.wait(0.001);
    assert_eq!(play.state(fd), State::Closed);
    assert_eq!(play.stack.option(fd, OptionName::Error), Ok(i64::from(Errno::ETIMEDOUT.number())));
}

#[test]
fn keep_alives_probe_and_give_up() {
    let (mut play, fd) = Play::established(plain());
    for option in [
        SocketOption::KeepAlive(true),
        SocketOption::KeepIdle(10),
        SocketOption::KeepIntvl(2),
        SocketOption::KeepCnt(3),
    ] {
        play.stack.set_option(play.now, fd, option).unwrap();
    }
    let probe = ". 0:0(0) ack 1";
    assert_eq!(lines(&play.wait(11.0)), [(10.0, probe)]);
    assert_eq!(play.inject(A, 1, 1, b""), NOTHING);
    assert_eq!(lines(&play.wait(17.0)), [(10.0, probe), (12.0, probe), (14.0, probe), (16.0, "R. 1:1(0) ack 1")]);
    assert_eq!(play.read(fd), Err(Errno::ETIMEDOUT));
}

#[test]
fn urgent_octet_is_read_apart() {
    let (mut play, fd) = Play::established(plain());
    let segment = |play: &Play, seq: SeqNum, ack: SeqNum| Segment {
        src_port: play.remote.port(),
        dst_port: play.local.port(),
        seq,
        ack,
        flags: P | Flags::URG,
        window: 1000,
        urgent: 3,
        options: Options::default(),
        payload: b"abcde",
    };
    let status = play.stack.status(fd).unwrap();
    let urgent = segment(&play, status.rcv_nxt, status.snd_nxt);
    play.inject_raw(&urgent);
    assert!(play.stack.readiness(fd).unwrap().priority);
    let mut octet = [0; 1];
    let oob = RecvFlags { oob: true, ..RecvFlags::default() };
    assert_eq!(play.read(fd), Ok(b"ab".to_vec()), "reading stops at the mark");
    assert_eq!(play.stack.recv(play.now, fd, &mut octet, oob), Ok(1));
    assert_eq!(&octet, b"c");
    assert_eq!(play.read(fd), Ok(b"de".to_vec()));
    // And the other way: the pointer names the octet after.
    play.stack.send(play.now, fd, b"xyz", SendFlags { oob: true, ..SendFlags::default() }).unwrap();
    play.drain();
    let (sent, _) = play.last();
    assert!(sent.flags.urg());
    assert_eq!(sent.urgent, 3);
}

#[test]
fn challenge_acks_are_limited_as_configured() {
    let mut config = plain();
    config.tcp_invalid_ratelimit = 500;
    let (mut play, _) = Play::established(config);
    assert_eq!(play.inject(R, 5, 0, b"").len(), 1);
    assert_eq!(play.inject(R, 6, 0, b"").len(), 0);
    play.wait(0.5);
    assert_eq!(play.inject(R, 6, 0, b"").len(), 1);
    let mut config = plain();
    config.tcp_challenge_ack_limit = 2;
    let (mut play, _) = Play::established(config);
    let answers: usize = (2..12).map(|seq| play.inject(R, seq, 0, b"").len()).sum();
    assert_eq!(answers, 2);
}

#[test]
fn single_octets_do_not_push_a_scaled_edge_on_for_ever() {
    let mut config = plain();
    config.tcp_window_scaling = true;
    config.tcp_rmem = [4096, 4000, 1 << 22];
    let mut play = Play::new(config);
    play.options.window_scale = Some(0);
    let listener = play.listen(1);
    play.inject(S, 0, 0, b"");
    assert_eq!(play.last().0.options.window_scale, Some(7));
    play.inject(A, 1, 1, b"");
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    for seq in 1..6000 {
        play.inject(P, seq, 1, b"x");
    }
    let held = play.stack.inq(fd).unwrap();
    assert!((4000..4000 + 2 * 128).contains(&held), "{held} octets in a buffer of 4000");
}

#[test]
fn new_ack_starts_the_timer_anew() {
    let (mut play, fd) = Play::established(plain());
    play.send(fd, &[1; 2000]);
    play.wait(0.5);
    play.inject(A, 1, 1001, b"");
    // A round trip of 0.5 s against 0 s before: SRTT 62.5 ms, RTTVAR 125 ms, RTO at its lower bound.
    assert_eq!(lines(&play.wait(1.2)), [(1.0, "P. 1001:2001(1000) ack 1")]);
}

#[test]
fn timestamp_is_taken_from_the_earliest_unacknowledged_segment() {
    let mut config = plain();
    config.tcp_timestamps = 2;
    let mut play = Play::new(config);
    play.timestamp(100, 0);
    play.listen(1);
    play.inject(S, 0, 0, b"");
    play.timestamp(101, 1000);
    play.inject(A, 1, 1, b"");
    let echoed = |play: &Play| play.last().0.options.timestamps.map(|option| option.ecr);
    //  value, seq, text -> echoed by the ACK
    let table = [(102, 11, 10, 101), (103, 1, 10, 103), (104, 21, 10, 103), (105, 31, 10, 104)];
    for (val, seq, text, expected) in table {
        play.timestamp(val, 1000);
        play.inject(P, seq, 1, &vec![0; text]);
        if seq == 31 {
            play.wait(0.5);
        }
        if seq != 21 {
            assert_eq!(echoed(&play), Some(expected), "TSval {val}");
        }
    }
}

#[test]
fn reopened_connection_starts_above_the_old_numbers() {
    let (mut play, fd) = Play::established(plain());
    play.send(fd, b"abc");
    play.close(fd);
    play.inject(F, 1, 5, b"");
    let old = play.last().0.seq;
    assert_eq!(play.inject(S, 100_000, 0, b"").len(), 1);
    assert_eq!(old.distance(play.last().0.seq), 65_537);
}

#[test]
fn congestion_window_restarts_after_an_idle_timeout() {
    for (restart, burst) in [(true, 4), (false, 8)] {
        let mut config = plain();
        config.tcp_slow_start_after_idle = restart;
        let (mut play, fd) = Play::established(config);
        play.send(fd, &[1; 4000]);
        for ack in [1001, 2001, 3001, 4001] {
            play.inject(A, 1, ack, b"");
        }
        assert_eq!(play.stack.tcp_info(fd).unwrap().snd_cwnd, 8);
        play.wait(1.5);
        assert_eq!(play.send(fd, &[1; 10_000]).len(), burst, "restart {restart}");
    }
}
