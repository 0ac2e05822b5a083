//! Calls beyond the plain ones: what reaches the SUT, and every difference in what it says, field by field.

mod common;

use common::{established, fails, fields, pass, play};
use halfopen_engine::call::{Control, Reply};
use halfopen_engine::fake::{FakeSut, Rules, Tamper};
use halfopen_engine::outcome::Verdict;
use halfopen_engine::packet::Body;
use halfopen_engine::pattern::{Stream, fill};
use halfopen_engine::sut::ClockKind;

/// Number of the first call after the handshake's five, and the script's line for it.
const FIRST: usize = 5;

fn differences(line: &str, reply: Reply) -> Vec<String> {
    let outcome = play(&established(line), &mut FakeSut::passing().reply(FIRST, reply));
    fields(fails(&outcome))
}

fn message(flags: i32, control: Vec<Control>) -> Reply {
    Reply::Message { value: 0, data: Vec::new(), flags, control }
}

/// `struct sock_extended_err` with an address of IPv4 behind it.
fn extended_error(errno: u32, origin: u8, code: u8, info: u32, data: u32) -> Control {
    let mut octets = errno.to_ne_bytes().to_vec();
    octets.extend([origin, 0, code, 0]);
    octets.extend([info.to_ne_bytes(), data.to_ne_bytes()].concat());
    octets.resize(32, 0);
    Control { level: 0, kind: 11, data: octets }
}

/// SCM_TIMESTAMPING with this time, microseconds.
fn stamp(at: i64) -> Control {
    let mut data = [(at / 1_000_000).to_ne_bytes(), (at % 1_000_000 * 1000).to_ne_bytes()].concat();
    data.resize(48, 0);
    Control { level: 1, kind: 37, data }
}

const ERROR: &str = "+0 recvmsg(4, {msg_name(...)=..., msg_iov(1)=[{...,0}], msg_flags=MSG_ERRQUEUE, \
     msg_control=[{cmsg_level=SOL_SOCKET, cmsg_type=SCM_TIMESTAMPING, cmsg_data={scm_sec=0,scm_nsec=20000000}}, \
     {cmsg_level=SOL_IP, cmsg_type=IP_RECVERR, cmsg_data={ee_errno=ENOMSG, ee_origin=SO_EE_ORIGIN_TIMESTAMPING, ee_type=0, \
     ee_code=0, ee_info=SCM_TSTAMP_SND, ee_data=2963}}]}, MSG_ERRQUEUE) = 0";

#[test]
fn control_data_is_compared_field_by_field() {
    const QUEUE: i32 = 0x2000;
    #[rustfmt::skip]
    let table: Vec<(Reply, Vec<&str>)> = vec![
        (message(0, vec![stamp(20_000), extended_error(42, 4, 0, 0, 2963)]),      vec!["msg_flags MSG_ERRQUEUE/0"]),
        (message(QUEUE | 0x20, vec![stamp(20_000), extended_error(42, 4, 0, 0, 2963)]), vec!["msg_flags MSG_ERRQUEUE/MSG_TRUNC|MSG_ERRQUEUE"]),
        (message(QUEUE, vec![stamp(20_001), extended_error(42, 4, 0, 0, 2963)]),  vec!["msg_control[0].scm_sec.scm_nsec 0.02/0.020001"]),
        (message(QUEUE, vec![stamp(0), extended_error(42, 4, 0, 0, 2963)]),       vec!["msg_control[0].scm_sec.scm_nsec 0.02/-"]),
        (message(QUEUE, vec![stamp(20_000), extended_error(0, 5, 1, 2, 7)]),      vec!["msg_control[1].ee_errno ENOMSG/0", "msg_control[1].ee_origin SO_EE_ORIGIN_TIMESTAMPING/SO_EE_ORIGIN_ZEROCOPY", "msg_control[1].ee_code 0/1", "msg_control[1].ee_info 0/2", "msg_control[1].ee_data 2963/7"]),
        (message(QUEUE, vec![stamp(20_000)]),                                     vec!["msg_control[1] SOL_IP IP_RECVERR/-"]),
        (message(QUEUE, vec![extended_error(42, 4, 0, 0, 2963), stamp(20_000)]),  vec!["msg_control[0] SOL_SOCKET SCM_TIMESTAMPING/SOL_IP IP_RECVERR", "msg_control[1] SOL_IP IP_RECVERR/SOL_SOCKET SCM_TIMESTAMPING"]),
        (message(QUEUE, vec![stamp(20_000), extended_error(42, 4, 0, 0, 2963), stamp(1)]), vec!["msg_control[2] -/SOL_SOCKET SCM_TIMESTAMPING"]),
        (Reply::errno(11),                                                        vec!["result 0/-1", "errno -/EAGAIN"]),
    ];
    for (reply, expected) in table {
        assert_eq!(differences(ERROR, reply), expected);
    }
    pass(&play(&established(ERROR), &mut FakeSut::passing()));
}

