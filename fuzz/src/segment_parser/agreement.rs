//! What the two codecs must read alike.

use halfopen_engine::packet::options::{self, FAST_OPEN_ID, RawOption, kind};
use halfopen_engine::packet::{Body, Datagram, Ip, Tcp, protocol};
use halfopen_stack::seq::SeqNum;
use halfopen_stack::wire::ip;
use halfopen_stack::wire::tcp::{AccurateEcn, Cookie, Options, SackBlocks, Segment, Timestamps, UserTimeout};

pub(super) fn headers(ours: &ip::Datagram<'_>, theirs: &Datagram) {
    assert_eq!((ours.src, ours.dst), (theirs.ip.src(), theirs.ip.dst()));
    assert_eq!((ours.hop_limit, ours.dscp << 2 | ours.ecn), (theirs.ip.ttl(), theirs.ip.tos()));
    if let Ip::V4(v4) = &theirs.ip {
        assert!(same_sum(v4.checksum, v4.computed()), "the stack accepts a wrong header checksum: {v4:?}");
        assert!(!v4.is_fragment(), "the stack accepts a fragment: {v4:?}");
    }
}

/// Nothing about the IP layer of this datagram gives a stack a reason to refuse it. Options and extension headers may,
/// so they count as flaws here.
pub(super) fn is_flawless(theirs: &Datagram) -> bool {
    let payload = theirs.body.len();
    match &theirs.ip {
        Ip::V4(v4) => {
            v4.options.is_empty()
                && usize::from(v4.total_len) == 20 + payload
                && same_sum(v4.checksum, v4.computed())
                && !v4.is_fragment()
                && !v4.src.is_multicast()
                && !v4.src.is_broadcast()
                && [protocol::TCP, protocol::ICMP].contains(&v4.protocol)
        }
        Ip::V6(v6) => {
            v6.extensions.is_empty()
                && usize::from(v6.payload_len) == payload
                && !v6.src.is_multicast()
                && [protocol::TCP, protocol::ICMPV6].contains(&v6.next_header)
        }
    }
}

/// Where zero is right, all ones make the same sum: one's complement has two zeros. Not the other way round: all ones
/// are right only over nothing but zeros, whose sum is then the wrong zero.
fn same_sum(field: u16, right: u16) -> bool {
    field == right || (field, right) == (0xffff, 0)
}

pub(super) fn checksum_is_right(theirs: &Datagram) -> bool {
    same_sum(theirs.checksum(), theirs.computed())
}

pub(super) fn offset_is_right(theirs: &Tcp) -> bool {
    usize::from(theirs.data_offset) == theirs.true_offset()
}

pub(super) fn segments(ours: &Segment<'_>, theirs: &Tcp) {
    assert!(offset_is_right(theirs), "the stack accepts a wrong data offset: {theirs:?}");
    assert_eq!((ours.src_port, ours.dst_port), (theirs.src_port, theirs.dst_port));
    assert_eq!((ours.seq.0, ours.ack.0), (theirs.seq, theirs.ack));
    assert_eq!(ours.flags.bits(), theirs.flags);
    assert_eq!((ours.window, ours.urgent), (theirs.window, theirs.urgent));
    assert_eq!(ours.payload, theirs.payload);
    assert_eq!(ours.options, by_harness(&theirs.options));
}

/// The options that a stack must know of this area, read with the harness's iterator.
fn by_harness(area: &[u8]) -> Options {
    let mut known = Options::default();
    for option in options::iter(area) {
        match option {
            RawOption::Eol => break,
            RawOption::Nop => {}
            RawOption::Malformed(_) => known.illegal = true,
            RawOption::Known { kind, data } => {
                if !take(&mut known, kind, data) {
                    known.illegal = true;
                }
            }
        }
    }
    known
}

/// RFC 5482; the harness has no notation of its own for it.
const USER_TIMEOUT: u8 = 28;

fn take(known: &mut Options, kind: u8, data: &[u8]) -> bool {
    let word = |at: usize| u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
    match (kind, data) {
        (kind::MSS, [a, b]) => known.mss = Some(u16::from_be_bytes([*a, *b])),
        (kind::WINDOW_SCALE, [shift]) => known.window_scale = Some(*shift),
        (kind::SACK_PERMITTED, []) => known.sack_permitted = true,
        (kind::TIMESTAMPS, [_, _, _, _, _, _, _, _]) => {
            known.timestamps = Some(Timestamps { val: word(0), ecr: word(4) });
        }
        (kind::SACK, _) if !data.is_empty() && data.len().is_multiple_of(8) => {
            known.sack = SackBlocks::NONE;
            for at in (0..data.len()).step_by(8) {
                assert!(known.sack.push(SeqNum(word(at)), SeqNum(word(at + 4))), "five SACK blocks in 40 octets");
            }
        }
        (USER_TIMEOUT, [a, b]) => {
            known.user_timeout =
                Some(UserTimeout { minutes: a & 0x80 != 0, value: u16::from_be_bytes([a & 0x7f, *b]) });
        }
        (kind::FAST_OPEN, _) => match Cookie::new(data) {
            Some(cookie) => known.fast_open = Some(cookie),
            None => return false,
        },
        (kind::MD5, _) if data.len() == 16 => known.md5 = data.try_into().ok(),
        (kind::ACC_ECN0 | kind::ACC_ECN1, _) => {
            // Whole counters are read, of three octets each (RFC 9768 3.2.3).
            let fields: Vec<u32> =
                data.chunks_exact(3).map(|field| u32::from_be_bytes([0, field[0], field[1], field[2]])).collect();
            let read = if kind == kind::ACC_ECN0 { AccurateEcn::e0b_first } else { AccurateEcn::e1b_first };
            known.accurate_ecn = Some(read(&fields));
        }
        (kind::EXPERIMENTAL, [a, b, cookie @ ..]) if [*a, *b] == FAST_OPEN_ID => match Cookie::new(cookie) {
            Some(cookie) => known.fast_open = Some(cookie.experimental(true)),
            None => return false,
        },
        (kind, _) => {
            let length_is_fixed = [
                kind::MSS,
                kind::WINDOW_SCALE,
                kind::SACK_PERMITTED,
                kind::TIMESTAMPS,
                kind::SACK,
                kind::MD5,
                USER_TIMEOUT,
            ];
            return !length_is_fixed.contains(&kind);
        }
    }
    true
}

/// Whether the harness sees the ICMP message that the stack sees.
pub(super) fn is_icmp(theirs: &Datagram) -> bool {
    matches!(theirs.body, Body::Icmp(_))
}
