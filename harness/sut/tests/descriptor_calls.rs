//! Calls beyond plain reads and writes, held against the kernel and the reference stack: each story has one ending for both.

mod support;

use halfopen_engine::call::{Part, Reply, Room, SysCall, Target};
use halfopen_engine::sut::{Happening, Sut, SutError};
use halfopen_script::test::Family;
use halfopen_stack::Errno;
use halfopen_sut::reference::Reference;
use support::{ACK, FIN, PSH, Path, accepted, expect, named, setup};

/// What a call came to: its errno by name, its value, and what came beside it.
fn came_to(reply: &Reply) -> String {
    match reply {
        Reply::Done { value: -1, errno, .. } => {
            Errno::from_number(*errno).map_or_else(|| errno.to_string(), |errno| errno.name().to_owned())
        }
        Reply::Done { value, .. } => value.to_string(),
        Reply::Message { value, flags, control, .. } => {
            let control = control.iter().map(|one| {
                let int = one.data.as_slice().try_into().map(i32::from_ne_bytes).unwrap_or(-1);
                format!(" {}/{}={int}", one.level, one.kind)
            });
            format!("{value} {flags:#x}{}", control.collect::<String>())
        }
        Reply::Pending => "blocks".to_owned(),
    }
}

fn made(sut: &mut dyn Sut, call: &SysCall) -> String {
    came_to(&sut.call(call).expect("the SUT works"))
}

fn number(sut: &mut dyn Sut, call: &SysCall) -> i32 {
    let Reply::Done { value, errno: 0, .. } = sut.call(call).expect("the SUT works") else { panic!("{call:?} fails") };
    value as i32
}

/// A connection that blocks, and the SUT's initial sequence number.
fn connection(sut: &mut dyn Sut) -> (i32, u32) {
    accepted(sut, &setup(Family::V4), 0)
}

fn text(sut: &mut dyn Sut, iss: u32, seq: u32, payload: &[u8]) {
    let path = Path::of(&setup(Family::V4));
    sut.inject(&path.segment(ACK | PSH, 1000 + seq, iss + 1, payload)).expect("injected");
}

fn receive(fd: i32, len: usize, null: bool, control: usize, flags: &[&str]) -> SysCall {
    let flags = flags.iter().map(|flag| named(flag)).sum();
    SysCall::ReceiveMessage { fd, rooms: vec![Room { len, null }], control, flags }
}

fn from_null(fd: i32, len: usize) -> SysCall {
    SysCall::SendMessage {
        fd,
        parts: vec![Part { data: vec![0; len], null: true }],
        flags: 0,
        to: None,
        control: vec![],
    }
}

fn pipe(sut: &mut dyn Sut) -> (i32, i32) {
    let Reply::Done { value: 0, data, .. } = sut.call(&SysCall::Pipe).expect("the SUT works") else {
        panic!("no pipe")
    };
    let ends: Vec<i32> = data.chunks_exact(4).map(|end| i32::from_ne_bytes(end.try_into().expect("four"))).collect();
    (ends[0], ends[1])
}

fn splice(from: i32, to: i32, len: usize) -> SysCall {
    let flags = named("SPLICE_F_NONBLOCK").cast_unsigned();
    SysCall::Splice { from, from_offset: None, to, to_offset: None, len, flags }
}

fn set(sut: &mut dyn Sut, fd: i32, name: &str, on: i32) -> String {
    let (level, name) = (named("SOL_TCP"), named(name));
    made(sut, &SysCall::SetSockOpt { fd, level, name, value: on.to_ne_bytes().to_vec() })
}

fn control(fd: i32, op: &str, target: i32, event: Option<(u32, u64)>) -> SysCall {
    SysCall::EpollControl { fd, op: named(op), target, event }
}

/// Events and data of what an epoll instance reports at once.
fn reported(sut: &mut dyn Sut, fd: i32) -> String {
    let Reply::Done { value, errno: 0, data } =
        sut.call(&SysCall::EpollWait { fd, most: 4, timeout_ms: 0 }).expect("the SUT works")
    else {
        panic!("epoll_wait fails")
    };
    let events = data.chunks_exact(12).map(|event| {
        let bits = u32::from_ne_bytes(event[..4].try_into().expect("four"));
        let data = u64::from_ne_bytes(event[4..].try_into().expect("eight"));
        format!(" {bits:#x}/{data}")
    });
    format!("{value}{}", events.collect::<String>())
}

