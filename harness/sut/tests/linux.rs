//! The kernel as a SUT. Where namespaces are not to be had, each test says so and passes as not run.
#![cfg(target_os = "linux")]

mod support;

use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{ClockKind, Happening, Setup, Sut, SutError};
use halfopen_script::test::Family;
use halfopen_sut::linux::{Linux, available};
use halfopen_sut::work_in;
use nix::libc;
use rstest::rstest;
use std::io::Write as _;
use support::{
    ACK, FIN, PSH, Path, RST, SYN, accepted, expect, expect_return, listener, processes_in, setup, silent, value, wait,
};

/// The SUT, started; `None` where this host cannot, which is told past the test runner's capture.
fn started(family: Family) -> Option<Linux> {
    if let Err(missing) = available() {
        writeln!(std::io::stderr(), "not run: {missing}").expect("standard error is open");
        return None;
    }
    let mut sut = Linux::new().expect("the host has /proc");
    sut.start(&setup(family)).expect("available() said so");
    Some(sut)
}

fn finish(mut sut: Linux, captured: u64) {
    let evidence = sut.finish().expect("everything closes");
    assert_eq!((evidence.captured, evidence.dropped), (captured, 0));
}

#[test]
fn it_describes_itself() {
    let sut = Linux::new().expect("the host has /proc");
    let description = sut.describe();
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").expect("the host has /proc");
    assert_eq!((description.name.as_str(), description.runner.as_str()), ("linux", "tun"));
    assert_eq!((description.version.as_str(), description.clock), (release.trim(), ClockKind::Real));
    assert!(description.params.contains(&("time_wait".to_owned(), 60_000_000)));
}

#[rstest]
fn a_closed_port_answers_syn_with_reset(#[values(Family::V4, Family::V6, Family::V4Mapped)] family: Family) {
    let Some(mut sut) = started(family) else { return };
    let path = Path::of(&setup(family));
    let injected = sut.inject(&path.segment(SYN, 1000, 0, &[])).expect("injected");
    let reset = expect(&mut sut);
    assert_eq!((reset.flags, reset.seq, reset.ack), (RST | ACK, 0, 1001));
    assert_eq!((reset.from, reset.to), (path.sut, path.peer));
    assert!((injected..=injected + 50_000).contains(&reset.at), "{} after {injected}", reset.at);
    finish(sut, 1);
}

/// A gateway beyond the link, and one that is the SUT itself.
#[rstest]
fn any_gateway_will_do(#[values("10.1.2.3", "192.168.0.2")] gateway: &str) {
    let Some(mut sut) = started(Family::V4) else { return };
    let setup = Setup { gateway: gateway.parse().expect("an address"), ..setup(Family::V4) };
    sut.start(&setup).expect("it starts again");
    sut.inject(&Path::of(&setup).segment(SYN, 1000, 0, &[])).expect("injected");
    assert_eq!(expect(&mut sut).flags, RST | ACK);
    finish(sut, 1);
}

#[rstest]
fn an_idle_namespace_is_silent(#[values(Family::V4, Family::V6)] family: Family) {
    let Some(mut sut) = started(family) else { return };
    // A link-local address would solicit routers at once and again after four seconds.
    silent(&mut sut, 4_500_000);
    finish(sut, 0);
}

#[rstest]
fn a_connection_carries_octets_both_ways(#[values(Family::V4, Family::V6, Family::V4Mapped)] family: Family) {
    let Some(mut sut) = started(family) else { return };
    let sut: &mut dyn Sut = &mut sut;
    let path = Path::of(&setup(family));
    let (fd, iss) = accepted(sut, &setup(family), 0);

    sut.inject(&path.segment(ACK | PSH, 1001, iss + 1, b"hello")).expect("injected");
    let ack = expect(sut);
    assert_eq!((ack.flags, ack.seq, ack.ack), (ACK, iss + 1, 1006));
    let read = sut.call(&SysCall::Receive { fd, len: 100, flags: 0 }).expect("the SUT works");
    assert_eq!(read, Reply::data(b"hello".to_vec()));

    let data: Vec<u8> = (0..4000u32).map(|n| n as u8).collect();
    assert_eq!(value(sut, SysCall::Send { fd, data: data.clone(), flags: 0, to: None }), 4000);
    let mut seen = Vec::new();
    while seen.len() < data.len() {
        let segment = expect(sut);
        assert_eq!(segment.seq, iss + 1 + seen.len() as u32);
        assert!(segment.payload.len() <= 1460, "{} octets: segmentation was left to the device", segment.payload.len());
        seen.extend(segment.payload);
    }
    assert_eq!(seen, data);

    let info = sut.tcp_info(fd).expect("it is open");
    let of = |name: &str| info.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
    assert_eq!((of("tcpi_state"), of("tcpi_bytes_received"), of("tcpi_unacked")), (Some(1), Some(5), Some(3)));
    let name = SysCall::GetSockOpt { fd, level: libc::IPPROTO_TCP, name: libc::TCP_CONGESTION, len: 16 };
    let Ok(Reply::Done { value: 0, data, .. }) = sut.call(&name) else { panic!("no TCP_CONGESTION") };
    assert_eq!(String::from_utf8_lossy(&data).trim_end_matches('\0'), "cubic", "an accepted socket inherits it");
    let evidence = sut.finish().expect("everything closes");
    assert_eq!(evidence.dropped, 0);
}

