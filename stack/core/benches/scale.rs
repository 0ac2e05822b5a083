//! What a server at scale costs: octets of each entry, and time of each segment with few entries and with many.
//!
//! `cargo bench -p halfopen-stack --bench scale` prints the table, with a mark at each goal that is missed. Times are medians of
//! batches, those with few entries and those with many by turns, so that what else the machine does weighs little and on both
//! alike; a segment's time is from octets in to octets out. With `--quick` a tenth of everything is made; any other argument
//! is what the kinds to measure have in their name.

#![expect(clippy::disallowed_methods, reason = "a benchmark has a clock of its own")]

use cap::Cap;
use halfopen_stack::wire::ip::Header;
use halfopen_stack::wire::tcp::{self, Flags, Options, Segment, Timestamps};
use halfopen_stack::{Config, Domain, Instant, RecvFlags, SeqNum, Stack};
use std::alloc::System;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

#[global_allocator]
static ALLOCATED: Cap<System> = Cap::new(System, usize::MAX);

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
/// Segments between two looks at the clock.
const BATCH: usize = 250;
const BATCHES: usize = 200;
/// Batches of one size before those of the other have their turn; the first of them finds the caches cold and does not count.
const TURN: usize = 20;
const FEW: u32 = 1_000;

fn main() {
    // `cargo bench` hands on what is for other harnesses.
    let quick = std::env::args().any(|argument| argument == "--quick");
    let share = if quick { 10 } else { 1 };
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let wanted = |name: &str| only.as_ref().is_none_or(|only| name.contains(only.as_str()));
    let mut table = Table { missed: 0 };
    for (what, octets) in Stack::sizes().into_iter().filter(|(what, _)| !what.starts_with(' ')) {
        println!("{what:<58} {:>12} {octets:>10} B", "");
    }
    println!("{:<58} {:>12} {:>12}", "at scale", "goal", "result");
    let kinds: [(&str, u32, f64, Fill, Segments); 3] = [
        ("half-open", 1_000_000, 160.0, half_open, half_open_segments),
        ("TIME-WAIT", 1_000_000, 96.0, time_wait, time_wait_segments),
        ("idle connection", 100_000, 1_024.0, established, established_segments),
    ];
    for (name, count, octets, fill, segments) in kinds.into_iter().filter(|(name, ..)| wanted(name)) {
        kind(&mut table, name, count / share, octets, fill, segments);
    }
    if wanted("timers") {
        timers(&mut table, 1_000_000 / share);
    }
    if wanted("flood") {
        flood(&mut table, 10_000_000 / share);
    }
    table.note("goals missed", &table.missed.to_string());
}

struct Table {
    missed: u32,
}

impl Table {
    /// A figure that is at most as large as its goal.
    fn row(&mut self, what: &str, goal: f64, result: f64, unit: &str) {
        let met = result <= goal;
        self.missed += u32::from(!met);
        let mark = if met { "" } else { "  MISSED" };
        println!("{what:<58} {:>12} {:>12}{mark}", format!("<= {goal} {unit}"), format!("{result:.1} {unit}"));
    }

    fn note(&self, what: &str, result: &str) {
        println!("{what:<58} {:>12} {result:>12}", "");
    }
}

/// A stack with entries, and the peers they are for.
struct World {
    stack: Stack,
    now: Instant,
    listener: i32,
    peers: Vec<Peer>,
    lots: Lots,
}

/// Initial sequence number of the stack towards a peer, its descriptor for it, and the segments of text that the peer has sent.
struct Peer {
    iss: SeqNum,
    fd: i32,
    sent: u32,
}

fn world(config: Config, backlog: i32) -> World {
    let mut stack = Stack::new(config, 1);
    stack.add_address(LOCAL);
    let listener = stack.socket(Domain::Inet).unwrap();
    stack.bind(listener, SocketAddr::new(LOCAL, 80)).unwrap();
    stack.listen(listener, backlog).unwrap();
    World { stack, now: Instant(1_000_000), listener, peers: Vec::new(), lots: Lots(1) }
}

fn roomy() -> Config {
    let mut config = Config::rfc9293();
    config.tcp_max_syn_backlog = u32::MAX;
    config.somaxconn = u32::MAX;
    config
}

