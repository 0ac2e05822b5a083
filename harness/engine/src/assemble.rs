//! A line from the SUT that comes as several datagrams.
//!
//! Ours: a line that is longer than any segment can be stands for several, what a stack with segmentation offload hands down at once.
//! packetdrill's: it collects datagrams until they have the length of the line, whatever that is, unless `--strict_segments` is given.
//! A pure ACK before the text is part of the collection, and so goes unseen.

use crate::exchange::Arrived;
use crate::outbound::Judged;
use crate::outcome::{FieldDiff, Lane, MismatchKind};
use crate::packet::{Body, Tcp, tcp::flag};
use crate::steps::{Run, text};
use crate::stop::Stop;
use crate::timing::Due;
use crate::view::see;
use halfopen_script::ast::{self, Event, Packet};

/// Bits that packetdrill compares from part to part; FIN, PSH and CWR are those of the last part or the first.
const COMPARED: u16 = flag::SYN | flag::RST | flag::ACK | flag::URG | flag::ECE | flag::AE;

/// Octets of text that a line asks for; `None` for what is no segment.
pub(crate) fn wanted(packet: &Packet) -> Option<usize> {
    match &packet.body {
        ast::Body::Tcp(line) => usize::try_from(line.len.value()).ok(),
        ast::Body::Udp { .. } | ast::Body::Icmp(_) => None,
    }
}

/// Whether a datagram can be the first part of a line, for packetdrill.
pub(crate) fn may_begin(packet: &Packet, judged: &Judged, arrived: &Arrived) -> bool {
    let (Some(wanted), Body::Tcp(tcp)) = (wanted(packet), &arrived.datagram.body) else { return false };
    let (ast::Body::Tcp(line), Some((_, fields))) = (&packet.body, &judged.differences) else { return false };
    // What the last part, or the whole, decides.
    let later = |diff: &FieldDiff| matches!(diff.field.as_str(), "len" | "flags" | "options" | "time");
    let line = line.flags.node.set();
    let syn_or_rst = line.syn != tcp.has(flag::SYN) || line.rst != tcp.has(flag::RST);
    let others = line.ack != tcp.has(flag::ACK) || line.urg != tcp.has(flag::URG);
    tcp.payload.len() < wanted && !syn_or_rst && !others && fields.iter().all(later)
}

/// Appends a part to the whole as packetdrill does: false when it would not.
pub(crate) fn collect(whole: &mut Arrived, last: &Arrived, part: &Arrived, wanted: usize) -> bool {
    let (Body::Tcp(sofar), Body::Tcp(tcp), Body::Tcp(more)) =
        (&whole.datagram.body, &last.datagram.body, &part.datagram.body)
    else {
        return false;
    };
    let same =
        |tcp: &Tcp| (tcp.src_port, tcp.dst_port, tcp.ack, tcp.window, tcp.urgent, tcp.true_offset(), tcp.reserved);
    let next = tcp.seq.wrapping_add(tcp.payload.len() as u32);
    // Parts before the last one have equal lengths.
    let even = more.payload.len() >= wanted - sofar.payload.len() || more.payload.len() == tcp.payload.len();
    if more.seq != next || same(tcp) != same(more) || (tcp.flags ^ more.flags) & COMPARED != 0 || !even {
        return false;
    }
    let mut joined = part.clone();
    if let Body::Tcp(tcp) = &mut joined.datagram.body {
        tcp.payload = [sofar.payload.as_slice(), &more.payload].concat();
        tcp.flags = tcp.flags & !flag::CWR | sofar.flags & flag::CWR;
        tcp.seq = sofar.seq;
    }
    joined.datagram.complete();
    *whole = joined;
    true
}

/// Appends the text of a part to the whole; false when it is not the next part.
fn append(whole: &mut Arrived, part: &Arrived) -> bool {
    let (Body::Tcp(tcp), Body::Tcp(more)) = (&mut whole.datagram.body, &part.datagram.body) else { return false };
    let same = |a: &Tcp, b: &Tcp| (a.src_port, a.dst_port, a.ack) == (b.src_port, b.dst_port, b.ack);
    let next = tcp.seq.wrapping_add(tcp.payload.len() as u32);
    if more.seq != next || more.payload.is_empty() || !same(tcp, more) {
        return false;
    }
    tcp.payload.extend_from_slice(&more.payload);
    // Segmentation leaves PSH and FIN to the last part.
    (tcp.flags, tcp.window, tcp.urgent) = (more.flags, more.window, more.urgent);
    whole.datagram.complete();
    whole.at = part.at;
    true
}

fn octets(arrived: &Arrived) -> usize {
    if let Body::Tcp(tcp) = &arrived.datagram.body { tcp.payload.len() } else { 0 }
}

/// What was collected for a line.
pub(crate) struct Collected {
    parts: Vec<Arrived>,
    whole: Arrived,
}

