//! Details of the `linux` profile, and of all of them, that programs on the kernel of a host have shown (`halfopen fuzz diff`).

mod common;

use common::*;
use halfopen_stack::config::InitialWindow;
use halfopen_stack::wire::icmp::{Problem, UnreachableV4};
use halfopen_stack::wire::tcp::{Flags, Options, Segment};
use halfopen_stack::{Config, Errno, Instant, SendFlags, SeqNum, Shutdown, SocketOption, State};
use std::time::Duration;

/// A connection whose peer, behind an octet of text, has room for `window` octets from now on.
fn with_window(window: u16) -> (Play, i32) {
    let (mut play, fd) = linux();
    play.inject(A, 1, 1, b"x");
    play.window = window;
    play.inject(A, 2, 1, b"");
    (play, fd)
}

#[test]
fn abort_resets_while_the_fin_has_not_gone_out() {
    for config in [plain(), Config::linux()] {
        let (mut play, fd) = Play::established(config);
        play.inject(F, 1, 1, b"");
        play.window = 0;
        play.inject(A, 2, 1, b"");
        play.stack.send(play.now, fd, b"text", SendFlags::default()).unwrap();
        play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
        play.drain();
        play.stack.set_option(play.now, fd, SocketOption::Linger(Some(Duration::ZERO))).unwrap();
        assert_eq!(play.close(fd), ["R. 1:1(0) ack 2"]);
    }
}

#[test]
fn largest_window_begins_behind_the_syn_and_halves_segments() {
    let mut config = Config::linux();
    config.tcp_timestamps = 0;
    let mut play = Play::new(config);
    let listener = play.listen(8);
    play.inject(S, 0, 0, b"");
    play.window = 901;
    play.inject(A, 1, 1, b"");
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    assert_eq!(play.send(fd, &[0; 900]), [". 1:451(450) ack 1", "P. 451:901(450) ack 1"]);
    play.window = 65535;
    play.inject(A, 1, 901, b"");
    assert_eq!(play.send(fd, &[0; 1000]), ["P. 901:1901(1000) ack 1"]);
}

#[test]
fn no_delay_lets_go_what_is_corked_until_the_next_unit() {
    let (mut play, fd) = with_window(500);
    play.stack.set_option(play.now, fd, SocketOption::Cork(true)).unwrap();
    assert_eq!(play.send(fd, &[0; 600]), [""; 0]);
    play.stack.set_option(play.now, fd, SocketOption::NoDelay(true)).unwrap();
    assert_eq!(play.drain(), [""; 0], "the window has no room for it");
    play.window = 2000;
    assert_eq!(play.inject(A, 2, 1, b""), ["P. 1:601(600) ack 2"]);
    assert_eq!(play.send(fd, &[0; 600]), [""; 0], "another unit is held back");
}

#[test]
fn shutdown_holds_nothing_back_at_the_edge_of_the_window() {
    let (mut play, fd) = with_window(1460);
    play.send(fd, &[0; 600]);
    assert_eq!(play.send(fd, &[0; 990]), [""; 0]);
    // A whole segment of 760 and a part of one have room now.
    play.icmp(Problem::PacketTooBig { mtu: 800 });
    play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
    assert_eq!(play.drain(), [". 601:1361(760) ack 2", "P. 1361:1461(100) ack 2"]);
}

#[test]
fn what_is_lost_goes_again_before_congestion_is_experienced() {
    for cwr in [Flags::NONE, Flags::CWR] {
        let mut config = Config::linux();
        (config.tcp_timestamps, config.tcp_ecn) = (0, 2);
        let mut play = Play::new(config);
        play.options.sack_permitted = true;
        let fd = play.passive_open_by(SETUP);
        play.send(fd, &[0; 5000]);
        play.ecn = 3;
        let mut segment = text_with_a_report(&play);
        segment.flags |= cwr;
        assert_eq!(play.inject_raw(&segment), [". 1:1001(1000) ack 1", "E. 5001:5001(0) ack 5"], "{cwr:?}");
    }
}

