//! What each socket call comes to in each state of a socket: one table, held against the kernel and the reference stack.

mod support;

use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::Sut;
use halfopen_script::test::Family;
use halfopen_stack::Errno;
use halfopen_sut::reference::Reference;
use std::net::SocketAddr;
use support::{ACK, FIN, PSH, Path, RST, accepted, expect, listener, named, setup, value};

/// Local port of sockets that connect or are bound by the test.
const OTHER_PORT: u16 = 9000;

/// A socket under test and the numbers of its connection.
struct Socket {
    fd: i32,
    iss: u32,
}

/// Brings a socket into a state.
type Reach = fn(&mut dyn Sut) -> Socket;
/// Makes a call: what came of it.
type Make = fn(&mut dyn Sut, i32) -> String;

/// How each state is reached.
const STATES: &[(&str, Reach)] = &[
    ("fresh", fresh),
    ("bound", bound),
    ("listening", |sut| Socket { fd: listener(sut, &setup(Family::V4), 0), iss: 0 }),
    ("syn-sent", syn_sent),
    ("established", established),
    ("readable", readable),
    ("urgent", urgent),
    ("shut-rd", |sut| shut(established(sut), sut, "SHUT_RD")),
    ("fin-wait-1", |sut| shut(established(sut), sut, "SHUT_WR")),
    ("fin-wait-2", fin_wait_2),
    ("shut-rdwr", |sut| shut(established(sut), sut, "SHUT_RDWR")),
    ("close-wait", |sut| peer(established(sut), sut, FIN | ACK, 1, 1)),
    ("last-ack", |sut| shut(peer(established(sut), sut, FIN | ACK, 1, 1), sut, "SHUT_WR")),
    ("closing", |sut| peer(shut(established(sut), sut, "SHUT_WR"), sut, FIN | ACK, 1, 1)),
    ("time-wait", |sut| peer(fin_wait_2(sut), sut, FIN | ACK, 1, 2)),
    ("closed", closed),
    ("reset", |sut| peer(established(sut), sut, RST | ACK, 1, 1)),
    ("reset-told", |sut| told(peer(established(sut), sut, RST | ACK, 1, 1), sut)),
    ("reset-unread", |sut| peer(readable(sut), sut, RST | ACK, 6, 1)),
    ("broken-pipe", |sut| peer(peer(established(sut), sut, FIN | ACK, 1, 1), sut, RST | ACK, 2, 1)),
    ("refused", refused),
    ("refused-told", |sut| told(refused(sut), sut)),
];

/// The calls, and how each is made.
const CALLS: &[(&str, Make)] = &[
    ("bind", |sut, fd| made(sut, &SysCall::Bind { fd, addr: local(9001) })),
    ("listen", |sut, fd| made(sut, &SysCall::Listen { fd, backlog: 1 })),
    ("accept", |sut, fd| made(sut, &SysCall::Accept { fd })),
    ("connect", |sut, fd| made(sut, &SysCall::Connect { fd, addr: Path::of(&setup(Family::V4)).peer })),
    ("recv", |sut, fd| receive(sut, fd, 100, &[])),
    ("peek", |sut, fd| receive(sut, fd, 100, &["MSG_PEEK"])),
    ("oob", |sut, fd| receive(sut, fd, 100, &["MSG_OOB"])),
    ("recv0", |sut, fd| receive(sut, fd, 0, &[])),
    ("send", |sut, fd| made(sut, &SysCall::Send { fd, data: vec![1; 3], flags: flags(&["MSG_DONTWAIT"]), to: None })),
    ("send0", |sut, fd| made(sut, &SysCall::Send { fd, data: vec![], flags: flags(&["MSG_DONTWAIT"]), to: None })),
    ("shutRD", |sut, fd| made(sut, &SysCall::Shutdown { fd, how: named("SHUT_RD") })),
    ("shutWR", |sut, fd| made(sut, &SysCall::Shutdown { fd, how: named("SHUT_WR") })),
    ("shut9", |sut, fd| made(sut, &SysCall::Shutdown { fd, how: 9 })),
    ("inq", |sut, fd| int(sut, &SysCall::Ioctl { fd, request: 0x541b, value: 0 })),
    ("outq", |sut, fd| int(sut, &SysCall::Ioctl { fd, request: 0x5411, value: 0 })),
    ("outqnsd", |sut, fd| int(sut, &SysCall::Ioctl { fd, request: 0x894b, value: 0 })),
    ("atmark", |sut, fd| int(sut, &SysCall::Ioctl { fd, request: 0x8905, value: 0 })),
    ("error", |sut, fd| {
        let (level, name) = (named("SOL_SOCKET"), named("SO_ERROR"));
        int(sut, &SysCall::GetSockOpt { fd, level, name, len: 4 })
    }),
    ("poll", poll),
    ("close", |sut, fd| made(sut, &SysCall::Close { fd })),
];

