//! What the `linux` profile looks at in a segment, choice by choice, against what RFC 9293 has: differential fuzzing against the kernel has shown it.

mod common;

use common::*;
use halfopen_stack::config::Acceptable;
use halfopen_stack::wire::tcp::{Flags, Options, Segment};
use halfopen_stack::{Config, Domain, Errno, SendFlags, Shutdown, SocketOption, State};

/// Without timestamps, scaling and spacing of ACKs, so that exchanges stay readable.
fn linux() -> Config {
    let mut config = Config::linux();
    (config.tcp_timestamps, config.tcp_window_scaling, config.tcp_invalid_ratelimit) = (0, false, 0);
    config
}

fn with(change: impl Fn(&mut Config)) -> Config {
    let mut config = linux();
    change(&mut config);
    config
}

/// What the last segment reports, in the peer's numbers.
fn blocks(play: &Play) -> Vec<(u32, u32)> {
    let (last, _) = play.last();
    let first = last.ack;
    last.options.sack.iter().map(|block| (first.distance(block.left), first.distance(block.right))).collect()
}

#[test]
fn segment_across_the_edge_is_whole_while_nothing_waits_to_be_read() {
    //  acceptable          something waits   reported
    let table = [
        (Acceptable::Linux, false, vec![(65_534, 65_544)]),
        (Acceptable::Linux, true, vec![]),
        (Acceptable::Table, false, vec![(65_534, 65_535)]),
        (Acceptable::Table, true, vec![(65_534, 65_535)]),
    ];
    for (acceptable, waits, expected) in table {
        let mut play = Play::new(with(|config| {
            config.acceptable = acceptable;
            (config.tcp_adv_win_scale, config.tcp_app_win) = (0, 0);
        }));
        play.options.sack_permitted = true;
        play.listen(8);
        play.inject(S, 0, 0, b"");
        play.inject(A, 1, 1, b"");
        if waits {
            play.inject(P, 1, 1, b"x");
        }
        let (last, _) = play.last();
        let edge = u32::from(last.window);
        play.inject(P, edge + u32::from(waits), 1, &[7; 10]);
        let shown: Vec<_> =
            blocks(&play).into_iter().map(|(left, right)| (left + 65_535 - edge, right + 65_535 - edge)).collect();
        assert_eq!(shown, expected, "{acceptable:?} {waits}");
    }
}

#[test]
fn a_fin_that_was_not_read_waits_to_be_read() {
    for (reads, expected) in [(false, ""), (true, ". 1:1(0) ack 2")] {
        let (mut play, fd) = Play::established(linux());
        let edge = 1 + u32::from(play.last().0.window);
        play.inject(F, 1, 1, b"");
        if reads {
            assert_eq!(play.read(fd), Ok(vec![]));
        }
        // A reset across the window's edge, which is one inside it while nothing waits.
        assert_eq!(play.inject(R, edge - 1, 1, &[7; 9]).join(", "), expected, "{reads}");
    }
}

#[test]
fn fin_behind_text_that_fills_the_window_is_taken() {
    for (acceptable, expected) in [(Acceptable::Linux, State::CloseWait), (Acceptable::Table, State::Established)] {
        let (mut play, fd) = Play::established(with(|config| {
            config.acceptable = acceptable;
            (config.tcp_rmem, config.tcp_adv_win_scale, config.tcp_app_win) = ([999; 3], 0, 0);
        }));
        play.inject(P, 1, 1, b"x");
        play.inject(F, 2, 1, &[7; 998]);
        assert_eq!(play.state(fd), expected, "{acceptable:?}");
    }
}

#[test]
fn reset_that_ends_at_the_last_acknowledgment_is_challenged() {
    for (acceptable, expected) in [(Acceptable::Linux, vec![". 1:1(0) ack 1"]), (Acceptable::Table, vec![])] {
        let (mut play, fd) = Play::established(with(|config| config.acceptable = acceptable));
        assert_eq!(play.inject(Flags::SYN.with(Flags::RST), 0, 0, b""), expected);
        assert_eq!(play.state(fd), State::Established);
    }
}

