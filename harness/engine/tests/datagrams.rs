//! UDP, ICMP, and datagrams in other headers: a SUT that sends back what it gets, with every header the other way round.

mod common;

use common::{fails, fields, pass, play, show};
use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::outcome::{MismatchKind, Verdict};
use halfopen_engine::packet::{Body, Datagram, Ip, Layer};
use halfopen_engine::pattern::{Stream, fill};
use halfopen_engine::sut::{ClockKind, Description, Evidence, Happening, Micros, Setup, Sut, SutError};
use std::collections::{BTreeMap, VecDeque};

/// Sends everything back; `spoil` changes it first.
struct Mirror {
    description: Description,
    now: Micros,
    queue: VecDeque<Vec<u8>>,
    sent: BTreeMap<u16, u64>,
    spoil: fn(&mut Datagram),
}

fn mirror(spoil: fn(&mut Datagram)) -> Mirror {
    let description = Description {
        name: "mirror".into(),
        runner: "sim".into(),
        version: "0".into(),
        clock: ClockKind::Virtual,
        params: Vec::new(),
    };
    Mirror { description, now: 0, queue: VecDeque::new(), sent: BTreeMap::new(), spoil }
}

fn turn(ip: &mut Ip) {
    match ip {
        Ip::V4(ip) => std::mem::swap(&mut ip.src, &mut ip.dst),
        Ip::V6(ip) => std::mem::swap(&mut ip.src, &mut ip.dst),
    }
}

impl Sut for Mirror {
    fn describe(&self) -> &Description {
        &self.description
    }

    fn start(&mut self, _: &Setup) -> Result<(), SutError> {
        Ok(())
    }

    fn now(&mut self) -> Micros {
        self.now
    }

    fn inject(&mut self, octets: &[u8]) -> Result<Micros, SutError> {
        let mut datagram = Datagram::decode(octets).expect("the harness sends datagrams");
        turn(&mut datagram.ip);
        for layer in &mut datagram.outer {
            if let Layer::Ip(ip) = layer {
                turn(ip);
            }
        }
        if let Body::Udp(udp) = &mut datagram.body {
            std::mem::swap(&mut udp.src_port, &mut udp.dst_port);
            let sent = self.sent.entry(udp.src_port).or_default();
            udp.payload = fill(Stream::FromStack, *sent, udp.payload.len());
            *sent += udp.payload.len() as u64;
        }
        datagram.complete();
        (self.spoil)(&mut datagram);
        self.queue.push_back(datagram.encode());
        Ok(self.now)
    }

    fn next(&mut self, deadline: Micros) -> Result<Happening, SutError> {
        if let Some(octets) = self.queue.pop_front() {
            return Ok(Happening::Datagram { at: self.now, octets });
        }
        self.now = self.now.max(deadline);
        Ok(Happening::Deadline)
    }

    fn call(&mut self, _: &SysCall) -> Result<Reply, SutError> {
        Err(SutError::Unsupported("calls".into()))
    }

    fn command(&mut self, _: &str) -> Result<(), SutError> {
        Err(SutError::Unsupported("commands".into()))
    }

    fn tcp_info(&mut self, _: i32) -> Result<Vec<(String, i64)>, SutError> {
        Err(SutError::Unsupported("no TCP".into()))
    }

    fn finish(&mut self) -> Result<Evidence, SutError> {
        Ok(Evidence::default())
    }
}

