//! The reference stack as a SUT: the same exchanges as with the kernel, and what only a virtual clock can do.

mod support;

use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{ClockKind, Evidence, Happening, Micros, Sut, SutError};
use halfopen_script::symbols::value as number;
use halfopen_script::test::Family;
use halfopen_sut::reference::Reference;
use rstest::rstest;
use support::{ACK, FIN, PSH, Path, RST, SYN, accepted, expect, expect_return, listener, named, setup, silent, value};

fn started(family: Family, profile: Option<&str>) -> Reference {
    let mut sut = Reference::new(profile).expect("a profile");
    sut.start(&setup(family)).expect("it starts");
    sut
}

#[rstest]
#[case(None, "rfc9293", 240)]
#[case(Some("linux"), "linux", 60)]
fn it_describes_itself(#[case] profile: Option<&str>, #[case] name: &str, #[case] time_wait: i64) {
    let sut = Reference::new(profile).expect("a profile");
    let description = sut.describe();
    assert_eq!((description.name.as_str(), description.runner.as_str()), ("reference", "sim"));
    assert!(description.version.ends_with(name), "{}", description.version);
    assert_eq!(description.clock, ClockKind::Virtual);
    assert!(description.params.contains(&("time_wait".to_owned(), time_wait * 1_000_000)), "{:?}", description.params);
}

#[rstest]
fn a_closed_port_answers_syn_with_reset(#[values(Family::V4, Family::V6, Family::V4Mapped)] family: Family) {
    let mut sut = started(family, None);
    let path = Path::of(&setup(family));
    silent(&mut sut, 12_345);
    assert_eq!(sut.inject(&path.segment(SYN, 1000, 0, &[])), Ok(12_345));
    let reset = expect(&mut sut);
    assert_eq!((reset.at, reset.flags, reset.seq, reset.ack), (12_345, RST | ACK, 0, 1001));
    assert_eq!((reset.from, reset.to), (path.sut, path.peer));
    assert!(!sut.citations().is_empty(), "it says which rule it applied");
    assert_eq!(sut.finish(), Ok(Evidence { captured: 1, dropped: 0, absent: 0, tickless: 0 }));
}

#[rstest]
fn a_connection_carries_octets_both_ways(#[values(Family::V4, Family::V6, Family::V4Mapped)] family: Family) {
    let mut sut = started(family, None);
    let path = Path::of(&setup(family));
    let (fd, iss) = accepted(&mut sut, &setup(family), 0);
    sut.inject(&path.segment(ACK | PSH, 1001, iss + 1, b"hello")).expect("injected");
    let read = sut.call(&SysCall::Receive { fd, len: 100, flags: 0 }).expect("the SUT works");
    assert_eq!(read, Reply::data(b"hello".to_vec()));
    let ack = expect(&mut sut);
    assert_eq!((ack.flags, ack.seq, ack.ack), (ACK, iss + 1, 1006));
    assert_eq!(value(&mut sut, SysCall::Send { fd, data: b"world".to_vec(), flags: 0, to: None }), 5);
    let data = expect(&mut sut);
    assert_eq!((data.seq, data.payload.as_slice()), (iss + 1, b"world".as_slice()));
    let info = sut.tcp_info(fd).expect("it is open");
    let of = |name: &str| info.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
    assert_eq!((of("tcpi_state"), of("tcpi_bytes_received"), of("tcpi_unacked")), (Some(1), Some(5), Some(1)));
}

#[test]
fn equal_seeds_give_equal_tests_and_others_do_not() {
    let first = |seed: u64| {
        let mut sut = Reference::new(None).expect("a profile");
        let setup = halfopen_engine::sut::Setup { seed, ..setup(Family::V4) };
        sut.start(&setup).expect("it starts");
        accepted(&mut sut, &setup, 0).1
    };
    assert_eq!(first(1), first(1));
    assert_ne!(first(1), first(2));
}

#[test]
fn waiting_jumps_from_timer_to_timer() {
    let mut sut = started(Family::V4, Some("linux"));
    let path = Path::of(&setup(Family::V4));
    listener(&mut sut, &setup(Family::V4), 0);
    sut.inject(&path.segment(SYN, 1000, 0, &[])).expect("injected");
    let mut times: Vec<Micros> = Vec::new();
    let hour = 3_600_000_000;
    while let Happening::Datagram { at, .. } = sut.next(hour).expect("works") {
        times.push(at / 1_000_000);
    }
    assert_eq!(times, [0, 1, 3, 7, 15, 31]);
    assert_eq!(sut.now(), hour);
}

