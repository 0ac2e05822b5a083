//! A program on a host, with a peer of its own.

use super::trace::{Fnv, Item, Segment, Step, Trace, hash};
use super::{Host, Waited, timed};
use crate::datagram::{self, ACK, Content, RST, SYN, Seg};
use crate::machine::{LISTENING, Made, Nobody, Peer, Watch};
use crate::pattern;
use crate::program::{Damage, Event, Half, Name, Program, Setup, Way};
use std::hash::{Hash as _, Hasher as _};

/// Microseconds that each event takes, and each datagram on its way to the host, on the clock of the peer and of a host that has none.
const TICK: u64 = 10;
/// Linux's numbers of these states.
const TIME_WAIT: u8 = 6;
const CLOSED: u8 = 7;
pub(super) const BEGINNING: u64 = 1_000_000;
/// Octets of the largest receive buffer: what lies further beyond the window no host can take.
const BUFFER: u32 = 1 << 18;
/// Datagrams at one event; more are a storm, which is a finding of its own.
const MOST_DATAGRAMS: usize = 256;

#[derive(Debug, Clone, Copy)]
struct Socket {
    fd: i32,
    written: u32,
}

/// The host's side of a connection as the trace needs it, whatever the peer has heard.
#[derive(Debug, Clone, Default)]
struct Line {
    /// The host's ports, the first first, each with the initial sequence number of the last connection from there.
    ports: Vec<(u16, Option<u32>)>,
    /// The end of what was sent, from the last of these ports.
    sent: u32,
    /// The right edge that was offered last, whether the peer has heard of it or not, and the scale of windows.
    edge: Option<u32>,
    shift: u8,
    /// TSval of its last SYN.
    stamp: Option<u32>,
}

impl Line {
    /// Whether the host has sent a SYN.
    fn is_used(&self) -> bool {
        self.ports.iter().any(|(_, iss)| iss.is_some())
    }
}

struct Player<'a, H, W> {
    host: &'a mut H,
    watch: &'a mut W,
    setup: &'a Setup,
    peers: [Peer; 4],
    lines: [Line; 4],
    sockets: [Option<Socket>; 4],
    listener: Option<i32>,
    /// The host's descriptors, the first of which is 3 to who watches.
    fds: Vec<i32>,
    loses: [u8; 2],
    now: u64,
    items: Vec<Item>,
    /// Of a wait: when each item was seen, and how long it was.
    times: Vec<u64>,
    waited: u64,
    /// When the last datagram left.
    left: u64,
    /// Behind the last event: what happens now is nobody's business.
    ended: bool,
    /// What reached the host at this event, as a hash, and the last acknowledgment number.
    arrived: Fnv,
    asked: Option<u32>,
    /// A segment reaches beyond the window; or echoes a later TSval than that of the SYN.
    beyond: bool,
    later_echo: bool,
    out: Vec<u8>,
}

/// Runs a program. Behind its last event the peer resets what it knows, so that nothing is left on the host.
pub fn play(program: &Program, host: &mut impl Host) -> Trace {
    play_watched(program, host, &mut Nobody)
}

/// As [`play`], telling somebody what happens. Descriptors are numbered from 3 on, whatever the host calls them.
pub fn play_watched(program: &Program, host: &mut impl Host, watch: &mut impl Watch) -> Trace {
    let setup = &program.setup;
    host.begin(setup);
    let mut peers: [Peer; 4] = Default::default();
    for (index, peer) in peers.iter_mut().enumerate() {
        peer.reset_to(index, setup);
    }
    let mut player = Player {
        host,
        watch,
        fds: Vec::new(),
        setup,
        peers,
        lines: Default::default(),
        sockets: [None; 4],
        listener: None,
        loses: [0; 2],
        now: BEGINNING,
        items: Vec::new(),
        times: Vec::new(),
        waited: 0,
        left: BEGINNING,
        ended: false,
        arrived: Fnv::default(),
        asked: None,
        beyond: false,
        later_echo: false,
        out: Vec::new(),
    };
    player.host.at(BEGINNING);
    for at in 0..2 {
        player.lines[at].ports.push((LISTENING, None));
    }
    player.listen(setup.backlog.min(8).into());
    let mut steps = vec![Step {
        kind: "begin",
        state: "none",
        after: "none",
        arrived: 0,
        items: std::mem::take(&mut player.items),
        ..Step::default()
    }];
    for event in &program.events {
        steps.push(player.step(event));
    }
    player.end();
    Trace { steps }
}

