//! Alternatives, calls that cannot be made, blocks, commands, option lines.

mod common;

use common::{established, fails, fields, pass, play, show};
use halfopen_engine::call::{Control, Part, Reply, Room, SysCall, Target};
use halfopen_engine::fake::{FakeSut, Tamper};
use halfopen_engine::outcome::{Lane, Mark, MismatchKind, Verdict};
use halfopen_engine::packet::{Body, tcp::flag};
use halfopen_engine::pattern::{Stream, fill};
use halfopen_engine::{RunOptions, run_caught};
use halfopen_script::ast::{Action, ArgKind, Num};
use halfopen_script::test::Step;

const ANY: &str = "\
+.1 < . 1:1(0) ack 5 win 100
any {
  +0 > . 1:1(0) ack 1
  +0 < . 1:1(0) ack 1 win 1
} or {
  +0 > R 5:5(0)
  +0 < . 1:1(0) ack 1 win 2
} or {
  +.2 silent
  +0 < . 1:1(0) ack 1 win 3
}
+0 < . 1:1(0) ack 1 win 4";

#[test]
fn the_branch_that_matches_is_taken() {
    let reset = Tamper::Change(|d| {
        if let Body::Tcp(tcp) = &mut d.body {
            (tcp.flags, tcp.seq, tcp.ack) = (flag::RST, tcp.seq + 4, 0);
        }
        d.complete();
    });
    for (tamper, windows) in [(None, [1, 4]), (Some(reset), [2, 4]), (Some(Tamper::Omit), [3, 4])] {
        let mut sut = FakeSut::passing();
        if let Some(tamper) = tamper {
            sut = sut.tamper(1, tamper);
        }
        let outcome = play(&established(ANY), &mut sut);
        pass(&outcome);
        let sent: Vec<_> = outcome.trace.iter().filter(|e| e.lane == Lane::Peer).map(|e| e.text.clone()).collect();
        let wanted = windows.map(|window| format!(". 1:1(0) ack 1 win {window}"));
        assert_eq!(sent[sent.len() - 2..], wanted, "{}", show(&outcome));
    }
}

#[test]
fn no_branch_lists_what_each_wanted() {
    let other = Tamper::Change(|d| {
        if let Body::Tcp(tcp) = &mut d.body {
            tcp.ack += 8;
        }
        d.complete();
    });
    let outcome = play(&established(ANY), &mut FakeSut::passing().tamper(1, other));
    let mismatch = fails(&outcome);
    assert_eq!(mismatch.kind, MismatchKind::Segment);
    assert_eq!(mismatch.expected, ". 1:1(0) ack 1 or R 5:5(0) or silence until 0.4");
    assert_eq!(fields(mismatch), ["1: ack 1/9", "2: flags R/.", "2: seq 5/1", "2: ack -/9"]);
    assert_eq!(outcome.trace.iter().filter(|entry| entry.mark == Mark::Expected).count(), 3);
    // Too late for its branch, and silence is not broken by what comes after it.
    let late = established(ANY).replace("} or {\n  +.2 silent\n  +0 < . 1:1(0) ack 1 win 3\n", "");
    let outcome = play(&late, &mut FakeSut::passing().tamper(1, Tamper::Late(5)));
    assert_eq!(fields(fails(&outcome))[0], "1: time 0.2/0.200005");
    let outcome = play(&late, &mut FakeSut::passing().tamper(1, Tamper::Omit));
    assert_eq!(
        (fails(&outcome).kind, fails(&outcome).expected.as_str()),
        (MismatchKind::Missing, ". 1:1(0) ack 1 or R 5:5(0)")
    );
}

#[test]
fn branches_can_begin_with_alternatives() {
    let nested = "any {\n any {\n  +0 > . 1:1(0) ack 7\n } or {\n  +0 > . 1:1(0) ack 1\n }\n +0 < . 1:1(0) ack 1 win 1\n} or {\n +0 > . 1:1(0) ack 9\n}";
    let back = Tamper::Change(|d| {
        if let Body::Tcp(tcp) = &mut d.body {
            tcp.ack -= 6;
        }
        d.complete();
    });
    let outcome = play(&established(nested), &mut FakeSut::passing().tamper(1, back));
    pass(&outcome);
    // The branch went on to a segment to which nothing may come, which ends with a control.
    let last: Vec<_> = outcome.trace.iter().rev().take(3).map(|entry| entry.text.as_str()).collect();
    assert_eq!(last, ["control: answered", "control: a SYN to port 9", ". 1:1(0) ack 1 win 1"]);
}

