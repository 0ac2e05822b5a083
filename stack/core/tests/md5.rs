//! Signed segments (RFC 2385): who is heard, what is sent, and how large.

mod common;

use common::*;
use halfopen_stack::wire::tcp::{Flags, Segment};
use halfopen_stack::wire::{ip, tcp};
use halfopen_stack::{Config, Domain, Errno, SeqNum};
use md5::{Digest, Md5};

const KEY: &[u8] = b"a key";

/// The digest as RFC 2385 2.0 has it, from an IPv4 datagram as it is on the wire.
fn digest(datagram: &[u8], key: &[u8]) -> [u8; 16] {
    let (header, segment) = datagram.split_at(20);
    let length = segment.len() as u16;
    let mut octets = header[12..20].to_vec();
    octets.extend([0, 6]);
    octets.extend(length.to_be_bytes());
    octets.extend(&segment[..16]);
    octets.extend([0, 0]);
    octets.extend(&segment[18..20]);
    octets.extend(&segment[4 * usize::from(segment[12] >> 4)..]);
    octets.extend(key);
    Md5::digest(octets).into()
}

/// A datagram of the peer, signed with `key` if there is one.
fn datagram(play: &Play, flags: Flags, seq: u32, ack: u32, key: Option<&[u8]>) -> Vec<u8> {
    let mut segment = Segment {
        src_port: play.remote.port(),
        dst_port: play.local.port(),
        seq: SeqNum(seq),
        ack: SeqNum(if flags.ack() { play.iss.0.wrapping_add(ack) } else { 0 }),
        flags,
        window: 10_000,
        ..Segment::default()
    };
    if flags.syn() {
        segment.options.mss = Some(1000);
        segment.options.timestamps = Some(tcp::Timestamps { val: 1, ecr: 0 });
    }
    let header = ip::Header::new(play.remote.ip(), play.local.ip());
    if let Some(key) = key {
        segment.options.md5 = Some([0; 16]);
        segment.options.md5 = Some(digest(&tcp::emit(&header, &segment), key));
    }
    tcp::emit(&header, &segment)
}

fn inject(play: &mut Play, flags: Flags, seq: u32, ack: u32, key: Option<&[u8]>) -> usize {
    let datagram = datagram(play, flags, seq, ack, key);
    play.stack.receive(play.now, &datagram);
    play.drain().len()
}

/// Whether the last datagram has a right signature; `None` if it has none.
fn signed(play: &Play) -> Option<bool> {
    let (_, datagram) = play.seen.last().expect("a datagram");
    let (segment, _) = play.last();
    segment.options.md5.map(|claimed| claimed == digest(datagram, KEY))
}

#[test]
fn only_the_signed_are_heard_and_every_answer_is_signed() {
    let mut play = Play::new(Config::linux());
    let listener = play.listen(4);
    play.stack.set_md5_key(listener, play.remote.ip(), KEY).unwrap();
    for (key, answers) in [(None, 0), (Some(&b"another"[..]), 0), (Some(KEY), 1)] {
        assert_eq!(inject(&mut play, S, 0, 0, key), answers, "{key:?}");
    }
    let counters = play.stack.counters();
    assert_eq!((counters.tcp_md5_not_found, counters.tcp_md5_failure, counters.tcp_md5_unexpected), (1, 1, 0));
    assert_eq!(signed(&play), Some(true), "SYN,ACK");
    assert_eq!(play.last().0.options.timestamps, None, "no room for them and for SACK");
    assert_eq!(inject(&mut play, A, 1, 1, None), 0);
    assert!(play.stack.accept(play.now, listener).is_err());
    inject(&mut play, A, 1, 1, Some(KEY));
    let (fd, _) = play.stack.accept(play.now, listener).unwrap();
    play.stack.send(play.now, fd, &[7; 3000], halfopen_stack::SendFlags::default()).unwrap();
    play.drain();
    let sizes: Vec<usize> = play.seen.iter().map(|(_, datagram)| datagram.len()).filter(|size| *size > 500).collect();
    assert_eq!(sizes[0], 1040, "the option comes out of the text (RFC 9293 3.7.1): 1,000 octets and the fixed headers");
    assert_eq!(signed(&play), Some(true), "text");
    assert_eq!(inject(&mut play, S, 5_000_000, 0, Some(KEY)), 1, "a challenge");
    assert_eq!(signed(&play), Some(true), "challenge ACK");
    let remote = play.remote;
    play.remote.set_port(9);
    assert_eq!(inject(&mut play, A, 1, 1, Some(KEY)), 1);
    assert!(play.last().0.flags.rst() && signed(&play) == Some(true), "the reset for what belongs to nothing");
    play.remote = remote;
    assert_eq!(inject(&mut play, R, 1, 0, None), 0);
    assert_eq!(play.state(fd), halfopen_stack::State::Established, "an unsigned reset is nothing");
}

#[test]
fn client_signs_from_the_syn_on_and_its_key_goes_with_the_next_socket() {
    let mut play = Play::new(Config::rfc9293());
    let fd = play.stack.socket(Domain::Inet).unwrap();
    assert_eq!(play.stack.set_md5_key(fd, play.remote.ip(), b""), Err(Errno::ENOENT));
    assert_eq!(play.stack.set_md5_key(fd, play.remote.ip(), &[1; 81]), Err(Errno::EINVAL));
    play.stack.set_md5_key(fd, play.remote.ip(), KEY).unwrap();
    play.stack.bind(fd, play.local).unwrap();
    assert_eq!(play.stack.connect(play.now, fd, play.remote), Err(Errno::EINPROGRESS));
    play.drain();
    assert_eq!(signed(&play), Some(true));
    play.close(fd);
    play.connect();
    assert_eq!(signed(&play), None);
}

#[test]
fn signature_that_nobody_asked_for_is_refused() {
    let mut play = Play::new(Config::rfc9293());
    play.listen(4);
    assert_eq!(inject(&mut play, S, 0, 0, Some(KEY)), 0);
    assert_eq!(play.stack.counters().tcp_md5_unexpected, 1);
    assert_eq!(inject(&mut play, S, 0, 0, None), 1);
}
