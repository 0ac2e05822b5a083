//! What the `linux` profile reports in SACK blocks, and what reports do to what it sends: differential fuzzing against the kernel has shown it.

mod common;

use common::*;
use halfopen_stack::{Config, SendFlags};

/// Without timestamps, scaling and spacing of ACKs, so that exchanges stay readable.
fn with(change: impl Fn(&mut Config)) -> Config {
    let mut config = Config::linux();
    (config.tcp_timestamps, config.tcp_window_scaling, config.tcp_invalid_ratelimit) = (0, false, 0);
    change(&mut config);
    config
}

/// A connection of which the peer's segments are `mss` octets at most.
fn established(config: Config, mss: u16) -> (Play, i32) {
    let mut play = Play::new(config);
    (play.options.sack_permitted, play.options.mss) = (true, Some(mss));
    let listener = play.listen(8);
    play.inject(S, 0, 0, b"");
    play.inject(A, 1, 1, b"");
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    (play, fd)
}

/// What the last of these segments draws, each with its first number and its length: blocks in the peer's numbers.
fn blocks(config: Config, segments: &[(u32, usize)]) -> Vec<(u32, u32)> {
    let (mut play, _) = established(config, 1000);
    for (seq, length) in segments {
        play.inject(A, *seq, 1, &vec![0; *length]);
    }
    let (last, _) = play.last();
    let number = |seq| PEER_ISN.distance(seq);
    last.options.sack.iter().map(|block| (number(block.left), number(block.right))).collect()
}

#[test]
fn four_blocks_are_remembered_and_an_older_one_is_forgotten() {
    for (keeps, expected) in [(true, vec![(8, 11), (6, 7), (4, 5)]), (false, vec![(8, 11), (6, 7), (4, 5), (2, 3)])] {
        let config = with(|config| config.sack_keeps_blocks = keeps);
        assert_eq!(blocks(config, &[2, 4, 6, 8, 10, 9].map(|seq| (seq, 1))), expected);
    }
}

#[test]
fn segment_that_follows_one_that_is_held_reports_no_duplicate() {
    for (keeps, expected) in [(true, vec![(2, 5)]), (false, vec![(4, 5), (2, 5)])] {
        let config = with(|config| config.sack_keeps_blocks = keeps);
        assert_eq!(blocks(config, &[(2, 1), (4, 1), (3, 2)]), expected);
    }
}

#[test]
fn duplicate_is_not_reported_if_it_was_appended_to_a_segment_that_is_met_first() {
    //  octets of the first, and of the duplicate   reported
    let table = [
        (1, 150, None),
        (1, 151, Some((4, 155))),
        (153, 446, None),
        (153, 447, Some((156, 603))),
        (600, 5, None),
        (601, 1022, None),
        (601, 1023, Some((604, 1627))),
    ];
    for (first, length, duplicate) in table {
        let again = (2 + first as u32 + 1, length);
        let mut expected = vec![(2, again.0 + length as u32)];
        expected.splice(..0, duplicate);
        assert_eq!(
            blocks(with(|_| ()), &[(2, first), again, (again.0 - 1, 1), again]),
            expected,
            "{first} and {length}"
        );
    }
}

#[test]
fn segment_that_stands_higher_in_the_tree_is_met_first() {
    // The third has made the second the root. So far as age goes the first would be met before it.
    assert_eq!(blocks(with(|_| ()), &[(2, 1), (5, 1), (7, 1), (3, 2), (5, 1)]), [(5, 6), (2, 6), (7, 8)]);
    // Without it the first is the root.
    assert_eq!(blocks(with(|_| ()), &[(2, 1), (5, 1), (3, 2), (5, 1)]), [(2, 6)]);
}

#[test]
fn text_in_order_reports_what_of_it_was_held() {
    // Segments, and what is reported of the last, which is in order.
    let table: [(&[(u32, usize)], _); 4] = [
        (&[(3, 2), (1, 3)], vec![(3, 4)]),
        (&[(3, 1), (4, 1), (1, 4)], vec![(3, 5)]),
        // Of two that do not touch the first one.
        (&[(3, 1), (5, 1), (8, 1), (1, 5)], vec![(3, 4), (8, 9)]),
        (&[(1, 1), (4, 1), (0, 4)], vec![(0, 2)]),
    ];
    for (segments, expected) in table {
        assert_eq!(blocks(with(|_| ()), segments), expected, "{segments:?}");
    }
}

#[test]
fn text_behind_a_fin_that_waited_is_taken_with_it() {
    for (keeps, expected, read) in [(true, "ack 6", "1234"), (false, "ack 5", "123")] {
        let (mut play, fd) = established(with(|config| config.sack_keeps_blocks = keeps), 1000);
        play.inject(A, 2, 1, b"23");
        play.inject(F, 4, 1, b"");
        play.inject(A, 5, 1, b"4");
        let line = play.inject(A, 1, 1, b"1").pop().unwrap();
        assert!(line.ends_with(expected), "{line}");
        assert_eq!(play.read(fd), Ok(read.into()));
    }
}

#[test]
fn window_of_segments_is_in_use_however_small_they_are() {
    let (mut play, fd) = established(with(|_| ()), 48);
    play.stack.send(play.now, fd, &[0; 8000], SendFlags::default()).unwrap();
    let mut rounds = vec![play.drain().len()];
    // Blocks that are due make segments smaller.
    for (seq, acknowledged) in [(3, 481), (5, 1201), (7, 2321), (9, 3921)] {
        rounds.push(play.inject(A, seq, acknowledged, b"x").len());
    }
    assert_eq!(rounds, [10, 20, 40, 80, 160]);
}