#[test]
fn what_is_not_there_yet_is_named() {
    let table = [
        ("+0 psp_rx_assoc(4, [5]) = 0", "system call `psp_rx_assoc`"),
        (
            "+0 recvmsg(4, {msg_iov(1)=[{..., 1}], msg_control=[{cmsg_level=SOL_TCP, cmsg_type=1, cmsg_data={x=5}}]}, 0) = 1",
            "`{x=5}` as `cmsg_data`",
        ),
        ("+0 read(4, 7, 100) = -1 EFAULT", "`7` as a buffer"),
        ("+0 bind(4, AF_UNSPEC, ...) = 0", "`AF_UNSPEC` as an address"),
        ("+0 > encap psp spi 5 . 1:1(0) ack 1", "`encap psp`"),
        ("+0 `unsupported`", "command `unsupported`"),
    ];
    for (line, word) in table {
        let outcome = play(&established(line), &mut FakeSut::passing());
        assert_eq!(outcome.verdict, Verdict::Unsupported, "{line}: {}", show(&outcome));
        assert!(outcome.reason.as_ref().is_some_and(|why| why.contains(word)), "{line}: {:?}", outcome.reason);
    }
    for (line, word) in [("+0 close(7) = 0", "descriptor 7 is not open"), ("+0 `false`", "ended with status 1")] {
        let outcome = play(&established(line), &mut FakeSut::passing());
        assert_eq!(outcome.verdict, Verdict::Error, "{line}: {}", show(&outcome));
        assert!(outcome.reason.as_ref().is_some_and(|why| why.contains(word)), "{line}: {:?}", outcome.reason);
    }
    assert_eq!(
        play(&format!("--wire_server\n{}", established("")), &mut FakeSut::passing()).verdict,
        Verdict::Unsupported
    );
}

/// Notes what it is asked, and answers as the fake does.
struct Listening {
    inner: FakeSut,
    calls: Vec<SysCall>,
    commands: Vec<String>,
    asked: Vec<i32>,
}

impl halfopen_engine::sut::Sut for Listening {
    fn describe(&self) -> &halfopen_engine::sut::Description {
        self.inner.describe()
    }
    fn announce(&mut self, test: &halfopen_script::test::Test) {
        self.inner.announce(test);
    }
    fn start(&mut self, setup: &halfopen_engine::sut::Setup) -> Result<(), halfopen_engine::sut::SutError> {
        self.inner.start(setup)
    }
    fn now(&mut self) -> i64 {
        self.inner.now()
    }
    fn inject(&mut self, datagram: &[u8]) -> Result<i64, halfopen_engine::sut::SutError> {
        self.inner.inject(datagram)
    }
    fn next(&mut self, deadline: i64) -> Result<halfopen_engine::sut::Happening, halfopen_engine::sut::SutError> {
        self.inner.next(deadline)
    }
    fn call(&mut self, call: &SysCall) -> Result<Reply, halfopen_engine::sut::SutError> {
        self.calls.push(call.clone());
        self.inner.call(call)
    }
    fn command(&mut self, line: &str) -> Result<(), halfopen_engine::sut::SutError> {
        self.commands.push(line.to_owned());
        self.inner.command(line)
    }
    fn tcp_info(&mut self, fd: i32) -> Result<Vec<(String, i64)>, halfopen_engine::sut::SutError> {
        self.asked.push(fd);
        self.inner.tcp_info(fd)
    }
    fn finish(&mut self) -> Result<halfopen_engine::sut::Evidence, halfopen_engine::sut::SutError> {
        self.commands.push("finish".into());
        self.inner.finish()
    }
}