type Story = fn(&mut dyn Sut) -> Vec<String>;

/// Each story, and what its calls come to.
const STORIES: &[(&str, Story, &[&str])] = &[
    ("FIONBIO", fionbio, &["blocks at first", "0", "EAGAIN", "0x802"]),
    ("NULL", null, &["EAGAIN", "EFAULT", "5 0x0", "EAGAIN", "EFAULT", "0", "EPIPE"]),
    ("error queue", error_queue, &["EAGAIN", "EAGAIN"]),
    ("TCP_INQ", inq, &["0", "2 0x0 6/36=3", "1 0x8", "2 0x0 6/36=0", "0 0x0 6/36=1", "0 0x0"]),
    ("AF_UNSPEC", unspecified, &["EOPNOTSUPP", "0", "R", "ECONNRESET", "0", "0"]),
    ("vector", vector, &["5", "abcde", "4 0x0"]),
    ("splice in", splice_in, &["EAGAIN", "5", "ESPIPE", "hel", "lo", "EAGAIN", "EBADF", "0"]),
    ("splice out", splice_out, &["EAGAIN", "5", "3", "abc", "2", "de", "0", "0"]),
    ("no sockets", no_sockets, &["ENOTSOCK", "ENOTSOCK", "ENOTSOCK", "EINVAL", "EBADF", "EINVAL"]),
    (
        "epoll control",
        epoll_control,
        &["EINVAL", "0", "EEXIST", "0", "0", "ENOENT", "EBADF", "EFAULT", "EINVAL", "EINVAL"],
    ),
    ("epoll level", epoll_level, &["1 0x4/7", "1 0x4/7", "1 0x5/7", "1 0x4/7", "1 0x2005/7"]),
    ("epoll edge", epoll_edge, &["1 0x4/7", "0", "1 0x5/7", "0", "1 0x5/7", "0", "1 0x2005/7", "0"]),
    ("epoll pipe", epoll_pipe, &["0", "1 0x1/9", "0", "1 0x10/9"]),
    (
        "zero copy",
        zero_copy,
        &[
            "0",
            "EINVAL",
            "1 0x4/7",
            "5",
            "EAGAIN",
            "1 0xc/7",
            "0",
            "3",
            "1 0xc/7",
            "0 0x2000 0/11",
            "0 to 1",
            "EAGAIN",
            "0",
        ],
    ),
    ("epoll close", epoll_close, &["1 0x4/7", "0"]),
];

fn fionbio(sut: &mut dyn Sut) -> Vec<String> {
    let (fd, _) = connection(sut);
    let getfl = SysCall::Fcntl { fd, cmd: named("F_GETFL"), arg: 0 };
    let before = if number(sut, &getfl) & named("O_NONBLOCK") == 0 { "blocks at first" } else { "does not block" };
    let request = named("FIONBIO") as u64;
    let set = made(sut, &SysCall::Ioctl { fd, request, value: 1 });
    let read = made(sut, &SysCall::Receive { fd, len: 5, flags: 0 });
    vec![before.to_owned(), set, read, format!("{:#x}", number(sut, &getfl))]
}

fn null(sut: &mut dyn Sut) -> Vec<String> {
    let (fd, iss) = connection(sut);
    number(sut, &SysCall::Ioctl { fd, request: named("FIONBIO") as u64, value: 1 });
    let mut got = vec![made(sut, &receive(fd, 5, true, 0, &[]))];
    text(sut, iss, 1, b"hello");
    got.push(made(sut, &receive(fd, 5, true, 0, &[])));
    // Nothing was lost.
    got.push(made(sut, &receive(fd, 5, false, 0, &[])));
    got.push(made(sut, &receive(fd, 0, false, 0, &[])));
    got.push(made(sut, &from_null(fd, 5)));
    got.push(made(sut, &from_null(fd, 0)));
    number(sut, &SysCall::Shutdown { fd, how: named("SHUT_WR") });
    got.push(made(sut, &from_null(fd, 5)));
    got
}

