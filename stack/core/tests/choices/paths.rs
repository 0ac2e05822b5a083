//! Path MTU: how long it counts, and how it is probed for.

use super::*;
use halfopen_stack::config::InitialWindow;
use halfopen_stack::wire::icmp::Problem;
use halfopen_stack::wire::{checksum, ip};
use halfopen_stack::{Instant, SendFlags, Stack};

/// A connection with much room whose peer takes segments of 1,400 octets.
fn roomy(set: Set) -> (Play, i32) {
    let mut config = plain();
    config.initial_window = InitialWindow::Segments(20);
    set(&mut config);
    let mut play = Play::new(config);
    play.options.mss = Some(1400);
    play.window = 65_535;
    let fd = play.passive_open();
    (play, fd)
}

fn send(play: &mut Play, fd: i32, octets: usize) -> Vec<String> {
    assert_eq!(play.stack.send(play.now, fd, &vec![0; octets], SendFlags::default()), Ok(octets));
    play.drain()
}

/// Octets of text in each segment.
fn sizes(sent: &[String]) -> Vec<u32> {
    sent.iter().map(|line| line.split(['(', ')']).nth(1).unwrap().parse().unwrap()).collect()
}

/// Sizes of segments eight minutes after a router took no more than 1,000 octets.
fn later(set: Set) -> String {
    let (mut play, fd) = roomy(set);
    send(&mut play, fd, 1400);
    play.icmp(Problem::PacketTooBig { mtu: 1000 });
    play.inject(A, 1, 1401, b"");
    play.wait(480.0);
    format!("{:?}", sizes(&send(&mut play, fd, 1400)))
}

/// Sizes of segments behind a message that does not say what the path takes.
fn untold(set: Set) -> String {
    let (mut play, fd) = roomy(set);
    send(&mut play, fd, 1400);
    format!("{:?}", sizes(&play.icmp(Problem::PacketTooBig { mtu: 0 })))
}

/// The first sizes of a long text.
fn long(set: Set) -> String {
    let (mut play, fd) = roomy(set);
    format!("{:?}", &sizes(&send(&mut play, fd, 20_000))[..3])
}

/// Sizes at which text is repeated that vanishes again and again.
fn vanishing(set: Set) -> String {
    let (mut play, fd) = roomy(|config| config.tcp_mtu_probing = 1);
    set(play.stack.config_mut());
    send(&mut play, fd, 1400);
    let sent: Vec<String> = play.wait(500.0).into_iter().map(|(_, line)| line).collect();
    format!("{:?}", sizes(&sent))
}

/// The largest segments that a search finds on a path that takes 1,300 octets of text, and `wait` seconds later, when the
/// path takes all.
fn search(set: Set, wait: f64) -> String {
    let (mut play, fd) = roomy(|config| {
        config.tcp_mtu_probing = 2;
        config.tcp_slow_start_after_idle = false;
    });
    set(play.stack.config_mut());
    let round = |play: &mut Play, most: u32| {
        let mut largest = 0;
        let mut sent = send(play, fd, 20_000);
        while !sent.is_empty() {
            let una = play.stack.status(fd).unwrap().snd_una;
            let mut seq = play.iss.distance(una);
            for size in sizes(&sent) {
                if size > most {
                    // It is lost; what came behind it shows that.
                    play.inject(A, 1, seq, b"");
                    (0..3).for_each(|_| drop(play.inject(A, 1, seq, b"")));
                    break;
                }
                largest = largest.max(size);
                seq += size;
            }
            let all = play.iss.distance(play.stack.status(fd).unwrap().snd_nxt);
            sent = play.inject(A, 1, all, b"");
        }
        largest
    };
    let first = (0..12).map(|_| round(&mut play, 1300)).max().unwrap();
    play.wait(wait);
    let second = (0..12).map(|_| round(&mut play, 1400)).max().unwrap();
    format!("{first} {second}")
}

/// A listener of an IPv6 host.
fn listening_v6(set: Set) -> (Play, i32) {
    let mut play = Play::new(plain_with(set));
    play.local = "[2001:db8::1]:80".parse().unwrap();
    play.remote = "[2001:db8::2]:5000".parse().unwrap();
    play.stack.add_address(play.local.ip());
    let fd = play.stack.socket(halfopen_stack::Domain::Inet6).unwrap();
    play.stack.bind(fd, play.local).unwrap();
    play.stack.listen(fd, 2).unwrap();
    (play, fd)
}