#[test]
fn reset_at_the_number_of_the_fin_ends_close_wait() {
    for (acceptable, state) in [(Acceptable::Linux, State::Closed), (Acceptable::Table, State::CloseWait)] {
        let (mut play, fd) = Play::established(with(|config| config.acceptable = acceptable));
        play.inject(F, 1, 1, b"");
        play.inject(R, 1, 0, b"");
        assert_eq!(play.state(fd), state);
    }
}

#[test]
fn smaller_window_counts_with_news_only() {
    for (needs_news, expected) in [(true, 1), (false, 0)] {
        let (mut play, fd) = Play::established(with(|config| config.smaller_window_needs_news = needs_news));
        play.window = 500;
        play.inject(A, 1, 1, b"");
        assert_eq!(play.send(fd, &[0; 1000]).len(), expected);
    }
}

#[test]
fn syn_with_fin_opens_nothing() {
    for (drops, expected) in [(true, 0), (false, 1)] {
        let mut play = Play::new(with(|config| config.listen_drops_syn_fin = drops));
        play.listen(8);
        assert_eq!(play.inject(S.with(Flags::FIN), 0, 0, b"").len(), expected);
    }
}

#[test]
fn crossing_syn_ack_offers_what_the_syn_did() {
    for offers in [true, false] {
        let mut play = Play::new(with(|config| config.crossing_syn_ack_offers = offers));
        play.connect();
        assert_eq!(play.inject(S, 0, 0, b""), ["S. 0:0(0) ack 1"]);
        assert_eq!(play.last().0.options.sack_permitted, offers);
    }
}

#[test]
fn half_open_connection_is_checked_as_a_mini_socket() {
    //  flags                       seq ack  Linux                        RFC 9293
    let table = [
        (R, 5, 0, vec![". 1:1(0) ack 1"], vec![". 1:1(0) ack 1"]),
        (R.with(Flags::ACK), 1, 9, vec![], vec![]),
        (S, 5, 0, vec!["R. 0:0(0) ack 6"], vec![]),
        (Flags::FIN, 70_000, 0, vec![". 1:1(0) ack 1"], vec![]),
        (A, 70_000, 1, vec![". 1:1(0) ack 1"], vec![". 1:1(0) ack 1"]),
    ];
    for (flags, seq, ack, linux, rfc) in table {
        for (mini_sockets, expected) in [(true, linux), (false, rfc)] {
            let mut play = Play::new(with(|config| config.mini_sockets = mini_sockets));
            play.listen(8);
            play.inject(S, 0, 0, b"");
            assert_eq!(play.inject(flags, seq, ack, b""), expected, "{flags} {seq} {ack} {mini_sockets}");
        }
    }
}

#[test]
fn fin_wait_2_behind_close_is_checked_as_a_mini_socket() {
    //  flags            seq  text        Linux                        RFC 9293
    let table = [
        (R, 5, "", vec![], vec![". 2:2(0) ack 1"]),
        (R, 70_000, "", vec![". 2:2(0) ack 1"], vec![]),
        (S.with(Flags::ACK), 5, "", vec!["R 2:2(0)"], vec![". 2:2(0) ack 1"]),
        (P, 1, "late", vec!["R 2:2(0)"], vec!["R 2:2(0)"]),
        (F, 1, "", vec![". 2:2(0) ack 2"], vec![". 2:2(0) ack 2"]),
    ];
    for (flags, seq, text, linux, rfc) in table {
        for (mini_sockets, expected) in [(true, linux), (false, rfc)] {
            let config = with(|config| {
                config.mini_sockets = mini_sockets;
                config.acceptable = if mini_sockets { Acceptable::Linux } else { Acceptable::Table };
            });
            let (mut play, fd) = Play::established(config);
            play.close(fd);
            play.inject(A, 1, 2, b"");
            assert_eq!(play.inject(flags, seq, 2, text.as_bytes()), expected, "{flags} {seq} {mini_sockets}");
        }
    }
}

#[test]
fn time_wait_answers_all_but_a_reset_and_outlives_its_socket() {
    let (mut play, fd) = Play::established(linux());
    play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
    play.drain();
    play.inject(F, 1, 2, b"");
    play.close(fd);
    assert_eq!(play.inject(P, 2, 2, b"late"), [". 2:2(0) ack 2"]);
    assert_eq!(play.inject(R, 5, 0, b""), [""; 0]);
    assert_eq!(play.inject(F, 1, 2, b""), [". 2:2(0) ack 2"], "it is still there");
    play.inject(R, 2, 0, b"");
    assert_eq!(play.inject(A, 2, 2, b""), ["R 2:2(0)"], "a reset at RCV.NXT has ended it");
}

