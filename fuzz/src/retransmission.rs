//! Retransmission timeout and congestion window of the stack against executable RFCs (`rto`, `window`).
//!
//! A writer that always has more to write, and a peer that acknowledges any part of what is in flight, repeats itself, stays
//! silent. After every event: SRTT, RTTVAR and RTO are what RFC 6298 makes of a round trip of text that was sent once (O75, O76);
//! the timer is where section 5 puts it (O73); cwnd and ssthresh are those of RFC 5681 and 6582 (O36); what is in flight is
//! what they admit, no less than a segment below it (O33, O34); text is sent again by the timer, on the third duplicate and on
//! partial acknowledgments alone, and then one segment (O35, O84).
//!
//! Assumes: no SACK, no ECN, a peer's window that never limits, every ACK measured that can be.

mod rto;
mod window;

use crate::dice::Dice;
use crate::finding::Finding;
use crate::program::Profile;
use crate::script::Owed;
use crate::told::{Host, Keeping};
use crate::wire;
use halfopen_engine::packet::Tcp;
use halfopen_engine::packet::options::{self, RawOption, kind};
use halfopen_engine::packet::tcp::flag;
use halfopen_stack::{Config, Domain, Instant, SendFlags, Snapshot, SocketOption};
use rto::Rto;
use std::net::SocketAddr;
use window::{Phase, Window};

/// Events of one input.
const MOST_EVENTS: usize = 64;
/// Bounds of the timeout, microseconds (RFC 6298 2.4, 2.5).
const BOUNDS: [u64; 2] = [1_000_000, 120_000_000];
/// The peer's shift: its window is then eight million octets.
const SHIFT: u8 = 7;

/// Plays an input.
///
/// # Panics
/// When stack and model differ.
pub fn run(octets: &[u8]) {
    let finding = kept(Dice::of_octets(octets), octets.len(), &Default::default());
    assert_eq!(finding, Ok(()));
}

/// Plays choices and keeps what happens to the stack.
///
/// # Panics
/// When stack and model differ.
pub fn kept(mut dice: Dice<'_>, events: usize, keeping: &[Keeping<'_>; 2]) -> Result<(), Finding> {
    let mut play = Play::established(&mut dice, &keeping[0]);
    dice.each_event(events.min(MOST_EVENTS), |dice| play.event(dice));
    Ok(())
}

/// A segment in flight, by its place in the stream.
#[derive(Debug, Clone, Copy)]
struct Flying {
    start: u64,
    end: u64,
    at: u64,
    /// The timestamp that it carried last.
    tsval: u32,
    repeated: bool,
}

struct Play {
    stack: Host,
    fd: i32,
    now: Instant,
    rto: Rto,
    window: Window,
    /// When the retransmission timer goes off.
    timer: u64,
    /// It went off since something was acknowledged.
    timed_out: bool,
    flying: Vec<Flying>,
    una: u64,
    next: u64,
    /// When text was sent last, new or again.
    sent: u64,
    /// Segments that the last event sent again.
    again: usize,
    /// It sent new text too.
    fresh: bool,
    iss: u32,
    irs: u32,
    timestamps: bool,
    /// What the clock of timestamps, one of milliseconds, is ahead.
    ahead: u32,
    addresses: [SocketAddr; 2],
}

