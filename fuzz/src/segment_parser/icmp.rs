//! ICMP: what arrives, and what the stack would send about a datagram that it refuses.

use super::agreement;
use halfopen_engine::packet::{Body, Datagram, Ip};
use halfopen_stack::wire::icmp::{self, Error, Message, Withheld};
use halfopen_stack::wire::{Malformed, ip};
use std::net::IpAddr;

/// A host of the family of this datagram.
fn host(octets: &[u8]) -> IpAddr {
    if octets[0] >> 4 == 4 { IpAddr::from([10, 0, 0, 1]) } else { IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1]) }
}

pub(super) fn judge(ours: &ip::Datagram<'_>, theirs: &Datagram) {
    match icmp::parse(ours) {
        Ok(message) => {
            assert!(agreement::checksum_is_right(theirs) || !agreement::is_icmp(theirs), "{theirs:?}");
            match message {
                Message::Error(error) => quotes_agree(&error, theirs),
                Message::EchoRequest(echo) => {
                    if let Some(reply) = icmp::echo_reply(ours, &echo) {
                        let reply = ip::parse(&reply).expect("the stack parses what it emits");
                        assert_eq!((reply.src, reply.dst), (ours.dst, ours.src));
                        assert_eq!(icmp::parse(&reply), Ok(Message::EchoReply(echo)));
                    }
                }
                Message::EchoReply(_) | Message::SourceQuench | Message::Other { .. } => {}
            }
        }
        Err(Malformed::IcmpChecksum) => {
            let right = agreement::is_icmp(theirs) && agreement::checksum_is_right(theirs);
            assert!(!right, "the stack refuses {theirs:?}");
        }
        Err(_) => {}
    }
}

fn quotes_agree(ours: &Error<'_>, theirs: &Datagram) {
    let Body::Icmp(message) = &theirs.body else { return };
    let Ok(quoted) = Datagram::decode_one(&message.body) else { return };
    // The harness reads ports right behind the headers that it walks; a fragment header it does not walk.
    if matches!(&quoted.ip, Ip::V6(v6) if !v6.extensions.is_empty() || v6.next_header == 44) {
        return;
    }
    let Some(quoted) = message.quoted() else { return };
    assert_eq!((ours.quoted.src, ours.quoted.dst), (quoted.src, quoted.dst));
    assert_eq!(ours.quoted.protocol, quoted.protocol);
    let segment = ours.quoted.segment();
    assert_eq!(segment.map(|segment| segment.seq.0), quoted.seq);
    if let Some(segment) = segment {
        assert_eq!((segment.src_port, segment.dst_port), (quoted.src_port, quoted.dst_port));
    }
}

/// The error that goes out for a fault, if one does, is well-formed, small enough, and draws no error itself.
pub(super) fn report(fault: Malformed, octets: &[u8]) {
    let Some(problem) = icmp::problem_of(fault, octets) else { return };
    let host = host(octets);
    let Ok(error) = icmp::answer(problem, octets, host) else { return };
    let most = if host.is_ipv4() { 576 } else { 1280 };
    assert!(error.len() <= most, "an error of {} octets", error.len());
    assert_eq!(icmp::answer(problem, &error, host), Err(Withheld::AboutError));

    let parsed = ip::parse(&error).expect("the stack parses what it emits");
    assert_eq!(parsed.src, host);
    assert!(ip::is_single_host(parsed.dst), "an error to {}", parsed.dst);
    let mut theirs = Datagram::decode(&error).expect("the harness decodes what the stack emits");
    theirs.complete();
    assert_eq!(theirs.encode(), error, "a length or checksum of the stack is wrong");
    match icmp::parse(&parsed) {
        Ok(Message::Error(Error { problem: got, .. })) => assert_eq!(got, problem),
        // A datagram cut off right behind its headers, or of a header chain that does not end, makes a poor quote.
        Err(Malformed::QuoteTruncated | Malformed::QuoteFragment) => {}
        other => panic!("{problem:?} went out as {other:?}"),
    }
}