/// With offload a long write leaves in one piece, whose checksum is the one that the device would have written.
#[rstest]
fn offload_leaves_segmentation_to_the_device(#[values(Family::V4, Family::V6)] family: Family) {
    let Some(mut sut) = started(family) else { return };
    let setup = Setup { offload: true, ..setup(family) };
    sut.start(&setup).expect("it starts again");
    let (fd, iss) = accepted(&mut sut, &setup, 0);
    let data: Vec<u8> = (0..8000u32).map(|n| n as u8).collect();
    assert_eq!(value(&mut sut, SysCall::Send { fd, data: data.clone(), flags: 0, to: None }), 8000);
    let mut seen = Vec::new();
    let mut longest = 0;
    while seen.len() < data.len() {
        let segment = expect(&mut sut);
        assert_eq!(segment.seq, iss + 1 + seen.len() as u32);
        longest = longest.max(segment.payload.len());
        seen.extend(segment.payload);
    }
    assert_eq!(seen, data);
    assert!(longest > 1460, "the longest segment has {longest} octets");
}

#[test]
fn a_call_that_blocks_is_pending_until_it_returns() {
    let Some(mut sut) = started(Family::V4) else { return };
    let path = Path::of(&setup(Family::V4));
    let fd = listener(&mut sut, &setup(Family::V4), 0);
    assert_eq!(sut.call(&SysCall::Accept { fd }), Ok(Reply::Pending));
    assert!(matches!(sut.call(&SysCall::Close { fd }), Err(SutError::Environment(_))), "one call at a time");
    silent(&mut sut, 20_000);
    sut.inject(&path.segment(SYN, 1000, 0, &[])).expect("injected");
    let syn_ack = expect(&mut sut);
    let injected = sut.inject(&path.segment(ACK, 1001, syn_ack.seq + 1, &[])).expect("injected");
    let (at, reply) = expect_return(&mut sut);
    assert!((injected..=sut.now()).contains(&at), "{at} after {injected}");
    let Reply::Done { value: connection, errno: 0, .. } = reply else { panic!("{reply:?}") };

    let fd = connection as i32;
    assert_eq!(sut.call(&SysCall::Receive { fd, len: 10, flags: 0 }), Ok(Reply::Pending));
    sut.inject(&path.segment(ACK, 1001, syn_ack.seq + 1, b"data")).expect("injected");
    let deadline = sut.now() + 200_000;
    let happenings = [sut.next(deadline).expect("works"), sut.next(deadline).expect("works")];
    assert!(happenings.iter().any(|h| matches!(h, Happening::Datagram { .. })), "{happenings:?}");
    let returned = happenings.iter().find_map(|happening| match happening {
        Happening::Returned { reply, .. } => Some(reply.clone()),
        Happening::Datagram { .. } | Happening::Deadline => None,
    });
    assert_eq!(returned, Some(Reply::data(b"data".to_vec())));
    finish(sut, 2);
}