const TUNNELS: &str = "\
0  < udp (10)
+0 > udp (10)
+0 < udp 1000 > 2000 (7)
+0 > udp 2000 > 1000 (7)
+0 < ipv4 203.0.113.1 > 203.0.113.2: udp (5)
+0 > ipv4 203.0.113.2 > 203.0.113.1: udp (5)
+0 < ipv4 [ect0, ttl 9] 203.0.113.1 > 203.0.113.2: gre: udp (5)
+0 > ipv4 [ect0, ttl 9] 203.0.113.2 > 203.0.113.1: gre: udp (5)
+0 < ipv6 2001:db8::1 > 2001:db8::2: gre flags [key present, sequence# present], sum 0, off 0, key 7, seq 8: udp (5)
+0 > ipv6 2001:db8::2 > 2001:db8::1: gre flags [key present, sequence# present], sum 0, off 0, key 7, seq 8: udp (5)
+0 < ipv4 203.0.113.1 > 203.0.113.2: gre flags [checksum present], sum 0, off 0, key 0, seq 0: udp (5)
+0 > ipv4 203.0.113.2 > 203.0.113.1: gre flags [checksum present], sum 0, off 0, key 0, seq 0: udp (5)
+0 < ipv4 203.0.113.1 > 203.0.113.2: mpls (label 16, tc 0, ttl 255) (label 17, tc 5, [S], ttl 1): udp (5)
+0 > ipv4 203.0.113.2 > 203.0.113.1: mpls (label 16, tc 0, ttl 255) (label 17, tc 5, [S], ttl 1): udp (5)
+0 < ipv6 2001:db8::1 > 2001:db8::2: ipv4 10.0.0.1 > 10.0.0.2: gre: mpls (label 3, tc 0, [S], ttl 64): [tos 0x28] udp (5)
+0 > ipv6 2001:db8::2 > 2001:db8::1: ipv4 10.0.0.2 > 10.0.0.1: gre: mpls (label 3, tc 0, [S], ttl 64): [dscp af11] udp (5)
+0 < icmp echo_request id 77
+0 > icmp echo_request id 77
+0 < icmp unreachable port_unreachable [udp (20)]
+0 > icmp unreachable port_unreachable [udp (20)]
+0 < icmp unreachable protocol_unreachable [raw (20)]
+0 > icmp unreachable protocol_unreachable [raw (20)]
";

#[test]
fn what_is_sent_comes_back_and_is_told_by_its_line() {
    // Echo requests and errors are judged only where a host sends them; this one does.
    let echo = |datagram: &mut Datagram| {
        if let Body::Icmp(icmp) = &mut datagram.body
            && icmp.kind == 8
        {
            icmp.kind = 0;
            datagram.complete();
        }
    };
    let script = TUNNELS.replace("> icmp echo_request", "> icmp echo_reply");
    let outcome = play(&script, &mut mirror(echo));
    pass(&outcome);
    assert_eq!(outcome.trace.len(), 22, "{}", show(&outcome));
}

/// What is sent, the line that expects it back, what happens on the way, and the difference that must be named.
type Case = (String, String, fn(&mut Datagram), &'static str);

#[test]
fn every_difference_is_named() {
    let v4 = "ipv4 203.0.113.1 > 203.0.113.2";
    let back = "ipv4 203.0.113.2 > 203.0.113.1";
    let nothing: fn(&mut Datagram) = |_| {};
    let table: [Case; 11] = [
        ("udp (5)".into(), "udp (6)".into(), nothing, "len 6/5"),
        ("udp 5 > 6 (5)".into(), "udp 6 > 7 (5)".into(), nothing, "ports 6 > 7/6 > 5"),
        ("udp 5 > 6 (5)".into(), "udp (5)".into(), nothing, "ports those under test/6 > 5"),
        ("udp (5)".into(), "icmp echo_reply".into(), nothing, "protocol icmp/udp"),
        (format!("{v4}: udp (5)"), "udp (5)".into(), nothing, "outer -/ipv4 203.0.113.2 > 203.0.113.1:"),
        ("udp (5)".into(), format!("{back}: udp (5)"), nothing, "outer ipv4 203.0.113.2 > 203.0.113.1:/-"),
        (
            format!("{v4}: gre: udp (5)"),
            format!("{back}: gre flags [key present], sum 0, off 0, key 1, seq 0: udp (5)"),
            nothing,
            "outer ipv4 203.0.113.2 > 203.0.113.1: gre flags 0x2000, sum 0, off 0, key 1, seq 0:/\
             ipv4 203.0.113.2 > 203.0.113.1: gre flags 0x0, sum 0, off 0, key 1, seq 0:",
        ),
        (
            format!("{v4}: mpls (label 16, tc 0, [S], ttl 5): udp (5)"),
            format!("{back}: mpls (label 17, tc 0, [S], ttl 5): udp (5)"),
            nothing,
            "outer ipv4 203.0.113.2 > 203.0.113.1: mpls (label 17, tc 0, [S], ttl 5):/\
             ipv4 203.0.113.2 > 203.0.113.1: mpls (label 16, tc 0, [S], ttl 5):",
        ),
        (
            format!("{v4}: udp (5)"),
            format!("{back}: udp (5)"),
            |datagram| {
                if let Layer::Ip(Ip::V4(ip)) = &mut datagram.outer[0] {
                    ip.checksum = 0x1234;
                }
            },
            "ip-checksum",
        ),
        (
            "udp (5)".into(),
            "udp (5)".into(),
            |datagram| {
                if let Body::Udp(udp) = &mut datagram.body {
                    udp.payload[3] ^= 1;
                }
                datagram.complete();
            },
            "payload octet 3 of the stream at 3",
        ),
        (
            "udp (5)".into(),
            "udp (5)".into(),
            |datagram| {
                if let Body::Udp(udp) = &mut datagram.body {
                    udp.checksum ^= 1;
                }
            },
            "checksum",
        ),
    ];
    for (sent, expected, spoil, wanted) in table {
        let outcome = play(&format!("0 < {sent}\n+0 > {expected}\n"), &mut mirror(spoil));
        let mismatch = fails(&outcome);
        let fields = fields(mismatch);
        assert!(fields.iter().any(|field| field.starts_with(wanted)), "{sent}: {fields:?} has no {wanted}");
    }
}

#[test]
fn a_datagram_without_a_line_is_unexpected() {
    let outcome = play("0 < udp (5)\n", &mut mirror(|_| {}));
    assert_eq!(fails(&outcome).kind, MismatchKind::Unexpected);
}

#[test]
fn what_cannot_run_says_which_word_makes_it_so() {
    let table = [
        ("0 < gre: udp (5)\n", "`gre` without an IP header around it"),
        ("0 < mpls (label 1, tc 0, [S], ttl 1): udp (5)\n", "`mpls` without an IP header around it"),
        ("0 < encap psp spi 5 . 1:1(0) win 5\n", "`encap psp`"),
        ("0 > . 1:1(0)/udp(1 > 2)\n", "`/udp`, TCP in UDP"),
        ("0 < icmp unreachable port_unreachable [1:1(0)/udp(1 > 2)]\n", "`/udp`, TCP in UDP"),
        ("--udp_encapsulation=1\n0 < . 1:1(0) win 5\n", "--udp_encapsulation"),
    ];
    for (script, wanted) in table {
        let outcome = play(script, &mut mirror(|_| {}));
        assert_eq!(outcome.verdict, Verdict::Unsupported, "{script}{}", show(&outcome));
        let reason = outcome.reason.as_deref().unwrap_or_default();
        assert!(reason.contains(wanted), "{script}: {reason} has no {wanted}");
    }
}
