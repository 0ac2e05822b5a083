//! A listener and four remote sockets that open, close, reset and repeat themselves, with short queues, SYN cookies and
//! connections in TIME-WAIT.
//!
//! After every event, for every remote socket: its connection has gone along edges of Figure 5 (O65); it is established only
//! after an ACK of the SYN,ACK that it was sent (O60); what is for no connection is answered as 3.10.7.1 and 3.10.7.2 say (O52, O60);
//! a RST ends a half-open connection without a word, and leads back to the TIME-WAIT that its SYN had reopened (O62); a SYN,ACK is
//! repeated with the same number, at growing distances, and not for ever (O63); the accept queue holds no more than the backlog and
//! one (O72); a closed listener leaves nothing half-open (O71); TIME-WAIT lasts, is restarted by a FIN, and gives way to a SYN above
//! what it knows alone, whose answer lies above what it sent (O68, O69); CLOSE with nothing unread sends a FIN and leads to FIN-WAIT-1
//! or LAST-ACK at once (O70); initial numbers of one pair of sockets follow the clock, and
//! those of two differ (O102).
//! In one input of two the events of the first remote socket are played again alone: what it is sent is the same (O100).
//!
//! Assumes: no timestamps, no Fast Open; ISS is not judged while cookies are on.

mod peer;

use crate::dice::Dice;
use crate::finding::Finding;
use crate::program::Profile;
use crate::script::Owed;
use crate::told::{Host, Keeping};
use crate::wire;
use halfopen_engine::packet::Tcp;
use halfopen_engine::packet::tcp::flag;
use halfopen_stack::{Config, Domain, Instant, State};
use peer::{Peer, is_edge};
use std::collections::BTreeMap;
use std::net::SocketAddr;

const MOST_EVENTS: usize = 64;
const PEERS: usize = 4;
/// Retransmissions of a SYN,ACK.
const RETRIES: u32 = 3;
const LOCAL: ([u8; 4], u16) = ([192, 0, 2, 1], 80);

/// Plays an input.
///
/// # Panics
/// When an oracle is violated.
pub fn run(octets: &[u8]) {
    let finding = kept(Dice::of_octets(octets), octets.len(), &Default::default());
    assert_eq!(finding, Ok(()));
}

/// Plays choices and keeps what happens to the stack, the first time.
///
/// # Panics
/// When an oracle is violated.
pub fn kept(mut dice: Dice<'_>, events: usize, keeping: &[Keeping<'_>; 2]) -> Result<(), Finding> {
    let alone = dice.below(2) == 1;
    // The octets of the set-up are those of the first events too.
    let from = dice.clone();
    let setup = Setup::draw(&mut dice, alone);
    let events = draw(&mut dice.again(from), events.min(MOST_EVENTS));
    let whole = Play::new(&setup, &keeping[0]).play(&events, None);
    if alone {
        let again = Play::new(&setup, &Keeping::default()).play(&events, Some(0));
        assert_eq!(whole, again, "O100: without the others the first remote socket is told something else");
    }
    Ok(())
}

/// What is drawn before the first event.
struct Setup {
    profile: Profile,
    config: Config,
    backlog: i32,
    seed: u64,
    isolated: bool,
}

impl Setup {
    fn draw(dice: &mut Dice<'_>, isolated: bool) -> Self {
        let profile = if dice.below(2) == 0 { Profile::Rfc9293 } else { Profile::Linux };
        let mut config = profile.beginning();
        config.tcp_invalid_ratelimit = 0;
        config.tcp_synack_retries = RETRIES;
        config.tcp_syncookies = if isolated { 0 } else { dice.one(&[0, 1, 2]) };
        config.tcp_max_syn_backlog = if isolated { 1000 } else { dice.one(&[1000, 1, 2]) };
        let backlog = if isolated { 1000 } else { dice.one(&[8, 0, 1, 2]) };
        Self { profile, config, backlog, seed: dice.below(256).into(), isolated }
    }
}

/// Draws events: of which remote socket, what, and a choice in it.
fn draw(dice: &mut Dice<'_>, most: usize) -> Vec<(usize, Event, u32)> {
    let mut events = Vec::new();
    dice.each_event(most, |dice| {
        let at = dice.below(PEERS as u32) as usize;
        let event = match dice.below(16) {
            0..=2 => Event::Syn,
            3..=6 => Event::Ack,
            7 => Event::Rst,
            8 => Event::Text,
            9..=10 => Event::Fin,
            11 => Event::SynAck,
            12 => Event::Accept,
            13 => Event::Close,
            14 => Event::Wait,
            _ => Event::Listener,
        };
        events.push((at, event, dice.below(256)));
    });
    events
}

