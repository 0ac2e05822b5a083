//! What a run starts from, drawn in swarm fashion: each fault is on or off for the whole run, and has a rate of its own, so
//! that runs differ in kind and not only in luck.

use crate::dice::Dice;
use crate::program::Profile;
use halfopen_stack::Config;
use halfopen_stack::config::{CongestionControl, HalfOpenError};
use std::fmt;
use std::time::Duration;

/// What the network does, each as how many times in a thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Faults {
    /// Datagrams that vanish.
    pub lost: u32,
    /// Datagrams that come twice.
    pub repeated: u32,
    /// Datagrams that wait up to five seconds while others pass them.
    pub held: u32,
    /// Datagrams with one bit changed, cut short, or followed by other octets.
    pub damaged: u32,
    /// Datagrams that are marked as having met congestion (RFC 3168).
    pub marked: u32,
    /// Datagrams about which a router sends an ICMP error although it forwards them.
    pub icmp: u32,
    /// Datagrams that come in two fragments, whatever their header says of that.
    pub cut: u32,
}

/// A time in which nothing passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// From, microseconds.
    pub from: u64,
    /// Until, microseconds.
    pub until: u64,
    /// Whose datagrams: bit 0 those of side A, bit 1 those of side B.
    pub sides: u8,
}

/// One end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// Where its stack's configuration begins.
    pub profile: Profile,
    /// Mechanisms that are switched the other way round, by bit (`config`).
    pub switched: u16,
    /// Others that are on or of another kind, by bit (`others`).
    pub others: u16,
    /// `net.ipv4.tcp_ecn`, where the switch of ECN is on.
    pub ecn: u8,
    /// Seed of the stack.
    pub seed: u64,
    /// Octets that the application writes.
    pub octets: u32,
    /// Octets of one write, at most.
    pub write: u32,
    /// Octets of one read, at most.
    pub read: u32,
    /// Microseconds between two actions of the application, at most, while there are faults.
    pub think: u32,
    /// `SO_RCVBUF`; 0 leaves the default.
    pub receive_buffer: u32,
    /// `SO_SNDBUF`; 0 leaves the default.
    pub send_buffer: u32,
    /// `TCP_NODELAY`, `TCP_CORK` in turns, `SO_KEEPALIVE`, urgent data, `TCP_QUICKACK`: bits 0 to 4.
    pub habits: u8,
}

/// A fault that no stack is to blame for, put in on purpose: each must be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canary {
    /// The network changes text and mends the checksum.
    Oracle,
    /// The network that is well again carries no text.
    Liveness,
    /// The run panics.
    Crash,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameters {
    /// IPv6.
    pub v6: bool,
    /// Both connect, to each other.
    pub simultaneous: bool,
    /// The connection may die: hard ICMP errors, aborts, short patience. Then only silence and memory are judged at the end.
    pub lethal: bool,
    /// Microseconds that a datagram takes, at the least.
    pub delay: u32,
    /// Microseconds that it may take in addition: more than the gap to the next one reorders.
    pub jitter: u32,
    /// What goes wrong.
    pub faults: Faults,
    /// Times in which nothing passes.
    pub partitions: Vec<Partition>,
    /// The path MTU from a time on (microseconds). What does not fit is dropped, and its sender is told.
    pub mtus: Vec<(u64, usize)>,
    /// When the network gets well, microseconds.
    pub well_at: u64,
    /// Events after which it gets well at the latest.
    pub well_after: u32,
    /// The ends.
    pub sides: [Side; 2],
    /// Never drawn.
    pub canary: Option<Canary>,
}

/// Segments are signed (RFC 2385): both sides have the key, or none.
const KEY: u16 = 1 << 8;
/// Text goes out with the SYN, without a cookie (RFC 7413): as side A has it.
const FAST_OPEN: u16 = 1 << 9;
/// ECN as side A has it.
const SAME_ECN: u16 = 1 << 10;
/// What both sides have, or none.
const COMMON: u16 = KEY | FAST_OPEN | SAME_ECN;