#[test]
fn calls_that_cannot_block_return_at_once() {
    let Some(mut sut) = started(Family::V4) else { return };
    let fd = listener(&mut sut, &setup(Family::V4), libc::SOCK_NONBLOCK);
    assert_eq!(sut.call(&SysCall::Accept { fd }), Ok(Reply::errno(libc::EAGAIN)));
    let poll = SysCall::Poll { fds: vec![(fd, libc::POLLIN), (-1, 0), (4000, libc::POLLIN)], timeout_ms: 0 };
    let revents = [0, 0, libc::POLLNVAL].iter().flat_map(|r: &i16| r.to_ne_bytes()).collect();
    assert_eq!(sut.call(&poll), Ok(Reply::Done { value: 1, errno: 0, data: revents }));
    let flags = value(&mut sut, SysCall::Fcntl { fd, cmd: libc::F_GETFL, arg: 0 }) as i32;
    assert_eq!(flags, libc::O_RDWR | libc::O_NONBLOCK);
    assert_eq!(value(&mut sut, SysCall::Fcntl { fd, cmd: libc::F_SETFL, arg: libc::O_RDWR }), 0);
    assert_eq!(sut.call(&SysCall::Accept { fd }), Ok(Reply::Pending));
    finish(sut, 0);
}

#[test]
fn calls_that_take_pointers_are_unsupported() {
    let Some(mut sut) = started(Family::V4) else { return };
    let fd = listener(&mut sut, &setup(Family::V4), 0);
    let calls = [
        SysCall::Fcntl { fd, cmd: libc::F_SETLK, arg: 1 },
        SysCall::Fcntl { fd, cmd: libc::F_SETFL, arg: libc::O_ASYNC },
        SysCall::Ioctl { fd, request: libc::FIOASYNC, value: 0 },
    ];
    for call in calls {
        assert!(matches!(sut.call(&call), Err(SutError::Unsupported(_))), "{call:?}");
    }
}

#[test]
fn descriptors_of_others_are_out_of_reach() {
    let Some(mut sut) = started(Family::V4) else { return };
    for fd in [0, 1, 2, 3, 4, 5, 6, 7, 8] {
        assert_eq!(sut.call(&SysCall::Close { fd }), Ok(Reply::errno(libc::EBADF)), "descriptor {fd}");
    }
    let fd = listener(&mut sut, &setup(Family::V4), 0);
    assert_eq!(value(&mut sut, SysCall::Close { fd }), 0);
    assert_eq!(sut.call(&SysCall::Close { fd }), Ok(Reply::errno(libc::EBADF)));
}

#[test]
fn a_pending_call_does_not_outlive_its_test() {
    let Some(mut sut) = started(Family::V4) else { return };
    let domain = libc::AF_INET;
    for round in 0..3 {
        let fd = listener(&mut sut, &setup(Family::V4), 0);
        let call = match round {
            0 => SysCall::Accept { fd },
            // Nothing but a signal ends this one.
            1 => SysCall::Poll { fds: vec![(-1, 0)], timeout_ms: -1 },
            _ => {
                let kind = libc::SOCK_STREAM;
                let fd = value(&mut sut, SysCall::Socket { domain, kind, protocol: 0 }) as i32;
                SysCall::Connect { fd, addr: Path::of(&setup(Family::V4)).peer }
            }
        };
        assert_eq!(sut.call(&call), Ok(Reply::Pending), "{call:?}");
        sut.finish().expect("it is interrupted");
        sut.start(&setup(Family::V4)).expect("starts again");
        assert!(matches!(sut.next(0), Ok(Happening::Deadline)), "nothing is left of {call:?}");
    }
}

#[test]
fn lingering_close_blocks() {
    let Some(mut sut) = started(Family::V4) else { return };
    let path = Path::of(&setup(Family::V4));
    let (fd, iss) = accepted(&mut sut, &setup(Family::V4), 0);
    let linger = [1i32.to_ne_bytes(), 30i32.to_ne_bytes()].concat();
    let set = SysCall::SetSockOpt { fd, level: libc::SOL_SOCKET, name: libc::SO_LINGER, value: linger };
    assert_eq!(value(&mut sut, set), 0);
    assert_eq!(sut.call(&SysCall::Close { fd }), Ok(Reply::Pending));
    let fin = expect(&mut sut);
    assert_eq!(fin.flags, FIN | ACK);
    sut.inject(&path.segment(FIN | ACK, 1001, iss + 2, &[])).expect("injected");
    let deadline = sut.now() + 200_000;
    let happenings = [sut.next(deadline).expect("works"), sut.next(deadline).expect("works")];
    let closed = happenings.iter().any(|h| matches!(h, Happening::Returned { reply, .. } if *reply == Reply::value(0)));
    assert!(closed, "{happenings:?}");
}