fn listening() -> Listening {
    Listening { inner: FakeSut::passing(), calls: vec![], commands: vec![], asked: vec![] }
}

#[test]
fn calls_arrive_as_the_script_means_them() {
    let int = |value: i32| value.to_ne_bytes().to_vec();
    let peer = || "192.0.2.1:8080".parse().unwrap();
    let part = |data: Vec<u8>| Part { data, null: false };
    let room = |len: usize| Room { len, null: false };
    // Descriptor 3 of the script is 103 of the fake, 4 is 104.
    #[rustfmt::skip]
    let table: Vec<(&str, SysCall)> = vec![
        ("socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 5", SysCall::Socket { domain: 2, kind: 0o4001, protocol: 6 }),
        ("bind(3, ..., ...) = 0", SysCall::Bind { fd: 103, addr: "0.0.0.0:8080".parse().unwrap() }),
        ("bind(3, {sa_family = AF_INET, sin_port = htons(1234), sin_addr = inet_addr(\"192.168.0.2\")}, ...) = 0", SysCall::Bind { fd: 103, addr: "192.168.0.2:1234".parse().unwrap() }),
        ("connect(4, ..., ...) = -1 EISCONN", SysCall::Connect { fd: 104, addr: peer() }),
        ("write(4, ..., 5) = 5", SysCall::Send { fd: 104, data: fill(Stream::FromStack, 0, 5), flags: 0, to: None }),
        ("send(4, ..., 5, MSG_MORE) = 5", SysCall::Send { fd: 104, data: fill(Stream::FromStack, 0, 5), flags: 0x8000, to: None }),
        ("sendto(4, \"ab\", 3, MSG_FASTOPEN, ..., ...) = 3", SysCall::Send { fd: 104, data: b"ab\0".to_vec(), flags: 0x2000_0000, to: Some(peer()) }),
        ("writev(4, [{..., 2}, {\"xy\", 2}], 2) = 4", SysCall::SendMessage { fd: 104, parts: vec![part(fill(Stream::FromStack, 0, 2)), part(b"xy".to_vec())], flags: 0, to: None, control: vec![] }),
        ("sendmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 2}], msg_flags=0}, 0) = 2", SysCall::Send { fd: 104, data: fill(Stream::FromStack, 0, 2), flags: 0, to: Some(peer()) }),
        ("recv(4, ..., 10, MSG_PEEK) = 0", SysCall::Receive { fd: 104, len: 10, flags: 2 }),
        ("readv(4, [{..., 2}, {..., 3}], 2) = 0", SysCall::ReceiveMessage { fd: 104, rooms: vec![room(2), room(3)], control: 0, flags: 0 }),
        ("recvfrom(4, ..., 10, 0, ..., ...) = 0", SysCall::Receive { fd: 104, len: 10, flags: 0 }),
        ("recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{..., 7}], msg_flags=...}, 0) = 0", SysCall::ReceiveMessage { fd: 104, rooms: vec![room(7)], control: 0, flags: 0 }),
        // Room for more than the line says, unless it says that something is cut off.
        ("recvmsg(4, {msg_iov(1)=[{..., 7}], msg_flags=0, msg_control=[]}, 0) = 0", SysCall::ReceiveMessage { fd: 104, rooms: vec![room(7)], control: 2000, flags: 0 }),
        ("recvmsg(4, {msg_iov(1)=[{..., 7}], msg_flags=MSG_CTRUNC, msg_control=[{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=1}]}, 0) = 0", SysCall::ReceiveMessage { fd: 104, rooms: vec![room(7)], control: 24, flags: 0 }),
        ("read(4, NULL, 10) = -1 EFAULT", SysCall::ReceiveMessage { fd: 104, rooms: vec![Room { len: 10, null: true }], control: 0, flags: 0 }),
        ("write(4, NULL, 3) = -1 EFAULT", SysCall::SendMessage { fd: 104, parts: vec![Part { data: vec![0; 3], null: true }], flags: 0, to: None, control: vec![] }),
        ("sendto(4, ..., 0, MSG_FASTOPEN, AF_UNSPEC, ...) = -1 EOPNOTSUPP", SysCall::SendMessage { fd: 104, parts: vec![part(vec![])], flags: 0x2000_0000, to: Some(Target::Unspecified), control: vec![] }),
        ("sendmsg(4, {msg_iov(1)=[{..., 2}], msg_control=[{cmsg_level=SOL_SOCKET, cmsg_type=SO_MARK, cmsg_data=5}]}, 0) = 2", SysCall::SendMessage { fd: 104, parts: vec![part(fill(Stream::FromStack, 0, 2))], flags: 0, to: None, control: vec![Control { level: 1, kind: 36, data: int(5) }] }),
        ("connect(4, AF_UNSPEC, ...) = 0", SysCall::Disconnect { fd: 104 }),
        ("ioctl(4, FIONBIO, [1]) = 0", SysCall::Ioctl { fd: 104, request: 0x5421, value: 1 }),
        ("epoll_create(1) = 5", SysCall::EpollCreate { size: 1 }),
        ("epoll_ctl(3, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, fd=4}) = 0", SysCall::EpollControl { fd: 103, op: 1, target: 104, event: Some((0x8000_0001, 4)) }),
        ("epoll_ctl(3, EPOLL_CTL_MOD, 4, {events=EPOLLIN, u64=0x100000000}) = 0", SysCall::EpollControl { fd: 103, op: 3, target: 104, event: Some((1, 1 << 32)) }),
        ("epoll_ctl(3, EPOLL_CTL_DEL, 4, NULL) = 0", SysCall::EpollControl { fd: 103, op: 2, target: 104, event: None }),
        ("epoll_wait(3, {events=0, ptr=0}, 7, 0) = 0", SysCall::EpollWait { fd: 103, most: 7, timeout_ms: 0 }),
        ("open(\"/dev/zero\", O_RDONLY) = 5", SysCall::Open { path: "/dev/zero".into(), flags: 0 }),
        ("pipe([5, 6]) = 0", SysCall::Pipe),
        ("splice(3, NULL, 4, [7], 9, SPLICE_F_MORE) = 0", SysCall::Splice { from: 103, from_offset: None, to: 104, to_offset: Some(7), len: 9, flags: 4 }),
        ("sendfile(4, 3, [0], 5) = 0", SysCall::SendFile { to: 104, from: 103, offset: Some(0), len: 5 }),
        ("cap_set(CAP_EFFECTIVE, CAP_NET_ADMIN, CAP_CLEAR) = 0", SysCall::CapSet { set: 0, capability: 12, on: false }),
        ("shutdown(4, SHUT_RDWR) = 0", SysCall::Shutdown { fd: 104, how: 2 }),
        ("setsockopt(4, SOL_TCP, TCP_NODELAY, [1], 4) = 0", SysCall::SetSockOpt { fd: 104, level: 6, name: 1, value: int(1) }),
        ("setsockopt(4, SOL_SOCKET, SO_LINGER, {onoff=1, linger=3}, 8) = 0", SysCall::SetSockOpt { fd: 104, level: 1, name: 13, value: [int(1), int(3)].concat() }),
        ("setsockopt(4, SOL_TCP, TCP_CONGESTION, \"reno\", 4) = 0", SysCall::SetSockOpt { fd: 104, level: 6, name: 13, value: b"reno".to_vec() }),
        ("getsockopt(4, SOL_TCP, TCP_MAXSEG, [1460], [4]) = 0", SysCall::GetSockOpt { fd: 104, level: 6, name: 2, len: 4 }),
        ("fcntl(4, F_SETFL, O_RDWR|O_NONBLOCK) = 0", SysCall::Fcntl { fd: 104, cmd: 4, arg: 0o4002 }),
        ("fcntl(4, F_GETFL) = 0x2 (flags O_RDWR)", SysCall::Fcntl { fd: 104, cmd: 3, arg: 0 }),
        ("ioctl(4, SIOCINQ, [0]) = 0", SysCall::Ioctl { fd: 104, request: 0x541b, value: 0 }),
        ("poll([{fd=4, events=POLLIN, revents=0}], 1, 100) = 0", SysCall::Poll { fds: vec![(104, 1)], timeout_ms: 100 }),
        ("close(9) = -1 EBADF (Bad file descriptor)", SysCall::Close { fd: -1 }),
    ];
    for (line, call) in table {
        let mut sut = listening();
        pass(&play(&established(&format!("+0 {line}")), &mut sut));
        assert_eq!(sut.calls.last(), Some(&call), "{line}");
    }
    for (family, domain, addr) in [("v6", 10, "[2001:db8::1]:8080"), ("mapped", 10, "[::ffff:192.0.2.1]:8080")] {
        let text = "0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n+0 connect(3, ..., ...) = -1 ENETUNREACH\n";
        let (test, sources) = common::test(&format!("//= rfc9293/x/y MUST\n// x\n//: family {family}\n{text}"), family);
        let mut sut = listening();
        pass(&halfopen_engine::run(&test, &sources, &mut sut, &RunOptions::default()));
        let calls = [
            SysCall::Socket { domain, kind: 1, protocol: 6 },
            SysCall::Connect { fd: 103, addr: addr.parse().unwrap() },
        ];
        assert_eq!(sut.calls, calls);
    }
}

