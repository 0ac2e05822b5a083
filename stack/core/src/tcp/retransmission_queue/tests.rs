use super::*;
use alloc::vec::Vec;

fn sent(seq: u32, text: u32) -> Sent {
    Sent::text(SeqNum(seq), text, Instant(u64::from(seq)))
}

#[test]
fn acknowledgment_inside_a_segment_trims_it() {
    let mut queue = RetransmissionQueue::default();
    queue.push(Sent { syn: true, ..sent(10, 5) });
    queue.push(Sent { fin: true, ..sent(16, 4) });
    assert_eq!(queue.acknowledge(SeqNum(13)).sample_since, None);
    assert_eq!(queue.front(), Some(&Sent { seq: SeqNum(13), text: 3, at: Instant(10), ..sent(13, 3) }));
    assert_eq!(queue.acknowledge(SeqNum(20)).sample_since, Some(Instant(10)));
    assert_eq!(queue.front().map(Sent::len), Some(1), "the FIN is left");
    assert_eq!(queue.pipe(), Tally { segments: 1, octets: 1 });
    queue.check();
}

#[test]
fn repeated_segment_gives_no_sample() {
    let mut queue = RetransmissionQueue::default();
    queue.push(sent(0, 10));
    queue.push(Sent { repeated: true, ..sent(10, 10) });
    let acknowledged = queue.acknowledge(SeqNum(20));
    assert_eq!(acknowledged.sample_since, None);
    assert!(acknowledged.any_repeated);
}

#[test]
fn segment_whose_report_is_forgotten_gives_no_sample() {
    let mut queue = RetransmissionQueue::default();
    queue.push(sent(0, 10));
    queue.push(sent(10, 10));
    queue.sack(SeqNum(10), SeqNum(20), |_| {});
    queue.forget_sacks();
    queue.mark_all_lost();
    queue.check();
    assert_eq!(queue.acknowledge(SeqNum(10)).sample_since, Some(Instant(0)));
    let mut again = None;
    queue.sack(SeqNum(10), SeqNum(20), |sent| again = Some(*sent));
    assert!(again.is_some_and(|sent| sent.repeated), "nobody can tell when it arrived: {again:?}");
    let acknowledged = queue.acknowledge(SeqNum(20));
    assert_eq!((acknowledged.sample_since, acknowledged.any_repeated), (None, true));
}

#[test]
fn a_train_of_larger_segments_is_lost_and_cut_anew_as_one() {
    let mut queue = RetransmissionQueue::default();
    queue.push(sent(0, 10));
    queue.push(sent(10, 10));
    queue.push(Sent { psh: Psh::Train, ..sent(20, 3) });
    queue.push(Sent { fin: true, psh: Psh::Text, ..sent(23, 4) });
    queue.mark_larger_trains_lost(10);
    assert_eq!((queue.lost(), queue.len()), (0, 4));
    queue.mark_larger_trains_lost(8);
    assert_eq!((queue.lost(), queue.len()), (3, 4));
    let sizes = |queue: &RetransmissionQueue| queue.iter().map(|sent| (sent.text, sent.psh)).collect::<Vec<_>>();
    queue.join_waiting(8);
    assert_eq!(sizes(&queue), [(23, Psh::Train), (4, Psh::Text)]);
    queue.first_lost(8);
    queue.repeated(SeqNum(0), Instant(1));
    queue.count_rest(SeqNum(8), 8);
    assert_eq!(sizes(&queue), [(8, Psh::No), (8, Psh::No), (7, Psh::Train), (4, Psh::Text)]);
    // The peer's window cuts the next one short.
    queue.first_lost(3);
    queue.repeated(SeqNum(8), Instant(1));
    queue.count_rest(SeqNum(11), 8);
    assert_eq!(sizes(&queue), [(8, Psh::No), (3, Psh::No), (8, Psh::No), (4, Psh::Train), (4, Psh::Text)]);
    queue.check();
}

#[test]
fn a_train_that_goes_again_is_looked_at_a_bounded_number_of_times() {
    for (before, after) in [(10, 10), (10, 8), (16, 8)] {
        let mut queue = RetransmissionQueue::default();
        for number in 0..500 {
            queue.push(sent(number * before, before));
        }
        queue.mark_all_lost();
        let (steps, mut seq) = (queue.steps(), 0);
        while let Some(first) = {
            queue.join_waiting(after);
            queue.first_lost(after)
        } {
            assert_eq!(first.seq, SeqNum(seq));
            queue.repeated(first.seq, Instant(1));
            seq += first.text;
            queue.count_rest(SeqNum(seq), after);
        }
        assert_eq!(seq, 500 * before);
        let looks = queue.steps() - steps;
        assert!(looks < 16 * queue.len() as u32, "{looks} at {} segments", queue.len());
        queue.check();
    }
}