#[test]
fn time_wait_takes_ts_recent_from_a_bare_ack() {
    let mut play = Play::new(with(|config| config.tcp_timestamps = 1));
    let listener = play.listen(8);
    play.timestamp(100_000, 0);
    play.inject(S, 0, 0, b"");
    play.timestamp(100_000, play.last().0.options.timestamps.unwrap().val);
    play.inject(A, 1, 1, b"");
    let fd = play.stack.accept(play.now, listener).unwrap().0;
    play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
    play.drain();
    play.inject(F, 1, 2, b"");
    play.timestamp(100_007, 0);
    play.inject(A, 2, 2, b"");
    play.inject(F, 1, 2, b"");
    assert_eq!(play.last().0.options.timestamps.unwrap().ecr, 100_007, "the answer to the repeated FIN");
}

#[test]
fn second_fin_that_ends_closing_is_not_answered() {
    for (acceptable, expected) in [(Acceptable::Linux, 0), (Acceptable::Table, 1)] {
        let (mut play, fd) = Play::established(with(|config| config.acceptable = acceptable));
        play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
        play.drain();
        play.inject(F, 1, 1, b"");
        assert_eq!(play.state(fd), State::Closing);
        assert_eq!(play.inject(F, 2, 2, b"").len(), expected);
        assert_eq!(play.state(fd), State::TimeWait);
    }
}

#[test]
fn numbers_of_fins_are_reported_like_text() {
    for (counts, expected) in [(true, vec![(1, 3)]), (false, vec![(1, 2)])] {
        let mut play = Play::new(with(|config| config.sack_counts_controls = counts));
        play.options.sack_permitted = true;
        play.listen(8);
        play.inject(S, 0, 0, b"");
        play.inject(A, 1, 1, b"");
        play.inject(F, 2, 1, b"x");
        assert_eq!(blocks(&play), expected);
        if counts {
            // Once more, and with the text that it ends alone.
            play.inject(F, 3, 1, b"");
            assert_eq!(blocks(&play), [(2, 3), (1, 3)]);
        }
    }
}

#[test]
fn time_wait_has_no_feedback_on_congestion() {
    for (mini, expected) in [(true, ". 2:2(0) ack 3"), (false, "E. 2:2(0) ack 3")] {
        let mut play = Play::new(with(|config| config.mini_sockets = mini));
        let fd = play.passive_open_by(SETUP);
        play.ecn = 3;
        play.inject(A, 1, 1, b"x");
        play.ecn = 0;
        play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
        play.inject(F, 2, 2, b"");
        assert_eq!(play.inject(A, 1, 2, b"x")[0], expected);
    }
}

#[test]
fn mark_of_text_that_is_wholly_old_is_not_counted() {
    for (kept, expected) in [(true, ". 1:1(0) ack 2"), (false, "E. 1:1(0) ack 2")] {
        let mut play = Play::new(with(|config| config.ce_counts_where_kept = kept));
        play.passive_open_by(SETUP);
        play.inject(A, 1, 1, b"x");
        play.ecn = 3;
        assert_eq!(play.inject(A, 1, 1, b"x").last().unwrap(), expected);
    }
}

#[test]
fn to_connect_time_wait_is_the_end() {
    for (mini, expected) in [(true, Err(Errno::ECONNABORTED)), (false, Ok(()))] {
        let mut play = Play::new(with(|config| config.mini_sockets = mini));
        let fd = play.stack.socket(Domain::Inet).unwrap();
        play.stack.bind(fd, play.local).unwrap();
        // It is remembered: where SYNs cross, the FIN goes as soon as the connection is there, and nobody has asked for the outcome.
        play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap_err();
        assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::EINPROGRESS));
        play.drain();
        play.inject(S, 0, 0, b"");
        play.inject(A, 1, 1, b"");
        play.inject(F, 1, 2, b"");
        assert_eq!(play.state(fd), State::TimeWait);
        assert_eq!(play.stack.connect(play.now, fd, play.remote), expected);
    }
}