#[test]
fn segment_that_is_refused_lets_no_text_go() {
    let (mut play, fd) = linux();
    play.send(fd, &[0; 600]);
    assert_eq!(play.send(fd, &[0; 960]), [""; 0]);
    // The path takes 960 octets of text from now on, a segment.
    play.icmp(Problem::PacketTooBig { mtu: 1000 });
    assert_eq!(play.inject(S, 1, 1, b""), [". 601:601(0) ack 1"]);
    assert_eq!(play.send(fd, b""), [""; 0], "nor does a write of nothing");
    assert_eq!(play.inject(A, 1, 1, b""), ["P. 601:1561(960) ack 1"]);
}

#[test]
fn text_that_waits_for_an_event_does_not_go_with_an_abort() {
    let mut rfc = plain();
    rfc.slow_start_on_smaller_path = false;
    for (config, reset) in [(rfc, "R. 1561:1561(0) ack 1"), (Config::linux(), "R. 601:601(0) ack 1")] {
        let (mut play, fd) = Play::established(config);
        play.send(fd, &[0; 600]);
        // It waits for an ACK, until it is a segment.
        assert_eq!(play.send(fd, &[0; 960]), [""; 0]);
        play.icmp(Problem::PacketTooBig { mtu: 1000 });
        play.stack.set_option(play.now, fd, SocketOption::Linger(Some(Duration::ZERO))).unwrap();
        assert_eq!(play.close(fd).last().unwrap(), reset);
    }
}

#[test]
fn close_with_unread_text_before_the_fin_resets_once() {
    let (mut play, fd) = linux();
    play.inject(P, 1, 1, b"text");
    play.inject(F, 5, 1, b"");
    play.window = 0;
    play.inject(A, 6, 1, b"");
    play.stack.send(play.now, fd, b"text", SendFlags::default()).unwrap();
    play.stack.shutdown(play.now, fd, Shutdown::Both).unwrap();
    play.drain();
    assert_eq!(play.close(fd), ["R. 1:1(0) ack 6"]);
}

#[test]
fn nothing_else_is_looked_at_once_an_orphan_s_fin_is_acknowledged() {
    let (mut play, fd) = linux();
    assert_eq!(play.close(fd), ["F. 1:1(0) ack 1"]);
    // Text of before would be answered in FIN-WAIT-2.
    assert_eq!(play.inject(A, 0, 2, b"x"), [""; 0]);
    assert_eq!(play.inject(A, 0, 2, b"x"), [". 2:2(0) ack 1"]);
}

#[test]
fn all_segments_of_a_train_report_what_the_first_does() {
    let (mut play, fd) = linux();
    play.inject(P, 1, 1, b"x");
    play.stack.send(play.now, fd, &[0; 995], SendFlags { more: true, ..SendFlags::default() }).unwrap();
    play.drain();
    play.inject(P, 1, 1, b"x");
    let reports: Vec<usize> =
        play.seen.iter().rev().take(2).map(|(_, datagram)| usize::from(datagram[32] >> 4)).collect();
    // 20 octets of header, and 12 of a report.
    assert_eq!(reports, [8, 8]);
}

#[test]
fn a_fin_whose_number_text_has_taken_is_forgotten() {
    for config in [plain(), Config::linux()] {
        let (mut play, _) = Play::established(config);
        play.inject(F, 3, 1, b"");
        play.inject(P, 1, 1, b"text");
        // What comes later is nobody's FIN, and the right one counts.
        assert_eq!(play.inject(F, 6, 1, b"").last().unwrap(), ". 1:1(0) ack 5");
        play.inject(P, 5, 1, b"x");
        play.wait(1.0);
        assert_eq!(play.last().0.ack.0, 0xffff_fff0_u32.wrapping_add(7));
    }
}

