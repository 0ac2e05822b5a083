//! Packets from the SUT: the next one must be the one that the line says. Alternatives.

use crate::compose::{is_signed, no_key, runnable, udp_ports};
use crate::exchange::Arrived;
use crate::expect::{Terms, compare};
use crate::outcome::{FieldDiff, Lane, MismatchKind};
use crate::packet::Body;
use crate::steps::{Run, text};
use crate::stop::Stop;
use crate::sut::Micros;
use crate::timing::Due;
use crate::view::{Seen, see};
use halfopen_script::ast::{self, Action, Cookie, Event, Options, Packet, TcpOption};
use halfopen_script::print::events::seconds;
use halfopen_script::test::Step;

/// How a datagram compares with a line.
pub(crate) struct Judged {
    pub(crate) seen: Seen,
    pub(crate) differences: Option<(MismatchKind, Vec<FieldDiff>)>,
}

impl<'a> Run<'a> {
    pub(crate) fn outbound(&mut self, event: &Event, packet: &Packet) -> Result<(), Stop> {
        expectable(packet, self.mapping.md5_secret.is_some())?;
        let due = self.due(event, self.base);
        let Some(arrived) = self.take(self.limit(due))? else { return Err(self.missing(event, packet, due)) };
        let judged = self.judge(packet, due, &arrived);
        if self.is_part(packet, due, &judged, &arrived) {
            return self.assemble(event, packet, due, arrived);
        }
        let forgiven = match judged.differences {
            None => None,
            Some(_) => self.forgiven(packet, due, &judged, &arrived)?,
        };
        match judged.differences {
            None => {
                self.accept(packet, &arrived, &judged.seen);
                Ok(())
            }
            Some((kind, fields)) => {
                let (expected, got) = (text(packet), text(&judged.seen.packet));
                self.expected(due.from, Lane::Stack, expected.clone());
                self.got(&arrived, got.clone());
                Err(self.mismatch(kind, Some(event.span), None, expected, got, fields).forgiven(forgiven))
            }
        }
    }

    /// When a packet is due. What a system call causes leaves while the call goes on, on a busy host long before its return is seen, and
    /// before the calls that follow it are made.
    fn due(&self, event: &Event, base: Micros) -> Due {
        Due::new(&event.time, base).caused_since(self.nominal, base)
    }

    /// Until when a datagram is waited for: long enough to tell a late one from none.
    pub(crate) fn limit(&self, due: Due) -> Micros {
        let tolerance = self.plan.tolerance;
        if due.any { due.from + tolerance.any_time() } else { due.to + tolerance.of(due.interval) + tolerance.grace() }
    }

    pub(crate) fn terms(&self, due: Due, at: Micros) -> Terms {
        let (tolerance, ts_tick, lenient) = (self.plan.tolerance, self.plan.ts_tick, self.plan.lenient);
        Terms { due, at, tolerance, ts_tick, lenient, any_layout: self.plan.any_layout }
    }

    pub(crate) fn judge(&self, packet: &Packet, due: Due, arrived: &Arrived) -> Judged {
        let seen = see(&self.mapping, &self.fds.written, &arrived.datagram, Some(packet));
        let differences = compare(packet, &seen, &self.terms(due, arrived.at));
        Judged { seen, differences }
    }

    /// Takes in a datagram that matches.
    pub(crate) fn accept(&mut self, packet: &Packet, arrived: &Arrived, seen: &Seen) {
        let entry = self.exchange.record(arrived.at, Lane::Stack, text(&seen.packet));
        (entry.octets, entry.cited) = (arrived.octets.clone(), arrived.cited.clone());
        self.learn(packet, arrived, seen);
        // packetdrill counts on from where it was when a segment came earlier than it looked for it.
        let at = if self.plan.lenient { arrived.at.max(self.base) } else { arrived.at };
        (self.base, self.nominal, self.matched) = (at, at, self.matched + 1);
    }

    pub(crate) fn learn(&mut self, packet: &Packet, arrived: &Arrived, seen: &Seen) {
        if let (Some(lesson), Body::Tcp(tcp), ast::Body::Tcp(line)) =
            (&seen.lesson, &arrived.datagram.body, &packet.body)
        {
            self.mapping.learn(lesson, tcp, line);
        }
        if let (Body::Udp(udp), ast::Body::Udp { ports, .. }) = (&arrived.datagram.body, &packet.body) {
            self.mapping.udp.learn(udp, udp_ports(ports.as_ref()));
        }
    }

    fn missing(&mut self, event: &Event, packet: &Packet, due: Due) -> Stop {
        let (expected, until) = (text(packet), self.exchange.now());
        self.expected(due.from, Lane::Stack, expected.clone());
        let got = format!("nothing until {}", seconds(until));
        self.mismatch(MismatchKind::Missing, Some(event.span), None, expected, got, Vec::new())
    }