impl Play {
    fn established(dice: &mut Dice<'_>, keeping: &Keeping<'_>) -> Self {
        let mut config = Config::rfc9293();
        config.tcp_sack = false;
        config.tcp_retries2 = 255;
        let timestamps = dice.below(2) == 1;
        let mss: u16 = dice.one(&[1460, 536, 1000, 200]);
        let trip = dice.one(&[10_000, 100, 1000, 200_000, 900_000]) + u64::from(dice.below(1000));
        let addresses: [SocketAddr; 2] = [([192, 0, 2, 1], 80).into(), ([198, 51, 100, 2], 5000).into()];
        let mut stack = Host::new(Profile::Rfc9293, config, u64::from(dice.below(256)), keeping);
        stack.add_address(addresses[0]);
        let mut now = Instant(1_000_000);
        let fd = stack.socket(now, Domain::Inet).expect("a socket");
        stack.set_option(now, fd, SocketOption::SndBuf(1 << 20)).expect("an option");
        stack.bind(fd, addresses[0]).expect("a free port");
        stack.listen(now, fd, 1).expect("a free port");
        let mut options = vec![2, 4, (mss >> 8) as u8, mss as u8, 1, 3, 3, SHIFT];
        if timestamps {
            options.extend([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0]);
        }
        let irs = 0x7000_0000;
        let syn = Tcp { seq: irs, flags: flag::SYN, window: 65_535, options, ..Tcp::default() };
        stack.receive(now, &wire::datagram(addresses[1], addresses[0], syn), addresses[1]);
        let syn_ack = wire::segment(&stack.transmit(now).expect("a SYN,ACK"));
        now.0 += trip;
        stack.advance(now);
        let smss = u64::from(mss) - if timestamps { 12 } else { 0 };
        let mut play = Self {
            stack,
            fd,
            now,
            rto: Rto::new(BOUNDS).measured(trip, 1),
            window: Window::new(smss),
            timer: 0,
            timed_out: false,
            flying: Vec::new(),
            una: 0,
            next: 0,
            sent: 0,
            again: 0,
            fresh: false,
            iss: syn_ack.seq,
            irs,
            timestamps,
            ahead: tsval(&syn_ack).wrapping_sub(1000),
            addresses,
        };
        play.give(0, 65_535, tsval(&syn_ack));
        (play.fd, _) = play.stack.accept(now, fd).expect("an established connection");
        play.take();
        play.fill();
        play.timer = now.0 + play.rto.micros();
        play.judge("the first flight");
        play
    }

    /// An ACK of the peer.
    fn give(&mut self, ack: u64, window: u16, echo: u32) {
        let mut options = Vec::new();
        if self.timestamps {
            options.extend([1, 1, 8, 10]);
            options.extend(((self.now.0 / 1000) as u32).wrapping_add(1).to_be_bytes());
            options.extend(echo.to_be_bytes());
        }
        let tcp = Tcp {
            seq: self.irs.wrapping_add(1),
            ack: self.iss.wrapping_add(1).wrapping_add(ack as u32),
            flags: flag::ACK,
            window,
            options,
            ..Tcp::default()
        };
        let [local, remote] = self.addresses;
        self.stack.receive(self.now, &wire::datagram(remote, local, tcp), remote);
    }

    /// Writes more than any event can let out: what it draws is then what the window admits.
    fn fill(&mut self) {
        let enough = (self.window.cwnd + 16 * self.window.smss) as usize;
        while self.stack.outq_not_sent(self.fd).is_ok_and(|unsent| unsent < enough)
            && self.stack.send(self.now, self.fd, &[7; 16_384], SendFlags::default()).is_ok()
        {}
        self.take();
    }

    /// What the peer's segment has to draw: the first one that is in flight again, and new ones as far as they are admitted.
    fn owe(&self, again: bool) {
        self.stack.owes(self.addresses[1], || {
            let first =
                self.flying.first().filter(|_| again).map(|first| self.owed(self.now.0, first.start, first.end));
            let (smss, last) = (self.window.smss, (self.una + self.window.admits()).saturating_sub(self.window.smss));
            let fresh = (0..).map(|count| self.next + count * smss).take_while(|start| *start <= last);
            first.into_iter().chain(fresh.map(|start| self.owed(self.now.0, start, start + smss))).collect()
        });
    }

    /// And the timer the first one again, when it goes off.
    fn owe_at_timer(&self) {
        if let Some(first) = self.flying.first() {
            self.stack.owes_more(self.addresses[1], || self.owed(self.timer, first.start, first.end));
        }
    }

    fn owed(&self, at: u64, start: u64, end: u64) -> Owed {
        let seq = self.iss.wrapping_add(1).wrapping_add(start as u32);
        let (ack, text) = (self.irs.wrapping_add(1), (end - start) as u32);
        Owed { at, flags: flag::ACK as u8, seq, ack, text, sacks: None }
    }

    fn take(&mut self) {
        while let Some(octets) = self.stack.transmit(self.now) {
            let tcp = wire::segment(&octets);
            let start = u64::from(tcp.seq.wrapping_sub(self.iss.wrapping_add(1)));
            let end = start + tcp.payload.len() as u64;
            if tcp.payload.is_empty() {
                continue;
            }
            self.sent = self.now.0;
            if start >= self.next {
                assert_eq!(start, self.next, "O6: a hole in what is sent");
                let (at, tsval) = (self.now.0, tsval(&tcp));
                self.flying.push(Flying { start, end, at, tsval, repeated: false });
                (self.next, self.fresh) = (end, true);
                continue;
            }
            self.again += 1;
            for flying in self.flying.iter_mut().filter(|flying| flying.start < end && start < flying.end) {
                (flying.repeated, flying.tsval) = (true, tsval(&tcp));
            }
        }
    }

