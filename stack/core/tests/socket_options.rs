//! Every socket option: what is set is read back, on a fresh socket and on a connection; what is out of range is refused.

mod common;

use common::{A, Play, plain};
use halfopen_stack::wire::icmp::Problem;
use halfopen_stack::{Domain, Errno, OptionName, SocketOption};
use std::time::Duration;

/// What to set, where to read it, and what is read then.
fn table() -> Vec<(SocketOption, OptionName, i64)> {
    use OptionName as Name;
    use SocketOption as Set;
    vec![
        (Set::Linger(Some(Duration::from_secs(7))), Name::Linger, 7),
        (Set::Linger(None), Name::Linger, -1),
        (Set::ReuseAddr(true), Name::ReuseAddr, 1),
        (Set::ReusePort(true), Name::ReusePort, 1),
        (Set::KeepAlive(true), Name::KeepAlive, 1),
        (Set::OobInline(true), Name::OobInline, 1),
        // Doubled, as Linux does.
        (Set::SndBuf(10_000), Name::SndBuf, 20_000),
        (Set::RcvBuf(10_000), Name::RcvBuf, 20_000),
        (Set::RcvLowat(0), Name::RcvLowat, 1),
        (Set::RcvLowat(100), Name::RcvLowat, 100),
        (Set::NoDelay(true), Name::NoDelay, 1),
        (Set::Cork(true), Name::Cork, 1),
        (Set::KeepIdle(11), Name::KeepIdle, 11),
        (Set::KeepIntvl(12), Name::KeepIntvl, 12),
        (Set::KeepCnt(13), Name::KeepCnt, 13),
        (Set::SynCnt(14), Name::SynCnt, 14),
        (Set::UserTimeout(Duration::from_millis(1500)), Name::UserTimeout, 1500),
        (Set::Linger2(15), Name::Linger2, 15),
        (Set::WindowClamp(5000), Name::WindowClamp, 5000),
        (Set::WindowClamp(1), Name::WindowClamp, 1152),
        (Set::Ttl(33), Name::Ttl, 33),
        // The ECN bits are not the user's.
        (Set::Tos(0xff), Name::Tos, 0xfc),
        (Set::RecvErr(true), Name::RecvErr, 1),
        (Set::FastOpen(5), Name::FastOpen, 5),
        (Set::FastOpenConnect(true), Name::FastOpenConnect, 1),
        (Set::FastOpenNoCookie(true), Name::FastOpenNoCookie, 1),
        (Set::BindAddressNoPort(true), Name::BindAddressNoPort, 1),
        (Set::LocalPortRange(1000, 2000), Name::LocalPortRange, 2000 << 16 | 1000),
        (Set::FreeBind(true), Name::FreeBind, 1),
        (Set::NotSentLowAt(4096), Name::NotSentLowAt, 4096),
        (Set::Inq(true), Name::Inq, 1),
        (Set::RtoMaxMs(5000), Name::RtoMaxMs, 5000),
        (Set::RtoMinUs(5000), Name::RtoMinUs, 5000),
        (Set::DelAckMaxUs(6000), Name::DelAckMaxUs, 6000),
        (Set::Priority(3), Name::Priority, 3),
        (Set::Mark(4), Name::Mark, 4),
        (Set::MaxPacingRate(1_000_000), Name::MaxPacingRate, 1_000_000),
        (Set::MtuDiscover(2), Name::MtuDiscover, 2),
    ]
}

#[test]
fn what_is_set_is_read_back_from_a_fresh_socket_and_from_a_connection() {
    for (set, name, expected) in table() {
        // TCP_FASTOPEN_CONNECT is there only with the client's side of Fast Open.
        let mut config = plain();
        config.tcp_fastopen = 1;
        let (mut play, connection) = Play::established(config);
        let fresh = play.stack.socket(Domain::Inet6).unwrap();
        for (fd, whose) in [(fresh, "fresh"), (connection, "connected")] {
            assert_eq!(play.stack.set_option(play.now, fd, set), Ok(()), "{set:?}, {whose}");
            assert_eq!(play.stack.option(fd, name), Ok(expected), "{name:?} after {set:?}, {whose}");
        }
        assert_eq!(play.stack.set_option(play.now, 99, set), Err(Errno::EBADF));
        assert_eq!(play.stack.option(99, name), Err(Errno::EBADF));
    }
}