/// What the first remote socket was sent: when, and the octets, but for the identification of the datagram.
type Told = Vec<(u64, Vec<u8>)>;

struct Play {
    stack: Host,
    listener: i32,
    backlog: i32,
    cookies: u32,
    /// A SYN that comes again starts the timer of the SYN,ACK anew.
    syn_restarts: bool,
    /// Nothing that one remote socket does may be seen by another: long queues, everything accepted at once.
    isolated: bool,
    now: Instant,
    peers: [Peer; PEERS],
    told: Told,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Syn,
    Ack,
    Rst,
    Text,
    Fin,
    SynAck,
    Accept,
    Close,
    Wait,
    Listener,
}

impl Play {
    fn new(setup: &Setup, keeping: &Keeping<'_>) -> Self {
        let mut stack = Host::new(setup.profile, setup.config.clone(), setup.seed, keeping);
        stack.add_address(LOCAL.into());
        let mut play = Self {
            stack,
            listener: -1,
            backlog: setup.backlog,
            cookies: setup.config.tcp_syncookies,
            syn_restarts: setup.config.repeated_syn_restarts_timer,
            isolated: setup.isolated,
            now: Instant(1_000_000),
            peers: [0, 1, 2, 3].map(Peer::new),
            told: Vec::new(),
        };
        play.listen();
        play
    }

    fn listen(&mut self) {
        self.listener = self.stack.socket(self.now, Domain::Inet).expect("a socket");
        let option = halfopen_stack::SocketOption::ReuseAddr(true);
        self.stack.set_option(self.now, self.listener, option).expect("an option");
        self.stack.bind(self.listener, LOCAL.into()).expect("a free port");
        self.stack.listen(self.now, self.listener, self.backlog).expect("a free port");
    }

    /// Plays events, all of them or those of one remote socket and of time.
    fn play(mut self, events: &[(usize, Event, u32)], only: Option<usize>) -> Told {
        for &(at, event, choice) in events {
            self.now.0 += 10;
            if event != Event::Wait && only.is_some_and(|only| only != at) {
                continue;
            }
            self.event(event, at, choice);
        }
        self.told
    }

    fn event(&mut self, event: Event, at: usize, choice: u32) {
        let before = self.states();
        let was = before[at];
        self.peers[at].before = self.peers[at].next;
        let tcp = match event {
            Event::Wait => {
                self.wait(
                    [10_000, 1_000_000, 2_000_000, 8_000_000, 65_000_000, 250_000_000][choice as usize % 6],
                    before,
                );
                return;
            }
            Event::Accept => {
                self.accept(choice);
                return self.judge(event, at, before, None, Vec::new());
            }
            Event::Close => {
                let Some(fd) = self.peers[at].fd.take() else {
                    return self.judge(event, at, before, None, Vec::new());
                };
                // A descriptor may be that of an earlier connection, which died before it was closed.
                let held = self.stack.snapshot(fd).ok().flatten().map(|snapshot| snapshot.state);
                self.stack.close(self.now, fd).expect("an open descriptor");
                let sent = self.sent();
                if let Some(due) = self.peers[at].closes(held) {
                    let now = self.states()[at];
                    assert_eq!(now, Some(due), "O70: where CLOSE in {held:?} leads");
                    let fin = matches!(&sent[..], [(_, tcp)] if tcp.has(flag::FIN) && tcp.has(flag::ACK));
                    assert!(fin, "O70: CLOSE in {held:?} sends {sent:?}");
                }
                return self.judge(event, at, before, None, sent);
            }
            Event::Listener => {
                if self.isolated {
                    return;
                }
                self.stack.close(self.now, self.listener).expect("an open descriptor");
                let sent = self.sent();
                for (peer, state) in self.peers.iter().zip(self.states()) {
                    let waits = matches!(state, Some(State::SynReceived | State::Established)) && peer.fd.is_none();
                    assert!(!waits, "O71: {state:?} without a listener");
                }
                self.judge(event, at, before, None, sent);
                return self.listen();
            }
            Event::Syn => self.peers[at].syn(choice),
            Event::Ack => self.peers[at].ack(choice),
            Event::Rst => self.peers[at].rst(choice),
            Event::Text => self.peers[at].text(),
            Event::Fin => self.peers[at].fin(),
            Event::SynAck => self.peers[at].syn_ack(choice),
        };
        let datagram = wire::datagram(self.peers[at].remote, LOCAL.into(), tcp.clone());
        self.stack.receive(self.now, &datagram, self.peers[at].remote);
        let sent = self.sent();
        self.answer(event, at, was, &tcp, &sent);
        self.judge(event, at, before, Some(&tcp), sent);
    }