    fn event(&mut self, dice: &mut Dice<'_>) {
        self.fill();
        (self.again, self.fresh) = (0, false);
        match dice.below(12) {
            0..=4 => self.acknowledge(dice),
            5..=6 => self.duplicates(1),
            7 => self.duplicates(3 + dice.below(4)),
            8 => self.wait(dice.one(&[1000_u64, 1, 20_000, 100_000, 400_000, 1_500_000])),
            9 => self.wait(self.timer - self.now.0),
            // An old ACK, and one with another window: neither is a duplicate (RFC 5681 2).
            10 if self.una > 0 => {
                self.give(self.una - 1, 65_535, 0);
                self.owe(false);
                self.take();
                self.judge("an old ACK");
            }
            _ => {
                for window in [65_000, 65_535] {
                    self.give(self.una, window, 0);
                    self.owe(false);
                    self.take();
                    self.judge("a window update");
                }
            }
        }
    }

    /// Some of what is in flight arrives.
    fn acknowledge(&mut self, dice: &mut Dice<'_>) {
        let most = self.flying.len() as u32;
        let any = 1 + dice.ahead(most);
        let count = dice.one(&[1, 2, 3, most, any]).clamp(1, most) as usize;
        let last = self.flying[count - 1];
        // Now and then it ends inside a segment.
        let inside = dice.below(16) == 15 && last.end - last.start > 1;
        let ack = if inside { last.end - 1 } else { last.end };
        let octets = ack - self.una;
        let before = self.rto;
        // Each segment's echo measures, and every second one is acknowledged (RFC 7323 4.2, G).
        let flight = self.next - self.una;
        let samples = if self.timestamps { flight.div_ceil(2 * self.window.smss).max(1) } else { 1 };
        let whole = if inside { count - 1 } else { count };
        // What was sent once, or its echo, tells a round trip (RFC 6298 3, RFC 7323 4).
        let mut trips: Vec<u64> =
            self.flying[..whole].iter().filter(|of| !of.repeated).map(|of| self.now.0 - of.at).collect();
        let must = whole > 0 && !self.flying[..count].iter().any(|of| of.repeated);
        if self.timestamps {
            let clock = ((self.now.0 / 1000) as u32).wrapping_add(self.ahead);
            trips.push(u64::from(clock.wrapping_sub(last.tsval)) * 1000);
        }
        let (idle, quiet) = (ack == self.next, self.now.0 - self.sent);
        self.give(ack, 65_535, last.tsval);
        self.una = ack;
        self.flying.retain(|of| of.end > ack);
        if let Some(front) = self.flying.first_mut() {
            front.start = front.start.max(ack);
        }
        self.window.acknowledged(ack, octets, self.next);
        self.timed_out = false;
        match self.window.phase {
            Phase::Open => self.owe(false),
            Phase::Recovery(_) if !inside => self.owe(true),
            Phase::Recovery(_) | Phase::Loss(_) => {}
        }
        self.take();
        let snapshot = self.snapshot();
        let measured = trips.into_iter().map(|trip| before.measured(trip, samples)).find(|rto| agrees(rto, &snapshot));
        self.rto = match measured {
            Some(rto) => rto,
            None => {
                assert!(!must, "O75: of no round trip among those of the segments: {:?}", snapshot.congestion);
                before
            }
        };
        if idle && quiet > self.rto.micros() {
            self.window.restart();
        }
        let kept = snapshot.timers.iter().any(|(name, at)| *name == "retransmission" && at.0 == self.timer);
        // A partial acknowledgment may leave the timer as it is (RFC 6582 3.2 step 3: from the second one on).
        if !(kept && matches!(self.window.phase, Phase::Recovery(_))) {
            self.timer = self.now.0 + self.rto.micros();
        }
        // A partial acknowledgment has the next hole filled, unless it leaves a rest of what was sent again; a full one nothing.
        let right = match self.window.phase {
            Phase::Open => self.again == 0,
            Phase::Recovery(_) => self.again == 1 || inside && self.again == 0,
            Phase::Loss(_) => true,
        };
        assert!(right, "O35: {} segments sent again, {:?}", self.again, self.window);
        self.judge("an ACK");
    }

    fn duplicates(&mut self, count: u32) {
        for _ in 0..count {
            (self.again, self.fresh) = (0, false);
            let again = self.window.duplicate(self.una, self.next);
            self.give(self.una, 65_535, 0);
            if !matches!(self.window.phase, Phase::Loss(_)) {
                self.owe(again);
            }
            self.take();
            assert_eq!(self.again, usize::from(again), "O35: sent again on duplicate {}", self.window.duplicates);
            self.judge("a duplicate");
        }
    }