fn error_queue(sut: &mut dyn Sut) -> Vec<String> {
    let (fd, iss) = connection(sut);
    let call = receive(fd, 5, false, 100, &["MSG_ERRQUEUE"]);
    let before = made(sut, &call);
    // What was received is not there either, and nobody waits, though the socket blocks.
    text(sut, iss, 1, b"hello");
    vec![before, made(sut, &call)]
}

fn inq(sut: &mut dyn Sut) -> Vec<String> {
    let (fd, iss) = connection(sut);
    let mut got = vec![set(sut, fd, "TCP_INQ", 1)];
    text(sut, iss, 1, b"hello");
    got.push(made(sut, &receive(fd, 2, false, 100, &[])));
    got.push(made(sut, &receive(fd, 1, false, 0, &[])));
    got.push(made(sut, &receive(fd, 2, false, 100, &[])));
    let path = Path::of(&setup(Family::V4));
    sut.inject(&path.segment(FIN | ACK, 1006, iss + 1, &[])).expect("injected");
    got.push(made(sut, &receive(fd, 2, false, 100, &[])));
    set(sut, fd, "TCP_INQ", 0);
    got.push(made(sut, &receive(fd, 2, false, 100, &[])));
    got
}

fn unspecified(sut: &mut dyn Sut) -> Vec<String> {
    let (fd, _) = connection(sut);
    let to = Some(Target::Unspecified);
    let parts = vec![Part { data: vec![], null: false }];
    let (domain, kind, protocol) = (named("AF_INET"), named("SOCK_STREAM"), named("IPPROTO_TCP"));
    let fresh = number(sut, &SysCall::Socket { domain, kind, protocol });
    let mut got =
        vec![made(sut, &SysCall::SendMessage { fd: fresh, parts, flags: named("MSG_FASTOPEN"), to, control: vec![] })];
    got.push(made(sut, &SysCall::Disconnect { fd }));
    got.push(if expect(sut).flags & support::RST != 0 { "R".into() } else { "-".into() });
    got.push(made(sut, &SysCall::Receive { fd, len: 1, flags: 0 }));
    got.push(made(sut, &SysCall::Disconnect { fd }));
    got.push(made(sut, &SysCall::Disconnect { fd: fresh }));
    got
}

/// The payload of the next segment.
fn sent(sut: &mut dyn Sut) -> String {
    String::from_utf8_lossy(&expect(sut).payload).into_owned()
}

fn vector(sut: &mut dyn Sut) -> Vec<String> {
    let (fd, iss) = connection(sut);
    let parts = [&b"ab"[..], b"", b"cde"].map(|data| Part { data: data.to_vec(), null: false }).to_vec();
    let mut got = vec![made(sut, &SysCall::SendMessage { fd, parts, flags: 0, to: None, control: vec![] }), sent(sut)];
    text(sut, iss, 1, b"wxyz");
    let rooms = [1, 0, 7].map(|len| Room { len, null: false }).to_vec();
    let reply = sut.call(&SysCall::ReceiveMessage { fd, rooms, control: 0, flags: 0 }).expect("the SUT works");
    assert!(matches!(&reply, Reply::Message { data, .. } if data == b"wxyz"), "{reply:?}");
    got.push(came_to(&reply));
    got
}

fn data(sut: &mut dyn Sut, fd: i32, len: usize) -> String {
    let reply = sut.call(&SysCall::Receive { fd, len, flags: 0 }).expect("the SUT works");
    if let Reply::Done { errno: 0, data, .. } = &reply {
        return String::from_utf8_lossy(data).into_owned();
    }
    came_to(&reply)
}

fn splice_in(sut: &mut dyn Sut) -> Vec<String> {
    let (fd, iss) = connection(sut);
    number(sut, &SysCall::Ioctl { fd, request: named("FIONBIO") as u64, value: 1 });
    let (read, write) = pipe(sut);
    number(sut, &SysCall::Fcntl { fd: read, cmd: named("F_SETFL"), arg: named("O_NONBLOCK") });
    let mut got = vec![made(sut, &splice(fd, write, 100))];
    text(sut, iss, 1, b"hello");
    got.push(made(sut, &splice(fd, write, 100)));
    let SysCall::Splice { from, to, len, flags, .. } = splice(fd, write, 1) else { unreachable!() };
    let there = SysCall::Splice { from, from_offset: None, to, to_offset: Some(0), len, flags };
    got.push(made(sut, &there).replace("29", "ESPIPE"));
    got.extend([data(sut, read, 3), data(sut, read, 9), data(sut, read, 9), data(sut, write, 9)]);
    number(sut, &SysCall::Close { fd: write });
    got.push(made(sut, &SysCall::Receive { fd: read, len: 1, flags: 0 }));
    got
}