/// Address and port of peer `number`.
fn peer(number: u32) -> SocketAddr {
    let address = Ipv4Addr::from(0x0a00_0000 + number / 50_000);
    SocketAddr::new(IpAddr::V4(address), 10_000 + (number % 50_000) as u16)
}

const PEER_ISN: SeqNum = SeqNum(1_000);

fn datagram(number: u32, flags: Flags, seq: u32, ack: SeqNum, payload: &[u8]) -> Vec<u8> {
    let remote = peer(number);
    let mut options = Options { timestamps: Some(Timestamps { val: 7, ecr: 0 }), ..Options::default() };
    if flags.contains(Flags::SYN) {
        options.mss = Some(1460);
        options.window_scale = Some(7);
        options.sack_permitted = true;
    }
    let segment = Segment {
        src_port: remote.port(),
        dst_port: 80,
        seq: PEER_ISN.plus(seq),
        ack,
        flags,
        window: 1_000,
        options,
        payload,
        ..Segment::default()
    };
    tcp::emit(&Header::new(remote.ip(), LOCAL), &segment)
}

impl World {
    fn inject(&mut self, datagram: &[u8]) -> Option<Vec<u8>> {
        self.stack.receive(self.now, datagram);
        let first = self.stack.transmit();
        while self.stack.transmit().is_some() {}
        first
    }

    /// Time passes.
    fn pass(&mut self, micros: u64) {
        self.now = Instant(self.now.micros() + micros);
        self.stack.advance(self.now);
        while self.stack.transmit().is_some() {}
    }

    /// The SYN of a peer: the ISS that answers it.
    fn syn(&mut self, number: u32) -> SeqNum {
        let answer = self.inject(&datagram(number, Flags::SYN, 0, SeqNum(0), &[])).expect("a SYN,ACK");
        SeqNum(u32::from_be_bytes(answer[24..28].try_into().unwrap()))
    }

    fn handshake(&mut self, number: u32) -> i32 {
        let iss = self.syn(number);
        self.inject(&datagram(number, Flags::ACK, 1, iss.plus(1), &[]));
        let (fd, _) = self.stack.accept(self.now, self.listener).expect("a connection");
        self.peers.push(Peer { iss, fd, sent: 0 });
        fd
    }
}

type Fill = fn(u32) -> World;
/// Nanoseconds of a segment, for each batch of a turn.
type Segments = fn(&mut World, u32) -> Vec<f64>;

fn half_open(count: u32) -> World {
    let mut world = world(roomy(), i32::MAX);
    for number in 0..count {
        // All of them before the first SYN,ACK is repeated.
        world.pass(u64::from(number % 4 == 0));
        world.syn(number);
    }
    world
}

fn time_wait(count: u32) -> World {
    let mut config = roomy();
    config.time_wait = std::time::Duration::from_secs(3600);
    let mut world = world(config, 16);
    for number in 0..count {
        world.pass(40);
        let fd = world.handshake(number);
        let Peer { iss, .. } = world.peers.pop().expect("the peer");
        world.stack.close(world.now, fd).unwrap();
        while world.stack.transmit().is_some() {}
        world.inject(&datagram(number, Flags::FIN | Flags::ACK, 1, iss.plus(2), &[]));
    }
    world.pass(10_000_000);
    world
}

fn established(count: u32) -> World {
    let mut config = roomy();
    // Every segment is acknowledged at once: with few connections and with many each one is the same work.
    config.quick_acks = u32::MAX;
    let mut world = world(config, 16);
    world.peers.reserve_exact(count as usize);
    for number in 0..count {
        world.pass(40);
        world.handshake(number);
    }
    // What the handshakes had timers for has gone by.
    world.pass(10_000_000);
    world
}

/// Random peers.
struct Lots(u64);

impl Lots {
    fn below(&mut self, count: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(count)) as u32
    }
}

