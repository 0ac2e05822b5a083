//! Which connection a segment belongs to, and how its live numbers and ports correspond to those of the script.
//!
//! The rules, which `docs/script-language.md` states for authors: a segment with SYN carries absolute numbers, every other one numbers
//! relative to the initial sequence number (ISN) of their side; a number of a side whose ISN is not known yet is taken literally.

use crate::packet::{RawOption, Tcp, options, tcp::flag};
use crate::setup::Plan;
use crate::timestamps::Stamps;
use crate::udp::Ports;
use halfopen_script::ast;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// An initial sequence number: what the script calls it and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Isn {
    pub(crate) script: u32,
    pub(crate) live: u32,
}

/// What to add to a script number to have the live one.
pub(crate) fn offset(isn: Option<Isn>, syn: bool) -> u32 {
    isn.map_or(0, |isn| if syn { isn.live.wrapping_sub(isn.script) } else { isn.live })
}

/// One four-tuple. Its addresses are those of the test.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection {
    /// Remote and local port as the script writes them; `None` for the connection of lines without ports.
    pub(crate) script: Option<(u16, u16)>,
    pub(crate) live_remote: u16,
    pub(crate) live_local: u16,
    /// ISN of the harness's side.
    pub(crate) remote: Option<Isn>,
    /// ISN of the SUT's side.
    pub(crate) local: Option<Isn>,
    /// The SUT acknowledged something: `remote` is settled for this incarnation.
    settled: bool,
    /// Live number of the last SYN to the SUT, and the number after it and its text.
    syn: Option<(u32, u32)>,
    /// A RST or FIN was seen since the incarnation began.
    ended: bool,
    /// Maximum segment size that the harness announced.
    mss: Option<u16>,
    /// Live end of what the SUT has sent.
    pub(crate) highest: Option<u32>,
    pub(crate) stamps: Stamps,
}

/// The ISNs that a segment from the SUT is read with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Numbering {
    pub(crate) local: Option<Isn>,
    pub(crate) remote: Option<Isn>,
    /// The segment begins a new incarnation of the connection.
    fresh: bool,
}

/// Where a segment from the SUT belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// A connection that is known.
    Known(usize),
    /// A SYN from a four-tuple that is not: an active OPEN.
    Opening,
    /// Anything else from an unknown four-tuple.
    Stray,
}

/// What a segment that matched teaches.
#[derive(Debug, Clone)]
pub(crate) struct Lesson {
    pub(crate) route: Route,
    pub(crate) numbering: Numbering,
    /// TSval: script's and live.
    pub(crate) stamp: Option<(u32, u32)>,
    /// Flow label: script's and live.
    pub(crate) flow: Option<(u32, u32)>,
}

/// Every connection of a test.
#[derive(Debug, Clone)]
pub(crate) struct Mapping {
    pub(crate) local: IpAddr,
    pub(crate) remote: IpAddr,
    /// ISNs of the SUT, in the order in which they were seen.
    pub(crate) isns: Vec<u32>,
    connections: Vec<Connection>,
    /// The connection of lines without ports.
    under_test: usize,
    /// Remote and local port of the first passive connection without ports.
    first: (u16, u16),
    /// Flow labels of the SUT, script to live: which are the same and which are not is checked, not the values.
    pub(crate) flows: BTreeMap<u32, u32>,
    /// Everything about UDP.
    pub(crate) udp: Ports,
    pub(crate) ts_ecr_scaled: bool,
    /// Key of `md5 valid`.
    pub(crate) md5_secret: Option<Vec<u8>>,
    /// TSvals of the SUT's SYNs, in the order in which they were seen.
    pub(crate) tsvals: Vec<u32>,
    /// Smallest datagram size that an ICMP message has asked the SUT for.
    pub(crate) path_mtu: u32,
    /// The application opens another connection: what still comes from the one under test belongs to the past.
    pub(crate) leaving: bool,
    /// A listener was made after the connection under test began: the next SYN without ports is for a connection of its own.
    listener: bool,
}

impl Mapping {
    pub(crate) fn new(plan: &Plan) -> Self {
        let first = Connection { live_remote: plan.remote_port, live_local: plan.bind_port, ..Connection::default() };
        Self {
            local: plan.setup.local.0,
            remote: plan.setup.remote.0,
            isns: Vec::new(),
            connections: vec![first],
            under_test: 0,
            first: (plan.remote_port, plan.bind_port),
            flows: BTreeMap::new(),
            udp: Ports::new(plan.bind_port, plan.remote_port),
            ts_ecr_scaled: plan.ts_ecr_scaled,
            md5_secret: plan.md5_secret.clone(),
            tsvals: Vec::new(),
            path_mtu: plan.setup.mtu,
            leaving: false,
            listener: false,
        }
    }