#[test]
fn a_fin_in_order_ends_the_text_whatever_has_come_with_its_number() {
    let (mut play, fd) = linux();
    play.inject(A, 2, 1, b"x");
    play.inject(F, 1, 1, b"y");
    assert_eq!(play.state(fd), State::CloseWait);
    assert_eq!(play.read(fd), Ok(b"y".to_vec()));
    // The other profiles take the text, which leaves the FIN no number.
    let (mut play, fd) = Play::established(plain());
    play.inject(A, 2, 1, b"x");
    play.inject(F, 1, 1, b"y");
    assert_eq!(play.state(fd), State::Established);
    assert_eq!(play.read(fd), Ok(b"yx".to_vec()));
}

#[test]
fn each_of_several_fins_ahead_of_text_is_reported_and_the_first_that_comes_in_order_counts() {
    let (mut play, _) = linux();
    let blocks = |play: &Play| play.last().0.options.sack.len();
    play.inject(F, 5, 1, b"");
    play.inject(F, 8, 1, b"");
    assert_eq!(blocks(&play), 2);
    // Text takes the number of the first: it is no FIN any more.
    play.inject(P, 4, 1, b"xyz");
    play.inject(P, 1, 1, b"abc");
    assert_eq!(play.last().0.ack.0, 0xffff_fff0_u32.wrapping_add(7));
    assert_eq!(play.inject(P, 7, 1, b"z").last().unwrap(), ". 1:1(0) ack 9");
}

#[test]
fn text_with_a_fin_that_comes_twice_is_reported_with_its_fin() {
    let (mut play, _) = linux();
    play.inject(F, 5, 1, b"x");
    play.inject(F, 5, 1, b"x");
    let (last, _) = play.last();
    let octets: Vec<u32> = last.options.sack.iter().map(|block| block.left.distance(block.right)).collect();
    assert_eq!(octets, [2, 2]);
}

/// Four octets in order, with a report that the first of 5,000 of ours is missing.
fn text_with_a_report(play: &Play) -> Segment<'static> {
    let mut options = Options::default();
    options.sack.push(play.iss.plus(1001), play.iss.plus(5001));
    Segment {
        src_port: play.remote.port(),
        dst_port: play.local.port(),
        seq: PEER_ISN.plus(1),
        ack: play.iss.plus(1),
        flags: A,
        window: 10_000,
        options,
        payload: b"text",
        ..Segment::default()
    }
}

#[test]
fn what_is_lost_goes_again_before_the_text_that_came_with_the_news() {
    let (mut play, fd) = linux();
    play.send(fd, &[0; 5000]);
    assert_eq!(play.inject_raw(&text_with_a_report(&play))[0], ". 1:1001(1000) ack 1");
}

#[test]
fn an_urgent_octet_that_was_not_read_does_not_become_text_when_the_next_one_is_announced() {
    for config in [plain(), Config::linux()] {
        let (mut play, fd) = Play::established(config);
        let urgent = |seq: u32, text: &'static [u8], play: &mut Play| {
            let segment = Segment {
                src_port: play.remote.port(),
                dst_port: play.local.port(),
                seq: SeqNum(0xffff_fff0).plus(seq),
                ack: play.iss.plus(1),
                flags: A.with(Flags::URG),
                window: 10_000,
                urgent: 4,
                payload: text,
                ..Segment::default()
            };
            play.inject_raw(&segment);
        };
        urgent(1, b"text", &mut play);
        assert_eq!(play.read(fd), Ok(b"tex".to_vec()));
        urgent(5, b"more", &mut play);
        assert_eq!(play.read(fd), Ok(b"mor".to_vec()));
    }
}