#[test]
fn accept_and_receive_block_until_there_is_something() {
    let mut sut = started(Family::V4, None);
    let path = Path::of(&setup(Family::V4));
    let fd = listener(&mut sut, &setup(Family::V4), 0);
    assert_eq!(sut.call(&SysCall::Accept { fd }), Ok(Reply::Pending));
    assert!(matches!(sut.call(&SysCall::Close { fd }), Err(SutError::Environment(_))), "one call at a time");
    silent(&mut sut, 500);
    sut.inject(&path.segment(SYN, 1000, 0, &[])).expect("injected");
    let syn_ack = expect(&mut sut);
    silent(&mut sut, 500);
    sut.inject(&path.segment(ACK, 1001, syn_ack.seq + 1, &[])).expect("injected");
    let (at, Reply::Done { value, errno: 0, .. }) = expect_return(&mut sut) else { panic!("accept failed") };
    assert_eq!(at, 1000);

    let fd = value as i32;
    assert_eq!(sut.call(&SysCall::Receive { fd, len: 10, flags: 0 }), Ok(Reply::Pending));
    sut.inject(&path.segment(ACK, 1001, syn_ack.seq + 1, b"data")).expect("injected");
    let mut returned = None;
    for _ in 0..2 {
        match sut.next(2_000_000).expect("works") {
            Happening::Returned { at, reply } => returned = Some((at, reply)),
            Happening::Datagram { octets, .. } => assert_eq!(support::segment(0, &octets).ack, 1005),
            Happening::Deadline => panic!("no acknowledgment"),
        }
    }
    assert_eq!(returned, Some((1000, Reply::data(b"data".to_vec()))));

    let whole = SysCall::Receive { fd, len: 8, flags: named("MSG_WAITALL") };
    sut.inject(&path.segment(ACK, 1005, syn_ack.seq + 1, b"abcd")).expect("injected");
    assert_eq!(sut.call(&whole), Ok(Reply::Pending), "four of eight");
    sut.inject(&path.segment(ACK, 1009, syn_ack.seq + 1, b"efgh")).expect("injected");
    let happenings: Vec<Happening> = (0..3).map(|_| sut.next(3_000_000).expect("works")).collect();
    let all = Reply::data(b"abcdefgh".to_vec());
    assert!(
        happenings.iter().any(|h| matches!(h, Happening::Returned { reply, .. } if *reply == all)),
        "{happenings:?}"
    );
}

#[rstest]
fn connect_blocks_unless_told_not_to(#[values(true, false)] blocking: bool) {
    let mut sut = started(Family::V4, None);
    let path = Path::of(&setup(Family::V4));
    let kind = named("SOCK_STREAM") | if blocking { 0 } else { named("SOCK_NONBLOCK") };
    let fd = value(&mut sut, SysCall::Socket { domain: named("AF_INET"), kind, protocol: named("IPPROTO_TCP") }) as i32;
    assert_eq!(value(&mut sut, SysCall::Bind { fd, addr: path.sut }), 0);
    let connect = SysCall::Connect { fd, addr: path.peer };
    let first = sut.call(&connect).expect("the SUT works");
    assert_eq!(first, if blocking { Reply::Pending } else { Reply::errno(named("EINPROGRESS")) });
    let syn = expect(&mut sut);
    assert_eq!((syn.flags, syn.to), (SYN, path.peer));
    if !blocking {
        assert_eq!(sut.call(&connect), Ok(Reply::errno(named("EALREADY"))));
    }
    sut.inject(&path.segment(SYN | ACK, 9000, syn.seq + 1, &[])).expect("injected");
    assert_eq!(expect(&mut sut).flags, ACK);
    if blocking {
        assert_eq!(expect_return(&mut sut).1, Reply::value(0));
    } else {
        assert_eq!(sut.call(&connect), Ok(Reply::value(0)));
    }
    assert_eq!(sut.call(&connect), Ok(Reply::errno(named("EISCONN"))));
}

#[test]
fn a_refused_connect_returns_its_error() {
    let mut sut = started(Family::V6, None);
    let path = Path::of(&setup(Family::V6));
    let (domain, kind) = (named("AF_INET6"), named("SOCK_STREAM"));
    let fd = value(&mut sut, SysCall::Socket { domain, kind, protocol: 0 }) as i32;
    assert_eq!(value(&mut sut, SysCall::Bind { fd, addr: path.sut }), 0);
    assert_eq!(sut.call(&SysCall::Connect { fd, addr: path.peer }), Ok(Reply::Pending));
    let syn = expect(&mut sut);
    sut.inject(&path.segment(RST | ACK, 0, syn.seq + 1, &[])).expect("injected");
    assert_eq!(expect_return(&mut sut).1, Reply::errno(named("ECONNREFUSED")));
}