/// Nanoseconds of one step in each of some batches; `prepare` makes what a batch of steps needs.
fn batches<T>(
    world: &mut World,
    count: usize,
    mut prepare: impl FnMut(&mut World) -> Vec<T>,
    mut step: impl FnMut(&mut World, &T),
) -> Vec<f64> {
    let mut times = Vec::new();
    for _ in 0..count {
        let batch = prepare(world);
        let start = std::time::Instant::now();
        for one in &batch {
            step(world, one);
        }
        times.push(start.elapsed().as_nanos() as f64 / batch.len() as f64);
    }
    times
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

/// A random half-open connection is reset by its peer, which opens it anew: two segments.
fn half_open_segments(world: &mut World, count: u32) -> Vec<f64> {
    let pairs = batches(
        world,
        TURN,
        |world| {
            let number = std::iter::repeat_with(|| world.lots.below(count)).take(BATCH);
            let pair = |number| {
                let reset = datagram(number, Flags::RST, 1, SeqNum(0), &[]);
                (reset, datagram(number, Flags::SYN, 0, SeqNum(0), &[]))
            };
            number.map(pair).collect()
        },
        |world, (reset, syn)| {
            world.now += std::time::Duration::from_micros(1);
            world.stack.receive(world.now, reset);
            world.inject(syn).expect("a SYN,ACK");
        },
    );
    pairs.into_iter().map(|pair| pair / 2.0).collect()
}

/// The FIN of a random peer comes again: an ACK, and 2MSL begins anew.
fn time_wait_segments(world: &mut World, count: u32) -> Vec<f64> {
    batches(
        world,
        TURN,
        |world| {
            let number = std::iter::repeat_with(|| world.lots.below(count)).take(BATCH);
            // Without ACK field in the way: the number of the stack's FIN is not kept here.
            number.map(|number| datagram(number, Flags::FIN | Flags::ACK, 1, SeqNum(0), &[])).collect()
        },
        |world, fin: &Vec<u8>| {
            world.now += std::time::Duration::from_micros(10);
            world.inject(fin).expect("an ACK");
        },
    )
}

/// 100 octets of text for a random connection, read at once.
fn established_segments(world: &mut World, count: u32) -> Vec<f64> {
    let mut buffer = [0; 256];
    batches(
        world,
        TURN,
        |World { peers, lots, .. }| {
            let number = std::iter::repeat_with(|| lots.below(count)).take(BATCH);
            let text = |number: u32| {
                let Peer { iss, fd, sent } = &mut peers[number as usize];
                let seq = 1 + 100 * *sent;
                *sent += 1;
                (datagram(number, Flags::PSH | Flags::ACK, seq, iss.plus(1), &[7; 100]), *fd)
            };
            number.map(text).collect()
        },
        |world, (text, fd)| {
            world.now += std::time::Duration::from_micros(10);
            world.inject(text);
            assert_eq!(world.stack.recv(world.now, *fd, &mut buffer, RecvFlags::default()), Ok(100));
            while world.stack.transmit().is_some() {}
            world.stack.advance(world.now);
            while world.stack.transmit().is_some() {}
        },
    )
}

/// Octets of an entry, and a segment's time with few of them and with `count`.
fn kind(table: &mut Table, name: &str, count: u32, octets: f64, fill: Fill, segments: Segments) {
    let mut small = fill(FEW);
    let (before, resident) = (ALLOCATED.allocated(), resident());
    let mut world = fill(count);
    let peers = world.peers.capacity() * size_of::<Peer>();
    let used = ALLOCATED.allocated().saturating_sub(before + peers);
    table.row(&format!("{count} x {name}: memory each"), octets, used as f64 / f64::from(count), "B");
    if let (Some(before), Some(after)) = (resident, self::resident()) {
        let each = after.saturating_sub(before) as f64 / f64::from(count);
        table.note(&format!("{count} x {name}: VmRSS each"), &format!("{each:.1} B"));
    }
    let (mut few, mut many) = (Vec::new(), Vec::new());
    for _ in 0..BATCHES / (TURN - 1) {
        few.extend(segments(&mut small, FEW).into_iter().skip(1));
        many.extend(segments(&mut world, count).into_iter().skip(1));
    }
    let (few, many) = (median(few), median(many));
    table.note(&format!("{name}: a segment among {FEW}"), &format!("{few:.0} ns"));
    table.note(&format!("{name}: a segment among {count}"), &format!("{many:.0} ns"));
    table.row(&format!("{name}: a segment, {count} to {FEW}"), 1.5, many / few, "x");
}

/// Timers: every SYN,ACK of a table is repeated once.
fn timers(table: &mut Table, count: u32) {
    let each = |count: u32| {
        let mut times = Vec::new();
        for _ in 0..if count > FEW { 1 } else { 50 } {
            let mut world = half_open(count);
            let (until, mut fired) = (world.now + std::time::Duration::from_secs(1), 0);
            while fired < count as usize {
                let (start, before) = (std::time::Instant::now(), fired);
                while fired - before < BATCH
                    && let Some(at) = world.stack.poll_at().filter(|at| *at <= until)
                {
                    world.stack.advance(at);
                    fired += std::iter::from_fn(|| world.stack.transmit()).count();
                }
                times.push(start.elapsed().as_nanos() as f64 / (fired - before).max(1) as f64);
            }
            assert_eq!(fired, count as usize, "each SYN,ACK is repeated once");
        }
        median(times)
    };
    let (few, many) = (each(FEW), each(count));
    table.note(&format!("timers: a SYN,ACK repeated among {FEW}"), &format!("{few:.0} ns"));
    table.note(&format!("timers: a SYN,ACK repeated among {count}"), &format!("{many:.0} ns"));
    table.row(&format!("timers: a SYN,ACK repeated, {count} to {FEW}"), 1.5, many / few, "x");
}

/// A flood of SYNs beside a connection that transfers, and a true client in the middle of it.
fn flood(table: &mut Table, count: u32) {
    let mut world = world(Config::linux(), 4096);
    let fd = world.handshake(0);
    let iss = world.peers[0].iss;
    let mut at = 1_u32;
    let quiet = transfer(&mut world, iss, fd, &mut at);
    let before = ALLOCATED.allocated();
    let mut peak = 0;
    let mut during = Vec::new();
    for number in 1..=count {
        world.now += std::time::Duration::from_micros(1);
        world.stack.receive(world.now, &datagram(number, Flags::SYN, 0, SeqNum(0), &[]));
        while world.stack.transmit().is_some() {}
        if number % 1024 == 0 {
            world.stack.advance(world.now);
            while world.stack.transmit().is_some() {}
            peak = peak.max(ALLOCATED.allocated().saturating_sub(before));
        }
        if number % (count / 10) == 0 {
            during.push(transfer(&mut world, iss, fd, &mut at));
        }
    }
    let during = median(during);
    // The true client's SYN is one of many; what brings it in is its last ACK.
    let client = count + 1;
    let iss = world.syn(client);
    world.inject(&datagram(client, Flags::ACK, 1, iss.plus(1), &[]));
    let accepted = world.stack.accept(world.now, world.listener).map(|(_, remote)| remote) == Ok(peer(client));
    let cookies = world.stack.counters();
    table.row(&format!("flood of {count} SYNs: peak memory"), 4096.0, peak as f64 / 1024.0, "KiB");
    table.note("flood: a full segment of a transfer before it", &format!("{quiet:.0} ns"));
    table.note("flood: a full segment of a transfer during it", &format!("{during:.0} ns"));
    table.row("flood: a full segment of a transfer, during to before", 1.5, during / quiet, "x");
    table.note("flood: cookies sent", &cookies.syncookies_sent.to_string());
    table.row("flood: true clients kept out", 0.0, f64::from(u8::from(!accepted)), "");
}

/// Nanoseconds of one full segment of a transfer to the stack, read at once.
fn transfer(world: &mut World, iss: SeqNum, fd: i32, at: &mut u32) -> f64 {
    let mut buffer = [0; 4096];
    let times = batches(
        world,
        BATCHES,
        |_| {
            let segments = (0..BATCH).map(|_| {
                let segment = datagram(0, Flags::ACK, *at, iss.plus(1), &[7; 1448]);
                *at = at.wrapping_add(1448);
                segment
            });
            segments.collect()
        },
        |world, segment: &Vec<u8>| {
            world.now += std::time::Duration::from_micros(10);
            world.inject(segment);
            assert_eq!(world.stack.recv(world.now, fd, &mut buffer, RecvFlags::default()), Ok(1448));
            while world.stack.transmit().is_some() {}
        },
    );
    median(times)
}

/// Octets of memory that the process has, where the system tells.
fn resident() -> Option<usize> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<usize>().ok()? * 1024)
}
