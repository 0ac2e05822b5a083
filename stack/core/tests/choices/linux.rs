//! What Linux looks at in a segment, and RFC 9293 otherwise. `tests/linux_checks.rs` has more of each.

use super::*;
use halfopen_stack::config::Acceptable;
use halfopen_stack::wire::icmp::Problem;
use halfopen_stack::wire::tcp::Flags;
use halfopen_stack::{Domain, Errno, SendFlags, Shutdown, SocketOption};

/// A SYN with RST below RCV.NXT that ends there.
fn reset_below(set: Set) -> String {
    line(&Play::established(plain_with(set)).0.inject(S.with(R), 0, 0, b""))
}

/// A SYN inside the window of a half-open connection.
fn syn_in_window(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.listen(8);
    play.inject(S, 0, 0, b"");
    line(&play.inject(S, 5, 0, b""))
}

/// Text for a window that has become smaller.
fn smaller_window(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.window = 600;
    play.inject(A, 1, 1, b"");
    play.stack.send(play.now, fd, &[0; 1000], SendFlags::default()).unwrap();
    line(&play.drain())
}

/// Whether the SYN,ACK of a simultaneous open permits SACK, which the peer's SYN does not.
fn crossing(set: Set) -> String {
    let mut config = plain_with(set);
    config.tcp_sack = true;
    let mut play = Play::new(config);
    play.connect();
    play.inject(S, 0, 0, b"");
    play.last().0.options.sack_permitted.to_string()
}

/// A connection with SACK.
fn with_sack(set: Set) -> (Play, i32) {
    let mut config = plain_with(set);
    config.tcp_sack = true;
    let mut play = Play::new(config);
    play.options.sack_permitted = true;
    let fd = play.passive_open();
    (play, fd)
}

/// Octets that a SACK block reports of one with FIN.
fn reported(set: Set) -> String {
    let (mut play, _) = with_sack(set);
    play.inject(F, 2, 1, b"x");
    let (last, _) = play.last();
    last.options.sack.iter().map(|block| block.left.distance(block.right).to_string()).collect()
}

/// Blocks behind the fifth island.
fn remembered(set: Set) -> String {
    let (mut play, _) = with_sack(set);
    for seq in [2, 4, 6, 8, 10, 9] {
        play.inject(A, seq, 1, b"x");
    }
    play.last().0.options.sack.len().to_string()
}

/// Text while a SACK block is due.
fn cut(set: Set) -> String {
    let (mut play, fd) = with_sack(set);
    play.inject(A, 2, 1, b"x");
    line(&play.send(fd, &[0; 2000])[..1])
}

/// Two segments out, then what goes out once a block reports the second together with what was acknowledged before.
fn reported_from_below(set: Set) -> String {
    let (mut play, fd) = with_sack(set);
    play.send(fd, &[0; 1000]);
    play.inject(A, 1, 1001, b"");
    play.stack.send(play.now, fd, &[0; 8000], SendFlags::default()).unwrap();
    play.drain();
    line(&play.sack(1001, &[(501, 2001)]))
}

/// The first text behind ECE with a report that an octet that was never sent has come twice, where the SYN,ACK went again.
fn reported_unsent(set: Set) -> String {
    let mut config = plain_with(set);
    (config.tcp_sack, config.tcp_dsack, config.ece_needs_flight) = (true, true, true);
    config.ecn_waits_at_one_segment = false;
    let mut play = Play::new(config);
    play.options.sack_permitted = true;
    let listener = play.listen(8);
    play.inject(SETUP, 0, 0, b"");
    play.wait(1.0);
    play.inject(A, 1, 1, b"");
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    play.sack_with(A.with(Flags::ECE), 1, &[(1, 2), (0, 9)]);
    line(&play.send(fd, b"text"))
}

fn syn_fin(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.listen(8);
    line(&play.inject(S.with(Flags::FIN), 0, 0, b""))
}

fn half_open_shutdown(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    let (fd, _) = play.connect();
    play.inject(S, 0, 0, b"");
    play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
    line(&play.drain())
}

fn text_behind_shutdown(set: Set) -> String {
    let (mut play, fd) = Play::established({
        let mut config = plain_with(set);
        config.acceptable = Acceptable::Linux;
        config
    });
    play.stack.shutdown(play.now, fd, Shutdown::Both).unwrap();
    play.drain();
    play.inject(A, 1, 2, b"");
    line(&play.inject(P, 1, 2, b"late"))
}

fn late_reset(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.inject(F, 1, 1, b"");
    play.stack.shutdown(play.now, fd, Shutdown::Write).unwrap();
    play.inject(R, 2, 0, b"");
    format!("{:?}", play.stack.send(play.now, fd, b"x", SendFlags::default()).unwrap_err())
}