fn socket(sut: &mut dyn Sut) -> i32 {
    let (domain, protocol) = (named("AF_INET"), named("IPPROTO_TCP"));
    value(sut, SysCall::Socket { domain, kind: named("SOCK_STREAM") | named("SOCK_NONBLOCK"), protocol }) as i32
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::new(setup(Family::V4).local.0, port)
}

fn fresh(sut: &mut dyn Sut) -> Socket {
    Socket { fd: socket(sut), iss: 0 }
}

fn bound(sut: &mut dyn Sut) -> Socket {
    let fd = socket(sut);
    value(sut, SysCall::Bind { fd, addr: local(OTHER_PORT) });
    Socket { fd, iss: 0 }
}

fn syn_sent(sut: &mut dyn Sut) -> Socket {
    let Socket { fd, .. } = bound(sut);
    let reply = sut.call(&SysCall::Connect { fd, addr: Path::of(&setup(Family::V4)).peer }).expect("the SUT works");
    assert_eq!(reply, Reply::errno(Errno::EINPROGRESS.number()));
    Socket { fd, iss: expect(sut).seq }
}

fn refused(sut: &mut dyn Sut) -> Socket {
    let Socket { fd, iss } = syn_sent(sut);
    let path = Path { sut: local(OTHER_PORT), ..Path::of(&setup(Family::V4)) };
    sut.inject(&path.segment(RST | ACK, 0, iss + 1, &[])).expect("injected");
    Socket { fd, iss }
}

fn established(sut: &mut dyn Sut) -> Socket {
    let (fd, iss) = accepted(sut, &setup(Family::V4), 0);
    let (cmd, arg) = (named("F_SETFL"), named("O_NONBLOCK"));
    value(sut, SysCall::Fcntl { fd, cmd, arg });
    Socket { fd, iss }
}

fn readable(sut: &mut dyn Sut) -> Socket {
    let socket = established(sut);
    let path = Path::of(&setup(Family::V4));
    sut.inject(&path.segment(ACK | PSH, 1001, socket.iss + 1, b"hello")).expect("injected");
    socket
}

/// Two octets, the second urgent.
fn urgent(sut: &mut dyn Sut) -> Socket {
    let socket = established(sut);
    let path = Path::of(&setup(Family::V4));
    sut.inject(&path.urgent(ACK | PSH, 1001, socket.iss + 1, 2, b"ab")).expect("injected");
    socket
}

/// A segment of the peer, numbers relative.
fn peer(socket: Socket, sut: &mut dyn Sut, flags: u8, seq: u32, ack: u32) -> Socket {
    let path = Path::of(&setup(Family::V4));
    sut.inject(&path.segment(flags, 1000 + seq, socket.iss.wrapping_add(ack), &[])).expect("injected");
    socket
}

fn shut(socket: Socket, sut: &mut dyn Sut, how: &str) -> Socket {
    value(sut, SysCall::Shutdown { fd: socket.fd, how: named(how) });
    socket
}

fn fin_wait_2(sut: &mut dyn Sut) -> Socket {
    let socket = shut(established(sut), sut, "SHUT_WR");
    peer(socket, sut, ACK, 1, 2)
}