#[test]
fn values_out_of_range_change_nothing() {
    use SocketOption as Set;
    let table = [
        (Set::KeepIdle(0), OptionName::KeepIdle),
        (Set::KeepIdle(32_768), OptionName::KeepIdle),
        (Set::KeepIntvl(0), OptionName::KeepIntvl),
        (Set::KeepCnt(128), OptionName::KeepCnt),
        (Set::SynCnt(0), OptionName::SynCnt),
        (Set::MaxSeg(10), OptionName::MaxSeg),
        (Set::Ttl(0), OptionName::Ttl),
        (Set::RtoMaxMs(999), OptionName::RtoMaxMs),
        (Set::RtoMinUs(200_001), OptionName::RtoMinUs),
        (Set::DelAckMaxUs(1), OptionName::DelAckMaxUs),
        (Set::MtuDiscover(6), OptionName::MtuDiscover),
        (Set::LocalPortRange(2000, 1000), OptionName::LocalPortRange),
    ];
    let (mut play, fd) = Play::established(plain());
    for (set, name) in table {
        let before = play.stack.option(fd, name);
        assert_eq!(play.stack.set_option(play.now, fd, set), Err(Errno::EINVAL), "{set:?}");
        assert_eq!(play.stack.option(fd, name), before, "{set:?}");
    }
}

#[test]
fn what_only_a_socket_knows_is_read() {
    let mut play = Play::new(plain());
    let listener = play.listen(1);
    assert_eq!(play.stack.option(listener, OptionName::AcceptConn), Ok(1));
    let (mut play, fd) = Play::established(plain());
    let table = [
        (OptionName::AcceptConn, 0),
        (OptionName::Error, 0),
        // The peer offered 1000.
        (OptionName::MaxSeg, 1000),
        (OptionName::Mtu, 1500),
    ];
    for (name, expected) in table {
        assert_eq!(play.stack.option(fd, name), Ok(expected), "{name:?}");
    }
    let fresh = play.stack.socket(Domain::Inet).unwrap();
    assert_eq!(play.stack.option(fresh, OptionName::Mtu), Ok(-1));
    // Only an IPv6 socket that is not bound can be told.
    let v6 = play.stack.socket(Domain::Inet6).unwrap();
    for on in [true, false] {
        assert_eq!(play.stack.set_option(play.now, v6, SocketOption::V6Only(on)), Ok(()));
        assert_eq!(play.stack.option(v6, OptionName::V6Only), Ok(i64::from(on)));
    }
    assert_eq!(play.stack.set_option(play.now, fd, SocketOption::V6Only(true)), Err(Errno::EINVAL));
}

#[test]
fn mtu_discovery_decides_whether_routers_may_fragment() {
    //  IP_MTU_DISCOVER -> DF, and the largest segment after an ICMP error that tells of a path MTU of 576
    for (how, dont_fragment, then) in
        [(0, false, 1000), (1, true, 536), (2, true, 536), (3, false, 536), (4, false, 1000), (5, false, 1000)]
    {
        let (mut play, fd) = Play::established(plain());
        play.stack.set_option(play.now, fd, SocketOption::MtuDiscover(how)).unwrap();
        play.send(fd, &[0; 1000]);
        let (_, datagram) = play.seen.last().unwrap();
        assert_eq!(datagram[6] & 0x40 != 0, dont_fragment, "{how}");
        play.icmp(Problem::PacketTooBig { mtu: 576 });
        play.inject(A, 1, 1001, b"");
        play.send(fd, &[0; 1000]);
        assert!(play.last().0.payload.len() <= then, "{how}");
        let largest = play.seen.iter().rev().take(2).map(|(_, datagram)| datagram.len() - 40).max();
        assert_eq!(largest, Some(then), "{how}");
    }
}