    fn accept(&mut self, choice: u32) {
        let most = if self.isolated { PEERS } else { 1 + choice as usize % 2 };
        for _ in 0..most {
            let Ok((fd, remote)) = self.stack.accept(self.now, self.listener) else { return };
            let peer = self.peers.iter_mut().find(|peer| peer.remote == remote).expect("one of the remote sockets");
            assert!(peer.waiting > 0, "O60: {remote} was accepted and has acknowledged no SYN,ACK");
            peer.waiting -= 1;
            if let Some(old) = peer.fd.replace(fd) {
                self.stack.close(self.now, old).expect("an open descriptor");
            }
        }
    }

    /// What goes out, by remote socket.
    fn sent(&mut self) -> Vec<(usize, Tcp)> {
        let mut sent = Vec::new();
        while let Some(mut octets) = self.stack.transmit(self.now) {
            let tcp = wire::segment(&octets);
            let port = tcp.dst_port;
            let to = self
                .peers
                .iter()
                .position(|peer| peer.remote.port() == port && octets[16..20] == Peer::host(peer.remote));
            let to = to.expect("an answer to one of the remote sockets");
            if to == 0 {
                // Identification and the checksum over it count datagrams of all connections.
                octets[4..6].fill(0);
                octets[10..12].fill(0);
                self.told.push((self.now.0, octets));
            }
            sent.push((to, tcp));
        }
        sent
    }

    fn time_wait(&self) -> u64 {
        self.stack.config().time_wait.as_micros() as u64
    }

    fn states(&self) -> [Option<State>; PEERS] {
        let by_remote: BTreeMap<SocketAddr, State> =
            self.stack.connections().map(|connection| (connection.remote, connection.state)).collect();
        self.peers.each_ref().map(|peer| by_remote.get(&peer.remote).copied().filter(|state| *state != State::Closed))
    }

    /// What a segment for no connection, or for a half-open one, draws.
    fn answer(&self, event: Event, at: usize, was: Option<State>, tcp: &Tcp, sent: &[(usize, Tcp)]) {
        assert!(sent.iter().all(|(to, _)| *to == at), "O100: a segment of {at} draws one to another: {sent:?}");
        let one_reset =
            matches!(sent, [(_, reset)] if reset.has(flag::RST) && reset.seq == tcp.ack && !reset.has(flag::ACK));
        self.owe(event, at, was, tcp);
        match (event, was) {
            (Event::Rst, None) => assert!(sent.is_empty(), "O51: a RST for no connection draws {sent:?}"),
            (Event::SynAck, None) => assert!(one_reset, "O60: a SYN,ACK for a listener draws {sent:?}"),
            (Event::Ack | Event::Text | Event::Fin, None) if self.cookies == 0 => {
                assert!(one_reset, "O60: an ACK for a listener draws {sent:?}");
            }
            (Event::Rst, Some(State::SynReceived)) if tcp.seq == self.peers[at].next => {
                assert!(sent.is_empty(), "O62: a RST in SYN-RECEIVED draws {sent:?}");
                let returns =
                    self.stack.config().time_wait_returns && self.peers[at].returns(self.now.0, self.time_wait());
                let to = returns.then_some(State::TimeWait);
                assert_eq!(self.states()[at], to, "O62: where a RST in SYN-RECEIVED leads");
            }
            (Event::Rst, _) => assert!(sent.iter().all(|(_, tcp)| !tcp.has(flag::RST)), "O51: a RST draws {sent:?}"),
            _ => {}
        }
    }

