//! One script for each part of the language.

use super::Seed;

pub(super) fn seeds() -> Vec<Seed> {
    let scripts: [(&'static str, &'static str); 9] = [
        ("passive-open.pkt", PASSIVE_OPEN),
        ("header.pkt", "//= rfc9293/3.10.7.4/rst/in-window MUST\n// One line.\n//: alias tc8:A_01\n//: family v4 v6\n"),
        ("families.pkt", FAMILIES),
        ("calls.pkt", CALLS),
        ("options.pkt", OPTIONS),
        ("alternatives.pkt", "any {\n  +0 > . 1:1(0) ack 1\n} or {\n  +0.2 silent\n}\n"),
        (
            "times.pkt",
            "0 `true`\n+.1 `a`\n*  > . 1:1(0) ack 1\n1~2 > . 1:1(0) ack 1\n+1~+2 > R 1:1(0)\n1...2 close(3) = 0\n",
        ),
        ("code.pkt", "+0 %{\nassert tcpi_state == 1, tcpi_state\nprint(tcpi_rto)\n}%\n"),
        (
            "command-line.pkt",
            "--ip_version=ipv6\n--mss=1000\n`sysctl -q net.ipv4.tcp_sack=1`\n+0 close(3) = 0\n`sysctl -q x=1`\n",
        ),
    ];
    scripts.into_iter().map(|(name, text)| (name, text.as_bytes().to_vec())).collect()
}

const PASSIVE_OPEN: &str = "\
0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
+0 setsockopt(3, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0
+0 bind(3, ..., ...) = 0
+0 listen(3, 1) = 0
+0 < S 0:0(0) win 32792 <mss 1000,sackOK,nop,nop,nop,wscale 7>
+0 > S. 0:0(0) ack 1 <...>
+.1 < . 1:1(0) ack 1 win 257
+0 accept(3, ..., ...) = 4
+0 write(4, ..., 1000) = 1000
+0 > P. 1:1001(1000) ack 1
+.1 < F. 1:1(0) ack 1001 win 257
+0 > . 1001:1001(0) ack 2
";

const FAMILIES: &str = "\
vary state: ESTABLISHED FIN-WAIT-1
vary at: next(seq=$rcv.nxt+1) last(seq=$rcv.nxt+$rcv.wnd-1)
use $state
let n = 4
+0 < R $seq:$seq($n) win 0
when state = ESTABLISHED {
  +0 > . $snd.nxt:$snd.nxt(0) ack $rcv.nxt
} else {
  +$time_wait-0.5 silent
}
";

const CALLS: &str = "\
0.000 connect(3, {sa_family = AF_INET, sin_port = htons(8080), sin_addr = inet_addr(\"192.0.2.1\")}, 16) = -1 EINPROGRESS
+0 getsockopt(3, SOL_SOCKET, SO_ERROR, [0], [4]) = 0
+0...0.5 read(4, ..., 10) = -1 EAGAIN (Resource temporarily unavailable)
+0 sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 10}], msg_flags=0}, MSG_NOSIGNAL|0x10) = 10
+0 poll([{fd=4, events=POLLIN|POLLOUT, revents=POLLOUT}], 1, 0) = 1
+0 fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0
";

const OPTIONS: &str = "\
0 < [noecn] SEW 0:0(0) win 1000 <mss 1460,sackOK,TS val 100 ecr 0,nop,wscale 14,nop,nop,eol,eol>
+0 > S.5 0:0(0) ack 1 <FO 1122334455667788,nop,nop,nop,nop,sack 1:2 5:9>
+0 < icmp unreachable frag_needed mtu 1280 [1:1001(1000)]
+0 < [ttl 4, tos 3] . 1:1(0) ack 1 win 5 urg 3 <raw 253 aabb>
+0 > udp (5)
";
