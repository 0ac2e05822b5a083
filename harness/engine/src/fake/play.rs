//! The SUT's side of a script.

use super::Tamper;
use crate::call::{Reply, SysCall};
use crate::calls::ancillary::Expected;
use crate::calls::args::{self, int, is_ellipsis, option_value};
use crate::calls::epoll;
use crate::compose::{flags, header};
use crate::ip_words::ecn_bits;
use crate::mapping::{Isn, offset, script_ports};
use crate::packet::{Body, Datagram, Ip, Tcp, options::kind, tcp::flag};
use crate::pattern::{self, Stream};
use crate::sut::{Happening, Micros};
use crate::tcp_options;
use crate::timing::{Due, blocking_end};
use halfopen_script::ast::{self, Action, Arg, ArgKind, Call, Direction, Event, IpWord, Options, Packet};
use halfopen_script::symbols;
use halfopen_script::test::{Step, Test};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

/// What a script's descriptor is more here, so that nobody takes one for the other.
const FD: i64 = 100;
/// What a script's TSval is more here.
const STAMP: u32 = 7_000_000;

/// A script that is being played, and where it stands.
#[derive(Debug)]
pub(super) struct Play {
    events: Vec<Event>,
    cursor: usize,
    pub(super) now: Micros,
    base: Micros,
    chain: Option<Micros>,
    pub(super) mute: bool,
    pub(super) hasty: bool,
    tampers: BTreeMap<usize, Tamper>,
    replies: BTreeMap<usize, Reply>,
    /// Datagrams and calls so far.
    pub(super) emitted: usize,
    called: usize,
    queue: VecDeque<(Micros, Vec<u8>)>,
    pending: Option<(Micros, Reply)>,
    pub(super) cited: Vec<&'static str>,
    local: IpAddr,
    remote: IpAddr,
    /// Live ports: local, remote.
    ports: (u16, u16),
    local_isn: Option<Isn>,
    remote_isn: Option<Isn>,
    /// A SYN that begins a new incarnation when it is answered.
    syn: Option<u32>,
    over: bool,
    incarnations: u32,
    read: u64,
    /// Ends of pipes.
    pipes: Vec<i32>,
}

/// Where the engine's control goes.
const CONTROL_PORT: u16 = 9;

/// It is the engine's control, not the script's.
pub(super) fn is_control(octets: &[u8]) -> bool {
    matches!(Datagram::decode(octets), Ok(Datagram { body: Body::Tcp(tcp), .. }) if tcp.dst_port == CONTROL_PORT)
}

impl Default for Play {
    fn default() -> Self {
        let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        Self {
            events: Vec::new(),
            cursor: 0,
            now: 0,
            base: 0,
            chain: None,
            mute: false,
            hasty: false,
            tampers: BTreeMap::new(),
            replies: BTreeMap::new(),
            emitted: 0,
            called: 0,
            queue: VecDeque::new(),
            pending: None,
            cited: Vec::new(),
            local: unspecified,
            remote: unspecified,
            ports: (8080, 0),
            local_isn: None,
            remote_isn: None,
            syn: None,
            over: false,
            incarnations: 0,
            read: 0,
            pipes: Vec::new(),
        }
    }
}

/// The events of a test; of alternatives the first.
fn events(steps: &[Step], out: &mut Vec<Event>) {
    for step in steps {
        match step {
            Step::Event(event) => out.push(event.clone()),
            Step::Any(branches) => events(&branches[0], out),
        }
    }
}

impl Play {
    pub(super) fn new(test: &Test, tampers: BTreeMap<usize, Tamper>, replies: BTreeMap<usize, Reply>) -> Self {
        let mut list = Vec::new();
        events(&test.steps, &mut list);
        Self { events: list, tampers, replies, ..Self::default() }
    }

    pub(super) fn addresses(&mut self, local: IpAddr, remote: IpAddr) {
        (self.local, self.remote) = (local, remote);
    }

    /// Passes over what the engine does without telling.
    fn skip(&mut self) {
        while let Some(event) = self.events.get(self.cursor)
            && matches!(event.action, Action::Command(_) | Action::Code(_))
        {
            self.base = Due::new(&event.time, self.base).from;
            self.cursor += 1;
        }
    }

