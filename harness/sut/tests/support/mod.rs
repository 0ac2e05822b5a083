//! Hand-made segments for the adapters' tests: as plain as can be, and no relation to the harness's codec.
#![allow(dead_code, reason = "each test file uses a part")]

use halfopen_engine::call::{Reply, SysCall};
use halfopen_engine::sut::{Happening, Micros, Setup, Sut};
use halfopen_script::symbols;
use halfopen_script::test::Family;
use std::net::{IpAddr, SocketAddr};

pub(crate) const FIN: u8 = 1;
pub(crate) const SYN: u8 = 2;
pub(crate) const RST: u8 = 4;
pub(crate) const PSH: u8 = 8;
pub(crate) const ACK: u8 = 16;
pub(crate) const URG: u8 = 32;

/// Ports of the tests' connections.
pub(crate) const LOCAL_PORT: u16 = 8080;
pub(crate) const REMOTE_PORT: u16 = 40000;

/// A constant by the name that scripts use.
pub(crate) fn named(name: &str) -> i32 {
    symbols::value(name).expect("a constant of scripts") as i32
}

pub(crate) fn setup(family: Family) -> Setup {
    let ip = |text: &str| -> IpAddr { text.parse().expect("an address") };
    let v6 = family == Family::V6;
    Setup {
        family,
        local: if v6 { (ip("fd3d:fa7b:d17d::1"), 48) } else { (ip("192.168.0.2"), 16) },
        remote: if v6 { (ip("2001:db8::1"), 32) } else { (ip("192.0.2.1"), 24) },
        gateway: if v6 { ip("fd3d:fa7b:d17d:8888::1") } else { ip("192.168.0.1") },
        mtu: 1500,
        offload: false,
        train: None,
        profile: None,
        seed: 7,
    }
}

/// The addresses of a test's packets, which for mapped addresses are IPv4.
#[derive(Clone, Copy)]
pub(crate) struct Path {
    pub(crate) sut: SocketAddr,
    pub(crate) peer: SocketAddr,
}

impl Path {
    pub(crate) fn of(setup: &Setup) -> Self {
        Self { sut: SocketAddr::new(setup.local.0, LOCAL_PORT), peer: SocketAddr::new(setup.remote.0, REMOTE_PORT) }
    }

    pub(crate) fn segment(&self, flags: u8, seq: u32, ack: u32, payload: &[u8]) -> Vec<u8> {
        datagram(self.peer, self.sut, flags, seq, ack, 0, payload)
    }

    /// A segment whose urgent pointer is `pointer`.
    pub(crate) fn urgent(&self, flags: u8, seq: u32, ack: u32, pointer: u16, payload: &[u8]) -> Vec<u8> {
        datagram(self.peer, self.sut, flags | URG, seq, ack, pointer, payload)
    }
}

fn datagram(from: SocketAddr, to: SocketAddr, flags: u8, seq: u32, ack: u32, urgent: u16, payload: &[u8]) -> Vec<u8> {
    let mut tcp = Vec::new();
    tcp.extend(from.port().to_be_bytes());
    tcp.extend(to.port().to_be_bytes());
    tcp.extend(seq.to_be_bytes());
    tcp.extend(ack.to_be_bytes());
    let options: &[u8] = if flags & SYN != 0 { &[2, 4, 0x05, 0xb4] } else { &[] };
    tcp.extend([(5 + options.len() as u8 / 4) << 4, flags]);
    tcp.extend(65535u16.to_be_bytes());
    tcp.extend([0; 2]);
    tcp.extend(urgent.to_be_bytes());
    tcp.extend(options);
    tcp.extend(payload);
    let sum = checksum(&[&pseudo_header(from.ip(), to.ip(), tcp.len()), &tcp]);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    match (from.ip(), to.ip()) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let mut ip = vec![0x45, 0];
            ip.extend((20 + tcp.len() as u16).to_be_bytes());
            ip.extend([0, 0, 0, 0, 64, 6, 0, 0]);
            ip.extend(src.octets());
            ip.extend(dst.octets());
            let sum = checksum(&[&ip]);
            ip[10..12].copy_from_slice(&sum.to_be_bytes());
            ip.extend(tcp);
            ip
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let mut ip = vec![0x60, 0, 0, 0];
            ip.extend((tcp.len() as u16).to_be_bytes());
            ip.extend([6, 64]);
            ip.extend(src.octets());
            ip.extend(dst.octets());
            ip.extend(tcp);
            ip
        }
        _ => panic!("one family on both sides"),
    }
}

fn pseudo_header(src: IpAddr, dst: IpAddr, length: usize) -> Vec<u8> {
    let mut octets = Vec::new();
    for address in [src, dst] {
        match address {
            IpAddr::V4(v4) => octets.extend(v4.octets()),
            IpAddr::V6(v6) => octets.extend(v6.octets()),
        }
    }
    octets.extend([0, 6]);
    octets.extend((length as u16).to_be_bytes());
    octets
}

fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2)).map(|word| match word {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

/// What the SUT sent.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) at: Micros,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) flags: u8,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) payload: Vec<u8>,
}

/// Reads a datagram and insists on both checksums.
pub(crate) fn segment(at: Micros, octets: &[u8]) -> Segment {
    let (src, dst, tcp) = match octets[0] >> 4 {
        4 => {
            assert_eq!(checksum(&[&octets[..20]]), 0, "IP header checksum");
            let ip = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&octets[at..at + 4]).expect("four octets"));
            assert_eq!(usize::from(u16::from_be_bytes([octets[2], octets[3]])), octets.len(), "total length");
            (ip(12), ip(16), &octets[20..])
        }
        6 => {
            let ip = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&octets[at..at + 16]).expect("sixteen octets"));
            (ip(8), ip(24), &octets[40..])
        }
        version => panic!("IP version {version}"),
    };
    assert_eq!(checksum(&[&pseudo_header(src, dst, tcp.len()), tcp]), 0, "TCP checksum");
    let word = |at: usize| u32::from_be_bytes(tcp[at..at + 4].try_into().expect("four octets"));
    let port = |at: usize| u16::from_be_bytes([tcp[at], tcp[at + 1]]);
    Segment {
        at,
        from: SocketAddr::new(src, port(0)),
        to: SocketAddr::new(dst, port(2)),
        flags: tcp[13],
        seq: word(4),
        ack: word(8),
        payload: tcp[usize::from(tcp[12] >> 4) * 4..].to_vec(),
    }
}

/// The next segment within 200 ms.
pub(crate) fn expect(sut: &mut dyn Sut) -> Segment {
    let deadline = sut.now() + 200_000;
    let happening = sut.next(deadline).expect("the SUT works");
    let Happening::Datagram { at, octets } = happening else { panic!("expected a segment, got {happening:?}") };
    segment(at, &octets)
}

/// The pending call's reply within 200 ms.
pub(crate) fn expect_return(sut: &mut dyn Sut) -> (Micros, Reply) {
    let deadline = sut.now() + 200_000;
    let happening = sut.next(deadline).expect("the SUT works");
    let Happening::Returned { at, reply } = happening else { panic!("expected a reply, got {happening:?}") };
    (at, reply)
}

/// Nothing for this long.
pub(crate) fn silent(sut: &mut dyn Sut, micros: Micros) {
    let deadline = sut.now() + micros;
    assert_eq!(sut.next(deadline).expect("the SUT works"), Happening::Deadline);
    assert!(sut.now() >= deadline);
}

/// Makes a call that succeeds at once; its value.
pub(crate) fn value(sut: &mut dyn Sut, call: SysCall) -> i64 {
    let reply = sut.call(&call).expect("the SUT works");
    let Reply::Done { value, errno: 0, .. } = reply else { panic!("{call:?} came to {reply:?}") };
    value
}

/// A listening socket with a backlog of 1.
pub(crate) fn listener(sut: &mut dyn Sut, setup: &Setup, flags: i32) -> i32 {
    let domain = named(if setup.family == Family::V4 { "AF_INET" } else { "AF_INET6" });
    let (kind, protocol) = (named("SOCK_STREAM") | flags, named("IPPROTO_TCP"));
    let fd = value(sut, SysCall::Socket { domain, kind, protocol }) as i32;
    assert_eq!(value(sut, SysCall::Bind { fd, addr: Path::of(setup).sut }), 0);
    assert_eq!(value(sut, SysCall::Listen { fd, backlog: 1 }), 0);
    fd
}

/// A passive open from SYN to accept(): the connection's descriptor, and the SUT's initial sequence number.
pub(crate) fn accepted(sut: &mut dyn Sut, setup: &Setup, flags: i32) -> (i32, u32) {
    let path = Path::of(setup);
    let fd = listener(sut, setup, flags);
    sut.inject(&path.segment(SYN, 1000, 0, &[])).expect("injected");
    let syn_ack = expect(sut);
    assert_eq!((syn_ack.flags, syn_ack.ack), (SYN | ACK, 1001));
    sut.inject(&path.segment(ACK, 1001, syn_ack.seq + 1, &[])).expect("injected");
    (value(sut, SysCall::Accept { fd }) as i32, syn_ack.seq)
}

/// Processes with a thread in the namespace.
pub(crate) fn processes_in(namespace: &str) -> Vec<u32> {
    let number = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse::<u32>().ok();
    let processes = std::fs::read_dir("/proc").expect("the host has /proc").flatten().filter_map(number);
    let inside = |pid: &u32| {
        // What ends in the meantime is not inside.
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        tasks
            .map(|task| task.path().join("ns/net"))
            .any(|path| std::fs::read_link(path).is_ok_and(|link| link.as_os_str() == namespace))
    };
    processes.filter(inside).collect()
}

#[expect(clippy::disallowed_methods, reason = "waits for the kernel's own clean-up, which tells nobody")]
pub(crate) fn wait(milliseconds: u64) {
    std::thread::sleep(std::time::Duration::from_millis(milliseconds));
}