    /// Tells what that is.
    fn owe(&self, event: Event, at: usize, was: Option<State>, tcp: &Tcp) {
        let reset = Owed { at: self.now.0, flags: flag::RST as u8, seq: tcp.ack, ..Owed::default() };
        let to = self.peers[at].remote;
        match (event, was) {
            (Event::SynAck, None) => self.stack.owes(to, || vec![reset]),
            (Event::Ack | Event::Text | Event::Fin, None) if self.cookies == 0 => self.stack.owes(to, || vec![reset]),
            (Event::Rst, None) => self.stack.owes(to, Vec::new),
            (Event::Rst, Some(State::SynReceived)) if tcp.seq == self.peers[at].next => self.stack.owes(to, Vec::new),
            _ => {}
        }
    }

    fn wait(&mut self, micros: u64, mut before: [Option<State>; PEERS]) {
        let end = self.now.0 + micros;
        while let Some(at) = self.stack.poll_at().filter(|at| at.0 <= end) {
            self.now = at;
            self.stack.advance(at);
            let sent = self.sent();
            for (to, tcp) in &sent {
                if tcp.has(flag::SYN) {
                    self.peers[*to].repeated(at.0);
                }
            }
            self.judge(Event::Wait, 0, before, None, sent);
            before = self.states();
        }
        self.now = Instant(end);
        self.stack.advance(self.now);
        let sent = self.sent();
        assert!(sent.is_empty(), "O80: something is sent although no timer was due: {sent:?}");
        self.judge(Event::Wait, 0, before, None, sent);
    }

    /// What holds after every event.
    fn judge(
        &mut self,
        event: Event,
        at: usize,
        before: [Option<State>; PEERS],
        tcp: Option<&Tcp>,
        sent: Vec<(usize, Tcp)>,
    ) {
        let now = self.now.0;
        let time_wait = self.time_wait();
        let states = self.states();
        for (index, peer) in self.peers.iter_mut().enumerate() {
            let (from, to) = (before[index], states[index]);
            let touched = index == at || matches!(event, Event::Wait | Event::Accept | Event::Listener);
            assert!(touched || from == to, "O100: {event:?} of {at} moves {index} from {from:?} to {to:?}");
            assert!(is_edge(from, to), "O65: {event:?} moves {from:?} to {to:?}");
            match (from, to) {
                (Some(State::SynReceived), Some(State::TimeWait)) => peer.returned(),
                (_, Some(State::TimeWait)) if from != to => peer.time_wait = now,
                _ => {}
            }
            if from == Some(State::TimeWait) && to.is_none() && event == Event::Wait {
                let lasted = now - peer.time_wait;
                assert!(lasted >= time_wait, "O68: TIME-WAIT lasted {lasted} us");
            }
            for (_, tcp) in sent.iter().filter(|(to, _)| *to == index) {
                peer.hears(tcp, from, now, self.cookies == 0, event == Event::Wait);
                if self.syn_restarts && event == Event::Syn && tcp.has(flag::SYN) {
                    peer.restarted(now);
                }
            }
            if let (Some(tcp), true) = (tcp, index == at) {
                peer.has_sent(tcp, from, to, now, self.cookies > 0);
            }
            let established = matches!(to, Some(State::Established | State::CloseWait));
            assert!(!established || peer.shaken, "O60: {to:?} without an ACK of the SYN,ACK");
            if to.is_none() {
                peer.gone();
            }
        }
        self.differ();
        let waiting = self.stack.tcp_info(self.listener).map_or(0, |info| info.unacked);
        assert!(waiting <= self.backlog as u64 + 1, "O72: {waiting} wait in a queue for {}", self.backlog);
        if self.isolated && event != Event::Accept {
            self.accept(0);
        }
    }

    /// Initial numbers of two pairs of sockets, less what the clock has run, are not the same.
    fn differ(&self) {
        if self.cookies > 0 {
            return;
        }
        let offsets: Vec<u32> = self.peers.iter().filter_map(|peer| peer.offset).collect();
        for (index, offset) in offsets.iter().enumerate() {
            assert!(!offsets[..index].contains(offset), "O102: two remote sockets have the same offset {offset}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As an engine would, without guidance.
    #[test]
    fn drawn_inputs_agree() {
        for seed in 0..300 {
            let mut dice = Dice::of_seed(seed);
            let octets: Vec<u8> = (0..250).map(|_| dice.below(256) as u8).collect();
            println!("seed {seed}");
            run(&octets);
        }
    }
}