    pub(super) fn inject(&mut self, octets: &[u8]) {
        self.skip();
        let Ok(Datagram { body: Body::Tcp(tcp), .. }) = Datagram::decode(octets) else {
            self.done_with_inbound();
            return;
        };
        if tcp.dst_port == CONTROL_PORT {
            return self.control(&tcp);
        }
        self.cited.push("rfc9293/fake");
        self.ports = (tcp.dst_port, tcp.src_port);
        self.over |= tcp.has(flag::RST) || tcp.has(flag::FIN);
        if tcp.has(flag::SYN) {
            let known = self.remote_isn.is_some_and(|isn| isn.live == tcp.seq);
            if !known || self.over {
                self.syn = Some(tcp.seq);
            }
            if self.remote_isn.is_none() {
                self.remote_isn = Some(Isn { script: tcp.seq, live: tcp.seq });
            }
        }
        self.done_with_inbound();
    }

    fn done_with_inbound(&mut self) {
        if let Some(event) = self.events.get(self.cursor) {
            let due = Due::new(&event.time, self.chain.unwrap_or(self.base));
            self.chain = Some(due.from);
        }
        self.base = self.now;
        self.cursor += 1;
    }

    /// The answer to the control segment.
    fn control(&mut self, syn: &Tcp) {
        if self.mute {
            return;
        }
        let ack = syn.seq.wrapping_add(1);
        let (src_port, dst_port) = (syn.dst_port, syn.src_port);
        let reset = Tcp { src_port, dst_port, ack, flags: flag::RST | flag::ACK, ..Tcp::default() };
        let body = Body::Tcp(reset);
        let mut datagram =
            Datagram { ip: header(self.local, self.remote, &body), body, trailer: Vec::new(), outer: Vec::new() };
        datagram.complete();
        self.queue.push_back((self.now, datagram.encode()));
    }

    pub(super) fn next(&mut self, deadline: Micros) -> Happening {
        // Each turn consumes a step, a datagram, the pending call or the deadline.
        loop {
            self.skip();
            let queued = self.queue.front().map(|(at, _)| *at);
            let end = self.pending.as_ref().map(|(end, _)| *end).filter(|_| !self.mute);
            let event = self.events.get(self.cursor).filter(|_| !self.mute).cloned();
            let step = event.and_then(|event| {
                let due = Due::new(&event.time, self.base);
                match event.action {
                    Action::Packet(packet) if packet.direction == Direction::Outbound => {
                        Some((due.from + self.advance(), Some(packet)))
                    }
                    Action::Silent => Some((due.to, None)),
                    Action::Packet(_) | Action::Call(_) | Action::Command(_) | Action::Code(_) => None,
                }
            });
            let scripted = step.as_ref().map(|(at, _)| *at);
            let Some(first) = [scripted, queued, end].into_iter().flatten().min().filter(|at| *at <= deadline) else {
                break;
            };
            match step {
                Some((at, Some(packet))) if at == first => self.emit(&packet, at - self.advance()),
                Some((at, None)) if at == first => {
                    (self.base, self.chain) = (at, None);
                    self.cursor += 1;
                }
                Some(_) | None => {
                    self.now = self.now.max(first);
                    if let Some((at, octets)) = self.queue.pop_front_if(|(at, _)| *at == first) {
                        return Happening::Datagram { at, octets };
                    }
                    if let Some((at, reply)) = self.pending.take() {
                        return Happening::Returned { at, reply };
                    }
                }
            }
        }
        self.now = self.now.max(deadline);
        Happening::Deadline
    }

    /// How much earlier than scripted the next datagram leaves, as a negative number.
    fn advance(&self) -> Micros {
        match self.tampers.get(&self.emitted) {
            Some(Tamper::Late(by)) if *by < 0 => *by,
            Some(_) | None => 0,
        }
    }

