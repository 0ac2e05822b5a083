//! Between datagrams and what a device carries: nothing on TUN; frames, ARP and neighbour discovery on Ethernet. Pure.

use crate::address::Routes;
use crate::arp;
use crate::ethernet::{self, Mac};
use crate::ndp::{self, Message};
use crate::neighbours::{Neighbours, Question, Resolved};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use halfopen_stack::Instant;
use std::collections::VecDeque;

/// What a device is to write: a header, possibly empty, and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    header: Option<[u8; ethernet::HEADER]>,
    /// Datagram, or ARP packet.
    pub payload: Vec<u8>,
}

impl Outgoing {
    /// The octets in front of the payload.
    #[must_use]
    pub fn header(&self) -> &[u8] {
        self.header.as_ref().map_or(&[], |header| header)
    }
}

/// One of the two kinds.
#[derive(Debug)]
pub enum Link {
    /// Datagrams as they are.
    Direct(VecDeque<Outgoing>),
    /// Datagrams in frames.
    Ethernet(Box<Ethernet>),
}

/// State of an Ethernet interface.
#[derive(Debug)]
pub struct Ethernet {
    mac: Mac,
    routes: Routes,
    neighbours: Neighbours,
    out: VecDeque<Outgoing>,
    /// Datagrams without a route.
    unroutable: u64,
}

impl Link {
    /// A link without frames.
    #[must_use]
    pub fn direct() -> Self {
        Self::Direct(VecDeque::new())
    }

    /// A link with frames, our end of which is `mac`.
    #[must_use]
    pub fn ethernet(mac: Mac, routes: Routes) -> Self {
        let neighbours = Neighbours::default();
        Self::Ethernet(Box::new(Ethernet { mac, routes, neighbours, out: VecDeque::new(), unroutable: 0 }))
    }

    /// Takes a datagram of ours.
    pub fn send(&mut self, datagram: Vec<u8>, now: Instant) {
        match self {
            Self::Direct(out) => out.push_back(Outgoing { header: None, payload: datagram }),
            Self::Ethernet(ethernet) => ethernet.send(datagram, now),
        }
    }

    /// Takes what arrived. The datagram in it, if it has one for us.
    pub fn receive<'a>(&mut self, octets: &'a [u8], now: Instant) -> Option<&'a [u8]> {
        match self {
            Self::Direct(_) => Some(octets),
            Self::Ethernet(ethernet) => ethernet.receive(octets, now),
        }
    }

    /// The next thing to write.
    pub fn transmit(&mut self) -> Option<Outgoing> {
        match self {
            Self::Direct(out) => out.pop_front(),
            Self::Ethernet(ethernet) => ethernet.out.pop_front(),
        }
    }

    /// Puts back what the device did not take.
    pub fn put_back(&mut self, outgoing: Outgoing) {
        match self {
            Self::Direct(out) => out.push_front(outgoing),
            Self::Ethernet(ethernet) => ethernet.out.push_front(outgoing),
        }
    }

    /// When time has to pass for it.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        match self {
            Self::Direct(_) => None,
            Self::Ethernet(ethernet) => ethernet.neighbours.poll_at(),
        }
    }

    /// Time passes.
    pub fn advance(&mut self, now: Instant) {
        if let Self::Ethernet(ethernet) = self {
            ethernet.neighbours.advance(now);
            ethernet.ask();
        }
    }

    /// Our end's address, on Ethernet.
    #[must_use]
    pub fn mac(&self) -> Option<Mac> {
        match self {
            Self::Direct(_) => None,
            Self::Ethernet(ethernet) => Some(ethernet.mac),
        }
    }

    /// The neighbours with their states, as [`Neighbours::iter`] has them.
    #[must_use]
    pub fn neighbours(&self, now: Instant) -> Vec<(IpAddr, Option<Mac>, &'static str)> {
        match self {
            Self::Direct(_) => Vec::new(),
            Self::Ethernet(ethernet) => ethernet.neighbours.iter(now).collect(),
        }
    }

    /// Datagrams dropped: without a route, and without an answer of their neighbour.
    #[must_use]
    pub fn dropped(&self) -> (u64, u64) {
        match self {
            Self::Direct(_) => (0, 0),
            Self::Ethernet(ethernet) => (ethernet.unroutable, ethernet.neighbours.unresolved),
        }
    }
}

impl Ethernet {
    fn send(&mut self, datagram: Vec<u8>, now: Instant) {
        let destination = destination(&datagram);
        let Some(hop) = destination.and_then(|destination| self.routes.next_hop(destination)) else {
            self.unroutable += 1;
            return;
        };
        match self.neighbours.resolve(hop, datagram, now) {
            Resolved::Send(mac, datagram) => self.frame(mac, datagram),
            Resolved::Waits => {}
        }
        self.ask();
    }

