//! Octets as a capture, and as datagrams of a capture that we write.
//!
//! Oracles: nothing panics; a refusal has a word; what is written of any datagrams is read, a segment for each.

use halfopen_engine::outcome::{Entry, Lane, Mark};
use halfopen_report::pcapng::exchange;
use halfopen_report::segments::segments;

/// Longest input that is tried.
const MOST_OCTETS: usize = 1 << 14;

/// Feeds octets to the reader of captures.
///
/// # Panics
/// When an oracle is violated.
pub(super) fn run(octets: &[u8]) {
    let octets = &octets[..octets.len().min(MOST_OCTETS)];
    if let Err(fault) = segments(octets) {
        assert!(!fault.is_empty(), "refused without a word");
    }
    let trace = cut(octets);
    let file = exchange("fuzz", &String::from_utf8_lossy(octets), &trace);
    let read = segments(&file).expect("our own capture");
    assert_eq!(read.len(), trace.len(), "{read:?}");
}

/// The octets cut into datagrams: one of length and direction, then so many.
fn cut(mut octets: &[u8]) -> Vec<Entry> {
    let mut trace = Vec::new();
    while let [first, rest @ ..] = octets {
        let (datagram, next) = rest.split_at(rest.len().min(usize::from(first / 2) + 1));
        octets = next;
        if datagram.is_empty() {
            break;
        }
        trace.push(Entry {
            at: i64::from(*first) * 1_000_000,
            line: Some(u32::from(*first)),
            file: None,
            lane: if first % 2 == 0 { Lane::Peer } else { Lane::Stack },
            text: String::from_utf8_lossy(&datagram[..datagram.len().min(8)]).into_owned(),
            octets: datagram.to_vec(),
            cited: Vec::new(),
            mark: Mark::Ok,
        });
    }
    trace
}
