//! Paths that take less than they did, in the `linux` profile: what goes again, and what counts, as programs on the kernel of a host have shown
//! (`halfopen fuzz diff`).

mod common;

use common::*;
use halfopen_stack::wire::icmp::Problem;
use halfopen_stack::{Config, Domain, Errno, SendFlags, SocketOption};

#[test]
fn a_train_of_which_one_segment_is_too_large_for_the_path_goes_again_as_a_whole() {
    let (mut play, fd) = linux();
    assert_eq!(play.send(fd, &[0; 1200]), [". 1:1001(1000) ack 1", "P. 1001:1201(200) ack 1"]);
    let again = [". 1:513(512) ack 1", ". 513:1025(512) ack 1", "P. 1025:1201(176) ack 1"];
    assert_eq!(play.icmp(Problem::PacketTooBig { mtu: 0 }), again);
}

#[test]
fn a_window_that_was_in_use_is_as_many_segments_when_the_path_takes_less() {
    let (mut play, fd) = linux();
    play.send(fd, b"x");
    play.inject(A, 1, 2, b"");
    play.send(fd, b"x");
    play.icmp(Problem::PacketTooBig { mtu: 600 });
    play.inject(A, 1, 3, b"");
    // The window of the peer is 10,000 octets, that of congestion ten segments of 560.
    assert_eq!(play.send(fd, &[0; 8000]).len(), 10);
}

#[test]
fn a_train_that_goes_again_ends_with_the_last_whole_segment_that_the_peer_has_room_for() {
    for (window, pointers) in [(1000, [1000, 488]), (1024, [1000, 1000])] {
        let (mut play, fd) = linux();
        play.stack.send(play.now, fd, &[0; 1000], SendFlags { oob: true, ..SendFlags::default() }).unwrap();
        play.drain();
        play.window = window;
        play.inject(A, 2, 1, b"");
        assert_eq!(play.icmp(Problem::PacketTooBig { mtu: 0 }).len(), 2);
        let seen = play.seen.iter().rev().take(2).rev();
        let told: Vec<u16> = seen.map(|(_, datagram)| u16::from_be_bytes([datagram[38], datagram[39]])).collect();
        assert_eq!(told, pointers, "{window}");
    }
}

#[test]
fn what_goes_again_is_cut_where_the_window_of_the_peer_ends() {
    // the window, and what goes again of segments of 100 and 900 octets of which the second is too large for the path
    for (window, again) in [(500, ". 101:501(400)"), (100, ""), (1000, ". 101:613(512), P. 613:1001(388)")] {
        let (mut play, fd) = linux();
        play.stack.set_option(play.now, fd, SocketOption::NoDelay(true)).unwrap();
        play.send(fd, &[0; 100]);
        play.send(fd, &[0; 900]);
        play.window = window;
        play.inject(A, 2, 1, b"");
        let sent = play.icmp(Problem::PacketTooBig { mtu: 0 }).join(", ").replace(" ack 1", "");
        assert_eq!(sent, again, "{window}");
    }
    // The front goes again beyond a window that is closed, but not beyond one that is open.
    for (window, again) in [(0, ". 1:513(512) ack 1"), (300, ". 1:301(300) ack 1")] {
        let (mut play, fd) = linux();
        play.send(fd, &[0; 1000]);
        play.window = window;
        play.inject(A, 2, 1, b"");
        assert_eq!(play.icmp(Problem::PacketTooBig { mtu: 0 }), [again], "{window}");
    }
}

#[test]
fn a_repeated_syn_ack_offers_what_the_path_takes_now() {
    let (mut play, fd) = linux();
    play.send(fd, &[0; 1000]);
    let text = play.seen.clone();
    play.remote.set_port(5001);
    play.inject(S, 0, 0, b"");
    assert_eq!(play.last().0.options.mss, Some(1460));
    play.seen = text;
    play.icmp(Problem::PacketTooBig { mtu: 600 });
    play.inject(S, 0, 0, b"");
    assert_eq!(play.last().0.options.mss, Some(560));
}

#[test]
fn a_syn_that_goes_again_offers_what_the_path_takes_by_then() {
    let (mut play, fd) = linux();
    let other = play.stack.socket(Domain::Inet).unwrap();
    play.remote.set_port(5001);
    assert_eq!(play.stack.connect(play.now, other, play.remote), Err(Errno::EINPROGRESS));
    play.drain();
    assert_eq!(play.last().0.options.mss, Some(1460));
    play.send(fd, &[0; 1000]);
    play.icmp(Problem::PacketTooBig { mtu: 600 });
    // The text goes again after 0.2 and 0.6 s.
    play.wait(1.1);
    let (again, _) = play.last();
    assert_eq!((again.flags, again.options.mss), (S, Some(560)));
}