#[test]
fn a_report_that_waits_is_given_up_when_more_text_comes_with_news() {
    for (window, reported) in [(10_000, 1), (9000, 0)] {
        let (mut play, fd) = linux();
        play.inject(P, 1, 1, b"x");
        // An answer makes it an exchange, in which ACKs wait.
        play.send(fd, b"x");
        assert_eq!(play.inject(P, 1, 2, b"xy"), [""; 0]);
        play.window = window;
        assert_eq!(play.inject(P, 3, 2, b"z"), [""; 0]);
        play.wait(1.0);
        assert_eq!(play.last().0.options.sack.len(), reported, "{window}");
    }
}

#[test]
fn more_than_a_full_segment_is_acknowledged_at_once_while_the_window_grows() {
    // the full segment, what is unread before it, whether the user has set the buffer, and whether an octet more draws an ACK
    for (full, unread, set, at_once) in [
        (1460, 1, false, true),
        (1200, 1, false, true),
        (1100, 1, false, false),
        (1460, 1, true, false),
        (1460, 8000, false, false),
    ] {
        let (mut play, fd) = linux();
        if set {
            play.stack.set_option(play.now, fd, SocketOption::RcvBuf(40_000)).unwrap();
        }
        let mut seq = 1;
        while seq <= unread {
            play.inject(P, seq, 1, &[0; 500][..500.min((unread + 1 - seq) as usize)]);
            seq += 500.min(unread + 1 - seq);
        }
        // An answer makes it an exchange, in which ACKs wait.
        play.send(fd, b"x");
        assert_eq!(play.inject(P, seq, 2, &vec![0; full]), [""; 0]);
        assert_eq!(play.inject(P, seq + full as u32, 2, b"x").len(), usize::from(at_once), "{full} {unread} {set}");
    }
}

#[test]
fn text_that_comes_again_hurries_the_acks_of_what_follows() {
    for (quick_acks, expected) in [(16, [". 2:2(0) ack 4"].as_slice()), (0, &[])] {
        let mut config = Config::linux();
        (config.tcp_timestamps, config.quick_acks) = (0, quick_acks);
        let (mut play, fd) = Play::established(config);
        play.inject(P, 1, 1, b"a");
        play.send(fd, b"b");
        assert_eq!(play.inject(P, 2, 2, b"c"), [""; 0], "an exchange");
        assert_eq!(play.inject(P, 1, 2, b"a"), [". 2:2(0) ack 3"]);
        assert_eq!(play.inject(P, 3, 2, b"d"), expected, "{quick_acks}");
    }
}

#[test]
fn text_without_the_mark_that_other_text_had_hurries_the_acks() {
    for (mark, expected) in [(2, [". 2:2(0) ack 4"].as_slice()), (0, &[])] {
        let mut config = Config::linux();
        (config.tcp_timestamps, config.tcp_ecn) = (0, 2);
        let mut play = Play::new(config);
        let fd = play.passive_open_by(SETUP);
        play.ecn = mark;
        play.inject(P, 1, 1, b"a");
        play.send(fd, b"b");
        assert_eq!(play.inject(P, 2, 2, b"c"), [""; 0], "an exchange");
        play.ecn = 0;
        assert_eq!(play.inject(P, 3, 2, b"d"), expected, "{mark}");
    }
}

#[test]
fn what_a_reverted_timeout_makes_due_goes_with_the_icmp_error() {
    let mut config = Config::linux();
    config.tcp_early_retrans = 0;
    let (mut play, fd) = Play::established(config);
    play.send(fd, b"text");
    assert_eq!(play.wait(0.5).len(), 1, "once again, after 200 ms");
    assert_eq!(play.icmp(Problem::UnreachableV4(UnreachableV4::Host)), ["P. 1:5(4) ack 1"]);
    assert_eq!(play.wait(0.39), []);
}

#[test]
fn fin_waits_for_the_ack_of_a_syn_that_was_lost() {
    for (lost, at_once, later) in [(false, "F. 1:1(0) ack 1", vec![]), (true, "", vec!["F. 1:1(0) ack 1"])] {
        let mut play = Play::new(Config::linux());
        let (fd, _) = play.connect();
        if lost {
            play.wait(1.1);
        }
        play.inject(S, 0, 0, b"");
        assert_eq!(play.close(fd).join(""), at_once, "{lost}");
        assert_eq!(play.inject(A, 1, 1, b""), later, "{lost}");
    }
}