#[rstest]
#[case("sysctl -q net.ipv4.tcp_synack_retries=1")]
#[case("sysctl -qw net/ipv4/tcp_synack_retries=1 > /dev/null; true")]
fn commands_change_the_namespace_and_not_the_host(#[case] line: &str) {
    let Some(mut sut) = started(Family::V4) else { return };
    let file = "/proc/sys/net/ipv4/tcp_synack_retries";
    let path = Path::of(&setup(Family::V4));
    let host =
        || std::thread::spawn(move || std::fs::read_to_string(file)).join().expect("no panic").expect("is there");
    // A thread inherits the namespace, so the host's value is read where the SUT has not been.
    let host_value = in_host(file);
    sut.command(line).expect("set");
    assert_eq!(host().trim(), "1", "the namespace's");
    assert_eq!(in_host(file), host_value);
    assert_ne!(host_value, "1");

    listener(&mut sut, &setup(Family::V4), 0);
    sut.inject(&path.segment(SYN, 1000, 0, &[])).expect("injected");
    let first = expect(&mut sut);
    let deadline = first.at + 3_500_000;
    let mut times = Vec::new();
    while let Happening::Datagram { at, .. } = sut.next(deadline).expect("works") {
        times.push(at - first.at);
    }
    assert_eq!(times.len(), 1, "one retransmission, at {times:?}");
    assert!((990_000..1_300_000).contains(&times[0]), "{times:?}");
    finish(sut, 2);
}

/// Reads a file as the process's first thread sees it.
fn in_host(file: &str) -> String {
    let pid = std::process::id();
    let task = format!("/proc/{pid}/task/{pid}/ns/net");
    let namespace = std::fs::File::open(task).expect("the first thread lives");
    let read = || {
        nix::sched::setns(&namespace, nix::sched::CloneFlags::CLONE_NEWNET).expect("root may");
        std::fs::read_to_string(file).expect("is there").trim().to_owned()
    };
    std::thread::scope(|scope| scope.spawn(read).join().expect("no panic"))
}

#[rstest]
#[case("sysctl -q net.ipv4.tcp_no_such_thing=1", "net.ipv4.tcp_no_such_thing")]
#[case("sysctl -q kernel.panic=1", "kernel.panic")]
#[case("sysctl -q net.ipv4.tcp_ecn=77", "net.ipv4.tcp_ecn")]
#[case("sysctl -q net.ipv4.tcp_congestion_control=nonesuch", "refuses sysctl net.ipv4.tcp_congestion_control=nonesuch")]
fn refused_parameters_are_unsupported_by_name(#[case] line: &str, #[case] name: &str) {
    let Some(mut sut) = started(Family::V4) else { return };
    let Err(SutError::Unsupported(reason)) = sut.command(line) else { panic!("it was not refused") };
    assert!(reason.contains(name), "{reason}");
    sut.command("sysctl -e -q net.ipv4.tcp_no_such_thing=1").expect("-e passes over unknown names");
}

#[test]
fn other_commands_run_in_the_namespace() {
    let Some(mut sut) = started(Family::V4) else { return };
    sut.command("grep -q tun0 /proc/net/dev && test $(wc -l < /proc/net/dev) = 4")
        .expect("lo and tun0 and nothing else");
    let Err(SutError::Environment(reason)) = sut.command("echo no such luck >&2; exit 3") else { panic!("no error") };
    assert!(reason.contains("status 3") && reason.contains("no such luck"), "{reason}");
    sut.command("sleep 1000 &").expect("it leaves something behind");
    let namespace = std::fs::read_link("/proc/thread-self/ns/net").expect("the thread lives");
    let others =
        || processes_in(namespace.to_str().expect("letters")).into_iter().filter(|pid| *pid != std::process::id());
    assert_eq!(others().count(), 1, "the sleeper");
    sut.finish().expect("everything closes");
    // It is killed by then, and gone a moment later.
    assert!((0..100).any(|_| {
        wait(10);
        others().count() == 0
    }));
}

#[rstest]
#[case(Family::V4, "net/ipv4/tcp_no_metrics_save", "1")]
#[case(Family::V4, "net/ipv4/tcp_wmem", "4096 16384 4194304")]
#[case(Family::V4, "net/ipv6/conf/tun0/disable_ipv6", "1")]
#[case(Family::V6, "net/ipv6/conf/tun0/disable_ipv6", "0")]
#[case(Family::V6, "net/ipv6/conf/tun0/addr_gen_mode", "1")]
fn a_namespace_begins_with_the_baseline(#[case] family: Family, #[case] name: &str, #[case] value: &str) {
    let Some(mut sut) = started(family) else { return };
    // Unquoted: the kernel separates the values with tabs.
    sut.command(&format!("test \"$(echo $(cat /proc/sys/{name}))\" = \"{value}\"")).expect(name);
}