#[test]
fn what_is_written_is_what_comes_out() {
    // Texts too, wherever the stream stands; each write goes on where the last one ended.
    let lines = "+0 write(4, ..., 10) = 10\n+0 > P. 1:11(10) ack 1\n+0 write(4, ..., 20) = 5\n+0 > P. 11:16(5) ack 1\n+0 write(4, \"abc\", 3) = 3\n+0 > P. 16:19(3) ack 1";
    let text = established(lines);
    let abc = Tamper::Change(|d| {
        if let Body::Tcp(tcp) = &mut d.body {
            tcp.payload = b"abc".to_vec();
        }
        d.complete();
    });
    pass(&play(&text, &mut FakeSut::passing().tamper(3, abc)));
    let outcome = play(&text, &mut FakeSut::passing());
    assert_eq!((fails(&outcome).kind, fails(&outcome).line), (MismatchKind::Payload, Some(14)));
}

#[test]
fn blocks_see_the_socket_at_their_own_time() {
    let lines = "+0 %{ a = tcpi_unacked }%\n+0 %{ assert a == 3, a; print(a + TCP_ESTABLISHED) }%";
    let outcome = play(&established(lines), &mut FakeSut::passing().info(&[("tcpi_unacked", 3)]));
    pass(&outcome);
    assert!(outcome.trace.iter().any(|entry| entry.text == "4"), "{}", show(&outcome));
    let outcome = play(&established(lines), &mut FakeSut::passing().info(&[("tcpi_unacked", 2)]));
    assert_eq!((fails(&outcome).kind, fails(&outcome).line), (MismatchKind::Assertion, Some(10)));
    // A value that this SUT does not tell, and a name that has a number of its own, which is a place and not the value.
    for (line, name) in
        [("+0 %{ assert tcpi_lost == 0 }%", "tcpi_lost"), ("+0 %{ print(SK_MEMINFO_DROPS) }%", "SK_MEMINFO_DROPS")]
    {
        let outcome = play(&established(line), &mut FakeSut::passing().info(&[("tcpi_unacked", 2)]));
        assert_eq!(
            (outcome.verdict, outcome.reason),
            (Verdict::Unsupported, Some(format!("the SUT does not tell `{name}`")))
        );
    }
    let outcome = play(&established("+0 %{ assert tcpi_nothing == 1 }%"), &mut FakeSut::passing().info(&[]));
    assert_eq!(outcome.verdict, Verdict::Error, "{}", show(&outcome));
}