#[test]
fn times_of_messages_have_the_tolerance_of_a_real_clock() {
    for (at, verdict) in [(16_000, Verdict::Pass), (24_000, Verdict::Pass), (24_001, Verdict::Fail)] {
        let reply = message(0x2000, vec![stamp(at), extended_error(42, 4, 0, 0, 2963)]);
        let mut sut = FakeSut::new(ClockKind::Real, Rules::default()).reply(FIRST, reply);
        assert_eq!(play(&established(ERROR), &mut sut).verdict, verdict, "{at}");
    }
}

#[test]
fn a_vector_has_as_many_elements_as_it_says() {
    let line = "+0 recvmsg(4, {msg_iov(2)=[{..., 100}]}, 0) = 100";
    let outcome = play(&established(line), &mut FakeSut::passing());
    assert_eq!(outcome.reason.as_deref(), Some("line 9: `msg_iov(2)` has 1 elements"));
}

#[test]
fn how_much_is_left_is_compared_and_so_is_what_came() {
    let inq = |left: i32| Control { level: 6, kind: 36, data: left.to_ne_bytes().to_vec() };
    let text = "+0 recvmsg(4, {msg_iov(1)=[{..., 40}], msg_flags=0, \
                msg_control=[{cmsg_level=SOL_TCP, cmsg_type=TCP_CM_INQ, cmsg_data=60}]}, 0) = 40";
    pass(&play(&established(text), &mut FakeSut::passing()));
    let data = fill(Stream::ToStack, 1, 40);
    let reply = Reply::Message { value: 40, data, flags: 0, control: vec![inq(61)] };
    let got = differences(text, reply);
    assert!(got[0].starts_with("data "), "{got:?}");
    assert_eq!(got[1], "msg_control[0].cmsg_data 60/61");
}