#[test]
fn tcp_maxseg_is_forgotten_with_the_connection() {
    let mut play = Play::new(Config::linux());
    let (fd, _) = play.connect();
    play.stack.set_option(play.now, fd, SocketOption::MaxSeg(500)).unwrap();
    play.inject(RA, 0, 1, b"");
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::ECONNREFUSED));
    play.stack.connect(play.now, fd, play.remote).unwrap_err();
    play.drain();
    assert_eq!(play.last().0.options.mss, Some(1460));
}

#[test]
fn an_ack_behind_a_crossing_syn_without_window_has_the_number_of_our_syn() {
    let mut play = Play::new(Config::linux());
    play.connect();
    play.window = 0;
    play.inject(S, 0, 0, b"");
    assert_eq!(play.inject(S, 0, 0, b"").last().unwrap(), ". 0:0(0) ack 1");
}

#[test]
fn the_window_of_a_crossing_syn_has_room_for_our_syn_first() {
    for (window, sent) in [(1, ""), (2, "F. 1:1(0) ack 1")] {
        let mut play = Play::new(Config::linux());
        let (fd, _) = play.connect();
        play.window = window;
        play.inject(S, 0, 0, b"");
        assert_eq!(play.close(fd).join(", "), sent, "window {window}");
    }
}

#[test]
fn a_short_train_waits_also_with_the_fin_behind_it() {
    let (mut play, fd) = linux();
    play.send(fd, &[0; 10_000]);
    play.stack.send(play.now, fd, &[0; 3000], SendFlags::default()).unwrap();
    play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
    play.drain();
    // Room for one segment of three, and the next ACK is near.
    play.now = Instant(play.now.0 + 500);
    assert_eq!(play.inject(A, 1, 1001, b""), [""; 0]);
}

#[test]
fn the_ack_of_text_with_a_fin_waits_as_that_of_a_fin_does() {
    let (mut play, _) = linux();
    assert_eq!(play.inject(F, 1, 1, b"x"), [""; 0]);
    // Text alone is acknowledged at once while the connection is young.
    let (mut play, _) = linux();
    assert_eq!(play.inject(P, 1, 1, b"x"), [". 1:1(0) ack 2"]);
}

#[test]
fn an_ack_below_a_crossing_syn_that_was_not_acknowledged_is_challenged() {
    let mut play = Play::new(Config::linux());
    let (fd, _) = play.connect();
    play.inject(S, 0, 0, b"");
    play.close(fd);
    assert_eq!(play.inject(A, 1, 0_u32.wrapping_sub(1), b""), [". 2:2(0) ack 1"]);
}

#[test]
fn cwr_behind_the_peer_s_fin_hurries_no_ack() {
    let (mut play, _) = marked();
    play.inject(F, 5, 1, b"");
    assert_eq!(play.inject(A.with(Flags::CWR), 6, 1, b"x"), [""; 0]);
}

#[test]
fn cwr_ends_the_echo_where_its_acknowledgment_is_taken() {
    let echoes = |fin: bool, seq: u32, ack: u32| {
        let (mut play, fd) = marked();
        play.send(fd, b"x");
        play.inject(A, 5, 2, b"");
        if fin {
            play.inject(F, 5, 2, b"");
        }
        play.inject(A.with(Flags::CWR), seq, ack, b"");
        play.send(fd, b"x");
        play.last().0.flags.ece()
    };
    assert!(!echoes(false, 5, 2));
    assert!(echoes(false, 5, 1), "an old one is not");
    assert!(!echoes(true, 6, 2), "nor does the peer's FIN matter");
    // CE counts on any.
    let (mut play, fd) = marked();
    play.inject(A.with(Flags::CWR), 5, 1, b"");
    play.send(fd, b"x");
    play.inject(A, 5, 2, b"");
    play.ecn = 3;
    play.inject(P, 5, 1, b"x");
    play.send(fd, b"x");
    assert!(play.last().0.flags.ece());
}