fn splice_out(sut: &mut dyn Sut) -> Vec<String> {
    let (fd, _) = connection(sut);
    // What was sent first is not acknowledged.
    set(sut, fd, "TCP_NODELAY", 1);
    let (read, write) = pipe(sut);
    let mut got = vec![made(sut, &splice(read, fd, 3))];
    got.push(made(sut, &SysCall::Send { fd: write, data: b"abcde".to_vec(), flags: 0, to: None }));
    got.push(made(sut, &splice(read, fd, 3)));
    got.push(sent(sut));
    got.push(made(sut, &splice(read, fd, 9)));
    got.push(sent(sut));
    got.push(made(sut, &SysCall::Close { fd: write }));
    got.push(made(sut, &splice(read, fd, 3)));
    got
}

fn no_sockets(sut: &mut dyn Sut) -> Vec<String> {
    let (fd, _) = connection(sut);
    let (read, _) = pipe(sut);
    let (level, name) = (named("SOL_SOCKET"), named("SO_ERROR"));
    vec![
        made(sut, &SysCall::Listen { fd: read, backlog: 1 }),
        made(sut, &SysCall::Shutdown { fd: read, how: 1 }),
        made(sut, &SysCall::GetSockOpt { fd: read, level, name, len: 4 }),
        made(sut, &SysCall::EpollWait { fd, most: 1, timeout_ms: 0 }),
        made(sut, &splice(read, 99, 3)),
        made(sut, &SysCall::SendFile { to: fd, from: fd, offset: None, len: 3 }),
    ]
}

fn epoll_control(sut: &mut dyn Sut) -> Vec<String> {
    let (fd, _) = connection(sut);
    let mut got = vec![made(sut, &SysCall::EpollCreate { size: 0 })];
    let epoll = number(sut, &SysCall::EpollCreate { size: 1 });
    let event = Some((1, 0));
    let calls = [
        control(epoll, "EPOLL_CTL_ADD", fd, event),
        control(epoll, "EPOLL_CTL_ADD", fd, event),
        control(epoll, "EPOLL_CTL_MOD", fd, event),
        control(epoll, "EPOLL_CTL_DEL", fd, None),
        control(epoll, "EPOLL_CTL_DEL", fd, None),
        control(epoll, "EPOLL_CTL_ADD", 99, event),
        control(epoll, "EPOLL_CTL_ADD", fd, None),
        control(fd, "EPOLL_CTL_ADD", epoll, event),
        SysCall::EpollWait { fd: epoll, most: 0, timeout_ms: 0 },
    ];
    got.extend(calls.iter().map(|call| made(sut, call).replace("17", "EEXIST")));
    got
}

fn watched(sut: &mut dyn Sut, events: u32) -> (i32, i32, u32) {
    let (fd, iss) = connection(sut);
    let epoll = number(sut, &SysCall::EpollCreate { size: 1 });
    assert_eq!(made(sut, &control(epoll, "EPOLL_CTL_ADD", fd, Some((events, 7)))), "0");
    (epoll, fd, iss)
}

/// EPOLLIN, EPOLLOUT and EPOLLRDHUP.
const MOST: u32 = 0x2005;

fn epoll_level(sut: &mut dyn Sut) -> Vec<String> {
    let (epoll, fd, iss) = watched(sut, MOST);
    let mut got = vec![reported(sut, epoll), reported(sut, epoll)];
    text(sut, iss, 1, b"hello");
    got.push(reported(sut, epoll));
    number(sut, &SysCall::Receive { fd, len: 5, flags: 0 });
    got.push(reported(sut, epoll));
    let path = Path::of(&setup(Family::V4));
    sut.inject(&path.segment(FIN | ACK, 1006, iss + 1, &[])).expect("injected");
    got.push(reported(sut, epoll));
    got
}