#[test]
fn what_came_after_the_deadline_is_told_after_it() {
    let Some(mut sut) = started(Family::V4) else { return };
    let before = sut.now();
    silent(&mut sut, 2);
    sut.inject(&Path::of(&setup(Family::V4)).segment(SYN, 1000, 0, &[])).expect("injected");
    assert_eq!(sut.next(before), Ok(Happening::Deadline));
    let at = expect(&mut sut).at;
    assert!(at > before);
    sut.inject(&Path::of(&setup(Family::V4)).segment(SYN, 1000, 0, &[])).expect("injected");
    let now = sut.now();
    assert!(matches!(sut.next(now), Ok(Happening::Datagram { .. })), "what came before it is not lost");
    finish(sut, 2);
}

#[test]
fn parallel_tests_have_scratch_names_of_their_own() {
    let Some(mut sut) = started(Family::V4) else { return };
    let Some(mut other) = started(Family::V4) else { return };
    sut.command("test $PACKETDRILL_PID = ${PPID} && touch /tmp/halfopen-test-$PPID").expect("both are the same");
    sut.command("test -e /tmp/halfopen-test-${PPID} && rm /tmp/halfopen-test-${PPID}").expect("and stay so");
    sut.command("touch /tmp/halfopen-test-$PPID").expect("as before");
    other.command("test ! -e /tmp/halfopen-test-$PPID").expect("another test has another");
    sut.command("rm /tmp/halfopen-test-$PPID").expect("as before");
}

#[test]
fn each_thread_has_a_directory_for_its_commands() {
    let Some(mut sut) = started(Family::V4) else { return };
    work_in("linux", std::path::Path::new("/usr")).expect("it exists");
    sut.command("test $(pwd) = /usr").expect("it is there");
    let elsewhere = std::thread::spawn(std::env::current_dir).join().expect("no panic").expect("somewhere");
    assert_eq!(elsewhere, std::path::Path::new("/usr"), "a new thread begins where its parent is");
    let first =
        std::fs::read_link(format!("/proc/{0}/task/{0}/cwd", std::process::id())).expect("the first thread lives");
    assert_ne!(first, std::path::Path::new("/usr"));
    let Err(SutError::Environment(reason)) = work_in("linux", std::path::Path::new("/no/such")) else {
        panic!("no error")
    };
    assert!(reason.contains("/no/such"), "{reason}");
}

#[test]
fn shells_are_started_without_the_descriptors_of_tests() {
    let Some(mut sut) = started(Family::V4) else { return };
    sut.command("test $(readlink /proc/self/ns/net) != $(readlink /proc/1/ns/net); grep -q tun0 /proc/net/dev")
        .expect("it runs in the namespace of the test");
    let open = |task: &std::path::Path| -> Vec<String> {
        let fds = std::fs::read_dir(task.join("fd")).expect("a thread has a table").flatten();
        let target = |fd: std::fs::DirEntry| std::fs::read_link(fd.path()).unwrap_or_default().display().to_string();
        fds.map(target).collect()
    };
    let tun = |fds: &[String]| fds.iter().any(|fd| fd == "/dev/net/tun");
    assert!(tun(&open(std::path::Path::new("/proc/thread-self"))), "the test has its device");
    let tasks = std::fs::read_dir("/proc/self/task").expect("a process has threads").flatten();
    let named = |task: &std::fs::DirEntry| {
        std::fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name.trim() == "shells")
    };
    let starter = tasks.into_iter().find(named).expect("a thread starts shells");
    let fds = open(&starter.path());
    assert!(fds.len() <= 3 && !tun(&fds), "{fds:?}");
}

#[test]
fn a_test_in_progress_goes_first() {
    let Some(mut sut) = started(Family::V4) else { return };
    // Fields 40 and 41 of the whole line: real-time priority and policy; 2 is SCHED_RR.
    let policy = || {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("the thread lives");
        let fields = stat.rsplit(')').next().expect("the name is in parentheses").split_whitespace();
        fields.skip(37).take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    if policy() != ["1", "2"] {
        writeln!(std::io::stderr(), "not run: this host permits no real-time priority")
            .expect("standard error is open");
        return;
    }
    sut.command("test \"$(sed 's/.*)//' /proc/self/stat | cut -d' ' -f 39-40)\" = '0 0'")
        .expect("commands wait their turn");
    sut.finish().expect("everything closes");
    assert_eq!(policy(), ["0", "0"]);
}