#[test]
fn cleanup_and_finish_run_whatever_happened() {
    let text = |lines: &str| format!("`begin`\n\n{}\n`end`\n", established(lines));
    for lines in ["", "+0 > . 1:1(0) ack 5", "+0 close(9) = 0", "+0 psp_rx_assoc(4, [5]) = 0"] {
        let mut sut = listening();
        sut.inner = sut.inner.tamper(1, Tamper::Omit);
        let outcome = play(&text(lines), &mut sut);
        assert_eq!(sut.commands, ["begin", "end", "finish"], "{lines}: {}", show(&outcome));
        assert_eq!(outcome.verdict == Verdict::Pass, lines.is_empty());
    }
}

#[test]
fn a_panic_keeps_the_exchange() {
    let (test, sources) = common::test(&established(""), "v4");
    let mut sut = FakeSut::new(halfopen_engine::sut::ClockKind::Virtual, "panic".parse().unwrap());
    let outcome = run_caught(&test, &sources, &mut sut, &RunOptions::default());
    let mismatch = fails(&outcome);
    assert_eq!(mismatch.kind, MismatchKind::Broken);
    assert!(mismatch.got.contains("the fake panicked, as it was told to"), "{}", mismatch.got);
    // A panic that is not the SUT's is the harness's own: a test whose names were never resolved.
    let (mut test, _) = common::test(&established("+0 write(4, ..., 10) = 10"), "v4");
    for step in &mut test.steps {
        if let Step::Event(event) = step
            && let Action::Call(call) = &mut event.action
        {
            let num = Num { names: vec!["x".into()], ..Num::literal(0) };
            call.args.last_mut().expect("every call here has arguments").kind = ArgKind::Num(num);
        }
    }
    let outcome = run_caught(&test, &sources, &mut FakeSut::passing(), &RunOptions::default());
    assert_eq!(outcome.verdict, Verdict::Error, "{}", show(&outcome));
    assert!(outcome.reason.is_some_and(|why| why.starts_with("the harness panicked")));
}