    /// Octets of text that a segment from the SUT can have: the path and the harness's MSS allow no more.
    pub(crate) fn room(&self, route: Route, headers: usize, options: usize) -> usize {
        let mss = match route {
            Route::Known(index) => self.connections[index].mss,
            Route::Opening | Route::Stray => None,
        };
        let path = (self.path_mtu as usize).saturating_sub(headers);
        path.min(mss.map_or(usize::MAX, usize::from)).saturating_sub(options)
    }

    /// A segment of a connection without ports that is no longer the one under test.
    pub(crate) fn is_left(&self, tcp: &Tcp) -> bool {
        match self.route(tcp) {
            Route::Known(index) if index == self.under_test => self.leaving,
            Route::Known(index) => self.connections[index].script.is_none(),
            Route::Opening | Route::Stray => false,
        }
    }

    pub(crate) fn connection(&self, index: usize) -> &Connection {
        &self.connections[index]
    }

    pub(crate) fn under_test(&self) -> &Connection {
        &self.connections[self.under_test]
    }

    /// The SUT listens.
    pub(crate) fn listens(&mut self) {
        let connection = &self.connections[self.under_test];
        self.listener = connection.remote.is_some() || connection.local.is_some();
    }

    /// A connection from the next remote port, under test from here on.
    fn next_port(&mut self) {
        let (first, live_local) = self.first;
        let taken = self.connections.iter().filter(|c| c.script.is_none() && c.live_local == live_local);
        // Every second one: the ports between are those of controls.
        let live_remote = taken.map(|c| c.live_remote).max().unwrap_or(first).wrapping_add(2);
        self.connections.push(Connection { live_remote, live_local, ..Connection::default() });
        (self.under_test, self.listener, self.leaving) = (self.connections.len() - 1, false, false);
    }

    /// The connection of a segment to the SUT, which may open one. Ports that are new make one; they are live ports too.
    pub(crate) fn inbound(&mut self, ports: Option<(u16, u16)>, opens: bool) -> usize {
        let Some((remote, local)) = ports else {
            if self.listener && opens {
                self.next_port();
            }
            return self.under_test;
        };
        let known = self.connections.iter().position(|connection| connection.script == ports);
        known.unwrap_or_else(|| {
            let (live_remote, live_local) = (remote, local);
            self.connections.push(Connection { script: ports, live_remote, live_local, ..Connection::default() });
            self.connections.len() - 1
        })
    }

    /// Where a segment from the SUT belongs.
    pub(crate) fn route(&self, tcp: &Tcp) -> Route {
        let same = |c: &Connection| (c.live_local, c.live_remote) == (tcp.src_port, tcp.dst_port);
        // The newest first: a four-tuple can be reused under other script ports.
        match self.connections.iter().rposition(same) {
            Some(index) => Route::Known(index),
            None if tcp.has(flag::SYN) && !tcp.has(flag::ACK) => Route::Opening,
            None => Route::Stray,
        }
    }

    /// The ports of a segment from the SUT as its script would write them, source first; `None` for the connection under test.
    pub(crate) fn ports(&self, route: Route, tcp: &Tcp, expected: Option<&ast::Tcp>) -> Option<(u16, u16)> {
        match route {
            Route::Known(index) if index == self.under_test => None,
            Route::Known(index) => {
                let connection = &self.connections[index];
                let (remote, local) = connection.script.unwrap_or((connection.live_remote, connection.live_local));
                Some((local, remote))
            }
            Route::Opening => {
                let (source, _) = script_ports(expected?)?;
                // The source port of an active OPEN is the SUT's choice; from here on the script's name stands for it.
                Some((source, tcp.dst_port))
            }
            Route::Stray => Some((tcp.src_port, tcp.dst_port)),
        }
    }

    /// The ISNs to read a segment from the SUT with. `expected` gives a SYN its script number.
    pub(crate) fn numbering(&self, route: Route, tcp: &Tcp, expected: Option<&ast::Tcp>) -> Numbering {
        let syn = expected.filter(|expected| expected.flags.node.set().syn);
        let local = Some(Isn { script: syn.map_or(0, |expected| expected.seq.value() as u32), live: tcp.seq });
        let Route::Known(index) = route else {
            let local = if tcp.has(flag::SYN) { local } else { None };
            return Numbering { local, remote: None, fresh: true };
        };
        let connection = &self.connections[index];
        let (old, remote) = (connection.local, connection.remote);
        let as_before = Numbering { local: old, remote, fresh: false };
        match old {
            _ if !tcp.has(flag::SYN) => as_before,
            None => Numbering { local, remote, fresh: false },
            Some(isn) if isn.live == tcp.seq => as_before,
            // A SYN,ACK with another ISN answers a SYN that is not the one of this incarnation: the next incarnation.
            Some(_) if tcp.has(flag::ACK) => match connection.syn {
                // Text on a SYN may be acknowledged with it (RFC 7413).
                Some((answered, end)) if covers(answered, tcp.ack, end) && connection.may_be_over(answered) => {
                    let remote = Some(Isn { script: answered, live: answered });
                    Numbering { local, remote, fresh: true }
                }
                Some(_) | None => as_before,
            },
            Some(_) if connection.ended => Numbering { local, remote: None, fresh: true },
            Some(_) => as_before,
        }
    }