/// Writes that a stream takes, and reads, at the least.
const MOST_CALLS: u32 = 100;
const SECOND: u32 = 1_000_000;

impl Parameters {
    /// Draws a run.
    pub fn draw(dice: &mut Dice<'_>) -> Self {
        let v6 = dice.below(3) == 2;
        let faults_on = dice.below(256);
        let well_at = dice.one(&[30_u64, 5, 1, 0, 120]) * u64::from(SECOND);
        let partitions = if faults_on & 64 == 0 { Vec::new() } else { partitions(dice) };
        let well_at = partitions.iter().map(|partition| partition.until).max().unwrap_or(0).max(well_at);
        let mut sides = [0, 1].map(|_| Side::draw(dice));
        let mut common = sides[0].others & COMMON;
        if sides.iter().any(|side| !side.config().challenge_acks) {
            // Who resets for a SYN that reaches into the window does so for an old one with text.
            common &= !FAST_OPEN;
        }
        sides[0].others = sides[0].others & !COMMON | common;
        sides[1].others = sides[1].others & !COMMON | common;
        if common & SAME_ECN != 0 {
            sides[1].ecn = sides[0].ecn;
        }
        // What is written or read octet by octet is less, so that no run takes a thousand times as long as another.
        let reads = sides.map(|side| side.read);
        for (side, read) in sides.iter_mut().zip([reads[1], reads[0]]) {
            side.octets = side.octets.min(MOST_CALLS * side.write).min(MOST_CALLS * read);
        }
        let mut faults_later = Dice::of_seed(sides[0].seed ^ 1);
        let cut = if faults_later.below(4) == 3 { faults_later.one(&[50, 300]) } else { 0 };
        Self {
            v6,
            simultaneous: dice.below(8) == 7,
            lethal: dice.below(8) == 7,
            delay: dice.one(&[1000, 10, 20_000, 150_000]),
            jitter: dice.one(&[0, 100, 5000, 50_000, 400_000]),
            faults: Faults { cut, ..Faults::draw(dice, faults_on) },
            partitions,
            mtus: if faults_on & 128 == 0 { Vec::new() } else { mtus(dice, v6) },
            well_at,
            well_after: dice.one(&[100, 30, 60, 200, 400]),
            sides,
            canary: None,
        }
    }

    /// The configuration of one side.
    #[must_use]
    pub fn config(&self, side: usize) -> Config {
        let mut config = self.sides[side].config();
        if self.lethal {
            (config.tcp_retries2, config.tcp_syn_retries, config.tcp_synack_retries) = (4, 3, 3);
        } else {
            // No bound that a drawn network can reach: what does not arrive is then the stack's fault.
            (config.tcp_retries2, config.tcp_syn_retries, config.tcp_synack_retries) = (200, 127, 127);
            config.tcp_orphan_retries = 200;
            // A soft error ends no attempt (RFC 9293 3.9.2.2), which Linux sees otherwise.
            (config.icmp_soft_ends_connect, config.icmp_half_open) = (false, HalfOpenError::AsOpening);
        }
        if self.simultaneous {
            // What two have agreed on that have asked each other for different kinds of feedback, nobody says.
            config.tcp_ecn = self.sides[0].config().tcp_ecn;
        }
        config
    }

    /// Octets of the largest datagram that passes at this time.
    #[must_use]
    pub fn mtu(&self, now: u64) -> usize {
        self.mtus.iter().rev().find(|(from, _)| *from <= now).map_or(1500, |(_, octets)| *octets)
    }

    /// Whether a datagram of this side is cut off.
    #[must_use]
    pub fn is_cut(&self, side: usize, now: u64) -> bool {
        self.partitions
            .iter()
            .any(|partition| (partition.from..partition.until).contains(&now) && partition.sides >> side & 1 == 1)
    }
}

