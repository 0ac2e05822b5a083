//! Any octets as a datagram, through the stack's codec and the harness's.
//!
//! The input is judged twice: as it is, and with its lengths and checksums repaired, since no engine guesses those.
//! Oracles: nothing panics; both codecs accept the same and read the same from it; what parses emits as octets that
//! parse to the same; octets behind the datagram change nothing; an error that the stack would send is well-formed and
//! would not itself be answered.

mod agreement;
mod icmp;

use halfopen_engine::packet::{Body, Datagram, Ip};
use halfopen_stack::wire::tcp::{Cookie, Options, SackBlocks, Segment};
use halfopen_stack::wire::{Malformed, ip, tcp};

/// Longer inputs say nothing new and slow the engine down.
const MOST_OCTETS: usize = 2048;

/// Feeds octets to both codecs.
///
/// # Panics
/// When an oracle is violated.
pub fn run(octets: &[u8]) {
    let octets = &octets[..octets.len().min(MOST_OCTETS)];
    judge(octets);
    if let Ok(mut datagram) = Datagram::decode(octets) {
        assert_eq!(datagram.encode(), octets, "the harness's codec does not give back what it read");
        datagram.complete();
        judge(&datagram.encode());
    }
}

fn judge(octets: &[u8]) {
    // The stack takes no datagram out of another.
    let theirs = Datagram::decode_one(octets);
    match (ip::parse(octets), theirs) {
        (Ok(ours), Ok(theirs)) => {
            agreement::headers(&ours, &theirs);
            padding_changes_nothing(octets, &ours);
            upper_layer(&ours, &theirs);
        }
        (Ok(ours), Err(error)) => panic!("the stack accepts {ours:?}, the harness says: {error}"),
        (Err(fault), Ok(theirs)) => {
            assert!(!agreement::is_flawless(&theirs), "the stack refuses {theirs:?}: {fault}");
            refused(fault, octets);
        }
        (Err(fault), Err(_)) => refused(fault, octets),
    }
}

fn refused(fault: Malformed, octets: &[u8]) {
    assert!(!fault.to_string().is_empty());
    icmp::report(fault, octets);
}

fn padding_changes_nothing(octets: &[u8], ours: &ip::Datagram<'_>) {
    let padded = [octets, &[0xa5; 7]].concat();
    assert_eq!(ip::parse(&padded), Ok(*ours), "octets behind the datagram change it");
}

fn upper_layer(ours: &ip::Datagram<'_>, theirs: &Datagram) {
    if ours.protocol != ip::PROTOCOL_TCP {
        return icmp::judge(ours, theirs);
    }
    let parsed = tcp::parse(ours.src, ours.dst, ours.payload);
    match (&theirs.body, &parsed) {
        (Body::Tcp(body), Ok(segment)) => agreement::segments(segment, body),
        (Body::Tcp(body), Err(fault)) => {
            let right = agreement::offset_is_right(body) && agreement::checksum_is_right(theirs);
            assert!(!right, "the stack refuses {body:?}: {fault}");
        }
        // The harness shows fragments as octets, also those of a datagram in one piece, which a stack accepts.
        (Body::Other(_), Ok(_)) => assert!(matches!(theirs.ip, Ip::V6(_)), "{theirs:?}"),
        (Body::Other(_), Err(_)) => {}
        (Body::Udp(_) | Body::Icmp(_), _) => panic!("TCP to the stack, {theirs:?} to the harness"),
    }
    if let Ok(segment) = parsed {
        assert!(agreement::checksum_is_right(theirs) || matches!(theirs.body, Body::Other(_)), "{theirs:?}");
        emits_the_same(ours, &segment);
    }
}

/// What parsed is emitted, parses to the same, and satisfies the harness in every field.
fn emits_the_same(ours: &ip::Datagram<'_>, segment: &Segment<'_>) {
    let header =
        ip::Header { hop_limit: ours.hop_limit, dscp: ours.dscp, ecn: ours.ecn, ..ip::Header::new(ours.src, ours.dst) };
    let octets = tcp::emit(&header, segment);
    let again = ip::parse(&octets).expect("the stack parses what it emits");
    assert_eq!((again.src, again.dst, again.protocol), (ours.src, ours.dst, ours.protocol));
    assert_eq!((again.hop_limit, again.dscp, again.ecn), (ours.hop_limit, ours.dscp, ours.ecn));
    let parsed = tcp::parse(again.src, again.dst, again.payload).expect("the stack parses what it emits");
    assert_eq!(parsed, Segment { options: emitted(&segment.options), ..*segment });

    let mut theirs = Datagram::decode(&octets).expect("the harness decodes what the stack emits");
    theirs.complete();
    assert_eq!(theirs.encode(), octets, "a length or checksum of the stack is wrong");
}

/// What has to stand for `given` in an emitted segment.
///
/// The stack aligns each option to a word, as RFC 9293 3.1 lets it, so a list that was packed may not fit again. What makes up a
/// connection always fits: MSS, window scale, timestamps, the permission of SACK, MD5. Of the others each that finds no room behind
/// those before it is left out: the cookie, without which the handshake is an ordinary one (RFC 7413 4.2.1), the user timeout, which
/// is advice (RFC 5482 3), accurate ECN's counters, which the header's field repeats (RFC 9768 3.2.3), and the last SACK blocks
/// (RFC 2018 3). With room, all of them have to be there.
fn emitted(given: &Options) -> Options {
    let mut room = 40;
    let mut put = |octets: usize| {
        let fits = octets <= room;
        if fits {
            room -= octets;
        }
        fits
    };
    let connection = [
        (given.md5.is_some(), 20),
        (given.mss.is_some(), 4),
        (given.timestamps.is_some(), 12),
        (given.timestamps.is_none() && given.sack_permitted, 4),
        (given.window_scale.is_some(), 4),
    ];
    let all = connection.into_iter().filter(|(there, _)| *there).all(|(_, octets)| put(octets));
    assert!(all, "options of a handshake do not fit into a header: {given:?}");
    let words = |octets: usize| octets.div_ceil(4) * 4;
    let header = |cookie: &Cookie| if cookie.is_experimental() { 4 } else { 2 };
    let fast_open = given.fast_open.filter(|cookie| put(words(header(cookie) + cookie.as_slice().len())));
    let user_timeout = given.user_timeout.filter(|_| put(4));
    let accurate_ecn = given.accurate_ecn.filter(|option| put(words(2 + 3 * option.as_slice().len())));
    let mut sack = SackBlocks::NONE;
    for (index, block) in given.sack.iter().enumerate() {
        if put(if index == 0 { 12 } else { 8 }) {
            sack.push(block.left, block.right);
        }
    }
    Options { fast_open, user_timeout, accurate_ecn, sack, illegal: false, ..*given }
}
