//! A sender and a receiver, two stacks, with a bottleneck between them on virtual time.

use halfopen_stack::socket::CongestionSnapshot;
use halfopen_stack::{Config, Domain, Errno, Instant, RecvFlags, SendFlags, Stack};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// The path from the sender to the receiver. ACKs go back undisturbed, with the same delay.
pub(crate) struct Path {
    /// Octets per second from the beginning on, and from a time on.
    pub(crate) rate: u64,
    pub(crate) later_rate: (Duration, u64),
    /// One way, without queue.
    pub(crate) delay: Duration,
    /// Datagrams that the bottleneck keeps; the next one is lost.
    pub(crate) queue: usize,
    /// From when to when everything is lost.
    pub(crate) outage: Option<(Duration, Duration)>,
}

/// What the sender's connection was like at a time, and how many datagrams the path has lost by then.
pub(crate) struct Sample {
    pub(crate) seconds: f64,
    pub(crate) congestion: CongestionSnapshot,
    pub(crate) lost: u32,
}

struct World<'a> {
    path: &'a Path,
    stacks: [Stack; 2],
    now: Instant,
    /// Arrival times at the receiver: behind the bottleneck, and at the sender.
    ways: [VecDeque<(Instant, Vec<u8>)>; 2],
    /// When the bottleneck has sent what it keeps.
    busy_until: Instant,
    lost: u32,
}

const START: Instant = Instant(0);
const SENDER: usize = 0;
const RECEIVER: usize = 1;

/// Sends as much as the path takes for `seconds`; what the sender's connection was like after each of its events.
pub(crate) fn transfer(config: &Config, path: &Path, seconds: u64) -> Vec<Sample> {
    let addresses: [IpAddr; 2] = ["192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap()];
    let stacks = [SENDER, RECEIVER].map(|side| {
        let mut stack = Stack::new(config.clone(), side as u64);
        stack.add_address(addresses[side]);
        stack
    });
    let ways = [VecDeque::new(), VecDeque::new()];
    let mut world = World { path, stacks, now: START, ways, busy_until: START, lost: 0 };
    let server = SocketAddr::new(addresses[RECEIVER], 9);
    let listener = world.stacks[RECEIVER].socket(Domain::Inet).unwrap();
    world.stacks[RECEIVER].bind(listener, server).unwrap();
    world.stacks[RECEIVER].listen(listener, 1).unwrap();
    let client = world.stacks[SENDER].socket(Domain::Inet).unwrap();
    assert_eq!(world.stacks[SENDER].connect(START, client, server), Err(Errno::EINPROGRESS));
    let mut accepted = None;
    let mut samples: Vec<Sample> = Vec::new();
    let text = [0; 65_536];
    let mut sink = vec![0; 1 << 20];
    while world.now.since(START) < Duration::from_secs(seconds) && world.step() {
        accepted = accepted.or_else(|| world.stacks[RECEIVER].accept(world.now, listener).ok().map(|(fd, _)| fd));
        if let Some(fd) = accepted {
            while world.stacks[RECEIVER].recv(world.now, fd, &mut sink, RecvFlags::default()).is_ok() {}
        }
        while world.stacks[SENDER].send(world.now, client, &text, SendFlags::default()).is_ok() {}
        world.collect();
        let Ok(Some(snapshot)) = world.stacks[SENDER].snapshot(client) else { continue };
        let seconds = world.now.since(START).as_secs_f64();
        samples.push(Sample { seconds, congestion: snapshot.congestion, lost: world.lost });
    }
    samples
}

impl World<'_> {
    /// Lets the next arrival or timer happen. `false`: nothing will.
    fn step(&mut self) -> bool {
        self.collect();
        let arrivals = self.ways.iter().filter_map(|way| way.front().map(|(at, _)| *at));
        let timers = self.stacks.iter().filter_map(Stack::poll_at);
        let Some(at) = arrivals.chain(timers).min() else { return false };
        self.now = self.now.max(at);
        for (side, stack) in self.stacks.iter_mut().enumerate() {
            stack.advance(self.now);
            let way = &mut self.ways[1 - side];
            while way.front().is_some_and(|(at, _)| *at <= self.now) {
                let (_, datagram) = way.pop_front().unwrap();
                stack.receive(self.now, &datagram);
            }
        }
        true
    }

    /// Puts what the stacks have sent onto the path.
    fn collect(&mut self) {
        while let Some(datagram) = self.stacks[RECEIVER].transmit() {
            self.ways[RECEIVER].push_back((self.now + self.path.delay, datagram));
        }
        while let Some(datagram) = self.stacks[SENDER].transmit() {
            self.bottleneck(datagram);
        }
    }

    fn bottleneck(&mut self, datagram: Vec<u8>) {
        let since = self.now.since(START);
        let rate = if since < self.path.later_rate.0 { self.path.rate } else { self.path.later_rate.1 };
        let time = |octets: usize| Duration::from_micros(octets as u64 * 1_000_000 / rate);
        let out = self.path.outage.is_some_and(|(from, to)| since >= from && since < to);
        let waiting = self.busy_until.since(self.now);
        if out || waiting > time(1500) * self.path.queue as u32 {
            self.lost += 1;
            return;
        }
        self.busy_until = self.busy_until.max(self.now) + time(datagram.len());
        self.ways[SENDER].push_back((self.busy_until + self.path.delay, datagram));
    }
}
