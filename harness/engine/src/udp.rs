//! UDP: which ports a line without ports means, and how far the octets of each of the SUT's ports have come.

use crate::packet::Udp;
use std::collections::BTreeMap;

/// The UDP of a test.
#[derive(Debug, Clone)]
pub(crate) struct Ports {
    /// Local and remote port of lines without ports.
    flow: (u16, u16),
    /// A datagram of that flow was seen.
    known: bool,
    /// What a script calls ports that the SUT has chosen, and what they are.
    names: BTreeMap<u16, u16>,
    /// Octets sent to each of the SUT's ports, and from it.
    received: BTreeMap<u16, u64>,
    sent: BTreeMap<u16, u64>,
}

impl Ports {
    pub(crate) fn new(local: u16, remote: u16) -> Self {
        let (received, sent) = (BTreeMap::new(), BTreeMap::new());
        Self { flow: (local, remote), known: false, names: BTreeMap::new(), received, sent }
    }

    /// Live source and destination port of a datagram to the SUT, as its line has them.
    pub(crate) fn inbound(&mut self, ports: Option<(u16, u16)>) -> (u16, u16) {
        match ports {
            Some((source, destination)) => (source, self.live(destination)),
            None => {
                self.known = true;
                (self.flow.1, self.flow.0)
            }
        }
    }

    /// Local and remote port of lines without ports, once a datagram has shown them.
    pub(crate) fn flow(&self) -> Option<(u16, u16)> {
        self.known.then_some(self.flow)
    }

    /// The application connects a socket: the next datagram says from which port.
    pub(crate) fn connects(&mut self) {
        self.known = false;
    }

    fn live(&self, script: u16) -> u16 {
        self.names.get(&script).copied().unwrap_or(script)
    }

    /// Where in the stream of octets to one of the SUT's ports the next datagram of this length begins.
    pub(crate) fn received(&mut self, port: u16, len: usize) -> u64 {
        let next = self.received.entry(port).or_default();
        *next += len as u64;
        *next - len as u64
    }

    /// The same of the octets from a port.
    pub(crate) fn sent(&self, port: u16) -> u64 {
        self.sent.get(&port).copied().unwrap_or(0)
    }

    /// The ports of a datagram from the SUT as a script would write them; `line` are those of the line that it may be, if there is one.
    pub(crate) fn seen(&self, udp: &Udp, line: Option<Option<(u16, u16)>>) -> Option<(u16, u16)> {
        let live = (udp.src_port, udp.dst_port);
        match line {
            // Without ports the first datagram says which ports they are, unless other lines have named them.
            Some(None) if live == self.flow || !self.known && !self.received.contains_key(&udp.src_port) => None,
            None if live == self.flow => None,
            Some(Some((source, _))) if self.live(source) == udp.src_port || self.is_new(source, udp) => {
                Some((source, udp.dst_port))
            }
            Some(_) | None => Some(live),
        }
    }

    /// The script's name of a port, and the port, mean nothing yet.
    fn is_new(&self, script: u16, udp: &Udp) -> bool {
        !self.names.contains_key(&script)
            && !self.names.values().any(|live| *live == udp.src_port)
            && !self.received.contains_key(&script)
    }

    /// Takes in a datagram that matched a line with these ports.
    pub(crate) fn learn(&mut self, udp: &Udp, line: Option<(u16, u16)>) {
        match line {
            None => (self.flow, self.known) = ((udp.src_port, udp.dst_port), true),
            Some((source, _)) => {
                self.names.insert(source, udp.src_port);
            }
        }
        *self.sent.entry(udp.src_port).or_default() += udp.payload.len() as u64;
    }
}