/// An ACK of before RCV.NXT with an old timestamp.
fn old_ack(set: Set) -> String {
    let mut config = plain_with(set);
    config.tcp_timestamps = 1;
    let mut play = Play::new(config);
    play.listen(8);
    play.timestamp(100_000, 0);
    play.inject(S, 0, 0, b"");
    play.inject(A, 1, 1, b"");
    play.timestamp(99_000, 0);
    line(&play.inject(A, 0, 1, b""))
}

/// An ACK behind a window that was taken back.
fn behind_window(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.send(fd, &[0; 1000]);
    play.window = 0;
    play.inject(A, 1, 1, b"");
    line(&play.inject(S, 1, 0, b""))
}

fn urgent_zero(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.inject(A.with(Flags::URG), 1, 1, b"x");
    format!("{:?}", play.read(fd))
}

/// ABORT behind urgent text and marked text.
fn abort_of_all(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    let fd = play.passive_open_by(SETUP);
    play.window = 0;
    play.inject(A, 1, 1, b"");
    play.stack.send(play.now, fd, b"text", SendFlags { oob: true, ..SendFlags::default() }).unwrap();
    play.drain();
    play.ecn = 3;
    play.inject(P, 1, 1, b"text");
    line(&play.close(fd))
}

/// Urgent pointers of a train that goes again in smaller segments.
fn urgent_again(set: Set) -> String {
    let mut config = Config::linux();
    set(&mut config);
    let (mut play, fd) = Play::established(config);
    play.stack.send(play.now, fd, &[0; 900], SendFlags { oob: true, ..SendFlags::default() }).unwrap();
    play.drain();
    play.icmp(Problem::PacketTooBig { mtu: 0 });
    let pointer = |datagram: &[u8]| u16::from_be_bytes([datagram[38], datagram[39]]);
    format!("{:?}", play.seen[2..].iter().map(|(_, datagram)| pointer(datagram)).collect::<Vec<_>>())
}

/// The text behind ECE on an ACK of something that was sent after the first reduction, but not of the text that told the peer of it.
fn ece_before_cwr(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    let fd = play.passive_open_by(SETUP);
    play.stack.set_option(play.now, fd, SocketOption::NoDelay(true)).unwrap();
    play.send(fd, &[0; 4000]);
    play.inject(A | Flags::ECE, 1, 1, b"");
    // CWR goes with what the acknowledgment of all that lets out.
    play.inject(A, 1, 4001, b"");
    play.send(fd, &[0; 2000]);
    play.inject(A | Flags::ECE, 1, 4002, b"");
    play.inject(A, 1, 6001, b"");
    line(&play.send(fd, &[0; 1]))
}

/// The first text behind ECE that nothing had caused.
fn early_ece(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    let fd = play.passive_open_by(SETUP);
    play.inject(A.with(Flags::ECE), 1, 1, b"");
    line(&play.send(fd, b"text"))
}

/// How much is read up to the mark of text whose third octet a later segment calls urgent.
fn urgent_late(set: Set) -> String {
    let mut config = plain_with(set);
    config.acceptable = Acceptable::Linux;
    let (mut play, fd) = Play::established(config);
    play.inject(P, 1, 1, b"text");
    play.inject(A.with(Flags::URG), 4, 1, b"tx");
    format!("{:?}", play.read(fd).map(|text| text.len()))
}

/// How much is read of text whose second octet is urgent, when the pointer moves on behind the peer's FIN.
fn urgent_after_fin(set: Set) -> String {
    let mut config = plain_with(set);
    config.urgent_zero_is_one = true;
    let (mut play, fd) = Play::established(config);
    play.inject(P, 1, 1, b"t");
    play.inject(A.with(Flags::URG), 2, 1, b"ext");
    play.inject(F, 5, 1, b"");
    play.inject(A.with(Flags::URG), 6, 1, b"");
    format!("{:?}", play.read(fd).map(|text| text.len()))
}

fn late_size(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.stack.set_option(play.now, fd, SocketOption::MaxSeg(500)).unwrap();
    line(&play.send(fd, &[0; 1000])[..1])
}

/// When a FIN is acknowledged.
fn fin(set: Set) -> String {
    let (mut play, _) = Play::established(plain_with(set));
    let at_once = line(&play.inject(F, 1, 1, b""));
    if at_once.is_empty() { times(&play.wait(1.0)) } else { at_once }
}

/// TS.Recent behind a FIN with a newer timestamp and an acknowledgment that is old.
fn stamp_of_old_ack(set: Set) -> String {
    let mut config = plain_with(set);
    config.tcp_timestamps = 1;
    let mut play = Play::new(config);
    play.timestamp(100, 0);
    let fd = play.passive_open();
    play.send(fd, b"x");
    play.inject(A, 1, 2, b"");
    play.timestamp(200, 0);
    play.inject(F, 1, 1, b"");
    play.last().0.options.timestamps.unwrap().ecr.to_string()
}