fn epoll_edge(sut: &mut dyn Sut) -> Vec<String> {
    let (epoll, fd, iss) = watched(sut, MOST | 1 << 31);
    let mut got = vec![reported(sut, epoll), reported(sut, epoll)];
    text(sut, iss, 1, b"hello");
    got.extend([reported(sut, epoll), reported(sut, epoll)]);
    text(sut, iss, 6, b"world");
    number(sut, &SysCall::Receive { fd, len: 3, flags: 0 });
    got.extend([reported(sut, epoll), reported(sut, epoll)]);
    let path = Path::of(&setup(Family::V4));
    sut.inject(&path.segment(FIN | ACK, 1011, iss + 1, &[])).expect("injected");
    got.extend([reported(sut, epoll), reported(sut, epoll)]);
    got
}

fn epoll_pipe(sut: &mut dyn Sut) -> Vec<String> {
    let (read, write) = pipe(sut);
    let epoll = number(sut, &SysCall::EpollCreate { size: 1 });
    number(sut, &control(epoll, "EPOLL_CTL_ADD", read, Some((1, 9))));
    let mut got = vec![reported(sut, epoll)];
    number(sut, &SysCall::Send { fd: write, data: b"x".to_vec(), flags: 0, to: None });
    got.push(reported(sut, epoll));
    number(sut, &SysCall::Receive { fd: read, len: 5, flags: 0 });
    got.push(reported(sut, epoll));
    number(sut, &SysCall::Close { fd: write });
    got.push(reported(sut, epoll));
    got
}

fn set_int(sut: &mut dyn Sut, fd: i32, level: &str, name: &str, value: i32) -> String {
    let (level, name) = (named(level), named(name));
    made(sut, &SysCall::SetSockOpt { fd, level, name, value: value.to_ne_bytes().to_vec() })
}

/// The ends of two sends are told once each to an edge, and come out of the queue as one.
fn zero_copy(sut: &mut dyn Sut) -> Vec<String> {
    let (epoll, fd, iss) = watched(sut, 4 | 1 << 31);
    let mut got = vec![set_int(sut, fd, "SOL_SOCKET", "SO_ZEROCOPY", 1)];
    got.push(set_int(sut, fd, "SOL_SOCKET", "SO_ZEROCOPY", 2));
    got.push(reported(sut, epoll));
    let queue = receive(fd, 0, false, 100, &["MSG_ERRQUEUE"]);
    let path = Path::of(&setup(Family::V4));
    let send = |sut: &mut dyn Sut, got: &mut Vec<String>, data: &[u8]| {
        let flags = named("MSG_ZEROCOPY");
        got.push(made(sut, &SysCall::Send { fd, data: data.to_vec(), flags, to: None }));
        expect(sut);
    };
    send(sut, &mut got, b"hello");
    got.push(made(sut, &queue));
    sut.inject(&path.segment(ACK, 1001, iss + 6, &[])).expect("injected");
    got.extend([reported(sut, epoll), reported(sut, epoll)]);
    send(sut, &mut got, b"you");
    sut.inject(&path.segment(ACK, 1001, iss + 9, &[])).expect("injected");
    got.push(reported(sut, epoll));
    let reply = sut.call(&queue).expect("the SUT works");
    got.push(came_to(&reply).replace("=-1", ""));
    let Reply::Message { control, .. } = reply else { panic!("{reply:?}") };
    let word = |at: usize| u32::from_ne_bytes(control[0].data[at..at + 4].try_into().expect("four octets"));
    got.push(format!("{} to {}", word(8), word(12)));
    got.push(made(sut, &queue));
    got.push(reported(sut, epoll));
    got
}

fn epoll_close(sut: &mut dyn Sut) -> Vec<String> {
    let (epoll, fd, _) = watched(sut, MOST);
    let mut got = vec![reported(sut, epoll)];
    number(sut, &SysCall::Close { fd });
    got.push(reported(sut, epoll));
    got
}