#[test]
fn all_text_is_cut_for_the_blocks_that_are_due() {
    for (shortens, expected) in [(true, ". 1:989(988) ack 1"), (false, ". 1:1001(1000) ack 1")] {
        let mut play = Play::new(with(|config| config.sack_shortens_text = shortens));
        play.options.sack_permitted = true;
        let fd = play.passive_open();
        play.inject(A, 2, 1, b"x");
        let sent = play.send(fd, &[0; 2000]);
        assert_eq!(sent[0].replace('P', "").trim(), expected);
    }
}

#[test]
fn text_behind_shutdown_of_both_directions_is_reset() {
    for (resets, expected) in [(true, "R 2:2(0)"), (false, ". 2:2(0) ack 5")] {
        let (mut play, fd) = Play::established(with(|config| config.shut_reading_resets = resets));
        play.stack.shutdown(play.now, fd, Shutdown::Both).unwrap();
        play.drain();
        play.inject(A, 1, 2, b"");
        assert_eq!(play.inject(P, 1, 2, b"late"), [expected]);
    }
}

#[test]
fn window_that_opens_behind_shutdown_of_reading_is_not_told() {
    for (useless, expected) in [(true, 0), (false, 1)] {
        let (mut play, fd) = Play::established(with(|config| {
            config.shut_reading_resets = useless;
            config.tcp_rmem = [4096, 8192, 8192];
        }));
        let window = u32::from(play.last().0.window);
        play.inject(P, 1, 1, &vec![0; window as usize]);
        play.wait(1.0);
        play.stack.shutdown(play.now, fd, Shutdown::Read).unwrap();
        assert_eq!(play.read(fd).unwrap().len(), window as usize);
        assert_eq!(play.drain().len(), expected, "{useless}");
    }
}

#[test]
fn reset_in_last_ack_is_an_error() {
    for (is_error, expected) in [(true, Errno::ECONNRESET), (false, Errno::EPIPE)] {
        let (mut play, fd) = Play::established(with(|config| config.late_reset_is_error = is_error));
        play.inject(F, 1, 1, b"");
        play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
        play.inject(R, 2, 0, b"");
        assert_eq!(play.stack.send(play.now, fd, b"x", SendFlags::default()), Err(expected));
    }
}

#[test]
fn old_acks_are_spared_by_paws() {
    //  seq  age, ms   Linux  RFC 7323
    for (seq, age, linux, rfc) in [(0, 500, 0, 1), (1, 100, 0, 1), (1, 5000, 1, 1), (2, 100, 1, 1)] {
        for (spares, expected) in [(true, linux), (false, rfc)] {
            let config = with(|config| (config.tcp_timestamps, config.paws_spares_acks) = (1, spares));
            let mut play = Play::new(config);
            play.timestamp(100_000, 0);
            let listener = play.listen(8);
            play.inject(S, 0, 0, b"");
            play.timestamp(100_000, play.last().0.options.timestamps.unwrap().val);
            play.inject(A, 1, 1, b"");
            play.stack.accept(play.now, listener).unwrap();
            play.timestamp(100_000 - age, 0);
            assert_eq!(play.inject(A, seq, 1, b"").len(), expected, "{seq} {age} {spares}");
        }
    }
}

#[test]
fn segment_size_of_the_user_counts_before_the_handshake() {
    for (handshake_only, expected) in [(true, 1), (false, 2)] {
        let (mut play, fd) = Play::established(with(|config| config.max_seg_of_handshake = handshake_only));
        play.stack.set_option(play.now, fd, SocketOption::MaxSeg(500)).unwrap();
        assert_eq!(play.send(fd, &[0; 1000]).len(), expected);
    }
}

#[test]
fn promise_of_more_outlasts_what_is_no_acknowledgment() {
    let (mut play, fd) = Play::established(linux());
    play.stack.send(play.now, fd, b"x", SendFlags { more: true, ..SendFlags::default() }).unwrap();
    assert_eq!(play.drain(), [""; 0]);
    assert_eq!(play.inject(A, 1, 9, b""), [". 1:1(0) ack 1"], "a challenge, and no text");
    assert_eq!(play.inject(A, 1, 1, b""), [". 1:2(1) ack 1"]);
}

