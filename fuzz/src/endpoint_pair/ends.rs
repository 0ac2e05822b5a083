//! What a well network must lead to: everything arrives, both fall silent, both close, nothing is left.

use super::{LONGEST_END, MOST_EVENTS, PATIENCE, SILENCE, World};
use crate::finding::{Finding, hold};
use halfopen_stack::{Domain, Instant, State, Summary, Vitals};

impl World<'_> {
    /// Steps until `done`, within `patience` of `since`, or until ACKs draw ACKs and nothing else happens.
    fn until(
        &mut self,
        since: Instant,
        patience: std::time::Duration,
        what: &str,
        done: impl Fn(&Self) -> bool,
    ) -> Result<(), Finding> {
        for side in 0..2 {
            self.act_promptly(side)?;
        }
        for _ in 0..MOST_EVENTS {
            if done(self) {
                return Ok(());
            }
            let going = self.step(true)?;
            if !going || self.now.since(since) > patience {
                break;
            }
        }
        if done(self) {
            return Ok(());
        }
        if self.is_at_war() {
            self.at_war = true;
            return Ok(());
        }
        self.blame();
        let sides: Vec<String> =
            self.stacks.iter().flat_map(|stack| stack.snapshots()).map(|of| format!("\n{of}")).collect();
        let seconds = self.now.since(since).as_secs_f64();
        let far = self.sides.each_ref().map(|side| (side.written, side.read, side.shut, side.ended));
        let text = format!("{what} after {seconds} s; (written, read, shut, ended) {far:?}{}", sides.concat());
        Err(Finding::liveness("O79", text))
    }

    /// Says whose silence is wrong, and what it ought to send again, if that is it.
    fn blame(&self) {
        let side = self.whose_silence();
        let stack = &self.stacks[side];
        stack.is_to_blame();
        let Some(of) = stack.connections().find(|of| of.state != State::Closed) else { return };
        let Some(vitals) = stack.vitals(of.local, of.remote) else { return };
        if vitals.una == vitals.nxt {
            let (unsent, room) = (of.unacknowledged as u32, vitals.wnd.min(vitals.smss));
            if unsent > 0 && room > 0 {
                stack.owes_text(of.remote, vitals.nxt.0, unsent.min(room), unsent <= room);
            }
            return;
        }
        let rto = stack.snapshots().next().map_or(1_000_000, |snapshot| snapshot.congestion.rto.as_micros() as u64);
        stack.owes_again(of.remote, vitals.una.0, vitals.rcv_nxt.0, rto);
    }

    /// Who has to go on: the one whose text has not arrived, unless it waits for a window that the other keeps closed; whose end has not been seen; else who
    /// was there last.
    fn whose_silence(&self) -> usize {
        let missing = |side: usize| self.sides[1 - side].read < self.run.sides[side].octets;
        let vitals = |side: usize| {
            let of = self.stacks[side].connections().find(|of| of.state != State::Closed)?;
            self.stacks[side].vitals(of.local, of.remote)
        };
        let Some(side) =
            (0..2).find(|side| missing(*side)).or_else(|| (0..2).find(|side| !self.sides[1 - *side].ended))
        else {
            return (0..2).find(|side| vitals(*side).is_some()).unwrap_or(0);
        };
        let waits = vitals(side).is_some_and(|of| of.una == of.nxt && of.wnd == 0);
        if waits { 1 - side } else { side }
    }

    /// Whether somebody has been told that the connection is dead, or has left it.
    fn is_dead(&self) -> bool {
        self.sides.iter().any(|side| side.error.is_some() || side.left)
    }

    /// One side has given up where it may, and the other, which has nothing to say, will not hear of it (RFC 9293 3.5.1).
    fn is_half_open(&self) -> bool {
        let gone = self.stacks.iter().any(|stack| stack.connections().next().is_none());
        let says = |of: &Summary| of.unacknowledged > 0 || of.state == State::SynSent;
        let silent = || !self.stacks.iter().flat_map(|stack| stack.connections()).any(|connection| says(&connection));
        self.run.lethal && gone && self.network.next().is_none() && silent()
    }

    /// Each one's ACK stands outside of the window that it meets, so that RFC 9293 3.10.7.4 has it answered with an ACK, for good, and what it
    /// acknowledges dropped: both have filled the other's window and the ACKs were lost (Linux takes an ACK at the edge), or an old SYN has made a
    /// half-open connection beside a TIME-WAIT. On a fast network there is no end of such ACKs before a timer ends it.
    fn is_at_war(&self) -> bool {
        let vitals = [0, 1].map(|side: usize| {
            let of = self.stacks[side].connections().find(|of| of.state != State::Closed)?;
            self.stacks[side].vitals(of.local, of.remote)
        });
        let [Some(a), Some(b)] = vitals else { return false };
        let outside = |from: &Vitals, to: &Vitals| from.nxt.0.wrapping_sub(to.rcv_nxt.0) >= to.rcv_wnd.max(1);
        outside(&a, &b) && outside(&b, &a)
    }

    /// Everything that is to be written is read. `false`: the connection has died, or nothing moves any more.
    pub(super) fn arrives(&mut self, well: Instant) -> Result<bool, Finding> {
        self.until(well, PATIENCE, "not everything has arrived", |world| {
            let all = |side: usize| world.sides[1 - side].read == world.run.sides[side].octets;
            world.is_dead()
                || world.is_half_open()
                || all(0) && all(1) && world.sides.iter().all(|side| side.fd.is_some())
        })?;
        Ok(!self.is_dead() && !self.is_half_open() && !self.at_war)
    }

    /// The next event of the network or of a timer.
    fn next_event(&self) -> Option<Instant> {
        self.stacks.iter().filter_map(|stack| stack.poll_at()).chain(self.network.next()).min()
    }

    /// Without a word of the applications both stacks become quiet.
    pub(super) fn falls_silent(&mut self) -> Result<(), Finding> {
        let since = self.now;
        let quiet = |world: &Self| world.next_event().is_none_or(|at| at.since(world.now) > SILENCE) || world.is_dead();
        self.until(since, PATIENCE, "the two do not fall silent", quiet)
            .map_err(|finding| Finding::liveness("O83", finding.text))?;
        if self.at_war {
            return Ok(());
        }
        for (side, stack) in self.stacks.iter().enumerate() {
            // What may run without anything outstanding: keep-alive, and the search for the path MTU.
            let may = self.run.sides[side].has(2) || !self.run.mtus.is_empty() || self.is_dead();
            let named: Vec<_> = stack.snapshots().flat_map(|of| of.timers).collect();
            if !may && !named.is_empty() {
                stack.is_to_blame();
            }
            hold!("O74", may || named.is_empty(), "timers although nothing is outstanding: {named:?}");
        }
        Ok(())
    }

    /// Both have said all, read all, and close.
    pub(super) fn ends(&mut self, closing: Instant) -> Result<(), Finding> {
        for side in 0..2 {
            if let Some(fd) = self.sides[side].fd {
                self.shut(side, fd);
                self.collect(side)?;
            }
        }
        self.until(closing, PATIENCE, "the end is not seen", |world| {
            world.is_dead() || world.sides.iter().all(|side| side.ended)
        })
    }

    /// After `close` and the longest timers nothing is left.
    pub(super) fn vanishes(&mut self) -> Result<(), Finding> {
        for side in 0..2 {
            self.close(side);
            self.collect(side)?;
        }
        let closed = self.now;
        let nothing = |world: &Self| world.next_event().is_none();
        self.until(closed, LONGEST_END, "a closed connection is still there", nothing)?;
        if self.at_war {
            return Ok(());
        }
        let domain = if self.run.v6 { Domain::Inet6 } else { Domain::Inet };
        for (name, stack) in ["A", "B"].iter().zip(&mut self.stacks) {
            let left: Vec<_> = stack.connections().map(|of| of.state).collect();
            if !left.is_empty() {
                stack.is_to_blame();
            }
            hold!("O97", left.is_empty(), "side {name} still has {left:?}");
            // Descriptors are the lowest that are free, from 3 on.
            let fd = stack.lowest(domain);
            hold!("O97", fd == 3, "side {name} gives descriptor {fd} although none is open");
        }
        Ok(())
    }
}