/// Both sides have closed, the peer first.
fn closed(sut: &mut dyn Sut) -> Socket {
    let socket = shut(peer(established(sut), sut, FIN | ACK, 1, 1), sut, "SHUT_WR");
    peer(socket, sut, ACK, 2, 2)
}

/// The error was read.
fn told(socket: Socket, sut: &mut dyn Sut) -> Socket {
    let (level, name) = (named("SOL_SOCKET"), named("SO_ERROR"));
    value(sut, SysCall::GetSockOpt { fd: socket.fd, level, name, len: 4 });
    socket
}

fn flags(names: &[&str]) -> i32 {
    names.iter().map(|name| named(name)).sum()
}

fn receive(sut: &mut dyn Sut, fd: i32, len: usize, names: &[&str]) -> String {
    made(sut, &SysCall::Receive { fd, len, flags: flags(names) | flags(&["MSG_DONTWAIT"]) })
}

fn made(sut: &mut dyn Sut, call: &SysCall) -> String {
    match sut.call(call).expect("the SUT works") {
        Reply::Done { value: -1, errno, .. } => {
            Errno::from_number(errno).map_or_else(|| errno.to_string(), |errno| errno.name().to_owned())
        }
        Reply::Done { value, .. } | Reply::Message { value, .. } => value.to_string(),
        Reply::Pending => "blocks".to_owned(),
    }
}

/// A call that gives an int back.
fn int(sut: &mut dyn Sut, call: &SysCall) -> String {
    match sut.call(call).expect("the SUT works") {
        Reply::Done { errno: 0, data, .. } => {
            let value = i32::from_ne_bytes(data.try_into().expect("an int"));
            Errno::from_number(value)
                .filter(|_| matches!(call, SysCall::GetSockOpt { .. }))
                .map_or_else(|| value.to_string(), |errno| errno.name().to_owned())
        }
        Reply::Done { errno, .. } => Errno::from_number(errno).expect("a known errno").name().to_owned(),
        Reply::Pending | Reply::Message { .. } => "blocks".to_owned(),
    }
}

/// The events that are reported, by their letters.
fn poll(sut: &mut dyn Sut, fd: i32) -> String {
    let letters =
        [("POLLIN", 'i'), ("POLLOUT", 'o'), ("POLLPRI", 'p'), ("POLLERR", 'e'), ("POLLHUP", 'h'), ("POLLRDHUP", 'r')];
    let events = letters.iter().map(|(name, _)| named(name) as i16).fold(0, |all, bit| all | bit);
    let reply = sut.call(&SysCall::Poll { fds: vec![(fd, events)], timeout_ms: 0 }).expect("the SUT works");
    let Reply::Done { data, .. } = reply else { return "blocks".to_owned() };
    let revents = i16::from_ne_bytes(data.try_into().expect("one entry"));
    let reported = letters.iter().filter(|(name, _)| revents & named(name) as i16 != 0);
    let text: String = reported.map(|(_, letter)| *letter).collect();
    if text.is_empty() { "-".to_owned() } else { text }
}

/// A line per state, a column per call.
fn table(sut: &mut dyn Sut) -> Vec<String> {
    let mut lines = Vec::new();
    for (state, reach) in STATES {
        let mut cells = vec![(*state).to_owned()];
        for (_, call) in CALLS {
            sut.start(&setup(Family::V4)).expect("it starts");
            let socket = reach(sut);
            cells.push(call(sut, socket.fd));
            sut.finish().expect("it ends");
        }
        lines.push(cells.join(" "));
    }
    lines
}

