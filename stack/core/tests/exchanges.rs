//! Exchanges of one connection with a scripted peer: opening, moving data, closing, resetting.

mod common;

use common::*;
use halfopen_stack::{Config, Errno, RecvFlags, Shutdown, SocketOption, State};
use std::time::Duration;

const NOTHING: [&str; 0] = [];

#[test]
fn closed_port_is_refused() {
    let mut play = Play::new(plain());
    assert_eq!(play.inject(S, 0, 0, b""), ["R. 0:0(0) ack 1"]);
    assert_eq!(play.inject(A, 5, 77, b"text"), ["R 77:77(0)"]);
    assert_eq!(play.inject(R, 0, 0, b""), NOTHING);
    assert_eq!(play.stack.citations().len(), 3);
}

#[test]
fn listener_serves_a_syn_and_repeats_its_answer() {
    let mut play = Play::new(plain());
    play.listen(1);
    assert_eq!(play.inject(S, 0, 0, b""), ["S. 0:0(0) ack 1"]);
    assert_eq!(play.inject(S, 0, 0, b""), ["S. 0:0(0) ack 1"], "the SYN again");
    let times: Vec<f64> = play.wait(1000.0).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [1.0, 3.0, 7.0, 15.0, 31.0, 63.0, 127.0, 247.0]);
    assert_eq!(play.inject(A, 1, 1, b""), ["R 1:1(0)"], "it has given up");
}

#[test]
fn linux_gives_up_a_half_open_connection_at_63_seconds() {
    let mut config = Config::linux();
    config.tcp_timestamps = 0;
    let mut play = Play::new(config);
    play.listen(1);
    play.inject(S, 0, 0, b"");
    let times: Vec<f64> = play.wait(62.9).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [1.0, 3.0, 7.0, 15.0, 31.0]);
    play.wait(0.2);
    assert_eq!(play.inject(A, 1, 1, b""), ["R 1:1(0)"]);
}

#[test]
fn linux_syn_schedule_is_linear_at_first() {
    let mut play = Play::new(Config::linux());
    let (fd, syn) = play.connect();
    assert_eq!(syn, ["S 0:0(0)"]);
    let times: Vec<f64> = play.wait(200.0).iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 11.0, 19.0, 35.0, 67.0]);
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::ETIMEDOUT));
    assert_eq!(play.stack.status(fd).unwrap().state, State::Closed);
}

#[test]
fn syn_received_ack_above_snd_nxt_is_reset() {
    let mut play = Play::new(plain());
    let listener = play.listen(1);
    play.inject(S, 0, 0, b"");
    assert_eq!(play.inject(A, 1, 2, b""), ["R 2:2(0)"]);
    assert_eq!(play.inject(A, 1, 0, b""), ["R 0:0(0)"]);
    assert_eq!(play.stack.accept(play.now, listener), Err(Errno::EAGAIN));
    assert_eq!(play.inject(A, 1, 1, b""), NOTHING, "the state stayed");
    assert!(play.stack.accept(play.now, listener).is_ok());
}

#[test]
fn syn_received_reset_returns_to_listen() {
    let mut play = Play::new(plain());
    play.listen(1);
    play.inject(S, 0, 0, b"");
    assert_eq!(play.inject(R, 1, 0, b""), NOTHING);
    assert_eq!(play.wait(300.0), []);
    assert_eq!(play.inject(S, 0, 0, b""), ["S. 0:0(0) ack 1"]);
}

#[test]
fn active_open_completes() {
    let mut play = Play::new(plain());
    let (fd, syn) = play.connect();
    assert_eq!(syn, ["S 0:0(0)"]);
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::EALREADY));
    assert_eq!(play.inject(SA, 0, 1, b""), [". 1:1(0) ack 1"]);
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Ok(()));
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::EISCONN));
}

#[test]
fn active_open_refused() {
    let mut play = Play::new(plain());
    let (fd, _) = play.connect();
    assert_eq!(play.inject(RA, 0, 2, b""), NOTHING, "not for our SYN");
    assert_eq!(play.inject(RA, 0, 1, b""), NOTHING);
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::ECONNREFUSED));
}

#[test]
fn simultaneous_open_ends_in_one_connection() {
    let mut play = Play::new(plain());
    let (fd, _) = play.connect();
    assert_eq!(play.inject(S, 0, 0, b""), ["S. 0:0(0) ack 1"]);
    assert_eq!(play.state(fd), State::SynReceived);
    assert_eq!(play.inject(SA, 0, 1, b""), NOTHING);
    assert_eq!(play.state(fd), State::Established);
    assert_eq!(play.inject(P, 1, 1, b"ab"), NOTHING);
    assert_eq!(play.read(fd), Ok(b"ab".to_vec()));
}

