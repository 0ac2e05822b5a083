//! What a stack tells about its connections and itself: snapshots and counters.

mod common;

use common::*;
use halfopen_stack::wire::tcp::Flags;
use halfopen_stack::{Config, Holder, SendFlags, Shutdown, State};

/// The value of a counter by `nstat`'s name.
fn count(play: &Play, name: &str) -> u64 {
    play.stack.counters().iter().find(|(known, _)| *known == name).expect("a counter of that name").1
}

#[test]
fn a_snapshot_has_the_variables_of_the_rfc() {
    let (mut play, fd) = Play::established(plain());
    play.inject(P, 1, 1, b"abc");
    play.inject(P, 6, 1, b"fgh");
    play.send(fd, b"0123456789");
    let snapshot = play.stack.snapshot(fd).unwrap().expect("it is connected");
    assert_eq!((snapshot.state, snapshot.holder), (State::Established, Holder::Socket(fd)));
    assert_eq!((snapshot.local, snapshot.remote), (play.local, play.remote));
    let (snd, rcv) = (&snapshot.snd, &snapshot.rcv);
    assert_eq!((snd.iss.distance(snd.una), snd.iss.distance(snd.nxt), snd.wnd), (1, 11, 10_000));
    assert_eq!((rcv.irs.distance(rcv.nxt), rcv.buffer), (4, 65_535));
    let held: Vec<_> = rcv.reassembly.iter().map(|(a, b)| (rcv.irs.distance(*a), rcv.irs.distance(*b))).collect();
    assert_eq!(held, [(6, 9)]);
    assert_eq!((snapshot.unread, snapshot.unacknowledged, snapshot.unsent), (3, 10, 0));
    assert_eq!((snapshot.congestion.flight, snapshot.congestion.pipe), (10, 10));
    let timers: Vec<_> = snapshot.timers.iter().map(|(name, _)| *name).collect();
    assert_eq!(timers, ["retransmission"]);
    assert_eq!(snapshot.timers[0].1.since(snapshot.at), snapshot.congestion.rto);
    let text = snapshot.to_string();
    assert!(text.contains("SND una 1 nxt 11 wnd 10000") && text.contains("held 6:9"), "{text}");
}

#[test]
fn every_connection_is_listed_with_its_holder() {
    let mut play = Play::new(plain());
    let listener = play.listen(4);
    let fresh = play.stack.socket(halfopen_stack::Domain::Inet).unwrap();
    assert_eq!(play.stack.snapshot(fresh), Ok(None));
    assert_eq!(play.stack.snapshot(99), Err(halfopen_stack::Errno::EBADF));
    for port in [5000, 5001, 5002] {
        play.remote.set_port(port);
        play.inject(S, 0, 0, b"");
        if port > 5000 {
            play.inject(A, 1, 1, b"");
        }
    }
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    play.close(fd);
    let listed: Vec<_> =
        play.stack.connections().map(|one| (one.remote.port(), one.holder, one.state, one.unacknowledged)).collect();
    assert_eq!(
        listed,
        [
            (5001, Holder::Nobody, State::FinWait1, 1),
            (5002, Holder::Queued(listener), State::Established, 0),
            (5000, Holder::HalfOpen(listener), State::SynReceived, 0),
        ]
    );
    assert_eq!(play.stack.snapshots().count(), 3);
}

#[test]
fn counters_have_the_names_of_nstat() {
    let mut play = Play::new(plain());
    let listener = play.listen(1);
    play.inject(A, 7, 7, b"");
    assert_eq!((count(&play, "TcpOutRsts"), count(&play, "TcpInSegs")), (1, 1));
    play.inject(S, 0, 0, b"");
    assert_eq!((count(&play, "TcpCurrEstab"), count(&play, "TcpPassiveOpens")), (0, 0));
    play.inject(A, 1, 1, b"");
    assert_eq!((count(&play, "TcpCurrEstab"), count(&play, "TcpPassiveOpens")), (1, 1));
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    let sent = count(&play, "TcpOutSegs");
    play.send(fd, b"text");
    play.wait(1.5);
    assert_eq!((count(&play, "TcpOutSegs"), count(&play, "TcpRetransSegs")), (sent + 1, 1));
    play.inject(R, 1, 5, b"");
    assert_eq!((count(&play, "TcpCurrEstab"), count(&play, "TcpEstabResets")), (0, 1));
    assert_eq!(count(&play, "IpInReceives"), 4);
}