    fn receive<'a>(&mut self, octets: &'a [u8], now: Instant) -> Option<&'a [u8]> {
        let frame = ethernet::parse(octets)?;
        if !(frame.dst == self.mac || frame.dst.is_group()) || frame.src == self.mac {
            return None;
        }
        match frame.kind {
            ethernet::TYPE_ARP => {
                self.arp(&arp::parse(frame.payload)?, now);
                None
            }
            ethernet::TYPE_IPV6 if ndp::concerns(frame.payload) => {
                self.ndp(&ndp::parse(frame.payload)?, now);
                None
            }
            // A datagram to one host in a frame to all is nobody's (RFC 1122 3.3.6).
            ethernet::TYPE_IPV4 | ethernet::TYPE_IPV6 if frame.dst == self.mac => Some(frame.payload),
            _ => None,
        }
    }

    /// RFC 826, "Packet Reception".
    fn arp(&mut self, packet: &arp::Packet, now: Instant) {
        let for_us = self.routes.is_ours(packet.target.into());
        // A probe has no address yet, and our own addresses are not for others to place.
        if !packet.sender.is_unspecified() && !self.routes.is_ours(packet.sender.into()) {
            self.learned(packet.sender.into(), packet.sender_mac, for_us, now);
        }
        if for_us && packet.operation == arp::Operation::Request {
            let (target_mac, target) = (packet.sender_mac, packet.sender);
            let reply = arp::Packet {
                operation: arp::Operation::Reply,
                sender_mac: self.mac,
                sender: packet.target,
                target_mac,
                target,
            };
            self.push(target_mac, ethernet::TYPE_ARP, arp::emit(&reply));
        }
    }

    /// RFC 4861 7.2.3 to 7.2.5.
    fn ndp(&mut self, received: &ndp::Received, now: Instant) {
        match received.message {
            Message::Solicitation { target, mac } => {
                if !self.routes.is_ours(target.into()) {
                    return;
                }
                if let Some(mac) = mac
                    && !self.routes.is_ours(received.src.into())
                {
                    self.learned(received.src.into(), mac, true, now);
                }
                self.send(ndp::advertise(target, self.mac, received.src), now);
            }
            Message::Advertisement { target, mac: Some(mac), .. } if !self.routes.is_ours(target.into()) => {
                self.learned(target.into(), mac, false, now);
            }
            Message::Advertisement { .. } => {}
        }
    }

    fn learned(&mut self, neighbour: IpAddr, mac: Mac, add: bool, now: Instant) {
        for datagram in self.neighbours.learn(neighbour, mac, add, now) {
            self.frame(mac, datagram);
        }
    }

    /// Puts due questions on the wire.
    fn ask(&mut self) {
        while let Some(Question { target, at }) = self.neighbours.next_question() {
            let ours = self.routes.addresses.iter().map(|ours| ours.address);
            match target {
                IpAddr::V4(target) => {
                    let same_link = self.routes.addresses.iter().find(|ours| ours.covers(target.into()));
                    let sender = same_link.map(|ours| ours.address).or_else(|| ours.clone().find(IpAddr::is_ipv4));
                    let Some(IpAddr::V4(sender)) = sender else { continue };
                    self.ask_v4(sender, target, at);
                }
                IpAddr::V6(target) => {
                    let same_link = self.routes.addresses.iter().find(|ours| ours.covers(target.into()));
                    let sender = same_link.map(|ours| ours.address).or_else(|| ours.clone().find(IpAddr::is_ipv6));
                    let Some(IpAddr::V6(sender)) = sender else { continue };
                    self.ask_v6(sender, target, at);
                }
            }
        }
    }

    fn ask_v4(&mut self, sender: Ipv4Addr, target: Ipv4Addr, at: Option<Mac>) {
        let request = arp::Packet {
            operation: arp::Operation::Request,
            sender_mac: self.mac,
            sender,
            target_mac: Mac([0; 6]),
            target,
        };
        self.push(at.unwrap_or(Mac::BROADCAST), ethernet::TYPE_ARP, arp::emit(&request));
    }

    fn ask_v6(&mut self, sender: Ipv6Addr, target: Ipv6Addr, at: Option<Mac>) {
        let group = Mac::of_multicast(ndp::solicited_node(target));
        let solicitation = ndp::solicit(sender, self.mac, target, at.map(|_| target));
        self.push(at.unwrap_or(group), ethernet::TYPE_IPV6, solicitation);
    }

    fn frame(&mut self, mac: Mac, datagram: Vec<u8>) {
        let kind = if datagram[0] >> 4 == 4 { ethernet::TYPE_IPV4 } else { ethernet::TYPE_IPV6 };
        self.push(mac, kind, datagram);
    }

    fn push(&mut self, mac: Mac, kind: u16, payload: Vec<u8>) {
        self.out.push_back(Outgoing { header: Some(ethernet::header(mac, self.mac, kind)), payload });
    }
}

/// Where a datagram of ours goes. `None`: it is none.
fn destination(datagram: &[u8]) -> Option<IpAddr> {
    match datagram.first()? >> 4 {
        4 => datagram.get(16..20).and_then(|octets| <[u8; 4]>::try_from(octets).ok()).map(IpAddr::from),
        6 => datagram.get(24..40).and_then(|octets| <[u8; 16]>::try_from(octets).ok()).map(IpAddr::from),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