    /// Takes in what a segment to the SUT, with live numbers, says of its connection.
    pub(crate) fn sent(&mut self, index: usize, tcp: &Tcp) {
        let connection = &mut self.connections[index];
        if tcp.has(flag::SYN) {
            let end = tcp.seq.wrapping_add(1 + tcp.payload.len() as u32);
            connection.syn = Some((tcp.seq, end));
            connection.mss = options::iter(&tcp.options).find_map(|option| match option {
                RawOption::Known { kind: options::kind::MSS, data: [high, low] } => {
                    Some(u16::from_be_bytes([*high, *low]))
                }
                RawOption::Known { .. } | RawOption::Eol | RawOption::Nop | RawOption::Malformed(_) => None,
            });
            if !connection.settled {
                connection.remote = Some(Isn { script: tcp.seq, live: tcp.seq });
            }
        }
        connection.ended |= tcp.flags & (flag::RST | flag::FIN) != 0;
    }

    /// Takes in a segment from the SUT that the script expected.
    pub(crate) fn learn(&mut self, lesson: &Lesson, tcp: &Tcp, expected: &ast::Tcp) {
        let index = match lesson.route {
            Route::Known(index) => index,
            Route::Opening | Route::Stray => self.open(tcp, expected),
        };
        let connection = &mut self.connections[index];
        let Numbering { local, remote, fresh } = lesson.numbering;
        if let Some(isn) = local.filter(|_| tcp.has(flag::SYN) && (connection.ended || local != connection.local)) {
            self.isns.push(isn.live);
            self.tsvals.extend(lesson.stamp.map(|(_, live)| live));
        }
        if fresh {
            (connection.ended, connection.settled, connection.highest) = (false, false, None);
            connection.stamps.restart();
        }
        (connection.local, connection.remote) = (local, remote);
        connection.settled |= tcp.has(flag::ACK) && !tcp.has(flag::RST);
        connection.ended |= tcp.flags & (flag::RST | flag::FIN) != 0;
        let occupied = tcp.payload.len() as u32 + u32::from(tcp.has(flag::SYN)) + u32::from(tcp.has(flag::FIN));
        let end = tcp.seq.wrapping_add(occupied);
        if connection.highest.is_none_or(|highest| end.wrapping_sub(highest) < 1 << 31) && !tcp.has(flag::RST) {
            connection.highest = Some(end);
        }
        if let Some((script, live)) = lesson.stamp {
            connection.stamps.learn(script, live);
        }
        if let Some((script, live)) = lesson.flow {
            self.flows.insert(script, live);
        }
    }

    /// A connection for a segment from a new four-tuple; without ports it is the connection under test from here on.
    fn open(&mut self, tcp: &Tcp, expected: &ast::Tcp) -> usize {
        let script = script_ports(expected).map(|(source, destination)| (destination, source));
        let (live_remote, live_local) = (tcp.dst_port, tcp.src_port);
        let replaced = self.connections.iter().position(|c| script.is_some() && c.script == script);
        let connection = Connection { script, live_remote, live_local, ..Connection::default() };
        let index = match replaced {
            Some(index) => {
                self.connections[index] = connection;
                index
            }
            None => {
                self.connections.push(connection);
                self.connections.len() - 1
            }
        };
        if script.is_none() {
            (self.under_test, self.leaving) = (index, false);
        }
        index
    }
}

impl Connection {
    /// A SYN,ACK for this SYN with a new ISN can belong to a new incarnation. A repeated answer to the SYN of the present one cannot:
    /// with another ISN that is a fault of the SUT.
    fn may_be_over(&self, answered: u32) -> bool {
        self.ended || self.remote.is_none_or(|isn| isn.live != answered)
    }
}

/// The number acknowledges the SYN, and no more than SYN and text.
fn covers(syn: u32, ack: u32, end: u32) -> bool {
    (1..=end.wrapping_sub(syn)).contains(&ack.wrapping_sub(syn))
}

/// Source and destination as written.
pub(crate) fn script_ports(tcp: &ast::Tcp) -> Option<(u16, u16)> {
    tcp.ports.as_ref().map(|(source, destination)| (source.value() as u16, destination.value() as u16))
}