/// The `linux` profile, and a connection with ECN that echoes CE.
fn marked() -> (Play, i32) {
    let mut config = Config::linux();
    (config.tcp_timestamps, config.tcp_invalid_ratelimit) = (0, 0);
    let mut play = Play::new(config);
    let fd = play.passive_open_by(SETUP);
    play.ecn = 3;
    play.inject(P, 1, 1, b"text");
    play.ecn = 0;
    (play, fd)
}

#[test]
fn the_first_ack_that_waits_for_text_goes_with_a_segment_that_was_not_expected() {
    // With window scaling the window of the next segment is not that of the SYN,ACK.
    for (shift, acks) in [(None, 0), (Some(3), 1)] {
        let mut config = Config::linux();
        config.tcp_timestamps = 0;
        let mut play = Play::new(config);
        play.options.window_scale = shift;
        let (fd, _) = play.connect();
        play.stack.set_option(play.now, fd, SocketOption::DeferAccept(1000)).unwrap();
        assert_eq!(play.inject(SA, 0, 1, b""), [""; 0]);
        assert_eq!(play.inject(A, 1, 1, b"").len(), acks, "{shift:?}");
    }
}

#[test]
fn an_echo_of_long_ago_measures_nothing() {
    for (late, measured) in [(2_147_482, true), (2_147_483, false), (1 << 31, false)] {
        let mut config = plain();
        config.tcp_timestamps = 1;
        let mut play = Play::new(config);
        play.timestamp(1000, 0);
        let fd = play.passive_open();
        play.send(fd, b"text");
        let sent = play.last().0.options.timestamps.unwrap().val;
        play.timestamp(1000, sent.wrapping_sub(late));
        // Of a part of a segment only the echo tells when it went.
        play.inject(A, 1, 2, b"");
        let rto = play.stack.snapshot(fd).unwrap().unwrap().congestion.rto;
        assert_eq!(rto > Duration::from_secs(10), measured, "{late}: {rto:?}");
    }
}

#[test]
fn old_text_that_ends_half_the_circle_away_is_no_duplicate() {
    let mut config = plain();
    (config.tcp_timestamps, config.tcp_sack, config.tcp_dsack) = (1, true, true);
    let mut play = Play::new(config);
    play.options.sack_permitted = true;
    play.timestamp(1000, 0);
    play.listen(8);
    play.inject(S, 0, 0, b"");
    play.inject(A, 1, 1, b"");
    play.inject(P, 1, 1, b"text");
    play.timestamp(10, 0);
    for (seq, reported) in [(1, 1), (0x7fff_fff0, 0)] {
        play.inject(P, seq, 1, &[0; 1000]);
        assert_eq!(play.last().0.options.sack.len(), reported, "{seq}");
    }
}

#[test]
fn who_lingers_not_in_fin_wait_2_resets_where_it_would_begin() {
    for config in [plain(), Config::linux()] {
        let (mut play, fd) = Play::established(config);
        play.stack.set_option(play.now, fd, SocketOption::Linger2(-1)).unwrap();
        assert_eq!(play.close(fd), ["F. 1:1(0) ack 1"]);
        assert_eq!(play.inject(A, 1, 2, b""), ["R 2:2(0)"]);
    }
}

