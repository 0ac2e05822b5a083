//! A listener's queues, SYN cookies, `TCP_DEFER_ACCEPT`, orphans and TIME-WAIT entries, as Linux has them.

mod common;

use common::*;
use halfopen_stack::wire::tcp::{Options, Timestamps};
use halfopen_stack::{Config, Errno, SocketOption, State};

/// Linux's queues with no options but the segment size.
fn linux() -> Config {
    let mut config = Config::linux();
    config.tcp_timestamps = 0;
    config.tcp_window_scaling = false;
    config.tcp_sack = false;
    config
}

fn count(play: &Play, name: &str) -> u64 {
    let (_, value) = play.stack.counters().iter().find(|(counter, _)| *counter == format!("TcpExt{name}")).unwrap();
    value
}

/// A SYN from another port: what is answered.
fn syn_from(play: &mut Play, port: u16) -> Vec<String> {
    play.remote.set_port(port);
    play.inject(S, 0, 0, b"")
}

/// A whole handshake from another port: what answers the last ACK.
fn handshake_from(play: &mut Play, port: u16) -> Vec<String> {
    assert_eq!(syn_from(play, port).len(), 1, "a SYN,ACK for port {port}");
    play.inject(A, 1, 1, b"")
}

#[test]
fn accept_queue_holds_one_more_than_the_backlog_and_then_syns_are_dropped() {
    let mut play = Play::new(linux());
    let listener = play.listen(1);
    for port in [5000, 5001] {
        assert_eq!(handshake_from(&mut play, port), [""; 0]);
    }
    assert_eq!(syn_from(&mut play, 5002), [""; 0]);
    assert_eq!((count(&play, "ListenOverflows"), count(&play, "ListenDrops")), (1, 1));
    play.stack.accept(play.now, listener).unwrap();
    assert_eq!(handshake_from(&mut play, 5002), [""; 0]);
}

#[test]
fn last_ack_at_a_full_accept_queue_is_dropped_and_the_syn_ack_repeated() {
    let mut play = Play::new(linux());
    let listener = play.listen(1);
    handshake_from(&mut play, 4999);
    // Both are half-open before one of them fills the queue.
    syn_from(&mut play, 5001);
    let second = play.last().0.seq;
    syn_from(&mut play, 5000);
    assert_eq!(count(&play, "TCPReqQFullDoCookies"), 0);
    assert_eq!(play.inject(A, 1, 1, b""), [""; 0]);
    play.remote.set_port(5001);
    play.iss = second;
    assert_eq!(play.inject(A, 1, 1, b""), [""; 0], "the last ACK is ignored");
    assert_eq!(play.inject(P, 1, 1, b"text"), [""; 0], "and so is text");
    assert_eq!(count(&play, "ListenOverflows"), 2);
    let times: Vec<f64> = play
        .wait(40.0)
        .into_iter()
        .map(|(at, line)| {
            assert_eq!(line, "S. 0:0(0) ack 1");
            at
        })
        .collect();
    assert_eq!(times, [1.0, 3.0, 7.0, 15.0, 31.0]);
    // Room at last: the text, sent again, completes the handshake.
    play.stack.accept(play.now, listener).unwrap();
    play.stack.accept(play.now, listener).unwrap();
    assert_eq!(play.inject(P, 1, 1, b"text"), [". 1:1(0) ack 5"]);
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    assert_eq!(play.read(fd).unwrap(), b"text");
}

#[test]
fn abort_on_overflow_answers_the_last_ack_with_a_reset() {
    let mut config = linux();
    config.tcp_abort_on_overflow = true;
    let mut play = Play::new(config);
    play.listen(1);
    handshake_from(&mut play, 4999);
    syn_from(&mut play, 5001);
    let second = play.last().0.seq;
    syn_from(&mut play, 5000);
    play.inject(A, 1, 1, b"");
    play.remote.set_port(5001);
    play.iss = second;
    assert_eq!(play.inject(A, 1, 1, b""), ["R 1:1(0)"]);
    assert_eq!(count(&play, "EmbryonicRsts"), 1);
}

#[test]
fn half_open_connections_are_bounded_by_the_backlog() {
    //  cookies  max_syn_backlog  backlog -> SYN,ACKs that are kept, SYN,ACKs that are not, dropped
    let table = [(0, 2048, 2, 3, 0, 3), (1, 2048, 2, 3, 3, 0), (2, 2048, 2, 0, 6, 0), (0, 4, 100, 4, 0, 2)];
    for (cookies, most, backlog, kept, by_cookie, dropped) in table {
        let mut config = linux();
        config.tcp_syncookies = cookies;
        config.tcp_max_syn_backlog = most;
        let mut play = Play::new(config);
        play.listen(backlog);
        let answered: usize = (0..6).map(|port| syn_from(&mut play, 5000 + port).len()).sum();
        let half_open = play.stack.connections().filter(|one| one.state == State::SynReceived).count();
        let seen = (half_open, count(&play, "SyncookiesSent"), 6 - answered);
        assert_eq!(seen, (kept, by_cookie, dropped), "syncookies {cookies}, backlog {backlog}");
        assert_eq!(count(&play, "ListenDrops"), dropped as u64);
    }
}