fn check(sut: &mut dyn Sut) {
    let mut different = Vec::new();
    for (name, story, expected) in STORIES {
        sut.start(&setup(Family::V4)).expect("it starts");
        let got = story(sut);
        sut.finish().expect("it ends");
        if got != *expected {
            different.push(format!("{name}: expected {expected:?}, got {got:?}"));
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn the_reference_stack_tells_every_story_so() {
    check(&mut Reference::new(Some("linux")).expect("a profile"));
}

/// A wait for an event that comes, and for one that does not.
fn waits(sut: &mut dyn Sut) {
    for (segment, value) in [(true, 1), (false, 0)] {
        sut.start(&setup(Family::V4)).expect("it starts");
        let (epoll, _, iss) = watched(sut, 1);
        let began = sut.now();
        let reply = sut.call(&SysCall::EpollWait { fd: epoll, most: 1, timeout_ms: 50 }).expect("the SUT works");
        assert_eq!(reply, Reply::Pending);
        if segment {
            text(sut, iss, 1, b"hello");
        }
        let deadline = sut.now() + 200_000;
        let (at, reply) = loop {
            match sut.next(deadline).expect("the SUT works") {
                Happening::Returned { at, reply } => break (at, reply),
                Happening::Datagram { .. } => {}
                Happening::Deadline => panic!("it does not return"),
            }
        };
        assert_eq!(came_to(&reply), value.to_string());
        assert_eq!(at - began >= 50_000, !segment, "{at} after {began}");
        sut.finish().expect("it ends");
    }
}

#[test]
fn the_reference_stack_waits_for_events() {
    waits(&mut Reference::new(Some("linux")).expect("a profile"));
}

#[cfg(target_os = "linux")]
mod kernel {
    use super::*;
    use halfopen_sut::linux::{Linux, available};
    use std::io::Write as _;

    fn linux() -> Option<Linux> {
        if let Err(missing) = available() {
            writeln!(std::io::stderr(), "not run: {missing}").expect("standard error is open");
            return None;
        }
        Some(Linux::new().expect("the host has /proc"))
    }

    #[test]
    fn tells_every_story_so() {
        let Some(mut sut) = linux() else { return };
        check(&mut sut);
    }

    #[test]
    fn waits_for_events() {
        let Some(mut sut) = linux() else { return };
        waits(&mut sut);
    }

    /// Sends parts of one octet each: how much text each segment has.
    fn segments(sut: &mut dyn Sut, fd: i32, flags: i32) -> Vec<usize> {
        let parts = vec![Part { data: vec![7], null: false }; 18];
        assert_eq!(made(sut, &SysCall::SendMessage { fd, parts, flags, to: None, control: vec![] }), "18");
        let mut lengths = Vec::new();
        while lengths.iter().sum::<usize>() < 18 {
            lengths.push(expect(sut).payload.len());
        }
        lengths
    }

    #[test]
    fn parts_of_a_zero_copy_send_lie_apart_and_its_end_is_told() {
        let Some(mut sut) = linux() else { return };
        sut.start(&setup(Family::V4)).expect("it starts");
        let (fd, iss) = connection(&mut sut);
        assert_eq!(set(&mut sut, fd, "TCP_NODELAY", 1), "0");
        assert_eq!(set_int(&mut sut, fd, "SOL_SOCKET", "SO_ZEROCOPY", 1), "0");
        // Each part counts as a page.
        assert_eq!(set_int(&mut sut, fd, "SOL_SOCKET", "SO_SNDBUF", 200_000), "0");
        assert_eq!(segments(&mut sut, fd, 0), [18]);
        // A segment has at most 17 parts, when the kernel takes them from where they are.
        assert_eq!(segments(&mut sut, fd, named("MSG_ZEROCOPY")), [17, 1]);
        let path = Path::of(&setup(Family::V4));
        sut.inject(&path.segment(ACK, 1001, iss + 37, &[])).expect("injected");
        let reply = sut.call(&receive(fd, 0, false, 100, &["MSG_ERRQUEUE"])).expect("the SUT works");
        let Reply::Message { value: 0, flags, control, .. } = reply else { panic!("{reply:?}") };
        let [error] = control.as_slice() else { panic!("{control:?}") };
        assert_eq!((flags, error.level, error.kind), (named("MSG_ERRQUEUE"), named("SOL_IP"), named("IP_RECVERR")));
        let origin = named("SO_EE_ORIGIN_ZEROCOPY") as u8;
        assert_eq!(error.data[..16], [0, 0, 0, 0, origin, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], "copied, the first call");
        sut.finish().expect("it ends");
    }

    #[test]
    fn times_of_messages_are_on_the_clock_of_the_test() {
        let Some(mut sut) = linux() else { return };
        sut.start(&setup(Family::V4)).expect("it starts");
        let (fd, iss) = connection(&mut sut);
        let flags =
            ["TX_ACK", "SOFTWARE", "OPT_ID", "OPT_TSONLY"].map(|flag| named(&format!("SOF_TIMESTAMPING_{flag}")));
        assert_eq!(set_int(&mut sut, fd, "SOL_SOCKET", "SO_TIMESTAMPING", flags.iter().sum()), "0");
        assert_eq!(made(&mut sut, &SysCall::Send { fd, data: b"hello".to_vec(), flags: 0, to: None }), "5");
        expect(&mut sut);
        support::silent(&mut sut, 20_000);
        let before = sut.now();
        let path = Path::of(&setup(Family::V4));
        sut.inject(&path.segment(ACK, 1001, iss + 6, &[])).expect("injected");
        let reply = sut.call(&receive(fd, 0, false, 200, &["MSG_ERRQUEUE"])).expect("the SUT works");
        let after = sut.now();
        let Reply::Message { control, .. } = reply else { panic!("{reply:?}") };
        assert_eq!((control[0].level, control[0].kind), (named("SOL_SOCKET"), named("SCM_TIMESTAMPING")));
        let word = |at: usize| i64::from_ne_bytes(control[0].data[at..at + 8].try_into().expect("eight octets"));
        let at = word(0) * 1_000_000 + word(8) / 1000;
        assert!((before - 100..=after + 100).contains(&at), "{at} is not within {before} and {after}");
        sut.finish().expect("it ends");
    }

    #[test]
    fn capabilities_are_given_back_after_the_test() {
        let Some(mut sut) = linux() else { return };
        for _ in 0..2 {
            sut.start(&setup(Family::V4)).expect("it starts");
            let (fd, _) = connection(&mut sut);
            assert_eq!(set_int(&mut sut, fd, "SOL_SOCKET", "SO_MARK", 5), "0");
            for name in ["CAP_NET_ADMIN", "CAP_NET_RAW"] {
                let (set, capability) = (named("CAP_EFFECTIVE"), named(name));
                assert_eq!(made(&mut sut, &SysCall::CapSet { set, capability, on: false }), "0");
            }
            assert_eq!(set_int(&mut sut, fd, "SOL_SOCKET", "SO_MARK", 6), "EPERM");
            sut.finish().expect("it ends");
        }
        let call = SysCall::CapSet { set: named("CAP_PERMITTED"), capability: 12, on: false };
        sut.start(&setup(Family::V4)).expect("it starts");
        assert!(matches!(sut.call(&call), Err(SutError::Unsupported(_))));
        let call = SysCall::Open { path: "/dev/null".into(), flags: named("O_RDWR") };
        assert!(matches!(sut.call(&call), Err(SutError::Unsupported(_))));
    }

    #[test]
    fn what_a_congestion_control_says_of_itself_has_names() {
        let Some(mut sut) = linux() else { return };
        sut.start(&setup(Family::V4)).expect("it starts");
        let (fd, iss) = connection(&mut sut);
        let of = |sut: &mut dyn Sut, name: &str| {
            sut.tcp_info(fd)
                .expect("it is a socket")
                .into_iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value)
        };
        assert_eq!(of(&mut sut, "bbr_pacing_gain"), None, "cubic says nothing");
        assert!(of(&mut sut, "tcpi_received_ce_bytes").is_some() && of(&mut sut, "SK_MEMINFO_DROPS").is_some());
        let (level, name) = (named("SOL_TCP"), named("TCP_CONGESTION"));
        if made(&mut sut, &SysCall::SetSockOpt { fd, level, name, value: b"bbr".to_vec() }) != "0" {
            writeln!(std::io::stderr(), "not run: the kernel has no bbr").expect("standard error is open");
            return;
        }
        assert_eq!(of(&mut sut, "bbr_pacing_gain"), Some(0), "it has not begun");
        assert_eq!(made(&mut sut, &SysCall::Send { fd, data: b"hello".to_vec(), flags: 0, to: None }), "5");
        expect(&mut sut);
        let path = Path::of(&setup(Family::V4));
        sut.inject(&path.segment(ACK, 1001, iss + 6, &[])).expect("injected");
        // 2.89 in units of 1/256, the gain of its start.
        assert_eq!(of(&mut sut, "bbr_pacing_gain"), Some(739));
        assert_eq!(of(&mut sut, "bbr_bw"), of(&mut sut, "bbr_bw_lo"));
    }
}