/// Calls in the order of the columns; `poll` by the letters of [`poll`], - for nothing.
#[rustfmt::skip]
const TABLE: &[&str] = &[
    //             bind   listen accept connect      recv         peek         oob      recv0        send         send0        shutRD   shutWR   shut9  inq    outq   outqnsd atmark error        poll  close
    "fresh        0      0      EINVAL EINPROGRESS  ENOTCONN     ENOTCONN     EINVAL   ENOTCONN     EPIPE        EPIPE        ENOTCONN ENOTCONN EINVAL 0      0      0       0      0            oh    0",
    "bound        EINVAL 0      EINVAL EINPROGRESS  ENOTCONN     ENOTCONN     EINVAL   ENOTCONN     EPIPE        EPIPE        ENOTCONN ENOTCONN EINVAL 0      0      0       0      0            oh    0",
    "listening    EINVAL 0      blocks EISCONN      ENOTCONN     ENOTCONN     ENOTCONN ENOTCONN     EPIPE        EPIPE        0        0        EINVAL EINVAL EINVAL EINVAL  0      0            -     0",
    "syn-sent     EINVAL EINVAL EINVAL EALREADY     EAGAIN       EAGAIN       EINVAL   EAGAIN       EAGAIN       EAGAIN       0        0        EINVAL 0      0      0       0      0            -     0",
    "established  EINVAL EINVAL EINVAL EISCONN      EAGAIN       EAGAIN       EINVAL   EAGAIN       3            0            0        0        EINVAL 0      0      0       0      0            o     0",
    "readable     EINVAL EINVAL EINVAL EISCONN      5            5            EINVAL   0            3            0            0        0        EINVAL 5      0      0       0      0            io    0",
    "urgent       EINVAL EINVAL EINVAL EISCONN      1            1            1        0            3            0            0        0        EINVAL 1      0      0       0      0            iop   0",
    "shut-rd      EINVAL EINVAL EINVAL EISCONN      0            0            EINVAL   0            3            0            0        0        EINVAL 0      0      0       0      0            ior   0",
    "fin-wait-1   EINVAL EINVAL EINVAL EISCONN      EAGAIN       EAGAIN       EINVAL   EAGAIN       EPIPE        EPIPE        0        0        EINVAL 0      1      0       0      0            o     0",
    "fin-wait-2   EINVAL EINVAL EINVAL EISCONN      EAGAIN       EAGAIN       EINVAL   EAGAIN       EPIPE        EPIPE        0        0        EINVAL 0      0      0       0      0            o     0",
    "shut-rdwr    EINVAL EINVAL EINVAL EISCONN      0            0            EINVAL   0            EPIPE        EPIPE        0        0        EINVAL 0      1      0       0      0            iohr  0",
    "close-wait   EINVAL EINVAL EINVAL EISCONN      0            0            EINVAL   0            3            0            0        0        EINVAL 0      0      0       0      0            ior   0",
    "last-ack     EINVAL EINVAL EINVAL EISCONN      0            0            EINVAL   0            EPIPE        EPIPE        0        0        EINVAL 0      1      0       0      0            iohr  0",
    "closing      EINVAL EINVAL EINVAL EISCONN      0            0            EINVAL   0            EPIPE        EPIPE        0        0        EINVAL 0      1      0       0      0            iohr  0",
    "time-wait    0      EINVAL EINVAL EISCONN      0            0            EINVAL   0            EPIPE        EPIPE        ENOTCONN ENOTCONN EINVAL 0      0      0       0      0            iohr  0",
    "closed       0      EINVAL EINVAL EISCONN      0            0            EINVAL   0            EPIPE        EPIPE        ENOTCONN ENOTCONN EINVAL 0      0      0       0      0            iohr  0",
    "reset        0      EINVAL EINVAL EISCONN      ECONNRESET   ECONNRESET   EINVAL   ECONNRESET   ECONNRESET   ECONNRESET   ENOTCONN ENOTCONN EINVAL 0      0      0       0      ECONNRESET   ioehr 0",
    "reset-told   0      EINVAL EINVAL EISCONN      0            0            EINVAL   0            EPIPE        EPIPE        ENOTCONN ENOTCONN EINVAL 0      0      0       0      0            iohr  0",
    "reset-unread 0      EINVAL EINVAL EISCONN      5            5            EINVAL   0            ECONNRESET   ECONNRESET   ENOTCONN ENOTCONN EINVAL 5      0      0       0      ECONNRESET   ioehr 0",
    "broken-pipe  0      EINVAL EINVAL EISCONN      0            0            EINVAL   0            EPIPE        EPIPE        ENOTCONN ENOTCONN EINVAL 0      0      0       0      EPIPE        ioehr 0",
    "refused      EINVAL EINVAL EINVAL ECONNREFUSED ECONNREFUSED ECONNREFUSED EINVAL   ECONNREFUSED ECONNREFUSED ECONNREFUSED ENOTCONN ENOTCONN EINVAL 0      1      0       0      ECONNREFUSED ioehr 0",
    "refused-told EINVAL EINVAL EINVAL ECONNABORTED 0            0            EINVAL   0            EPIPE        EPIPE        ENOTCONN ENOTCONN EINVAL 0      1      0       0      0            iohr  0",
];

