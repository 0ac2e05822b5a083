//! Two stacks over a link that loses, repeats and reorders datagrams: what one sends the other reads, whatever the link
//! does, and equal seeds give equal runs.

use halfopen_stack::{Config, Domain, Errno, Instant, RecvFlags, SendFlags, Shutdown, Stack, State};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// Out of how many thousand a datagram is lost, repeated, corrupted.
#[derive(Debug, Clone, Copy)]
struct Faults {
    lost: u64,
    repeated: u64,
    corrupted: u64,
}

struct Link {
    stacks: [Stack; 2],
    addresses: [IpAddr; 2],
    /// Datagrams on their way: arrival and a number that keeps them apart, then for whom.
    flying: BTreeMap<(Instant, u64), (usize, Vec<u8>)>,
    sent: u64,
    now: Instant,
    random: Random,
    faults: Faults,
    /// A fingerprint of everything that was sent.
    print: u64,
}

impl Link {
    fn new(config: &Config, v6: bool, seed: u64, faults: Faults) -> Self {
        let addresses: [IpAddr; 2] = if v6 {
            ["2001:db8::1".parse().unwrap(), "2001:db8::2".parse().unwrap()]
        } else {
            ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()]
        };
        let stacks = [0, 1].map(|side| {
            let mut stack = Stack::new(config.clone(), seed + side as u64);
            stack.add_address(addresses[side]);
            stack
        });
        let random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        Self { stacks, addresses, flying: BTreeMap::new(), sent: 0, now: Instant(0), random, faults, print: 0 }
    }

    fn collect(&mut self) {
        for side in 0..2 {
            while let Some(mut datagram) = self.stacks[side].transmit() {
                for octet in &datagram {
                    self.print = (self.print ^ u64::from(*octet)).wrapping_mul(0x100_0000_01b3);
                }
                if self.random.next(1000) < self.faults.lost {
                    continue;
                }
                if self.random.next(1000) < self.faults.corrupted {
                    let at = self.random.next(datagram.len() as u64) as usize;
                    datagram[at] ^= 1 << self.random.next(8);
                }
                let copies = 1 + usize::from(self.random.next(1000) < self.faults.repeated);
                for _ in 0..copies {
                    let delay = 10_000 + self.random.next(20_000);
                    self.sent += 1;
                    self.flying.insert((Instant(self.now.0 + delay), self.sent), (1 - side, datagram.clone()));
                }
            }
        }
    }

    /// The next arrival or timer. `false`: nothing will ever happen again.
    fn step(&mut self) -> bool {
        self.collect();
        let arrival = self.flying.keys().next().map(|(at, _)| *at);
        let timer = self.stacks.iter().filter_map(Stack::poll_at).min();
        let Some(at) = arrival.into_iter().chain(timer).min() else { return false };
        assert!(at >= self.now);
        self.now = at;
        for stack in &mut self.stacks {
            stack.advance(at);
        }
        while let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 <= at) {
            let (to, datagram) = entry.remove();
            self.stacks[to].receive(at, &datagram);
        }
        self.collect();
        true
    }
}

/// Both sides send `octets` and close; both read everything. A fingerprint of the run.
fn exchange(config: &Config, v6: bool, seed: u64, faults: Faults, octets: usize) -> (u64, Instant) {
    let mut link = Link::new(config, v6, seed, faults);
    let domain = if v6 { Domain::Inet6 } else { Domain::Inet };
    let server = SocketAddr::new(link.addresses[1], 80);
    let listener = link.stacks[1].socket(domain).unwrap();
    link.stacks[1].bind(listener, server).unwrap();
    link.stacks[1].listen(listener, 4).unwrap();
    let client = link.stacks[0].socket(domain).unwrap();
    assert_eq!(link.stacks[0].connect(link.now, client, server), Err(Errno::EINPROGRESS));

    let pattern = |side: usize, at: usize| (at as u8).wrapping_mul(31).wrapping_add(side as u8 * 7 + (at >> 8) as u8);
    let mut fds = [Some(client), None];
    let (mut sent, mut read, mut ended) = ([0; 2], [0; 2], [false; 2]);
    for _ in 0..200_000 {
        if fds[1].is_none() {
            fds[1] = link.stacks[1].accept(link.now, listener).ok().map(|(fd, _)| fd);
        }
        for side in 0..2 {
            let Some(fd) = fds[side] else { continue };
            let (stack, now) = (&mut link.stacks[side], link.now);
            if sent[side] < octets {
                let chunk: Vec<u8> = (sent[side]..octets.min(sent[side] + 3000)).map(|at| pattern(side, at)).collect();
                match stack.send(now, fd, &chunk, SendFlags::default()) {
                    Ok(taken) => sent[side] += taken,
                    Err(errno) => assert_eq!(errno, Errno::EAGAIN),
                }
                if sent[side] == octets {
                    stack.shutdown(now, fd, Shutdown::Write).unwrap();
                }
            }
            let mut buffer = [0; 2000];
            // The reader stops now and then, so that windows close.
            if !now.0.is_multiple_of(5) && !ended[side] {
                match stack.recv(now, fd, &mut buffer, RecvFlags::default()) {
                    Ok(0) => ended[side] = true,
                    Ok(len) => {
                        for octet in &buffer[..len] {
                            assert_eq!(*octet, pattern(1 - side, read[side]), "side {side}, octet {}", read[side]);
                            read[side] += 1;
                        }
                    }
                    Err(errno) => assert_eq!(errno, Errno::EAGAIN),
                }
            }
        }
        if ended == [true; 2] && fds.iter().zip(&link.stacks).all(|(fd, stack)| done(stack, *fd)) {
            assert_eq!(read, [octets; 2]);
            return (link.print, link.now);
        }
        if !link.step() {
            // Only the applications are left to act.
            link.now = Instant(link.now.0 + 1);
        }
    }
    panic!("seed {seed}: not done: sent {sent:?}, read {read:?}, ended {ended:?}");
}