impl Run<'_> {
    /// A line that is longer than any segment can be stands for several.
    pub(crate) fn is_part(&self, packet: &Packet, due: Due, judged: &Judged, arrived: &Arrived) -> bool {
        if self.plan.strict_segments {
            return false;
        }
        if self.plan.lenient {
            return may_begin(packet, judged, arrived);
        }
        let (Some(wanted), Some(lesson), Body::Tcp(tcp)) =
            (wanted(packet), &judged.seen.lesson, &arrived.datagram.body)
        else {
            return false;
        };
        let room = self.mapping.room(lesson.route, arrived.datagram.ip.header_len() + 20, tcp.options.len());
        let in_time = due.judge(arrived.at, self.plan.tolerance).is_none();
        wanted > room && (1..wanted).contains(&tcp.payload.len()) && in_time
    }

    /// Collects the datagrams of a line, by packetdrill's rule or by ours.
    pub(crate) fn collected(
        &mut self,
        wanted: usize,
        due: Due,
        first: Arrived,
        lenient: bool,
    ) -> Result<Collected, Stop> {
        let mut parts = vec![first];
        let mut whole = parts[0].clone();
        while octets(&whole) < wanted {
            let Some(part) = self.take(self.limit(due))? else { break };
            let follows = match lenient {
                true => collect(&mut whole, &parts[parts.len() - 1], &part, wanted),
                false => append(&mut whole, &part),
            };
            parts.push(part);
            if !follows {
                break;
            }
        }
        Ok(Collected { parts, whole })
    }

    /// Collects the datagrams of a line, and judges them as the one segment that they are parts of.
    pub(crate) fn assemble(&mut self, event: &Event, packet: &Packet, due: Due, first: Arrived) -> Result<(), Stop> {
        let wanted = wanted(packet).expect("only segments have parts");
        let Collected { mut parts, whole } = self.collected(wanted, due, first, self.plan.lenient)?;
        for part in &parts[..parts.len() - 1] {
            let seen = see(&self.mapping, &self.fds.written, &part.datagram, Some(packet));
            let entry = self.exchange.record(part.at, Lane::Stack, text(&seen.packet));
            (entry.octets, entry.cited) = (part.octets.clone(), part.cited.clone());
        }
        let last = parts.pop().expect("there is at least the first");
        let judged = self.judge(packet, due, &whole);
        if let Some((kind, fields)) = judged.differences {
            let (expected, got) = (text(packet), text(&judged.seen.packet));
            self.expected(due.from, Lane::Stack, expected.clone());
            let part = see(&self.mapping, &self.fds.written, &last.datagram, Some(packet));
            self.got(&last, text(&part.packet));
            return Err(self.mismatch(kind, Some(event.span), None, expected, got, fields));
        }
        let part = see(&self.mapping, &self.fds.written, &last.datagram, Some(packet));
        self.accept(packet, &last, &part);
        self.learn(packet, &whole, &judged.seen);
        Ok(())
    }

    /// Why packetdrill would go on where we stop, if it would.
    pub(crate) fn forgiven(
        &mut self,
        packet: &Packet,
        due: Due,
        judged: &Judged,
        arrived: &Arrived,
    ) -> Result<Option<&'static str>, Stop> {
        if self.plan.lenient {
            return Ok(None);
        }
        let forgiving = self.terms(due, arrived.at).lenient();
        if crate::expect::compare(packet, &judged.seen, &forgiving).is_none() {
            let kind = judged.differences.as_ref().map(|(kind, _)| *kind);
            return Ok(Some(match kind {
                Some(MismatchKind::Checksum) => "it does not verify TCP checksums",
                Some(MismatchKind::Time) => "it tolerates 4 ms or an eighth of the interval on any clock",
                _ => "it does not compare TSecr",
            }));
        }
        let left = matches!(&arrived.datagram.body, Body::Tcp(tcp) if self.mapping.is_left(tcp));
        if left {
            return Ok(Some("it drops segments of every connection but the one under test"));
        }
        if self.plan.strict_segments || !may_begin(packet, judged, arrived) {
            return Ok(None);
        }
        // The test is over: what comes now only tells what packetdrill would have seen.
        let wanted = wanted(packet).unwrap_or_default();
        let Collected { parts, whole } = self.collected(wanted, due, arrived.clone(), true)?;
        let seen = see(&self.mapping, &self.fds.written, &whole.datagram, Some(packet));
        let whole = crate::expect::compare(packet, &seen, &self.terms(due, whole.at).lenient());
        let bare_ack = octets(&parts[0]) == 0;
        Ok(whole.is_none().then_some(match bare_ack {
            true => "it merges an ACK without text into the segment that follows",
            false => "it puts segments together until they have the length of the line",
        }))
    }
}