/// Attributes of SCM_TIMESTAMPING_OPT_STATS: number, octets, value.
fn attributes(list: &[(u16, usize, u64)]) -> Reply {
    let mut data = Vec::new();
    for (kind, size, value) in list {
        data.extend((4 + *size as u16).to_ne_bytes());
        data.extend(kind.to_ne_bytes());
        data.extend(&value.to_ne_bytes()[..*size]);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    message(0, vec![Control { level: 1, kind: 54, data }])
}

#[test]
fn statistics_are_compared_by_name() {
    let line = "+0 recvmsg(4, {msg_iov(1)=[{...,0}], msg_flags=0, msg_control=[{cmsg_level=SOL_SOCKET, \
                cmsg_type=SCM_TIMESTAMPING_OPT_STATS, cmsg_data={TCP_NLA_BUSY=5000, TCP_NLA_SND_CWND=10, \
                TCP_NLA_CA_STATE=..., TCP_NLA_SRTT=7}}]}, 0) = 0";
    pass(&play(&established(line), &mut FakeSut::passing()));
    let good = [(1, 8, 5000), (8, 4, 10), (14, 1, 3), (22, 4, 7)];
    pass(&play(&established(line), &mut FakeSut::passing().reply(FIRST, attributes(&good))));
    let cases = [
        ([(1, 8, 5001), (8, 4, 11), (14, 1, 3), (22, 4, 7)], vec!["TCP_NLA_BUSY 5000/5001", "TCP_NLA_SND_CWND 10/11"]),
        ([(1, 8, 5000), (8, 4, 10), (15, 4, 3), (22, 4, 7)], vec!["[2] TCP_NLA_CA_STATE/TCP_NLA_SND_SSTHRESH"]),
    ];
    for (list, expected) in cases {
        let expected: Vec<String> = expected.iter().map(|field| format!("msg_control[0].{field}")).collect();
        assert_eq!(differences(line, attributes(&list)), expected);
    }
    let more = [(1, 8, 5000), (8, 4, 10), (14, 1, 3), (22, 4, 7), (26, 1, 64)];
    assert_eq!(differences(line, attributes(&more)), ["msg_control[0].[4] -/TCP_NLA_TTL"]);
}

#[test]
fn statistics_that_are_times_have_the_tolerance_of_a_real_clock() {
    let line = "+0 recvmsg(4, {msg_iov(1)=[{...,0}], msg_flags=0, msg_control=[{cmsg_level=SOL_SOCKET, \
                cmsg_type=SCM_TIMESTAMPING_OPT_STATS, cmsg_data={TCP_NLA_BUSY=5000, TCP_NLA_RWND_LIMITED=0, \
                TCP_NLA_SND_CWND=10}}]}, 0) = 0";
    let cases = [
        ([9000, 0, 10], Verdict::Pass),
        ([9001, 0, 10], Verdict::Fail),
        // None at all is none.
        ([5000, 1, 10], Verdict::Fail),
        ([5000, 0, 11], Verdict::Fail),
    ];
    for ([busy, limited, cwnd], verdict) in cases {
        let reply = attributes(&[(1, 8, busy), (2, 8, limited), (8, 4, cwnd)]);
        let mut sut = FakeSut::new(ClockKind::Real, Rules::default()).reply(FIRST, reply);
        assert_eq!(play(&established(line), &mut sut).verdict, verdict, "{busy} {limited} {cwnd}");
    }
}

#[test]
fn epoll_events_are_compared_by_name() {
    let event = |events: u32, data: u64| Reply::Done {
        value: 1,
        errno: 0,
        data: [&events.to_ne_bytes()[..], &data.to_ne_bytes()].concat(),
    };
    let line = "+0 epoll_wait(4, {events=EPOLLIN|EPOLLOUT, fd=4}, 1, 0) = 1";
    assert_eq!(differences(line, event(1, 5)), ["events EPOLLIN|EPOLLOUT/EPOLLIN", "fd 4/5"]);
    // `fd` is the lower half of what the descriptor was given.
    pass(&play(&established(line), &mut FakeSut::passing().reply(FIRST, event(5, 9 << 32 | 4))));
    let whole = line.replace("fd=4", "u64=4");
    assert_eq!(differences(&whole, event(5, 9 << 32 | 4)), ["u64 4/38654705668"]);
    let none = "+0 epoll_wait(4, {events=EPOLLIN, ptr=0}, 1, 0) = 0";
    assert_eq!(differences(none, Reply::value(0)), ["events EPOLLIN/0"]);
    let two = "+0 epoll_wait(4, [{events=EPOLLIN, u32=1}, {events=EPOLLOUT, u32=2}], 2, 0) = 1";
    assert_eq!(differences(two, event(1, 1)), ["event[1].events EPOLLOUT/0", "event[1].u32 2/0"]);
}

#[test]
fn a_failing_event_is_shown_as_it_was() {
    let line = "+0 epoll_wait(4, {events=EPOLLIN, fd=4}, 1, 0) = 1";
    let reply = Reply::Done { value: 1, errno: 0, data: [&4u32.to_ne_bytes()[..], &4u64.to_ne_bytes()].concat() };
    let outcome = play(&established(line), &mut FakeSut::passing().reply(FIRST, reply));
    assert_eq!(fails(&outcome).got, "epoll_wait(4, {events=EPOLLOUT, fd=4}, 1, 0) = 1");
}

#[test]
fn what_went_through_a_pipe_is_what_comes_out() {
    let pipe = "+0 < P. 1:101(100) ack 1 win 65535\n+0 > . 1:1(0) ack 101\n+0 pipe([5, 6]) = 0\n+0 splice(4, NULL, 6, NULL, 99, 0) = 99\n";
    let rest = "+0 read(4, ..., 10) = 1\n+0 read(5, ..., 9) = 9\n";
    let data = |at, len| Reply::data(fill(Stream::ToStack, at, len));
    let sut = || FakeSut::passing().reply(FIRST + 2, data(99, 1));
    pass(&play(&established(&format!("{pipe}{rest}")), &mut sut().reply(FIRST + 3, data(0, 9))));
    let outcome = play(&established(&format!("{pipe}{rest}")), &mut sut().reply(FIRST + 3, data(1, 9)));
    assert!(fields(fails(&outcome))[0].starts_with("data 0x"), "{:?}", fields(fails(&outcome)));
}

#[test]
fn what_a_file_holds_is_what_goes_out() {
    let text = "+0 open(\"/dev/zero\", O_RDONLY) = 5\n+0 sendfile(4, 5, [0], 5) = 5\n+0 > P. 1:6(5) ack 1";
    let outcome = play(&established(text), &mut FakeSut::passing());
    // The fake sends the pattern, and says of the file that it holds zeros.
    assert!(fields(fails(&outcome))[0].starts_with("payload"), "{:?}", fields(fails(&outcome)));
    let zeros = Tamper::Change(|datagram| {
        if let Body::Tcp(tcp) = &mut datagram.body {
            tcp.payload = vec![0; 5];
        }
        datagram.complete();
    });
    pass(&play(&established(text), &mut FakeSut::passing().tamper(1, zeros)));
}