#[test]
fn aborts_are_counted_by_their_reason() {
    let (mut play, fd) = Play::established(plain());
    play.inject(P, 1, 1, b"unread");
    play.close(fd);
    assert_eq!(count(&play, "TcpExtTCPAbortOnClose"), 1);

    let (mut play, fd) = Play::established(plain());
    play.close(fd);
    play.inject(P, 1, 1, b"nobody reads this");
    assert_eq!(count(&play, "TcpExtTCPAbortOnData"), 1);

    let (mut play, fd) = Play::established(Config { tcp_retries2: 1, ..plain() });
    play.send(fd, b"x");
    play.wait(10.0);
    assert_eq!(count(&play, "TcpExtTCPAbortOnTimeout"), 1);

    let (mut play, fd) = Play::established(plain());
    play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
    play.inject(F, 1, 2, b"");
    play.wait(300.0);
    assert_eq!(count(&play, "TcpExtTW"), 1);
}

fn info(play: &Play, fd: i32, name: &str) -> u64 {
    let info = play.stack.tcp_info(fd).unwrap();
    info.iter().find(|(field, _)| *field == format!("tcpi_{name}")).expect("a field").1
}

#[test]
fn tcp_info_tells_what_is_delivered_and_how_fast() {
    let (mut play, fd) = Play::established(plain());
    assert_eq!(info(&play, fd, "delivered"), 1, "the handshake");
    play.send(fd, &[0; 4000]);
    play.wait(0.1);
    play.inject(A, 1, 4001, b"");
    assert_eq!((info(&play, fd, "delivered"), info(&play, fd, "delivery_rate")), (5, 40_000));
    assert_eq!(info(&play, fd, "busy_time"), 100_000);
    play.wait(1.0);
    assert_eq!(info(&play, fd, "busy_time"), 100_000, "nothing to send is no work");
}

#[test]
fn tcp_info_tells_what_limits() {
    // A window for one of two segments; then all fits, and the buffer is what the user waits for.
    let mut config = plain();
    config.tcp_wmem = [4000, 4000, 4000];
    let (mut play, fd) = Play::established(config);
    play.window = 1000;
    play.inject(A, 1, 1, b"");
    play.send(fd, &[0; 2000]);
    play.wait(0.25);
    play.window = 10_000;
    play.inject(A, 1, 1001, b"");
    assert_eq!((info(&play, fd, "rwnd_limited"), info(&play, fd, "sndbuf_limited")), (250_000, 0));
    let taken = play.stack.send(play.now, fd, &[0; 9000], SendFlags::default()).unwrap();
    assert!(taken < 9000);
    play.drain();
    play.inject(A, 1, 2001, b"");
    play.wait(0.5);
    assert_eq!(info(&play, fd, "rwnd_limited"), 250_000);
    let (busy, limited) = (info(&play, fd, "busy_time"), info(&play, fd, "sndbuf_limited"));
    assert_eq!((busy, limited), (750_000, 500_000));
}

#[test]
fn tcp_info_counts_timeouts_and_their_time() {
    let (mut play, fd) = Play::established(plain());
    play.send(fd, &[0; 500]);
    // Expiries after 1 s and 3 s, an ACK after 4 s.
    play.wait(4.0);
    play.inject(A, 1, 501, b"");
    let totals = ["total_rto", "total_rto_recoveries", "total_rto_time"].map(|name| info(&play, fd, name));
    assert_eq!(totals, [2, 1, 3000]);
    play.send(fd, &[0; 500]);
    play.wait(20.0);
    assert_eq!(info(&play, fd, "total_rto_recoveries"), 2);
}

#[test]
fn tcp_info_tells_of_marks() {
    let mut play = Play::new(Config { tcp_ecn: 1, ..plain() });
    let (fd, _) = play.connect();
    play.inject(SA.with(Flags::ECE), 0, 1, b"");
    play.send(fd, &[0; 3000]);
    play.inject(A, 1, 1001, b"");
    play.inject(A.with(Flags::ECE), 1, 3001, b"");
    assert_eq!((info(&play, fd, "delivered"), info(&play, fd, "delivered_ce")), (4, 2));
}

#[test]
fn syn_ack_that_goes_again_for_a_syn_is_counted_as_a_retransmission() {
    for config in [plain(), Config::linux()] {
        let mut play = Play::new(config);
        let listener = play.listen(1);
        assert_eq!(play.inject(S, 0, 0, b""), play.inject(S, 0, 0, b""));
        play.inject(A, 1, 1, b"");
        let (fd, _) = play.stack.accept(play.now, listener).unwrap();
        assert_eq!(play.stack.tcp_info(fd).unwrap().total_retrans, 1);
    }
}
