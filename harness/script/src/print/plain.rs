//! A test as a script that packetdrill itself runs.

use super::header;
use crate::ast::{
    Action, Arg, ArgKind, Body, Direction, Event, Field, Micros, Options, Span, Spanned, Tcp, TcpOption, Time,
};
use crate::test::{Family, Step, Test};
use std::fmt::Write;

/// Writes a test as a plain packetdrill script.
///
/// `silent` becomes a comment and its time part of the next relative time; of an `any` the first branch is taken, with a
/// comment; a line that packetdrill cannot express becomes a comment that says so.
pub fn to_packetdrill(test: &Test) -> String {
    let mut out = Plain { text: format!("// {}\n", test.id), waited: Waited::For(0) };
    let mut head = test.header.clone();
    head.fields.retain(|field| field.key.node != "family");
    head.fields.push(family_field(test.id.family));
    out.text.insert_str(0, &header(&head));
    if test.header.level.is_some() || !test.header.fields.is_empty() {
        // The id would be part of the header otherwise.
        let at = out.text.len() - format!("// {}\n", test.id).len();
        out.text.insert(at, '\n');
    }
    out.text.push('\n');
    options(&mut out.text, test);
    if let Some(command) = &test.init {
        out.line(format_args!("`{}`\n", command.node));
    }
    if let Some(what) = uncounted(&test.steps) {
        out.line(format_args!("// packetdrill has no numbers for {what}\n"));
    }
    out.steps(&test.steps);
    if let Some(command) = &test.cleanup {
        out.line(format_args!("\n`{}`", command.node));
    }
    out.text
}

fn family_field(family: Family) -> Field {
    let plain = |node: String| Spanned { node, span: Span::default() };
    Field { key: plain("family".into()), words: vec![plain(family.to_string())] }
}

fn options(text: &mut String, test: &Test) {
    let version = match test.id.family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
        Family::V4Mapped => "ipv4-mapped-ipv6",
    };
    text.push_str(&format!("--ip_version={version}\n"));
    for (name, value) in test.options.iter().filter(|(name, _)| name != "ip_version") {
        let value = if value.contains(char::is_whitespace) { format!("\"{value}\"") } else { value.clone() };
        let equals = if value.is_empty() { "" } else { "=" };
        text.push_str(&format!("--{name}{equals}{value}\n"));
    }
    text.push('\n');
}

/// Silence before the next line.
#[derive(Clone, Copy)]
enum Waited {
    /// Microseconds since the event before.
    For(i64),
    /// A time of the test, in microseconds.
    Until(i64),
}

/// Constants of calls in the suite that packetdrill does not know.
const CONSTANTS: [&str; 2] = ["IPV6_UNICAST_HOPS", "SIOCATMARK"];

struct Plain {
    text: String,
    waited: Waited,
}

impl Plain {
    fn line(&mut self, node: impl std::fmt::Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{node}");
    }

    fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Event(event) => self.event(event),
                Step::Any(branches) => {
                    self.line(format_args!("// The first of {} alternatives:", branches.len()));
                    if let Some(first) = branches.first() {
                        self.steps(first);
                    }
                }
            }
        }
    }

    fn event(&mut self, event: &Event) {
        if matches!(event.action, Action::Silent) {
            self.line(format_args!("// {event}"));
            self.waited = match (&event.time, self.waited) {
                (Time::Relative(after), Waited::For(waited)) => Waited::For(waited + after.value()),
                (Time::Relative(after), Waited::Until(time)) => Waited::Until(time + after.value()),
                (Time::Absolute(at), _) => Waited::Until(at.value()),
                (Time::AbsoluteRange(..) | Time::RelativeRange(..) | Time::AnyTime | Time::Blocking { .. }, waited) => {
                    waited
                }
            };
            return;
        }
        if let Some(what) = beyond_packetdrill(&event.action) {
            return self.line(format_args!("// packetdrill has no {what}: {event}"));
        }
        let mut event = event.clone();
        let waited = std::mem::replace(&mut self.waited, Waited::For(0));
        event.time = after_silence(event.time, waited);
        self.line(event);
    }
}

/// The time of an event that follows silence, counted as if the silence were not there.
fn after_silence(time: Time, waited: Waited) -> Time {
    let (add, absolute) = match waited {
        Waited::For(micros) => (micros, false),
        Waited::Until(micros) => (micros, true),
    };
    let later = |micros: Micros| Micros { offset: micros.offset + add, ..micros };
    match time {
        Time::Relative(after) if absolute => Time::Absolute(later(after)),
        Time::Relative(after) => Time::Relative(later(after)),
        Time::RelativeRange(from, to) if absolute => Time::AbsoluteRange(later(from), later(to)),
        Time::RelativeRange(from, to) => Time::RelativeRange(later(from), later(to)),
        Time::Blocking { relative: true, start, end } => {
            Time::Blocking { relative: !absolute, start: later(start), end: later(end) }
        }
        Time::Absolute(_) | Time::AbsoluteRange(..) | Time::AnyTime | Time::Blocking { relative: false, .. } => time,
    }
}