impl<H: Host, W: Watch> Player<'_, H, W> {
    fn step(&mut self, event: &Event) -> Step {
        let at = event.at().map(crate::program::At::index);
        let state = self.shown(at);
        let (begun, ahead) = (self.now - BEGINNING, self.host.ahead());
        self.watch.event(event);
        self.event(event);
        if let Some(socket) = at.and_then(|at| self.sockets[at]) {
            // The socket of a connection in TIME-WAIT says CLOSED in Linux, which keeps the rest of it elsewhere.
            let state = match self.host.state(socket.fd) {
                TIME_WAIT => CLOSED,
                other => other,
            };
            self.items.push(Item::State(state));
        }
        self.now += TICK;
        self.host.at(self.now);
        self.transmit();
        Step {
            kind: event.kind(),
            state,
            after: self.shown(at),
            arrived: std::mem::take(&mut self.arrived).finish(),
            items: std::mem::take(&mut self.items),
            beyond: std::mem::take(&mut self.beyond),
            later_echo: std::mem::take(&mut self.later_echo),
            times: std::mem::take(&mut self.times),
            begun,
            ahead,
            waited: std::mem::take(&mut self.waited),
        }
    }

    fn shown(&self, at: Option<usize>) -> &'static str {
        let Some(at) = at else { return "any" };
        let Some((port, _)) = self.lines[at].ports.last() else { return "none" };
        self.host.shown(self.setup.v6, *port, self.peers[at].port)
    }

    #[expect(clippy::too_many_lines, reason = "an arm for each event")]
    fn event(&mut self, event: &Event) {
        let (now, setup) = (self.now, self.setup);
        match *event {
            Event::Segment { at, segment } => {
                let (octets, _) = self.peers[at.index()].draft(&segment, now, setup);
                self.travels(at.index(), octets);
            }
            Event::Text { at, length } => {
                let octets = self.peers[at.index()].text(length.into(), now, setup);
                self.travels(at.index(), octets);
            }
            Event::Acknowledge { at, window } => {
                let octets = self.peers[at.index()].acknowledgment(window, now, setup);
                self.travels(at.index(), octets);
            }
            Event::Syn { at, ack } => {
                let octets = self.peers[at.index()].syn(ack, now, setup);
                self.travels(at.index(), octets);
            }
            Event::Fin { at } => {
                let octets = self.peers[at.index()].finish(now, setup);
                self.travels(at.index(), octets);
            }
            Event::Reset { at } => {
                let octets = self.peers[at.index()].abort(now, setup);
                self.travels(at.index(), octets);
            }
            Event::Open { at } => self.open(at.index(), at.is_active()),
            Event::Again { at, back } => {
                let sent = &self.peers[at.index()].sent;
                if let Some(octets) = sent.len().checked_sub(1 + usize::from(back)).map(|index| sent[index].0.clone()) {
                    self.travels(at.index(), octets);
                }
            }
            Event::Hold { at } => self.peers[at.index()].holds = true,
            Event::Duplicate { at } => self.peers[at.index()].twice = true,
            Event::Lose { way, count } => self.loses[way as usize] = count,
            Event::Icmp { at, error, quoted, forged } => {
                let peer = &self.peers[at.index()];
                if let Some(octets) = peer.icmp(error, quoted, forged, setup) {
                    // What an error quotes is the host's last segment: text, or an ACK that may wait.
                    quoted_number(peer).hash(&mut self.arrived);
                    self.arrives(octets);
                }
            }
            Event::Wait { micros } => self.wait(micros.into()),
            // Neither lane has them: what is waited for has to be known before.
            Event::WaitLong { .. } | Event::WaitForTimer {} => {}
            Event::Accept {} => self.accept(),
            Event::Connect { at } if at.is_active() => self.connect(at.index()),
            Event::Connect { .. } => {}
            Event::Send { at, length, more, urgent } => self.send(at.index(), length, more, urgent),
            Event::Receive { at, length, peek } => self.receive(at.index(), length.into(), peek),
            Event::Shutdown { at, half } => {
                let how = match half {
                    Half::Write => 1,
                    Half::Read => 0,
                    Half::Both => 2,
                };
                if let Some(socket) = self.sockets[at.index()] {
                    let result = self.host.shutdown(socket.fd, how);
                    let how = ["SHUT_RD", "SHUT_WR", "SHUT_RDWR"][how as usize];
                    self.tell(socket.fd, |fd| Made::Shutdown { fd, how, result });
                    self.called("shutdown", result.map(|()| 0));
                }
            }
            Event::Close { at } => self.close(at.index(), false),
            Event::Abort { at } => self.close(at.index(), true),
            Event::Option { at, name, value } => {
                if let Some(socket) = self.sockets[at.index()] {
                    let result = self.set(socket.fd, name, value);
                    self.called("setsockopt", result.map(|()| 0));
                }
            }
            Event::CloseListener {} => {
                if let Some(fd) = self.listener.take() {
                    self.shut(fd);
                }
            }
            Event::Listen { backlog } => self.listen(backlog.min(8).into()),
        }
    }

    /// A whole handshake, unless the connection has been used.
    fn open(&mut self, at: usize, active: bool) {
        if self.sockets[at].is_some() || self.lines[at].is_used() && !self.peers[at].reset {
            return;
        }
        // On a host whose reset was lost the peer does not open once more.
        "open".hash(&mut self.arrived);
        let setup = self.setup;
        if active {
            self.connect(at);
            let octets = self.peers[at].syn(true, self.now, setup);
            self.travels(at, octets);
        } else {
            let octets = self.peers[at].syn(false, self.now, setup);
            self.travels(at, octets);
            let octets = self.peers[at].acknowledgment(65_535, self.now, setup);
            self.travels(at, octets);
            self.accept();
        }
    }

    /// A datagram of the peer is on its way.
    fn travels(&mut self, at: usize, octets: Vec<u8>) {
        if self.loses[Way::ToHost as usize] > 0 {
            self.loses[Way::ToHost as usize] -= 1;
            return;
        }
        let peer = &mut self.peers[at];
        if std::mem::take(&mut peer.holds) && peer.held.is_none() {
            peer.held = Some((octets, Damage::None));
            return;
        }
        let twice = std::mem::take(&mut peer.twice);
        let again = twice.then(|| octets.clone());
        self.arrives(octets);
        if let Some(octets) = again {
            self.arrives(octets);
        }
        if let Some((late, _)) = self.peers[at].held.take() {
            self.arrives(late);
        }
    }

    /// It takes a while: no round trip is nothing at all.
    fn arrives(&mut self, mut octets: Vec<u8>) {
        self.now += TICK;
        self.host.at(self.now);
        if let Content::Segment(seg) = datagram::read_as(&octets, false) {
            let at = self.peers.iter().position(|peer| peer.port == seg.src_port);
            let iss = at.and_then(|at| self.peers[at].host_iss);
            // Where the window ends that the host has offered is its own affair; what lies across is another program.
            let edge = at.map_or(seg.seq, |at| self.lines[at].edge.unwrap_or(self.peers[at].host_edge));
            let beyond = |number: u32| (number.wrapping_sub(edge) as i32) > 0;
            let end = seg.seq.wrapping_add(seg.payload.len() as u32);
            self.beyond |= (1..=BUFFER).contains(&seg.end().wrapping_sub(edge));
            (beyond(seg.seq), beyond(end), end == edge).hash(&mut self.arrived);
            let ack = if seg.has(ACK) { seg.ack.wrapping_sub(iss.unwrap_or(0)) } else { 0 };
            (seg.flags, seg.seq, ack, seg.window, seg.payload.len(), seg.urgent).hash(&mut self.arrived);
            self.asked = Some(seg.ack);
            if let (Some(stamp), Some((_, echo))) = (at.and_then(|at| self.lines[at].stamp), seg.options.stamps) {
                self.later_echo |= (echo.wrapping_sub(stamp) as i32) > 0;
            }
            let actual = at.and_then(|at| self.lines[at].ports.last()?.1);
            if let Some(actual) = actual.filter(|actual| iss != Some(*actual) && seg.has(ACK)) {
                // The peer has not heard of this connection: how its number lies to that of another one is the clock's affair.
                seg.ack.wrapping_sub(actual).hash(&mut self.arrived);
            }
        } else if let Some((port, seq, ack)) = datagram::port_and_numbers(&octets) {
            // It is damaged, and not all damage is fatal.
            let at = self.peers.iter().position(|peer| peer.port == port);
            let iss = at.and_then(|at| self.peers[at].host_iss).filter(|_| ack != 0);
            (seq, ack.wrapping_sub(iss.unwrap_or(0))).hash(&mut self.arrived);
            self.asked = Some(ack);
            let edge = at.and_then(|at| self.lines[at].edge);
            // How long its text is was not read; it is no longer than the datagram.
            let length = octets.len() as u32;
            let end = seq.wrapping_add(length);
            self.beyond |= edge.is_some_and(|edge| (0..=BUFFER + length).contains(&end.wrapping_sub(edge)));
        }
        if !self.ended {
            self.watch.datagram_in(self.now, &octets);
        }
        self.host.arrives(&mut octets);
        self.transmit();
    }

    /// Takes what goes out.
    fn transmit(&mut self) {
        let mut out = std::mem::take(&mut self.out);
        let mut count = 0;
        while count < MOST_DATAGRAMS && self.host.leaves(&mut out) {
            count += 1;
            self.took(&out);
        }
        self.out = out;
    }

    /// Lets time pass, and notes what goes out, and when.
    fn wait(&mut self, micros: u64) {
        let mut out = std::mem::take(&mut self.out);
        let (begun, mut count) = (self.now, 0);
        let end = loop {
            match self.host.wait(begun + micros, &mut out) {
                Waited::Left(at) if count < MOST_DATAGRAMS => {
                    count += 1;
                    self.now = at;
                    self.took(&out);
                    self.times.resize(self.items.len(), at - begun);
                }
                Waited::Left(at) | Waited::Over(at) => break at,
            }
        };
        self.out = out;
        (self.now, self.waited) = (end, end - begun);
        // Which of two connections' timers fires first is nobody's business.
        let mut seen: Vec<_> =
            std::mem::take(&mut self.items).into_iter().zip(std::mem::take(&mut self.times)).collect();
        seen.sort_by_key(|(item, _)| item.at());
        (self.items, self.times) = seen.into_iter().unzip();
    }

    /// Takes a datagram.
    fn took(&mut self, out: &[u8]) {
        if !self.ended {
            self.watch.datagram_out(self.now, out);
        }
        match datagram::read_as(out, false) {
            Content::Segment(seg) => self.leaves(&seg, out),
            Content::Icmp | Content::Fault(_) => {
                let header = if out[0] >> 4 == 4 { 20 } else { 40 };
                let protocol = out[if header == 20 { 9 } else { 6 }];
                self.items.push(Item::Other(protocol, out.get(header).copied().unwrap_or(0)));
            }
        }
    }

    fn leaves(&mut self, seg: &Seg<'_>, octets: &[u8]) {
        let at = self.peers.iter().position(|peer| peer.port == seg.dst_port);
        let Some(at) = at else {
            return self.items.push(Item::Segment(Segment::of(seg, u8::MAX, 0, None, self.asked)));
        };
        let line = &mut self.lines[at];
        let known = line.ports.iter().position(|(port, _)| *port == seg.src_port);
        let syn = seg.has(SYN) && !seg.has(RST);
        if known.is_none() && syn && !seg.has(ACK) {
            line.ports.push((seg.src_port, None));
        }
        let port = known.unwrap_or(line.ports.len() - usize::from(!line.ports.is_empty()));
        let iss = line.ports.get_mut(port).map(|(_, iss)| iss);
        let iss = iss.and_then(|iss| {
            if syn {
                *iss = Some(seg.seq);
            }
            *iss
        });
        let segment = Segment::of(seg, at as u8, port as u8, iss, self.asked);
        let end = segment.seq.wrapping_add(segment.length);
        if syn {
            line.sent = 0;
        }
        if seg.has(SYN) {
            line.shift = seg.options.shift.filter(|_| self.setup.shift < 16).unwrap_or(0).min(14);
            line.stamp = seg.options.stamps.map(|(val, _)| val);
        }
        if seg.has(ACK) && !seg.has(RST) {
            let shift = if seg.has(SYN) { 0 } else { line.shift };
            line.edge = Some(seg.ack.wrapping_add(u32::from(seg.window) << shift));
        }
        let again = (end.wrapping_sub(line.sent) as i32) <= 0;
        // What another timer has sent is another retransmission.
        let near = self.now - std::mem::replace(&mut self.left, self.now) < timed::EARLY;
        if !again {
            line.sent = end;
        }
        match self.items.last_mut() {
            Some(Item::Segment(last)) if again && near && last.goes_on_in(&segment) => {
                last.append(&segment, seg.payload)
            }
            _ => self.items.push(Item::Segment(segment)),
        }
        if self.loses[Way::ToPeer as usize] > 0 {
            self.loses[Way::ToPeer as usize] -= 1;
            return;
        }
        self.peers[at].hears(seg, octets, self.setup);
    }

    /// Tells who watches of a call; `made` takes the descriptor's number.
    fn tell(&mut self, fd: i32, made: impl FnOnce(i32) -> Made<'static>) {
        let number = self.number(fd);
        self.watch.call(self.now, &made(number));
    }

    fn number(&self, fd: i32) -> i32 {
        // The last of that name: the host gives numbers again.
        self.fds.iter().rposition(|known| *known == fd).map_or(-1, |at| at as i32 + 3)
    }

    fn called(&mut self, name: &'static str, result: Result<i64, i32>) {
        self.items.push(Item::Call(name, result, 0));
        self.transmit();
    }

    fn new_socket(&mut self) -> Result<i32, i32> {
        let fd = self.host.socket(self.setup.v6)?;
        self.fds.push(fd);
        self.tell(fd, |fd| Made::Socket { fd });
        if self.setup.no_delay {
            let _ = self.set(fd, Name::NoDelay, 1);
        }
        for (name, units) in [(Name::RcvBuf, self.setup.receive_buffer), (Name::SndBuf, self.setup.send_buffer)] {
            if units > 0 {
                let _ = self.set(fd, name, units.saturating_mul(64));
            }
        }
        Ok(fd)
    }

    fn set(&mut self, fd: i32, name: Name, value: u16) -> Result<(), i32> {
        let result = self.host.option(fd, name, value);
        let (name, value) = super::option(name, value);
        self.tell(fd, |fd| Made::Option { fd, name, value: value.into(), result });
        result
    }

    /// `close`
    fn shut(&mut self, fd: i32) {
        self.tell(fd, |fd| Made::Close { fd });
        let result = self.host.close(fd).map(|()| 0);
        self.called("close", result);
    }

    fn listen(&mut self, backlog: i32) {
        if self.listener.is_none() {
            let Ok(fd) = self.new_socket() else { return };
            let bound = self.host.bind(fd, self.setup.v6, LISTENING);
            self.items.push(Item::Call("bind", bound.map(|()| 0), 0));
            if bound.is_err() {
                let _ = self.host.close(fd);
                return;
            }
            self.listener = Some(fd);
        }
        if let Some(fd) = self.listener {
            let result = self.host.listen(fd, backlog);
            if result.is_ok() {
                self.tell(fd, |fd| Made::Listen { fd, backlog });
            }
            self.called("listen", result.map(|()| 0));
        }
    }

    fn accept(&mut self) {
        let Some(listener) = self.listener else { return };
        let result = self.host.accept(listener);
        // Which connection it is counts, not its descriptor.
        let at =
            result.map(|(_, port)| self.peers.iter().position(|peer| peer.port == port).map_or(-1, |at| at as i64));
        if let Ok((fd, _)) = result {
            self.fds.push(fd);
        }
        let accepted = result.map(|(fd, _)| self.number(fd));
        self.tell(listener, |fd| Made::Accept { fd, result: accepted });
        self.called("accept", at);
        if let (Ok((fd, _)), Ok(at @ 0..=1)) = (result, at)
            && let Some(old) = self.sockets[at as usize].replace(Socket { fd, written: 0 })
        {
            self.shut(old.fd);
        }
    }

    fn connect(&mut self, at: usize) {
        let fd = match self.sockets[at] {
            Some(socket) => socket.fd,
            None => {
                let Ok(fd) = self.new_socket() else { return };
                self.sockets[at] = Some(Socket { fd, written: 0 });
                fd
            }
        };
        let result = self.host.connect(fd, self.setup.v6, self.peers[at].port);
        if result == Err(halfopen_stack::Errno::EINPROGRESS.number())
            && let Some(socket) = &mut self.sockets[at]
        {
            socket.written = 0;
        }
        let port = self.peers[at].port;
        let fd = self.number(fd);
        self.watch.call(self.now, &Made::Connect { fd, port, result });
        self.called("connect", result.map(|()| 0));
    }

    fn send(&mut self, at: usize, length: u16, more: bool, urgent: bool) {
        let Some(socket) = &mut self.sockets[at] else { return };
        let data = pattern::written(socket.written, usize::from(length).min(16_000));
        let (fd, octets) = (socket.fd, data.len());
        let result = self.host.send(fd, data, more, urgent);
        socket.written += result.unwrap_or(0) as u32;
        self.tell(fd, |fd| Made::Send { fd, octets, more, urgent, result });
        self.called("send", result.map(|sent| sent as i64));
    }

    fn receive(&mut self, at: usize, length: usize, peek: bool) {
        let Some(socket) = self.sockets[at] else { return };
        let mut room = vec![0; length];
        let result = self.host.recv(socket.fd, &mut room, peek);
        let read = hash(&room[..result.unwrap_or(0).min(length)]);
        self.tell(socket.fd, |fd| Made::Receive { fd, octets: length, peek, result, read: &[] });
        self.items.push(Item::Call("recv", result.map(|read| read as i64), read));
        self.transmit();
    }

    fn close(&mut self, at: usize, abort: bool) {
        let Some(socket) = self.sockets[at].take() else { return };
        if abort {
            let result = self.host.linger_zero(socket.fd);
            self.tell(socket.fd, |fd| Made::Option { fd, name: "SO_LINGER", value: 0, result });
            self.called("setsockopt", result.map(|()| 0));
        }
        self.shut(socket.fd);
    }

    /// Nothing is left: a RST where the host expects the next number. Where it stands no longer is what the answer tells.
    fn end(&mut self) {
        self.ended = true;
        self.loses = [0; 2];
        for at in 0..4 {
            if !self.lines[at].is_used() || self.peers[at].reset {
                continue;
            }
            for _ in 0..2 {
                let octets = self.peers[at].abort(self.now, self.setup);
                self.items.clear();
                self.arrives(octets);
                if self.items.is_empty() {
                    break;
                }
            }
        }
        self.items.clear();
    }
}

/// SEG.SEQ of the segment that an ICMP error quotes, less ISS; none where it has nothing to do with that, as in a RST that repeats a number.
fn quoted_number(peer: &Peer) -> Option<u32> {
    let (_, seq, _) = datagram::port_and_numbers(&peer.last)?;
    let number = seq.wrapping_sub(peer.host_iss?);
    (number <= u32::from(u16::MAX) << 4).then_some(number)
}