#[test]
fn ack_that_ends_a_reduction_grows_the_window() {
    // From 10 segments to 7, and CUBIC's curve, rounded, is at 8.
    for (in_segments, expected) in [(true, 8), (false, 7)] {
        let mut config = Config::linux();
        (config.tcp_timestamps, config.window_in_segments) = (0, in_segments);
        let mut play = Play::new(config);
        play.window = u16::MAX;
        let fd = play.passive_open_by(SETUP);
        play.send(fd, &[0; 40_000]);
        assert_eq!(play.inject(A | Flags::ECE, 1, 10_001, b"").len(), 7);
        assert_eq!(play.inject(A, 1, 17_001, b"").len(), expected);
    }
}

#[test]
fn window_of_what_follows_a_syn_ack_counts_where_syns_have_crossed() {
    let mut config = Config::linux();
    (config.tcp_timestamps, config.tcp_window_scaling) = (0, false);
    let mut play = Play::new(config);
    let (fd, _) = play.connect();
    play.inject(S, 0, 0, b"");
    play.inject(SA, 0, 1, b"");
    play.send(fd, b"xx");
    play.window = 1;
    play.inject(A, 1, 1, b"");
    assert_eq!(play.inject(S, 0, 0, b""), [". 2:2(0) ack 1"], "not behind the window");
}

#[test]
fn acknowledgment_before_our_syn_is_too_old_where_syns_have_crossed() {
    let mut config = Config::linux();
    (config.tcp_timestamps, config.tcp_invalid_ratelimit) = (0, 0);
    let mut play = Play::new(config);
    let (fd, _) = play.connect();
    play.inject(S, 0, 0, b"");
    play.close(fd);
    play.inject(F, 1, 1, b"");
    assert_eq!(play.inject(A, 2, 0, b""), [""; 0]);
    assert_eq!(play.inject(A, 2, u32::MAX, b""), [". 2:2(0) ack 2"]);
}

#[test]
fn orphan_whose_fin_was_acknowledged_with_an_old_fin_is_checked_as_a_whole_connection() {
    // The number of the old FIN is that of the peer's SYN.
    for (flags, seq, expected) in [(F, 0, ". 2:2(0) ack 1"), (A, 1, "R 4278190081:4278190081(0)")] {
        let mut config = Config::linux();
        (config.tcp_timestamps, config.tcp_invalid_ratelimit) = (0, 0);
        let (mut play, fd) = Play::established(config);
        play.close(fd);
        play.inject(flags, seq, 2, b"");
        // A FIN ahead of RCV.NXT, with an acknowledgment that is too old.
        assert_eq!(play.inject(F, 3, 1_u32.wrapping_sub(1 << 24), b""), [expected], "{flags}");
    }
}

#[test]
fn fin_under_text_is_taken_at_the_end_of_what_was_appended_to_it() {
    let (mut play, fd) = linux();
    play.inject(F, 2, 1, b"");
    play.inject(P, 3, 1, b"behind");
    assert_eq!(play.inject(A, 1, 1, b"over")[..1], [". 1:1(0) ack 9"]);
    assert_eq!(play.state(fd), State::CloseWait);
}

#[test]
fn train_waits_for_no_ack_that_is_a_millisecond_away_nor_when_nothing_was_sent_so_long() {
    // round trip, octets that go at once, when the ACK comes; segments that it lets out
    for (round_trip, first, later, expected) in
        [(0.004, 59_000, 0.0024, 2), (0.001, 60_000, 0.001, 2), (0.0005, 60_000, 0.0005, 0)]
    {
        let mut config = Config::linux();
        (config.tcp_timestamps, config.initial_window) = (0, InitialWindow::Segments(60));
        let mut play = Play::new(config);
        play.window = u16::MAX;
        let listener = play.listen(8);
        play.inject(S, 0, 0, b"");
        play.wait(round_trip);
        play.inject(A, 1, 1, b"");
        let (fd, _) = play.stack.accept(play.now, listener).unwrap();
        play.send(fd, &vec![0; first]);
        play.wait(later);
        play.send(fd, &[0; 20_000]);
        assert_eq!(play.inject(A, 1, 1001, b"").len(), expected, "{round_trip}");
    }
}