    /// The first branch whose beginning matches what the SUT does is taken.
    pub(crate) fn alternatives(&mut self, branches: &'a [Vec<Step>]) -> Result<(), Stop> {
        let branches = flatten(branches);
        let base = self.base;
        let mut quiet = None;
        let mut limit = base;
        for (index, branch) in branches.iter().enumerate() {
            match beginning(branch)? {
                (event, None) => quiet = Some((index, Due::new(&event.time, base).to)),
                (event, Some(packet)) => {
                    expectable(packet, self.mapping.md5_secret.is_some())?;
                    limit = limit.max(self.limit(self.due(event, base)));
                }
            }
        }
        self.exchange.place =
            branches.first().and_then(|branch| beginning(branch).ok()).and_then(|b| self.place(b.0.span));
        let arrived = match quiet {
            None => self.take(limit)?,
            Some((index, end)) => match self.quiet(end)? {
                Some(arrived) => Some(arrived),
                None => {
                    self.silence = true;
                    (self.base, self.nominal) = (end, end);
                    self.exchange.record(end, Lane::Note, format!("silent until {}", seconds(end)));
                    return self.rest(&branches[index]);
                }
            },
        };
        let Some(arrived) = arrived else { return Err(self.none_came(&branches)) };
        let mut fields = Vec::new();
        for (index, branch) in branches.iter().enumerate() {
            let (event, Some(packet)) = beginning(branch)? else { continue };
            let judged = self.judge(packet, self.due(event, base), &arrived);
            let Some((_, differences)) = judged.differences else {
                self.exchange.place = self.place(event.span);
                self.accept(packet, &arrived, &judged.seen);
                return self.rest(branch);
            };
            let place = |field: FieldDiff| FieldDiff { field: format!("{}: {}", index + 1, field.field), ..field };
            fields.extend(differences.into_iter().map(place));
        }
        let first = branches.first().map(|branch| beginning(branch)).transpose()?.and_then(|(_, packet)| packet);
        let seen = see(&self.mapping, &self.fds.written, &arrived.datagram, first);
        let (expected, got) = (self.wanted(&branches), text(&seen.packet));
        self.got(&arrived, got.clone());
        let span = branches.first().and_then(|branch| beginning(branch).ok()).map(|(event, _)| event.span);
        Err(self.mismatch(MismatchKind::Segment, span, None, expected, got, fields))
    }

    fn rest(&mut self, branch: &[&'a Step]) -> Result<(), Stop> {
        for step in &branch[1..] {
            self.steps(std::slice::from_ref(*step))?;
        }
        Ok(())
    }

    fn none_came(&mut self, branches: &[Vec<&'a Step>]) -> Stop {
        let expected = self.wanted(branches);
        let span = branches.first().and_then(|branch| beginning(branch).ok()).map(|(event, _)| event.span);
        let got = format!("nothing until {}", seconds(self.exchange.now()));
        self.mismatch(MismatchKind::Missing, span, None, expected, got, Vec::new())
    }

    /// What each branch begins with; they are recorded as expected, too.
    fn wanted(&mut self, branches: &[Vec<&'a Step>]) -> String {
        let mut wanted = Vec::new();
        for branch in branches {
            let Ok((event, packet)) = beginning(branch) else { continue };
            let due = Due::new(&event.time, self.base);
            self.exchange.place = self.place(event.span);
            let words = packet.map_or_else(|| format!("silence until {}", seconds(due.to)), text);
            let lane = if packet.is_some() { Lane::Stack } else { Lane::Note };
            self.expected(due.from, lane, words.clone());
            wanted.push(words);
        }
        wanted.join(" or ")
    }
}

/// The event that a branch begins with, and its packet unless it is silence.
fn beginning<'s>(branch: &[&'s Step]) -> Result<(&'s Event, Option<&'s Packet>), Stop> {
    match branch.first() {
        Some(Step::Event(event)) => match &event.action {
            Action::Packet(packet) => Ok((event, Some(packet))),
            Action::Silent => Ok((event, None)),
            Action::Call(_) | Action::Command(_) | Action::Code(_) => {
                Err(Stop::Error("a branch of `any` begins with a packet from the SUT or with silence".into()))
            }
        },
        Some(Step::Any(_)) | None => Err(Stop::Error("a branch of `any` is empty".into())),
    }
}

/// Branches that begin with alternatives themselves become several.
fn flatten(branches: &[Vec<Step>]) -> Vec<Vec<&Step>> {
    let mut flat = Vec::new();
    for branch in branches {
        match branch.split_first() {
            Some((Step::Any(inner), rest)) => {
                for mut steps in flatten(inner) {
                    steps.extend(rest);
                    flat.push(steps);
                }
            }
            Some((Step::Event(_), _)) | None => flat.push(branch.iter().collect()),
        }
    }
    flat
}

/// Refuses what the engine cannot compare, by its word. `key`: the test has one for signatures.
fn expectable(packet: &Packet, key: bool) -> Result<(), Stop> {
    runnable(packet)?;
    match &packet.body {
        ast::Body::Udp { .. } | ast::Body::Icmp(_) => Ok(()),
        ast::Body::Tcp(tcp) => {
            let Options::List(list) = &tcp.options else { return Ok(()) };
            let symbol = list.iter().find_map(|option| {
                let (TcpOption::FastOpen(cookie) | TcpOption::FastOpenExperimental(cookie)) = &option.node else {
                    return None;
                };
                if let Cookie::Symbol(name) = cookie { Some(name) } else { None }
            });
            if !key && is_signed(&tcp.options) {
                return Err(no_key());
            }
            symbol.map_or(Ok(()), |name| Err(Stop::Unsupported(format!("{name}, which only -D defines"))))
        }
    }
}
