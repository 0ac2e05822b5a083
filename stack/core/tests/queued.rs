//! Datagrams that have been waiting together (`Stack::receive_queued`): RFC 9293 3.10.7.4, MUST-58 and MUST-59.

mod common;

use common::{A, F, P, Play, plain};
use halfopen_stack::wire::ip::Header;
use halfopen_stack::wire::tcp::{self, Flags, Segment};
use halfopen_stack::{Config, SeqNum};

const TEXT: [u8; 1000] = [7; 1000];

/// Segments of the peer, what is sent when they come one by one, and what when they come from a queue.
type Row<'a> = (&'a [(Flags, u32, usize)], &'a [&'a str], &'a [&'a str]);

/// The peer's segments, as datagrams: flags, sequence number relative to the peer's first, octets of text.
fn datagrams(play: &mut Play, segments: &[(Flags, u32, usize)]) -> Vec<Vec<u8>> {
    let (last, _) = play.last();
    let (peer_isn, ack) = (last.ack.minus(1), last.seq.plus(1));
    let header = Header::new(play.remote.ip(), play.local.ip());
    let emit = |&(flags, seq, text): &(Flags, u32, usize)| {
        let segment = Segment {
            src_port: play.remote.port(),
            dst_port: play.local.port(),
            seq: peer_isn.plus(seq),
            ack: if flags.ack() { ack } else { SeqNum(0) },
            flags,
            window: 10_000,
            payload: &TEXT[..text],
            ..Segment::default()
        };
        tcp::emit(&header, &segment)
    };
    segments.iter().map(emit).collect()
}

/// A connection whose ACKs are delayed, so that it shows what is sent at once.
fn config() -> Config {
    let mut config = plain();
    config.quick_acks = 0;
    config
}

#[test]
fn text_of_a_queue_is_acknowledged_once_and_what_is_out_of_order_at_once() {
    let text = |seq| (A, seq, 1000);
    let table: [Row<'_>; 7] = [
        (
            &[text(1), text(1001), text(2001), text(3001)],
            &[". 1:1(0) ack 2001", ". 1:1(0) ack 4001"],
            &[". 1:1(0) ack 4001"],
        ),
        (&[text(1)], &[], &[]),
        (&[text(1), (P, 1001, 500)], &[], &[]),
        // A gap is told of by every segment behind it, and so is its end.
        (
            &[text(1), text(2001), text(3001), text(1001)],
            &[". 1:1(0) ack 1001", ". 1:1(0) ack 1001", ". 1:1(0) ack 4001"],
            &[". 1:1(0) ack 1001", ". 1:1(0) ack 1001", ". 1:1(0) ack 4001"],
        ),
        // So is what was taken before.
        (
            &[text(1), text(1001), text(1)],
            &[". 1:1(0) ack 2001", ". 1:1(0) ack 2001"],
            &[". 1:1(0) ack 2001", ". 1:1(0) ack 2001"],
        ),
        // A FIN ends the run.
        (&[text(1), (F, 1001, 0)], &[". 1:1(0) ack 1002"], &[". 1:1(0) ack 1002"]),
        // A reset in the middle: what came before it is acknowledged, what is behind finds nobody.
        (
            &[text(1), text(1001), text(2001), text(3001), (Flags::RST, 4001, 0), text(4001)],
            &[". 1:1(0) ack 2001", ". 1:1(0) ack 4001", "R 1:1(0)"],
            &[". 1:1(0) ack 4001", "R 1:1(0)"],
        ),
    ];
    for (segments, one_by_one, queued) in table {
        let (mut play, _) = Play::established(config());
        let arriving = datagrams(&mut play, segments);
        for datagram in &arriving {
            play.stack.receive(play.now, datagram);
        }
        assert_eq!(play.drain(), one_by_one, "{segments:?}, one by one");

        let (mut play, fd) = Play::established(config());
        let arriving = datagrams(&mut play, segments);
        play.stack.receive_queued(play.now, arriving.iter().map(Vec::as_slice));
        assert_eq!(play.drain(), queued, "{segments:?}, from a queue");
        let sent: usize = segments.iter().map(|(_, _, text)| text).sum();
        assert!(play.read(fd).is_ok_and(|text| text.len() <= sent && text.iter().all(|octet| *octet == 7)));
    }
}

#[test]
fn a_long_queue_is_acknowledged_every_64_kibibytes() {
    let mut config = config();
    config.tcp_window_scaling = true;
    config.tcp_rmem = [4096, 200_000, 200_000];
    let mut play = Play::new(config);
    play.options.window_scale = Some(7);
    play.listen(8);
    play.inject(Flags::SYN, 0, 0, b"");
    play.inject(A, 1, 1, b"");
    // The window of the handshake ends at 65,535.
    for seq in 0..2 {
        play.inject(A, 1 + 1000 * seq, 1, &TEXT);
    }
    let segments: Vec<_> = (2..140).map(|n| (A, 1 + 1000 * n, 1000)).collect();
    let arriving: Vec<Vec<u8>> = {
        let mut all = datagrams(&mut play, &[]);
        let (last, _) = play.last();
        let (nxt, ack) = (last.ack.minus(2001), last.seq);
        let header = Header::new(play.remote.ip(), play.local.ip());
        all.extend(segments.iter().map(|(flags, seq, _)| {
            let segment = Segment {
                src_port: play.remote.port(),
                dst_port: play.local.port(),
                seq: nxt.plus(*seq),
                ack,
                flags: *flags,
                window: 10_000,
                payload: &TEXT,
                ..Segment::default()
            };
            tcp::emit(&header, &segment)
        }));
        all
    };
    play.stack.receive_queued(play.now, arriving.iter().map(Vec::as_slice));
    let acks: Vec<u32> =
        play.drain().iter().map(|line| line.rsplit(' ').next().unwrap().parse::<u32>().unwrap()).collect();
    assert_eq!(acks.last(), Some(&140_001), "{acks:?}");
    assert!(acks.windows(2).all(|pair| pair[1] - pair[0] <= 1 << 16), "{acks:?}");
    assert!(acks.len() <= 4, "{acks:?}");
}