/// What goes at once of 1,400 octets behind a message about another connection of the peer, whose segments the path takes.
fn of_another_connection(set: Set) -> String {
    let (mut play, listener) = listening_v6(set);
    let mut open = |port: u16, mss: u16| {
        play.remote.set_port(port);
        play.options.mss = Some(mss);
        play.inject(S, 0, 0, b"");
        play.inject(A, 1, 1, b"");
        let (fd, _) = play.stack.accept(play.now, listener).unwrap();
        let sent = sizes(&play.send(fd, &vec![0; usize::from(mss)]));
        play.icmp(Problem::PacketTooBig { mtu: 1300 });
        sent
    };
    open(5000, 1000);
    format!("{:?}", open(5001, 1400))
}

/// The flow label of a SYN,ACK to an IPv6 peer is there or not.
fn flow_label(set: Set) -> String {
    let (mut play, _) = listening_v6(set);
    play.inject(S, 0, 0, b"");
    play.inject(S, 0, 0, b"");
    let labels: Vec<_> = play.seen.iter().map(|(_, datagram)| datagram[1..4].to_vec()).collect();
    format!("{} {}", labels[0] == labels[1], labels[0] == [0; 3])
}

/// How long after a first fragment its sender is told that the others did not come, in seconds.
fn given_up(set: Set, v6: bool) -> String {
    let (local, remote) = if v6 { ("2001:db8::2", "2001:db8::1") } else { ("192.0.2.2", "192.0.2.1") };
    let address = |text: &str| text.parse().expect("an address");
    let mut stack = Stack::new(plain_with(set), 1);
    stack.add_address(address(local));
    let mut header = ip::Header::new(address(remote), address(local));
    header.dont_fragment = false;
    let mut fragment = if v6 {
        ip::emit(&header, 44, &[[6, 0, 0, 1, 0, 0, 0, 7].as_slice(), &[0; 24]].concat())
    } else {
        ip::emit(&header, 6, &[0; 24])
    };
    if !v6 {
        // More fragments, and the checksum with it.
        fragment[6] |= 0x20;
        fragment[10..12].fill(0);
        let sum = checksum::checksum(&fragment[..20]);
        fragment[10..12].copy_from_slice(&sum);
    }
    stack.receive(Instant(0), &fragment);
    let at = stack.poll_at().expect("fragments are not waited for for ever");
    stack.advance(at);
    assert!(stack.transmit().is_some(), "the sender is told");
    format!("{}", at.0 / 1_000_000)
}

/// What goes again at once of two segments that a router does not take.
fn too_large(set: Set) -> String {
    let (mut play, fd) = roomy(set);
    send(&mut play, fd, 2800);
    format!("{:?}", sizes(&play.icmp(Problem::PacketTooBig { mtu: 1000 })))
}

/// What goes at once of a segment that a router does not take, and of less text behind it, which is a segment now.
fn whole_now(set: Set) -> String {
    let (mut play, fd) = roomy(|config| config.slow_start_on_smaller_path = false);
    set(play.stack.config_mut());
    send(&mut play, fd, 1400);
    assert_eq!(send(&mut play, fd, 1000), [""; 0]);
    format!("{:?}", sizes(&play.icmp(Problem::PacketTooBig { mtu: 1000 })))
}