#[test]
fn packetdrill_s_leniency_is_there_for_who_asks() {
    let lenient = RunOptions { lenient: true, ..RunOptions::default() };
    let with = |text: &str, sut: &mut FakeSut, options: &RunOptions| {
        let (test, sources) = common::test(text, "v4");
        halfopen_engine::run(&test, &sources, sut, options)
    };
    // After the last line.
    let text = established("+0 > . 1:1(0) ack 1");
    let mut again = FakeSut::passing().tamper(1, Tamper::Again(0));
    pass(&with(&text, &mut again, &lenient));
    assert_eq!(with(&text, &mut again, &RunOptions::default()).verdict, Verdict::Fail);
    // Of a connection that the script has left.
    let connect = "socket(..., SOCK_STREAM|SOCK_NONBLOCK, IPPROTO_TCP) = 5\n+0 connect(5, ..., ...) = -1 EINPROGRESS\n";
    let text = established(&format!("+0 > . 1:1(0) ack 1\n+0 {connect}+1 > S 0:0(0) <...>\n+0 > . 1:1(0) ack 1"));
    let (left, _) = common::test(
        &established(&format!(
            "+0 > . 1:1(0) ack 1\n+0 > F. 1:1(0) ack 1\n+0 {connect}+1 > S 0:0(0) <...>\n+0 > . 1:1(0) ack 1"
        )),
        "v4",
    );
    let mut sut = FakeSut::passing().playing(left);
    pass(&with(
        &text.replace("\n+0 > . 1:1(0) ack 1\n+0 socket", "\n+0 > . 1:1(0) ack 1\n+.1 socket"),
        &mut sut,
        &lenient,
    ));
    assert_eq!(with(&text, &mut sut, &RunOptions::default()).verdict, Verdict::Fail);
}

#[test]
fn blocks_look_at_the_socket_that_was_opened_last() {
    let ask = "+0 %{ assert tcpi_state == 1 }%";
    let lines = format!(
        "{ask}\n+0 close(4) = 0\n{ask}\n+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 7\n{ask}\n+0 sendto(7, ..., 9, MSG_FASTOPEN, ..., ...) = 9\n+0 socket(..., SOCK_STREAM, IPPROTO_TCP) = 8\n{ask}"
    );
    let mut sut = listening();
    sut.inner = sut.inner.info(&[("tcpi_state", 1)]);
    pass(&play(&established(&lines), &mut sut));
    // The accepted one, the listener, the new one, the one that opened with text.
    assert_eq!(sut.asked, [104, 103, 107, 107]);
}