fn done(stack: &Stack, fd: Option<i32>) -> bool {
    fd.is_some_and(|fd| matches!(stack.status(fd).unwrap().state, State::TimeWait | State::Closed))
}

#[test]
fn everything_arrives_whatever_the_link_does() {
    let fault_table = [
        Faults { lost: 0, repeated: 0, corrupted: 0 },
        Faults { lost: 50, repeated: 0, corrupted: 0 },
        Faults { lost: 50, repeated: 100, corrupted: 50 },
        Faults { lost: 200, repeated: 50, corrupted: 0 },
    ];
    for (name, config) in [("rfc9293", Config::rfc9293()), ("rfc793", Config::rfc793()), ("linux", Config::linux())] {
        for faults in fault_table {
            for seed in 1..=12 {
                println!("{name} {faults:?} seed {seed}");
                let mut config = config.clone();
                // Small buffers, so that windows close.
                config.tcp_rmem[1] = 8192;
                config.tcp_retries2 = 60;
                exchange(&config, seed % 2 == 0, seed, faults, 30_000);
            }
        }
    }
}

/// Every way to recover, alone and with every other.
#[test]
fn everything_arrives_however_losses_are_recovered() {
    let faults = Faults { lost: 60, repeated: 60, corrupted: 20 };
    for profile in [Config::rfc9293(), Config::linux()] {
        for choice in 0..64_u32 {
            let chosen = |bit: u32| choice >> bit & 1 == 1;
            let mut config = profile.clone();
            config.tcp_sack = chosen(0);
            config.tcp_recovery = u32::from(chosen(1));
            config.proportional_rate_reduction = chosen(2);
            config.tcp_frto = 2 * u32::from(chosen(3));
            config.tcp_early_retrans = 3 * u32::from(chosen(4));
            config.undo_reductions = chosen(5);
            config.tcp_dsack = chosen(5);
            config.learn_reordering = chosen(5);
            config.tcp_limited_transmit = !chosen(5);
            config.window_in_segments = chosen(3);
            config.tcp_retries2 = 60;
            println!("choice {choice:06b}");
            exchange(&config, chosen(1), u64::from(choice) + 1, faults, 60_000);
        }
    }
}

/// One side sends `octets` and reads back what the other, which writes what it has read before it reads on, returns: both
/// directions are full, and each end waits for the other's ACKs.
fn echo(config: &Config, seed: u64, faults: Faults, octets: usize) {
    let mut link = Link::new(config, false, seed, faults);
    let server = SocketAddr::new(link.addresses[1], 7);
    let listener = link.stacks[1].socket(Domain::Inet).unwrap();
    link.stacks[1].bind(listener, server).unwrap();
    link.stacks[1].listen(listener, 4).unwrap();
    let client = link.stacks[0].socket(Domain::Inet).unwrap();
    assert_eq!(link.stacks[0].connect(link.now, client, server), Err(Errno::EINPROGRESS));
    let (mut served, mut held) = (None, Vec::new());
    let (mut sent, mut read) = (0, 0);
    let mut progress = (0, link.now);
    while read < octets {
        let now = link.now;
        let [near, far] = &mut link.stacks;
        let chunk: Vec<u8> = (sent..octets.min(sent + 9000)).map(|at| (at >> 8) as u8 ^ at as u8).collect();
        sent += if chunk.is_empty() { 0 } else { near.send(now, client, &chunk, SendFlags::default()).unwrap_or(0) };
        let mut buffer = [0; 9000];
        while let Ok(len @ 1..) = near.recv(now, client, &mut buffer, RecvFlags::default()) {
            for octet in &buffer[..len] {
                assert_eq!(*octet, (read >> 8) as u8 ^ read as u8, "octet {read}");
                read += 1;
            }
        }
        served = served.or_else(|| far.accept(now, listener).ok().map(|(fd, _)| fd));
        if let Some(fd) = served {
            loop {
                if held.is_empty() {
                    let Ok(len @ 1..) = far.recv(now, fd, &mut buffer, RecvFlags::default()) else { break };
                    held.extend_from_slice(&buffer[..len]);
                }
                let Ok(taken) = far.send(now, fd, &held, SendFlags::default()) else { break };
                held.drain(..taken);
            }
        }
        if read > progress.0 {
            progress = (read, link.now);
        }
        let idle = link.now.since(progress.1).as_secs();
        assert!(
            idle < 60,
            "seed {seed}: nothing for {idle} s after {read}: {:#?}",
            link.stacks.each_ref().map(|stack| stack.snapshots().collect::<Vec<_>>())
        );
        if !link.step() {
            link.now = Instant(link.now.0 + 1);
        }
    }
}

#[test]
fn an_echo_goes_on_when_both_windows_are_full() {
    let faults = Faults { lost: 10, repeated: 10, corrupted: 0 };
    for seed in 1..=2 {
        let mut config = Config::linux();
        config.tcp_rmem = [4096, 131_072, 33_554_432];
        echo(&config, seed, faults, 500_000);
    }
}

#[test]
fn equal_seeds_give_equal_runs() {
    let faults = Faults { lost: 100, repeated: 100, corrupted: 20 };
    let run = |seed| exchange(&Config::rfc9293(), false, seed, faults, 20_000);
    assert_eq!(run(5), run(5));
    assert_ne!(run(5), run(6));
}