#[test]
fn send_blocks_until_all_is_taken() {
    let mut sut = started(Family::V4, None);
    let path = Path::of(&setup(Family::V4));
    let (fd, iss) = accepted(&mut sut, &setup(Family::V4), 0);
    let size = 300_000;
    let send = SysCall::Send { fd, data: vec![7; size], flags: 0, to: None };
    assert_eq!(sut.call(&send), Ok(Reply::Pending), "more than the send buffer");
    let mut next = iss + 1;
    let reply = loop {
        match sut.next(60_000_000).expect("works") {
            Happening::Datagram { octets, .. } => {
                let segment = support::segment(0, &octets);
                next = segment.seq + segment.payload.len() as u32;
                sut.inject(&path.segment(ACK, 1001, next, &[])).expect("injected");
            }
            Happening::Returned { reply, .. } => break reply,
            Happening::Deadline => panic!("stuck at {}", next - iss - 1),
        }
    };
    assert_eq!(reply, Reply::value(size as i64));

    let flags = named("MSG_DONTWAIT");
    let Ok(Reply::Done { value, errno: 0, .. }) = sut.call(&SysCall::Send { fd, data: vec![7; size], flags, to: None })
    else {
        panic!("there is room for some")
    };
    assert!((1..size as i64).contains(&value), "{value}");
}

#[test]
fn poll_waits_for_readiness_or_its_timeout() {
    let mut sut = started(Family::V4, None);
    let path = Path::of(&setup(Family::V4));
    let (fd, iss) = accepted(&mut sut, &setup(Family::V4), 0);
    let poll = |timeout_ms| SysCall::Poll { fds: vec![(fd, named("POLLIN") as i16), (-1, 1)], timeout_ms };
    let revents = |bits: i16| [bits, 0].iter().flat_map(|r: &i16| r.to_ne_bytes()).collect::<Vec<u8>>();
    let nothing = Reply::Done { value: 0, errno: 0, data: revents(0) };
    assert_eq!(sut.call(&poll(0)), Ok(nothing.clone()));
    assert_eq!(sut.call(&poll(25)), Ok(Reply::Pending));
    let start = sut.now();
    assert_eq!(expect_return(&mut sut), (start + 25_000, nothing));

    assert_eq!(sut.call(&poll(-1)), Ok(Reply::Pending));
    silent(&mut sut, 150_000);
    sut.inject(&path.segment(ACK | FIN, 1001, iss + 1, &[])).expect("injected");
    assert_eq!(expect(&mut sut).ack, 1002);
    let ready = Reply::Done { value: 1, errno: 0, data: revents(named("POLLIN") as i16) };
    assert_eq!(expect_return(&mut sut).1, ready);
    let unknown = SysCall::Poll { fds: vec![(99, 1)], timeout_ms: -1 };
    let bits = named("POLLNVAL") as i16;
    assert_eq!(sut.call(&unknown), Ok(Reply::Done { value: 1, errno: 0, data: bits.to_ne_bytes().to_vec() }));
}

#[test]
fn options_flags_and_queues_are_linux_s() {
    let mut sut = started(Family::V4Mapped, None);
    let (fd, _) = accepted(&mut sut, &setup(Family::V4Mapped), 0);
    let get = |level: &str, name: &str| SysCall::GetSockOpt { fd, level: named(level), name: named(name), len: 8 };
    let data = |value: i32| Ok(Reply::Done { value: 0, errno: 0, data: value.to_ne_bytes().to_vec() });
    let set = SysCall::SetSockOpt { fd, level: 6, name: named("TCP_NODELAY"), value: 1i32.to_ne_bytes().to_vec() };
    assert_eq!(sut.call(&get("SOL_TCP", "TCP_NODELAY")), data(0));
    assert_eq!(value(&mut sut, set), 0);
    assert_eq!(sut.call(&get("SOL_TCP", "TCP_NODELAY")), data(1));
    assert_eq!(sut.call(&get("SOL_SOCKET", "SO_ERROR")), data(0));
    assert_eq!(sut.call(&SysCall::Ioctl { fd, request: number("SIOCINQ").expect("known") as u64, value: 0 }), data(0));

    let (get, set) = (named("F_GETFL"), named("F_SETFL"));
    let nonblocking = named("O_RDWR") | named("O_NONBLOCK");
    assert_eq!(value(&mut sut, SysCall::Fcntl { fd, cmd: get, arg: 0 }), i64::from(named("O_RDWR")));
    assert_eq!(value(&mut sut, SysCall::Fcntl { fd, cmd: set, arg: nonblocking }), 0);
    assert_eq!(value(&mut sut, SysCall::Fcntl { fd, cmd: get, arg: 0 }), i64::from(nonblocking));
    assert_eq!(sut.call(&SysCall::Receive { fd, len: 1, flags: 0 }), Ok(Reply::errno(named("EAGAIN"))));
    assert_eq!(sut.call(&SysCall::Shutdown { fd, how: 3 }), Ok(Reply::errno(named("EINVAL"))));
    assert_eq!(value(&mut sut, SysCall::Close { fd }), 0);
    assert_eq!(sut.call(&SysCall::Close { fd }), Ok(Reply::errno(named("EBADF"))));
}

