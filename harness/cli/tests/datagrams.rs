//! UDP, ICMP and datagrams in datagrams on the kernel of this machine, and what the reference stack says to them.

#![cfg(target_os = "linux")]

mod world;

use std::io::Write;
use world::World;

/// Sockets of SOCK_DGRAM: one that is bound, one that is connected.
const UDP: &str = "\
0  socket(..., SOCK_DGRAM, IPPROTO_UDP) = 3
+0 bind(3, ..., ...) = 0
+0 < udp (100)
+0 recvfrom(3, ..., 200, 0, ..., ...) = 100
+0 < udp 5000 > 8080 (50)
+0 read(3, ..., 200) = 50
+0 sendto(3, ..., 30, 0, ..., ...) = 30
+0 > udp 8080 > 8080 (30)
+0 write(3, ..., 30) = -1 EDESTADDRREQ (Destination address required)
+0 socket(..., SOCK_DGRAM, IPPROTO_UDP) = 4
+0 connect(4, ..., ...) = 0
+0 write(4, ..., 40) = 40
+0 > udp (40)
+0 < udp (20)
+0 read(4, ..., 100) = 20
+0 < icmp unreachable port_unreachable [udp (40)]
+0 write(4, ..., 25) = 25
+0 > udp (25)
";

/// A closed port of UDP, an echo.
const ICMP: &str = "\
0      < udp 5000 > 9999 (100)
+0~+.1 > icmp unreachable port_unreachable [udp (100)]
+0     < icmp echo_request id 77
+0~+.1 > icmp echo_reply id 77
";

/// Hosts without tunnels know no protocol 4.
const TUNNEL: &str = "\
//: family v4
0      < ipv4 192.0.2.1 > 192.168.0.2: S 0:0(0) win 1000
+0~+.1 > icmp unreachable protocol_unreachable
";

/// Whether the kernel can be asked here; otherwise that is told past the capture of the test harness.
fn kernel() -> bool {
    let Err(why) = halfopen_sut::linux::available() else { return true };
    let _ = writeln!(std::io::stderr(), "the kernel was NOT tested: {why}");
    false
}

#[test]
fn the_kernel_speaks_udp_and_icmp() {
    let world = World::new(&[]);
    world.write("udp.pkt", &UDP.replace("+0 < icmp unreachable port_unreachable [udp (40)]\n", ""));
    world.write("icmp.pkt", ICMP);
    world.write("tunnel.pkt", TUNNEL);
    if !kernel() {
        return;
    }
    let ran = world.halfopen("run --sut linux --pcap never udp.pkt icmp.pkt tunnel.pkt");
    assert_eq!(ran.code, 0, "{}", ran.page());
    assert!(ran.stdout.contains("5 pass"), "{}", ran.page());
}

#[test]
fn an_error_about_a_datagram_reaches_its_socket() {
    let world = World::new(&[]);
    let refused = UDP.replace(
        "+0 write(4, ..., 25) = 25\n+0 > udp (25)\n",
        "+0 write(4, ..., 25) = -1 ECONNREFUSED (Connection refused)\n",
    );
    world.write("refused.pkt", &refused);
    if !kernel() {
        return;
    }
    let ran = world.halfopen("run --sut linux --pcap never --family v4 refused.pkt");
    assert_eq!(ran.code, 0, "{}", ran.page());
}

#[test]
fn the_reference_stack_says_that_it_has_no_udp() {
    let world = World::new(&[]);
    world.write("udp.pkt", UDP);
    world.write("closed.pkt", "//: family v4\n0 < udp (9)\n+0 > icmp unreachable protocol_unreachable [udp (9)]\n");
    world.write("tunnel.pkt", TUNNEL);
    world.write("echo.pkt", "0 < icmp echo_request id 77\n+0 > icmp echo_reply id 77\n");
    let ran = world.halfopen("run udp.pkt");
    assert!(ran.code == 0 && ran.stdout.contains("2 unsupported"), "{}", ran.page());
    let ran = world.halfopen("run closed.pkt tunnel.pkt echo.pkt");
    assert_eq!(ran.code, 0, "{}", ran.page());
}