    fn emit(&mut self, packet: &Packet, at: Micros) {
        let mut datagram = self.datagram(packet);
        let tamper = self.tampers.get(&self.emitted).copied();
        (self.base, self.chain) = (at, None);
        self.cursor += 1;
        self.emitted += 1;
        let send = |play: &mut Self, at, datagram: &Datagram| {
            let place = play.queue.partition_point(|(queued, _)| *queued <= at);
            play.queue.insert(place, (at, datagram.encode()));
        };
        match tamper {
            None => send(self, at, &datagram),
            Some(Tamper::Change(change)) => {
                change(&mut datagram);
                send(self, at, &datagram);
            }
            Some(Tamper::Omit) => {}
            Some(Tamper::Late(by)) => send(self, at + by, &datagram),
            Some(Tamper::Again(by)) => {
                send(self, at, &datagram);
                send(self, at + by, &datagram);
            }
        }
    }

    fn datagram(&mut self, packet: &Packet) -> Datagram {
        let body = match &packet.body {
            ast::Body::Tcp(tcp) => Body::Tcp(self.segment(tcp)),
            ast::Body::Udp { .. } | ast::Body::Icmp(_) => Body::Other(Vec::new()),
        };
        let mut datagram =
            Datagram { ip: header(self.local, self.remote, &body), body, trailer: Vec::new(), outer: Vec::new() };
        for word in &packet.ip {
            match (&word.node, &mut datagram.ip) {
                (IpWord::Ecn(ecn), Ip::V4(ip)) => ip.tos |= ecn_bits(*ecn),
                (IpWord::Ecn(ecn), Ip::V6(ip)) => ip.traffic_class |= ecn_bits(*ecn),
                (IpWord::Ttl(num), Ip::V4(ip)) => ip.ttl = num.value() as u8,
                (IpWord::Ttl(num), Ip::V6(ip)) => ip.hop_limit = num.value() as u8,
                (IpWord::FlowLabel(num), Ip::V6(ip)) => ip.flow_label = 0x100 + num.value() as u32,
                _ => {}
            }
        }
        datagram.complete();
        datagram
    }

    fn segment(&mut self, line: &ast::Tcp) -> Tcp {
        let set = line.flags.node.set();
        let script = line.seq.value() as u32;
        if set.syn && (self.local_isn.is_none() || self.syn.is_some() && set.ack) {
            self.incarnations += 1;
            self.local_isn = Some(Isn { script, live: 0x3000_0000 * self.incarnations });
            self.remote_isn = self.syn.take().map(|live| Isn { script: live, live }).or(self.remote_isn);
            self.over = false;
        }
        self.over |= set.rst || set.fin;
        let literal = set.rst && set.ack && script == 0;
        let to_local = if literal { 0 } else { offset(self.local_isn, set.syn) };
        let to_remote = offset(self.remote_isn, set.syn);
        let edge = |edge: u32| edge.wrapping_add(to_remote);
        let options = match &line.options {
            Options::Unchecked => vec![kind::MSS, 4, 5, 180],
            list => tcp_options::encode(list, edge, Ok).map(stamped).unwrap_or_default(),
        };
        let payload = match set.syn {
            true => pattern::fill(Stream::FromStack, 0, line.len.value() as usize),
            false => pattern::fill(Stream::FromStack, u64::from(script.wrapping_sub(1)), line.len.value() as usize),
        };
        let (src_port, dst_port) = script_ports(line).unwrap_or(self.ports);
        Tcp {
            src_port,
            dst_port,
            seq: script.wrapping_add(to_local),
            ack: line.ack.as_ref().map_or(0, |ack| (ack.value() as u32).wrapping_add(to_remote)),
            flags: flags(set),
            window: line.win.as_ref().map_or(65535, |win| win.value() as u16),
            urgent: line.urg.as_ref().map_or(0, |urg| urg.value() as u16),
            options,
            payload,
            ..Tcp::default()
        }
    }

    pub(super) fn call(&mut self, live: &SysCall) -> Reply {
        self.skip();
        if let SysCall::Connect { addr, .. } = live {
            self.ports = (40_001, addr.port());
        }
        let Some((event, call)) = self.events.get(self.cursor).and_then(|event| match &event.action {
            Action::Call(call) => Some((event.clone(), call.clone())),
            Action::Packet(_) | Action::Command(_) | Action::Code(_) | Action::Silent => None,
        }) else {
            return Reply::errno(symbols::errno("ENOSYS").unwrap_or_default());
        };
        self.cursor += 1;
        let index = self.called;
        self.called += 1;
        let end = blocking_end(&event.time, self.base);
        (self.base, self.chain) = (self.now, None);
        let reply = self.replies.get(&index).cloned().unwrap_or_else(|| self.reply(&call, live));
        match end {
            Some(end) if end > self.now && reply != Reply::Pending && !self.hasty => {
                self.pending = Some((end, reply));
                Reply::Pending
            }
            Some(_) | None if self.mute => Reply::Pending,
            Some(_) | None => reply,
        }
    }