/// `setsockopt` with an int: level, option, value, what comes of it, and what `getsockopt` then says.
const OPTIONS: &[(&str, &str, i32, &str, i32)] = &[
    ("SOL_SOCKET", "SO_RCVLOWAT", 0, "0", 1),
    ("SOL_SOCKET", "SO_RCVLOWAT", 5, "0", 5),
    ("SOL_SOCKET", "SO_RCVLOWAT", -1, "0", 16_777_216),
    ("SOL_SOCKET", "SO_SNDBUF", 1, "0", 4608),
    ("SOL_SOCKET", "SO_SNDBUF", 5000, "0", 10_000),
    ("SOL_SOCKET", "SO_RCVBUF", 0, "0", 2304),
    ("SOL_SOCKET", "SO_RCVBUF", -1, "0", 8_388_608),
    ("SOL_SOCKET", "SO_REUSEPORT", 2, "0", 1),
    ("SOL_SOCKET", "SO_PRIORITY", 6, "0", 6),
    ("SOL_SOCKET", "SO_MARK", 5, "0", 5),
    ("SOL_SOCKET", "SO_MAX_PACING_RATE", 5, "0", 5),
    ("IPPROTO_TCP", "TCP_NODELAY", 5, "0", 1),
    ("IPPROTO_TCP", "TCP_CORK", 2, "0", 1),
    ("IPPROTO_TCP", "TCP_MAXSEG", 0, "0", 536),
    ("IPPROTO_TCP", "TCP_MAXSEG", 87, "EINVAL", 536),
    ("IPPROTO_TCP", "TCP_MAXSEG", 88, "0", 88),
    ("IPPROTO_TCP", "TCP_MAXSEG", 32_767, "0", 32_767),
    ("IPPROTO_TCP", "TCP_MAXSEG", 32_768, "EINVAL", 536),
    ("IPPROTO_TCP", "TCP_KEEPIDLE", 0, "EINVAL", 7200),
    ("IPPROTO_TCP", "TCP_KEEPIDLE", 32_767, "0", 32_767),
    ("IPPROTO_TCP", "TCP_KEEPINTVL", 32_768, "EINVAL", 75),
    ("IPPROTO_TCP", "TCP_KEEPCNT", 128, "EINVAL", 9),
    ("IPPROTO_TCP", "TCP_SYNCNT", 0, "EINVAL", 6),
    ("IPPROTO_TCP", "TCP_SYNCNT", 127, "0", 127),
    ("IPPROTO_TCP", "TCP_LINGER2", 0, "0", 60),
    ("IPPROTO_TCP", "TCP_LINGER2", -5, "0", -1),
    ("IPPROTO_TCP", "TCP_LINGER2", 121, "0", 120),
    ("IPPROTO_TCP", "TCP_WINDOW_CLAMP", 1, "0", 1152),
    ("IPPROTO_TCP", "TCP_WINDOW_CLAMP", 5000, "0", 5000),
    ("IPPROTO_TCP", "TCP_USER_TIMEOUT", -1, "EINVAL", 0),
    ("IPPROTO_TCP", "TCP_USER_TIMEOUT", 5, "0", 5),
    ("IPPROTO_TCP", "TCP_NOTSENT_LOWAT", -1, "0", -1),
    ("IPPROTO_TCP", "TCP_INQ", 1, "0", 1),
    ("IPPROTO_TCP", "TCP_INQ", 2, "EINVAL", 0),
    ("IPPROTO_TCP", "TCP_RTO_MAX_MS", 999, "EINVAL", 120_000),
    ("IPPROTO_TCP", "TCP_RTO_MAX_MS", 1000, "0", 1000),
    ("IPPROTO_TCP", "TCP_RTO_MIN_US", 200_001, "EINVAL", 200_000),
    ("IPPROTO_TCP", "TCP_DELACK_MAX_US", 40_000, "0", 40_000),
    ("IPPROTO_IP", "IP_TTL", 0, "EINVAL", 64),
    ("IPPROTO_IP", "IP_TTL", 255, "0", 255),
    ("IPPROTO_IP", "IP_TTL", 256, "EINVAL", 64),
    ("IPPROTO_IP", "IP_TOS", 255, "0", 252),
    ("IPPROTO_IP", "IP_TOS", 256, "0", 0),
    ("IPPROTO_IP", "IP_MTU_DISCOVER", 5, "0", 5),
    ("IPPROTO_IP", "IP_MTU_DISCOVER", 6, "EINVAL", 1),
    ("IPPROTO_IP", "IP_FREEBIND", 1, "0", 1),
    ("IPPROTO_IP", "IP_BIND_ADDRESS_NO_PORT", 1, "0", 1),
    ("IPPROTO_IP", "IP_LOCAL_PORT_RANGE", 5, "0", 5),
];