#[test]
fn cookie_brings_the_connection_back_and_a_wrong_one_draws_a_reset() {
    let mut config = linux();
    config.tcp_syncookies = 2;
    let mut play = Play::new(config);
    let listener = play.listen(8);
    assert_eq!(play.inject(S, 0, 0, b""), ["S. 0:0(0) ack 1"]);
    assert_eq!(play.wait(10.0), [], "nothing is kept, so nothing is repeated");
    assert_eq!(play.inject(A, 1, 5_000, b""), ["R 5000:5000(0)"]);
    assert_eq!(count(&play, "SyncookiesFailed"), 1);
    assert_eq!(play.inject(A, 1, 1, b""), [""; 0]);
    assert_eq!(count(&play, "SyncookiesRecv"), 1);
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    // The peer's 1000 is kept as 536.
    play.send(fd, &[0; 1072]);
    assert_eq!(play.last().0.payload.len(), 536);
}

#[test]
fn cookie_lasts_two_minutes() {
    for (seconds, reply) in [(59.0, ""), (200.0, "R 1:1(0)")] {
        let mut config = linux();
        config.tcp_syncookies = 2;
        let mut play = Play::new(config);
        play.listen(8);
        play.inject(S, 0, 0, b"");
        play.wait(seconds);
        assert_eq!(play.inject(A, 1, 1, b"").join(""), reply, "after {seconds} s");
    }
}

#[test]
fn cookie_keeps_options_in_the_timestamp() {
    let mut config = Config::linux();
    config.tcp_syncookies = 2;
    let mut play = Play::new(config);
    let listener = play.listen(8);
    let timestamps = Some(Timestamps { val: 100, ecr: 0 });
    play.options =
        Options { mss: Some(1460), window_scale: Some(7), sack_permitted: true, timestamps, ..Options::default() };
    play.inject(S, 0, 0, b"");
    let answer = play.last().0.options;
    assert!(answer.sack_permitted && answer.window_scale.is_some());
    play.wait(0.2);
    play.timestamp(300, answer.timestamps.unwrap().val);
    assert_eq!(play.inject(A, 1, 1, b""), [""; 0]);
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    let snapshot = play.stack.snapshot(fd).unwrap().unwrap();
    assert!(snapshot.sack && snapshot.timestamps && snapshot.window_scaling);
    // 10,000 of the window field, scaled by 7.
    assert_eq!(play.stack.status(fd).unwrap().snd_wnd, 1_280_000);
    // Without a timestamp on the SYN there is room for nothing.
    play.remote.set_port(5001);
    play.options.timestamps = None;
    play.inject(S, 0, 0, b"");
    let answer = play.last().0.options;
    assert_eq!((answer.sack_permitted, answer.window_scale, answer.timestamps), (false, None, None));
}

#[test]
fn defer_accept_waits_for_text() {
    let mut play = Play::new(linux());
    let listener = play.listen(8);
    play.stack.set_option(play.now, listener, SocketOption::DeferAccept(3)).unwrap();
    assert_eq!(handshake_from(&mut play, 5000), [""; 0]);
    assert_eq!(play.stack.accept(play.now, listener).err(), Some(Errno::EAGAIN));
    assert_eq!(play.inject(P, 1, 1, b"text"), [". 1:1(0) ack 5"]);
    assert!(play.stack.accept(play.now, listener).is_ok());
    assert_eq!(count(&play, "TCPDeferAcceptDrop"), 1);
    // Without text the peer is asked once more at the end of the time, and then believed.
    assert_eq!(handshake_from(&mut play, 5001), [""; 0]);
    assert_eq!(play.wait(5.0), [(3.0, "S. 0:0(0) ack 1".to_owned())]);
    assert_eq!(play.inject(A, 1, 1, b""), [""; 0]);
    assert!(play.stack.accept(play.now, listener).is_ok());
}

#[test]
fn time_waits_beyond_the_limit_are_left_out() {
    for (limit, reply) in [(1, ". 2:2(0) ack 2"), (0, "R 2:2(0)")] {
        let mut config = linux();
        config.tcp_max_tw_buckets = limit;
        let (mut play, fd) = Play::established(config);
        play.close(fd);
        assert_eq!(play.inject(F, 1, 2, b""), [". 2:2(0) ack 2"]);
        assert_eq!(count(&play, "TCPTimeWaitOverflow"), u64::from(limit == 0));
        assert_eq!(play.inject(F, 1, 2, b""), [reply], "the FIN again");
    }
}