/// The last ACK of a handshake, with the echo of a timestamp of long ago, or of `later` than the SYN,ACK.
fn strange_echo(set: Set, later: bool) -> String {
    let mut config = plain_with(set);
    config.tcp_timestamps = 1;
    config.mini_sockets = true;
    let mut play = Play::new(config);
    play.timestamp(100, 0);
    play.listen(8);
    play.inject(S, 0, 0, b"");
    let syn_ack = play.last().0.options.timestamps.unwrap().val;
    play.wait(0.5);
    play.timestamp(100, if later { syn_ack + 500 } else { 1 });
    line(&play.inject(A, 1, 1, b""))
}

/// What `shutdown` of a socket that is not connected makes of the next simultaneous open.
fn early_shutdown(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    let fd = play.stack.socket(Domain::Inet).unwrap();
    play.stack.bind(fd, play.local).unwrap();
    assert_eq!(play.stack.shutdown(play.now, fd, Shutdown::Both), Err(Errno::ENOTCONN));
    play.stack.connect(play.now, fd, play.remote).unwrap_err();
    play.drain();
    play.inject(S, 0, 0, b"");
    let sent = line(&play.inject(A, 1, 1, b""));
    format!("{sent}: {:?}", play.read(fd))
}

/// What a marked FIN ahead of text draws, and marked text behind a FIN.
fn marked(set: Set) -> String {
    let mut seen = Vec::new();
    for (first, flags, seq, text) in [(A, F, 5, &b""[..]), (F, A, 2, b"late")] {
        let mut play = Play::new(plain_with(set));
        play.passive_open_by(SETUP);
        play.inject(first, 1, 1, b"");
        play.ecn = 3;
        play.inject(flags, seq, 1, text);
        play.ecn = 0;
        seen.extend(play.inject(A, 0, 1, b""));
    }
    line(&seen)
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "ts_recent_by_ack",
        play: stamp_of_old_ack,
        values: &[(|c| c.ts_recent_by_ack = false, "200"), (|c| c.ts_recent_by_ack = true, "100")],
    },
    Row {
        field: "half_open_echo_check",
        play: |set| strange_echo(set, false),
        values: &[(|c| c.half_open_echo_check = false, ""), (|c| c.half_open_echo_check = true, ". 1:1(0) ack 1")],
    },
    Row {
        field: "half_open_echo_check",
        play: |set| strange_echo(set, true),
        values: &[(|c| c.half_open_echo_check = false, ""), (|c| c.half_open_echo_check = true, ". 1:1(0) ack 1")],
    },
    Row {
        field: "shutdown_is_remembered",
        play: early_shutdown,
        values: &[
            (|c| c.shutdown_is_remembered = false, ": Err(EAGAIN)"),
            (|c| c.shutdown_is_remembered = true, "F. 1:1(0) ack 1: Ok([])"),
        ],
    },
    Row {
        field: "ce_counts_where_kept",
        play: marked,
        values: &[
            (|c| c.ce_counts_where_kept = false, ". 1:1(0) ack 1, E. 1:1(0) ack 2"),
            (|c| c.ce_counts_where_kept = true, "E. 1:1(0) ack 1, . 1:1(0) ack 2"),
        ],
    },
    Row {
        field: "acceptable",
        play: reset_below,
        values: &[(|c| c.acceptable = Acceptable::Table, ""), (|c| c.acceptable = Acceptable::Linux, ". 1:1(0) ack 1")],
    },
    Row {
        field: "mini_sockets",
        play: syn_in_window,
        values: &[(|c| c.mini_sockets = false, ""), (|c| c.mini_sockets = true, "R. 0:0(0) ack 6")],
    },
    Row {
        field: "smaller_window_needs_news",
        play: smaller_window,
        values: &[
            (|c| c.smaller_window_needs_news = false, ""),
            (|c| c.smaller_window_needs_news = true, "P. 1:1001(1000) ack 1"),
        ],
    },
    Row {
        field: "crossing_syn_ack_offers",
        play: crossing,
        values: &[(|c| c.crossing_syn_ack_offers = false, "false"), (|c| c.crossing_syn_ack_offers = true, "true")],
    },
    Row {
        field: "sack_counts_controls",
        play: reported,
        values: &[(|c| c.sack_counts_controls = false, "1"), (|c| c.sack_counts_controls = true, "2")],
    },
    Row {
        field: "sack_keeps_blocks",
        play: remembered,
        values: &[(|c| c.sack_keeps_blocks = false, "4"), (|c| c.sack_keeps_blocks = true, "3")],
    },
    Row {
        field: "sack_shortens_text",
        play: cut,
        values: &[
            (|c| c.sack_shortens_text = false, ". 1:1001(1000) ack 1"),
            (|c| c.sack_shortens_text = true, ". 1:989(988) ack 1"),
        ],
    },
    Row {
        field: "sack_begins_above_una",
        play: reported_from_below,
        values: &[
            (|c| c.sack_begins_above_una = false, ". 5001:6001(1000) ack 1"),
            (|c| c.sack_begins_above_una = true, ""),
        ],
    },
    Row {
        field: "dsack_of_unsent",
        play: reported_unsent,
        values: &[
            (|c| c.dsack_of_unsent = false, "[ect0] P. 1:5(4) ack 1"),
            (|c| c.dsack_of_unsent = true, "[ect0] PW. 1:5(4) ack 1"),
        ],
    },
    Row {
        field: "listen_drops_syn_fin",
        play: syn_fin,
        values: &[(|c| c.listen_drops_syn_fin = false, "S. 0:0(0) ack 1"), (|c| c.listen_drops_syn_fin = true, "")],
    },
    Row {
        field: "shutdown_spares_half_open",
        play: half_open_shutdown,
        values: &[
            (|c| c.shutdown_spares_half_open = false, "F. 1:1(0) ack 1"),
            (|c| c.shutdown_spares_half_open = true, ""),
        ],
    },
    Row {
        field: "shut_reading_resets",
        play: text_behind_shutdown,
        values: &[(|c| c.shut_reading_resets = true, "R 2:2(0)"), (|c| c.shut_reading_resets = false, "")],
    },
    Row {
        field: "late_reset_is_error",
        play: late_reset,
        values: &[(|c| c.late_reset_is_error = false, "EPIPE"), (|c| c.late_reset_is_error = true, "ECONNRESET")],
    },
    Row {
        field: "paws_spares_acks",
        play: old_ack,
        values: &[(|c| c.paws_spares_acks = false, ". 1:1(0) ack 1"), (|c| c.paws_spares_acks = true, "")],
    },
    Row {
        field: "ack_within_window",
        play: behind_window,
        values: &[
            (|c| c.ack_within_window = false, ". 1001:1001(0) ack 1"),
            (|c| c.ack_within_window = true, ". 1:1(0) ack 1"),
        ],
    },
    Row {
        field: "urgent_zero_is_one",
        play: urgent_zero,
        values: &[(|c| c.urgent_zero_is_one = false, "Ok([120])"), (|c| c.urgent_zero_is_one = true, "Err(EAGAIN)")],
    },
    Row {
        field: "urgent_is_ahead",
        play: urgent_late,
        values: &[(|c| c.urgent_is_ahead = false, "Ok(2)"), (|c| c.urgent_is_ahead = true, "Ok(5)")],
    },
    Row {
        field: "urgent_behind_fin",
        play: urgent_after_fin,
        values: &[(|c| c.urgent_behind_fin = false, "Ok(1)"), (|c| c.urgent_behind_fin = true, "Ok(4)")],
    },
    Row {
        field: "train_has_one_urgent_pointer",
        play: urgent_again,
        values: &[
            (|c| c.train_has_one_urgent_pointer = false, "[900, 388]"),
            (|c| c.train_has_one_urgent_pointer = true, "[900, 900]"),
        ],
    },
    Row {
        field: "abort_says_all",
        play: abort_of_all,
        values: &[
            (|c| c.abort_says_all = false, "R. 1:1(0) ack 5"),
            (|c| c.abort_says_all = true, "RUE. 1:1(0) ack 5"),
        ],
    },
    Row {
        field: "ece_waits_for_cwr",
        play: ece_before_cwr,
        values: &[
            (|c| c.ece_waits_for_cwr = true, "[ect0] P. 6001:6002(1) ack 1"),
            (|c| c.ece_waits_for_cwr = false, "[ect0] PW. 6001:6002(1) ack 1"),
        ],
    },
    Row {
        field: "ece_needs_flight",
        play: early_ece,
        values: &[
            (|c| c.ece_needs_flight = false, "[ect0] PW. 1:5(4) ack 1"),
            (|c| c.ece_needs_flight = true, "[ect0] P. 1:5(4) ack 1"),
        ],
    },
    Row {
        field: "fin_ack_waits",
        play: fin,
        values: &[(|c| c.fin_ack_waits = false, ". 1:1(0) ack 2"), (|c| c.fin_ack_waits = true, "0.2")],
    },
    Row {
        field: "max_seg_of_handshake",
        play: late_size,
        values: &[
            (|c| c.max_seg_of_handshake = false, ". 1:501(500) ack 1"),
            (|c| c.max_seg_of_handshake = true, "P. 1:1001(1000) ack 1"),
        ],
    },
];