#[test]
fn the_timer_of_the_syn_runs_on_in_a_simultaneous_open() {
    // RFC 6298 5.1: only one that does not run is started.
    let mut play = Play::new(plain());
    play.connect();
    play.wait(0.4);
    assert_eq!(play.inject(S, 0, 0, b""), ["S. 0:0(0) ack 1"]);
    assert_eq!(play.wait(0.7), [(0.6, "S. 0:0(0) ack 1".to_owned())]);
}

#[test]
fn text_flows_both_ways() {
    let (mut play, fd) = Play::established(plain());
    assert_eq!(play.inject(P, 1, 1, &[7; 1000]), NOTHING);
    assert_eq!(play.inject(P, 1001, 1, &[8; 1000]), [". 1:1(0) ack 2001"]);
    assert_eq!(play.inject(P, 2001, 1, &[8; 10]), NOTHING);
    assert_eq!(play.wait(1.0), [(0.2, ". 1:1(0) ack 2011".to_owned())]);
    assert_eq!(play.read(fd).map(|text| text.len()), Ok(2010));
    assert_eq!(play.read(fd), Err(Errno::EAGAIN));
    assert_eq!(play.send(fd, &[1; 2500]), [". 1:1001(1000) ack 2011", ". 1001:2001(1000) ack 2011"], "Nagle holds 500");
    assert_eq!(play.inject(A, 2011, 2001, b""), ["P. 2001:2501(500) ack 2011"]);
}

#[test]
fn out_of_order_text_is_kept_and_delivered_in_order() {
    let (mut play, fd) = Play::established(plain());
    assert_eq!(play.inject(P, 4, 1, b"def"), [". 1:1(0) ack 1"]);
    assert_eq!(play.inject(F, 7, 1, b""), [". 1:1(0) ack 1"]);
    assert_eq!(play.inject(P, 1, 1, b"abc"), [". 1:1(0) ack 8"]);
    assert_eq!(play.read(fd), Ok(b"abcdef".to_vec()));
    assert_eq!(play.read(fd), Ok(vec![]));
    assert_eq!(play.state(fd), State::CloseWait);
}

#[test]
fn active_close_passes_through_time_wait() {
    let (mut play, fd) = Play::established(plain());
    assert_eq!(play.close(fd), ["F. 1:1(0) ack 1"]);
    assert_eq!(play.inject(A, 1, 2, b""), NOTHING);
    assert_eq!(play.inject(F, 1, 2, b""), [". 2:2(0) ack 2"]);
    play.wait(200.0);
    assert_eq!(play.inject(F, 1, 2, b""), [". 2:2(0) ack 2"], "the FIN again");
    play.wait(239.0);
    assert_eq!(play.inject(A, 2, 2, b""), NOTHING, "2MSL began anew");
    play.wait(2.0);
    assert_eq!(play.inject(A, 2, 2, b""), ["R 2:2(0)"]);
}

#[test]
fn passive_close_ends_in_closed() {
    let (mut play, fd) = Play::established(plain());
    assert_eq!(play.inject(F, 1, 1, b""), [". 1:1(0) ack 2"]);
    assert_eq!(play.send(fd, b"late"), ["P. 1:5(4) ack 2"]);
    assert_eq!(play.close(fd), ["F. 5:5(0) ack 2"]);
    assert_eq!(play.inject(A, 2, 6, b""), NOTHING);
    assert_eq!(play.inject(A, 2, 6, b""), ["R 6:6(0)"]);
}

#[test]
fn simultaneous_close_passes_through_closing() {
    let (mut play, fd) = Play::established(plain());
    play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
    assert_eq!(play.drain(), ["F. 1:1(0) ack 1"]);
    assert_eq!(play.inject(F, 1, 1, b""), [". 2:2(0) ack 2"]);
    assert_eq!(play.state(fd), State::Closing);
    assert_eq!(play.inject(A, 2, 2, b""), NOTHING);
    assert_eq!(play.state(fd), State::TimeWait);
}

#[test]
fn close_with_unread_text_or_without_linger_is_an_abort() {
    let (mut play, fd) = Play::established(plain());
    play.inject(P, 1, 1, b"unread");
    assert_eq!(play.close(fd), ["R. 1:1(0) ack 7"]);

    let (mut play, fd) = Play::established(plain());
    play.stack.set_option(play.now, fd, SocketOption::Linger(Some(Duration::ZERO))).unwrap();
    assert_eq!(play.close(fd), ["R. 1:1(0) ack 1"]);
}

#[test]
fn text_after_close_is_reset() {
    let (mut play, fd) = Play::established(plain());
    play.close(fd);
    play.inject(A, 1, 2, b"");
    assert_eq!(play.inject(P, 1, 2, b"late"), ["R 2:2(0)"]);
    assert_eq!(play.inject(A, 5, 2, b""), ["R 2:2(0)"], "closed");
}