/// What of an exchange packetdrill counts the sequence numbers of from elsewhere.
fn uncounted(steps: &[Step]) -> Option<&'static str> {
    let mut segments = Vec::new();
    gather(steps, &mut segments);
    let flags = |index: usize| segments.get(index).map(|(_, segment): &(Direction, &Tcp)| segment.flags.node.set());
    let syns = segments.iter().filter(|(_, segment)| segment.flags.node.set().syn).count();
    if flags(0).is_some_and(|first| !first.syn) && syns > 0 {
        return Some("a SYN after segments of no connection: it counts from the first of them");
    }
    let answers_nothing = segments.first().is_some_and(|(way, _)| *way == Direction::Inbound)
        && flags(0).is_some_and(|first| first.syn && first.ack);
    if answers_nothing && syns > 1 {
        return Some("a SYN after a SYN,ACK of no connection: it counts from that");
    }
    if accepts_again(&segments) {
        return Some("a second connection of the same ports: it counts from the first");
    }
    let bare = |index: usize, direction: Direction| {
        segments.get(index).is_some_and(|(way, _)| *way == direction)
            && flags(index).is_some_and(|flags| flags.syn && !flags.ack)
    };
    let crossing = bare(0, Direction::Outbound) && bare(1, Direction::Inbound);
    let others = segments.iter().skip(2).any(|(way, segment)| {
        let flags = segment.flags.node.set();
        *way == Direction::Inbound && flags.syn && flags.ack && segment.seq.value() != segments[1].1.seq.value()
    });
    (crossing && others).then_some("a SYN,ACK after crossing SYNs: it counts from that")
}

/// Whether a SYN is answered by a SYN,ACK of another connection than the first one was: it has another number, or comes behind a FIN or a reset.
fn accepts_again(segments: &[(Direction, &Tcp)]) -> bool {
    let flags = |index: usize| segments[index].1.flags.node.set();
    let is = |index: usize, way: Direction, ack: bool| {
        segments[index].0 == way && flags(index).syn && flags(index).ack == ack && !flags(index).rst
    };
    let opened = (0..segments.len()).find(|index| is(*index, Direction::Inbound, false));
    let answered = (0..segments.len()).find(|index| is(*index, Direction::Outbound, true));
    let (Some(opened), Some(answered)) = (opened, answered) else { return false };
    let again = (answered + 1..segments.len()).filter(|index| is(*index, Direction::Outbound, true));
    let asked = |index: usize| (answered + 1..index).rev().find(|before| is(*before, Direction::Inbound, false));
    again.filter_map(asked).any(|index| {
        let over = (answered..index).any(|between| flags(between).fin || flags(between).rst);
        over || segments[index].1.seq.value() != segments[opened].1.seq.value()
    })
}

/// The segments in either direction, of alternatives those of the first.
fn gather<'a>(steps: &'a [Step], segments: &mut Vec<(Direction, &'a Tcp)>) {
    for step in steps {
        match step {
            Step::Event(Event { action: Action::Packet(packet), .. }) => match &packet.body {
                Body::Tcp(tcp) => segments.push((packet.direction, tcp)),
                Body::Udp { .. } | Body::Icmp(_) => {}
            },
            Step::Event(_) => {}
            Step::Any(branches) => branches.iter().take(1).for_each(|branch| gather(branch, segments)),
        }
    }
}

/// What of an action only our language has.
fn beyond_packetdrill(action: &Action) -> Option<&'static str> {
    if let Action::Call(call) = action
        && call.result.kind == ArgKind::Ellipsis
    {
        return Some("result that is not looked at");
    }
    if let Action::Call(call) = action
        && call.args.iter().any(names_address)
    {
        return Some("such address in a call");
    }
    if let Action::Call(call) = action
        && call.args.iter().any(|arg| matches!(&arg.kind, ArgKind::Word(name) if CONSTANTS.contains(&name.as_str())))
    {
        return Some("such constant");
    }
    let Action::Packet(packet) = action else { return None };
    if packet.ip.iter().any(|word| word.node.is_ours()) {
        return Some("such IP headers");
    }
    let Body::Tcp(tcp) = &packet.body else { return None };
    if tcp.ports.is_some() {
        // It has the notation, for segments of a connection that it does not follow: their ports are live, and nothing that answers is theirs.
        return Some("numbers for another connection");
    }
    let Options::List(list) = &tcp.options else { return None };
    let raw = list.iter().any(|option| matches!(option.node, TcpOption::Raw { .. } | TcpOption::Octets(_)));
    raw.then_some("options as octets")
}

/// Whether an argument is an address: packetdrill knows its own alone, `...`.
fn names_address(arg: &Arg) -> bool {
    let ArgKind::Struct(members) = &arg.kind else { return false };
    members.iter().any(|member| member.name.as_ref().is_some_and(|name| name.node.starts_with("sin")))
}