#[test]
fn sysctls_change_this_test_only() {
    let mut sut = started(Family::V4, None);
    let path = Path::of(&setup(Family::V4));
    let syn_acks = |sut: &mut Reference| {
        listener(sut, &setup(Family::V4), 0);
        sut.inject(&path.segment(SYN, 1000, 0, &[])).expect("injected");
        let mut count = 0;
        while let Happening::Datagram { octets, .. } = sut.next(3_600_000_000).expect("works") {
            count += u32::from(support::segment(0, &octets).flags == SYN | ACK);
        }
        count
    };
    sut.command("sysctl -q net.ipv4.tcp_synack_retries=2").expect("a tunable");
    assert_eq!(syn_acks(&mut sut), 1 + 2);
    sut.start(&setup(Family::V4)).expect("starts again");
    assert_eq!(syn_acks(&mut sut), 1 + 8, "the profile's");
}

#[rstest]
#[case("sysctl -q net.ipv4.tcp_no_such_thing=1", "net.ipv4.tcp_no_such_thing")]
#[case("sysctl -q net.ipv4.tcp_synack_retries=1000", "net.ipv4.tcp_synack_retries")]
#[case("../common/defaults.sh", "../common/defaults.sh")]
fn other_commands_are_unsupported(#[case] line: &str, #[case] name: &str) {
    let mut sut = started(Family::V4, None);
    let Err(SutError::Unsupported(reason)) = sut.command(line) else { panic!("it was not refused") };
    assert!(reason.contains("reference stack") && reason.contains(name), "{reason}");
}

#[test]
fn what_is_absent_is_unsupported_by_name() {
    let mut sut = started(Family::V4, None);
    let fd = listener(&mut sut, &setup(Family::V4), 0);
    let (domain, stream) = (named("AF_INET"), named("SOCK_STREAM"));
    let one = 1i32.to_ne_bytes().to_vec();
    let table = [
        (SysCall::Socket { domain, kind: 2, protocol: 0 }, "socket of type 0x2"),
        (SysCall::Socket { domain, kind: stream, protocol: 262 }, "protocol 262"),
        (SysCall::Socket { domain: 1, kind: stream, protocol: 0 }, "domain 1"),
        (SysCall::SetSockOpt { fd, level: 6, name: named("TCP_ULP"), value: one }, "TCP_ULP"),
        (SysCall::GetSockOpt { fd, level: 6, name: named("TCP_INFO"), len: 4 }, "TCP_INFO"),
        (SysCall::Receive { fd, len: 1, flags: named("MSG_ERRQUEUE") }, "MSG_ERRQUEUE"),
        (SysCall::Fcntl { fd, cmd: 99, arg: 0 }, "fcntl command 99"),
        (SysCall::Ioctl { fd, request: 0x8906, value: 0 }, "ioctl 0x8906"),
    ];
    for (call, name) in table {
        let Err(SutError::Unsupported(reason)) = sut.call(&call) else { panic!("{call:?} was not refused") };
        assert!(reason.contains(name), "{reason}");
    }
}

#[rstest]
#[case("nonesuch", None, None, "nonesuch")]
#[case("linux", Some("veth"), None, "runner `veth`")]
#[case("reference", None, Some("rfc1"), "profile `rfc1`")]
#[case("linux", None, Some("rfc793"), "profiles")]
fn unknown_names_are_told(
    #[case] name: &str,
    #[case] runner: Option<&str>,
    #[case] profile: Option<&str>,
    #[case] text: &str,
) {
    let Err(SutError::Unsupported(reason)) = halfopen_sut::open(name, runner, profile) else { panic!("it was opened") };
    assert!(reason.contains(text), "{reason}");
}

#[test]
fn every_name_opens() {
    for (name, runners) in halfopen_sut::names() {
        for runner in runners.iter().copied().map(Some).chain([None]) {
            let sut = halfopen_sut::open(name, runner, None).expect("it is in the list");
            assert_eq!(sut.describe().name, *name);
            assert_eq!(sut.describe().runner, runner.unwrap_or(runners[0]));
        }
    }
}
