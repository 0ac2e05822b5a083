//! The send window: its right edge is where the peer has put it.

mod common;

use common::*;
use halfopen_stack::Config;

const NOTHING: [&str; 0] = [];

/// A segment that arrives late, here a retransmission that fills a gap, does not update SND.WND (RFC 9293 3.10.7.4), but
/// acknowledges: what SND.UNA advances, SND.WND loses. Otherwise the edge would move on by itself, and what is sent beyond the
/// window stays unacknowledged while the peer, whose window is closed, takes no ACK with such a number.
#[test]
fn an_ack_on_a_late_segment_leaves_the_right_edge_where_it_is() {
    for config in [plain(), Config::linux()] {
        let (mut play, fd) = Play::established(config);
        play.window = 4000;
        play.inject(P, 11, 1, b"later text");
        assert_eq!(play.send(fd, &[b'x'; 6000]).len(), 4, "up to 4001, the edge");
        play.window = 2000;
        let answer = play.inject(P, 1, 2001, b"first text");
        assert!(answer.iter().all(|line| line.contains("(0)")), "text beyond the window: {answer:?}");
        // The next segment in order tells of the window anew.
        play.window = 3000;
        assert_eq!(play.inject(A, 21, 2001, b"").first().map(String::as_str), Some(". 4001:5001(1000) ack 21"));
        assert_eq!(play.inject(A, 21, 2001, b""), NOTHING);
    }
}
