use super::*;
use halfopen_stack::wire::ip::{Header, emit};

const A: Mac = Mac([2, 0, 0, 0, 0, 0xa]);
const B: Mac = Mac([2, 0, 0, 0, 0, 0xb]);

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn host(mac: Mac, addresses: [&str; 2], gateway: Option<&str>) -> Link {
    let addresses = addresses.map(|text| text.parse().expect("an address")).to_vec();
    Link::ethernet(mac, Routes { addresses, gateways: gateway.map(ip).into_iter().collect() })
}

fn datagram(src: &str, dst: &str, mark: u8) -> Vec<u8> {
    emit(&Header::new(ip(src), ip(dst)), 6, &[mark; 4])
}

/// Everything that `from` has to say, heard by `to`: the datagrams that come through, and how many frames it took.
fn deliver(from: &mut Link, to: &mut Link, now: Instant) -> (Vec<Vec<u8>>, usize) {
    let (mut through, mut frames) = (Vec::new(), 0);
    while let Some(outgoing) = from.transmit() {
        frames += 1;
        let octets = [outgoing.header(), &outgoing.payload].concat();
        through.extend(to.receive(&octets, now).map(<[u8]>::to_vec));
    }
    (through, frames)
}

#[test]
fn two_hosts_find_each_other_and_datagrams_wait_meanwhile() {
    for (from, to) in [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")] {
        let now = Instant(0);
        let mut a = host(A, ["192.0.2.1/24", "2001:db8::1/64"], None);
        let mut b = host(B, ["192.0.2.2/24", "2001:db8::2/64"], None);
        let (first, second) = (datagram(from, to, 1), datagram(from, to, 2));
        a.send(first.clone(), now);
        a.send(second.clone(), now);
        assert_eq!(deliver(&mut a, &mut b, now), (vec![], 1), "one question");
        assert_eq!(deliver(&mut b, &mut a, now), (vec![], 1), "one answer");
        assert_eq!(deliver(&mut a, &mut b, now), (vec![first, second], 2));
        // The question told b where a is.
        let back = datagram(to, from, 3);
        b.send(back.clone(), now);
        assert_eq!(deliver(&mut b, &mut a, now), (vec![back], 1));
        assert_eq!(b.neighbours(now), [(ip(from), Some(A), "REACHABLE")]);
    }
}

#[test]
fn datagrams_beyond_the_link_go_to_the_gateway() {
    let now = Instant(0);
    let mut a = host(A, ["192.0.2.1/24", "2001:db8::1/64"], Some("192.0.2.2"));
    let mut b = host(B, ["192.0.2.2/24", "2001:db8::2/64"], None);
    let far = datagram("192.0.2.1", "198.51.100.9", 1);
    a.send(far.clone(), now);
    a.send(datagram("2001:db8::1", "2001:db8:1::9", 1), now);
    assert_eq!(a.dropped(), (1, 0), "there is no gateway of IPv6");
    deliver(&mut a, &mut b, now);
    deliver(&mut b, &mut a, now);
    assert_eq!(deliver(&mut a, &mut b, now), (vec![far], 1));
}

#[test]
fn questions_are_repeated_by_the_clock() {
    let mut a = host(A, ["192.0.2.1/24", "2001:db8::1/64"], None);
    a.send(datagram("192.0.2.1", "192.0.2.9", 1), Instant(0));
    let mut asked = 0;
    while let Some(at) = a.poll_at() {
        asked += std::iter::from_fn(|| a.transmit()).count();
        a.advance(at);
    }
    assert_eq!((asked, a.dropped()), (3, (0, 1)));
}

#[test]
fn what_is_for_others_is_ignored() {
    let now = Instant(0);
    let mut b = host(B, ["192.0.2.2/24", "2001:db8::2/64"], None);
    let body = datagram("192.0.2.1", "192.0.2.2", 1);
    let mut frame = |dst: Mac, src: Mac, kind| {
        let octets = [&ethernet::header(dst, src, kind)[..], &body].concat();
        b.receive(&octets, now).is_some()
    };
    assert!(frame(B, A, ethernet::TYPE_IPV4));
    assert!(!frame(A, A, ethernet::TYPE_IPV4), "another's frame");
    assert!(!frame(Mac::BROADCAST, A, ethernet::TYPE_IPV4), "a broadcast");
    assert!(!frame(B, B, ethernet::TYPE_IPV4), "our own");
    assert!(!frame(B, A, 0x88cc), "another protocol");
}

#[test]
fn questions_for_others_and_probes_teach_nothing() {
    let now = Instant(0);
    let mut b = host(B, ["192.0.2.2/24", "2001:db8::2/64"], None);
    let mut ask = |sender: [u8; 4], target: [u8; 4]| {
        let packet = arp::Packet {
            operation: arp::Operation::Request,
            sender_mac: A,
            sender: sender.into(),
            target_mac: Mac([0; 6]),
            target: target.into(),
        };
        let octets = [&ethernet::header(Mac::BROADCAST, A, ethernet::TYPE_ARP)[..], &arp::emit(&packet)].concat();
        b.receive(&octets, now);
        (std::iter::from_fn(|| b.transmit()).count(), b.neighbours(now).len())
    };
    assert_eq!(ask([192, 0, 2, 1], [192, 0, 2, 7]), (0, 0), "for another");
    assert_eq!(ask([0, 0, 0, 0], [192, 0, 2, 2]), (1, 0), "a probe is answered");
    assert_eq!(ask([192, 0, 2, 2], [192, 0, 2, 2]), (1, 0), "an impostor is told, not believed");
    assert_eq!(ask([192, 0, 2, 1], [192, 0, 2, 2]), (1, 1), "a neighbour");
}