#[test]
fn what_is_left_of_a_train_counts_anew_when_an_ack_ends_inside_it() {
    // what is acknowledged of segments of 10, 10 and 3, the segments that are left, and by how many they are fewer
    for (una, sizes, fewer) in
        [(4, &[10, 9][..], 1), (2, &[10, 10, 1], 0), (12, &[10, 1], 0), (13, &[10], 1), (21, &[2], 0)]
    {
        let mut queue = RetransmissionQueue::default();
        queue.push(sent(0, 10));
        queue.push(sent(10, 10));
        queue.push(Sent { psh: Psh::Train, ..sent(20, 3) });
        queue.acknowledge(SeqNum(una));
        assert_eq!(queue.recount_front(), fewer, "{una}");
        assert_eq!(queue.iter().map(|sent| sent.text).collect::<Vec<_>>(), sizes, "{una}");
        queue.check();
    }
    // Behind a path that took less the first segment may be the smallest.
    let mut uneven = RetransmissionQueue::default();
    uneven.push(sent(0, 2));
    uneven.push(Sent { psh: Psh::Train, ..sent(2, 10) });
    uneven.acknowledge(SeqNum(1));
    assert_eq!((uneven.recount_front(), uneven.len()), (0, 2), "11 octets in segments of 10");
}

#[test]
fn what_was_acknowledged_of_a_segment_counts_when_the_path_takes_less() {
    // what is acknowledged, and whether what is left of segments of 10 and 9 is lost when 8 octets pass
    for (una, lost) in [(&[4][..], true), (&[2, 4], true), (&[10], true), (&[10, 12], true), (&[4, 12], false)] {
        let mut queue = RetransmissionQueue::default();
        queue.push(sent(0, 10));
        queue.push(Sent { psh: Psh::Text, ..sent(10, 9) });
        for una in una {
            queue.acknowledge(SeqNum(*una));
        }
        queue.mark_larger_trains_lost(8);
        assert_eq!(queue.lost() > 0, lost, "{una:?}");
    }
    // What is left of a train of 10, 10 and 5, each as an ACK leaves it.
    for (una, lost) in [(12, true), (16, true), (17, false)] {
        let mut queue = RetransmissionQueue::default();
        queue.push(sent(0, 10));
        queue.push(sent(10, 10));
        queue.push(Sent { psh: Psh::Text, ..sent(20, 5) });
        queue.acknowledge(SeqNum(una));
        queue.mark_larger_trains_lost(8);
        assert_eq!(queue.lost() > 0, lost, "{una}");
    }
    // One that went alone is as large as it was, until it goes again.
    let mut queue = RetransmissionQueue::default();
    queue.push(Sent { psh: Psh::Text, ..sent(0, 10) });
    queue.acknowledge(SeqNum(4));
    queue.mark_larger_trains_lost(8);
    assert_eq!(queue.lost(), 1);
    queue.unmark_lost();
    queue.repeated(SeqNum(4), Instant(1));
    queue.mark_larger_trains_lost(8);
    assert_eq!(queue.lost(), 0);
}

#[test]
fn lost_segment_is_cut_to_the_segment_size() {
    let mut queue = RetransmissionQueue::default();
    queue.push(Sent { fin: true, psh: Psh::Text, ..sent(0, 10) });
    queue.mark_all_lost();
    let head = queue.first_lost(4);
    assert_eq!(head.map(|head| (head.text, head.fin, head.psh)), Some((4, false, Psh::No)));
    assert_eq!(
        queue.back().map(|tail| (tail.seq, tail.text, tail.fin, tail.psh)),
        Some((SeqNum(4), 6, true, Psh::Text))
    );
    assert_eq!(queue.pipe(), Tally::default());
    queue.check();
}

#[test]
fn lost_segments_leave_the_pipe_and_their_retransmissions_enter_it() {
    let mut queue = RetransmissionQueue::default();
    for seq in 0..5 {
        queue.push(sent(seq * 10, 10));
    }
    queue.mark_all_lost();
    assert_eq!(queue.pipe().segments, 0);
    for seq in [0, 10] {
        assert_eq!(queue.first_lost(10).map(|sent| sent.seq), Some(SeqNum(seq)));
        queue.repeated(SeqNum(seq), Instant(100));
        queue.check();
    }
    assert_eq!(queue.pipe(), Tally { segments: 2, octets: 20 });
    queue.mark_front_lost();
    assert_eq!(queue.first_lost(10).map(|sent| sent.seq), Some(SeqNum(0)), "lost once more");
    queue.acknowledge(SeqNum(15));
    assert_eq!(queue.first_lost(10).map(|sent| sent.seq), Some(SeqNum(20)));
    assert_eq!(queue.pipe(), Tally { segments: 1, octets: 5 });
    queue.check();
}