#[test]
fn text_in_flight_goes_again_though_another_connection_knew_of_the_path_before() {
    let mut play = Play::new(Config::linux());
    let listener = play.listen(2);
    let [first, second] = [5000, 5001].map(|port| {
        play.remote.set_port(port);
        play.inject(S, 0, 0, b"");
        play.inject(A, 1, 1, b"");
        let (fd, _) = play.stack.accept(play.now, listener).unwrap();
        play.send(fd, &[0; 536]);
        play.seen.last().unwrap().clone()
    });
    play.seen.push(second);
    assert_eq!(play.icmp(Problem::PacketTooBig { mtu: 560 }).len(), 2);
    play.remote.set_port(5000);
    assert_eq!(play.inject(P, 1, 1, b"a").len(), 1, "an ACK");
    play.seen.push(first);
    assert_eq!(play.icmp(Problem::PacketTooBig { mtu: 560 }).len(), 2);
}

#[test]
fn a_duplicate_while_all_goes_again_stands_for_no_segment() {
    let [without, with] = [false, true].map(|duplicate| {
        let mut config = Config::linux();
        (config.tcp_sack, config.tcp_timestamps) = (false, 0);
        let (mut play, fd) = Play::established(config);
        assert_eq!(play.send(fd, &[0; 40_000]).len(), 10);
        play.icmp(Problem::PacketTooBig { mtu: 560 });
        if duplicate {
            assert_eq!(play.inject(A, 1, 1, b""), [""; 0]);
        }
        play.inject(A, 1, 10_000, b"")
    });
    assert_eq!(with, without);
}

#[test]
fn an_icmp_error_does_not_hurry_the_ack_of_a_fin() {
    let (mut play, _) = linux();
    assert_eq!(play.inject(F, 1, 1, b""), [""; 0]);
    assert_eq!(play.icmp(Problem::PacketTooBig { mtu: 1400 }), [""; 0]);
}

#[test]
fn a_smaller_path_does_not_repeat_the_syn_ack_of_a_simultaneous_open() {
    let mut play = Play::new(Config::linux());
    let (fd, _) = play.connect();
    play.inject(S, 0, 0, b"");
    assert_eq!(play.close(fd), ["F. 1:1(0) ack 1"]);
    assert_eq!(play.icmp(Problem::PacketTooBig { mtu: 600 }), [""; 0]);
}

#[test]
fn router_that_takes_more_does_not_raise_what_another_connection_has_found() {
    for mut config in [plain(), Config::linux()] {
        (config.tcp_timestamps, config.tcp_sack) = (0, false);
        let mut play = Play::new(config);
        let listener = play.listen(8);
        let open = |play: &mut Play, port| {
            play.remote.set_port(port);
            play.inject(S, 0, 0, b"");
            play.inject(A, 1, 1, b"");
            play.stack.accept(play.now, listener).unwrap().0
        };
        let (first, second) = (open(&mut play, 5000), open(&mut play, 5001));
        play.send(second, &[0; 1000]);
        let other = play.seen.last().unwrap().clone();
        play.send(first, &[0; 1000]);
        play.icmp(Problem::PacketTooBig { mtu: 600 });
        play.seen.push(other);
        play.icmp(Problem::PacketTooBig { mtu: 900 });
        let third = open(&mut play, 5002);
        assert_eq!(play.send(third, &[0; 1000])[0], ". 1:561(560) ack 1");
    }
}

#[test]
fn what_has_become_too_large_counts_as_it_was_until_it_goes_again() {
    let (mut play, fd) = linux();
    // Trains of 4, 5 and 1 segments; the first two are 4 and 6 of the path's, which fill the window.
    play.send(fd, &[0; 3900]);
    play.send(fd, &[0; 16_000]);
    assert_eq!(play.icmp(Problem::PacketTooBig { mtu: 1030 }).len(), 10);
    play.inject(A, 1, 9901, b"");
    let congestion = play.stack.snapshot(fd).unwrap().unwrap().congestion;
    assert_eq!(congestion.cwnd, (10 + 4 + 6 + 1) * 990);
}

#[test]
fn syn_ack_of_crossing_syns_offers_what_is_known_of_the_path_by_now_if_anything_was() {
    for (first, asked, expected) in [(Some(600), false, 520), (None, false, 1460), (None, true, 520)] {
        let (mut play, fd) = linux();
        play.send(fd, &[0; 1000]);
        let text = play.seen.last().cloned();
        if let Some(mtu) = first {
            play.icmp(Problem::PacketTooBig { mtu });
        }
        play.local.set_port(81);
        play.remote.set_port(5001);
        let (fd, _) = play.connect();
        // A message about the first connection.
        let syn = play.seen.last().cloned();
        play.seen.extend(text);
        play.icmp(Problem::PacketTooBig { mtu: 560 });
        play.stack.set_option(play.now, fd, SocketOption::NotSentLowAt(1)).unwrap();
        if asked {
            // One about the SYN, which says less.
            play.seen.extend(syn);
            play.icmp(Problem::PacketTooBig { mtu: 1280 });
        }
        play.inject(S, 0, 0, b"");
        assert_eq!(play.last().0.options.mss, Some(expected), "{first:?} {asked}");
    }
}