fn partitions(dice: &mut Dice<'_>) -> Vec<Partition> {
    (0..=dice.below(3))
        .map(|_| {
            let from = u64::from(dice.below(20 * SECOND));
            let length = u64::from(dice.one(&[SECOND / 5, SECOND, 5 * SECOND, 60 * SECOND]));
            Partition { from, until: from + length, sides: dice.one(&[3, 1, 2]) }
        })
        .collect()
}

fn mtus(dice: &mut Dice<'_>, v6: bool) -> Vec<(u64, usize)> {
    let sizes: &[usize] = if v6 { &[1400, 1280, 1500] } else { &[1400, 576, 1280, 1006, 1500] };
    let mut at = 0;
    (0..=dice.below(3))
        .map(|_| {
            at += u64::from(dice.below(3 * SECOND));
            (at, dice.one(sizes))
        })
        .collect()
}

impl Faults {
    fn draw(dice: &mut Dice<'_>, on: u32) -> Self {
        let mut rate = |bit: u32, rates: &[u32]| if on >> bit & 1 == 1 { dice.one(rates) } else { 0 };
        Self {
            lost: rate(0, &[50, 10, 200, 500]),
            repeated: rate(1, &[50, 10, 300]),
            held: rate(2, &[50, 10, 200]),
            damaged: rate(3, &[50, 10, 300]),
            marked: rate(4, &[100, 1000]),
            icmp: rate(5, &[20, 200]),
            cut: 0,
        }
    }
}

impl Side {
    fn draw(dice: &mut Dice<'_>) -> Self {
        let mut side = Self {
            profile: dice.one(&[Profile::Rfc9293, Profile::Linux, Profile::Rfc793]),
            others: 0,
            ecn: 1,
            switched: (dice.below(256) & dice.below(256)) as u16 | ((dice.below(256) & dice.below(256)) as u16) << 8,
            seed: u64::from(dice.below(u32::MAX)),
            octets: dice.one(&[3000, 0, 1, 500, 10_000, 30_000]),
            write: dice.one(&[3000, 1, 100, 536, 1460, 16_384]).max(1),
            read: dice.one(&[16_384, 1, 100, 1000, 4096]),
            think: dice.one(&[1000, 0, 20_000, 300_000, 3 * SECOND]),
            receive_buffer: dice.one(&[0, 1152, 4096, 20_000]),
            send_buffer: dice.one(&[0, 2304, 20_000]),
            habits: (dice.below(256) & dice.below(256)) as u8,
        };
        // What was added later depends on the seed of the stack, so that inputs of before keep their meaning.
        let mut of_seed = Dice::of_seed(side.seed);
        if of_seed.below(2) == 1 {
            side.others = (of_seed.below(2048) & of_seed.below(2048)) as u16;
            side.ecn = of_seed.one(&[1, 3, 3, 4, 5]);
        }
        side
    }

    fn config(&self) -> Config {
        let mut config = self.profile.beginning();
        let switched = |bit: u32| self.switched >> bit & 1 == 1;
        config.tcp_sack ^= switched(0);
        config.tcp_timestamps ^= u32::from(switched(1));
        config.tcp_window_scaling ^= switched(2);
        config.tcp_recovery ^= u32::from(switched(3));
        config.proportional_rate_reduction ^= switched(4);
        config.tcp_frto ^= 2 * u32::from(switched(5));
        config.tcp_early_retrans ^= 3 * u32::from(switched(6));
        config.undo_reductions ^= switched(7);
        config.tcp_dsack ^= switched(8);
        config.learn_reordering ^= switched(9);
        config.tcp_limited_transmit ^= switched(10);
        config.window_in_segments ^= switched(11);
        config.tcp_mtu_probing ^= u32::from(switched(12));
        if switched(13) || self.others & SAME_ECN != 0 {
            config.tcp_ecn = self.ecn.into();
        }
        // Linux's check of numbers takes a SYN,ACK that comes again, and without challenge ACKs a RST would answer it: nobody does both.
        config.challenge_acks ^= switched(14) && self.profile != Profile::Linux;
        config.keep_syn_text ^= switched(15);
        self.others(&mut config);
        // Of a time in which old datagrams are still under way.
        config.time_wait = config.time_wait.max(Duration::from_secs(30));
        config
    }