/// The fast path sends what waits whether or not the acknowledgment was taken.
#[test]
fn promise_of_more_ends_with_an_expected_segment_whose_acknowledgment_is_refused() {
    for (same, expected) in [(true, [". 1:1(0) ack 1", ". 1:2(1) ack 1"].as_slice()), (false, &[". 1:1(0) ack 1"])] {
        let (mut play, fd) = Play::established(linux());
        play.stack.send(play.now, fd, b"x", SendFlags { more: true, ..SendFlags::default() }).unwrap();
        assert_eq!(play.drain(), [""; 0]);
        play.window -= u16::from(!same);
        assert_eq!(play.inject(A, 1, 0, b""), expected, "{same}");
    }
}

#[test]
fn promise_of_more_outlasts_text_with_no_option_that_is_not_of_every_segment() {
    for (mss, expected) in [(None, ". 2:2(0) ack 2"), (Some(1460), ". 2:3(1) ack 2")] {
        let (mut play, fd) = Play::established(linux());
        // Something has been taken before, and has memory.
        play.send(fd, b"x");
        play.inject(A, 1, 2, b"");
        play.stack.send(play.now, fd, b"x", SendFlags { more: true, ..SendFlags::default() }).unwrap();
        assert_eq!(play.drain(), [""; 0]);
        let segment = Segment {
            src_port: play.remote.port(),
            dst_port: play.local.port(),
            seq: PEER_ISN.plus(1),
            ack: play.iss.plus(2),
            flags: A,
            window: play.window,
            options: Options { mss, ..Options::default() },
            payload: b"y",
            ..Segment::default()
        };
        assert_eq!(play.inject_raw(&segment), [expected]);
    }
}

#[test]
fn acknowledgment_of_a_fin_waits_for_a_tick() {
    let (mut play, _) = Play::established(linux());
    assert_eq!(play.inject(F, 1, 1, b""), [""; 0]);
    assert_eq!(play.wait(0.1), [(0.001, ". 1:1(0) ack 2".to_owned())]);
}

#[test]
fn acknowledgment_has_the_number_of_an_edge_that_has_moved_left() {
    for (within, expected) in [(true, ". 1:1(0) ack 1"), (false, ". 1001:1001(0) ack 1")] {
        let (mut play, fd) = Play::established(with(|config| config.ack_within_window = within));
        play.send(fd, &[0; 1000]);
        play.window = 0;
        play.inject(A, 1, 1, b"");
        assert_eq!(play.inject(S, 1, 0, b""), [expected]);
    }
}

#[test]
fn urgent_pointer_of_zero_is_one() {
    for (is_one, expected) in [(true, Err(Errno::EAGAIN)), (false, Ok(b"x".to_vec()))] {
        let (mut play, fd) = Play::established(with(|config| config.urgent_zero_is_one = is_one));
        play.inject(A.with(Flags::URG), 1, 1, b"x");
        assert_eq!(play.read(fd), expected);
    }
}

#[test]
fn shutdown_of_a_half_open_connection_waits_for_the_handshake() {
    for (spares, sent) in [(true, 0), (false, 1)] {
        let mut play = Play::new(with(|config| config.shutdown_spares_half_open = spares));
        let (fd, _) = play.connect();
        play.inject(S, 0, 0, b"");
        play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
        assert_eq!(play.drain().len(), sent);
        if spares {
            assert_eq!(play.state(fd), State::SynReceived);
            assert_eq!(play.inject(A, 1, 1, b""), ["F. 1:1(0) ack 1"]);
            assert_eq!(play.state(fd), State::FinWait1);
        }
    }
}

#[test]
fn shutdown_behind_a_reset_ends_what_connect_can_tell() {
    let mut play = Play::new(linux());
    let fd = play.stack.socket(Domain::Inet).unwrap();
    play.stack.bind(fd, play.local).unwrap();
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::EINPROGRESS));
    play.drain();
    play.inject(RA, 0, 1, b"");
    assert_eq!(play.stack.shutdown(play.now, fd, Shutdown::Write), Err(Errno::ENOTCONN));
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::EINVAL));
}