#[test]
fn orphan_in_fin_wait_2_is_limited_and_a_half_close_is_not() {
    let (mut play, fd) = Play::established(plain());
    play.close(fd);
    play.inject(A, 1, 2, b"");
    play.wait(59.9);
    assert_eq!(play.stack.poll_at().map(|at| at.0 - play.now.0), Some(100_000));
    play.wait(0.2);
    assert_eq!(play.inject(F, 1, 2, b""), ["R 2:2(0)"]);

    let (mut play, fd) = Play::established(plain());
    play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
    play.drain();
    play.inject(A, 1, 2, b"");
    assert_eq!(play.stack.poll_at(), None);
}

#[test]
fn resets_are_judged_by_their_sequence_number() {
    //  seq  reply                  state
    let table = [
        (1, None, State::Closed),
        (2, Some(". 1:1(0) ack 1"), State::Established),
        (65_535, Some(". 1:1(0) ack 1"), State::Established),
        (65_536, None, State::Established),
        (0, None, State::Established),
    ];
    for (seq, reply, state) in table {
        let (mut play, fd) = Play::established(plain());
        assert_eq!(play.inject(R, seq, 0, b""), reply.into_iter().collect::<Vec<_>>(), "seq {seq}");
        assert_eq!(play.state(fd), state, "seq {seq}");
        if state == State::Closed {
            assert_eq!(play.read(fd), Err(Errno::ECONNRESET));
            assert_eq!(play.read(fd), Ok(vec![]));
        }
    }
}

#[test]
fn without_rfc_5961_any_reset_and_any_syn_in_the_window_ends_the_connection() {
    let (mut play, fd) = Play::established(Config::rfc793());
    assert_eq!(play.inject(R, 2, 0, b""), NOTHING);
    assert_eq!(play.state(fd), State::Closed);

    let (mut play, fd) = Play::established(Config::rfc793());
    assert_eq!(play.inject(S, 2, 0, b""), ["R. 0:0(0) ack 3"]);
    assert_eq!(play.state(fd), State::Closed);
}

#[test]
fn a_syn_below_the_window_is_cut_off_what_reaches_into_it() {
    let (mut play, fd) = Play::established(Config::rfc793());
    // Without an ACK nothing is left that counts.
    assert_eq!(play.inject(S, 0, 0, b"text"), NOTHING);
    play.inject(SA, 0, 1, b"text");
    let mut text = [0; 5];
    assert_eq!(play.stack.recv(play.now, fd, &mut text, RecvFlags::default()), Ok(4));
    assert_eq!(play.state(fd), State::Established);

    let (mut play, fd) = Play::established(plain());
    assert_eq!(play.inject(SA, 0, 1, b"text"), [". 1:1(0) ack 1"], "RFC 5961 4.2 asks for a challenge");
    assert_eq!(play.state(fd), State::Established);

    let mut play = Play::new(plain());
    play.listen(8);
    play.inject(S, 0, 0, b"");
    assert_eq!(play.inject(S, 9_u32.wrapping_neg(), 0, b"text of before"), NOTHING);
    assert_eq!(play.inject(A, 1, 1, b""), NOTHING, "still half-open");
}

#[test]
fn time_wait_is_reopened_by_a_higher_syn_only() {
    for (seq, reply) in [(2, "S. 0:0(0) ack 3"), (100_000, "S. 0:0(0) ack 100001"), (1, ". 2:2(0) ack 2")] {
        let (mut play, fd) = Play::established(plain());
        play.close(fd);
        assert_eq!(play.inject(F, 1, 2, b""), [". 2:2(0) ack 2"]);
        assert_eq!(play.inject(S, seq, 0, b""), [reply], "SYN at {seq}");
    }
}

#[test]
fn full_accept_queue_ignores_the_last_ack() {
    let mut play = Play::new(plain());
    let listener = play.listen(0);
    for port in [5000, 5001] {
        play.remote.set_port(port);
        play.inject(S, 0, 0, b"");
        if port == 5000 {
            assert_eq!(play.inject(A, 1, 1, b""), NOTHING);
        }
    }
    // The queue held one more than its limit, and is full: no further SYN is served.
    play.remote.set_port(5002);
    assert_eq!(play.inject(S, 0, 0, b""), NOTHING);
    assert!(play.stack.accept(play.now, listener).is_ok());
    assert_eq!(play.stack.accept(play.now, listener), Err(Errno::EAGAIN));
    assert_eq!(play.inject(S, 0, 0, b""), ["S. 0:0(0) ack 1"]);
}