/// The segment size in the SYN,ACK behind a message that the path takes less.
fn offered(set: Set) -> String {
    let (mut play, fd) = Play::established(plain_with(set));
    play.send(fd, &[0; 1000]);
    play.icmp(Problem::PacketTooBig { mtu: 600 });
    play.remote.set_port(5001);
    play.inject(S, 0, 0, b"");
    format!("{:?}", play.last().0.options.mss)
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "mss_follows_path",
        play: offered,
        values: &[(|c| c.mss_follows_path = false, "Some(1460)"), (|c| c.mss_follows_path = true, "Some(560)")],
    },
    Row {
        field: "smaller_path_needs_smaller_segments",
        play: of_another_connection,
        values: &[
            (|c| c.smaller_path_needs_smaller_segments = false, "[1240]"),
            (|c| c.smaller_path_needs_smaller_segments = true, "[1400]"),
        ],
    },
    Row {
        field: "pmtu_plateaus",
        play: untold,
        values: &[
            (|c| (c.min_pmtu, c.pmtu_plateaus) = (552, true), "[966]"),
            (|c| (c.min_pmtu, c.pmtu_plateaus) = (552, false), "[512]"),
        ],
    },
    Row {
        field: "ipfrag_time",
        play: |set| given_up(set, false),
        values: &[
            (|c| c.ipfrag_time = std::time::Duration::from_secs(60), "60"),
            (|c| c.ipfrag_time = std::time::Duration::from_secs(30), "30"),
        ],
    },
    Row {
        field: "ip6frag_time",
        play: |set| given_up(set, true),
        values: &[
            (|c| c.ip6frag_time = std::time::Duration::from_secs(60), "60"),
            (|c| c.ip6frag_time = std::time::Duration::from_secs(2), "2"),
        ],
    },
    Row {
        field: "mtu_expires",
        play: later,
        values: &[
            (|c| c.mtu_expires = std::time::Duration::from_secs(600), "[960]"),
            (|c| c.mtu_expires = std::time::Duration::from_secs(300), "[1400]"),
        ],
    },
    Row {
        field: "tcp_mtu_probing",
        play: long,
        values: &[(|c| c.tcp_mtu_probing = 0, "[1400, 1400, 1400]"), (|c| c.tcp_mtu_probing = 2, "[1212, 1024, 1024]")],
    },
    Row {
        field: "tcp_base_mss",
        play: long,
        values: &[
            (|c| (c.tcp_mtu_probing, c.tcp_base_mss) = (2, 1024), "[1212, 1024, 1024]"),
            (|c| (c.tcp_mtu_probing, c.tcp_base_mss) = (2, 1000), "[1200, 1000, 1000]"),
        ],
    },
    Row {
        field: "tcp_probe_threshold",
        play: long,
        values: &[
            (|c| (c.tcp_mtu_probing, c.tcp_probe_threshold) = (2, 8), "[1212, 1024, 1024]"),
            (|c| (c.tcp_mtu_probing, c.tcp_probe_threshold) = (2, 400), "[1024, 1024, 1024]"),
        ],
    },
    Row {
        field: "tcp_mtu_probe_floor",
        play: vanishing,
        values: &[
            (|c| c.tcp_mtu_probe_floor = 48, "[1400, 1400, 1024, 512, 256, 128, 64, 48, 48, 48]"),
            (|c| c.tcp_mtu_probe_floor = 500, "[1400, 1400, 1024, 512, 500, 500, 500, 500, 500, 500]"),
        ],
    },
    Row {
        field: "tcp_retries1",
        play: vanishing,
        values: &[
            (|c| c.tcp_retries1 = 3, "[1400, 1400, 1024, 512, 256, 128, 64, 48, 48, 48]"),
            (|c| c.tcp_retries1 = 5, "[1400, 1400, 1400, 1400, 1024, 512, 256, 128, 64, 48]"),
        ],
    },
    Row {
        field: "auto_flowlabels",
        play: flow_label,
        values: &[(|c| c.auto_flowlabels = 0, "true true"), (|c| c.auto_flowlabels = 1, "true false")],
    },
    Row {
        field: "tcp_probe_interval",
        play: |set| search(set, 100.0),
        values: &[(|c| c.tcp_probe_interval = 600, "1299 1299"), (|c| c.tcp_probe_interval = 60, "1299 1393")],
    },
    Row {
        field: "slow_start_on_smaller_path",
        play: too_large,
        values: &[
            (|c| c.slow_start_on_smaller_path = false, "[960, 440, 960, 440]"),
            (|c| c.slow_start_on_smaller_path = true, "[960]"),
        ],
    },
    Row {
        field: "new_text_on_any_event",
        play: whole_now,
        values: &[
            (|c| c.new_text_on_any_event = true, "[960, 440, 960]"),
            (|c| c.new_text_on_any_event = false, "[960, 440]"),
        ],
    },
];