    /// The next octets of what the connection delivers.
    fn stream(&mut self, octets: i64) -> Vec<u8> {
        let data = pattern::fill(Stream::ToStack, self.read, octets as usize);
        self.read += octets as u64;
        data
    }

    /// The scripted reply.
    fn reply(&mut self, call: &Call, live: &SysCall) -> Reply {
        let value = if is_ellipsis(&call.result) { 0 } else { int(&call.result).unwrap_or(-1) };
        let errno = call.errno.as_ref().and_then(|errno| symbols::errno(&errno.node)).unwrap_or_default();
        let inner = |arg: &Arg| match (&arg.kind, args::elements(arg)) {
            (ArgKind::List(_), [one]) => one.clone(),
            _ => arg.clone(),
        };
        let data = match live {
            _ if value < 0 => Vec::new(),
            SysCall::Socket { .. } | SysCall::Accept { .. } | SysCall::EpollCreate { .. } | SysCall::Open { .. } => {
                return Reply::value(value + FD);
            }
            SysCall::Receive { .. } => self.stream(value),
            SysCall::ReceiveMessage { .. } => {
                let header = args::members(&call.args[1], "a message structure").unwrap_or_default();
                let (flags, control) = Expected::new(header).unwrap_or_default().encode(0);
                return Reply::Message { value, data: self.stream(value), flags, control };
            }
            SysCall::EpollWait { .. } => {
                let expected = epoll::expected(&call.args[1]).unwrap_or_default();
                expected.iter().take(value as usize).flat_map(epoll::Event::encode).collect()
            }
            SysCall::Pipe => {
                let ends = args::elements(&call.args[0]).iter().filter_map(|end| int(end).ok());
                self.pipes.extend(ends.map(|end| (end + FD) as i32));
                self.pipes.iter().rev().take(2).rev().flat_map(|end| end.to_ne_bytes()).collect()
            }
            SysCall::SendFile { .. } => vec![0; value as usize],
            SysCall::Splice { from, .. } if self.pipes.contains(from) => Vec::new(),
            SysCall::Splice { .. } => self.stream(value),
            SysCall::GetSockOpt { level, name, len, .. } => {
                option_value(*level, *name, &inner(&call.args[3]), Some(*len)).unwrap_or_default()
            }
            SysCall::Ioctl { .. } => {
                (call.args.get(2).and_then(|arg| int(arg).ok()).unwrap_or_default() as i32).to_ne_bytes().to_vec()
            }
            SysCall::Poll { .. } => match crate::calls::lower::revents(&call.args[0]) {
                Ok(revents) => {
                    revents.into_iter().flat_map(|events| events.unwrap_or_default().to_ne_bytes()).collect()
                }
                Err(_) => Vec::new(),
            },
            SysCall::Bind { .. }
            | SysCall::Listen { .. }
            | SysCall::Connect { .. }
            | SysCall::Disconnect { .. }
            | SysCall::Send { .. }
            | SysCall::SendMessage { .. }
            | SysCall::EpollControl { .. }
            | SysCall::CapSet { .. }
            | SysCall::Shutdown { .. }
            | SysCall::Close { .. }
            | SysCall::SetSockOpt { .. }
            | SysCall::Fcntl { .. } => Vec::new(),
        };
        Reply::Done { value, errno, data }
    }
}

/// Timestamps of the fake's own.
fn stamped(mut area: Vec<u8>) -> Vec<u8> {
    let at = area.windows(2).position(|pair| pair == [kind::TIMESTAMPS, 10]);
    if let Some(at) = at {
        let val = u32::from_be_bytes([area[at + 2], area[at + 3], area[at + 4], area[at + 5]]).wrapping_add(STAMP);
        area[at + 2..at + 6].copy_from_slice(&val.to_be_bytes());
    }
    area
}