    fn others(&self, config: &mut Config) {
        let other = |bit: u32| self.others >> bit & 1 == 1;
        if other(0) {
            config.tcp_congestion_control = match config.tcp_congestion_control {
                CongestionControl::Reno => CongestionControl::Cubic,
                CongestionControl::Cubic => CongestionControl::Reno,
            };
        }
        config.user_timeout_option |= other(1);
        config.tcp_ecn_option = if other(2) { 3 - config.tcp_ecn_option.min(3) } else { config.tcp_ecn_option };
        config.tcp_ecn_fallback ^= other(3);
        config.hystart ^= other(4);
        config.tcp_slow_start_after_idle ^= other(5);
        config.tcp_moderate_rcvbuf ^= other(6);
        config.tcp_thin_linear_timeouts ^= other(7);
        if self.opens_fast() {
            // Client and server, neither asks for a cookie, every listener.
            config.tcp_fastopen = 1 | 2 | 4 | 0x200 | 0x400;
        }
    }

    /// Whether it sends text with its SYN, and takes such text.
    #[must_use]
    pub const fn opens_fast(&self) -> bool {
        self.others & FAST_OPEN != 0
    }

    /// Whether it signs what it sends.
    #[must_use]
    pub const fn signs(&self) -> bool {
        self.others & KEY != 0
    }

    /// Whether it has a habit, by bit.
    #[must_use]
    pub const fn has(&self, bit: u32) -> bool {
        self.habits >> bit & 1 == 1
    }
}

impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |micros: u64| micros as f64 / 1e6;
        write!(f, "IPv{}", if self.v6 { 6 } else { 4 })?;
        f.write_str(if self.simultaneous { ", simultaneous open" } else { ", B listens" })?;
        writeln!(f, "{}", if self.lethal { ", may die" } else { "" })?;
        writeln!(f, "delay {} us, jitter {} us", self.delay, self.jitter)?;
        let Faults { lost, repeated, held, damaged, marked, icmp, cut } = self.faults;
        write!(f, "per mille: lost {lost}, repeated {repeated}, held {held}, damaged {damaged}, ")?;
        writeln!(f, "marked {marked}, ICMP {icmp}, in fragments {cut}")?;
        for partition in &self.partitions {
            let whose = ["", " of A", " of B", ""][usize::from(partition.sides & 3)];
            writeln!(f, "cut{whose} from {} s to {} s", seconds(partition.from), seconds(partition.until))?;
        }
        for (at, octets) in &self.mtus {
            writeln!(f, "MTU {octets} from {} s", seconds(*at))?;
        }
        if let Some(canary) = self.canary {
            writeln!(f, "broken on purpose: {canary:?}")?;
        }
        writeln!(f, "well at {} s, or after {} events", seconds(self.well_at), self.well_after)?;
        for (name, side) in ["A", "B"].iter().zip(&self.sides) {
            write!(f, "{name}: {:?}, switched {:#06x}, ", side.profile, side.switched)?;
            write!(f, "others {:#06x}, ECN {}, seed {}, ", side.others, side.ecn, side.seed)?;
            write!(f, "{} octets by {}, read by {}, ", side.octets, side.write, side.read)?;
            write!(f, "thinks {} us, SO_RCVBUF {}, ", side.think, side.receive_buffer)?;
            writeln!(f, "SO_SNDBUF {}, habits {:#04x}", side.send_buffer, side.habits)?;
        }
        Ok(())
    }
}