#[test]
fn without_sack_recovery_lasts_until_something_newer_is_acknowledged() {
    let (mut play, fd) = with_sack(false);
    play.send(fd, &[0; 5000]);
    let again: Vec<_> = (0..3).flat_map(|_| play.inject(A, 1, 1, b"")).collect();
    assert_eq!(again, [". 1:1001(1000) ack 1"]);
    let phase = |play: &Play| play.stack.snapshot(fd).unwrap().unwrap().congestion.ca_state;
    play.inject(A, 1, 5001, b"");
    assert_eq!(phase(&play), 3);
    assert_eq!(play.send(fd, &[0; 4000]).len(), 3, "the reduction goes on");
    for _ in 0..4 {
        assert_eq!(play.inject(A, 1, 5001, b""), [""; 0], "a duplicate may be of before");
    }
    play.inject(A, 1, 6001, b"");
    assert_eq!(phase(&play), 0);
}

#[test]
fn window_that_was_full_is_in_use_until_something_is_sent_that_leaves_room() {
    let (mut play, fd) = linux();
    play.send(fd, &[0; 11_000]);
    let window = |play: &Play| play.stack.snapshot(fd).unwrap().unwrap().congestion.cwnd / 1000;
    for (ack, expected) in [(9001, 19), (10_001, 20), (11_001, 21)] {
        play.inject(A, 1, ack, b"");
        assert_eq!(window(&play), expected, "{ack}");
    }
}

#[test]
fn shutdown_lets_go_what_is_corked_unless_the_window_cuts_it_short() {
    for (window, last) in [(3500, "P. 11001:12001(1000) ack 1"), (9000, "FP. 13001:13501(500) ack 1")] {
        let (mut play, fd) = linux();
        play.send(fd, &[0; 13_500]);
        play.stack.set_option(play.now, fd, SocketOption::Cork(true)).unwrap();
        play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
        play.window = window;
        assert_eq!(play.inject(A, 1, 9001, b"").last().unwrap(), last);
    }
}

#[test]
fn what_the_silly_window_override_sends_is_pushed_and_is_no_use_of_the_window() {
    let (mut play, fd) = with_sack(false);
    play.window = 2;
    play.inject(A, 2, 1, b"");
    assert_eq!(play.send(fd, b"123456789"), [""; 0]);
    let sent = play.wait(1.0);
    assert_eq!(sent.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>(), ["P. 1:3(2) ack 1"; 3]);
    play.window = 10_000;
    assert_eq!(play.inject(A, 2, 3, b""), ["P. 3:10(7) ack 1"]);
    // The timeout made the window one segment. It is in use only now.
    assert_eq!(play.close(fd), [""; 0]);
    assert_eq!(play.inject(A, 2, 10, b""), ["F. 10:10(0) ack 1"]);
}

#[test]
fn text_that_says_nothing_else_lets_the_timer_of_a_probe_run_on() {
    for (text, probes) in [(&b""[..], 0), (b"a", 1)] {
        let (mut play, fd) = linux();
        play.window = 0;
        play.inject(A, 1, 1, b"");
        assert_eq!(play.send(fd, b"text"), [""; 0]);
        play.wait(0.1);
        play.inject(A, 1, 1, text);
        let sent = play.wait(0.15);
        assert_eq!(sent.iter().filter(|(_, line)| line.starts_with(". 0:0")).count(), probes, "{sent:?}");
    }
}

#[test]
fn fin_is_what_is_new_behind_a_timeout_in_doubt() {
    let (mut play, fd) = with_sack(false);
    let sent: Vec<u8> = vec![0; 3000];
    assert_eq!(play.send(fd, &sent).len(), 3);
    assert_eq!(play.wait(0.3).len(), 1, "the front");
    assert_eq!(play.close(fd), [""; 0], "the window is full");
    assert_eq!(play.inject(A, 1, 2901, b""), ["F. 3001:3001(0) ack 1"]);
}