    /// Time passes, and timers go off at theirs.
    fn wait(&mut self, micros: u64) {
        let end = self.now.0 + micros;
        while self.timer <= end {
            self.now = Instant(self.timer - 1);
            self.stack.advance(self.now);
            self.owe_at_timer();
            self.take();
            assert_eq!(self.again, 0, "O84: sent again before the timer, which is due at {}", self.timer);
            self.now = Instant(self.timer);
            self.window.timeout(self.una, self.next, self.timed_out);
            (self.timed_out, self.timer) = (true, 0);
            self.rto.back_off();
            self.timer = self.now.0 + self.rto.micros();
            self.stack.advance(self.now);
            self.owe(true);
            self.take();
            assert_eq!(self.again, 1, "O84: segments sent again by the timer");
            self.again = 0;
            self.judge("a timeout");
        }
        self.now = Instant(end);
        self.stack.advance(self.now);
        self.take();
        self.judge("a wait");
    }

    fn snapshot(&self) -> Snapshot {
        self.stack.snapshot(self.fd).expect("a descriptor").expect("a connection")
    }

    fn judge(&mut self, after: &str) {
        let snapshot = self.snapshot();
        let got = &snapshot.congestion;
        self.owe_at_timer();
        assert!(agrees(&self.rto, &snapshot), "O75: after {after}: {got:?}, the model has {:?}", self.rto);
        // The model goes on from the stack's microsecond.
        let timer = snapshot.timers.iter().find(|(name, _)| *name == "retransmission").map(|(_, at)| at.0);
        let near = timer.is_some_and(|timer| timer.abs_diff(self.timer) <= self.rto.off());
        assert!(near, "O73: after {after}: the timer is at {timer:?}, the model's at {}", self.timer);
        self.timer = timer.unwrap_or(self.timer);
        self.stack.owes_less();
        let (cwnd, ssthresh) =
            (u64::from(got.cwnd), if got.ssthresh == u32::MAX { u64::MAX } else { got.ssthresh.into() });
        let Window { cwnd: model, ssthresh: threshold, .. } = self.window;
        assert!((cwnd, ssthresh) == (model, threshold), "O36: after {after}: {got:?}, the model has {:?}", self.window);
        let flight = self.next - self.una;
        match self.window.phase {
            Phase::Open | Phase::Recovery(_) => {
                let admits = self.window.admits();
                // What was in flight when the window came down stays.
                assert!(!self.fresh || flight <= admits, "O34: after {after}: {flight} in flight, {:?}", self.window);
                assert!(
                    flight + self.window.smss > admits,
                    "O34: after {after}: {flight} in flight, {:?}",
                    self.window
                );
            }
            Phase::Loss(_) => {
                let pipe = u64::from(got.pipe);
                // While the timeout was in doubt two segments of new text went out; the first one goes again behind them
                // (RFC 5682 2.1 steps 2b and 3a: three segments).
                let least = if after == "a timeout" { 1 } else { 3 };
                assert!(
                    pipe <= cwnd.max(least * self.window.smss),
                    "O33: after {after}: {pipe} in the network, {:?}",
                    self.window
                );
            }
        }
    }
}

fn agrees(rto: &Rto, snapshot: &Snapshot) -> bool {
    let nanos = |duration: std::time::Duration| duration.as_nanos() as u64;
    let got = &snapshot.congestion;
    rto.is(got.srtt.map(nanos), nanos(got.rttvar), got.rto.as_micros() as u64)
}

/// TSval, 0 without one.
fn tsval(tcp: &Tcp) -> u32 {
    options::iter(&tcp.options)
        .find_map(|option| match option {
            RawOption::Known { kind: kind::TIMESTAMPS, data: [a, b, c, d, ..] } => {
                Some(u32::from_be_bytes([*a, *b, *c, *d]))
            }
            RawOption::Known { .. } | RawOption::Eol | RawOption::Nop | RawOption::Malformed(_) => None,
        })
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As an engine would, without guidance.
    #[test]
    fn drawn_inputs_agree() {
        for seed in 0..300 {
            let mut dice = Dice::of_seed(seed);
            let octets: Vec<u8> = (0..220).map(|_| dice.below(256) as u8).collect();
            println!("seed {seed}");
            run(&octets);
        }
    }
}