/// The lines that differ from [`TABLE`].
fn differences(sut: &mut dyn Sut) -> Vec<String> {
    let names: Vec<&str> = CALLS.iter().map(|(name, _)| *name).collect();
    let mut different = Vec::new();
    for (got, expected) in table(sut).iter().zip(TABLE) {
        let (got, expected): (Vec<&str>, Vec<&str>) = (got.split(' ').collect(), expected.split_whitespace().collect());
        assert_eq!(got.len(), expected.len(), "{}", expected[0]);
        for ((call, got), expected_cell) in names.iter().zip(&got[1..]).zip(&expected[1..]) {
            if got != expected_cell {
                different.push(format!("{} {call}: expected {expected_cell}, got {got}", expected[0]));
            }
        }
    }
    different
}

fn check_options(sut: &mut dyn Sut) {
    for (level, name, number, expected, then) in OPTIONS {
        sut.start(&setup(Family::V4)).expect("it starts");
        let fd = socket(sut);
        let (level, option) = (named(level), named(name));
        let set = SysCall::SetSockOpt { fd, level, name: option, value: number.to_ne_bytes().to_vec() };
        assert_eq!(made(sut, &set), *expected, "{name} = {number}");
        let get = SysCall::GetSockOpt { fd, level, name: option, len: 4 };
        let reply = sut.call(&get).expect("the SUT works");
        assert_eq!(reply, Reply::Done { value: 0, errno: 0, data: then.to_ne_bytes().to_vec() }, "{name} = {number}");
        sut.finish().expect("it ends");
    }
}

#[test]
fn the_reference_stack_answers_by_the_table() {
    assert_eq!(TABLE.len(), STATES.len());
    let mut sut = Reference::new(Some("linux")).expect("a profile");
    assert_eq!(differences(&mut sut), [""; 0]);
    check_options(&mut sut);
}

#[test]
#[cfg(target_os = "linux")]
fn the_kernel_answers_by_the_table() {
    use halfopen_sut::linux::{Linux, available};
    use std::io::Write as _;
    if let Err(missing) = available() {
        writeln!(std::io::stderr(), "not run: {missing}").expect("standard error is open");
        return;
    }
    let mut sut = Linux::new().expect("the host has /proc");
    assert_eq!(differences(&mut sut), [""; 0]);
    check_options(&mut sut);
}
